"""Dispatch: the call, the messages, and what stands in the store afterwards (behaviour D3, D5, D7, D8, D9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from shared.app.transitions.receive import receive
from shared.core.errors import Unavailable, Unreached
from shared.core.model import State
from shared.ports import Response
from shared.simulation.scenario import CallAnswer, FaultKind
from tests.app.handlers_kit import MINUTE, HandlersKit
from tests.core.build import CACHE, FEATURES, NIGHT, PCF, POLICY, PSZA, SECOND, TDZA, TO4, TO5, TO6

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)
COORDINATOR = "prediction_coordinator"
FIRST = NIGHT.trigger_id(TO5, 1)
BACK_OFF = [1, 2, 4, 8, 15, 15, 15]


@pytest.fixture
def kit() -> HandlersKit:
    """A night with one processor of phase 4 still to come."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE4[:-1])
    return kit


def last(kit: HandlersKit) -> None:
    kit.deliver(PHASE4[-1])


def answer(kit: HandlersKit, status: int, body: str = "") -> None:
    kit.services.answers[COORDINATOR] = Response(status, body)


@pytest.mark.parametrize("status", [200, 202, 409])
def test_an_accepted_status_confirms(kit: HandlersKit, status: int) -> None:
    """200, 202 and 409 (it runs already) are a yes: one call, then one message, confirmed at once."""
    answer(kit, status)
    last(kit)
    state = kit.state(TO5)
    assert (state.state, state.generation, state.dispatches) == (State.CONFIRMED, 1, 1)
    assert [call.body["trigger_id"] for call in kit.calls] == kit.trigger_ids == [FIRST]
    kit.sweeps(90)
    assert len(kit.calls) == len(kit.published) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_rejected_call_is_held_once(kit: HandlersKit, status: int) -> None:
    """Another 4xx holds at once, with one critical alert that names status and body, and nothing is tried again."""
    answer(kit, status, "no such batch")
    last(kit)
    assert kit.state(TO5).state is State.HELD
    kit.deliver(TDZA, message_id="again")
    kit.sweeps(180)
    assert len(kit.calls) == 1
    assert not kit.published
    [held] = kit.notices("held")
    assert held.severity == "critical"
    assert str(status) in held.text
    assert "no such batch" in held.text


def test_a_deploy_tries_a_rejected_call_again(kit: HandlersKit) -> None:
    """Another code version may have repaired the body: it goes under the same trigger id."""
    answer(kit, 422)
    last(kit)
    answer(kit, 200)
    kit.sweeps(3)
    assert len(kit.calls) == 1
    kit.wait()
    kit.sweep(ctx=kit.instance("v2"))
    assert kit.state(TO5).state is State.CONFIRMED
    assert {call.body["trigger_id"] for call in kit.calls} == {FIRST}
    assert [call.body["attempt"] for call in kit.calls] == [1, 2]


def test_a_release_tries_a_rejected_call_again(kit: HandlersKit) -> None:
    """An operator who releases says that the consumer is repaired: the same trigger id leaves again."""
    answer(kit, 400)
    last(kit)
    answer(kit, 202)
    status, output = kit.orch("release", TO5, "2026-01-21", "--mode", "overnight", "--reason", "consumer repaired")
    assert status == 0, output
    assert kit.state(TO5).state is State.CONFIRMED
    assert [call.body["trigger_id"] for call in kit.calls] == [FIRST, FIRST]
    kit.sweeps(3)
    assert kit.notices("held", resolved=True)


REFUSED = Unreached(COORDINATOR, "connection refused")


@pytest.mark.parametrize("answered", [500, 502, 503, 429, 408, 425, REFUSED], ids=str)
def test_what_may_pass_is_tried_three_times_in_the_call(kit: HandlersKit, answered: int | Unreached) -> None:
    """A 5xx, a 408, a 425, a 429 and a call that never arrived are repeated at once; then the claim is free."""
    kit.services.answers[COORDINATOR] = Response(answered, "") if isinstance(answered, int) else answered
    last(kit)
    state = kit.state(TO5)
    assert (state.state, state.claim, state.generation) == (State.BLOCKED, None, 1)
    assert [call.body["attempt"] for call in kit.calls] == [1, 1, 1]
    assert len({json.dumps(call.body, sort_keys=True) for call in kit.calls}) == 1
    assert not kit.published
    assert kit.waited < kit.policy.claim_lease


