"""`orch status`: problems first, its exit status, which runs are asked for, and the live screen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shared.cli.live_status import drawn, follow
from shared.cli.status import StatusQuery, answer
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, SAME_DAY, TO4, UPGC

ROOT = Path(__file__).resolve().parents[2]
EVENING = {"game_date": str(DAY + timedelta(days=1)), "mode": "same_day"}


@pytest.fixture
def kit() -> HandlersKit:
    """A morning at 09:09: the night is held without four of five, and the evening has begun as it should."""
    kit = HandlersKit().ordinary()
    kit.ordinary(DAY + timedelta(days=1))
    kit.finish_phase2()
    kit.deliver(PGS, records=203)
    kit.deliver(UPGC, "failed", error_message="no schedule")
    kit.wait(timedelta(hours=3, minutes=9))
    kit.deliver(UPGC, records=300, **EVENING)
    kit.sweep()
    return kit


def shown(kit: HandlersKit, *argv: str) -> dict[str, Any]:
    return dict(json.loads(kit.orch("status", *argv, "--json")[1]))


def runs(kit: HandlersKit, *argv: str) -> list[str]:
    return [run["run"] for run in shown(kit, *argv)["runs"]]


def test_what_is_wrong_comes_first_with_its_numbers(kit: HandlersKit) -> None:
    """The first line says how many; a run with problems says held since when, late by what, n of m, what is next."""
    status, text = kit.orch("status")
    lines = text.splitlines()
    assert status == 1
    assert lines[0].startswith("nba: 1 of ")
    assert lines[2].startswith(f"{NIGHT.id}  7 games, opened 06:00 EST")
    assert lines[3].startswith(f"  CRITICAL {TO4}: held: the deadline has passed without ")
    assert lines[4] == f"  WARNING  {TO4}: late by 39 min: due 08:30 EST"
    assert f"  WARNING  {TO4}: {UPGC} failed: no schedule, since 06:00 EST" in lines
    row = next(line for line in lines if line.startswith(f"    {TO4}"))
    assert "held        1 of 5  late by 39 min  next: it goes by itself when what is missing arrives" in row


def test_it_ends_well_where_all_is_well() -> None:
    """Exit 0 while everything waits for its time, and for what is for information only."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=203)
    kit.sweep()
    assert kit.orch("status")[0] == 0
    kit.orch("hold", TO4, str(DAY), "--mode", "overnight", "--reason", "wait")
    status, text = kit.orch("status")
    assert (status, f"info     {TO4}: held: " in text) == (0, True)


ASKED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "a date": ((str(DAY),), [NIGHT.id]),
    "yesterday": (("yesterday",), [NIGHT.id]),
    "today": (("today",), ["nba/2026-01-22/same_day"]),
    "both": (("yesterday", "today"), [NIGHT.id, "nba/2026-01-22/same_day"]),
    "a run": ((NIGHT.id,), [NIGHT.id]),
    "a run and a date, said twice": ((NIGHT.id, str(DAY)), [NIGHT.id]),
    "since": (("--since", "yesterday"), [NIGHT.id, "nba/2026-01-22/same_day"]),
    "of a mode": (("--since", "yesterday", "--mode", "same_day"), ["nba/2026-01-22/same_day"]),
    "in a state": (("--state", "held"), [NIGHT.id]),
    "with a problem": (("--state", "late"), [NIGHT.id]),
}


@pytest.mark.parametrize("case", ASKED)
def test_the_runs_that_are_asked_for(kit: HandlersKit, case: str) -> None:
    """By date, by word, by id, since a date, of a mode, in a state."""
    argv, expected = ASKED[case]
    assert runs(kit, *argv) == expected


@pytest.mark.parametrize(
    ("argv", "status", "text"),
    [
        (("--state", "tired"), 2, "one of waiting, blocked,"),
        (("--mode", "noon"), 2, "one of overnight, same_day, tomorrow"),
        (("tomorrow",), 2, "is not a date"),
        (("sales/2026-01-21/daily",), 2, "one is written as nba/2026-01-21/overnight"),
        ((SAME_DAY.id,), 3, f"no run of {SAME_DAY.id}"),
        (("--state", "stuck"), 3, "no run of stuck"),
        (("--watch", "--json"), 2, "contradict each other"),
    ],
)
def test_a_wrong_question(kit: HandlersKit, argv: tuple[str, ...], status: int, text: str) -> None:
    """What can be asked is said, and so is that there is none."""
    ended, printed = kit.orch("status", *argv)
    assert (ended, text in printed) == (status, True), printed


def test_json_says_what_the_text_says(kit: HandlersKit) -> None:
    """Version, whether anything is wrong, and each problem with kind, severity, since and the alert's id."""
    document = shown(kit)
    assert (document["schema_version"], document["wrong"], document["problems"]) == (1, True, [])
    held = document["runs"][0]["problems"][0]
    assert (held["kind"], held["severity"], held["transition"]) == ("held", "critical", TO4)
    assert held["alert"].startswith("held-")
    row = next(each for each in document["runs"][0]["transitions"] if each["transition"] == TO4)
    assert (row["done"], row["expected"], row["late_by"]) == (1, 5, 39 * 60)


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_a_terminal(kit: HandlersKit, width: int) -> None:
    """No line is wider, what is wrong stands above what is not, and each transition has a bar."""
    console = Console(width=width, height=50, record=True, file=open_nowhere(), force_terminal=True)
    shown_now = answer(kit.ctx, StatusQuery())
    console.print(drawn(kit.policy, shown_now, kit.clock.now(), timedelta(seconds=5)))
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.index("held") < text.index("nba/2026-01-22/same_day")
    assert "■■" in text


def open_nowhere() -> Any:
    import io

    return io.StringIO()


def test_watching_goes_on_until_a_person_ends_it(kit: HandlersKit) -> None:
    """It asks anew each time, says when the store is away, and ends without an error."""
    answers: list[Callable[[], None]] = [lambda: None, lambda: kit.fail("state"), kit.restore]
    query = []

    def ask() -> Any:
        if not answers:
            raise KeyboardInterrupt
        answers.pop(0)()
        query.append(kit.clock.now())
        return answer(kit.ctx, StatusQuery())

    console = Console(width=100, height=40, file=open_nowhere(), force_terminal=True, record=True)
    kit.act(lambda: follow(kit.ctx, ask, timedelta(seconds=5), console))
    assert len(query) == 3
    assert "asked again in 5 s" in console.export_text()


def test_rich_is_loaded_for_the_screen_alone() -> None:
    """Whoever asks without --watch does not wait for a library that draws."""
    code = "import sys, shared.cli.status, shared.cli.status_text; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60).returncode == 0


def test_what_was_late_is_no_problem_any_more(kit: HandlersKit) -> None:
    """What arrives releases the night by itself; that it was late is said, for information."""
    for processor in (*sorted(set(PHASE3) - {UPGC}), UPGC):
        kit.deliver(processor, records=300)
    kit.sweeps(1)
    kinds = {problem["kind"] for problem in shown(kit, NIGHT.id)["runs"][0]["problems"]}
    assert kinds == {"late"}
    assert kit.orch("status", NIGHT.id)[0] == 0
