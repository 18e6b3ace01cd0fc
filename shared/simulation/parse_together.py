"""A file that plays several pipelines (`pipelines: [FILE, ...]`): which part of it is whose.

What names a pipeline is that one's. Anything else is read for each of them, and belongs to those that understand it:
a message or a batch's report to the first, what changes the world to all. Times are local to the first pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import yaml

from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.simulation.expectations import Expected
from shared.simulation.parse_events import KINDS, WORLD, Reader, parse_change
from shared.simulation.parse_expect import ExpectationReader
from shared.simulation.reader import ScenarioError, Value, to_instant
from shared.simulation.scenario import (
    Change,
    Complete,
    Concurrently,
    ControllerSwitch,
    Crash,
    Event,
    Fault,
    Happening,
    Redeliver,
)
from shared.simulation.times import Times

PIPELINE = "pipeline"
# What these expectations ask about is found in whatever all pipelines did, where the file names none.
OF_ALL = frozenset({"alert", "no_alert", "resolved", "not_resolved", "quarantined", "runs", "response", "exit"})


@dataclass(frozen=True)
class Member:
    """One of the pipelines that a file plays."""

    policy: Policy
    workflows: Workflows | None

    @property
    def name(self) -> str:
        return self.policy.pipeline


@dataclass(frozen=True)
class Divided:
    """What of a file is one pipeline's: its events and expectations."""

    events: tuple[Event, ...]
    expect: tuple[Expected, ...]


def parts_for(value: Value | None, members: Sequence[Member], kinds: Iterable[str]) -> list[Change]:
    """Return the world of each pipeline at the start: of each table, service, scraper what the pipeline has."""
    changes = [dict[str, Value]() for _ in members]
    fields = {} if value is None or value.is_empty else {key.text(): item for key, item in value.pairs()}
    for kind in kinds:
        if kind in fields and not fields[kind].is_empty:
            for number, fitting in enumerate(_split(kind, fields[kind], members)):
                if fitting is not None:
                    changes[number][kind] = fitting
    return [
        parse_change(change, member.policy, member.workflows) for change, member in zip(changes, members, strict=True)
    ]


def _split(kind: str, value: Value, members: Sequence[Member]) -> list[Value | None]:
    """Return what of a mapping each pipeline understands; raise ``ScenarioError`` for what none does."""
    chosen: list[list[tuple[yaml.Node, yaml.Node]]] = [[] for _ in members]
    for key, item in value.pairs():
        alone = _mapping(value, [(key.node, item.node)])
        readings = [partial(parse_change, {kind: alone}, member.policy, member.workflows) for member in members]
        for number in fitting(readings):
            chosen[number].append((key.node, item.node))
    return [_mapping(value, pairs) if pairs else None for pairs in chosen]


def _mapping(like: Value, pairs: list[tuple[yaml.Node, yaml.Node]]) -> Value:
    node = yaml.MappingNode(like.node.tag, pairs, like.node.start_mark, like.node.end_mark)
    return Value(node, like.path, like.key)


def fitting(readings: Sequence[Callable[[], object]]) -> list[int]:
    """Return which readings succeed; raise the first's error where none does."""
    fits, first = list[int](), None
    for number, reading in enumerate(readings):
        try:
            reading()
        except ScenarioError as error:
            first = first or error
        else:
            fits.append(number)
    if not fits and first is not None:
        raise first
    return fits


