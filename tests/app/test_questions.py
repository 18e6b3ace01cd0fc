"""What an operator asks: status, explain, check; as text and as JSON, and without changing anything.

Rewrite the snapshots with ``UPDATE_SNAPSHOTS=1 pytest tests/app/test_questions.py`` and read the diff.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.adapters.json_log import log_on
from shared.app.reporting import queries
from shared.cli import main as orch
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, TDGS, TO3, TO4, TO5, TO6, TOGS, UPGC
from tests.policy_files import GONE, PRODUCTION, ROOT, edit, nba, production, write

SNAPSHOTS = Path(__file__).parent / "snapshots"
DATE = str(DAY)
NIGHTLY = (TO4, DATE, "--mode", "overnight")


@pytest.fixture
def kit() -> HandlersKit:
    """A night at 06:09: one done, one partial, one failed, one under its minimum, one silent, a gate that blocks."""
    kit = HandlersKit().ordinary()
    kit.deliver("p2_odds_game_lines", records=7)
    kit.change(readings={"game_coverage": 57.0}, rows={"nba_analytics.team_defense_game_summary": {DAY: 0}})
    kit.deliver(PGS, records=203)
    kit.deliver(TOGS, "partial", records=14)
    kit.deliver(UPGC, "failed", error_message="no schedule")
    kit.deliver(TDGS, records=3)
    kit.wait(timedelta(minutes=9))
    kit.sweep()
    return kit


def command_output(kit: HandlersKit, *argv: str) -> str:
    status, output = kit.orch(*argv)
    # Of a night in which something is wrong the status says so by its own.
    assert status in ((0, 1) if argv[0] == "status" else (0,)), output
    return output


def approved(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text)
    assert text == path.read_text()


def test_explain_says_who_what_and_when(kit: HandlersKit) -> None:
    """The whole text is the one checked in: everybody by name and number, every time, every gate."""
    approved("explain.txt", command_output(kit, "explain", *NIGHTLY))


def test_explain_as_json_is_the_same_evidence(kit: HandlersKit) -> None:
    """`--json` is for scripts: valid JSON, the same facts, checked in."""
    output = command_output(kit, "explain", *NIGHTLY, "--json")
    approved("explain.json", output)
    evidence = json.loads(output)
    assert evidence["state"] == "waiting"
    assert {processor["name"]: processor["standing"] for processor in evidence["processors"]} == {
        PGS: "done",
        TOGS: "partial",
        UPGC: "failed",
        TDGS: "under_minimum",
        "upcoming_team_game_context": "absent",
    }


def test_explain_at_another_time_decides_as_of_then(kit: HandlersKit) -> None:
    """`--at` takes the state as it stands and another clock reading: at the deadline it would be held."""
    texts = {at: command_output(kit, "explain", *NIGHTLY, "--at", at) for at in ("06:09", "08:01", "2026-01-22T13:01Z")}
    assert texts["06:09"].startswith(f"{NIGHT.id} {TO4}: waiting")
    assert texts["08:01"].startswith(f"{NIGHT.id} {TO4}: held")
    assert texts["08:01"] == texts["2026-01-22T13:01Z"]


def test_explain_names_the_gate_and_its_number(kit: HandlersKit) -> None:
    """Complete but blocked: the gate, what it reads and what it wants."""
    for processor in (TOGS, UPGC, TDGS, "upcoming_team_game_context"):
        kit.deliver(processor, records=200)
    output = command_output(kit, "explain", *NIGHTLY)
    assert output.startswith(f"{NIGHT.id} {TO4}: blocked")
    assert "57" in output
    assert "80" in output


def test_explain_tells_what_was_triggered(kit: HandlersKit) -> None:
    """After the trigger: when, by what, under which id, without whom."""
    command_output(kit, "trigger", TO4, DATE, "--mode", "overnight", "--reason", "now")
    output = command_output(kit, "explain", *NIGHTLY)
    assert f"by operator as {NIGHT.trigger_id(TO4, 1)}, degraded without" in output


@pytest.mark.parametrize(
    "argv", [("explain", *NIGHTLY), ("explain", *NIGHTLY, "--at", "10:01"), ("status", DATE), ("status",)]
)
def test_asking_changes_nothing(kit: HandlersKit, argv: tuple[str, ...]) -> None:
    """No question writes, calls, publishes or alerts."""
    before = list(kit.effects.done)
    command_output(kit, *argv)
    command_output(kit, *argv, "--json")
    assert kit.effects.done == before


def test_status_shows_every_transition_of_every_run(kit: HandlersKit) -> None:
    """The text is the one checked in; a backfill run of the date stands beside the live one."""
    kit.deliver("prediction_coordinator", records=3, backfill_mode=True)
    approved("status.txt", command_output(kit, "status", DATE))


def test_status_as_json(kit: HandlersKit) -> None:
    """One entry for each run with its transitions in order, each as explain tells it."""
    document: dict[str, Any] = json.loads(command_output(kit, "status", DATE, "--json"))
    [run] = document["runs"]
    assert (run["run"], run["closed_at"], document["wrong"]) == (NIGHT.id, None, True)
    assert [transition["transition"] for transition in run["transitions"]] == [TO3, TO4, TO5, TO6]
    evidence = json.loads(command_output(kit, "explain", *NIGHTLY, "--json"))
    same = ("state", "reason", "missing", "next", "opened_at")
    assert {key: run["transitions"][1][key] for key in same} == {key: evidence[key] for key in same}


def test_status_without_a_date_shows_what_is_worked_on_today(kit: HandlersKit) -> None:
    """Yesterday's games this morning, and what is not open yet or not expected; two weeks later what is open still."""
    assert set(command_output(kit, "status", DATE).splitlines()[1:]) < set(command_output(kit, "status").splitlines())
    kit.wait(timedelta(days=14))
    assert NIGHT.id in command_output(kit, "status")


