"""A dispatch of several steps: each sent once, in order, with the body that the policy writes (behaviour D12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core.errors import Unavailable
from shared.core.model import Claim, State
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import HttpCall, Messages, Publication, Step
from shared.core.wire.bodies import Body
from shared.simulation.scenario import CallAnswer, Health
from tests.app.handlers_kit import HandlersKit
from tests.core.build import CACHE, FEATURES, NIGHT, PCF, PSZA, SECOND, TDZA, TO4, TO5, TO6

PHASE4 = (TDZA, PSZA, PCF, CACHE, FEATURES)

START = Step(
    HttpCall("prediction_coordinator", "/start"),
    Body(
        {"game_date": "{game_date}", "who": "{processors:class}", "run_mode": "FIRST", "note": "{mode} of {pipeline}"},
        by_generation={"later": {"run_mode": "RETRY"}},
        by_lane={"backfill": {"run_mode": "BACKFILL"}},
    ),
    accepts={"game_date": "date", "who": "list", "run_mode": "text"},
)
TOLD = Step(Publication("first-told"), Body({"target_date": "{game_date}"}), plain=False)
EACH = Step(Publication("each-told", Messages.PER_PROCESSOR), Body({"class": "{processor:class}"}))


def changed(policy: Policy, *steps: Step, refresh: tuple[Step, ...] = ()) -> Policy:
    """Return the policy with these steps from phase 4 to phase 5."""
    transition = policy.transitions[TO5]
    again = replace(policy.transitions[TO4].refresh, steps=refresh) if refresh else None  # type: ignore[type-var]
    dispatch = replace(transition.dispatch, steps=steps)
    return replace(
        policy, transitions={**policy.transitions, TO5: replace(transition, dispatch=dispatch, refresh=again)}
    )


def arrive(kit: HandlersKit, ctx: Any) -> None:
    for name in PHASE4:
        kit.deliver(name, ctx=ctx)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def test_steps_leave_in_order_each_with_its_own_body(kit: HandlersKit) -> None:
    """Call, publication, one message for each processor: templates are replaced, a lone one keeps its type."""
    ctx = kit.instance(policy=changed(kit.policy, START, TOLD, EACH))
    arrive(kit, ctx)
    [call] = kit.calls
    assert call.body["game_date"] == "2026-01-21"
    assert call.body["who"][0] == "MLFeatureStoreProcessor"
    assert (call.body["run_mode"], call.body["note"]) == ("FIRST", "overnight of nba")
    publication, *each = kit.published
    assert publication.body == {"target_date": "2026-01-21"}
    assert publication.message.attributes["trigger_id"] == NIGHT.trigger_id(TO5, 1)
    assert {message.body["class"] for message in each} == {
        "MLFeatureStoreProcessor", "PlayerDailyCacheProcessor", "TeamDefenseZoneAnalysisProcessor",
        "PlayerShotZoneAnalysisProcessor", "PlayerCompositeFactorsProcessor",
    }  # fmt: skip
    assert kit.state(TO5).state is State.CONFIRMED


def test_a_crash_between_two_steps_resumes_at_the_first_that_is_not_proven(kit: HandlersKit) -> None:
    """The call and the first message are proven; only the last step is sent again, under the same trigger id."""
    ctx = kit.instance(policy=changed(kit.policy, START, TOLD, EACH))
    kit.bus.during = lambda: setattr(kit.bus, "during", lambda: kit.fail("bus"))
    with pytest.raises(Unavailable, match="bus"):
        arrive(kit, ctx)
    assert kit.state(TO5).steps_proven == 2
    kit.bus.during = None
    kit.restore()
    kit.sweep(ctx=ctx)
    assert kit.state(TO5).state is State.CONFIRMED
    assert len(kit.calls) == 1
    assert [message.body for message in kit.published].count({"target_date": "2026-01-21"}) == 1


def test_what_its_reader_would_refuse_stays_here(kit: HandlersKit) -> None:
    """A body without what `accepts` wants is held with the field's name, before anything is sent."""
    strict = replace(TOLD, accepts={"analysis_date": "date"})
    arrive(kit, kit.instance(policy=changed(kit.policy, strict)))
    assert kit.state(TO5).state is State.HELD
    assert not kit.published
    assert "analysis_date is missing" in (kit.state(TO5).hold or pytest.fail("no hold")).text


def test_a_later_generation_says_so(kit: HandlersKit) -> None:
    """An operator's second generation goes the same way with the overlay for later ones."""
    ctx = kit.instance(policy=changed(kit.policy, START))
    arrive(kit, ctx)
    kit.orch("trigger", TO5, "2026-01-21", "--mode", "overnight", "--reason", "again", ctx=ctx)
    assert [call.body["run_mode"] for call in kit.calls] == ["FIRST", "RETRY"]


def test_a_policy_renames_no_trigger_but_chooses_all_else(kit: HandlersKit) -> None:
    """What it writes wins over the plain field of that name, but for those that say which trigger it is."""
    body = Body({"trigger_id": "mine", "mode": "daily", "correlation_id": "{run_id}"})
    kit.deliver(
        "prediction_coordinator",
        records=150,
        metadata={"completion_pct": 90},
        ctx=kit.instance(policy=_to6(kit.policy, body)),
    )
    [message] = kit.published
    assert message.body["trigger_id"] == NIGHT.trigger_id(TO6, 1)
    assert (message.body["mode"], message.body["correlation_id"]) == ("daily", NIGHT.id)


def _to6(policy: Policy, body: Body) -> Policy:
    transition = policy.transitions[TO6]
    [step] = transition.dispatch.steps
    dispatch = replace(transition.dispatch, steps=(replace(step, body=body),))
    return replace(policy, transitions={**policy.transitions, TO6: replace(transition, dispatch=dispatch)})


def test_identity_may_stand_at_a_path_of_its_own(kit: HandlersKit) -> None:
    """A service that is ready and answers to another name at `/health` is unfit, by both names."""
    service = replace(kit.policy.services["precompute"], identity_path="/health", ready_path="/health/ready")
    policy = replace(kit.policy, services={**kit.policy.services, "precompute": service})
    kit.health("precompute", Health.WRONG_IDENTITY)
    ctx = kit.instance(policy=policy)
    for name in kit.policy.phases["phase3"].processors:
        kit.deliver(name, records=200, ctx=ctx)
    state = kit.state(TO4)
    assert state.state is State.BLOCKED
    assert "expected 'nba-phase4-precompute-processors'" in state.blocked["precompute"].text


def test_an_accepted_step_renews_the_claim(kit: HandlersKit) -> None:
    """The first step was answered after 15 seconds: the lease of who makes the second runs from then on (D2)."""
    ctx, claims = kit.instance(policy=changed(kit.policy, START, TOLD)), list[Claim | None]()
    kit.services.change({"prediction_coordinator /start": (CallAnswer(202, {}, 15 * SECOND),)})
    kit.bus.during = lambda: claims.append(kit.state(TO5).claim)
    arrive(kit, ctx)
    [claim] = claims
    assert claim is not None
    assert claim.expires_at - claim.claimed_at == kit.policy.claim_lease + 15 * SECOND
