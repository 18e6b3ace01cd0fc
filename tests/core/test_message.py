"""From bytes to a report, or to the reason why that can never be (behaviour R1, R3, R4, R6)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.core.errors import Malformed
from shared.core.message import Received, parse
from shared.core.model import Lane, Outcome, Report
from shared.core.wire.contents import MAX_LIST, MAX_NAME, MAX_TEXT
from tests.core.build import DAY, NIGHT, PGS, POLICY, UPGC
from tests.core.messages import NAMES, PUBLISHED, RECEIVED, REST, WHOLE, delivery, understood


def refused(**changes: Any) -> Malformed:
    """Return why a whole message with these fields changed goes to quarantine; None takes a field out."""
    body = {name: value for name, value in {**WHOLE, **changes}.items() if value is not ...}
    with pytest.raises(Malformed) as caught:
        parse(delivery(json.dumps(body).encode()), POLICY, NAMES)
    return caught.value


def test_a_whole_message_becomes_a_report() -> None:
    """R3: every field of the wire has its place."""
    message = understood(**REST)
    assert message == Received(
        NIGHT,
        Report(
            message_id="m-1",
            phase="phase3",
            processor=PGS,
            outcome=Outcome.SUCCESS,
            occurred_at=datetime.fromisoformat("2026-01-22T10:58:00+00:00"),
            received_at=RECEIVED,
            records=148,
            expected_records=150,
            percent=98.5,
            correlation_id="c-1",
            execution_id="e-1",
            output_table="player_game_summary",
            error="none to speak of",
            is_incremental=True,
            entities={"players": ("p1", "p2"), "teams": ("BOS",)},
            batch_id="b-1",
            trigger_id="nba/2026-01-21/overnight/phase2_to_phase3/1",
        ),
        wire_name="PlayerGameSummaryProcessor",
    )


@pytest.mark.parametrize(
    ("field", "attribute", "read"),
    [("a/1", "", "a/1"), ("", "b/2", "b/2"), ("a/1", "b/2", "a/1"), (7, "b/2", "b/2"), (None, 9, "")],
)
def test_a_trigger_is_named_by_field_or_attribute(field: object, attribute: object, read: str) -> None:
    """Behaviour 3: the field first, then the attribute; what is no text names no trigger."""
    data = json.dumps({**WHOLE, "trigger_id": field}).encode()
    sent = replace(delivery(data), attributes={"trigger_id": attribute})  # type: ignore[dict-item]  # as it may come
    assert parse(sent, POLICY, NAMES).report.trigger_id == read


def test_three_fields_are_enough() -> None:
    """R3: name, date and status; the rest is absent, and the event time is the publish time."""
    message = understood()
    assert message.report == Report("m-1", "phase3", PGS, Outcome.SUCCESS, PUBLISHED, RECEIVED)
    assert (message.key, message.skip_downstream, message.by_table) == (NIGHT, False, False)


@pytest.mark.parametrize("extra", [{"unknown": 1}, {"metadata": None}, {"metadata": {}}, {"metadata": {"x": {}}}])
def test_unknown_fields_and_no_metadata_are_ignored(extra: dict[str, Any]) -> None:
    """R3: what is not in the contract changes nothing."""
    assert understood(**extra) == understood()


@pytest.mark.parametrize("status", ["started", "success", "partial", "no_data", "skipped", "failed"])
def test_every_status(status: str) -> None:
    """R3: six words."""
    assert understood(status=status).report.outcome is Outcome(status)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "not_json"),
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"processor_name": "x"', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"9" * 5000, "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b'"text"', "not_object"),
        (b"{}", "no_processor"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bytes_that_are_no_message(data: bytes, kind: str) -> None:
    """R1: each ends in quarantine with its reason, none in an error of Python's."""
    with pytest.raises(Malformed) as caught:
        parse(delivery(data), POLICY, NAMES)
    assert caught.value.kind == kind
    assert caught.value.reason


DELETED: Any = ...


