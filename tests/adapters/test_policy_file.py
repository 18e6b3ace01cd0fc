"""Loading the policy file: what it says is what is loaded, and what it must not say is refused with its key."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time as clock
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from shared.adapters.config import policy_file
from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.strict_yaml import read_yaml
from shared.adapters.local.duckdb import DuckDbWarehouse
from shared.core.errors import PolicyError
from shared.core.policy.phases import RerunInputs
from shared.core.policy.transitions import (  # fmt: skip
    ConfirmBy,
    Due,
    GateKind,
    HttpCall,
    LocalTime,
    Messages,
    OnMissing,
    OnUnreadable,
    Publication,
    Role,
    Then,
    Tier,
)
from tests.policy_files import GONE, NBA, PRODUCTION, ROOT, edit, nba, outcome, refusal, write

POLICY = load_policy(NBA)


def test_the_reference_policy_has_the_modes_and_times_it_says() -> None:
    """Times of day are plain local times without a zone, offsets are days, the zone is the pipeline's."""
    assert POLICY.pipeline == "nba"
    assert POLICY.zone.key == "America/New_York"
    modes = [(mode.name, mode.partition_offset_days, mode.opens_at) for mode in POLICY.modes.values()]
    assert modes == [("overnight", -1, time(5)), ("same_day", 0, time(10)), ("tomorrow", 1, time(16, 30))]
    assert all(mode.opens_at.tzinfo is None for mode in POLICY.modes.values())
    assert POLICY.claim_lease == timedelta(minutes=2)
    assert POLICY.source == str(NBA)


def test_the_reference_policy_has_the_phases_and_processors_it_says() -> None:
    """Phases keep the order of the file; aliases, tables, date columns, floors and disabled are as written."""
    assert list(POLICY.phases) == ["phase2", "phase3", "phase4", "phase5", "phase6"]
    gamebook = POLICY.phases["phase2"].processors["p2_nbacom_gamebook_pdf"]
    assert gamebook.aliases == ("NbacGamebookProcessor", "NbacGamebookPlayerStatsProcessor")
    assert (gamebook.table, gamebook.min_records_per_unit) == ("nba_raw.nbac_gamebook_player_stats", 10)
    disabled = POLICY.phases["phase2"].processors["p2_bdl_box_scores"].disabled
    assert disabled is not None
    assert (disabled.since, disabled.reason) == (date(2026, 1, 28), "source outage")
    assert POLICY.phases["phase4"].processors["player_daily_cache"].date_column == "cache_date"
    assert POLICY.phases["phase4"].processors["ml_feature_store"].date_column == "game_date"
    rerun = POLICY.phases["phase3"].rerun
    assert rerun is not None
    assert (rerun.service, rerun.path) == ("analytics", "/process-date-range")
    assert POLICY.phases["phase6"].rerun is None


def test_the_reference_policy_has_the_gates_it_says() -> None:
    """Kinds, thresholds and what to do when nothing can be read are as written."""
    minutes = POLICY.gates["minutes_coverage"]
    assert (minutes.kind, minutes.warn_below, minutes.block_below) == (GateKind.PERCENT, 90, 80)
    assert (minutes.modes, minutes.on_unreadable) == (frozenset({"overnight"}), OnUnreadable.PASS)
    rows = POLICY.gates["phase4_rows"]
    assert (rows.kind, rows.at_least, rows.modes) == (GateKind.ROWS, 3, None)
    assert (rows.on_missing, rows.on_unreadable) == (OnMissing.BLOCK, OnUnreadable.BLOCK)
    assert POLICY.gates["phase2_rows"].on_missing is OnMissing.WARN
    assert POLICY.gates["predictions_rows"].min_rows == 10


def test_a_mode_of_its_own_is_loaded_as_it_stands() -> None:
    """Lists of names become sets, durations timedeltas, tiers keep their order."""
    night = POLICY.transitions["phase3_to_phase4"].expects["overnight"]
    assert night.required == frozenset({"player_game_summary", "upcoming_player_game_context"})
    assert len(night.expected) == 5
    assert night.tiers == (Tier(timedelta(minutes=15), 4), Tier(timedelta(minutes=30), 3))
    assert night.deadline is not None
    assert (night.deadline.after, night.deadline.then) == (timedelta(hours=2), Then.TRIGGER_IF_REQUIRED)
    assert night.due == Due(LocalTime(0, time(8, 30)), LocalTime(0, time(10)))
    assert POLICY.transitions["phase2_to_phase3"].expects["same_day"].due is None


