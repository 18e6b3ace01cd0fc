"""The exit statuses of the programs: said once, the same in help and README, and each of them reached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.cli import main as orch
from shared.cli import monitor
from shared.cli.shell import STATUSES
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, PGS, TO4
from tests.policy_files import NBA, edit, nba, write

ROOT = Path(__file__).resolve().parents[2]
NIGHTLY = (TO4, str(DAY), "--mode", "overnight")


def test_the_readme_says_what_the_program_means() -> None:
    """Its table is the one of the program, to the letter."""
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == STATUSES


def test_the_help_says_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`orch --help` ends with every status and its meaning."""
    orch.call(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{status} {meaning}" in shown for status, meaning in STATUSES.items())


def test_the_monitors_say_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    """They end with the severity of what they found, so their statuses are their own, and stand in their help."""
    with pytest.raises(SystemExit):
        monitor.app(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{status} {meaning}" in shown for status, meaning in monitor.STATUSES.items())


def unmet(folder: Path) -> Path:
    """Return a scenario that expects what does not come."""
    text = next((ROOT / "tests/scenarios/incidents").glob("C1_*.yaml")).read_text(encoding="utf-8")
    path = folder / "unmet.yaml"
    never = '  - alert: {severity: critical, mentions: [nobody says this], by: "07:31", count: 1}'
    beside = text.replace("../../pipeline/nba.yaml", str(NBA))
    path.write_text(f"{beside.rstrip()}\n{never}\n", encoding="utf-8")
    return path


def test_every_status_is_reached(tmp_path: Path) -> None:
    """A call for each of them, of a run that has one report, where the store then goes away."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    wrong = write(tmp_path, edit(nba(), {"timezone": "Mars/Olympus"}))
    calls: dict[int, Any] = {
        0: ("explain", *NIGHTLY),
        2: ("check", str(wrong)),
        3: ("status", "2026-03-03"),
        4: ("release", *NIGHTLY, "--reason", "it is not held"),
    }
    assert {status: kit.orch(*argv)[0] for status, argv in calls.items()} == {status: status for status in calls}
    assert orch.call(["simulate", str(unmet(tmp_path))]) == 1
    kit.fail("state")
    assert kit.orch("explain", *NIGHTLY)[0] == 5
