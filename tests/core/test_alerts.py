"""What a person is told: conditions derived from state, their severities and their texts (behaviour 7, T2, R6, D8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.alerting.condition import Condition, fingerprint
from shared.core.alerting.conditions import conditions
from shared.core.alerting.due import NOBODY, Predecessor, is_due
from shared.core.alerting.kinds import AlertKind, Lifecycle
from shared.core.decision import state_changes
from shared.core.decision.decisions import Confirm, Decision, Done, Held
from shared.core.decision.gates import Unfit
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Block, Hold, HoldCause, Lane, Outcome, Report, RunKey, TransitionState
from shared.core.policy.transitions import ConfirmBy, Dispatch, Role
from shared.core.severity import Severity
from tests.core.build import (
    BACKFILL,
    DAY,
    GAMES,
    GOOD,
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    SECOND,
    T0,
    TDGS,
    TO3,
    TO4,
    TO5,
    TO6,
    TOGS,
    UPGC,
    UTGC,
    World,
    at,
    claimed,
    confirmed,
    dispatched,
    done,
    plan,
    report,
    results,
    snapshot,
    with_transition,
)  # fmt: skip

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
WITHIN = POLICY.transitions[TO4].confirm.within
# 08:30 and 10:00 in New York: when phase3_to_phase4 is due
DUE, DUE_CRITICAL = at(hours=2, minutes=30), at(hours=4)


def conditions_after(
    decision_input: DecisionInput, now: datetime, world: World = GOOD, before: Mapping[str, Predecessor] = NOBODY
) -> dict[str, Condition]:
    """Return what holds after a decision came to rest, by kind and subject."""
    seen, decision = results(decision_input, now, world)
    state = state_changes.resting(seen.state, decision, now)
    return by_kind(conditions(replace(seen, state=state), decision, now, before))


def by_kind(alerts: Iterable[Condition]) -> dict[str, Condition]:
    return {(c.kind if not c.subject else f"{c.kind} {c.subject}"): c for c in alerts}


def severities(alerts: dict[str, Condition]) -> dict[str, Severity]:
    return {name: condition.severity for name, condition in alerts.items()}


def waiting(*reports: Report, **more: object) -> DecisionInput:
    """Return a situation that lacks a required processor."""
    return snapshot(*reports, **more)  # type: ignore[arg-type]  # passed through to a typed helper


# Reports


def test_under_minimum_is_one_warning_with_its_numbers() -> None:
    """R6: n of the floor."""
    alerts = conditions_after(waiting(report(PGS, records=1)), at(minutes=1), World(rows=0))
    assert severities(alerts) == {f"under_minimum {PGS}": WARNING}
    text = alerts[f"under_minimum {PGS}"].text
    assert "1 record of at least 70" in text
    assert alerts[f"under_minimum {PGS}"].lifecycle is Lifecycle.ONGOING


def test_a_missing_counter_is_said_once() -> None:
    """R6: the table outvoted the report."""
    alerts = conditions_after(waiting(report(PGS, records=1)), at(minutes=1), World(rows=500))
    assert severities(alerts) == {f"counter_missing {PGS}": WARNING}
    assert alerts[f"counter_missing {PGS}"].lifecycle is Lifecycle.ONCE
    assert "counter missing" in alerts[f"counter_missing {PGS}"].text


@pytest.mark.parametrize(("count", "told_so"), [(2, False), (3, True), (4, True)])
@pytest.mark.parametrize("cause", ["no rows for the date", ""])
def test_the_third_failure_for_one_cause_is_a_warning(count: int, told_so: bool, cause: str) -> None:
    """R6: it names the cause, and a missing cause is one cause."""
    fails = [report(PGS, Outcome.FAILED, ended=at(minutes=n), error=cause) for n in range(count)]
    alerts = conditions_after(waiting(*fails), at(minutes=9))
    assert severities(alerts) == ({f"failing {PGS}": WARNING} if told_so else {})
    if told_so:
        assert f"{count} times" in alerts[f"failing {PGS}"].text
        assert (cause or "no cause given") in alerts[f"failing {PGS}"].text


def test_failures_of_different_causes_are_not_the_same() -> None:
    """R6: three failures, two causes: no warning."""
    fails = [report(PGS, Outcome.FAILED, ended=at(minutes=n), error=f"cause {n % 2}") for n in range(3)]
    assert conditions_after(waiting(*fails), at(minutes=9)) == {}


def test_an_inferred_completion_names_the_silent_processor() -> None:
    """Section 9: one warning, once."""
    alerts = conditions_after(waiting(report(PGS, Outcome.INFERRED, 150)), at(minutes=1))
    assert severities(alerts) == {f"silent {PGS}": WARNING}
    assert alerts[f"silent {PGS}"].lifecycle is Lifecycle.ONCE


@pytest.mark.parametrize("outcome", [Outcome.STARTED, Outcome.NO_DATA, Outcome.FAILED, Outcome.SKIPPED])
def test_an_ordinary_report_tells_nobody(outcome: Outcome) -> None:
    """One report that does not count is no alert, nor is one that does."""
    assert conditions_after(waiting(report(PGS, outcome)), at(minutes=1)) == {}


# Blocked and held


def full(**more: object) -> DecisionInput:
    return snapshot(*done(*PHASE3), **more)  # type: ignore[arg-type]  # passed through to a typed helper


def test_a_gate_that_blocks_is_a_warning_with_gate_and_number() -> None:
    """A5: each gate of its own, standing until it ends."""
    alerts = conditions_after(full(), at(minutes=1), World(percents={"game_coverage": 71, "minutes_coverage": 12}))
    assert severities(alerts) == {"gate game_coverage": WARNING, "gate minutes_coverage": WARNING}
    assert "71 percent" in alerts["gate game_coverage"].text
    assert alerts["gate game_coverage"].lifecycle is Lifecycle.ONGOING


@pytest.mark.parametrize(("after", "is_raised"), [(-SECOND, False), (timedelta(0), True), (SECOND, True)], ids=str)
@pytest.mark.parametrize(("name", "kind"), [("precompute", "preflight"), ("dispatch", "dispatch")])
def test_an_unfit_service_is_critical_after_five_minutes(
    after: timedelta, is_raised: bool, name: str, kind: str
) -> None:
    """Section 6: five minutes after the first reading that blocked, to the second; a dispatch alike."""
    now = T0 + timedelta(minutes=5) + after
    state = replace(TransitionState(), blocked={name: Block(T0, "answers 503 as 'other'")})
    if name == "dispatch":
        failed = state_changes.call_failed(claimed(), "answers 503 as 'other'", T0)
        assert failed.failure is not None
        state = replace(failed, failure=replace(failed.failure, retry_at=at(hours=1)))
    alerts = conditions_after(full(state=state), now, World(fitness=Unfit("precompute answers 503 as 'other'")))
    assert severities(alerts) == ({f"{kind} {name}": CRITICAL} if is_raised else {})
    if is_raised:
        assert "answers 503 as 'other'" in alerts[f"{kind} {name}"].text


def test_held_by_the_deadline_is_critical_and_names_the_missing() -> None:
    """A5: with since when, and how to trigger by hand."""
    held_at = at(hours=2)
    decision_input = replace(waiting(*done(PGS, TDGS)), state=replace(TransitionState(), held_since=held_at))
    alerts = conditions_after(decision_input, at(hours=2, minutes=5))
    assert severities(alerts) == {"held": CRITICAL}
    text = alerts["held"].text
    assert all(name in text for name in (UPGC, TOGS, UTGC, "08:00 EST", "orch trigger phase3_to_phase4 2026-01-21"))
    assert PGS not in text


def test_rejected_is_held_with_status_and_body() -> None:
    """D5: critical, and nothing is retried."""
    hold = Hold(HoldCause.REJECTED, T0, "prediction_coordinator/start answers 422: no such field", "v1")
    alerts = conditions_after(full(state=replace(TransitionState(), hold=hold), code_version="v1"), at(minutes=3))
    assert severities(alerts) == {"held": CRITICAL}
    assert "answers 422: no such field" in alerts["held"].text


def test_an_operators_hold_is_information() -> None:
    """D9: whoever did it knows."""
    hold = Hold(HoldCause.OPERATOR, T0, "by an operator: wait for the league")
    alerts = conditions_after(full(state=replace(TransitionState(), hold=hold)), at(minutes=3))
    assert severities(alerts) == {"on_hold": INFO}
    assert "wait for the league" in alerts["on_hold"].text


# After the dispatch


@pytest.mark.parametrize(("after", "is_raised"), [(-SECOND, False), (timedelta(0), True), (SECOND, True)], ids=str)
def test_unconfirmed_is_critical_one_within_after_the_last_repetition(after: timedelta, is_raised: bool) -> None:
    """Section 3: to the second, with the number of dispatches."""
    state = dispatched()
    twice = state_changes.dispatched(claimed(state.accepted_plan, T0 + WITHIN, state), T0 + WITHIN)
    alerts = conditions_after(full(state=twice), T0 + 2 * WITHIN + after)
    assert severities(alerts) == ({"unconfirmed": CRITICAL} if is_raised else {})
    if is_raised:
        assert "dispatched 2 times" in alerts["unconfirmed"].text
        assert "nba-phase4-trigger" in alerts["unconfirmed"].text


def test_unconfirmed_is_over_with_any_report() -> None:
    """Section 3: a later report confirms, and then nothing is wrong."""
    state = dispatched()
    twice = state_changes.dispatched(claimed(state.accepted_plan, T0 + WITHIN, state), T0 + WITHIN)
    late = at(hours=20)
    assert "unconfirmed" in conditions_after(full(state=twice), late)
    assert (
        conditions_after(full(state=state_changes.confirmed(twice, Confirm(ConfirmBy.FIRST_REPORT, late), late)), late)
        == {}
    )


@pytest.mark.parametrize(
    ("reason", "first", "missing", "severity"),
    [
        ("tier_1", True, (TOGS,), INFO),
        ("tier_1", True, (PGS,), WARNING),
        ("tier_2", False, (TOGS, UTGC), WARNING),
        ("deadline", False, (TOGS, UTGC, TDGS), WARNING),
        ("complete", False, (), None),
        ("operator", False, (TOGS,), None),
        ("refresh", False, (TOGS,), None),
    ],
)
def test_a_degraded_trigger(reason: str, first: bool, missing: tuple[str, ...], severity: Severity | None) -> None:
    """A5: info at the first tier with optional ones missing, else a warning; once, naming the missing."""
    what = plan(1, reason, missing=missing, first_tier=first)
    decision_input = snapshot(*done(*(n for n in PHASE3 if n not in missing)), state=confirmed(what))
    alerts = conditions_after(decision_input, at(minutes=16))
    assert severities(alerts) == ({} if severity is None else {"degraded": severity})
    if severity is not None:
        assert all(name in alerts["degraded"].text for name in (*missing, reason))
        assert alerts["degraded"].lifecycle is Lifecycle.ONCE


def test_a_partial_is_marked_in_the_text() -> None:
    """R6: listed among the missing, marked partial."""
    what = plan(1, "tier_1", missing=(TOGS, UTGC), partial=(TOGS,), first_tier=True)
    reports = [*done(PGS, UPGC, TDGS), report(TOGS, Outcome.PARTIAL, 20)]
    text = conditions_after(snapshot(*reports, state=confirmed(what)), at(minutes=16))["degraded"].text
    assert f"{TOGS} (partial), {UTGC}" in text


def test_a_gates_warning_is_said_once_at_the_trigger() -> None:
    """A5: under `warn_below` and the like, by gate and number."""
    what = plan(warnings={"minutes_coverage": "minutes_coverage reads 85 percent, warns below 90"})
    alerts = conditions_after(full(state=confirmed(what)), at(minutes=1))
    assert severities(alerts) == {"gate_warning minutes_coverage": WARNING}
    assert "85 percent" in alerts["gate_warning minutes_coverage"].text
    assert alerts["gate_warning minutes_coverage"].lifecycle is Lifecycle.ONCE


def test_an_optional_table_without_rows_warns_unless_its_processor_is_missing() -> None:
    """A5: what is already named missing is not said twice."""
    empty = World(tables={f"nba_analytics.{TOGS}": 0})
    _, complete = results(full(), at(minutes=1), empty)
    assert set(complete.plan.warnings) == {"phase3_rows"}  # type: ignore[union-attr]
    _, without = results(snapshot(*done(PGS, UPGC, TDGS, UTGC)), at(minutes=15), empty)
    assert without.plan.warnings == {}  # type: ignore[union-attr]
    two = World(tables={f"nba_analytics.{name}": 0 for name in (TOGS, TDGS)})
    _, more = results(snapshot(*done(PGS, UPGC, TDGS, UTGC)), at(minutes=15), two)
    assert set(more.plan.warnings) == {"phase3_rows"}  # type: ignore[union-attr]


def late(transition: str = TO5, **more: object) -> dict[str, Condition]:
    """Return what is told after a processor that was missing has arrived."""
    names = sorted(POLICY.transitions[transition].expects["overnight"].expected)
    what = plan(1, "tier_2", completed=dict.fromkeys(names[1:]), missing=(names[0],))
    reports = [*done(*names[1:]), report(names[0], records=30, ended=at(hours=2))]
    decision_input = snapshot(*reports, transition=transition, state=confirmed(what), **more)  # type: ignore[arg-type]
    return conditions_after(decision_input, at(hours=3))


def test_what_arrives_too_late_is_said() -> None:
    """D8: without a refresh in the policy an info names who has arrived."""
    alerts = late()
    assert severities(alerts) == {"degraded": WARNING, "late ml_feature_store": INFO}
    assert "30 records" in alerts["late ml_feature_store"].text
    assert alerts["late ml_feature_store"].lifecycle is Lifecycle.ONCE


@pytest.mark.parametrize(
    ("state", "now", "is_raised"),
    [
        (confirmed(plan(missing=(TOGS,))), at(hours=9), False),
        (confirmed(plan(missing=(TOGS,))), at(hours=10), False),
        (confirmed(plan(missing=(TOGS,))), at(hours=10, seconds=1), True),
        (confirmed(plan(2, "refresh", missing=(TOGS,)), at(hours=1), confirmed()), at(hours=2), True),
    ],
    ids=["before until", "at until", "after until", "beyond at_most"],
)
def test_what_a_refresh_can_no_longer_take_is_said(state: TransitionState, now: datetime, is_raised: bool) -> None:
    """D8: after `until` and beyond `at_most`; before that it triggers instead."""
    decision_input = snapshot(*done(*PHASE3), state=state)
    assert (f"late {TOGS}" in by_kind(conditions(decision_input, Done("confirmed"), now))) == is_raised


def test_growth_after_the_time_is_said_too() -> None:
    """D8: the number that it has grown to."""
    state = confirmed(plan(completed=dict.fromkeys(PHASE3, 100)))
    decision_input = snapshot(*(report(name, records=111 if name == PGS else 109) for name in PHASE3), state=state)
    alerts = by_kind(conditions(decision_input, Done("confirmed"), at(hours=11)))
    assert set(alerts) == {f"late {PGS}"}
    assert "111 records" in alerts[f"late {PGS}"].text


# Due times


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        (DUE - SECOND, {}),
        (DUE, {"due_warning": WARNING}),
        (DUE_CRITICAL - SECOND, {"due_warning": WARNING}),
        (DUE_CRITICAL, {"due_warning": WARNING, "due_critical": CRITICAL}),
    ],
)
@pytest.mark.parametrize("reports", [[], [report(TDGS)]], ids=["silence", "some"])
def test_due_to_the_second(reports: list[Report], now: datetime, kinds: dict[str, Severity]) -> None:
    """T2: not triggered at its local time, also when no message ever came; two fingerprints."""
    decision_input = snapshot(*(replace(r, received_at=now - SECOND) for r in reports))
    alerts = conditions_after(decision_input, now)
    assert severities(alerts) == kinds
    for condition in alerts.values():
        assert PGS in condition.text
        assert ("no message from phase3" in condition.text) == (not reports)
    assert is_due(decision_input, now) == (now >= DUE)


@pytest.mark.parametrize("key", [BACKFILL, RunKey("nba", DAY, "same_day", Lane.BACKFILL)])
def test_backfill_has_no_due_times(key: RunKey) -> None:
    """T2: repairs of the past are never late."""
    assert conditions_after(snapshot(key=key), at(hours=30)) == {}
    assert not is_due(snapshot(key=key), at(hours=30))


@pytest.mark.parametrize(
    "state", [dispatched(when=at(hours=5)), confirmed(), state_changes.observed(TransitionState(), plan(), T0)]
)
def test_triggered_is_not_due(state: TransitionState) -> None:
    """T2: dispatched, confirmed and observed satisfy it."""
    assert conditions_after(full(state=state), at(hours=5)) == {}
    assert not is_due(full(state=state), at(hours=5))


def test_blocked_and_held_do_not_satisfy_due() -> None:
    """T2: and the text says what stands in the way."""
    blocked = conditions_after(full(), DUE, World(percents={"game_coverage": 71}))
    assert set(blocked) == {"gate game_coverage", "gate_overdue game_coverage", "due_warning"}
    assert "blocked by" in blocked["due_warning"].text
    assert "71" in blocked["due_warning"].text
    held = conditions_after(waiting(*done(PGS)), DUE)
    assert set(held) == {"held", "due_warning"}
    assert "held" in held["due_warning"].text


def test_a_claim_that_is_under_way_is_still_due() -> None:
    """T2: not triggered is not triggered."""
    assert "due_warning" in conditions_after(full(state=claimed(when=DUE)), DUE)


def test_overtaken_takes_the_place_of_due() -> None:
    """T2: the next phase reports although nothing was triggered: one info, once; and it is decided all the same."""
    decision_input = snapshot(*done(TDGS), next_report_at=at(hours=1))
    alerts = conditions_after(decision_input, DUE_CRITICAL)
    assert severities({name: c for name, c in alerts.items() if name != "held"}) == {"overtaken": INFO}
    assert alerts["overtaken"].lifecycle is Lifecycle.ONCE
    assert "phase4" in alerts["overtaken"].text
    assert conditions_after(snapshot(next_report_at=at(hours=1)), DUE - SECOND) == {}


@pytest.mark.parametrize(
    ("overdue", "speaks", "reports", "is_raised"),
    [
        (True, True, [], False),
        (True, True, [report(TDGS, ended=at(hours=2))], True),
        (True, False, [], True),
        (False, True, [], True),
        (False, False, [], True),
    ],
)
def test_an_overdue_predecessor_takes_the_alert(
    overdue: bool, speaks: bool, reports: list[Report], is_raised: bool
) -> None:
    """T2: with nothing but an overdue predecessor for a cause it is counted into the predecessor's; else not."""
    alerts = conditions_after(snapshot(*reports), DUE, before={"phase3": Predecessor(TO3, overdue, speaks)})
    assert ("due_warning" in alerts) == is_raised


