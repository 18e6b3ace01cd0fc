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
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def rows(kit: HandlersKit, table: str = COMPLETIONS) -> list[dict[str, object]]:
    return [dict(row) for row in kit.audit.tables.get(table, {}).values()]


def messages(kit: HandlersKit) -> list[str]:
    return sorted(str(row["message_id"]) for row in rows(kit))


# the four cases


def test_both_sides_are_there(kit: HandlersKit) -> None:
    """The delivery writes state; the next sweep writes the record, once, and takes it off the document."""
    kit.deliver(PGS, records=200, message_id="m-1")
    assert rows(kit) == []
    kit.sweeps(3)
    assert messages(kit) == ["m-1"]
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.pending_audit == ()


def test_the_record_is_away(kit: HandlersKit) -> None:
    """Every delivery is taken and every decision made; what the record lacks waits, and is written when it is back."""
    kit.fail("record", lasts=timedelta(minutes=10))
    for processor in PHASE3:
        kit.deliver(processor, records=200, message_id=f"m-{processor}")
    assert kit.state(TO4).state is State.DISPATCHED
    kit.sweeps(9)
    assert rows(kit) == []
    assert kit.logged("record.unavailable")
    assert kit.notices() == []
    kit.sweeps(5)
    assert messages(kit) == sorted(f"m-{processor}" for processor in PHASE3)
    assert Counter(row["decision"] for row in rows(kit, EXECUTIONS))["trigger"] == 1


def test_state_is_away(kit: HandlersKit) -> None:
    """The completion goes to the record and is delivered again; the redelivery adds no row that counts twice."""
    kit.fail("state", lasts=timedelta(minutes=3))
    with pytest.raises(Unavailable, match="state"):
        kit.deliver(PGS, records=200, message_id="m-1")
    assert messages(kit) == ["m-1"]
    kit.wait(timedelta(minutes=4))
    kit.deliver(PGS, records=200, message_id="m-1")
    kit.sweeps(3)
    assert messages(kit) == ["m-1"]
    completion = kit.completion(PGS)
    assert completion is not None
    assert (completion.superseded, completion.message_ids) == (0, ("m-1",))


def test_both_are_away(kit: HandlersKit) -> None:
    """Nothing is written anywhere, the message is not acknowledged, and its redelivery stands on both sides."""
    kit.fail("state", lasts=timedelta(minutes=3))
    kit.fail("record", lasts=timedelta(minutes=3))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200, message_id="m-1")
    assert (rows(kit), kit.documents("runs")) == ([], [])
    assert len(kit.notices("both_down")) == 1
    kit.wait(timedelta(minutes=4))
    kit.deliver(PGS, records=200, message_id="m-1")
    kit.sweeps(3)
    assert messages(kit) == ["m-1"]


def test_a_transient_error_is_tried_again_at_once(kit: HandlersKit) -> None:
    """One answer that got lost costs one more attempt, no row, no warning, no breaker."""
    kit.deliver(PGS, records=200, message_id="m-1")
    kit.fail("record", lasts=timedelta(seconds=0.05))
    kit.sweep()
    assert messages(kit) == ["m-1"]
    assert kit.audit.tried >= 2
    assert kit.logged("record.unavailable") == []
    assert kit.documents("breakers") == []


# limits


def test_a_record_that_hangs_costs_a_delivery_nothing(kit: HandlersKit) -> None:
    """Deliveries do not write the record while state answers: a trigger leaves without waiting for it."""
    kit.fail("record", FaultKind.TIMEOUT)
    for processor in PHASE3:
        kit.deliver(processor, records=200)
        assert kit.waited == timedelta()
    assert kit.state(TO4).state is State.DISPATCHED
    assert kit.audit.tried == 0


def test_a_record_that_hangs_ends_within_its_budget(kit: HandlersKit) -> None:
    """One run's flush begins no attempt after 5 s; the breaker then spares the sweeps that follow."""
    kit.deliver(PGS, records=200)
    kit.sweep()
    kit.deliver(UPGC, records=200)
    kit.fail("record", FaultKind.TIMEOUT)
    before = kit.audit.tried
    kit.sweep()
    assert kit.audit.tried - before <= ATTEMPTS
    # An attempt that began within the budget ends by the port's own timeout.
    assert kit.waited <= BUDGET + timedelta(seconds=5)


