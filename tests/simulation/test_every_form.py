"""Every key and form that FORMAT.md describes is understood, those too that no recorded day uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.simulation.command import simulate
from shared.simulation.expectations import Expected
from shared.simulation.parse import read_scenario
from shared.simulation.parse_events import Reader
from shared.simulation.parse_expect import ExpectationReader
from shared.simulation.reader import ScenarioError, Value
from shared.simulation.scenario import Crash, Event
from shared.simulation.times import Times
from tests.policy_files import PRODUCTION, ROOT

FORMAT = (ROOT / "tests" / "scenarios" / "FORMAT.md").read_text(encoding="utf-8")
WORKFLOWS = ROOT / "tests" / "scenarios" / "workflows" / "config" / "workflows_reference.yaml"
TENANTS = ROOT / "tests" / "pipelines" / "weekly.yaml"
METERS = ROOT / "tests" / "pipelines" / "hourly.yaml"
HEAD = {"name": "A day", "start": "2026-03-11 01:00", "end": "2026-03-12 06:00"}
ROWS = [line for line in FORMAT.splitlines() if line.startswith("| `")]
# What a table says of a key: `expect` or `event`, its name, the keys of its mapping.
NAMED = re.compile(r"^\| `(\w+): \{([^}]*)\}`")
PLACED = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| .*?`\{([^}]*)\}`")
INSIDE = re.compile(r"^\| `(complete|deliver_raw|fault|request)` \| .*?`\{([^}]*)\}`")


def mappings() -> Iterator[tuple[str, str, str]]:
    """Yield where a key stands (`events` or `expect`), its name, and a key of its mapping, as the tables have them."""
    for row in ROWS:
        named, placed, inside = NAMED.match(row), PLACED.match(row), INSIDE.match(row)
        if row.startswith("| `starts_at`"):  # an example of dates
            continue
        if inside is not None:
            where, name, keys = "events", inside[1], inside[2]
        elif named is not None:
            where, name, keys = "expect", named[1], named[2]
        elif placed is not None and ("event" in placed[2] or placed[2].strip() == "expect"):
            where = "expect" if placed[2].strip() == "expect" else "events"
            name, keys = placed[1], placed[3]
        else:
            continue
        for key in keys.split(","):
            yield where, name, key.split(":")[0].strip().rstrip("?")


LISTED = sorted(set(mappings()))
# Whose mapping it is, where the key holds one by name.
HOLDERS = {"scrapers": "espn_roster", "workers": "predictions"}


def written(directory: Path, **parts: Any) -> Path:
    file = directory / "day.yaml"
    file.write_text(json.dumps({**HEAD, **parts}), encoding="utf-8")
    return file


def test_the_tables_are_read() -> None:
    """The keys below are those of the tables, the longest of them among them."""
    assert len(LISTED) > 100
    assert {("expect", "trigger", "messages"), ("events", "complete", "skip_downstream")} <= set(LISTED)
    assert {("expect", "scrape", "targets"), ("events", "batch_report", "reason")} <= set(LISTED)
    assert {("events", "request", "query"), ("expect", "published", "percent")} <= set(LISTED)


@cache
def loaded() -> tuple[Policy, Workflows, Times]:
    policy = load_policy(PRODUCTION)
    return policy, load_workflows(WORKFLOWS, policy), Times(policy.zone, date(2026, 3, 11))


def value_of(given: Any) -> Value:
    node = yaml.compose(json.dumps(given), Loader=yaml.SafeLoader)
    assert node is not None
    return Value(node, "day.yaml", "")


def event_of(given: dict[str, Any]) -> Event:
    policy, workflows, times = loaded()
    return Reader(policy, times, workflows).event(value_of({"at": "02:00", **given}))


def expected_of(given: dict[str, Any]) -> Expected:
    policy, workflows, times = loaded()
    span = (datetime(2026, 3, 11, 5, tzinfo=UTC), datetime(2026, 3, 12, 10, tzinfo=UTC))
    return ExpectationReader(policy, times, span, workflows).expected(0, value_of(given))


@pytest.mark.parametrize(("where", "name", "key"), LISTED)
def test_a_key_of_the_tables_is_known(where: str, name: str, key: str) -> None:
    """Whatever else is wrong with a mapping that has this key alone, the key is not unknown; another one is."""

    def refused_as_unknown(key: str) -> bool:
        value: dict[str, Any] = {key: None}
        value = {HOLDERS[name]: value} if name in HOLDERS else value
        try:
            expected_of({name: value}) if where == "expect" else event_of({name: value})
        except ScenarioError as error:
            return "unknown key" in error.reason
        return False

    assert not refused_as_unknown(key)
    assert refused_as_unknown("nobody")


EVENTS: dict[str, Any] = {
    "the executor is asked for its health": {
        "request": {"function": "workflow_executor", "method": "GET", "path": "/health"}
    },
    "the executor is sent a push": {"request": {"function": "workflow_executor", "body": {"message": {"data": ""}}}},
    "the controller is asked": {
        "request": {"function": "workflow_controller", "body": {"workflow_name": "morning_operations"}}
    },
    "batches are asked": {"request": {"function": "phase5_batches", "query": {"a": "b"}}},
    "raw on the scrapers' topic": {"deliver_raw": {"topic": "nba-phase1-scrapers-complete", "data": "{", "id": "a"}},
    "raw on the executor's topic": {"deliver_raw": {"topic": "nba-workflow-run", "data": "{}"}},
    "raw on a phase's topic": {"deliver_raw": {"topic": "nba-phase2-raw-complete", "data": ""}},
    "a scraper's completion": {
        "complete": {"processor": "espn_roster", "phase": "phase1", "game_date": "2026-03-10", "status": "no_data"}
    },
    "messages at once": {
        "concurrently": [
            {"complete": {"processor": "espn_roster", "phase": "phase1", "game_date": "2026-03-10", "id": "b"}},
            {"redeliver": "b"},
        ]
    },
    "one reading": {"readings": {"game_coverage": 80}},
    "a reading by date": {"readings": {"game_coverage": {"2026-03-10": 80.5}}},
    "units by number and by name": {"units_held": {"nba_raw.x": {"2026-03-10": 2, "2026-03-11": ["A@B"]}}},
    "starts": {"starts_at": {"2026-03-10": ["19:00", "19:30:30"]}},
    "one answer of a scraper": {"scrapers": {"espn_roster": {"status": 503, "body": "no JSON", "after": "3s"}}},
    "several answers of a scraper": {"scrapers": {"espn_roster": [{"status": 503}, {"status": 200, "body": {"a": 1}}]}},
    "the controller is down": {"controller": "down"},
    "an operator": {"operator": 'workflows run morning_operations --reason "data is good"'},
}  # fmt: skip


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_event_of_each_form_is_understood(event: dict[str, Any]) -> None:
    """Functions of phase 1 and of batches in `request`, every topic in `deliver_raw`, numbers, names and dates."""
    assert event_of(event).happening


EXPECTED: dict[str, Any] = {
    "a scraper's report": {
        "recorded": {"phase": "phase1", "processor": "espn_roster", "date": "2026-03-10", "outcome": "no_data"}
    },
    "what a function of phase 1 answered": {"response": {"function": "workflow_executor", "nth": 1, "status": 200}},
    "a workflow at a time": {"workflow": {"name": "morning_operations", "at": "+1d 05:00", "is": "none", "count": 0}},
    "calls of a scraper": {
        "scrape": {"scraper": "espn_roster", "date": "2026-03-10", "count": 0, "with": {"a": [1]}, "targets": []}
    },
    "a mention": {"no_alert": {"mentions": "x", "until": "02:00", "not_before": "01:00"}},
}  # fmt: skip


@pytest.mark.parametrize("expected", EXPECTED.values(), ids=EXPECTED)
def test_an_expectation_of_each_form_is_understood(expected: dict[str, Any]) -> None:
    """Scrapers as the processors of phase 1, the functions of phase 1, one mention or several."""
    assert expected_of(expected).meaning


@pytest.mark.parametrize("at", ["00:30", "2026-03-10 22:00", "2026-03-10T22:00:00-05:00"])
def test_a_run_before_the_start_has_a_time_of_any_form(at: str, tmp_path: Path) -> None:
    """A time of the day of the start too, which may lie before it."""
    runs = [{"workflow": "morning_operations", "date": "2026-03-10", "at": at, "outcome": "completed"}]
    file = written(tmp_path, workflows=str(WORKFLOWS), given={"workflow_runs": runs})
    assert read_scenario(file).given.workflow_runs[0].outcome == "completed"


def test_valid_files_are_played_beside_one_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 2 for the one that is no scenario; what came of the others is told all the same."""
    (tmp_path / "other").mkdir()
    wrong = written(tmp_path / "other", expect=[{"alerts": {}}])
    good = written(tmp_path, expect=[{"runs": {"count": 0}}], end="2026-03-11 01:02")
    assert simulate([wrong, good], timeline=False, as_json=False) == 2
    streams = capsys.readouterr()
    assert streams.out.startswith(f"passed  {good}")
    assert "alerts" in streams.err
    assert simulate([wrong, good], timeline=False, as_json=True) == 2
    document = json.loads(capsys.readouterr().out)
    assert [scenario["passed"] for scenario in document["scenarios"]] == [True]
    assert (document["passed"], document["errors"][0]["path"]) == (False, str(wrong))


