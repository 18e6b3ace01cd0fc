"""The record of a scenario, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.core.errors import Unavailable
from shared.ports import Row
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.scenario import FaultKind

PORT = "warehouse"


class SimulatedAuditLog:
    """A ``AuditLog`` that keeps its rows, each insert id once."""

    def __init__(self, stage: FaultInjector) -> None:
        self._stage = stage
        self.tables: dict[str, dict[str, Mapping[str, Any]]] = {}

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")
        kept = self.tables.setdefault(table, {})
        for row in rows:
            kept.setdefault(row.insert_id, row.columns)

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between("phase_completions", pipeline, first, last)

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between("phase_execution_log", pipeline, first, last)

    def _between(self, table: str, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")
        rows = self.tables.get(table, {}).values()
        own = (row for row in rows if row["pipeline"] == pipeline)
        return [dict(row) for row in own if first.isoformat() <= str(row["game_date"]) <= last.isoformat()]
