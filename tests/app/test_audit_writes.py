"""The record for people: what is written where when one side, the other or both are away (behaviour 8).

The same four cases run against emulators that are really stopped in ``tests/emulators/test_dual_write.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import timedelta

import pytest

from shared.app.audit.rows import report_of
from shared.app.audit.write import ATTEMPTS, BUDGET, completion_row
from shared.core.errors import Unavailable
from shared.core.model import Outcome, Report, RunKey, State
from shared.core.policy.phases import Need
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import Fate, HandlersKit, lane
from tests.core.build import (
    CACHE,
    DAY,
    FEATURES,
    NIGHT,
    PCF,
    PGS,
    PHASE3,
    POLICY,
    PSZA,
    TDGS,
    TDZA,
    TO4,
    TO6,
    UPGC,
    report,
)  # fmt: skip
from tests.core.test_sources import A, B, policy_of_sources

COMPLETIONS, EXECUTIONS = "phase_completions", "phase_execution_log"
HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> HandlersKit:
    return HandlersKit().ordinary()


def rows(house: HandlersKit, table: str = COMPLETIONS) -> list[dict[str, object]]:
    return [dict(row) for row in house.audit.tables.get(table, {}).values()]


def messages(house: HandlersKit) -> list[str]:
    return sorted(str(row["message_id"]) for row in rows(house))


# the four cases


def test_both_sides_are_there(house: HandlersKit) -> None:
    """The delivery writes state; the next sweep writes the record, once, and takes it off the document."""
    house.deliver(PGS, records=200, message_id="m-1")
    assert rows(house) == []
    house.sweeps(3)
    assert messages(house) == ["m-1"]
    known = house.completion(PGS)
    assert known is not None
    assert known.pending_audit == ()


def test_the_record_is_away(house: HandlersKit) -> None:
    """Every delivery is taken and every decision made; what the record lacks waits, and is written when it is back."""
    house.fail("record", lasts=timedelta(minutes=10))
    for processor in PHASE3:
        house.deliver(processor, records=200, message_id=f"m-{processor}")
    assert house.state(TO4).state is State.DISPATCHED
    house.sweeps(9)
    assert rows(house) == []
    assert house.logged("record.unavailable")
    assert house.notices() == []
    house.sweeps(5)
    assert messages(house) == sorted(f"m-{processor}" for processor in PHASE3)
    assert Counter(row["decision"] for row in rows(house, EXECUTIONS))["trigger"] == 1


def test_state_is_away(house: HandlersKit) -> None:
    """The completion goes to the record and is delivered again; the redelivery adds no row that counts twice."""
    house.fail("state", lasts=timedelta(minutes=3))
    with pytest.raises(Unavailable, match="state"):
        house.deliver(PGS, records=200, message_id="m-1")
    assert messages(house) == ["m-1"]
    house.wait(timedelta(minutes=4))
    house.deliver(PGS, records=200, message_id="m-1")
    house.sweeps(3)
    assert messages(house) == ["m-1"]
    known = house.completion(PGS)
    assert known is not None
    assert (known.superseded, known.message_ids) == (0, ("m-1",))


def test_both_are_away(house: HandlersKit) -> None:
    """Nothing is written anywhere, the message is not acknowledged, and its redelivery stands on both sides."""
    house.fail("state", lasts=timedelta(minutes=3))
    house.fail("record", lasts=timedelta(minutes=3))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200, message_id="m-1")
    assert (rows(house), house.documents("runs")) == ([], [])
    assert len(house.notices("both_down")) == 1
    house.wait(timedelta(minutes=4))
    house.deliver(PGS, records=200, message_id="m-1")
    house.sweeps(3)
    assert messages(house) == ["m-1"]


def test_a_transient_error_is_tried_again_at_once(house: HandlersKit) -> None:
    """One answer that got lost costs one more attempt, no row, no warning, no breaker."""
    house.deliver(PGS, records=200, message_id="m-1")
    house.fail("record", lasts=timedelta(seconds=0.05))
    house.sweep()
    assert messages(house) == ["m-1"]
    assert house.audit.tried >= 2
    assert house.logged("record.unavailable") == []
    assert house.documents("breakers") == []


# limits


def test_a_record_that_hangs_costs_a_delivery_nothing(house: HandlersKit) -> None:
    """Deliveries do not write the record while state answers: a trigger leaves without waiting for it."""
    house.fail("record", FaultKind.TIMEOUT)
    for processor in PHASE3:
        house.deliver(processor, records=200)
        assert house.waited == timedelta()
    assert house.state(TO4).state is State.DISPATCHED
    assert house.audit.tried == 0


def test_a_record_that_hangs_ends_within_its_budget(house: HandlersKit) -> None:
    """One run's flush begins no attempt after 5 s; the breaker then spares the sweeps that follow."""
    house.deliver(PGS, records=200)
    house.sweep()
    house.deliver(UPGC, records=200)
    house.fail("record", FaultKind.TIMEOUT)
    before = house.audit.tried
    house.sweep()
    assert house.audit.tried - before <= ATTEMPTS
    # An attempt that began within the budget ends by the port's own timeout.
    assert house.waited <= BUDGET + timedelta(seconds=5)


