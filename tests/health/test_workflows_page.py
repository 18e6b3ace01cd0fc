"""Workflows on the page and in the daily report: windows, runs, calls, rows, failures, what was missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.page.workflow_svg import scale_of_day, workflow_drawing
from shared.app.reporting.workflows import reported, workflow_days
from shared.core.reporting.page import Page, Tone, WorkflowDay, WorkflowLine
from shared.core.workflows.units import ScheduledUnit
from shared.entrypoints.health import render
from shared.ports import Response
from tests.app.workflows.phase1 import Phase1
from tests.app.workflows.test_executor import NOON, SIX, only
from tests.health.scenario_states import LeftByDemo, ask, left_by
from tests.health.test_page import Outline

NEW_YORK, DAY = ZoneInfo("America/New_York"), date(2026, 1, 26)


@pytest.fixture(scope="module")
def refused() -> Iterator[LeftByDemo]:
    """A morning on which one scraper was refused."""
    with left_by("W10_400_is_a_configuration_fault") as left:
        yield left


def morning() -> Phase1:
    """Return a day at 13:00: the morning ran with one failure, lines never could, the evening is to come."""
    phase1 = Phase1(SIX, only("morning_operations", "betting_lines", "roster_refresh", "after_games_2330"))
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON + timedelta(minutes=30)),)
    phase1.scrapers.answers["espn_roster"] = [(Response(400, "<b>unknown</b>"), 0.0)]
    phase1.tick()
    phase1.deliver_all()
    phase1.pass_time(timedelta(hours=7))
    phase1.tick()
    return phase1


def test_a_day_says_of_each_window_how_it_stands() -> None:
    """Partly run with its numbers, missed with what it waited for, under way, expected; in the order of windows."""
    today, yesterday = workflow_days(morning().ctx)
    assert (today.day, yesterday.day) == (DAY, DAY - timedelta(days=1))
    lines = {line.workflow: line for line in today.lines}
    assert {name: (line.word, line.tone) for name, line in lines.items()} == {
        "betting_lines": ("missed", Tone.BAD),
        "morning_operations": ("partial", Tone.NOTICE),
        "roster_refresh": ("running", Tone.BUSY),
        "after_games_2330": ("expected", Tone.QUIET),
    }
    assert [line.workflow for line in today.lines][-1] == "after_games_2330"
    [mark] = lines["morning_operations"].marks
    assert (mark.calls, mark.failed, mark.rows) == (3, 1, 6)
    assert "espn_roster refused" in mark.text
    assert lines["betting_lines"].note == "morning_operations had not completed"


def test_a_pipeline_without_workflows_has_none() -> None:
    """No section, no line of the report."""
    ctx = replace(morning().ctx, workflows=None)
    assert workflow_days(ctx) == ()
    assert reported(ctx) == []


def test_the_page_draws_each_day_and_escapes_what_scrapers_say() -> None:
    """Every drawing has its words, every number its table; what a scraper answered is text."""
    phase1 = morning()
    now = phase1.clock.now()
    html = render(Page("nba", "nba", NEW_YORK, now, "v1", workflows=workflow_days(phase1.ctx)))
    outline = Outline(html)
    assert "<b>unknown" not in html
    assert "400: <b>unknown</b>" in outline.text.replace("\n", " ")
    assert "Windows of 2026-01-26" in html
    for words in (
        "morning_operations: partial, from 06:00 to 11:00",
        "06:00 morning_operations partial: 3 calls, 1 failed",
    ):
        assert words in html
    labels = [attributes.get("data-label") for tag, attributes in outline.tags if tag == "td"]
    assert {"Window", "Stands", "Runs", "Calls", "Rows", "Failures"} <= set(labels)


def test_a_drawing_reaches_to_the_end_of_the_last_window() -> None:
    """From local midnight a whole day at the least, and into the next where a window lies there."""
    closes = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)
    line = WorkflowLine("w", "after_games", "expected", Tone.QUIET, closes - timedelta(hours=1), closes)
    scale = scale_of_day(WorkflowDay(date(2026, 3, 8), (line,)), NEW_YORK)
    assert scale.first.isoformat() == "2026-03-08T00:00:00-05:00"
    assert scale.last == closes
    empty = WorkflowDay(date(2026, 3, 8))
    assert scale_of_day(empty, NEW_YORK).last == datetime(2026, 3, 9, tzinfo=NEW_YORK)
    assert "0 workflows of 2026-03-08, 0 of them ran" in str(workflow_drawing(empty, NEW_YORK, closes))


def test_the_front_shows_workflows_beside_transitions(refused: LeftByDemo) -> None:
    """As functions-framework serves it."""
    answer = ask("/")
    text = Outline(answer.text).text
    assert answer.status_code == 200
    assert 'id="workflows"' in answer.text
    assert 'id="days"' in answer.text
    assert "morning_operations" in text


def test_the_report_counts_workflows_and_names_what_went_wrong(refused: LeftByDemo) -> None:
    """Runs by how they ended, calls and rows, and for each that went wrong which scraper and why."""
    made = ask("/report?send=false", "POST").get_json()
    [today, _] = made["workflows"]
    [wrong] = [workflow for workflow in today["wrong"] if workflow["word"] == "partial"]
    assert f"    {wrong['workflow']}: partial" in made["text"]
    assert f"Workflows {today['date']}: " in made["text"]
    assert today["failed"] >= 1
    assert today["calls"] > today["failed"]
