"""A simulated world around the functions, and an eye on the documents that a request touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.app.context import Context
from shared.ports import Document, StateStore
from shared.simulation.scenario import Change, FaultKind, Given, Scenario
from shared.simulation.world import World
from tests.policy_files import NBA

POLICY = load_policy(NBA)
START = datetime(2026, 1, 22, 11, 5, tzinfo=UTC)
END = datetime(2026, 1, 23, tzinfo=UTC)
GAMES = {date(2026, 1, 21): 7, date(2026, 1, 22): 8}
Where = Mapping[str, str | int | bool | None]


class WatchedStore(StateStore):
    """A ``StateStore`` that remembers which paths were asked for or written since it was last cleared."""

    def __init__(self, inner: StateStore) -> None:
        self._inner = inner
        self.paths: list[str] = []

    def get(self, *paths: str) -> list[Document | None]:
        self.paths += paths
        return self._inner.get(*paths)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        self.paths.append(path)
        return self._inner.create(path, data)

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        self.paths.append(path)
        return self._inner.update(path, data, version)

    def delete(self, path: str) -> None:
        self._inner.delete(path)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        return self._inner.query(collection, where)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        return self._inner.between(collection, field, first, last, most)

    def count(self, collection: str, where: Where | None = None) -> int:
        return self._inner.count(collection, where)

    def touched(self, below: str) -> list[Document]:
        """Return the documents among the remembered paths that have this word as a collection, as they are now."""
        paths = [path for path in dict.fromkeys(self.paths) if below in path.split("/")[::2]]
        return [document for document in self._inner.get(*paths) if document is not None] if paths else []


class FunctionsKit:
    """A world, its store watched, and the context that the functions use while it is open."""

    def __init__(self, inner: StateStore) -> None:
        self.store = WatchedStore(inner)
        scenario = Scenario(Path("-"), "-", POLICY, START, END, Given(Change(games=GAMES)), (), ())
        self.world = World(scenario, self.store, lambda at, envelope: None)
        self.context: Context = self.world.context()

    def fail(self, port: str) -> None:
        """Let a port fail until the end of the world."""
        self.world.stage.fail(port, FaultKind.UNAVAILABLE, END - START)


@contextmanager
def functions_kit(inner: StateStore) -> Iterator[FunctionsKit]:
    """Install a kit of this store for the functions of this process."""
    opened = FunctionsKit(inner)
    with runtime.override_context(opened.context):
        yield opened
