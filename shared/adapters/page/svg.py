"""A timeline as SVG: pure, escaped, the same shapes with or without colours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.adapters.page.scale import LEFT, WIDTH, Lines, Scale, scale_of
from shared.core.reporting.page import Event, Kind, Leg, Timeline, Tone, Track

if TYPE_CHECKING:
    from markupsafe import Markup

AXIS, HEAD, TRACK, GAP = 34, 46, 21, 16
LONGEST_NAME = 31
CLOCKS = (Kind.TIER, Kind.DEADLINE, Kind.DUE)


def drawing(timeline: Timeline, zone: ZoneInfo, now: datetime) -> Markup:
    """Return a timeline's drawing; its description says in words what it shows."""
    from markupsafe import Markup

    scale = scale_of(timeline, zone, now)
    parts: list[Markup] = []
    y = float(AXIS)
    for leg in timeline.legs:
        parts += _leg(leg, scale, y, now, open_=timeline.closed_at is None)
        y += _height(leg)
    if timeline.last_tracks:
        parts += _last(timeline, scale, y)
        y += HEAD - 16 + TRACK * len(timeline.last_tracks) + GAP
    lines = list(grid(scale, y, now if timeline.closed_at is None else None))
    mark = timeline.key.id.replace("/", "-")
    return Markup(
        '<svg viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-labelledby="title-{id} desc-{id}">'
        '<title id="title-{id}">Timeline of {run}</title><desc id="desc-{id}">{desc}</desc>{grid}{parts}</svg>'
    ).format(
        w=WIDTH, h=y, id=mark, run=timeline.key.id, desc=described(timeline, scale),
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


def _height(leg: Leg) -> float:
    return HEAD + TRACK * (len(leg.tracks) + 1 + bool(leg.alerts)) + GAP


def grid(scale: Scale, bottom: float, now: datetime | None) -> Iterator[Markup]:
    """Yield the lines and labels of round times, and of now where it is shown."""
    from markupsafe import Markup

    yield Markup('<text class="soft" x="8" y="20">{}</text>').format(scale.day)
    for at in scale.ticks():
        x = scale.x(at)
        yield Markup('<line class="grid" x1="{x}" x2="{x}" y1="26" y2="{y}"/>').format(x=x, y=bottom - GAP)
        yield Markup('<text class="soft" x="{x}" y="20" text-anchor="middle">{t}</text>').format(x=x, t=scale.clock(at))
    if now is not None and scale.holds(now):
        x = scale.x(now)
        yield Markup('<line class="now" x1="{x}" x2="{x}" y1="26" y2="{y}"/>').format(x=x, y=bottom - GAP)
        yield Markup('<text class="now-label" x="{}" y="{}" text-anchor="middle">now</text>').format(x, bottom - 2)


def _leg(leg: Leg, scale: Scale, top: float, now: datetime, *, open_: bool) -> Iterator[Markup]:
    from markupsafe import Markup

    yield Markup('<line class="rule" x1="0" x2="{w}" y1="{y}" y2="{y}"/>').format(w=WIDTH, y=top)
    yield Markup('<text class="leg" x="8" y="{y}">{t}</text>').format(y=top + 18, t=leg.cell.transition)
    yield Markup('<text class="word {tone}" x="8" y="{y}">{t}</text>').format(
        tone=leg.cell.tone.value, y=top + 34, t=leg.cell.word
    )
    first, rows = top + HEAD, len(leg.tracks) + 1
    yield from _clocks(leg, scale, top, first + TRACK * rows)
    for place, track in enumerate(leg.tracks):
        yield from _track(track, scale, first + TRACK * place + TRACK / 2)
    yield from _orchestrator(leg, scale, first + TRACK * (rows - 1) + TRACK / 2, now, open_=open_)
    if leg.alerts:
        yield from _alerts(leg.alerts, scale, first + TRACK * rows + TRACK / 2)


def _last(timeline: Timeline, scale: Scale, top: float) -> Iterator[Markup]:
    from markupsafe import Markup

    yield Markup('<line class="rule" x1="0" x2="{w}" y1="{y}" y2="{y}"/>').format(w=WIDTH, y=top)
    yield Markup('<text class="leg" x="8" y="{y}">{t}</text>').format(y=top + 18, t=timeline.last_phase)
    for place, track in enumerate(timeline.last_tracks):
        yield from _track(track, scale, top + HEAD - 16 + TRACK * place + TRACK / 2)


def _clocks(leg: Leg, scale: Scale, top: float, bottom: float) -> Iterator[Markup]:
    """Yield tiers, deadline and due times as dashed lines, each with its label."""
    from markupsafe import Markup

    lines = Lines(2)
    for event in leg.marks:
        if event.kind not in CLOCKS or not scale.holds(event.at):
            continue
        x, text = scale.x(event.at), f"{event.text.split(':')[0]} {scale.clock(event.at)}"
        kind = "due" if event.kind is Kind.DUE else "tier"
        yield Markup('<g><title>{told}</title><line class="{kind}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/></g>').format(
            told=_label(event, scale), kind=kind, x=x, a=top + 8, b=bottom
        )
        room = lines.place(x + 4, text)
        if room is not None:
            yield Markup('<text class="{kind}-label" x="{x:.1f}" y="{y}">{t}</text>').format(
                kind=kind, x=room[1], y=top + 18 + 14 * room[0], t=text
            )


def _track(track: Track, scale: Scale, y: float) -> Iterator[Markup]:
    from markupsafe import Markup

    name = track.processor if len(track.processor) <= LONGEST_NAME else track.processor[: LONGEST_NAME - 1] + "…"
    weight = "name" if track.required else "name soft"
    yield Markup('<text class="{c}" x="20" y="{y}">{t}</text>').format(c=weight, y=y + 4, t=name)
    yield Markup('<line class="track" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(a=LEFT, b=WIDTH - 8, y=y)
    reports = [event for event in track.events if event.kind is Kind.REPORT and event.tone is not Tone.QUIET]
    if not reports and track.started_at is None:
        yield Markup('<text class="soft tag" x="{x}" y="{y}">{t}</text>').format(x=LEFT + 4, y=y + 4, t=track.word)
        return
    began = track.started_at
    if began is not None:
        end = reports[-1].at if reports else began
        yield Markup('<line class="work" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(
            a=scale.x(began), b=max(scale.x(end), scale.x(began)), y=y
        )
        yield marker(scale.x(began), y, Tone.QUIET, f"{track.processor} started {scale.clock(began)}")
    for event in reports:
        yield marker(scale.x(event.at), y, event.tone, _label(event, scale))
    yield from _tag(track, reports, scale, y)


def _tag(track: Track, reports: list[Event], scale: Scale, y: float) -> Iterator[Markup]:
    """Yield the label of a processor's latest report, on the side where there is room."""
    from markupsafe import Markup

    at = reports[-1].at if reports else track.started_at
    if at is None:
        return
    word = "" if track.tone is Tone.GOOD else f" {track.word}"
    x, text = scale.x(at), f"{scale.clock(at)}{word}"
    side = (x - 10, "end") if x > WIDTH - 130 else (x + 10, "start")
    yield Markup('<text class="tag" x="{x}" y="{y}" text-anchor="{a}">{t}</text>').format(
        x=side[0], y=y + 4, a=side[1], t=text
    )


def _orchestrator(leg: Leg, scale: Scale, y: float, now: datetime, *, open_: bool) -> Iterator[Markup]:
    """Yield what was blocked or held for how long, what was sent, and its confirmation."""
    from markupsafe import Markup

    yield Markup('<text class="name strong" x="20" y="{y}">trigger</text>').format(y=y + 4)
    sent = [event for event in leg.marks if event.kind in (Kind.TRIGGER, Kind.DISPATCH)]
    confirmed = [event for event in leg.marks if event.kind is Kind.CONFIRMED]
    for event in leg.marks:
        if event.kind in (Kind.BLOCKED, Kind.HELD):
            end = min((alert.at for alert in sent if alert.at >= event.at), default=now if open_ else scale.last)
            yield _span(scale.x(event.at), scale.x(end), y, _label(event, scale), event.kind.value)
    if sent and confirmed and confirmed[-1].at >= sent[-1].at:
        yield Markup('<line class="work" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(
            a=scale.x(sent[-1].at), b=scale.x(confirmed[-1].at), y=y
        )
    for event in sent:
        yield Markup('<g class="mark {tone}"><title>{t}</title><path d="M{a} {u} L{b} {y} L{a} {d} Z"/></g>').format(
            tone=event.tone.value, t=_label(event, scale), a=scale.x(event.at) - 6, b=scale.x(event.at) + 8,
            u=y - 8, y=y, d=y + 8,
        )  # fmt: skip
    for event in confirmed:
        behind = max((scale.x(alert.at) + 15 for alert in sent if alert.at <= event.at), default=0.0)
        yield marker(max(scale.x(event.at), behind), y, Tone.GOOD, _label(event, scale))
    if sent:
        last = max([*sent, *confirmed], key=lambda event: event.at)
        why = leg.cell.notes[0] if leg.cell.notes else ""
        degraded = ", degraded" if any(note.startswith("degraded") for note in leg.cell.notes) else ""
        x, text = scale.x(last.at), f"triggered {scale.clock(sent[-1].at)}, {why}{degraded}"
        side = (scale.x(sent[0].at) - 12, "end") if x > WIDTH - 24 - len(text) * 6.4 else (x + 26, "start")
        yield Markup('<text class="tag strong" x="{x}" y="{y}" text-anchor="{a}">{t}</text>').format(
            x=side[0], y=y + 4, a=side[1], t=text
        )


def _span(begin: float, end: float, y: float, title: str, word: str) -> Markup:
    from markupsafe import Markup

    return Markup(
        '<g><title>{t}</title><rect class="span bad" x="{x}" y="{y}" width="{w:.1f}" height="14" rx="3"/>'
        '<text class="tag" x="{tx}" y="{ty}">{word}</text></g>'
    ).format(t=title, x=begin, y=y - 7, w=max(end - begin, 4), tx=begin + 6, ty=y + 4, word=word)


def _alerts(alerts: tuple[Event, ...], scale: Scale, y: float) -> Iterator[Markup]:
    from markupsafe import Markup

    yield Markup('<text class="name soft" x="20" y="{y}">alerts</text>').format(y=y + 4)
    x = 0.0
    for event in alerts:
        x = max(scale.x(event.at), x + 15)
        sign = "✓" if event.kind is Kind.OVER else "!"
        if not scale.holds(event.at):  # it lies on the edge, and happened at another time
            sign = "»" if event.at > scale.last else "«"
        yield Markup(
            '<g class="alert {tone}"><title>{t}</title><rect x="{x}" y="{y}" width="12" height="14" rx="3"/>'
            '<text x="{m}" y="{b}" text-anchor="middle">{s}</text></g>'
        ).format(tone=event.tone.value, t=_label(event, scale), x=x - 6, y=y - 7, m=x, b=y + 4, s=sign)


def marker(x: float, y: float, tone: Tone, title: str) -> Markup:
    """Return a mark whose shape says what its colour says: round is done, a lozenge is partial, a cross is not."""
    from markupsafe import Markup

    match tone:
        case Tone.BAD:
            d = f"M{x - 5} {y - 5} L{x + 5} {y + 5} M{x - 5} {y + 5} L{x + 5} {y - 5}"
            inner = Markup('<path class="cross" d="{}"/>').format(d)
        case Tone.NOTICE:
            inner = Markup('<path d="M{} {} L{} {} L{} {} L{} {} Z"/>').format(x, y - 7, x + 7, y, x, y + 7, x - 7, y)
        case Tone.GOOD:
            inner = Markup('<circle cx="{}" cy="{}" r="5.5"/>').format(x, y)
        case _:
            inner = Markup('<circle class="hollow" cx="{}" cy="{}" r="4"/>').format(x, y)
    return Markup('<g class="mark {tone}"><title>{t}</title>{i}</g>').format(tone=tone.value, t=title, i=inner)


def _label(event: Event, scale: Scale) -> str:
    return f"{scale.clock_text(event.at)} {event.text}"
