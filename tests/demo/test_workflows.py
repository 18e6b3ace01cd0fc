"""What `bin/demo` tells of workflows, and whether its figures of them can be wrong."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.files import ScraperFile
from shared.core.workflows.judge import Judgement, Verdict
from shared.core.workflows.runs import CallOutcome, Entry, RunStatus, WorkflowRun
from shared.simulation.demo.day import ANSWERS, NEXT, PLAYED, WORKFLOW_RUNS, policy_of_day, workflows_of_day
from shared.simulation.demo.stand_ins import Call
from shared.simulation.demo.workflow_figures import workflow_figures
from shared.simulation.demo.workflow_follower import hours, scrape_lines
from shared.simulation.nba_tables import unit
from tests.services import raw
from tests.services.memory import Kept

NOW = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
DONE = Entry("all", "espn_roster", "", NOW, 1, CallOutcome.SUCCESS, 10, NOW)
POLICY = policy_of_day()


def run(name: str, day: date, window: str, *entries: Entry, status: RunStatus = RunStatus.COMPLETED) -> WorkflowRun:
    return WorkflowRun("nba", name, window, day, "due", "due", NOW, entries=entries, status=status, ended_at=NOW)


def whole_day() -> list[WorkflowRun]:
    return [run(name, day, str(n), DONE) for (day, name), count in WORKFLOW_RUNS.items() for n in range(count)]


def calls_of(runs: list[WorkflowRun]) -> list[Call]:
    bodies = [
        {"execution_id": workflow_run.execution_id(entry)} for workflow_run in runs for entry in workflow_run.entries
    ]
    return [Call(NOW, "scrapers", "/scrape", body, 200) for body in bodies]


def wrong(
    runs: list[WorkflowRun], calls: list[Call], books: tuple[DayRecord, ...] = (), files: tuple[ScraperFile, ...] = ()
) -> dict[str, str]:
    return {figure.what: figure.seen for figure in workflow_figures(books, runs, files, calls) if not figure.right}


def test_a_day_as_it_must_be_has_no_wrong_figure() -> None:
    """Every workflow so often, each call with its outcome; one that a busy scraper refused first is no second one."""
    runs = whole_day()
    calls = calls_of(runs)
    assert wrong(runs, [replace(calls[0], status=503), *calls]) == {}
    assert {name for _, name in WORKFLOW_RUNS} <= set(workflows_of_day(POLICY).workflows)
    assert set(ANSWERS) <= set(workflows_of_day(POLICY).scrapers)


def test_whatever_is_wrong_with_a_workflow_is_a_wrong_figure() -> None:
    """One run too few, one that failed, one too many, one of another workflow."""
    runs = whole_day()
    assert wrong(runs[1:], calls_of(runs[1:])) == {f"{PLAYED} post_game_window_3": "0 runs, none"}
    failed = [replace(runs[0], status=RunStatus.FAILED), *runs[1:]]
    assert wrong(failed, calls_of(failed)) == {f"{PLAYED} post_game_window_3": "1 run, failed"}
    more = [*runs, run("betting_lines", NEXT, "3", DONE), run("props_hourly", NEXT, "1", DONE)]
    assert wrong(more, calls_of(more)) == {
        f"{NEXT} betting_lines": "3 runs, completed",
        "other workflows that ran": f"{NEXT} props_hourly",
    }


def test_a_missed_window_a_repeated_call_and_a_file_announced_again_are_wrong_figures() -> None:
    """Each is named."""
    runs = whole_day()
    calls = calls_of(runs)
    missed = DayRecord("nba", NEXT, judged={"closing_lines": Judgement(Verdict.MISSED, NOW, NOW)})
    file = ScraperFile("nba", "1", "oddsa_game_lines", "p", NEXT, NOW, again=1)
    assert wrong(runs, [*calls, calls[0]], (missed,), (file,)) == {
        "windows that passed without a run": f"{NEXT} closing_lines",
        "scrapers called although they had answered": str(calls[0].body["execution_id"]),
        "files announced again": "oddsa_game_lines",
    }
    assert wrong(runs, calls[1:]) == {"scraper calls with an outcome": str(len(calls))}


def test_calls_are_told_by_scraper_with_what_failed() -> None:
    """One line for a scraper however many targets it has: calls, rows, attempts, and the first thing it said."""
    games = [replace(DONE, scraper="nbac_gamebook_pdf", target=unit(n)) for n in range(3)]
    games[1] = replace(games[1], outcome=CallOutcome.FAILED, attempts=3, rows=None, text="503: busy")
    lines = list(scrape_lines(run("w", PLAYED, "1", DONE, *games)))
    assert [line.text for line in lines] == [
        "2026-03-10 espn_roster: 1 call, 10 rows",
        "2026-03-10 nbac_gamebook_pdf: 3 calls, 20 rows, 5 attempts, 1 failed: 503: busy",
    ]


def test_a_window_that_ends_at_midnight_ends_at_24() -> None:
    """As the clock of the pipeline shows it; nothing where there is no window."""
    midnight = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)
    assert hours(POLICY, midnight - timedelta(minutes=30), midnight) == "23:30 to 24:00"
    assert hours(POLICY, None, None) == ""


def pushed(**body: Any) -> dict[str, Any]:
    whole = {"status": "success", "game_date": "2026-03-10", **body}
    return {"message": {"data": base64.b64encode(json.dumps(whole).encode()).decode()}}


@pytest.fixture
def around(tmp_path: Path) -> Kept:
    return Kept(NOW, {"2026-03-10": 6}, tmp_path)


def test_phase_2_loads_what_a_scraper_announces(around: Kept) -> None:
    """The game of a game's file alone; a batch once for a run of a workflow; nothing where no loader is there."""
    web = raw.create_app(around).test_client()
    game = {"processor_name": "nbac_gamebook_pdf", "metadata": {"game": unit(2)}}
    assert web.post("/process", json=pushed(**game)).json == {"status": "loaded", "loader": "NbacGamebookProcessor"}
    assert [body["record_count"] for _, body in around.sent] == [34]
    for event, expected in (("e1", "loaded"), ("e2", "loaded before")):
        execution = f"nba/2026-03-10/betting_lines/1/lines/oddsa_game_lines/{event}"
        answer = web.post("/process", json=pushed(processor_name="oddsa_game_lines", execution_id=execution))
        assert answer.json["status"] == expected
    assert [body["processor_name"] for _, body in around.sent[1:]] == ["OddsApiGameLinesBatchProcessor"]
    assert web.post("/process", json=pushed(processor_name="espn_roster")).json["status"] == "no_processors"
    assert web.post("/process", json=pushed(processor_name="espn_roster", status="failed")).json["status"] == "skipped"
    assert web.post("/process", json={}).status_code == 400
