"""Dead letters with a way back: what cannot be understood is kept, said once, and can be replayed (behaviour R1)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from shared.app.quarantine.rows import Quarantined, listed, rows
from shared.app.transitions.receive import Handled, receive
from shared.core.errors import Unavailable
from shared.core.policy.policy import Policy
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import Fate, HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, T0, TO4, UPGC


def body(**changes: object) -> bytes:
    """Return a good message of phase 3 with these changes; None leaves a field out."""
    good: dict[str, object] = {"processor_name": PGS, "game_date": str(DAY), "mode": "overnight", "status": "success"}
    return json.dumps({name: value for name, value in {**good, **changes}.items() if value is not None}).encode()


# Each is (bytes, kind, a part of the reason).
WRONG = {
    "not JSON": (b"{not json", "not_json", "not JSON"),
    "not UTF-8": (b"\xff\xfe\x00{", "not_json", "not JSON"),
    "nested too deep": (b"[" * 200_000, "not_json", "not JSON"),
    "a list": (b"[1, 2]", "not_object", "list"),
    "a number": (b"7", "not_object", "int"),
    "null": (b"null", "not_object", "NoneType"),
    "no date": (body(game_date=None), "no_date", "no game_date"),
    "empty date": (body(game_date=""), "no_date", "no game_date"),
    "the word None": (body(game_date="None"), "bad_date", "'None'"),
    "the word TODAY": (body(game_date="TODAY"), "bad_date", "'TODAY'"),
    "a short date": (body(game_date="2026-2-3"), "bad_date", "'2026-2-3'"),
    "no such day": (body(game_date="2026-02-30"), "bad_date", "does not exist"),
    "a date with a time": (body(game_date="2026-01-21T10:00:00"), "bad_date", "is not a date"),
    "other digits": (body(game_date="\uff12\uff10\uff12\uff16-01-21"), "bad_date", "is not a date"),
    "a date as a number": (body(game_date=20260121), "bad_date", "20260121"),
    "no processor": (body(processor_name=None), "no_processor", "no processor_name"),
    "empty processor": (body(processor_name="  "), "no_processor", "no processor_name"),
    "a processor that is no text": (body(processor_name=7), "no_processor", "no processor_name"),
    "unknown processor": (body(processor_name="player_summary"), "unknown_processor", "'player_summary'"),
    "capitals": (body(processor_name="Player_Game_Summary"), "unknown_processor", "unknown processor"),
    "no status": (body(status=None), "unknown_status", "no status"),
    "unknown status": (body(status="done"), "unknown_status", "'done'"),
    "the status nobody says": (body(status="inferred"), "unknown_status", "'inferred'"),
    "capital status": (body(status="SUCCESS"), "unknown_status", "'SUCCESS'"),
    "other pipeline": (body(pipeline="mlb"), "other_pipeline", "'mlb'"),
    "other phase": (body(phase="phase4"), "wrong_topic", "wrong topic"),
    "another phase's processor": (body(processor_name="ml_feature_store"), "wrong_topic", "belongs to phase4"),
    "unknown mode": (body(mode="weekly"), "unknown_mode", "'weekly'"),
    "unknown lane": (body(lane="fast"), "bad_lane", "'fast'"),
    "a count that is none": (body(record_count="many"), "bad_count", "'many'"),
    "a negative count": (body(record_count=-1), "bad_count", "-1"),
    "an expected count that is none": (body(expected_count=1.5), "bad_count", "1.5"),
    "a flag that is none": (body(backfill_mode="perhaps"), "bad_flag", "backfill_mode 'perhaps'"),
    "a percentage that is none": (
        body(metadata={"completion_pct": "most"}),
        "bad_percentage",
        "metadata.completion_pct",
    ),
    "an instant that is none": (body(timestamp="yesterday"), "bad_instant", "timestamp 'yesterday'"),
    "metadata that is none": (body(metadata=7), "bad_field", "metadata is 7"),
}


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


@pytest.mark.parametrize("case", WRONG)
def test_what_can_never_be_understood_is_kept_said_and_acknowledged(kit: HandlersKit, case: str) -> None:
    """Every kind of R1: acknowledged, one row with its raw bytes and reason, one warning; no run is opened by it."""
    data, kind, reason = WRONG[case]
    receipt = kit.take("phase3", data, "m-wrong")
    assert receipt.handled is Handled.QUARANTINED
    [kept] = listed(kit.ctx)
    assert (kept.raw, kept.kind, kept.message_id) == (data, kind, "m-wrong")
    assert reason in kept.reason
    [notice] = kit.notices()
    assert (notice.kind, notice.severity, notice.count) == ("quarantine", "warning", 1)
    assert reason in notice.text
    assert kit.documents("runs") == []


@pytest.mark.parametrize("data", [b"", b"  \n"])
def test_an_empty_body_is_a_probe(kit: HandlersKit, data: bytes) -> None:
    """Acknowledged and counted in the log, nothing else: nothing is read, written or said."""
    assert kit.take("phase3", data).handled is Handled.PROBE
    assert kit.logged("completion.probe")
    assert kit.store.operations == {}
    assert kit.effects.done == []


@pytest.mark.parametrize("lost", ["extra fields", "null metadata", "no mode", "no width"])
def test_what_can_be_understood_is_not_kept_aside(kit: HandlersKit, lost: str) -> None:
    """Unknown fields, a metadata of null, a message without a mode, a name with what nobody sees: all are counted."""
    changes: dict[str, dict[str, object]] = {
        "extra fields": {"surprise": [1, 2], "status_detail": {"a": None}},
        "null metadata": {},
        "no mode": {"mode": None},
        "no width": {"processor_name": " player_game\u200b_summary "},
    }
    data = json.loads(body(**changes[lost]))
    if lost == "null metadata":
        data["metadata"] = None
    kit.take("phase3", json.dumps(data).encode())
    assert listed(kit.ctx) == []
    assert kit.completion(PGS) is not None


def test_one_row_and_one_count_for_each_message(kit: HandlersKit) -> None:
    """The same message again, however often and through whichever instance, adds no row and no count."""
    data = WRONG["unknown processor"][0]
    for _ in range(5):
        kit.take("phase3", data, "m-1", kit.instance())
    assert len(listed(kit.ctx)) == 1
    [alert] = kit.documents("alerts")
    assert alert["count"] == 1


def test_one_alert_for_each_processor_and_reason(kit: HandlersKit) -> None:
    """Forty messages of two strangers and of one with two faults: three warnings, each counted in the store."""
    for number in range(20):
        kit.take("phase3", body(processor_name="stranger_a"), f"a-{number}")
    for number in range(10):
        kit.take("phase3", body(processor_name="stranger_b"), f"b-{number}")
        kit.take("phase3", body(status="weird"), f"c-{number}")
    assert len(kit.notices()) == 3
    assert [message.count for message in listed(kit.ctx)] == [20, 10, 10]
    assert sum(row.count for row in rows(kit.ctx)) == 40
    assert sorted(alert["count"] for alert in kit.documents("alerts")) == [10, 10, 20]


def test_the_same_stranger_on_another_topic_is_another_alert(kit: HandlersKit) -> None:
    """The topic says which sender to correct."""
    for phase in ("phase3", "phase4"):
        kit.take(phase, body(processor_name="stranger"))
    assert len(kit.notices()) == 2


def test_a_storm_is_said_again_after_a_day_with_its_count(kit: HandlersKit) -> None:
    """A day later the next one of its kind says how many there were."""
    for number in range(7):
        kit.take("phase3", body(processor_name="stranger"), f"a-{number}")
    kit.wait(timedelta(hours=24))
    kit.take("phase3", body(processor_name="stranger"), "a-7")
    assert [notice.count for notice in kit.notices()] == [1, 8]


def test_a_quarantine_that_cannot_be_written_is_delivered_again(kit: HandlersKit) -> None:
    """While the store is away even a senseless message is not acknowledged: its bytes would be lost."""
    kit.fail("state", FaultKind.UNAVAILABLE, timedelta(minutes=1))
    with pytest.raises(Unavailable, match="state"):
        kit.take("phase3", b"{", "m-1")
    kit.wait(timedelta(minutes=1))
    kit.take("phase3", b"{", "m-1")
    assert len(listed(kit.ctx)) == len(kit.notices()) == 1


def test_a_crash_between_row_and_alert_still_says_it(kit: HandlersKit) -> None:
    """The redelivery finds the row, and says what nobody had said; once."""
    row_written = 2
    kit.effects.fate = (row_written + 1, Fate.DIES_BEFORE)
    with pytest.raises(Crash):
        kit.take("phase3", b"{", "m-1")
    assert (len(listed(kit.ctx)), kit.notices()) == (1, [])
    for _ in range(3):
        kit.take("phase3", b"{", "m-1")
    assert len(kit.notices("quarantine")) == 1


@pytest.mark.parametrize(
    "stamp", ["2026-01-22 08:00:00 UTC", 1769068800, "1769068800000", "Thu, 22 Jan 2026 03:00:00 -0500"]
)
def test_an_older_failure_never_replaces_a_newer_success(kit: HandlersKit, stamp: object) -> None:
    """R5: whatever the spelling of its end, a failure of 08:00 that arrives after the success of 11:00 is older."""
    kit.take("phase3", body(record_count=203, timestamp=T0.isoformat()), "m-1")
    kit.take("phase3", body(status="failed", timestamp=stamp), "m-2")
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.latest is not None
    assert (completion.latest.message_id, completion.superseded) == ("m-1", 1)


# bounds


def test_three_hundred_strangers_are_twenty_warnings_and_a_summary(kit: HandlersKit) -> None:
    """R9: every message is kept, twenty senders are named, one summary stands for the rest and is counted."""
    for number in range(300):
        kit.take("phase3", body(processor_name=f"garbage_{number}"), f"m-{number}")
    assert len(rows(kit.ctx)) == 300
    *named, summary = kit.notices()
    assert len(named) == 20
    assert "more than 20 quarantine warnings" in summary.text
    assert kit.documents("alerts")[-1]["kind"] == "quarantine"
    assert max(alert["count"] for alert in kit.documents("alerts")) == 280


def test_an_hour_later_strangers_are_named_again(kit: HandlersKit) -> None:
    """The bound is that of an hour: what is new after it is said, and a second flood has its own summary."""
    for hour in range(2):
        for number in range(25):
            kit.take("phase3", body(processor_name=f"garbage_{hour}_{number}"), f"m-{hour}-{number}")
        kit.wait(timedelta(hours=1))
    assert len(kit.notices()) == 2 * 21


def test_a_sender_that_was_named_is_not_named_again_after_the_flood(kit: HandlersKit) -> None:
    """What has its warning already takes none of the hour's, and is counted there."""
    for number in range(25):
        kit.take("phase3", body(processor_name=f"garbage_{number}"), f"m-{number}")
    kit.take("phase3", body(processor_name="garbage_0", record_count=7), "m-again")
    assert len(kit.notices()) == 21
    assert sorted(alert["count"] for alert in kit.documents("alerts"))[-2:] == [2, 5]


