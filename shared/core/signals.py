"""From a message of another system to the completion that it means (behaviour R13).

What comes by the topic of a signal is kept and read as an envelope, its data and its attributes together: so a
message that quarantine kept is read again as it came.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, Received, Why, parse
from shared.core.model import Outcome
from shared.core.policy.names import Names, Unknown
from shared.core.policy.policy import Policy
from shared.core.policy.signals import CALLED, SIGNAL, Condition, Other, Signal, StatusRule
from shared.core.wire.foreign_days import day_of
from shared.core.wire.name_patterns import NamePattern, like
from shared.core.wire.places import Foreign, Place, first, text_of

IDENTITY_DIGITS = 40


class Depth(IntEnum):
    """How far a message was understood before it turned out to be none of a signal's."""

    CALL = 0
    WHEN = 1
    NAME = 2
    STATUS = 3


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that a signal does not count, and why; ``depth`` is how far it was read."""

    signal: str
    reason: str
    depth: Depth


class Undecided(Malformed):
    """A message of which a signal cannot tell whether it is its own; another signal of the topic may."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The completion that a message means, as a delivery on the topic of its phase."""

    signal: Signal
    delivery: Delivery
    body: Mapping[str, Any]


def foreign_of(delivery: Delivery) -> Foreign:
    """Return the message in an enveloped delivery; raise ``Malformed`` for another."""
    try:
        envelope = json.loads(delivery.data)
        data = base64.b64decode(envelope["data"], validate=True)
        attributes = {str(name): text_of(value) for name, value in envelope["attributes"].items()}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise Malformed("envelope", "what came is no message with data and attributes") from None
    return Foreign(data, attributes, delivery.message_id, delivery.published_at)


def is_probe(message: Foreign) -> bool:
    """True for a message that says nothing at all."""
    return not message.data.strip() and not message.attributes


def read(delivery: Delivery, policy: Policy, names: Names) -> Received | Counted:
    """Understand what came by the channel of a signal; raise ``Malformed`` for what can never make sense (R1)."""
    converted = convert(delivery, policy, names)
    if isinstance(converted, Ignored):
        day = policy.local(delivery.published_at).date()
        return Counted(Why.IGNORED, delivery.phase, f"{converted.signal}: {converted.reason}"[:200], day)
    return parse(converted.delivery, policy, names)


