"""The folder of a demo: what the functions write, and what is left for `bin/orch`."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.adapters.local.home_file import FILE, write_home
from shared.adapters.local.sqlite import SqliteStore
from shared.core.policy.policy import Policy
from shared.ports import Document, StateStore
from shared.simulation.demo.fixtures import add_tables
from shared.simulation.demo.nights import Night
from shared.simulation.kept import STATE, WAREHOUSE, variables_of

_COLLECTIONS = (
    *("alerts", "quarantine", "locks", "breakers", "table_places"),
    *("workflow_control", "workflow_days", "workflow_runs", "scraper_files", "scraper_reports"),
)
_OURS = ("state.db*", "warehouse.duckdb*", "clock*", "logs", "night", "exports")


class WorkspaceInUse(Exception):
    """Another demo plays in this folder."""


@dataclass(frozen=True)
class Workspace:
    """A night is played in a folder of its own, empty at its beginning, and is then added to what is kept."""

    path: Path

    @property
    def night(self) -> Path:
        """The functions' ``ORCH_HOME``."""
        return self.path / "night"

    @property
    def state(self) -> Path:
        return self.night / STATE

    @property
    def bus(self) -> Path:
        return self.night / "bus.db"

    @property
    def warehouse(self) -> Path:
        return self.night / WAREHOUSE

    @property
    def clock(self) -> Path:
        return self.path / "clock"

    def logs(self, night: Night) -> Path:
        folder = self.path / "logs" / night.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def taken(self) -> Iterator[Workspace]:
        """Hold the folder, empty of what an earlier demo left; raise ``WorkspaceInUse`` if another one holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkspaceInUse(f"another demo plays in {self.path}") from None
            self._empty()
            try:
                yield self
            finally:
                shutil.rmtree(self.night, ignore_errors=True)

    def fresh(self) -> None:
        """Let the next night begin with nothing."""
        shutil.rmtree(self.night, ignore_errors=True)
        self.night.mkdir()

    def keep(self, store: StateStore, dataset: str) -> None:
        """Add a night to what is kept: its documents, whatever store they are in, its tables and its record."""
        kept = SqliteStore(self.path / STATE)
        try:
            for document in documents(store):
                _put(kept, document)
        finally:
            kept.close()
        warehouse = self.path / WAREHOUSE
        DuckDbAuditLog(warehouse, dataset).create_tables()
        add_tables(self.warehouse, warehouse)

    def leave(self, night: Night, policy: Policy, ended: datetime) -> Path:
        """Make a home from which `bin/orch` reads a night as it stood at its end; return its folder."""
        return write_home(self.path / night.name, variables_of(self.path, Path(policy.source), ended))

    def _empty(self) -> None:
        for left in self.path.glob(f"*/{FILE}"):
            shutil.rmtree(left.parent)
        for pattern in _OURS:
            for path in self.path.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def _put(kept: StateStore, document: Document) -> None:
    """Add a document; of one that two nights have, such as the sweep's lock, the later night's is kept."""
    [before] = kept.get(document.path)
    if before is None:
        kept.create(document.path, document.data)
    else:
        kept.update(document.path, document.data, before.version)


def documents(store: StateStore) -> Iterator[Document]:
    """Yield every document that tells of a night."""
    for run in store.query("runs"):
        yield run
        for part in ("completions", "transitions"):
            yield from store.query(f"{run.path}/{part}")
    for batch in store.query("batches"):
        yield batch
        for part in ("batch_pages", "batch_index", "batch_outcomes", "batch_missing"):
            yield from store.query(f"{batch.path}/{part}")
    for collection in _COLLECTIONS:
        yield from store.query(collection)