def test_a_redelivery_takes_no_second_warning(kit: HandlersKit) -> None:
    """A crash between the bound and the alert: the same alert is raised by the redelivery, out of the same room."""
    for number in range(19):
        kit.take("phase3", body(processor_name=f"garbage_{number}"), f"m-{number}")
    for fate in range(3):
        kit.effects.fate = (len(kit.effects.done) + (4 if fate == 0 else 1), Fate.DIES_BEFORE)
        with pytest.raises(Crash):
            kit.take("phase3", body(processor_name="garbage_19"), "m-19")
    kit.take("phase3", body(processor_name="garbage_19"), "m-19")
    assert len(kit.notices()) == 20
    assert not any("more than 20" in notice.text for notice in kit.notices())


def test_a_row_keeps_the_newest_hundred_distinct_bodies_and_counts_all(kit: HandlersKit) -> None:
    """R9: 130 different bodies of one processor, reason and date, one of them twice: one row, all counted."""
    for number in range(130):
        kit.take("phase3", body(processor_name="stranger", record_count=number), f"m-{number}")
    kit.take("phase3", body(processor_name="stranger", record_count=129), "m-130")
    [row] = rows(kit.ctx)
    assert (row.count, len(row.bodies)) == (131, 100)
    kept = listed(kit.ctx)
    assert {json.loads(message.raw)["record_count"] for message in kept} == set(range(30, 130))
    assert len(kit.documents(f"{kept[0].row}/bodies")) == 100


