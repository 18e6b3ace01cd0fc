"""When workflows run, to the second: windows, working dates, clock changes, limits, what is required."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.core.policy.transitions import LocalTime
from shared.core.workflows.decide import (
    Abort,
    Read,
    Readings,
    Run,
    Skip,
    WorkflowInput,
    decide_workflow,
    past_dates,
)
from shared.core.workflows.judge import Judgement, Verdict, judge, judge_catch_up
from shared.core.workflows.model import (
    AfterGames,
    AlertRules,
    BeforeGames,
    CatchUp,
    Decide,
    Discovery,
    EarlyGames,
    Found,
    Missing,
    OnceADay,
    OpensOn,
    Repeat,
    Severity,
    Span,
    Step,
    Workflow,
)
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.units import ScheduledUnit
from shared.core.workflows.windows import open_dates, window_of

ZONE = ZoneInfo("America/New_York")
DAY = date(2026, 1, 20)
MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
TABLE = Missing("raw.stats", ("away", "home"))
FOUND = Found("raw.injuries")
STEPS = (Step("all", ("scraper",)),)


def at(text: str, day: date = DAY) -> datetime:
    """Return a local time, `+1d 04:00:00` on the next day; a fold is asked for by a trailing `'`."""
    later, _, clock = text.rstrip("'").rpartition(" ")
    local = datetime.combine(day + timedelta(days=int(later[1:-1]) if later else 0), time.fromisoformat(clock), ZONE)
    return local.replace(fold=1 if text.endswith("'") else 0).astimezone(UTC)


def local(text: str) -> LocalTime:
    later, _, clock = text.rpartition(" ")
    return LocalTime(int(later[1:-1]) if later else 0, time.fromisoformat(clock))


def span(begins: str, ends: str) -> Span:
    return Span(local(begins), local(ends))


def workflow(decide: Decide, **more: object) -> Workflow:
    return replace(Workflow("w", decide, STEPS), **more)  # type: ignore[arg-type]


def units(*starts: str, final: bool = False) -> tuple[ScheduledUnit, ...]:
    return tuple(ScheduledUnit(f"A{n}@B{n}", at(start), final) for n, start in enumerate(starts))


def facts(now: datetime, **more: object) -> WorkflowInput:
    return replace(WorkflowInput(ZONE, now), **more)  # type: ignore[arg-type]


def held(*names: str) -> Readings:
    return Readings(held={TABLE: frozenset(names)})


def ran(text: str, status: RunStatus = RunStatus.COMPLETED, window: str = "window", **more: object) -> RunSummary:
    begun = at(text)
    ended = None if status is RunStatus.RUNNING else begun + MINUTES
    return replace(RunSummary("w", window, begun, status, ended), **more)  # type: ignore[arg-type]


ONCE = OnceADay(span("06:00", "11:00"))
MAKES_UP = OnceADay(span("12:00", "14:00"), catch_up=True)
CLOSING = OnceADay(span("22:00", "+1d 02:00"))
PROPS = BeforeGames(6 * HOURS, span("08:00", "22:00"), HOURS)
NIGHT = AfterGames(local("+1d 04:00"), 30 * MINUTES, TABLE)
LATE = AfterGames(local("23:30"), 30 * MINUTES, TABLE)
EARLY = EarlyGames(local("15:00"), 30 * MINUTES, local("19:00"), 3 * HOURS, TABLE)
FIND = Discovery(2 * HOURS, 3, FOUND, needs_units=True)
FETCH = CatchUp(span("10:00", "22:00"), 4 * HOURS, 14, TABLE)


@pytest.mark.parametrize(
    ("decide", "now", "kind", "code"),
    [
        (ONCE, "05:59:59", Skip, "before"),
        (ONCE, "06:00:00", Run, "due"),
        (ONCE, "10:59:59", Run, "due"),
        (ONCE, "11:00:00", Abort, "after"),
        (MAKES_UP, "13:59:59", Run, "due"),
        (MAKES_UP, "14:00:00", Run, "made up"),
        (MAKES_UP, "23:59:59", Run, "made up"),
        (MAKES_UP, "+1d 00:00:00", Abort, "after"),
        (CLOSING, "21:59:59", Skip, "before"),
        (CLOSING, "22:00:00", Run, "due"),
        (CLOSING, "+1d 01:59:59", Run, "due"),
        (CLOSING, "+1d 02:00:00", Abort, "after"),
    ],
)
def test_once_a_day_runs_inside_its_half_open_window(decide: OnceADay, now: str, kind: type, code: str) -> None:
    """From the first second of the window up to its last; with catch_up until the end of that local day."""
    decision = decide_workflow(workflow(decide), DAY, facts(at(now)))
    assert (type(decision), getattr(decision, "code", None)) == (kind, code)


def test_what_its_window_does_not_repeat_is_made_up_after_it() -> None:
    """A run that failed is not over for the date where a catch-up follows: until then the decision names its time."""
    failed = ran("12:30:00", RunStatus.FAILED)
    waiting = decide_workflow(workflow(MAKES_UP), DAY, facts(at("13:00:00"), runs=(failed,)))
    assert isinstance(waiting, Skip)
    assert (waiting.code, waiting.next_at) == ("failed", at("14:00:00"))
    assert isinstance(decide_workflow(workflow(MAKES_UP), DAY, facts(at("14:00:00"), runs=(failed,))), Run)
    alone = ran("06:30:00", RunStatus.FAILED)
    assert isinstance(decide_workflow(workflow(ONCE), DAY, facts(at("07:00:00"), runs=(alone,))), Abort)


@pytest.mark.parametrize(
    ("decide", "now", "kind"),
    [
        (NIGHT, "+1d 03:29:59", Skip),
        (NIGHT, "+1d 03:30:00", Run),
        (NIGHT, "+1d 04:29:59", Run),
        (NIGHT, "+1d 04:30:00", Abort),
        (LATE, "22:59:59", Skip),
        (LATE, "23:00:00", Run),
        (LATE, "23:59:59", Run),
        (LATE, "+1d 00:00:00", Abort),
    ],
)
def test_after_games_runs_around_its_time(decide: AfterGames, now: str, kind: type) -> None:
    """The window is `at` minus to plus the tolerance, its end outside, whatever midnight does."""
    decision = decide_workflow(workflow(decide), DAY, facts(at(now), units=units("19:00"), readings=held()))
    assert isinstance(decision, kind)


def test_a_window_around_midnight_belongs_to_one_date() -> None:
    """At midnight the evening's window of the date before is over and that of the new date is 23 hours away."""
    midnight = at("+1d 00:00:00")
    assert open_dates(workflow(LATE), midnight, ZONE) == [DAY + timedelta(days=1)]
    assert open_dates(workflow(NIGHT), at("+1d 04:00:00"), ZONE) == [DAY, DAY + timedelta(days=1)]


