"""How each transition of a run is, and what comes next of it: what `orch status` and the page show of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.decision.decisions import Decision
from shared.core.decision.explain import reason_of, state_name
from shared.core.decision.next_moment import NextMoment, next_moment
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Act, RunKey
from shared.core.reporting.problems import RunProblem, in_order, lateness, order, problems

PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class TransitionStatus:
    """One transition of a run at one moment.

    ``state`` is the word of behaviour 1, or `paused`; ``done`` counts processors that are done of those ``expected``.
    ``missing`` are those that are not, before the trigger and at it; ``late_by`` counts from the first due time until
    the trigger, or until now. ``triggered_by`` is the reason of the trigger, "" before it. ``act`` is the
    last one of an operator.
    """

    transition: str
    after: tuple[str, ...]
    starts: str
    state: str
    reason: str
    done: int
    expected: int
    missing: tuple[str, ...]
    next: NextMoment
    late_by: timedelta | None = None
    triggered_at: datetime | None = None
    triggered_by: str = ""
    degraded: bool = False
    opened_at: datetime | None = None
    problems: tuple[RunProblem, ...] = ()
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run at one moment; ``problems`` are all of it, the worst first, those of its transitions among them.

    Of a run that is expected and was not opened ``opened_at`` is None, and ``note`` says so.
    """

    key: RunKey
    opened_at: datetime | None
    closed_at: datetime | None = None
    units: int | None = None
    transitions: tuple[TransitionStatus, ...] = ()
    problems: tuple[RunProblem, ...] = ()
    note: str = ""


def transition_status(
    snapshot: DecisionInput,
    decision: Decision,
    now: datetime,
    late_starters: Collection[str] = (),
    overtaken_by: str = "",
    reruns: Iterable[NextMoment] = (),
) -> TransitionStatus:
    """Return how a transition is by what was decided of it; ``late_starters`` and ``overtaken_by`` as for ``problems``,
    ``reruns`` are when what it lacks is asked for before it is due."""
    completeness, state, plan = snapshot.seen, snapshot.state, snapshot.state.accepted_plan
    late = lateness(snapshot, now)
    waits = not state.triggered and not snapshot.empty and not snapshot.closed
    paused = waits and snapshot.pause(now) is not None
    done = frozenset(plan.completed) & completeness.expected if plan is not None else frozenset()
    return TransitionStatus(
        transition=snapshot.transition.name,
        after=snapshot.transition.after,
        starts=snapshot.transition.starts,
        state=PAUSED if paused else state_name(snapshot, decision),
        reason=reason_of(snapshot, decision),
        done=len(completeness.done | done),
        expected=len(completeness.expected),
        missing=completeness.missing if plan is None else plan.missing,
        next=next_moment(snapshot, decision, now, reruns),
        late_by=None if late is None else late.by,
        triggered_at=state.triggered_at,
        triggered_by="" if plan is None else plan.reason,
        degraded=plan is not None and plan.degraded,
        opened_at=completeness.opened_at,
        problems=problems(snapshot, decision, now, late_starters, overtaken_by),
        act=state.acts[-1] if state.acts else None,
    )


def by_problem(runs: Iterable[RunStatus]) -> list[RunStatus]:
    """Return runs in the order in which a person looks at them: those with problems first, of any date, the worst
    before the others; then what runs as it should, the newest date first, what is closed, what is not open."""
    wrong = sorted((run for run in runs if run.problems), key=lambda run: order(run.problems[0]))
    well = sorted((run for run in runs if not run.problems), key=lambda run: (run.key.day, run.key.id), reverse=True)
    return wrong + sorted(well, key=lambda run: (run.opened_at is None, run.closed_at is not None))


def all_problems(runs: Iterable[RunStatus]) -> tuple[RunProblem, ...]:
    """Return every problem of these runs, the worst first."""
    return in_order(problem for run in runs for problem in run.problems)
