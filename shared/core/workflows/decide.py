"""Whether a workflow runs now for a working date: a pure function of policy, calendar, history, readings and clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    Found,
    Missing,
    OnceADay,
    OpensOn,
    Workflow,
)
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.units import ScheduledUnit
from shared.core.workflows.windows import Window, catch_up_until, local_instant, span, window_of

WINDOW, CATCH_UP, OPERATOR = "window", "catch_up", "operator"
FOUND, USED_UP, COLLECTED = "found", "attempts", "collected"


@dataclass(frozen=True, slots=True)
class Run:
    """Run now. ``window`` is part of the claim; ``targets`` None: no names of units are known or needed.

    ``warning`` is what a person must know all the same.
    """

    day: date
    window: str
    targets: tuple[str, ...] | None
    reason: str
    code: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Not now. ``code`` says why in a word that changes only with the cause; ``next_at`` is when the clock alone may
    change that, None where it cannot. ``warning`` is what a person must know."""

    reason: str
    code: str
    next_at: datetime | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Abort:
    """Never for this date, whatever the clock says: nothing more can come of it."""

    reason: str
    code: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Something has to be read before anything can be decided: which units a table holds, how many rows, or which of
    the processors that a window opens on are not done."""

    held: Missing | None = None
    rows: Found | None = None
    inputs: OpensOn | None = None


WorkflowDecision = Run | Skip | Abort | Read


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read. A value of None could not be read; a table that nobody asked for is not in the mapping.

    ``inputs`` are the processors that are not done yet, each with what it lacks, as people read it.
    """

    held: Mapping[Missing, frozenset[str] | None] = field(default_factory=dict)
    rows: Mapping[Found, int | None] = field(default_factory=dict)
    inputs: Mapping[OpensOn, tuple[str, ...] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkflowInput:
    """Everything that a decision of one workflow for one date is made from.

    ``units`` are those of the date, None where the calendar cannot be read and never could. ``runs`` are the
    workflow's runs of the date; ``latest`` is when its newest run of any date was decided; ``completed`` are the
    workflows that have a completed run of the date. ``paused`` says why nothing runs, "" where nothing is paused.
    ``by_name`` is true where every scraper of the workflow is called by the names of units. ``code`` is that of the
    latest decision for the date, "" before the first; ``settled`` is true where the units are those that it knew.
    """

    zone: ZoneInfo
    now: datetime
    units: tuple[ScheduledUnit, ...] | None = ()
    runs: tuple[RunSummary, ...] = ()
    latest: datetime | None = None
    completed: frozenset[str] = frozenset()
    paused: str = ""
    by_name: bool = False
    readings: Readings = Readings()
    code: str = ""
    settled: bool = False


def decide_workflow(workflow: Workflow, day: date, facts: WorkflowInput) -> WorkflowDecision:
    """Return whether ``workflow`` runs now for the working date ``day``."""
    if not workflow.enabled:
        return Abort("disabled in the policy", "disabled")
    match workflow.decide:
        case OnceADay():
            decision = _once_a_day(workflow, workflow.decide, day, facts)
        case BeforeGames():
            decision = _before_games(workflow, workflow.decide, day, facts)
        case AfterGames():
            decision = _after_games(workflow, workflow.decide, day, facts)
        case EarlyGames():
            decision = _early_games(workflow, workflow.decide, day, facts)
        case Discovery():
            decision = _discovery(workflow, workflow.decide, day, facts)
        case CatchUp():
            decision = _catch_up(workflow, workflow.decide, day, facts)
    return decision


def _held_back(workflow: Workflow, facts: WorkflowInput) -> Skip | None:
    """Return why what is due does not run all the same: a pause, or a workflow that has not completed."""
    if facts.paused:
        return Skip(facts.paused, "paused")
    for name in workflow.requires:
        if name not in facts.completed:
            return Skip(f"waits for {name}, which has not completed for the date", f"requires {name}")
    return None


def _outside_window(window: Window, facts: WorkflowInput) -> Skip | Abort | None:
    if facts.now < window.begins:
        return Skip(f"before the window, which opens at {_at(facts, window.begins)}", "before", window.begins)
    if facts.now >= window.ends:
        return Abort(f"after the window, which ended at {_at(facts, window.ends)}", "after")
    return None


def _at(facts: WorkflowInput, at: datetime) -> str:
    local = at.astimezone(facts.zone)
    return f"{local:%H:%M} {local.tzname()}"


def _once_in(workflow: Workflow, facts: WorkflowInput, window: Window, name: str = WINDOW) -> str | Skip | Abort:
    """Return the name of the run that a window may have now, or why it may have none."""
    runs = [run for run in facts.runs if run.window == name or run.window.startswith(f"{name}.")]
    if not runs:
        return name
    last = max(runs, key=lambda run: run.decided_at)
    if last.status is RunStatus.RUNNING:
        return Skip(f"running since {_at(facts, last.decided_at)}", "running")
    if last.status is RunStatus.COMPLETED:
        return Abort(f"completed by the run of {_at(facts, last.decided_at)}", "completed")
    repeat = workflow.repeat
    if repeat is None or len(runs) > repeat.times:
        return Abort(f"ran at {_at(facts, last.decided_at)} and is {last.status}; not repeated", str(last.status))
    again = (last.ended_at or last.decided_at) + repeat.after
    if facts.now < again:
        return Skip(f"{last.status}; repeated from {_at(facts, again)} on", f"{last.status} repeat", again)
    return f"{name}.{len(runs) + 1}"


def _running(facts: WorkflowInput) -> Skip | None:
    for run in facts.runs:
        if run.status is RunStatus.RUNNING:
            return Skip(f"running since {_at(facts, run.decided_at)}", "running")
    return None


def _once_a_day(workflow: Workflow, decide: OnceADay, day: date, facts: WorkflowInput) -> WorkflowDecision:
    window = window_of(workflow, day, facts.zone)
    if facts.now < window.begins:
        return Skip(f"before the window, which opens at {_at(facts, window.begins)}", "before", window.begins)
    if any(run.status is RunStatus.COMPLETED for run in facts.runs):
        return Abort("completed for the date", "completed")
    name, word = WINDOW, "inside the window"
    if facts.now >= window.ends:
        if not decide.catch_up or facts.now >= catch_up_until(window.ends, facts.zone):
            return Abort(f"after the window, which ended at {_at(facts, window.ends)}", "after")
        name, word = CATCH_UP, f"made up: the window ended at {_at(facts, window.ends)} without a completed run"
    named = _once_in(workflow, facts, window, name)
    if isinstance(named, Abort) and decide.catch_up and name == WINDOW:
        return Skip(f"{named.reason} before {_at(facts, window.ends)}", named.code, window.ends)
    if not isinstance(named, str):
        return named
    back = _running(facts) or _held_back(workflow, facts)
    if back is None and decide.opens_on is not None and name == WINDOW:
        return _on_data(decide.opens_on, day, facts, named)
    return back or Run(day, named, None, word, "due" if name == WINDOW else "made up")


def _on_data(opens_on: OpensOn, day: date, facts: WorkflowInput, named: str) -> WorkflowDecision:
    """Decide inside a window that opens on data: once it is there, by the clock at the latest (behaviour R13)."""
    latest = local_instant(day, opens_on.latest, facts.zone)
    if facts.now >= latest:
        return Run(day, named, None, f"by the clock: {_at(facts, latest)} is the latest, data or not", "latest")
    if opens_on not in facts.readings.inputs:
        return Read(inputs=opens_on)
    missing = facts.readings.inputs[opens_on]
    if missing is None:
        return Skip(f"whether its data is there cannot be read; it opens at {_at(facts, latest)}", "no data", latest)
    if missing:
        return Skip(f"waits for {', '.join(missing)}, until {_at(facts, latest)} at the latest", "data", latest)
    return Run(day, named, None, f"its data is there: {', '.join(opens_on.processors)}", "due")


def _before_games(workflow: Workflow, decide: BeforeGames, day: date, facts: WorkflowInput) -> WorkflowDecision:
    hours = span(day, decide.business_hours, facts.zone)
    window = before_games_window(decide, day, facts.zone, facts.units)
    if window is None:
        return Abort("no units on the date", "no units")
    outside = _outside_window(window, facts)
    if outside is not None:
        return outside
    if facts.units is None:
        if facts.runs:
            return Abort("ran once on the assumption of units: the calendar cannot be read", "assumed")
        if not hours.contains(facts.now):
            return Skip("outside business hours", "before", hours.begins)
    running = _running(facts)
    if running is not None:
        return running
    last = max((run.decided_at for run in facts.runs), default=None)
    if last is not None and facts.now < last + decide.every:
        again = last + decide.every
        return Skip(f"ran at {_at(facts, last)}, due again at {_at(facts, again)}", "every", again)
    back = _held_back(workflow, facts)
    if back is not None:
        return back
    number = str(len(facts.runs) + 1)
    if facts.units is None:
        return Run(day, number, None, "the calendar cannot be read: units are assumed", "assumed")
    return Run(day, number, _names(facts.units), f"before the games until {_at(facts, window.ends)}", "due")


def before_games_window(
    decide: BeforeGames, day: date, zone: ZoneInfo, units: tuple[ScheduledUnit, ...] | None
) -> Window | None:
    """Return when it may run before the units of a date, None on a date without any; without a calendar business
    hours alone say so."""
    hours = span(day, decide.business_hours, zone)
    if units is None:
        return hours
    starts = [unit.start for unit in units if unit.start is not None]
    if not units:
        return None
    if not starts:
        return hours
    begins = max(hours.begins, min(starts) - decide.opens_before_first_game)
    return Window(begins, max(begins, min(hours.ends, max(starts))))


def _names(units: tuple[ScheduledUnit, ...]) -> tuple[str, ...] | None:
    """Return the names of units, None where one has none."""
    return tuple(unit.name for unit in units) if all(unit.name for unit in units) else None


def _targets(units: tuple[ScheduledUnit, ...], held: frozenset[str]) -> tuple[str, ...]:
    return tuple(unit.name for unit in units if unit.name not in held)


def _after_games(workflow: Workflow, decide: AfterGames, day: date, facts: WorkflowInput) -> WorkflowDecision:
    window = window_of(workflow, day, facts.zone)
    outside = _outside_window(window, facts)
    if outside is not None:
        return outside
    named = _once_in(workflow, facts, window)
    if not isinstance(named, str):
        return named
    if facts.units is None:
        return _assumed(workflow, day, facts, named)
    return _collected(workflow, decide.missing, day, facts, named, facts.units)


def _assumed(workflow: Workflow, day: date, facts: WorkflowInput, named: str) -> WorkflowDecision:
    """Decide without a calendar: once a window as if there were units, but whom only names can call is not called."""
    if facts.by_name:
        return Skip("the calendar cannot be read, and every scraper is called by the names of units", "no calendar")
    back = _held_back(workflow, facts)
    return back or Run(day, named, None, "the calendar cannot be read: units are assumed", "assumed")


def _collected(
    workflow: Workflow, missing: Missing, day: date, facts: WorkflowInput, named: str, units: tuple[ScheduledUnit, ...]
) -> WorkflowDecision:
    """Decide by which of these units have no rows yet; an unreadable table: all of them, with one warning."""
    if not units:
        return Skip("no units to collect on the date", "no units")
    back = _held_back(workflow, facts)
    if back is not None:
        return back
    if isinstance(workflow.decide, AfterGames) and facts.code == COLLECTED and facts.settled:
        # What a window was seen to hold it holds until its end; of early games more become due meanwhile.
        return Skip(f"{missing.table} holds every unit", COLLECTED)
    if missing not in facts.readings.held:
        return Read(held=missing)
    held = facts.readings.held[missing]
    if held is None:
        warning = f"{missing.table} cannot be read: whether units are collected is not known, all of them are fetched"
        return Run(day, named, _names(units), f"{missing.table} cannot be read: all units", "unreadable", warning)
    if _names(units) is None:
        return Run(day, named, None, "the calendar names no units", "unnamed")
    targets = _targets(units, held)
    if not targets:
        return Skip(f"{missing.table} holds every unit", COLLECTED)
    return Run(day, named, targets, f"{len(targets)} of {len(units)} units without rows in {missing.table}", "due")


def early_units(decide: EarlyGames, day: date, facts: WorkflowInput, at: datetime) -> tuple[ScheduledUnit, ...]:
    """Return the units of a date that start early and did so long enough before ``at``."""
    before = local_instant(day, decide.tip_before, facts.zone)
    return tuple(
        unit
        for unit in facts.units or ()
        if unit.start is not None and unit.start < before and unit.start + decide.collect_after <= at
    )


def _early_games(workflow: Workflow, decide: EarlyGames, day: date, facts: WorkflowInput) -> WorkflowDecision:
    window = window_of(workflow, day, facts.zone)
    outside = _outside_window(window, facts)
    if outside is not None:
        return outside
    named = _once_in(workflow, facts, window)
    if not isinstance(named, str):
        return named
    if facts.units is None:
        return _assumed(workflow, day, facts, named)
    units = early_units(decide, day, facts, facts.now)
    if not units:
        coming = early_units(decide, day, facts, window.ends - timedelta(microseconds=1))
        ready = [unit.start + decide.collect_after for unit in coming if unit.start is not None]
        return Skip("no unit started early and long enough ago", "no units", min(ready, default=None))
    return _collected(workflow, decide.missing, day, facts, named, units)


def _discovery(workflow: Workflow, decide: Discovery, day: date, facts: WorkflowInput) -> WorkflowDecision:
    outside = _outside_window(window_of(workflow, day, facts.zone), facts)
    if outside is not None:
        return outside
    assumed = decide.needs_units and facts.units is None
    if decide.needs_units and facts.units is not None and not facts.units:
        return Skip("no units on the date", "no units")
    if assumed and facts.runs:
        return Skip("ran once on the assumption of units: the calendar cannot be read", "assumed")
    used_up = len(facts.runs) >= decide.max_attempts
    early = None if used_up or facts.code == FOUND else _between_attempts(decide, facts)
    if early is not None:
        return early
    # What was found stays found, and who has been warned is not told otherwise: the table is asked when the next
    # attempt is due, and once after the last.
    concluded = facts.code == FOUND or (used_up and facts.code == USED_UP)
    back = None if concluded else _held_back(workflow, facts)
    if back is not None:
        return back
    if not concluded and decide.found not in facts.readings.rows:
        return Read(rows=decide.found)
    if facts.code == FOUND or facts.readings.rows.get(decide.found):
        return Skip(f"found: {decide.found.table} holds rows of the date", FOUND)
    if used_up:
        warning = f"not found in {decide.max_attempts} attempts: {decide.found.table} holds no rows of the date"
        return Skip(f"all {decide.max_attempts} attempts of the date are used up", USED_UP, warning=warning)
    number = len(facts.runs) + 1
    names = None if not facts.units else _names(facts.units)
    return Run(day, str(number), names, f"attempt {number} of {decide.max_attempts}", "assumed" if assumed else "due")


def _between_attempts(decide: Discovery, facts: WorkflowInput) -> Skip | None:
    """Return why the next attempt is not due: one is under way, or ``every`` has not passed since the last."""
    running, last = _running(facts), max((run.decided_at for run in facts.runs), default=None)
    if running is not None or last is None or facts.now >= last + decide.every:
        return running
    again = last + decide.every
    return Skip(f"tried at {_at(facts, last)}, due again at {_at(facts, again)}", "every", again)


def _catch_up(workflow: Workflow, decide: CatchUp, day: date, facts: WorkflowInput) -> WorkflowDecision:
    """Decide for one past date; the window and ``latest`` are those of today."""
    today = facts.now.astimezone(facts.zone).date()
    windows = [span(today - timedelta(days=back), decide.window, facts.zone) for back in (0, 1)]
    window = next((candidate for candidate in windows if candidate.contains(facts.now)), windows[0])
    outside = _outside_window(window, facts)
    if outside is not None:
        return Skip(outside.reason, outside.code, getattr(outside, "next_at", None))
    if facts.latest is not None and facts.now < facts.latest + decide.every:
        again = facts.latest + decide.every
        return Skip(f"ran at {_at(facts, facts.latest)}, due again at {_at(facts, again)}", "every", again)
    if facts.units is None:
        return Skip("the calendar cannot be read", "no calendar")
    running = _running(facts)
    if running is not None:
        return running
    if not _final(facts):
        return Skip("no final units on the date", "no units")
    back = _held_back(workflow, facts)
    if back is not None:
        return back
    missing = uncollected(decide, facts)
    if isinstance(missing, Read):
        return missing
    if missing is None:
        return Skip(f"{decide.missing.table} cannot be read", "unreadable")
    if not missing:
        return Skip(f"{decide.missing.table} holds every final unit", COLLECTED)
    targets = within_budget(decide, missing, facts)
    if not targets:
        return Abort(f"each missing unit was tried {decide.per_unit} times", "budget")
    number = str(len(facts.runs) + 1)
    return Run(day, number, targets, f"{len(targets)} final units without rows in {decide.missing.table}", "due")


def _final(facts: WorkflowInput) -> tuple[ScheduledUnit, ...]:
    return tuple(unit for unit in facts.units or () if unit.final and unit.name)


def uncollected(decide: CatchUp, facts: WorkflowInput) -> tuple[str, ...] | Read | None:
    """Return the final units of a past date without rows, None where calendar or table cannot be read."""
    final = _final(facts)
    if facts.units is None:
        return None
    if not final:
        return ()
    if decide.missing not in facts.readings.held:
        return Read(held=decide.missing)
    held = facts.readings.held[decide.missing]
    return None if held is None else _targets(final, held)


def within_budget(decide: CatchUp, missing: tuple[str, ...], facts: WorkflowInput) -> tuple[str, ...]:
    """Return which of these units a catch-up may try once more: each has a budget for its lifetime."""
    tried = [name for run in facts.runs for name in run.targets or ()]
    return tuple(name for name in missing if tried.count(name) < decide.per_unit)


def past_dates(decide: CatchUp, now: datetime, zone: ZoneInfo) -> list[date]:
    """Return the dates that a catch-up looks at, the oldest first, up to yesterday."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(decide.lookback_days, 0, -1)]
