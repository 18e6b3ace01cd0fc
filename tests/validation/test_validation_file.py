"""What config/validation.yaml may hold, and how each mistake in it is refused."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.validation_file import load_validation
from shared.adapters.config.validation_json_schema import SCHEMA, schema_text
from shared.app.validation.checks import MEASURES
from shared.core.errors import PolicyError
from shared.core.validation.builtin_checks import BUILTINS
from shared.core.validation.checks import Validation
from tests.functions.worlds import POLICY
from tests.policy_files import GONE, edit
from tests.validation.fixtures import CONFIG, VALIDATION

RAW: dict[str, Any] = yaml.safe_load((CONFIG / "validation.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of its own, with the checks' SQL and fixtures."""
    folder = tmp_path_factory.mktemp("config")
    shutil.copytree(CONFIG / "checks", folder / "checks")
    return folder


def load(folder: Path, changes: dict[str, Any], record: str = "nba_orchestration") -> Validation:
    path = folder / "validation.yaml"
    path.write_text(json.dumps(edit(copy.deepcopy(RAW), changes)), encoding="utf-8")
    return load_validation(path, POLICY, record)


def test_the_schema_is_fresh() -> None:
    """The checked-in schema is what the types say.

    `python -m shared.adapters.config.validation_json_schema` writes it anew.
    """
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_every_schedule_of_the_behaviour_is_there() -> None:
    """The six schedules and their local times (behaviour 10)."""
    assert {name: f"{schedule.at:%H:%M}" for name, schedule in VALIDATION.schedules.items()} == {
        "post_overnight": "06:00",
        "pre_game_prep": "08:00",
        "midday": "12:00",
        "pre_game_final": "18:00",
        "post_game": "23:00",
        "overnight": "02:00",
    }
    assert [name for name in VALIDATION.schedules if not VALIDATION.of(name)] == []


def test_every_transition_and_every_builtin_has_a_check() -> None:
    """No transition's output goes unjudged, and no builtin is written for nobody."""
    checks = VALIDATION.checks.values()
    judged = {check.options["transition"] for check in checks if check.builtin == "transition_output"}
    assert judged == POLICY.transitions.keys()
    assert {check.builtin for check in checks if check.builtin} == BUILTINS.keys() == MEASURES.keys()


def test_a_query_is_written_out_for_every_table_and_transition() -> None:
    """Each enabled processor's table, each transition; no placeholder is left."""
    tables = {
        processor.table
        for phase in POLICY.phases.values()
        for processor in phase.processors.values()
        if processor.table is not None and processor.disabled is None
    }
    for name in ("completeness_14d", "freshness"):
        written = [query.sql for query in VALIDATION.checks[name].queries]
        assert len(written) == len(tables)
        assert [table for table in tables if not any(f"`{table}`" in sql for sql in written)] == []
    assert [q.subject for q in VALIDATION.checks["transition_latency"].queries] == list(POLICY.transitions)
    assert [c.name for c in VALIDATION.checks.values() for q in c.queries if "${" in q.sql] == []


def test_the_record_may_have_another_dataset(folder: Path) -> None:
    """Where it is named otherwise, checks read there and nowhere else."""
    validation = load(folder, {}, record="staging_orchestration")
    written = " ".join(query.sql for check in validation.checks.values() for query in check.queries)
    assert re.findall(r"nba_orchestration\.(?!game_postponements)\w+", written) == []
    assert "staging_orchestration.v_phase_completions" in written
    assert validation.checks["alert_volume"].table == "staging_orchestration.alerts"


