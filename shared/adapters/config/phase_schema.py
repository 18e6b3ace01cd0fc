"""Phases and processors in the policy file."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import (
    Column,
    Count,
    Day,
    Duration,
    Expression,
    Name,
    NamePattern,
    Schema,
    Table,
    Text,
    Topic,
    UrlPath,
)
from shared.adapters.config.wire_schema import WireSchema
from shared.core.model import Lane
from shared.core.policy.phases import Need, Reports


class DisabledSchema(Schema):
    """A processor that is expected of nobody for now.

    - `since`: the first date without it; earlier dates expect it as before
    - `reason`: why, for whoever asks
    """

    since: Day
    reason: Text


class SourceSchema(Schema):
    """A table, and what it must hold.

    - `table`: the table that it writes, with its dataset; null for none
    - `date_column`: the table's column that holds the date; `game_date` where left out
    - `min_records_per_unit`: records that a success must have for each unit of the date
    """

    table: Table | UnsetType | None = UNSET
    date_column: Column | UnsetType = UNSET
    min_records_per_unit: Count | UnsetType | None = UNSET
    min_records: Annotated[
        Count | UnsetType | None, Meta(description="records that a date must have, however many units it has")
    ] = UNSET
    units: Annotated[
        Expression | UnsetType | None,
        Meta(description="what names the unit of a row, as the calendar's `unit_key` does: every unit must be there"),
    ] = UNSET
    reports: Annotated[
        Reports | UnsetType, Meta(description="what one report is of: the whole date, or one unit of it")
    ] = UNSET


class ProcessorSchema(SourceSchema):
    """A job that reports once for a date and mode, or once for each unit.

    - `aliases`: other names that it uses on the wire; the first class name is what `{processors:class}` sends
    - `disabled`: that it is expected of nobody, and from which date on
    """

    aliases: list[Text] | UnsetType = UNSET
    sources: Annotated[
        dict[Name, SourceSchema] | UnsetType | None,
        Meta(description="several loaders of one name, by their names on the wire, each with its table and floors"),
    ] = UNSET
    need: Annotated[Need | UnsetType, Meta(description="how many sources have to be done")] = UNSET
    disabled: DisabledSchema | UnsetType | None = UNSET


BodyOf = dict[str, Any]


class RerunInputsSchema(Schema):
    """Data that a rerun opens on, of the same run.

    - `phase`: an earlier phase, whose processors are waited for
    - `processors`: they are done, by the rules of the phase: every unit has arrived, floors are met
    - `mode`: in runs of this mode; of every mode where left out
    """

    phase: Name
    processors: Annotated[list[Name], Meta(min_length=1)]
    mode: Name | UnsetType | None = UNSET


class RerunSchema(Schema):
    """How a phase is asked to run again; values of the bodies are templates.

    - `service`: the service that is called
    - `path`: called by POST
    - `body`: what is sent
    - `body_by_mode`: laid over `body` for a mode
    - `body_by_lane`: laid over the others for a lane, such as `backfill`
    """

    service: Name
    path: UrlPath
    body: BodyOf | UnsetType | None = UNSET
    body_by_mode: dict[Name, BodyOf] | UnsetType | None = UNSET
    body_by_lane: dict[Lane, BodyOf] | UnsetType | None = UNSET
    opens_on: Annotated[
        Annotated[list[RerunInputsSchema], Meta(min_length=1)] | UnsetType | None,
        Meta(
            description="data on which what is missing is asked before `due.warning`, once it came after what was "
            "reported; left out, nothing is asked sooner"
        ),
    ] = UNSET
    grace: Annotated[
        Duration | UnsetType | None,
        Meta(
            description="how long after data, report and start what is missing is asked though it had the data or "
            "never reported; left out, it is asked at `due.warning`"
        ),
    ] = UNSET


class PhaseSchema(Schema):
    """A phase; one without processors and topic never reports.

    - `title`: its name in texts and on the page
    - `rerun`: how it is asked to run again, by self-heal and by `orch rerun`
    - `wire`: its own dialect, laid over that of the pipeline, key by key
    - `team`: whose phase it is; alerts may be routed by it
    """

    title: Text
    team: Name | UnsetType | None = UNSET
    completions_topic: Annotated[
        Topic | UnsetType | None, Meta(description="where its processors report; none for a phase that never reports")
    ] = UNSET
    processors: Annotated[
        dict[Name, ProcessorSchema] | UnsetType,
        Meta(description="its processors by their canonical names; none for a phase that never reports"),
    ] = UNSET
    rerun: RerunSchema | UnsetType | None = UNSET
    wire: WireSchema | UnsetType | None = UNSET
    known: Annotated[
        list[NamePattern] | UnsetType | None,
        Meta(description="names on the topic that are expected of nobody, * allowed: counted by name and day"),
    ] = UNSET
