"""From bytes on the wire to a `Report`, or to the reason why that can never be (behaviour R1 to R4, R8, R9, R11)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.core.errors import Malformed
from shared.core.model import Lane, Report, RunKey
from shared.core.modes import mode_of
from shared.core.policy.names import Elsewhere, Foreign, Known, Named, Names, source_of
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Mode, Policy
from shared.core.wire import spelling
from shared.core.wire.contents import MAX_ID, MAX_NAME, Contents, clean, identifier, text
from shared.core.wire.dialect import CANONICAL, DateZone, Dialect, WithoutDate, dotted_path, first, ignoring, value_at
from shared.core.wire.instants import YEARS
from shared.core.wire.spelling import is_absent, shown

SKIP, BACKFILL, OUTPUT_TABLE = ("skip_downstream_trigger",), ("backfill_mode",), ("output_table",)
INCREMENTAL, BATCH = ("metadata", "is_incremental"), ("metadata", "batch_id")
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0{1,9})?)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived. ``data`` is the decoded body, ``phase`` the one whose topic it came by."""

    message_id: str
    phase: str
    data: bytes
    published_at: datetime
    received_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


def enveloped(delivery: Delivery) -> Delivery:
    """Return a delivery whose data is what came whole, data and attributes: so quarantine keeps what a signal is read
    by (behaviour R13)."""
    envelope = {"attributes": dict(delivery.attributes), "data": base64.b64encode(delivery.data).decode()}
    data = json.dumps(envelope, sort_keys=True, default=str).encode()
    return replace(delivery, data=data, attributes={})


@dataclass(frozen=True, slots=True)
class Received:
    """A message understood. ``by_table`` says that only its output table made its processor known (behaviour R2),
    ``other_dataset`` is the dataset that it names instead of its table's own, where another table lives in it (R8).
    ``lane_named`` is false where it names no lane, and is taken for live (R4)."""

    key: RunKey
    report: Report
    skip_downstream: bool = False
    by_table: bool = False
    wire_name: str = ""
    other_dataset: str = ""
    lane_named: bool = True


class Why(StrEnum):
    """Why a message is counted and nothing else."""

    KNOWN = "known"
    WITHOUT_DATE = "without_date"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that is counted by name and by the local day it was published on, and bears on nothing else."""

    why: Why
    phase: str
    name: str
    day: date


def from_attributes(delivery: Delivery, policy: Policy) -> Delivery | None:
    """Return a message without data as if its attributes were its body; None if they name no processor: a probe.

    What states an outcome tells of a processor, even if it does not say of which. An attribute holds no object: one
    that is named by its place in an object (`metadata.completion_pct`) is there.
    """
    wire, fields = _wire(delivery, policy), _nested(delivery.attributes)
    if first(fields, wire.name) is None and first(fields, wire.status) is None:
        return None
    data = json.dumps(fields, default=str).encode()
    return Delivery(
        delivery.message_id, delivery.phase, data, delivery.published_at, delivery.received_at, delivery.attributes
    )


def _nested(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with those that are named by a place at that place, where nothing else is in the way."""
    fields = {name: value for name, value in attributes.items() if "." not in name}
    for name, value in attributes.items():
        head, dot, tail = name.partition(".")
        if dot:
            inside = fields.setdefault(head, {})
            place, key = (inside, tail) if isinstance(inside, dict) else (fields, name)
            place[key] = value
    return fields


def parse(delivery: Delivery, policy: Policy, names: Names) -> Received | Counted:
    """Understand one completion message; raise ``Malformed`` if nothing can ever make sense of it."""
    body = _object(delivery.data)
    contents = Contents(body, _wire(delivery, policy))
    name = ""
    try:
        rule = ignoring(body, contents.wire)
        if rule is not None:
            return _counted(Why.IGNORED, delivery, policy, rule.words)
        name = contents.name()
        return _Message(contents, delivery, policy, names).understood(name)
    except Malformed as wrong:
        day = _day_where_read(contents, delivery, policy)
        raise Malformed(wrong.kind, wrong.reason, clean(name, MAX_NAME), day) from None


