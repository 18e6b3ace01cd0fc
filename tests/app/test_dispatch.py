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
def house() -> HandlersKit:
    """A night with one processor of phase 4 still to come."""
    house = HandlersKit().ordinary()
    house.finish(*PHASE4[:-1])
    return house


def last(house: HandlersKit) -> None:
    house.deliver(PHASE4[-1])


def answer(house: HandlersKit, status: int, body: str = "") -> None:
    house.services.answers[COORDINATOR] = Response(status, body)


@pytest.mark.parametrize("status", [200, 202, 409])
def test_an_accepted_status_confirms(house: HandlersKit, status: int) -> None:
    """200, 202 and 409 (it runs already) are a yes: one call, then one message, confirmed at once."""
    answer(house, status)
    last(house)
    state = house.state(TO5)
    assert (state.state, state.generation, state.dispatches) == (State.CONFIRMED, 1, 1)
    assert [call.body["trigger_id"] for call in house.calls] == house.trigger_ids == [FIRST]
    house.sweeps(90)
    assert len(house.calls) == len(house.published) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_rejected_call_is_held_once(house: HandlersKit, status: int) -> None:
    """Another 4xx holds at once, with one critical alert that names status and body, and nothing is tried again."""
    answer(house, status, "no such batch")
    last(house)
    assert house.state(TO5).state is State.HELD
    house.deliver(TDZA, message_id="again")
    house.sweeps(180)
    assert len(house.calls) == 1
    assert not house.published
    [held] = house.notices("held")
    assert held.severity == "critical"
    assert str(status) in held.text
    assert "no such batch" in held.text


def test_a_deploy_tries_a_rejected_call_again(house: HandlersKit) -> None:
    """Another code version may have mended the body: it goes under the same trigger id."""
    answer(house, 422)
    last(house)
    answer(house, 200)
    house.sweeps(3)
    assert len(house.calls) == 1
    house.wait()
    house.sweep(ctx=house.instance("v2"))
    assert house.state(TO5).state is State.CONFIRMED
    assert {call.body["trigger_id"] for call in house.calls} == {FIRST}
    assert [call.body["attempt"] for call in house.calls] == [1, 2]


def test_a_release_tries_a_rejected_call_again(house: HandlersKit) -> None:
    """An operator who releases says that the consumer is mended: the same trigger id leaves again."""
    answer(house, 400)
    last(house)
    answer(house, 202)
    status, said = house.orch("release", TO5, "2026-01-21", "--mode", "overnight", "--reason", "consumer repaired")
    assert status == 0, said
    assert house.state(TO5).state is State.CONFIRMED
    assert [call.body["trigger_id"] for call in house.calls] == [FIRST, FIRST]
    house.sweeps(3)
    assert house.notices("held", resolved=True)


REFUSED = Unreached(COORDINATOR, "connection refused")


@pytest.mark.parametrize("answered", [500, 502, 503, 429, 408, 425, REFUSED], ids=str)
def test_what_may_pass_is_tried_three_times_in_the_call(house: HandlersKit, answered: int | Unreached) -> None:
    """A 5xx, a 408, a 425, a 429 and a call that never arrived are repeated at once; then the claim is free."""
    house.services.answers[COORDINATOR] = Response(answered, "") if isinstance(answered, int) else answered
    last(house)
    state = house.state(TO5)
    assert (state.state, state.claim, state.generation) == (State.BLOCKED, None, 1)
    assert [call.body["attempt"] for call in house.calls] == [1, 1, 1]
    assert len({json.dumps(call.body, sort_keys=True) for call in house.calls}) == 1
    assert not house.published
    assert house.waited < house.policy.claim_lease


