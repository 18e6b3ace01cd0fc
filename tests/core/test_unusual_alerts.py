"""What is told of unusual nights, of whom it is not told, and when it is over (behaviour T12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.condition import Condition
from shared.core.alerting.conditions import conditions
from shared.core.alerting.due import NOBODY, Predecessor
from shared.core.alerting.resolution import resolution
from shared.core.alerting.routing import phases_of
from shared.core.alerting.unusual import is_ordinary, too_long_at
from shared.core.decision import state_changes
from shared.core.decision.decisions import Done
from shared.core.decision.pause import Pause
from shared.core.decision.snapshot import DecisionInput
from shared.core.learning.anomaly import Usuals
from shared.core.learning.usual import Usual
from shared.core.model import Act, Outcome, Report, TransitionState, Units
from shared.core.policy.anomalies import OFF, Anomalies
from shared.core.reporting.page import Tone
from shared.core.reporting.usual_lines import usual_lines
from shared.core.severity import Severity
from tests.core.build import (
    BACKFILL,
    CACHE,
    FEATURES,
    GAMES,
    PCF,
    PGS,
    PHASE3,
    POLICY,
    PSZA,
    SECOND,
    T0,
    TDGS,
    TDZA,
    TO3,
    TO4,
    TO5,
    UPGC,
    at,
    confirmed,
    dispatched,
    done,
    known,
    plan,
    report,
    results,
    snapshot,
)
from tests.core.test_silence import ENDING, EXPORT, TO6, exporting
from tests.policy_files import PRODUCTION

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
# Phase 4 usually takes 10 minutes and at most 20; a game brings 28 rows of context, and no fewer than 18.9.
USUALS = Usuals(
    Anomalies(),
    {"phase4": {"overnight": Usual(30, 600, 0, 0.1, 1.2)}, "phase6": {"overnight": Usual(30, 600, 0, 0.1, 1.2)}},
    {UPGC: {"overnight": Usual(30, 0, 28, 0.1, 1.2)}, PGS: {"overnight": Usual(30, 0, 28, 0.1, 1.2)}},
)
LONG = timedelta(minutes=20)
LONG_ROWS, ROWS_OUTSIDE = "runs_long", f"rows_outside {UPGC}"


def running(*ends: Report, **more: Any) -> DecisionInput:
    """Return phase 4 as started at T0, with what it has reported since."""
    more.setdefault("state", confirmed())
    return snapshot(*done(*PHASE3), started=known(*ends) if ends else {}, **more)


def held_at(
    now_known: DecisionInput, now: datetime, usuals: Usuals = USUALS, before: dict[str, Predecessor] | None = None
) -> dict[str, Condition]:
    seen, decision = results(now_known, now)
    rested = replace(seen, state=state_changes.resting(seen.state, decision, now))
    listed = conditions(rested, decision, now, before or NOBODY, usuals=usuals)
    return {(c.kind if not c.subject else f"{c.kind} {c.subject}"): c for c in listed}


def raised(now_known: DecisionInput, now: datetime = T0 + 3 * LONG, **more: Any) -> set[str]:
    return {name for name in held_at(now_known, now, **more) if name.startswith(("runs_long", "rows_outside"))}


# a phase that runs too long


def test_a_phase_is_told_in_the_second_after_its_longest_time() -> None:
    """One warning while it runs, with how long it took, what is usual and which processors are missing."""
    now_known = running(*(report(name, ended=at(minutes=9)) for name in PHASE4[:4]))
    moment = T0 + LONG + SECOND
    assert too_long_at(now_known, USUALS, T0) == moment
    assert raised(now_known, moment - SECOND) == set()
    warning = held_at(now_known, moment)[LONG_ROWS]
    assert warning.severity is Severity.WARNING
    for part in ("phase4", "20 min", "usually takes 10 min with 7 games", FEATURES, "by 30 nights", "06:00"):
        assert part in warning.text
    assert CACHE not in warning.text
    assert phases_of(POLICY, warning.kind, warning.transition, "") == frozenset({"phase4"})


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED, Outcome.NO_DATA])
def test_its_end_ends_it_however_it_ended(outcome: Outcome) -> None:
    """Whether it went well is told elsewhere."""
    ends = [report(name, ended=at(minutes=9)) for name in PHASE4[:4]]
    ended = running(*ends, report(FEATURES, outcome, ended=at(minutes=50)))
    assert raised(ended) == set()
    assert too_long_at(ended, USUALS, T0 + 3 * LONG) is None


def test_how_it_ended_is_said() -> None:
    ended = running(*(report(name, ended=at(minutes=50), records=200) for name in PHASE4))
    text = resolution(ended, LONG_ROWS, "", T0 + LONG, at(minutes=51))
    assert "reported success with 200 records at 06:50" in text


def test_a_report_from_before_the_dispatch_is_of_another_start() -> None:
    assert raised(running(*(report(name, ended=at(minutes=-30)) for name in PHASE4))) == {LONG_ROWS}


@pytest.mark.parametrize(
    "state",
    [
        confirmed(plan(missing=(TDGS,))),
        confirmed(plan(2, "refresh"), state=confirmed()),
        replace(confirmed(), acts=(Act("hold", "ann", "wait", T0),)),
        TransitionState(),
        state_changes.observed(TransitionState(), plan(), T0),
    ],
    ids=["degraded", "refreshed", "by an operator", "not started", "observed"],
)
def test_a_start_that_people_heard_of_is_not_judged(state: TransitionState) -> None:
    assert raised(running(state=state)) == set()


def test_nor_is_a_backfill_a_pause_a_closed_run_or_an_empty_date() -> None:
    pause = Pause("p", T0 - LONG, None, "storm")
    assert raised(running(key=BACKFILL)) == set()
    assert raised(running(pauses=(pause,))) == set()
    assert raised(running(closed=True)) == set()
    assert raised(running(games=0)) == set()
    assert raised(running()) == {LONG_ROWS}


def test_what_the_policy_takes_back_is_not_told() -> None:
    assert raised(running(), usuals=replace(USUALS, limits=OFF)) == set()
    assert raised(running(), usuals=replace(USUALS, limits=Anomalies(runs_longer=None))) == set()
    assert raised(running(), usuals=replace(USUALS, limits=Anomalies(least_nights=31))) == set()


def test_a_last_phase_that_owes_its_end_is_told_once() -> None:
    """Once `ended_within` has passed that alone is told: one cause, one alert."""
    begun = exporting(report(EXPORT, Outcome.STARTED, ended=at(minutes=1)))
    assert raised(begun, T0 + LONG + SECOND) == {LONG_ROWS}
    late = held_at(begun, T0 + timedelta(minutes=90))
    assert set(late) == {"not_ended"}
    assert ENDING.transitions[TO6].confirm.ended_within == timedelta(minutes=90)


def test_one_that_was_never_confirmed_is_told_as_that() -> None:
    """What never began does not run too long."""
    within = POLICY.transitions[TO4].confirm
    never = replace(dispatched(), dispatches=within.redispatch + 1)
    late = T0 + within.within * 3
    assert "unconfirmed" in held_at(running(state=never), late)
    assert raised(running(state=never), late) == set()


# rows outside their band


def counted(rows: int | None, outcome: Outcome = Outcome.SUCCESS, **more: Any) -> DecisionInput:
    fields = {name: more.pop(name) for name in ("is_incremental", "ended", "expected_records") if name in more}
    return snapshot(report(UPGC, outcome, rows, **fields), **more)


@pytest.mark.parametrize(("rows", "outside"), [(131, True), (132, False), (196, False), (291, False), (292, True)])
def test_rows_are_told_outside_their_band(rows: int, outside: bool) -> None:
    """Of 7 games 196 rows are usual, within a factor of 1.49; its ends are within."""
    assert raised(counted(rows), T0) == ({ROWS_OUTSIDE} if outside else set())


def test_the_warning_has_the_observed_and_the_usual_number() -> None:
    warning = held_at(counted(98), T0)[ROWS_OUTSIDE]
    assert warning.severity is Severity.WARNING
    for part in (UPGC, "98 rows with 7 games", "196", "between 132 and 292", "by 30 nights"):
        assert part in warning.text


def test_the_band_follows_the_units() -> None:
    """98 rows are half of 7 games, and as usual of 4."""
    assert raised(counted(98, games=4), T0) == set()


@pytest.mark.parametrize(
    "now_known",
    [
        counted(98, is_incremental=True),
        counted(98, Outcome.PARTIAL),
        counted(98, Outcome.FAILED),
        counted(None),
        counted(5),  # under its floor, which is told
        counted(98, key=BACKFILL),
        counted(98, state=confirmed(plan(2, "refresh"), state=confirmed())),
        counted(98, pauses=(Pause("p", T0 - LONG, None, "storm"),)),
    ],
    ids=["a part", "partial", "failed", "no count", "under its floor", "backfill", "refreshed", "paused"],
)
def test_only_full_reports_that_count_are_judged(now_known: DecisionInput) -> None:
    assert ROWS_OUTSIDE not in raised(now_known, T0)


def test_a_report_of_the_evening_need_not_be_whole() -> None:
    """Of a mode that is reported to on the evening itself, while games are under way: half of the rows are no news."""
    policy = load_policy(PRODUCTION)
    evening = counted(98, policy=policy)
    assert raised(replace(evening, final_at=T0), T0) == {ROWS_OUTSIDE}
    assert raised(replace(evening, final_at=T0 + SECOND), T0) == set()
    assert raised(replace(evening, units=Units(GAMES, GAMES - 1)), T0) == set()


def test_rows_made_of_what_was_missing_are_no_news() -> None:
    """A degraded start of the phase is expected to bring fewer; one in order is not."""
    usual_rows = replace(USUALS, rows={CACHE: {"overnight": Usual(30, 0, 28, 0.1, 1.2)}})
    now_known = snapshot(report(CACHE, records=98), transition=TO5)
    for ordinary, expected in ((True, {f"rows_outside {CACHE}"}), (False, set())):
        before = {"phase4": Predecessor(TO4, overdue=False, speaks=True, ordinary=ordinary)}
        assert raised(now_known, T0, usuals=usual_rows, before=before) == expected


def test_what_another_processor_lacks_at_the_trigger_does_not_end_it() -> None:
    assert raised(counted(98, state=confirmed(plan(missing=(TDGS,)))), T0) == {ROWS_OUTSIDE}


def test_a_processor_that_two_transitions_wait_for_is_told_once() -> None:
    """By the first of them in the policy."""
    reports = report(PGS, records=98 + 49)
    usual_rows = replace(USUALS, rows={PGS: {"overnight": Usual(30, 0, 56, 0.1, 1.2)}})
    policy = load_policy(PRODUCTION)
    first = raised(snapshot(reports, policy=policy), T0, usuals=usual_rows)
    second = raised(snapshot(reports, policy=policy, transition="phase3_to_grading"), T0, usuals=usual_rows)
    assert (first, second) == ({f"rows_outside {PGS}"}, set())


def test_the_next_full_report_ends_it_and_is_named() -> None:
    again = snapshot(report(UPGC, records=98), report(UPGC, records=190, ended=at(minutes=20)))
    assert raised(again) == set()
    text = resolution(again, "rows_outside", UPGC, T0, at(minutes=21))
    assert text == f"{UPGC} reported success with 190 records at 06:20 EST"


# what the page and the wakeup have of it


def test_who_is_ordinary() -> None:
    assert is_ordinary(snapshot(), T0)
    assert not is_ordinary(snapshot(state=confirmed(plan(missing=(TDGS,)))), T0)
    assert not is_ordinary(snapshot(key=BACKFILL), T0)


def test_a_run_stands_beside_other_nights() -> None:
    """Rows that came, a phase that runs, and of how many nights the others are learned."""
    shown = [
        snapshot(transition=TO3),
        running(report(CACHE, ended=at(minutes=9))),
        snapshot(report(CACHE, records=98, ended=at(minutes=9)), transition=TO5),
    ]
    lines = {line.name: line for line in usual_lines(shown, USUALS, T0 + 2 * LONG)}
    phase4 = lines["phase4"]
    assert (phase4.value, phase4.running, phase4.tone) == (2400, True, Tone.NOTICE)
    assert (lines[UPGC].value, lines[UPGC].tone) == (None, Tone.QUIET)
    assert (lines[CACHE].value, lines[CACHE].tone) == (98, Tone.QUIET)
    assert (phase4.text(600), lines[CACHE].text(98.2)) == ("10 min", "98")
    assert isinstance(results(shown[1], T0)[1], Done)


def test_a_phase_that_has_ended_stands_with_its_length() -> None:
    ended = running(*(report(name, ended=at(minutes=5 + n)) for n, name in enumerate(PHASE4)))
    line = next(line for line in usual_lines([ended], USUALS, T0 + 9 * LONG) if line.name == "phase4")
    assert (line.value, line.running, line.tone) == (540, False, Tone.GOOD)


def test_a_start_that_people_heard_of_is_not_compared() -> None:
    degraded = running(state=confirmed(plan(missing=(TDGS,))))
    lines = usual_lines([degraded, snapshot(report(CACHE, records=98), transition=TO5)], USUALS, T0)
    assert "phase4" not in {line.name for line in lines}
    assert CACHE not in {line.name for line in lines}
