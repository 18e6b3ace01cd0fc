"""Units of a date in the policy file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import Column, Duration, Expression, Schema, Table, Text


class ExcludedSchema(Schema):
    """Units that do not take place on their date, beside those of `excluded_statuses`."""

    when: Annotated[
        Expression | UnsetType | None, Meta(description="when a row of the calendar's table is no unit of its date")
    ] = UNSET
    table: Annotated[
        Table | UnsetType | None, Meta(description="a table that lists, by date, units that do not take place")
    ] = UNSET
    date_column: Annotated[
        Column | UnsetType | None, Meta(description="the column of that table that holds the date")
    ] = UNSET
    unit_key: Annotated[
        Expression | UnsetType | None, Meta(description="what names a unit in that table; the calendar's `unit_key`")
    ] = UNSET
    calendar_key: Annotated[
        Expression | UnsetType | None,
        Meta(description="what equals it in the calendar's table; the calendar's `unit_key` where left out"),
    ] = UNSET


class CalendarSchema(Schema):
    """What there is to do on a date: units of a table, such as games.

    - `unit`: what a unit is called in texts, such as `game`
    - `table`: the table that lists the units, one row or more for each
    - `date_column`: its column that holds the date: DATE, DATETIME, TIMESTAMP, text or number
    - `status_column`: its column that holds a unit's status
    - `excluded_statuses`: statuses of units that do not take place on their date, such as `postponed`
    - `final_status`: the status of a unit that is over; `final` says it where a status alone cannot
    - `excluded`: units that do not take place on their date, beside those of `excluded_statuses`
    - `on_unreadable`: what holds while the table cannot be read: a date has units
    """

    unit: Text
    table: Table
    date_column: Column
    status_column: Column
    excluded_statuses: list[Text] | UnsetType = UNSET
    final_status: Text | UnsetType = UNSET
    unit_key: Annotated[
        Expression | UnsetType | None,
        Meta(description="what names a unit: rows of the same name are one unit; left out, each row is one"),
    ] = UNSET
    final: Annotated[
        Expression | UnsetType | None, Meta(description="when a unit is over; left out, when its status says so")
    ] = UNSET
    start_column: Annotated[Column | UnsetType | None, Meta(description="the column that says when a unit begins")] = (
        UNSET
    )
    presumed_final_after: Annotated[
        Duration | UnsetType | None,
        Meta(description="how long after its start a unit that is not final is presumed over"),
    ] = UNSET
    excluded: ExcludedSchema | UnsetType | None = UNSET
    reaches_back: Annotated[
        Duration | UnsetType | None,
        Meta(description="how far back the table reaches: older dates are unknown, not empty"),
    ] = UNSET
    read_every: Annotated[
        Duration | UnsetType | None,
        Meta(
            description="how long a reading of a date serves its open run and the ticks of workflows, so that a unit "
            "that is postponed or over is seen so much later; left out, each look of a sweep and each tick reads it"
        ),
    ] = UNSET
    on_unreadable: Literal["assume_units"] | UnsetType = UNSET