@pytest.mark.parametrize(
    ("day", "decide", "begins", "ends"),
    [
        # The clocks show one to two twice: one o'clock is the first of them, two o'clock exists once.
        (date(2025, 11, 1), AfterGames(local("+1d 01:00"), 30 * MINUTES, TABLE), "04:30", "05:30"),
        (date(2025, 11, 1), AfterGames(local("+1d 02:00"), 30 * MINUTES, TABLE), "06:30", "07:30"),
        # The clocks skip two to three: two o'clock is the first instant after the gap.
        (date(2026, 3, 7), AfterGames(local("+1d 02:00"), 30 * MINUTES, TABLE), "06:30", "07:30"),
        (date(2026, 3, 7), OnceADay(span("22:00", "+1d 02:00")), "03:00", "07:00"),
    ],
)
def test_windows_in_the_nights_of_clock_changes(day: date, decide: Decide, begins: str, ends: str) -> None:
    """Times are local, tolerances elapse: each window is there once and has its length (behaviour T6)."""
    window = window_of(workflow(decide), day, ZONE)
    utc = day + timedelta(days=1)
    assert window.begins == datetime.combine(utc, time.fromisoformat(begins), UTC)
    assert window.ends == datetime.combine(utc, time.fromisoformat(ends), UTC)


