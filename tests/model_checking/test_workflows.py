"""Phase 1 in small scope, nothing left out: every order of effects of two controllers, or of a message that comes twice
beside a sweep, with a death before any effect: one run a window, one outcome a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared.app.workflows import supervision
from shared.core.reporting.findings import Sweep
from tests.app.workflows.phase1 import Phase1
from tests.app.workflows.test_executor import SIX, only
from tests.model_checking.workflow_world import Handler, explore


def made() -> Phase1:
    """Return a phase 1 with one workflow of one scraper that is due."""
    overlay = only("morning_operations")
    overlay["workflows"]["morning_operations"]["steps"] = [{"name": "all", "scrapers": ["espn_roster"]}]
    return Phase1(SIX, overlay)


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


@pytest.mark.parametrize(
    ("make", "handlers", "crashes", "at_least"),
    [
        pytest.param(made, (tick, tick), 1, 50, id="two controllers, a death"),
        pytest.param(claimed, (delivery, delivery), 1, 50, id="a message twice, a death"),
        pytest.param(claimed, (delivery, sweep), 1, 50, id="a message beside a sweep, a death"),
        pytest.param(made, (tick, delivery), 1, 50, id="a message while its controller works on, a death"),
    ],
)
def test_every_order_of_effects_gives_each_call_one_outcome(
    make: Any, handlers: tuple[Handler, ...], crashes: int, at_least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run of the window, completed and recorded; nobody calls what has an outcome; nobody is told anything."""
    found = explore(make, handlers, crashes)
    with capsys.disabled():
        print(f"\n{_names(handlers)}: {found.states} states, {found.ends} ends, {found.plays} plays")
    assert found.violations == []
    assert found.states >= at_least
    assert found.died > 0


def _names(handlers: tuple[Handler, ...]) -> str:
    return ", ".join(handler.__name__ for handler in handlers)
