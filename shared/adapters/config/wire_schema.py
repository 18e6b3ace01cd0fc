"""The dialect of messages in the policy file."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import Days, FieldPath, Name, NamePattern, Schema, Word
from shared.core.model import Outcome
from shared.core.wire.dialect import DateZone, WithoutDate


class RehearsalSchema(Schema):
    """Where a message names the dataset it wrote to: one in which no table of the policy lives is a rehearsal.

    - `field`: the field of the message
    """

    field: FieldPath


class IgnoreSchema(Schema):
    """Messages that are counted and nothing else: those with every field of `has` and none of `lacks`.

    - `has`: fields that are there
    - `lacks`: fields that are not there
    """

    has: list[FieldPath] | UnsetType = UNSET
    lacks: list[FieldPath] | UnsetType = UNSET


Places = Annotated[list[FieldPath], Meta(min_length=1)]


class WireSchema(Schema):
    """The dialect of the pipeline's messages; that of a phase is laid over it, key by key."""

    phase: Annotated[
        list[Word] | UnsetType | None, Meta(description="words of `phase` that mean it; its own name always does")
    ] = UNSET
    name: Annotated[
        Places | UnsetType | None,
        Meta(description="where the processor's name stands: the first that is there, `processor_name` last"),
    ] = UNSET
    date: Annotated[
        Places | UnsetType | None,
        Meta(description="where the date stands: the first that is there and not null, `game_date` last"),
    ] = UNSET
    date_words: Annotated[
        dict[Word, Days] | UnsetType | None,
        Meta(description="words that are dates, in days from the day of publication; compared letter by letter"),
    ] = UNSET
    date_words_zone: Annotated[
        DateZone | UnsetType | None,
        Meta(description="whose day of publication these words count from: UTC, or local, the pipeline's"),
    ] = UNSET
    without_date: Annotated[
        WithoutDate | UnsetType | None,
        Meta(description="what becomes of a message without a date: quarantine, or count it by name and day"),
    ] = UNSET
    status: Annotated[
        Places | UnsetType | None,
        Meta(description="where the status stands: the first that is there, `status` last"),
    ] = UNSET
    outcomes: Annotated[
        dict[Word, Outcome] | UnsetType | None,
        Meta(description="other words for a status, each with the one of ours that it means"),
    ] = UNSET
    ended: Annotated[
        Places | UnsetType | None,
        Meta(description="where it stands when the processor ended: the first that is there, `timestamp` last"),
    ] = UNSET
    records: Annotated[
        Places | UnsetType | None,
        Meta(description="where numbers of records stand: the largest that is there, `record_count` among them"),
    ] = UNSET
    expected: Annotated[
        Places | UnsetType | None,
        Meta(description="where the number stands that was to be done: the first that is there, `expected_count` last"),
    ] = UNSET
    percent: Annotated[
        Places | UnsetType | None,
        Meta(description="where the percentage stands that was done: the first, `metadata.completion_pct` last"),
    ] = UNSET
    cause: Annotated[
        Places | UnsetType | None,
        Meta(description="where the cause of a failure stands: the first, a list joined, `error_message` last"),
    ] = UNSET
    entities: Annotated[
        dict[Name, FieldPath] | UnsetType | None,
        Meta(description="where the names of what changed stand, by kind: a list, or an object of lists by kind"),
    ] = UNSET
    rehearsal: Annotated[
        RehearsalSchema | UnsetType | None, Meta(description="how a rehearsal is known, which never moves a live run")
    ] = UNSET
    foreign: Annotated[
        list[NamePattern] | UnsetType | None, Meta(description="names of another pipeline's processors, * allowed")
    ] = UNSET
    ignore: Annotated[
        list[IgnoreSchema] | UnsetType | None, Meta(description="messages that are counted and nothing else")
    ] = UNSET
