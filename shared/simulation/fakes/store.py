"""The state store as a handler meets it: with faults, with crash points, and with others at work in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.core.errors import Unavailable
from shared.core.model import State
from shared.ports import Document, StateStore
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.scenario import CrashPoint, FaultKind

PORT = "state"
Where = Mapping[str, str | int | bool | None]


class SimulatedStore(StateStore):
    """A ``StateStore`` around a real one; ``changed`` is told the path of every write that changed something."""

    def __init__(self, inner: StateStore, stage: FaultInjector, changed: Callable[[str], None]) -> None:
        self._inner, self._stage, self._changed = inner, stage, changed
        self._outcomes: dict[str, int] = {}

    def get(self, *paths: str) -> list[Document | None]:
        self._read()
        return self._inner.get(*paths)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        self._read()
        return self._inner.query(collection, where)

    def query_and_get(
        self, collection: str, where: Where | None, *paths: str
    ) -> tuple[list[Document], list[Document | None]]:
        self._read()
        return self._inner.query_and_get(collection, where, *paths)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        self._read()
        return self._inner.between(collection, field, first, last, most)

    def count(self, collection: str, where: Where | None = None) -> int:
        self._read()
        return self._inner.count(collection, where)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        self._write()
        version = self._inner.create(path, data)
        if version is not None:
            self._written(path, data)
        return version

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        self._write()
        written = self._inner.update(path, data, version)
        if written is not None:
            self._written(path, data)
        return written

    def delete(self, path: str) -> None:
        self._write()
        self._inner.delete(path)
        self._changed(path)

    def _read(self) -> None:
        self._stage.enter()
        self._stage.baton.turn()
        self._answer()

    def _write(self) -> None:
        self._stage.enter()
        self._stage.baton.turn()
        self._stage.before_write()
        self._answer()

    def _answer(self) -> None:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 (simulated)")

    def _written(self, path: str, data: Mapping[str, Any]) -> None:
        self._changed(path)
        match path.split("/"):
            case ["runs", _, "completions", _]:
                self._stage.reached(CrashPoint.AFTER_RECORD)
            case ["scraper_reports", _] if data.get("recorded") is False:
                self._stage.reached(CrashPoint.AFTER_RECORD)
            case ["batches", _, "batch_outcomes", _]:
                self._stage.reached(CrashPoint.AFTER_RECORD)
            case ["batches", _] if data.get("owner"):
                self._stage.reached(CrashPoint.AFTER_CLAIM)
            case ["runs", _, "transitions", _] if data.get("state") == State.CLAIMED:
                self._stage.reached(CrashPoint.AFTER_CLAIM)
            case ["workflow_runs", _]:
                self._workflow_run(path, data)
            case ["runs", _, "transitions", _] if data.get("state") == State.DISPATCHED:
                self._stage.reached(CrashPoint.BEFORE_CONFIRM)

    def _workflow_run(self, path: str, data: Mapping[str, Any]) -> None:
        """A run's document holds claim and outcomes: it is created with the one, and grows by the others."""
        outcomes = sum(entry.get("outcome") is not None for entry in data["entries"])
        before, self._outcomes[path] = self._outcomes.get(path), outcomes
        if before is None and data["status"] == "running":
            self._stage.reached_first(CrashPoint.AFTER_CLAIM)
        elif before is not None and outcomes > before:
            self._stage.reached_first(CrashPoint.AFTER_RECORD)


class ReadOnlyStore:
    """The state store as an observer sees it: whole and at once, whatever fails for the handlers."""

    def __init__(self, inner: StateStore) -> None:
        self.get, self.query, self.count, self.between = inner.get, inner.query, inner.count, inner.between
        self.query_and_get = inner.query_and_get

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        raise TypeError(f"an observer must not write {path}")

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        raise TypeError(f"an observer must not write {path}")

    def delete(self, path: str) -> None:
        raise TypeError(f"an observer must not delete {path}")
