"""What the functions that run batches, and wake them, must be allowed to do."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.manifest import Function
from shared.core.policy.batches import BatchPolicy, start_topic
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy

BATCHES = "phase5_batches"


def batch_rights(policy: Policy, function: Function, sweep: str) -> Iterator[ConfigError]:
    """Yield the rights and topics that a function lacks for the batches of the policy."""
    if not policy.batches or function.folder not in (BATCHES, sweep):
        return
    key, starts = f"functions.{function.folder}", start_topic(policy.pipeline)
    topics = [starts]
    if function.folder == BATCHES:
        heard = function.push.topics if function.push else ()
        for topic in (starts, *(batch.reports.topic for batch in policy.batches.values())):
            if topic not in heard:
                yield ConfigError(f"{key}.trigger.topics", f"does not hear {topic}", f"add {topic}")
        topics += [topic for batch in policy.batches.values() for topic in (batch.request.topic, batch.publish)]
        for batch in policy.batches.values():
            yield from _services(policy, batch, function, key)
    granted = {role.name for role in function.roles if (role.role, role.kind) == ("roles/pubsub.publisher", "topic")}
    for topic in dict.fromkeys(topics):
        if topic not in granted:
            hint = f"add {{role: roles/pubsub.publisher, scope: topic/{topic}}}"
            yield ConfigError(f"{key}.roles", f"runs batches and may not publish to {topic}", hint)


def _services(policy: Policy, batch: BatchPolicy, function: Function, key: str) -> Iterator[ConfigError]:
    granted = {role.name for role in function.roles if (role.role, role.kind) == ("roles/run.invoker", "service")}
    for step in batch.on_close:
        if step.call is None:
            continue
        service = policy.services[step.call.service]
        if service.deployed_as not in granted:
            hint = f"add {{role: roles/run.invoker, scope: service/{service.deployed_as}}}"
            yield ConfigError(f"{key}.roles", f"closes {batch.name} and may not call {service.deployed_as}", hint)
        if service.url_env not in function.environment:
            hint = f"add {service.url_env}, the address of {service.deployed_as}"
            yield ConfigError(f"{key}.environment", f"closes {batch.name} and does not know {service.url_env}", hint)
