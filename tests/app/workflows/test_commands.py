"""What people are told to type about workflows, and what they are answered."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.workflows.calls import Breakers
from shared.cli.main import run
from shared.core.alerting.kinds import AlertKind
from shared.core.workflows import alerts
from shared.core.workflows.judge import Judgement, Verdict
from shared.core.workflows.runs import CallOutcome, Entry, RunStatus, RunSummary, WorkflowRun
from shared.core.workflows.units import ScheduledUnit
from shared.entrypoints.workflows import workflows_beside
from shared.ports import Response
from tests.app.workflows.phase1 import POLICY, Phase1
from tests.app.workflows.test_executor import NOON, SIX, chain, only
from tests.policy_files import NBA

DAY = date(2026, 1, 26)
OF_WORKFLOWS = {kind for kind in AlertKind if kind.value.startswith("workflow_")} | {AlertKind.FILES_REFUSED}
COMMAND = re.compile(r"bin/orch .*$", re.MULTILINE)


def orch(phase1: Phase1, *argv: str) -> tuple[int, str]:
    return run(list(argv), phase1.ctx)


def conditions(phase1: Phase1) -> list[Any]:
    """Return one condition of each kind that speaks of workflows."""
    night, lines = phase1.workflows.workflows["post_game_window_3"], phase1.workflows.workflows["betting_lines"]
    ended = RunSummary("betting_lines", "1", NOON, RunStatus.FAILED, NOON, text="oddsa_events failed: 503")
    over = Judgement(Verdict.MISSED, NOON, NOON, "morning_operations", ("MIL@ORL",))
    entry = Entry("all", "espn_roster", outcome=CallOutcome.REFUSED, text="400: unknown")
    wanting = WorkflowRun("nba", "betting_lines", "1", DAY, "", "due", NOON, warnings=("step events gave no ids",))
    return [
        alerts.failed(POLICY, lines, DAY, ended),
        alerts.missed(POLICY, night, DAY, over),
        alerts.missing_units(POLICY, night, DAY, over),
        alerts.refused(POLICY, wanting, entry),
        alerts.warned(POLICY, "injury_discovery", DAY, "attempts", "not found in 5 attempts"),
        alerts.no_output(POLICY, wanting),
        alerts.no_calendar(POLICY, DAY, ("nbac_gamebook_pdf",)),
    ]


def test_commands_in_alerts_can_be_pasted() -> None:
    """Every command that an alert prints is understood, and names a workflow and its date."""
    phase1 = Phase1(NOON, only("post_game_window_3", "betting_lines"))
    workflow_conditions = conditions(phase1)
    assert {condition.kind for condition in workflow_conditions} | {AlertKind.FILES_REFUSED} == OF_WORKFLOWS
    commands = [command for condition in workflow_conditions for command in COMMAND.findall(condition.text)]
    assert len(commands) == 3
    for command in commands:
        program, *argv = shlex.split(command)
        assert program == "bin/orch"
        status, printed = orch(phase1, *argv, "--dry-run")
        assert (status, DAY.isoformat() in printed) == (0, True), printed


def test_a_run_by_hand_says_what_it_began_and_is_refused_while_one_is_under_way() -> None:
    """Its targets are the units without rows; a second one waits for the first."""
    phase1 = Phase1(NOON, only("post_game_window_3"))
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B"), ScheduledUnit("C@D"))
    phase1.warehouse.collected = frozenset({"A@B"})
    status, printed = orch(phase1, "workflows", "run", "post_game_window_3", "--date", "2026-01-26")
    assert (status, printed) == (0, "began nba/2026-01-26/post_game_window_3/operator.1, units: C@D\n")
    assert orch(phase1, "workflows", "run", "post_game_window_3", "--date", "2026-01-26")[0] == 4
    phase1.deliver_all()
    assert [call.get("game") for call in phase1.scrapers.calls if "game" in call] == ["C@D"]


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (("workflows", "run", "morning_operation"), 2, "did you mean morning_operations?"),
        (("workflows", "run", "morning_operations", "--date", "yesterday"), 2, "is not a date"),
        (("workflows", "run", "morning_operations", "--parameters", "x"), 2, "no JSON mapping"),
        (("workflows", "run", "roster_refresh"), 4, "disabled"),
        (("explain", "workflow", "morning_operation"), 2, "did you mean morning_operations?"),
        (("explain", "workflow", "morning_operations", "--at", "noon"), 2, "is not a time"),
        (("breaker", "reset", "nobody"), 3, "there is no breaker"),
        (("lock", "release", "nobody"), 3, "there is no lock"),
        (("pause", "--workflow", "morning_operation", "--reason", "r"), 2, "did you mean morning_operations?"),
        (("pause", "--workflow", "morning_operations", "--mode", "overnight", "--reason", "r"), 2, "stands alone"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_status(argv: tuple[str, ...], status: int, words: str) -> None:
    """2 for a wrong call, 3 for what is not there, 4 for what something speaks against."""
    answered, printed = orch(Phase1(NOON, only("morning_operations")), *argv)
    assert answered == status
    assert words in printed


def test_status_and_decisions_show_what_ran_was_missed_and_why() -> None:
    """As lines for people and as JSON for scripts."""
    phase1 = Phase1(SIX - timedelta(hours=1), only("morning_operations", "roster_refresh"))
    phase1.tick()
    phase1.pass_time(timedelta(hours=6))
    phase1.look()
    phase1.pass_time(timedelta(hours=1))
    phase1.tick()
    phase1.deliver_all()
    status, printed = orch(phase1, "workflows", "status", "--date", "2026-01-26", "--json")
    lines = {line["workflow"]: line["status"] for line in json.loads(printed)["items"]}
    assert (status, lines) == (0, {"morning_operations": "missed", "roster_refresh": "completed"})
    status, printed = orch(phase1, "workflows", "decisions", "--date", "2026-01-26")
    assert status == 0
    assert re.search(r"morning_operations +abort .*after the window, which ended at 11:00 EST", printed)


def test_explain_says_why_at_a_time() -> None:
    """Now, before and later: the window, the units, what is required, the runs of then."""
    phase1 = Phase1(NOON, only("betting_lines"))
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", datetime(2026, 1, 27, 0, 0, tzinfo=UTC)),)
    status, printed = orch(phase1, "explain", "workflow", "betting_lines", "--at", "2026-01-26T11:00:00-05:00")
    assert status == 0
    assert "betting_lines 2026-01-26: skip: waits for morning_operations" in printed
    assert "window     2026-01-26 07:00 EST to 2026-01-26 19:00 EST" in printed
    assert "requires   morning_operations: not completed" in printed
    status, printed = orch(phase1, "explain", "workflow", "betting_lines", "--at", "06:59", "--json")
    assert (status, json.loads(printed)["items"][0]["code"]) == (0, "before")


def test_a_paused_workflow_rests_alone() -> None:
    """The others run; its end lets it run again."""
    phase1 = Phase1(SIX, only("morning_operations", "roster_refresh"))
    assert orch(phase1, "pause", "--workflow", "morning_operations", "--reason", "source moves")[0] == 0
    assert phase1.tick().begun == []
    assert "workflow morning_operations" in orch(phase1, "pause", "--list")[1]
    phase1.pass_time(timedelta(hours=4))
    assert orch(phase1, "pause", "--end", "--workflow", "morning_operations")[0] == 0
    assert phase1.tick().begun == ["nba/2026-01-26/morning_operations/window"]
    phase1.pass_time(timedelta(hours=2))
    assert phase1.tick().begun == ["nba/2026-01-26/roster_refresh/window"]


def test_a_breaker_is_listed_and_reset_by_the_scrapers_name() -> None:
    """An open one stops calls, a reset one does not."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(Response(500, "no"), 0.0)]
    breakers = Breakers(phase1.ctx, phase1.workflows)
    for _ in range(5):
        breakers.feed("br_season_roster", CallOutcome.TIMEOUT)
    assert not Breakers(phase1.ctx, phase1.workflows).allows("br_season_roster")
    assert "br_season_roster" in orch(phase1, "breaker", "list")[1]
    assert orch(phase1, "breaker", "reset", "br_season_roster")[0] == 0
    assert Breakers(phase1.ctx, phase1.workflows).allows("br_season_roster")


def test_answers_that_are_no_failures_feed_no_breaker() -> None:
    """400 and no rows are answers: the scraper's service works."""
    phase1 = chain()
    breakers = Breakers(phase1.ctx, phase1.workflows)
    for _ in range(9):
        breakers.feed("br_season_roster", CallOutcome.REFUSED)
        breakers.feed("br_season_roster", CallOutcome.NO_DATA)
    assert breakers.allows("br_season_roster")


def test_the_workflow_file_stands_beside_the_policy() -> None:
    """Another pipeline's workflows are not taken for one's own: without a file beside its policy it has none."""
    assert workflows_beside(load_policy(NBA)) is None
    beside = workflows_beside(POLICY)
    assert beside is not None
    assert "betting_lines" in beside.workflows
