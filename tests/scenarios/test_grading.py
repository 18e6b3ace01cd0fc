"""Grading is a branch beside phase 4: whether it reports decides when the run closes, and nothing else (D13, T5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.simulation.history import History
from shared.simulation.parse import read_scenario
from shared.simulation.runner import play
from shared.simulation.scenario import Downstream, Scenario

SILENT = read_scenario(Path(__file__).parent / "own" / "grading_never_reports.yaml")
# The refresh windows of the night are open until then.
REFRESHED = datetime(2026, 3, 11, 20, 0, tzinfo=UTC)
# 48 hours after the end of the date, in New York.
AT_THE_LATEST = datetime(2026, 3, 13, 4, 0, tzinfo=UTC)


def reporting(scenario: Scenario) -> Scenario:
    """Return the same night with a grading that reports."""
    change = replace(scenario.given.change, downstream={"grading": Downstream.STARTS})
    return replace(scenario, given=replace(scenario.given, change=change))


def closed(history: History) -> list[tuple[datetime, str]]:
    return [(entry.at, entry.text) for entry in history.timeline if entry.text.startswith("run.closed")]


def left(history: History) -> list[tuple[str, datetime]]:
    """Return what left for the phases of the chain, and when."""
    return [
        (departure.trigger_id, departure.at)
        for departure in history.departures
        if departure.transition != "phase3_to_grading"
    ]


def test_the_run_closes_although_grading_never_reports() -> None:
    """At its latest time, for that is how long a report may still come; nobody confirms it later."""
    [(at, text)] = closed(play(SILENT))
    assert at == AT_THE_LATEST
    assert "expired=True" in text


def test_a_grading_that_reports_lets_the_run_close_on_its_day() -> None:
    """The same night but for that: it closes when nothing can be refreshed any more."""
    [(at, text)] = closed(play(reporting(SILENT)))
    assert REFRESHED <= at <= REFRESHED + timedelta(minutes=1)
    assert "expired=True" not in text


def test_the_phases_of_the_chain_leave_as_they_do_beside_a_grading_that_reports() -> None:
    """The same triggers under the same ids at the same times."""
    assert left(play(SILENT)) == left(play(reporting(SILENT)))
    assert [trigger_id.split("/")[-2] for trigger_id, _ in left(play(SILENT))] == [
        "phase3_to_phase4",
        "phase4_to_phase5",
        "phase5_to_phase6",
    ]
