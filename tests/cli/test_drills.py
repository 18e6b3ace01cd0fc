"""Six drills: a day with one fault each, and each question of the engineer on call answered by one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.cli.scenario_days import PlayedDay, played


@dataclass(frozen=True)
class Drill:
    """A day, the moment at which somebody is woken, what the commands name, and what their answers have to hold.

    ``worst`` begins the first line of what is wrong; ``why`` and ``then`` are in the explanation; ``late`` is who or
    what was late; ``alert`` is the kind of the alert that woke, "" where none did; ``over`` is when the fault had ended
    in the day as it was recorded, "" where it had not.
    """

    scenario: str
    at: str
    date: str
    mode: str
    transition: str
    phase: str
    processor: str
    worst: str
    why: str
    then: str
    late: str
    alert: str
    over: str = ""

    @property
    def run(self) -> str:
        return f"nba/{self.date}/{self.mode}"

    @property
    def key(self) -> tuple[str, ...]:
        return self.date, "--mode", self.mode


DRILLS = {
    "a required processor is late": Drill(
        "B8_no_tier_without_the_pair", "2026-01-20 11:30", "2026-01-19", "overnight", "phase4_to_phase5", "phase4",
        "player_daily_cache",
        worst="CRITICAL phase4_to_phase5: held: the deadline has passed without player_daily_cache, since 11:02 EST",
        why="held: the deadline has passed without player_daily_cache",
        then="it goes by itself when what is missing arrives",
        late="player_daily_cache", alert="held", over="2026-01-20 11:55",
    ),
    "a gate is below its number": Drill(
        "D1_gate_opens_without_a_message", "2026-02-05 02:20", "2026-02-04", "overnight", "phase3_to_phase4", "phase3",
        "player_game_summary",
        worst="WARNING  phase3_to_phase4: blocked by game_coverage: reads 71 percent, blocks below 80, since 02:03 EST",
        why="game_coverage reads 71 percent, blocks below 80",
        then="deadline 03:55 EST, in 1 h 35 min: it is decided again at every sweep",
        late="game_coverage", alert="gate", over="2026-02-05 03:30",
    ),
    "the next service is down": Drill(
        "J1_next_service_down_for_two_runs", "2026-01-21 07:30", "2026-01-20", "overnight", "phase3_to_phase4",
        "phase3", "upcoming_team_game_context",
        worst="CRITICAL phase3_to_phase4: blocked by precompute: answers 503 (service unavailable), since 06:46 EST",
        why="precompute answers 503 (service unavailable)",
        then="deadline 08:31 EST, in 1 h 1 min: it is decided again at every sweep",
        late="precompute", alert="preflight", over="2026-01-21 08:28",
    ),
    "the next service answers no": Drill(
        "S_N06_refused_by_verdict", "2026-04-18 20:00", "2026-04-19", "tomorrow", "phase4_to_phase5", "phase4",
        "ml_feature_store",
        worst="WARNING  phase4_to_phase5: blocked by answer: prediction_coordinator/start answers 503: error "
        "DATA_INCOMPLETE, coverage_pct 76.0, required_pct 80, since 17:12 EDT",
        why="coverage_pct 76.0, required_pct 80",
        then="retry 20:57 EDT, in 57 min: the dispatch is tried again",
        late="late by 15 min: due 19:45 EDT", alert="not_taken",
    ),
    "a message that nobody can understand": Drill(
        "H3_poison_among_good", "2026-02-07 06:00:55", "2026-02-06", "overnight", "phase3_to_phase4", "phase3",
        "player_game_summary",
        worst="info     2 kinds of messages that could not be understood: bin/orch quarantine list",
        why="waiting for player_game_summary",
        then="tier 1 06:15 EST, in 14 min: 4 of 5 and every required one",
        late="none with problems", alert="quarantine",
    ),
    "a phase that begins and never ends": Drill(
        "S_N03_silent_phase5", "2026-03-02 23:05", "2026-03-03", "tomorrow", "phase5_to_phase6", "phase5",
        "prediction_coordinator",
        worst="CRITICAL phase5_to_phase6: late by 1 h 35 min: due 21:30 EST; missing prediction_coordinator",
        why="waiting for prediction_coordinator",
        then="a report of phase5",
        late="missing prediction_coordinator", alert="due_critical",
    ),
}  # fmt: skip
POISON = "a message that nobody can understand"
MEANT = ("--reason", "a drill", "--by", "ana", "--dry-run")


@pytest.fixture(scope="module")
def days() -> Iterator[dict[str, PlayedDay]]:
    """Each day as it stands at the moment of its drill."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(played(drill.scenario, drill.at)) for name, drill in DRILLS.items()}


EACH = pytest.mark.parametrize("name", DRILLS)


