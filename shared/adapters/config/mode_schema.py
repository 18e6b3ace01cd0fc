"""Modes in the policy file: passes over a date, and the times of their working days."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import DueTime, Duration, Offset, Schema, TimeOfDay
from shared.core.policy.working_days import Resolve

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DayOfMonth = Annotated[int, Meta(ge=1, le=31, description="a day of the month", examples=[1, 15])]

Weekdays = Annotated[list[Weekday], Meta(min_length=1)]
DaysOfMonth = Annotated[list[DayOfMonth], Meta(min_length=1)]


class AfterOpenedSchema(Schema):
    """A time that counts from `opens_at` of the mode on, in elapsed time.

    - `after_opened`: how long after it
    """

    after_opened: Duration


class WindowSchema(Schema, rename={"from_": "from"}):
    """Part of the working day: what is published in it belongs to the mode.

    - `to`: when it is over; a message of that very moment belongs to it no longer
    """

    from_: Annotated[DueTime | AfterOpenedSchema, Meta(description="when it begins")]
    to: DueTime | AfterOpenedSchema


class ModeSchema(Schema):
    """A pass over a date, such as the night after it.

    - `partition_offset_days`: the date that it works on, in days from the working day: -1 is yesterday's
    - `opens_at`: the local time of the working day at which its run is opened, with or without a message
    - `window`: for `resolve: clock`: when what is published belongs to it
    """

    partition_offset_days: Offset
    opens_at: TimeOfDay
    same_evening_from: Annotated[
        TimeOfDay | UnsetType | None,
        Meta(description="from when on reports of a date, published on it, belong to this mode: a time of that date"),
    ] = UNSET
    resolve: Annotated[
        Resolve | UnsetType,
        Meta(description="what tells that a message is of it: its date, the message that names it, or the clock"),
    ] = UNSET
    window: WindowSchema | UnsetType | None = UNSET
    weekdays: Annotated[
        Weekdays | UnsetType | None,
        Meta(description="the working days on which it is expected; every day where left out"),
    ] = UNSET
    days_of_month: Annotated[
        DaysOfMonth | UnsetType | None,
        Meta(description="the days of the month on which it is expected, instead of weekdays"),
    ] = UNSET