def test_three_attempts_and_no_more(kit: HandlersKit) -> None:
    """A record that refuses at once is asked three times a flush, with jittered waits between."""
    kit.deliver(PGS, records=200)
    kit.fail("record")
    kit.sweep()
    assert kit.audit.tried == ATTEMPTS
    assert timedelta() < kit.waited < BUDGET


def test_the_breaker_stops_asking_and_asks_again(kit: HandlersKit) -> None:
    """Five failed flushes open it for 30 s, for every instance; one probe then asks, and success closes it."""
    kit.fail("record")
    for _ in range(5):
        kit.deliver(PGS, records=200)
        kit.sweep(ctx=kit.instance())
        kit.wait(timedelta(seconds=5))
    [circuit] = kit.documents("breakers")
    assert circuit["position"] == "open"
    tried = kit.audit.tried
    kit.sweep(ctx=kit.instance())
    assert kit.audit.tried == tried
    kit.restore()
    kit.wait(timedelta(seconds=30))
    for _ in range(4):
        kit.deliver(PGS, records=201)
        kit.sweep(ctx=kit.instance())
        kit.wait(timedelta(seconds=31))
    [circuit] = kit.documents("breakers")
    assert circuit["position"] == "closed"
    assert len(messages(kit)) == 9


def test_a_state_that_is_away_is_not_asked_about_the_breaker(kit: HandlersKit) -> None:
    """With state silent a delivery pays for one answer that does not come, not for three."""
    kit.fail("state", FaultKind.TIMEOUT)
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200)
    assert messages(kit)
    assert kit.waited <= timedelta(seconds=5)


def test_a_document_that_waits_for_the_record_is_bounded(kit: HandlersKit) -> None:
    """A record away for hours of reports leaves documents of bounded size, and the latest reports are kept."""
    kit.fail("record")
    for number in range(200):
        kit.deliver(PGS, "failed", message_id=f"m-{number}")
    completion = kit.completion(PGS)
    assert completion is not None
    assert len(completion.pending_audit) <= 50
    assert completion.pending_audit[-1].message_id == "m-199"


# what is written


def test_a_completion_row_says_what_was_reported(kit: HandlersKit) -> None:
    """Every column of behaviour 8, as reported; `superseded` marks what a later one replaced."""
    kit.deliver(
        PGS, "partial", records=90, message_id="m-1", correlation_id="c-1", execution_id="e-1",
        metadata={"is_incremental": True, "entities_changed": {"teams": ["DEN"]}},
    )  # fmt: skip
    kit.wait()
    kit.deliver(PGS, records=203, message_id="m-2")
    kit.sweep()
    first, second = sorted(rows(kit), key=lambda row: str(row["message_id"]))
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


def test_every_decision_stands_in_the_execution_log(kit: HandlersKit) -> None:
    """Blocked, held, triggered, confirmed: with time, generation, reason, who was missing and what gates read."""
    kit.change(readings={"game_coverage": 57.0})
    for processor in (PGS, UPGC, TDGS, "team_offense_game_summary"):
        kit.deliver(processor, records=200)
    kit.wait(timedelta(minutes=16))
    kit.sweep()
    kit.change(readings={"game_coverage": 91.0})
    kit.sweeps(1)
    kit.deliver("player_composite_factors", "started")
    kit.sweeps(1)
    log = [row for row in rows(kit, EXECUTIONS) if row["transition"] == TO4]
    assert [(row["decision"], row["generation"]) for row in log] == [("blocked", 0), ("trigger", 1), ("confirm", 1)]
    trigger = log[1]
    assert (trigger["reason"], trigger["degraded"]) == ("tier_1", True)
    assert trigger["missing"] == "upcoming_team_game_context"
    assert "91" in str(trigger["gate_readings"])
    assert trigger["code_version"] == "v1"


# both ways


