"""`orch report` tells the same timelines as text, as JSON and as a file."""

from __future__ import annotations

import json
from pathlib import Path

from shared.cli.main import run
from tests.health.scenario_states import LeftByDemo

DAY = "2026-01-19"


def test_the_text_is_the_night(morning: LeftByDemo) -> None:
    """Tiers, trigger, who never came, in the pipeline's time."""
    status, output = run(["report", DAY], morning.ctx)
    assert status == 0
    lines = [line.strip() for line in output.splitlines()]
    assert lines[0] == "nba/2026-01-19/overnight, 9 units, opened 06:55:00"
    assert "08:02:00       tier 2: 4 of 5" in lines
    assert any(line.startswith("08:02:00") and "triggered by tier 2" in line for line in lines)
    assert any(
        line.startswith("08:20:00") and "player_composite_factors success, 209 records" in line for line in lines
    )
    assert output.index("tier 2: 4 of 5") < output.index("triggered by tier 2")


def test_a_file_holds_the_page(morning: LeftByDemo, tmp_path: Path) -> None:
    """The talk goes to stderr; the file is a whole page."""
    file = tmp_path / "night.html"
    status, output = run(["report", DAY, "--html", str(file)], morning.ctx)
    assert (status, output.strip()) == (0, f"orch: wrote {file}")
    assert file.read_text().lstrip().startswith("<!doctype html>")
    assert "Timeline of nba/2026-01-19/overnight" in file.read_text()


def test_json_is_json(morning: LeftByDemo) -> None:
    """For scripts: a list of runs."""
    status, output = run(["report", DAY, "--json"], morning.ctx)
    assert status == 0
    assert [load["run"] for load in json.loads(output)["items"]] == ["nba/2026-01-19/overnight"]


def test_a_date_without_a_run_is_not_found(morning: LeftByDemo) -> None:
    """Exit 3 and where to look."""
    status, output = run(["report", "2026-01-02"], morning.ctx)
    assert status == 3
    assert "hint:" in output


def test_a_file_that_cannot_be_written_is_said(morning: LeftByDemo, tmp_path: Path) -> None:
    """Exit 2, with the path and the reason."""
    status, output = run(["report", DAY, "--html", str(tmp_path / "absent" / "night.html")], morning.ctx)
    assert status == 2
    assert "cannot write" in output


def test_a_dead_store_is_unavailable(morning: LeftByDemo) -> None:
    """Exit 5: nothing of the night can be told."""
    morning.fail("state")
    assert run(["report", DAY], morning.ctx)[0] == 5
