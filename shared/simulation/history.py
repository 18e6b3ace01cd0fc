"""What has happened, as facts that expectations are judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from shared.core.model import RunKey
from shared.simulation.batches.events import BatchSeen, Published, RequestSent

TOPIC = "topic"
HTTP = "http"
NOT_OPEN = "not_open"


@dataclass(frozen=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True)
class Departure:
    """One trigger message or call that left and was answered; ``taken`` is false where the answer is a no.

    ``to`` is the topic, or `service path`, and ``body`` what was sent there.
    ``item`` is the processor of a `per_processor` message; ``nth`` counts the same item under the
    same trigger id and attempt: a second one is a second dispatch.
    """

    at: datetime
    transition: str
    day: date
    mode: str
    lane: str
    trigger_id: str
    generation: int
    attempt: int
    channel: str
    item: str = ""
    degraded: bool = False
    missing: frozenset[str] = frozenset()
    reason: str = ""
    needs: frozenset[str] = frozenset()
    nth: int = 1
    to: str = ""
    taken: bool = True
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dispatch:
    """What left in one attempt: `per_processor` messages together, topic and call together."""

    trigger_id: str
    attempt: int
    departures: tuple[Departure, ...]

    @property
    def at(self) -> datetime:
        return min(departure.at for departure in self.departures)

    @property
    def messages(self) -> int:
        published = sum(departure.channel == TOPIC for departure in self.departures)
        return published or len(self.departures)


@dataclass(frozen=True)
class Trigger:
    """A trigger id and its dispatches; ``at`` is when everything the policy asks for had left (behaviour D5)."""

    trigger_id: str
    at: datetime
    dispatches: tuple[Dispatch, ...]

    @property
    def first(self) -> Departure:
        return self.dispatches[0].departures[0]


@dataclass(frozen=True)
class Sent:
    """A notice that the sink took."""

    at: datetime
    severity: str
    text: str
    resolved: bool = False
    count: int = 1


@dataclass(frozen=True)
class Call:
    """A request to a service that left, whatever was answered."""

    at: datetime
    service: str
    path: str


@dataclass(frozen=True)
class Scrape:
    """A call of a scraper that left. ``targets`` are the unit, the units or the element of a loop that it names."""

    at: datetime
    scraper: str
    workflow: str
    day: date | None
    targets: tuple[str, ...]
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Announced:
    """A file of a scraper that was announced again."""

    at: datetime
    scraper: str
    day: date | None


@dataclass(frozen=True)
class Repair:
    """A call of a phase's rerun that was accepted."""

    at: datetime
    phase: str
    day: date
    processors: tuple[str, ...] = ()


@dataclass(frozen=True)
class FunctionResponse:
    """What a function answered to a request."""

    at: datetime
    function: str
    status: int
    body: str


@dataclass(frozen=True)
class Exit:
    """How an operator's command ended, and what it printed."""

    at: datetime
    status: int
    output: str


@dataclass(frozen=True)
class RunSeen:
    """A transition of a run, looked at."""

    key: RunKey | None
    state: str
    done: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True)
class CompletionSeen:
    """A processor's completion, looked at."""

    outcome: str
    records: int | None
    superseded: int


@dataclass(frozen=True)
class WorkflowSeen:
    """A workflow, looked at."""

    state: str
    count: int
    reason: str
    text: str = ""


@dataclass(frozen=True)
class Quarantined:
    reason: str
    raw: str


@dataclass(frozen=True)
class Unclear:
    """Nothing could be looked at, and why."""

    why: str


@dataclass
class History:
    """Everything recorded; ``seen`` holds, by an expectation's index, what was there when it asked."""

    timeline: list[Entry] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    notices: list[Sent] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    answers: list[FunctionResponse] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    requests: list[RequestSent] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    seen: dict[int, RunSeen | CompletionSeen | BatchSeen | WorkflowSeen | Unclear | None] = field(default_factory=dict)
    quarantine: list[Quarantined] = field(default_factory=list)
    runs: list[RunKey] = field(default_factory=list)
    raised: Counter[str] = field(default_factory=Counter)
    scrapes: list[Scrape] = field(default_factory=list)
    announced: list[Announced] = field(default_factory=list)

    def note(self, at: datetime, kind: str, text: str) -> None:
        self.timeline.append(Entry(at, kind, " ".join(text.split())))

    def triggers(self, departures: Iterable[Departure]) -> list[Trigger]:
        """Return the triggers these departures make, in the order in which they were complete."""
        by_id: dict[str, list[Departure]] = {}
        taken = (departure for departure in departures if departure.taken)
        for departure in sorted(taken, key=lambda departure: departure.at):
            by_id.setdefault(departure.trigger_id, []).append(departure)
        triggers = []
        for trigger_id, of_id in by_id.items():
            at = _complete_at(of_id)
            if at is not None:
                triggers.append(Trigger(trigger_id, at, tuple(dispatches(of_id))))
        return sorted(triggers, key=lambda trigger: trigger.at)


def dispatches(departures: Iterable[Departure]) -> list[Dispatch]:
    """Group departures into dispatches, in the order in which they began."""
    groups: dict[tuple[str, int, int], list[Departure]] = {}
    for departure in sorted(departures, key=lambda departure: departure.at):
        key = (departure.trigger_id, departure.attempt, departure.nth)
        groups.setdefault(key, []).append(departure)
    return [Dispatch(trigger_id, attempt, tuple(group)) for (trigger_id, attempt, _), group in groups.items()]


def _complete_at(departures: list[Departure]) -> datetime | None:
    """Return when the last of the channels that the policy asks for had been used, None while one has not."""
    first: dict[str, datetime] = {}
    for departure in departures:
        first.setdefault(departure.channel, departure.at)
    needs = departures[0].needs or frozenset(first)
    return max(first[channel] for channel in needs) if needs <= first.keys() else None


def together(histories: Sequence[History]) -> History:
    """Return what happened in several pipelines as one history, in the order of time; what was seen stays theirs."""
    whole = History()
    for history in histories:
        for kind in fields(History):
            value = getattr(history, kind.name)
            if isinstance(value, list):
                getattr(whole, kind.name).extend(value)
        whole.raised.update(history.raised)
    for listed in (whole.timeline, whole.answers, whole.exits, whole.notices):
        listed.sort(key=lambda event: event.at)
    return whole
