"""A scenario file is understood exactly as the format says, or refused with file, key and reason."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from shared.simulation.command import simulate
from shared.simulation.expectations import NoAlertExpected, RunExpected, TriggerExpected
from shared.simulation.parse import read_scenario
from shared.simulation.reader import ScenarioError
from shared.simulation.scenario import (
    Complete,
    Concurrently,
    DeliverRaw,
    Fault,
    FaultKind,
    GameCount,
    Health,
    Operator,
    Redeliver,
    Request,
    Scenario,
)

HEAD = 'name: A day\nstart: "2025-12-29 10:25"\nend: "2025-12-29 14:30"\n'
COMPLETE = "complete: {processor: PlayerGameSummaryProcessor, phase: phase3, game_date: 2025-12-28}"


def written(directory: Path, text: str) -> Path:
    file = directory / "day.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def understood(directory: Path, rest: str) -> Scenario:
    return read_scenario(written(directory, HEAD + rest))


def refused(directory: Path, text: str) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(written(directory, text))
    return caught.value


def test_example_of_the_format(tmp_path: Path) -> None:
    """A file as the format shows it is read key by key."""
    scenario = understood(
        tmp_path,
        """
given:
  games: {2025-12-29: 11, 2025-12-28: {final: 6, postponed: 1}}
  services: {precompute: down}
events:
  - at: "10:34"
    complete: {processor: P, phase: phase3, game_date: 2025-12-29, mode: same_day, records: 352, id: one,
               expected_records: 400, backfill: true, output_table: t, error: e, metadata: null, published: "10:30"}
  - at: "10:34:30"
    concurrently: [{redeliver: one}, {complete: {processor: Q, phase: phase3, game_date: 2025-12-29, status: failed}}]
  - at: "10:35"
    deliver_raw: {topic: nba-phase2-raw-complete, data: ''}
  - {at: "10:36", fault: {port: analytics, kind: rejects, for: 1h30m}}
  - {at: "10:37", operator: trigger phase4_to_phase5 2026-01-21 --reason "data is good"}
  - {at: "10:38", request: {function: validation_runner, query: {schedule: midday, date: 2026-01-21}}}
expect:
  - trigger: {transition: phase3_to_phase4, date: 2025-12-29, by: "10:36", missing: [upcoming_team_game_context]}
  - no_alert: {}
  - run: {transition: phase3_to_phase4, is: not_open}
""",
    )
    complete, at_once, raw, fault, operator, request = (event.happening for event in scenario.events)
    assert scenario.given.change.games == {date(2025, 12, 29): 11, date(2025, 12, 28): GameCount(final=6, postponed=1)}
    assert scenario.given.change.services == {"precompute": Health.DOWN}
    assert isinstance(complete, Complete)
    assert complete.published == datetime(2025, 12, 29, 15, 30, tzinfo=UTC)
    assert complete.body == {
        "processor_name": "P",
        "phase": "phase3",
        "game_date": "2025-12-29",
        "mode": "same_day",
        "status": "success",
        "timestamp": "2025-12-29T15:30:00+00:00",
        "record_count": 352,
        "expected_count": 400,
        "backfill_mode": True,
        "output_table": "t",
        "error_message": "e",
        "metadata": None,
    }
    assert isinstance(at_once, Concurrently)
    assert at_once.entries[0] == Redeliver(("one",))
    assert raw == DeliverRaw("phase2", "")
    assert fault == Fault("analytics", FaultKind.REJECTS, timedelta(minutes=90))
    assert operator == Operator(("trigger", "phase4_to_phase5", "2026-01-21", "--reason", "data is good"))
    assert isinstance(request, Request)
    assert request.query == {"schedule": "midday", "date": "2026-01-21"}
    trigger, no_alert, run = (expected.meaning for expected in scenario.expect)
    assert isinstance(trigger, TriggerExpected)
    assert (trigger.count, trigger.missing) == (1, frozenset({"upcoming_team_game_context"}))
    assert no_alert == NoAlertExpected()
    assert isinstance(run, RunExpected)
    assert run.at == scenario.end


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("10:34", "2026-03-07T15:34:00+00:00"),
        ("10:34:05", "2026-03-07T15:34:05+00:00"),
        ("+1d 06:02", "2026-03-08T10:02:00+00:00"),
        ("+2d 06:02:01", "2026-03-09T10:02:01+00:00"),
        ("2026-03-08 12:00", "2026-03-08T16:00:00+00:00"),
        ("2026-03-08T12:00:00+01:00", "2026-03-08T11:00:00+00:00"),
        ("+1d 02:30", "2026-03-08T07:00:00+00:00"),
    ],
)
def test_times(tmp_path: Path, text: str, instant: str) -> None:
    """A time is local to the start's date or a full one; one the clocks skip is the first instant after the gap."""
    body = f"""name: x
start: "2026-03-07 09:00"
end: "2026-03-10 09:00"
events: [{{at: "{text}", crash: after_claim}}]
"""
    [event] = read_scenario(written(tmp_path, body)).events
    assert event.at == datetime.fromisoformat(instant)