def test_bodies_of_one_row_are_all_replayed(kit: HandlersKit) -> None:
    """R9: the row goes when the last of its bodies came back."""
    for number in range(3):
        kit.take("phase3", body(processor_name=ALIAS, record_count=200 + number), f"m-{number}")
    repaired = kit.instance("v2", corrected())
    assert kit.orch("quarantine", "replay", "m-1", ctx=repaired)[0] == 0
    assert statuses(kit) == {"m-0": "kept", "m-1": "replayed", "m-2": "kept"}
    assert kit.orch("quarantine", "replay", "--all", ctx=repaired)[0] == 0
    assert set(statuses(kit).values()) == {"replayed"}
    assert rows(kit.ctx) == []
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.superseded == 2


def test_the_same_stranger_of_another_date_is_another_row(kit: HandlersKit) -> None:
    """R9: the date is that of the message, or of its publication where it has none."""
    for day in ("2026-01-20", "2026-01-21", "TODAY", None):
        kit.take("phase3", body(processor_name="stranger", game_date=day), f"m-{day}")
    assert sorted(str(row.day) for row in rows(kit.ctx)) == ["2026-01-20", "2026-01-21", "2026-01-22"]


def test_the_same_bytes_of_another_day_are_another_message(kit: HandlersKit) -> None:
    """Without a mode they belong to another run: each is replayed into its own."""
    data = body(processor_name=ALIAS, mode=None)
    kit.take("phase3", data, "m-0")
    kit.wait(timedelta(days=-1))
    kit.take("phase3", data, "m-1")
    assert len(listed(kit.ctx)) == 2


