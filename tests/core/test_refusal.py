"""The phase that a trigger started says that it did no work: told with its cause, and started again (behaviour D8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from shared.core.alerting.conditions import conditions
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Decision, Done, Read, Trigger
from shared.core.decision.gates import Wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome, Report, TransitionState, Units
from shared.core.policy.policy import Policy
from tests.core.build import (
    CACHE,
    COORDINATOR,
    DAY,
    FEATURES,
    GAMES,
    NIGHT,
    PCF,
    PGS,
    PHASE3,
    POLICY,
    PSZA,
    TDZA,
    TO4,
    TO6,
    World,
    at,
    confirmed,
    known,
    plan,
    report,
    results,
    snapshot,
    with_transition,
)  # fmt: skip

EXPORT = "phase6_export"
TABLE = POLICY.phases["phase5"].processors[COORDINATOR].table or ""
CAUSE = "insufficient_predictions (31 < 50)"
SOON, NOW = at(minutes=5), at(hours=1)
PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
SENT = plan(completed={COORDINATOR: 300}, inputs={TABLE: 31})


def refused(*, ended: datetime = SOON, trigger: int | None = None) -> Report:
    trigger_id = "" if trigger is None else NIGHT.trigger_id(TO6, trigger)
    return report(EXPORT, Outcome.NO_DATA, ended=ended, error=CAUSE, trigger_id=trigger_id)


def export(
    *later: Report,
    says: tuple[Report, ...] = (refused(),),
    state: TransitionState | None = None,
    policy: Policy = POLICY,
) -> DecisionInput:
    """Return an export that was dispatched at T0, what it says, and what phase 5 reports later."""
    before = report(COORDINATOR, records=300, percent=97.0)
    return snapshot(before, *later, transition=TO6, state=state or confirmed(SENT), policy=policy,
                     started=known(*says))  # fmt: skip


def then(now_known: DecisionInput, *, rows: int | None = 31, now: datetime = NOW) -> Decision:
    return results(now_known, now, World(rows=rows))[1]


def alerts(now_known: DecisionInput, now: datetime = NOW) -> list[str]:
    now_known, decision = results(now_known, now, World(rows=31))
    return [condition.text for condition in conditions(now_known, decision, now) if condition.kind is AlertKind.REFUSED]


def again(*, minutes: float = 30, records: int = 300) -> Report:
    return report(COORDINATOR, records=records, ended=at(minutes=minutes), percent=97.0)


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.FAILED])
def test_the_cause_is_told_and_nothing_starts_while_nothing_changes(outcome: Outcome) -> None:
    """One warning that names the processor and why; with the same inputs the answer would be the same."""
    now_known = export(says=(replace(refused(), outcome=outcome),))
    assert then(now_known) == Done(f"confirmed; phase6 refused: {EXPORT}")
    [text] = alerts(now_known)
    assert EXPORT in text
    assert f"reported {outcome.value}" in text
    assert CAUSE in text
    assert "started again when an input changes" in text


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.PARTIAL, Outcome.SKIPPED, Outcome.STARTED])
def test_what_does_work_refuses_nothing(outcome: Outcome) -> None:
    """Anything but `no_data` and `failed` is told by nobody, and starts nothing again."""
    now_known = export(again(), says=(replace(refused(), outcome=outcome),))
    assert alerts(now_known) == []
    assert then(now_known) == Done("confirmed")


def test_a_better_report_ends_it() -> None:
    """The export that was repeated by hand and succeeded is no refusal any more."""
    better = report(EXPORT, Outcome.SUCCESS, ended=at(minutes=20))
    now_known = export(again(), says=(refused(), better))
    assert alerts(now_known) == []
    assert then(now_known) == Done("confirmed")


def test_a_report_of_an_input_starts_the_next_generation() -> None:
    """The predictions come again, as many as before: it is the same number, and other predictions."""
    decision = then(export(again()))
    assert isinstance(decision, Trigger), decision
    assert (decision.plan.generation, decision.plan.reason) == (2, "refresh")


def test_a_changed_reading_of_a_gate_starts_the_next_generation() -> None:
    """Nobody reports, and the table that the gate counts has more rows; the next plan goes by the new number."""
    assert isinstance(decide(export(), NOW), Read)
    decision = then(export(), rows=300)
    assert isinstance(decision, Trigger), decision
    assert decision.plan.inputs == {TABLE: 300}


@pytest.mark.parametrize(("before", "now"), [({}, 300), ({TABLE: 31}, None)])
def test_what_cannot_be_read_has_not_changed(before: dict[str, float], now: int | None) -> None:
    """Without a number from then or from now there are no two to compare."""
    state = confirmed(replace(SENT, inputs=before))
    assert then(export(state=state), rows=now) == Done(f"confirmed; phase6 refused: {EXPORT}")


def test_gates_bind_the_next_generation_too() -> None:
    """What refused and what would be sent again now still passes its gates, or is blocked (D4)."""
    decision = then(export(again()), rows=3)
    assert isinstance(decision, Blocked), decision
    assert set(decision.reasons) == {"predictions_rows"}


def test_no_gate_is_read_where_nothing_refused() -> None:
    """A confirmed transition asks the warehouse for nothing, minute after minute."""
    assert decide(export(says=()), NOW) == Done("confirmed")


def test_without_a_refresh_it_is_started_again_once() -> None:
    """Generation 2 refuses as well: told, with what a person can do, and not started a third time."""
    second = replace(SENT, generation=2, reason="refresh")
    state = confirmed(second, at(minutes=31), state=confirmed(SENT))
    assert state.refreshes == 1
    now_known = export(again(), again(minutes=50), says=(refused(ended=at(minutes=40)),), state=state)
    assert isinstance(then(now_known), Done)
    [text] = alerts(now_known)
    assert "nothing starts it again" in text
    assert "bin/orch trigger" in text


def test_with_a_refresh_it_is_bound_by_its_number_and_its_hours() -> None:
    """At most `at_most` times, and not after `until`."""
    refresh = POLICY.transitions[TO4].refresh
    assert refresh is not None
    twice = with_transition(TO6, refresh=replace(refresh, at_most=2))
    second = confirmed(replace(SENT, generation=2, reason="refresh"), at(minutes=31), state=confirmed(SENT))
    now_known = export(again(minutes=50), says=(refused(ended=at(minutes=40)),), state=second, policy=twice)
    assert isinstance(then(now_known), Trigger)
    assert isinstance(then(now_known, now=at(hours=11)), Done)
    once = with_transition(TO6, refresh=replace(refresh, at_most=1))
    assert isinstance(then(replace(now_known, policy=once, transition=once.transitions[TO6])), Done)


def test_a_report_from_before_the_trigger_refuses_nothing() -> None:
    """It is of a start that was not ours."""
    now_known = export(again(), says=(refused(ended=at(minutes=-5)),))
    assert alerts(now_known) == []
    assert then(now_known) == Done("confirmed")


def test_a_late_word_of_the_first_generation_does_not_spend_the_second() -> None:
    """Generation 2 is at work: that generation 1 had refused starts no generation 3."""
    refresh = POLICY.transitions[TO4].refresh
    assert refresh is not None
    twice = with_transition(TO6, refresh=replace(refresh, at_most=2))
    second = confirmed(replace(SENT, generation=2, reason="refresh"), at(minutes=31), state=confirmed(SENT))
    late = refused(ended=at(minutes=40), trigger=1)
    assert isinstance(then(export(again(minutes=50), says=(late,), state=second, policy=twice)), Done)
    own = refused(ended=at(minutes=40), trigger=2)
    assert isinstance(then(export(again(minutes=50), says=(own,), state=second, policy=twice)), Trigger)


def test_a_report_of_the_started_phase_alone_starts_nothing() -> None:
    """Its delivery is looked at without what phase 5 reported: no plan is made of that nothing."""
    now_known = replace(export(), completions={})
    assert then(now_known, rows=300) == Done(f"confirmed; phase6 refused: {EXPORT}")


def test_a_phase_that_others_wait_for_refuses_as_a_whole() -> None:
    """One failure of five is a matter of the next transition; where all five failed, phase 4 did nothing."""
    state = confirmed(plan(completed=dict.fromkeys(PHASE3, 200)))
    failed = [report(name, Outcome.FAILED, ended=at(minutes=9), error="no schedule") for name in PHASE4]
    inputs = [report(name, records=200) for name in PHASE3]
    whole = snapshot(*inputs, state=state, started=known(*failed))
    single = snapshot(*inputs, state=state, started=known(*failed[:1]))
    assert len(alerts(whole)) == len(PHASE4)
    assert alerts(single) == []
    later = report(PGS, records=200, ended=at(minutes=30))
    assert isinstance(then(replace(whole, completions=known(*inputs, later)), rows=1000), Trigger)
    assert isinstance(then(replace(single, completions=known(*inputs, later)), rows=1000), Done)


def test_a_disabled_processor_need_not_refuse() -> None:
    """What is not expected on the date says nothing of the phase."""
    state = confirmed(plan(completed=dict.fromkeys(PHASE3, 200)))
    inputs = [report(name, records=200) for name in PHASE3]
    failed = [report(name, Outcome.FAILED, ended=at(minutes=9)) for name in PHASE4[1:]]
    phase4 = POLICY.phases["phase4"]
    disabled = POLICY.phases["phase2"].processors["p2_bdl_box_scores"].disabled
    assert disabled is not None
    off = replace(phase4.processors[TDZA], disabled=replace(disabled, since=DAY))
    phases = {**POLICY.phases, "phase4": replace(phase4, processors={**phase4.processors, TDZA: off})}
    assert len(alerts(snapshot(*inputs, state=state, started=known(*failed)))) == 0
    policy = replace(POLICY, phases=phases)
    assert len(alerts(snapshot(*inputs, state=state, started=known(*failed), policy=policy))) == 4


def test_nobody_is_told_of_a_date_without_units() -> None:
    """Nothing was to be exported."""
    assert alerts(replace(export(), units=Units(0, 0))) == []
    assert len(alerts(replace(export(), units=Units(GAMES, GAMES)))) == 1


def test_only_the_numbers_of_the_gates_are_asked_for() -> None:
    """The next service is asked for its health before something is sent, not to see whether anything is."""
    assert decide(export(), NOW) == Read(Wanted(rows=frozenset({TABLE})))