# several pipelines in one file


def several(directory: Path, **parts: Any) -> Path:
    return written(directory, **{"pipelines": [str(TENANTS), str(METERS)], **parts})


def test_what_names_no_pipeline_is_whose_it_fits(tmp_path: Path) -> None:
    """A message by its phase and processor, a change of the world by what has it, a crash anybody's, the rest the
    first one's."""
    loan = {"processor": "LoanJob", "phase": "loans", "game_date": "2026-03-10", "mode": "nightly"}
    meter = {"processor": "MeterReader", "phase": "meters", "game_date": "2026-03-10", "mode": "h19", "id": "m"}
    events = [
        {"at": "02:00", "complete": loan},
        {"at": "02:00", "complete": meter},
        {"at": "02:01", "redeliver": "m"},
        {"at": "02:02", "crash": "after_record"},
        {"at": "02:03", "fault": {"port": "state", "kind": "unavailable", "for": "1m"}},
        {"at": "02:04", "pipeline": "meters", "crash": "after_claim"},
        {"at": "02:05", "request": {"function": "health_check"}},
        {"at": "02:06", "rows": {"a.b": {"2026-03-10": 5}}},
    ]
    library, meters = read_scenario(several(tmp_path, events=events)).parts
    kinds = [[type(event.happening).__name__ for event in part.events] for part in (library, meters)]
    assert kinds == [
        ["Complete", "Crash", "Fault", "Request", "Change"],
        ["Complete", "Redeliver", "Fault", "Crash", "Change"],
    ]
    assert [part.events[1 if part is library else 3].happening for part in (library, meters)] == [
        Crash(library.events[1].happening.point, anybody=True),  # type: ignore[union-attr]
        Crash(meters.events[3].happening.point),  # type: ignore[union-attr]
    ]


