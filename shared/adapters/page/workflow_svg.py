"""A date's windows of workflows as SVG: a window is a bar, a run a mark in it; shapes say what colours say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.adapters.page.scale import LEFT, WIDTH, Scale
from shared.adapters.page.svg import AXIS, GAP, LONGEST_NAME, TRACK, grid, marker
from shared.core.reporting.page import WorkflowDay, WorkflowLine, WorkflowMark
from shared.core.texts import amount

if TYPE_CHECKING:
    from markupsafe import Markup


def workflow_drawing(day: WorkflowDay, zone: ZoneInfo, now: datetime) -> Markup:
    """Return the drawing of a date; the table beside it has every number."""
    from markupsafe import Markup

    scale = scale_of_day(day, zone)
    bottom = AXIS + TRACK * len(day.lines) + GAP
    parts: list[Markup] = list(grid(scale, bottom, now))
    for place, line in enumerate(day.lines):
        parts += _line(line, scale, AXIS + TRACK * place + TRACK / 2)
    ran = sum(bool(line.marks) for line in day.lines)
    title = f"{len(day.lines)} workflows of {day.day}, {ran} of them ran."
    return Markup(
        '<svg viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-labelledby="title-workflows-{d} desc-workflows-{d}">'
        '<title id="title-workflows-{d}">Windows of {d}</title><desc id="desc-workflows-{d}">{t}</desc>{p}</svg>'
    ).format(w=WIDTH, h=bottom, d=day.day, t=title, p=Markup("").join(parts))


def scale_of_day(day: WorkflowDay, zone: ZoneInfo) -> Scale:
    """Return the stretch from local midnight to the end of the last window or run, a whole day at the least."""
    first = datetime.combine(day.day, time(0), zone)
    times = [line.closes_at for line in day.lines] + [mark.ends for line in day.lines for mark in line.marks]
    return Scale(first, max([first + timedelta(days=1), *(at for at in times if at is not None)]), zone)


def _line(line: WorkflowLine, scale: Scale, y: float) -> Iterator[Markup]:
    from markupsafe import Markup

    name = line.workflow if len(line.workflow) <= LONGEST_NAME else line.workflow[: LONGEST_NAME - 1] + "…"
    yield Markup('<text class="name" x="20" y="{y}">{t}</text>').format(y=y + 4, t=name)
    yield Markup('<line class="track" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(a=LEFT, b=WIDTH - 8, y=y)
    if line.opens_at is not None and line.closes_at is not None:
        x, end = scale.x(line.opens_at), scale.x(line.closes_at)
        title = f"{line.workflow}: {line.word}, from {scale.clock(line.opens_at)} to {scale.clock(line.closes_at)}"
        yield Markup(
            '<g><title>{t}</title><rect class="window {c}" x="{x}" y="{y}" width="{w:.1f}" height="12" rx="3"/></g>'
        ).format(t=title, c=line.tone.value, x=x, y=y - 6, w=max(end - x, 3))
    for mark in line.marks:
        yield marker(scale.x(mark.begins), y, mark.tone, described(line, mark, scale))


def described(line: WorkflowLine, mark: WorkflowMark, scale: Scale) -> str:
    """Return a run in words."""
    failed = f", {mark.failed} failed" if mark.failed else ""
    called = f": {amount(mark.calls, 'call')}{failed}, {amount(mark.rows, 'row')}" if mark.calls else ""
    return f"{scale.clock_text(mark.begins)} {line.workflow} {mark.word}{called}"
