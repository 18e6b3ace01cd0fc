"""What is to be said of a window that is over: it passed without a run, or units are still missing at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.core.workflows.check import has_units
from shared.core.workflows.decide import (
    Read,
    WorkflowInput,
    before_games_window,
    early_units,
    uncollected,
    within_budget,
)
from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    Missing,
    OnceADay,
    Workflow,
)
from shared.core.workflows.runs import RunSummary
from shared.core.workflows.units import ScheduledUnit
from shared.core.workflows.windows import Window, window_of


class Verdict(StrEnum):
    """`missed`: over without a run; `not_needed`: there was nothing to do, or nothing was to be done; `run`."""

    MISSED = "missed"
    NOT_NEEDED = "not_needed"
    RUN = "run"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Verdict:
        """What an older version does not know is no alert."""
        return cls.NOT_NEEDED


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a window came to. ``waited_for`` is the required workflow that had not completed; ``missing`` are the units
    without rows at its end, None where nobody asks or the table cannot be read (``unreadable``). Of a catch-up
    ``oldest`` is the first of the past dates whose units waited for it."""

    verdict: Verdict
    at: datetime
    window_ended_at: datetime
    waited_for: str = ""
    missing: tuple[str, ...] | None = None
    unreadable: str = ""
    oldest: date | None = None


def window_end(
    workflow: Workflow, day: date, zone: ZoneInfo, units: tuple[ScheduledUnit, ...] | None
) -> datetime | None:
    """Return when the window of a date ends, None for kinds without one and for dates that have none."""
    match workflow.decide:
        case OnceADay() | AfterGames() | EarlyGames() | CatchUp():
            return window_of(workflow, day, zone).ends
        case BeforeGames() as decide:
            window = before_games_window(decide, day, zone, units)
            return None if window is None else window.ends
        case _:
            return None


def expected_window(
    workflow: Workflow, day: date, zone: ZoneInfo, units: tuple[ScheduledUnit, ...] | None
) -> Window | None:
    """Return when a workflow is expected to run for a date, None for one without units and for a disabled workflow.

    Without a calendar (``units`` None) units are assumed.
    """
    decide = workflow.decide
    if not workflow.enabled:
        return None
    if isinstance(decide, BeforeGames):
        return before_games_window(decide, day, zone, units)
    window = window_of(workflow, day, zone)
    needs = isinstance(decide, AfterGames) or (isinstance(decide, Discovery) and decide.needs_units)
    if needs and units == ():
        return None
    if isinstance(decide, EarlyGames) and units is not None:
        before = WorkflowInput(zone, window.begins, units)
        return window if early_units(decide, day, before, window.ends - timedelta(microseconds=1)) else None
    return window


def asks_for_units(workflow: Workflow, facts: WorkflowInput) -> bool:
    """True where the calendar has a say in what a window came to: it tells the end of those before games, whether there
    was anything to do where nothing ran, and the units that may be missing."""
    if not has_units(workflow):
        return False
    return not facts.runs or workflow.alerts.missing_units is not None or isinstance(workflow.decide, BeforeGames)


def judge(workflow: Workflow, day: date, facts: WorkflowInput) -> Judgement | Read | None:
    """Return what a window that is over came to, what has to be read first, or None while there is nothing to judge.

    The window of a catch-up is about other dates than its own: ``judge_catch_up`` judges it.
    """
    if isinstance(workflow.decide, CatchUp):
        return None
    ends = window_end(workflow, day, facts.zone, facts.units)
    if ends is None or facts.now < ends or not workflow.enabled:
        return None
    waited = next((name for name in workflow.requires if name not in facts.completed), "")
    missing = workflow.missing
    if missing is None:
        if facts.runs:
            return Judgement(Verdict.RUN, facts.now, ends)
        return Judgement(Verdict.NOT_NEEDED if facts.paused else Verdict.MISSED, facts.now, ends, waited)
    wants_units = workflow.alerts.missing_units is not None
    if facts.runs and not wants_units:
        return Judgement(Verdict.RUN, facts.now, ends)
    verdict = Verdict.RUN if facts.runs else Verdict.NOT_NEEDED if facts.paused else Verdict.MISSED
    if facts.units is None:
        return Judgement(verdict, facts.now, ends, waited)
    units = facts.units
    if isinstance(workflow.decide, EarlyGames):
        units = early_units(workflow.decide, day, facts, ends - timedelta(microseconds=1))
    if not units:
        return Judgement(Verdict.NOT_NEEDED, facts.now, ends)
    return _by_table(missing, [unit.name for unit in units], facts, Judgement(verdict, facts.now, ends, waited))


def _by_table(missing: Missing, names: list[str], facts: WorkflowInput, judged: Judgement) -> Judgement | Read:
    if missing not in facts.readings.held:
        return Read(held=missing)
    held = facts.readings.held[missing]
    if held is None:
        return Judgement(judged.verdict, judged.at, judged.window_ended_at, judged.waited_for, None, missing.table)
    left = tuple(name for name in names if name not in held)
    if not left:
        return Judgement(Verdict.NOT_NEEDED, judged.at, judged.window_ended_at)
    return Judgement(judged.verdict, judged.at, judged.window_ended_at, judged.waited_for, left)


def judge_catch_up(
    workflow: Workflow,
    decide: CatchUp,
    window_day: date,
    dates: Mapping[date, WorkflowInput],
    runs: Iterable[RunSummary],
) -> Judgement | tuple[date, Read] | None:
    """Return what the window of ``window_day`` came to for the past dates that a catch-up looks at, or what has to be
    read first and of which date.

    It is missed where a unit waited for it and no run began. ``runs`` are the workflow's runs of all these dates.
    """
    facts = next(iter(dates.values()), None)
    if facts is None or not workflow.enabled:
        return None
    window = window_of(workflow, window_day, facts.zone)
    if facts.now < window.ends:
        return None
    if any(window.contains(run.decided_at) for run in runs):
        return Judgement(Verdict.RUN, facts.now, window.ends)
    if facts.paused:
        return Judgement(Verdict.NOT_NEEDED, facts.now, window.ends)
    waited, missing, unreadable = "", list[str](), ""
    oldest: date | None = None
    for day, of in dates.items():
        names = uncollected(decide, of)
        if isinstance(names, Read):
            return day, names
        if names is None:
            unreadable = unreadable or ("the calendar" if of.units is None else decide.missing.table)
            continue
        left = within_budget(decide, names, of)
        missing += [f"{day} {name}" for name in left]
        if left and oldest is None:
            oldest = day
            waited = next((name for name in workflow.requires if name not in of.completed), "")
    verdict = Verdict.MISSED if missing or unreadable else Verdict.NOT_NEEDED
    return Judgement(verdict, facts.now, window.ends, waited, tuple(missing) or None, unreadable, oldest)
