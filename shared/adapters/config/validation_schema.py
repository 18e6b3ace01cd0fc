"""The shape of config/validation.yaml: which keys there are, and what may stand behind them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.adapters.config.schema_types import END, Name, Schema, SqlFile, Table, Text, TimeOfDay
from shared.core.severity import Severity
from shared.core.validation.checks import Category, Nothing

ColumnRef = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_]+[.][A-Za-z0-9_]+[.][A-Za-z_][A-Za-z0-9_]*" + END,
        description="a column with its table and dataset",
        examples=["nba_analytics.player_game_summary.minutes_played"],
    ),
]
Number = Annotated[float, Meta(description="a number", examples=[80])]


class ScheduleSchema(Schema):
    """When checks are run, and of which date.

    - `at`: the local time; Cloud Scheduler calls then
    - `date`: the date that is judged, seen from the working day
    - `working_day`: the day it is seen from: the one that has just ended, or the one that has begun
    """

    at: TimeOfDay
    date: Literal["yesterday", "today", "tomorrow"]
    working_day: Literal["yesterday", "today"] | UnsetType = UNSET


class CheckSchema(Schema):
    """One check.

    - `title`: what it is called in texts
    - `category`: what it judges
    - `severity`: how bad a failure is
    - `schedules`: when it is run
    - `needs_units`: whether it is left out on dates without units
    - `nothing`: what a query that yields no row means
    - `due`: the local time before which it is not judged yet
    - `unit`: what the number counts, in texts
    - `table`: the table that it is about
    - `sql`: the query, which yields `value` and, where it has them, `subject` and others
    - `each`: it is repeated for each table, transition, phase or schedule
    - `columns`: it is repeated for these columns
    - `days`: of SQL that is repeated for each table, where it asks only on which of so many days before the working day
      the table holds rows: of many tables the metadata of their partitions then tells that
    - `builtin`: a check of the code instead of a query
    - `options`: words for that check
    - `warn_below`: a number below it is a warning
    - `fail_below`: a number below it is a failure
    - `warn_above`: a number above it is a warning
    - `fail_above`: a number above it is a failure
    - `warn_from`: a number from it on is a warning
    - `fail_from`: a number from it on is a failure
    """

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
    days: Annotated[int, Meta(ge=1, le=90)] | UnsetType = UNSET
    builtin: Name | UnsetType = UNSET
    options: dict[Name, Text] | UnsetType = UNSET
    warn_below: Number | UnsetType = UNSET
    fail_below: Number | UnsetType = UNSET
    warn_above: Number | UnsetType = UNSET
    fail_above: Number | UnsetType = UNSET
    warn_from: Number | UnsetType = UNSET
    fail_from: Number | UnsetType = UNSET


class ValidationSchema(Struct, forbid_unknown_fields=True):
    """A file such as config/validation.yaml.

    - `pipeline`: the pipeline that is judged
    - `schedules`: when checks are run, by name
    - `checks`: the checks, by name
    """

    pipeline: Name
    schedules: Annotated[dict[Name, ScheduleSchema], Meta(min_length=1)]
    checks: Annotated[dict[Name, CheckSchema], Meta(min_length=1)]