def test_status_without_a_date_shows_what_is_open_still(kit: HandlersKit) -> None:
    """The night before that still waits stands beside today's; once it is closed it does not."""
    for days in (1, 3):
        kit.ordinary(DAY + timedelta(days=days))
    kit.wait(timedelta(days=1))
    kit.sweep()
    assert kit.run().closed_at is None
    assert NIGHT.id in command_output(kit, "status")
    kit.wait(timedelta(days=2))
    kit.sweep()
    assert kit.run().closed_at is not None
    shown = command_output(kit, "status")
    assert str(DAY + timedelta(days=3)) in shown
    assert NIGHT.id not in shown


def test_status_of_a_date_without_runs_is_not_found(kit: HandlersKit) -> None:
    """Exit 3, with when runs open; as JSON too."""
    status, output = kit.orch("status", "2026-03-01")
    assert (status, "no run of 2026-03-01" in output, "hint:" in output) == (3, True, True)
    assert kit.orch("status", "2026-03-01", "--json")[0] == 3


def test_explain_of_a_run_that_is_not_open_is_not_found(kit: HandlersKit) -> None:
    """Exit 3, pointing at status."""
    status, output = kit.orch("explain", TO4, "2026-03-01", "--mode", "overnight")
    assert (status, "is not open" in output, "orch status" in output) == (3, True, True)


@pytest.mark.parametrize("at", ["25:00", "soon", "2026-01-32T10:00", "0001-01-01T00:00:00+00:00", ""])
def test_a_wrong_time_is_a_wrong_call(kit: HandlersKit, at: str) -> None:
    """Exit 2 with how to write one."""
    status, output = kit.orch("explain", *NIGHTLY, "--at", at)
    assert (status, "hint: write 06:15" in output) == (2, True)


@pytest.mark.parametrize("argv", [("explain", *NIGHTLY), ("status",), ("status", DATE)])
def test_questions_need_the_store_and_only_the_store(kit: HandlersKit, argv: tuple[str, ...]) -> None:
    """With warehouse, bus, Slack and services away they still answer; without state it is exit 5."""
    for port in ("warehouse", "bus", "slack", "record"):
        kit.fail(port)
    command_output(kit, *argv)
    kit.fail("state")
    status, output = kit.orch(*argv)
    assert (status, "hint:" in output) == (5, True)


def test_the_view_of_a_completion_counts_what_was_superseded(kit: HandlersKit) -> None:
    """The latest report stands, and how many older ones were kept aside."""
    kit.deliver(PGS, records=210)
    seen = queries.recorded(kit.ctx, NIGHT, "phase3", PGS)
    assert seen is not None
    assert (seen.outcome, seen.records, seen.superseded) == ("success", 210, 1)
    kit.deliver("player_composite_factors", "started")
    begun = queries.recorded(kit.ctx, NIGHT, "phase4", "player_composite_factors")
    assert begun is not None
    assert (begun.outcome, begun.records) == ("started", None)
    assert queries.recorded(kit.ctx, NIGHT, "phase3", "upcoming_team_game_context") is None


def test_check_sums_a_policy_up(kit: HandlersKit) -> None:
    """The policy in force is in order: exit 0, as text and as JSON, both checked in."""
    output = command_output(kit, "check", str(PRODUCTION))
    assert output.startswith(f"{PRODUCTION}: nba is in order")
    approved("check.txt", output.replace(f"{ROOT}/", ""))
    json_output = command_output(kit, "check", str(PRODUCTION), "--json")
    approved("check.json", json_output)
    assert json.loads(json_output)["transitions"] == list(load_policy(PRODUCTION).transitions)


