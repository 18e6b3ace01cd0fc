"""The monitors and the analysis, as a person or a script calls them: exit statuses, tables, JSON, a page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.cli import monitor, trends
from shared.cli.entry import call, table
from shared.ports import Row
from tests.validation.fixtures import ROOT, VALIDATION, Fixture, read
from tests.validation.worlds import on_duckdb

DAY = date(2026, 1, 21)


def monitored(
    path: Path, capsys: pytest.CaptureFixture[str], check: str, fixture: str, argv: Sequence[str]
) -> tuple[int, str, str]:
    """Run a monitor in the world of a fixture, at that fixture's time."""
    ctx = on_duckdb(read(VALIDATION.checks[check], fixture), path / "house.duckdb")
    with runtime.override_context(ctx):
        status = call(monitor.app, list(argv), "monitor", monitor.USAGE, monitor.UNREADABLE)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize(("fixture", "status"), [("passes", 0), ("fails", 2)])
def test_monitor_failures_ends_with_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fixture: str, status: int
) -> None:
    """0 in order, 2 from ten failures in a row on; the processor and the number stand in the table."""
    ended, out, err = monitored(tmp_path, capsys, "consecutive_failures", fixture, ["failures"])
    assert ended == status
    assert re.search(r"^(FAIL|PASS) +phase3 player_game_summary +(10|4) +last good on", out, re.MULTILINE), out
    assert ("1 failed" if status else "1 passed") in err


def test_monitor_failures_warns_from_five_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five in a row are a warning: exit 1."""
    ctx = on_duckdb(read(VALIDATION.checks["consecutive_failures"], "passes"), tmp_path / "house.duckdb")
    at = datetime(2026, 1, 21, 11, 30, tzinfo=UTC)
    shape = {"pipeline": "nba", "run_id": "nba/2026-01-20/overnight", "phase": "phase3", "mode": "overnight"}
    more = {"processor_name": "player_game_summary", "outcome": "failed", "message_id": "one more"}
    times = {"game_date": date(2026, 1, 20), "completed_at": at, "received_at": at}
    ctx.ports.audit.insert("phase_completions", [Row("one more", {**shape, **more, **times})])
    with runtime.override_context(ctx):
        assert call(monitor.app, ["failures"], "monitor", monitor.USAGE, monitor.UNREADABLE) == 1
    assert "WARN" in capsys.readouterr().out


@pytest.mark.parametrize(("last", "status", "word"), [(20, 0, "2 passed"), (17, 1, "1 warned"), (8, 2, "1 failed")])
def test_monitor_completeness_ends_with_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], last: int, status: int, word: str
) -> None:
    """Rows on ten, seven and two of ten days with games, every transition triggered: 0, 1 under 80%, 2 under 50%."""
    tables = read(VALIDATION.checks["completeness_14d"], "passes")
    triggers = read(VALIDATION.checks["transition_days_14d"], "passes")
    rows = {"all": [{"days": [date(2026, 1, 7), date(2026, 1, last)], "times": 1, "game_id": "game {i}"}]}
    both = Fixture(tables.check, "both", {**tables.data, "rows": rows, "record": triggers.data["record"]})
    with runtime.override_context(on_duckdb(both, tmp_path / "house.duckdb")):
        ended = call(monitor.app, ["completeness"], "monitor", monitor.USAGE, monitor.UNREADABLE)
    out, err = capsys.readouterr()
    assert ended == status, out
    assert word in err


def test_monitor_completeness_reads_tables_and_transitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table on four of ten days is a failure, exit 2, whatever else could not be read; both are said."""
    ended, out, err = monitored(tmp_path, capsys, "completeness_14d", "fails", ["completeness", "--json"])
    results = {result["check"]: result for result in json.loads(out)["results"]}
    assert ended == 2
    assert results["completeness_14d"]["status"] == "FAIL"
    assert results["transition_days_14d"]["status"] == "ERROR"
    assert err == ""


def test_a_monitor_that_cannot_read_is_never_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the tables it ends with 3, and says on standard error what it could not read."""
    ended, out, err = monitored(tmp_path, capsys, "games_final", "passes", ["failures"])
    assert ended == 3
    assert "could not read" in err
    assert "ERROR" in out


@pytest.mark.parametrize(
    "argv", [["failures", "--until", "soon"], ["failures", "--no-such"], ["completeness", "--until", "2026-02-30"]]
)
def test_a_wrong_call_is_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    """64, so that no script takes it for a failure of the pipeline."""
    ended, out, err = monitored(tmp_path, capsys, "games_final", "passes", argv)
    assert (ended, out) == (64, "")
    assert err


class Warehouse:
    """Holds results of validation, and answers no other question."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        assert "v_validation_results" in sql
        first, last = parameters["first"], parameters["last"]
        return [row for row in self._rows if first <= row["check_timestamp"] < last]


def weeks(fixture: str = "passes") -> list[dict[str, Any]]:
    """Return four weeks: one check fails each Monday morning, one warns every other noon, one is fine."""
    rows = []
    for n in range(28):
        day = datetime(2025, 12, 25, tzinfo=UTC) + timedelta(days=n)
        for check, hour, status in (
            ("floors", 11, "FAIL" if day.weekday() == 0 else "PASS"),
            ("null_rates", 17, "WARN" if n % 2 else "PASS"),
            ("freshness", 17, "PASS" if n != 20 else "ERROR"),
        ):
            at = day + timedelta(hours=hour)
            message = f"<b>{check}</b> & more"
            rows.append(
                {
                    "check_timestamp": at,
                    "check_name": check,
                    "status": status,
                    "severity": "warning",
                    "message": message,
                }
            )
    return rows


