"""What the manifest takes from the policies beside its own: topics and who hears them, rights, secrets, addresses.

A pipeline whose policy lies in the manifest's folder has no function of its own: one serves every transition of each,
one its batches, and those of phase 1 its workflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from deploy.batch_check import BATCHES
from deploy.called_checks import declared_schedules, with_schedules
from deploy.manifest import ForeignTopic, Function, Manifest, Role
from deploy.pipeline_rights import ANY, SWEEP, datasets_of, rights_of, services
from deploy.webhooks import WEBHOOKS, webhook_secrets, webhooks_of
from deploy.workflow_check import CONTROLLER, EXECUTOR, timed
from shared.core.policy.batches import start_topic
from shared.core.policy.config_error import ConfigError, spell
from shared.core.policy.policy import Policy, Service
from shared.core.workflows import files
from shared.core.workflows.model import Workflows, topic_of

# Cloud Run gives a service an address of its name and the project's number, if both fit a label of a host name.
LONGEST_HOST, LONGEST_NUMBER = 63, 13


def with_policies(manifest: Manifest, root: Path) -> Manifest:
    """Return the manifest with what its other pipelines need; a function that nothing is for, such as the one that
    would serve other pipelines where there is none, and its account are left out.

    What a file of ``root`` says of them, and the manifest itself says already, is as the manifest says.
    """
    addresses = _addresses(manifest)
    functions = {name: _extended(manifest, function, addresses) for name, function in manifest.functions.items()}
    kept = {name: function for name, function in functions.items() if _is_needed(manifest, function)}
    idle = {function.service_account for name, function in functions.items() if name not in kept}
    accounts = {name: text for name, text in manifest.service_accounts.items() if name not in idle}
    named = {topic: ForeignTopic() for policy in manifest.others for topic in topics_of(policy, manifest)}
    topics = {
        **manifest.topics,
        **{topic: pipeline for topic, pipeline in named.items() if topic not in manifest.topics},
    }
    needed = [*secrets_of(manifest), *webhook_secrets(manifest.others)]
    secrets = tuple(dict.fromkeys((*manifest.secrets, *needed)))
    made = replace(manifest, functions=kept, service_accounts=accounts, topics=topics, secrets=secrets)
    return with_schedules(made, declared_schedules(made, root)) if manifest.others else made


def _is_needed(manifest: Manifest, function: Function) -> bool:
    if function.folder == WEBHOOKS:
        return bool(webhooks_of((manifest.policy, *manifest.others)))
    return function.push is None or bool(function.push.topics)


def _with_calls(manifest: Manifest, function: Function) -> Function:
    """Return the function of webhooks with the rights and secrets that the signals of every policy ask for, and none
    beside them: anybody may call it."""
    signals = webhooks_of((manifest.policy, *manifest.others))
    roles = [Role("roles/pubsub.publisher", "topic", signal.topic) for signal in signals]
    return replace(
        function,
        roles=tuple(dict.fromkeys((*function.roles, *roles))),
        secrets=tuple(dict.fromkeys((*function.secrets, *webhook_secrets((manifest.policy, *manifest.others))))),
    )


def _extended(manifest: Manifest, function: Function, addresses: Mapping[str, str]) -> Function:
    if function.folder == WEBHOOKS:
        return _with_calls(manifest, function)
    if function.push is not None:
        heard = {topic for f in manifest.functions.values() if f.push for topic in f.push.topics}
        topics = [topic for policy in manifest.others for topic in heard_by(function.folder, policy, manifest)]
        more = [topic for topic in dict.fromkeys(topics) if topic not in heard]
        function = replace(function, push=replace(function.push, topics=(*function.push.topics, *more)))
    roles = [
        role
        for policy in manifest.others
        for role in rights_of(function.folder, policy, manifest.workflows_of(policy), _checks(manifest, policy))
    ]
    secrets = [name for name in secrets_of(manifest) if name not in function.secrets]
    return replace(
        function,
        roles=(*function.roles, *(role for role in dict.fromkeys(roles) if role not in function.roles)),
        secrets=(*function.secrets, *secrets),
        environment={**addresses, **function.environment},
    )


def _checks(manifest: Manifest, policy: Policy) -> Iterator[str]:
    """Yield the SQL of a pipeline's checks; what they read of the record is the record's own business."""
    validation = manifest.other_checks.get(policy.pipeline)
    if validation is not None:
        yield from (query.sql for check in validation.checks.values() for query in check.queries)


def topics_of(policy: Policy, manifest: Manifest) -> list[str]:
    """Return the topics that a pipeline needs: of completions, signals and triggers, of its batches and workflows."""
    triggers = (topic for transition in policy.transitions.values() for topic in transition.topics)
    batches = (topic for batch in policy.batches.values() for topic in (batch.request.topic, batch.publish))
    heard = (topic for folder in (BATCHES, EXECUTOR) for topic in heard_by(folder, policy, manifest))
    return list(dict.fromkeys((*policy.heard, *triggers, *heard, *batches)))


def heard_by(folder: str, policy: Policy, manifest: Manifest) -> tuple[str, ...]:
    """Return the topics of a pipeline that feed a function."""
    if folder == ANY:
        return policy.heard
    if folder == BATCHES and policy.batches:
        reports = (batch.reports.topic for batch in policy.batches.values())
        return tuple(dict.fromkeys((start_topic(policy.pipeline), *reports)))
    if folder == EXECUTOR and manifest.workflows_of(policy) is not None:
        return (topic_of(policy.pipeline), files.topic_of(policy.pipeline))
    return ()


def secrets_of(manifest: Manifest) -> list[str]:
    """Return the secrets with which the other pipelines tell people; every function may have to."""
    return sorted(alert_secrets(manifest.others))


def _addresses(manifest: Manifest) -> dict[str, str]:
    """Return where the services of the other pipelines are, by variable: under the address that Cloud Run gives a name.

    What the manifest says wins.
    """
    return {
        service.url_env: f"https://{service.deployed_as}-{{project_number}}.{{region}}.run.app"
        for policy in manifest.others
        for service in policy.services.values()
        if _has_address(service)
    }


def _has_address(service: Service) -> bool:
    """True for a service whose name leaves room for the number: a longer one is cut, and its address is not known."""
    return len(service.deployed_as) + 1 + LONGEST_NUMBER <= LONGEST_HOST


def problems_of(manifest: Manifest) -> Iterator[ConfigError]:
    """Yield what keeps the manifest from serving the policies beside its own."""
    for folder, why, served in _needed(manifest):
        if folder not in manifest.functions and served:
            yield ConfigError(f"functions.{folder}", f"is missing, and {', '.join(served)} {why}", "add it")
    for policy in manifest.others:
        yield from _unreadable(manifest, policy)
        for name in (ANY, SWEEP, *([BATCHES] if policy.batches else [])):
            if name in manifest.functions:
                yield from _fits(policy, manifest.functions[name], manifest.workflows_of(policy))
        if manifest.workflows_of(policy) is not None and EXECUTOR in manifest.functions:
            yield from _reached(policy, manifest.functions[EXECUTOR], manifest.workflows_of(policy))
            yield from timed(manifest.functions[EXECUTOR])


def _needed(manifest: Manifest) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each function that other pipelines cannot do without, why, and which ones."""
    every = [policy.pipeline for policy in manifest.others]
    batches = [policy.pipeline for policy in manifest.others if policy.batches]
    workflows = [policy.pipeline for policy in manifest.others if manifest.workflows_of(policy) is not None]
    yield ANY, "has no function of its own", every
    yield BATCHES, "has batches", batches
    for folder in (CONTROLLER, EXECUTOR):
        yield folder, "has workflows", workflows


