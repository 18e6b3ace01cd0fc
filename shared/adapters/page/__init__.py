"""A page as one HTML file: no script, nothing loaded from elsewhere, light and dark, readable by ear and on a phone."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.adapters.page.svg import drawing
from shared.adapters.page.workflow_svg import workflow_drawing
from shared.core import commands
from shared.core.reporting.page import Page, Tone

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

HERE = Path(__file__).parent
# Whoever does not tell the colours apart, or hears the page, has the word beside it.
SIGNS = {Tone.GOOD: "✓", Tone.BUSY: "…", Tone.NOTICE: "!", Tone.BAD: "✕", Tone.QUIET: "○"}


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

    drawings = {run.timeline.key.id: drawing(run.timeline, model.zone, model.now) for run in model.runs}
    days = {day.day: workflow_drawing(day, model.zone, model.now) for day in model.workflows if day.lines}
    return _template().render(
        page=model, clock=clock, brief=brief, long=long, drawings=drawings, workflow_drawings=days, signs=SIGNS
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = _breakable
    environment.filters["query"] = lambda text: quote(str(text), safe="/")
    environment.filters["parsed"] = datetime.fromisoformat
    environment.filters["iso"] = lambda at: at.isoformat(timespec="seconds")
    environment.globals["list_quarantine"] = commands.quarantine("list")
    environment.globals["style"] = Markup((HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment.get_template("page.html")


def _breakable(text: str) -> Markup:
    """Return a name that may be broken after its underscores."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(escape(part) for part in text.split("_"))