def test_pipeline_and_policy(tmp_path: Path) -> None:
    """A pipeline file beside the scenario is taken before one in config/, and `policy` changes it for this file."""
    changed = understood(tmp_path, "policy: {transitions: {phase5_to_phase6: {confirm: {within: 7m}}}}")
    assert changed.policy.transitions["phase5_to_phase6"].confirm.within == timedelta(minutes=7)
    original = yaml.safe_load((Path(__file__).parents[2] / "config" / "nba.yaml").read_text(encoding="utf-8"))
    (tmp_path / "other.yaml").write_text(json.dumps({**original, "pipeline": "other"}, default=str), encoding="utf-8")
    assert understood(tmp_path, "pipeline: other.yaml").policy.pipeline == "other"


INVALID = {
    "not yaml": ("name: [", "", "is not YAML"),
    "empty": ("", "", "is empty"),
    "a list": ("- a", "", "must be a mapping"),
    "unknown key": (HEAD + "colour: red", "colour", "unknown key"),
    "missing key": ('name: A\nstart: "2025-12-29 10:25"', "", "'end' is missing"),
    "repeated key": (HEAD + "name: B", "", "'name' is there twice"),
    "end before start": ('name: A\nstart: "2025-12-29 10:25"\nend: "2025-12-29 10:24"', "end", "before the start"),
    "start without date": (
        'name: A\nstart: "10:25"\nend: "2025-12-29 10:24"',
        "start",
        "is a time that does not exist",
    ),
    "start without offset": (
        'name: A\nstart: "2025-12-29T10:25:00.5"\nend: "2025-12-29 10:26"',
        "start",
        "has no offset",
    ),
    "unquoted start": ('name: A\nstart: 2025-12-29 10:25:00\nend: "2025-12-29 11:00"', "start", "unquoted time"),
    "sexagesimal": (HEAD + "events: [{at: 10:34, crash: after_claim}]", "events[0].at", "unquoted time 10:34"),
    "unquoted, no number": (HEAD + "events: [{at: 06:10, crash: after_claim}]", "events[0].at", "unquoted time 06:10"),
    "no such hour": (HEAD + 'events: [{at: "25:00", crash: after_claim}]', "events[0].at", "does not exist"),
    "no time": (HEAD + "events: [{at: noon, crash: after_claim}]", "events[0].at", "is not a time"),
    "impossible date": (
        HEAD + 'events: [{at: "10:34", complete: {processor: P, phase: phase3, game_date: 2026-02-30}}]',
        "events[0].complete.game_date",
        "does not exist",
    ),
    "impossible date of games": (HEAD + "given: {games: {2026-02-30: 4}}", "given.games", "does not exist"),
    "date as a word": (
        HEAD + 'events: [{at: "10:34", complete: {processor: P, phase: phase3, game_date: TODAY}}]',
        "events[0].complete.game_date",
        "is not a date",
    ),
    "out of order": (
        HEAD + 'events: [{at: "10:34", crash: after_claim}, {at: "10:33", crash: after_claim}]',
        "events[1].at",
        "before the event above",
    ),
    "outside": (HEAD + 'events: [{at: "10:24", crash: after_claim}]', "events[0].at", "outside start and end"),
    "two kinds": (
        HEAD + f'events: [{{at: "10:34", crash: after_claim, {COMPLETE}}}]',
        "events[0]",
        "exactly one of",
    ),
    "no kind": (HEAD + 'events: [{at: "10:34"}]', "events[0]", "found none"),
    "no at": (HEAD + "events: [{crash: after_claim}]", "events[0]", "'at' is missing"),
    "unknown field": (
        HEAD + f'events: [{{at: "10:34", {COMPLETE[:-1]}, colour: red}}}}]',
        "events[0].complete.colour",
        "unknown key",
    ),
    "unknown phase": (
        HEAD + 'events: [{at: "10:34", complete: {processor: P, phase: phase9, game_date: 2025-12-29}}]',
        "events[0].complete.phase",
        "is not one of",
    ),
    "records as text": (
        HEAD + f'events: [{{at: "10:34", {COMPLETE[:-1]}, records: many}}}}]',
        "events[0].complete.records",
        "must be a whole number",
    ),
    "published later": (
        HEAD + f'events: [{{at: "10:34", {COMPLETE[:-1]}, published: "10:35"}}}}]',
        "events[0].complete.published",
        "after the delivery",
    ),
    "unknown id": (HEAD + 'events: [{at: "10:34", redeliver: x}]', "events[0].redeliver", "no message before it"),
    "id twice": (
        HEAD + f'events: [{{at: "10:34", {COMPLETE[:-1]}, id: x}}}}, {{at: "10:34", {COMPLETE[:-1]}, id: x}}}}]',
        "events[1].complete.id",
        "another message has the id",
    ),
    "crash in concurrently": (
        HEAD + 'events: [{at: "10:34", concurrently: [{crash: after_claim}]}]',
        "events[0].concurrently[0]",
        "'crash' is not one of",
    ),
    "unknown topic": (
        HEAD + 'events: [{at: "10:34", deliver_raw: {topic: t, data: ""}}]',
        "events[0].deliver_raw.topic",
        "is not one of",
    ),
    "raw as a mapping": (
        HEAD + 'events: [{at: "10:34", deliver_raw: {topic: nba-phase2-raw-complete, data: {a: 1}}}]',
        "events[0].deliver_raw.data",
        "must be a string",
    ),
    "unknown port": (
        HEAD + 'events: [{at: "10:34", fault: {port: moon, kind: timeout, for: 1m}}]',
        "events[0].fault.port",
        "is not one of",
    ),
    "dropping store": (
        HEAD + 'events: [{at: "10:34", fault: {port: state, kind: drops, for: 1m}}]',
        "events[0].fault.kind",
        "only the bus drops",
    ),
    "no duration": (
        HEAD + 'events: [{at: "10:34", fault: {port: state, kind: timeout, for: 25}}]',
        "events[0].fault.for",
        "is not a duration",
    ),
    "unknown crash": (HEAD + 'events: [{at: "10:34", crash: later}]', "events[0].crash", "is not one of"),
    "unknown function": (
        HEAD + 'events: [{at: "10:34", request: {function: f}}]',
        "events[0].request.function",
        "is not one of",
    ),
    "unclosed quote": (HEAD + 'events: [{at: "10:34", operator: \'hold "x\'}]', "events[0].operator", "command line"),
    "unknown gate": (HEAD + "given: {readings: {phase3_rows: 4}}", "given.readings", "is not one of"),
    "unknown service": (HEAD + "given: {services: {moon: down}}", "given.services", "is not one of"),
    "unknown health": (HEAD + "given: {services: {analytics: ill}}", "given.services.analytics", "is not one of"),
    "unknown given": (HEAD + "given: {weather: bad}", "given.weather", "unknown key"),
    "negative games": (HEAD + "given: {games: {2025-12-29: -1}}", "given.games.2025-12-29", "at least 0"),
    "unknown expectation": (HEAD + "expect: [{miracle: {}}]", "expect[0].miracle", "unknown key"),
    "two expectations": (
        HEAD + "expect: [{runs: {count: 1}, no_alert: {}}]",
        "expect[0]",
        "exactly one of",
    ),
    "unknown transition": (
        HEAD + "expect: [{no_trigger: {transition: x}}]",
        "expect[0].no_trigger.transition",
        "is not one of",
    ),
    "unknown expectation key": (
        HEAD + "expect: [{runs: {count: 1, mode: overnight}}]",
        "expect[0].runs.mode",
        "unknown key",
    ),
    "unknown processor": (
        HEAD + "expect: [{trigger: {transition: phase3_to_phase4, missing: [player_daily_cache]}}]",
        "expect[0].trigger.missing[0]",
        "is not one of",
    ),
    "unknown state": (
        HEAD + "expect: [{run: {transition: phase3_to_phase4, is: happy}}]",
        "expect[0].run.is",
        "is not one of",
    ),
    "unknown severity": (HEAD + "expect: [{alert: {severity: loud}}]", "expect[0].alert.severity", "is not one of"),
    "looked at too late": (
        HEAD + 'expect: [{run: {transition: phase3_to_phase4, at: "14:31"}}]',
        "expect[0].run.at",
        "outside start and end",
    ),
    "window upside down": (
        HEAD + 'expect: [{alert: {severity: info, not_before: "11:00", by: "10:59"}}]',
        "expect[0].alert.by",
        "before not_before",
    ),
    "no such pipeline": (HEAD + "pipeline: moon.yaml", "pipeline", "no pipeline file"),
    "wrong policy": (
        HEAD + "policy: {transitions: {phase3_to_phase4: {preflight: moon}}}",
        "policy.transitions.phase3_to_phase4.preflight",
        "moon",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_file(tmp_path: Path, case: str) -> None:
    """Every kind of invalid file is refused, naming the file, the key and the reason."""
    text, key, reason = INVALID[case]
    error = refused(tmp_path, text)
    assert error.path == str(tmp_path / "day.yaml")
    assert error.key == key
    assert reason in str(error)


def test_exit_status_of_an_invalid_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 2 and says path, key and reason on standard error; nothing is played."""
    file = written(tmp_path, HEAD + "colour: red")
    assert simulate([file, tmp_path / "absent.yaml"], timeline=False, as_json=False) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert f"error: {file}: colour: unknown key" in streams.err
    assert "absent.yaml: cannot be read" in streams.err


def test_invalid_file_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the refusal is one document on standard output, too."""
    file = written(tmp_path, HEAD + "colour: red")
    assert simulate([file], timeline=False, as_json=True) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert document["scenarios"] == []
    assert document["errors"][0]["path"] == str(file)
    assert document["errors"][0]["key"] == "colour"