def test_the_record_gets_what_it_lost(kit: HandlersKit) -> None:
    """Rows that vanish from the record are written again by the hourly comparison, each once, and it is said."""
    for processor in PHASE3:
        kit.deliver(processor, records=200, message_id=f"m-{processor}")
    kit.sweeps(2)
    before = rows(kit)
    kit.audit.tables[COMPLETIONS].clear()
    answers = kit.sweeps(65)
    assert sorted(map(str, rows(kit))) == sorted(map(str, before))
    brought = [finding for answer in answers for finding in answer.about("reconciliation")]
    assert [finding["detail"] for finding in brought] == ["5 reports brought to the record"]
    assert kit.notices("reconciled") == []


def test_a_report_to_a_closed_run_reaches_the_record(kit: HandlersKit) -> None:
    """No sweep looks at a closed run again: the hourly comparison writes what came after, superseded reports too."""
    kit.change(games={DAY: 0})
    kit.deliver(PGS, records=200, message_id="m-early")
    kit.wait(timedelta(days=3))
    kit.sweeps(2)
    assert kit.run().closed_at is not None
    now = kit.clock.now()
    kit.deliver(PGS, records=210, message_id="m-late", timestamp=now.isoformat())
    kit.deliver(PGS, records=190, message_id="m-older", timestamp=(now - HOUR).isoformat())
    assert {row["message_id"] for row in rows(kit)} == {"m-early"}
    kit.sweeps(65)
    supersession = {row["message_id"]: row["superseded"] for row in rows(kit)}
    assert supersession == {"m-early": False, "m-late": False, "m-older": True}


def test_state_gets_what_only_the_record_took(kit: HandlersKit) -> None:
    """State away, record there, and no redelivery: right after the outage the reports are folded in and decided on."""
    kit.sweep()
    kit.fail("state", lasts=timedelta(minutes=10))
    for processor in PHASE3:
        with pytest.raises(Unavailable):
            kit.deliver(processor, records=200, message_id=f"m-{processor}", correlation_id="c-1")
    kit.sweeps(11)
    assert kit.state(TO4).state is State.DISPATCHED
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.latest is not None
    assert (completion.latest.records, completion.latest.correlation_id) == (200, "c-1")
    [notice] = kit.notices("reconciled")
    assert (notice.severity, "5 completions" in notice.text) == ("info", True)
    kit.sweeps(70)
    assert len(rows(kit)) == 5


def test_a_row_gives_back_the_whole_report() -> None:
    """Nothing that a report says is lost in the record: every field comes back, and each of them is looked at here."""
    whole = report(
        PGS, Outcome.PARTIAL, 31, message_id="m-1", expected_records=40, percent=77.5, correlation_id="c-1",
        execution_id="e-1", output_table="raw.players", error="9 are missing", is_incremental=True,
        entities={"players": ("a", "b")}, batch_id="b-1", trigger_id=NIGHT.trigger_id(TO4, 1), source="Players",
        unit="LAL@BOS",
    )  # fmt: skip
    plain = report(PGS)
    unsaid = [
        field.name
        for field in fields(Report)
        if getattr(whole, field.name) == getattr(plain, field.name)
        and field.name not in ("phase", "processor", "occurred_at", "received_at")
    ]
    assert unsaid == []
    for sample in (whole, plain):
        assert report_of(completion_row(POLICY, NIGHT, sample, superseded=False)[1].columns) == sample


@pytest.mark.parametrize("need", list(Need), ids=lambda need: need.value)
def test_what_the_record_brings_back_is_of_its_loader(need: Need) -> None:
    """Only the second of two loaders reported, and only to the record: it counts as before, by its own table."""
    kit = HandlersKit(policy=policy_of_sources(need)).ordinary()
    kit.change(rows={A: {DAY: 0}, B: {DAY: 0}})
    kit.sweep()
    kit.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=2, message_id="m-1", processor_name="Teams")
    kit.sweeps(6)
    completion = kit.completion(PGS)
    assert completion is not None
    assert set(completion.sources) == {"Teams"}