def test_three_attempts_and_no_more(house: HandlersKit) -> None:
    """A record that refuses at once is asked three times a flush, with jittered waits between."""
    house.deliver(PGS, records=200)
    house.fail("record")
    house.sweep()
    assert house.audit.tried == ATTEMPTS
    assert timedelta() < house.waited < BUDGET


def test_the_breaker_stops_asking_and_asks_again(house: HandlersKit) -> None:
    """Five failed flushes open it for 30 s, for every instance; one probe then asks, and success closes it."""
    house.fail("record")
    for _ in range(5):
        house.deliver(PGS, records=200)
        house.sweep(ctx=house.instance())
        house.wait(timedelta(seconds=5))
    [circuit] = house.documents("breakers")
    assert circuit["position"] == "open"
    tried = house.audit.tried
    house.sweep(ctx=house.instance())
    assert house.audit.tried == tried
    house.mend()
    house.wait(timedelta(seconds=30))
    for _ in range(4):
        house.deliver(PGS, records=201)
        house.sweep(ctx=house.instance())
        house.wait(timedelta(seconds=31))
    [circuit] = house.documents("breakers")
    assert circuit["position"] == "closed"
    assert len(messages(house)) == 9


def test_a_state_that_is_away_is_not_asked_about_the_breaker(house: HandlersKit) -> None:
    """With state silent a delivery pays for one answer that does not come, not for three."""
    house.fail("state", FaultKind.TIMEOUT)
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200)
    assert messages(house)
    assert house.waited <= timedelta(seconds=5)


def test_a_document_that_waits_for_the_record_is_bounded(house: HandlersKit) -> None:
    """A record away for hours of reports leaves documents of bounded size, and the latest reports are kept."""
    house.fail("record")
    for number in range(200):
        house.deliver(PGS, "failed", message_id=f"m-{number}")
    known = house.completion(PGS)
    assert known is not None
    assert len(known.pending_audit) <= 50
    assert known.pending_audit[-1].message_id == "m-199"


# what is written


def test_a_completion_row_says_what_was_reported(house: HandlersKit) -> None:
    """Every column of behaviour 8, as reported; `superseded` marks what a later one replaced."""
    house.deliver(
        PGS, "partial", records=90, message_id="m-1", correlation_id="c-1", execution_id="e-1",
        metadata={"is_incremental": True, "entities_changed": {"teams": ["DEN"]}},
    )  # fmt: skip
    house.wait()
    house.deliver(PGS, records=203, message_id="m-2")
    house.sweep()
    first, second = sorted(rows(house), key=lambda row: str(row["message_id"]))
    assert (first["superseded"], second["superseded"]) == (True, False)
    assert {name: first[name] for name in ("pipeline", "run_id", "phase", "game_date", "mode", "processor_name")} == {
        "pipeline": "nba",
        "run_id": NIGHT.id,
        "phase": "phase3",
        "game_date": str(DAY),
        "mode": "overnight",
        "processor_name": PGS,
    }
    assert (first["outcome"], first["record_count"], first["is_incremental"]) == ("partial", 90, True)
    assert (first["correlation_id"], first["execution_id"]) == ("c-1", "e-1")