def test_any_mode_stands_under_each_mode() -> None:
    """Every mode has the keys of any_mode, and its own in their place where it has them."""
    expects = POLICY.transitions["phase4_to_phase5"].expects
    assert list(expects) == ["overnight", "same_day", "tomorrow"]
    assert {expect.required for expect in expects.values()} == {frozenset({"player_daily_cache", "ml_feature_store"})}
    assert {expect.tiers[2] for expect in expects.values()} == {Tier(timedelta(hours=2), 3)}
    dues = [expect.due.warning for expect in expects.values() if expect.due]
    assert dues == [LocalTime(0, time(10, 30)), LocalTime(0, time(12, 45)), LocalTime(0, time(19, 45))]
    last = POLICY.transitions["phase5_to_phase6"].expects
    assert [expectation.due is None for expectation in last.values()] == [True, False, True]


def test_a_key_of_the_mode_wins_over_any_mode(tmp_path: Path) -> None:
    """A mode replaces a whole key of any_mode and leaves the others; null takes the key back."""
    path = write(
        tmp_path,
        edit(
            nba(),
            {
                "transitions/phase4_to_phase5/expects/overnight/tiers": [{"after": "10m", "at_least": 2}],
                "transitions/phase4_to_phase5/expects/same_day/deadline": None,
            },
        ),
    )
    expects = load_policy(path).transitions["phase4_to_phase5"].expects
    assert expects["overnight"].tiers == (Tier(timedelta(minutes=10), 2),)
    assert expects["overnight"].deadline == expects["tomorrow"].deadline
    assert expects["same_day"].deadline is None
    assert len(expects["same_day"].tiers) == 3


def test_a_mode_that_is_not_named_does_not_exist(tmp_path: Path) -> None:
    """Without any_mode, a transition exists in the modes it names and in no other."""
    path = write(tmp_path, edit(nba(), {"transitions/phase3_to_phase4/expects/tomorrow": GONE}))
    assert list(load_policy(path).transitions["phase3_to_phase4"].expects) == ["overnight", "same_day"]


def test_the_reference_policy_has_the_dispatches_it_says() -> None:
    """Topic, messages, call, confirmation and refresh are as written; what is left out has its default."""
    fourth = POLICY.transitions["phase4_to_phase5"]
    call, publication = (step.target for step in fourth.dispatch.steps)
    assert (fourth.dispatch.role, publication) == (Role.TRIGGER, Publication("nba-predictions-trigger"))
    assert isinstance(call, HttpCall)
    assert call.accepted == frozenset({200, 202, 409})
    assert call.timeout == timedelta(seconds=20)
    assert (fourth.confirm.by, fourth.preflight) == (ConfirmBy.HTTP, "prediction_coordinator")
    third = POLICY.transitions["phase3_to_phase4"]
    assert [step.target for step in third.dispatch.steps] == [Publication("nba-phase4-trigger", Messages.PER_PROCESSOR)]
    assert (third.confirm.by, third.confirm.within) == (ConfirmBy.FIRST_REPORT, timedelta(minutes=30))
    assert third.refresh is not None
    assert (third.refresh.until, third.refresh.at_most, third.refresh.min_growth_percent) == (time(16), 1, 10)
    [export] = POLICY.transitions["phase5_to_phase6"].dispatch.steps
    assert export.body.base["update_latest"] is True


def test_the_reference_policy_has_the_alerts_and_repairs_it_says() -> None:
    """Channels are secrets by severity; repairs are bounded in number, time and share."""
    assert POLICY.alerts.channels["critical"] == "slack-webhook-error"
    assert POLICY.alerts.repeat_after == timedelta(days=1)
    assert POLICY.alerts.pagerduty is not None
    assert POLICY.alerts.pagerduty.severities == frozenset({"critical"})
    assert (POLICY.repairs.max_attempts, POLICY.repairs.cooldown) == (2, timedelta(minutes=30))
    assert POLICY.repairs.per_day == 20
    assert POLICY.repairs.refuse_above_missing_percent == 80


