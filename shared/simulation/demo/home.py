"""The folder of a demo: what the functions write, and what is left for `bin/orch`."""

from __future__ import annotations

import fcntl
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.adapters.local.accelerated_clock import AcceleratedClock
from shared.adapters.local.sqlite import SqliteStore
from shared.ports import Document, StateStore
from shared.simulation.demo.nights import Night

EMBEDDED = {
    "ORCH_STATE": "sqlite",
    "ORCH_BUS": "local",
    "ORCH_WAREHOUSE": "duckdb",
    "ORCH_ALERTS": "console",
    "ORCH_SECRETS": "environment",
}
_OURS = ("state.db*", "kept.db*", "bus.db*", "warehouse.duckdb*", "clock*", "*.env", "logs")


class HomeInUse(Exception):
    """Another demo plays in this folder."""


@dataclass(frozen=True)
class Home:
    """Every night begins with an empty ``state``; what it leaves is put aside and comes back in ``finish``."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "state.db"

    @property
    def bus(self) -> Path:
        return self.path / "bus.db"

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse.duckdb"

    @property
    def clock(self) -> Path:
        return self.path / "clock"

    @property
    def _kept(self) -> Path:
        return self.path / "kept.db"

    def logs(self, night: Night) -> Path:
        folder = self.path / "logs" / night.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the folder, empty of what an earlier demo left; raise ``HomeInUse`` if another one holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeInUse(f"another demo plays in {self.path}") from None
            self._empty()
            try:
                yield
            finally:
                self._finish()

    def fresh(self) -> None:
        """Let the next night begin with an empty state and an empty bus."""
        for path in (self.state, self.bus):
            _remove(path)

    def keep(self, store: StateStore) -> None:
        """Put a night's documents aside, whatever store they are in."""
        kept = SqliteStore(self._kept)
        try:
            for document in documents(store):
                kept.create(document.path, document.data)
        finally:
            kept.close()

    def leave(self, night: Night, ended: datetime) -> Path:
        """Write what `bin/orch` needs to read a night as it stood at its end: a file to be sourced by a shell."""
        variables = {"ORCH_HOME": str(self.path), **EMBEDDED, "ORCH_CLOCK": str(AcceleratedClock(ended, 0, 0))}
        path = self.path / f"{night.name}.env"
        path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
        return path

    def _finish(self) -> None:
        if self._kept.exists():
            self.fresh()
            self._kept.replace(self.state)

    def _empty(self) -> None:
        for pattern in _OURS:
            for path in self.path.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def documents(store: StateStore) -> Iterator[Document]:
    """Yield every document that tells of a night."""
    for run in store.query("runs"):
        yield run
        for part in ("completions", "transitions"):
            yield from store.query(f"{run.path}/{part}")
    for collection in ("alerts", "quarantine"):
        yield from store.query(collection)


def _remove(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
