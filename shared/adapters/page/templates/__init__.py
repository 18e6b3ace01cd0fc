"""The files that pages are written from, and how they are read: everything is escaped but our own style sheet."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markupsafe import Markup

HERE = Path(__file__).parent


def template(name: str) -> Template:
    """Return a template by the name of its file; raises what jinja2 raises where it is wrong."""
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = _breakable
    environment.filters["query"] = lambda text: quote(str(text), safe="/")
    environment.filters["parsed"] = datetime.fromisoformat
    environment.filters["iso"] = lambda at: at.isoformat(timespec="seconds")
    environment.filters["anchor"] = lambda run_id: f"run-{run_id.replace('/', '-')}"
    environment.globals["style"] = Markup((HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment


def _breakable(text: str) -> Markup:
    """Return a name that may be broken after its underscores."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(escape(part) for part in text.split("_"))
