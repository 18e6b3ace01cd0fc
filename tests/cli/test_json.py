"""`--json`, of every command that has it: one document on standard output, whatever else is said, and the same exit
status as without it.

The calls run on the embedded parts, in a folder where a sweep and a delivery have left a run, and where no table of
the warehouse can be read: so that every command that decides has something to log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from shared import runtime
from shared.adapters.json_log import log_on
from shared.adapters.local.bus import LocalBus
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.cli import main as orch
from shared.cli import monitor, trends
from shared.cli.entry import call
from shared.cli.shell import NOT_FOUND, SCHEMA_VERSION, UNAVAILABLE, USAGE
from shared.core.batches.arrival import Start
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.model import RunKey
from shared.core.policy.batches import start_topic

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = "tests/scenarios/incidents/B1_same_day_one_processor.yaml"
NIGHT = ("phase3_to_phase4", "2026-01-21", "--mode", "overnight")
BATCH = ("predictions", *NIGHT[1:])
MEANT = ("--mode", "overnight", "--reason", "source corrected")
# Further back than the calendar reaches, so that it need not be read.
PAST = ("phase3", "--from", "2024-01-12", "--to", "2024-01-13", *MEANT)
PROGRAMS = {
    "orch": (orch.app, USAGE, UNAVAILABLE),
    "monitor": (monitor.app, monitor.USAGE, monitor.UNREADABLE),
    "analyze-validation-trends": (trends.app, trends.USAGE, UNAVAILABLE),
}
# For each command: a call that answers, and calls that end otherwise.
CALLS = {
    "orch status": [["2026-01-21"], ["2026-03-03"], ["2026-13-03"]],
    "orch runs list": [[], ["--since", "2026-01-22", "--until", "2026-01-21"]],
    "orch runs show": [["nba/2026-01-21/overnight"], ["nba/2026-03-03/overnight"], ["2026-01-21"]],
    "orch timeline": [["nba/2026-01-21/overnight"], ["nba/2026-03-03/overnight"]],
    "orch events": [["nba/2026-01-21/overnight"], ["nba/2026-03-03/overnight"]],
    "orch diff": [
        ["nba/2026-01-21/overnight", "nba/2026-01-21/overnight"],
        ["2026-03-03"],
        ["nba/2026-01-21/overnight"],
    ],
    "orch explain": [[*NIGHT], [NIGHT[0], "2026-03-03", *NIGHT[2:]], [NIGHT[0], "2026-01-21", "--mode", "noon"]],
    "orch slo": [[]],
    "orch report": [["2026-01-21"], ["2026-03-03"]],
    "orch check": [[], ["tests/pipelines/absent.yaml"]],
    "orch simulate": [[SCENARIO], ["absent.yaml"], []],
    "orch quarantine list": [[], ["--everything"]],
    "orch dead-letters list": [[], ["--limit", "0"]],
    "orch dead-letters replay": [["--all", "--dry-run"], []],
    "orch alerts list": [[], ["--all"], ["--over", "--all"]],
    "orch alerts show": [["no-such-alert"]],
    "orch pause": [["--list"], ["--list", "--mode", "noon"]],
    "orch backfill": [
        [*PAST, "--dry-run"],
        [*PAST],
        ["phase3", "--from", "2026-01-21", "--to", "2026-01-21", *MEANT],
        ["phase3", "--from", "2026-01-14", "--to", "2026-01-12", *MEANT],
    ],
    "orch workflows status": [["--date", "2026-01-21"], ["--date", "2026-13-03"]],
    "orch workflows decisions": [["--date", "2026-01-21"], ["--date", "2026-13-03"]],
    "orch batch list": [[], ["--all"], ["--everything"]],
    "orch batch show": [
        [*BATCH],
        [BATCH[0], "2026-03-03", *BATCH[2:]],
        [BATCH[0], "2026-01-21", "--mode", "noon"],
        ["no_such_batch", *BATCH[1:]],
    ],
    "orch breaker list": [[]],
    "orch lock list": [[]],
    "orch signals list": [[]],
    "orch signals check": [["-"]],
    "orch signals arrivals": [[], ["--nights", "0"]],
    "orch emit": [["phase3", "player_game_summary", "2026-01-21", "--dry-run"], ["phase3", "nobody", "2026-01-21"]],
    "orch logs": [["nba/2026-01-21/overnight"], ["nba/2026-03-03/overnight"], ["tonight"]],
    "orch known": [[], ["2026-13-03"]],
    "orch doctor": [[]],
    "orch cost": [[], ["absent.yaml"]],
    "orch tune": [[], ["--transition", "absent"]],
    "orch limits": [[], ["--pipelines", "1"], ["absent.yaml"]],
    "monitor completeness": [[], ["--until", "2026-13-03"]],
    "monitor failures": [[], ["--until", "2026-13-03"]],
    "analyze-validation-trends": [["--until", "2026-01-21"], ["--until", "2026-13-03"]],
}
EACH = [(name, tuple(argv)) for name, calls in CALLS.items() for argv in calls]


def commands_with_json() -> Iterator[str]:
    for program, (app, _, _) in PROGRAMS.items():
        yield from _below(program, get_command(app))


def _below(name: str, command: typer.core.TyperCommand | typer.core.TyperGroup) -> Iterator[str]:
    for below, each in getattr(command, "commands", {}).items():
        yield from _below(f"{name} {below}", each)
    if any("--json" in parameter.opts for parameter in command.params):
        yield name


def test_every_command_that_has_json_is_called_here() -> None:
    """A command that is added with `--json` and without its calls in this file is not known to keep the promise."""
    assert set(commands_with_json()) == set(CALLS)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The embedded parts, with one run in them, and its batch, whose members cannot be read yet."""
    home = tmp_path_factory.mktemp("home")
    parts = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
    clock = f"2026-01-22T06:09:00-05:00|{time.time()}|1"
    variables = {**parts, "ORCH_HOME": str(home), "ORCH_CLOCK": clock}
    ctx = runtime.from_environment(variables)
    assert isinstance(ctx.ports.bus, LocalBus)
    for topic in {topic for transition in ctx.policy.transitions.values() for topic in transition.topics}:
        ctx.ports.bus.add_topic(topic)
    now = ctx.ports.clock.now()
    body = {"game_date": "2026-01-21", "mode": "overnight", "status": "success", "record_count": 200}
    with log_on(sys.stderr), runtime.override_context(ctx):
        from shared.app.batches.starting import start
        from shared.app.transitions.receive import receive

        for name in ctx.policy.phases["phase3"].processors:
            data = json.dumps({"processor_name": name, **body}).encode()
            receive(ctx, Delivery(f"m-{name}", "phase3", data, now, now))
        sweep(ctx, SweepOptions())
        declared = ctx.policy.batches[BATCH[0]]
        key = RunKey(ctx.policy.pipeline, date(2026, 1, 21), "overnight")
        asked = Start(declared, f"{key.id}/phase4_to_phase5/1", key, 1, "c-1")
        with pytest.raises(Unavailable, match="warehouse"):
            start(ctx, Delivery("m-start", start_topic(key.pipeline), b"{}", now, now), asked)
    return variables