@pytest.mark.parametrize(
    ("parts", "key", "reason"),
    [
        ({"pipeline": str(TENANTS)}, "pipeline", "stands beside pipelines"),
        ({"pipelines": []}, "pipelines", "must not be empty"),
        ({"pipelines": [str(TENANTS), str(TENANTS)]}, "pipelines[1]", "another file of the pipeline library"),
        ({"events": [{"at": "02:00", "pipeline": "nba", "operator": "status"}]}, "events[0].pipeline", "not one of"),
        ({"events": [{"at": "02:00", "services": {"nobody": "down"}}]}, "events[0].services", "not one of"),
        ({"events": [{"at": "02:00", "redeliver": "x"}]}, "events[0].redeliver", "no message before it"),
        ({"expect": [{"trigger": {"transition": "x_to_y"}}]}, "expect[0].trigger.transition", "not one of"),
        ({"expect": [{"pipeline": "meters"}]}, "expect[0]", "needs exactly one of"),
    ],
)
def test_what_fits_no_pipeline_is_refused(parts: dict[str, Any], key: str, reason: str, tmp_path: Path) -> None:
    """With its key and the reason."""
    with pytest.raises(ScenarioError) as caught:
        read_scenario(several(tmp_path, **parts))
    assert caught.value.key.startswith(key)
    assert reason in caught.value.reason


def test_an_expectation_of_one_pipeline_is_not_met_by_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody understood of the library is in its quarantine alone; of all together it is one message."""
    events = [{"at": "01:01", "deliver_raw": {"topic": "library-loans", "data": "{"}}]
    expect = [
        {"pipeline": "library", "quarantined": {"count": 1}},
        {"pipeline": "meters", "quarantined": {"count": 1}},
        {"quarantined": {"count": 1}},
        {"quarantined": {"count": 2}},
    ]
    file = several(tmp_path, events=events, expect=expect, end="2026-03-11 01:03")
    assert simulate([file], timeline=False, as_json=True) == 1
    [played] = json.loads(capsys.readouterr().out)["scenarios"]
    assert [expectation["passed"] for expectation in played["expectations"]] == [True, False, True, False]
    assert [expectation["expect"] for expectation in played["expectations"]] == expect
