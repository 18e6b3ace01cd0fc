"""The rows of a timeline's drawing: a processor with its reports, the trigger with what kept it, the alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from shared.adapters.page.scale import Scale
from shared.core.reporting.page import Event, Kind, Leg, Tone, Track

if TYPE_CHECKING:
    from markupsafe import Markup

# How much wider bold letters are.
BOLD = 1.1
# A bar is at least so wide that it is seen.
THINNEST = 4.0


def processor_row(track: Track, scale: Scale, top: float, lasting_to: datetime | None) -> Iterator[Markup]:
    """Yield a processor: its name, its work from start to report, its reports. Work of which no end was reported lasts
    to ``lasting_to``, that is now; None in a run that is closed."""
    weight = "name" if track.required else "name soft"
    yield from name_of_row(scale, top, track.processor, weight)
    y = scale.layout.mark_y(top)
    reports = [event for event in track.events if event.kind is Kind.REPORT and event.tone is not Tone.QUIET]
    if not reports and track.started_at is None:
        yield _tag(scale, top, scale.layout.left + 4, track.word, "soft")
        return
    began = track.started_at
    if began is not None:
        ended = [event.at for event in reports if event.at >= began]
        end = max(ended, default=lasting_to or began)
        yield _work(scale, began, end, y, lasts=not ended)
        yield marker(scale.x(began), y, Tone.QUIET, f"{track.processor} started {scale.clock(began)}")
    for event in reports:
        yield marker(scale.x(event.at), y, event.tone, described_at(event, scale))
    at = reports[-1].at if reports else began
    if at is not None:
        word = "" if track.tone is Tone.GOOD else f" {track.word}"
        lasts = lasting_to if not reports else None
        yield _tag(scale, top, scale.x(lasts or at), f"{scale.clock(at)}{word}", begins=at)


def trigger_row(leg: Leg, scale: Scale, top: float, lasting_to: datetime | None, ends_at: datetime) -> Iterator[Markup]:
    """Yield what was blocked or held for how long, what was sent, and its confirmation. What is not over ends with the
    trigger, or at ``ends_at``: now, or when the run was closed."""
    yield from name_of_row(scale, top, "trigger", "name strong", line=False)
    y = scale.layout.mark_y(top)
    sent = [event for event in leg.marks if event.kind in (Kind.TRIGGER, Kind.DISPATCH)]
    confirmed = [event for event in leg.marks if event.kind is Kind.CONFIRMED]
    stops = [event for event in leg.marks if event.kind in (Kind.BLOCKED, Kind.HELD)]
    for event in stops:
        end = event.until or min((trigger.at for trigger in sent if trigger.at >= event.at), default=ends_at)
        yield _span(scale, event, end, y)
    if sent and confirmed and confirmed[-1].at >= sent[-1].at:
        yield _work(scale, sent[-1].at, confirmed[-1].at, y, lasts=False)
    elif sent and leg.cell.word == "dispatched" and lasting_to is not None:
        yield _work(scale, sent[-1].at, lasting_to, y, lasts=True)
    elif not sent and leg.cell.word == "claimed" and leg.cell.at is not None and lasting_to is not None:
        yield _work(scale, leg.cell.at, lasting_to, y, lasts=True)
    for event in sent:
        yield _arrow(scale, event, y)
    for event in confirmed:
        behind = max((scale.x(trigger.at) + 15 for trigger in sent if trigger.at <= event.at), default=0.0)
        yield marker(max(scale.x(event.at), behind), y, Tone.GOOD, described_at(event, scale))
    if sent:
        last = max([*sent, *confirmed], key=lambda event: event.at)
        yield _tag(scale, top, scale.x(last.at) + 14, _triggered_text(leg, sent[-1], scale), "strong", sent[0].at)


def _triggered_text(leg: Leg, event: Event, scale: Scale) -> str:
    why = leg.cell.notes[0] if leg.cell.notes else ""
    degraded = ", degraded" if any(note.startswith("degraded") for note in leg.cell.notes) else ""
    return f"{'' if scale.layout.stacked else 'triggered '}{scale.clock(event.at)}, {why}{degraded}"


def alert_row(alerts: tuple[Event, ...], scale: Scale, top: float) -> Iterator[Markup]:
    """Yield the alerts of a transition, beside each other where they were sent at one time."""
    from markupsafe import Markup

    yield from name_of_row(scale, top, "alerts", "name soft", line=False)
    y, x = scale.layout.mark_y(top), 0.0
    for event in alerts:
        x = max(scale.x(event.at), x + 15)
        sign = "✓" if event.kind is Kind.OVER else "!"
        if not scale.holds(event.at):  # it lies on the edge, and happened at another time
            sign = "»" if event.at > scale.last else "«"
        yield Markup(
            '<g class="alert {tone}"><title>{t}</title><rect x="{x}" y="{y}" width="12" height="14" rx="3"/>'
            '<text x="{m}" y="{b}" text-anchor="middle">{s}</text></g>'
        ).format(tone=event.tone.value, t=described_at(event, scale), x=x - 6, y=y - 7, m=x, b=y + 4, s=sign)


def name_of_row(scale: Scale, top: float, name: str, kind: str, *, line: bool = True) -> Iterator[Markup]:
    """Yield the name of a row, and its dotted line from where time begins."""
    from markupsafe import Markup

    layout = scale.layout
    x, y = (8 if layout.stacked else 20), layout.mark_y(top)
    yield Markup('<text class="{c}" x="{x}" y="{y}">{t}</text>').format(
        c=kind, x=x, y=layout.text_y(top), t=layout.short(name)
    )
    if line:
        yield Markup('<line class="track" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(
            a=layout.left, b=layout.width - 8, y=y
        )


def _tag(scale: Scale, top: float, x: float, text: str, kind: str = "", begins: datetime | None = None) -> Markup:
    """Return the words of a row: beside the mark at ``x``, on the side where there is room; in a stacked drawing at the
    end of the line of the name. ``begins`` is the moment before which words on the left side end."""
    from markupsafe import Markup

    layout = scale.layout
    width = len(text) * layout.character * (BOLD if "strong" in kind else 1)
    if layout.stacked:
        place = (layout.width - 4, "end")
    elif x + 10 + width > layout.width:
        place = ((x if begins is None else scale.x(begins)) - 10, "end")
    else:
        place = (x + 10, "start")
    return Markup('<text class="tag {c}" x="{x}" y="{y}" text-anchor="{a}">{t}</text>').format(
        c=kind, x=place[0], y=layout.text_y(top), a=place[1], t=text
    )


def _work(scale: Scale, begin: datetime, end: datetime, y: float, *, lasts: bool) -> Markup:
    from markupsafe import Markup

    return Markup('<line class="work{l}" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(
        l=" lasting" if lasts else "", a=scale.x(begin), b=max(scale.x(end), scale.x(begin)), y=y
    )


def _span(scale: Scale, event: Event, end: datetime, y: float) -> Markup:
    """Return a stretch of time as a bar, with its word where there is room in it."""
    from markupsafe import Markup

    begin = scale.x(event.at)
    width, word = max(scale.x(end) - begin, THINNEST), event.kind.value
    label = Markup('<text class="tag" x="{}" y="{}">{}</text>').format(begin + 6, y + 4, word)
    return Markup(
        '<g><title>{t}</title><rect class="span {c}" x="{x}" y="{y}" width="{w:.1f}" height="14" rx="3"/>{l}</g>'
    ).format(
        t=described_at(event, scale), c=event.tone.value, x=begin, y=y - 7, w=width,
        l=label if len(word) * scale.layout.character + 8 <= width else "",
    )  # fmt: skip


def _arrow(scale: Scale, event: Event, y: float) -> Markup:
    from markupsafe import Markup

    x = scale.x(event.at)
    return Markup('<g class="mark {tone}"><title>{t}</title><path d="M{a} {u} L{b} {y} L{a} {d} Z"/></g>').format(
        tone=event.tone.value, t=described_at(event, scale), a=x - 6, b=x + 8, u=y - 8, y=y, d=y + 8
    )


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


def described_at(event: Event, scale: Scale) -> str:
    """Return an event with its time, as a drawing's title says it."""
    return f"{scale.clock_text(event.at)} {event.text}"