def test_every_decision_stands_in_the_execution_log(house: HandlersKit) -> None:
    """Blocked, held, triggered, confirmed: with time, generation, reason, who was missing and what gates read."""
    house.change(readings={"game_coverage": 57.0})
    for processor in (PGS, UPGC, TDGS, "team_offense_game_summary"):
        house.deliver(processor, records=200)
    house.wait(timedelta(minutes=16))
    house.sweep()
    house.change(readings={"game_coverage": 91.0})
    house.sweeps(1)
    house.deliver("player_composite_factors", "started")
    house.sweeps(1)
    log = [row for row in rows(house, EXECUTIONS) if row["transition"] == TO4]
    assert [(row["decision"], row["generation"]) for row in log] == [("blocked", 0), ("trigger", 1), ("confirm", 1)]
    trigger = log[1]
    assert (trigger["reason"], trigger["degraded"]) == ("tier_1", True)
    assert trigger["missing"] == "upcoming_team_game_context"
    assert "91" in str(trigger["gate_readings"])
    assert trigger["code_version"] == "v1"


# both ways


def test_the_record_gets_what_it_lost(house: HandlersKit) -> None:
    """Rows that vanish from the record are written again by the hourly comparison, each once, and it is said."""
    for processor in PHASE3:
        house.deliver(processor, records=200, message_id=f"m-{processor}")
    house.sweeps(2)
    before = rows(house)
    house.audit.tables[COMPLETIONS].clear()
    answers = house.sweeps(65)
    assert sorted(map(str, rows(house))) == sorted(map(str, before))
    brought = [finding for answer in answers for finding in answer.about("reconciliation")]
    assert [finding["detail"] for finding in brought] == ["5 reports brought to the record"]
    assert house.notices("reconciled") == []


def test_a_report_to_a_closed_run_reaches_the_record(house: HandlersKit) -> None:
    """No sweep looks at a closed run again: the hourly comparison writes what came after, superseded reports too."""
    house.change(games={DAY: 0})
    house.deliver(PGS, records=200, message_id="m-early")
    house.wait(timedelta(days=3))
    house.sweeps(2)
    assert house.run().closed_at is not None
    now = house.clock.now()
    house.deliver(PGS, records=210, message_id="m-late", timestamp=now.isoformat())
    house.deliver(PGS, records=190, message_id="m-older", timestamp=(now - HOUR).isoformat())
    assert {row["message_id"] for row in rows(house)} == {"m-early"}
    house.sweeps(65)
    found = {row["message_id"]: row["superseded"] for row in rows(house)}
    assert found == {"m-early": False, "m-late": False, "m-older": True}


def test_state_gets_what_only_the_record_took(house: HandlersKit) -> None:
    """State away, record there, and no redelivery: right after the outage the reports are folded in and decided on."""
    house.sweep()
    house.fail("state", lasts=timedelta(minutes=10))
    for processor in PHASE3:
        with pytest.raises(Unavailable):
            house.deliver(processor, records=200, message_id=f"m-{processor}", correlation_id="c-1")
    house.sweeps(11)
    assert house.state(TO4).state is State.DISPATCHED
    known = house.completion(PGS)
    assert known is not None
    assert known.latest is not None
    assert (known.latest.records, known.latest.correlation_id) == (200, "c-1")
    [notice] = house.notices("reconciled")
    assert (notice.severity, "5 completions" in notice.text) == ("info", True)
    house.sweeps(70)
    assert len(rows(house)) == 5


def test_a_row_gives_back_the_whole_report() -> None:
    """Nothing that a report says is lost in the record: every field comes back, and each of them is looked at here."""
    whole = report(
        PGS, Outcome.PARTIAL, 31, message_id="m-1", expected_records=40, percent=77.5, correlation_id="c-1",
        execution_id="e-1", output_table="raw.players", error="9 are missing", is_incremental=True,
        entities={"players": ("a", "b")}, batch_id="b-1", trigger_id=NIGHT.trigger_id(TO4, 1), source="Players",
    )  # fmt: skip
    plain = report(PGS)
    unsaid = [
        one.name
        for one in fields(Report)
        if getattr(whole, one.name) == getattr(plain, one.name)
        and one.name not in ("phase", "processor", "occurred_at", "received_at")
    ]
    assert unsaid == []
    for one in (whole, plain):
        assert report_of(completion_row(POLICY, NIGHT, one, superseded=False)[1].columns) == one


@pytest.mark.parametrize("need", list(Need), ids=lambda need: need.value)
def test_what_the_record_brings_back_is_of_its_loader(need: Need) -> None:
    """Only the second of two loaders reported, and only to the record: it counts as before, by its own table."""
    house = HandlersKit(policy=policy_of_sources(need)).ordinary()
    house.change(rows={A: {DAY: 0}, B: {DAY: 0}})
    house.sweep()
    house.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=2, message_id="m-1", processor_name="Teams")
    house.sweeps(6)
    known = house.completion(PGS)
    assert known is not None
    assert set(known.sources) == {"Teams"}


