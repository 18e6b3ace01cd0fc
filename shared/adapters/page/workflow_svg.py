"""A date's windows of workflows as SVG: a window is a bar, a run a mark in it; shapes say what colours say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared.adapters.page.layout import LAYOUTS, WIDE, Layout
from shared.adapters.page.rows import marker, name_of_row
from shared.adapters.page.scale import Scale
from shared.adapters.page.svg import AXIS, GAP, grid
from shared.core.reporting.page import WorkflowDay, WorkflowLine, WorkflowMark
from shared.core.texts import amount

if TYPE_CHECKING:
    from markupsafe import Markup


def workflow_drawings(day: WorkflowDay, zone: ZoneInfo, now: datetime) -> Markup:
    """Return the drawing of a date for each width of a screen, of which CSS shows one."""
    from markupsafe import Markup

    return Markup("").join(workflow_drawing(day, zone, now, layout) for layout in LAYOUTS)


def workflow_drawing(day: WorkflowDay, zone: ZoneInfo, now: datetime, layout: Layout = WIDE) -> Markup:
    """Return the drawing of a date; the table beside it has every number."""
    from markupsafe import Markup

    scale = scale_of_day(day, zone, layout)
    bottom = AXIS + layout.row * len(day.lines) + GAP
    parts: list[Markup] = list(grid(scale, bottom, now))
    for place, line in enumerate(day.lines):
        parts += _line(line, scale, AXIS + layout.row * place)
    ran = sum(bool(line.marks) for line in day.lines)
    title = f"{len(day.lines)} workflows of {day.day}, {ran} of them ran."
    return Markup(
        '<svg class="{n}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-labelledby="title-{i} desc-{i}">'
        '<title id="title-{i}">Windows of {d}</title><desc id="desc-{i}">{t}</desc>{p}</svg>'
    ).format(
        n=layout.name, w=layout.width, h=bottom, i=f"workflows-{day.day}-{layout.name}", d=day.day, t=title,
        p=Markup("").join(parts),
    )  # fmt: skip


def scale_of_day(day: WorkflowDay, zone: ZoneInfo, layout: Layout = WIDE) -> Scale:
    """Return the stretch from local midnight to the end of the last window or run, a whole day at the least."""
    first = datetime.combine(day.day, time(0), zone)
    times = [line.closes_at for line in day.lines] + [mark.ends for line in day.lines for mark in line.marks]
    return Scale(first, max([first + timedelta(days=1), *(at for at in times if at is not None)]), zone, layout)


def _line(line: WorkflowLine, scale: Scale, top: float) -> Iterator[Markup]:
    from markupsafe import Markup

    yield from name_of_row(scale, top, line.workflow, "name")
    y = scale.layout.mark_y(top)
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