def test_a_day_has_room_for_a_thousand_rows(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """R9: what comes after them is acknowledged, counted and said once; rows that are there go on, a day later too."""
    monkeypatch.setattr("shared.app.quarantine.bounds.MOST_ROWS", 10)
    for number in range(13):
        assert (
            kit.take("phase3", body(processor_name=f"garbage_{number}"), f"m-{number}").handled is Handled.QUARANTINED
        )
    for _ in range(2):
        kit.take("phase3", body(processor_name="garbage_12"), "m-12")
    kit.take("phase3", body(processor_name="garbage_0", record_count=1), "m-0b")
    assert len(rows(kit.ctx)) == 10
    assert sum(row.count for row in rows(kit.ctx)) == 11
    [room] = [document for document in kit.documents("quarantine_bounds") if "beyond" in document]
    assert (room["rows"], room["beyond"]) == (10, 3)
    assert len([notice for notice in kit.notices() if "rows on 2026-01-22" in notice.text]) == 1
    kit.wait(timedelta(days=1))
    kit.take("phase3", body(processor_name="garbage_13"), "m-13")
    assert len(rows(kit.ctx)) == 11


def test_all_of_quarantine_expires(kit: HandlersKit) -> None:
    """Every document of it has the field that the store's expiry goes by, a month after the message."""
    kit.take("phase3", body(processor_name="stranger", execution_id="x" * 700_000), "m-0")
    [message] = listed(kit.ctx)
    documents = [
        *kit.documents("quarantine"),
        *kit.documents(f"{message.row}/bodies"),
        *kit.documents(f"{message.row}/bodies/{message.body}/parts"),
        *kit.documents("quarantine_bounds"),
    ]
    assert len(documents) == 1 + 1 + 1 + 2
    assert {document["expires_at"] for document in documents} == {T0 + timedelta(days=30)}


# fields in the attributes


def test_a_message_in_the_attributes_is_a_message(kit: HandlersKit) -> None:
    """R1: without data but with a processor it is no probe: counted, its flags and numbers read from text."""
    fields = {
        "processor_name": PGS,
        "game_date": str(DAY),
        "status": "success",
        "record_count": "203",
        "mode": "overnight",
    }
    kit.act(lambda: receive(kit.ctx, replace(kit.delivery("phase3", b"", "m-1"), attributes=fields)))
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.latest is not None
    assert completion.latest.records == 203


def test_a_wrong_message_in_the_attributes_is_kept(kit: HandlersKit) -> None:
    """What is kept are the fields as they came, and they can be replayed."""
    fields = {"processor_name": ALIAS, "game_date": str(DAY), "status": "success"}
    kit.act(lambda: receive(kit.ctx, replace(kit.delivery("phase3", b"", "m-1"), attributes=fields)))
    [message] = listed(kit.ctx)
    assert json.loads(message.raw) == fields
    assert kit.orch("quarantine", "replay", "m-1", ctx=kit.instance("v2", corrected()))[0] == 0


def test_an_attribute_named_by_its_place_stands_there(kit: HandlersKit) -> None:
    """R3: attributes hold no objects, so `metadata.completion_pct` is one in `metadata`; one that is there wins."""
    attributes = {"processor_name": PGS, "game_date": str(DAY), "status": "success", "mode": "overnight"}
    dotted = {"metadata.completion_pct": "41%", "metadata.batch_id": "b-1", "x.y.z": "1", ".": "2"}
    whole = {"metadata": '{"completion_pct": 42}', "metadata.completion_pct": "41"}
    for number, fields in enumerate((dotted, whole)):
        sent = replace(kit.delivery("phase3", b"", f"m-{number}"), attributes={**attributes, **fields})
        kit.act(partial(receive, kit.ctx, sent))
        latest = kit.completion(PGS)
        assert latest is not None
        assert latest.latest is not None
        assert latest.latest.percent == 41 + number


def test_an_outcome_of_nobody_is_no_probe(kit: HandlersKit) -> None:
    """R1: attributes that state an outcome are a report whose processor is missing: kept, and a person is told."""
    fields = {"processor": PGS, "game_date": str(DAY), "status": "success"}
    taken = kit.act(lambda: receive(kit.ctx, replace(kit.delivery("phase3", b"", "m-1"), attributes=fields)))
    assert taken.handled is Handled.QUARANTINED
    [message] = listed(kit.ctx)
    assert (message.kind, json.loads(message.raw)) == ("no_processor", fields)


@pytest.mark.parametrize("fields", [{}, {"googclient_schemaencoding": "JSON"}, {"game_date": str(DAY)}])
def test_attributes_without_a_processor_are_a_probe(kit: HandlersKit, fields: dict[str, str]) -> None:
    """R1: nothing is kept of it."""
    taken = kit.act(lambda: receive(kit.ctx, replace(kit.delivery("phase3", b"", "m-1"), attributes=fields)))
    assert taken.handled is Handled.PROBE
    assert kit.store.operations == {}


# the way back

ALIAS = "Nightly_Player_Summary"


def corrected(name: str = PGS) -> Policy:
    """Return the policy in which the stranger is an alias of the player summary, or of another one."""
    phase = POLICY.phases["phase3"]
    processor = replace(phase.processors[name], aliases=(*phase.processors[name].aliases, ALIAS))
    processors = {**phase.processors, name: processor}
    return replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})