@pytest.mark.parametrize("answered", [Response(503, ""), REFUSED], ids=["503", "refused"])
def test_the_sweep_tries_again_after_growing_waits(kit: HandlersKit, answered: Response | Unreached) -> None:
    """After 1, 2, 4, 8 and then every 15 minutes: a second before nothing, then exactly one attempt."""
    kit.services.answers[COORDINATOR] = answered
    last(kit)
    waits = []
    for attempt in range(2, 2 + len(BACK_OFF)):
        failure = kit.state(TO5).failure
        assert failure is not None
        ended = kit.clock.now() + kit.waited
        waits.append((failure.retry_at - ended) / MINUTE)
        kit.clock.instant, made = failure.retry_at - SECOND, len(kit.calls)
        kit.sweep()
        assert len(kit.calls) == made
        kit.clock.instant = failure.retry_at
        kit.sweep()
        assert kit.calls[-1].body["attempt"] == attempt
    assert waits == BACK_OFF
    assert {call.body["trigger_id"] for call in kit.calls} == {FIRST}


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("asked", "calls"), [(0, 3), (1, 3), (2, 1), (60, 1), (60 * 25, 1), (60 * 60, 1)])
def test_a_service_is_left_alone_for_as_long_as_it_asks(kit: HandlersKit, status: int, asked: int, calls: int) -> None:
    """A short Retry-After is waited for inside the call, a longer one by the sweeps: a second before none is made."""
    again_at = kit.clock.now() + SECOND * asked
    kit.services.answers[COORDINATOR] = Response(status, "busy", again_at)
    last(kit)
    assert len(kit.calls) == calls
    failure = kit.state(TO5).failure
    assert failure is not None
    assert failure.retry_at >= again_at
    assert failure.retry_at - kit.clock.now() <= max(SECOND * asked, MINUTE) + kit.waited
    answer(kit, 200)
    kit.clock.instant = failure.retry_at - SECOND
    kit.sweep()
    assert len(kit.calls) == calls
    kit.clock.instant = failure.retry_at
    kit.sweep()
    assert kit.state(TO5).state is State.CONFIRMED


