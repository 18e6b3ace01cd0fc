"""Loading the manifest: YAML to its shape, the shape to values, the values checked against policy and tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from deploy import manifest as values
from deploy import manifest_schema as shape
from deploy import pipelines
from deploy.inventory import inventory
from deploy.manifest_check import RUNTIME_HINT, problems, unset
from shared.adapters.config.beside import own_file
from shared.adapters.config.locate_errors import locate_errors
from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.policy_folder import load_policies
from shared.adapters.config.strict_yaml import merged, read_yaml
from shared.adapters.config.validation_file import load_validation
from shared.adapters.config.workflows_file import load_workflows
from shared.core.errors import PolicyError
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows

MANIFEST = values.ROOT / "deploy" / "functions.yaml"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
__all__ = ["MANIFEST", "RUNTIME_HINT", "load_manifest"]


def load_manifest(path: Path = MANIFEST, *, today: date, root: Path = values.ROOT) -> values.Manifest:
    """Return the manifest of a file.

    Raises PolicyError for the first problem, the others listed in its hint. ``today`` judges the runtime's age;
    functions, locks and the policy are looked for under ``root``.
    """
    raw, errors = read_yaml(path)
    _refuse(path, errors)
    raw = _with_defaults(raw)
    _refuse(path, list(locate_errors(raw, shape.ManifestSchema)))
    shaped = msgspec.convert(raw, shape.ManifestSchema)
    _refuse(path, unset(shaped))
    manifest = _manifest(shaped, root, str(path))
    _refuse(path, problems(manifest, shaped, today, root))
    return manifest


def _refuse(path: Path, errors: Sequence[ConfigError]) -> None:
    if not errors:
        return
    first, *others = dict.fromkeys(errors)
    lines = "".join(f"\n    {other.key}: {other.reason} (hint: {other.hint})" for other in others)
    hint = first.hint + (f"\n  {len(others)} more:{lines}" if others else "")
    raise PolicyError(str(path), first.key, first.reason, hint)


def _with_defaults(raw: Any) -> Any:
    """Lay each function over `defaults`, where both are mappings; anything else is left for the shape to refuse."""
    if not isinstance(raw, Mapping):
        return raw
    defaults, functions = raw.get("defaults"), raw.get("functions")
    if not isinstance(defaults, Mapping) or not isinstance(functions, Mapping):
        return raw
    laid = {
        name: merged(defaults, function) if isinstance(function, Mapping) else function  # a key of its own wins
        for name, function in functions.items()
    }
    return {**raw, "functions": laid}


def _manifest(shaped: shape.ManifestSchema, root: Path, source: str) -> values.Manifest:
    fire = shaped.firestore
    policy, others = pipelines.own_of(_policies(root / shaped.policy), shaped.pipeline)
    environment = {"ORCH_POLICY": shaped.policy} if others else {}
    made = values.Manifest(
        policy=policy,
        others=others,
        other_workflows={policy.pipeline: loaded for policy in others if (loaded := _workflows_beside(policy))},
        other_checks={
            policy.pipeline: load_validation(path, policy, shaped.record.dataset)
            for policy in others
            if (path := own_file(policy, "validation")) is not None
        },
        workflows=None if shaped.workflows is UNSET else load_workflows(root / shaped.workflows, policy),
        region=shaped.region,
        runtime=shaped.runtime,
        prefix=shaped.prefix,
        labels=shaped.labels,
        apis=tuple(shaped.apis),
        firestore=values.Firestore(
            fire.database,
            fire.location,
            span(fire.backups_for),
            fire.expires,
            {key: tuple(names) for key, names in fire.unindexed.items()},
        ),
        dataset=shaped.record.dataset,
        dataset_location=shaped.record.location,
        topics={
            name: values.ForeignTopic(tuple(topic.written_by), tuple(topic.read_by))
            for name, topic in shaped.topics.items()
        },
        dead_letter=values.DeadLetter(
            shaped.dead_letter.topic,
            shaped.dead_letter.subscription,
            shaped.dead_letter.attempts,
            span(shaped.dead_letter.retention),
        ),
        secrets=tuple(shaped.secrets),
        service_accounts=shaped.service_accounts,
        functions={
            folder: _function(folder, function, shaped, environment) for folder, function in shaped.functions.items()
        },
        schedules={name: _schedule(name, schedule) for name, schedule in shaped.schedules.items()},
        build=values.Build(shaped.build.service_account, tuple(shaped.build.roles)),
        deployers=tuple(shaped.deployers),
        granted_by_others=tuple(_grant(grant) for grant in shaped.granted_by_others),
        notify=tuple(values.Channel(name, channel.type, channel.labels) for name, channel in shaped.notify.items()),
        source=source,
    )
    made = pipelines.with_policies(made, root)
    listing = inventory(made)
    functions = {folder: replace(function, inventory=listing) for folder, function in made.functions.items()}
    return replace(made, functions=functions)


def _workflows_beside(policy: Policy) -> Workflows | None:
    """Return the workflows of a pipeline beside others; its file has to say whose it is, as the functions ask of it."""
    path = own_file(policy, "workflows")
    loaded = None if path is None else load_workflows(path, policy)
    if loaded is not None and not loaded.pipeline:
        reason = "is missing, and several pipelines could be meant"
        raise PolicyError(loaded.source, "pipeline", reason, f"pipeline: {policy.pipeline}")
    return loaded


def _policies(path: Path) -> list[Policy]:
    return load_policies(path) if path.is_dir() else [load_policy(path)]


def _function(
    folder: str, function: shape.FunctionSchema, shaped: shape.ManifestSchema, common: Mapping[str, str]
) -> values.Function:
    # unset() has refused a function that leaves out what it must say.
    given: Any = function
    own = {} if function.environment is UNSET else function.environment
    return values.Function(
        folder=folder,
        name=f"{shaped.prefix}-{folder.replace('_', '-')}",
        push=_push(function.trigger) if function.trigger.topics or function.trigger.policies else None,
        service_account=function.service_account,
        roles=tuple(_role(role) for role in function.roles),
        requirements=given.requirements,
        memory=given.memory,
        cpu=given.cpu,
        timeout=span(given.timeout),
        concurrency=given.concurrency,
        min_instances=given.instances.min,
        max_instances=given.instances.max,
        secrets=tuple(() if function.secrets is UNSET else function.secrets),
        environment={**common, **shaped.environment, **own},
        ready=None if function.ready is UNSET else _ready(function.ready),
        people=tuple(function.people),
    )


def _ready(ready: shape.ReadySchema) -> values.Ready:
    return values.Ready(ready.method, ready.path, _body(ready.body), ready.status)


def _push(trigger: shape.TriggerSchema) -> values.Push:
    given: Any = trigger
    return values.Push(
        topics=tuple(trigger.topics),
        service_account=given.service_account,
        ack_deadline=span(given.ack_deadline),
        retention=span(given.retention),
        min_backoff=span(given.retry.min),
        max_backoff=span(given.retry.max),
    )


def _role(role: shape.RoleSchema) -> values.Role:
    kind, _, name = role.scope.partition("/")
    return values.Role(role.role, kind, name)


def _grant(grant: shape.GrantSchema) -> values.Grant:
    kind, _, name = grant.scope.partition("/")
    return values.Grant(grant.member, grant.role, "service account" if kind == "account" else kind, name)


def _schedule(name: str, schedule: shape.ScheduleSchema) -> values.Schedule:
    return values.Schedule(
        name=name,
        calls=schedule.calls,
        cron=schedule.cron,
        zone=schedule.zone,
        service_account=schedule.service_account,
        attempt_deadline=span(schedule.attempt_deadline),
        attempts=schedule.retries.attempts,
        min_backoff=span(schedule.retries.min_backoff),
        max_backoff=span(schedule.retries.max_backoff),
        method=schedule.method,
        path=schedule.path,
        body=_body(schedule.body),
    )


def _body(body: Any) -> Mapping[str, Any] | None:
    return None if body is UNSET else body


def span(text: str) -> timedelta:
    """Return a duration as the file writes it; its shape was checked before."""
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])
