"""One whole season of random nights, every date with its three runs, breaks no promise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from shared.core.policy.names import Names
from shared.core.policy.phases import Need
from shared.runtime import policy_in
from shared.simulation.parallel import seldom_collected
from tests.random_nights.command import Drawn, replay
from tests.random_nights.driver import Played, play
from tests.random_nights.generator import generate
from tests.random_nights.parallel import LOADERS, TWICE, play_seed, several_loaders, single_loaders
from tests.random_nights.platform import Platform
from tests.random_nights.revising import revised_at
from tests.random_nights.schedule import game_dates, season
from tests.random_nights.units import LACKING

POLICY = single_loaders(policy_in())
NAMES = Names(POLICY)
PARTS = 4
# Nobody who reports the whole date at once says so much of it.
MOST_OF_ONE = 7
# Nights that are reported to on the evening of their date.
EVENINGS = range(5, 8 * 40, 8)


@pytest.fixture
def patient_collector() -> Iterator[None]:
    with seldom_collected():
        yield


def broken(played: Played, day: date | None) -> list[str]:
    return [f"{violation}\n  {replay(played.night.seed, Drawn(day))}" for violation in played.violations[:1]]


def test_the_schedule_is_the_real_one() -> None:
    """231 dates have games, up to 15 of them; the days between are there, with none."""
    games = season()
    assert (len(game_dates()), len(games), max(games.values())) == (231, 262, 15)
    assert [games[date(2025, 2, day)] for day in (12, 15, 16, 17, 18, 19)] == [15, 0, 3, 0, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.nightly) for part in range(1, PARTS))])
@pytest.mark.usefixtures("patient_collector")
def test_a_whole_season_breaks_no_promise(part: int) -> None:
    """Every date of the season that had games, a quarter of them in every run of the tests, with its three runs and a
    seed of its own."""
    days = game_dates()[part::PARTS]
    failed = [
        text for seed, day in enumerate(days) for text in broken(play(POLICY, NAMES, generate(POLICY, seed, day)), day)
    ]
    assert failed == []


@pytest.mark.usefixtures("patient_collector")
def test_days_without_games_break_no_promise() -> None:
    """On dates without units nothing leaves and nobody is woken, whatever strays in."""
    days = [day for day, games in season().items() if not games]
    failed = [
        text for seed, day in enumerate(days) for text in broken(play(POLICY, NAMES, generate(POLICY, seed, day)), day)
    ]
    assert failed == []


@pytest.mark.usefixtures("patient_collector")
def test_clock_changes_break_no_promise() -> None:
    """The doubled and the missing hour, and the dates whose runs meet them, with several seeds each."""
    days = [date(2024, 11, n) for n in (1, 2, 3, 4)] + [date(2025, 3, n) for n in (7, 8, 9, 10)]
    pairs = [(day, seed) for day in days for seed in range(100, 103)]
    failed = [text for day, seed in pairs for text in broken(play(POLICY, NAMES, generate(POLICY, seed, day)), day)]
    assert failed == []


def test_a_seed_is_a_night() -> None:
    """The same seed plays the same night to the last line; another one does not."""
    first, again, other = (play(POLICY, NAMES, generate(POLICY, seed), timeline=True) for seed in (7, 7, 8))
    assert first.timeline == again.timeline
    assert first.timeline != other.timeline


def test_the_nights_of_an_evening_have_both_ends() -> None:
    """Some evenings are reported to while games are on, others after the last; by the next morning all are final."""
    mode = next(mode for mode in POLICY.modes.values() if mode.same_evening_from is not None)
    nights = [generate(POLICY, seed) for seed in EVENINGS]
    begins = {night.begins[mode.name] < night.played for night in nights}
    assert begins == {True, False}
    assert all(POLICY.local(night.begins[mode.name]).date() == night.day for night in nights)
    assert all(night.played < night.calm for night in nights)


@pytest.mark.usefixtures("patient_collector")
def test_evenings_break_no_promise() -> None:
    """What is reported on the date itself is overnight's, waits for games that are on, and goes when it is whole."""
    played = [play(POLICY, NAMES, generate(POLICY, seed)) for seed in EVENINGS]
    assert [text for night in played for text in broken(night, None)] == []
    runs = [run.data for night in played for run in night.trace.runs.values() if run.key.mode == "overnight"]
    assert any(run.get("final_at") is not None and run["final_at"] > run["opened_at"] for run in runs)


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole reports", "a report for each unit"])
def test_units_are_missing_and_named(one_by_one: bool) -> None:
    """Nights in which a table lacks units of the date: alerts name them, and nothing that waits for them is done."""
    policy = single_loaders(policy_in(), one_by_one=one_by_one)
    names = Names(policy)
    played = [play(policy, names, generate(policy, seed)) for seed in (25, 56, 61)]
    assert [text for night in played for text in broken(night, None)] == []
    texts = [alert["text"] for night in played for alert in night.trace.alerts.values()]
    assert any(LACKING.search(text) for text in texts)
    runs = [run for night in played for run in night.trace.runs.values()]
    most = max(len(run.by_processor.get(("phase3", "player_game_summary"), ())) for run in runs)
    assert (most > MOST_OF_ONE) is one_by_one


# A loader that the record forgot; a report that was received before its dispatch and recorded after it; an operator's
# trigger that waits for its service past a deadline that would hold; a refusal of what its service's word had proven;
# a trigger that was claimed before midnight and dispatched after it; a game that was over and then taken back.
SEEN_BEFORE = (330, 8060, 2006, 6133, 8797, 80, 99, 1076)


@pytest.mark.parametrize("seed", SEEN_BEFORE)
def test_nights_that_broke_a_promise_do_so_no_more(seed: int) -> None:
    """Each as `bin/nights` plays it."""
    assert list(play_seed(seed).violations) == []


REVISED = range(4, 40, 6)


def test_a_policy_may_change_while_runs_are_open() -> None:
    """Other tiers, deadlines and required processors are in force from a moment on: what is claimed and said after it
    is theirs, what was triggered before it stands."""
    nights = [generate(POLICY, seed) for seed in REVISED]
    assert all(revised_at(night) is not None for night in nights)
    assert [text for night in nights for text in broken(play(POLICY, NAMES, night), None)] == []


def test_who_goes_on_by_the_policy_before_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances that keep the revision that they began with break promises in most of these nights."""
    monkeypatch.setattr(Platform, "revise", lambda *_: None)
    failed = [seed for seed in REVISED if play(POLICY, NAMES, generate(POLICY, seed)).violations]
    assert len(failed) > len(REVISED) // 2


@pytest.mark.parametrize("need", list(Need), ids=lambda need: need.value)
def test_loaders_of_one_name_are_judged_each_by_its_own(need: Need) -> None:
    """Two loaders of a name that a trigger waits for, one silent now and then, of which any or all are needed."""
    policy = several_loaders(policy_in(), need)
    names = Names(policy)
    played = [play(policy, names, generate(policy, seed)) for seed in (6, 10, 11, 15)]
    assert [text for night in played for text in broken(night, None)] == []
    runs = [run for night in played for run in night.trace.runs.values()]
    sources = [{report.source for report in run.by_processor.get(("phase3", TWICE), ())} for run in runs]
    assert set(LOADERS) in sources
    assert any(len(loaders & set(LOADERS)) == 1 for loaders in sources)
