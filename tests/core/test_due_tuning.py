"""What due times cost past nights, what is proposed, and what the record knows of gates (behaviour T11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.core.learning.due_tuning import (
    DueCost,
    DueNight,
    DueTuned,
    Fit,
    Learn,
    due_cost,
    due_lines,
    due_nights,
    tune_due,
)
from shared.core.learning.learned import learned_time
from shared.core.learning.nights import NightSample, RecordedRun, Unusual
from shared.core.learning.replay import GateRecord, Replayed, gate_record, judged_by_reports, replay
from shared.core.learning.tuning import cost
from shared.core.model import LearnedTime, LogEntry, RunKey
from shared.core.policy.adaptive import autos
from shared.core.policy.adaptive_check import adaptive_problems
from shared.core.policy.transitions import AfterOpened, Due, Expectation
from tests.core.build import DAY, NIGHT, POLICY, T0, TO4, with_expectation
from tests.core.test_learning import minutes, night, trigger, whole

MODE = "overnight"
# The working day begins at 05:00 in New York, of which 06:00 is T0.
OPENS = T0 - timedelta(hours=1)
NOW = T0 + timedelta(days=40)
LAST_OPENED = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
DUE = POLICY.transitions[TO4].expects[MODE].due
assert DUE is not None


def of(place: int) -> RunKey:
    return replace(NIGHT, day=DAY - timedelta(days=place))


def went(place: int, after: float | None, *decisions: str) -> DueNight:
    """Return a night so many days before the reference one, which went so many minutes after its mode opened."""
    run = RecordedRun(of(place))
    at = None if after is None else OPENS - timedelta(days=place) + minutes(after)
    return DueNight(run, at, not decisions)


def fixed_due(nights: Sequence[DueNight], due: Due = DUE, now: datetime = NOW) -> DueCost:
    return due_cost(POLICY, [(night, due) for night in nights], minutes(100), now)


def test_the_mode_opens_where_these_tests_say() -> None:
    """05:00 of the working day; the warning of the reference policy is three and a half hours later."""
    assert OPENS == LAST_OPENED
    assert POLICY.modes[MODE].opens_at.hour == 5
    assert Due(DUE.warning, DUE.critical) == DUE
    assert (str(DUE.warning), str(DUE.critical)) == ("08:30", "10:00")


def test_a_warning_is_false_where_the_night_went_by_itself_before_it_was_critical() -> None:
    """210 minutes are the warning, 300 are critical; by hand, both limits included."""
    nights = [went(1, 209), went(2, 210), went(3, 211), went(4, 300), went(5, 301), went(6, None), went(7, 60, "act")]
    assert fixed_due(nights) == DueCost(7, warned=4, false=2, failed=3, silent=1, late=2 * minutes(110))


def test_without_a_critical_time_every_late_night_is_a_false_warning() -> None:
    """And one that never goes has failed; without a warning nobody hears of it before it is critical."""
    assert fixed_due([went(1, 900), went(2, None)], replace(DUE, critical=None)).false == 1
    assert fixed_due([went(1, None), went(2, 301)], replace(DUE, warning=None)).silent == 2


def test_a_night_that_is_not_over_is_not_judged() -> None:
    assert fixed_due([went(1, None)], now=OPENS - timedelta(days=1) + minutes(299)).nights == 0
    assert fixed_due([went(1, None)], now=OPENS - timedelta(days=1) + minutes(300)).failed == 1


def test_which_nights_say_something_of_due_times() -> None:
    """Not those without units, in a pause, held by a person, or of which nothing is known; what an operator made go is
    a night that failed."""
    transition = POLICY.transitions[TO4]

    def listed(run: RecordedRun, sample: NightSample | Unusual = Unusual.NEVER_TRIGGERED) -> list[tuple[bool, bool]]:
        return [(each.went is not None, each.by_itself) for each in due_nights(transition, [(run, sample)])]

    assert listed(night(whole(3), trigger(5))) == [(True, True)]
    assert listed(night(whole(3))) == [(False, True)]
    assert listed(night([])) == []
    assert listed(night([], trigger(5, decision="empty_ok"))) == []
    assert listed(night(whole(3), trigger(5)), Unusual.PAUSED) == []
    assert listed(night(whole(3), trigger(2, decision="operator_hold"), trigger(5))) == []
    assert listed(night(whole(3), trigger(4, decision="operator_trigger"), trigger(5))) == [(True, False)]
    assert listed(night(whole(3), trigger(5), trigger(9, decision="operator_trigger"))) == [(True, True)]


def learn_from(samples: Sequence[NightSample]) -> Learn:
    def learn(expectation: Expectation, run: RecordedRun) -> Mapping[str, LearnedTime]:
        times = ((name, learned_time(POLICY, run.key, name, auto, samples)) for name, auto in autos(expectation))
        return {name: value for name, value in times if value is not None}

    return learn


def tuned(times: Sequence[float], due: Due = DUE, *, failed: int = 0) -> DueTuned | None:
    """Tune nights that went so many minutes after their mode opened, newest first, and some that never went."""
    policy = with_expectation(TO4, MODE, due=due)
    nights = [went(place, after) for place, after in enumerate(times, start=1)]
    nights += [went(len(times) + place, None) for place in range(1, failed + 1)]
    samples = [NightSample(of(place).day, minutes(9), minutes(after)) for place, after in enumerate(times, start=1)]
    learn = learn_from(samples)
    return tune_due(policy, policy.transitions[TO4], MODE, nights, samples, learn, 28, NOW)


def test_a_warning_that_cries_on_ordinary_nights_is_moved() -> None:
    """Every fifth of 28 nights went between the warning and what is critical: what is proposed is heard only on the one
    that has fewer than seven nights before it, and what is critical stays, as the bound."""
    result = tuned([float(225 + n % 3 if n % 5 == 0 else 150 + n) for n in range(28)])
    assert result is not None
    assert (result.fit, result.as_it_is.false) == (Fit.CRIES, 6)
    assert result.with_auto.false == 1
    proposal = result.proposal
    assert proposal is not None
    assert (proposal.warning, proposal.critical, proposal.critical_auto) == (DUE.warning, DUE.critical, None)
    assert proposal.warning_auto is not None
    assert proposal.warning_auto.at_most == minutes(300)


def test_a_warning_that_could_come_much_sooner_is_late() -> None:
    """Nights go within 70 minutes, the warning comes after 210: of one that failed nobody heard for over two hours."""
    result = tuned([float(50 + n % 20) for n in range(27)], failed=1)
    assert result is not None
    assert (result.fit, result.as_it_is.failed, result.with_auto.failed) == (Fit.LATE, 1, 1)
    assert result.as_it_is.late > minutes(140)
    assert result.as_it_is.false == result.with_auto.false == 0


def test_times_that_fit_are_left_alone() -> None:
    """A warning a quarter above what nights take is neither heard in vain nor late."""
    result = tuned([float(150 + n % 18) for n in range(28)])
    assert result is not None
    assert (result.fit, result.proposal) == (Fit.FITS, None)


def test_nothing_is_learned_of_nights_before_the_mode_opens_or_of_too_few() -> None:
    early = tuned([-30.0] * 28)
    assert early is not None
    assert (early.fit, early.proposal) == (Fit.BEFORE_IT_OPENS, None)
    assert tuned([60.0] * 6) is None
    assert tuned([60.0] * 28, Due(None, None)) is None


@given(
    times=st.lists(st.integers(-60, 600).map(float), min_size=7, max_size=28),
    lengths=st.lists(st.integers(1, 700), min_size=2, max_size=2).map(sorted),
)
def test_any_proposal_passes_the_checks_of_a_policy(times: list[float], lengths: list[int]) -> None:
    """Whatever nights and fixed times are, the bounds hold both and rise from warning to critical."""
    due = Due(*(AfterOpened(minutes(length)) for length in lengths))
    result = tuned(times, due)
    assert result is not None
    if result.proposal is not None:
        expectation = replace(POLICY.transitions[TO4].expects[MODE], due=result.proposal)
        assert list(adaptive_problems(expectation, POLICY.modes[MODE], "here")) == []
        assert yaml.safe_load("\n".join(due_lines(result.proposal)))["due"].keys() == {"warning", "critical", "auto"}


@given(
    times=st.lists(st.none() | st.integers(0, 400), min_size=1, max_size=20),
    limits=st.lists(st.integers(1, 400), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_costs_are_those_of_an_oracle(times: list[int | None], limits: list[int]) -> None:
    """Counted a second time, in plain minutes."""
    warning, critical = limits
    due = Due(AfterOpened(minutes(warning)), AfterOpened(minutes(critical)))
    summed = fixed_due([went(place, after) for place, after in enumerate(times, start=1)], due)
    false = [after for after in times if after is not None and warning < after <= critical]
    bad = [after for after in times if after is None or after > critical]
    assert (summed.false, summed.failed, summed.warned) == (len(false), len(bad), len(false) + len(bad))
    assert summed.late == len(bad) * max(minutes(warning - 100), timedelta(0))


# gates


def blocked(after: float) -> LogEntry:
    return trigger(after, "game_coverage reads 40 percent", "blocked")


def replayed(run: RecordedRun, policy_waits: float | None = None) -> Replayed:
    expectation = POLICY.transitions[TO4].expects[MODE]
    if policy_waits is not None:
        tier = replace(expectation.tiers[0], after=minutes(policy_waits))
        expectation = replace(expectation, tiers=(tier,))
    return replay(judged_by_reports(POLICY), POLICY.transitions[TO4], expectation, run)


def test_a_night_that_was_blocked_goes_when_its_gates_opened() -> None:
    """Ready with the last report after 12 minutes, blocked until 40: it waited 40, and was whole by then."""
    run = night(sorted(whole(0, 3, 12, 9, 5), key=lambda report: report.received_at), blocked(12), trigger(40))
    sent = replayed(run)
    assert (sent.at, sent.ready_at, sent.reason) == (T0 + minutes(40), T0 + minutes(12), "complete")
    assert (sent.blocked, sent.gates_read, sent.wait) == (True, True, minutes(40))


def test_what_comes_while_gates_block_is_taken_along() -> None:
    """A tier that would have gone after 15 minutes goes after 40 with what came after 20: it lacks nothing."""
    run = night(sorted(whole(0, 3, 4, 9, 20), key=lambda report: report.received_at), blocked(20), trigger(40))
    sent = replayed(run)
    assert (sent.at, sent.missing, sent.ready_at) == (T0 + minutes(40), (), T0 + minutes(15))


def test_what_was_too_little_later_was_too_little_before() -> None:
    """A tier that other times would bring before the gates were read first is kept back by them all the same."""
    run = night(
        sorted(whole(0, 3, 4, 9, 50), key=lambda report: report.received_at), blocked(15), trigger(30, "tier_1")
    )
    sent = replayed(run, policy_waits=10)
    assert (sent.at, sent.ready_at, sent.gates_read) == (T0 + minutes(30), T0 + minutes(10), True)


def test_gates_that_nobody_had_read_are_taken_as_passed() -> None:
    """Before the only reading, at the trigger, nothing is known; at it and after it they had passed."""
    run = night(sorted(whole(0, 3, 4, 9, 50), key=lambda report: report.received_at), trigger(15, "tier_1"))
    early, same = replayed(run, policy_waits=10), replayed(run)
    assert (early.at, early.gates_read, early.blocked) == (T0 + minutes(10), False, False)
    assert (same.at, same.gates_read, same.blocked) == (T0 + minutes(15), True, False)


def test_gates_that_never_opened_let_nothing_go() -> None:
    sent = replayed(night(sorted(whole(0, 3, 4, 9, 5), key=lambda report: report.received_at), blocked(9)))
    assert (sent.at, sent.blocked, sent.gates_read) == (None, True, True)


def test_a_block_after_the_trigger_is_that_of_a_refresh() -> None:
    """What kept a later generation says nothing of the first."""
    assert gate_record([trigger(15), blocked(20)]) == GateRecord(False, T0 + minutes(15))
    assert gate_record([trigger(40), blocked(20)]) == GateRecord(True, T0 + minutes(40))
    assert gate_record([]) == GateRecord()


def test_the_cost_says_how_much_of_it_is_known_of_gates() -> None:
    """Of three nights two were read at their trigger, one of them was blocked; what it waited for gates is not waited
    for jobs in vain."""
    reports = sorted(whole(0, 3, 4, 9, 500), key=lambda report: report.received_at)
    held = replayed(night(reports, blocked(15), trigger(60, "tier_1")))
    seen, unread = replayed(night(reports, trigger(15, "tier_1"))), replayed(night(reports))
    patient = replace(seen, at=None)
    summed = cost([(each, patient) for each in (held, seen, unread)])
    assert (summed.nights, summed.gates_read, summed.blocked, summed.triggered) == (3, 2, 1, 3)
    assert summed.waited == minutes(60 + 15 + 15)
    assert summed.in_vain == 3 * minutes(15 - 9)


@pytest.mark.parametrize("waits", [(0, 3, 4, 9, 20), (0, 3, 4, 9, 50), (0, 50, 4, 9, 20)])
def test_no_gate_ever_makes_a_night_go_sooner(waits: tuple[float, ...]) -> None:
    """However long gates block, a night goes at its readiness or later, and in their order."""
    reports = sorted(whole(*waits), key=lambda report: report.received_at)
    times = [replayed(night(reports, blocked(1), trigger(after))).at for after in (1, 10, 30, 60, 120)]
    assert None not in times
    assert all(before <= after for before, after in pairwise(times))
    assert times[0] == replayed(night(reports)).at
