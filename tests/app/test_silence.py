"""Nights in which somebody falls silent: what a sweep says of it, and what the run waits for (behaviour T10, A5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.kinds import AlertKind
from tests.app.handlers_kit import HandlersKit
from tests.app.test_self_heal import at
from tests.core.build import DAY, NIGHT, PHASE3, TO3, TO4, TO6, UPGC
from tests.core.test_silence import ENDING
from tests.policy_files import PRODUCTION

EXPORT = "phase6_export"
ON = (str(DAY), "--mode", "overnight", "--reason", "early")


@pytest.fixture
def kit() -> HandlersKit:
    """A kit whose policy gives the export 90 minutes; it was started at 06:00 and has begun."""
    kit = HandlersKit(policy=ENDING).ordinary()
    kit.orch("trigger", TO6, *ON)
    kit.deliver(EXPORT, "started")
    return kit


def test_an_export_that_never_ends_is_told_once_and_taken_back_when_it_does(kit: HandlersKit) -> None:
    """Begun at 06:00: nothing at 07:29, one warning at 07:30, and when it ends at last, its recovery."""
    at(kit, 7, 29)
    kit.sweeps(1)
    assert [notice.severity for notice in kit.notices(AlertKind.NOT_ENDED)] == ["warning"]
    kit.sweeps(30)
    assert len(kit.notices(AlertKind.NOT_ENDED)) == 1
    kit.deliver(EXPORT, records=15)
    kit.sweeps(3)
    assert [notice.resolved for notice in kit.notices(AlertKind.NOT_ENDED)] == [False, True]


def test_an_export_that_ends_in_time_is_not_told(kit: HandlersKit) -> None:
    at(kit, 7, 29)
    kit.deliver(EXPORT, records=15)
    kit.sweeps(5)
    assert kit.notices(AlertKind.NOT_ENDED) == []


def test_a_run_that_closes_for_its_age_says_what_never_ended(kit: HandlersKit) -> None:
    """48 hours after its date: the last word on it names the phase, and nothing is reported over."""
    at(kit, 8)
    kit.sweep()
    kit.wait(timedelta(days=3))
    kit.sweep()
    assert kit.run().closed_at is not None
    [text] = kit.texts(AlertKind.EXPIRED)
    assert "never ended: phase6" in text
    assert kit.notices(AlertKind.NOT_ENDED, resolved=True) == []


def test_a_gate_at_the_deadline_is_critical_once_and_over_when_it_opens() -> None:
    """Blocked from 06:00 on, deadline 08:00: one warning, one critical, each with its recovery."""
    kit = HandlersKit().ordinary()
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3, records=200)
    at(kit, 7, 59)
    kit.sweep()
    assert [notice.kind for notice in kit.notices() if notice.severity == "critical"] == []
    kit.sweeps(20)
    assert len(kit.notices(AlertKind.GATE)) == 1
    overdue = [
        (notice.severity, "57" in notice.text, TO4 in notice.text) for notice in kit.notices(AlertKind.GATE_OVERDUE)
    ]
    assert overdue == [("critical", True, True)]
    kit.change(readings={"game_coverage": 97.0})
    kit.sweeps(3)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert len(kit.notices(AlertKind.GATE_OVERDUE, resolved=True)) == 1


def test_an_observed_start_that_the_run_has_passed_is_overtaken() -> None:
    """Phase 3 starts itself; of its inputs nobody heard, and phase 4 reports already: an info, no warning."""
    kit = HandlersKit(policy=load_policy(PRODUCTION)).ordinary()
    kit.deliver("player_daily_cache", records=200)
    at(kit, 7, 31)
    kit.sweeps(2)
    about = {notice.kind: notice.severity for notice in kit.notices() if f"{TO3}:" in notice.text}
    assert about == {AlertKind.OVERTAKEN: "info"}


def test_what_an_overtaken_start_no_longer_tells_is_told_by_who_waits_for_it() -> None:
    """Phase 2 says something, phase 3 nothing, phase 4 reports: nobody else would tell that phase 4 was not started."""
    kit = HandlersKit(policy=load_policy(PRODUCTION)).ordinary()
    kit.deliver("p2_odds_player_props", "started")
    kit.deliver("p2_odds_player_props", "failed", error_message="quota")
    kit.deliver("prediction_coordinator", "started")
    at(kit, 8, 31)
    kit.sweeps(2)
    assert [notice.severity for notice in kit.notices(AlertKind.DUE_WARNING) if f"{TO4}:" in notice.text] == ["warning"]


def test_a_start_that_is_ours_is_due_whatever_comes_later() -> None:
    """Somebody exports early: phase 4 was still never started, and that is told (behaviour T2)."""
    kit = HandlersKit().ordinary()
    kit.deliver(UPGC, records=200)
    kit.orch("trigger", TO6, *ON)
    kit.deliver(EXPORT, "started")
    at(kit, 8, 31)
    kit.sweeps(2)
    assert [notice.kind for notice in kit.notices(AlertKind.DUE_WARNING) if f"{TO4}:" in notice.text]
