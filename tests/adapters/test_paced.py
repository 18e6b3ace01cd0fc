"""A sink that keeps to its service's pace: what waits, what is left to a later sweep, and who shares turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared import runtime
from shared.adapters.notify.paced import Paced, Turns
from shared.adapters.notify.pagerduty import events_of
from shared.core.errors import Undelivered
from shared.core.limits.rate_limit import CHAT, PAGERDUTY
from shared.ports import Delivered, Notice, Refused
from tests.adapters.support import ManualClock
from tests.policy_files import NBA

NOTICE = Notice("held nba/2026-01-21/overnight", "critical", "held", "phase3_to_phase4 is held")


class Taking:
    """Takes everything, and keeps when."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self.at = clock, list[float]()
        self._began = clock.now()

    def send(self, notice: Notice) -> Delivered | Refused:
        self.at.append((self._clock.now() - self._began).total_seconds())
        return Delivered()


def test_a_chat_hears_one_message_a_second() -> None:
    """Four notices at once leave a second apart."""
    clock = ManualClock()
    sink = Taking(clock)
    paced = Paced(sink, Turns(CHAT), clock)
    for _ in range(4):
        assert paced.send(NOTICE) == Delivered()
    assert sink.at == [0.0, 1.0, 2.0, 3.0]


def test_a_turn_that_is_far_is_left_to_a_later_sweep() -> None:
    """Of three who share a channel at one instant the third is told when its turn would be, and takes none."""
    clock, waiting = ManualClock(), ManualClock()
    turns = Turns(CHAT)
    Paced(Taking(clock), turns, clock).send(NOTICE)
    Paced(Taking(waiting), turns, waiting).send(NOTICE)
    third = Paced(Taking(clock), turns, clock)
    with pytest.raises(Undelivered) as later:
        third.send(NOTICE)
    assert later.value.retry_at == clock.now() + timedelta(seconds=2)
    clock.sleep(timedelta(seconds=2))
    assert third.send(NOTICE) == Delivered()
    assert clock.slept == [2.0]  # its turn was nobody's: it need not wait again


def test_an_event_for_each_part_and_none_for_what_is_not_for_the_pager() -> None:
    """Ten parts are ten events; a warning that the pager never hears takes no turn."""
    clock = ManualClock()
    sink = Taking(clock)
    paced = Paced(sink, Turns(PAGERDUTY), clock, events_of({"critical"}))
    paced.send(replace(NOTICE, others=(NOTICE,) * 9))
    paced.send(replace(NOTICE, severity="warning"))
    paced.send(NOTICE)
    assert sink.at == [0.0, 0.0, 0.6]


def test_pipelines_of_one_deployment_share_the_turns_of_a_webhook() -> None:
    """Two pipelines with the same secrets have the same turns, so that an instance keeps the pace whoever tells."""
    policy = runtime.policy_in(NBA)
    first = runtime.EnvironmentPorts({}, policy)
    second = runtime.EnvironmentPorts({}, policy, first)
    assert first._turns(CHAT, "slack-webhook-url") is second._turns(CHAT, "slack-webhook-url")
    assert first._turns(CHAT, "slack-webhook-url") is not second._turns(CHAT, "another")
