"""`explain --at` in the past: what stood then, from the record, whatever has happened since (design: explain)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.adapters.local.sqlite import SqliteStore
from shared.app.reporting import past, queries
from shared.ports import Response
from tests.app.handlers_kit import HandlersKit, lane
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, TDGS, TO4, TO5, TO6, TOGS, UPGC, UTGC

ON = (str(DAY), "--mode", "overnight")
# What is about the moment of asking, or was read of the world then, of which the record keeps the words alone.
OF_THE_MOMENT = {"at", "as_of", "decision", "gates", "next", "preflight", "reason", "trigger"}


@pytest.fixture
def kit(tmp_path: Path) -> HandlersKit:
    return HandlersKit(
        store=SqliteStore(tmp_path / "state.db"), audit=DuckDbAuditLog(tmp_path / "record.duckdb", "nba_orchestration")
    ).ordinary()


def seen(kit: HandlersKit, transition: str = TO4) -> dict[str, Any]:
    return queries.explain(kit.ctx, NIGHT, transition).evidence


def then(kit: HandlersKit, at: datetime, transition: str = TO4) -> dict[str, Any]:
    status, output = kit.orch("explain", transition, *ON, "--at", at.isoformat(), "--json")
    assert status == 0, output
    return dict(json.loads(output))


def played(kit: HandlersKit) -> dict[datetime, tuple[dict[str, Any], str]]:
    """Play a night; return what was explained at each minute, and in which words."""
    script = {
        1: lambda: kit.deliver(PGS, records=200),
        3: lambda: kit.deliver(TOGS, "failed", error_message="quota"),
        5: lambda: kit.finish(UPGC, TDGS, records=200),
        9: lambda: kit.deliver(TOGS, records=210),
        12: lambda: kit.change(readings={"game_coverage": 57.0}),
        14: lambda: kit.deliver(UTGC, records=200),
        20: lambda: kit.change(readings={"game_coverage": 100.0}),
        26: lambda: kit.deliver("player_daily_cache", "started"),
    }
    explanations = {}
    kit.sweep()
    for minute in range(40):
        kit.wait()
        if minute in script:
            script[minute]()
        kit.sweep()
        explained = queries.explain(kit.ctx, NIGHT, TO4)
        explanations[kit.clock.now()] = (explained.evidence, explained.reason)
    return explanations


def test_a_played_night_is_explained_as_it_was_explained(kit: HandlersKit) -> None:
    """Every minute of a night, asked three days later, has the state, the processors, the clock and the missing that
    it had then; a gate that blocked is named; and the answer says of which time it speaks and from where."""
    night = played(kit)
    assert {evidence["state"] for evidence, _ in night.values()} == {"waiting", "blocked", "dispatched", "confirmed"}
    kit.deliver(PGS, "failed", error_message="long after")
    kit.wait(timedelta(days=3))
    kit.sweep()
    for at, (evidence, reason) in night.items():
        answer = then(kit, at)
        assert {k: v for k, v in answer.items() if k not in (*OF_THE_MOMENT, "schema_version")} == {
            k: v for k, v in evidence.items() if k not in OF_THE_MOMENT
        }, at
        assert (answer["at"], answer["as_of"]) == (at.isoformat(), "the record")
        if evidence["state"] == "waiting":
            assert answer["reason"] == reason
        if evidence["state"] == "blocked":
            assert "game_coverage reads 57 percent" in answer["reason"]
        if evidence["trigger"] is not None:
            assert answer["trigger"] == evidence["trigger"]


def test_the_text_says_of_which_time_it_speaks(kit: HandlersKit) -> None:
    """A past time is as of then from the record, a time to come from what is known now, the present is now."""
    kit.deliver(PGS, records=200)
    kit.sweeps(5)
    past_text, now, later = (
        kit.orch("explain", TO4, *ON, *more)[1].splitlines()[1].strip()
        for more in (("--at", "06:03"), (), ("--at", "06:30"))
    )
    assert past_text == "as of: 2026-01-22 06:03 EST, from the record"
    assert now == "as of: 2026-01-22 06:05 EST, now"
    assert later == "as of: 2026-01-22 06:30 EST, from what is known now"


def test_what_waits_for_the_record_counts(kit: HandlersKit) -> None:
    """A report of which no sweep has written anything yet stands in its document, and is part of that time."""
    kit.sweep()
    kit.deliver(PGS, records=200)
    at = kit.clock.now()
    kit.wait()
    assert then(kit, at)["done"] == [PGS]


def test_before_a_run_was_opened_there_is_nothing_to_explain(kit: HandlersKit) -> None:
    """Exit 3, with when it was opened."""
    kit.deliver(PGS, records=200)
    kit.sweeps(2)
    status, output = kit.orch("explain", TO4, *ON, "--at", "05:30")
    assert (status, "was not open at 05:30 EST: it was opened 06:00 EST" in output) == (3, True)
    status, output = kit.orch("explain", TO4, *ON, "--at", "2020-01-01 06:00")
    assert (status, "was not open at 2020-01-01 06:00 EST: it was opened 06:00 EST" in output) == (3, True)


def test_where_the_record_does_not_reach_nothing_is_answered(kit: HandlersKit) -> None:
    """The record took nothing of a night, and the documents have passed it on: exit 4 and what is lacking, not today's
    state as if it had been yesterday's."""
    kit.deliver(PGS, records=200)
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    kit.sweeps(3)
    empty = DuckDbAuditLog(Path(":memory:") / "absent.duckdb", "nba_orchestration")
    ctx = replace(kit.ctx, ports=replace(kit.ports, audit=empty))
    status, output = kit.orch("explain", TO4, *ON, "--at", "06:02", ctx=ctx)
    assert status == 4, output
    assert f"a report of {PGS}" in output
    assert "trigger 1" in output
    assert "as it stands now: bin/orch explain" in output


def test_where_the_record_does_not_answer_nothing_is_answered() -> None:
    """Exit 5, like everything outside that is away."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    kit.sweeps(3)
    kit.fail("record")
    status, output = kit.orch("explain", TO4, *ON, "--at", "06:01")
    assert status == 5, output


def test_the_lanes_are_told_apart(kit: HandlersKit) -> None:
    """What the backfill of a date did is no part of what its live run did."""
    kit.sweep()
    kit.deliver(PGS, records=200, backfill_mode=True)
    at = kit.clock.now()
    kit.sweeps(2)
    assert then(kit, at)["done"] == []
    answer = past.explain_then(kit.ctx, lane(NIGHT), TO4, at)
    assert not isinstance(answer, past.NotOpen | past.Beyond)
    assert answer.done == {PGS}


def test_a_hold_and_a_refusal_are_told_as_they_were(kit: HandlersKit) -> None:
    """Held by an operator, held by an answer of the consumer, released: each as of its own time."""
    kit.sweep()
    kit.orch("hold", TO4, *ON, "--reason", "lines are wrong")
    kit.sweeps(1)
    on_hold = kit.clock.now()
    kit.wait()
    kit.orch("release", TO4, *ON, "--reason", "lines are right")
    kit.services.answers["prediction_coordinator"] = Response(422, "no such field")
    kit.finish(*POLICY.phases["phase4"].processors, records=200)
    kit.sweeps(2)
    after = kit.clock.now()
    kit.sweeps(2)
    assert (then(kit, on_hold)["state"], "lines are wrong" in then(kit, on_hold)["reason"]) == ("held", True)
    assert then(kit, after)["state"] == "waiting"
    assert (then(kit, after, TO5)["state"], "422" in then(kit, after, TO5)["reason"]) == ("held", True)
    assert then(kit, after, TO6)["state"] == "waiting"
