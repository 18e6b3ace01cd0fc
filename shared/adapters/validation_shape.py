"""The shape of config/validation.yaml: which keys there are, and what may stand behind them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.adapters.policy_shape import END, Name, Shape, SqlFile, Table, Text, TimeOfDay
from shared.core.validation import Category, Nothing, Severity

ColumnRef = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_]+[.][A-Za-z0-9_]+[.][A-Za-z_][A-Za-z0-9_]*" + END,
        description="a column with its table and dataset",
        examples=["nba_analytics.player_game_summary.minutes_played"],
    ),
]
Number = Annotated[float, Meta(description="a number", examples=[80])]


class ScheduleShape(Shape):
    """``working_day: yesterday`` judges the working day that has just ended."""

    at: TimeOfDay
    date: Literal["yesterday", "today", "tomorrow"]
    working_day: Literal["yesterday", "today"] | UnsetType = UNSET


class CheckShape(Shape):
    """One check. ``each`` repeats its SQL for every table or transition of the policy, ``columns`` for these."""

    title: Text
    category: Category
    severity: Severity
    schedules: Annotated[list[Name], Meta(min_length=1)]
    needs_units: bool
    nothing: Nothing
    due: TimeOfDay | UnsetType | None = UNSET
    unit: Text | UnsetType = UNSET
    table: Table | UnsetType = UNSET
    sql: SqlFile | UnsetType = UNSET
    each: Literal["tables", "transitions", "phases", "schedules"] | UnsetType = UNSET
    columns: Annotated[list[ColumnRef], Meta(min_length=1)] | UnsetType = UNSET
    builtin: Name | UnsetType = UNSET
    options: dict[Name, Text] | UnsetType = UNSET
    warn_below: Number | UnsetType = UNSET
    fail_below: Number | UnsetType = UNSET
    warn_above: Number | UnsetType = UNSET
    fail_above: Number | UnsetType = UNSET
    warn_from: Number | UnsetType = UNSET
    fail_from: Number | UnsetType = UNSET


class ValidationShape(Struct, forbid_unknown_fields=True):
    """A file such as config/validation.yaml."""

    pipeline: Name
    schedules: Annotated[dict[Name, ScheduleShape], Meta(min_length=1)]
    checks: Annotated[dict[Name, CheckShape], Meta(min_length=1)]
