"""A paused phase is no failed check: what a pause keeps from happening is not missed (behaviour T8, 10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.validation.validate import check_all
from shared.core.model import State
from shared.core.validation.checks import Status, Target
from shared.core.validation.verdict import Result
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, PHASE3, TO4
from tests.validation.fixtures import VALIDATION

HOUR = timedelta(hours=1)
STARTS = {"everything": (), "its mode": ("--mode", "overnight"), "its transition": ("--transition", TO4)}
OUTPUT = next(name for name, check in VALIDATION.checks.items() if check.options.get("transition") == TO4)


def judged(house: HandlersKit, name: str, schedule: str = "midday") -> Result:
    """Make one check as a schedule would now."""
    now = house.clock.now()
    target = Target(VALIDATION.schedules[schedule], house.policy.local(now).date(), now, house.policy.zone)
    (result,) = check_all(house.ctx, (VALIDATION.checks[name],), target, None)
    return result


def pause(house: HandlersKit, *scope: str) -> None:
    status, said = house.orch("pause", *scope, "--reason", "between two rounds")
    assert status == 0, said


@pytest.fixture
def house() -> HandlersKit:
    """A night whose tables are full of last week's work, before anything was reported."""
    return HandlersKit().ordinary(rows=0)


@pytest.mark.parametrize("scope", STARTS.values(), ids=STARTS)
def test_a_transition_that_is_paused_is_not_missed(house: HandlersKit, scope: tuple[str, ...]) -> None:
    """Past its due time and not triggered: that fails, unless a pause keeps it."""
    house.sweep()
    house.wait(5 * HOUR)
    assert judged(house, OUTPUT).status is Status.FAIL
    pause(house, *scope)
    after = judged(house, OUTPUT)
    assert after.status is not Status.FAIL
    assert "between two rounds" in after.message


def test_a_run_that_a_pause_kept_from_being_opened_is_not_missed(house: HandlersKit) -> None:
    """No run of the night where its mode is paused; an hour after the pause there should be one."""
    house.wait(2 * HOUR)
    assert judged(house, "runs_opened").status is Status.FAIL
    pause(house, "--mode", "overnight")
    assert judged(house, "runs_opened").status is not Status.FAIL
    house.wait(HOUR)
    house.orch("pause", "--end", "--mode", "overnight", "--reason", "over")
    assert judged(house, "runs_opened").status is not Status.FAIL
    house.wait(HOUR)
    assert judged(house, "runs_opened").status is Status.FAIL


def test_what_is_blocked_rests_inside_a_pause(house: HandlersKit) -> None:
    """Blocked for hours it stands still; paused it does not, and after the pause its hours count from that end."""
    house.ordinary()
    house.change(readings={"game_coverage": 40.0})
    house.finish(*PHASE3, records=200)
    house.sweep()
    house.wait(3 * HOUR)
    assert house.state(TO4).state is State.BLOCKED
    assert judged(house, "stalled_runs").status is Status.FAIL
    pause(house, "--transition", TO4)
    assert judged(house, "stalled_runs").status is Status.PASS
    house.wait(HOUR)
    house.orch("pause", "--end", "--transition", TO4, "--reason", "over")
    house.wait(HOUR)
    assert judged(house, "stalled_runs").status is Status.PASS
    house.wait(2 * HOUR)
    assert judged(house, "stalled_runs").status is Status.FAIL


def test_what_was_dispatched_before_a_pause_still_stands_still(house: HandlersKit) -> None:
    """A pause lets end what has begun: a claim that nobody ends is told inside it too."""
    house.ordinary()
    house.finish(*PHASE3, records=200)
    assert house.state(TO4).state is State.DISPATCHED
    pause(house)
    house.wait(3 * HOUR)
    assert judged(house, "stalled_runs").status is Status.FAIL


def test_floors_of_what_is_paused_are_not_wanted(house: HandlersKit) -> None:
    """Tables without rows past the due time: below every floor, and wanted by nobody inside a pause."""
    house.wait(5 * HOUR)
    assert judged(house, "floors").status is Status.FAIL
    pause(house)
    assert judged(house, "floors").status is not Status.FAIL
    assert str(DAY) not in judged(house, "floors").message