class EventDivider:
    """Reads the events of a file for all its pipelines; ids of messages are shared."""

    def __init__(self, members: Sequence[Member], times: Times) -> None:
        self._members, self._times = members, times
        self._readers = [Reader(member.policy, times, member.workflows) for member in members]
        self._owner: dict[str, int] = {}

    def events(self, value: Value | None, span: tuple[datetime, datetime]) -> list[tuple[Event, ...]]:
        divided: list[list[Event]] = [[] for _ in self._members]
        latest = span[0]
        for item in [] if value is None or value.is_empty else value.items():
            fields = item.fields(required=("at",), optional=(PIPELINE, *KINDS))
            kinds = [name for name in fields if name not in ("at", PIPELINE)]
            if len(kinds) != 1:
                named = " and ".join(kinds) if kinds else "none"
                raise item.error(f"needs exactly one of {', '.join(KINDS)}, found {named}")
            at = to_instant(fields["at"], self._times.parse)
            if not span[0] <= at <= span[1]:
                raise fields["at"].error("lies outside start and end")
            if at < latest:
                raise fields["at"].error("lies before the event above it", "write events in the order of their times")
            latest = at
            owner = member_named(fields.get(PIPELINE), self._members)
            for number, happening in self._happenings(kinds[0], fields[kinds[0]], at, owner):
                divided[number].append(Event(at, happening))
        return [tuple(events) for events in divided]

    def _happenings(self, kind: str, value: Value, at: datetime, named: int | None) -> list[tuple[int, Happening]]:
        if kind in ("redeliver", "concurrently"):
            return self._messages(kind, value, at, named)
        if kind == "controller":  # one serves all of them
            named = None
        if named is not None:
            return [self._taken(named, kind, value, at)]
        if kind in WORLD and not value.is_empty:
            parts = _split(kind, value, self._members)
            return [(n, self._readers[n].happening(kind, part, at)) for n, part in enumerate(parts) if part is not None]
        readings = [partial(self._trial, number, kind, value, at) for number in range(len(self._members))]
        fits = fitting(readings)
        happenings = [(number, self._trial(number, kind, value, at)) for number in fits]
        first = happenings[0][1]
        match first:
            case Fault() | ControllerSwitch():
                return happenings
            case Crash():
                return [(0, Crash(first.point, anybody=True))]
            case Complete():
                knowing = [n for n, each in happenings if isinstance(each, Complete) and self._knows(n, each)]
                return [self._taken((knowing or fits)[0], kind, value, at)]
        return [self._taken(fits[0], kind, value, at)]

    def _knows(self, number: int, message: Complete) -> bool:
        """True where a pipeline has a processor of this name in the phase."""
        member, name = self._members[number], message.body["processor_name"]
        phase = member.policy.phases.get(message.phase)
        if phase is None:
            return member.workflows is not None and name in member.workflows.scrapers
        return any(name in (processor.name, *processor.aliases) for processor in phase.processors.values())

    def _trial(self, number: int, kind: str, value: Value, at: datetime) -> Happening:
        """Read for a pipeline without remembering the ids that it names."""
        reader = self._readers[number]
        before, reader.named = reader.named, set(self._owner)
        try:
            return reader.happening(kind, value, at)
        finally:
            reader.named = before

    def _taken(self, number: int, kind: str, value: Value, at: datetime) -> tuple[int, Happening]:
        """Read for one pipeline, which the messages that are named here belong to from now on."""
        reader = self._readers[number]
        reader.named = set(self._owner)
        happening = reader.happening(kind, value, at)
        self._owner.update(dict.fromkeys(reader.named - self._owner.keys(), number))
        return number, happening

    def _messages(self, kind: str, value: Value, at: datetime, named: int | None) -> list[tuple[int, Happening]]:
        """Divide messages among the pipelines: those of one are handled at once, as they would be alone."""
        if kind == "redeliver":
            by_owner: dict[int, list[str]] = {}
            for name in value.texts():
                if name not in self._owner:
                    raise value.error(f"no message before it has the id {name!r}")
                by_owner.setdefault(self._owner[name], []).append(name)
            return [(number, Redeliver(tuple(names))) for number, names in by_owner.items()]
        entries: dict[int, list[Happening]] = {}
        for item in value.items():
            for key, entry in item.pairs():
                single = key.word(("complete", "redeliver", "batch_report"))
                for number, happening in self._happenings(single, entry, at, named):
                    entries.setdefault(number, []).append(happening)
        if not entries:
            raise value.error("must not be empty")
        return [(number, Concurrently(tuple(listed))) for number, listed in entries.items()]  # type: ignore[arg-type]


def member_named(value: Value | None, members: Sequence[Member]) -> int | None:
    """Return the pipeline that a key names, None where the file names none there."""
    if value is None:
        return None
    names = [member.name for member in members]
    return names.index(value.word(names))


def divide_expectations(
    value: Value | None, members: Sequence[Member], times: Times, span: tuple[datetime, datetime]
) -> tuple[list[tuple[Expected, ...]], tuple[Expected, ...]]:
    """Return what is expected of each pipeline, and of all of them together."""
    readers = [ExpectationReader(member.policy, times, span, member.workflows) for member in members]
    own: list[list[Expected]] = [[] for _ in members]
    shared: list[Expected] = []
    for index, item in enumerate([] if value is None or value.is_empty else value.items()):
        fields = item.fields(optional=(PIPELINE, *readers[0].kinds))
        kinds = [name for name in fields if name != PIPELINE]
        if len(kinds) != 1:
            raise item.error(
                f"needs exactly one of {', '.join(readers[0].kinds)}, found {' and '.join(kinds) or 'none'}"
            )
        kind, named = kinds[0], member_named(fields.get(PIPELINE), members)
        if named is not None:
            own[named].append(Expected(index, item.plain(), readers[named].kinds[kind](fields[kind])))
            continue
        fits = fitting([partial(reader.kinds[kind], fields[kind]) for reader in readers])
        expected = Expected(index, item.plain(), readers[fits[0]].kinds[kind](fields[kind]))
        if kind in OF_ALL:
            shared.append(expected)
        elif len(fits) > 1:
            names = ", ".join(members[number].name for number in fits)
            raise item.error(f"may mean any of {names}", f"say which: pipeline: {members[fits[0]].name}")
        else:
            own[fits[0]].append(expected)
    return [tuple(listed) for listed in own], tuple(shared)
