"""The benchmark works: every figure is measured once, at the least size. How large they are is not judged here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.bench import __main__ as command
from tests.bench.__main__ import FIGURES
from tests.bench.figure import Figure, Spread
from tests.emulators.server import ROOT

BENCH = ROOT / "bin" / "bench"
# They start instance after instance, or play nights: half of the time of all.
LONG = ("simulation", "decide", "latency", "burst", "cold", "memory", "limits")
COUNTED: dict[str, dict[str, object]] = {
    "fan-in": {"errors": 0, "triggers": 1},
    "batches": {"asked": 60, "requests": 60},
    "burst": {"errors": 0, "triggers": "4 of 4"},
}


def bench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.endswith("_EMULATOR_HOST")}
    environment = {**own, "COLUMNS": "160", **variables}
    return subprocess.run([BENCH, *arguments], env=environment, capture_output=True, text=True, check=False)


Measured = Callable[[Sequence[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def measured(firestore_host: str, pubsub_host: str) -> Measured:
    """Figures, measured once on the emulators of the session."""
    hosts = {"FIRESTORE_EMULATOR_HOST": firestore_host, "PUBSUB_EMULATOR_HOST": pubsub_host}

    @cache
    def once(names: Sequence[str]) -> dict[str, Any]:
        answer = bench(*names, "--small", "--json", **hosts)
        assert answer.returncode == 0, answer.stderr
        document: dict[str, Any] = json.loads(answer.stdout)
        return document

    return once


@pytest.mark.slow
@pytest.mark.xdist_group("firestore")
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in LONG])
def test_a_figure_is_measured(name: str, measured: Measured) -> None:
    """Each figure yields at least one line with its samples, and what was counted is right at any size."""
    assert_measured(name, measured(tuple(name for name in FIGURES if name not in LONG)))


@pytest.mark.nightly
@pytest.mark.xdist_group("firestore")
@pytest.mark.parametrize("name", LONG)
def test_a_long_figure_is_measured(name: str, measured: Measured) -> None:
    """Those that start instances, too."""
    assert_measured(name, measured(LONG))


def assert_measured(name: str, measured: dict[str, Any]) -> None:
    assert measured["absent"] == {}
    lines = [line for line in measured["figures"] if line["name"] == name]
    assert lines != []
    for line in lines:
        assert line["value"]["median"] > 0
        assert line["floor"] is None or line["ratio"] > 0
    for what, count in COUNTED.get(name, {}).items():
        assert lines[0]["counted"][what] == count


def test_a_figure_is_shown_to_people() -> None:
    """Without --json there is a table on standard output, and the talk is on standard error."""
    answer = bench("decide", "--small")
    assert answer.returncode == 0, answer.stderr
    assert "waits for two of five" in answer.stdout
    assert "measuring decide" in answer.stderr


def test_an_unknown_figure_is_refused() -> None:
    """A name that is none is told with those that are, and nothing is measured."""
    answer = bench("speed")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "'speed'" in answer.stderr
    assert "hint: one of decide" in answer.stderr


def test_nights_are_played_and_no_figure_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--nights` plays ten thousand, with `--small` 300, with the exit status of the nights; names are refused."""
    played: list[int] = []

    def play(first: int, seeds: int, day: object, **options: object) -> int:
        played.append(seeds)
        return 1

    monkeypatch.setattr(command, "simulate_random", play)
    for small in (False, True):
        with pytest.raises(typer.Exit) as ended:
            command.main(small=small, nights=True)
        assert ended.value.exit_code == 1
    assert played == [10_000, 300]
    answer = bench("decide", "--nights")
    assert (answer.returncode, answer.stdout) == (2, "")


@pytest.mark.parametrize(("required", "status"), [("", 0), ("1", 1)])
def test_absent_emulators_are_said(required: str, status: int, tmp_path: Path) -> None:
    """Without gcloud a figure is skipped with a line on how to get it; where nothing may be left out it fails."""
    for tool in ("bash", "dirname", "readlink", "cmp"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    answer = bench("completion", "--small", PATH=str(tmp_path), REQUIRE_EMULATORS=required)
    assert answer.returncode == status, answer.stderr
    assert "completion skipped: gcloud is not on PATH" in answer.stderr


@pytest.mark.parametrize(
    ("most", "least", "floor", "met"),
    [
        (1.3, None, 2.0, False),
        (1.5, None, 2.0, True),
        (None, 2.0, None, True),
        (None, 4.0, None, False),
        (2.9, None, None, False),
        (None, None, 2.0, None),
    ],
)
def test_a_target_is_judged(most: float | None, least: float | None, floor: float | None, met: bool | None) -> None:
    """A target speaks of the ratio where there is a floor, else of the value itself."""
    beside = None if floor is None else Spread.of([floor])
    assert Figure("x", "x", "s", Spread.of([3.0]), beside, most=most, least=least).met is met


def test_a_spread_is_median_and_quartiles() -> None:
    """One sample is its own spread."""
    assert Spread.of([5.0, 1.0, 3.0, 2.0, 4.0], 10) == Spread(30.0, 20.0, 40.0, 5)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 1)
