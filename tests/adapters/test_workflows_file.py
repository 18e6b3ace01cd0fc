"""The workflow file: what it means, what is refused with file, key, line and hint, and its JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.adapters.config.workflows_json_schema import SCHEMA, schema_text
from shared.core.errors import PolicyError
from tests.policy_files import GONE, PRODUCTION, edit

WORKFLOWS = PRODUCTION.parent / "workflows.yaml"
REFERENCE = Path(__file__).resolve().parents[1] / "scenarios" / "workflows" / "config" / "workflows_reference.yaml"
POLICY = load_policy(PRODUCTION)


def plain() -> dict[str, Any]:
    """Return a fresh copy of the production file as plain values."""
    document: dict[str, Any] = yaml.safe_load(WORKFLOWS.read_text(encoding="utf-8"))
    return document


def refused(tmp_path: Path, changes: dict[str, Any]) -> PolicyError:
    path = tmp_path / "workflows.yaml"
    path.write_text(json.dumps(edit(plain(), changes), indent=1, default=str), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_workflows(path, POLICY)
    assert caught.value.path == str(path)
    assert caught.value.hint
    return caught.value


def test_production_is_the_reference() -> None:
    """The real pipeline's workflows and scrapers are those that the scenarios are played with."""
    ours, reference = load_workflows(WORKFLOWS, POLICY), load_workflows(REFERENCE, POLICY)
    assert ours.workflows == reference.workflows
    assert ours.scrapers == reference.scrapers
    assert ours.defaults == reference.defaults


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"workflows/betting_lines/requires": ["morning"]}, "workflows.betting_lines.requires[0]", "unknown workflow"),
        (
            {"workflows/morning_operations/steps/0/scrapers": ["nbac_player"]},
            "workflows.morning_operations.steps[0].scrapers[0]",
            "did you mean nbac_player_list?",
        ),
        (
            {"workflows/morning_operations/decide/kind": "once_a_week"},
            "workflows.morning_operations.decide.kind",
            "did you mean once_a_day?",
        ),
        (
            {"workflows/morning_operations/run_once_daily": True},
            "workflows.morning_operations.run_once_daily",
            "there is no such key",
        ),
        (
            {"workflows/morning_operations/decide/every": "2h"},
            "workflows.morning_operations.decide.every",
            "there is no such key",
        ),
        ({"workflows/roster_refresh/steps/0/after": ["deals"]}, "workflows.roster_refresh.steps", "for each other"),
        (
            {"workflows/morning_operations/requires": ["betting_lines"]},
            "workflows.morning_operations.requires",
            "morning_operations -> betting_lines -> morning_operations",
        ),
        ({"workflows/betting_lines/steps/0/outputs": {}}, "workflows.betting_lines.steps[1].for_each", "event_ids"),
        ({"workflows/betting_lines/steps/1/after": []}, "workflows.betting_lines.steps[1].for_each", "event_ids"),
        (
            {"workflows/betting_lines/steps/0/outputs/dates": "data_summary.dates"},
            "workflows.betting_lines.steps[0].outputs.dates",
            "would bind {date}",
        ),
        (
            {"workflows/morning_operations/decide/window/to": "06:00"},
            "workflows.morning_operations.decide.window",
            "has no length",
        ),
        (
            {"workflows/morning_operations/decide/window/to": "05:00"},
            "workflows.morning_operations.decide.window",
            "ends before it begins",
        ),
        ({"scrapers/oddsa_player_props/timeout": "540s"}, "scrapers.oddsa_player_props.timeout", "does not fit"),
        ({"defaults/timeout": "520s"}, "defaults.timeout", "does not fit"),
        ({"defaults/step_overhead": "0s"}, "defaults.step_overhead", "leaves no time"),
        ({"defaults/attempts": 0}, "defaults.attempts", "a whole number from 1 to 10"),
        ({"scrapers/espn_roster/service": "scraper"}, "scrapers.espn_roster.service", "unknown service"),
        ({"scrapers/espn_roster/processor": "nobody"}, "scrapers.espn_roster.processor", "unknown processor"),
        ({"scrapers/espn_roster/parameters": {"game": "{unit}"}}, "workflows.morning_operations.steps[0].scrapers[2]",
         "wants {unit}"),
        ({"scrapers/espn_roster/parameters": {"source": "x"}}, "scrapers.espn_roster.parameters.source", "executor"),
        ({"workflows/early_games_1/decide/missing": GONE}, "workflows.early_games_1.decide.missing", "missing"),
        ({"workflows/betting_lines/repeat": {"after": "30m", "times": 1}}, "workflows.betting_lines.repeat", "every"),
        (
            {"workflows/morning_operations/alerts/missing_units": "critical"},
            "workflows.morning_operations.alerts.missing_units",
            "after_games",
        ),
        (
            {"workflows/injury_discovery/alerts/missed": "warning"},
            "workflows.injury_discovery.alerts.missed",
            "no window",
        ),
        (
            {"workflows/morning_operations/dependencies": ["roster_refresh"]},
            "workflows.morning_operations.dependencies",
            "there is no such key",
        ),
        (
            {"workflows/morning_operations/alerts/email": "critical"},
            "workflows.morning_operations.alerts.email",
            "there is no such key",
        ),
        ({"workflows/roster_refresh/steps/0/max_workers": 3}, "workflows.roster_refresh.steps[0].max_workers", "one"),
        ({"workflows/roster_refresh/steps/1/name": "rosters"}, "workflows.roster_refresh.steps[1].name", "twice"),
        ({"workflows/props_hourly/decide/every": "0m"}, "workflows.props_hourly.decide.every", "no time at all"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_key_and_a_hint(
    tmp_path: Path, changes: dict[str, Any], key: str, words: str
) -> None:
    """Each error names the key that a person has to look at, its line, and what to do."""
    error = refused(tmp_path, changes)
    assert key in str(error)
    assert words in str(error)
    assert "(line " in str(error)


def test_several_problems_are_told_together(tmp_path: Path) -> None:
    """Whoever corrects a file sees all of it at once."""
    changes = {"workflows/betting_lines/requires": ["x"], "scrapers/espn_roster/service": "y"}
    error = refused(tmp_path, changes)
    assert "1 more problem" in str(error)


def test_a_pipeline_without_a_calendar_decides_by_the_clock_alone(tmp_path: Path) -> None:
    """Kinds that ask for units are refused where nobody knows any."""
    policy = load_policy(PRODUCTION, {"calendar": None})
    with pytest.raises(PolicyError, match="no calendar"):
        load_workflows(WORKFLOWS, policy)
    once = {"workflows": {"m": plain()["workflows"]["morning_operations"]}, "scrapers": plain()["scrapers"]}
    path = tmp_path / "workflows.yaml"
    path.write_text(json.dumps(once), encoding="utf-8")
    assert set(load_workflows(path, policy).workflows) == {"m"}


def test_an_overlay_merges_mappings_and_replaces_lists() -> None:
    """As the policy's overlays do."""
    overlay = {"workflows": {"roster_refresh": {"decide": {"catch_up": False}}}, "defaults": {"attempts": 1}}
    workflows = load_workflows(WORKFLOWS, POLICY, overlay)
    assert workflows.defaults.attempts == 1
    assert len(workflows.workflows["roster_refresh"].steps) == 3
    assert not workflows.workflows["roster_refresh"].decide.catch_up  # type: ignore[union-attr]


def test_steps_come_after_those_they_wait_for() -> None:
    """Whatever order the file writes them in."""
    steps = plain()["workflows"]["roster_refresh"]["steps"]
    overlay = {"workflows": {"roster_refresh": {"steps": list(reversed(steps))}}}
    workflow = load_workflows(WORKFLOWS, POLICY, overlay).workflows["roster_refresh"]
    assert [step.name for step in workflow.steps] == ["rosters", "moves", "deals"]


def test_the_checked_in_schema_is_up_to_date() -> None:
    """Editors read what the loader accepts: `python -m shared.adapters.config.workflows_json_schema` writes it anew."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()
    assert "opens_before_first_game" in schema_text()