@pytest.mark.parametrize(
    ("changes", "key", "reason", "hint"),
    [
        ({"pipelines": 1}, "pipelines", "there is no such key", "did you mean pipeline?"),
        ({"pipeline": "mlb"}, "pipeline", "is mlb", "nba"),
        ({"checks/floors/serverity": "info"}, "checks.floors.serverity", "no such key", "did you mean severity?"),
        ({"checks/floors/severity": "grave"}, "checks.floors.severity", "got 'grave'", "one of"),
        ({"checks/floors/title": GONE}, "checks.floors.title", "is missing", "add it"),
        ({"checks/floors/nothing": GONE}, "checks.floors.nothing", "is missing", "add it"),
        ({"checks/floors/schedules/0": "noon"}, "checks.floors.schedules[0]", "unknown schedule noon", ""),
        ({"checks/floors/schedules/1": "pre_game_prep"}, "checks.floors.schedules", "names a schedule twice", ""),
        ({"checks/floors/builtin": "flors"}, "checks.floors.builtin", "unknown builtin", "did you mean floors?"),
        ({"checks/floors/builtin": GONE}, "checks.floors", "either sql or builtin", ""),
        ({"checks/floors/sql": "checks/games_final.sql"}, "checks.floors", "either sql or builtin", ""),
        ({"checks/floors/options": {"grace": "1h"}}, "checks.floors.options.grace", "no such option", ""),
        ({"checks/floors/fail_below": GONE}, "checks.floors", "can never fail", "fail_below"),
        ({"checks/floors/each": "tables"}, "checks.floors.each", "repeats SQL", ""),
        ({"checks/games_final/warn_below": 80}, "checks.games_final.warn_below", "would never warn", "swap"),
        ({"checks/stalled_runs/warn_above": 3}, "checks.stalled_runs.warn_above", "would never warn", "swap"),
        (
            {"checks/games_final/sql": "checks/gone.sql"},
            "checks.games_final.sql",
            "no file checks/gone.sql",
            "write it",
        ),
        ({"checks/games_final/sql": "checks/freshness.sql"}, "checks.games_final.sql", "unknown placeholder", ""),
        ({"checks/games_final/options": {"a": "b"}}, "checks.games_final.options", "are for a builtin", ""),
        (
            {"checks/predictions_ready/schedules": ["midday"]},
            "checks.predictions_ready.schedules[0]",
            "never judges it: midday runs at 12:00, before the check is due at 14:30",
            "",
        ),
        ({"checks/null_keys/columns": ["a.b.c"]}, "checks.null_keys.columns[0]", "no processor writes a.b", ""),
        ({"checks/null_keys/each": "tables"}, "checks.null_keys.columns", "each stands beside it", ""),
        (
            {"checks/transition_output_phase2_to_phase3/options/transition": "phase2_to_phase4"},
            "checks.transition_output_phase2_to_phase3.options.transition",
            "unknown transition",
            "did you mean",
        ),
        (
            {"checks/transition_output_phase2_to_phase3/options/transition": GONE},
            "checks.transition_output_phase2_to_phase3.options.transition",
            "is missing",
            "",
        ),
        ({"checks/runs_opened/options": {"grace": "soon"}}, "checks.runs_opened.options.grace", "a duration", "15m"),
        ({"schedules/midday/at": "25:00"}, "schedules.midday.at", "a quoted time of day", ""),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_mistake_is_refused_with_its_key(
    folder: Path, changes: dict[str, Any], key: str, reason: str, hint: str
) -> None:
    """File, key path, reason and a hint stand in the error."""
    with pytest.raises(PolicyError) as caught:
        load(folder, changes)
    assert (caught.value.key, caught.value.path) == (key, str(folder / "validation.yaml"))
    assert reason in caught.value.reason
    assert hint in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("file", ["passes.yaml", "fails.yaml"])
def test_a_check_without_both_fixtures_is_refused(tmp_path: Path, file: str) -> None:
    """A check that nobody has seen fail, or pass, does not exist."""
    shutil.copytree(CONFIG / "checks", tmp_path / "checks")
    (tmp_path / "checks" / "fixtures" / "freshness" / file).unlink()
    with pytest.raises(PolicyError, match=f"checks.freshness: has no fixture {file}"):
        load(tmp_path, {})


def test_every_fixture_belongs_to_a_check() -> None:
    """A folder that no check names is not played by anybody."""
    assert {path.name for path in (CONFIG / "checks" / "fixtures").iterdir()} == VALIDATION.checks.keys()


def test_what_is_no_file_and_no_yaml_is_refused(tmp_path: Path) -> None:
    """The path, and what to do, stand in the error."""
    with pytest.raises(PolicyError, match="cannot be read"):
        load_validation(tmp_path / "none.yaml", POLICY, "r")
    (tmp_path / "bad.yaml").write_text("schedules: {at: 06:00}\n")
    with pytest.raises(PolicyError, match="quotes"):
        load_validation(tmp_path / "bad.yaml", POLICY, "r")