def test_a_trigger_that_the_record_brings_back_confirms_its_claim(house: HandlersKit) -> None:
    """The phase begun by a claim's dead holder named its trigger to the record only: nothing is sent a second time."""
    house.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    # The report is recorded, then its transition claimed, then its message sent.
    house.effects.fate = (len(house.effects.done) + 2, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    assert house.state(TO6).state is State.CLAIMED
    house.fail("state", lasts=timedelta(seconds=50))
    with pytest.raises(Unavailable):
        house.deliver("phase6_export", trigger_id=NIGHT.trigger_id(TO6, 1))
    house.sweeps(4)
    sent = [one for one in house.published if one.body["transition"] == TO6]
    assert (house.state(TO6).state, len(sent)) == (State.CONFIRMED, 1)


def test_what_the_record_took_before_the_dispatch_confirms_none(house: HandlersKit) -> None:
    """A report that names no trigger counts from its receipt, however late the state hears of it: the next confirms."""
    house.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    house.effects.fate = (len(house.effects.done) + 2, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    house.fail("state", lasts=timedelta(seconds=50))
    with pytest.raises(Unavailable):
        house.deliver("phase6_export")
    house.sweeps(4)
    known = house.completion("phase6_export")
    assert known is not None
    assert house.state(TO6).state is State.DISPATCHED
    house.deliver("phase6_export", "started")
    assert house.state(TO6).state is State.CONFIRMED


def test_a_report_brought_back_and_delivered_again_counts_once(house: HandlersKit) -> None:
    """The redelivery of what the comparison folded in changes nothing."""
    house.sweep()
    house.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200, message_id="m-1")
    house.sweeps(6)
    house.deliver(PGS, records=200, message_id="m-1")
    known = house.completion(PGS)
    assert known is not None
    assert (known.message_ids, known.superseded) == (("m-1",), 0)


def test_a_comparison_without_difference_changes_nothing(house: HandlersKit) -> None:
    """Hours later the comparison writes no row and no completion, and finds nothing."""
    house.deliver(PGS, records=200)
    house.sweeps(5)
    before, written = rows(house), len(house.store.written)
    answers = house.sweeps(3)
    house.wait(3 * HOUR)
    answers.append(house.sweep())
    assert rows(house) == before
    assert [f for answer in answers for f in answer.about("reconciliation")] == []
    assert [path for path in house.store.written[written:] if "/completions/" in path] == []


def test_a_record_that_cannot_be_read_is_left_for_later(house: HandlersKit) -> None:
    """The comparison is skipped and says so; the sweep goes on, and answers 200."""
    house.fail("record")
    answer = house.sweep()
    assert answer.status == 200
    assert [finding["result"] for finding in answer.about("reconciliation")] == ["skipped"]


def test_a_row_of_a_closed_date_brings_no_run_back(house: HandlersKit) -> None:
    """What is older than a run lives is left alone."""
    house.deliver(PGS, records=200, message_id="m-1")
    house.sweeps(2)
    old = RunKey("nba", DAY.replace(day=18), "overnight")
    row = next(iter(house.audit.tables[COMPLETIONS].values()))
    house.audit.tables[COMPLETIONS]["x"] = {**row, "run_id": old.id, "game_date": str(old.day), "message_id": "m-0"}
    house.wait(HOUR)
    house.sweep()
    assert house.completion(PGS, old) is None


def test_a_backfill_row_comes_back_into_its_lane(house: HandlersKit) -> None:
    """The lane is in the run's id; the live run of that date stays as it was."""
    house.sweep()
    house.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200, message_id="m-1", backfill_mode=True)
    house.sweeps(6)
    assert house.completion(PGS, lane(NIGHT)) is not None
    assert house.completion(PGS) is None


def test_an_inferred_completion_is_in_the_record_too(house: HandlersKit) -> None:
    """What nobody reported stands there as `inferred`."""
    house.deliver(UPGC, records=200)
    house.change(rows={"nba_analytics.player_game_summary": {DAY: 0}})
    house.sweep()
    house.change(rows={"nba_analytics.player_game_summary": {DAY: 203}})
    house.clock.instant = house.policy.local(house.clock.instant).replace(hour=8, minute=30)
    house.sweeps(2)
    found = [row for row in rows(house) if row["processor_name"] == PGS]
    assert [row["outcome"] for row in found] == [Outcome.INFERRED.value]
