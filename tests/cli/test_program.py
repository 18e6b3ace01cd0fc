"""The program as a whole: version, topics, what a shell completes, and that every verb that acts can be rehearsed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from shared.cli import main as orch
from shared.cli.topics import EXIT, TOPICS, Topic, section, text_of
from shared.core.policy.working_days import Resolve
from tests.app.handlers_kit import HandlersKit
from tests.tooling.tiny_repository import ROOT

# Verbs that change nothing that anybody else reads; of pause and breaker the ones that act are walked all the same.
READ_ONLY = {
    *("status", "explain", "report", "check", "simulate", "doctor", "cost", "limits", "tune", "serve", "known", "help"),
    *("timeline", "events", "diff", "runs list", "runs show", "slo"),
    *("quarantine list", "quarantine show", "batch list", "batch show", "alerts list", "alerts show"),
    *(
        "signals check",
        "signals list",
        "signals arrivals",
        "dead-letters list",
        "workflows status",
        "workflows decisions",
        "breaker list",
        "lock list",
    ),
}


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command of a program with its words."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, each in below.items():
        yield from commands(each, f"{name} {word}".strip())


def test_every_verb_that_acts_can_be_rehearsed() -> None:
    """A verb has --dry-run, or stands in the list of those that only read; that list names no other."""
    every = dict(commands(get_command(orch.app)))
    without = {name for name, each in every.items() if not any("--dry-run" in p.opts for p in each.params)}
    assert without == READ_ONLY & every.keys()
    assert READ_ONLY - every.keys() == set()


def test_a_rehearsed_reset_and_release_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What would be deleted is named, and is there afterwards."""
    kit = HandlersKit()
    for path in ("breakers/nba~coordinator", "locks/nba~sweep"):
        kit.ports.store.create(path, {"position": "open", "failures": 5})
    for argv in (["breaker", "reset", "coordinator"], ["lock", "release", "sweep"]):
        before = kit.ports.store.get("breakers/nba~coordinator", "locks/nba~sweep")
        status, printed = orch.run([*argv, "--dry-run"], kit.ctx)
        assert status == 0, printed
        assert re.search(r"would (change|delete) (breakers|locks)/nba~", printed)
        assert "a dry run: nothing was sent, and nothing changed" in printed
        assert kit.ports.store.get("breakers/nba~coordinator", "locks/nba~sweep") == before
        assert orch.run(argv, kit.ctx)[0] == 0
    assert kit.ports.store.get("breakers/nba~coordinator", "locks/nba~sweep") != before


def test_the_version_says_code_python_and_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """The fingerprint is the one that triggers and runs carry."""
    kit = HandlersKit()
    status, printed = orch.run(["--version"], kit.ctx)
    first, second = printed.splitlines()
    assert status == 0
    assert re.fullmatch(r"orch ([0-9a-f]{12}.*|of no commit), Python \d+\.\d+\.\d+", first)
    assert second.startswith(f"nba {kit.policy.version}, ")


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_a_topic_is_what_a_page_says(topic: Topic) -> None:
    """Each has text, none of it is a link that a terminal cannot follow, and the page is named."""
    *texts, where = text_of(topic)
    assert len("".join(texts)) > 100
    assert not re.search(r"\]\(|<!--|<a id", "".join(texts))
    assert where == f"(from {topic.page})"


def test_topics_are_listed_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a topic all of them; a command's name shows its help; what is neither is answered with the nearest."""
    assert orch.call(["help"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*TOPICS, EXIT]
    assert orch.call(["help", "modes"]) == 0
    shown = capsys.readouterr().out
    assert all(f"resolve: {word.value}" in shown for word in Resolve)
    assert orch.call(["help", "hold"]) == 0
    assert "Keep a transition from being dispatched." in capsys.readouterr().out
    assert orch.call(["help", EXIT]) == 0
    assert "4  not done: something speaks against it, and is named" in capsys.readouterr().out
    assert orch.call(["help", "tirs"]) == 2
    assert "hint: did you mean tiers?" in capsys.readouterr().err


def test_a_section_ends_where_the_next_begins() -> None:
    """What is below belongs to it, a heading in a fenced block is none, and an unknown one is said."""
    page = "# a\n## b\nx\n### c\n```\n## d\n```\n## e\ny"
    assert section(page, "b") == "## b\nx\n### c\n```\n## d\n```"
    with pytest.raises(LookupError, match="d"):
        section(page, "d")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("orch ali", []),
        ("orch ale", ["alerts"]),
        ("orch dead-letters re", ["replay"]),
        ("orch hold phase3_to_p", ["phase3_to_phase4"]),
        ("orch rerun phase", [f"phase{number}" for number in range(2, 7)]),
        ("orch trigger phase3_to_phase4 2026-01-21 --mode s", ["same_day"]),
        ("orch help ti", ["tiers"]),
    ],
)
def test_a_shell_completes_commands_and_names_of_the_policy(
    typed: str, completed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """bash, zsh and fish ask the same program; modes and transitions are those of the policy in force."""
    kit = HandlersKit()
    with orch.runtime.override_context(kit.ctx):
        for shell in ("bash", "zsh", "fish"):
            monkeypatch.setenv(orch.COMPLETION, f"complete_{shell}")
            monkeypatch.setenv("COMP_WORDS", typed)
            monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
            monkeypatch.setenv("_TYPER_COMPLETE_ARGS", typed)
            monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
            with pytest.raises(SystemExit) as ended:
                orch.main()
            shown = capsys.readouterr().out
            assert all(name in shown for name in completed), (shell, shown)
            if shell == "bash":
                assert (ended.value.code or 0, shown.split()) == (0, completed)


def test_bash_takes_the_script_that_is_installed() -> None:
    """The script names the program and is a script of that shell."""
    called = subprocess.run(
        [ROOT / "bin" / "orch"],
        env={"PATH": "/usr/bin:/bin", orch.COMPLETION: "source_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "complete -o default -F _orch_completion orch" in called.stdout
    assert subprocess.run(["bash", "-n"], input=called.stdout, text=True, check=False).returncode == 0