def test_a_transition_without_due_times_is_never_late() -> None:
    """The last transition of a night has none in the reference policy."""
    assert conditions_after(snapshot(transition=TO6), at(hours=40)) == {}


# Silence


@pytest.mark.parametrize("changes", [{"games": 0}, {"closed": True}])
def test_an_empty_date_and_a_closed_run_are_silent(changes: dict[str, object]) -> None:
    """T2, T5: whatever is odd about their reports."""
    odd = [report(PGS, records=1), *(report(UPGC, Outcome.FAILED, ended=at(minutes=n)) for n in range(4))]
    assert conditions_after(snapshot(*odd, **changes), at(hours=40)) == {}  # type: ignore[arg-type]


def test_an_observed_transition_tells_nothing_of_its_trigger() -> None:
    """D6: nothing left, so nothing was degraded."""
    watch = with_transition(TO4, dispatch=Dispatch(Role.OBSERVE))
    state = state_changes.observed(TransitionState(), plan(1, "deadline", missing=(TOGS,)), T0)
    assert conditions_after(full(state=state, policy=watch), at(hours=30)) == {}


TROUBLED = [
    (snapshot(*done(PGS, TDGS)), at(hours=9), GOOD),
    (snapshot(report(PGS, records=1)), at(hours=3), World(rows=0)),
    (full(), at(hours=4), World(percents={"game_coverage": 3})),
    (full(state=replace(TransitionState(), blocked={"precompute": Block(T0, "x")})), at(hours=3),
     World(fitness=Unfit("precompute answers 404"))),
    (snapshot(*(report(PGS, Outcome.FAILED, ended=at(minutes=n), error="no rows") for n in range(3))), at(hours=1),
     GOOD),
    (full(state=confirmed(plan(1, "tier_2", missing=(TOGS,)))), at(hours=11), GOOD),
    (full(state=state_changes.dispatched(claimed(plan(), at(hours=1), dispatched()), at(hours=1))), at(hours=9), GOOD),
    (snapshot(next_report_at=T0), at(hours=9), GOOD),
]  # fmt: skip


