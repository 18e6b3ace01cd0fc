"""Phase 1 in small scope, nothing left out: every order of effects of two controllers, or of a message that comes twice
beside a sweep, with a death before any effect: one run a window, one outcome a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.app.workflows import supervision
from shared.app.workflows.store import begin_watch
from shared.core.reporting.findings import Sweep
from tests.app.workflows.phase1 import Phase1
from tests.app.workflows.test_executor import SIX, only
from tests.model_checking.workflow_world import Handler, explore


def made() -> Phase1:
    """Return a phase 1 with one workflow of one scraper that is due."""
    overlay = only("morning_operations")
    overlay["workflows"]["morning_operations"]["steps"] = [{"name": "all", "scrapers": ["espn_roster"]}]
    phase1 = Phase1(SIX, overlay)
    begin_watch(phase1.ctx, SIX)
    return phase1


def claimed() -> Phase1:
    """Return one whose run is claimed and whose message has left."""
    phase1 = made()
    phase1.tick()
    return phase1


def tick(phase1: Phase1) -> None:
    phase1.tick()


def sweep(phase1: Phase1) -> None:
    supervision.look(phase1.ctx, Sweep())


def delivery(phase1: Phase1) -> None:
    phase1.deliver(FIRST)


FIRST: Mapping[str, Any] = claimed().bus.waiting[0]


NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("make", "handlers", "crashes", "at_least"),
    [
        pytest.param(claimed, (delivery, delivery), 1, 300, id="a message twice, a death"),
        pytest.param(claimed, (delivery, sweep), 1, 60, id="a message beside a sweep, a death"),
        pytest.param(made, (tick, tick), 1, 1_000, id="two controllers, a death", marks=NIGHTLY),
        pytest.param(made, (tick, delivery), 1, 700, id="a message while its controller works, a death", marks=NIGHTLY),
        pytest.param(claimed, (delivery, delivery, sweep), 1, 1_000, id="twice beside a sweep, a death", marks=NIGHTLY),
    ],
)
def test_every_order_of_effects_gives_each_call_one_outcome(
    make: Callable[[], Phase1],
    handlers: tuple[Handler, ...],
    crashes: int,
    at_least: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One run of the window, completed and recorded; nobody calls what has an outcome; nobody is told anything."""
    exploration = explore(make, handlers, crashes)
    with capsys.disabled():
        names = ", ".join(handler.__name__ for handler in handlers)
        print(f"\n{names}: {exploration.states:,} states, {exploration.ends} ends, {exploration.plays:,} plays")
    assert exploration.violations == []
    assert exploration.states >= at_least
    assert exploration.died > 0


class LosingStore(MemoryStore):
    """A store whose update looks at no version: the last writer wins."""

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        there = self.get(path)[0]
        return None if there is None else super().update(path, data, there.version)


def test_a_store_that_loses_writes_is_seen() -> None:
    """Where the second handler takes the lease of the first, a call is made twice, and that is told with its way."""

    def losing() -> Phase1:
        phase1 = claimed()
        phase1.store.inner.__class__ = LosingStore
        return phase1

    exploration = explore(losing, (delivery, delivery), 0)
    assert any("times, 0 died" in text or "although it had an outcome" in text for text in exploration.violations)
    assert all("; after (" in text for text in exploration.violations)
