"""The shape of the policy file: which keys there are, and what may stand behind them.

A key that the file leaves out is UNSET here: the defaults are those of `shared/core/policy.py`.
Where null is allowed it means "none", so that a policy overlay can take a key back.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.core.dialect import DateZone, WithoutDate
from shared.core.model import Lane, Outcome
from shared.core.policy import ConfirmBy, GateKind, Messages, Need, OnMissing, OnUnreadable, Reports, Role, Then

# The end of a pattern: `$` alone would let a newline at the end through.
END = r"$(?!\n)"

Name = Annotated[str, Meta(pattern="^[A-Za-z][A-Za-z0-9_-]*" + END, description="a name", examples=["phase3"])]
Text = Annotated[str, Meta(min_length=1, description="a text", examples=["Analytics"])]
Table = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_]+[.][A-Za-z0-9_]+" + END,
        description="a table with its dataset",
        examples=["nba_raw.nbac_team_boxscore"],
    ),
]
Column = Annotated[
    str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*" + END, description="the name of a column", examples=["game_date"])
]
Expression = Annotated[
    str,
    Meta(
        min_length=1,
        description="a GoogleSQL expression over the columns of one table; a plain column is one",
        examples=["game_id", "CONCAT(away_team_tricode, '@', home_team_tricode)"],
    ),
]
Topic = Annotated[
    str,
    Meta(
        pattern="^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{0,254}" + END,
        description="the name of a topic",
        examples=["nba-phase4-trigger"],
    ),
]
UrlPath = Annotated[
    str, Meta(pattern=r"^/[^\s?#]*" + END, description="the path of a URL, from its slash on", examples=["/ready"])
]
Variable = Annotated[
    str,
    Meta(
        pattern="^[A-Z][A-Z0-9_]*" + END, description="the name of an environment variable", examples=["ANALYTICS_URL"]
    ),
]
Secret = Annotated[
    str, Meta(pattern="^[A-Za-z0-9_-]+" + END, description="the name of a secret", examples=["slack-webhook-url"])
]
SqlFile = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*[.]sql" + END,
        description="an SQL file, relative to the policy file or to config/",
        examples=["gates/game_coverage.sql"],
    ),
]
Duration = Annotated[
    str, Meta(pattern="^[0-9]{1,6}[smhd]" + END, description="a duration", examples=["90s", "15m", "2h", "1d"])
]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]" + END,
        description="a quoted time of day",
        examples=['"05:00"', '"16:30"'],
    ),
]
DueTime = Annotated[
    str,
    Meta(
        pattern=r"^(\+[1-9]d )?([01][0-9]|2[0-3]):[0-5][0-9]" + END,
        description="a quoted time of the working day, or of a later one",
        examples=['"08:30"', '"+1d 02:00"'],
    ),
]
Percent = Annotated[float, Meta(ge=0, le=100, description="a percentage from 0 to 100", examples=[80])]
Share = Annotated[int, Meta(ge=0, le=100, description="a whole percentage from 0 to 100", examples=[80])]
Count = Annotated[int, Meta(ge=1, description="a whole number from 1 on", examples=[3])]
Times = Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100", examples=[1])]
Attempts = Annotated[int, Meta(ge=1, le=10, description="a whole number from 1 to 10", examples=[3])]
Growth = Annotated[float, Meta(ge=0, le=1_000_000, description="a percentage from 0 on", examples=[10])]
Offset = Annotated[int, Meta(ge=-366, le=366, description="a number of days", examples=[-1, 0, 1])]
Status = Annotated[int, Meta(ge=100, le=599, description="an HTTP status", examples=[200])]
Days = Annotated[int, Meta(ge=-366, le=366, description="days from the day of publication", examples=[0, -1, 1])]
FieldPath = Annotated[
    str,
    Meta(
        pattern=r"^[^.\s]+([.][^.\s]+)*" + END,
        description="a field of the message, by its path",
        examples=["target_date", "metadata.rows_updated"],
    ),
]
Word = Annotated[str, Meta(min_length=1, description="a word of the wire", examples=["phase_3_analytics"])]
NamePattern = Annotated[
    str,
    Meta(
        pattern=r"[^*\s]",
        description="a name on the wire, in which * stands for any characters",
        examples=["NbacScoreboardV2Processor", "Kalshi*"],
    ),
]
Kind = Annotated[
    Literal["text", "date", "integer", "number", "flag", "list", "object"],
    Meta(description="what kind of value a field must hold", examples=["date"]),
]
Day = Annotated[date, Meta(description="a date", examples=["2026-01-28"])]


class Shape(Struct, forbid_unknown_fields=True):
    """A mapping of the file; a key it does not know is refused."""


class ExcludedShape(Shape):
    """Units that do not take place on their date, beside those of `excluded_statuses`."""

    when: Annotated[
        Expression | UnsetType | None, Meta(description="when a row of the calendar's table is no unit of its date")
    ] = UNSET
    table: Annotated[
        Table | UnsetType | None, Meta(description="a table that lists, by date, units that do not take place")
    ] = UNSET
    date_column: Annotated[
        Column | UnsetType | None, Meta(description="the column of that table that holds the date")
    ] = UNSET
    unit_key: Annotated[
        Expression | UnsetType | None, Meta(description="what names a unit in that table; the calendar's `unit_key`")
    ] = UNSET
    calendar_key: Annotated[
        Expression | UnsetType | None,
        Meta(description="what equals it in the calendar's table; the calendar's `unit_key` where left out"),
    ] = UNSET


class CalendarShape(Shape):
    unit: Text
    table: Table
    date_column: Column
    status_column: Column
    excluded_statuses: list[Text] | UnsetType = UNSET
    final_status: Text | UnsetType = UNSET
    unit_key: Annotated[
        Expression | UnsetType | None,
        Meta(description="what names a unit: rows of the same name are one unit; left out, each row is one"),
    ] = UNSET
    final: Annotated[
        Expression | UnsetType | None, Meta(description="when a unit is over; left out, when its status says so")
    ] = UNSET
    start_column: Annotated[Column | UnsetType | None, Meta(description="the column that says when a unit begins")] = (
        UNSET
    )
    presumed_final_after: Annotated[
        Duration | UnsetType | None,
        Meta(description="how long after its start a unit that is not final is presumed over"),
    ] = UNSET
    excluded: ExcludedShape | UnsetType | None = UNSET
    reaches_back: Annotated[
        Duration | UnsetType | None,
        Meta(description="how far back the table reaches: older dates are unknown, not empty"),
    ] = UNSET
    on_unreadable: Literal["assume_units"] | UnsetType = UNSET


class ModeShape(Shape):
    partition_offset_days: Offset
    opens_at: TimeOfDay
    same_evening_from: Annotated[
        TimeOfDay | UnsetType | None,
        Meta(description="from when on reports of a date, published on it, belong to this mode: a time of that date"),
    ] = UNSET


class ReadyShape(Shape):
    """Where a service says whether it can work."""

    path: UrlPath


class IdentityShape(Shape, rename={"is_": "is"}):
    """Where a service says who it is: a field of the answer, and what must stand there."""

    path: UrlPath
    is_: Text
    field: Text | UnsetType = UNSET


FieldValue = str | int | float | bool
BodyFields = Annotated[
    dict[FieldPath, FieldValue | list[FieldValue]],
    Meta(description="fields of an answer by their paths, each with the value that fits or a list of them"),
]


class StatusShape(Shape):
    """How a service is asked whether it works on a date, before a call of unknown outcome is made again."""

    path: UrlPath
    at_work: Annotated[BodyFields, Meta(description="what its answer says while it works on the date")]
    query: Annotated[
        dict[Text, Text] | UnsetType | None, Meta(description="the query's parameters; values are templates")
    ] = UNSET


class ResultsShape(Shape):
    """Where an answer lists what became of its parts: all failed, or none there, is not yet."""

    path: FieldPath | UnsetType = UNSET
    field: FieldPath | UnsetType = UNSET
    good: Annotated[list[Word], Meta(min_length=1)] | UnsetType = UNSET


class AnswerShape(Shape):
    """What an answer means: the first line of a path that fits."""

    status: Annotated[Status | list[Status], Meta(description="the HTTP status, or a list")]
    means: Annotated[
        Literal["accepted", "not_yet", "busy", "refused"],
        Meta(description="a yes; a no that asks again later (not_yet, busy); a no for good (refused)"),
    ]
    body: BodyFields | UnsetType | None = UNSET
    show: Annotated[
        list[FieldPath] | UnsetType | None, Meta(description="fields of the answer that stand in every text about it")
    ] = UNSET
    results: ResultsShape | UnsetType | None = UNSET


class ServiceShape(Shape):
    """A service that is called. `ready_path` with a plain `identity` is the short form of `ready` and `identity`."""

    url_env: Variable
    identity: Text | IdentityShape | UnsetType | None = UNSET
    ready_path: UrlPath | UnsetType | None = UNSET
    ready: ReadyShape | UnsetType | None = UNSET
    cloud_run: Name | UnsetType | None = UNSET
    status: StatusShape | UnsetType | None = UNSET
    answers: Annotated[
        dict[UrlPath, list[AnswerShape]] | UnsetType | None,
        Meta(description="what its answers mean, by path; the first line that fits"),
    ] = UNSET


class DisabledShape(Shape):
    since: Day
    reason: Text


class SourceShape(Shape):
    """A table, and what it must hold."""

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


class ProcessorShape(SourceShape):
    aliases: list[Text] | UnsetType = UNSET
    sources: Annotated[
        dict[Name, SourceShape] | UnsetType | None,
        Meta(description="several loaders of one name, by their names on the wire, each with its table and floors"),
    ] = UNSET
    need: Annotated[Need | UnsetType, Meta(description="how many sources have to be done")] = UNSET
    disabled: DisabledShape | UnsetType | None = UNSET


BodyOf = dict[str, Any]


class RerunShape(Shape):
    """How a phase is asked to run again; values of the bodies are templates."""

    service: Name
    path: UrlPath
    body: BodyOf | UnsetType | None = UNSET
    body_by_mode: dict[Name, BodyOf] | UnsetType | None = UNSET
    body_by_lane: dict[Lane, BodyOf] | UnsetType | None = UNSET


class RehearsalShape(Shape):
    """Where a message names the dataset it wrote to: one in which no table of the policy lives is a rehearsal."""

    field: FieldPath


class IgnoreShape(Shape):
    """Messages that are counted and nothing else: those with every field of `has` and none of `lacks`."""

    has: list[FieldPath] | UnsetType = UNSET
    lacks: list[FieldPath] | UnsetType = UNSET


Places = Annotated[list[FieldPath], Meta(min_length=1)]


class WireShape(Shape):
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
        RehearsalShape | UnsetType | None, Meta(description="how a rehearsal is known, which never moves a live run")
    ] = UNSET
    foreign: Annotated[
        list[NamePattern] | UnsetType | None, Meta(description="names of another pipeline's processors, * allowed")
    ] = UNSET
    ignore: Annotated[
        list[IgnoreShape] | UnsetType | None, Meta(description="messages that are counted and nothing else")
    ] = UNSET


class PhaseShape(Shape):
    """A phase; one without processors and topic never reports."""

    title: Text
    completions_topic: Annotated[
        Topic | UnsetType | None, Meta(description="where its processors report; none for a phase that never reports")
    ] = UNSET
    processors: Annotated[
        dict[Name, ProcessorShape] | UnsetType,
        Meta(description="its processors by their canonical names; none for a phase that never reports"),
    ] = UNSET
    rerun: RerunShape | UnsetType | None = UNSET
    wire: WireShape | UnsetType | None = UNSET
    known: Annotated[
        list[NamePattern] | UnsetType | None,
        Meta(description="names on the topic that are expected of nobody, * allowed: counted by name and day"),
    ] = UNSET


class GateShape(Shape):
    kind: GateKind
    sql: SqlFile | UnsetType | None = UNSET
    modes: list[Name] | UnsetType | None = UNSET
    block_below: Percent | UnsetType | None = UNSET
    warn_below: Percent | UnsetType | None = UNSET
    at_least: Count | UnsetType | None = UNSET
    min_rows: Count | UnsetType = UNSET
    on_missing: OnMissing | UnsetType = UNSET
    on_unreadable: OnUnreadable | UnsetType = UNSET


class TierShape(Shape):
    after: Duration
    at_least: Count


class DeadlineShape(Shape):
    after: Duration
    then: Then


class DueShape(Shape):
    """Times on the run's working day; `+1d ` before one means the day after."""

    warning: DueTime | UnsetType | None = UNSET
    critical: DueTime | UnsetType | None = UNSET


