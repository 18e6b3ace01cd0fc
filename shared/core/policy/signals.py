"""Signals as values: messages that other systems send anyway, and what each means as a completion (behaviour R13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from shared.core.model import Outcome
from shared.core.wire.foreign_days import AUTO
from shared.core.wire.name_patterns import NamePattern
from shared.core.wire.places import Place, Template

SIGNAL = "signal:"
"""What stands before the topic of a signal where a completion has its phase."""


CALLED = "orch_signal"
"""The attribute that says by which signal's call a message came."""


class Source(StrEnum):
    """Who sends the message. Each but ``json`` has a mapping of its own, which the policy lays its keys over."""

    STORAGE = "storage"
    DATA_TRANSFER = "data_transfer"
    BIGQUERY_JOB = "bigquery_job"
    RUN_JOB = "run_job"
    BATCH = "batch"
    DATAFORM = "dataform"
    DBT = "dbt"
    BUILD = "build"
    JSON = "json"


class Other(StrEnum):
    """What becomes of what the mapping does not name: a word for a status, or a name of nobody's."""

    QUARANTINE = "quarantine"
    IGNORE = "ignore"


class Scheme(StrEnum):
    """How a call proves that it is from who knows the secret. The last two sign the time of the call with its body."""

    HMAC_SHA256 = "hmac_sha256"
    TOKEN = "token"  # noqa: S105, the name of a scheme
    STAMPED = "stamped"
    STANDARD = "standard"


STAMPS = frozenset({Scheme.STAMPED, Scheme.STANDARD})


@dataclass(frozen=True)
class Condition:
    """What must stand at a place: one of these texts, * allowed in them; None among them: nothing stands there."""

    place: Place
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class DayRule:
    """Where the date comes from: the first of ``places`` at which something is, or ``text``; days are added to it.

    ``zone`` names the zone in which an instant is a date, "" for the pipeline's; ``written_in`` that of times which
    carry none, "" where such a time is the date that it names.
    """

    places: tuple[Place, ...] = ()
    text: Template | None = None
    form: str = AUTO
    zone: str = ""
    written_in: str = ""
    offset_days: int = 0


@dataclass(frozen=True)
class StatusRule:
    """How it ended: ``fixed``, or the outcome of the word of ``text`` or at the first of ``places`` where one is.

    ``words`` map their words to ours; None: such a message is counted and nothing else. Where something is said at one
    of ``failed_when``, it failed, whatever the word says of a state; where it is at one of ``partial_when``, a success
    is one in part. ``other`` is for words that are not listed, and ``missing`` for messages without a word.
    """

    places: tuple[Place, ...] = ()
    words: Mapping[str, Outcome | None] = field(default_factory=dict)
    fixed: Outcome | None = None
    text: Template | None = None
    failed_when: tuple[Place, ...] = ()
    partial_when: tuple[Place, ...] = ()
    other: Other = Other.QUARANTINE
    missing: Other = Other.QUARANTINE


@dataclass(frozen=True)
class WebhookAuth:
    """How a call with a signal is known to be from its sender: ``secrets`` name the secrets, and never hold them; each
    of them is good, so that one can take another's place.

    ``prefix`` stands before the signature or token in the header. A call that was sent longer than ``max_age`` ago is
    none of now: by the time that its scheme signs, or by what stands at ``sent`` in its body; None: nothing says when.
    """

    secrets: tuple[str, ...]
    header: str = "Authorization"
    prefix: str = ""
    scheme: Scheme = Scheme.HMAC_SHA256
    sent: tuple[Place, ...] = ()
    max_age: timedelta | None = None


@dataclass(frozen=True)
class MessageMapping:
    """What a message of another system says, and where: a source settles some of it, a signal the rest.

    ``job`` are the places of the name by which the source knows what ran. ``identity`` is what two messages of one
    event have in common: they count once.
    """

    when: tuple[Condition, ...] = ()
    job: tuple[Place, ...] = ()
    processor: Template | None = None
    unknown: Other = Other.QUARANTINE
    day: DayRule = field(default_factory=DayRule)
    status: StatusRule = field(default_factory=StatusRule)
    records: tuple[Place, ...] = ()
    ended: tuple[Place, ...] = ()
    cause: tuple[Place, ...] = ()
    texts: Mapping[str, Template] = field(default_factory=dict)
    identity: tuple[Template, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signal(MessageMapping):
    """A message of another system and the completion that it means.

    ``topic`` is where it comes in; what comes by a call is published there once it is proven. ``each`` are the items
    of a list, each a message of its own. ``pattern`` is what the name of what ran must look like, and names parts of
    it. ``jobs`` says whose completion each name is, where the policy lists them: the name of what ran, or what
    ``processor`` says.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("mode", "lane", "unit", "correlation_id", "execution_id", "trigger_id")

    name: str
    source: Source
    phase: str
    topic: str
    webhook: WebhookAuth | None = None
    each: Place | None = None
    pattern: NamePattern | None = None
    match: tuple[tuple[Place, NamePattern], ...] = ()
    jobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """Where it comes in, as deliveries and quarantine name it."""
        return f"{SIGNAL}{self.topic}"

    @property
    def names(self) -> frozenset[str]:
        """The names that its patterns give to parts of what they match, and `job`, the name of what ran."""
        patterns = [pattern for _, pattern in self.match] + ([] if self.pattern is None else [self.pattern])
        return frozenset({"job"}.union(*(pattern.names for pattern in patterns)))
