"""`bin/demo --batch`: a batch with its function and its workers in processes, and whether it can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.simulation.demo.batch_day import LATE, SILENT, parts_of_batch
from shared.simulation.demo.batch_figures import NAME, batch_figures
from shared.simulation.demo.batch_lines import batch_lines, request_lines
from shared.simulation.demo.day import policy_of_day
from shared.simulation.demo.figures import Figure
from shared.simulation.demo.relay import Pushed
from tests.core.build import NIGHT, T0
from tests.demo.clones import ROOT, cloned, command
from tests.demo.test_services import tools
from tests.services.worked_batch import Played, whole_batch
from tests.tooling.tiny_repository import run

SHOWN = (
    "batch     open [###################-] 97 percent: 95 done, 2 skipped, 0 failed, 3 silent",
    "request   3 members asked: player 97, player 98, player 99",
    "batch     published, closed by idle; missing: player 97, player 98, player 99",
    "call      coordinator /consolidate {",
    "ok      its end: partial, 97 percent, missing: player 97, player 98, player 99",
    "ok      late, and noted: player 98",
)


# Its claims are held cheaply below and by tests/services/test_workers.py; the processes take half a minute.
@pytest.mark.nightly
@pytest.mark.parametrize("options", [(), ("--emulators",)], ids=["embedded", "emulators"])
def test_a_batch_is_closed_by_idleness_and_names_the_silent(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Every figure is as it must be, every kind of line is in the legend, and what is left can be asked as printed."""
    if options:
        tools()
    clone = cloned(tmp_path / "a clone", "tests/services")
    played = run(clone / "bin/demo", "--batch", "--speed", "40", *options, cwd=clone, seconds=400)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "FAILED" not in played.stdout
    assert "logged by" not in played.stdout
    assert [shown for shown in SHOWN if shown not in played.stdout] == []
    lines = played.stdout.splitlines()
    show, _ = [line.strip() for line in lines if " --home " in line]
    asked = run("sh", "-c", show, cwd=clone, seconds=60)
    assert asked.returncode == 0, asked.stderr
    assert "98 percent have an outcome" in asked.stdout
    assert "silent   player 97" in asked.stdout


def test_a_batch_is_played_alone(tmp_path: Path) -> None:
    """Beside another play it is refused before anything is started: exit 2 with a hint."""
    refused = run(*command(tmp_path, ("--batch", "--all")), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, seconds=60)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "hint:" in refused.stderr


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The same batch in memory, with the same workers."""
    return whole_batch(tmp_path_factory.mktemp("batch"))


def ends(played: Played) -> list[Pushed]:
    topic = played.kit.declared.publish
    return [Pushed(end.at, "a function", topic, end.body, "200") for end in played.kit.ends()]


def wrong(played: Played, **changed: Any) -> dict[str, str]:
    given = {"pushed": ends(played), "requests": played.requests(), "silent": SILENT, "late": LATE, **changed}
    figures: list[Figure] = batch_figures(played.kit.instance(), NIGHT, **given)
    # What follows a batch is not in memory here.
    return {
        figure.what: figure.seen
        for figure in figures
        if not figure.right and not figure.what.endswith("phase5_to_phase6")
    }


def test_a_batch_as_it_must_be_has_no_wrong_figure(played: Played) -> None:
    """What is played in memory by the same workers yields the figures of the demo."""
    assert wrong(played) == {}


def test_figures_can_be_wrong(played: Played) -> None:
    """Two ends, none, one more request under another id, another who was late: each is told."""
    twice = ends(played) * 2
    assert wrong(played, pushed=twice) == {"its end": "2 completions"}
    assert wrong(played, pushed=[]) == {"its end": "0 completions"}
    again = {**played.requests()[0], "request_id": "another"}
    assert wrong(played, requests=[*played.requests(), again]) == {
        "members asked": "100 under 101 ids; 1 of them 2 times, 3 of them 3 times"
    }
    assert wrong(played, late="player 97") == {"late, and noted": "player 98"}
    whole = replace(ends(played)[0], body={**ends(played)[0].body, "missing": ["player 97"]})
    assert wrong(played, pushed=[whole]) == {"its end": "partial, 97 percent, missing: player 97"}


def test_lines_count_what_many_say() -> None:
    """A hundred requests of a minute are one line, a few of them are named; reports are counted by what they say."""
    policy = policy_of_day()
    asked = [{"at": T0.isoformat(), "member": f"player {number}"} for number in range(100)]
    assert [line.text for line in request_lines(asked)] == ["100 members asked"]
    assert [line.text for line in request_lines(asked[:2])] == ["2 members asked: player 0, player 1"]

    def reports() -> Iterator[Pushed]:
        topic = policy.batches[NAME].reports.topic
        for number in range(3):
            yield Pushed(T0, "phase5_batches", topic, {"player_lookup": f"player {number}"}, "200")
        failed = {"player_lookup": "player 9", "outcome": "failed", "error_message": "no model"}
        yield Pushed(T0, "phase5_batches", topic, failed, "200")

    assert [line.text for line in batch_lines(list(reports()), policy)] == ["3 done, 1 failed; player 9: no model"]


def test_what_plays_is_declared() -> None:
    """The function of batches hears starts and reports, the transition of phase 5 the end; nobody else is started."""
    parts = parts_of_batch(policy_of_day())
    assert set(parts.hearing.values()) == {"phase5_batches", "phase5_to_phase6"}
    assert set(parts.functions) == {"phase5_batches", "phase5_to_phase6", "self_heal"}
    assert parts.hearing["nba-batch-start"] == parts.hearing["prediction-ready-prod"] == "phase5_batches"