class ExpectationShape(Shape):
    """One mode, or `any_mode`: a key left out of a mode is that of `any_mode`."""

    required: list[Name] | UnsetType = UNSET
    optional: list[Name] | UnsetType = UNSET
    tiers: list[TierShape] | UnsetType = UNSET
    deadline: DeadlineShape | UnsetType | None = UNSET
    due: Annotated[
        DueShape | Literal["none"] | UnsetType | None,
        Meta(description="when a person is told that it was not triggered; none with because"),
    ] = UNSET
    because: Annotated[Text | UnsetType | None, Meta(description="beside due: none: why nobody is told")] = UNSET


class HttpShape(Shape):
    service: Name
    path: UrlPath
    accepted: Annotated[list[Status], Meta(min_length=1)] | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET
    attempts: Attempts | UnsetType = UNSET


class StepShape(Shape):
    """One call or one publication. Values of the bodies are templates; `plain: false` sends nothing beside them."""

    http: HttpShape | UnsetType | None = UNSET
    topic: Topic | UnsetType | None = UNSET
    messages: Messages | UnsetType | None = UNSET
    body: BodyOf | UnsetType | None = UNSET
    body_by_mode: dict[Name, BodyOf] | UnsetType | None = UNSET
    body_by_generation: dict[Literal["later"], BodyOf] | UnsetType | None = UNSET
    body_by_lane: dict[Lane, BodyOf] | UnsetType | None = UNSET
    plain: bool | UnsetType | None = UNSET
    accepts: dict[Text, Kind] | UnsetType | None = UNSET


