"""Answers that are a no: blocked with their own words, asked again by inputs or by a cadence, told once (D10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.reporting.overview import cell
from shared.core.model import State
from shared.ports import Response
from shared.simulation.scenario import CallAnswer
from tests.app.handlers_kit import MINUTE, HandlersKit
from tests.core.build import CACHE, FEATURES, NIGHT, PCF, PSZA, SECOND, TDZA, TO5
from tests.policy_files import NBA

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
COORDINATOR = "prediction_coordinator"
START, STATUS = f"{COORDINATOR} /start", f"{COORDINATOR} /status"
FIRST = NIGHT.trigger_id(TO5, 1)
LINES = [
    {"status": [200, 202], "body": {"status": "started"}, "means": "accepted", "show": ["batch_id", "published"]},
    {"status": 200, "body": {"status": "ran"}, "means": "accepted", "results": {"path": "parts"}},
    {"status": 404, "means": "not_yet"},
    {"status": 503, "body": {"error": "DATA_INCOMPLETE"}, "means": "not_yet", "show": ["coverage_pct"]},
    {"status": 409, "means": "busy", "show": ["batch_id"]},
    {"status": 451, "means": "refused"},
]
STATUS_CALL = {"path": "/status", "query": {"game_date": "{game_date}"}, "at_work": {"status": "in_progress"}}
POLICY = load_policy(
    NBA,
    {
        "services": {COORDINATOR: {"answers": {"/start": LINES}, "status": STATUS_CALL}},
        "transitions": {TO5: {"dispatch": {"http": {"accepted": [200, 202]}}}},
    },
)
YES = {"status": "started", "batch_id": "b-9", "published": 195}
NO = {"status": "error", "error": "DATA_INCOMPLETE", "coverage_pct": 76.0}


@pytest.fixture
def kit() -> HandlersKit:
    """A night with one processor of phase 4 still to come."""
    built = HandlersKit(policy=POLICY).ordinary()
    built.finish(*PHASE4[:-1])
    return built


def answer(kit: HandlersKit, status: int, body: dict[str, Any]) -> None:
    kit.services.change({START: (CallAnswer(status, body),)})


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(503, NO, "76.0"), (404, {"message": "No players"}, "No players"), (409, {"batch_id": "b-1"}, "b-1")],
)
def test_a_no_blocks_with_its_own_words(kit: HandlersKit, status: int, body: dict[str, Any], words: str) -> None:
    """One call and no retry; the numbers stand in explain, page and record; one warning, and nothing critical."""
    answer(kit, status, body)
    kit.deliver(FEATURES)
    state = kit.state(TO5)
    assert (state.state, state.claim, state.accepted_plan) == (State.BLOCKED, None, None)
    assert words in state.blocked["answer"].text
    assert len(kit.calls) == 1
    assert kit.published == []
    _, explained = kit.orch("explain", TO5, "2026-01-21", "--mode", "overnight")
    assert words in explained
    shown = cell(kit.policy, kit.run(), kit.policy.transitions[TO5], state, kit.clock.now())
    assert (shown.word, words in " ".join(shown.notes)) == ("blocked", True)
    kit.sweeps(200)
    assert kit.notices("dispatch") == kit.notices("preflight") == kit.notices("held") == []
    [warning] = kit.notices("not_taken")
    assert warning.severity == "warning"
    assert words in warning.text
    rows = [row for row in kit.audit.tables["phase_execution_log"].values() if row["transition"] == TO5]
    assert any(row["decision"] in ("not_yet", "busy") and words in row["reason"] for row in rows)


def test_it_is_asked_again_after_15_30_and_then_every_60_minutes(kit: HandlersKit) -> None:
    """To the second, under the same trigger id; a yes ends it, and the warning is taken back."""
    answer(kit, 503, NO)
    kit.deliver(FEATURES)
    for wait in (15, 30, 60, 60):
        made, failure = len(kit.calls), kit.state(TO5).failure
        assert failure is not None
        assert failure.at is not None
        assert failure.retry_at - failure.at == wait * MINUTE
        kit.clock.instant = failure.retry_at - SECOND
        kit.sweep()
        assert len(kit.calls) == made
        kit.clock.instant = failure.retry_at
        kit.sweep()
        assert len(kit.calls) == made + 1
    answer(kit, 202, YES)
    kit.sweeps(61)
    assert kit.state(TO5).state is State.CONFIRMED
    assert {call.body["trigger_id"] for call in kit.calls} == {FIRST}
    assert [call.body["attempt"] for call in kit.calls] == list(range(1, len(kit.calls) + 1))
    kit.sweeps(2)
    assert [notice.resolved for notice in kit.notices("not_taken")] == [False, True]
    before = len(kit.calls)
    kit.sweeps(120)
    assert len(kit.calls) == before


def test_a_report_of_an_expected_processor_asks_at_once(kit: HandlersKit) -> None:
    """A new report is a new input; the same message once more, or another phase's report, is none."""
    answer(kit, 503, NO)
    kit.deliver(FEATURES, message_id="f")
    kit.wait()
    kit.deliver(FEATURES, message_id="f")
    kit.deliver(COORDINATOR, status="started")
    assert len(kit.calls) == 1
    kit.deliver(CACHE, records=200)
    assert len(kit.calls) == 2
    kit.sweeps(29)
    assert len(kit.calls) == 2, "the second no waits for 30 minutes"