@pytest.mark.parametrize(
    ("now", "kind", "code"),
    [
        ("07:59:59", Skip, "before"),
        ("08:00:00", Run, "due"),
        ("15:09:59", Run, "due"),
        ("15:10:00", Abort, "after"),
    ],
)
def test_before_games_runs_until_the_last_start(now: str, kind: type, code: str) -> None:
    """Business begins at 08:00, the last unit starts at 15:10: after that nothing, though business goes on."""
    decision = decide_workflow(workflow(PROPS), DAY, facts(at(now), units=units("13:30", "15:10")))
    assert (type(decision), getattr(decision, "code", None)) == (kind, code)


@pytest.mark.parametrize(("now", "kind"), [("09:59:59", Skip), ("10:00:00", Run)])
def test_before_games_opens_from_exactly_that_far_on(now: str, kind: type) -> None:
    """Six hours before a first start at 16:00 is 10:00:00."""
    assert isinstance(decide_workflow(workflow(PROPS), DAY, facts(at(now), units=units("16:00"))), kind)


@pytest.mark.parametrize(
    ("last", "status", "now", "kind"),
    [
        ("09:00:00", RunStatus.COMPLETED, "09:59:59", Skip),
        ("09:00:00", RunStatus.COMPLETED, "10:00:00", Run),
        ("09:00:00", RunStatus.FAILED, "09:59:59", Skip),
        ("09:00:00", RunStatus.RUNNING, "11:00:00", Skip),
    ],
)
def test_every_counts_from_the_deciding_tick_and_any_outcome(
    last: str, status: RunStatus, now: str, kind: type
) -> None:
    """A repeating kind waits `every` after its last decision; a run under way is not overtaken."""
    workflow_input = facts(at(now), units=units("14:00"), runs=(ran(last, status, "1"),))
    decision = decide_workflow(workflow(PROPS), DAY, workflow_input)
    assert isinstance(decision, kind)
    if isinstance(decision, Run):
        assert decision.window == "2"


def test_a_date_without_units_runs_nothing_before_games() -> None:
    """The only game is postponed: the calendar lists none."""
    assert decide_workflow(workflow(PROPS), DAY, facts(at("12:00:00"))) == Abort("no units on the date", "no units")


def test_targets_are_the_units_without_rows() -> None:
    """What the policy's table holds is not fetched again; once it holds everything nothing runs."""
    workflow_input = facts(at("+1d 04:00:00"), units=units("19:00", "19:30", "20:00"))
    asked = decide_workflow(workflow(NIGHT), DAY, workflow_input)
    assert asked == Read(held=TABLE)
    some = decide_workflow(workflow(NIGHT), DAY, replace(workflow_input, readings=held("A1@B1")))
    assert isinstance(some, Run)
    assert some.targets == ("A0@B0", "A2@B2")
    whole = decide_workflow(workflow(NIGHT), DAY, replace(workflow_input, readings=held("A0@B0", "A1@B1", "A2@B2")))
    assert isinstance(whole, Skip)
    assert whole.code == "collected"


def test_an_unreadable_table_fetches_all_with_one_warning() -> None:
    """A query error is no answer: every unit is a target, and the run says why."""
    workflow_input = facts(at("+1d 04:00:00"), units=units("19:00", "19:30"), readings=Readings(held={TABLE: None}))
    decision = decide_workflow(workflow(NIGHT), DAY, workflow_input)
    assert isinstance(decision, Run)
    assert decision.targets == ("A0@B0", "A1@B1")
    assert "raw.stats cannot be read" in decision.warning


@pytest.mark.parametrize(("by_name", "kind", "code"), [(False, Run, "assumed"), (True, Skip, "no calendar")])
def test_without_a_calendar_units_are_assumed(by_name: bool, kind: type, code: str) -> None:
    """Once a window as if there were units; who needs their names alone is not called."""
    decision = decide_workflow(workflow(NIGHT), DAY, facts(at("+1d 04:00:00"), units=None, by_name=by_name))
    assert (type(decision), getattr(decision, "code", None)) == (kind, code)
    assert getattr(decision, "targets", None) is None


