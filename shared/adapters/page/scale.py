"""Where a moment lies on a drawing: the window of a timeline, its ticks, and labels that do not cover each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.adapters.page.layout import WIDE, Layout
from shared.core.reporting.page import Kind, Timeline

SHORTEST = timedelta(minutes=10)
AHEAD = timedelta(hours=2)
STEPS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))
# What stretches a drawing however far it lies: an alert of the next day does not.
CORE = frozenset(Kind) - {Kind.ALERT, Kind.OVER, Kind.DUE, Kind.TIER, Kind.DEADLINE}


@dataclass(frozen=True)
class Scale:
    """A stretch of time on the width of a drawing."""

    first: datetime
    last: datetime
    zone: ZoneInfo
    layout: Layout = WIDE

    def x(self, at: datetime) -> float:
        """Return the place of a moment; one outside lies on the edge."""
        share = (at - self.first) / (self.last - self.first)
        layout = self.layout
        return round(layout.left + min(max(share, 0.0), 1.0) * (layout.width - layout.left - layout.right), 1)

    def holds(self, at: datetime) -> bool:
        return self.first <= at <= self.last

    def clock(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M}"

    def clock_text(self, at: datetime) -> str:
        """Return a time with its date where the drawing does not show that moment."""
        local = at.astimezone(self.zone)
        return self.clock(at) if self.holds(at) else f"{local:%a} {local.day} {local:%b %H:%M}"

    @property
    def day(self) -> str:
        local = self.first.astimezone(self.zone)
        return f"{local:%a} {local.day} {local:%b}, {local.tzname()}"

    def ticks(self) -> Iterator[datetime]:
        """Yield round local times, about as many as the layout has room for."""
        length = self.last - self.first
        step = next((candidate for candidate in STEPS if length / candidate <= self.layout.ticks), STEPS[-1])
        local = self.first.astimezone(self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        at = midnight + step * -((midnight - self.first) // step)
        while at <= self.last:
            if at >= self.first:
                yield at
            at += step


def scale_of(timeline: Timeline, zone: ZoneInfo, now: datetime, layout: Layout = WIDE) -> Scale:
    """Return the window of a timeline: its events, what the clock says next, and now while the run is open."""
    events = timeline.events
    past = [event for event in events if event.kind in CORE and event.at <= now]
    ends = [event.until for event in past if event.until is not None]
    core = [*(event.at for event in past), *ends] or [timeline.opened_at]
    first, last = min(core), max(core)
    if timeline.closed_at is None and now - last <= AHEAD:
        last = max(last, now)
    near = (Kind.TIER, Kind.DEADLINE, Kind.ALERT, Kind.OVER)
    ahead = [e.at for e in events if e.kind in near and e.at - last <= AHEAD]
    last = max([last, *ahead])
    if last - first < SHORTEST:
        last = first + SHORTEST
    margin = (last - first) * 0.03
    return Scale(first - margin, last + margin * 3, zone, layout)


@dataclass
class Lines:
    """Labels in a few lines, each in the first line where it has room; one without room is not written."""

    count: int
    layout: Layout = WIDE
    taken: list[tuple[int, float, float]] = field(default_factory=list)

    def place(self, x: float, text: str) -> tuple[int, float] | None:
        """Return the line and the left edge of a label that begins at ``x``."""
        width = len(text) * self.layout.character
        left = min(x, self.layout.width - width - 2)
        for line in range(self.count):
            if all(line != other or left > end or left + width < begin for other, begin, end in self.taken):
                self.taken.append((line, left, left + width + 6))
                return line, left
        return None