def statuses(kit: HandlersKit) -> dict[str, str]:
    return {kept.message_id: kept.status for kept in listed(kit.ctx, None)}


def test_a_corrected_policy_brings_messages_back(kit: HandlersKit) -> None:
    """Replayed: counted as if it had just come, decided on, and out of the list but not out of the history."""
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    kit.take("phase3", body(processor_name=ALIAS, record_count=203), "m-1")
    assert not kit.published
    repaired = kit.instance("v2", corrected())
    status, output = kit.orch("quarantine", "replay", "m-1", ctx=repaired)
    assert (status, "decided" in output, NIGHT.id in output) == (0, True, True)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert statuses(kit) == {"m-1": "replayed"}
    assert listed(kit.ctx) == []


def test_a_replay_finds_the_run_of_the_time_it_was_published(kit: HandlersKit) -> None:
    """A message without a mode, replayed days later, belongs to the night it was published in."""
    kit.take("phase3", body(processor_name=ALIAS, mode=None), "m-1")
    kit.wait(timedelta(hours=30))
    status, output = kit.orch("quarantine", "replay", "m-1", ctx=kit.instance("v2", corrected()))
    assert (status, NIGHT.id in output) == (0, True)
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.latest is not None
    assert completion.latest.received_at == kit.clock.now()