def test_check_says_what_is_wrong_where(kit: HandlersKit, tmp_path: Path) -> None:
    """Exit 2 with file, key path, reason and hint."""
    wrong = write(tmp_path, edit(nba(), {"transitions/phase3_to_phase4/gates": ["phase3_rows", "no_such_gate"]}))
    status, output = kit.orch("check", str(wrong))
    assert status == 2
    for part in (str(wrong), "transitions.phase3_to_phase4.gates", "no_such_gate", "hint:"):
        assert part in output


def test_check_refuses_a_transition_that_could_wait_in_silence(kit: HandlersKit, tmp_path: Path) -> None:
    """T10: exit 2 with key, line and hint, although the policy loads; with a reason, or due times, it is in order."""
    at = "transitions/phase3_to_phase4/expects/same_day"
    quiet = write(tmp_path, edit(production(), {f"{at}/due": GONE}))
    assert load_policy(quiet).transitions["phase3_to_phase4"].expects["same_day"].due is None
    status, output = kit.orch("check", str(quiet))
    assert status == 2
    for part in (
        str(quiet),
        "transitions.phase3_to_phase4.expects.same_day",
        "neither a due time",
        "(line ",
        "due: none",
    ):
        assert part in output
    excused = write(tmp_path, edit(production(), {f"{at}/due": "none", f"{at}/because": "the evening report shows it"}))
    assert kit.orch("check", str(excused))[0] == 0
    assert kit.orch("check", str(PRODUCTION))[0] == 0


def test_check_warns_of_a_last_phase_whose_end_nobody_wants(kit: HandlersKit, tmp_path: Path) -> None:
    """T10: it may begin and never end; one line and a hint on standard error, exit 0."""
    endless = write(tmp_path, edit(production(), {"transitions/phase5_to_phase6/confirm/ended_within": GONE}))
    status, output = kit.orch("check", str(endless))
    assert (status, output.count("warning:")) == (0, 1)
    assert "transitions.phase5_to_phase6.confirm: nothing waits for phase6" in output
    assert "warning:" not in command_output(kit, "check", str(PRODUCTION))


def test_what_loads_with_silence_in_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """T10: an instance that starts with such a policy logs one warning with every place."""
    quiet = write(tmp_path, edit(production(), {"transitions/phase3_to_phase4/expects/same_day/due": GONE}))
    for policy, lines in ((quiet, 1), (PRODUCTION, 0)):
        parts = {"ORCH_STATE": "memory", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
        with log_on(sys.stderr):
            runtime.from_environment({**parts, "ORCH_HOME": str(tmp_path), "ORCH_POLICY": str(policy)})
        output = capsys.readouterr().err
        assert output.count("policy.silence") == lines
        assert output.count("transitions.phase3_to_phase4.expects.same_day") == lines


def test_check_checks_the_policy_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file it is the one that ORCH_POLICY names, whether that is in order or not."""
    monkeypatch.setattr(runtime, "_installed", [])
    monkeypatch.setenv("ORCH_POLICY", "tests/pipelines/minimal.yaml")
    monkeypatch.chdir(ROOT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert orch.call(["check"]) == 0
    assert printed.getvalue().startswith("tests/pipelines/minimal.yaml: ")
    runtime._installed.clear()
    wrong = write(tmp_path, edit(nba(), {"timezone": "Mars/Olympus"}))
    monkeypatch.setenv("ORCH_POLICY", str(wrong))
    with contextlib.redirect_stderr(printed):
        assert orch.call(["check"]) == 2
    assert f"{wrong}: timezone: there is no time zone Mars/Olympus (line 1)" in printed.getvalue()


def test_check_of_a_file_that_is_not_there(kit: HandlersKit, tmp_path: Path) -> None:
    """Exit 2, naming the file."""
    status, output = kit.orch("check", str(tmp_path / "none.yaml"))
    assert (status, "none.yaml" in output) == (2, True)


@pytest.mark.parametrize("argv", [("status", "--nonsense"), ("nonsense",), ("explain",), (), ("quarantine",)])
def test_a_command_line_nobody_understands_is_exit_2(kit: HandlersKit, argv: tuple[str, ...]) -> None:
    """A mistyped option, verb or argument ends with usage and a way on, never with a trace."""
    status, output = kit.orch(*argv)
    assert status == 2
    assert "orch" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "verb", ["status", "explain", "check", "trigger", "hold", "release", "rerun", "simulate", "quarantine"]
)
def test_every_verb_has_help_with_an_example(kit: HandlersKit, verb: str) -> None:
    """`--help` is exit 0 and starts with what the verb does; verbs that take arguments show a call."""
    output = command_output(kit, verb, "--help")
    assert f"orch {verb}" in output
    assert verb == "quarantine" or "Example:" in output