class DispatchShape(StepShape, kw_only=True):
    """`steps`, or the short form: an http call, then a topic, with one body for both."""

    role: Role
    steps: list[StepShape] | UnsetType | None = UNSET


class ConfirmShape(Shape):
    by: ConfirmBy
    within: Duration | UnsetType = UNSET
    redispatch: Times | UnsetType = UNSET
    ended_within: Annotated[
        Duration | UnsetType | None,
        Meta(description="how long a last phase that reports may take from its dispatch to its end"),
    ] = UNSET


class RefreshShape(Shape):
    until: TimeOfDay
    at_most: int
    min_growth_percent: Growth
    steps: list[StepShape] | UnsetType | None = UNSET


class TransitionShape(Shape):
    after: Annotated[
        str | Annotated[list[Name], Meta(min_length=1)],
        Meta(description="the phase it waits for, or a list: processors of each of them may be expected"),
    ]
    starts: Name
    expects: dict[Name, ExpectationShape]
    dispatch: DispatchShape
    confirm: ConfirmShape
    gates: list[Name] | UnsetType = UNSET
    preflight: Name | UnsetType | None = UNSET
    refresh: RefreshShape | UnsetType | None = UNSET


class PagerDutyShape(Shape):
    severities: list[Name]
    routing_key_secret: Secret


