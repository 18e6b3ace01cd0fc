"""Free SQL over a simulated world: its facts and its record as tables of a DuckDB file, made on demand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.core.policy.policy import Policy
from shared.ports import Row
from shared.simulation.fakes.audit_log import SimulatedAuditLog
from shared.simulation.world_data import WorldData

# A world without any date still has its tables.
_LONG_AGO = date(2000, 1, 1)


class WorldSql:
    """Answers as the warehouse would whose tables hold what the facts say; made anew once they have changed."""

    def __init__(self, policy: Policy, facts: WorldData, record: SimulatedAuditLog, config: Path) -> None:
        self._policy, self._facts, self._record, self._config = policy, facts, record, config
        self._folder: TemporaryDirectory[str] | None = None
        self._seen: object = None

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        from shared.adapters.local.duckdb import DuckDbWarehouse

        state = (self._facts.snapshot(), {name: len(rows) for name, rows in self._record.tables.items()})
        if self._folder is None or state != self._seen:
            self._folder, self._seen = TemporaryDirectory(prefix="orch-simulation-"), state
            write_warehouse(self._path, self._policy, self._facts, self._record)
        return DuckDbWarehouse(self._path, self._config).query(sql, parameters)

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / "warehouse.duckdb"


def write_warehouse(path: Path, policy: Policy, facts: WorldData, record: SimulatedAuditLog) -> None:
    """Write a world's facts and its record as tables of a DuckDB file."""
    from shared.adapters.local.duckdb import DuckDbAuditLog
    from shared.simulation.demo.fixtures import Fixtures

    Fixtures(path, policy, facts.days() or [_LONG_AGO]).follow(facts)
    tables = DuckDbAuditLog(path, f"{policy.pipeline}_orchestration")
    tables.create_tables()
    for table, rows in record.tables.items():
        tables.insert(table, [Row(insert_id, columns) for insert_id, columns in rows.items()])
