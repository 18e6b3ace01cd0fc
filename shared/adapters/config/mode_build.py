"""From the shape of a mode in the policy file to the value of the core."""

from __future__ import annotations

from datetime import time

from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import given, there
from shared.adapters.config.due_build import due_time_of
from shared.adapters.config.mode_schema import ModeSchema
from shared.core.policy.policy import Mode
from shared.core.policy.working_days import Window, WorkingDays


def mode_of(name: str, schema: ModeSchema, problems: Problems) -> Mode:
    """Return a mode; a day that is listed twice is a problem."""
    weekdays = problems.distinct(there(schema.weekdays) or [], f"modes.{name}.weekdays")
    days_of_month = problems.distinct(there(schema.days_of_month) or [], f"modes.{name}.days_of_month")
    written = given(
        schema,
        opens_at=time.fromisoformat,
        same_evening_from=time.fromisoformat,
        window=lambda window: Window(due_time_of(window.from_), due_time_of(window.to)),
    )
    for key in ("weekdays", "days_of_month"):
        written.pop(key, None)
    return Mode(name=name, days=WorkingDays(weekdays, days_of_month), **written)
