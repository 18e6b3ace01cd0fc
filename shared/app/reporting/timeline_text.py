"""A timeline as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.app.reporting.overview import NOTHING
from shared.core.policy.policy import Policy
from shared.core.reporting.page import Event, Timeline
from shared.core.texts import amount


def as_text(policy: Policy, timeline: Timeline, now: datetime) -> str:
    """Return a timeline as lines, each time in the pipeline's zone."""
    title = f"{timeline.key.id}" + ("" if timeline.units is None else f", {amount(timeline.units, 'unit')}")
    lines = [f"{title}, opened {_clock_of(policy, timeline.opened_at, now)}"]
    for leg in timeline.legs:
        at = f" {_clock_of(policy, leg.cell.at, now)}" if leg.cell.at is not None else ""
        notes = f" ({'; '.join(leg.cell.notes)})" if leg.cell.notes else ""
        lines.append(f"  {leg.cell.transition}: {leg.cell.word}{at}{notes}")
        lines += _event_lines(policy, leg.events, now)
        silent = [track.processor for track in leg.tracks if not track.events]
        if silent and leg.cell.word != NOTHING:
            lines.append(f"    no report of {', '.join(silent)}")
        lines += [f"    {'blocked by ' if gate.blocks else ''}{gate.name}: {gate.text}" for gate in leg.gates]
    if timeline.last_tracks:
        lines.append(f"  {timeline.last_phase}")
        lines += _event_lines(policy, [event for track in timeline.last_tracks for event in track.events], now)
    if timeline.alerts:
        lines.append("  alerts of the run")
        lines += _event_lines(policy, timeline.alerts, now)
    if timeline.closed_at is not None:
        lines.append(f"  closed {_clock_of(policy, timeline.closed_at, now)}")
    return "\n".join(lines)


def _event_lines(policy: Policy, events: Sequence[Event], now: datetime) -> list[str]:
    return [f"    {_clock_of(policy, event.at, now):<14} {event.text}" for event in events]


def _clock_of(policy: Policy, at: datetime, now: datetime) -> str:
    local = policy.local(at)
    same = local.date() == policy.local(now).date()
    return f"{local:%H:%M:%S}" if same else f"{local:%d %b %H:%M}"
