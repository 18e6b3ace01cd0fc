"""A run of a workflow as stored: its claim, its steps, and one entry for each scraper and target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from shared.core.workflows.model import Scraper, Step, Workflow, Workflows
from shared.core.workflows.templates import UNIT, UNITS, element


class RunStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    BLOCKED = "blocked"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> RunStatus:
        """What an older version does not know has not completed."""
        return cls.FAILED if document.get("ended_at") else cls.RUNNING


class CallOutcome(StrEnum):
    """What came of an entry; ``skipped`` needs a unit's name and nobody could give one."""

    SUCCESS = "success"
    NO_DATA = "no_data"
    PARTIAL = "partial"
    FAILED = "failed"
    CIRCUIT_OPEN = "circuit_open"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    SKIPPED = "skipped"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> CallOutcome:
        """What an older version does not know is no success."""
        return cls.FAILED


@dataclass(frozen=True, slots=True)
class Entry:
    """One scraper and target of a step. ``target`` is "" where the scraper is called once; ``rows`` None is unknown.

    ``outcome`` None: not called yet, or called and nothing came back. Of a ``refused`` one ``text`` is the answer.
    """

    step: str
    scraper: str
    target: str = ""
    begun_at: datetime | None = None
    attempts: int = 0
    outcome: CallOutcome | None = None
    rows: int | None = None
    ended_at: datetime | None = None
    text: str = ""
    outputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.step, self.scraper, self.target

    @property
    def name(self) -> str:
        """`nbac_gamebook_pdf MIL@ORL`, for people."""
        return f"{self.scraper} {self.target}".strip()


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run: (workflow, window, date). ``targets`` None means that no names of units are known.

    ``step`` is the place of the step that is being run, ``announced`` that of the last one whose message left, -1
    before the first. ``holder`` works on it until ``held_until``. ``progress_at`` is the last call begun or outcome,
    ``redriven_at`` when a sweep sent its message again. ``recorded``: it has ended, and the record has its rows.
    """

    pipeline: str
    workflow: str
    window: str
    day: date
    reason: str
    code: str
    decided_at: datetime
    targets: tuple[str, ...] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    status: RunStatus = RunStatus.RUNNING
    step: int = 0
    announced: int = -1
    entries: tuple[Entry, ...] = ()
    outputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    ended_at: datetime | None = None
    progress_at: datetime | None = None
    redriven_at: datetime | None = None
    holder: str = ""
    held_until: datetime | None = None
    recorded: bool = False

    @property
    def id(self) -> str:
        """`nba/2026-01-21/post_game_window_3/window`."""
        return f"{self.pipeline}/{self.day.isoformat()}/{self.workflow}/{self.window}"

    def execution_id(self, entry: Entry) -> str:
        """Return what a repeated call carries again: scrapers are idempotent by it."""
        return "/".join(part for part in (self.id, entry.step, entry.scraper, entry.target) if part)

    def last_progress(self) -> datetime:
        """Return when anything was last done for it."""
        moments = [at for at in (self.progress_at, self.redriven_at) if at is not None]
        return max(moments, default=self.decided_at)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What later decisions need to know of a run, and what people look at: once it has ended, its ``calls`` with an
    outcome, those of them that ``failed`` (all but success and no data), and the ``rows`` that scrapers counted."""

    workflow: str
    window: str
    decided_at: datetime
    status: RunStatus
    ended_at: datetime | None = None
    targets: tuple[str, ...] | None = None
    text: str = ""
    calls: int = 0
    failed: int = 0
    rows: int = 0


def summary(run: WorkflowRun) -> RunSummary:
    """Return what later decisions need to know of a run."""
    called = [] if run.ended_at is None else [entry for entry in run.entries if entry.outcome is not None]
    return RunSummary(
        run.workflow,
        run.window,
        run.decided_at,
        run.status,
        run.ended_at,
        run.targets,
        failure_text(run),
        len(called),
        sum(entry.outcome not in (CallOutcome.SUCCESS, CallOutcome.NO_DATA) for entry in called),
        sum(entry.rows or 0 for entry in called),
    )