@pytest.mark.parametrize(
    ("changes", "kind", "mentions"),
    [
        ({"game_date": DELETED}, "no_date", "game_date"),
        ({"game_date": None}, "no_date", "game_date"),
        ({"game_date": ""}, "no_date", "game_date"),
        ({"game_date": "None"}, "bad_date", "None"),
        ({"game_date": "TODAY"}, "bad_date", "TODAY"),
        ({"game_date": "2026-2-3"}, "bad_date", "2026-2-3"),
        ({"game_date": "20260203"}, "bad_date", "20260203"),
        ({"game_date": "2026-02-30"}, "bad_date", "2026-02-30"),
        ({"game_date": "2026-13-01"}, "bad_date", "2026-13-01"),
        ({"game_date": "2026-02-03T00:00:01"}, "bad_date", "T00"),
        ({"game_date": "2026-02-03T00:00:00Z"}, "bad_date", "T00"),
        ({"game_date": "2026-02-03 00:00:00-05:00"}, "bad_date", "05:00"),
        ({"game_date": "2026-02-03\n"}, "bad_date", "2026-02-03"),
        ({"game_date": "\uff12026-02-03"}, "bad_date", "026-02-03"),
        ({"game_date": 20260203}, "bad_date", "20260203"),
        ({"game_date": ["2026-02-03"]}, "bad_date", "a list"),
        ({"game_date": "0000-01-01"}, "bad_date", "0000-01-01"),
        ({"game_date": "0001-01-01"}, "bad_date", "0001-01-01"),
        ({"game_date": "9999-12-31"}, "bad_date", "9999-12-31"),
        ({"processor_name": DELETED}, "no_processor", "processor_name"),
        ({"processor_name": "  "}, "no_processor", "processor_name"),
        ({"processor_name": 7}, "no_processor", "processor_name"),
        ({"processor_name": "FooProcessor"}, "unknown_processor", "FooProcessor"),
        ({"processor_name": "playergamesummaryprocessor"}, "unknown_processor", "playergame"),
        ({"processor_name": "MLFeatureStoreProcessor"}, "wrong_topic", "phase4"),
        ({"phase": "phase4"}, "wrong_topic", "phase4"),
        ({"phase": 3}, "wrong_topic", "3"),
        ({"pipeline": "mlb"}, "other_pipeline", "mlb"),
        ({"pipeline": ["nba"]}, "other_pipeline", "nba"),
        ({"status": DELETED}, "unknown_status", "no status"),
        ({"status": "done"}, "unknown_status", "done"),
        ({"status": "SUCCESS"}, "unknown_status", "SUCCESS"),
        ({"status": "inferred"}, "unknown_status", "inferred"),
        ({"status": ["success"]}, "unknown_status", "a list"),
        ({"mode": "evening"}, "unknown_mode", "evening"),
        ({"mode": 1}, "unknown_mode", "1"),
        ({"lane": "fast"}, "bad_lane", "fast"),
        ({"record_count": "many"}, "bad_count", "many"),
        ({"record_count": -1}, "bad_count", "-1"),
        ({"record_count": 1.5}, "bad_count", "1.5"),
        ({"record_count": True}, "bad_count", "True"),
        ({"record_count": float("nan")}, "bad_count", "nan"),
        ({"record_count": float("inf")}, "bad_count", "inf"),
        ({"record_count": 2**53}, "bad_count", str(2**53)),
        ({"record_count": []}, "bad_count", "record_count"),
        ({"record_count": "1,234"}, "bad_count", "record_count"),
        ({"record_count": "41%"}, "bad_count", "record_count"),
        ({"record_count": "1.5"}, "bad_count", "record_count"),
        ({"expected_count": "all"}, "bad_count", "expected_count"),
        ({"backfill_mode": "maybe"}, "bad_flag", "backfill_mode"),
        ({"backfill_mode": 2}, "bad_flag", "backfill_mode"),
        ({"backfill_mode": 0.5}, "bad_flag", "backfill_mode"),
        ({"backfill_mode": [True]}, "bad_flag", "backfill_mode"),
        ({"skip_downstream_trigger": "never"}, "bad_flag", "skip_downstream_trigger"),
        ({"metadata": {"is_incremental": "partly"}}, "bad_flag", "metadata.is_incremental"),
        ({"metadata": {"completion_pct": "many"}}, "bad_percentage", "metadata.completion_pct"),
        ({"metadata": {"completion_pct": "41,0"}}, "bad_percentage", "metadata.completion_pct"),
        ({"metadata": {"completion_pct": True}}, "bad_percentage", "metadata.completion_pct"),
        ({"metadata": {"completion_pct": -1}}, "bad_percentage", "metadata.completion_pct"),
        ({"metadata": {"completion_pct": float("nan")}}, "bad_percentage", "metadata.completion_pct"),
        ({"metadata": {"completed_predictions": "some"}}, "bad_count", "metadata.completed_predictions"),
        ({"metadata": [1]}, "bad_field", "metadata is a list"),
        ({"metadata": "text"}, "bad_field", "metadata is 'text'"),
        ({"metadata": {"entities_changed": 7}}, "bad_entities", "metadata.entities_changed"),
        ({"metadata": {"entities_changed": {"teams": "BOS"}}}, "bad_entities", "metadata.entities_changed.teams"),
        ({"metadata": {"entities_changed": {"teams": [["BOS"]]}}}, "bad_entities", "entities_changed.teams[0]"),
        ({"timestamp": "soon"}, "bad_instant", "timestamp"),
    ],
)
def test_what_can_never_be_understood(changes: dict[str, Any], kind: str, mentions: str) -> None:
    """R1: quarantined with a stable word, a reason that shows the culprit, and the name if one could be read."""
    refusal = refused(**changes)
    assert (refusal.kind, mentions in refusal.reason) == (kind, True)
    named = {**WHOLE, **changes}["processor_name"]
    assert refusal.processor == (named.strip() if isinstance(named, str) else "")