def test_a_replay_the_day_after_keeps_the_mode_of_the_time_it_was_published(kit: HandlersKit) -> None:
    """Published on the day of its date it belongs to the same_day run, though it is yesterday's when replayed (R4).

    Of a processor that several modes expect: one that a single mode expects is that mode's at any time (R11).
    """
    kit.take("phase3", body(processor_name=ALIAS, mode=None, game_date="2026-01-22"), "m-1")
    kit.wait(timedelta(hours=30))
    status, output = kit.orch("quarantine", "replay", "m-1", ctx=kit.instance("v2", corrected(UPGC)))
    assert (status, "nba/2026-01-22/same_day" in output) == (0, True)


def test_what_is_still_not_understood_stays(kit: HandlersKit) -> None:
    """Exit 4 with the reason, the row as it was; nothing is said again."""
    kit.take("phase3", body(processor_name=ALIAS), "m-1")
    status, output = kit.orch("quarantine", "replay", "m-1")
    assert (status, "still not understood" in output, ALIAS in output) == (4, True, True)
    assert statuses(kit) == {"m-1": "kept"}
    assert len(kit.notices()) == 1


def test_all_are_replayed_and_each_is_answered_for(kit: HandlersKit) -> None:
    """`--all`: a line for each; what is refused makes the exit status, and stops none of the others."""
    kit.take("phase3", b"{", "m-0")
    kit.take("phase3", body(processor_name=ALIAS, record_count=203), "m-1")
    kit.take("phase3", body(processor_name=ALIAS, record_count=204), "m-2")
    status, output = kit.orch("quarantine", "replay", "--all", ctx=kit.instance("v2", corrected()))
    assert status == 4
    assert [line.split(":")[0] for line in output.splitlines()] == ["m-0", "m-1", "m-2"]
    assert statuses(kit) == {"m-0": "kept", "m-1": "replayed", "m-2": "replayed"}
    again, output = kit.orch("quarantine", "replay", "--all", ctx=kit.instance("v2", corrected()))
    assert (again, output.count("\n")) == (4, 1)


def test_a_message_replayed_twice_counts_once(kit: HandlersKit) -> None:
    """The second replay finds it counted: nothing changes but that a decision is made."""
    kit.take("phase3", body(processor_name=ALIAS, record_count=203), "m-1")
    repaired = kit.instance("v2", corrected())
    for _ in range(2):
        assert kit.orch("quarantine", "replay", "m-1", ctx=repaired)[0] == 0
    completion = kit.completion(PGS)
    assert completion is not None
    assert (completion.superseded, completion.message_ids) == (0, ("m-1",))