def test_without_a_calendar_lines_are_fetched_once_when_business_begins() -> None:
    """The first tick of business runs; for the rest of the date it is known that it ran on an assumption."""
    first = decide_workflow(workflow(PROPS), DAY, facts(at("08:00:00"), units=None))
    assert isinstance(first, Run)
    again = decide_workflow(
        workflow(PROPS), DAY, facts(at("12:00:00"), units=None, runs=(ran("08:00:00", window="1"),))
    )
    assert isinstance(again, Abort)


@pytest.mark.parametrize(
    ("now", "targets"),
    [("14:59:59", None), ("15:00:00", ("A0@B0",)), ("15:29:59", ("A0@B0",))],
)
def test_early_games_are_collected_some_hours_after_their_start(now: str, targets: tuple[str, ...] | None) -> None:
    """12:00 and three hours is 15:00:00; 12:31 comes too late for this window; 19:00 is not before 19:00."""
    workflow_input = facts(at(now), units=units("12:00", "12:31", "19:00"), readings=held())
    decision = decide_workflow(workflow(EARLY), DAY, workflow_input)
    assert (decision.targets if isinstance(decision, Run) else None) == targets
    if isinstance(decision, Skip):
        assert decision.next_at == at("15:00:00")


@pytest.mark.parametrize(
    ("runs", "rows", "now", "code"),
    [
        ((), 0, "00:00:00", "due"),
        (("00:00:00",), 0, "01:59:59", "every"),
        (("00:00:00",), 0, "02:00:00", "due"),
        (("00:00:00",), 5, "02:00:00", "found"),
        (("00:00:00", "02:00:00", "04:00:00"), 0, "04:05:00", "attempts"),
    ],
)
def test_discovery_asks_until_it_is_found_or_the_attempts_are_used_up(
    runs: tuple[str, ...], rows: int, now: str, code: str
) -> None:
    """From local midnight, every two hours, three times a date at most; then one warning."""
    past = tuple(ran(text, window=str(n)) for n, text in enumerate(runs, start=1))
    workflow_input = facts(at(now), units=units("19:00"), runs=past, readings=Readings(rows={FOUND: rows}))
    decision = decide_workflow(workflow(FIND), DAY, workflow_input)
    assert getattr(decision, "code", None) == code
    assert bool(getattr(decision, "warning", "")) is (code == "attempts")


@pytest.mark.parametrize(
    ("runs", "now", "code", "expected"),
    [
        ((), "00:00:00", "", "read"),
        (("00:00:00",), "01:59:59", "due", "every"),
        (("00:00:00",), "02:00:00", "every", "read"),
        (("00:00:00",), "02:00:00", "found", "found"),
        (("00:00:00",), "23:59:59", "found", "found"),
        (("00:00:00", "02:00:00", "04:00:00"), "04:05:00", "due", "read"),
        (("00:00:00", "02:00:00", "04:00:00"), "04:10:00", "attempts", "attempts"),
    ],
)
def test_discovery_reads_its_table_only_where_the_answer_matters(
    runs: tuple[str, ...], now: str, code: str, expected: str
) -> None:
    """When the next attempt is due, and once after the last; what was found stays found."""
    past = tuple(ran(text, window=str(n)) for n, text in enumerate(runs, start=1))
    decision = decide_workflow(workflow(FIND), DAY, facts(at(now), units=units("19:00"), runs=past, code=code))
    assert (getattr(decision, "code", None) or "read") == expected
    paused = facts(at(now), units=units("19:00"), runs=past, code=code, paused="paused")
    assert not isinstance(decide_workflow(workflow(FIND), DAY, paused), Read), "a pause needs no answer"


def test_discovery_leaves_out_dates_without_units_where_it_needs_them() -> None:
    """A rest day has no injury report."""
    decision = decide_workflow(workflow(FIND), DAY, facts(at("12:00:00"), readings=Readings(rows={FOUND: 0})))
    assert getattr(decision, "code", None) == "no units"


