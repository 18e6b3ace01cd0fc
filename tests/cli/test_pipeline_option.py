"""`--pipeline NAME`: every command of a deployment of several acts on one of them, and says which there are."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from shared import runtime
from shared.adapters.local.memory import MemoryStore
from shared.app.alerting.raise_alerts import raise_now
from shared.cli import entry, main, monitor, trends
from shared.cli.shell import add_pipeline_option
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.severity import Severity
from tests.app.handlers_kit import HandlersKit
from tests.functions.test_several_pipelines import DAY, NAMES, folder_of

ACTS = ["--reason", "asked for"]
ON_A_RUN = [
    ["status", DAY],
    ["explain", "collect_to_forecast", DAY],
    ["report", DAY],
    ["hold", "collect_to_forecast", DAY, *ACTS],
    ["release", "collect_to_forecast", DAY, *ACTS],
    ["trigger", "collect_to_forecast", DAY, *ACTS],
    ["pause", *ACTS],
    ["pause", "--list"],
    ["quarantine", "list"],
    ["known"],
    ["check"],
]


@pytest.fixture
def kits(tmp_path: Path) -> Iterator[dict[str, HandlersKit]]:
    """Three pipelines of one shape on one store, each with a run of the same date."""
    store = MemoryStore()
    made = runtime.contexts_of({"ORCH_POLICY": str(folder_of(tmp_path, *NAMES)), "ORCH_HOME": str(tmp_path)})
    opened = {ctx.policy.pipeline: HandlersKit(policy=ctx.policy, store=store) for ctx in made}
    for kit in opened.values():
        body = {"processor_name": "StationsJob", "game_date": DAY, "status": "success"}
        kit.take("collect", json.dumps(body).encode())
    with runtime.override_context(*(kit.ctx for kit in opened.values())):
        yield opened


def orch(*argv: str) -> int:
    return entry.call(main.app, list(argv), "orch", 2, 5)


def programs() -> Iterator[tuple[str, typer.Typer]]:
    yield from {"orch": main.app, "monitor": monitor.app, "trends": trends.app}.items()


def listed(program: typer.Typer) -> Iterator[tuple[str, object]]:
    for info in program.registered_commands:
        assert info.callback is not None
        yield info.name or info.callback.__name__, info.callback
    for group in program.registered_groups:
        assert group.typer_instance is not None
        yield from listed(group.typer_instance)


def test_every_command_has_the_option() -> None:
    """Whoever adds a command that asks a pipeline cannot forget it; those that ask none are named."""
    without = {
        name
        for _, program in programs()
        for name, command in listed(program)
        if callable(command) and "pipeline" not in inspect.signature(command).parameters
    }
    assert without == set(main.NO_PIPELINE)


def test_a_command_that_has_the_option_keeps_it() -> None:
    """`bin/orch simulate` is a script that imports its own program again: its groups get the option once."""
    before = [command for _, command in listed(main.app)]
    add_pipeline_option(main.app, main.NO_PIPELINE)
    assert [command for _, command in listed(main.app)] == before


@pytest.mark.parametrize("argv", ON_A_RUN, ids=lambda argv: " ".join(argv[:2]))
def test_a_command_acts_on_the_pipeline_that_is_named(
    argv: list[str], kits: dict[str, HandlersKit], capsys: pytest.CaptureFixture[str]
) -> None:
    """What it reads and writes is that pipeline's: no document of another one changes, and none is shown."""
    before = kits["sales"].contents()
    assert orch(*argv, "--pipeline", "sales") in (0, 4)
    text = "".join(capsys.readouterr())
    assert not any(f"{name}/" in text for name in ("bakery", "weather"))
    after = kits["sales"].contents()
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert not any(name in path for path in changed for name in ("bakery", "weather"))


@pytest.mark.parametrize("argv", [argv for argv in ON_A_RUN if argv != ["check"]], ids=lambda argv: " ".join(argv[:2]))
def test_which_pipeline_is_meant_has_to_be_said(
    argv: list[str], kits: dict[str, HandlersKit], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with the names that there are, for none and for an unknown one; nothing is written."""
    before = kits["sales"].contents()
    for more in ([], ["--pipeline", "saels"]):
        assert orch(*argv, *more) == 2
        printed = capsys.readouterr()
        assert "bakery, sales, weather" in printed.err
        assert printed.out == ""
    assert kits["sales"].contents() == before


def test_the_environment_may_say_it(
    kits: dict[str, HandlersKit], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ORCH_PIPELINE holds for every command that does not name another."""
    monkeypatch.setenv("ORCH_PIPELINE", "weather")
    assert orch("status", DAY) == 0
    assert f"weather/{DAY}" in capsys.readouterr().out
    assert orch("status", DAY, "--pipeline", "sales") == 0
    assert f"sales/{DAY}" in capsys.readouterr().out


def test_every_pipeline_in_force_is_checked(kits: dict[str, HandlersKit], capsys: pytest.CaptureFixture[str]) -> None:
    """`orch check` without a file judges them all, by name one."""
    assert orch("check", "--json") == 0
    assert [item["pipeline"] for item in json.loads(capsys.readouterr().out)["items"]] == list(NAMES)
    assert orch("check", "--pipeline", "sales", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pipeline"] == "sales"


def test_one_pipeline_alone_may_be_named(kits: dict[str, HandlersKit]) -> None:
    """A script need not know how many there are; another name is refused all the same."""
    with runtime.override_context(kits["sales"].ctx):
        assert orch("status", DAY, "--pipeline", "sales") == 0
        assert orch("status", DAY) == 0
        assert orch("status", DAY, "--pipeline", "weather") == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("held\nTo do: bin/orch explain a 2026-01-21 --mode m", "To do: bin/orch explain a 2026-01-21 --mode m{}"),
        ("x\nbin/orch quarantine show -- -id", "bin/orch quarantine show{} -- -id"),
        ("x\nbin/orch trigger a 2026-01-21 --reason 'it is late'", "--reason 'it is late'{}"),
    ],
)
def test_what_people_are_told_to_run_names_the_pipeline(text: str, named: str) -> None:
    """A printed command is pasted as it stands, so it says which pipeline it means; other lines are as they were."""
    shown = commands.of_pipeline(text, "sales").split("\n")
    assert shown[0] == text.split("\n")[0]
    assert shown[1].endswith(named.format(" --pipeline sales"))
    assert commands.of_pipeline("\n".join(shown), "sales").split("\n") == shown


def test_alerts_of_several_name_theirs(kits: dict[str, HandlersKit]) -> None:
    """Where one pipeline is served nothing is added."""
    text = f"late\nTo do: {commands.status()}"
    for name, several, ending in (("sales", False, "status"), ("weather", True, "status --pipeline weather")):
        condition = Condition(AlertKind.ERROR, Severity.WARNING, name, "", "", text)
        raise_now(replace(kits[name].ctx, several=several), [condition])
        [sent] = kits[name].texts("error")
        assert sent.splitlines()[-1] == f"To do: bin/orch {ending}"
