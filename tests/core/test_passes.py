"""Passes over a date: whose a message is, on which days a pass is expected, what its tables can say (R4, R11, T1)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy, refuse_idle
from shared.core.calendar import closes_at, due_at, instant, is_expected, moment, working_day
from shared.core.costs.workload import runs_of
from shared.core.decision.completeness import Status
from shared.core.decision.decisions import Wait
from shared.core.decision.explain import explain
from shared.core.decision.fold import apply_report
from shared.core.decision.gates import wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import Malformed, PolicyError
from shared.core.message import Delivery, Received, parse
from shared.core.model import Lane, Outcome, Report, RunKey, TransitionState
from shared.core.modes import mode_of
from shared.core.policy.names import Names
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import AfterOpened, Gate, GateKind, LocalTime
from shared.core.policy.working_days import Resolve, Window, WorkingDays
from tests.policy_files import edit, outcome, write

PIPELINES = Path(__file__).parents[1] / "pipelines"
HOURLY, WEEKLY, REGIONAL = (load_policy(PIPELINES / f"{name}.yaml") for name in ("hourly", "weekly", "regional"))
SUNDAY = date(2026, 3, 1)
DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))


def plain(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((PIPELINES / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def at(policy: Policy, day: date, clock: str) -> datetime:
    return instant(day, time.fromisoformat(clock), policy.zone)


def mode(policy: Policy, name: str, day: date, published: datetime, phase: str, **fields: Any) -> str:
    """Return the mode that a message is read as, or the word of its quarantine."""
    body = {"processor_name": name, "game_date": day.isoformat(), "status": "success", **fields}
    delivery = Delivery("1", phase, json.dumps(body).encode(), published, published)
    try:
        received = parse(delivery, policy, Names(policy))
    except Malformed as wrong:
        return wrong.kind
    assert isinstance(received, Received)
    return received.key.mode


@given(DAYS, st.integers(0, 23), st.integers(-400, 400))
def test_an_hour_belongs_to_the_message_that_names_it(day: date, hour: int, minutes: int) -> None:
    """R4: with `resolve: message` the message's own word decides, whenever it was published, and nothing else does."""
    published = at(HOURLY, day, "12:00") + timedelta(minutes=minutes)
    assert mode(HOURLY, "MeterReader", day, published, "meters", mode=f"h{hour:02}") == f"h{hour:02}"
    assert mode(HOURLY, "MeterReader", day, published, "meters") == "no_mode"
    assert mode(HOURLY, "MeterReader", day, published, "meters", mode="h24") == "unknown_mode"


def test_one_mode_that_the_message_names_is_not_guessed_either() -> None:
    """R4: a pipeline of one mode has no other, but what only the message could name it has to name."""
    only = replace(HOURLY, modes={"h07": HOURLY.modes["h07"]})
    assert mode_of(SUNDAY, at(HOURLY, SUNDAY, "07:10"), only) is None


@pytest.mark.parametrize(
    ("clock", "later", "expected"),
    [
        ("05:59:59", 0, None),
        ("06:00", 0, "early"),
        ("13:59:59", 0, "early"),
        ("14:00", 0, "late"),
        ("23:59", 0, "late"),
        ("01:59:59", 1, "late"),
        ("02:00", 1, None),
        ("07:00", 1, None),
        ("07:00", -1, None),
    ],
)
def test_a_shift_belongs_to_its_window(clock: str, later: int, expected: str | None) -> None:
    """R4: from is in a window and to is not, on the working day of the date and past its midnight."""
    published = at(REGIONAL, SUNDAY + timedelta(days=later), clock)
    assert mode(REGIONAL, "PalletCount", SUNDAY, published, "orders") == (expected or "no_mode")
    assert mode(REGIONAL, "OrderExport", SUNDAY, published, "orders") == "no_mode", "of no shift, and names no region"