def _unreadable(manifest: Manifest, policy: Policy) -> Iterator[ConfigError]:
    """Yield why the datasets of a pipeline's SQL are not known."""
    try:
        datasets_of(policy, manifest.workflows_of(policy), _checks(manifest, policy))
    except ValueError as error:
        reason = f"{Path(policy.source).name} names SQL that is no GoogleSQL, so what it reads is not known: {error}"
        yield ConfigError("policy", reason, "correct it, or name each table as `DATASET.TABLE`")


def _fits(policy: Policy, function: Function, workflows: Workflows | None) -> Iterator[ConfigError]:
    if function.timeout > policy.claim_lease:
        lease = spell(policy.claim_lease)
        reason = f"{spell(function.timeout)} is over the claim_lease of {policy.pipeline}, {lease}"
        yield ConfigError(f"functions.{function.folder}.timeout", reason, f"at most {lease}, or a longer claim_lease")
    yield from _reached(policy, function, workflows)


def _reached(policy: Policy, function: Function, workflows: Workflows | None) -> Iterator[ConfigError]:
    for service in services(function.folder, policy, workflows):
        if service.url_env not in function.environment:
            reason = f"serves {policy.pipeline} and does not know {service.url_env}"
            hint = f"add {service.url_env} to `environment`: {service.deployed_as} is too long a name for its address"
            yield ConfigError(f"functions.{function.folder}.environment", reason, hint)


def own_of(policies: Sequence[Policy], pipeline: str) -> tuple[Policy, tuple[Policy, ...]]:
    """Return the policy of the manifest's pipeline, the first where none is, and the others."""
    own = next((policy for policy in policies if policy.pipeline == pipeline), policies[0])
    return own, tuple(policy for policy in policies if policy is not own)


def alert_secrets(policies: Iterable[Policy]) -> set[str]:
    """Return the secrets that carry the alerts of these policies."""
    return {name for policy in policies for name in policy.alerts.secrets}