@EACH
def test_what_is_wrong(name: str, days: dict[str, PlayedDay]) -> None:
    """`orch status`: the fault comes first, with its number and since when; the exit status says whether to rise."""
    drill = DRILLS[name]
    status, text = days[name].ask("status")
    lines = [line.strip() for line in text.splitlines() if line.startswith("  ") and not line.startswith("    ")]
    assert lines[0] == drill.worst
    assert status == int(name != POISON)


@EACH
def test_why_has_it_not_started_and_what_comes_next(name: str, days: dict[str, PlayedDay]) -> None:
    """`orch explain`: the reason by name and number, the next moment with its time, and as of when both hold."""
    drill = DRILLS[name]
    lines = days[name].answer("explain", drill.transition, *drill.key).splitlines()
    assert lines[1].startswith(f"  as of: {drill.at[:16]} ")
    assert drill.why in lines[2]
    assert lines[3].startswith(f"  next:  {drill.then}")


@EACH
def test_who_was_late_this_week(name: str, days: dict[str, PlayedDay]) -> None:
    """`orch status --since`: every run of the dates from then on, closed ones too, with what each waited for."""
    drill = DRILLS[name]
    text = days[name].ask("status", "--since", f"{drill.date[:8]}01", "--mode", drill.mode)[1]
    assert drill.late in text
    assert ("late by" in text) <= (name != POISON), "nobody is late on the day of the message"


@EACH
def test_how_do_i_force_hold_and_rerun_one_processor(name: str, days: dict[str, PlayedDay]) -> None:
    """`trigger`, `hold`, `rerun --processor`: what each would send or change, before it does."""
    drill, day = DRILLS[name], days[name]
    force = day.answer("trigger", drill.transition, *drill.key, *MEANT)
    assert f"{drill.run}/{drill.transition}/1 dispatched" in force
    hold = day.answer("hold", drill.transition, *drill.key, *MEANT)
    assert f"{drill.run} {drill.transition} is on hold (held): a drill" in hold
    rerun = day.ask("rerun", drill.phase, *drill.key, "--processor", drill.processor, *MEANT)[1]
    assert "orch: a dry run: nothing was sent, and nothing changed" in rerun
    assert "would call" in rerun


def test_how_do_i_replay(days: dict[str, PlayedDay]) -> None:
    """`quarantine list` and `replay`: which messages, why each, and what becomes of one."""
    day = days[POISON]
    listed = day.answer("quarantine", "list").splitlines()
    assert listed[0].startswith("1000001  2026-02-07 11:00:00Z  phase3  no game_date")
    text = day.ask("quarantine", "replay", "1000001", *MEANT)[1]
    assert "a dry run: nothing was sent, and nothing changed" in text
    events = day.answer("events", DRILLS[POISON].run)
    assert "quarantined  phase3  PlayerGameSummaryProcessor: no game_date  [1000001]" in events


@EACH
def test_what_changed(name: str, days: dict[str, PlayedDay]) -> None:
    """`orch runs show`: the policy and the code that decided the run, and whether that policy is the one in force."""
    drill, day = DRILLS[name], days[name]
    assert f"policy {day.ctx.policy.version} (in force), code " in day.answer("runs", "show", drill.run)


def test_what_changed_between_two_runs(days: dict[str, PlayedDay]) -> None:
    """`orch diff`: the two runs that the service kept back came out alike, but for their processors and hours."""
    day = days["the next service is down"]
    text = day.answer("diff", "nba/2026-01-20/overnight", "nba/2026-01-21/same_day")
    assert text.splitlines()[0] == "nba/2026-01-20/overnight to nba/2026-01-21/same_day"
    assert "phase3_to_phase4 missing" in text
    assert "phase3_to_phase4 state" not in text


@EACH
def test_which_alert_woke_me(name: str, days: dict[str, PlayedDay]) -> None:
    """`orch alerts list --all`: its kind, since when, and its text; of a message that is kept it is over at once."""
    drill = DRILLS[name]
    lines = days[name].ask("alerts", "list", "--all")[1].splitlines()
    alert = next(line for line in lines if line.startswith(f"{drill.alert}-"))
    assert ("over" in alert.split()) == (name == POISON)


@pytest.mark.parametrize("name", [name for name, drill in DRILLS.items() if drill.over])
def test_is_it_over(name: str) -> None:
    """`orch alerts list --over`: once what was missing came, the same alert is over, and status has it no more."""
    drill = DRILLS[name]
    with played(drill.scenario, drill.over) as day:
        over = day.answer("alerts", "list", "--over", "--run", drill.run)
        assert any(line.startswith(f"{drill.alert}-") for line in over.splitlines())
        assert drill.worst not in day.ask("status")[1]
