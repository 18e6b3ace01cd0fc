"""A timeline as SVG: pure, escaped, the same shapes with or without colours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.adapters.page.layout import LAYOUTS, Layout
from shared.adapters.page.rows import alert_row, described_at, processor_row, trigger_row
from shared.adapters.page.scale import Lines, Scale, scale_of
from shared.core.reporting.page import Kind, Leg, Timeline, Tone

if TYPE_CHECKING:
    from markupsafe import Markup

AXIS, GAP = 34, 16
# The head of a transition without times that are labelled.
PLAIN_HEAD = 46
CLOCKS = (Kind.TIER, Kind.DEADLINE, Kind.DUE)


def drawings(timeline: Timeline, zone: ZoneInfo, now: datetime) -> Markup:
    """Return a timeline's drawing for each width of a screen, of which CSS shows one."""
    from markupsafe import Markup

    return Markup("").join(drawing(timeline, zone, now, layout) for layout in LAYOUTS)


def drawing(timeline: Timeline, zone: ZoneInfo, now: datetime, layout: Layout = LAYOUTS[0]) -> Markup:
    """Return a timeline's drawing; its description says in words what it shows."""
    from markupsafe import Markup

    scale = scale_of(timeline, zone, now, layout)
    lasting_to = now if timeline.closed_at is None else None
    parts: list[Markup] = []
    y = float(AXIS)
    for leg in timeline.legs:
        parts += _leg(leg, scale, y, lasting_to, timeline.closed_at or now)
        y += _head_height(leg, scale) + layout.row * (len(leg.tracks) + 1 + bool(leg.alerts)) + GAP
    if timeline.last_tracks:
        parts += _last(timeline, scale, y, lasting_to)
        y += PLAIN_HEAD - 16 + layout.row * len(timeline.last_tracks) + GAP
    lines = list(grid(scale, y, lasting_to))
    mark = f"{timeline.key.id.replace('/', '-')}-{layout.name}"
    return Markup(
        '<svg class="{name}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-labelledby="title-{id} desc-{id}">'
        '<title id="title-{id}">Timeline of {run}</title><desc id="desc-{id}">{desc}</desc>{grid}{parts}</svg>'
    ).format(
        name=layout.name, w=layout.width, h=y, id=mark, run=timeline.key.id, desc=described(timeline, scale),
        grid=Markup("").join(lines), parts=Markup("").join(parts),
    )  # fmt: skip


def described(timeline: Timeline, scale: Scale) -> str:
    """Return what a drawing shows, in one sentence for each transition; the list beside it has every event."""
    sentences = [f"From {scale.clock(scale.first)} to {scale.clock(scale.last)} ({scale.day})."]
    for leg in timeline.legs:
        at = f" at {scale.clock(leg.cell.at)}" if leg.cell.at is not None else ""
        came = sum(track.tone is Tone.GOOD for track in leg.tracks)
        notes = f", {'; '.join(leg.cell.notes)}" if leg.cell.notes else ""
        sentences.append(
            f"{leg.cell.transition}: {leg.cell.word}{at}{notes}; {came} of {len(leg.tracks)} processors done."
        )
    return " ".join(sentences)


def grid(scale: Scale, bottom: float, now: datetime | None) -> Iterator[Markup]:
    """Yield the lines and labels of round times, and of now where it is shown."""
    from markupsafe import Markup

    layout = scale.layout
    # Where names are above their lines, the first tick would be written over the date.
    free = layout.left + len(scale.day) * layout.character + 8 if layout.stacked else 0.0
    yield Markup('<text class="soft" x="8" y="20">{}</text>').format(scale.day)
    for at in scale.ticks():
        x = scale.x(at)
        yield Markup('<line class="grid" x1="{x}" x2="{x}" y1="26" y2="{y}"/>').format(x=x, y=bottom - GAP)
        if free + 18 <= x <= layout.width - 18 or not layout.stacked:
            yield Markup('<text class="soft" x="{x}" y="20" text-anchor="middle">{t}</text>').format(
                x=x, t=scale.clock(at)
            )
    if now is not None and scale.holds(now):
        x = scale.x(now)
        yield Markup('<line class="now" x1="{x}" x2="{x}" y1="26" y2="{y}"/>').format(x=x, y=bottom - GAP)
        yield Markup('<text class="now-label" x="{}" y="{}" text-anchor="middle">now</text>').format(x, bottom - 2)


def _leg(leg: Leg, scale: Scale, top: float, lasting_to: datetime | None, ends_at: datetime) -> Iterator[Markup]:
    layout = scale.layout
    yield from _head(scale, top, leg.cell.transition, leg.cell.word, leg.cell.tone)
    first, count = top + _head_height(leg, scale), len(leg.tracks)
    yield from _clocks(leg, scale, top, first + layout.row * (count + 1))
    for place, track in enumerate(leg.tracks):
        yield from processor_row(track, scale, first + layout.row * place, lasting_to)
    yield from trigger_row(leg, scale, first + layout.row * count, lasting_to, ends_at)
    if leg.alerts:
        yield from alert_row(leg.alerts, scale, first + layout.row * (count + 1))


def _last(timeline: Timeline, scale: Scale, top: float, lasting_to: datetime | None) -> Iterator[Markup]:
    layout = scale.layout
    yield from _head(scale, top, timeline.last_phase)
    for place, track in enumerate(timeline.last_tracks):
        yield from processor_row(track, scale, top + PLAIN_HEAD - 16 + layout.row * place, lasting_to)


def _head_height(leg: Leg, scale: Scale) -> float:
    labelled = any(event.kind in CLOCKS and scale.holds(event.at) for event in leg.marks)
    return scale.layout.head if labelled else PLAIN_HEAD


def _head(scale: Scale, top: float, name: str, word: str = "", tone: Tone = Tone.QUIET) -> Iterator[Markup]:
    from markupsafe import Markup

    yield Markup('<line class="rule" x1="0" x2="{w}" y1="{y}" y2="{y}"/>').format(w=scale.layout.width, y=top)
    yield Markup('<text class="leg" x="8" y="{y}">{t}</text>').format(y=top + 18, t=name)
    if word:
        yield Markup('<text class="word {tone}" x="8" y="{y}">{t}</text>').format(tone=tone.value, y=top + 36, t=word)


def _clocks(leg: Leg, scale: Scale, top: float, bottom: float) -> Iterator[Markup]:
    """Yield tiers, deadline and due times as dashed lines, each with its label."""
    from markupsafe import Markup

    layout = scale.layout
    lines = Lines(2, layout)
    for event in leg.marks:
        if event.kind not in CLOCKS or not scale.holds(event.at):
            continue
        x, text = scale.x(event.at), f"{event.text.split(':')[0]} {scale.clock(event.at)}"
        kind = "due" if event.kind is Kind.DUE else "tier"
        yield Markup('<g><title>{told}</title><line class="{kind}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/></g>').format(
            told=described_at(event, scale), kind=kind, x=x, a=top + layout.labels - 10, b=bottom
        )
        room = lines.place(x + 4, text)
        if room is not None:
            yield Markup('<text class="{kind}-label" x="{x:.1f}" y="{y}">{t}</text>').format(
                kind=kind, x=room[1], y=top + layout.labels + 15 * room[0], t=text
            )
