"""What a service's answer means: a verdict by status and body, as the policy maps it (behaviour D10, D11).

judge(rules, accepted, "coordinator/start", 503, '{"error": "DATA_INCOMPLETE", ...}')  ->  not_yet, in its own words
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Fields = Mapping[str, tuple[Any, ...]]
"""Fields of a body by their paths, each with the values that fit."""

SHOWN, VALUE = 300, 80
MAY_PASS = frozenset({408, 425, 429})
# Words of a body that has no rule, by which a service says that it did nothing.
NOTHING_DONE = frozenset(
    {"error", "failed", "failure", "refused", "rejected", "skipped", "no_processors", "not_started"}
)
FAILED_WORDS = frozenset({"error", "failed", "failure"})
WORDS = ("status", "error", "message", "reason")
NAMES = ("processor", "processor_name", "name", "id")
CAUSES = ("error", "error_message", "message", "reason")


class Means(StrEnum):
    """What an answer comes to; ``FAILED`` is no word of the policy: an outage, which may pass (behaviour D5)."""

    ACCEPTED = "accepted"
    NOT_YET = "not_yet"
    BUSY = "busy"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Results:
    """Where an answer lists what became of its parts: all failed, or none there, is not yet."""

    path: str = "results"
    field: str = "status"
    good: tuple[str, ...] = ("success",)


@dataclass(frozen=True)
class AnswerRule:
    """One line of what the answers of a path mean. ``show`` are fields that texts quote; every field of ``body``
    has to fit."""

    status: frozenset[int]
    means: Means
    body: Fields = field(default_factory=dict, hash=False)
    show: tuple[str, ...] = ()
    results: Results | None = None

    def covers(self, other: AnswerRule) -> bool:
        """True if every answer that fits ``other`` fits this rule too."""
        return other.status <= self.status and all(
            name in other.body and all(fits(value, allowed) for value in other.body[name])
            for name, allowed in self.body.items()
        )


@dataclass(frozen=True)
class StatusCall:
    """How a service is asked whether it works on a date. Values of ``query`` are templates, ``at_work`` is its yes.

    Until the transition's `confirm.within` after a call it may be at work and not say so yet.
    """

    path: str
    at_work: Fields = field(hash=False)
    query: Mapping[str, str] = field(default_factory=dict, hash=False)


# What is in front of a service says so, which had the call and did not answer it in time.
NO_ANSWER_IN_TIME = 504


@dataclass(frozen=True, slots=True)
class Answered:
    """A verdict: ``text`` is who answered what, ``note`` what failed of an accepted call.

    ``shown`` is true where the policy names fields of the answer that every text about it quotes; ``unknown`` where
    it comes from before the service, which may be at work (behaviour D11).
    """

    means: Means
    text: str
    note: str = ""
    shown: bool = False
    unknown: bool = False


def judge(rules: Iterable[AnswerRule], accepted: Collection[int], who: str, status: int, text: str) -> Answered:
    """Return what an answer means: by the first rule that fits, else by its status, and by what it says of itself.

    ``accepted`` are the statuses that are a yes where no rule fits.
    """
    body = opened(text)
    for rule in rules:
        if status in rule.status and matches(body, rule.body):
            return _by_rule(rule, who, status, body, text)
    plain = " ".join(text[:SHOWN].split())
    if status in accepted:
        why = _nothing_done(body)
        if why:
            return Answered(Means.NOT_YET, f"{who} answers {status}, but did nothing: {why}")
        return Answered(Means.ACCEPTED, f"{who} answers {status}")
    means = Means.FAILED if status >= 500 or status in MAY_PASS else Means.REFUSED
    return Answered(means, f"{who} answers {status}: {plain}", unknown=status == NO_ANSWER_IN_TIME)


def _by_rule(rule: AnswerRule, who: str, status: int, body: Mapping[str, Any], text: str) -> Answered:
    words = ", ".join(part for part in (own_words(body, text), _shown(rule.show, body)) if part)
    whole = f"{who} answers {status}" + (f": {words}" if words else "")
    if rule.results is None or rule.means is not Means.ACCEPTED:
        return Answered(rule.means, whole, shown=bool(rule.show))
    listed = field_at(body, rule.results.path)
    parts = listed if isinstance(listed, list) else []
    good = rule.results.good
    failed = [part for part in parts if not (isinstance(part, Mapping) and part.get(rule.results.field) in good)]
    if not parts:
        return Answered(Means.NOT_YET, f"{who} answers {status}, but ran nothing: {rule.results.path} is empty")
    count = f"{len(failed)} of {len(parts)} failed: {'; '.join(_part(part, rule.results.field) for part in failed)}"
    if len(failed) == len(parts):
        return Answered(Means.NOT_YET, f"{who} answers {status}, but {count[:SHOWN]}")
    note = f"{who} answers {status}: {count[:SHOWN]}" if failed else ""
    return Answered(Means.ACCEPTED, whole, note, bool(rule.show))


def _part(part: Any, word: str) -> str:
    if not isinstance(part, Mapping):
        return _value(part)
    name = next((str(part[key]) for key in NAMES if part.get(key)), "unnamed")
    why = next((str(part[key]) for key in CAUSES if part.get(key)), str(part.get(word, "without a status")))
    return f"{name} ({why[:VALUE]})"


def _nothing_done(body: Mapping[str, Any]) -> str:
    """Return in which words a body without a rule says that nothing was done, "" if it does not (behaviour D10)."""
    word = body.get("status")
    if isinstance(word, str) and word.lower() in NOTHING_DONE:
        return own_words(body, "")
    if any(body.get(name) is False for name in ("success", "ok", "accepted", "started")):
        return own_words(body, "") or json.dumps(dict(body))[:SHOWN]
    if body.get("error") and word is None:
        return own_words(body, "")
    results = body.get("results")
    if isinstance(results, list):
        words = [part.get("status") if isinstance(part, Mapping) else None for part in results]
        if all(isinstance(word, str) and word.lower() in FAILED_WORDS for word in words):
            return "results: " + ("; ".join(_part(part, "status") for part in results)[:SHOWN] or "none")
    return ""


def own_words(body: Mapping[str, Any], text: str) -> str:
    """Return what an answer says in words: its status, error, message and reason, else the beginning of it."""
    words = dict.fromkeys(str(body[name]) for name in WORDS if isinstance(body.get(name), str | int) and body[name])
    return " ".join(" ".join(words).split())[:SHOWN] if words else " ".join(text[:SHOWN].split())


def _shown(paths: Iterable[str], body: Mapping[str, Any]) -> str:
    values = ((path, field_at(body, path)) for path in paths)
    return ", ".join(f"{path} {_value(value)}" for path, value in values if value is not None)


def _value(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str))[:VALUE]


def is_at_work(call: StatusCall, asked: Mapping[str, str], text: str) -> bool:
    """True if a service says that it works on what it was asked about; an answer that names another date does not."""
    body = opened(text)
    same = all(str(body[name]) == value for name, value in asked.items() if body.get(name) is not None)
    return same and matches(body, call.at_work)


def matches(body: Mapping[str, Any], fields: Fields) -> bool:
    """True if every field that is wanted has one of its values."""
    return all(fits(field_at(body, path), allowed) for path, allowed in fields.items())


def fits(value: Any, allowed: Iterable[Any]) -> bool:
    return any(value == option and isinstance(value, bool) == isinstance(option, bool) for option in allowed)


def field_at(body: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path of an answer, None if there is none; a message is stricter: ``dialect.value_at``."""
    value: Any = body
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def opened(text: str) -> Mapping[str, Any]:
    """Return the object that a body is, empty for any other."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def example(rule: AnswerRule) -> tuple[int, dict[str, Any]]:
    """Return an answer that fits a rule, as simulated services give it."""
    body: dict[str, Any] = {}
    for path, allowed in rule.body.items():
        _put(body, path, allowed[0])
    if rule.results is not None:
        _put(body, rule.results.path, [{rule.results.field: rule.results.good[0]}])
    return min(rule.status), body


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        body = body.setdefault(step, {})
    body[last] = value
