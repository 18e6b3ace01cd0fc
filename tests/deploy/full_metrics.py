"""A pipeline of which everything is there to be measured: each metric has a series."""

from __future__ import annotations

from datetime import timedelta

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.alert import Alert
from shared.core.alerting.kinds import Lifecycle
from shared.core.batches.batch import Batch, BatchState
from shared.core.circuit_breaker import Circuit
from shared.core.limits.waits import Waits
from shared.core.model import Run, RunKey
from shared.core.objectives.budget import Measured, status
from shared.core.objectives.events import Event, Events
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.core.policy.transitions import Role
from shared.core.reporting.metrics import LockFacts, PipelineFacts, SweepFacts
from shared.core.reporting.open_figures import RunFacts
from shared.core.workflows.runs import RunStatus, RunSummary
from tests.core.build import DAY, T0, TO4, at, dispatched, plan
from tests.policy_files import PRODUCTION

MINUTE = timedelta(minutes=1)


def everything() -> PipelineFacts:
    """Return the facts of a night, a workflow, a batch and an alert."""
    policy = load_policy(PRODUCTION)
    sending = (name for name, each in policy.transitions.items() if each.dispatch.role is not Role.OBSERVE)
    transition = next(sending)
    mode = next(iter(policy.transitions[transition].expects))
    run = Run(RunKey(policy.pipeline, DAY, mode), T0)
    night = dispatched(plan(last_input_at=T0, opened_at=T0 - MINUTE), at(seconds=5))
    alert = Alert("a", "gate", "warning", run.key.id, TO4, "", "text", Lifecycle.ONGOING, T0, T0, firing=True)
    name = next(iter(policy.batches))
    batch = Batch("b", name, run.key, T0, BatchState.PUBLISHED, active=False, published_at=at(minutes=4))
    events = Events(tuple(Event(T0 - n * MINUTE, n > 1, "x") for n in reversed(range(100))))
    objective = status(ObjectiveKind.HAND_OFF, Objectives(), Objective(99), events, T0)
    return PipelineFacts(
        policy=policy,
        now=at(minutes=10),
        runs=[RunFacts(run, {transition: night})],
        firing=[alert],
        unsent=[alert],
        quarantined=1,
        breakers={"record": Circuit()},
        locks={"sweep": LockFacts(at(minutes=11), 7)},
        sweep=SweepFacts(T0, at(minutes=1)),
        workflow_runs=[RunSummary("w", "window", T0, RunStatus.COMPLETED, at(minutes=2))],
        batches=[batch],
        measured=Measured(T0, (objective,)),
        waits={"d.t": Waits().one_more(timedelta(seconds=2))},
    )
