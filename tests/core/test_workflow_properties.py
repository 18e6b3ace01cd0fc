"""What holds of every decision of a workflow, whatever its kind, zone, date, units, runs and clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.core.policy.transitions import LocalTime
from shared.core.workflows.decide import (
    Abort,
    Read,
    Readings,
    Run,
    Skip,
    WorkflowInput,
    before_games_window,
    decide_workflow,
)
from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    Found,
    Missing,
    OnceADay,
    Repeat,
    Span,
    Step,
    Workflow,
)
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.units import ScheduledUnit
from shared.core.workflows.windows import last_moment, span, window_of

MINUTE = timedelta(minutes=1)
TABLE, ROWS = Missing("raw.units", ("a", "b")), Found("raw.found")
NAMES = ("A@B", "C@D", "E@F")
ZONES = ("America/New_York", "Europe/Lisbon", "Australia/Sydney", "Australia/Lord_Howe", "America/Santiago", "UTC")
# Dates with and around changes of clocks in these zones, and one without.
DAYS = (
    *(date(2026, 3, day) for day in (7, 8, 28, 29)),
    *(date(2026, 4, day) for day in (4, 5)),
    *(date(2026, 9, day) for day in (5, 6)),
    *(date(2026, 10, day) for day in (3, 4, 24, 25, 31)),
    date(2026, 11, 1),
    date(2026, 1, 20),
)
STATUSES = (RunStatus.COMPLETED, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.BLOCKED)

times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 5, 30, 59)))
local_times = st.builds(LocalTime, st.integers(0, 1), times)
lengths = st.integers(1, 6 * 60).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    begins, ends = draw(local_times), draw(local_times)
    assume((begins.days, begins.at) < (ends.days, ends.at))
    return Span(begins, ends)


kinds = st.one_of(
    st.builds(OnceADay, spans(), st.booleans()),
    st.builds(BeforeGames, lengths, spans(), lengths),
    st.builds(AfterGames, local_times, lengths, st.just(TABLE)),
    st.builds(EarlyGames, local_times, lengths, local_times, lengths, st.just(TABLE)),
    st.builds(Discovery, lengths, st.integers(1, 4), st.just(ROWS), st.booleans()),
    st.builds(CatchUp, spans(), lengths, st.integers(1, 14), st.just(TABLE), st.integers(1, 3)),
)


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    decide = draw(kinds)
    repeats = isinstance(decide, OnceADay | AfterGames | EarlyGames) and draw(st.booleans())
    repeat = Repeat(draw(lengths), draw(st.integers(1, 3))) if repeats else None
    return Workflow(
        "w", decide, (Step("all", ("s",)),), requires=draw(st.sampled_from(((), ("first",)))), repeat=repeat
    )


@st.composite
def inputs(draw: st.DrawFn, workflow: Workflow) -> tuple[date, WorkflowInput]:
    """Return a date and facts as they may come together; the clock shows a time around the workflow's window."""
    zone, day = ZoneInfo(draw(st.sampled_from(ZONES))), draw(st.sampled_from(DAYS))
    window = window_of(workflow, day, zone)
    moments = (window.begins, window.ends, last_moment(workflow, day, zone))
    near = draw(st.sampled_from(moments)) + draw(st.integers(-300, 300)) * MINUTE
    now = draw(st.sampled_from((near, *moments))) + draw(st.sampled_from((-1, 0, 1))) * timedelta(seconds=1)
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    started = [now + draw(st.integers(-900, 900)) * MINUTE for _ in names]
    units = tuple(ScheduledUnit(name, at, draw(st.booleans())) for name, at in zip(names, started, strict=True))
    return day, WorkflowInput(
        zone=zone,
        now=now,
        units=draw(st.sampled_from((units, units, units, None))),
        completed=draw(st.sampled_from((frozenset({"first"}), frozenset({"first"}), frozenset[str]()))),
        paused=draw(st.sampled_from(("", "", "", "a pause"))),
        by_name=draw(st.booleans()),
        readings=Readings(
            {TABLE: draw(st.sampled_from((frozenset[str](), frozenset(NAMES[:1]), frozenset(NAMES), None)))},
            {ROWS: draw(st.sampled_from((0, 7, None)))},
        ),
        runs=tuple(_past(draw, workflow, now)),
    )


def _past(draw: st.DrawFn, workflow: Workflow, now: datetime) -> Iterator[RunSummary]:
    """Yield runs of the date as earlier decisions may have begun them: only the last may be under way."""
    begun = now - draw(st.integers(1, 600)) * MINUTE
    number = draw(st.integers(0, 3))
    ordinal = isinstance(workflow.decide, BeforeGames | Discovery | CatchUp)
    for place in range(1, number + 1):
        status = draw(st.sampled_from((*STATUSES, RunStatus.RUNNING) if place == number else STATUSES))
        ended = None if status is RunStatus.RUNNING else min(now, begun + MINUTE)
        window = str(place) if ordinal else "window" if place == 1 else f"window.{place}"
        yield RunSummary("w", window, begun, status, ended, draw(st.sampled_from((None, NAMES[:1], NAMES))))
        begun = min(now, begun + draw(lengths))


decided = workflows().flatmap(lambda workflow: inputs(workflow).map(lambda case: (workflow, *case)))


