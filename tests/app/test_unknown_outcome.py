"""Calls of which nobody knows what came of them: asked for, never repeated blindly (behaviour D11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import Unreached
from shared.core.model import State
from shared.ports import Response
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import CallAnswer
from tests.app.handlers_kit import MINUTE, Fate, HandlersKit
from tests.core.build import CACHE, FEATURES, NIGHT, PCF, PSZA, SECOND, TDZA, TO5
from tests.policy_files import NBA

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
COORDINATOR = "prediction_coordinator"
START, STATUS = f"{COORDINATOR} /start", f"{COORDINATOR} /status"
FIRST = NIGHT.trigger_id(TO5, 1)
ASKED = {
    "services": {
        COORDINATOR: {
            "status": {"path": "/status", "query": {"game_date": "{game_date}"}, "at_work": {"status": ["in_progress"]}}
        }
    },
    "transitions": {TO5: {"confirm": {"by": "http", "within": "15m", "redispatch": 1}}},
}
UNASKED = {"transitions": ASKED["transitions"]}
IDLE = {"status": "no_active_batch"}
BUSY = {"status": "in_progress", "batch_id": "b-1", "game_date": "2026-01-21"}


def kit(policy: dict[str, Any]) -> HandlersKit:
    """Return a night with one processor of phase 4 still to come."""
    built = HandlersKit(policy=load_policy(NBA, policy)).ordinary()
    built.finish(*PHASE4[:-1])
    return built


def slow(built: HandlersKit, after: timedelta, status: dict[str, Any]) -> None:
    """Let the coordinator take so long to answer, and say this of itself meanwhile."""
    yes = CallAnswer(202, {"status": "started", "batch_id": "b-1"}, after)
    built.services.change({START: (yes,), STATUS: (CallAnswer(200, status),)})


@pytest.mark.parametrize("minutes", [1, 2, 5, 9, 12])
def test_a_slow_accept_is_one_call(minutes: int) -> None:
    """It works for minutes and registers its batch at the end only: asked every minute, called once, then confirmed."""
    built = kit(ASKED)
    slow(built, timedelta(minutes=minutes), IDLE)
    built.deliver(FEATURES)
    state = built.state(TO5)
    assert (state.state, state.claim, state.accepted_plan) == (State.DISPATCHED, None, None)
    assert state.unproven is not None
    assert built.published == [], "what follows the call waits for its proof"
    built.sweeps(minutes)
    assert len(built.calls) == 1
    slow(built, timedelta(), BUSY)
    built.sweeps(60)
    assert [call.body["trigger_id"] for call in built.calls] == built.trigger_ids == [FIRST]
    state = built.state(TO5)
    assert (state.state, state.generation, state.dispatches, state.unproven) == (State.CONFIRMED, 1, 1, None)
    assert built.notices("unconfirmed") == built.notices("dispatch") == []


def test_a_service_that_is_at_work_at_once_is_accepted_at_once() -> None:
    """The answer is late and the status says so: no minute is lost, and the due time counts from the call."""
    built = kit(ASKED)
    slow(built, 2 * MINUTE, BUSY)
    called = built.clock.now()
    built.deliver(FEATURES)
    state = built.state(TO5)
    assert state.state is State.CONFIRMED
    assert state.dispatched_at is not None
    assert called <= state.dispatched_at <= called + MINUTE
    assert len(built.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [CallAnswer(200, {**BUSY, "game_date": "2026-01-20"}), CallAnswer(503, BUSY), CallAnswer(200, "<html>"), None],
    ids=["another date", "a failure", "no JSON", "silence"],
)
def test_only_a_clear_yes_of_this_date_is_one(answer: CallAnswer | None) -> None:
    """Work on another date, a failure that looks like work, and no answer at all leave the outcome unknown."""
    built = kit(ASKED)
    slow(built, 5 * MINUTE, IDLE)
    built.services.change({STATUS: (answer or CallAnswer(200, BUSY, MINUTE),)})
    built.deliver(FEATURES)
    built.sweeps(10)
    assert built.state(TO5).unproven is not None
    assert len(built.calls) == 1


@pytest.mark.parametrize("policy", [ASKED, UNASKED], ids=["asked", "unasked"])
def test_it_is_called_again_once_it_had_its_time(policy: dict[str, Any]) -> None:
    """A second before `confirm.within` nothing; then the same trigger id, as attempt 2; a third call never."""
    built = kit(policy)
    slow(built, timedelta(hours=1), IDLE)
    began = built.clock.now()
    built.deliver(FEATURES)
    built.clock.instant = began + 15 * MINUTE - SECOND
    built.sweep()
    assert len(built.calls) == 1
    built.clock.instant = began + 15 * MINUTE
    built.sweep()
    assert [(call.body["trigger_id"], call.body["attempt"]) for call in built.calls] == [(FIRST, 1), (FIRST, 2)]
    built.sweeps(14)
    assert built.notices("unconfirmed") == []
    built.sweeps(2)
    assert len(built.calls) == 2
    [critical] = built.notices("unconfirmed")
    assert critical.severity == "critical"
    assert "2 times" in critical.text
    assert f"orch trigger {TO5}" in critical.text
    built.sweeps(120)
    assert len(built.calls) == 2
    built.deliver(COORDINATOR, status="started")
    built.sweeps(2)
    assert built.state(TO5).state is State.CONFIRMED
    assert built.notices("unconfirmed", resolved=True)


def test_an_answer_from_before_the_service_is_none_of_its_own() -> None:
    """A 504 that no rule maps: the service may be at work, so it is asked, and is not called again at once."""
    built = kit(ASKED)
    built.services.change({START: (CallAnswer(504, {"error": "upstream"}),), STATUS: (CallAnswer(200, IDLE),)})
    built.deliver(FEATURES)
    built.sweeps(10)
    assert len(built.calls) == 1
    unproven = built.state(TO5).unproven
    assert unproven is not None
    assert "504" in unproven.text
    built.services.change({STATUS: (CallAnswer(200, BUSY),)})
    built.sweep()
    assert built.state(TO5).state is State.CONFIRMED
    assert len(built.calls) == 1


def test_inside_a_pause_a_service_is_asked_and_not_called() -> None:
    """The call was made before: what it came to is asked for all the same; it is not made again until the end (T8)."""
    built = kit(ASKED)
    slow(built, timedelta(hours=3), IDLE)
    built.deliver(FEATURES)
    built.orch("pause", "--transition", TO5, "--reason", "the coordinator moves")
    before = built.services.asked[COORDINATOR]
    built.sweeps(40)
    assert len(built.calls) == 1
    assert built.services.asked[COORDINATOR] > before
    built.services.change({STATUS: (CallAnswer(200, BUSY),)})
    built.sweep()
    assert (built.state(TO5).unproven, built.state(TO5).steps_proven) == (None, 1)
    assert built.published == [], "what follows the call is not sent inside"
    built.orch("pause", "--end", "--reason", "it has moved")
    built.sweep()
    assert built.state(TO5).state is State.CONFIRMED
    assert len(built.calls) == len(built.published) == 1


def test_any_report_of_the_next_phase_since_the_call_proves_it() -> None:
    """Without a status call a report of phase 5 is the proof, whatever confirms; one from before the call is none."""
    built = kit(UNASKED)
    built.deliver(COORDINATOR, status="started")
    built.wait()
    slow(built, timedelta(hours=1), IDLE)
    built.deliver(FEATURES)
    built.sweeps(3)
    assert built.state(TO5).unproven is not None
    built.deliver(COORDINATOR, status="started")
    assert built.state(TO5).unproven is None
    built.sweeps(1)
    assert built.state(TO5).state is State.CONFIRMED
    assert built.trigger_ids == [FIRST]
    assert len(built.calls) == 1


def test_a_call_that_never_arrived_is_repeated_at_once() -> None:
    """A refused connection leaves no doubt: three attempts, then blocked as any failed call, and nobody asks."""
    built = kit(ASKED)
    built.services.answers[COORDINATOR] = Unreached(COORDINATOR, "connection refused")
    before = built.services.asked[COORDINATOR]
    built.deliver(FEATURES)
    state = built.state(TO5)
    assert (state.state, state.unproven) == (State.BLOCKED, None)
    assert len(built.calls) == 3
    assert built.services.asked[COORDINATOR] - before <= 2, "readiness and identity, no status"


def test_a_refusal_before_silence_is_still_an_unknown_outcome() -> None:
    """The second attempt left: from then on nothing is repeated."""
    built = kit(ASKED)
    built.services.change(
        {START: (CallAnswer(503, "busy"), CallAnswer(202, BUSY, MINUTE)), STATUS: (CallAnswer(200, IDLE),)}
    )
    built.deliver(FEATURES)
    assert len(built.calls) == 2
    assert built.state(TO5).unproven is not None


@pytest.mark.parametrize("fate", [Fate.DIES_BEFORE, Fate.DIES_AFTER])
@pytest.mark.parametrize(
    ("policy", "status"),
    [(ASKED, BUSY), (ASKED, IDLE), (UNASKED, BUSY)],
    ids=["at work", "not seen at work", "not asked"],
)
def test_who_dies_while_it_waits_leaves_an_unknown_outcome(
    fate: Fate, policy: dict[str, Any], status: dict[str, Any]
) -> None:
    """At the lease's end a service that can be asked is asked first; one that cannot is called under the same id."""
    built = kit(policy)
    slow(built, timedelta(), status)
    number = next(n for n, name in enumerate(undisturbed()) if name.startswith(f"{COORDINATOR} call"))
    built.effects.fate = (number, fate)
    with pytest.raises(Crash):
        built.deliver(FEATURES)
    built.ctx = built.instance()
    assert built.state(TO5).state is State.CLAIMED
    made = len(built.calls)
    built.sweeps(2)
    assert len(built.calls) - made == int(policy is UNASKED)
    expected = State.CONFIRMED if status is BUSY else State.DISPATCHED
    assert built.state(TO5).state is expected
    built.sweeps(15)
    assert built.state(TO5).state is State.CONFIRMED, "with no yes it is called once it had its time"
    assert {call.body["trigger_id"] for call in built.calls} <= {FIRST}
    assert built.trigger_ids == [FIRST]


