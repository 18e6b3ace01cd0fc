"""What the cost model takes from the manifest: how much is deployed, on what, and how often it is called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deploy import workflow_check
from deploy.called_checks import called_by
from deploy.cron import times_a_day
from deploy.manifest import ROOT, Function, Manifest, Schedule
from deploy.webhooks import WEBHOOKS, webhook_secrets, webhooks_of
from shared.core.costs.workload import Deployment, Machine
from shared.core.policy.batches import start_topic
from shared.core.policy.policy import Policy

SWEEP, VALIDATION, REPORT = "self_heal", "validation_runner", "health_check"
_GIB = {"Mi": 1 / 1024, "Gi": 1.0, "M": 1e6 / 2**30, "G": 1e9 / 2**30}


def deployment_of(manifest: Manifest, policy: Policy) -> Deployment:
    """Return the deployment that this manifest would give a policy, its own or another pipeline's."""
    receiver = next(function for function in manifest.functions.values() if function.push is not None)
    topics = set(policy.topics) | set(policy.signal_topics)
    topics |= {topic for transition in policy.transitions.values() for topic in transition.topics}
    if policy.batches:
        topics.add(start_topic(policy.pipeline))
        topics |= {topic for batch in policy.batches.values() for topic in (batch.request.topic, batch.reports.topic)}
    own = policy.pipeline == manifest.policy.pipeline or policy.pipeline in manifest.other_workflows
    topics |= workflow_check.topics(manifest, policy)
    of_workflows = {workflow_check.CONTROLLER, workflow_check.EXECUTOR} & manifest.functions.keys()
    called = {name for name, function in manifest.functions.items() if function.push is None} - of_workflows
    if not webhooks_of([policy]):
        called -= {WEBHOOKS}
    jobs = [
        schedule
        for schedule in manifest.schedules.values()
        if (own or schedule.calls not in of_workflows) and called_by(schedule).pipeline in ("", policy.pipeline)
    ]
    return Deployment(
        functions=len(called) + len(policy.listeners) + bool(policy.batches) + (len(of_workflows) if own else 0),
        jobs=len(jobs),
        topics=len(topics) + 1,  # and the one for dead letters
        secrets=len(_secrets(manifest, policy)),
        receiver=_machine(receiver),
        sweeper=_machine(manifest.functions[SWEEP]),
        validator=_machine(manifest.functions[VALIDATION]),
        reporter=_machine(manifest.functions[REPORT]),
        sweeps=sum(times_a_day(schedule.cron) for schedule in manifest.schedules.values() if schedule.calls == SWEEP),
        reports=sum(times_a_day(schedule.cron) for schedule in manifest.schedules.values() if schedule.calls == REPORT),
        validations=_validations(jobs),
        ticks=sum(times_a_day(job.cron) for job in jobs if job.calls == workflow_check.CONTROLLER),
        controller=_machine_of(manifest, workflow_check.CONTROLLER),
        executor=_machine_of(manifest, workflow_check.EXECUTOR),
    )


def gate_sql(policy: Policy) -> dict[str, str]:
    """Return the SQL of each gate that has some; it is beside the policy file or in config/."""
    folders = (Path(policy.source).parent, ROOT / "config")
    named = {gate.sql for gate in policy.gates.values() if gate.sql is not None}
    return {
        name: next(path for path in (folder / name for folder in folders) if path.is_file()).read_text(encoding="utf-8")
        for name in named
    }


def _secrets(manifest: Manifest, policy: Policy) -> set[str]:
    """Return the secrets of a pipeline: those that carry the alerts of others beside it are theirs."""
    beside = {
        name
        for other in (manifest.policy, *manifest.others)
        if policy.pipeline in manifest.pipelines and other.pipeline != policy.pipeline
        for name in (*other.alerts.secrets, *webhook_secrets([other]))
    }
    return set(manifest.secrets) - (beside - policy.alerts.secrets)


def _validations(schedules: Iterable[Schedule]) -> dict[str, float]:
    validations: dict[str, float] = {}
    for schedule in schedules:
        if schedule.calls == VALIDATION:
            name = called_by(schedule).name
            validations[name] = validations.get(name, 0.0) + times_a_day(schedule.cron)
    return validations


def _machine_of(manifest: Manifest, name: str) -> Machine | None:
    return _machine(manifest.functions[name]) if name in manifest.functions else None


def _machine(function: Function) -> Machine:
    unit = function.memory.lstrip("0123456789.")
    return Machine(function.cpu, float(function.memory.removesuffix(unit)) * _GIB[unit], function.concurrency)