def analysed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], *argv: str
) -> tuple[int, str, str]:
    ctx = on_duckdb(read(VALIDATION.checks["games_final"], "passes"), tmp_path / "house.duckdb")
    ctx.ports.warehouse = Warehouse(rows)  # type: ignore[misc,assignment]
    with runtime.override_context(ctx):
        status = call(trends.app, list(argv), "analyze", trends.USAGE, trends.UNAVAILABLE)
    out, err = capsys.readouterr()
    return status, out, err


def test_the_four_questions_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What recurs most, at what hour, which checks cry wolf, how health moves over weeks."""
    status, out, _ = analysed(tmp_path, capsys, weeks())
    assert status == 0
    recurring, hours, wolves, health = out.split("\n\n")
    *listed, unjudged = recurring.splitlines()[2:]
    assert [line.split()[0] for line in listed] == ["null_rates", "floors"]
    assert unjudged == "could not be judged: freshness 1 of 28 times"
    assert {line.split()[0]: line.split()[1:3] for line in hours.splitlines()[2:]} == {
        "06:00": ["4", "0"],
        "12:00": ["0", "14"],
    }
    assert [line.split()[0] for line in wolves.splitlines()[2:]] == ["null_rates", "floors"]
    assert [line.split()[0] for line in health.splitlines()[2:]] == [
        "2025-12-22", "2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19",
    ]  # fmt: skip


def test_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on standard output, nothing else; the numbers are those of the tables."""
    status, out, err = analysed(tmp_path, capsys, weeks(), "--json", "--until", "2026-01-14", "--days", "14")
    analysis = json.loads(out)
    assert (status, err) == (0, "")
    assert (analysis["first"], analysis["last"]) == ("2026-01-01", "2026-01-14")
    assert {recurrence["check"]: recurrence["alarms"] for recurrence in analysis["recurring"]} == {
        "null_rates": 7,
        "floors": 2,
    }
    assert analysis["hours"]["06"]["failed"] == 2
    assert analysis["days_without_record"] == []
    assert analysis["could_not_be_judged"] == {"freshness": 1}
    assert len(analysis["health_by_day"]) == 14


class Page(HTMLParser):
    """Collects what a page asks of others, and its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.asks += [str(given[name]) for name in ("src", "href") if name in given]
        if tag == "script":
            self.asks.append(tag)
        if tag == "svg":
            self.labels.append(str(given["aria-label"]))


def test_the_page_stands_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No script and no other file; each plot is well-formed, says in words what it shows, and texts are escaped."""
    file = tmp_path / "trends.html"
    status, _, err = analysed(tmp_path, capsys, weeks(), "--html", str(file))
    text = file.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert (status, page.asks) == (0, ["data:,", "#main"])
    assert str(file) in err
    assert [label.split(" ")[0] for label in page.labels] == [*["Health"] * 3, *["The"] * 3, *["Failures"] * 3]
    assert "06: 4 failed" in page.labels[-1]
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 - our own page
    assert "Could not be judged: freshness (1 of 28 times)." in text
    assert "<b>floors</b>" not in text
    assert "&lt;b&gt;floors&lt;/b&gt; &amp; more" in text


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["--until", "2020-01-01"], 3, "no validation is recorded"),
        (["--until", "someday"], 2, "is not a date"),
        (["--days", "0"], 2, "--days"),
        (["--html", "/no/such/folder/x.html"], 2, "cannot be written"),
    ],
)
def test_a_wrong_question_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], status: int, message: str
) -> None:
    """Exit status and words; nothing on standard output."""
    ended, out, err = analysed(tmp_path, capsys, weeks(), *argv)
    assert (ended, out) == (status, "")
    assert message in err


def test_a_record_that_is_away_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """5, and what did not answer."""
    ctx = on_duckdb(read(VALIDATION.checks["games_final"], "passes"), tmp_path / "house.duckdb")
    with runtime.override_context(ctx):
        assert call(trends.app, [], "analyze", trends.USAGE, trends.UNAVAILABLE) == 5
    assert "warehouse" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "status"), [("monitor-completeness", 3), ("monitor-failures", 3), ("analyze-validation-trends", 5)]
)
def test_the_scripts_run_from_anywhere(tmp_path: Path, script: str, status: int) -> None:
    """On an empty embedded store nothing can be judged, and each says so with its status and help."""
    embedded = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
    environment = {**os.environ, **embedded, "ORCH_HOME": str(tmp_path / "home")}
    answer = subprocess.run(
        [ROOT / "bin" / script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert answer.stderr


def test_a_table_is_as_wide_as_its_cells() -> None:
    """Columns line up; nothing trails."""
    assert table(("a", "long", "b"), [("xx", "y", ""), ("", "z", "w")]) == "a   long  b\nxx  y\n    z     w"


@pytest.mark.parametrize("command", ["completeness", "failures"])
def test_the_help_of_a_monitor_names_its_exit_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They are not those of `orch`: the help of each command says them, not only that of both."""
    assert call(monitor.app, [command, "--help"], "monitor", monitor.USAGE, monitor.UNREADABLE) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(f"{status} {meaning}" in text for status, meaning in monitor.STATUSES.items())
