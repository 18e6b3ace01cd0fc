"""`orch emit`: a completion that a person publishes counts as one that a job does, in every pipeline's dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.core.emitting import Emission, body_of, understood
from shared.core.message import Received
from shared.core.model import Lane, Outcome
from shared.core.policy.names import Names
from shared.runtime import policy_in
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS
from tests.emulators.server import ROOT
from tests.policy_files import NBA

POLICIES = sorted(
    [NBA, ROOT / "config" / "nba.yaml", *(ROOT / "tests").glob("**/pipelines/*.yaml")], key=lambda path: path.as_posix()
)
NOW = datetime(2026, 1, 22, 11, 3, tzinfo=UTC)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def test_what_is_published_counts(kit: HandlersKit) -> None:
    """The message lies on the topic of its phase, and the function takes it for the processor's report."""
    status, output = kit.orch("emit", "phase3", "PlayerGameSummaryProcessor", str(DAY), "--records", "203")
    assert (status, f"{PGS} success of {NIGHT.id}, message" in output) == (0, True)
    [sent] = kit.published
    assert sent.topic == kit.policy.phases["phase3"].completions_topic
    kit.take("phase3", json.dumps(sent.body).encode())
    completion = kit.completion(PGS)
    assert completion is not None
    assert completion.latest is not None
    assert (completion.latest.outcome, completion.latest.records) == (Outcome.SUCCESS, 203)


def test_a_dry_run_publishes_nothing(kit: HandlersKit) -> None:
    """It says which run the message would belong to, and the message."""
    status, output = kit.orch("emit", "phase3", PGS, str(DAY), "--dry-run", "--json")
    document = json.loads(output)
    assert (status, document["run"], document["message_id"]) == (0, NIGHT.id, None)
    assert document["body"]["processor_name"] == PGS
    assert kit.published == []


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("phase9 x 2026-01-21", 2, "unknown phase 'phase9'"),
        ("phase3 player_game_sumary 2026-01-21", 2, "player_game_summary"),
        ("phase3 player_game_summary 21.1.2026", 2, "not a date"),
        ("phase3 player_game_summary 2026-01-21 --mode hourly", 2, "one of overnight"),
        ("phase3 player_game_summary 2026-01-21 --status done", 2, "status"),
        ("phase3 player_game_summary 2026-01-21 --status inferred", 2, "only a sweep infers"),
        ("phase6 x 2026-01-21", 2, "phase6 has no processor"),
    ],
)
def test_what_would_not_count_is_refused(kit: HandlersKit, line: str, status: int, words: str) -> None:
    """Each with what is wrong, and nothing is published."""
    answer, output = kit.orch("emit", *line.split())
    assert (answer, words in output) == (status, True), output
    assert kit.published == []


def test_what_would_be_quarantined_is_not_published() -> None:
    """A pipeline whose messages have to name their pass: the reason is the quarantine's."""
    policy = policy_in(ROOT / "tests" / "pipelines" / "regional.yaml")
    kit = HandlersKit(policy=policy)
    phase = next(phase for phase in policy.phases.values() if phase.completions_topic and phase.processors)
    line = ("emit", phase.name, next(iter(phase.processors)), str(policy.local(kit.clock.now()).date()))
    status, output = kit.orch(*line)
    assert (status, "it would be quarantined: " in output) == (2, True), output
    assert kit.published == []
    assert kit.orch(*line, "--mode", next(iter(policy.modes)))[0] == 0


def test_a_bus_that_does_not_answer_is_said(kit: HandlersKit) -> None:
    """Exit 5, and that it may be published again."""
    kit.fail("bus", FaultKind.UNAVAILABLE)
    status, output = kit.orch("emit", "phase3", PGS, str(DAY))
    assert (status, "publish it again" in output) == (5, True), output


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_pipeline_understands_it(path: Path) -> None:
    """Each outcome of each processor of each phase, whatever dialect its own jobs speak: the same values arrive."""
    policy = policy_in(path)
    names = Names(policy)
    day = policy.local(NOW).date()
    mode = next(iter(policy.modes))
    for phase in policy.phases.values():
        for processor in phase.processors if phase.completions_topic else ():
            for outcome in Outcome if phase.needs_mode else ():
                if outcome is not Outcome.INFERRED:
                    body = body_of(Emission(processor, day, outcome, 7, 9, mode, Lane.LIVE, "why"), NOW)
                    read = understood(body, phase.name, policy, names, NOW)
                    assert isinstance(read, Received), (phase.name, processor, outcome)
                    assert (read.key.day, read.key.mode, read.key.lane) == (day, mode, Lane.LIVE)
                    assert (read.report.processor, read.report.outcome) == (processor, outcome)
                    assert read.report.records == 7