@pytest.mark.parametrize(
    ("count", "records"),
    [
        (0, 0),
        (148, 148),
        (148.0, 148),
        ("148", 148),
        (" 148 ", 148),
        ("148.0", 148),
        ("0", 0),
        (None, None),
        ("", None),
    ],
)
def test_counts_as_they_come(count: object, records: int | None) -> None:
    """R3: a count is a number, also one in a string; none is none."""
    assert understood(record_count=count).report.records == records


@pytest.mark.parametrize("stamp", ["2026-01-22T12:00:00+00:00", "", None])
def test_a_processor_ended_at_the_latest_when_it_said_so(stamp: object) -> None:
    """R5: `timestamp`, else the publish time, and never after that."""
    assert understood(timestamp=stamp).report.occurred_at == PUBLISHED


def test_the_end_of_a_processor_is_read_in_any_spelling() -> None:
    """R5: what an instant may look like is said in test_instants; here it reaches the report."""
    assert understood(timestamp=1769079480).report.occurred_at == datetime.fromisoformat("2026-01-22T10:58:00+00:00")


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        ({"metadata": {"completion_pct": 97}}, 97.0),
        ({"metadata": {"completion_pct": 0}, "record_count": 5, "expected_count": 5}, 0.0),
        ({"metadata": {"completed_predictions": 45}, "expected_count": 50}, 90.0),
        ({"metadata": {"completed_predictions": 45}, "record_count": 10, "expected_count": 50}, 90.0),
        ({"record_count": 40, "expected_count": 50}, 80.0),
        ({"record_count": 40}, None),
        ({"record_count": 40, "expected_count": 0}, None),
        ({"expected_count": 50}, None),
        ({"metadata": {"completion_pct": "97"}, "record_count": 40, "expected_count": 50}, 97.0),
        ({"metadata": {"completion_pct": "41.0"}}, 41.0),
        ({"metadata": {"completion_pct": "41%"}}, 41.0),
        ({"metadata": {"completion_pct": " 41.5 % "}}, 41.5),
        ({"metadata": {"completion_pct": "4.1E+1"}}, 41.0),
        ({"metadata": {"completion_pct": ""}}, None),
        ({"metadata": '{"completion_pct": "41"}'}, 41.0),
        ({"metadata": {"completed_predictions": "45"}, "expected_count": "50"}, 90.0),
        ({"metadata": {"completion_pct": 0.0, "completed_predictions": 0}, "expected_count": 0}, None),
        ({"metadata": {"completion_pct": 0.0}, "record_count": 0, "expected_count": 0}, None),
        ({"metadata": {"completion_pct": 0.0}, "record_count": 0, "expected_count": 9}, 0.0),
        ({"metadata": {"completion_pct": 0.0}, "record_count": 0}, 0.0),
        ({}, None),
    ],
)
def test_the_stated_percentage(fields: dict[str, Any], percent: float | None) -> None:
    """R6: `completion_pct`, else predictions or records over what was expected, else none is stated."""
    assert understood(**fields).report.percent == percent


MIDNIGHT = datetime.fromisoformat("2026-01-22T00:00:00-05:00")