@settings(max_examples=40)
@given(DAYS, st.lists(st.integers(0, 48 * 4), min_size=2, max_size=9, unique=True), st.sampled_from([-2, 0, 1]))
def test_windows_that_follow_each_other_share_no_moment(day: date, cuts: list[int], offset: int) -> None:
    """R4: between the first and the last cut every minute of a date belongs to one window, clock changes included."""
    quarters = sorted(cuts)
    places = [LocalTime(cut // 96, time(cut % 96 // 4, cut % 4 * 15)) for cut in quarters]
    modes = {
        f"w{number}": Mode(f"w{number}", offset, time(0), resolve=Resolve.CLOCK, window=Window(begins, ends))
        for number, (begins, ends) in enumerate(pairwise(places))
    }
    policy = replace(REGIONAL, modes=modes)
    worked_on = day - timedelta(days=offset)
    first, *_, last = (moment(place, worked_on, modes["w0"], policy.zone) for place in places)
    for minutes in range(-60, 49 * 60, 7):
        published = first + timedelta(minutes=minutes)
        mode_name = mode_of(day, published, policy)
        assert (mode_name is not None) == (first <= published < last)
        if mode_name is not None:
            window = modes[mode_name].window
            assert window is not None
            begins, ends = (
                moment(local_time, worked_on, modes[mode_name], policy.zone)
                for local_time in (window.begins, window.ends)
            )
            assert begins <= published < ends


@given(DAYS)
def test_passes_of_one_offset_divide_the_days(day: date) -> None:
    """R4, T1: of two modes of one offset the one that is expected on the working day has the date."""
    published = at(WEEKLY, day + timedelta(days=1), "03:00")
    expected = "weekly" if (day + timedelta(days=1)).weekday() == 0 else "nightly"
    assert mode(WEEKLY, "LoanJob", day, published, "loans") == expected
    # a report of the evening itself too (R11)
    assert mode(WEEKLY, "LoanJob", day, at(WEEKLY, day, "23:00"), "loans") == expected
    assert is_expected(RunKey("library", day, expected), WEEKLY)


def test_the_nearer_of_two_offsets_has_its_date() -> None:
    """R4: of several modes that look back, the one whose offset it is; at any other distance the first."""
    modes = {name: Mode(name, offset, time(5)) for name, offset in (("daily", -1), ("week", -7))}
    policy = replace(WEEKLY, modes=modes)
    expected = {1: "daily", 7: "week", 3: "daily", 12: "daily"}
    published = at(policy, SUNDAY, "06:00")
    assert {back: mode_of(SUNDAY - timedelta(days=back), published, policy) for back in expected} == expected


def test_a_run_of_a_date_long_past_does_not_close_before_its_day() -> None:
    """T5: a mode that works on a date a week later has 48 hours from the beginning of that day on."""
    policy = replace(WEEKLY, modes={"week": Mode("week", -7, time(5))})
    key = RunKey("library", SUNDAY, "week")
    assert working_day(key, policy) == SUNDAY + timedelta(days=7)
    assert closes_at(key, at(policy, SUNDAY, "05:00"), policy) == at(policy, SUNDAY + timedelta(days=9), "00:00")
    nightly = RunKey("library", SUNDAY, "nightly")
    assert closes_at(nightly, at(WEEKLY, SUNDAY, "05:00"), WEEKLY) == at(WEEKLY, SUNDAY + timedelta(days=3), "00:00")


def test_a_due_time_counts_from_the_opening_in_elapsed_time() -> None:
    """T2, T6: 40 minutes after the mode opens; in the skipped hour it opens with the first instant after it."""
    due, critical = AfterOpened(timedelta(minutes=40)), LocalTime(1, time(2))
    spring = RunKey("meters", date(2026, 3, 8), "h02")
    assert due_at(spring, due, HOURLY) == datetime(2026, 3, 8, 7, 40, tzinfo=UTC)
    autumn = RunKey("meters", date(2026, 11, 1), "h01")
    assert due_at(autumn, due, HOURLY) == datetime(2026, 11, 1, 5, 40, tzinfo=UTC)
    assert due_at(replace(spring, lane=Lane.BACKFILL), due, HOURLY) is None
    assert due_at(RunKey("library", SUNDAY, "invoice"), critical, WEEKLY) == datetime(2026, 3, 2, 1, tzinfo=UTC)


@given(DAYS)
def test_on_another_day_nothing_is_due(day: date) -> None:
    """T10: a mode is expected on its days only; a run that a message opens on another one has no due time, and the
    explanation says why."""
    key = RunKey("library", day, "invoice")
    due = WEEKLY.transitions["loans_to_reports"].expects["invoice"].due
    assert due is not None
    expected = day.day in (1, 15)
    assert [due_at(key, due_time, WEEKLY) is not None for due_time in (due.warning, due.critical)] == [expected] * 2
    snapshot = DecisionInput(WEEKLY, WEEKLY.transitions["loans_to_reports"], key, TransitionState())
    texts = {
        time_entry["name"]: time_entry["wants"]
        for time_entry in explain(snapshot, Wait("waits"), at(WEEKLY, day, "09:00")).evidence["times"]
    }
    assert ("due_warning" in texts) == expected
    why = "" if expected else f"nobody is told: invoice is expected on days 1, 15 of the month, not on {day:%a} {day}"
    assert texts.get("no_due", "") == why


@pytest.mark.parametrize(
    ("days", "text", "included"),
    [
        (WorkingDays(), "every day", range(1, 29)),
        (WorkingDays(weekdays=frozenset({"sun", "mon"})), "mon, sun", [1, 2, 8, 9, 15, 16, 22, 23]),
        (WorkingDays(days_of_month=frozenset({31, 5})), "days 5, 31 of the month", [5]),
        (WorkingDays(days_of_month=frozenset({5})), "day 5 of the month", [5]),
    ],
)
def test_working_days(days: WorkingDays, text: str, included: list[int]) -> None:
    """T1: weekdays, days of the month, or every day."""
    march = [date(2026, 3, day) for day in range(1, 29)]
    assert [day.day for day in march if days.include(day)] == list(included)
    assert days.text == text


def loaded(name: str, records: int, policy: Policy, run: RunKey, rows: int) -> Status:
    """Return where a processor stands that reports so many records, while its table holds so many rows of the date."""
    transition = next(iter(policy.transitions.values()))
    when = at(policy, run.day, "12:00")
    completion = apply_report(None, Report("1", "meters", name, Outcome.SUCCESS, when, when, records=records))
    snapshot = DecisionInput(policy, transition, run, TransitionState(), {name: completion})
    table = policy.phases["meters"].processors[name].table or ""
    readings = replace(snapshot.readings, rows={table: rows})
    return replace(snapshot, readings=readings).seen.statuses[name].status


def test_rows_of_the_date_say_nothing_of_one_pass_of_many() -> None:
    """R6: the rows of other hours do not let a short report of this one count; of a pass that alone expects the
    processor they do, and where the date tells the passes apart."""
    hour = RunKey("meters", SUNDAY, "h07")
    assert loaded("readings", 999, HOURLY, hour, 24_000) is Status.UNDER_MINIMUM
    assert loaded("readings", 1000, HOURLY, hour, 0) is Status.DONE
    first = HOURLY.transitions["meters_to_loads"]
    alone = replace(first, expects={"h07": first.expects["h07"]})
    policy = replace(HOURLY, transitions={alone.name: alone})
    assert loaded("readings", 999, policy, hour, 24_000) is Status.DONE
    by_date = {name: replace(mode_policy, resolve=Resolve.DATE) for name, mode_policy in HOURLY.modes.items()}
    assert loaded("readings", 999, replace(HOURLY, modes=by_date), hour, 24_000) is Status.DONE


def test_a_rows_gate_reads_the_tables_that_several_passes_share() -> None:
    """D4: what cannot vouch for one report of one pass is read all the same by the gate that asks for its rows."""
    first = replace(HOURLY.transitions["meters_to_loads"], gates=("loaded",))
    gates = {"loaded": Gate("loaded", GateKind.ROWS)}
    policy = replace(HOURLY, gates=gates, transitions={**HOURLY.transitions, first.name: first})
    snapshot = DecisionInput(policy, first, RunKey("meters", SUNDAY, "h07"), TransitionState())
    tables = {table for processor in policy.awaited[first.name].values() for table in processor.tables}
    assert tables
    assert wanted(snapshot.gates, snapshot.seen, snapshot.readings).rows == tables


def test_a_table_by_units_vouches_in_every_pass() -> None:
    """R10: where the policy says what names the unit of a row, the table is asked in each pass."""
    processor = HOURLY.phases["meters"].processors["readings"]
    assert HOURLY.judged("meters_to_loads", "h07")["readings"].tables == ()
    by_unit = replace(processor, units="meter_id")
    phase = replace(HOURLY.phases["meters"], processors={"readings": by_unit, "weather": processor})
    policy = replace(HOURLY, phases={**HOURLY.phases, "meters": phase})
    assert policy.judged("meters_to_loads", "h07")["readings"] == by_unit
    assert policy.awaited["meters_to_loads"]["readings"] == by_unit


def test_a_relative_due_time_is_reckoned_with() -> None:
    """The estimate of cost takes a run to be open until its latest due time, relative ones included."""
    night = next(run for run in runs_of(HOURLY, {}) if run.mode == "h07")
    assert (night.opens, night.closes) == (7 * 60, 8 * 60 + 10)


DUE = "transitions/meters_to_loads/expects/any_mode/due"
MODES = {
    "no window": ("early", {"window": None}, "modes.early.window", "is missing", "add window:"),
    "a window of a mode by date": ("early", {"resolve": "date"}, "modes.early.window", "resolve is date", "clock"),
    "a window of a mode by message": ("early", {"resolve": "message"}, "modes.early.window", "is message", "clock"),
    "an empty window": (
        "early",
        {"window": {"from": "06:00", "to": "06:00"}},
        "modes.early.window.to",
        "06:00 is not after from (06:00)",
        '"+1d 06:00"',
    ),
    "a window past midnight without saying so": (
        "late",
        {"window": {"from": "22:00", "to": "02:00"}},
        "modes.late.window.to",
        "02:00 is not after from (22:00)",
        '"+1d 02:00"',
    ),
    "a window that goes on": (
        "late",
        {"window": {"from": "13:59", "to": "+1d 02:00"}},
        "modes.late.window",
        "overlaps that of early",
        "the next may begin with it",
    ),
    "a window of the day before": (
        "late",
        {"partition_offset_days": -1, "window": {"from": "00:00", "to": {"after_opened": "1h"}}},
        None,
        "",
        "",
    ),
    "a window that begins as it opens": (
        "late",
        {"window": {"from": {"after_opened": "0s"}, "to": "+1d 02:00"}},
        None,
        "",
        "",
    ),
    "an evening that says nothing": (
        "us",
        {"same_evening_from": "21:00"},
        "modes.us.same_evening_from",
        "the message says what belongs to us",
        "leave it out",
    ),
    "days of the week and of the month": (
        "us",
        {"weekdays": ["mon"], "days_of_month": [1]},
        "modes.us.days_of_month",
        "stands beside weekdays",
        "leave out one",
    ),
    "no day": ("us", {"weekdays": []}, "modes.us.weekdays", "is empty", "name at least one"),
    "a day twice": ("us", {"weekdays": ["mon", "mon"]}, "modes.us.weekdays[1]", "mon is listed twice", "another one"),
    "a day of the month twice": ("us", {"days_of_month": [1, 1]}, "modes.us.days_of_month[1]", "1 is listed twice", ""),
    "a long weekday": ("us", {"weekdays": ["monday"]}, "modes.us.weekdays[0]", "got 'monday'", "did you mean mon?"),
    "the 32nd": ("us", {"days_of_month": [32]}, "modes.us.days_of_month[0]", "got 32", "such as 1, 15"),
    "a word that resolves nothing": (
        "us",
        {"resolve": "region"},
        "modes.us.resolve",
        "got 'region'",
        "clock, date, mes",
    ),
    "two of one date": (
        "us",
        {"resolve": "date", "partition_offset_days": 0},
        None,
        "",
        "",
    ),
}


@pytest.mark.parametrize("name", MODES)
def test_modes_between_which_nothing_decides_are_refused(name: str, tmp_path: Path) -> None:
    """R4: each with its key, what is wrong and what to do."""
    which, changes, key, reason, hint = MODES[name]
    policy = plain("regional")
    policy["modes"][which] = {k: v for k, v in {**policy["modes"][which], **changes}.items() if v is not None}
    error = outcome(write(tmp_path, policy))
    if key is None:
        assert error is None, str(error)
        return
    assert error is not None
    assert error.key == key
    assert reason in error.reason
    assert hint in error.hint


def test_modes_of_one_offset_need_days_of_their_own(tmp_path: Path) -> None:
    """R4: Monday in both lists, and a Monday's date would belong to two modes."""
    policy = edit(plain("weekly"), {"modes/weekly/weekdays": ["mon", "tue"]})
    error = outcome(write(tmp_path, policy))
    assert error is not None
    assert (error.key, error.reason) == ("modes.weekly.partition_offset_days", "nightly has the same offset (line 1)")
    assert "days of its own" in error.hint


@pytest.mark.parametrize(
    ("due", "key", "reason"),
    [
        (
            {"warning": {"after_opened": "2h"}, "critical": {"after_opened": "2h"}},
            "warning",
            "2h after it opens is not",
        ),
        ({"warning": {"opened": "2h"}, "critical": "23:59"}, "warning.opened", "there is no such key"),
        ({"warning": {"after_opened": "two"}, "critical": "23:59"}, "warning.after_opened", "expected a duration"),
        ({"warning": "8", "critical": "23:59"}, "warning", "expected a quoted time"),
    ],
)
def test_due_times_that_cannot_be_are_refused(due: dict[str, Any], key: str, reason: str, tmp_path: Path) -> None:
    """T2: relative and local times are compared on the mode's own day."""
    error = outcome(write(tmp_path, edit(plain("hourly"), {DUE: due})))
    assert error is not None
    assert error.key == f"transitions.meters_to_loads.expects.any_mode.due.{key}"
    assert reason in error.reason


def idle(policy: dict[str, Any], folder: Path) -> PolicyError | None:
    """Return what `orch check` refuses of a policy that loads."""
    loaded_policy = load_policy(write(folder, policy))
    try:
        refuse_idle(loaded_policy)
    except PolicyError as error:
        return error
    return None


IDLE = {
    "a floor by units without a calendar": (
        "hourly",
        {"phases/meters/processors/readings/min_records_per_unit": 2},
        "phases.meters.processors.readings.min_records_per_unit",
        "how many units a date has nobody knows",
    ),
    "units without a calendar": (
        "hourly",
        {"phases/meters/processors/readings/units": "meter_id"},
        "phases.meters.processors.readings.units",
        "there is no calendar",
    ),
    "a source's floor without a calendar": (
        "hourly",
        {"phases/meters/processors/weather/sources": {"Radar": {"table": "a.b", "min_records_per_unit": 3}}},
        "phases.meters.processors.weather.sources.Radar.min_records_per_unit",
        "there is no calendar",
    ),
    "a due time after the end": (
        "hourly",
        {f"{DUE}/critical": {"after_opened": "90h"}},
        "transitions.meters_to_loads.expects.any_mode.due.critical",
        "is after the run closes",
    ),
    "a local due time after the end": (
        "weekly",
        {"transitions/loans_to_reports/expects/weekly/due/critical": "+2d 00:00"},
        "transitions.loans_to_reports.expects.weekly.due.critical",
        "+2d 00:00 is after the run closes, 2d after",
    ),
    "the latest due time": (
        "weekly",
        {"transitions/loans_to_reports/expects/weekly/due/critical": "+1d 23:59"},
        None,
        "",
    ),
    "an absolute floor": ("hourly", {"phases/meters/processors/weather/min_records": 2}, None, ""),
}


@pytest.mark.parametrize("name", IDLE)
def test_what_is_said_in_vain_is_refused_by_check(name: str, tmp_path: Path) -> None:
    """T3, T10: a floor that can never refuse, and a due time that nobody could be told of: old policies load, and
    `orch check` refuses them."""
    which, changes, key, reason = IDLE[name]
    error = idle(edit(plain(which), changes), tmp_path)
    assert (error is None) == (key is None)
    if error is not None:
        assert reason in error.reason
        assert "line" in error.reason
        assert error.key in (key, (key or "").replace("any_mode", "h00"))


@pytest.mark.parametrize("name", ["hourly", "weekly", "regional"])
def test_the_pipelines_of_passes_are_in_order(name: str, tmp_path: Path) -> None:
    assert idle(plain(name), tmp_path) is None


def test_every_mode_of_the_regional_pipeline_has_its_runs() -> None:
    """T1: every run that the clock opens can be reported to: by name, or in its window."""
    for (name, mode_policy), day in product(REGIONAL.modes.items(), (SUNDAY, date(2026, 3, 29), date(2026, 10, 25))):
        opens = instant(day, mode_policy.opens_at, REGIONAL.zone)
        worked_on = day + timedelta(days=mode_policy.partition_offset_days)
        processor = "PalletCount" if mode_policy.resolve is Resolve.CLOCK else "OrderExport"
        fields = {} if mode_policy.resolve is Resolve.CLOCK else {"mode": name}
        assert mode(REGIONAL, processor, worked_on, opens, "orders", **fields) == name
