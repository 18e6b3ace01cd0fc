"""What is wrong with policies that share a database and topics, although each is in order (behaviour R1, D4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.core.policy.after_run_check import after_run_problems
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy


def problems_together(policies: Sequence[Policy]) -> list[tuple[Policy, ConfigError]]:
    """Return what is wrong between these policies, each with the one in whose file it is corrected."""
    by_name = {policy.pipeline: policy for policy in policies}
    problems: list[tuple[Policy, ConfigError]] = []
    for place, policy in enumerate(policies):
        others = policies[:place]
        problems += [(policy, problem) for problem in _names(policy, others)]
        problems += [(policy, problem) for problem in _heard_twice(policy, others)]
        problems += [(policy, problem) for problem in _called_twice(policy, others)]
        problems += [(policy, problem) for problem in _addressed_twice(policy, others)]
        problems += [(policy, problem) for problem in _sent_to_others(policy, policies)]
        problems += [(policy, problem) for problem in after_run_problems(policy, by_name)]
    return problems


def _names(policy: Policy, others: Sequence[Policy]) -> Iterator[ConfigError]:
    for other in others:
        if other.pipeline == policy.pipeline:
            hint = "its name is part of every run: give each pipeline its own"
            yield ConfigError("pipeline", f"{other.source} is {policy.pipeline} already", hint)


def _heard_twice(policy: Policy, others: Sequence[Policy]) -> Iterator[ConfigError]:
    """Yield topics on which two pipelines report: a message belongs to the pipeline of its topic."""
    for topic, (key, name) in _heard(policy).items():
        for other in others:
            if topic in (heard := _heard(other)):
                hint = f"the topic says whose a message is: name another, such as {policy.pipeline}-{name}-complete"
                reason = f"{heard[topic][1]} of {other.pipeline} reports on it already"
                yield ConfigError(key, reason, hint)


def _called_twice(policy: Policy, others: Sequence[Policy]) -> Iterator[ConfigError]:
    """Yield signals that come by one call in two pipelines: `POST /signals/NAME` names no pipeline."""
    for name, signal in policy.signals.items():
        for other in others:
            there = other.signals.get(name)
            if signal.webhook is not None and there is not None and there.webhook is not None:
                reason = f"{other.pipeline} has a signal that comes by POST /signals/{name} already"
                yield ConfigError(f"signals.{name}", reason, f"name it {policy.pipeline.replace('-', '_')}_{name}")


def _heard(policy: Policy) -> dict[str, tuple[str, str]]:
    """Return the topics on which a pipeline hears, each with its key and with who reports there."""
    batches = {batch.reports.topic: (f"batches.{name}.reports.topic", name) for name, batch in policy.batches.items()}
    phases = {topic: (f"phases.{phase}.completions_topic", phase) for topic, phase in policy.topics.items()}
    signals = {signal.topic: (f"signals.{name}.topic", name) for name, signal in policy.signals.items()}
    return batches | signals | phases


def _addressed_twice(policy: Policy, others: Sequence[Policy]) -> Iterator[ConfigError]:
    """Yield variables that would hold the addresses of two services: an instance has one value of each."""
    for name, service in policy.services.items():
        for other in others:
            for called in other.services.values():
                if called.url_env == service.url_env and called.deployed_as != service.deployed_as:
                    reason = f"{service.url_env} is the address of {called.deployed_as} in {other.pipeline} already"
                    hint = (
                        f"name another variable, such as {policy.pipeline.upper().replace('-', '_')}_{service.url_env}"
                    )
                    yield ConfigError(f"services.{name}.url_env", reason, hint)


def _sent_to_others(policy: Policy, policies: Sequence[Policy]) -> Iterator[ConfigError]:
    """Yield triggers that would be another pipeline's completions: each would be a message in its quarantine."""
    for transition in policy.transitions.values():
        for topic in transition.topics:
            for other in policies:
                if other is not policy and topic in other.topics:
                    reason = f"{topic} is the completions topic of {other.topics[topic]} of {other.pipeline}"
                    hint = "a run of another pipeline is waited for with after_run; triggers need a topic of their own"
                    yield ConfigError(f"transitions.{transition.name}.dispatch", reason, hint)
