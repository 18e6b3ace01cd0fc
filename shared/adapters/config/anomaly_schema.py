"""The shape of the policy's key `anomalies`, and the values that it means (behaviour T12)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import Schema
from shared.core.policy.anomalies import OFF, Anomalies, RowsBand, RunsLonger

Nights = Annotated[int, Meta(ge=7, le=60, description="a number of nights", examples=[14, 28])]
Ratio = Annotated[float, Meta(ge=1.1, le=100, description="so many times as much", examples=[2, 3])]
Deviations = Annotated[
    float, Meta(ge=1, le=20, description="so many standard deviations, of the logarithm", examples=[2, 4])
]


class RunsLongerSchema(Schema):
    """When a phase that has not ended is told to run too long: beyond both, and beyond what one night of twenty takes.

    - `times`: so many times its usual time; 2 where left out
    - `z`: so many standard deviations of what it differs by from night to night; 2 where left out
    """

    times: Ratio | UnsetType = UNSET
    z: Deviations | UnsetType = UNSET


class RowsBandSchema(Schema):
    """When the rows of a full report are told to be unusual.

    - `z`: outside so many standard deviations of what they differ by from night to night; 3.5 where left out
    """

    z: Deviations | UnsetType = UNSET


class AnomaliesSchema(Schema):
    """What is told of nights that are unusual, by the last 75 dates. Without the key: with what is usual below.

    - `enabled`: false where nothing is told and nothing learned for it
    - `least_nights`: so many ordinary nights are needed before anything is told; 14 where left out
    - `runs_longer`: phases that run too long; null: they are not looked at
    - `rows`: unusual numbers of rows; null: they are not looked at
    """

    enabled: bool | UnsetType = UNSET
    least_nights: Nights | UnsetType = UNSET
    runs_longer: RunsLongerSchema | UnsetType | None = UNSET
    rows: RowsBandSchema | UnsetType | None = UNSET


def anomalies_of(schema: AnomaliesSchema | UnsetType | None) -> Anomalies:
    """Return what is told of unusual nights; the usual where the file says nothing of it."""
    if schema is None or isinstance(schema, UnsetType):
        return Anomalies()
    if schema.enabled is False:
        return OFF
    given: dict[str, Any] = {}
    if not isinstance(schema.least_nights, UnsetType):
        given["least_nights"] = schema.least_nights
    if not isinstance(schema.runs_longer, UnsetType):
        longer = schema.runs_longer
        given["runs_longer"] = None if longer is None else RunsLonger(**_given(times=longer.times, z=longer.z))
    if not isinstance(schema.rows, UnsetType):
        given["rows"] = None if schema.rows is None else RowsBand(**_given(z=schema.rows.z))
    return Anomalies(**given)


def _given(**values: float | UnsetType) -> dict[str, float]:
    return {name: value for name, value in values.items() if not isinstance(value, UnsetType)}