class AlertsShape(Shape):
    channels: dict[Name, Secret]
    repeat_after: Duration
    pagerduty: PagerDutyShape | UnsetType | None = UNSET


class RepairsShape(Shape):
    max_attempts: int
    cooldown: Duration
    refuse_above_missing_percent: Share
    refuse_above_items: Times | UnsetType = UNSET
    modes: Annotated[
        list[Name] | UnsetType | None,
        Meta(description="the modes repaired after their working day too; those of past dates where left out"),
    ] = UNSET


class PauseShape(Shape, rename={"from_": "from"}):
    """A pause that is known beforehand: nothing of its scope is opened or dispatched in it."""

    from_: Annotated[Day, Meta(description="the local date with whose first instant it begins")]
    until: Annotated[Day, Meta(description="the local date with whose first instant it is over")]
    reason: Text
    mode: Annotated[Name | UnsetType | None, Meta(description="the mode that is paused; left out, every one")] = UNSET
    transition: Annotated[
        Name | UnsetType | None, Meta(description="the transition that is paused; left out, whole runs")
    ] = UNSET


class PolicyShape(Shape):
    """A pipeline file such as config/nba.yaml."""

    pipeline: Name
    timezone: Text
    modes: Annotated[dict[Name, ModeShape], Meta(min_length=1)]
    phases: Annotated[dict[Name, PhaseShape], Meta(min_length=1)]
    transitions: Annotated[dict[Name, TransitionShape], Meta(min_length=1)]
    alerts: AlertsShape
    repairs: RepairsShape
    calendar: CalendarShape | UnsetType | None = UNSET
    services: dict[Name, ServiceShape] | UnsetType = UNSET
    gates: dict[Name, GateShape] | UnsetType = UNSET
    claim_lease: Duration | UnsetType = UNSET
    wire: WireShape | UnsetType | None = UNSET
    pauses: Annotated[list[PauseShape] | UnsetType | None, Meta(description="pauses that are known beforehand")] = UNSET
