"""Follows the workflows of some dates: which run began and why, what came of its calls, how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from shared.app.context import Context
from shared.app.reporting.workflows import workflow_days
from shared.app.workflows.store import load_books, load_workflow_run
from shared.core.policy.policy import Policy
from shared.core.reporting.page import WorkflowDay
from shared.core.texts import amount
from shared.core.workflows.day_record import DayRecord, Decided
from shared.core.workflows.judge import Verdict
from shared.core.workflows.runs import CallOutcome, Entry, RunStatus, RunSummary, WorkflowRun
from shared.simulation.demo.night import NightLine

# Why a workflow does not run although its time has come: what a person would ask for.
SHOWN_SKIPS = ("found", "collected")


class WorkflowFollower:
    """Tells what is news of the workflows of these dates; ``days`` is how they stood at the last look."""

    def __init__(self, days: Sequence[date]) -> None:
        self._dates = days
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._skipped: set[tuple[date, str, int]] = set()
        self._missed: set[tuple[date, str]] = set()
        self.days: tuple[WorkflowDay, ...] = ()
        self.running = False

    def look(self, ctx: Context) -> list[NightLine]:
        """Read the books, and tell of runs, calls, windows and refusals to run that are new."""
        books = [stored.value for stored in load_books(ctx, self._dates).days.values()]
        runs = [(run_id, book.day, run) for book in books for run_id, run in book.runs.items()]
        self.running = any(run.status is RunStatus.RUNNING for _, _, run in runs)
        self.days = workflow_days(ctx)
        lines = [line for run_id, day, run in runs for line in self._run(ctx, run_id, day, run)]
        lines += [line for book in books for line in (*self._skips(book), *self._misses(book))]
        return lines

    def is_running(self, ctx: Context) -> bool:
        """Whether a run has begun that has not ended."""
        books = load_books(ctx, self._dates).days.values()
        return any(run.status is RunStatus.RUNNING for stored in books for run in stored.value.runs.values())

    def _run(self, ctx: Context, run_id: str, day: date, summary: RunSummary) -> Iterator[NightLine]:
        stored = None if run_id in self._ended else load_workflow_run(ctx, run_id)
        if stored is None:
            return
        run = stored.value
        if run_id not in self._begun:
            self._begun.add(run_id)
            yield NightLine(run.decided_at, "workflow", begun_text(ctx.policy, run, self.days))
        if run.ended_at is not None and summary.ended_at is not None:
            self._ended.add(run_id)
            yield from scrape_lines(run)
            yield NightLine(run.ended_at, "workflow", f"{day} {run.workflow}: {ended_text(summary)}")

    def _skips(self, book: DayRecord) -> Iterator[NightLine]:
        for workflow, decided in book.decisions.items():
            place = (book.day, workflow, decided.number)
            if place not in self._skipped and _is_shown(decided):
                self._skipped.add(place)
                yield NightLine(decided.at, "workflow", f"{book.day} {workflow}: does not run: {decided.reason}")

    def _misses(self, book: DayRecord) -> Iterator[NightLine]:
        for workflow, judged in book.judged.items():
            if judged.verdict is Verdict.MISSED and (book.day, workflow) not in self._missed:
                self._missed.add((book.day, workflow))
                yield NightLine(judged.at, "workflow", f"{book.day} {workflow}: its window passed without a run")


def _is_shown(decided: Decided) -> bool:
    return decided.kind == "skip" and decided.code in SHOWN_SKIPS


def begun_text(policy: Policy, run: WorkflowRun, days: Sequence[WorkflowDay]) -> str:
    """Return `2026-03-10 post_game_window_3 (03:30 to 04:30): runs: 6 of 6 units without rows in ...`."""
    lines = [line for day in days if day.day == run.day for line in day.lines if line.workflow == run.workflow]
    window = "".join(f" ({hours(policy, line.opens_at, line.closes_at)})" for line in lines if line.opens_at)
    return f"{run.day} {run.workflow}{window}: runs: {run.reason}"


def hours(policy: Policy, opens: datetime | None, closes: datetime | None) -> str:
    """Return `03:30 to 04:30`, and `00:00 to 24:00` for a window that ends at midnight; "" where there is none."""
    if opens is None or closes is None:
        return ""
    ends = f"{policy.local(closes):%H:%M}"
    return f"{policy.local(opens):%H:%M} to {'24:00' if ends == '00:00' else ends}"


def scrape_lines(run: WorkflowRun) -> Iterator[NightLine]:
    """Yield a line for each step and scraper of a run that has ended, at the time of the first call."""
    for (_, scraper), group in groupby(run.entries, key=lambda entry: (entry.step, entry.scraper)):
        entries = list(group)
        at = min((entry.begun_at for entry in entries if entry.begun_at is not None), default=run.decided_at)
        yield NightLine(at, "scrape", f"{run.day} {scraper}: {outcomes_text(entries)}")


def outcomes_text(entries: Sequence[Entry]) -> str:
    """Return `6 calls, 204 rows`, with what did not succeed at once: `1 call, 10 rows, 2 attempts`."""
    outcomes = Counter(entry.outcome for entry in entries)
    attempts = sum(entry.attempts for entry in entries)
    parts = [amount(len(entries), "call"), amount(sum(entry.rows or 0 for entry in entries), "row")]
    if attempts > len(entries):
        parts.append(amount(attempts, "attempt"))
    others = {outcome: count for outcome, count in outcomes.items() if outcome is not CallOutcome.SUCCESS}
    parts += [f"{count} {'without outcome' if outcome is None else outcome.value}" for outcome, count in others.items()]
    texts = [entry.text for entry in entries if entry.text]
    return ", ".join(parts) + (f": {texts[0]}" if texts else "")


def ended_text(summary: RunSummary) -> str:
    """Return `completed: 9 calls, 90 rows, 0 failed`, and what failed."""
    parts = f"{amount(summary.calls, 'call')}, {amount(summary.rows, 'row')}, {summary.failed} failed"
    return f"{summary.status.value}: {parts}" + (f"; {summary.text}" if summary.text else "")
