"""What the manifest takes from the policies beside its own: topics, who hears them, and the rights to act on them.

A pipeline whose policy lies in the manifest's folder has no function of its own: one serves every transition of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from deploy.manifest import ForeignTopic, Function, Manifest, Role
from deploy.scale import gate_sql
from shared.core.policy.config_error import ConfigError, spell
from shared.core.policy.policy import Policy, Service
from shared.core.policy.transitions import Transition

ANY, SWEEP = "transition", "self_heal"
# Who reads the tables of a pipeline: for gates and floors, for checks, for the report.
READERS = (ANY, SWEEP, "validation_runner", "health_check")
# A table as GoogleSQL and the policy write it, with its dataset.
TABLE = re.compile(r"`([A-Za-z0-9_]+)\.[A-Za-z0-9_]+`")


def with_policies(manifest: Manifest) -> Manifest:
    """Return the manifest with what its other pipelines need; without one, and so without any message for it, the
    function that would serve them and its account are left out."""
    functions = {name: _extended(manifest, function) for name, function in manifest.functions.items()}
    kept = {name: function for name, function in functions.items() if function.push is None or function.push.topics}
    idle = {function.service_account for name, function in functions.items() if name not in kept}
    accounts = {name: text for name, text in manifest.service_accounts.items() if name not in idle}
    named = {topic: ForeignTopic() for policy in manifest.others for topic in topics_of(policy)}
    topics = {
        **manifest.topics,
        **{topic: pipeline for topic, pipeline in named.items() if topic not in manifest.topics},
    }
    return replace(manifest, functions=kept, service_accounts=accounts, topics=topics)


def _extended(manifest: Manifest, function: Function) -> Function:
    if function.folder == ANY and function.push is not None:
        heard = {topic for f in manifest.functions.values() if f.push for topic in f.push.topics}
        topics = [topic for policy in manifest.others for topic in policy.topics if topic not in heard]
        function = replace(function, push=replace(function.push, topics=(*function.push.topics, *topics)))
    roles = [role for policy in manifest.others for role in rights_of(policy, function.folder)]
    return replace(
        function, roles=(*function.roles, *(role for role in dict.fromkeys(roles) if role not in function.roles))
    )


def topics_of(policy: Policy) -> list[str]:
    """Return the topics that a policy names: of completions, then of triggers."""
    triggers = (topic for transition in policy.transitions.values() for topic in transition.topics)
    return list(dict.fromkeys((*policy.topics, *triggers)))


def rights_of(policy: Policy, folder: str) -> Iterator[Role]:
    """Yield the rights that a function needs for a pipeline, those that its policy tells of."""
    if folder in READERS:
        yield from (Role("roles/bigquery.dataViewer", "dataset", name) for name in datasets(policy))
    if folder not in (ANY, SWEEP):
        return
    for transition in policy.transitions.values():
        yield from (Role("roles/pubsub.publisher", "topic", topic) for topic in transition.topics)
    yield from (Role("roles/run.invoker", "service", service.deployed_as) for service in services(policy, folder))


def services(policy: Policy, folder: str) -> list[Service]:
    """Return the services that a function asks or calls: those of the transitions, by the sweep those of reruns too."""
    names = [name for transition in policy.transitions.values() for name in _service_names(transition)]
    if folder == SWEEP:
        names += [phase.rerun.service for phase in policy.phases.values() if phase.rerun is not None]
    return [policy.services[name] for name in dict.fromkeys(names)]


def _service_names(transition: Transition) -> Iterator[str]:
    yield from (name for name in (transition.preflight, *(call.service for call in transition.calls)) if name)


def datasets(policy: Policy) -> list[str]:
    """Return the datasets of the tables that floors, the calendar and the gates of a policy read."""
    processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
    tables = [part.table for processor in processors for part in processor.parts if part.table]
    if policy.calendar is not None:
        excluded = policy.calendar.excluded
        tables += [policy.calendar.table, *([excluded.table] if excluded is not None and excluded.table else [])]
    names = {table.partition(".")[0] for table in tables}
    return sorted(names | {name for sql in gate_sql(policy).values() for name in TABLE.findall(sql)})


def problems_of(manifest: Manifest) -> Iterator[ConfigError]:
    """Yield what keeps the manifest from serving the policies beside its own."""
    if not manifest.others:
        return
    if ANY not in manifest.functions:
        names = ", ".join(policy.pipeline for policy in manifest.others)
        yield ConfigError(f"functions.{ANY}", f"is missing, and {names} has no function of its own", "add it")
    for policy in manifest.others:
        if policy.batches:
            reason = f"{Path(policy.source).name} has batches, which are run for {manifest.policy.pipeline} alone"
            yield ConfigError("policy", reason, "deploy it by a manifest of its own")
        for name in (ANY, SWEEP):
            if name in manifest.functions:
                yield from _fits(policy, manifest.functions[name])


def _fits(policy: Policy, function: Function) -> Iterator[ConfigError]:
    if function.timeout > policy.claim_lease:
        lease = spell(policy.claim_lease)
        reason = f"{spell(function.timeout)} is over the claim_lease of {policy.pipeline}, {lease}"
        yield ConfigError(f"functions.{function.folder}.timeout", reason, f"at most {lease}, or a longer claim_lease")
    for service in services(policy, function.folder):
        if service.url_env not in function.environment:
            reason = f"serves {policy.pipeline} and does not know {service.url_env}"
            hint = f"add {service.url_env} to `environment`, the address of {service.deployed_as}"
            yield ConfigError(f"functions.{function.folder}.environment", reason, hint)


def own_of(policies: Sequence[Policy], pipeline: str) -> tuple[Policy, tuple[Policy, ...]]:
    """Return the policy of the manifest's pipeline, the first where none is, and the others."""
    own = next((policy for policy in policies if policy.pipeline == pipeline), policies[0])
    return own, tuple(policy for policy in policies if policy is not own)


def alert_secrets(policies: Iterable[Policy]) -> set[str]:
    """Return the secrets that carry the alerts of these policies."""
    return {name for policy in policies for name in policy.alerts.secrets}