def _counted(why: Why, delivery: Delivery, policy: Policy, name: str) -> Counted:
    return Counted(why, delivery.phase, clean(name, MAX_NAME), policy.local(delivery.published_at).date())


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"not JSON: {str(error)[:200]}") from None
    if not isinstance(body, dict):
        raise Malformed("not_object", f"not a JSON object but {type(body).__name__}")
    return body


def _day_where_read(contents: Contents, delivery: Delivery, policy: Policy) -> date | None:
    """Return the date of a message that is refused, if that much of it is understood."""
    try:
        return _day(contents, delivery.published_at, policy)
    except Malformed:
        return None


def _day(contents: Contents, published: datetime, policy: Policy) -> date | None:
    """Return the date a message belongs to; None if it has none. Raises Malformed for what is no date."""
    wire = contents.wire
    pair = first(contents.body, wire.date)
    if pair is None:
        return None
    path, value = pair
    where = dotted_path(path)
    if isinstance(value, str) and value in wire.date_words:
        zone = UTC if wire.date_words_zone is DateZone.UTC else policy.zone
        return published.astimezone(zone).date() + timedelta(days=wire.date_words[value])
    match = DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Malformed("bad_date", f"{where} {shown(value)} is not a date like 2026-01-21")
    try:
        day = date.fromisoformat(match[1])
    except ValueError:
        raise Malformed("bad_date", f"{where} {value!r} does not exist") from None
    if day.year not in YEARS:
        raise Malformed("bad_date", f"{where} {value!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return day


@dataclass(frozen=True, slots=True)
class _Message:
    """A message and what it is to be read by."""

    contents: Contents
    delivery: Delivery
    policy: Policy
    names: Names

    @property
    def wire(self) -> Dialect:
        return self.contents.wire

    def understood(self, name: str) -> Received | Counted:
        self._own_pipeline()
        named = self._processor(name)
        if not isinstance(named, Named):
            return _counted(Why.KNOWN, self.delivery, self.policy, name)
        phase = self.delivery.phase
        processor = self.policy.phases[phase].processors[named.processor]
        other_dataset = self._dataset(processor)
        day = _day(self.contents, self.delivery.published_at, self.policy)
        if day is None and self.wire.without_date is WithoutDate.COUNT:
            return _counted(Why.WITHOUT_DATE, self.delivery, self.policy, name)
        if day is None:
            raise Malformed("no_date", f"no {dotted_path(self.wire.date[0])}")
        lane = self._lane()
        expecting = self.policy.expecting[phase, named.processor]
        key = RunKey(self.policy.pipeline, day, self._mode(day, expecting), lane or Lane.LIVE)
        report = self._report(processor, name)
        skip = self.contents.read_one(SKIP, "bad_flag", spelling.flag) is True
        wire_name = clean(name, MAX_NAME)
        return Received(key, report, skip, named.by_table, wire_name, other_dataset, lane is not None)

    def _report(self, processor: Processor, name: str) -> Report:
        delivery, contents, body = self.delivery, self.contents, self.contents.body
        records, expected = contents.records(), contents.expected()
        return Report(
            message_id=delivery.message_id,
            phase=delivery.phase,
            processor=processor.name,
            source=source_of(processor, name, _if_text(body.get("output_table")), _if_text(body.get("output_dataset"))),
            outcome=contents.outcome(),
            occurred_at=contents.ended(delivery.published_at),
            received_at=delivery.received_at,
            records=records,
            expected_records=expected,
            percent=contents.percent(records, expected),
            correlation_id=spelling.correlation(body.get("correlation_id")),
            execution_id=identifier(body.get("execution_id")),
            output_table=text(body.get("output_table"), MAX_ID),
            error=contents.cause(),
            is_incremental=contents.read_one(INCREMENTAL, "bad_flag", spelling.flag),
            entities=contents.entities(),
            batch_id=identifier(value_at(body, BATCH)),
            trigger_id=text(body.get("trigger_id"), MAX_ID) or text(delivery.attributes.get("trigger_id"), MAX_ID),
            unit=identifier(body.get("unit")),
        )

    def _own_pipeline(self) -> None:
        named = self.contents.word("pipeline")
        if named not in (None, self.policy.pipeline):
            raise Malformed("other_pipeline", f"pipeline {shown(named)} is not {self.policy.pipeline!r}")

    def _processor(self, name: str) -> Named | Known:
        phase, word = self.delivery.phase, self.contents.word("phase")
        if not (word in (None, phase) or (isinstance(word, str) and word in self.wire.phase)):
            raise Malformed("wrong_topic", f"wrong topic: phase {shown(word)} was sent to the topic of {phase}")
        if not name:
            raise Malformed("no_processor", f"no {dotted_path(self.wire.name[0])}")
        table, dataset = (self.contents.body.get(place) for place in ("output_table", "output_dataset"))
        meaning = self.names.look_up(phase, name, _if_text(table), _if_text(dataset))
        match meaning:
            case Named() | Known():
                return meaning
            case Foreign(by):
                raise Malformed("foreign", f"{shown(name)} is another pipeline's: foreign says {by}")
            case Elsewhere(other):
                where = f"belongs to {other}, this is the topic of {phase}"
                raise Malformed("wrong_topic", f"wrong topic: {shown(name)} {where}")
            case _:
                raise Malformed("unknown_processor", f"unknown processor {shown(name)} in {phase}")

    def _dataset(self, processor: Processor) -> str:
        """Return the dataset that a message names instead of its table's own, "" if it names none.

        Raises Malformed for one in which no table of the pipeline lives: a rehearsal never moves a live run (R8).
        """
        if self.wire.rehearsal is None:
            return ""
        own, named = processor.datasets, self.contents.body.get("output_table")
        stated = value_at(self.contents.body, self.wire.rehearsal)
        if stated in own and isinstance(named, str) and named.isidentifier():
            return ""  # as nearly all are sent: the own dataset, and a table by its bare name
        table = spelling.table(_if_text(named))
        if not (is_absent(stated) or isinstance(stated, str)):
            where = dotted_path(self.wire.rehearsal)
            raise Malformed("bad_field", f"{where} is {shown(stated)}, not a dataset")
        # A path, such as that of a file, is no table.
        written = "" if "/" in table else table.rpartition(".")[0]
        other = ""
        for place, dataset in ((self.wire.rehearsal, spelling.dataset(stated or "")), (OUTPUT_TABLE, written)):
            if not dataset or dataset in own:
                continue
            if dataset not in self.names.datasets:
                where = dotted_path(place)
                raise Malformed("rehearsal", f"rehearsal: {where} names {shown(dataset)}, where no table of ours lives")
            other = other or (dataset if own else "")
        return other

    def _lane(self) -> Lane | None:
        """Return the lane that the message names, None where it names none."""
        if "lane" not in self.contents.body and "backfill_mode" not in self.contents.body:
            return None
        word = self.contents.word("lane")
        backfill = self.contents.read_one(BACKFILL, "bad_flag", spelling.flag)
        if backfill is True or word == Lane.BACKFILL.value:
            return Lane.BACKFILL
        if word not in (None, Lane.LIVE.value):
            raise Malformed("bad_lane", f"lane {shown(word)} is neither live nor backfill")
        return None if word is None and backfill is None else Lane.LIVE

    def _mode(self, day: date, expecting: Sequence[Mode]) -> str:
        word, published = self.contents.word("mode"), self.delivery.published_at
        if word is not None:
            if isinstance(word, str) and word in self.policy.modes:
                return word
            raise Malformed("unknown_mode", f"unknown mode {shown(word)}")
        mode = mode_of(day, published, self.policy, expecting)
        if mode is None and not self.policy.phases[self.delivery.phase].needs_mode:
            return ""
        if mode is None:
            named = "" if len(self.policy.dated) == len(self.policy.modes) else ", and the message names no mode"
            when = published.isoformat()
            raise Malformed("no_mode", f"no mode of {self.policy.pipeline} works on {day} at {when}{named}")
        return mode


def _if_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _wire(delivery: Delivery, policy: Policy) -> Dialect:
    """Return the dialect of a message; a phase that has left the policy has none of its own."""
    phase = policy.phases.get(delivery.phase)
    return CANONICAL if phase is None else phase.wire