def test_catch_up_takes_final_units_without_rows_within_their_budget() -> None:
    """A unit that was tried three times is left; a unit that is not final is not looked at."""
    day = DAY - timedelta(days=5)
    workflow_input = facts(
        at("10:00:00"),
        units=(ScheduledUnit("A@B", final=True), ScheduledUnit("C@D", final=True), ScheduledUnit("E@F")),
        runs=tuple(ran("10:00:00", window=str(n), targets=("A@B",)) for n in (1, 2, 3)),
        readings=held(),
    )
    decision = decide_workflow(workflow(FETCH), day, workflow_input)
    assert isinstance(decision, Run)
    assert decision.targets == ("C@D",)
    assert past_dates(FETCH, at("10:00:00"), ZONE)[0] == DAY - timedelta(days=14)
    assert past_dates(FETCH, at("10:00:00"), ZONE)[-1] == DAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "latest", "kind"),
    [
        ("09:59:59", None, Skip),
        ("10:00:00", None, Run),
        ("21:59:59", "17:59:59", Run),
        ("21:59:58", "17:59:59", Skip),
        ("22:00:00", None, Skip),
    ],
)
def test_catch_up_runs_every_so_often_inside_its_window(now: str, latest: str | None, kind: type) -> None:
    """The window is today's, and `every` counts from the latest run of any date."""
    workflow_input = facts(
        at(now),
        units=(ScheduledUnit("A@B", final=True),),
        latest=None if latest is None else at(latest),
        readings=held(),
    )
    assert isinstance(decide_workflow(workflow(FETCH), DAY - timedelta(days=2), workflow_input), kind)


def test_what_is_required_must_have_completed_for_the_date() -> None:
    """Until then the reason names it; a pause says its own."""
    needs = workflow(ONCE, requires=("morning",))
    waits = decide_workflow(needs, DAY, facts(at("07:00:00")))
    assert isinstance(waits, Skip)
    assert "morning" in waits.reason
    assert isinstance(decide_workflow(needs, DAY, facts(at("07:00:00"), completed=frozenset({"morning"}))), Run)
    paused = decide_workflow(workflow(ONCE), DAY, facts(at("07:00:00"), paused="paused since 06:00: a reason"))
    assert paused == Skip("paused since 06:00: a reason", "paused")


@pytest.mark.parametrize(
    ("status", "repeat", "now", "kind", "window"),
    [
        (RunStatus.FAILED, None, "09:00:00", Abort, None),
        (RunStatus.COMPLETED, Repeat(30 * MINUTES, 2), "09:00:00", Abort, None),
        (RunStatus.RUNNING, Repeat(30 * MINUTES, 2), "09:00:00", Skip, None),
        (RunStatus.PARTIAL, Repeat(30 * MINUTES, 2), "06:30:59", Skip, None),
        (RunStatus.PARTIAL, Repeat(30 * MINUTES, 2), "06:31:00", Run, "window.2"),
        (RunStatus.BLOCKED, Repeat(30 * MINUTES, 2), "06:31:00", Run, "window.2"),
    ],
)
def test_a_run_is_repeated_in_its_window_only_where_the_policy_says_so(
    status: RunStatus, repeat: Repeat | None, now: str, kind: type, window: str | None
) -> None:
    """One run per workflow, window and date; a repetition comes `after` the end of one that did not complete."""
    workflow_input = facts(at(now), runs=(ran("06:00:00", status),))
    decision = decide_workflow(workflow(ONCE, repeat=repeat), DAY, workflow_input)
    assert isinstance(decision, kind)
    assert getattr(decision, "window", None) == window


def test_repetitions_end() -> None:
    """Two repetitions of a first run are three runs, and no fourth."""
    runs = tuple(ran(f"0{6 + n}:00:00", RunStatus.FAILED, w) for n, w in enumerate(("window", "window.2", "window.3")))
    decision = decide_workflow(workflow(ONCE, repeat=Repeat(30 * MINUTES, 2)), DAY, facts(at("10:00:00"), runs=runs))
    assert isinstance(decision, Abort)