def test_a_number_of_a_gate_that_changes_asks_at_once(kit: HandlersKit) -> None:
    """Coverage rises by itself, without a report: the next sweep asks."""
    kit.change(readings={"feature_store_coverage": 80.0})
    answer(kit, 503, NO)
    kit.deliver(FEATURES)
    kit.sweeps(3)
    assert len(kit.calls) == 1
    kit.change(readings={"feature_store_coverage": 91.0})
    kit.sweeps(1)
    assert len(kit.calls) == 2


def test_what_an_accepted_call_says_is_kept(kit: HandlersKit) -> None:
    """Batch and number stand in explain, on the page and in the record."""
    answer(kit, 202, YES)
    kit.deliver(FEATURES)
    carried = kit.state(TO5).accepted_plan
    assert carried is not None
    assert carried.answers == {START: "prediction_coordinator/start answers 202: started, batch_id b-9, published 195"}
    _, explained = kit.orch("explain", TO5, "2026-01-21", "--mode", "overnight", "--json")
    assert "published 195" in explained
    kit.sweeps(2)
    rows = [row for row in kit.audit.tables["phase_execution_log"].values() if row["transition"] == TO5]
    assert any("published 195" in row["gate_readings"] for row in rows)


def test_what_failed_of_an_accepted_call_is_named(kit: HandlersKit) -> None:
    """Some of its parts failed: accepted, and one warning names them."""
    parts = [{"processor": "A", "status": "success"}, {"processor": "B", "status": "error", "error": "no rows"}]
    answer(kit, 200, {"status": "ran", "parts": parts})
    kit.deliver(FEATURES)
    assert kit.state(TO5).state is State.CONFIRMED
    kit.sweeps(30)
    [warning] = kit.notices("gate_warning")
    assert "1 of 2 failed: B (no rows)" in warning.text


def test_a_yes_that_ran_nothing_is_no_yes(kit: HandlersKit) -> None:
    """All parts failed: blocked, and not dispatched."""
    answer(kit, 200, {"status": "ran", "parts": [{"processor": "A", "status": "error"}]})
    kit.deliver(FEATURES)
    assert kit.state(TO5).state is State.BLOCKED
    assert kit.published == []


def test_refused_is_permanent(kit: HandlersKit) -> None:
    """Held with the answer, one critical alert, no second call."""
    answer(kit, 451, {"reason": "not for this season"})
    kit.deliver(FEATURES)
    kit.sweeps(120)
    assert kit.state(TO5).state is State.HELD
    assert len(kit.calls) == 1
    [held] = kit.notices("held")
    assert held.severity == "critical"
    assert "not for this season" in held.text