@pytest.mark.parametrize("answered", [Response(503, ""), REFUSED], ids=["503", "refused"])
def test_the_sweep_tries_again_after_growing_waits(house: HandlersKit, answered: Response | Unreached) -> None:
    """After 1, 2, 4, 8 and then every 15 minutes: a second before nothing, then exactly one attempt."""
    house.services.answers[COORDINATOR] = answered
    last(house)
    waits = []
    for attempt in range(2, 2 + len(BACK_OFF)):
        failure = house.state(TO5).failure
        assert failure is not None
        ended = house.clock.now() + house.waited
        waits.append((failure.retry_at - ended) / MINUTE)
        house.clock.instant, made = failure.retry_at - SECOND, len(house.calls)
        house.sweep()
        assert len(house.calls) == made
        house.clock.instant = failure.retry_at
        house.sweep()
        assert house.calls[-1].body["attempt"] == attempt
    assert waits == BACK_OFF
    assert {call.body["trigger_id"] for call in house.calls} == {FIRST}


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("asked", "calls"), [(0, 3), (1, 3), (2, 1), (60, 1), (60 * 25, 1), (60 * 60, 1)])
def test_a_service_is_left_alone_for_as_long_as_it_asks(
    house: HandlersKit, status: int, asked: int, calls: int
) -> None:
    """A short Retry-After is waited for inside the call, a longer one by the sweeps: a second before none is made."""
    again_at = house.clock.now() + SECOND * asked
    house.services.answers[COORDINATOR] = Response(status, "busy", again_at)
    last(house)
    assert len(house.calls) == calls
    failure = house.state(TO5).failure
    assert failure is not None
    assert failure.retry_at >= again_at
    assert failure.retry_at - house.clock.now() <= max(SECOND * asked, MINUTE) + house.waited
    answer(house, 200)
    house.clock.instant = failure.retry_at - SECOND
    house.sweep()
    assert len(house.calls) == calls
    house.clock.instant = failure.retry_at
    house.sweep()
    assert house.state(TO5).state is State.CONFIRMED


