"""Transitions and their gates in the policy file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.mode_schema import AfterOpenedSchema
from shared.adapters.config.phase_schema import BodyOf
from shared.adapters.config.schema_types import (
    Attempts,
    Count,
    DueTime,
    Duration,
    Factor,
    Growth,
    Kind,
    Name,
    Nights,
    Offset,
    Percent,
    Quantile,
    Schema,
    SqlFile,
    Status,
    Text,
    TimeOfDay,
    Times,
    Topic,
    UrlPath,
)
from shared.core.model import Lane
from shared.core.policy.transitions import ConfirmBy, GateKind, Messages, OnMissing, OnUnreadable, Role, Then


class GateSchema(Schema):
    """A condition on the data before a trigger.

    - `kind`: `percent`: a query's number; `rows`: rows in the tables of what is expected; `completion_percent`: the
      share that the reports state
    - `sql`: the query of a percentage: one number
    - `modes`: the modes in which it is asked; every mode where left out
    - `block_below`: a number below it blocks the trigger
    - `warn_below`: a number below it lets the trigger go, and a person is told
    - `at_least`: how many tables must have rows; the required ones must in any case
    - `min_rows`: how many rows a table must have to count
    - `on_missing`: whether a table without rows blocks, or a person is told
    - `on_unreadable`: whether what cannot be read blocks, or is taken to be good
    """

    kind: GateKind
    sql: SqlFile | UnsetType | None = UNSET
    modes: list[Name] | UnsetType | None = UNSET
    block_below: Percent | UnsetType | None = UNSET
    warn_below: Percent | UnsetType | None = UNSET
    at_least: Count | UnsetType | None = UNSET
    min_rows: Count | UnsetType = UNSET
    on_missing: OnMissing | UnsetType = UNSET
    on_unreadable: OnUnreadable | UnsetType = UNSET


class AutoSchema(Schema):
    """A time that past nights say, beside the fixed one, which holds with fewer than seven ordinary nights.

    - `quantile`: the quantile of the nights: 0.95 for one that 95 of 100 nights stay under
    - `of`: the dates that are looked at, back from the run's own; ordinary nights of its mode among them count
    - `times`: by what the quantile is multiplied
    - `at_least`: no less, whatever the nights say; the fixed time lies within both bounds
    - `at_most`: no more
    """

    quantile: Quantile
    of: Nights
    times: Factor
    at_least: Duration
    at_most: Duration


class TierSchema(Schema):
    """From a time on, fewer processors are enough.

    - `after`: how long after the first completion that counts
    - `at_least`: how many of the expected must be done, the required ones among them
    """

    after: Duration
    at_least: Count
    auto: Annotated[
        AutoSchema | UnsetType | None, Meta(description="what past nights say instead of `after`, within bounds")
    ] = UNSET


class DeadlineSchema(Schema):
    """The end of waiting.

    - `after`: how long after the first completion that counts
    - `then`: trigger with what is there; or only if the required are done, and hold otherwise; or hold
    """

    after: Duration
    then: Then
    auto: Annotated[
        AutoSchema | UnsetType | None, Meta(description="what past nights say instead of `after`, within bounds")
    ] = UNSET


class DueAutoSchema(Schema):
    """Due times that past nights say, counted from when the mode opens.

    - `warning`: when a person is told
    - `critical`: when that becomes critical
    """

    warning: AutoSchema | UnsetType | None = UNSET
    critical: AutoSchema | UnsetType | None = UNSET


class DueSchema(Schema):
    """Times of the run's working day; `+1d ` before one means the day after, `{after_opened: 3h}` so long after its
    mode opens.

    - `warning`: when a person is told that it has not triggered
    - `critical`: when that becomes critical
    """

    warning: DueTime | AfterOpenedSchema | UnsetType | None = UNSET
    critical: DueTime | AfterOpenedSchema | UnsetType | None = UNSET
    auto: Annotated[
        DueAutoSchema | UnsetType | None,
        Meta(description="what past nights say instead of `warning` and `critical`, within bounds"),
    ] = UNSET


class AfterRunSchema(Schema):
    """Another run that has to have come far enough first; it binds tiers and deadline too.

    - `pipeline`: the pipeline of that run
    - `mode`: its mode
    """

    pipeline: Name
    mode: Name
    transition: Annotated[
        Name | UnsetType | None,
        Meta(description="its transition that has to be dispatched, observed or empty; left out, all of them"),
    ] = UNSET
    offset_days: Annotated[
        Offset | UnsetType, Meta(description="its date, in days from the own one; 0 where left out")
    ] = UNSET


class ExpectationSchema(Schema):
    """One mode, or `any_mode`: a key left out of a mode is that of `any_mode`.

    - `required`: processors without which nothing is triggered
    - `optional`: processors that are waited for until a tier or the deadline
    - `tiers`: times from which fewer processors are enough
    - `deadline`: the end of waiting for the optional ones
    - `due`: when a person is told that it has not triggered
    """

    required: list[Name] | UnsetType = UNSET
    optional: list[Name] | UnsetType = UNSET
    tiers: list[TierSchema] | UnsetType = UNSET
    deadline: DeadlineSchema | UnsetType | None = UNSET
    due: Annotated[
        DueSchema | Literal["none"] | UnsetType | None,
        Meta(description="when a person is told that it was not triggered; none with because"),
    ] = UNSET
    because: Annotated[Text | UnsetType | None, Meta(description="beside due: none: why nobody is told")] = UNSET
    after_run: Annotated[
        AfterRunSchema | UnsetType | None, Meta(description="another run, of any pipeline, that is waited for")
    ] = UNSET


class HttpSchema(Schema):
    """A call by POST.

    - `service`: the service that is called
    - `path`: the path
    - `accepted`: statuses that are a yes, where `answers` of the service has no rule; 200 to 299 where left out
    - `timeout`: how long an answer is waited for
    - `attempts`: how often a call is tried at once when the service refuses the connection or answers 5xx
    """

    service: Name
    path: UrlPath
    accepted: Annotated[list[Status], Meta(min_length=1)] | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET
    attempts: Attempts | UnsetType = UNSET


class StepSchema(Schema):
    """One call or one publication. Values of the bodies are templates; `plain: false` sends nothing beside them.

    - `http`: the call
    - `topic`: the topic that is published to
    - `messages`: one message, or one for each processor that is done
    - `body`: what is sent, beside the plain fields of the trigger
    - `body_by_mode`: laid over `body` for a mode
    - `body_by_generation`: laid over the others for a refresh: `later`
    - `body_by_lane`: laid over the others for a lane, such as `backfill`
    - `plain`: whether the plain fields of the trigger are sent too
    - `accepts`: fields that the reader requires and their kinds; checked when the policy is loaded and before each
      dispatch
    """

    http: HttpSchema | UnsetType | None = UNSET
    topic: Topic | UnsetType | None = UNSET
    messages: Messages | UnsetType | None = UNSET
    body: BodyOf | UnsetType | None = UNSET
    body_by_mode: dict[Name, BodyOf] | UnsetType | None = UNSET
    body_by_generation: dict[Literal["later"], BodyOf] | UnsetType | None = UNSET
    body_by_lane: dict[Lane, BodyOf] | UnsetType | None = UNSET
    plain: bool | UnsetType | None = UNSET
    accepts: dict[Text, Kind] | UnsetType | None = UNSET


class DispatchSchema(StepSchema, kw_only=True):
    """`steps`, or the short form: an http call, then a topic, with one body for both.

    - `role`: `trigger`, or `observe`: decided and recorded, nothing is sent
    - `steps`: calls and publications in order, each proven before the next
    """

    role: Role
    steps: list[StepSchema] | UnsetType | None = UNSET


class ConfirmSchema(Schema):
    """What proves that the next phase has begun.

    - `by`: the accepted publication, the accepted call, or the first report of the next phase
    - `within`: how long a first report is waited for before the trigger is sent again under the same id
    - `redispatch`: how often it is sent again before a person is told
    """

    by: ConfirmBy
    within: Duration | UnsetType = UNSET
    redispatch: Times | UnsetType = UNSET
    ended_within: Annotated[
        Duration | UnsetType | None,
        Meta(description="how long a last phase that reports may take from its dispatch to its end"),
    ] = UNSET


class RefreshSchema(Schema):
    """When a phase that was triggered is triggered anew, because better input came.

    - `until`: the local time of the trigger's day after which nothing is refreshed
    - `at_most`: how many refreshes there are
    - `min_growth_percent`: how much more records of a processor are better input
    - `steps`: another way to send a refresh than `dispatch`
    """

    until: TimeOfDay
    at_most: int
    min_growth_percent: Growth
    steps: list[StepSchema] | UnsetType | None = UNSET


class TransitionSchema(Schema):
    """What is waited for, and what is then started.

    - `starts`: the phase that it starts
    - `expects`: by mode: which processors, how long, and when a person is told; `any_mode` for what modes share
    - `dispatch`: what is sent
    - `confirm`: what proves that the next phase has begun
    - `gates`: conditions on the data, by name
    - `preflight`: the service whose health is asked before a trigger
    - `refresh`: when it is triggered anew, because better input came
    """

    after: Annotated[
        str | Annotated[list[Name], Meta(min_length=1)],
        Meta(description="the phase it waits for, or a list: processors of each of them may be expected"),
    ]
    starts: Name
    expects: dict[Name, ExpectationSchema]
    dispatch: DispatchSchema
    confirm: ConfirmSchema
    gates: list[Name] | UnsetType = UNSET
    preflight: Name | UnsetType | None = UNSET
    refresh: RefreshSchema | UnsetType | None = UNSET