@pytest.mark.parametrize(("decision_input", "now", "world"), TROUBLED, ids=range(len(TROUBLED)))
def test_backfill_raises_nothing_above_info(decision_input: DecisionInput, now: datetime, world: World) -> None:
    """A3: the same trouble in the backfill lane is information at most."""
    live = conditions_after(decision_input, now, world)
    repaired = conditions_after(replace(decision_input, key=BACKFILL), now, world)
    assert {c.severity for c in live.values()} - {INFO} or "overtaken" in live
    assert {c.severity for c in repaired.values()} <= {INFO}
    assert set(repaired) == {kind for kind in live if not kind.startswith(("due_", "overtaken"))}


DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.mark.parametrize(("decision_input", "now", "world"), TROUBLED, ids=range(len(TROUBLED)))
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=30)], ids=str)
def test_every_text_says_where_and_names_no_other_date(
    decision_input: DecisionInput, now: datetime, world: World, later: timedelta
) -> None:
    """A5: run id and transition, and no date but that of the run, however long after it is said."""
    alerts = conditions_after(decision_input, now + later, world)
    assert alerts
    for condition in alerts.values():
        assert condition.text.startswith(f"{decision_input.key.id} {decision_input.transition.name}: ")
        assert set(DATE.findall(condition.text)) == {DAY.isoformat()}
        assert condition.run == decision_input.key.id
        assert condition.transition == decision_input.transition.name


