"""`orch simulate --keep FOLDER` leaves a day that `orch --home FOLDER` asks, as of its end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from shared import runtime
from shared.cli.main import call
from shared.core.errors import PolicyError
from tests.tooling.tiny_repository import ROOT

MINIMAL = ROOT / "tests" / "pipelines" / "minimal.yaml"
DAY = f"""name: The radar is late
pipeline: {MINIMAL}
start: "2026-03-03 03:50"
end: "2026-03-03 04:35"
events:
  - {{at: "04:10", complete: {{processor: StationsJob, phase: collect, game_date: 2026-03-02, records: 900}}}}
"""
OVERLAID = (
    DAY + 'policy: {modes: {daily: {opens_at: "03:55"}}, pauses: [{from: 2026-08-01, until: 2026-08-03, reason: x}]}\n'
)
SEVERAL = f"""name: Two pipelines
pipelines: [{MINIMAL}, {ROOT / "tests/pipelines/tides.yaml"}]
start: "2026-03-03T03:00:00Z"
end: "2026-03-03T03:10:00Z"
"""


def kept(tmp_path: Path, text: str = DAY) -> Path:
    file, home = tmp_path / "day.yaml", tmp_path / "home"
    file.write_text(text, encoding="utf-8")
    assert call(["simulate", str(file), "--keep", str(home)]) == 0
    return home


def test_a_kept_day_is_asked_as_it_stood_at_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that is printed answers, and so does what reads the record: as of then, and by that policy."""
    home = kept(tmp_path)
    printed = capsys.readouterr()
    command = printed.err.strip().rpartition("bin/orch ")[2].split()
    assert command == ["--home", str(home), "status"]
    assert call(command) == 1  # it went without the radar
    assert "collect_to_forecast  confirmed" in capsys.readouterr().out
    explain = ["explain", "collect_to_forecast", "2026-03-02"]
    assert call(["--home", str(home), *explain]) == 0
    assert "triggered 04:30 CET by deadline" in capsys.readouterr().out
    assert call(["--home", str(home), *explain, "--at", "04:20"]) == 0
    assert "deadline       04:30 CET" in capsys.readouterr().out


def test_a_home_is_left_when_the_command_ends(tmp_path: Path) -> None:
    """What a home names holds for one command: the environment is as it was before, even if the command fails."""
    home, before = kept(tmp_path), dict(os.environ)
    assert call(["--home", str(home), "status", "1999-01-01"]) == 3
    assert dict(os.environ) == before
    with runtime.at_home(home):
        assert runtime.context().policy.pipeline == "weather"


def test_the_policy_of_a_scenario_is_kept_with_the_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a scenario lays over its policy holds for who asks the day, too."""
    home = kept(tmp_path, OVERLAID)
    with runtime.at_home(home):
        assert f"{runtime.context().policy.modes['daily'].opens_at:%H:%M}" == "03:55"
    assert call(["--home", str(home), "pause", "--list"]) == 0
    assert "2026-08-01" in capsys.readouterr().out


def test_pipelines_that_were_played_together_are_asked_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A home of several holds each policy; --pipeline says which."""
    home = kept(tmp_path, SEVERAL)
    capsys.readouterr()
    assert call(["--home", str(home), "status"]) == 2
    assert "--pipeline NAME" in capsys.readouterr().err
    assert call(["--home", str(home), "status", "--pipeline", "weather"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("weather/2026-03-02/daily")


def test_a_home_is_replaced_and_nothing_else_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second day takes the place of the first; a person's files stay, and a folder that is no home is refused."""
    home = kept(tmp_path)
    (home / "notes.txt").write_text("mine", encoding="utf-8")
    assert kept(tmp_path) == home
    assert (home / "notes.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine", encoding="utf-8")
    capsys.readouterr()
    assert call(["simulate", str(tmp_path / "day.yaml"), "--keep", str(tmp_path / "other")]) == 2
    assert "no earlier --keep has left\n  hint: name a new folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["notes.txt"]
    assert call(["simulate", "a.yaml", "b.yaml", "--keep", str(home)]) == 2
    assert "hint: name one file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is no home: there is no orch.env in it"),
        ("export ORCH_STATE='sqlite\n", "cannot be read: No closing quotation"),
        ("sqlite\n", "is not lines such as export NAME=value"),
    ],
)
def test_a_folder_that_is_no_home_is_refused(
    tmp_path: Path, text: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the folder, what is wrong, and what makes one; nothing is asked of the environment instead."""
    if text is not None:
        (tmp_path / "orch.env").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match="--home"), runtime.at_home(tmp_path):
        pass
    assert call(["--home", str(tmp_path), "status"]) == 2
    printed = capsys.readouterr()
    assert reason in printed.err
    assert "hint: name a folder that bin/demo has left" in printed.err
    assert printed.out == ""


def test_a_scenario_may_come_by_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe yields its text once: it is played like a file, and so is the policy beside it, checked from a pipe."""
    for argument, text in (("simulate", DAY), ("check", MINIMAL.read_text(encoding="utf-8"))):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        try:
            assert call([argument, f"/dev/fd/{reading}", "--json"]) == 0
        finally:
            os.close(reading)
        assert json.loads(capsys.readouterr().out)
