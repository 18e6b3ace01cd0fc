"""The shape of the policy's key `slos`."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import Count, Duration, Percent, Schema


class HandOffSchema(Schema):
    """Triggers by completeness are sent soon after the last thing that they waited for.

    - `goal`: the percentage of them that must be; 99 where left out
    - `within`: how soon; 60s where left out
    """

    goal: Percent | UnsetType = UNSET
    within: Duration | UnsetType = UNSET


class TriggeredByDueSchema(Schema):
    """Transitions are triggered before their due time.

    - `goal`: the percentage of them that must be; 99 where left out
    """

    goal: Percent | UnsetType = UNSET


class SweepHealthSchema(Schema):
    """What is due is looked at by a sweep.

    - `goal`: the percentage of the time in which that must be so; 99.9 where left out
    - `within`: so long after it is due a sweep is late; 5m where left out
    """

    goal: Percent | UnsetType = UNSET
    within: Duration | UnsetType = UNSET


class SlosSchema(Schema):
    """Service level objectives; each of them holds as it is where it is left out, and null takes it away.

    - `hand_off`: triggers by completeness are sent soon
    - `triggered_by_due`: transitions are triggered before their due time
    - `sweep_health`: what is due is looked at
    - `window`: over how long they are measured, 3 to 28 days; 28d where left out
    - `at_least_events`: with fewer events in the window nothing is judged; 20 where left out
    - `at_least_failures`: so many failures in the long window of a burn rate before it is an alert; 2 where left out
    """

    hand_off: HandOffSchema | UnsetType | None = UNSET
    triggered_by_due: TriggeredByDueSchema | UnsetType | None = UNSET
    sweep_health: SweepHealthSchema | UnsetType | None = UNSET
    window: Duration | UnsetType = UNSET
    at_least_events: Annotated[Count | UnsetType, Meta(description="a whole number from 1 on")] = UNSET
    at_least_failures: Annotated[Count | UnsetType, Meta(description="a whole number from 1 on")] = UNSET