def test_transitions_come_in_the_order_of_their_phases(tmp_path: Path) -> None:
    """However the file orders them, transitions follow the phases."""
    turned = nba()
    turned["transitions"] = dict(reversed(turned["transitions"].items()))
    assert list(load_policy(write(tmp_path, turned)).transitions) == list(POLICY.transitions)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    """A duration is one whole number and one unit."""
    assert load_policy(NBA, {"alerts": {"repeat_after": text}}).alerts.repeat_after == length


T3 = "transitions/phase3_to_phase4"
TIER = f"{T3}/expects/overnight/tiers/0"

# changes, key, part of the reason, part of the hint
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an unknown key": (
        {"claim_leese": "2m"},
        "claim_leese",
        "there is no such key",
        "did you mean claim_lease?",
    ),
    "an unknown key in a tier": (
        {f"{TIER}/atleast": 3},
        "transitions.phase3_to_phase4.expects.overnight.tiers[0].atleast",
        "there is no such key",
        "did you mean at_least?",
    ),
    "an unknown key like no other": (
        {"phases/phase3/rerun/zzz": 1},
        "phases.phase3.rerun.zzz",
        "there is no such key",
        "one of body, body_by_lane, body_by_mode, grace, opens_on, path, service",
    ),
    "a missing key": ({"timezone": GONE}, "timezone", "is missing", "add it: a text"),
    "a missing section": ({"alerts": GONE}, "alerts", "is missing", "add it: a mapping"),
    "a missing key in a list": (
        {f"{TIER}/at_least": GONE},
        "transitions.phase3_to_phase4.expects.overnight.tiers[0].at_least",
        "is missing",
        "add it: a whole number from 1 on",
    ),
    "required neither in the mode nor in any_mode": (
        {f"{T3}/expects/overnight/required": GONE},
        "transitions.phase3_to_phase4.expects.overnight.required",
        "is missing",
        "add it: a list",
    ),
    "a duration without a unit": (
        {f"{TIER}/after": 15},
        "transitions.phase3_to_phase4.expects.overnight.tiers[0].after",
        "expected a duration, got 15",
        "such as 90s, 15m, 2h, 1d",
    ),
    "a duration of two units": (
        {f"{TIER}/after": "1h30m"},
        "transitions.phase3_to_phase4.expects.overnight.tiers[0].after",
        "expected a duration, got '1h30m'",
        "such as 90s",
    ),
    "a duration with a newline": ({"claim_lease": "2m\n"}, "claim_lease", "expected a duration", "such as 90s"),
    "a duration below nothing": ({"claim_lease": "-2m"}, "claim_lease", "expected a duration", "such as 90s"),
    "a time of day that does not exist": (
        {"modes/overnight/opens_at": "24:00"},
        "modes.overnight.opens_at",
        "expected a quoted time of day, got '24:00'",
        'such as "05:00"',
    ),
    "a time of day as a number": (
        {"modes/overnight/opens_at": 600},
        "modes.overnight.opens_at",
        "expected a quoted time of day, got 600",
        'such as "05:00"',
    ),
    "a word that is no choice": (
        {f"{T3}/expects/overnight/deadline/then": "triger"},
        "transitions.phase3_to_phase4.expects.overnight.deadline.then",
        "expected one of trigger, trigger_if_required, hold, got 'triger'",
        "did you mean trigger?",
    ),
    "a percentage above 100": (
        {"gates/game_coverage/block_below": 101},
        "gates.game_coverage.block_below",
        "expected a percentage from 0 to 100, got 101",
        "such as 80",
    ),
    "a percentage as text": (
        {"gates/game_coverage/block_below": "80"},
        "gates.game_coverage.block_below",
        "expected a percentage from 0 to 100, got '80'",
        "such as 80",
    ),
    "a list where a mapping belongs": ({"modes": []}, "modes", "expected a mapping, got a list", "below it"),
    "a word where a list belongs": (
        {f"{T3}/gates": "phase3_rows"},
        "transitions.phase3_to_phase4.gates",
        "expected a list, got 'phase3_rows'",
        "in brackets",
    ),
    "an empty mapping of what there must be": ({"modes": {}}, "modes", "is empty", "at least one"),
    "no status accepted": (
        {"transitions/phase4_to_phase5/dispatch/http/accepted": []},
        "transitions.phase4_to_phase5.dispatch.http.accepted",
        "is empty",
        "at least one",
    ),
    "null where a value must be": (
        {"pipeline": None},
        "pipeline",
        "expected a name, got nothing (null)",
        "such as",
    ),
    "a date that does not exist": (
        {"phases/phase2/processors/p2_bdl_box_scores/disabled/since": "2026-02-30"},
        "phases.phase2.processors.p2_bdl_box_scores.disabled.since",
        "expected a date, got '2026-02-30'",
        "such as 2026-01-28",
    ),
    "a table without its dataset": (
        {"calendar/table": "v_nbac_schedule_latest"},
        "calendar.table",
        "expected a table with its dataset",
        "such as nba_raw.",
    ),
    "a query outside config": (
        {"gates/game_coverage/sql": "../secret.sql"},
        "gates.game_coverage.sql",
        "expected an SQL file",
        "such as gates/",
    ),
    "a name with a slash": (
        {"phases/phase2/processors": {"a/b": {}}},
        "phases.phase2.processors.a/b",
        "expected a name, got 'a/b'",
        "such as",
    ),
    "a processor listed twice": (
        {f"{T3}/expects/overnight/required": ["player_game_summary", "player_game_summary"]},
        "transitions.phase3_to_phase4.expects.overnight.required[1]",
        "player_game_summary is listed twice",
        "another one",
    ),
    "a mode called any_mode": (
        {"modes/any_mode": {"partition_offset_days": 5, "opens_at": "05:00"}},
        "modes.any_mode",
        "no mode can have this name",
        "choose another name",
    ),
    "an unknown time zone": (
        {"timezone": "America/NewYork"},
        "timezone",
        "there is no time zone America/NewYork",
        "did you mean America/New_York?",
    ),
    "a folder as time zone": ({"timezone": "America"}, "timezone", "there is no time zone America", "America/"),
    "a path as time zone": ({"timezone": "../UTC"}, "timezone", "there is no time zone ../UTC", "UTC"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_a_wrong_shape_with_key_reason_and_hint(case: str, tmp_path: Path) -> None:
    """Each mistake is refused, and the error says where it is, why, and what to do."""
    changes, key, reason, hint = REFUSED[case]
    error = refusal(tmp_path, changes)
    assert (error.key, reason in error.reason, hint in error.hint) == (key, True, True), str(error)


def test_every_fault_of_the_shape_is_listed(tmp_path: Path) -> None:
    """A file with several faults is refused once, with all of them."""
    error = refusal(tmp_path, {"timezone": GONE, f"{TIER}/after": 15, "claim_lease": "soon"})
    assert "2 more problems:" in str(error)
    for key in ("timezone", "claim_lease", "transitions.phase3_to_phase4.expects.overnight.tiers[0].after"):
        assert f"{key}: " in str(error)


# text in the place of `claim_lease: 2m`, key, part of the reason, part of the hint
WRITTEN: dict[str, tuple[str, str, str, str]] = {
    "an unquoted time that YAML takes for a number": (
        "modes: {x: {opens_at: 10:00}}",
        "modes.x.opens_at",
        "is an unquoted time of day, 10:00",
        'write it in quotes: "10:00"',
    ),
    "an unquoted time that YAML takes for text": (
        "modes: {x: {opens_at: 05:00}}",
        "modes.x.opens_at",
        "is an unquoted time of day, 05:00",
        'write it in quotes: "05:00"',
    ),
    "an unquoted time with seconds": ("body: [1, 10:00:30]", "body[1]", "is an unquoted time of day", '"10:00:30"'),
    "a key twice": ("x: {a: 1, b: 2, a: 3}", "x.a", "is given twice; the first is in line", "keep one of the two"),
    "a key that YAML takes for true": ("x: {on: 1}", "x.on", "a key must be text", 'write it in quotes: "on"'),
    "a key that is a number": ("x: {1: 1}", "x.1", "a key must be text", 'write it in quotes: "1"'),
    "a key that is a list": ("x: {[a]: 1}", "x.?", "a key must be text", "write it in quotes"),
    "a date that does not exist": ("x: {since: 2026-02-30}", "x.since", "is no possible timestamp", "quote it"),
    "an anchor within itself": ("x: &x {a: *x}", "x.a", "contains itself", "instead of using an anchor"),
    "a merge key": ("x: {<<: {a: 1}}", "x.<<", "merge keys are not read", "write the keys out"),
    "a tag on a mapping": ("x: !!set {a}", "x", "has the tag", "leave the tag out"),
    "a tag on a list": ("x: !!omap [a: 1]", "x", "has the tag", "leave the tag out"),
    "a threshold that nothing is below": (
        "gates: {x: {min_percent: .nan}}",
        "gates.x.min_percent",
        "'.nan' is no number that others can be compared with",
        "write a number",
    ),
    "a threshold without end": (
        "gates: {x: {min_percent: -.inf}}",
        "gates.x.min_percent",
        "'-.inf' is no number",
        "write",
    ),
    "a threshold too large": ("gates: {x: {min_percent: 1.0e+999}}", "gates.x.min_percent", "is no number", "write"),
    "a tag of Python": ("x: !!python/name:os.system a", "x", "is no possible", "quote it if it is text"),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_refuses_what_yaml_lets_through(case: str, tmp_path: Path) -> None:
    """YAML that means something else than it looks like is refused with its key and its line."""
    text, key, reason, hint = WRITTEN[case]
    path = tmp_path / "written.yaml"
    path.write_text(f"pipeline: nba\n{text}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    error = caught.value
    assert (error.key, reason in error.reason, hint in error.hint) == (key, True, True), str(error)
    assert "(line 2)" in error.reason


@pytest.mark.parametrize(
    ("content", "key", "reason"),
    [
        (b"a: [1, 2\n", "line 2, column 1", "is not YAML"),
        (b"a: 1\n--- \nb: 2\n", "line 2, column 1", "is not YAML"),
        (b"\x00", "(top level)", "is not YAML"),
        (b"", "(top level)", "expected a mapping, got nothing"),
        (b"[]", "(top level)", "expected a mapping, got a list"),
        (b"\xff\xfe\xfd", "", "is not UTF-8 at byte 0"),
    ],
)
def test_refuses_what_is_no_mapping(content: bytes, key: str, reason: str, tmp_path: Path) -> None:
    """A file that is not YAML, or YAML of something else, is refused with the place and a hint."""
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert caught.value.path == str(path)
    assert caught.value.key.startswith(key)
    assert reason in caught.value.reason
    assert caught.value.hint


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{below}' for _ in range(10))}]\n"
    for below, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "aliases make more than 10,000 copies (line "),
        (BOMB.replace("[", "{k: [").replace("]", "]}"), "aliases make more than 10,000 copies (line "),
        ("a: " + "[" * 100_000 + "]" * 100_000, "is nested more than 100 levels"),
        ("a: " + "{b: " * 50_000, "is nested more than 100 levels"),
        ("- " * 50_000, "is nested more than 100 levels"),
    ],
    ids=["aliases", "aliases in mappings", "lists", "open mappings", "lists of lists"],
)
@pytest.mark.parametrize("load", [load_policy, read_yaml], ids=["policy", "any file"])
def test_a_bomb_is_refused_at_once(load: Callable[[Path], object], text: str, reason: str, tmp_path: Path) -> None:
    """A few lines that mean millions of values, or nest without end, cost no minute and no process."""
    path = tmp_path / "bomb.yaml"
    path.write_text(text, encoding="utf-8")
    began = clock.process_time()
    try:
        _, [problem, *_] = load(path)  # type: ignore[misc]
        message, hint = f"{problem.key} {problem.reason}", problem.hint
    except PolicyError as error:
        message, hint = str(error), error.hint
    assert reason in message
    assert "line" in message
    assert hint
    assert clock.process_time() - began < 5


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path without a file is an error of the policy like any other, not one of the machine."""
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load_policy(tmp_path / "absent.yaml")


def test_an_anchor_may_be_used_twice(tmp_path: Path) -> None:
    """An anchor that is used again is a copy, and no fault."""
    text = NBA.read_text(encoding="utf-8").replace("max_attempts: 2 ", "max_attempts: &two 2 ")
    path = tmp_path / "anchors.yaml"
    path.write_text(f"{text}  refuse_above_items: *two\n", encoding="utf-8")
    assert load_policy(path).repairs.refuse_above_items == 2


def _config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of config/ that stands for the deployed one."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    monkeypatch.setattr(policy_file, "CONFIG", config)
    return config


def _beside(config: Path) -> str:
    (config.parent / "own.sql").write_text("SELECT 1", encoding="utf-8")
    return "own.sql is not in config/, and nothing else is deployed"


def _missing(config: Path) -> str:
    return "there is no file own.sql"


def _link(config: Path) -> str:
    (config.parent / "elsewhere.sql").write_text("SELECT 1", encoding="utf-8")
    (config / "own.sql").symlink_to(config.parent / "elsewhere.sql")
    return "own.sql leads out of config/, and nothing else is deployed"


def _folder(config: Path) -> str:
    (config / "own.sql").mkdir()
    return "there is no file own.sql"


def _latin(config: Path) -> str:
    (config / "own.sql").write_bytes("SELECT 1 -- é".encode("latin-1"))
    return "own.sql is not UTF-8 at byte 12"


def _empty(config: Path) -> str:
    (config / "own.sql").write_text("\n", encoding="utf-8")
    return "own.sql is empty"


@pytest.mark.parametrize("case", [_beside, _missing, _link, _folder, _latin, _empty])
def test_a_query_that_no_function_could_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Callable[[Path], str]
) -> None:
    """Only config/ is deployed: with `on_unreadable: pass` a gate whose query is elsewhere would block nothing, ever.

    File, key, line, reason and what to do.
    """
    config = _config(tmp_path, monkeypatch)
    reason = case(config)
    text = NBA.read_text(encoding="utf-8").replace("gates/game_coverage.sql", "own.sql", 1)
    line = next(number for number, each in enumerate(text.splitlines(), start=1) if "sql: own.sql" in each)
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    error = caught.value
    assert (error.path, error.key, error.reason) == (str(path), "gates.game_coverage.sql", f"{reason} (line {line})")
    assert error.hint == "write the query to config/own.sql"


def test_a_query_that_may_be_read_is_what_the_functions_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What loading accepts, the warehouse reads: the two look at the same place."""
    config = _config(tmp_path, monkeypatch)
    (config / "own.sql").write_text("SELECT 41.5", encoding="utf-8")
    policy = load_policy(write(tmp_path, edit(nba(), {"gates/game_coverage/sql": "own.sql"})))
    sql = policy.gates["game_coverage"].sql
    assert sql is not None
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb", config)
    assert warehouse.number(sql, date(2026, 1, 21)) == 41.5


