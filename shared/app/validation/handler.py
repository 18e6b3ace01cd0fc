"""What the caller of the validation runner asks for, and what it is answered (behaviour 10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from shared.app.call import Call, Wrong, at_root, date_of, parameters
from shared.app.context import Context
from shared.app.validation.validate import run
from shared.core.policy.config_error import suggest
from shared.core.validation.checks import Validation

OK = 200
_OFFSETS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def answer(ctx: Context, validation: Validation, call: Call) -> tuple[dict[str, Any], int]:
    """Run the schedule that a query names; return the findings, or what is wrong with the call and 400."""
    asked = _request_of(ctx, validation, call)
    if isinstance(asked, Wrong):
        return asked.body(), asked.status
    return run(ctx, validation, *asked).body(), OK


def _request_of(ctx: Context, validation: Validation, call: Call) -> tuple[str, date] | Wrong:
    wrong = at_root(call.path)
    if wrong is not None:
        return wrong
    if call.data.strip() not in (b"", b"{}"):
        return Wrong("the body is not read", "put schedule and date into the query: ?schedule=NAME&date=2026-01-21")
    query = parameters(call.query, ("schedule", "date"))
    if isinstance(query, Wrong):
        return query
    name = schedule_in(validation, query.get("schedule", ""))
    if isinstance(name, Wrong):
        return name
    if "date" not in query:
        today = ctx.policy.local(ctx.ports.clock.now()).date()
        return name, today + timedelta(days=validation.schedules[name].date_offset)
    day = day_in(ctx, query["date"])
    return day if isinstance(day, Wrong) else (name, day)


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
    day = date_of(text)
    return replace(day, hint=f"{day.hint}, or today, yesterday, tomorrow") if isinstance(day, Wrong) else day