def test_a_replay_while_the_store_is_away_changes_nothing(kit: HandlersKit) -> None:
    """Exit 5, and it is still there."""
    kit.take("phase3", body(processor_name=ALIAS), "m-1")
    kit.fail("state")
    assert kit.orch("quarantine", "replay", "m-1", ctx=kit.instance("v2", corrected()))[0] == 5
    kit.restore()
    assert statuses(kit) == {"m-1": "kept"}


@pytest.mark.parametrize("argv", [("replay", "m-9"), ("show", "m-9")])
def test_a_message_that_is_not_there_is_not_found(kit: HandlersKit, argv: tuple[str, str]) -> None:
    """Exit 3, and how to see what there is."""
    status, output = kit.orch("quarantine", *argv)
    assert (status, "'m-9'" in output, "hint:" in output) == (3, True, True)


@pytest.mark.parametrize("argv", [(), ("m-1", "--all")])
def test_a_replay_names_one_message_or_all(kit: HandlersKit, argv: tuple[str, ...]) -> None:
    """Neither or both is a wrong call: exit 2."""
    kit.take("phase3", b"{", "m-1")
    status, output = kit.orch("quarantine", "replay", *argv)
    assert (status, "--all" in output) == (2, True)


def test_the_list_is_oldest_first_and_leaves_out_what_came_back(kit: HandlersKit) -> None:
    """A line for each with id, time, phase and reason; `--all` shows the replayed ones too, `--json` the bytes."""
    kit.take("phase4", b"{", "m-0")
    kit.wait()
    kit.take("phase3", body(processor_name=ALIAS), "m-1")
    kit.orch("quarantine", "replay", "m-1", ctx=kit.instance("v2", corrected()))
    status, output = kit.orch("quarantine", "list")
    assert status == 0
    assert output.splitlines()[0].startswith("m-0  2026-01-22 11:00:00Z  phase4  not JSON")
    assert output.splitlines()[1:] == ["1 in quarantine"]
    assert "m-1" in kit.orch("quarantine", "list", "--all")[1]
    _, shown = kit.orch("quarantine", "show", "m-1")
    document = json.loads(shown)
    assert (document["status"], json.loads(document["raw"])["processor_name"]) == ("replayed", ALIAS)
    listing = kit.orch("quarantine", "list", "--json")[1].rsplit("}", 1)[0] + "}"
    assert [load["message_id"] for load in json.loads(listing)["items"]] == ["m-0"]


def test_who_brought_a_message_back_and_why_is_kept(kit: HandlersKit) -> None:
    """D9: `--by` and `--reason` stand with the message, and so does when; without a reason it is empty."""
    for number in range(2):
        kit.take("phase3", body(processor_name=ALIAS, record_count=200 + number), f"m-{number}")
    repaired = kit.instance("v2", corrected())
    given = ("--by", "oncall@example.com", "--reason", " the alias is known ")
    assert kit.orch("quarantine", "replay", "m-0", *given, ctx=repaired)[0] == 0
    assert kit.orch("quarantine", "replay", "m-1", "--by", "other@example.com", ctx=repaired)[0] == 0
    shown = [json.loads(kit.orch("quarantine", "show", name)[1]) for name in ("m-0", "m-1")]
    assert [(message["replayed_by"], message["replayed_for"]) for message in shown] == [
        ("oncall@example.com", "the alias is known"),
        ("other@example.com", ""),
    ]
    assert all(datetime.fromisoformat(message["replayed_at"]).tzinfo is not None for message in shown)


def test_bytes_that_are_no_text_can_be_shown(kit: HandlersKit) -> None:
    """What is kept is the bytes; what is shown is what can be read of them."""
    kit.take("phase3", b"\xff\x00{", "m-0")
    status, shown = kit.orch("quarantine", "show", "m-0")
    assert (status, "raw" in json.loads(shown)) == (0, True)
    [kept] = listed(kit.ctx)
    assert isinstance(kept, Quarantined)
    assert kept.raw == b"\xff\x00{"
