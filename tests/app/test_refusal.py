"""What was started says that it did no work: a person hears why, and it goes again when an input changes (D8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.reporting import queries
from shared.core.model import State
from tests.app.handlers_kit import HandlersKit
from tests.app.test_closing import whole
from tests.core.build import CACHE, COORDINATOR, DAY, FEATURES, NIGHT, PCF, PSZA, TDZA, TO6

CAUSE = "insufficient_predictions (31 < 50)"
TABLE = "nba_predictions.player_prop_predictions"


def to_export(kit: HandlersKit) -> HandlersKit:
    """Let a night go as far as the export, which is sent and has not begun."""
    kit = kit.ordinary()
    kit.finish_phase2()
    kit.finish("player_game_summary", "upcoming_player_game_context", "team_offense_game_summary",
                 "team_defense_game_summary", "upcoming_team_game_context", records=200)  # fmt: skip
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    kit.deliver(COORDINATOR, records=150, metadata={"completion_pct": 100})
    assert kit.state(TO6).state is State.DISPATCHED
    return kit


@pytest.fixture
def refused() -> HandlersKit:
    """An export whose first and only word is that it refuses: it has begun, and it did nothing."""
    kit = to_export(HandlersKit())
    kit.wait()
    kit.deliver("phase6_export", "no_data", error_message=CAUSE)
    assert kit.state(TO6).state is State.CONFIRMED
    return kit


def sent(kit: HandlersKit) -> list[str]:
    return [trigger_id for trigger_id in kit.trigger_ids if f"/{TO6}/" in trigger_id]


def test_people_are_told_why_at_the_report(refused: HandlersKit) -> None:
    """The warning comes with the delivery; it carries the cause and is sent once, however many sweeps look."""
    refused.sweeps(20)
    [notice] = refused.notices("refused")
    assert CAUSE in notice.text
    assert "phase6_export" in notice.text
    assert sent(refused) == [NIGHT.trigger_id(TO6, 1)]
    assert refused.completion("phase6_export") is not None


def test_another_report_of_the_predictions_exports_again_and_only_once(refused: HandlersKit) -> None:
    """Generation 2 leaves with the delivery; it succeeds, and people hear that it is over."""
    refused.sweeps(2)
    refused.deliver(COORDINATOR, records=150, metadata={"completion_pct": 100})
    assert sent(refused) == [NIGHT.trigger_id(TO6, 1), NIGHT.trigger_id(TO6, 2)]
    refused.wait()
    refused.deliver("phase6_export", "success")
    refused.deliver(COORDINATOR, records=150, metadata={"completion_pct": 100})
    refused.sweeps(2)
    assert len(sent(refused)) == 2
    assert len(refused.notices("refused", resolved=True)) == 1


def test_more_rows_in_the_table_of_its_gate_export_again_without_any_report(refused: HandlersKit) -> None:
    """The predictions were late, and nobody reports them: a sweep sees that the table holds more (D8)."""
    refused.sweeps(2)
    assert len(sent(refused)) == 1
    refused.change(rows={TABLE: {DAY: 1300}})
    refused.sweep()
    assert len(sent(refused)) == 2
    refused.wait()
    refused.deliver("phase6_export", "no_data", error_message=CAUSE)
    refused.change(rows={TABLE: {DAY: 1600}})
    refused.sweeps(3)
    assert len(sent(refused)) == 2


def test_a_refusal_after_a_beginning_is_told_by_the_next_sweep() -> None:
    """The transition was confirmed by `started`; its end is a refusal all the same."""
    kit = whole(HandlersKit().ordinary())
    kit.wait()
    kit.deliver("phase6_export", "failed", error_message="bucket is read-only")
    kit.sweeps(1)
    [notice] = kit.notices("refused")
    assert "bucket is read-only" in notice.text


def test_the_run_stays_open_until_it_was_started_again(refused: HandlersKit) -> None:
    """What may still be repaired by an input keeps its run open past the window of phase 4's refresh (T5)."""
    refused.deliver(CACHE, "started")
    refused.wait(timedelta(hours=12))
    refused.sweeps(2)
    assert refused.run().closed_at is None
    refused.deliver(COORDINATOR, records=150, metadata={"completion_pct": 100})
    refused.wait()
    refused.deliver("phase6_export", "no_data", error_message=CAUSE)
    refused.sweeps(2)
    assert refused.run().closed_at is not None


def test_explain_says_so(refused: HandlersKit) -> None:
    """`orch explain` of a confirmed export names who refused, before the next sweep as after it."""
    assert "phase6 refused: phase6_export" in queries.explain(refused.ctx, NIGHT, TO6).reason
