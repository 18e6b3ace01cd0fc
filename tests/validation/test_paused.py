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


def judged(kit: HandlersKit, name: str, schedule: str = "midday") -> Result:
    """Make one check as a schedule would now."""
    now = kit.clock.now()
    target = Target(VALIDATION.schedules[schedule], kit.policy.local(now).date(), now, kit.policy.zone)
    (result,) = check_all(kit.ctx, (VALIDATION.checks[name],), target, None)
    return result


def pause(kit: HandlersKit, *scope: str) -> None:
    status, output = kit.orch("pause", *scope, "--reason", "between two rounds")
    assert status == 0, output


@pytest.fixture
def kit() -> HandlersKit:
    """A night whose tables are full of last week's work, before anything was reported."""
    return HandlersKit().ordinary(rows=0)


@pytest.mark.parametrize("scope", STARTS.values(), ids=STARTS)
def test_a_transition_that_is_paused_is_not_missed(kit: HandlersKit, scope: tuple[str, ...]) -> None:
    """Past its due time and not triggered: that fails, unless a pause keeps it."""
    kit.sweep()
    kit.wait(5 * HOUR)
    assert judged(kit, OUTPUT).status is Status.FAIL
    pause(kit, *scope)
    after = judged(kit, OUTPUT)
    assert after.status is not Status.FAIL
    assert "between two rounds" in after.message


def test_a_run_that_a_pause_kept_from_being_opened_is_not_missed(kit: HandlersKit) -> None:
    """No run of the night where its mode is paused; an hour after the pause there should be one."""
    kit.wait(2 * HOUR)
    assert judged(kit, "runs_opened").status is Status.FAIL
    pause(kit, "--mode", "overnight")
    assert judged(kit, "runs_opened").status is not Status.FAIL
    kit.wait(HOUR)
    kit.orch("pause", "--end", "--mode", "overnight", "--reason", "over")
    assert judged(kit, "runs_opened").status is not Status.FAIL
    kit.wait(HOUR)
    assert judged(kit, "runs_opened").status is Status.FAIL


def test_what_is_blocked_rests_inside_a_pause(kit: HandlersKit) -> None:
    """Blocked for hours it stands still; paused it does not, and after the pause its hours count from that end."""
    kit.ordinary()
    kit.change(readings={"game_coverage": 40.0})
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    kit.wait(3 * HOUR)
    assert kit.state(TO4).state is State.BLOCKED
    assert judged(kit, "stalled_runs").status is Status.FAIL
    pause(kit, "--transition", TO4)
    assert judged(kit, "stalled_runs").status is Status.PASS
    kit.wait(HOUR)
    kit.orch("pause", "--end", "--transition", TO4, "--reason", "over")
    kit.wait(HOUR)
    assert judged(kit, "stalled_runs").status is Status.PASS
    kit.wait(2 * HOUR)
    assert judged(kit, "stalled_runs").status is Status.FAIL


def test_what_was_dispatched_before_a_pause_still_stands_still(kit: HandlersKit) -> None:
    """A pause lets end what has begun: a claim that nobody ends is told inside it too."""
    kit.ordinary()
    kit.finish(*PHASE3, records=200)
    assert kit.state(TO4).state is State.DISPATCHED
    pause(kit)
    kit.wait(3 * HOUR)
    assert judged(kit, "stalled_runs").status is Status.FAIL


def test_floors_of_what_is_paused_are_not_wanted(kit: HandlersKit) -> None:
    """Tables without rows past the due time: below every floor, and wanted by nobody inside a pause."""
    kit.wait(5 * HOUR)
    assert judged(kit, "floors").status is Status.FAIL
    pause(kit)
    assert judged(kit, "floors").status is not Status.FAIL
    assert str(DAY) not in judged(kit, "floors").message