def test_a_fault_is_said_with_its_line(tmp_path: Path) -> None:
    """Every refusal of a policy names the line of its key, of the nearest key above where the key itself is absent."""
    text = NBA.read_text(encoding="utf-8").replace("claim_lease: 2m", "claim_lease: 1s", 1)
    line = next(number for number, each in enumerate(text.splitlines(), start=1) if each.startswith("claim_lease"))
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    error = outcome(path)
    assert error is not None
    assert (error.key, error.reason.endswith(f"(line {line})")) == ("claim_lease", True)


@pytest.mark.parametrize(
    "place", [("transitions", "phase5_to_phase6", "dispatch"), ("phases", "phase4", "rerun")], ids=" ".join
)
def test_the_body_must_be_json(place: tuple[str, str, str]) -> None:
    """A body that no message could carry is refused, at the place in question, of a dispatch and of a rerun."""
    section, name, key = place
    overlay = {section: {name: {key: {"body": {"days": [{"first": date(2026, 1, 1)}]}}}}}
    with pytest.raises(PolicyError) as caught:
        load_policy(NBA, overlay)
    assert caught.value.key == f"{section}.{name}.{key}.body.days[0].first"
    assert "2026-01-01 is not JSON" in caught.value.reason


def test_a_rerun_opens_on_data() -> None:
    """The keys become values: which data, in which runs, and how long what had it is given."""
    inputs = [{"phase": "phase3", "processors": ["player_game_summary"], "mode": "overnight"}]
    overlay = {"phases": {"phase4": {"rerun": {"opens_on": inputs, "grace": "20m"}}}}
    rerun = load_policy(NBA, overlay).phases["phase4"].rerun
    assert rerun is not None
    assert rerun.opens_on == (RerunInputs("phase3", ("player_game_summary",), "overnight"),)
    assert (rerun.grace, rerun.inputs("same_day")) == (timedelta(minutes=20), ())