@pytest.mark.parametrize(
    ("decide", "more", "verdict"),
    [
        (ONCE, {}, Verdict.MISSED),
        (ONCE, {"runs": (ran("07:00:00", RunStatus.FAILED),)}, Verdict.RUN),
        (ONCE, {"paused": "a pause"}, Verdict.NOT_NEEDED),
        (LATE, {}, Verdict.NOT_NEEDED),
        (LATE, {"units": units("19:00"), "readings": held()}, Verdict.MISSED),
        (LATE, {"units": units("19:00"), "readings": held("A0@B0")}, Verdict.NOT_NEEDED),
        (LATE, {"units": units("19:00"), "readings": Readings(held={TABLE: None})}, Verdict.MISSED),
        (EARLY, {"units": units("12:30"), "readings": held()}, Verdict.NOT_NEEDED),
        (EARLY, {"units": units("12:29"), "readings": held()}, Verdict.MISSED),
        (PROPS, {"units": units("19:00")}, Verdict.MISSED),
    ],
)
def test_a_window_that_passed_without_a_run_is_missed(
    decide: Decide, more: dict[str, object], verdict: Verdict
) -> None:
    """Not in a pause, not without units or targets; judged at its end, not a second earlier."""
    ends = at("19:00:00") if decide is PROPS else window_of(workflow(decide), DAY, ZONE).ends
    judged = judge(workflow(decide), DAY, facts(ends, **more))
    assert isinstance(judged, Judgement)
    assert judged.verdict is verdict
    assert judge(workflow(decide), DAY, facts(ends - timedelta(seconds=1), **more)) is None


def test_units_that_are_still_missing_at_the_end_are_named() -> None:
    """Only where the policy asks for it, after a run too."""
    declaration = workflow(NIGHT, alerts=AlertRules(missing_units=Severity.CRITICAL))
    workflow_input = facts(
        at("+1d 04:30:00"), units=units("19:00", "19:30"), runs=(ran("+1d 03:30:00"),), readings=held("A0@B0")
    )
    judged = judge(declaration, DAY, workflow_input)
    assert isinstance(judged, Judgement)
    assert (judged.verdict, judged.missing) == (Verdict.RUN, ("A1@B1",))


def test_what_a_missed_window_waited_for_is_named() -> None:
    """A workflow that was never allowed to run says whose fault that is."""
    judged = judge(workflow(ONCE, requires=("morning",)), DAY, facts(at("11:00:00")))
    assert isinstance(judged, Judgement)
    assert judged.waited_for == "morning"


FINAL = (ScheduledUnit("A@B", final=True), ScheduledUnit("C@D"))
THREE_TIMES = tuple(ran("+1d 10:00:00", window=str(n), targets=("A@B",)) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("more", "runs", "verdict", "words"),
    [
        ({}, (), Verdict.MISSED, ("2026-01-18 A@B", "2026-01-19 A@B")),
        ({}, (ran("21:59:59"),), Verdict.RUN, None),
        ({}, (ran("09:59:59"),), Verdict.MISSED, ("2026-01-18 A@B", "2026-01-19 A@B")),
        ({}, (ran("22:00:00"),), Verdict.MISSED, ("2026-01-18 A@B", "2026-01-19 A@B")),
        ({"readings": held("A@B")}, (), Verdict.NOT_NEEDED, None),
        ({"runs": THREE_TIMES}, (), Verdict.NOT_NEEDED, None),
        ({"units": units("19:00")}, (), Verdict.NOT_NEEDED, None),
        ({"units": ()}, (), Verdict.NOT_NEEDED, None),
        ({"units": None}, (), Verdict.MISSED, None),
        ({"readings": Readings(held={TABLE: None})}, (), Verdict.MISSED, None),
        ({"paused": "a pause"}, (), Verdict.NOT_NEEDED, None),
    ],
)
def test_the_window_of_a_catch_up_is_missed_where_a_unit_waited_and_no_run_began(
    more: dict[str, object], runs: tuple[RunSummary, ...], verdict: Verdict, words: tuple[str, ...] | None
) -> None:
    """Final units without rows and within their budget of any date; a run inside the window is one."""
    days = [DAY - timedelta(days=back) for back in (2, 1)]
    fields = {"units": FINAL, "readings": held(), **more}

    def judged(now: str) -> Judgement | tuple[date, Read] | None:
        return judge_catch_up(workflow(FETCH), FETCH, DAY, {day: facts(at(now), **fields) for day in days}, runs)

    assert judged("21:59:59") is None
    judgement = judged("22:00:00")
    assert isinstance(judgement, Judgement)
    assert (judgement.verdict, judgement.missing, judgement.oldest) == (
        verdict,
        words,
        None if words is None else days[0],
    )