@pytest.fixture
def embedded(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(runtime, "_installed", [])


def called(name: str, argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    program, *words = name.split()
    app, usage, unavailable = PROGRAMS[program]
    runtime._installed.clear()
    status = call(app, [*words, *argv], program, usage, unavailable)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(("name", "argv"), EACH, ids=[" ".join((name, *argv)) for name, argv in EACH])
def test_json_is_one_document_and_ends_as_the_text_does(
    name: str, argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer is its data, an error is what went wrong and what to do; both whole, and neither exits otherwise."""
    as_text, _, error_output = called(name, argv, capsys)
    status, out, _ = called(name, (*argv, "--json"), capsys)
    document = json.loads(out)
    assert status == as_text
    assert document["schema_version"] == SCHEMA_VERSION
    if name.startswith("orch") and status in (USAGE, NOT_FOUND) and "simulate" not in name:
        assert document["error"] in " ".join(error_output.split())


def test_the_log_of_a_command_is_not_on_its_standard_output(environment: dict[str, str]) -> None:
    """As a process of its own: what the decisions log stands on standard error, and the document alone on the other."""
    run = [sys.executable, "-m", "shared.cli.main", "status", "2026-01-21", "--json"]
    ended = subprocess.run(
        run, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, json.loads(ended.stdout)["runs"][0]["run"]) == (1, "nba/2026-01-21/overnight")
    assert '"severity":' in ended.stderr
