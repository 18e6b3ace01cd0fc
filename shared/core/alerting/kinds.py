"""Every kind of alert: what it is called, what it means, how long it lasts and what to do first (behaviour 7).

`deploy/ALERTS.md` is written from it by `python -m deploy.alerts_page`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.core.commands import line
from shared.core.severity import Severity


class Lifecycle(StrEnum):
    """Whether a condition can end: `standing` ones are repeated and recovered, `once` is sent once and never ends."""

    ONGOING = "standing"
    ONCE = "once"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Lifecycle:
        """What an older version cannot tell the end of is sent once and never ends."""
        return cls.ONCE


class AlertKind(StrEnum):
    """What an alert is about; part of its fingerprint, so a word never changes."""

    UNDER_MINIMUM = "under_minimum"
    COUNTER_MISSING = "counter_missing"
    FAILING = "failing"
    SILENT = "silent"
    GATE = "gate"
    GATE_WARNING = "gate_warning"
    DISPATCH = "dispatch"
    NOT_TAKEN = "not_taken"
    PREFLIGHT = "preflight"
    ON_HOLD = "on_hold"
    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    DEGRADED = "degraded"
    LATE = "late"
    OVERTAKEN = "overtaken"
    DUE_WARNING = "due_warning"
    DUE_CRITICAL = "due_critical"
    CALENDAR = "calendar"
    EXPIRED = "expired"
    RECONCILED = "reconciled"
    REPAIR_REFUSED = "repair_refused"
    REPAIR_FAULT = "repair_fault"
    REPAIR_NOT_TAKEN = "repair_not_taken"
    REPAIR_IN_VAIN = "repair_in_vain"
    PAST_REPAIR_REFUSED = "past_repair_refused"
    PAST_REPAIR_FAULT = "past_repair_fault"
    PAST_REPAIR_NOT_TAKEN = "past_repair_not_taken"
    PAST_REPAIR_IN_VAIN = "past_repair_in_vain"
    PAST_REPAIRED = "past_repaired"
    PAST_UNREADABLE = "past_unreadable"
    BY_TABLE = "by_table"
    QUARANTINE = "quarantine"
    ERROR = "error"
    VALIDATION = "validation"
    REPORT = "report"
    REPORT_UNSENT = "report_unsent"
    STATE_DOWN = "state_down"
    BOTH_DOWN = "both_down"
    DEAD_LETTERS = "dead_letters"
    DEPARTED = "departed"
    FAULT = "fault"
    OLD_DATES = "old_dates"
    OTHER_DATASET = "other_dataset"
    PRESUMED = "presumed"
    UNITS_SHORT = "units_short"
    NOTHING = "nothing"
    NOTHING_TO_DO = "nothing_to_do"
    REFUSED = "refused"
    NOT_ENDED = "not_ended"
    GATE_OVERDUE = "gate_overdue"
    RUNS_LONG = "runs_long"
    ROWS_OUTSIDE = "rows_outside"
    PAUSED = "paused"
    PAUSE_GOES_ON = "pause_goes_on"
    PAUSE_ENDED = "pause_ended"
    WORKFLOW_FAILED = "workflow_failed"
    WORKFLOW_MISSED = "workflow_missed"
    WORKFLOW_UNITS = "workflow_units"
    WORKFLOW_REFUSED = "workflow_refused"
    WORKFLOW_WARNING = "workflow_warning"
    WORKFLOW_OUTPUT = "workflow_output"
    WORKFLOW_CALENDAR = "workflow_calendar"
    FILES_REFUSED = "files_refused"
    BATCH_CLOSED = "batch_closed"
    BATCH_HELD = "batch_held"
    BATCH_LATE = "batch_late"
    BATCH_STALLED = "batch_stalled"
    BATCH_FAILING = "batch_failing"
    BATCH_FEW = "batch_few"
    PAUSE_OF_NOTHING = "pause_of_nothing"
    SLO_FAST_BURN = "slo_fast_burn"
    SLO_SLOW_BURN = "slo_slow_burn"


@dataclass(frozen=True, slots=True)
class KindInfo:
    """What is true of every alert of a kind. ``severity`` is the usual one; a backfill run's is always `info` (A3)."""

    title: str
    severity: Severity
    lifecycle: Lifecycle
    meaning: str
    action: str


def _ongoing(title: str, severity: Severity, meaning: str, action: str) -> KindInfo:
    return KindInfo(title, severity, Lifecycle.ONGOING, meaning, action)


def _once(title: str, severity: Severity, meaning: str, action: str = "nothing") -> KindInfo:
    return KindInfo(title, severity, Lifecycle.ONCE, meaning, action)


def _command(*words: str) -> str:
    return f"`{line(*words)}`"