def convert(delivery: Delivery, policy: Policy, names: Names) -> Converted | Ignored:
    """Return the completion that the first signal of a channel reads in a message, which other ones may ignore.

    Raises ``Malformed`` where a signal takes a message for its own and cannot read it, and for a channel that no
    signal listens to (any more).
    """
    signals = [signal for signal in policy.signals.values() if signal.channel == delivery.phase]
    if not signals:
        raise Malformed("no_signal", f"no signal of the policy listens to {delivery.phase.removeprefix(SIGNAL)}")
    message = foreign_of(delivery)
    called = message.attributes.get(CALLED)
    ignored = [Ignored(signals[0].name, "it came by another call", Depth.CALL)]
    undecided: Undecided | None = None
    for signal in signals:
        # What came by the call of one signal is read by no other, and what came by no call was not proven.
        if called != (signal.name if signal.webhook else None):
            continue
        try:
            reading = _Reading(signal, message, policy, names).read(delivery)
        except Undecided as reason:
            undecided = undecided or reason
            continue
        if isinstance(reading, Converted):
            return reading
        ignored.append(reading)
    if undecided is not None:
        raise undecided
    return max(ignored, key=lambda ignored_by: ignored_by.depth)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A message and the signal that it is to be read by."""

    signal: Signal
    message: Foreign
    policy: Policy
    names: Names

    def read(self, delivery: Delivery) -> Converted | Ignored:
        signal, message = self.signal, self.message
        # Of a message whose data cannot be read, what stands beside the data may still say that it is another's.
        readable = [condition for condition in signal.when if not (message.flaw and condition.place.in_body)]
        failing = next((condition for condition in readable if not _holds(condition, message)), None)
        if failing is not None:
            # What stands there may be anything, and is no name to count by.
            absent = failing.place.read(message) is None
            where = failing.place.written
            return self._ignored(f"nothing stands at {where}" if absent else f"{where} is another", Depth.WHEN)
        if message.flaw and any(place.in_body for place in _deciding(signal)):
            raise Undecided("not_json", f"{signal.name}: {message.flaw}")
        job = text_of(first(message, signal.job))
        named = self._named(job)
        if isinstance(named, Ignored):
            return named
        processor = self._processor(job, named)
        if isinstance(processor, Ignored):
            return processor
        outcome = self._outcome(processor)
        if isinstance(outcome, Ignored):
            return outcome
        body = self._body(processor, outcome, named)
        raw = json.dumps(body).encode()
        own = Delivery(self._identity(), signal.phase, raw, delivery.published_at, delivery.received_at)
        return Converted(signal, own, body)

    def _ignored(self, reason: str, depth: Depth) -> Ignored:
        return Ignored(self.signal.name, reason, depth)

    def _named(self, job: str) -> Mapping[str, str] | Ignored:
        """Return what the patterns name in the message; it is another's where one of them does not match."""
        named = {"job": job} if job else {}
        if self.signal.pattern is not None:
            parts = self._match(self.signal.pattern, job)
            if parts is None:
                return self._ignored(f"its name does not match {self.signal.pattern.written}", Depth.NAME)
            named |= parts
        for place, pattern in self.signal.match:
            parts = self._match(pattern, text_of(place.read(self.message)))
            if parts is None:
                return self._ignored(f"{place.written} does not match {pattern.written}", Depth.NAME)
            named |= parts
        return named

    def _match(self, pattern: NamePattern, text: str) -> Mapping[str, str] | None:
        if len(text) > pattern.longest:
            reason = f"{text[:40]!r}... has {len(text)} characters and is too long to be matched by {pattern.written}"
            raise Undecided("too_long", f"{self.signal.name}: {reason}, at most {pattern.longest}")
        return pattern.match(text)

    def _processor(self, job: str, named: Mapping[str, str]) -> str | Ignored:
        signal = self.signal
        if signal.jobs:
            ours = next((processor for name, processor in signal.jobs.items() if _is_job(name, job)), None)
            return ours or self._ignored("its name is not among jobs", Depth.NAME)
        name = None if signal.processor is None else signal.processor.fill(self.message, named)
        if not name:
            if signal.unknown is Other.IGNORE:
                return self._ignored("it names no processor", Depth.NAME)
            raise Malformed("no_processor", f"{signal.name}: {_written(signal)} says no processor")
        meaning = self.names.look_up(signal.phase, name)
        if signal.unknown is Other.IGNORE and isinstance(meaning, Unknown):
            return self._ignored("its processor is nobody's", Depth.NAME)
        return name

    def _outcome(self, processor: str) -> Outcome | Ignored:
        rule = self.signal.status
        if first(self.message, rule.failed_when) is not None:
            return Outcome.FAILED
        if rule.fixed is not None:
            return rule.fixed
        word = text_of(first(self.message, rule.places))
        if not word:
            return self._unlisted(rule.missing, "no_status", f"no {_listed(rule)}", processor)
        if word not in rule.words:
            return self._unlisted(rule.other, "unknown_status", f"unknown status {word[:100]!r}", processor)
        outcome = rule.words[word]
        return self._ignored(f"its status is {word}", Depth.STATUS) if outcome is None else outcome

    def _unlisted(self, other: Other, kind: str, reason: str, processor: str) -> Ignored:
        if other is Other.IGNORE:
            return self._ignored(
                "it has no status" if kind == "no_status" else "its status is not listed", Depth.STATUS
            )
        raise Malformed(kind, f"{self.signal.name}: {reason}", processor)

    def _body(self, processor: str, outcome: Outcome, named: Mapping[str, str]) -> dict[str, Any]:
        """Return the completion in the fields of R3, which every pipeline understands (R8)."""
        signal, message = self.signal, self.message
        fields: dict[str, Any] = {
            "processor_name": processor,
            "game_date": self._day(processor, named),
            "status": outcome.value,
            "record_count": first(message, signal.records),
            "timestamp": first(message, signal.ended) or message.published_at.isoformat(),
        }
        fields |= {name: text.fill(message, named) for name, text in signal.texts.items()}
        if "unit" in signal.texts and not fields["unit"]:
            raise Malformed("no_unit", f"{signal.name}: {signal.texts['unit'].written} says no unit", processor)
        if outcome is Outcome.FAILED:
            fields["error_message"] = text_of(first(message, signal.cause))
        return {name: value for name, value in fields.items() if value not in (None, "")}

    def _day(self, processor: str, named: Mapping[str, str]) -> str:
        rule = self.signal.day
        text = (
            rule.text.fill(self.message, named) if rule.text is not None else text_of(first(self.message, rule.places))
        )
        if not text:
            where = rule.text.written if rule.text is not None else " or ".join(p.written for p in rule.places)
            raise Malformed("no_date", f"{self.signal.name}: no {where}", processor)
        zone = ZoneInfo(rule.zone) if rule.zone else self.policy.zone
        try:
            return (
                day_of(text, rule.form, zone, ZoneInfo(rule.written_in) if rule.written_in else None)
                + timedelta(days=rule.offset_days)
            ).isoformat()
        except (ValueError, OverflowError) as error:
            shown = repr(text[:60])
            reason = str(error) if shown in str(error) else f"{shown} is no date: {error}"
            raise Malformed("bad_date", f"{self.signal.name}: {reason}", processor) from None

    def _identity(self) -> str:
        """Return an id that two messages of one event share; without a template, what two equal messages share."""
        filled = (template.fill(self.message, {}) for template in self.signal.identity)
        event = next((text for text in filled if text), None)
        if event is None:
            attributes = json.dumps(dict(self.message.attributes), sort_keys=True)
            event = f"{attributes}\n{self.message.text}"
        return f"{self.signal.name}:{hashlib.sha256(event.encode('utf-8', 'replace')).hexdigest()[:IDENTITY_DIGITS]}"


def _deciding(signal: Signal) -> Iterator[Place]:
    """Yield the places that say whose completion a message is, of which date and how it ended."""
    yield from (condition.place for condition in signal.when)
    yield from signal.job
    yield from (place for place, _ in signal.match)
    yield from signal.day.places
    yield from signal.status.places
    for text in (signal.processor, signal.day.text, signal.texts.get("unit")):
        if text is not None:
            yield from (p for p in text.parts if isinstance(p, Place) and p.written not in signal.names)


def _holds(condition: Condition, message: Foreign) -> bool:
    value = condition.place.read(message)
    texts = [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]
    if value is None:
        return None in condition.values
    return any(words is not None and like(words, text) for text in texts for words in condition.values)


def _is_job(name: str, job: str) -> bool:
    """True where a name of the policy is the job's, or one part of it between slashes; * stands for any characters."""
    return bool(job) and (like(name, job) or any(like(name, part) for part in job.split("/")))


def _written(signal: Signal) -> str:
    return "the signal" if signal.processor is None else signal.processor.written


def _listed(rule: StatusRule) -> str:
    return " or ".join(place.written for place in rule.places)
