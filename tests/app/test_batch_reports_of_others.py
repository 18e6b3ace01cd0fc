"""Reports of a batch that nothing of ours starts: while a pipeline keeps its own coordinator they are no fault."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.batches.receive import receive, topic_word
from shared.app.reporting.queries import quarantine
from shared.core.message import Delivery
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Publication, Step
from shared.core.wire.bodies import Body
from tests.app.handlers_kit import HandlersKit
from tests.core.build import T0
from tests.policy_files import PRODUCTION

PREDICTIONS, TOPIC = "predictions", "prediction-ready-prod"


def switched(policy: Policy) -> Policy:
    """Return the policy with 4 -> 5 starting the batch, as one line of the file would say it."""
    transition = policy.transitions["phase4_to_phase5"]
    step = Step(Publication("nba-batch-start"), Body({"batch": PREDICTIONS}))
    dispatch = replace(transition.dispatch, steps=(step,))
    return replace(
        policy,
        transitions={**policy.transitions, transition.name: replace(transition, dispatch=dispatch, refresh=None)},
    )


@pytest.mark.parametrize("starts", [False, True], ids=["own coordinator", "switched"])
def test_a_worker_of_another_coordinator_is_no_fault(starts: bool) -> None:
    """Nothing is kept and nobody is told, until the policy starts the batch itself: then an unknown id is a fault."""
    policy = load_policy(PRODUCTION)
    kit = HandlersKit(policy=switched(policy) if starts else policy)
    body = {"player_lookup": "lebronjames", "batch_id": "batch_2026-01-21_1768990000", "predictions_generated": 5}
    delivery = Delivery(
        phase=topic_word(kit.ctx, TOPIC), data=json.dumps(body).encode(), attributes={}, message_id="1",
        published_at=T0, received_at=T0,
    )  # fmt: skip
    taken = receive(kit.ctx, delivery)
    assert taken.what == ("quarantined" if starts else "foreign")
    assert len(quarantine(kit.ctx)) == len(kit.notices("quarantine")) == int(starts)