def test_a_trigger_that_the_record_brings_back_confirms_its_claim(kit: HandlersKit) -> None:
    """The phase begun by a claim's dead holder named its trigger to the record only: nothing is sent a second time."""
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    # The report is recorded, then its transition claimed, then its message sent.
    kit.effects.fate = (len(kit.effects.done) + 2, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    assert kit.state(TO6).state is State.CLAIMED
    kit.fail("state", lasts=timedelta(seconds=50))
    with pytest.raises(Unavailable):
        kit.deliver("phase6_export", trigger_id=NIGHT.trigger_id(TO6, 1))
    kit.sweeps(4)
    sent = [publication for publication in kit.published if publication.body["transition"] == TO6]
    assert (kit.state(TO6).state, len(sent)) == (State.CONFIRMED, 1)


def test_what_the_record_took_before_the_dispatch_confirms_none(kit: HandlersKit) -> None:
    """A report that names no trigger counts from its receipt, however late the state hears of it: the next confirms."""
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    kit.effects.fate = (len(kit.effects.done) + 2, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    kit.fail("state", lasts=timedelta(seconds=50))
    with pytest.raises(Unavailable):
        kit.deliver("phase6_export")
    kit.sweeps(4)
    completion = kit.completion("phase6_export")
    assert completion is not None
    assert kit.state(TO6).state is State.DISPATCHED
    kit.deliver("phase6_export", "started")
    assert kit.state(TO6).state is State.CONFIRMED


def test_a_report_brought_back_and_delivered_again_counts_once(kit: HandlersKit) -> None:
    """The redelivery of what the comparison folded in changes nothing."""
    kit.sweep()
    kit.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200, message_id="m-1")
    kit.sweeps(6)
    kit.deliver(PGS, records=200, message_id="m-1")
    completion = kit.completion(PGS)
    assert completion is not None
    assert (completion.message_ids, completion.superseded) == (("m-1",), 0)


def test_a_comparison_without_difference_changes_nothing(kit: HandlersKit) -> None:
    """Hours later the comparison writes no row and no completion, and finds nothing."""
    kit.deliver(PGS, records=200)
    kit.sweeps(5)
    before, written = rows(kit), len(kit.store.written)
    answers = kit.sweeps(3)
    kit.wait(3 * HOUR)
    answers.append(kit.sweep())
    assert rows(kit) == before
    assert [f for answer in answers for f in answer.about("reconciliation")] == []
    assert [path for path in kit.store.written[written:] if "/completions/" in path] == []


def test_a_record_that_cannot_be_read_is_left_for_later(kit: HandlersKit) -> None:
    """The comparison is skipped and says so; the sweep goes on, and answers 200."""
    kit.fail("record")
    answer = kit.sweep()
    assert answer.status == 200
    assert [finding["result"] for finding in answer.about("reconciliation")] == ["skipped"]


def test_a_row_of_a_closed_date_brings_no_run_back(kit: HandlersKit) -> None:
    """What is older than a run lives is left alone."""
    kit.deliver(PGS, records=200, message_id="m-1")
    kit.sweeps(2)
    old = RunKey("nba", DAY.replace(day=18), "overnight")
    row = next(iter(kit.audit.tables[COMPLETIONS].values()))
    kit.audit.tables[COMPLETIONS]["x"] = {**row, "run_id": old.id, "game_date": str(old.day), "message_id": "m-0"}
    kit.wait(HOUR)
    kit.sweep()
    assert kit.completion(PGS, old) is None


def test_a_backfill_row_comes_back_into_its_lane(kit: HandlersKit) -> None:
    """The lane is in the run's id; the live run of that date stays as it was."""
    kit.sweep()
    kit.fail("state", lasts=timedelta(minutes=5))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200, message_id="m-1", backfill_mode=True)
    kit.sweeps(6)
    assert kit.completion(PGS, lane(NIGHT)) is not None
    assert kit.completion(PGS) is None


def test_an_inferred_completion_is_in_the_record_too(kit: HandlersKit) -> None:
    """What nobody reported stands there as `inferred`."""
    kit.deliver(UPGC, records=200)
    kit.change(rows={"nba_analytics.player_game_summary": {DAY: 0}})
    kit.sweep()
    kit.change(rows={"nba_analytics.player_game_summary": {DAY: 203}})
    kit.clock.instant = kit.policy.local(kit.clock.instant).replace(hour=8, minute=30)
    kit.sweeps(2)
    entries = [row for row in rows(kit) if row["processor_name"] == PGS]
    assert [row["outcome"] for row in entries] == [Outcome.INFERRED.value]
