"""Pauses as values: what they cover, what is decided inside, what people are told of them (behaviour T8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.core.alerting.conditions import conditions, rests
from shared.core.alerting.due import NOBODY, Predecessor
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.pause_alerts import pause_conditions, pause_moments
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Confirm, Done, EmptyOk, Held, Read, Trigger, Wait
from shared.core.decision.gates import Unfit, Wanted
from shared.core.decision.pause import Pause, PauseBook, begun, ended, kept, pause_at, paused_text, planned
from shared.core.model import Hold, HoldCause, Request, TransitionState
from shared.core.policy.policy import PlannedPause, Policy
from shared.core.severity import Severity
from tests.core.build import (
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    SECOND,
    T0,
    TO4,
    TO5,
    UPGC,
    World,
    at,
    claimed,
    confirmed,
    decided,
    dispatched,
    done,
    plan,
    report,
    results,
    snapshot,
)

DAYS = timedelta(days=1)
WEEK = timedelta(days=7)
ALL = Pause("p1", T0 - timedelta(hours=1), T0 + 10 * DAYS, "between rounds", "ada")
COMPLETE = snapshot(*done(*PHASE3), pauses=(ALL,))
# 08:30 in New York: when phase3_to_phase4 is due
DUE = at(hours=2, minutes=30)


def with_pauses(*pauses: PlannedPause) -> Policy:
    return replace(POLICY, pauses=pauses)


SUMMER = PlannedPause(date(2026, 7, 1), date(2026, 10, 1), "off-season", mode="tomorrow")


# what is covered


def test_a_pause_holds_from_its_begin_on_and_before_its_end() -> None:
    """At its end it is over; without an end it goes on; ended early it is over then."""
    assert not ALL.in_force(ALL.begins_at - SECOND)
    assert ALL.in_force(ALL.begins_at)
    assert ALL.in_force(T0 + 10 * DAYS - SECOND)
    assert not ALL.in_force(T0 + 10 * DAYS)
    endless = replace(ALL, ends_at=None)
    assert endless.in_force(T0 + 1000 * DAYS)
    assert not replace(endless, ended_at=at(hours=1)).in_force(at(hours=1))


@pytest.mark.parametrize(
    ("scope", "mode", "transition", "covered"),
    [
        ({}, "overnight", TO4, True),
        ({"mode": "overnight"}, "overnight", TO4, True),
        ({"mode": "tomorrow"}, "overnight", TO4, False),
        ({"transition": TO4}, "overnight", TO4, True),
        ({"transition": TO5}, "overnight", TO4, False),
        ({"transition": TO4, "mode": "tomorrow"}, "overnight", TO4, False),
        ({"mode": "overnight"}, "overnight", None, True),
        ({"transition": TO4}, "overnight", None, False),  # the run is opened all the same
    ],
)
def test_the_scope_of_a_pause(scope: dict[str, str], mode: str, transition: str | None, covered: bool) -> None:
    """Everything, a mode, a transition, or a transition of a mode; whole runs are stopped by the first two alone."""
    pause = replace(ALL, **scope)
    pause_in_force = pause_at(POLICY, [pause], T0, mode, transition)
    assert pause_in_force == (pause if covered else None)


def test_of_several_the_one_that_lasts_longest_is_named() -> None:
    """A person who asks until when wants to hear of the last, and of the endless one first."""
    longer, endless = replace(ALL, id="p2", ends_at=T0 + 20 * DAYS), replace(ALL, id="p3", ends_at=None)
    assert pause_at(POLICY, [ALL, longer], T0, "overnight") == longer
    assert pause_at(POLICY, [ALL, endless, longer], T0, "overnight") == endless


def test_planned_dates_mean_their_first_local_instant() -> None:
    """From 1 July 00:00 to 1 October 00:00 in New York, which are 04:00 in UTC."""
    policy = with_pauses(SUMMER)
    begins, ends = datetime(2026, 7, 1, 4, tzinfo=UTC), datetime(2026, 10, 1, 4, tzinfo=UTC)
    assert [(pause.begins_at, pause.ends_at, pause.planned) for pause in planned(policy)] == [(begins, ends, True)]
    assert pause_at(policy, (), begins - SECOND, "tomorrow") is None
    assert pause_at(policy, (), begins, "tomorrow") is not None
    assert pause_at(policy, (), begins, "overnight") is None
    assert pause_at(policy, (), ends, "tomorrow") is None


def test_the_text_says_since_when_until_when_who_and_why() -> None:
    text = paused_text(POLICY, ALL)
    assert text == "paused since 2026-01-22 05:00 EST until 2026-02-01 06:00 EST by ada: between rounds"
    assert "until it is ended" in paused_text(POLICY, replace(ALL, ends_at=None))


# what is decided inside


def test_what_is_ready_waits_until_the_end_and_goes_then() -> None:
    """Inside: wait, with who paused and why, looked at again at the end; at the end: trigger at once."""
    decision = decided(COMPLETE, T0)
    assert decision == Wait(paused_text(POLICY, ALL), ALL.ends_at)
    assert isinstance(decided(COMPLETE, T0 + 10 * DAYS - SECOND), Wait)
    assert isinstance(decided(COMPLETE, T0 + 10 * DAYS), Trigger)


def test_a_pause_of_another_scope_changes_nothing() -> None:
    decision_input = snapshot(*done(*PHASE3), pauses=(replace(ALL, mode="tomorrow"),))
    assert isinstance(decided(decision_input, T0), Trigger)


def test_pauses_are_read_before_anything_else_is_asked() -> None:
    """Inside a pause no table and no service is asked; what only waits does not read the pauses either."""
    unread = replace(COMPLETE, pauses=None)
    assert decide(unread, T0) == Read(Wanted(pauses=True))
    assert decided(unread, T0, World(pauses=(ALL,))) == Wait(paused_text(POLICY, ALL), ALL.ends_at)
    assert isinstance(decided(unread, T0), Trigger)
    waits = decide(snapshot(report(PGS), pauses=None), T0)
    assert isinstance(waits, Wait)
    assert "waiting for" in waits.reason


def test_a_deadline_holds_nothing_inside_a_pause() -> None:
    """What would be held is not: the pause says why it waits, and no critical alert comes of it."""
    decision_input = snapshot(report(PGS), pauses=(ALL,))
    late = at(hours=3)
    assert isinstance(decided(replace(decision_input, pauses=()), late), Held)
    assert decided(decision_input, late) == Wait(paused_text(POLICY, ALL), ALL.ends_at)


def test_an_operator_goes_through_a_pause() -> None:
    """Whoever says `trigger` means it (behaviour D9), and a hold stays what it is."""
    asked = TransitionState(request=Request("now", T0))
    decision = decided(replace(COMPLETE, state=asked), T0)
    assert isinstance(decision, Trigger)
    assert decision.plan.reason == "operator"
    on_hold = TransitionState(hold=Hold(HoldCause.OPERATOR, T0, "by ada: wait"))
    assert decided(replace(COMPLETE, state=on_hold), T0) == Held(HoldCause.OPERATOR, "by ada: wait")


def test_what_has_begun_is_confirmed_and_not_sent_again() -> None:
    """A report confirms a dispatch inside a pause; without one nothing is dispatched again until the end."""
    sent = replace(COMPLETE, state=dispatched())
    assert isinstance(decided(replace(sent, next_report_at=at(minutes=1)), at(minutes=2)), Confirm)
    again = at(hours=1)
    assert isinstance(decided(replace(sent, pauses=()), again), Trigger)
    assert decided(sent, again) == Wait(paused_text(POLICY, ALL), ALL.ends_at)
    assert isinstance(decided(sent, T0 + 10 * DAYS), Trigger)
    expired = replace(COMPLETE, state=claimed())
    assert isinstance(decided(replace(expired, pauses=()), again), Trigger)
    assert decided(expired, again) == Wait(paused_text(POLICY, ALL), ALL.ends_at)


def test_nothing_is_refreshed_inside_a_pause() -> None:
    """A processor that was missing arrives: due while nothing is paused, and while the pause stands nothing."""
    carried = plan(missing=(PGS,))
    decision_input = snapshot(*done(*PHASE3), state=confirmed(carried), pauses=(ALL,))
    assert isinstance(decided(replace(decision_input, pauses=()), at(minutes=5)), Trigger)
    assert isinstance(decided(decision_input, at(minutes=5)), Wait)


def test_what_is_over_or_empty_stands_as_it_stands() -> None:
    assert isinstance(decided(replace(COMPLETE, state=confirmed()), at(minutes=5)), Done)
    assert isinstance(decided(snapshot(games=0, pauses=(ALL,)), T0), EmptyOk)


# what is told


def test_nobody_is_told_what_is_due_inside_a_pause() -> None:
    """The due alerts come when the pause is over, if it is still not triggered then."""
    late = DUE + timedelta(hours=2)
    decision_input = snapshot(report(PGS), pauses=(ALL,))
    kinds = {c.kind for c in conditions(decision_input, decided(decision_input, late), late)}
    assert not kinds & {AlertKind.DUE_WARNING, AlertKind.DUE_CRITICAL, AlertKind.HELD}
    short = replace(decision_input, pauses=(replace(ALL, ends_at=late),))
    kinds = {c.kind for c in conditions(short, decided(short, late), late)}
    assert kinds >= {AlertKind.DUE_WARNING, AlertKind.DUE_CRITICAL, AlertKind.HELD}


def test_what_waits_for_a_paused_transition_is_not_told_as_due() -> None:
    """Only the start of phase 3 is paused: that phase 3 says nothing has its reason; what else is missing has not."""
    silent = snapshot()
    paused = {"phase3": Predecessor("phase2_to_phase3", overdue=False, speaks=False, paused=True)}
    kinds = {c.kind for c in conditions(silent, decided(silent, DUE), DUE, paused)}
    assert AlertKind.DUE_WARNING not in kinds
    spoken = snapshot(report(PGS))
    kinds = {c.kind for c in conditions(spoken, decided(spoken, DUE), DUE, paused)}
    assert AlertKind.DUE_WARNING in kinds
    kinds = {c.kind for c in conditions(silent, decided(silent, DUE), DUE, NOBODY)}
    assert AlertKind.DUE_WARNING in kinds


def test_what_a_pause_keeps_from_being_decided_is_not_over() -> None:
    """A gate, an unfit service, a due time: all of it rests; of what is triggered only what is undecided does."""
    unfit = World(fitness=Unfit("precompute is down"))
    assert isinstance(decided(replace(COMPLETE, pauses=()), T0, unfit), Blocked)
    assert rests(COMPLETE, decided(COMPLETE, T0, unfit), T0) >= {AlertKind.GATE, AlertKind.PREFLIGHT, AlertKind.HELD}
    assert AlertKind.DUE_WARNING in rests(COMPLETE, decided(COMPLETE, T0), T0)
    sent = replace(COMPLETE, state=confirmed())
    assert rests(sent, decided(sent, T0), T0) == frozenset()
    free = replace(COMPLETE, pauses=())
    assert rests(free, decided(free, T0), T0) == frozenset()


def conditions_of(policy: Policy, pauses: tuple[Pause, ...], now: datetime) -> list[str]:
    return [f"{c.kind} {c.subject}" for c in pause_conditions(policy, pauses, now)]


def test_a_pause_is_told_at_its_begin_once_a_week_and_at_its_end() -> None:
    """One fingerprint each, so each is said once; the begin is not said again weeks later, when it is forgotten."""
    assert conditions_of(POLICY, (ALL,), T0) == ["paused p1"]
    assert conditions_of(POLICY, (ALL,), ALL.begins_at + WEEK - SECOND) == ["paused p1"]
    assert conditions_of(POLICY, (ALL,), ALL.begins_at + WEEK) == ["pause_goes_on p1/1"]
    endless = replace(ALL, ends_at=None)
    assert conditions_of(POLICY, (endless,), ALL.begins_at + 5 * WEEK) == ["pause_goes_on p1/5"]
    assert conditions_of(POLICY, (ALL,), T0 + 10 * DAYS) == ["pause_ended p1"]
    assert conditions_of(POLICY, (ALL,), T0 + 18 * DAYS) == []
    [over] = pause_conditions(POLICY, [ended(PauseBook((ALL,)), ALL, at(hours=1), "bob", "play")[1]], at(hours=1))
    assert "ended by bob: play" in over.text
    assert "between rounds" in over.text


@pytest.mark.parametrize(
    "scope", [{"mode": "evening"}, {"transition": "phase9_to_phase10"}], ids=["mode", "transition"]
)
def test_a_pause_of_what_the_policy_does_not_know_is_told(scope: dict[str, str]) -> None:
    """Its mode or transition was renamed: it keeps nothing back, and a warning says so until it is over."""
    lost = replace(ALL, **scope)  # type: ignore[arg-type]
    [condition] = pause_conditions(POLICY, (lost,), T0 + 2 * WEEK - 5 * DAYS)
    assert (condition.kind, condition.severity) == (AlertKind.PAUSE_OF_NOTHING, Severity.WARNING)
    assert all(word in condition.text for word in ("p1", *scope.values(), "between rounds", "keeps nothing back"))
    assert conditions_of(POLICY, (lost,), T0 + 10 * DAYS) == ["pause_ended p1"]


def test_every_moment_of_a_pause_is_announced() -> None:
    """Its begin, each week of it and its end: between them no sweep finds anything new."""
    moments = pause_moments(POLICY, (ALL,), ALL.begins_at - SECOND)
    assert moments == [ALL.begins_at, ALL.ends_at]
    assert pause_moments(POLICY, (ALL,), T0) == [ALL.ends_at, ALL.begins_at + WEEK]


# what is kept


def test_a_planned_pause_is_kept_from_its_begin_on_and_recorded_once() -> None:
    """Its end can be told only of one that is known to have begun."""
    policy, begins = with_pauses(SUMMER), planned(with_pauses(SUMMER))[0].begins_at
    before = kept(policy, PauseBook(), begins - SECOND)
    assert before == PauseBook()
    book = kept(policy, before, begins)
    assert [pause.id for pause in book.pauses] == ["policy-2026-07-01-2026-10-01-tomorrow"]
    assert [(entry.decision, entry.reason) for entry in book.pending_audit] == [
        ("pause", "off-season (by the policy, until 2026-10-01 00:00 EDT)")
    ]
    assert kept(policy, book, begins + DAYS) == book
    assert conditions_of(policy, book.pauses, begins + 92 * DAYS) == [
        "pause_ended policy-2026-07-01-2026-10-01-tomorrow"
    ]


def test_a_planned_pause_that_was_ended_stays_ended() -> None:
    """Also when its end is older than what else is over is kept: the policy still holds it."""
    policy, begins = with_pauses(SUMMER), planned(with_pauses(SUMMER))[0].begins_at
    book = kept(policy, PauseBook(), begins)
    book, _ = ended(book, book.pauses[0], begins + DAYS, "ada", "a summer league")
    assert pause_at(policy, book.pauses, begins + 2 * DAYS, "tomorrow") is None
    months_later = begins + 60 * DAYS
    assert pause_at(policy, kept(policy, book, months_later).pauses, months_later, "tomorrow") is None
    assert kept(policy, book, begins + 200 * DAYS).pauses == ()


def test_a_planned_pause_that_leaves_the_policy_is_over() -> None:
    """A deploy without it ends it: said, recorded, and nothing is paused by what nobody wants any more."""
    policy, begins = with_pauses(SUMMER), planned(with_pauses(SUMMER))[0].begins_at
    book = kept(policy, PauseBook(), begins)
    now = begins + DAYS
    after = kept(POLICY, book, now)
    assert pause_at(POLICY, book.pauses, now, "tomorrow") is None
    assert [pause.ended_for for pause in after.pauses] == ["it has left the policy"]
    assert conditions_of(POLICY, after.pauses, now) == ["pause_ended policy-2026-07-01-2026-10-01-tomorrow"]


def test_who_paused_and_why_waits_for_the_record() -> None:
    book = begun(POLICY, PauseBook(), replace(ALL, mode="overnight", transition=TO5))
    book, _ = ended(book, book.pauses[0], at(hours=1), "bob", "")
    assert [(entry.decision, entry.reason, entry.mode, entry.transition) for entry in book.pending_audit] == [
        ("operator_pause", "between rounds (by ada, until 2026-02-01 06:00 EST)", "overnight", TO5),
        ("operator_pause_end", "between rounds (by bob)", "overnight", TO5),
    ]
    assert book.numbered == 1


def test_a_pause_is_part_of_the_explanation() -> None:
    """Also where an operator's trigger goes through it."""
    from shared.core.decision.explain import explain

    seen, decision = results(COMPLETE, T0)
    assert "between rounds" in explain(seen, decision, T0).text
    asked = replace(COMPLETE, state=TransitionState(request=Request("now", T0)))
    seen, decision = results(asked, T0)
    shown = explain(seen, decision, T0)
    assert shown.evidence["pause"]["by"] == "ada"
    assert "between rounds" in shown.text
    assert NIGHT.id in shown.text
    assert UPGC in shown.text