@pytest.mark.parametrize(
    ("status", "accepted"),
    [
        ({"status": "in_progress", "game_date": "2026-01-21"}, True),
        ({"status": "in_progress", "game_date": "2026-01-20"}, False),
    ],
    ids=["with this date", "with another"],
)
def test_busy_with_this_date_is_what_a_trigger_wants(kit: HandlersKit, status: dict[str, Any], accepted: bool) -> None:
    """409: its status tells whether the batch is ours; of another one the start is still to come."""
    answer(kit, 409, {"status": "already_running", "batch_id": "b-7"})
    kit.services.change({STATUS: (CallAnswer(200, status),)})
    kit.deliver(FEATURES)
    assert (kit.state(TO5).state is State.CONFIRMED) is accepted
    assert kit.trigger_ids == [FIRST] * accepted
    assert len(kit.calls) == 1


def test_a_no_after_an_outage_and_an_outage_after_a_no_begin_anew(kit: HandlersKit) -> None:
    """Each has its own waits: 1, 2, 4 minutes of an outage say nothing of a verdict's 15 and 30."""
    kit.services.answers[COORDINATOR] = Response(500, "")
    kit.deliver(FEATURES)
    kit.sweeps(2)
    del kit.services.answers[COORDINATOR]
    answer(kit, 503, NO)
    kit.sweeps(5)
    failure = kit.state(TO5).failure
    assert failure is not None
    assert (failure.verdict, failure.count) == ("not_yet", 1)
    kit.services.answers[COORDINATOR] = Response(500, "")
    kit.sweeps(16)
    failure = kit.state(TO5).failure
    assert failure is not None
    assert failure.verdict == ""
    assert failure.count <= 2


def test_an_operator_hears_the_answer(kit: HandlersKit) -> None:
    """`orch trigger` is told what the service said, and that it was not dispatched; the wish stays."""
    answer(kit, 404, {"message": "No players found"})
    kit.deliver(FEATURES)
    status, output = kit.orch("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "try it")
    assert status == 5
    assert "No players found" in output
    assert len(kit.calls) == 2
    answer(kit, 202, YES)
    kit.sweeps(31)
    assert kit.state(TO5).state is State.CONFIRMED
    carried = kit.state(TO5).accepted_plan
    assert carried is not None
    assert carried.reason == "operator"


def test_a_refresh_that_is_answered_no_waits_as_any_other(kit: HandlersKit) -> None:
    """The first generation stands; the second is blocked by its answer, and goes when the cadence or an input says."""
    policy = load_policy(
        NBA,
        {
            "services": {COORDINATOR: {"answers": {"/start": LINES}}},
            "transitions": {TO5: {"refresh": {"until": "16:00", "at_most": 1, "min_growth_percent": 10}}},
        },
    )
    built = HandlersKit(policy=policy).ordinary()
    answer(built, 202, YES)
    built.finish(*PHASE4, records=100)
    assert built.state(TO5).state is State.CONFIRMED
    answer(built, 503, NO)
    built.wait()
    built.deliver(CACHE, records=200)
    state = built.state(TO5)
    assert (state.state, state.generation, state.accepted_plan and state.accepted_plan.generation) == (
        State.CONFIRMED,
        2,
        1,
    )
    made = len(built.calls)
    built.sweeps(14)
    assert len(built.calls) == made
    answer(built, 202, YES)
    built.sweeps(2)
    carried = built.state(TO5).accepted_plan
    assert carried is not None
    assert carried.generation == 2


def test_a_no_after_an_unknown_outcome_ends_the_doubt(kit: HandlersKit) -> None:
    """Called again after `confirm.within`, it says no: nothing is at work, and the transition is blocked."""
    kit.services.change({START: (CallAnswer(202, YES, timedelta(hours=1)),), STATUS: (CallAnswer(200, {}),)})
    kit.deliver(FEATURES)
    assert kit.state(TO5).unproven is not None
    answer(kit, 503, NO)
    kit.sweeps(31)
    state = kit.state(TO5)
    assert (state.state, state.unproven) == (State.BLOCKED, None)
    assert len(kit.calls) == 2
