"""Every shape that the pipeline's services put on the wire is read by config/nba.yaml as it should be (R8, R9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, Received, Why, parse
from shared.core.policy.names import Names
from shared.core.wire.dialect import Path as Place
from shared.core.wire.dialect import dotted_path, value_at
from tests.policy_files import PRODUCTION

SHAPES = [json.loads(line) for line in (Path(__file__).parent / "completions.jsonl").read_text().splitlines()]
POLICY = load_policy(PRODUCTION)
NAMES = Names(POLICY)
# What a reason in the file may be in ours: a message without a name cannot say whose it is.
BECAUSE = {
    "no date": {"no_date", "bad_date"},
    "another sport": {"foreign", "no_processor"},
    "another topic": {"wrong_topic", "no_processor"},
}


def read(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a shape is read, in the words of the file."""
    published = datetime.fromisoformat(shape["published"])
    phase = POLICY.topics[shape["topic"]]
    data = json.dumps(shape["message"]).encode()
    try:
        reading = parse(Delivery("m-1", phase, data, published, published + timedelta(seconds=1)), POLICY, NAMES)
    except Malformed as wrong:
        return {"reading": "quarantine", "kind": wrong.kind}
    if isinstance(reading, Counted):
        return {"reading": {Why.KNOWN: "known", Why.IGNORED: "ignored", Why.WITHOUT_DATE: "counted"}[reading.why]}
    return {"reading": "completion", **completion(phase, reading)}


def completion(phase: str, reading: Received) -> dict[str, Any]:
    report = reading.report
    return {
        "processor": report.processor,
        "date": reading.key.day.isoformat(),
        "mode": reading.key.mode,
        "outcome": report.outcome.value,
        "records": report.records,
        "percent": report.percent,
        "cause": report.error,
        "is_incremental": report.is_incremental,
        "players": list(report.entities.get("players", ())),
        "disabled": POLICY.phases[phase].processors[report.processor].disabled_on(reading.key.day),
        "noted": reading.by_table or reading.other_dataset,
    }


def fits(right: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    """True if everything that the file says of a reading is so; what it only remarks is not compared."""
    expected = {key: value for key, value in right.items() if key not in ("note", "or", "because", "counts")}
    as_told = all(seen.get(key) == value for key, value in expected.items())
    return as_told and ("because" not in right or seen.get("kind") in BECAUSE.get(right["because"], {None}))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["id"])
def test_a_shape_is_read_as_it_should_be(shape: dict[str, Any]) -> None:
    """One line of the file; where it allows two readings, either."""
    right, seen = shape["right"], read(shape)
    assert fits(right, seen) or ("or" in right and fits(right["or"], seen)), (right, seen)


def test_no_completion_is_noted_for_its_name_or_dataset() -> None:
    """A whole day in the real dialect says nothing to anybody: every name is declared, every dataset is its own."""
    assert [shape["id"] for shape in SHAPES if read(shape).get("noted")] == []


def varied(shape_id: str, **changes: Any) -> dict[str, Any]:
    """Return how a shape is read with fields of its message changed; None takes a field out."""
    [shape] = [shape for shape in SHAPES if shape["id"] == shape_id]
    message = {key: value for key, value in {**shape["message"], **changes}.items() if value is not None}
    return read({**shape, "message": message})


