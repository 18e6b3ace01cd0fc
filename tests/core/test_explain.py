"""Why a transition decides as it does: a tree of evidence, and the same as text (issue: `orch explain`)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared.core.decision import state_changes
from shared.core.decision.decisions import Blocked
from shared.core.decision.explain import Explanation, explain
from shared.core.decision.gates import Unchecked, Unfit
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Hold, HoldCause, Outcome, Request, TransitionState
from tests.core.build import (
    GAMES,
    GOOD,
    NIGHT,
    PGS,
    PHASE3,
    T0,
    TDGS,
    TO4,
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
)  # fmt: skip


def shown(decision_input: DecisionInput, now: datetime, world: World = GOOD) -> Explanation:
    """Explain what is decided with these readings."""
    seen, decision = results(decision_input, now, world)
    return explain(seen, decision, now)


def full(**more: Any) -> DecisionInput:
    return snapshot(*done(*PHASE3), **more)


def test_waiting_says_for_whom_and_until_when() -> None:
    """Which processors are missing, which tier comes next and when at the latest."""
    explanation = shown(snapshot(*done(PGS, TDGS)), at(minutes=16))
    assert (explanation.state, explanation.done, explanation.missing) == ("waiting", {PGS, TDGS}, (UPGC, TOGS, UTGC))
    times = {moment["name"]: (moment["at"], moment["passed"]) for moment in explanation.evidence["times"]}
    assert times["tier_1"] == (at(minutes=15).isoformat(), True)
    assert times["tier_2"] == (at(minutes=30).isoformat(), False)
    assert times["deadline"] == (at(hours=2).isoformat(), False)
    assert times["due_warning"] == ("2026-01-22T13:30:00+00:00", False)
    assert explanation.reason == f"waiting for {UPGC}, {TOGS}, {UTGC}"
    for text in (UPGC, "06:30 EST", "08:00 EST", "2 of 5 done", f"{GAMES} units", "not read"):
        assert text in explanation.text


def test_tiers_say_what_they_want() -> None:
    """How many of how many, and every required one."""
    tiers = shown(snapshot(*done(PGS)), T0).evidence["times"][:2]
    assert [tier["wants"] for tier in tiers] == ["4 of 5 and every required one", "3 of 5 and every required one"]


def test_without_a_report_no_clock_runs() -> None:
    """Tiers have no time yet, due times have."""
    explanation = shown(snapshot(), T0)
    assert {moment["name"]: moment["at"] is not None for moment in explanation.evidence["times"]} == {
        "tier_1": False,
        "tier_2": False,
        "deadline": False,
        "due_warning": True,
        "due_critical": True,
    }
    assert explanation.evidence["opened_at"] is None


def test_every_processor_stands_there_with_its_numbers() -> None:
    """Required first; standing, records, floor, error and the missing counter."""
    reports = [
        report(PGS, records=1),
        report(UPGC, Outcome.FAILED, error="no rows"),
        report(TDGS, records=14),
        report(TOGS, Outcome.PARTIAL, 14),
    ]
    explanation = shown(snapshot(*reports), at(minutes=1), World(tables={f"nba_analytics.{PGS}": 500}))
    rows = explanation.evidence["processors"]
    assert [(row["name"], row["required"], row["standing"], row["records"], row["floor"]) for row in rows] == [
        (PGS, True, "done", 1, 70),
        (UPGC, True, "failed", None, 70),
        (TDGS, False, "done", 14, 14),
        (TOGS, False, "partial", 14, 14),
        (UTGC, False, "absent", None, None),
    ]
    assert rows[0]["note"] == "counter missing"
    assert rows[1]["error"] == "no rows"
    assert "1 record (at least 70) counter missing" in explanation.text


def test_blocked_says_which_gate_reads_what() -> None:
    """Each gate with its verdict and number, and the preflight."""
    world = World(percents={"game_coverage": 71}, fitness=Unfit("precompute answers 404"))
    explanation = shown(full(), at(minutes=1), world)
    assert explanation.state == "blocked"
    verdicts = {gate["name"]: gate["verdict"] for gate in explanation.evidence["gates"]}
    assert verdicts == {"phase3_rows": "pass", "game_coverage": "block", "minutes_coverage": "pass"}
    assert explanation.evidence["preflight"] == {
        "service": "precompute",
        "verdict": "unfit",
        "text": "precompute answers 404",
    }
    assert "game_coverage reads 71 percent, blocks below 80" in explanation.reason
    assert "precompute answers 404" in explanation.text


def test_what_blocked_at_the_last_sweep_is_shown_without_reading_again() -> None:
    """A person who only looks sees the stored numbers."""
    seen, decision = results(full(), T0, World(percents={"game_coverage": 71}))
    stored = state_changes.resting(seen.state, decision, T0)
    explanation = explain(full(state=stored), Blocked({"game_coverage": "x"}), at(minutes=1))
    gates = {gate["name"]: gate for gate in explanation.evidence["gates"]}
    assert gates["game_coverage"]["verdict"] == "block"
    assert "71 percent" in gates["game_coverage"]["text"]
    assert gates["minutes_coverage"]["text"] == "not read"


def test_a_dispatch_that_failed_stands_in_the_way_until_one_leaves() -> None:
    """D5: a publication that is tried again at once is blocked all the same, by what the broker said."""
    failed = state_changes.publish_failed(claimed(), "bus: unavailable", T0)
    explanation = shown(full(state=failed), at(minutes=1))
    assert (explanation.state, "bus: unavailable" in explanation.reason) == ("blocked", True)


def test_a_service_without_a_url_is_said_to_be_unchecked() -> None:
    """Section 6: skipped, and the decision says so."""
    explanation = shown(full(), at(minutes=1), World(fitness=Unchecked("precompute: not checked")))
    assert explanation.reason == "triggers now by complete"
    assert explanation.evidence["preflight"]["verdict"] == "unchecked"


def test_a_trigger_stands_there_with_its_id() -> None:
    """What left, why, without whom, when it was confirmed, and until when better data triggers again."""
    what = plan(2, "tier_1", missing=(TOGS,), readings={"game_coverage": "game_coverage reads 97 percent"})
    explanation = shown(snapshot(*done(*(n for n in PHASE3 if n != TOGS)), state=confirmed(what)), at(hours=1))
    assert explanation.state == "confirmed"
    sent = explanation.evidence["trigger"]
    assert sent["trigger_id"] == f"{NIGHT.id}/{TO4}/2"
    assert (sent["reason"], sent["degraded"], sent["missing"], sent["dispatches"]) == ("tier_1", True, [TOGS], 1)
    assert sent["confirmed_at"] == T0.isoformat()
    assert [moment["at"] for moment in explanation.evidence["times"] if moment["name"] == "refresh_until"] == [
        at(hours=10).isoformat()
    ]
    for text in (f"as {NIGHT.id}/{TO4}/2", f"degraded without {TOGS}", "confirmed 06:00 EST", "97 percent"):
        assert text in explanation.text


@pytest.mark.parametrize(
    ("decision_input", "now", "state", "reason"),
    [
        (full(games=0), T0, "empty_ok", "no units"),
        (full(state=claimed()), T0, "claimed", "under way"),
        (full(state=dispatched()), T0, "dispatched", "no report of phase4"),
        (full(state=state_changes.observed(TransitionState(), plan(), T0)), T0, "observed", "observed"),
        (
            full(state=replace(TransitionState(), hold=Hold(HoldCause.OPERATOR, T0, "by an operator"))),
            T0,
            "held",
            "by an op",
        ),
        (snapshot(*done(PGS)), at(hours=2), "held", "the deadline has passed without"),
        (full(closed=True), T0, "waiting", "the run is closed"),
        (full(state=dispatched(), next_report_at=T0), T0, "dispatched", "phase4 has begun"),
        (full(state=replace(TransitionState(), request=Request("good", T0))), T0, "waiting", "by operator"),
    ],
)
def test_each_decision_has_its_word_and_its_sentence(
    decision_input: DecisionInput, now: datetime, state: str, reason: str
) -> None:
    """What stands of a trigger, else what is decided now."""
    explanation = shown(decision_input, now)
    assert (explanation.state, reason in explanation.reason) == (state, True)
    assert explanation.text.startswith(f"{NIGHT.id} {TO4}: {state}\n")


@pytest.mark.parametrize("transition", ["phase2_to_phase3", "phase3_to_phase4", "phase4_to_phase5", TO6])
@pytest.mark.parametrize("mode", ["overnight", "same_day", "tomorrow"])
def test_every_transition_of_every_mode_can_be_explained(transition: str, mode: str) -> None:
    """The evidence is plain data, ready for JSON, and the text has a line for each processor."""
    decision_input = snapshot(transition=transition, key=replace(NIGHT, mode=mode), games=None)
    explanation = shown(decision_input, at(hours=9))
    assert json.loads(json.dumps(explanation.evidence)) == explanation.evidence
    assert all(name in explanation.text for name in decision_input.seen.expected)


def test_the_text_is_what_a_person_reads() -> None:
    """One whole text, to see that it can be read."""
    explanation = shown(snapshot(report(PGS, records=148), report(UPGC, records=150)), at(minutes=16))
    assert explanation.text.splitlines()[:6] == [
        f"{NIGHT.id} {TO4}: waiting",
        "  as of: 2026-01-22 06:16 EST, now",
        f"  waiting for {TDGS}, {TOGS}, {UTGC}",
        "  next:  tier 2 06:30 EST, in 14 min: 3 of 5 and every required one",
        "  2 of 5 done, first counted 06:00 EST, 7 units",
        f"    {PGS:<32} required  done           148 records (at least 70)",
    ]