@pytest.mark.parametrize(
    ("published", "mode"),
    [
        (MIDNIGHT - timedelta(hours=3), "same_day"),
        (MIDNIGHT, "overnight"),
        (MIDNIGHT - timedelta(days=1, seconds=1), "tomorrow"),
    ],
)
def test_the_mode_is_that_of_the_publish_time(published: datetime, mode: str) -> None:
    """R4: a redelivery hours later, received on another day, finds the same run."""
    message = understood(processor_name="UpcomingTeamGameContextProcessor", published=published)
    assert message.key.mode == mode


@pytest.mark.parametrize("mode", ["overnight", "same_day", "tomorrow"])
def test_a_named_mode_wins(mode: str) -> None:
    """R4: whatever the dates say."""
    assert understood(mode=mode).key.mode == mode


@pytest.mark.parametrize(
    ("fields", "lane"),
    [
        ({}, Lane.LIVE),
        ({"lane": "live"}, Lane.LIVE),
        ({"lane": "backfill"}, Lane.BACKFILL),
        ({"backfill_mode": True}, Lane.BACKFILL),
        ({"backfill_mode": False}, Lane.LIVE),
        *(
            ({"backfill_mode": word}, Lane.BACKFILL)
            for word in ("yes", "true", "True", " TRUE ", "t", "T", "1", "on", "Y", 1, 1.0, "1.0", "true\u200b")
        ),
        *(
            ({"backfill_mode": word}, Lane.LIVE)
            for word in ("no", "false", "False", "f", "0", "off", "n", 0, 0.0, "0.0", "", None)
        ),
        ({"lane": " backfill "}, Lane.BACKFILL),
        ({"backfill_mode": True, "lane": "live"}, Lane.BACKFILL),
    ],
)
def test_the_lane(fields: dict[str, Any], lane: Lane) -> None:
    """R4: `backfill_mode`, or the lane itself."""
    assert understood(**fields).key.lane is lane


@pytest.mark.parametrize(
    ("value", "skips"), [(True, True), ("true", True), (1, True), (False, False), ("no", False), (None, False)]
)
def test_skip_downstream_trigger(value: object, skips: bool) -> None:
    """R3: only a yes skips."""
    assert understood(skip_downstream_trigger=value).skip_downstream is skips


@pytest.mark.parametrize(("value", "read"), [(True, True), ("true", True), (0, False), ("False", False), (None, None)])
def test_incremental(value: object, read: bool | None) -> None:
    """R3: a yes, a no, or nothing."""
    assert understood(metadata={"is_incremental": value}).report.is_incremental is read


@pytest.mark.parametrize(
    "text", ["2026-01-21 00:00:00", "2026-01-21T00:00:00", "2026-01-21 00:00", "2026-01-21 00:00:00.000"]
)
def test_a_date_sent_as_its_midnight_is_that_date(text: str) -> None:
    """R1: a midnight without a zone can be no other date; any other time could."""
    assert understood(game_date=text).key == NIGHT


@pytest.mark.parametrize(
    "name",
    [
        " PlayerGameSummaryProcessor ",
        "PlayerGame\u200bSummaryProcessor",
        "\ufeffplayer_game_summary\u00a0",
        "player_game\u2060_summary\n",
        "player_game_summary\0\0",
        "player\u034f_game_summary",
        "player_game\ufe0e_summary\ufe0f",
        "\u3164player_game_summary\u1160",
        "player_game_summary\U000e0101",
    ],
)
def test_what_nobody_sees_in_a_name_is_not_part_of_it(name: str) -> None:
    """R2: surrounding blanks and characters of no width make no other name."""
    assert understood(processor_name=name).report.processor == PGS


@pytest.mark.parametrize(
    "table",
    [
        "nba_analytics.upcoming_player_game_context",
        "my-project.nba_analytics.upcoming_player_game_context",
        "my-project:nba_analytics.upcoming_player_game_context",
        "example.com:my-project.nba_analytics.upcoming_player_game_context",
        "`my-project.nba_analytics.upcoming_player_game_context`",
        "`my-project`.`nba_analytics`.`upcoming_player_game_context`",
        "nba_analytics.upcoming_player_game_context$20260310",
        "upcoming_player_game_context$20260310",
        "my-project:nba_analytics.upcoming_player_game_context@-3600000",
        " upcoming_player_game\u200b_context ",
        "[my-project:nba_analytics.upcoming_player_game_context]",
        '"my-project"."nba_analytics"."upcoming_player_game_context"',
        "'nba_analytics.upcoming_player_game_context'",
        "projects/my-project/datasets/nba_analytics/tables/upcoming_player_game_context",
        "//bigquery.googleapis.com/projects/p/datasets/nba_analytics/tables/upcoming_player_game_context",
    ],
)
@pytest.mark.parametrize(
    "dataset",
    ["", "nba_analytics", "my-project.nba_analytics", "my-project:nba_analytics", "projects/p/datasets/nba_analytics"],
)
def test_a_table_in_any_spelling_is_the_same_table(table: str, dataset: str) -> None:
    """R2: project, quotes, brackets, colon, decorator and the name of its resource do not make it another one."""
    message = understood(processor_name="ContextBuilder", output_table=table, output_dataset=dataset)
    assert (message.report.processor, message.by_table) == (UPGC, True)
    assert understood(processor_name=table).report.processor == UPGC


