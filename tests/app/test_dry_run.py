"""What an operator's command would do, without doing it; when it asks first; who did what and why (behaviour D9)."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.sqlite import SqliteStore
from shared.app.reporting.pages import of_date
from shared.cli import main as orch
from shared.core.model import State
from shared.entrypoints.health import render
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.app.test_printed_commands import corrected
from tests.core.build import DAY, NIGHT, PGS, TO4, TO5

NIGHTLY = (str(DAY), "--mode", "overnight")
WHY = ("--reason", "data is good", "--by", "ada")
STRAY = {"processor_name": "GameSummaryRewrite", "game_date": str(DAY), "mode": "overnight", "status": "success"}


@pytest.fixture
def kit(tmp_path: Path) -> HandlersKit:
    """A night in which one has reported, another transition is on hold, and a message is in quarantine."""
    kit = HandlersKit(store=SqliteStore(tmp_path / "state.db")).ordinary()
    kit.change(games={date(2026, 1, 12): GameCount(final=5)})
    kit.sweep()
    kit.deliver(PGS, records=200)
    kit.orch("hold", TO5, *NIGHTLY, *WHY)
    kit.take("phase3", json.dumps(STRAY).encode(), "m-stray")
    kit.sweeps(2)
    return kit


def contents(tmp_path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(tmp_path / "state.db") as connection:
        return connection.execute("SELECT path, data, version FROM documents ORDER BY path").fetchall()


def effects_of(kit: HandlersKit) -> tuple[Any, ...]:
    """Return all that has left, and all that was logged."""
    record = {table: dict(rows) for table, rows in kit.audit.tables.items()}
    return list(kit.published), list(kit.services.calls), list(kit.sink.taken), record, len(kit.log)


VERBS: dict[str, tuple[str, ...]] = {
    "trigger": ("trigger", TO4, *NIGHTLY, *WHY),
    "trigger a call": ("trigger", TO5, *NIGHTLY, *WHY),
    "trigger another run": ("trigger", TO4, "2026-01-11", *NIGHTLY[1:], *WHY),
    "hold": ("hold", TO4, *NIGHTLY, *WHY),
    "release": ("release", TO5, *NIGHTLY, *WHY),
    "release of nothing": ("release", TO4, *NIGHTLY, *WHY),
    "rerun": ("rerun", "phase3", *NIGHTLY, *WHY),
    "backfill": ("backfill", "phase3", "--from", "2026-01-12", "--to", "2026-01-13", *NIGHTLY[1:], *WHY),
    "pause": ("pause", *WHY),
    "pause of a transition": ("pause", "--transition", TO4, "--mode", "overnight", "--until", "2030-01-01", *WHY),
    "replay": ("quarantine", "replay", "m-stray"),
    "replay all": ("quarantine", "replay", "--all"),
}


def test_every_verb_that_acts_is_rehearsed_here() -> None:
    """A command that takes a reason, or brings back, has a dry run, and stands in this file."""
    commands = {
        registered_command.callback.__name__: registered_command.callback
        for registered_command in orch.app.registered_commands
        if registered_command.callback
    }
    acting = {name for name, callback in commands.items() if "reason" in callback.__annotations__}
    assert acting == {argv[0] for argv in VERBS.values()} - {"quarantine"}
    assert all("dry_run" in commands[name].__annotations__ for name in acting)


@pytest.mark.parametrize("argv", VERBS.values(), ids=VERBS)
def test_a_dry_run_changes_nothing(kit: HandlersKit, tmp_path: Path, argv: tuple[str, ...]) -> None:
    """Not a byte of the state, no message, no call, nobody told, no row: whatever the verb."""
    before, left = contents(tmp_path), effects_of(kit)
    status, output = kit.orch(*argv, "--dry-run")
    assert "a dry run: nothing was sent, and nothing changed" in output
    assert contents(tmp_path) == before
    assert effects_of(kit) == left
    assert status == (4 if argv[:2] in (("release", TO4), ("quarantine", "replay")) else 0), output


@pytest.mark.parametrize(("transition", "channel"), [(TO4, "publish to nba-phase4-trigger"), (TO5, "call POST")])
def test_what_is_printed_is_what_is_then_sent(kit: HandlersKit, transition: str, channel: str) -> None:
    """The bodies that a dry run prints are those that leave once the same command is meant, clock and token aside."""
    _, output = kit.orch("trigger", transition, *NIGHTLY, *WHY, "--dry-run")
    shown = [json.loads(line[line.index("{") :]) for line in output.splitlines() if "would publish" in line]
    assert channel in output
    assert re.search(
        rf"would change runs/nba~2026-01-21~overnight/transitions/{transition}: state \w+ -> \w+", output
    ) or (f"would create runs/nba~2026-01-21~overnight/transitions/{transition}: state" in output)
    kit.wait(timedelta(seconds=5))
    kit.orch("trigger", transition, *NIGHTLY, *WHY)
    answer = f"{NIGHT.trigger_id(transition, 1)} dispatched"
    assert [line for line in output.splitlines() if line.startswith(answer)] == [], "nobody takes it for what was done"
    assert f"it would say: {answer}" in output
    own = ("timestamp", "correlation_id")
    sent = [dict(publication.body) for publication in kit.published]
    assert [{k: v for k, v in body.items() if k not in own} for body in shown] == [
        {k: v for k, v in json.loads(json.dumps(body)).items() if k not in own} for body in sent
    ]


def test_a_replay_is_rehearsed_with_what_the_policy_says_now(kit: HandlersKit, tmp_path: Path) -> None:
    """Once the policy knows the sender, the dry run says which document of which run the message would become."""
    before = contents(tmp_path)
    status, output = kit.orch("quarantine", "replay", "m-stray", "--dry-run", ctx=corrected(kit))
    assert (status, contents(tmp_path) == before) == (0, True)
    assert "would change runs/nba~2026-01-21~overnight/completions/phase3.player_game_summary" in output or (
        "would create runs/nba~2026-01-21~overnight/completions" in output
    )


# a run that nobody expects


MISTYPED: dict[str, tuple[str, ...]] = {
    "another date": ("2026-01-12", "--mode", "overnight"),
    "the other lane": (*NIGHTLY, "--lane", "backfill"),
    "a mode of another day": (str(DAY), "--mode", "tomorrow"),
}


@pytest.mark.parametrize("verb", ["trigger", "hold", "rerun"])
@pytest.mark.parametrize("key", MISTYPED.values(), ids=MISTYPED)
def test_a_run_that_nobody_expects_is_not_opened_unasked(
    kit: HandlersKit, tmp_path: Path, verb: str, key: tuple[str, ...]
) -> None:
    """Exit 4, nothing done, and the option that says that it is meant; with it the run is opened."""
    before, left = contents(tmp_path), effects_of(kit)
    subject = "phase3" if verb == "rerun" else TO4
    status, output = kit.orch(verb, subject, *key, *WHY)
    assert (status, "add --new-run" in output) == (4, True)
    assert contents(tmp_path) == before
    assert effects_of(kit) == left
    assert kit.orch(verb, subject, *key, *WHY, "--new-run")[0] == 0


@pytest.mark.parametrize(("answer", "status"), [(True, 0), (False, 4)])
def test_a_person_at_a_terminal_is_asked(
    kit: HandlersKit, monkeypatch: pytest.MonkeyPatch, answer: bool, status: int
) -> None:
    """With the run and the day of the week in the question; what is not confirmed is not done."""
    questions: list[str] = []

    def confirm(text: str, **more: object) -> bool:
        questions.append(text)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)
    ended, _ = kit.orch("trigger", TO4, "2026-01-12", "--mode", "overnight", *WHY)
    assert (ended, len(kit.trigger_ids)) == (status, int(answer))
    [question] = questions
    assert "nba/2026-01-12/overnight (Monday)" in question


def test_the_date_of_today_needs_no_word() -> None:
    """A date that its mode works on today is no slip, even if its run is not there yet."""
    kit = HandlersKit().ordinary()
    assert kit.orch("trigger", TO4, *NIGHTLY, *WHY)[0] == 0


# who and why


ACTS: dict[str, Callable[[HandlersKit], object]] = {
    "trigger": lambda kit: kit.orch("trigger", TO4, *NIGHTLY, *WHY),
    "hold": lambda kit: kit.orch("hold", TO4, *NIGHTLY, *WHY),
    "rerun": lambda kit: kit.orch("rerun", "phase3", *NIGHTLY, *WHY),
    "release": lambda kit: [kit.orch(verb, TO4, *NIGHTLY, *WHY) for verb in ("hold", "release")],
}


@pytest.mark.parametrize("verb", ACTS)
def test_who_and_why_is_kept_and_shown(kit: HandlersKit, verb: str) -> None:
    """In the state and the record, and read in explain, status and the page."""
    ACTS[verb](kit)
    act = kit.state(TO4).acts[-1]
    assert (act.verb, act.by, act.reason, act.at) == (verb, "ada", "data is good", kit.clock.now())
    kit.sweeps(1)
    rows = kit.audit.tables["phase_execution_log"].values()
    assert (f"operator_{verb}", "data is good (by ada)") in {(row["decision"], row["reason"]) for row in rows}
    assert f"{verb} 06:02 EST by ada: data is good" in kit.orch("explain", TO4, *NIGHTLY)[1]
    assert f"  {verb} by ada: data is good" in kit.orch("status", str(DAY))[1]
    page = render(kit.act(lambda: of_date(kit.ctx, DAY)))
    assert "by ada: data is good" in page


def test_without_a_name_it_is_the_systems_user(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, else ORCH_BY, else the account that gcloud was told, else whoever the system says is here."""
    for name in ("ORCH_BY", "CLOUDSDK_CORE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "os-user")
    why = ("--reason", "r")

    def by(*more: str) -> str:
        kit.orch("hold", TO4, *NIGHTLY, *why, *more)
        return kit.state(TO4).acts[-1].by

    assert by() == "os-user"
    monkeypatch.setenv("CLOUDSDK_CORE_ACCOUNT", "me@example.com")
    assert by() == "me@example.com"
    monkeypatch.setenv("ORCH_BY", "on call")
    assert by() == "on call"
    assert by("--by", "ada") == "ada"
    assert kit.state(TO4).state is State.HELD
