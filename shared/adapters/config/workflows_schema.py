"""The shape of a workflow file: which keys there are, and what may stand behind them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import (
    Attempts,
    Column,
    Count,
    DueTime,
    Duration,
    Expression,
    FieldPath,
    Name,
    Offset,
    Schema,
    Table,
    UrlPath,
)

Word = Literal["info", "warning", "critical"]
Workers = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000", examples=[10])]
Lookback = Annotated[int, Meta(ge=1, le=60, description="a whole number from 1 to 60", examples=[14])]


class SpanSchema(Schema, rename={"from_": "from"}):
    """A half-open part of a working date, local. `to` may lie on a later day: "+1d 02:00".

    - `to`: the first time that is outside
    """

    from_: Annotated[DueTime, Meta(description="the first time that is inside")]
    to: DueTime


class MissingSchema(Schema):
    """The table that says which units are collected.

    - `table`: the table
    - `key`: the columns whose values, joined by @, name a unit as the calendar does
    - `date_column`: the column that holds the date; `game_date` where left out
    """

    table: Table
    key: Annotated[list[Expression], Meta(min_length=1)]
    date_column: Column | UnsetType = UNSET


class FoundSchema(Schema):
    """The table whose rows of the date end a discovery.

    - `table`: the table
    - `date_column`: the column that holds the date; `game_date` where left out
    """

    table: Table
    date_column: Column | UnsetType = UNSET


class OpensOnSchema(Schema):
    """The data on which a window opens: it starts on data, and the clock is the backstop.

    - `phase`: the phase whose processors are waited for
    - `processors`: they are done, by the rules of the phase: every unit has arrived, floors are met
    - `mode`: the pass in which they report
    - `latest`: the local time, inside the window, at which it opens without them
    - `offset_days`: their date, in days from that of the workflow; the same where left out
    """

    phase: Name
    processors: Annotated[list[Name], Meta(min_length=1)]
    mode: Name
    latest: DueTime
    offset_days: Offset | UnsetType = UNSET


class OnceADaySchema(Schema, tag_field="kind", tag="once_a_day"):
    """Once a day inside the window.

    - `window`: when it may run
    - `catch_up`: whether it may also run later on the day that the window ends on
    - `opens_on`: it runs once this data is there, not with the beginning of the window
    """

    window: SpanSchema
    catch_up: bool | UnsetType = UNSET
    opens_on: OpensOnSchema | UnsetType = UNSET


class BeforeGamesSchema(Schema, tag_field="kind", tag="before_games"):
    """Repeatedly before the units of today start.

    - `opens_before_first_game`: from so long before the first start on, until the last
    - `business_hours`: the local hours inside which it runs
    - `every`: how long after the last run the next one is due
    """

    opens_before_first_game: Duration
    business_hours: SpanSchema
    every: Duration


class AfterGamesSchema(Schema, tag_field="kind", tag="after_games"):
    """Around a fixed time after the units of a date.

    - `at`: the local time; "+1d 04:00" is on the next day
    - `tolerance`: how long before and after it the window reaches
    - `missing`: the table that says which units are collected
    """

    at: DueTime
    tolerance: Duration
    missing: MissingSchema


class EarlyGamesSchema(Schema, tag_field="kind", tag="early_games"):
    """Units of the date that start early, some time after their start.

    - `at`: the local time
    - `tolerance`: how long before and after it the window reaches
    - `tip_before`: units that start before this local time
    - `collect_after`: how long ago they must have started
    - `missing`: the table that says which units are collected
    """

    at: DueTime
    tolerance: Duration
    tip_before: DueTime
    collect_after: Duration
    missing: MissingSchema


class DiscoverySchema(Schema, tag_field="kind", tag="discovery"):
    """Repeatedly from local midnight on until rows of the date are there.

    - `every`: how long after the last attempt the next one is due
    - `max_attempts`: how many attempts a date has
    - `found`: the table whose rows end it
    - `needs_units`: whether dates without units are left out
    """

    every: Duration
    max_attempts: Count
    found: FoundSchema
    needs_units: bool | UnsetType = UNSET


class CatchUpSchema(Schema, tag_field="kind", tag="catch_up"):
    """Repeatedly inside the window, for final units of past dates without rows.

    - `window`: when it may run
    - `every`: how long after the last runs the next ones are due
    - `lookback_days`: how many dates back it looks, the oldest first
    - `missing`: the table that says which units are collected
    - `per_unit`: how often one unit is tried in its lifetime; 3 where left out
    """

    window: SpanSchema
    every: Duration
    lookback_days: Lookback
    missing: MissingSchema
    per_unit: Count | UnsetType = UNSET


DecideShape = OnceADaySchema | BeforeGamesSchema | AfterGamesSchema | EarlyGamesSchema | DiscoverySchema | CatchUpSchema


class StepSchema(Schema):
    """Calls that belong together.

    - `name`: its name in this workflow
    - `scrapers`: who is called
    - `execution`: parallel, or one after the other; sequential where left out
    - `max_workers`: how many calls of a parallel step are open at once; 1 where left out
    - `after`: the steps that it waits for
    - `for_each`: an output of an earlier step: each scraper is called once for each of its elements
    - `outputs`: by name the field of the scrapers' answers that later steps use
    """

    name: Name
    scrapers: Annotated[list[Name], Meta(min_length=1)]
    execution: Literal["parallel", "sequential"] | UnsetType = UNSET
    max_workers: Workers | UnsetType = UNSET
    after: list[Name] | UnsetType = UNSET
    for_each: Name | UnsetType = UNSET
    outputs: dict[Name, FieldPath] | UnsetType = UNSET


class RepeatSchema(Schema):
    """A run that did not complete is repeated in its window.

    - `after`: how long after it ended
    - `times`: how often at most
    """

    after: Duration
    times: Count


class WorkflowAlertsSchema(Schema):
    """How severe it is.

    - `failed`: a run failed, wholly, partly or by open circuits; a warning where left out
    - `missed`: a window passed without a run; a warning where left out
    - `missing_units`: units are still missing at the end of the window; nobody is told where left out
    """

    failed: Word | UnsetType = UNSET
    missed: Word | UnsetType = UNSET
    missing_units: Word | UnsetType = UNSET


class WorkflowSchema(Schema):
    """One workflow.

    - `decide`: when it runs
    - `steps`: what it calls
    - `enabled`: whether it runs at all; true where left out
    - `priority`: which of several that are due comes first; medium where left out
    - `requires`: workflows that must have completed for the date
    - `alerts`: how severe it is that something of it went wrong
    - `repeat`: whether a run that did not complete is repeated in its window
    """

    decide: DecideShape
    steps: Annotated[list[StepSchema], Meta(min_length=1)]
    enabled: bool | UnsetType = UNSET
    priority: Literal["critical", "high", "medium", "low"] | UnsetType = UNSET
    requires: list[Name] | UnsetType = UNSET
    alerts: WorkflowAlertsSchema | UnsetType = UNSET
    repeat: RepeatSchema | UnsetType = UNSET


class ScraperSchema(Schema):
    """A scraper.

    - `service`: the service of the policy that runs it
    - `path`: where it is called by POST
    - `timeout`: how long one attempt may take; that of the defaults where left out
    - `parameters`: what is sent; `{date}`, `{unit}`, `{units}` and the element of a loop are filled in
    - `no_data_is_success`: whether an answer without rows is fine; true where left out
    - `processor`: the processor that makes rows of its file
    """

    service: Name
    path: UrlPath
    timeout: Duration | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    no_data_is_success: bool | UnsetType = UNSET
    processor: Name | UnsetType = UNSET


class BreakerSchema(Schema):
    """When a scraper is left alone for a while.

    - `failures`: so many failures open it
    - `within`: in so long a time
    - `open_for`: how long it is left alone
    - `successes`: so many successes in a row close it
    """

    failures: Count
    within: Duration
    open_for: Duration
    successes: Count


class DefaultsSchema(Schema):
    """What holds for every scraper.

    - `timeout`: how long one attempt may take
    - `step_overhead`: how much longer an entry with all its attempts may take
    - `attempts`: how often a call is made that may succeed later
    - `breaker`: when a scraper is left alone
    """

    timeout: Duration | UnsetType = UNSET
    step_overhead: Duration | UnsetType = UNSET
    attempts: Attempts | UnsetType = UNSET
    breaker: BreakerSchema | UnsetType = UNSET


class WorkflowsSchema(Schema):
    """A file such as config/workflows.yaml.

    - `pipeline`: whose they are, in a folder of several policies
    - `workflows`: the workflows, by name
    - `scrapers`: the scrapers, by name
    - `defaults`: what holds for every scraper
    """

    workflows: Annotated[dict[Name, WorkflowSchema], Meta(min_length=1)]
    scrapers: Annotated[dict[Name, ScraperSchema], Meta(min_length=1)]
    defaults: DefaultsSchema | UnsetType = UNSET
    pipeline: Name | UnsetType = UNSET
