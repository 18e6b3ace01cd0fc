"""What can be wrong with a manifest that has the right shape: each fault with its key, its reason and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from msgspec import UNSET

from deploy import pipelines, schedule_check, webhooks, workflow_check
from deploy.batch_check import batch_rights
from deploy.manifest import Function, Manifest, Push
from deploy.manifest_schema import FunctionSchema, ManifestSchema
from deploy.monitoring import CHANNELS
from shared.core.policy.batches import start_topic
from shared.core.policy.config_error import ConfigError, spell, suggest
from shared.core.policy.policy import Service
from shared.core.policy.transitions import Transition

DEPRECATED = {  # https://cloud.google.com/run/docs/runtime-support
    "python310": date(2026, 10, 4),
    "python311": date(2027, 10, 24),
    "python312": date(2028, 10, 2),
    "python313": date(2029, 10, 10),
    "python314": date(2030, 10, 10),
}
NOTICE = timedelta(days=180)
RUNTIME_HINT = "move to a newer one, and test the bundles on it"
LONGEST_EVENT, LONGEST_HTTP = timedelta(seconds=540), timedelta(hours=1)
SWEEP = "self_heal"
EVERYBODY = "allUsers"
MUST = ("requirements", "timeout", "concurrency", "instances", "memory", "cpu")
PUSH_MUST = {
    "service_account": "add it: Pub/Sub needs an identity to call the function with",
    "ack_deadline": "add it: it is the time that one delivery may take",
    "retention": "add it: such as 7d",
    "retry": "add it: {min: 10s, max: 10m}; without it a failed message is lost or hammered",
}
ACK = (timedelta(seconds=10), timedelta(seconds=600))
RETENTION = (timedelta(minutes=10), timedelta(days=31))
BACKOFF = (timedelta(0), timedelta(seconds=600))
BACKUPS = (timedelta(days=1), timedelta(weeks=14))  # https://cloud.google.com/firestore/docs/backups


def unset(shaped: ManifestSchema) -> list[ConfigError]:
    """Return what functions leave out that neither they nor `defaults` say."""
    return [problem for name, function in shaped.functions.items() for problem in _unset(f"functions.{name}", function)]


def _unset(key: str, function: FunctionSchema) -> Iterator[ConfigError]:
    if function.cpu is not UNSET and function.memory is UNSET:
        yield ConfigError(f"{key}.cpu", "is given without memory", "add memory: gcloud takes the two together")
    for name in MUST:
        if getattr(function, name) is UNSET and not (name == "memory" and function.cpu is not UNSET):
            yield ConfigError(f"{key}.{name}", "is missing", "add it here or under defaults")
    trigger = function.trigger
    if trigger.http == bool(trigger.topics or trigger.policies):
        yield ConfigError(f"{key}.trigger", "names both http and topics, or neither", "http: true, or topics: [...]")
        return
    given = {name for name in PUSH_MUST if getattr(trigger, name) is not UNSET}
    if trigger.http:
        for name in sorted(given | ({"dead_letter"} if trigger.dead_letter else set())):
            yield ConfigError(f"{key}.trigger.{name}", "belongs to topics, not to http", "remove it")
        return
    for name, hint in PUSH_MUST.items():
        if name not in given:
            yield ConfigError(f"{key}.trigger.{name}", "is missing", hint)
    if not trigger.dead_letter:
        reason = "is missing: a message that always fails would come back until its retention ends"
        yield ConfigError(f"{key}.trigger.dead_letter", reason, "dead_letter: true")


def problems(manifest: Manifest, shaped: ManifestSchema, today: date, root: Path) -> list[ConfigError]:
    """Return what is wrong with a manifest, in the order of the file."""
    errors = [
        *_head(manifest, shaped, today),
        *_topics(manifest),
        *_secrets(manifest),
        *_accounts(manifest),
        *(problem for function in manifest.functions.values() for problem in _function(manifest, function, root)),
        *(
            problem
            for schedule in manifest.schedules.values()
            for problem in schedule_check.problems_of(manifest, schedule)
        ),
        *schedule_check.unscheduled(manifest, root),
    ]
    return [
        *errors,
        *workflow_check.problems_of(manifest),
        *pipelines.problems_of(manifest),
        *_unfitting_deadletter(manifest),
        *_channels(manifest),
    ]


def _head(manifest: Manifest, shaped: ManifestSchema, today: date) -> Iterator[ConfigError]:
    if shaped.pipeline != manifest.policy.pipeline:
        yield ConfigError(
            "pipeline", f"is {shaped.pipeline}, the policy's is {manifest.policy.pipeline}", "make them one"
        )
    ends = DEPRECATED.get(manifest.runtime)
    if ends is None:
        yield ConfigError("runtime", f"{manifest.runtime} is not known here", suggest(manifest.runtime, DEPRECATED))
    elif ends - today < NOTICE:
        remaining = (ends - today).days
        when = f"in {remaining} days" if remaining > 0 else f"{-remaining} days ago"
        yield ConfigError("runtime", f"{manifest.runtime} is deprecated from {ends}, {when}", RUNTIME_HINT)
    kept = manifest.firestore.backups_for
    if not BACKUPS[0] <= kept <= BACKUPS[1] or kept % BACKUPS[0]:
        yield ConfigError("firestore.backups_for", f"{spell(kept)} is not 1 to 98 whole days", "such as 14d")
    for name in manifest.labels:
        if name.startswith("deployment"):
            yield ConfigError(f"labels.{name}", "begins with deployment, which is reserved", "choose another key")


def _topics(manifest: Manifest) -> Iterator[ConfigError]:
    """Each topic of the policy needs someone who writes it and someone who reads it, and no others are named."""
    of_others = {topic for policy in manifest.others for topic in pipelines.topics_of(policy, manifest)}
    named = topics_of_policy(manifest) | of_others
    for topic in sorted(named - manifest.topics.keys()):
        yield ConfigError(
            f"topics.{topic}", "is named by the policy and missing here", "add it, with who writes or reads it"
        )
    for topic, outside in manifest.topics.items():
        key = f"topics.{topic}"
        if topic not in named:
            yield ConfigError(key, "is not a topic of the policy", suggest(topic, named))
            continue
        if topic in of_others:  # who writes and reads it may be said, and its policy alone is enough
            continue
        if not (outside.read_by or listeners(manifest, topic)):
            yield ConfigError(
                key, "is read by nobody", "add it to a function's trigger.topics, or name who reads it: read_by"
            )
        if not (outside.written_by or writers(manifest, topic)):
            yield ConfigError(
                key, "is written by nobody", "give a function roles/pubsub.publisher on it, or name who: written_by"
            )
    for function in manifest.functions.values():
        for place, topic in enumerate(function.push.topics if function.push else ()):
            if topic not in named:
                where = f"functions.{function.folder}.trigger.topics[{place}]"
                yield ConfigError(where, f"{topic} is not a topic of the policy", suggest(topic, named))


def _secrets(manifest: Manifest) -> Iterator[ConfigError]:
    read = {name for function in manifest.functions.values() for name in function.secrets}
    for place, name in enumerate(manifest.secrets):
        if name not in read:
            yield ConfigError(
                f"secrets[{place}]", f"{name} is read by no function", "remove it, or add it to a function"
            )
    for name in sorted(pipelines.alert_secrets((manifest.policy, *manifest.others)) - read):
        yield ConfigError(
            "secrets", f"{name} carries the policy's alerts and no function reads it", "add it to `defaults`"
        )
    for function in manifest.functions.values():
        for place, name in enumerate(function.secrets):
            if name not in manifest.secrets:
                where = f"functions.{function.folder}.secrets[{place}]"
                yield ConfigError(where, f"{name} is not declared", suggest(name, manifest.secrets))


def _accounts(manifest: Manifest) -> Iterator[ConfigError]:
    used = {
        **{
            f"functions.{function.folder}.service_account": function.service_account
            for function in manifest.functions.values()
        },
        **{
            f"functions.{function.folder}.trigger.service_account": function.push.service_account
            for function in manifest.functions.values()
            if function.push
        },
        **{
            f"schedules.{schedule.name}.service_account": schedule.service_account
            for schedule in manifest.schedules.values()
        },
        "build.service_account": manifest.build.service_account,
    }
    for key, name in used.items():
        if name not in manifest.service_accounts:
            yield ConfigError(key, f"{name} is not declared", suggest(name, manifest.service_accounts))
    for name in manifest.service_accounts:
        if name not in used.values():
            yield ConfigError(f"service_accounts.{name}", "is used by nothing", "remove it")


def _function(manifest: Manifest, function: Function, root: Path) -> Iterator[ConfigError]:
    key = f"functions.{function.folder}"
    if not (root / "functions" / function.folder / "main.py").is_file():
        folders = [path.parent.name for path in (root / "functions").glob("*/main.py")]
        yield ConfigError(key, f"functions/{function.folder}/main.py does not exist", suggest(function.folder, folders))
    if not (root / "deploy" / "requirements" / f"{function.requirements}.txt").is_file():
        hint = "bin/lock writes deploy/requirements/*.txt"
        yield ConfigError(
            f"{key}.requirements", f"deploy/requirements/{function.requirements}.txt does not exist", hint
        )
    if "ORCH_DATABASE" in function.environment:
        reason = "the database that functions ask is the one that is made: firestore.database"
        yield ConfigError(f"{key}.environment.ORCH_DATABASE", reason, "remove it here, and name the database there")
    if function.concurrency > 1 and function.cpu < 1:
        yield ConfigError(
            f"{key}.concurrency", f"{function.concurrency} needs a whole CPU, {function.cpu} is given", "cpu: 1"
        )
    if function.people and function.push:
        reason = "lets people call a function that takes in completions"
        yield ConfigError(f"{key}.people", reason, "remove it: bin/orch serves people, health_check has a page")
    if EVERYBODY in function.people and function.folder != webhooks.WEBHOOKS:
        reason = f"lets everybody call it ({EVERYBODY}), and it asks nobody for a proof"
        yield ConfigError(f"{key}.people", reason, "name people or groups; only webhooks proves by itself who calls")
    if function.min_instances > function.max_instances:
        yield ConfigError(f"{key}.instances", "min is above max", "lower min")
    longest = LONGEST_EVENT if function.push else LONGEST_HTTP
    if function.timeout > longest:
        yield ConfigError(
            f"{key}.timeout", f"{spell(function.timeout)} is over {spell(longest)}", f"at most {spell(longest)}"
        )
    if function.timeout > manifest.policy.claim_lease and may_dispatch(function):
        lease = spell(manifest.policy.claim_lease)
        yield ConfigError(
            f"{key}.timeout",
            f"{spell(function.timeout)} is over the policy's claim_lease, {lease}: "
            "it could end under a living dispatch",
            f"at most {lease}, or a longer claim_lease",
        )
    if function.push:
        yield from _push(f"{key}.trigger", function, function.push)
        yield from _services_reached(manifest, function, decided_by(manifest, function.push))
    yield from batch_rights(manifest.policy, function, SWEEP)
    if function.folder == SWEEP:
        yield from _services_reached(manifest, function, manifest.policy.transitions.values())
        yield from _reruns(manifest, function)
    yield from _roles(manifest, function)


def _push(key: str, function: Function, push: Push) -> Iterator[ConfigError]:
    if push.ack_deadline <= function.timeout:
        yield ConfigError(
            f"{key}.ack_deadline",
            f"{spell(push.ack_deadline)} is not longer than the function's timeout, {spell(function.timeout)}: "
            "a message would come again while it is being worked on",
            f"more than {spell(function.timeout)}, at most 600s",
        )
    for name, value, (low, high) in (
        ("ack_deadline", push.ack_deadline, ACK),
        ("retention", push.retention, RETENTION),
        ("retry.min", push.min_backoff, BACKOFF),
        ("retry.max", push.max_backoff, BACKOFF),
    ):
        if not low <= value <= high:
            yield ConfigError(
                f"{key}.{name}", f"{spell(value)} is outside {spell(low)} to {spell(high)}", "Pub/Sub's limits"
            )
    if push.min_backoff > push.max_backoff:
        yield ConfigError(f"{key}.retry", "min is above max", "swap them")


def _services_reached(
    manifest: Manifest, function: Function, transitions: Iterable[Transition]
) -> Iterator[ConfigError]:
    """A function that decides a transition must be allowed to publish its trigger and to call its services."""
    key = f"functions.{function.folder}"
    granted = {(role.role, role.kind, role.name) for role in function.roles}
    for transition in transitions:
        for topic in transition.topics:
            if ("roles/pubsub.publisher", "topic", topic) not in granted:
                reason = f"may decide {transition.name} and not publish to {topic}"
                yield ConfigError(f"{key}.roles", reason, f"add {{role: roles/pubsub.publisher, scope: topic/{topic}}}")
        for service in services_of(manifest, transition):
            if ("roles/run.invoker", "service", service.deployed_as) not in granted:
                reason = f"may decide {transition.name} and not call {service.deployed_as}"
                yield ConfigError(
                    f"{key}.roles", reason, f"add {{role: roles/run.invoker, scope: service/{service.deployed_as}}}"
                )
            if service.url_env not in function.environment:
                yield ConfigError(
                    f"{key}.environment",
                    f"may decide {transition.name} and does not know {service.url_env}",
                    f"add {service.url_env}, the address of {service.deployed_as}",
                )


def _reruns(manifest: Manifest, function: Function) -> Iterator[ConfigError]:
    """The sweep repairs: it must be allowed to call whoever runs a phase again."""
    granted = {role.name for role in function.roles if (role.role, role.kind) == ("roles/run.invoker", "service")}
    for phase in manifest.policy.phases.values():
        if phase.rerun is None:
            continue
        service = manifest.policy.services[phase.rerun.service]
        if service.deployed_as not in granted:
            yield ConfigError(
                f"functions.{function.folder}.roles",
                f"may run {phase.name} again and not call {service.deployed_as}",
                f"add {{role: roles/run.invoker, scope: service/{service.deployed_as}}}",
            )


def _roles(manifest: Manifest, function: Function) -> Iterator[ConfigError]:
    for place, role in enumerate(function.roles):
        key = f"functions.{function.folder}.roles[{place}]"
        if role.kind == "topic" and role.name not in manifest.topics:
            yield ConfigError(key, f"{role.name} is not a topic of the manifest", suggest(role.name, manifest.topics))
        if role.role in ("roles/owner", "roles/editor", "roles/viewer"):
            yield ConfigError(key, f"{role.role} gives more than any function needs", "name what it does with what")


def _unfitting_deadletter(manifest: Manifest) -> Iterator[ConfigError]:
    low, high = RETENTION
    if not low <= manifest.dead_letter.retention <= high:
        yield ConfigError("dead_letter.retention", "is outside 10m to 31d", "Pub/Sub's limits")
    attempts = manifest.dead_letter.attempts
    for function in manifest.functions.values():
        if function.push and function.push.retention <= function.push.redelivered_for(attempts):
            yield ConfigError(
                f"functions.{function.folder}.trigger.retention",
                f"{spell(function.push.retention)} ends before {attempts} attempts are over: "
                "a message would be gone before it is a dead letter",
                "keep messages longer than they are delivered again",
            )
    if manifest.dead_letter.topic in manifest.topics:
        yield ConfigError(
            "dead_letter.topic", "is a topic of the policy: dead letters would be delivered", "name another"
        )


def _channels(manifest: Manifest) -> Iterator[ConfigError]:
    if not manifest.notify:
        yield ConfigError(
            "notify", "names nobody: alerts of Cloud Monitoring would reach no one", "on-call: {type: by_hand}"
        )
    for channel in manifest.notify:
        key = f"notify.{channel.name}"
        if channel.type not in CHANNELS:
            reason = f"{channel.type} holds a secret, or is not known"
            yield ConfigError(f"{key}.type", reason, f"by_hand, and make it in the console; or {', '.join(CHANNELS)}")
            continue
        label = CHANNELS[channel.type]
        if set(channel.labels) != ({label} if label else set()):
            yield ConfigError(
                f"{key}.labels", f"are not what {channel.type} takes", f"{{{label}: ...}}" if label else "none"
            )


def topics_of_policy(manifest: Manifest) -> set[str]:
    """Return the topics that the policy names: completions, signals, triggers, and those of batches and workflows."""
    triggers = {topic for transition in manifest.policy.transitions.values() for topic in transition.topics}
    batches = {
        topic for batch in manifest.policy.batches.values() for topic in (batch.request.topic, batch.reports.topic)
    }
    starts = {start_topic(manifest.policy.pipeline)} if batches else set[str]()
    return {*manifest.policy.heard, *triggers, *batches, *starts, *workflow_check.topics(manifest, manifest.policy)}


def listeners(manifest: Manifest, topic: str) -> list[Function]:
    """Return the functions that a topic feeds."""
    return [function for function in manifest.functions.values() if function.push and topic in function.push.topics]


def writers(manifest: Manifest, topic: str) -> list[Function]:
    """Return the functions that may publish to a topic."""
    return [
        function
        for function in manifest.functions.values()
        if any(r.role == "roles/pubsub.publisher" and r.kind == "topic" and r.name == topic for r in function.roles)
    ]


def may_dispatch(function: Function) -> bool:
    """Whether a function may publish a trigger or call for one, and so hold a claim of a transition."""
    if function.folder == workflow_check.EXECUTOR:
        return False
    return any(role.role in ("roles/pubsub.publisher", "roles/run.invoker") for role in function.roles)


def decided_by(manifest: Manifest, push: Push) -> list[Transition]:
    """Return the transitions that a report from these topics may decide: those it feeds, and the one it confirms."""
    policy = manifest.policy
    phases = [policy.topics[topic] for topic in push.topics if topic in policy.topics]
    phases += [phase for topic in push.topics for phase in policy.signal_topics.get(topic, ())]
    transitions = [
        transition
        for phase in phases
        for transition in (manifest.policy.starting(phase), *manifest.policy.after(phase))
        if transition
    ]
    return list({transition.name: transition for transition in transitions}.values())


def services_of(manifest: Manifest, transition: Transition) -> list[Service]:
    """Return the services that a transition asks or calls."""
    names = [name for name in (transition.preflight, *(call.service for call in transition.calls)) if name]
    return [manifest.policy.services[name] for name in dict.fromkeys(names)]