def succeeded(entry: Entry, scraper: Scraper) -> bool:
    """True for a success, and for no rows where the policy says that none are fine."""
    return entry.outcome is CallOutcome.SUCCESS or (entry.outcome is CallOutcome.NO_DATA and scraper.no_data_is_success)


def planned(workflows: Workflows, workflow: Workflow, run: WorkflowRun, step: Step) -> tuple[Entry, ...]:
    """Return the entries of a step, in the order in which they are begun: those known already as they are."""
    entries = {entry.key: entry for entry in run.entries}
    listed = []
    for name in step.scrapers:
        for entry in _entries(workflows.scrapers[name], run, step):
            listed.append(entries.get(entry.key, entry))
    return tuple(listed)


def _entries(scraper: Scraper, run: WorkflowRun, step: Step) -> list[Entry]:
    placeholders = scraper.placeholders
    if placeholders & {UNIT, UNITS} and run.targets is None:
        text = "not called: no names of units are known"
        return [Entry(step.name, scraper.name, outcome=CallOutcome.SKIPPED, text=text)]
    if UNIT in placeholders:
        return [Entry(step.name, scraper.name, target) for target in run.targets or ()]
    if step.for_each is not None and element(step.for_each) in placeholders:
        return [Entry(step.name, scraper.name, str(target)) for target in run.outputs.get(step.for_each, ())]
    return [Entry(step.name, scraper.name)]


def with_entries(run: WorkflowRun, changed: Iterable[Entry]) -> WorkflowRun:
    """Return the run with these entries in it, those of the same key replaced."""
    entries = {entry.key: entry for entry in run.entries}
    entries.update((entry.key, entry) for entry in changed)
    return replace(run, entries=tuple(entries.values()))


def outputs_of(step: Step, entries: Iterable[Entry]) -> dict[str, tuple[Any, ...]]:
    """Return the union of what a step's scrapers gave, in their order and without repeats.

    An answer may name one twice; what reads the same is called for once.
    """
    united: dict[str, dict[str, Any]] = {name: {} for name in step.outputs}
    for entry in entries:
        for name, values in united.items():
            for value in entry.outputs.get(name, ()):
                values.setdefault(str(value), value)
    return {name: tuple(values.values()) for name, values in united.items()}


def status_of(workflows: Workflows, run: WorkflowRun) -> RunStatus:
    """Return how a run ended: completed, partial, blocked where nothing but open circuits was met, else failed."""
    entries = [entry for entry in run.entries if entry.outcome is not CallOutcome.SKIPPED]
    if not entries and run.entries:
        return RunStatus.FAILED
    good = [entry for entry in entries if succeeded(entry, workflows.scrapers[entry.scraper])]
    if len(good) == len(entries):
        return RunStatus.PARTIAL if run.warnings else RunStatus.COMPLETED
    if good or any(entry.outcome is CallOutcome.PARTIAL for entry in entries):
        return RunStatus.PARTIAL
    if entries and all(entry.outcome is CallOutcome.CIRCUIT_OPEN for entry in entries):
        return RunStatus.BLOCKED
    return RunStatus.FAILED


def failure_text(run: WorkflowRun) -> str:
    """Return which scrapers did not succeed and how, "" where that is not known or none failed: of a completed run
    the policy calls no rows a success."""
    if run.status is RunStatus.COMPLETED:
        return ""
    by_scraper: dict[str, list[Entry]] = {}
    good = (CallOutcome.SUCCESS, None)
    for entry in run.entries:
        if entry.outcome not in good:
            by_scraper.setdefault(entry.scraper, []).append(entry)
    parts = []
    for scraper, entries in by_scraper.items():
        words = sorted({str(entry.outcome) for entry in entries})
        text = next((entry.text for entry in entries if entry.text), "")
        of = f" ({len(entries)} targets)" if len(entries) > 1 else ""
        parts.append(f"{scraper}{of} {', '.join(words)}" + (f": {text}" if text else ""))
    return "; ".join([*parts, *run.warnings])
