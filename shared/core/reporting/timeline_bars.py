"""A run's timeline as bars of letters: the drawing of the page for a terminal of any width, without colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from shared.core.reporting.page import Event, Kind, Leg, Timeline, Tone, Track
from shared.core.texts import duration

LONGEST_NAME, WORD, FEWEST = 32, 14, 20
SHORTEST, AHEAD = timedelta(minutes=10), timedelta(hours=2)
STEPS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))
TICK = 8
EMPTY, WORK, NOW = ".", "=", ":"
REPORTS = MappingProxyType({Tone.GOOD: "#", Tone.NOTICE: "~", Tone.BAD: "x", Tone.BUSY: "#"})
MARKS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.OPENED: "o", Kind.DEADLINE: "D", Kind.DUE: "!", Kind.TRIGGER: "T", Kind.DISPATCH: "t",
        Kind.CONFIRMED: "C", Kind.ALERT: "A", Kind.OVER: "v",
    }
)  # fmt: skip
LASTING: Mapping[Kind, str] = MappingProxyType({Kind.BLOCKED: "b", Kind.HELD: "h"})
LEGEND = (
    ("=", "at work"), ("#", "report that counts"), ("~", "partial or not yet"), ("x", "failed or too little"),
    ("o", "clock starts"), ("1", "tier"), ("D", "deadline"), ("!", "due"), ("b", "blocked"), ("h", "held"),
    ("T", "triggered"), ("t", "sent again"), ("C", "confirmed"), ("A", "alert"), ("v", "alert over"), (":", "now"),
)  # fmt: skip
# An alert of the next day, or a due time of the evening, does not stretch the bars.
FAR = frozenset({Kind.ALERT, Kind.OVER, Kind.DUE, Kind.TIER, Kind.DEADLINE})


@dataclass(frozen=True, slots=True)
class Columns:
    """A stretch of time on so many columns."""

    first: datetime
    last: datetime
    count: int

    def place(self, at: datetime) -> int:
        """Return the column of a moment; one outside lies on the edge."""
        share = (at - self.first) / (self.last - self.first)
        return min(self.count - 1, max(0, int(share * self.count)))

    def holds(self, at: datetime) -> bool:
        return self.first <= at <= self.last

    @property
    def each(self) -> timedelta:
        """How long one column is."""
        return (self.last - self.first) / self.count


def bars(timeline: Timeline, zone: ZoneInfo, now: datetime, width: int) -> list[str]:
    """Return a timeline as lines no wider than ``width``, or than names, words and twenty columns need."""
    named = [*(track.processor for leg in timeline.legs for track in leg.tracks), "orchestrator"]
    label = min(LONGEST_NAME, max(map(len, named))) + 2
    columns = _columns(timeline, now, max(FEWEST, width - label - WORD - 2))
    live = now if timeline.closed_at is None and columns.holds(now) else None
    lines = [_axis(columns, zone, label)]
    for leg in timeline.legs:
        lines += _leg(leg, columns, label, live, now)
    if timeline.last_tracks:
        lines.append(timeline.last_phase)
        lines += [_track(track, columns, label, live) for track in timeline.last_tracks]
    if timeline.alerts:
        lines.append(_row("alerts of the run", _placed(timeline.alerts, columns), columns, label, live))
    used = {mark for line in lines[1:] if line.startswith("  ") for mark in line[label : label + columns.count]}
    legend = [f"{mark} {text}" for mark, text in LEGEND if mark in used or (mark == "1" and used & set("123456789"))]
    lines.append(f"one column is {duration(max(columns.each, timedelta(seconds=1)))}")
    return lines + _wrapped(legend, width)


def _columns(timeline: Timeline, now: datetime, count: int) -> Columns:
    events = timeline.events
    near = [event.at for event in events if event.kind not in FAR and event.at <= now] or [timeline.opened_at]
    first, last = min(near), max(near)
    if timeline.closed_at is None and now - last <= AHEAD:
        last = max(last, now)
    ahead = [event.at for event in events if event.kind in FAR - {Kind.DUE} and event.at - last <= AHEAD]
    last = max([last, *ahead, first + SHORTEST])
    return Columns(first, last + (last - first) / max(count - 1, 1), count)


def _axis(columns: Columns, zone: ZoneInfo, label: int) -> str:
    """Return the line of round local times; the day and the zone stand before it."""
    length = columns.last - columns.first
    most = max(1, columns.count // TICK)
    step = next((candidate for candidate in STEPS if length / candidate <= most), STEPS[-1])
    local = columns.first.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    at = midnight + step * -((midnight - columns.first) // step)
    cells = [" "] * columns.count
    while at <= columns.last:
        text, place = f"{at.astimezone(zone):%H:%M}", columns.place(at)
        if at >= columns.first and place + len(text) <= columns.count:
            cells[place : place + len(text)] = text
        at += step
    return f"{f'{local:%a} {local.day} {local:%b}, {local.tzname()}':<{label}}{''.join(cells)}".rstrip()


def _leg(leg: Leg, columns: Columns, label: int, live: datetime | None, now: datetime) -> Iterator[str]:
    notes = f" ({'; '.join(leg.cell.notes)})" if leg.cell.notes else ""
    yield f"{leg.cell.transition}: {leg.cell.word}{notes}"
    for track in leg.tracks:
        yield _track(track, columns, label, live)
    marks = [event for event in leg.marks if event.kind not in LASTING]
    cells = _stretches(leg.marks, columns, now) | _placed(marks, columns)
    yield _row("orchestrator", cells, columns, label, live)
    if leg.alerts:
        yield _row("alerts", _placed(leg.alerts, columns), columns, label, live)


def _track(track: Track, columns: Columns, label: int, live: datetime | None) -> str:
    reports = [event for event in track.events if event.kind is Kind.REPORT and event.tone is not Tone.QUIET]
    cells: dict[int, str] = {}
    if track.started_at is not None:
        end = reports[-1].at if reports else live or track.started_at
        cells |= dict.fromkeys(range(columns.place(track.started_at), columns.place(end) + 1), WORK)
    cells |= {columns.place(event.at): REPORTS.get(event.tone, "#") for event in reports}
    return _row(track.processor, cells, columns, label, live, track.word)


def _stretches(events: Sequence[Event], columns: Columns, now: datetime) -> dict[int, str]:
    """Return what lasted as long as it did: until its end, or the trigger after it, or now."""
    cells: dict[int, str] = {}
    triggers = [event.at for event in events if event.kind is Kind.TRIGGER]
    for event in events:
        if event.kind in LASTING:
            end = event.until or min((at for at in triggers if at >= event.at), default=now)
            cells |= dict.fromkeys(range(columns.place(event.at), columns.place(end) + 1), LASTING[event.kind])
    return cells


def _placed(events: Iterable[Event], columns: Columns) -> dict[int, str]:
    return {columns.place(event.at): _mark(event) for event in events if columns.holds(event.at)}


def _mark(event: Event) -> str:
    if event.kind is Kind.TIER:  # `tier 2: 3 of 5`
        return event.text.partition(":")[0].rpartition(" ")[2][-1:]
    return MARKS.get(event.kind, "?")


def _row(
    name: str, cells: Mapping[int, str], columns: Columns, label: int, live: datetime | None, word: str = ""
) -> str:
    shown = name if len(name) <= label - 3 else f"{name[: label - 4]}~"
    line = [cells.get(place, EMPTY) for place in range(columns.count)]
    if live is not None and line[columns.place(live)] == EMPTY:
        line[columns.place(live)] = NOW
    return f"  {shown:<{label - 2}}{''.join(line)}  {word}".rstrip()


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines
