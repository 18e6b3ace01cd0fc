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
    one = Phase1(SIX, overlay)
    begin_watch(one.ctx, SIX)
    return one


def claimed() -> Phase1:
    """Return one whose run is claimed and whose message has left."""
    one = made()
    one.tick()
    return one


def tick(one: Phase1) -> None:
    one.tick()


def sweep(one: Phase1) -> None:
    supervision.look(one.ctx, Sweep())


def delivery(one: Phase1) -> None:
    one.deliver(FIRST)


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
    found = explore(make, handlers, crashes)
    with capsys.disabled():
        names = ", ".join(handler.__name__ for handler in handlers)
        print(f"\n{names}: {found.states:,} states, {found.ends} ends, {found.plays:,} plays")
    assert found.violations == []
    assert found.states >= at_least
    assert found.died > 0


class LosingStore(MemoryStore):
    """A store whose update looks at no version: the last writer wins."""

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        there = self.get(path)[0]
        return None if there is None else super().update(path, data, there.version)


def test_a_store_that_loses_writes_is_seen() -> None:
    """Where the second handler takes the lease of the first, a call is made twice, and that is told with its way."""

    def losing() -> Phase1:
        one = claimed()
        one.store.inner.__class__ = LosingStore
        return one

    found = explore(losing, (delivery, delivery), 0)
    assert any("times, 0 died" in text or "although it had an outcome" in text for text in found.violations)
    assert all("; after (" in text for text in found.violations)
