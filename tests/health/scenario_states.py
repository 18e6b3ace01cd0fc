"""States that scenarios leave behind, looked at through the health check's own function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from werkzeug.test import TestResponse

from shared import runtime
from shared.adapters.local.sqlite import SqliteStore
from shared.app.context import Context
from shared.simulation.parse import read_scenario
from shared.simulation.product import DeployedProduct
from shared.simulation.runner import Runner
from shared.simulation.scenario import FaultKind, Scenario
from shared.simulation.world import World
from tests.functions.entry import ROOT, client

SCENARIOS = ROOT / "tests" / "scenarios"
LONG = timedelta(days=3650)


class LeftByDemo:
    """What a scenario left: its world at its end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ctx: Context = world.context()

    def fail(self, port: str, kind: FaultKind = FaultKind.UNAVAILABLE) -> None:
        """Let a port fail from now on."""
        self.world.stage.fail(port, kind, LONG)

    def restore(self) -> None:
        self.world.stage._faults.clear()

    def wait(self, seconds: int) -> None:
        self.world.clock.instant += timedelta(seconds=seconds)

    def sent(self, words: str) -> list[str]:
        """Return what people were told that contains these words."""
        return [notice.text for notice in self.world.history.notices if words in notice.text]


@contextmanager
def left_by(scenario: str | Scenario) -> Iterator[LeftByDemo]:
    """Play a scenario on SQLite and let the functions of this process look at what it leaves."""
    played = read_scenario(next(SCENARIOS.glob(f"*/{scenario}.yaml"))) if isinstance(scenario, str) else scenario
    store = SqliteStore(":memory:")
    try:
        runner = Runner(played, DeployedProduct(), store)
        runner.run()
        left = LeftByDemo(runner.world)
        with runtime.override_context(left.ctx):
            yield left
    finally:
        store.close()


def ask(path: str, method: str = "GET") -> TestResponse:
    """Ask the function as functions-framework serves it."""
    return client("health_check").open(path, method=method)
