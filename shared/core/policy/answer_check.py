"""What is wrong with what a policy says of its services' answers (behaviour D10, D11)."""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import Policy
from shared.core.wire import templates
from shared.core.wire.answers import AnswerRule, Fields, Means

STATUS_NAMES = frozenset({"game_date", "mode", "lane", "pipeline", "run_id"})
"""What the query of a status call may name: what a transition and a repair both know."""


def answer_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield what is wrong with the status call and the answers of each service."""
    for service in policy.services.values():
        key = f"services.{service.name}"
        if service.status is not None:
            yield from _fields(service.status.at_work, f"{key}.status.at_work")
            if not service.status.at_work:
                yield ConfigError(
                    f"{key}.status.at_work", "any answer would fit it", "name a field: {status: in_progress}"
                )
            for name, value in service.status.query.items():
                for flaw in templates.flaws(value, STATUS_NAMES):
                    hint = suggest(flaw.reason.split("{")[-1].split("}")[0], STATUS_NAMES)
                    yield ConfigError(f"{key}.status.query.{name}", flaw.reason, hint)
        for path, rules in service.answers.items():
            yield from _rule_errors(rules, f"{key}.answers.{path}")


def _fields(fields: Fields, key: str) -> Iterator[ConfigError]:
    for path, values in fields.items():
        if not values:
            yield ConfigError(f"{key}.{path}", "no value fits an empty list", "name at least one value")


def _rule_errors(rules: tuple[AnswerRule, ...], key: str) -> Iterator[ConfigError]:
    for place, rule in enumerate(rules):
        yield from _fields(rule.body, f"{key}[{place}].body")
        if not rule.status:
            yield ConfigError(f"{key}[{place}].status", "no answer fits an empty list", "name at least one status")
        if rule.results is not None and rule.means is not Means.ACCEPTED:
            reason = f"results are read of an accepted answer, this one means {rule.means.value}"
            yield ConfigError(f"{key}[{place}].results", reason, "leave it out, or means: accepted")
        covering = next((number for number, earlier in enumerate(rules[:place]) if earlier.covers(rule)), None)
        if covering is not None:
            reason = f"is never reached: every answer that fits it fits [{covering}] before it"
            yield ConfigError(f"{key}[{place}]", reason, "the first that fits counts: put the narrower one first")
