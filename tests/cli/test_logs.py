"""`orch logs RUN`: from Cloud Logging by a line of gcloud, on embedded parts from the state."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from shared import runtime
from shared.cli import main as orch
from shared.cli.logs import log_line
from shared.core.model import Run, RunKey
from shared.core.reporting.run_log import log_filter
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS

RUN = NIGHT.id
# As `gcloud logging read --format=json` prints them: LogEntry of the REST reference.
ENTRIES = [
    {
        "insertId": "1",
        "timestamp": "2026-01-21T11:02:00.123456Z",
        "severity": "INFO",
        "labels": {"run_id": RUN, "pipeline": "nba"},
        "jsonPayload": {"message": "run.opened", "run_id": RUN, "by": "message", "pipeline": "nba", "commit": "abc"},
        "logName": "projects/p/logs/run.googleapis.com%2Fstdout",
    },
    {"insertId": "2", "timestamp": "2026-01-21T11:03:00Z", "severity": "ERROR", "textPayload": "killed"},
]


def kit_with_run() -> HandlersKit:
    kit = HandlersKit()
    kit.finish(PGS)
    return kit


def gcloud(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a gcloud on PATH that writes down its words and answers so."""
    program, script = folder / "program.py", folder / "gcloud"
    program.write_text(
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(folder / 'words')!r}).write_text(json.dumps(sys.argv[1:]))\n{body}\n"
    )
    # A line that begins with `#!` ends at a blank, which the folder of an environment may have in its name.
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(program))} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_the_filter_names_run_and_times() -> None:
    """Times are in UTC whatever zone they come in; a quote in a name ends no string; a severity means it or graver."""
    since = datetime(2026, 1, 21, 6, tzinfo=timezone(timedelta(hours=-5)))
    until = datetime(2026, 1, 21, 12, tzinfo=UTC)
    assert log_filter('a"b', since, until, "ERROR") == (
        'labels.run_id="a\\"b" AND timestamp>="2026-01-21T11:00:00Z" AND timestamp<="2026-01-21T12:00:00Z"'
        " AND severity>=ERROR"
    )


def test_the_log_is_read_by_gcloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each entry, in local time; the words that gcloud gets are those of the line that --dry-run prints."""
    kit = kit_with_run()
    gcloud(tmp_path, f"print({json.dumps(ENTRIES)!r})", monkeypatch)
    status, printed = orch.run(["logs", RUN, "--project", "p"], kit.ctx)
    assert status == 0, printed
    assert printed.splitlines() == [
        "2026-01-21 06:02:00  INFO      run.opened by=message",
        "2026-01-21 06:03:00  ERROR     killed",
        f"2 lines of {RUN}",
    ]
    words = json.loads((tmp_path / "words").read_text())
    (tmp_path / "words").unlink()
    status, printed = orch.run(["logs", RUN, "--project", "p", "--dry-run"], kit.ctx)
    assert (status, shlex.split(printed)) == (0, ["gcloud", *words])
    assert not (tmp_path / "words").exists()
    assert words[:2] == ["logging", "read"]
    assert f'labels.run_id="{RUN}"' in words[2]


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such run: 3; no project or no id: 2; gcloud without rights: 5, with its words and the line to run by hand."""
    kit = kit_with_run()
    assert orch.run(["logs", RUN.replace(str(DAY), "2020-01-01")], kit.ctx)[0] == 3
    assert orch.run(["logs", "tonight"], kit.ctx)[0] == 2
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    assert "hint: --project, or GOOGLE_CLOUD_PROJECT" in orch.run(["logs", RUN], kit.ctx)[1]
    gcloud(tmp_path, "sys.stderr.write('ERROR: PERMISSION_DENIED: logging.logEntries.list'); sys.exit(1)", monkeypatch)
    status, printed = orch.run(["logs", RUN, "--project", "p"], kit.ctx)
    assert status == 5
    assert "PERMISSION_DENIED" in printed
    assert "run it by hand: gcloud logging read" in printed


def test_embedded_state_tells_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, decisions and alerts in their order, each with where; what is of Cloud Logging alone is refused."""
    kit = kit_with_run()
    monkeypatch.setenv("ORCH_STATE", "sqlite")
    assert runtime.is_embedded()
    status, printed = orch.run(["logs", RUN], kit.ctx)
    assert status == 0, printed
    assert "  report      phase3_to_phase4: player_game_summary success" in printed
    document = json.loads(orch.run(["logs", RUN, "--json"], kit.ctx)[1])
    assert [entry["at"] for entry in document["entries"]] == sorted(entry["at"] for entry in document["entries"])
    assert orch.run(["logs", RUN, "--dry-run"], kit.ctx)[0] == 2
    assert "--severity is of Cloud Logging" in orch.run(["logs", RUN, "--severity", "ERROR"], kit.ctx)[1]


def test_the_line_begins_with_the_run() -> None:
    """From the opening of the run on: what was logged before is of another."""
    opened = datetime(2026, 1, 21, 10, tzinfo=UTC)
    line = log_line(Run(RunKey("nba", DAY, "overnight"), opened), opened + timedelta(hours=2), "p", "", 7)
    assert 'timestamp>="2026-01-21T10:00:00Z"' in line.words[3]
    assert (line.flags["order"], line.flags["limit"]) == ("asc", "7")