_INFO, _WARNING, _CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
_EXPLAIN = f"{_command('explain')}, as the alert prints it"

CATALOGUE: Mapping[AlertKind, KindInfo] = MappingProxyType(
    {
        AlertKind.DUE_CRITICAL: _ongoing(
            "Not triggered long after its due time", _CRITICAL, "the next phase has not been started", _EXPLAIN
        ),
        AlertKind.DUE_WARNING: _ongoing(
            "Not triggered at its due time", _WARNING, "the next phase has not been started", _EXPLAIN
        ),
        AlertKind.HELD: _ongoing(
            "Held",
            _CRITICAL,
            "a deadline passed without a required processor, or the target refused the call for good",
            f"repair the cause, then {_command('trigger')}, as the alert prints it",
        ),
        AlertKind.ON_HOLD: _ongoing(
            "Held by an operator", _INFO, f"somebody ran {_command('hold')}", f"{_command('release')}"
        ),
        AlertKind.GATE: _ongoing(
            "Blocked by a gate", _WARNING, "a query of data quality is below its threshold", _EXPLAIN
        ),
        AlertKind.GATE_OVERDUE: _ongoing(
            "Blocked by a gate at its deadline", _CRITICAL, "the gate has blocked since before the deadline", _EXPLAIN
        ),
        AlertKind.GATE_WARNING: _once(
            "Triggered although a gate warned", _WARNING, "the gate only warns", "look at the table of the gate"
        ),
        AlertKind.PREFLIGHT: _ongoing(
            "The next service is not healthy",
            _CRITICAL,
            "the transition is ready, and the health of the next service has failed for five minutes",
            "look at the log of the service",
        ),
        AlertKind.DISPATCH: _ongoing(
            "The trigger cannot be sent",
            _CRITICAL,
            "the call or the publication has failed for five minutes",
            "look at the target of the dispatch: address, rights, log",
        ),
        AlertKind.NOT_TAKEN: _ongoing(
            "The next service answered no",
            _WARNING,
            "the service works; its answer says what it lacks",
            "supply what it lacks; it is asked again when an input changes",
        ),
        AlertKind.UNCONFIRMED: _ongoing(
            "Sent, and the next phase has not started",
            _CRITICAL,
            "no report of the next phase after every repetition",
            "see whether anything listens to the topic, or whether the service works on it",
        ),
        AlertKind.REFUSED: _ongoing(
            "The started phase did no work",
            _WARNING,
            "a processor of the next phase reported a failure or nothing to do, with its cause",
            "repair the cause; it is started again when an input changes",
        ),
        AlertKind.NOT_ENDED: _ongoing(
            "The started phase has not ended",
            _WARNING,
            "no report of its end within the time of the policy",
            "look at the run of the processor that the alert names",
        ),
        AlertKind.RUNS_LONG: _ongoing(
            "The started phase takes unusually long",
            _WARNING,
            "it runs longer than twice its usual time and than nearly every night before, and has not ended",
            "look at the run of the processors that the alert names",
        ),
        AlertKind.ROWS_OUTSIDE: _ongoing(
            "An unusual number of rows",
            _WARNING,
            "a full report has far fewer or more rows than other nights with as many units",
            "look at the source; the report counts all the same",
        ),
        AlertKind.DEGRADED: _once(
            "Triggered without all processors",
            _WARNING,
            "a tier or the deadline allowed the trigger",
            "look at the processors that the alert names",
        ),
        AlertKind.LATE: _once(
            "A report came after the trigger", _INFO, "nothing is started again for it", "trigger again if it matters"
        ),
        AlertKind.OVERTAKEN: _once(
            "The next phase started without a trigger", _INFO, "it reports, and nothing was triggered here"
        ),
        AlertKind.UNDER_MINIMUM: _ongoing(
            "Too few records", _WARNING, "the report is below the floor of the policy", "look at the source"
        ),
        AlertKind.UNITS_SHORT: _ongoing(
            "The table lacks units of the date",
            _WARNING,
            "a success was reported, and units are missing",
            "look at the source",
        ),
        AlertKind.NOTHING: _ongoing(
            "Nothing was written on a date with units",
            _WARNING,
            "the report says nothing, the table is empty",
            "look at the run of the processor",
        ),
        AlertKind.NOTHING_TO_DO: _once("A processor had nothing to do", _INFO, "0 of 0 were expected: it counts"),
        AlertKind.COUNTER_MISSING: _once(
            "A report without its count", _WARNING, "its table holds enough, so it counts", "let it report its count"
        ),
        AlertKind.SILENT: _once(
            "Wrote its table and reported nothing", _WARNING, "it counts by its table", "let it publish completions"
        ),
        AlertKind.FAILING: _ongoing(
            "Fails for the same reason again", _WARNING, "three failures or more with one cause", "repair the processor"
        ),
        AlertKind.BY_TABLE: _once(
            "A name that no policy has",
            _INFO,
            "its table is that of a processor, for which it is counted",
            "add the name to `aliases` of the policy",
        ),
        AlertKind.OTHER_DATASET: _once(
            "A report names another dataset",
            _INFO,
            "it is counted all the same",
            "correct the sender, or the table in the policy",
        ),
        AlertKind.CALENDAR: _ongoing(
            "The calendar is not readable", _WARNING, "the units of the date are unknown", "look at the table"
        ),
        AlertKind.PRESUMED: _once(
            "A unit is taken as over", _INFO, "its status has not changed long after its end", "correct the calendar"
        ),
        AlertKind.EXPIRED: _once(
            "A run was closed for its age",
            _INFO,
            "a transition never triggered, or a phase never ended",
            f"{_command('trigger')}, as the alert prints it",
        ),
        AlertKind.DEPARTED: _once(
            "A run holds what the policy no longer knows",
            _WARNING,
            "a transition or phase left the policy",
            "see whether the call in flight arrived",
        ),
        AlertKind.OLD_DATES: _once(
            "Messages of old dates without a lane",
            _WARNING,
            "they opened live runs; the sweep decides them last",
            "let what repairs the past send `backfill_mode: true`",
        ),
        AlertKind.REPAIR_REFUSED: _ongoing(
            "No repair: too much is missing at once",
            _WARNING,
            "the detector is taken to be wrong, not the data",
            _EXPLAIN,
        ),
        AlertKind.REPAIR_FAULT: _ongoing(
            "A repair was refused", _CRITICAL, "the service answered that the call is wrong", "correct the rerun call"
        ),
        AlertKind.REPAIR_NOT_TAKEN: _ongoing(
            "A repair was not accepted", _WARNING, "an outage or a no; it is asked again", "look at the service"
        ),
        AlertKind.REPAIR_IN_VAIN: _ongoing(
            "Repairs changed nothing",
            _WARNING,
            "two accepted repairs, and the same is missing",
            "look at the run of the phase",
        ),
        AlertKind.PAST_REPAIR_REFUSED: _once(
            "No repair of a past date: too much is missing at once",
            _WARNING,
            "the detector is taken to be wrong, not the data",
            _EXPLAIN,
        ),
        AlertKind.PAST_REPAIR_FAULT: _once(
            "A repair of past dates was refused",
            _CRITICAL,
            "the service answered that the call is wrong",
            "correct the rerun call",
        ),
        AlertKind.PAST_REPAIR_NOT_TAKEN: _once(
            "A repair of past dates was not accepted",
            _WARNING,
            "an outage or a no; it is asked again",
            "look at the service",
        ),
        AlertKind.PAST_REPAIR_IN_VAIN: _once(
            "Repairs of a past date left something missing",
            _WARNING,
            "no repair of the date is left, and it is incomplete",
            "look at the run of the phase",
        ),
        AlertKind.PAST_REPAIRED: _once(
            "A past date was repaired", _INFO, "its phase came in the backfill lane, and the next one was started"
        ),
        AlertKind.PAST_UNREADABLE: _once(
            "A closed run cannot be looked at",
            _CRITICAL,
            "its documents cannot be read, so that it is not repaired",
            "read the trace",
        ),
        AlertKind.PAUSED: _once(
            "A pause begins", _INFO, "nothing of its scope is triggered", f"{_command('pause', '--list')}"
        ),
        AlertKind.PAUSE_GOES_ON: _once("A pause goes on", _INFO, "told once a week", f"{_command('pause', '--end')}"),
        AlertKind.PAUSE_ENDED: _once("A pause has ended", _INFO, "everything is decided as usual"),
        AlertKind.PAUSE_OF_NOTHING: _ongoing(
            "A pause keeps nothing back",
            _WARNING,
            "its mode or transition has left the policy, or has another name there",
            f"pause it by its new name, and end this one: {_command('pause', '--end')}",
        ),
        AlertKind.QUARANTINE: _once(
            "A message cannot be understood", _WARNING, "it is kept as it came", f"{_command('quarantine', 'list')}"
        ),
        AlertKind.DEAD_LETTERS: _ongoing(
            "Messages that no delivery got through",
            _WARNING,
            "Pub/Sub gave up; they are kept",
            f"{_command('dead-letters', 'list')}",
        ),
        AlertKind.RECONCILED: _once(
            "The audit log held more than the state", _INFO, "the state was completed from it", f"{_command('explain')}"
        ),
        AlertKind.ERROR: _once(
            "An unexpected error", _CRITICAL, "a fault in the orchestrator; the text has its place", "read the log"
        ),
        AlertKind.FAULT: _ongoing(
            "A run cannot be looked at", _CRITICAL, "its document or a port fails at every sweep", "read the log"
        ),
        AlertKind.STATE_DOWN: _ongoing(
            "The state store does not answer",
            _CRITICAL,
            "nothing is decided; messages are redelivered",
            "the status of Firestore",
        ),
        AlertKind.BOTH_DOWN: _ongoing(
            "State store and audit log do not answer",
            _CRITICAL,
            "nothing is kept; messages are redelivered",
            "the status of Google Cloud",
        ),
        AlertKind.VALIDATION: _ongoing(
            "A check of the output failed",
            _WARNING,
            "the pipeline's tables are not as they should be",
            "look at the table of the check",
        ),
        AlertKind.BATCH_HELD: _ongoing(
            "A batch waits for a person",
            _CRITICAL,
            "its deadline holds, a close step was refused, or its members cannot be loaded; nothing is published",
            f"{_command('batch', 'show')}, then `retry` or `close`",
        ),
        AlertKind.BATCH_CLOSED: _once(
            "A batch was closed that is not complete",
            _WARNING,
            "at its deadline, idle, by a person, or with members that failed; published as partial with the missing",
            f"{_command('batch', 'show')}",
        ),
        AlertKind.BATCH_STALLED: _ongoing(
            "A batch makes no progress",
            _WARNING,
            "nothing new for longer than its idleness and all its repeats take, and too little of it to close",
            f"{_command('batch', 'show')}: look at the workers, or at the step that it names",
        ),
        AlertKind.BATCH_FAILING: _once(
            "Too many members of a batch failed",
            _WARNING,
            "more than `alerts.failed_percent` of its members",
            f"{_command('batch', 'show')} names the causes; {_command('batch', 'retry')} asks them again",
        ),
        AlertKind.BATCH_FEW: _once(
            "A batch has too few members",
            _WARNING,
            "less than `alerts.fewer_than_percent` of the median of the last 14 nights",
            "look at the query of its members and at the tables that it reads",
        ),
        AlertKind.BATCH_LATE: _once(
            "A member reported after its batch was closed", _INFO, "the outcome is kept, and not published by itself"
        ),
        AlertKind.REPORT: _once("The daily report", _INFO, "what ran, what was late, what is open"),
        AlertKind.SLO_FAST_BURN: _ongoing(
            "An error budget burns fast",
            _CRITICAL,
            "so much went wrong within hours that the objective will be missed if it goes on: 2 percent of the budget "
            "within an hour, or 5 within six",
            f"{_command('slo')} says what failed; look at those runs first",
        ),
        AlertKind.SLO_SLOW_BURN: _ongoing(
            "An error budget burns too fast",
            _WARNING,
            "10 percent of the budget within three days: the objective will be missed if it goes on",
            f"{_command('slo')} says what failed; find what these runs have in common",
        ),
        AlertKind.REPORT_UNSENT: _once(
            "The daily report was not sent", _WARNING, "no sink took it", "the secret of the webhook"
        ),
        AlertKind.WORKFLOW_FAILED: _ongoing(
            "A workflow did not complete",
            _WARNING,
            "its run failed, wholly or partly, or met nothing but open circuits",
            f"{_command('workflows', 'run', 'NAME')}",
        ),
        AlertKind.WORKFLOW_MISSED: _ongoing(
            "A workflow's window passed without a run",
            _WARNING,
            "nothing was fetched in its window",
            f"{_command('workflows', 'run', 'NAME')}",
        ),
        AlertKind.WORKFLOW_UNITS: _once(
            "Units are missing at the end of a window",
            _WARNING,
            "the policy's table has no rows of them",
            "look at their sources",
        ),
        AlertKind.WORKFLOW_REFUSED: _once(
            "A scraper refused its call",
            _CRITICAL,
            "its name or parameters are wrong; it is not called again",
            "correct the workflow file",
        ),
        AlertKind.WORKFLOW_WARNING: _once(
            "A workflow was decided on less than it asks for",
            _WARNING,
            "a table could not be read, or the attempts of a date are used up",
            f"{_command('explain', 'workflow', 'NAME')}",
        ),
        AlertKind.WORKFLOW_OUTPUT: _once(
            "A step gave nothing to work on",
            _WARNING,
            "the steps after it called nobody",
            "look at the scrapers of the step",
        ),
        AlertKind.WORKFLOW_CALENDAR: _once(
            "Workflows run without a calendar",
            _WARNING,
            "each window runs once as if the date had units",
            "look at the calendar's table",
        ),
        AlertKind.FILES_REFUSED: _ongoing(
            "Too many files became no rows",
            _WARNING,
            "none of them is announced again",
            "look at phase 2 and its subscription",
        ),
    }
)
