"""Random nights of three pipelines of different shape, interleaved on one deployment, each judged by its own policy."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.memory import MemoryStore
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from tests.random_nights.case import Night
from tests.random_nights.command import Drawn, replay, simulate_random
from tests.random_nights.driver import Driver, Played
from tests.random_nights.generator import generate
from tests.random_nights.memory import SharingStore
from tests.random_nights.schedule import season
from tests.random_nights.several import POLICIES, SHAPES
from tests.random_nights.together import play_together

# Spring and autumn in each zone: Lord Howe, New York, Berlin. In two of these weeks the clocks of two zones change.
CHANGES = tuple(
    date.fromisoformat(text)
    for text in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01")
)
# A date whose run is worked on while the clocks change: the night's of the day before, the others' of the day itself.
BEFORE = {"library": timedelta(days=1)}
ALONE = ("2026-04-05",)
Documents = Mapping[str, Mapping[str, Any]]
PIPELINES = Path(__file__).parents[1] / "pipelines"
Nights = Sequence[tuple[Policy, Night]]


def nights(seed: int, day: date) -> list[tuple[Policy, Night]]:
    """Draw a night of each pipeline, no two of them alike."""
    named = enumerate(POLICIES.items())
    return [
        (policy, generate(policy, len(POLICIES) * seed + number, day - BEFORE.get(name, timedelta())))
        for number, (name, policy) in named
    ]


def documents(store: MemoryStore) -> Documents:
    held = (document for kept in store._collections.values() for document in kept.values())
    return {document.path: document.data for document in held if not document.path.startswith("locks/")}


def as_alone(drawn: Nights) -> list[Played]:
    """Play nights together and each alone: what happened, and what it left, has to be the same."""
    common, union = SharingStore(), dict[str, Mapping[str, Any]]()
    together = play_together(drawn, common, timeline=True)
    for (policy, night), played in zip(drawn, together, strict=True):
        own = SharingStore()
        alone = Driver(policy, Names(policy), night, own, timeline=True).run()
        assert played.timeline == alone.timeline, policy.pipeline
        assert not union.keys() & documents(own).keys()
        union |= documents(own)
    assert documents(common) == union
    return together


def triggered(played: Played) -> int:
    """Count the transitions that were dispatched."""
    return sum(bool(track.marks) for run in played.trace.runs.values() for track in run.tracks.values())


@pytest.mark.parametrize("day", CHANGES, ids=str)
def test_no_promise_is_broken_while_the_clocks_change(day: date) -> None:
    """Of each run every transition is triggered once, under one id, not before its policy allows, or people are told:
    whatever is late, lost, refused, or dies between two effects, in whichever zone the clocks change."""
    drawn = nights(CHANGES.index(day), day)
    played = as_alone(drawn) if str(day) in ALONE else play_together(drawn)
    assert [violation for night in played for violation in night.violations] == []
    assert all(triggered(night) for night in played)


WAITS_WITHIN = {"transitions": {"orders_to_books": {"expects": {"us": {"after_run": {
    "pipeline": "shop", "mode": "eu", "transition": "orders_to_books"}}}}}}  # fmt: skip
WAITS_BESIDE = {"transitions": {"loans_to_reports": {"expects": {"nightly": {"after_run": {
    "pipeline": "meters", "mode": "h20", "transition": "meters_to_loads"}}}}}}  # fmt: skip


def test_what_waits_for_another_pass_goes_after_it() -> None:
    """One region waits for the other, whose trigger is late, lost, held or never comes: never before it, and as soon as
    it may."""
    policy = load_policy(PIPELINES / "regional.yaml", WAITS_WITHIN)
    played = [Driver(policy, Names(policy), generate(policy, seed), timeline=False).run() for seed in range(8)]
    assert [violation for night in played for violation in night.violations] == []
    tracks = [run.tracks for night in played for run in night.trace.runs.values() if run.key.mode == "us"]
    marked = [bool(of["orders_to_books"].marks) for of in tracks if "orders_to_books" in of]
    assert set(marked) == {True, False}


def test_what_waits_for_another_pipeline_goes_after_it() -> None:
    """A library's night waits for the meters of the evening, in another zone, in a database that both share."""
    library, meters = load_policy(PIPELINES / "weekly.yaml", WAITS_BESIDE), POLICIES["meters"]
    day = date(2026, 10, 30)
    played = play_together([(library, generate(library, 2, day)), (meters, generate(meters, 3, day))])
    assert [violation for night in played for violation in night.violations] == []
    assert triggered(played[0])


def test_nights_of_any_policy_file_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    """`bin/nights --policy FILE`: two nights of a pipeline without a calendar, and the line that plays one again."""
    drawn = Drawn(file=SHAPES["library"])
    assert simulate_random(3, 2, drawn, jobs=1, timeline=False, as_json=False) == 0
    output = capsys.readouterr().out
    assert output.startswith("2 nights, ")
    assert output.endswith(": 0 broke a promise\n")
    assert replay(3, drawn) == f"bin/nights --seed 3 --policy {shlex.quote(str(SHAPES['library']))} --timeline"


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(4))
def test_a_season_of_three_pipelines_breaks_no_promise(part: int) -> None:
    """Every fourth date of the season, all three pipelines of it, each as it is alone."""
    for seed, day in list(enumerate(season()))[4 * part :: 16]:
        played = as_alone(nights(100 + seed, day))
        assert [violation for night in played for violation in night.violations] == [], day
