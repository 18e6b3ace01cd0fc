"""What the caller of the validation runner asks for, and what it is answered (behaviour 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.validate import run
from shared.core.problem import suggest
from shared.core.validation import Validation

OK, BAD_REQUEST = 200, 400
_OFFSETS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Further away a date is a slip of the finger, and far away no calendar reaches.
_YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a request cannot be answered, and what to do about it."""

    reason: str
    hint: str


def answer(ctx: Context, validation: Validation, query: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """Run the schedule that a query names; return the findings, or what is wrong with the query and 400."""
    asked = schedule_in(validation, query.get("schedule", ""))
    if isinstance(asked, Wrong):
        return _refused(asked)
    default = ctx.policy.local(ctx.ports.clock.now()).date() + timedelta(days=validation.schedules[asked].date_offset)
    day = day_in(ctx, query["date"]) if query.get("date") else default
    if isinstance(day, Wrong):
        return _refused(day)
    return run(ctx, validation, asked, day).body(), OK


def schedule_in(validation: Validation, name: str) -> str | Wrong:
    """Read the name of a schedule."""
    if name in validation.schedules:
        return name
    known = ", ".join(validation.schedules)
    if not name:
        return Wrong("the parameter schedule is missing", f"?schedule=NAME, one of {known}")
    return Wrong(f"unknown schedule {name[:80]!r}", f"{suggest(name, validation.schedules)} There are {known}.")


def day_in(ctx: Context, text: str) -> date | Wrong:
    """Read a date as people and schedules write it, by the pipeline's own clock."""
    if text in _OFFSETS:
        return ctx.policy.local(ctx.ports.clock.now()).date() + timedelta(days=_OFFSETS[text])
    hint = "write it as 2026-01-21, or today, yesterday, tomorrow"
    if not _DATE.fullmatch(text):
        return Wrong(f"{text[:80]!r} is not a date", hint)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return Wrong(f"there is no date {text}", hint)
    return day if day.year in _YEARS else Wrong(f"{text} is out of reach", hint)


def _refused(wrong: Wrong) -> tuple[dict[str, Any], int]:
    return {"error": wrong.reason, "hint": wrong.hint}, BAD_REQUEST