def undisturbed() -> list[str]:
    built = kit(ASKED)
    slow(built, timedelta(), IDLE)
    built.deliver(FEATURES)
    return built.effects.done


def test_a_call_that_fails_after_an_unknown_one_is_retried_as_a_failed_call() -> None:
    """The second call is answered 503: a minute later again, and a yes ends it, each under the same trigger id."""
    built = kit(ASKED)
    slow(built, timedelta(hours=1), IDLE)
    built.deliver(FEATURES)
    built.services.answers[COORDINATOR] = Response(503, "")
    built.sweeps(16)
    failure = built.state(TO5).failure
    assert failure is not None
    built.services.answers[COORDINATOR] = Response(202, "")
    built.sweeps(3)
    assert built.state(TO5).state is State.CONFIRMED
    assert {call.body["trigger_id"] for call in built.calls} == {FIRST}


def test_an_operator_is_told_that_nobody_knows() -> None:
    """`orch trigger` on a service that answers late: it is told, and the run shows why and when it is called again."""
    built = kit(ASKED)
    slow(built, timedelta(hours=1), IDLE)
    status, output = built.orch("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "data is good")
    assert status == 0, output
    assert "unproven" in output
    assert len(built.calls) == 1
    _, shown = built.orch("explain", TO5, "2026-01-21", "--mode", "overnight")
    assert "unproven" in shown
    assert "no answer within" in shown
    built.sweeps(10)
    assert len(built.calls) == 1


def test_an_operator_may_call_anew_meanwhile() -> None:
    """A second `orch trigger` is an order: it is called at once, under the id of the generation nobody accepted."""
    built = kit(ASKED)
    slow(built, timedelta(hours=1), IDLE)
    built.deliver(FEATURES)
    built.wait()
    slow(built, timedelta(), IDLE)
    status, output = built.orch("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "it is idle")
    assert status == 0, output
    assert [call.body["trigger_id"] for call in built.calls] == [FIRST, FIRST]
    assert built.state(TO5).state is State.CONFIRMED


def test_the_record_says_what_was_unknown_and_what_proved_it() -> None:
    """The execution log names the doubt, then the trigger, in the order in which they happened."""
    built = kit(ASKED)
    slow(built, 5 * MINUTE, IDLE)
    built.deliver(FEATURES)
    built.sweeps(1)
    slow(built, timedelta(), BUSY)
    built.sweeps(2)
    rows = sorted(
        (row for row in built.audit.tables["phase_execution_log"].values() if row["transition"] == TO5),
        key=lambda row: row["execution_timestamp"],
    )
    decisions = [row["decision"] for row in rows]
    assert [word for word in decisions if word in ("unproven", "trigger", "confirm")][:3] == [
        "unproven",
        "trigger",
        "confirm",
    ]
    [doubt] = [row for row in rows if row["decision"] == "unproven"]
    assert "no answer" in doubt["reason"]
