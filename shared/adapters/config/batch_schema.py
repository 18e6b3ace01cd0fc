"""Batches in the policy file."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.phase_schema import BodyOf
from shared.adapters.config.schema_types import (
    Duration,
    Growth,
    Name,
    Percent,
    Schema,
    SqlFile,
    Text,
    TimeOfDay,
    Times,
    Topic,
)
from shared.adapters.config.transition_schema import HttpSchema
from shared.core.policy.batches import BatchThen, MemberOutcome

FieldName = Annotated[
    str, Meta(pattern=r"^[^\s{}]+$(?!\n)", description="the name of a field or column", examples=["player_lookup"])
]
PerSecond = Annotated[float, Meta(gt=0, le=10_000, description="how many a second", examples=[50])]


class MembersSchema(Schema):
    """Who is in a batch: `sql` or `message`.

    - `key`: the column, or the field of an element (`path.name` for one further in), that names a member
    - `sql`: a query with the parameters `@date`, `@mode` and `@lane`: one row a member
    - `message`: the field of the start message that lists the members, each as its name or as an object
    """

    key: FieldName
    sql: SqlFile | UnsetType | None = UNSET
    message: FieldName | UnsetType | None = UNSET


class BatchRequestSchema(Schema):
    """What asks one member to work.

    - `topic`: the topic of the requests
    - `body`: what is sent: templates over the columns of the member, the batch and its run
    - `per_second`: how many requests leave in a second
    """

    topic: Topic
    body: BodyOf
    per_second: PerSecond | UnsetType = UNSET


class BatchReportsSchema(Schema):
    """How a member reports.

    - `topic`: the topic of the reports
    - `key`: the field that names the member
    - `batch`: the field that holds the batch id
    - `count`: the field that holds how much the member made; members are counted where left out
    - `unit`: what the count counts, such as `predictions`
    - `outcomes`: other words of the field `outcome`: `done`, `skipped` or `failed`
    """

    topic: Topic
    key: FieldName
    batch: FieldName
    count: FieldName | UnsetType | None = UNSET
    unit: Text | UnsetType | None = UNSET
    outcomes: dict[Text, MemberOutcome] | UnsetType | None = UNSET


class BatchRetrySchema(Schema):
    """Members that are silent get their request again, under the same id.

    - `after`: how long after their last request
    - `attempts`: how often
    """

    after: Duration
    attempts: Times


class IdleSchema(Schema, rename={"for_": "for"}):
    """A batch that is nearly complete and silent.

    - `at_least_percent`: of its members have an outcome
    """

    for_: Annotated[Duration, Meta(description="how long no new outcome came")]
    at_least_percent: Percent


class BatchDeadlineSchema(Schema):
    """The end of waiting, whatever is missing.

    - `after`: how long after the start was received
    - `then`: publish what is there as partial, or hold and tell a person
    """

    after: Duration
    then: BatchThen


class CloseSchema(Schema):
    """When a batch is over: the first of these that holds.

    - `complete`: as soon as every member has an outcome
    - `idle`: nearly complete, and silent
    - `deadline`: the end of waiting
    """

    complete: bool | UnsetType = UNSET
    idle: IdleSchema | UnsetType | None = UNSET
    deadline: BatchDeadlineSchema | UnsetType | None = UNSET


class CloseStepSchema(Schema):
    """One call or one statement, proven before the next.

    - `http`: the call
    - `body`: what it sends: templates over the batch and its run
    - `sql`: a statement with the parameters `@date`, `@mode`, `@lane` and `@batch_id`
    """

    http: HttpSchema | UnsetType | None = UNSET
    body: BodyOf | UnsetType | None = UNSET
    sql: SqlFile | UnsetType | None = UNSET


class BatchPublishSchema(Schema):
    """Where the completion of the batch is published.

    - `topic`: the completions topic of its phase
    """

    topic: Topic


class BatchRefreshSchema(Schema):
    """When a late outcome makes a published batch its next generation.

    - `until`: the local time after which nothing is reopened
    - `at_most`: how often
    - `min_growth_percent`: how much more the counts must come to, where no missing member was brought
    """

    until: TimeOfDay
    at_most: Times
    min_growth_percent: Growth


class BatchAlertsSchema(Schema):
    """What people are warned of beside how a batch ends.

    - `failed_percent`: more than so many percent of the members failed
    - `fewer_than_percent`: fewer members than so many percent of the median of the last 14 nights
    """

    failed_percent: Percent | UnsetType | None = UNSET
    fewer_than_percent: Percent | UnsetType | None = UNSET


class BatchSchema(Schema):
    """A phase whose members are known only when it starts: asked one by one, closed and published once.

    - `phase`: the phase that the batch is the work of
    - `reports_as`: the processor whose completion the batch publishes
    - `members`: who is in it
    - `request`: what asks one member
    - `reports`: how a member reports
    - `close`: when it is over
    - `publish`: where its completion is published
    - `retry`: members that are silent are asked again
    - `on_close`: calls and statements at the close, in order
    - `refresh`: when a late outcome reopens it
    - `alerts`: what people are warned of
    """

    phase: Name
    reports_as: Name
    members: MembersSchema
    request: BatchRequestSchema
    reports: BatchReportsSchema
    close: CloseSchema
    publish: BatchPublishSchema
    retry: BatchRetrySchema | UnsetType | None = UNSET
    on_close: list[CloseStepSchema] | UnsetType | None = UNSET
    refresh: BatchRefreshSchema | UnsetType | None = UNSET
    alerts: BatchAlertsSchema | UnsetType | None = UNSET