def test_one_thing_has_one_fingerprint() -> None:
    """A2: kind, run, transition and processor make the identity; the text does not."""
    a, b = (conditions_after(waiting(report(PGS, records=n)), at(minutes=1), World(rows=0)) for n in (1, 2))
    [alert], [other] = a.values(), b.values()
    assert alert.text != other.text
    assert alert.fingerprint == other.fingerprint
    variants = {
        fingerprint(AlertKind.HELD, NIGHT.id, TO4, ""),
        fingerprint(AlertKind.DUE_WARNING, NIGHT.id, TO4, ""),
        fingerprint(AlertKind.HELD, BACKFILL.id, TO4, ""),
        fingerprint(AlertKind.HELD, NIGHT.id, TO5, ""),
        fingerprint(AlertKind.HELD, NIGHT.id, TO4, PGS),
        fingerprint(AlertKind.HELD, NIGHT.id, "", TO4),
    }
    assert len(variants) == 6
    assert all("/" not in name for name in variants)


def test_the_decision_and_not_the_stored_word_is_what_is_told() -> None:
    """A state still stored as held tells nothing once the decision is another."""
    stored = replace(TransitionState(), held_since=T0)
    decision_input = full(state=stored)
    decision: Decision = results(decision_input, at(minutes=1))[1]
    assert by_kind(conditions(decision_input, decision, at(minutes=1))) == {}
    assert by_kind(conditions(decision_input, Held(HoldCause.DEADLINE, "x"), at(minutes=1))).keys() == {"held"}


def test_floors_are_told_in_the_units_of_the_date() -> None:
    """Half the games, half the floor."""
    decision_input = snapshot(report(PGS, records=1), games=GAMES - 4)
    assert (
        "of at least 30" in conditions_after(decision_input, at(minutes=1), World(rows=0))[f"under_minimum {PGS}"].text
    )
