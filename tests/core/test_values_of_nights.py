"""How long phases took and how many rows came, in nights of the record that were ordinary (behaviour T12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.decision.pause import Pause
from shared.core.learning.nights import RecordedRun
from shared.core.learning.values import counted, measured, usual_durations, usual_rows
from shared.core.model import LogEntry, Outcome, Report
from shared.core.policy.phases import Reports
from shared.core.policy.policy import Policy
from tests.core.build import (
    BACKFILL,
    CACHE,
    DAY,
    FEATURES,
    NIGHT,
    PCF,
    PGS,
    PHASE3,
    POLICY,
    PSZA,
    T0,
    TDZA,
    TO4,
    TO5,
    UPGC,
    report,
)
from tests.policy_files import PRODUCTION

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
MINUTE = timedelta(minutes=1)
REAL = load_policy(PRODUCTION)
TODAY = DAY + timedelta(days=1)


def trigger(after: float, decision: str = "trigger", **more: Any) -> LogEntry:
    return replace(LogEntry(T0 + after * MINUTE, 1, decision, "complete"), **more)


def night(
    *,
    ends: tuple[float, ...] = (5, 6, 7, 8, 12),
    rows: int = 200,
    entry: LogEntry | None = None,
    more: tuple[Report, ...] = (),
    **of_run: Any,
) -> RecordedRun:
    """Return a night whose phase 4 was started after 10 minutes and ended so many minutes later."""
    inputs = [report(name, records=rows, ended=T0 + MINUTE) for name in PHASE3]
    outputs = [
        report(name, records=rows, ended=T0 + (10 + end) * MINUTE) for name, end in zip(PHASE4, ends, strict=False)
    ]
    decisions = {TO4: (entry or trigger(10),), TO5: (trigger(30),)}
    run = RecordedRun(
        NIGHT,
        tuple(sorted((*inputs, *outputs, *more), key=lambda each: each.received_at)),
        decisions,
        dispatched={TO4: T0 + 10 * MINUTE, TO5: T0 + 30 * MINUTE},
    )
    return replace(run, **of_run)


def seconds(run: RecordedRun, *pauses: Pause, policy: Policy = POLICY) -> float | None:
    usual = usual_durations(policy, [run], pauses, TODAY, {DAY: 7}).get("phase4", {}).get("overnight")
    return None if usual is None else usual.expected(DAY, 7)


def rows(run: RecordedRun, processor: str = UPGC, policy: Policy = POLICY) -> float | None:
    usual = usual_rows(policy, [run], (), TODAY, {DAY: 7}).get(processor, {}).get("overnight")
    return None if usual is None else round(usual.expected(DAY, 7))


def test_a_phase_is_measured_from_its_dispatch_to_its_last_report() -> None:
    assert seconds(night()) == pytest.approx(720)


def test_of_each_processor_the_first_good_end_counts() -> None:
    """One that failed and then succeeded ended when it succeeded; what comes again later is of another start."""
    failed = report(FEATURES, Outcome.FAILED, ended=T0 + 15 * MINUTE)
    again = report(CACHE, records=300, ended=T0 + 90 * MINUTE)
    assert seconds(night(more=(failed, again))) == pytest.approx(720)


@pytest.mark.parametrize(
    "run",
    [
        night(ends=(5, 6, 7, 8)),
        night(ends=(5, 6, 7, 8), more=(report(FEATURES, Outcome.FAILED, ended=T0 + 20 * MINUTE),)),
        night(ends=(-11, -12, -11, -12, -11)),
        night(entry=trigger(10, degraded=True, missing=(PGS,))),
        night(decisions={TO4: (trigger(10), trigger(60, generation=2))}),
        night(decisions={TO4: (trigger(5, "operator_hold"), trigger(10))}),
        night(decisions={}),
        night(dispatched={}),
        night(key=BACKFILL),
    ],
    ids=["no end", "a bad end", "before", "degraded", "refreshed", "operator", "never", "no dispatch", "backfill"],
)
def test_nights_that_say_nothing_of_a_phase(run: RecordedRun) -> None:
    assert seconds(run) is None


def test_a_paused_night_says_nothing() -> None:
    assert seconds(night(), Pause("p", T0 - MINUTE, T0 + 2 * MINUTE, "storm")) is None


def test_what_is_not_dispatched_here_is_not_measured() -> None:
    """Phase 3 starts itself; a last phase is measured, and one whose processors report in parts is not."""
    assert [transition.starts for transition in measured(REAL, "overnight")] == [
        "phase4", "grading", "phase5", "phase6",
    ]  # fmt: skip
    parts = _with_processor("phase4", CACHE, reports=Reports.PER_UNIT)
    assert "phase4" not in {transition.starts for transition in measured(parts, "overnight")}
    assert seconds(night(), policy=parts) is None


def test_who_reports_rows_as_a_whole_is_counted_once() -> None:
    names = [processor.name for _, processor in counted(REAL, "overnight")]
    assert len(names) == len(set(names))
    assert {UPGC, PGS, CACHE, "p2_odds_game_lines"} <= set(names)
    assert "p2_nbacom_gamebook_pdf" not in names  # a report for each game
    assert "p2_nbacom_boxscores" not in names  # two loaders
    assert {transition.name for transition, processor in counted(REAL, "overnight") if processor.name == PGS} == {TO4}


def test_rows_are_those_of_the_last_full_report_before_the_trigger() -> None:
    part = report(UPGC, records=12, ended=T0 + 5 * MINUTE, is_incremental=True)
    better = report(UPGC, records=230, ended=T0 + 4 * MINUTE)
    later = report(UPGC, records=400, ended=T0 + 20 * MINUTE)
    assert rows(night(more=(better, part, later))) == 230
    assert rows(night()) == 200


def test_rows_of_a_degraded_night_teach_nothing() -> None:
    """Neither of what was missing then, nor of the phase that was started without it."""
    degraded = night(entry=trigger(10, degraded=True, missing=(PGS,)))
    assert (rows(degraded), rows(degraded, CACHE)) == (None, None)
    assert rows(night(), CACHE) == 200


def test_each_mode_and_each_working_day_is_apart() -> None:
    """Nights of another mode are no nights of this one, and the weekday is that of the work, not of the date."""
    same_day = replace(night(), key=replace(NIGHT, mode="same_day"))
    assert rows(same_day) is None
    learned = usual_durations(POLICY, [night()], (), TODAY, {DAY: 7})
    assert set(learned["phase4"]) == {"overnight"}


def test_seven_mornings_of_a_weekday_move_that_weekday() -> None:
    """The nights of Sundays are worked on on Mondays: seven Mondays of twice the time are told from other days."""
    runs = []
    for n in range(49):
        day = DAY - timedelta(days=n + 1)
        slow = (day + timedelta(days=1)).weekday() == 0
        runs.append(_moved(night(ends=(5, 6, 7, 8, 24 if slow else 12)), day))
    learned = usual_durations(POLICY, runs, (), TODAY, {})["phase4"]["overnight"]
    monday, tuesday = date(2026, 2, 2), date(2026, 2, 3)
    assert learned.expected(monday, None) == pytest.approx(1440, rel=0.05)
    assert learned.expected(tuesday, None) == pytest.approx(720, rel=0.05)


def _moved(run: RecordedRun, day: date) -> RecordedRun:
    by = day - run.key.day

    def later(at: datetime) -> datetime:
        return at + by

    reports = tuple(
        replace(each, occurred_at=later(each.occurred_at), received_at=later(each.received_at)) for each in run.reports
    )
    decisions = {
        name: tuple(replace(entry, at=later(entry.at)) for entry in listed) for name, listed in run.decisions.items()
    }
    dispatched = {name: later(at) for name, at in run.dispatched.items()}
    return RecordedRun(replace(run.key, day=day), reports, decisions, dispatched=dispatched)


def _with_processor(phase: str, name: str, **changes: Any) -> Policy:
    before = POLICY.phases[phase]
    processors = {**before.processors, name: replace(before.processors[name], **changes)}
    return replace(POLICY, phases={**POLICY.phases, phase: replace(before, processors=processors)})
