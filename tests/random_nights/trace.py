"""The history a night is judged by: what was heard, what left, what was said. Kept by the world, not by the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from shared.core.learning.learned import Learned
from shared.core.model import Lane, RunKey
from tests.random_nights.case import CaseMessage, Night
from tests.random_nights.declining import Declined
from tests.random_nights.fault_injector import Handler
from tests.random_nights.paused import Pauses

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A report that was durably recorded: ``number``-th of its run, received by the clock of who recorded it."""

    number: int
    phase: str
    processor: str
    outcome: str
    records: int | None
    percent: float | None
    ended: datetime
    received: datetime
    at: datetime
    message_id: str
    trigger_id: str = ""
    incremental: bool = False
    source: str = ""


@dataclass(slots=True, eq=False)
class Grant:
    """What a generation was first claimed for: its reason, and who was done with how many records; ``read`` are the
    rows and percentages that its claimant had read."""

    generation: int
    reason: str
    done: Mapping[str, int | None]
    missing: tuple[str, ...]
    at: datetime
    read: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Leaving:
    """One accepted message or call of a trigger."""

    generation: int
    channel: str
    at: datetime
    handler: Handler


@dataclass(slots=True, eq=False)
class Call:
    """The latest call of a trigger; ``unanswered`` says that its caller waited in vain for an answer (D11)."""

    generation: int
    at: datetime
    handler: Handler
    unanswered: bool


@dataclass(slots=True, eq=False)
class Track:
    """One transition of one run as the world saw it. ``data`` is its document as last written."""

    run: RunTrace
    name: str
    data: Data = field(default_factory=dict)
    grants: dict[int, Grant] = field(default_factory=dict)
    leavings: list[Leaving] = field(default_factory=list)
    called: set[int] = field(default_factory=set)
    call: Call | None = None
    claimed_at: datetime | None = None
    first_claim: dict[int, datetime] = field(default_factory=dict)
    marks: dict[int, list[datetime]] = field(default_factory=dict)
    requests: int = 0
    held: bool | None = False
    rejected: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    overdue: dict[str, int] = field(default_factory=dict)
    unfit_since: datetime | None = None
    noes: int = 0
    declined: Declined | None = None

    @property
    def state(self) -> str:
        return str(self.data.get("state", "waiting"))

    @property
    def where(self) -> str:
        return f"{self.run.key.id} {self.name}"

    def leave(self, generation: int, channel: str, at: datetime, handler: Handler) -> None:
        self.leavings.append(Leaving(generation, channel, at, handler))

    def channels(self, generation: int) -> set[str]:
        return {leaving.channel for leaving in self.leavings if leaving.generation == generation}


@dataclass(slots=True, eq=False)
class RunTrace:
    """One run: its document, its recorded reports in order, its transitions."""

    key: RunKey
    data: Data = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    by_processor: dict[tuple[str, str], list[Heard]] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    blind: int = 0
    blind_since: datetime | None = None

    @property
    def open(self) -> bool:
        return bool(self.data) and self.data.get("closed_at") is None

    def track(self, transition: str) -> Track:
        track = self.tracks.get(transition)
        if track is None:
            track = self.tracks[transition] = Track(self, transition)
        return track

    def hear(self, heard: Heard) -> None:
        self.heard.append(heard)
        self.ids.add(heard.message_id)
        self.by_processor.setdefault((heard.phase, heard.processor), []).append(heard)

    def reports(self, *phases: str, upto: int | None = None) -> dict[str, list[Heard]]:
        """Return what each processor of the phases had reported when ``upto`` reports of the run were recorded."""
        reports = {name: listed for (phase, name), listed in self.by_processor.items() if phase in phases}
        if upto is None or upto >= len(self.heard):
            return reports
        return {name: [heard for heard in listed if heard.number < upto] for name, listed in reports.items()}

    def began(self, phase: str, since: datetime) -> bool:
        return any(heard.phase == phase and heard.at >= since for heard in self.heard)

    def named(self, phase: str, trigger_id: str) -> bool:
        """Return whether a report of the phase has named this trigger."""
        return any(heard.phase == phase and heard.trigger_id == trigger_id for heard in self.heard)


