"""What can be wrong with the functions of workflows: topics, rights, addresses and times."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.manifest import Function, Manifest
from shared.core.policy.config_error import ConfigError, spell
from shared.core.policy.policy import Policy
from shared.core.workflows import files
from shared.core.workflows.model import FUNCTION_TIME, topic_of

CONTROLLER, EXECUTOR, SWEEP = "workflow_controller", "workflow_executor", "self_heal"


def topics(manifest: Manifest, policy: Policy) -> set[str]:
    """Return the topics of a pipeline's workflows: steps, and what scrapers announce."""
    if manifest.workflows_of(policy) is None:
        return set()
    return {topic_of(policy.pipeline), files.topic_of(policy.pipeline)}


def problems_of(manifest: Manifest) -> Iterator[ConfigError]:
    """Yield what keeps workflows from being decided, run and watched; nothing for a pipeline without any."""
    if manifest.workflows is None:
        for name in (CONTROLLER, EXECUTOR) if not manifest.other_workflows else ():
            if name in manifest.functions:
                yield ConfigError(f"functions.{name}", "needs workflows", "add workflows: config/workflows.yaml")
        return
    for name in (CONTROLLER, EXECUTOR):
        if name not in manifest.functions:
            yield ConfigError(f"functions.{name}", "is missing, and the manifest names workflows", "add it")
            return
    executor = manifest.functions[EXECUTOR]
    steps, announced = topic_of(manifest.policy.pipeline), files.topic_of(manifest.policy.pipeline)
    for topic in (steps, announced):
        if executor.push is None or topic not in executor.push.topics:
            yield ConfigError(f"functions.{EXECUTOR}.trigger.topics", f"lacks {topic}", "add it")
    yield from timed(executor)
    for name in (CONTROLLER, EXECUTOR, SWEEP):
        if name in manifest.functions:
            yield from _publishes(manifest.functions[name], steps)
    if SWEEP in manifest.functions:
        yield from _publishes(manifest.functions[SWEEP], announced)
    yield from _calls(manifest, executor)


def timed(executor: Function) -> Iterator[ConfigError]:
    """Yield that a step could be cut off, or wait in vain for a time that is not there."""
    if executor.timeout != FUNCTION_TIME:
        reason = f"{spell(executor.timeout)} is not what the executor's entries are measured by"
        yield ConfigError(f"functions.{EXECUTOR}.timeout", reason, f"{spell(FUNCTION_TIME)}")


def _publishes(function: Function, topic: str) -> Iterator[ConfigError]:
    granted = {(role.role, role.kind, role.name) for role in function.roles}
    if ("roles/pubsub.publisher", "topic", topic) not in granted:
        hint = f"add {{role: roles/pubsub.publisher, scope: topic/{topic}}}"
        yield ConfigError(f"functions.{function.folder}.roles", f"may not publish to {topic}", hint)


def _calls(manifest: Manifest, function: Function) -> Iterator[ConfigError]:
    assert manifest.workflows is not None
    granted = {role.name for role in function.roles if (role.role, role.kind) == ("roles/run.invoker", "service")}
    for name in sorted({scraper.service for scraper in manifest.workflows.scrapers.values()}):
        service = manifest.policy.services[name]
        if service.deployed_as not in granted:
            hint = f"add {{role: roles/run.invoker, scope: service/{service.deployed_as}}}"
            yield ConfigError(f"functions.{function.folder}.roles", f"calls {name} and may not", hint)
        if service.url_env not in function.environment:
            hint = f"add {service.url_env}, the address of {service.deployed_as}"
            yield ConfigError(f"functions.{function.folder}.environment", f"does not know {service.url_env}", hint)