def test_an_overlay_is_merged_deep() -> None:
    """Mappings merge key by key, lists and scalars are replaced, the rest stays, and null takes a key back."""
    night = {"required": ["player_game_summary"], "optional": ["upcoming_player_game_context"], "tiers": []}
    overlay = {
        "claim_lease": "3m",
        "transitions": {"phase3_to_phase4": {"expects": {"overnight": night}, "refresh": None}},
    }
    policy = load_policy(NBA, overlay)
    assert policy.claim_lease == timedelta(minutes=3)
    third, before = policy.transitions["phase3_to_phase4"], POLICY.transitions["phase3_to_phase4"]
    assert third.expects["overnight"].required == frozenset({"player_game_summary"})
    assert third.expects["overnight"].tiers == ()
    assert third.expects["overnight"].due == before.expects["overnight"].due
    assert (third.expects["same_day"], third.confirm) == (before.expects["same_day"], before.confirm)
    assert third.refresh is None
    assert before.refresh is not None


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        ({"claim_leese": "2m"}, "claim_leese"),
        ({"claim_lease": "1h"}, "claim_lease"),
        ({"modes": {"overnight": {"opens_at": 600}}}, "modes.overnight.opens_at"),
        ({"modes": {1: {}}}, "modes.1"),
        ([], "(top level)"),
    ],
)
def test_errors_of_an_overlay_say_so(overlay: Any, key: str) -> None:
    """What an overlay breaks is said of the overlay, whether its shape or its meaning is wrong."""
    with pytest.raises(PolicyError) as caught:
        load_policy(NBA, overlay)
    assert caught.value.path == f"{NBA} + policy overlay"
    assert caught.value.key == key