@dataclass(slots=True, eq=False)
class AlertTrace:
    """One fingerprint as people saw it.

    ``unmarked`` is who said it last and has not yet written that down, ``doubted`` that nobody told them it went out.
    """

    kind: str
    where: str
    firing: bool
    at: datetime
    unmarked: Handler | None
    doubted: bool


@dataclass(frozen=True)
class Rerun:
    """A phase that was started again by a sweep; ``known`` is false where its answer came too late."""

    at: datetime
    handler: Handler
    known: bool

    @property
    def heard(self) -> bool:
        """True if whoever asked for it lived to write down that it was accepted."""
        return self.known and not self.handler.dead and not self.handler.failed


@dataclass(eq=False)
class Trace:
    """All of it, and what was found to be wrong."""

    night: Night
    runs: dict[RunKey, RunTrace] = field(default_factory=dict)
    said: dict[str, AlertTrace] = field(default_factory=dict)
    # Who has begun to send something of a fingerprint and has not written down what became of it.
    sending: dict[str, list[Handler]] = field(default_factory=dict)
    letters: dict[str, CaseMessage] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    alerts: dict[str, Data] = field(default_factory=dict)
    completions: dict[str, Data] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    # When the sweeps began that nothing hindered, by their own clocks.
    looked: list[datetime] = field(default_factory=list)
    only_recorded: dict[str, datetime] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    reruns: dict[tuple[RunKey, str], list[Rerun]] = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)
    # Those of the pipelines that are played beside.
    others: list[Trace] = field(default_factory=list)
    # What is known of past nights, None where the policy asks for none.
    learned: Learned | None = None

    def run(self, key: RunKey) -> RunTrace:
        run = self.runs.get(key)
        if run is None:
            run = self.runs[key] = RunTrace(key)
        return run

    def any_run(self, key: RunKey) -> RunTrace | None:
        """Return a run of this pipeline, or of one that is played beside; None where nothing is known of it."""
        return next((book.runs[key] for book in (self, *self.others) if key in book.runs), None)

    def homes(self, letter: CaseMessage) -> frozenset[RunKey]:
        """Return the runs that a letter may belong to: its own, and the backfill run of its date once that is closed,
        unless its own has heard it or its trigger brought it (behaviour 9)."""
        key = letter.key
        if key is None:
            return frozenset()
        own, past = self.runs.get(key), self.runs.get(replace(key, lane=Lane.BACKFILL))
        over = own is not None and bool(own.data) and not own.open and letter.id not in own.ids
        if past is None or not over or letter.trigger_id.startswith(f"{key.id}/"):
            return frozenset({key})
        return frozenset({key, past.key} if past.open or letter.id in past.ids else {key})

    def stands(self, kind: str, where: str) -> bool:
        """Return whether people have been told this, and not that it is over."""
        return any(alert.firing and alert.kind == kind and alert.where == where for alert in self.said.values())

    def firing(self, where: str, kinds: Iterable[str]) -> list[str]:
        """Return which of these have been said and not taken back; what nobody knows to be said cannot be."""
        every = (alert for alert in self.said.values() if alert.firing and not alert.doubted and alert.where == where)
        return [alert.kind for alert in every if alert.kind in kinds]

    def in_doubt(self, fingerprint: str) -> bool:
        """Return whether somebody began to send something of it and could not write down what became of it."""
        return any(sender.dead or sender.failed for sender in self.sending.get(fingerprint, ()))

    def wrong(self, name: str, text: str) -> None:
        self.violations.append(f"{name}: {text}")


@lru_cache(maxsize=256)
def key_of(segment: str) -> RunKey:
    """Return the run of a document path's second segment."""
    pipeline, day, mode, *lane = segment.split("~")
    return RunKey(pipeline, date.fromisoformat(day), mode, Lane(lane[0]) if lane else Lane.LIVE)


def dispatch_of(data: Data) -> tuple[int, int, datetime | None]:
    """Return what tells one dispatch of a transition's document from the next: two may bear the same time."""
    carried = data.get("carried") or {}
    return carried.get("generation", 0), data.get("dispatches", 0), data.get("last_dispatched_at")


def age(at: datetime | None, now: datetime) -> timedelta:
    """Return how long ago something was; forever if it never was."""
    return timedelta.max if at is None else now - at