@given(decided)
def test_a_run_is_inside_its_window_and_nothing_keeps_it_back(case: tuple[Workflow, date, WorkflowInput]) -> None:
    """Neither a pause, nor what it requires, nor a run under way; its claim is a new one; what it fetches is a unit of
    the date that has no rows. The same facts decide the same."""
    workflow, day, facts = case
    decision = decide_workflow(workflow, day, facts)
    assert decision == decide_workflow(workflow, day, facts)
    assert not isinstance(decision, Read), "everything was read"
    if not isinstance(decision, Run):
        return
    assert not facts.paused
    assert facts.completed >= set(workflow.requires)
    assert all(run.status is not RunStatus.RUNNING for run in facts.runs)
    assert decision.window not in {run.window for run in facts.runs}
    assert decision.day == day
    if isinstance(workflow.decide, CatchUp):
        today = facts.now.astimezone(facts.zone).date()
        hours = [span(today - timedelta(days=back), workflow.decide.window, facts.zone) for back in (0, 1)]
        assert any(window.contains(facts.now) for window in hours)
    else:
        assert window_of(workflow, day, facts.zone).begins <= facts.now < last_moment(workflow, day, facts.zone)
    assert set(decision.targets or ()) <= {unit.name for unit in facts.units or ()}
    held = facts.readings.held[TABLE]
    if workflow.missing is not None and held is not None:
        assert not set(decision.targets or ()) & held
    assert not workflow.enabled or decide_workflow(replace(workflow, enabled=False), day, facts) == Abort(
        "disabled in the policy", "disabled"
    )


@given(decided, st.integers(0, 2000))
def test_what_the_clock_alone_cannot_change_stays(case: tuple[Workflow, date, WorkflowInput], later: int) -> None:
    """An abort is for good, and nothing runs before the time that a skip names, however the clock goes on."""
    workflow, day, facts = case
    decision = decide_workflow(workflow, day, facts)
    after = facts.now + later * MINUTE
    then = decide_workflow(workflow, day, replace(facts, now=after))
    if isinstance(decision, Abort):
        assert not isinstance(then, Run)
    if isinstance(decision, Skip) and decision.next_at is not None:
        assert decision.next_at > facts.now
        if after < decision.next_at:
            assert not isinstance(then, Run)


@given(decided, st.lists(st.integers(1, 90), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_day_of_ticks_runs_a_window_once_and_repeats_every_so_often(
    case: tuple[Workflow, date, WorkflowInput], gaps: list[int], chance: Any
) -> None:
    """Whenever ticks come: one run a window where it completes, `every` apart where it repeats, never more attempts
    than allowed; a tick inside a window that has not run begins it."""
    workflow, day, facts = case
    window = window_of(workflow, day, facts.zone)
    facts = replace(facts, runs=(), paused="", completed=frozenset({"first"}), now=window.begins - 30 * MINUTE)
    facts = replace(facts, readings=Readings({TABLE: frozenset()}, {ROWS: 0}))
    runs: list[RunSummary] = []
    due = 0
    for gap in gaps:
        facts = replace(facts, now=facts.now + gap * MINUTE, runs=tuple(runs), latest=_latest(runs))
        decision = decide_workflow(workflow, day, facts)
        if isinstance(workflow.decide, AfterGames | OnceADay):
            due += window.contains(facts.now) and bool(facts.units or isinstance(workflow.decide, OnceADay))
        if isinstance(decision, Run):
            runs.append(RunSummary("w", decision.window, facts.now, RunStatus.COMPLETED, facts.now, decision.targets))
    if isinstance(workflow.decide, OnceADay | AfterGames | EarlyGames):
        assert len(runs) <= 1
    if due:
        assert len(runs) == 1, "a tick inside the window ran it"
    if isinstance(workflow.decide, BeforeGames | Discovery | CatchUp):
        assert all(b.decided_at - a.decided_at >= workflow.decide.every for a, b in pairwise(runs))
    if isinstance(workflow.decide, Discovery):
        assert len(runs) <= workflow.decide.max_attempts
    if isinstance(workflow.decide, BeforeGames) and runs and facts.units is not None:
        hours = before_games_window(workflow.decide, day, facts.zone, facts.units)
        assert hours is not None
        assert all(hours.contains(run.decided_at) for run in runs)
    if isinstance(workflow.decide, CatchUp):
        tried = [name for run in runs for name in run.targets or ()]
        assert all(tried.count(name) <= workflow.decide.per_unit for name in tried)


def _latest(runs: list[RunSummary]) -> datetime | None:
    return max((run.decided_at for run in runs), default=None)


@given(st.sampled_from(ZONES), st.sampled_from(DAYS), workflows())
def test_a_window_has_a_length_and_belongs_to_one_date(zone: str, day: date, workflow: Workflow) -> None:
    """Half-open and in order, whatever the clocks do that night, and never before that of the date before."""
    window = window_of(workflow, day, ZoneInfo(zone))
    assert window.begins.astimezone(UTC) <= window.ends.astimezone(UTC)
    assert not window.contains(window.ends)
    following = window_of(workflow, day + timedelta(days=1), ZoneInfo(zone))
    assert window.begins <= following.begins
    assert window.ends <= following.ends
