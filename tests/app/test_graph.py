"""Phases as a graph, through the real use cases: one report bears on several transitions (behaviour D13)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.context import Context
from shared.core.model import RunKey, State
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation
from tests.app.handlers_kit import HandlersKit

FILE = Path(__file__).parents[1] / "scenarios" / "graphs" / "pipelines" / "gazette.yaml"
GAZETTE = load_policy(FILE)
DAY = date(2026, 9, 16)
EVENING = RunKey("gazette", DAY, "evening")
# 18:00 in Vienna
START = datetime(2026, 9, 15, 16, tzinfo=UTC)


class Paper(HandlersKit):
    """The evening of a paper, from 18:00 on."""

    def __init__(self, policy: Policy = GAZETTE, seed: int | None = None) -> None:
        super().__init__(policy=policy, start=START, seed=seed)
        self.ordinary(DAY)

    def say(self, processor: str, status: str = "success", ctx: Context | None = None) -> str:
        body = {"processor_name": processor, "game_date": DAY.isoformat(), "status": status}
        phase = next(phase.name for phase in self.policy.phases.values() if processor in phase.processors)
        return self.take(phase, json.dumps(body).encode(), ctx=ctx).decision

    def stands(self, transition: str) -> State:
        return self.state(transition, EVENING).state

    def sent(self) -> list[str]:
        return [trigger_id.split("/")[-2] for trigger_id in self.trigger_ids]


def rerunning() -> dict[str, Any]:
    """Return what lets the typesetter set texts and take pictures again."""
    ask = {"service": "typesetter", "path": "/again"}
    return {"phases": {name: {"rerun": ask} for name in ("desk", "texts", "pictures")}}


def test_a_report_decides_all_transitions_that_it_bears_on() -> None:
    """D13: the desk's report goes into both branches by one delivery, and each branch confirms its own start."""
    policy = load_policy(
        FILE, {"transitions": {"desk_to_pictures": {"expects": {"evening": {"required": ["articles"]}}}}}
    )
    paper = Paper(policy)
    paper.say("articles")
    assert paper.sent() == ["desk_to_texts", "desk_to_pictures"]
    paper.say("plates", "started")
    assert (paper.stands("desk_to_texts"), paper.stands("desk_to_pictures")) == (State.DISPATCHED, State.CONFIRMED)


@pytest.mark.parametrize("order", [("pages", "plates"), ("plates", "pages")])
def test_who_waits_for_two_phases_goes_with_the_second(order: tuple[str, str]) -> None:
    """D13: whichever phase is the last, its report alone triggers what waits for both, once."""
    paper = Paper()
    paper.say(order[0])
    assert paper.sent() == []
    paper.say(order[1])
    assert paper.sent() == ["both_to_print"]
    paper.sweeps(2)
    [sent] = paper.published
    assert sent.body["completed_processors"] == ["pages", "plates"]


@pytest.mark.parametrize("seed", range(12))
def test_the_last_of_both_phases_at_once_trigger_once(seed: int) -> None:
    """D2: two racing handlers of different phases, one trigger."""
    paper = Paper(seed=seed)
    instance, other = paper.instance(), paper.instance()
    paper.at_once(lambda: paper.say("pages", ctx=instance), lambda: paper.say("plates", ctx=other))
    paper.sweeps(2)
    assert paper.sent() == ["both_to_print"]


def test_the_archive_is_told_and_the_run_closes() -> None:
    """T5, D13: what never reports is confirmed by its publication, and nothing is left open."""
    paper = Paper()
    for name in ("articles", "photos", "pages", "plates", "edition"):
        paper.say(name)
        paper.sweeps(2)
    assert paper.sent() == ["desk_to_texts", "desk_to_pictures", "both_to_print", "print_to_archive"]
    assert paper.stands("print_to_archive") is State.CONFIRMED
    assert paper.run(EVENING).closed_at is not None
    assert paper.notices("unconfirmed") == []


def test_each_phase_is_asked_for_its_own() -> None:
    """Section 9: at the due time each phase of which somebody is missing is asked for those, and no other."""
    paper = Paper(load_policy(FILE, rerunning()))
    paper.sweep()
    paper.wait(timedelta(hours=5))
    paper.sweep()
    asked = {call.body["phase"]: call.body["processors"] for call in paper.reruns}
    assert asked == {"desk": ["articles", "photos"], "texts": ["pages"], "pictures": ["plates"]}


def test_a_phase_that_two_wait_for_is_asked_once() -> None:
    """Section 9: one call names all who are missing; what two transitions lack is not asked for twice."""
    paper = Paper(load_policy(FILE, rerunning()))
    paper.sweep()
    paper.wait(timedelta(hours=2, minutes=1))
    paper.sweep()
    [call] = [call for call in paper.reruns if call.body["phase"] == "desk"]
    assert call.body["processors"] == ["articles", "photos"]
    assert call.body["reason"] == "missing at desk_to_texts, desk_to_pictures"


def test_an_operators_rerun_of_a_shared_phase_opens_its_run() -> None:
    """D9: a phase that several transitions wait for is asked by name like any other."""
    paper = Paper(load_policy(FILE, rerunning()))
    status, text = paper.orch("rerun", "desk", DAY.isoformat(), "--mode", "evening", "--reason", "late wire")
    assert status == 0, text
    [call] = paper.reruns
    assert call.body["processors"] == ["articles", "photos"]


CROWD = 40


def crowded() -> Policy:
    """Return the paper with forty pages and forty plates: together more than a delivery may read."""
    phases = dict(GAZETTE.phases)
    for name, word in (("texts", "page"), ("pictures", "plate")):
        members = {f"{word}_{n:02d}": Processor(f"{word}_{n:02d}", name) for n in range(CROWD)}
        phases[name] = replace(phases[name], processors=members)
    expected = frozenset(n for name in ("texts", "pictures") for n in phases[name].processors)
    print_ = replace(GAZETTE.transitions["both_to_print"], expects={"evening": Expectation(expected)})
    return replace(GAZETTE, phases=phases, transitions={**GAZETTE.transitions, "both_to_print": print_})


@pytest.mark.parametrize("last", ["page_39", "plate_39"])
def test_a_crowd_of_two_phases_is_complete_with_its_last(last: str) -> None:
    """D2: eighty of two phases, none of whom reads them all; the last of them triggers, whichever phase is its."""
    paper = Paper(crowded())
    everybody = sorted(paper.policy.transitions["both_to_print"].expects["evening"].expected - {last})
    for name in everybody:
        paper.say(name)
    assert paper.sent() == []
    reads = paper.store.operations["reads"]
    assert reads < 10 * len(everybody)
    paper.say(last)
    assert paper.sent() == ["both_to_print"]