def test_a_missed_catch_up_names_what_it_waited_for_and_reads_what_it_does_not_know() -> None:
    """The table of each date is asked for before anything is said of it; the first date's requirement is named."""
    waits = workflow(FETCH, requires=("morning",))
    days = {DAY - timedelta(days=1): facts(at("22:00:00"), units=FINAL)}
    asked = judge_catch_up(waits, FETCH, DAY, days, ())
    assert asked == (DAY - timedelta(days=1), Read(held=TABLE))
    read = {day: replace(of, readings=held()) for day, of in days.items()}
    judgement = judge_catch_up(waits, FETCH, DAY, read, ())
    assert isinstance(judgement, Judgement)
    assert judgement.waited_for == "morning"


ON_DATA = OpensOn("raw", ("boxscores", "odds"), "overnight", local("06:30"))
OPENING = workflow(OnceADay(span("02:00", "09:00"), opens_on=ON_DATA))


def with_inputs(now: str, missing: tuple[str, ...] | None) -> WorkflowInput:
    return facts(at(now), readings=Readings(inputs={ON_DATA: missing}))


def test_a_window_that_opens_on_data_runs_once_it_is_there() -> None:
    """Inside the window it asks what is missing, waits with the names, and runs when nothing is (R13)."""
    assert decide_workflow(OPENING, DAY, facts(at("03:00:00"))) == Read(inputs=ON_DATA)
    waiting = decide_workflow(OPENING, DAY, with_inputs("03:00:00", ("boxscores (1 of 3 games missing: PHX@LAL)",)))
    assert isinstance(waiting, Skip)
    assert (waiting.code, waiting.next_at, "PHX@LAL" in waiting.reason) == ("data", at("06:30:00"), True)
    opened = decide_workflow(OPENING, DAY, with_inputs("03:00:00", ()))
    assert isinstance(opened, Run)
    assert (opened.code, "boxscores, odds" in opened.reason) == ("due", True)


@pytest.mark.parametrize(
    ("now", "kind"), [("01:59:59", Skip), ("06:29:59", Skip), ("06:30:00", Run), ("08:59:59", Run), ("09:00:00", Abort)]
)
def test_the_clock_is_the_backstop(now: str, kind: type) -> None:
    """With data missing or unreadable it opens at its latest time to the second, and only inside its window."""
    for missing in (("odds",), None):
        assert isinstance(decide_workflow(OPENING, DAY, with_inputs(now, missing)), kind)


def test_data_before_the_window_opens_nothing() -> None:
    """The window is still when it may run; what is there earlier waits for its beginning."""
    assert isinstance(decide_workflow(OPENING, DAY, with_inputs("01:00:00", ())), Skip)


def test_who_is_paused_or_waits_for_another_asks_no_data() -> None:
    """A pause, a requirement and a run under way come first: nothing is read in vain."""
    for more in (
        {"paused": "paused by a person"},
        {"runs": (RunSummary("w", "window", at("02:30:00"), RunStatus.RUNNING),)},
    ):
        assert isinstance(decide_workflow(OPENING, DAY, facts(at("03:00:00"), **more)), Skip)
    requiring = workflow(OPENING.decide, requires=("other",))
    assert isinstance(decide_workflow(requiring, DAY, facts(at("07:00:00"))), Skip)