def test_what_a_service_asks_for_never_shortens_the_waits_of_the_sweep(kit: HandlersKit) -> None:
    """A service that says `at once` time after time is asked after 1, 2, 4, 8 and 15 minutes all the same."""
    waits = []
    last_call = partial(kit.deliver, PHASE4[-1])
    for attempt in range(4):
        kit.services.answers[COORDINATOR] = Response(503, "busy", kit.clock.now())
        last_call() if attempt == 0 else kit.sweep()
        failure = kit.state(TO5).failure
        assert failure is not None
        waits.append((failure.retry_at - kit.clock.now() - kit.waited) // SECOND)
        kit.clock.instant = failure.retry_at
    assert waits == [60, 120, 240, 480]


def test_a_service_that_comes_back_is_called_once_more(kit: HandlersKit) -> None:
    """The first attempt that is accepted ends the retries, and the critical alert of the long block is taken back."""
    answer(kit, 503)
    last(kit)
    kit.sweeps(12)
    [blocked] = kit.notices("dispatch")
    assert blocked.severity == "critical"
    assert "503" in blocked.text
    answer(kit, 200)
    kit.sweeps(20)
    assert kit.state(TO5).state is State.CONFIRMED
    assert len(kit.published) == 1
    assert [notice.resolved for notice in kit.notices("dispatch")] == [False, True]
    before = len(kit.calls)
    kit.sweeps(60)
    assert len(kit.calls) == before


def test_a_call_that_was_accepted_is_not_made_again_for_its_message(kit: HandlersKit) -> None:
    """The call accepted and the broker down: redelivery and sweep publish under the same id, without a second call."""
    kit.fail("bus")
    with pytest.raises(Unavailable, match="bus"):
        kit.deliver(PHASE4[-1], message_id="last")
    assert kit.state(TO5).steps_proven == 1
    with pytest.raises(Unavailable, match="bus"):
        kit.deliver(PHASE4[-1], message_id="last")
    kit.sweeps(3)
    kit.restore()
    kit.sweeps(1)
    assert kit.state(TO5).state is State.CONFIRMED
    assert len(kit.calls) == 1
    assert [publication.body["trigger_id"] for publication in kit.published] == [FIRST]


def test_a_half_taken_dispatch_keeps_its_id_when_data_changes(kit: HandlersKit) -> None:
    """A report that arrives between the call and its message starts no other generation."""
    kit.fail("bus")
    with pytest.raises(Unavailable):
        last(kit)
    with pytest.raises(Unavailable):
        kit.deliver(FEATURES, records=5000)
    kit.restore()
    kit.deliver(FEATURES, records=6000)
    assert kit.trigger_ids == [FIRST]
    assert len(kit.calls) == 1


def test_a_call_without_an_address_says_which_variable(kit: HandlersKit) -> None:
    """A service without a URL cannot be called: blocked, naming the variable to set; it goes once there is one."""
    whole = kit.instance()
    without = replace(whole, endpoints={**whole.endpoints, COORDINATOR: None})
    kit.deliver(PHASE4[-1], ctx=without)
    state = kit.state(TO5)
    assert state.failure is not None
    assert "PREDICTION_COORDINATOR_URL" in state.failure.text
    kit.sweeps(2)
    assert kit.state(TO5).state is State.CONFIRMED


def test_a_dispatch_holds_no_claim_longer_than_its_lease(kit: HandlersKit) -> None:
    """The slowest attempt, a call that is never answered, ends within the lease: nobody dispatches beside it."""
    kit.services.answers[COORDINATOR] = None
    last(kit)
    assert kit.waited < kit.policy.claim_lease


@pytest.mark.parametrize("expired", [False, True])
def test_a_claim_whose_holder_died_waits_for_its_lease(kit: HandlersKit, expired: bool) -> None:
    """Nobody dispatches a second before the lease ends; at its end the next sweep does, under the same id, from the
    first step on that is not proven: the call was accepted, so only the message is sent."""
    kit.bus.during = lambda: kit.stage.die(kit.clock.actor, "while publishing")  # type: ignore[arg-type]
    with pytest.raises(BaseException, match="while publishing"):
        last(kit)
    claim = kit.state(TO5).claim
    assert claim is not None
    kit.clock.instant = claim.expires_at - (timedelta(0) if expired else SECOND)
    kit.sweep()
    assert len(kit.published) == int(expired)
    assert [call.body["trigger_id"] for call in kit.calls] == [FIRST]


def test_a_mark_is_written_beside_an_operators_hold(kit: HandlersKit) -> None:
    """A hold that lands while the message is on its way neither loses the mark nor is lost by it."""
    kit.bus.during = lambda: kit.orch("hold", TO5, "2026-01-21", "--mode", "overnight", "--reason", "wait")
    last(kit)
    state = kit.state(TO5)
    assert state.hold is not None
    assert state.state is State.CONFIRMED
    assert state.hold.cause == "operator"
    kit.sweeps(130)
    assert kit.trigger_ids == [FIRST]


def test_a_trigger_asked_for_during_a_dispatch_is_the_next_generation(kit: HandlersKit) -> None:
    """The command is told that another dispatch is under way; it follows as soon as that one is marked."""
    answers: list[tuple[int, str]] = []
    argv = ("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "again please")
    kit.bus.during = lambda: answers.append(kit.orch(*argv))
    last(kit)
    [(status, text)] = answers
    assert status == 5
    assert "under way" in text
    assert kit.trigger_ids == [FIRST, NIGHT.trigger_id(TO5, 2)]
    assert kit.published[-1].body["trigger_reason"] == "operator"
    assert kit.state(TO5).state is State.CONFIRMED


@pytest.mark.parametrize("racers", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_one_of_many_racing_handlers_dispatches(racers: int, seed: int) -> None:
    """The same completion in several instances at once, in any interleaving: one claim, one call, one message."""
    kit = HandlersKit(seed=seed).ordinary()
    kit.finish(*PHASE4[:-1])

    def handler(number: int) -> Callable[[], object]:
        # Every second one brings the same message.
        delivery = kit.delivery("phase4", last_message, f"m-last-{number // 2}")
        return partial(receive, kit.instance(), delivery)

    last_message = json.dumps(kit.message(PHASE4[-1])).encode()
    kit.at_once(*(handler(number) for number in range(racers)))
    assert len(kit.calls) == len(kit.published) == 1
    assert kit.state(TO5).state is State.CONFIRMED


def test_every_processor_leaves_as_a_message_of_its_own() -> None:
    """`per_processor`: one message for each completed processor, under one trigger id, in one publication."""
    kit = HandlersKit().ordinary()
    kit.deliver("player_game_summary", records=200)
    kit.deliver("upcoming_player_game_context", records=200)
    kit.deliver("team_offense_game_summary", status="partial", records=14)
    kit.wait(timedelta(minutes=31))
    kit.sweep()
    assert [publication.body["processor_name"] for publication in kit.published] == [
        "player_game_summary",
        "upcoming_player_game_context",
    ]
    assert len({publication.body["trigger_id"] for publication in kit.published}) == 1
    assert [e for e in kit.effects.done if e.startswith("bus")] == ["bus publish nba-phase4-trigger"]


def test_messages_refused_in_part_all_leave_again() -> None:
    """A dispatch needs every message id: after a broker that did not answer, all of them leave under the same id."""
    kit = HandlersKit().ordinary()
    kit.finish("player_game_summary", "upcoming_player_game_context", "team_defense_game_summary")
    kit.deliver("team_offense_game_summary")
    kit.fail("bus", FaultKind.UNAVAILABLE, timedelta(minutes=2))
    with pytest.raises(Unavailable):
        kit.deliver("upcoming_team_game_context")
    kit.sweeps(3)
    assert kit.state(TO4).state is State.DISPATCHED
    assert len(kit.published) == 5
    assert {publication.body["attempt"] for publication in kit.published} == {kit.state(TO4).attempt}


def test_a_dispatch_nobody_confirms_leaves_again_under_its_id(kit: HandlersKit) -> None:
    """`first_report`: once more after `within`, the same id as attempt 2; then critical, then any report confirms."""
    last(kit)
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    sent = [publication for publication in kit.published if publication.topic == "nba-phase6-export-trigger"]
    assert len(sent) == 1
    kit.wait(timedelta(minutes=30) - SECOND)
    kit.sweep()
    assert kit.state(TO6).dispatches == 1
    kit.wait(SECOND)
    kit.sweep()
    again = [publication.body for publication in kit.published if publication.topic == "nba-phase6-export-trigger"]
    assert [(body["trigger_id"], body["generation"], body["attempt"]) for body in again] == [
        (NIGHT.trigger_id(TO6, 1), 1, 1),
        (NIGHT.trigger_id(TO6, 1), 1, 2),
    ]
    assert again[0]["correlation_id"] == again[1]["correlation_id"]
    kit.wait(timedelta(minutes=30))
    kit.sweep()
    [critical] = kit.notices("unconfirmed")
    assert critical.severity == "critical"
    assert kit.state(TO6).state is State.DISPATCHED
    kit.sweeps(120)
    assert len(kit.trigger_ids) == 3, "one for phase 5, two for phase 6, and no more"
    kit.deliver("phase6_export", status="started")
    assert kit.state(TO6).state is State.CONFIRMED
    kit.sweeps(3)
    assert [notice.resolved for notice in kit.notices("unconfirmed")] == [False, True]


def test_only_reports_since_the_dispatch_confirm_it() -> None:
    """A report of the next phase that came before the trigger says nothing about it."""
    kit = HandlersKit().ordinary()
    kit.deliver("phase6_export", status="started")
    kit.wait()
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    kit.sweeps(2)
    assert kit.state(TO6).state is State.DISPATCHED
    kit.deliver("phase6_export", status="failed")
    assert kit.state(TO6).state is State.CONFIRMED


def test_growth_triggers_the_next_generation_once() -> None:
    """A tenth more than what was carried is generation 2; the third is only noted; a smaller growth is nothing."""
    kit = HandlersKit().ordinary()
    phase3 = ("player_game_summary", "upcoming_player_game_context", "team_defense_game_summary")
    kit.finish(*phase3, "team_offense_game_summary", records=200)
    kit.deliver("upcoming_team_game_context", records=200)
    kit.deliver("player_composite_factors", status="started")
    kit.wait()
    kit.deliver("player_game_summary", records=219)
    assert kit.state(TO4).generation == 1
    kit.deliver("player_game_summary", records=220)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1), NIGHT.trigger_id(TO4, 2)]
    assert {
        publication.body["trigger_reason"] for publication in kit.published if publication.body["generation"] == 2
    } == {"refresh"}
    kit.wait()
    kit.deliver("player_game_summary", records=400)
    kit.sweeps(3)
    assert kit.state(TO4).generation == 2
    [late] = kit.notices("late")
    assert late.severity == "info"
    assert "player_game_summary" in late.text


@pytest.mark.parametrize(("lease", "calls"), [(120, 3), (35, 1)])
def test_a_call_is_repeated_only_while_the_claim_leaves_time(lease: int, calls: int) -> None:
    """Each answer is a 503 after 15 seconds: a repetition begins only where its timeout ends within the lease (D2)."""
    kit = HandlersKit(policy=replace(POLICY, claim_lease=lease * SECOND)).ordinary()
    kit.finish(*PHASE4[:-1])
    kit.services.change({"prediction_coordinator /start": (CallAnswer(503, {}, 15 * SECOND),)})
    last(kit)
    assert len(kit.calls) == calls
    assert kit.state(TO5).claim is None
    assert kit.state(TO5).failure is not None
