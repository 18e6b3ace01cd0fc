"""A page as one HTML file: no script, nothing loaded from elsewhere, light and dark, readable by ear and on a phone."""

from __future__ import annotations

from datetime import datetime

from shared.adapters.page.links import Links
from shared.adapters.page.svg import drawings
from shared.adapters.page.templates import template
from shared.adapters.page.usual_svg import usual_drawings
from shared.adapters.page.workflow_svg import workflow_drawings
from shared.core import commands
from shared.core.reporting.filters import STATES, Filters
from shared.core.reporting.page import Page, Tone
from shared.core.severity import Severity

# Whoever does not tell the colours apart, or hears the page, has the word beside it.
SIGNS = {Tone.GOOD: "✓", Tone.BUSY: "…", Tone.NOTICE: "!", Tone.BAD: "✕", Tone.QUIET: "○"}
TONES = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.NOTICE, Severity.INFO: Tone.BUSY}
MOST_PROBLEMS = 40


def page(model: Page) -> str:
    """Return the page as HTML; every text of the model is escaped."""

    def clock(at: datetime) -> str:
        """Return a time as short as it is clear on a page of this moment."""
        local, today = at.astimezone(model.zone), model.now.astimezone(model.zone)
        return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a} {local.day} {local:%b %H:%M}"

    def brief(at: datetime) -> str:
        """Return weekday and time: the row says of which week."""
        return f"{at.astimezone(model.zone):%a %H:%M}"

    def long(at: datetime) -> str:
        local = at.astimezone(model.zone)
        return f"{local:%A} {local.day} {local:%B %Y, %H:%M} {local.tzname()}"

    runs = {run.timeline.key.id: drawings(run.timeline, model.zone, model.now) for run in model.runs}
    usual = {run.timeline.key.id: usual_drawings(run.usual, run.timeline.key.id) for run in model.runs}
    days = {day.day: workflow_drawings(day, model.zone, model.now) for day in model.workflows if day.lines}
    return template("page.html" if model.report is None else "report.html").render(
        page=model, clock=clock, brief=brief, long=long, drawings=runs, usual_drawings=usual,
        workflow_drawings=days, signs=SIGNS,
        list_quarantine=commands.quarantine("list"), links=Links(model.filters or Filters()), states=STATES,
        tones=TONES, modes=model.modes, most_problems=MOST_PROBLEMS,
    )  # fmt: skip
