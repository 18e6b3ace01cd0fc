"""What each thing that happens costs in operations: the one table of assumptions of the cost model.

Counted as Firestore bills: a read for each document, at least one for a query; a write for each attempt.
`tests/app/test_operations.py` holds each row against what the use cases really ask of the store, and `bin/bench cost`
a run against what the Firestore adapter counted: when they differ, correct it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# Of a phase that expects more members than this, one is looked at until all may be there
# (`shared/app/transitions/fan_in.py`, MANY).
FAN_IN_ABOVE = 50
# From so many tables of a dataset on, rows are counted from the metadata of partitions, which is billed as one table
# (`shared/adapters/partition_counts.py`, MANY).
METADATA_FROM = 20
# Of more tables than this the types of their date columns are asked for by a statement
# (`shared/adapters/column_types.py`, FEW).
DESCRIBED = 4
# Pipelines of one deployment that are swept at once (`shared/app/sweep/pipelines.py`, AT_ONCE).
SWEPT_AT_ONCE = 8
# Days from its date for which a run's documents are kept (`shared/app/state/repository.py`, PART_KEPT).
KEPT_DAYS = 33
# Days around today whose runs the hourly comparison reads (`shared/app/audit/compare.py`, DAYS_AROUND).
COMPARED_DAYS = 4
# Days for which what scrapers report is kept (`shared/app/workflows/reports.py`, KEPT).
REPORTS_KEPT_DAYS = 3
# From so many completions on a run is read by its digest (`shared/app/state/digest.py`, DIGESTED_FROM, SERVES), and one
# that was written lately is read by so many looks: those of OVERLAP, and until CHANGED of them are worth a digest.
DIGESTED_FROM = 40
DIGEST_SERVES_MINUTES = 60
READ_AGAIN = 6
DIGESTED_EACH = 3  # reports that come in minutes of their own; each changes twice, until the record has it
# The part of its concurrency that Cloud Run keeps an instance at
# (https://cloud.google.com/run/docs/about-instance-autoscaling).
KEPT_BUSY = 0.6
# Dates that repairs reach back to (`shared/core/past_repairs.py`, REACH).
REACH_DAYS = 14


@dataclass(frozen=True, slots=True)
class Operations:
    """What is billed of the state store, and the rows that go to the record."""

    reads: float = 0.0
    writes: float = 0.0
    deletes: float = 0.0
    rows: float = 0.0

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.reads + other.reads, self.writes + other.writes, self.deletes + other.deletes, self.rows + other.rows
        )

    def __mul__(self, times: float) -> Operations:
        return Operations(self.reads * times, self.writes * times, self.deletes * times, self.rows * times)


@dataclass(frozen=True, slots=True)
class Assumed:
    """The operations of one unit, and of each further thing in it, which ``each`` names."""

    what: str
    reads: float = 0.0
    writes: float = 0.0
    rows: float = 0.0
    each: str = ""
    reads_each: float = 0.0
    writes_each: float = 0.0
    rows_each: float = 0.0


class Unit(StrEnum):
    """What happens."""

    COMPLETION = "completion"
    LINK = "link"
    RUN = "run"
    TRIGGER = "trigger"
    STEP = "step"
    CONFIRMATION = "confirmation"
    DUPLICATE = "duplicate"
    SWEEP = "sweep"
    DUE_SWEEP = "due_sweep"
    WHOLE_SWEEP = "whole_sweep"
    OPEN_RUN = "open_run"
    DIGESTED_LOOK = "digested_look"
    DIGEST = "digest"
    TOUCH = "touch"
    SEEN = "seen"
    CLOSED_TODAY = "closed_today"
    FLUSH = "flush"
    FLUSHED_TRANSITION = "flushed_transition"
    COMPARISON = "comparison"
    COMPARED = "compared"
    OBJECTIVES = "objectives"
    PAST = "past"
    LEARNING = "learning"
    USUAL = "usual"
    WHOLE_RUN = "whole_run"
    ALERT = "alert"
    VALIDATION = "validation"
    REPORT = "report"
    TICK = "tick"
    NEWS = "news"
    LOOK = "look"
    WORKFLOW_RUN = "workflow_run"
    WORKFLOW_STEP = "workflow_step"
    WAVE = "wave"
    CALL = "call"
    SCRAPER_REPORT = "scraper_report"
    SCRAPERS_COMPARED = "scrapers_compared"
    BATCH_LOOK = "batch_look"
    BATCH = "batch"
    BATCH_INSTANCE = "batch_instance"
    MEMBER_REPORT = "member_report"
    INDEX_PART = "index_part"
    OPEN_BATCH = "open_batch"
    BATCH_REPEAT = "batch_repeat"
    PAGE_AGAIN = "page_again"
    LAST_MINUTE = "last_minute"
    BATCH_END = "batch_end"
    BATCH_STEP = "batch_step"
    TABLE_PLACE = "table_place"


OPERATIONS: Mapping[Unit, Assumed] = {
    Unit.COMPLETION: Assumed(
        "a completion that only waits: run and own document; own document written; then its phase",
        reads=2, writes=1, each="report of the phase that is read", reads_each=1,
    ),
    Unit.LINK: Assumed("each transition that a completion bears on: the one before its phase, the one after", reads=1),
    Unit.RUN: Assumed(
        "a run: looked for, opened, calendar and baseline noted at its first sweep, put off, closed", reads=1, writes=4
    ),
    Unit.TRIGGER: Assumed("a trigger: pauses read, claimed, marked as dispatched", reads=1, writes=2, rows=1),
    Unit.STEP: Assumed("a step of a trigger before its last: marked as proven", writes=1),
    Unit.CONFIRMATION: Assumed("a confirmation: by report, answer or message id", writes=1, rows=1),
    Unit.DUPLICATE: Assumed(
        "the same message again: nothing is written", reads=2, each="report of the phase that is read", reads_each=1
    ),
    Unit.SWEEP: Assumed("a sweep: its upkeep, and the run that is due first", reads=2),
    Unit.DUE_SWEEP: Assumed(
        "one that finds something due: its lock taken and given back, the hourly one, pauses, three questions on "
        "alerts, its upkeep again",
        reads=7, writes=2, each="run that it looks at, at least one", reads_each=1,
    ),
    Unit.WHOLE_SWEEP: Assumed("one that looks at every open run: when the next one does", writes=1),
    Unit.OPEN_RUN: Assumed(
        "what a sweep reads of a run that it looks at: its completions, its transitions, at least one each",
        each="document", reads_each=1,
    ),
    Unit.DIGESTED_LOOK: Assumed(
        "the same of a wide run: its digest, how many completions there are, those written lately, at least one; its "
        "transitions",
        reads=2, each="completion or transition", reads_each=1,
    ),
    Unit.DIGEST: Assumed("the digest of a wide run, written anew", writes=1),
    Unit.TOUCH: Assumed("a run that a report makes due, the first since a sweep looked at it", writes=1),
    Unit.SEEN: Assumed("a run that was made due: the sweep that begins to look at it notes that", writes=1),
    Unit.CLOSED_TODAY: Assumed("a run of today that is closed: a sweep looks whether it has to be opened", reads=1),
    Unit.FLUSH: Assumed(
        "news of a run that a sweep writes to the record: the breaker asked and told; each document taken off",
        reads=2, each="completion", reads_each=1, writes_each=1, rows_each=1,
    ),
    Unit.FLUSHED_TRANSITION: Assumed("the same of a transition, whose document the sweep has", writes=1),
    Unit.COMPARISON: Assumed(
        "state against record, hourly: its lock, then the runs that are kept", writes=1, each="kept run", reads_each=1
    ),
    Unit.COMPARED: Assumed("what a comparison reads of a run: its completions", each="completion", reads_each=1),
    Unit.OBJECTIVES: Assumed(
        "objectives, hourly: the lock, the pauses, the document that keeps them; then the runs that are kept",
        reads=4, writes=2, each="kept run, or transition of an open one", reads_each=1,
    ),
    Unit.PAST: Assumed(
        "a look at the past, hourly, of what was repaired or needs none: each date, and the transitions of its run",
        each="run or transition", reads_each=1,
    ),
    Unit.LEARNING: Assumed(
        "past nights, daily: what was learned before; its lease, the pauses; read and written again",
        reads=4, writes=2,
    ),
    Unit.USUAL: Assumed("what is usual, as the first look of a day of each instance reads it", reads=1),
    Unit.WHOLE_RUN: Assumed(
        "a run that is read whole: its document, completions, transitions", reads=1, each="document", reads_each=1
    ),
    Unit.ALERT: Assumed("an alert: raised, sent, ended and told so, each in the record", reads=5, writes=7, rows=2),
    Unit.VALIDATION: Assumed(
        "a validation: breaker, alerts, quarantine, locks, pauses; a row for the run and one for the trend",
        reads=14, rows=2, each="check", rows_each=1,
    ),
    Unit.REPORT: Assumed(
        "the daily report: alerts, quarantine, pauses twice, its own alert, the marks of sweeps",
        reads=14, writes=3, rows=1, each="run that it asks for", reads_each=1,
    ),
    Unit.TICK: Assumed(
        "a tick of the workflow controller: pauses, since when it watches; the books of dates",
        reads=2, each="date", reads_each=1,
    ),
    Unit.NEWS: Assumed(
        "a tick with a decision that changed: book written, its row to the record and off the book; books read again",
        reads=6, writes=2, rows=1, each="date", reads_each=1,
    ),
    Unit.LOOK: Assumed(
        "a sweep's look at workflows: open runs, files, reports to be recorded, pauses, since when; the books of dates",
        reads=5, each="date", reads_each=1,
    ),
    Unit.WORKFLOW_RUN: Assumed(
        "a run of a workflow: claimed, sent, ended, noted in its book, told to the record", reads=4, writes=3, rows=1
    ),
    Unit.WORKFLOW_STEP: Assumed(
        "a step: run loaded, lease taken, next one sent", reads=1, writes=3, each="scraper's breaker", reads_each=1
    ),
    Unit.WAVE: Assumed("calls that are made at once: begun, then their outcomes", writes=2),
    Unit.CALL: Assumed("a call of a scraper: its row", rows=1),
    Unit.SCRAPER_REPORT: Assumed(
        "what a scraper reports: kept, with its file; then found among those of its date, recorded, marked",
        reads=6, writes=3, rows=1,
    ),
    Unit.SCRAPERS_COMPARED: Assumed(
        "reports of scrapers against the record, daily: its lock, and all that are kept",
        reads=1, writes=1, each="report", reads_each=1,
    ),
    Unit.BATCH_LOOK: Assumed("a sweep's question for batches that are not over, of a policy that has any", reads=1),
    Unit.BATCH: Assumed(
        "a batch until it is open: recorded, claimed, loaded, announced; pages and their index written, each asked",
        reads=8, writes=5, each="page", writes_each=4,
    ),
    Unit.BATCH_INSTANCE: Assumed(
        "an instance that hears of a batch: finds it, and looks which members of a page are silent",
        reads=2, each="member that is looked at", reads_each=1,
    ),
    Unit.MEMBER_REPORT: Assumed(
        "a report of a member: own outcome written; batch, and one who is silent", reads=2, writes=1
    ),
    Unit.INDEX_PART: Assumed(
        "the first report of each part of the index to an instance, which looks before it writes and after", reads=3
    ),
    Unit.OPEN_BATCH: Assumed(
        "a sweep's look at an open batch: three counts; once it may be idle one for each minute since the last outcome",
        reads=3, each="such minute", reads_each=1,
    ),
    Unit.BATCH_REPEAT: Assumed(
        "a look for silent members: claimed, given back; each page is read and its outcomes are counted",
        reads=13, writes=3, each="page", reads_each=2,
    ),
    Unit.PAGE_AGAIN: Assumed(
        "silent members of a page, asked again: its outcomes read, asked, noted", writes=2, each="outcome", reads_each=1
    ),
    Unit.LAST_MINUTE: Assumed(
        "outcomes of the minute in which idleness may have begun: read by each look of the sweep and of who closes",
        each="outcome", reads_each=4,
    ),
    Unit.BATCH_END: Assumed(
        "the end of a batch: claimed, counted member by member, published, given back",
        reads=17, writes=4, each="page or outcome", reads_each=1,
    ),
    Unit.BATCH_STEP: Assumed("a close step: begun, proven", writes=2),
    Unit.TABLE_PLACE: Assumed(
        "a table that a close step changes: its place taken and given back, each read before", reads=2, writes=2
    ),
}  # fmt: skip


def of(unit: Unit, times: float = 1.0, each: float = 0.0) -> Operations:
    """Return the operations of a unit that happens so often, with so many further things in all of them together."""
    operations = OPERATIONS[unit]
    return Operations(
        reads=operations.reads * times + operations.reads_each * each,
        writes=operations.writes * times + operations.writes_each * each,
        rows=operations.rows * times + operations.rows_each * each,
    )


@dataclass(frozen=True, slots=True)
class Habits:
    """What is assumed of sizes, times and people; nothing here is counted by a test."""

    # Bytes. Pub/Sub bills no request under 1,000, a row streamed into BigQuery no less than 1,024.
    message_bytes: float = 1_000
    row_bytes: float = 1_024
    document_bytes: float = 4_096  # with its index entries
    logged_bytes: float = 2_500  # of one call: our lines and the platform's
    # BigQuery bills no table of a query under 10 MB, and a day's partition of most is below that.
    table_bytes: float = 10_485_760
    # Seconds of an instance, billed by tenths: most of a sweep, trigger or validation waits for BigQuery.
    completion_seconds: float = 0.1
    trigger_seconds: float = 3.0
    quiet_seconds: float = 0.2  # of a sweep or a tick that asks BigQuery nothing
    idle_pipeline_seconds: float = 0.01  # of it, for one more pipeline in which nothing is due
    sweep_seconds: float = 1.5
    open_run_seconds: float = 0.05
    validation_seconds: float = 60.0
    report_seconds: float = 15.0
    query_seconds: float = 1.0
    tick_seconds: float = 0.5  # of a tick that asks BigQuery
    run_minutes: float = 5.0  # from the claim of a workflow's run to the sweep that has seen its end
    wave_seconds: float = 5.0  # calls of scrapers that are made at once
    units: float = 7.0  # of a date, each fetched by itself
    found_after: float = 0.5  # of the attempts of a discovery
    news_a_run: float = 3.0  # ticks that find another decision than the one before
    members: float = 300.0  # of a batch
    silent_percent: float = 3.0  # of them
    batch_minutes: float = 15.0  # from the start of a batch to its end
    batch_instances: float = 2.0  # that hear its reports
    report_seconds_of_member: float = 0.05
    query_slots: float = 2.0
    alerts_a_day: float = 2.0
    recorded_months: float = 12.0  # of rows that the record holds: nothing deletes them
    # Deliveries of one report: push is at least once.
    deliveries: float = 1.01
    # What arrives in the busiest second, as a multiple of the mean of the day: phases end together.
    peak: float = 20.0
    # Minutes between two looks at an open run in which nothing is due.
    look_minutes: float = 15.0
    comparisons_a_day: float = 24.0  # of state and record


HABITS = Habits()
