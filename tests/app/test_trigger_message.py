"""What is sent at a trigger, field by field (behaviour 5).

Rewrite the snapshots with ``UPDATE_SNAPSHOTS=1 pytest tests/app/test_trigger_message.py`` and read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.app.transitions.dispatch import MAX_ATTRIBUTE
from shared.core.wire.bodies import Body
from shared.simulation.scenario import Health
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, TDGS, TO3, TO4, TO5, TO6, TOGS, UPGC, UTGC

SNAPSHOTS = Path(__file__).parent / "snapshots"
PHASE4 = (
    "team_defense_zone_analysis", "player_shot_zone_analysis", "player_composite_factors", "player_daily_cache",
    "ml_feature_store",
)  # fmt: skip
CHANGED = {"is_incremental": True, "entities_changed": {"players": ["203999", "1629029"], "teams": ["DEN"]}}
# Behaviour 5, word for word; `attempt` is ours, so that two dispatches of one id can be told apart.
SPECIFIED = {
    "trigger_id", "generation", "pipeline", "transition", "mode", "lane", "game_date", "correlation_id",
    "trigger_source", "triggered_by", "trigger_reason", "degraded", "missing_processors", "completed_processors",
    "entities_changed", "is_incremental", "gate_readings", "timestamp", "code_version",
    "policy_version",
}  # fmt: skip
IDS = {"trigger_id", "generation", "pipeline", "transition", "mode", "lane", "game_date", "correlation_id"}


def phase2_deadline(kit: HandlersKit) -> None:
    kit.deliver("p2_odds_game_lines", records=7, correlation_id="run-7")
    kit.deliver("p2_nbacom_boxscores", records=3)
    kit.wait(timedelta(minutes=30))
    kit.sweep()


def phase3_degraded(kit: HandlersKit) -> None:
    kit.deliver(PGS, records=203, correlation_id="c-pgs", metadata=CHANGED)
    kit.deliver(
        UPGC, records=190, correlation_id="c-upgc", metadata={**CHANGED, "entities_changed": {"teams": ["LAL"]}}
    )
    kit.deliver(TDGS, records=14)
    kit.deliver(TOGS, "partial", records=14, correlation_id="c-togs")
    kit.wait(timedelta(minutes=15))
    kit.sweep()


def phase4_call(kit: HandlersKit) -> None:
    for processor in PHASE4:
        kit.deliver(processor, records=400, correlation_id="c-4", metadata=CHANGED)


def phase5_export(kit: HandlersKit) -> None:
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 97.5})


def backfill(kit: HandlersKit) -> None:
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 97.5}, backfill_mode=True)


def operator(kit: HandlersKit) -> None:
    kit.change(games={DAY: 0})
    status, output = kit.orch("trigger", TO4, str(DAY), "--mode", "overnight", "--reason", "exhibition game")
    assert status == 0, output


CASES: dict[str, Callable[[HandlersKit], None]] = {
    "trigger_one_message": phase2_deadline,
    "trigger_per_processor": phase3_degraded,
    "trigger_call_and_message": phase4_call,
    "trigger_policy_body": phase5_export,
    "trigger_backfill": backfill,
    "trigger_operator": operator,
}


def after(case: str) -> HandlersKit:
    kit = HandlersKit(version="abc1234", policy=replace(POLICY, version="0123456789ab")).ordinary()
    CASES[case](kit)
    return kit


def shown(kit: HandlersKit) -> dict[str, Any]:
    calls = [{"to": f"{call.service}{call.path}", "body": dict(call.body)} for call in kit.calls]
    sent = [
        {"to": publication.topic, "attributes": dict(publication.message.attributes), "body": dict(publication.body)}
        for publication in kit.published
    ]
    return {"calls": calls, "messages": sent}


@pytest.mark.parametrize("case", CASES)
def test_what_leaves_is_as_it_was_approved(case: str) -> None:
    """Calls, bodies and attributes are the ones checked in."""
    messages = shown(after(case))
    path = SNAPSHOTS / f"{case}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(json.dumps(messages, indent=2, ensure_ascii=False) + "\n")
    assert messages == json.loads(path.read_text())


def test_every_snapshot_of_a_trigger_has_a_case() -> None:
    """No snapshot is left behind by a case that went."""
    assert {path.stem for path in SNAPSHOTS.glob("trigger_*.json")} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_every_message_has_every_field(case: str) -> None:
    """All fields of behaviour 5 are there, the ids are attributes too, and an attribute says what the body says."""
    kit = after(case)
    assert kit.published
    for publication in kit.published:
        assert publication.body.keys() >= SPECIFIED
        assert publication.message.attributes.keys() >= IDS
        for name, value in publication.message.attributes.items():
            assert value == (str(publication.body[name]).lower() if name == "degraded" else str(publication.body[name]))
            assert len(value.encode()) <= MAX_ATTRIBUTE
        json.dumps(publication.body, allow_nan=False)


def test_the_call_carries_the_message() -> None:
    """HTTP: the same body."""
    kit = after("trigger_call_and_message")
    [call], [message] = kit.calls, kit.published
    assert dict(call.body) == dict(message.body)
    assert call.path == "/start"


def test_only_completed_processors_have_a_message() -> None:
    """Partial ones are named missing and listed nowhere as completed; sources, dates and ids are their own."""
    kit = after("trigger_per_processor")
    bodies = {publication.body["processor_name"]: publication.body for publication in kit.published}
    assert set(bodies) == {PGS, UPGC, TDGS}
    assert bodies[PGS]["missing_processors"] == [TOGS, UTGC]
    assert bodies[PGS]["completed_processors"] == sorted(bodies)
    assert {name: body["source_table"] for name, body in bodies.items()} == {name: name for name in bodies}
    assert {body["analysis_date"] for body in bodies.values()} == {str(DAY)}
    assert {body["success"] for body in bodies.values()} == {True}
    assert bodies[PGS]["correlation_id"] == "c-pgs"
    assert bodies[UPGC]["correlation_id"] == "c-upgc"


def test_entities_are_the_union_and_incremental_only_if_all_are() -> None:
    """One processor that says nothing makes the trigger whole, not incremental."""
    body = after("trigger_per_processor").published[0].body
    assert body["entities_changed"] == {"players": ["1629029", "203999"], "teams": ["DEN", "LAL"]}
    assert body["is_incremental"] is False
    assert after("trigger_call_and_message").published[0].body["is_incremental"] is True


def test_an_absent_correlation_id_is_made_once() -> None:
    """Without one from anybody, one is made, and a second dispatch of the same id makes the same again."""
    kit = HandlersKit().ordinary()
    kit.finish("p2_odds_game_lines", "p2_nbacom_gamebook_pdf", "p2_nbacom_boxscores", "p2_bigdataball_pbp")
    kit.deliver("p2_odds_player_props")
    kit.wait(timedelta(hours=1))
    kit.sweep()
    first, again = (publication.body for publication in kit.published)
    assert first["trigger_id"] == again["trigger_id"] == NIGHT.trigger_id(TO3, 1)
    assert len(first["correlation_id"]) == 32
    assert first["correlation_id"] == again["correlation_id"]


def test_a_refresh_carries_what_the_trigger_before_it_lacked() -> None:
    """Generation 2 says `refresh`, is no longer degraded, and names everybody."""
    kit = HandlersKit().ordinary()
    phase3_degraded(kit)
    kit.deliver("player_composite_factors", "started")
    kit.deliver(TOGS, records=14)
    kit.deliver(UTGC, records=14)
    second = [publication.body for publication in kit.published if publication.body["generation"] == 2]
    assert {body["processor_name"] for body in second} == {PGS, UPGC, TDGS, TOGS}
    assert {body["trigger_reason"] for body in second} == {"refresh"}
    assert {tuple(body["missing_processors"]) for body in second} == {(UTGC,)}


def test_who_caused_it_is_named() -> None:
    """`triggered_by` is the processor whose report completed it, the sweep, or the operator."""
    named = {case: after(case).published[0].body["triggered_by"] for case in CASES}
    assert named == {
        "trigger_one_message": "sweep",
        "trigger_per_processor": "sweep",
        "trigger_call_and_message": PHASE4[-1],
        "trigger_policy_body": "prediction_coordinator",
        "trigger_backfill": "prediction_coordinator",
        "trigger_operator": "operator",
    }


def test_gate_readings_name_numbers_and_a_service_nobody_could_ask() -> None:
    """Every gate of the transition is in the readings; a service without a URL is said to be unchecked."""
    kit = HandlersKit().ordinary()
    ctx = kit.instance()
    ctx = replace(ctx, endpoints={**ctx.endpoints, "precompute": None})
    kit.health("precompute", Health.DOWN)
    for processor in PHASE3:
        kit.deliver(processor, records=200, ctx=ctx)
    readings = kit.published[0].body["gate_readings"]
    assert set(readings) == {"phase3_rows", "game_coverage", "minutes_coverage", "precompute"}
    assert "100 percent" in readings["game_coverage"]
    assert "not checked" in readings["precompute"]


def test_the_body_of_the_policy_overrides_nothing() -> None:
    """Fields of the policy's `body` stand beside ours; a policy cannot rename a trigger."""
    kit = HandlersKit().ordinary()
    policy = kit.policy
    transition = policy.transitions[TO6]
    body = {"trigger_id": "mine", "export_types": ["tonight"], "degraded": "no"}
    [step] = transition.dispatch.steps
    changed = replace(transition, dispatch=replace(transition.dispatch, steps=(replace(step, body=Body(body)),)))
    ctx = kit.instance(policy=replace(policy, transitions={**policy.transitions, TO6: changed}))
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 90}, ctx=ctx)
    [publication] = kit.published
    assert publication.body["trigger_id"] == NIGHT.trigger_id(TO6, 1)
    assert publication.body["degraded"] is False
    assert publication.body["export_types"] == ["tonight"]


@pytest.mark.parametrize(("given", "in_attributes"), [("é" * 512, True), ("é" * 513, False), (" run 7\t", True)])
def test_a_correlation_id_leaves_unchanged_or_not_at_all(given: str, in_attributes: bool) -> None:
    """Behaviour 5: whole in the body, blanks and all; of a length that no broker takes as an attribute it stands in
    the body alone, since a part of it would be another id."""
    kit = HandlersKit().ordinary()
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 90}, correlation_id=given)
    [publication] = kit.published
    assert publication.body["correlation_id"] == given
    assert publication.message.attributes.get("correlation_id") == (given if in_attributes else None)


def test_both_phases_hear_of_one_run() -> None:
    """The trigger ids of one run differ by transition and generation only."""
    kit = HandlersKit().ordinary()
    phase4_call(kit)
    phase5_export(kit)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO5, 1), NIGHT.trigger_id(TO6, 1)]