@pytest.mark.parametrize(
    ("table", "dataset"),
    [
        ("other.upcoming_player_game_context", ""),
        ("nba_analytics.upcoming_player_game_context", "test_analytics"),
        ("x", ""),
        ("projects/p/datasets/other/tables/upcoming_player_game_context", ""),
        ("upcoming_player_game_context", "projects/p/datasets/other"),
        ("", "nba_analytics"),
    ],
)
def test_another_table_means_nobody(table: str, dataset: str) -> None:
    """R2: never guessed: another dataset, or two that contradict each other, is another table."""
    assert (
        refused(processor_name="ContextBuilder", output_table=table, output_dataset=dataset).kind == "unknown_processor"
    )


LONG_ID = "run 7 " * 340


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("c-1", "c-1"),
        (12345678901234567890, "12345678901234567890"),
        (1.5, "1.5"),
        (" two  words\t", " two  words\t"),
        (LONG_ID, LONG_ID),
        ("\U0001f3c0" * 512, "\U0001f3c0" * 512),
        ("x" * 2049, ""),
        ("\U0001f3c0" * 513, ""),
        ("   ", ""),
        (None, ""),
        (True, ""),
        (["c-1"], ""),
    ],
)
def test_a_correlation_id_is_kept_as_it_was_sent(sent: object, read: str) -> None:
    """Behaviour 5: unchanged, a number as its digits; what is too long to be kept is as if it had not been sent."""
    assert understood(correlation_id=sent).report.correlation_id == read


def test_other_ids_may_be_numbers() -> None:
    """R3: an id in another spelling is not lost."""
    report = understood(execution_id=17, metadata={"batch_id": 4.5}).report
    assert (report.execution_id, report.batch_id) == ("17", "4.5")


def test_the_day_of_what_is_refused_is_kept_where_it_can_be_read() -> None:
    """R9: quarantine keeps apart what belongs to different dates."""
    assert refused(status="weird").day == DAY
    assert refused(processor_name="stranger", game_date="TODAY").day is None


def test_an_output_table_tells_who_a_stranger_is() -> None:
    """R2: and that is noted with the name on the wire."""
    message = understood(processor_name="ContextBuilder", output_table=UPGC)
    assert (message.report.processor, message.by_table, message.wire_name) == (UPGC, True, "ContextBuilder")


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_words_are_absent(empty: object) -> None:
    """R3: an optional field that is null or empty was not sent."""
    assert understood(pipeline=empty, phase=empty, mode=empty, lane=empty) == understood()


def test_a_list_without_a_kind_is_refused() -> None:
    """R8: of what a list names the policy says the kind; where it does not, nobody may guess."""
    features = {"processor_name": "MLFeatureStoreProcessor", "metadata": {"entities_changed": ["p1"]}}
    with pytest.raises(Malformed, match="entities_changed"):
        understood(topic="phase4", **features)
    assert understood(topic="phase4", **{**features, "metadata": {"entities_changed": []}}).report.entities == {}


def test_texts_and_lists_are_bounded_and_clean() -> None:
    """What a store cannot hold does not get there: no control characters, half characters or endless texts."""
    message = understood(
        error_message="bad\x00 thing\ud800 " + "x" * 9999,
        metadata={"entities_changed": {"players": ["p" * 999, None] * 2000, "teams": [7, " "]}},
    ).report
    assert message.error.startswith("bad  thing? x")
    assert len(message.error) <= MAX_TEXT
    assert len(message.entities["players"]) <= MAX_LIST
    assert set(message.entities["players"]) == {"p" * MAX_NAME}
    assert message.entities["teams"] == ("7",)
