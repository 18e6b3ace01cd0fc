"""What the caller of the validation runner asks for, and what it is answered (behaviour 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from shared.app.call import Call, Wrong, at_root, date_of, parameters
from shared.app.context import Context
from shared.app.pipelines import apart, of_query
from shared.app.validation.validate import run
from shared.core.policy.config_error import suggest
from shared.core.validation.checks import Validation

FUNCTION = "validation_runner"
OK, FAILED = 200, 500
_OFFSETS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def answer(ctx: Context, validation: Validation, call: Call) -> tuple[dict[str, Any], int]:
    """Run the schedule that a query names; return the findings, or what is wrong with the call and 400."""
    asked = _request_of(ctx, validation, call)
    if isinstance(asked, Wrong):
        return asked.body(), asked.status
    return run(ctx, validation, *asked).body(), OK


def answer_all(
    all_contexts: Sequence[Context], checks: Callable[[Context], Validation | None], call: Call
) -> tuple[dict[str, Any], int]:
    """Run the schedule that a query names in every pipeline that has it, or in the one that it names.

    ``checks`` are those of a pipeline, None where it has none. Of several pipelines the findings are by
    ``pipelines`` and the status is that of the worst of them; where none has the schedule, the call is refused.
    """
    chosen = of_query(all_contexts, call)
    if isinstance(chosen, Wrong):
        return chosen.body(), chosen.status
    contexts, call = chosen
    if len(all_contexts) == 1:
        return _answer_one(all_contexts[0], checks, call)
    answers = {
        ctx.policy.pipeline: apart(
            ctx, FUNCTION, partial(_answer_one, ctx, checks, call), lambda error: ({"error": error}, FAILED)
        )
        for ctx in contexts
    }
    done = {name: (body, status) for name, (body, status) in answers.items() if status in (OK, FAILED)}
    if not done:
        return next(iter(answers.values()))
    return {"pipelines": {name: body for name, (body, _) in done.items()}}, max(status for _, status in done.values())


def _answer_one(ctx: Context, checks: Callable[[Context], Validation | None], call: Call) -> tuple[dict[str, Any], int]:
    own = checks(ctx)
    if own is None:
        wrong = Wrong(f"{ctx.policy.pipeline} has no checks", "write them beside its policy: validation.yaml")
        return wrong.body(), wrong.status
    return answer(ctx, own, call)


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
    names = ", ".join(validation.schedules)
    if not name:
        return Wrong("the parameter schedule is missing", f"?schedule=NAME, one of {names}")
    return Wrong(f"unknown schedule {name[:80]!r}", f"{suggest(name, validation.schedules)} There are {names}.")


def day_in(ctx: Context, text: str) -> date | Wrong:
    """Read a date as people and schedules write it, by the pipeline's own clock."""
    if text in _OFFSETS:
        return ctx.policy.local(ctx.ports.clock.now()).date() + timedelta(days=_OFFSETS[text])
    day = date_of(text)
    return replace(day, hint=f"{day.hint}, or today, yesterday, tomorrow") if isinstance(day, Wrong) else day