def test_an_empty_overlay_is_none() -> None:
    """An overlay without keys changes nothing, the name of the source included."""
    assert load_policy(NBA, {}) == POLICY


def test_a_broken_file_is_not_blamed_on_the_overlay(tmp_path: Path) -> None:
    """YAML that cannot be read is the file's fault, with an overlay too."""
    path = tmp_path / "broken.yaml"
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path, {"claim_lease": "2m"})
    assert caught.value.path == str(path)


def test_the_policies_of_all_scenarios_load() -> None:
    """Every overlay that a scenario in this repository lays over the reference policy is accepted."""
    scenarios = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "tests/scenarios").glob("*/*.yaml"))
    ]
    files = {"nba.yaml": PRODUCTION, "../../pipeline/nba.yaml": NBA}
    overlays = [
        (files[scenario.get("pipeline", "nba.yaml")], scenario["policy"])
        for scenario in scenarios
        if "policy" in scenario and "pipelines" not in scenario and scenario.get("pipeline", "nba.yaml") in files
    ]
    assert overlays
    for overlaid, overlay in overlays:
        assert load_policy(overlaid, overlay).pipeline == "nba"


def test_loading_imports_nothing_heavy() -> None:
    """A cold start that loads a good policy pays for YAML and msgspec, not for what only errors need."""
    code = (
        "import sys; from pathlib import Path; from shared.adapters.config.policy_file import load_policy; "
        "load_policy(Path('config/nba.yaml')); "
        "print(sorted({'difflib', 'asyncio', 'requests', 'google.cloud.firestore', "
        "'shared.adapters.config.locate_errors'} "
        "& sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
