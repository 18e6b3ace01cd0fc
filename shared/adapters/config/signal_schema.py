"""Signals in the policy file: messages of other systems, and the completions that they mean."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import END, Duration, Name, Offset, Schema, Secret, Text, Topic, Word
from shared.core.model import Outcome
from shared.core.policy.signals import Other, Scheme, Source

ForeignPlace = Annotated[
    str,
    Meta(
        min_length=1,
        description="a place in the message: keys with dots between, [0], [first], [field=value], [*], |json, |base64, "
        "|last, |lower, |table, |url; @attributes.NAME, @publish_time, @message_id, @data are of the message itself",
        examples=["data.runStatus", "@attributes.objectId", "status.conditions[type=Completed].status"],
    ),
]
Pattern = Annotated[
    str,
    Meta(
        min_length=1,
        description="a pattern of the whole name: {name} is a part without /, {date} a date, * any characters without "
        "/, ** any; or a regular expression after re:",
        examples=["boxscores/{date}/{unit}.json", "re: raw_(?P<date>[0-9]{8})[.]csv"],
    ),
]
ForeignText = Annotated[
    str,
    Meta(
        min_length=1,
        description="a text, in which {name} is a part that a pattern named, or {place} what stands at a place",
        examples=["odds_lines", "{job}", "{data.connection.name}"],
    ),
]
Header = Annotated[
    str, Meta(pattern="^[A-Za-z0-9-]+" + END, description="the name of a header", examples=["X-Hub-Signature-256"])
]
Places = ForeignPlace | list[ForeignPlace]
Value = str | int | float | bool | None
Values = Annotated[
    Value | list[Value],
    Meta(description="what must stand there: one of these, * for any characters; null: nothing stands there"),
]
Words = Annotated[list[Word], Meta(description="their words for it")]


class SignalDateSchema(Schema, rename={"from_": "from"}):
    """Which date a message belongs to.

    - `format`: auto (dates, 20260121, ISO 8601, RFC 2822, epochs of any unit), iso, compact, epoch, epoch_ms, or one of
      strptime with year, month and day
    - `zone`: the zone in which an instant is a date; left out, the pipeline's
    - `written_in`: the zone of times that carry none; left out, such a time is the date that it names
    """

    from_: Annotated[
        Places | UnsetType,
        Meta(description="the place of the date or instant, the first that is there; or a text with {names} in it"),
    ] = UNSET
    format: Annotated[Text | UnsetType, Meta(examples=["auto", "epoch_ms", "%d.%m.%Y"])] = UNSET
    zone: Text | UnsetType = UNSET
    written_in: Text | UnsetType = UNSET
    offset_days: Annotated[Offset | UnsetType, Meta(description="days added to it; -1: it ran for the day before")] = (
        UNSET
    )


class SignalStatusSchema(Schema, rename={"from_": "from"}):
    """How it ended: a word of the message, and what their words mean. A word is compared letter by letter.

    - `ignored`: words for which a message is counted and nothing else, such as RUNNING
    """

    from_: Annotated[
        Places | UnsetType,
        Meta(description="where the word stands, the first that is there; or a text with {names} in it"),
    ] = UNSET
    success: Words | UnsetType = UNSET
    partial: Words | UnsetType = UNSET
    no_data: Words | UnsetType = UNSET
    skipped: Words | UnsetType = UNSET
    failed: Words | UnsetType = UNSET
    started: Words | UnsetType = UNSET
    ignored: Words | UnsetType = UNSET
    failed_when: Annotated[
        Places | UnsetType,
        Meta(description="places: anything there but 0, false and what is empty means failed, whatever the word"),
    ] = UNSET
    partial_when: Annotated[
        Places | UnsetType,
        Meta(description="places: anything there but 0, false and what is empty makes a success partial"),
    ] = UNSET
    other: Annotated[Other | UnsetType, Meta(description="what becomes of a word that is not listed")] = UNSET
    missing: Annotated[Other | UnsetType, Meta(description="what becomes of a message without a word")] = UNSET


class WebhookAuthSchema(Schema):
    """How a call to `POST /signals/NAME` of the function `webhooks` proves that it is from the sender.

    - `secret`: the name of the secret that sender and pipeline share; of several each is good, while one takes
      another's place
    - `max_age`: an older call is refused; 5m by the time that a scheme signs, 1d by `sent`
    """

    secret: Secret | list[Secret]
    header: Annotated[
        Header | UnsetType, Meta(description="the header with the signature or token; Authorization where left out")
    ] = UNSET
    prefix: Annotated[
        str | UnsetType, Meta(description="what stands before it in the header", examples=["sha256=", "Bearer "])
    ] = UNSET
    scheme: Annotated[
        Scheme | UnsetType,
        Meta(
            description="hmac_sha256: the header holds the hex digest of the body under the secret; token: the secret; "
            "stamped: t=SECONDS,v1=HEX over SECONDS.BODY; standard: as Standard Webhooks says"
        ),
    ] = UNSET
    sent: Annotated[
        Places | UnsetType, Meta(description="where the body says when it was sent, if its scheme signs no time")
    ] = UNSET
    max_age: Duration | UnsetType = UNSET


class SignalSchema(Schema, rename={"object_": "object"}):
    """A message that another system sends anyway, and the completion that it means (`orch help signals`).

    - `source`: who sends it; each but `json` has a mapping of its own, over which the other keys are laid
    - `phase`: the phase whose processor it completes
    - `bucket`: source storage: the bucket, where a topic has several
    """

    source: Source
    phase: Name
    topic: Annotated[
        Topic | UnsetType, Meta(description="the topic on which it comes, one for signals; `build`: cloud-builds")
    ] = UNSET
    webhook: Annotated[
        WebhookAuthSchema | UnsetType | None,
        Meta(description="it comes by a call with a proof, and is then published to the topic"),
    ] = UNSET
    when: Annotated[
        dict[ForeignPlace, Values] | UnsetType,
        Meta(description="what must hold, by place; any other message is counted and nothing else"),
    ] = UNSET
    each: Annotated[
        ForeignPlace | UnsetType,
        Meta(
            description="the items of a list, each a message of its own in which it is alone, at [0]",
            examples=["Records[*]"],
        ),
    ] = UNSET
    object_: Annotated[
        Pattern | UnsetType, Meta(description="source storage: the pattern of the object's name; others are not its")
    ] = UNSET
    bucket: Text | UnsetType = UNSET
    job: Annotated[
        Pattern | UnsetType, Meta(description="the pattern of the name by which the source knows what ran")
    ] = UNSET
    match: Annotated[
        dict[ForeignPlace, Pattern] | UnsetType, Meta(description="patterns of other places, which name parts too")
    ] = UNSET
    jobs: Annotated[
        dict[Text, Name] | UnsetType,
        Meta(
            description="their name (what processor says, else that of what ran), or a part of it between slashes, * "
            "allowed: our processor; others are not its"
        ),
    ] = UNSET
    processor: Annotated[ForeignText | UnsetType, Meta(description="the processor, by any of its names")] = UNSET
    unknown: Annotated[
        Other | UnsetType, Meta(description="what becomes of a processor that the phase does not know")
    ] = UNSET
    date: Annotated[
        ForeignPlace | SignalDateSchema | UnsetType,
        Meta(
            description="which date it belongs to: a place, a text with {names}, or both with format, zone and offset"
        ),
    ] = UNSET
    unit: Annotated[
        ForeignText | UnsetType, Meta(description="the unit it is of, of a processor with reports: per_unit")
    ] = UNSET
    status: Annotated[
        Outcome | SignalStatusSchema | UnsetType, Meta(description="how it ended: one of our words, or a mapping")
    ] = UNSET
    records: Annotated[Places | UnsetType, Meta(description="where the number of records stands")] = UNSET
    ended: Annotated[Places | UnsetType, Meta(description="where it stands when it ended; else when it was sent")] = (
        UNSET
    )
    cause: Annotated[Places | UnsetType, Meta(description="where the cause of a failure stands")] = UNSET
    mode: Annotated[ForeignText | UnsetType, Meta(description="the mode; left out, date and time decide")] = UNSET
    lane: Annotated[ForeignText | UnsetType, Meta(description="live or backfill; left out, live")] = UNSET
    correlation_id: Annotated[ForeignText | UnsetType, Meta(description="handed on to the next phase")] = UNSET
    execution_id: Annotated[ForeignText | UnsetType, Meta(description="the run of the job, for people")] = UNSET
    trigger_id: Annotated[ForeignText | UnsetType, Meta(description="the trigger that started the job")] = UNSET
    id: Annotated[
        ForeignText | list[ForeignText] | UnsetType,
        Meta(description="what two messages of one event have in common, so that it counts once; the first whole one"),
    ] = UNSET
