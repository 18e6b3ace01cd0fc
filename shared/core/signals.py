"""From a message of another system to the completion that it means (behaviour R13).

What comes by the topic of a signal is kept and read as an envelope, its data and its attributes together: so a
message that quarantine kept is read again as it came.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, Received, Why, enveloped, parse
from shared.core.model import Outcome
from shared.core.policy.names import Names, Unknown
from shared.core.policy.policy import Policy
from shared.core.policy.signals import CALLED, SIGNAL, Condition, Other, Signal, StatusRule
from shared.core.wire.contents import MAX_NAME, clean
from shared.core.wire.foreign_days import day_of
from shared.core.wire.name_patterns import NamePattern, like
from shared.core.wire.places import Foreign, Place, Template, apart, first, is_said, text_of
from shared.core.wire.spelling import shown

IDENTITY_DIGITS = 40
MOST_ITEMS = 100
"""A message that holds more is not taken apart: each of them is written down before it is acknowledged."""


class Depth(IntEnum):
    """How far a message was understood before it turned out to be none of a signal's."""

    CALL = 0
    WHEN = 1
    NAME = 2
    STATUS = 3


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that a signal does not count, and why; ``depth`` is how far it was read.

    ``reason`` is what it is counted by; ``detail`` says it with what stands in this message, "" where it says no more.
    """

    signal: str
    reason: str
    depth: Depth
    detail: str = ""


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


def each_of(delivery: Delivery, policy: Policy) -> list[Delivery]:
    """Return a message as the messages that it holds: one for each item of the list that a signal of its channel names
    (`each`), in which that item is alone; the message itself where it holds but one.

    Raises ``Malformed`` for what is no message with data and attributes, and for one that holds too many.
    """
    message = foreign_of(delivery)
    bodies = [message.body]
    for signal in _reading(message, delivery, policy):
        steps = () if signal.each is None else signal.each.steps
        bodies = [inner for body in bodies for inner in ((apart(body, steps) if steps else []) or [body])]
        if len(bodies) > MOST_ITEMS:
            reason = f"holds more than {MOST_ITEMS} items, which are not taken apart in one message"
            raise Malformed("too_many", f"{signal.name}: {reason}")
    if len(bodies) == 1:
        return [delivery]
    whole = replace(delivery, attributes=message.attributes)
    return [
        enveloped(replace(whole, message_id=f"{delivery.message_id}#{number}", data=json.dumps(body).encode()))
        for number, body in enumerate(bodies)
    ]


def _reading(message: Foreign, delivery: Delivery, policy: Policy) -> list[Signal]:
    """Return the signals of a channel that may read a message. What came by the call of one signal is read by no
    other, and what came by no call was not proven."""
    called = message.attributes.get(CALLED)
    listening = (signal for signal in policy.signals.values() if signal.channel == delivery.phase)
    return [signal for signal in listening if called == (signal.name if signal.webhook else None)]


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
    ignored = [Ignored(signals[0].name, "it came by another call", Depth.CALL)]
    undecided: Undecided | None = None
    for signal in _reading(message, delivery, policy):
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
        # What holds for the first item of a list says nothing of the others.
        whole = [condition for condition in readable if not condition.place.lists]
        failing = next((condition for condition in whole if not _holds(condition, message)), None)
        if failing is None:
            self._alone()
            failing = next((condition for condition in readable if not _holds(condition, message)), None)
        if failing is not None:
            return self._failing(failing)
        if message.flaw and any(place.in_body for place in _deciding(signal)):
            raise Undecided("not_json", f"{signal.name}: {message.flaw}")
        job = text_of(first(message, signal.job))
        named = self._named(job)
        if isinstance(named, Ignored):
            return named
        processor = self._processor(job, named)
        if isinstance(processor, Ignored):
            return processor
        outcome = self._outcome(processor, named)
        if isinstance(outcome, Ignored):
            return outcome
        body = self._body(processor, outcome, named)
        raw = json.dumps(body).encode()
        own = Delivery(self._identity(outcome), signal.phase, raw, delivery.published_at, delivery.received_at)
        return Converted(signal, own, body)

    def _ignored(self, reason: str, depth: Depth, detail: str = "") -> Ignored:
        return Ignored(self.signal.name, reason, depth, detail)

    def _alone(self) -> None:
        """Raise ``Undecided`` where a place reads the first of several items: the others would be lost in silence."""
        for listed in dict.fromkeys(inner for place in _deciding(self.signal) for inner in place.lists):
            items = listed.read(self.message)
            if isinstance(items, list) and len(items) > 1:
                reason = f"{listed.written} holds {len(items)} items, of which it reads the first alone"
                way = f"each: {listed.written if listed.steps else ''}[*] reads each, [first] in place of [0] says so"
                raise Undecided("several", f"{self.signal.name}: {reason}; {way}")

    def _failing(self, condition: Condition) -> Ignored:
        # What stands there may be anything, and is no name to count by.
        value, where = condition.place.read(self.message), condition.place.written
        expected = " or ".join("nothing" if words is None else words for words in condition.values)
        if value is None:
            return self._ignored(f"nothing stands at {where}", Depth.WHEN)
        return self._ignored(f"{where} is another", Depth.WHEN, f"{where} is {shown(value)}, not {expected}")

    def _named(self, job: str) -> Mapping[str, str] | Ignored:
        """Return what the patterns name in the message; it is another's where one of them does not match."""
        named = {"job": job} if job else {}
        if self.signal.pattern is not None:
            parts = self._match(self.signal.pattern, job)
            if parts is None:
                words = f"does not match {self.signal.pattern.written}"
                return self._ignored(f"its name {words}", Depth.NAME, f"its name {shown(job)} {words}")
            named |= parts
        for place, pattern in self.signal.match:
            text = text_of(place.read(self.message))
            parts = self._match(pattern, text)
            if parts is None:
                words, where = f"does not match {pattern.written}", place.written
                return self._ignored(f"{where} {words}", Depth.NAME, f"{where} {shown(text)} {words}")
            named |= parts
        return named

    def _match(self, pattern: NamePattern, text: str) -> Mapping[str, str] | None:
        if len(text) > pattern.longest:
            reason = f"{text[:40]!r}... has {len(text)} characters and is too long to be matched by {pattern.written}"
            raise Undecided("too_long", f"{self.signal.name}: {reason}, at most {pattern.longest}")
        return pattern.match(text)

    def _processor(self, job: str, named: Mapping[str, str]) -> str | Ignored:
        signal = self.signal
        name = None if signal.processor is None else signal.processor.fill(self.message, named)
        if signal.jobs:
            theirs = job if signal.processor is None else name or ""
            ours = next((processor for listed, processor in signal.jobs.items() if _is_job(listed, theirs)), None)
            absent = f"it says no {_written(signal)}, which jobs lists" if signal.processor is not None else ""
            detail = f"its name {shown(theirs)} is not among jobs" if theirs else absent
            return ours or self._ignored("its name is not among jobs", Depth.NAME, detail)
        if not name:
            if signal.unknown is Other.IGNORE:
                return self._ignored("it names no processor", Depth.NAME)
            raise Malformed("no_processor", f"{signal.name}: {_written(signal)} says no processor")
        meaning = self.names.look_up(signal.phase, name)
        if not isinstance(meaning, Unknown):
            return name
        if signal.unknown is Other.IGNORE:
            detail = f"no processor of {signal.phase} is called {shown(name)}"
            return self._ignored("its processor is nobody's", Depth.NAME, detail)
        way = "jobs says whose a name is, aliases of a processor too"
        reason = f"{signal.name}: unknown processor {shown(name)} in {signal.phase}; {way}"
        raise Malformed("unknown_processor", reason, clean(name, MAX_NAME))

    def _outcome(self, processor: str, named: Mapping[str, str]) -> Outcome | Ignored:
        rule = self.signal.status
        if self._is_said(rule.failed_when):
            return Outcome.FAILED
        outcome = rule.fixed or self._by_word(rule, processor, named)
        in_part = outcome is Outcome.SUCCESS and self._is_said(rule.partial_when)
        return Outcome.PARTIAL if in_part else outcome

    def _is_said(self, places: tuple[Place, ...]) -> bool:
        return any(is_said(place.read(self.message)) for place in places)

    def _by_word(self, rule: StatusRule, processor: str, named: Mapping[str, str]) -> Outcome | Ignored:
        text = rule.text.fill(self.message, named) if rule.text is not None else first(self.message, rule.places)
        word = text_of(text)
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

    def _identity(self, outcome: Outcome) -> str:
        """Return an id that two messages of one event share; without a template, what two equal messages share.

        A run that failed and was repeated under its own id ends anew: what has another outcome is another event.
        """
        filled = (template.fill(self.message, {}) for template in self.signal.identity)
        event = next((text for text in filled if text), None)
        if event is None:
            attributes = json.dumps(dict(self.message.attributes), sort_keys=True)
            event = f"{attributes}\n{self.message.text}"
        event = f"{event}\n{outcome.value}"
        return f"{self.signal.name}:{hashlib.sha256(event.encode('utf-8', 'replace')).hexdigest()[:IDENTITY_DIGITS]}"


def _deciding(signal: Signal) -> Iterator[Place]:
    """Yield the places that say whose completion a message is, of which date and how it ended."""
    yield from (condition.place for condition in signal.when)
    yield from signal.job
    yield from (place for place, _ in signal.match)
    yield from signal.day.places
    yield from signal.status.places
    for text in (signal.processor, signal.day.text, signal.status.text, signal.texts.get("unit")):
        yield from _places(text, signal)


def _places(text: Template | None, signal: Signal) -> Iterator[Place]:
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
    return rule.text.written if rule.text is not None else " or ".join(place.written for place in rule.places)