def test_what_a_service_asks_for_never_shortens_the_waits_of_the_sweep(house: HandlersKit) -> None:
    """A service that says `at once` time after time is asked after 1, 2, 4, 8 and 15 minutes all the same."""
    waits = []
    last_call = partial(house.deliver, PHASE4[-1])
    for attempt in range(4):
        house.services.answers[COORDINATOR] = Response(503, "busy", house.clock.now())
        last_call() if attempt == 0 else house.sweep()
        failure = house.state(TO5).failure
        assert failure is not None
        waits.append((failure.retry_at - house.clock.now() - house.waited) // SECOND)
        house.clock.instant = failure.retry_at
    assert waits == [60, 120, 240, 480]


def test_a_service_that_comes_back_is_called_once_more(house: HandlersKit) -> None:
    """The first attempt that is accepted ends the retries, and the critical alert of the long block is taken back."""
    answer(house, 503)
    last(house)
    house.sweeps(12)
    [blocked] = house.notices("dispatch")
    assert blocked.severity == "critical"
    assert "503" in blocked.text
    answer(house, 200)
    house.sweeps(20)
    assert house.state(TO5).state is State.CONFIRMED
    assert len(house.published) == 1
    assert [notice.resolved for notice in house.notices("dispatch")] == [False, True]
    before = len(house.calls)
    house.sweeps(60)
    assert len(house.calls) == before


def test_a_call_that_was_accepted_is_not_made_again_for_its_message(house: HandlersKit) -> None:
    """The call accepted and the broker down: redelivery and sweep publish under the same id, without a second call."""
    house.fail("bus")
    with pytest.raises(Unavailable, match="bus"):
        house.deliver(PHASE4[-1], message_id="last")
    assert house.state(TO5).steps_proven == 1
    with pytest.raises(Unavailable, match="bus"):
        house.deliver(PHASE4[-1], message_id="last")
    house.sweeps(3)
    house.mend()
    house.sweeps(1)
    assert house.state(TO5).state is State.CONFIRMED
    assert len(house.calls) == 1
    assert [one.body["trigger_id"] for one in house.published] == [FIRST]


def test_a_half_taken_dispatch_keeps_its_id_when_data_changes(house: HandlersKit) -> None:
    """A report that arrives between the call and its message starts no other generation."""
    house.fail("bus")
    with pytest.raises(Unavailable):
        last(house)
    with pytest.raises(Unavailable):
        house.deliver(FEATURES, records=5000)
    house.mend()
    house.deliver(FEATURES, records=6000)
    assert house.trigger_ids == [FIRST]
    assert len(house.calls) == 1


def test_a_call_without_an_address_says_which_variable(house: HandlersKit) -> None:
    """A service without a URL cannot be called: blocked, naming the variable to set; it goes once there is one."""
    whole = house.instance()
    without = replace(whole, endpoints={**whole.endpoints, COORDINATOR: None})
    house.deliver(PHASE4[-1], ctx=without)
    state = house.state(TO5)
    assert state.failure is not None
    assert "PREDICTION_COORDINATOR_URL" in state.failure.text
    house.sweeps(2)
    assert house.state(TO5).state is State.CONFIRMED


def test_a_dispatch_holds_no_claim_longer_than_its_lease(house: HandlersKit) -> None:
    """The slowest attempt, a call that is never answered, ends within the lease: nobody dispatches beside it."""
    house.services.answers[COORDINATOR] = None
    last(house)
    assert house.waited < house.policy.claim_lease


@pytest.mark.parametrize("expired", [False, True])
def test_a_claim_whose_holder_died_waits_for_its_lease(house: HandlersKit, expired: bool) -> None:
    """Nobody dispatches a second before the lease ends; at its end the next sweep does, under the same id, from the
    first step on that is not proven: the call was accepted, so only the message is sent."""
    house.bus.during = lambda: house.stage.die(house.clock.actor, "while publishing")  # type: ignore[arg-type]
    with pytest.raises(BaseException, match="while publishing"):
        last(house)
    claim = house.state(TO5).claim
    assert claim is not None
    house.clock.instant = claim.expires_at - (timedelta(0) if expired else SECOND)
    house.sweep()
    assert len(house.published) == int(expired)
    assert [call.body["trigger_id"] for call in house.calls] == [FIRST]


def test_a_mark_is_written_beside_an_operators_hold(house: HandlersKit) -> None:
    """A hold that lands while the message is on its way neither loses the mark nor is lost by it."""
    house.bus.during = lambda: house.orch("hold", TO5, "2026-01-21", "--mode", "overnight", "--reason", "wait")
    last(house)
    state = house.state(TO5)
    assert state.hold is not None
    assert state.state is State.CONFIRMED
    assert state.hold.cause == "operator"
    house.sweeps(130)
    assert house.trigger_ids == [FIRST]


def test_a_trigger_asked_for_during_a_dispatch_is_the_next_generation(house: HandlersKit) -> None:
    """The command is told that another dispatch is under way; it follows as soon as that one is marked."""
    said: list[tuple[int, str]] = []
    argv = ("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "again please")
    house.bus.during = lambda: said.append(house.orch(*argv))
    last(house)
    [(status, text)] = said
    assert status == 5
    assert "under way" in text
    assert house.trigger_ids == [FIRST, NIGHT.trigger_id(TO5, 2)]
    assert house.published[-1].body["trigger_reason"] == "operator"
    assert house.state(TO5).state is State.CONFIRMED


@pytest.mark.parametrize("racers", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_one_of_many_racing_handlers_dispatches(racers: int, seed: int) -> None:
    """The same completion in several instances at once, in any interleaving: one claim, one call, one message."""
    house = HandlersKit(seed=seed).ordinary()
    house.finish(*PHASE4[:-1])

    def handler(number: int) -> Callable[[], object]:
        # Every second one brings the same message.
        delivery = house.delivery("phase4", last_message, f"m-last-{number // 2}")
        return partial(receive, house.instance(), delivery)

    last_message = json.dumps(house.message(PHASE4[-1])).encode()
    house.at_once(*(handler(number) for number in range(racers)))
    assert len(house.calls) == len(house.published) == 1
    assert house.state(TO5).state is State.CONFIRMED


def test_every_processor_leaves_as_a_message_of_its_own() -> None:
    """`per_processor`: one message for each completed processor, under one trigger id, in one publication."""
    house = HandlersKit().ordinary()
    house.deliver("player_game_summary", records=200)
    house.deliver("upcoming_player_game_context", records=200)
    house.deliver("team_offense_game_summary", status="partial", records=14)
    house.wait(timedelta(minutes=31))
    house.sweep()
    assert [one.body["processor_name"] for one in house.published] == [
        "player_game_summary",
        "upcoming_player_game_context",
    ]
    assert len({one.body["trigger_id"] for one in house.published}) == 1
    assert [e for e in house.effects.done if e.startswith("bus")] == ["bus publish nba-phase4-trigger"]


def test_messages_refused_in_part_all_leave_again() -> None:
    """A dispatch needs every message id: after a broker that did not answer, all of them leave under the same id."""
    house = HandlersKit().ordinary()
    house.finish("player_game_summary", "upcoming_player_game_context", "team_defense_game_summary")
    house.deliver("team_offense_game_summary")
    house.fail("bus", FaultKind.UNAVAILABLE, timedelta(minutes=2))
    with pytest.raises(Unavailable):
        house.deliver("upcoming_team_game_context")
    house.sweeps(3)
    assert house.state(TO4).state is State.DISPATCHED
    assert len(house.published) == 5
    assert {one.body["attempt"] for one in house.published} == {house.state(TO4).attempt}


def test_a_dispatch_nobody_confirms_leaves_again_under_its_id(house: HandlersKit) -> None:
    """`first_report`: once more after `within`, the same id as attempt 2; then critical, then any report confirms."""
    last(house)
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    sent = [one for one in house.published if one.topic == "nba-phase6-export-trigger"]
    assert len(sent) == 1
    house.wait(timedelta(minutes=30) - SECOND)
    house.sweep()
    assert house.state(TO6).dispatches == 1
    house.wait(SECOND)
    house.sweep()
    again = [one.body for one in house.published if one.topic == "nba-phase6-export-trigger"]
    assert [(body["trigger_id"], body["generation"], body["attempt"]) for body in again] == [
        (NIGHT.trigger_id(TO6, 1), 1, 1),
        (NIGHT.trigger_id(TO6, 1), 1, 2),
    ]
    assert again[0]["correlation_id"] == again[1]["correlation_id"]
    house.wait(timedelta(minutes=30))
    house.sweep()
    [critical] = house.notices("unconfirmed")
    assert critical.severity == "critical"
    assert house.state(TO6).state is State.DISPATCHED
    house.sweeps(120)
    assert len(house.trigger_ids) == 3, "one for phase 5, two for phase 6, and no more"
    house.deliver("phase6_export", status="started")
    assert house.state(TO6).state is State.CONFIRMED
    house.sweeps(3)
    assert [notice.resolved for notice in house.notices("unconfirmed")] == [False, True]


def test_only_reports_since_the_dispatch_confirm_it() -> None:
    """A report of the next phase that came before the trigger says nothing about it."""
    house = HandlersKit().ordinary()
    house.deliver("phase6_export", status="started")
    house.wait()
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    house.sweeps(2)
    assert house.state(TO6).state is State.DISPATCHED
    house.deliver("phase6_export", status="failed")
    assert house.state(TO6).state is State.CONFIRMED


def test_growth_triggers_the_next_generation_once() -> None:
    """A tenth more than what was carried is generation 2; the third is only noted; a smaller growth is nothing."""
    house = HandlersKit().ordinary()
    phase3 = ("player_game_summary", "upcoming_player_game_context", "team_defense_game_summary")
    house.finish(*phase3, "team_offense_game_summary", records=200)
    house.deliver("upcoming_team_game_context", records=200)
    house.deliver("player_composite_factors", status="started")
    house.wait()
    house.deliver("player_game_summary", records=219)
    assert house.state(TO4).generation == 1
    house.deliver("player_game_summary", records=220)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1), NIGHT.trigger_id(TO4, 2)]
    assert {one.body["trigger_reason"] for one in house.published if one.body["generation"] == 2} == {"refresh"}
    house.wait()
    house.deliver("player_game_summary", records=400)
    house.sweeps(3)
    assert house.state(TO4).generation == 2
    [late] = house.notices("late")
    assert late.severity == "info"
    assert "player_game_summary" in late.text


@pytest.mark.parametrize(("lease", "calls"), [(120, 3), (35, 1)])
def test_a_call_is_repeated_only_while_the_claim_leaves_time(lease: int, calls: int) -> None:
    """Each answer is a 503 after 15 seconds: a repetition begins only where its timeout ends within the lease (D2)."""
    house = HandlersKit(policy=replace(POLICY, claim_lease=lease * SECOND)).ordinary()
    house.finish(*PHASE4[:-1])
    house.services.change({"prediction_coordinator /start": (CallAnswer(503, {}, 15 * SECOND),)})
    last(house)
    assert len(house.calls) == calls
    assert house.state(TO5).claim is None
    assert house.state(TO5).failure is not None