# More shapes of the same kinds: id of the shape, what is changed, what must come of it.
VARIATIONS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *(
        ("P2-08", {"processor_name": name}, {"reading": "known"})
        for name in (
            "NbacInjuryReportProcessor", "NbacRefereeProcessor", "NbacPlayerListProcessor",
            "NbacPlayerMovementProcessor", "NbacScheduleProcessor", "EspnBoxscoreProcessor", "EspnScoreboardProcessor",
            "EspnTeamRosterProcessor", "BasketballRefRosterBatchProcessor", "BdlLiveBoxscoresProcessor",
            "BdlInjuriesProcessor", "NumberFireProcessor", "FantasyProsProcessor", "DailyFantasyFuelProcessor",
            "DimersProcessor", "ESPNProjectionsProcessor", "TeamRankingsStatsProcessor",
            "HashtagBasketballDvpProcessor", "CoversProcessor", "NBATrackingProcessor", "VSiNBettingSplitsProcessor",
            "DKNetworkProcessor",
        )
    ),
    ("P2-08", {"processor_name": "NbacSomethingProcessor"}, {"reading": "quarantine", "kind": "unknown_processor"}),
    ("P2-08", {"game_date": "TODAY", "status": "whatever"}, {"reading": "known"}),
    ("P2-08", {"phase": "phase_3_analytics"}, {"reading": "quarantine", "kind": "wrong_topic"}),
    ("P2-12", {"processor_name": "AsyncBdlPlayerBoxScoresProcessor"}, {"processor": "p2_bdl_box_scores"}),
    ("P2-12", {"processor_name": "BdlSomethingElse"}, {"processor": "p2_bdl_box_scores", "noted": True}),
    ("P3-08", {"processor_name": "RosterHistoryProcessor"}, {"reading": "known"}),
    (
        "P3-04",
        {"processor_name": "TeamOffenseComposableProcessor"},
        {"reading": "known"},
    ),
    ("P3-01", {"processor_name": "SomebodyElseProcessor"}, {"processor": "player_game_summary", "noted": True}),
    ("P3-01", {"output_dataset": "test_nba_analytics"}, {"reading": "quarantine", "kind": "rehearsal"}),
    ("P2-01", {"output_table": "test_nba_raw.nbac_gamebook"}, {"reading": "quarantine", "kind": "rehearsal"}),
    ("P3-01", {"output_dataset": "nba_precompute"}, {"reading": "completion", "noted": "nba_precompute"}),
    ("P3-01", {"output_dataset": "my-project.nba_analytics"}, {"reading": "completion", "noted": ""}),
    ("P3-01", {"phase": "phase3"}, {"reading": "completion"}),
    ("P3-01", {"phase": "phase_4_precompute"}, {"reading": "quarantine", "kind": "wrong_topic"}),
    ("P3-01", {"game_date": "yesterday"}, {"reading": "quarantine", "kind": "bad_date"}),
    ("P3-02", {"metadata": {"entities_changed": {"teams": ["BOS"]}}}, {"reading": "completion", "players": []}),
    ("P3-02", {"metadata": {"entities_changed": "player_one"}}, {"reading": "quarantine", "kind": "bad_entities"}),
    ("P2-03", {"metadata": {"rows_updated": "many"}}, {"reading": "quarantine", "kind": "bad_count"}),
    ("P2-03", {"record_count": 200}, {"records": 200}),
    ("P2-23", {"processor_name": "NbacGamebookProcessor"}, {"reading": "completion"}),
    ("P2-23", {"triggered_by": ""}, {"reading": "quarantine", "kind": "no_processor"}),
    ("P5-01", {"metadata": {"expected_predictions": 300, "completed_predictions": 150}}, {"percent": 50.0}),
    ("P5-01", {"metadata": {"completion_pct": "41%"}}, {"percent": 41.0}),
    ("P5-03", {"metadata": {"expected_players": 7, "completion_pct": 0.0}}, {"percent": 0.0}),
    ("P6-01", {"target_date": None}, {"reading": "counted"}),
    ("P6-01", {"target_date": "yesterday"}, {"date": "2026-03-10", "mode": "overnight"}),
    ("P6-01", {"target_date": "today"}, {"date": "2026-03-11", "mode": "same_day"}),
    ("P6-01", {"target_date": "Today"}, {"reading": "quarantine", "kind": "bad_date"}),
    ("P6-01", {"target_date": "None"}, {"reading": "quarantine", "kind": "bad_date"}),
    ("P6-03", {"status": "validation_failed"}, {"outcome": "no_data"}),
    ("P6-03", {"status": "no_predictions"}, {"reading": "quarantine", "kind": "unknown_status"}),
    ("P6-02", {"errors": ["a", "b"]}, {"cause": "a; b"}),
    ("P6-02", {"errors": [], "error_message": "late"}, {"cause": "late"}),
    ("P6-02", {"errors": {"tonight": "timeout"}}, {"cause": '{"tonight": "timeout"}'}),
    ("P6-07", {"game_date": "2026-03-10"}, {"date": "2026-03-10"}),
]  # fmt: skip


@pytest.mark.parametrize(("shape_id", "changes", "right"), VARIATIONS, ids=lambda value: str(value)[:60])
def test_more_shapes_of_the_same_kinds(shape_id: str, changes: dict[str, Any], right: dict[str, Any]) -> None:
    """What is not in the file, and what is a little off, is read or refused by the same rules."""
    seen = varied(shape_id, **changes)
    assert {key: seen.get(key) for key in right} == right


def places() -> list[tuple[str, Place]]:
    """Return every place that config/nba.yaml looks at, with the phase it belongs to."""
    pairs: list[tuple[str, Place]] = []
    for phase in POLICY.phases.values():
        wire = phase.wire
        listed = (wire.name, wire.date, wire.status, wire.ended, wire.records, wire.expected, wire.percent, wire.cause)
        pairs += [(phase.name, path) for paths in listed for path in paths]
        pairs += [(phase.name, path) for path in wire.entities.values()]
    return pairs


def has(path: Place) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: value_at(message, path) is not None


def test_every_place_of_the_policy_is_in_some_completion() -> None:
    """A place that no service fills is a slip of the pen; the fields of R3 that nobody sends are known by name."""
    messages = [shape["message"] for shape in SHAPES]
    unseen = {dotted_path(path) for _, path in places() if not any(map(has(path), messages))}
    assert unseen <= {"expected_count", "metadata.expected_predictions"}
