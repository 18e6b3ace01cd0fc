"""The warehouse of a scenario: it answers what its facts say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, TableRef, UnitsRef
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.fakes.sql import WorldSql
from shared.simulation.scenario import FaultKind
from shared.simulation.world_data import WorldData

PORT = "warehouse"
BatchQuery = Callable[[str], list[dict[str, Any]] | None] | None


class SimulatedWarehouse:
    """A ``Warehouse`` over the facts; a refused table is None, everything else that is refused ``Unavailable``."""

    def __init__(
        self, facts: WorldData, stage: FaultInjector, sql: WorldSql | None = None, batches: BatchQuery = None
    ) -> None:
        self._facts, self._stage, self._sql, self._batches = facts, stage, sql, batches

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            return {ref.table: None for ref in tables}
        return {ref.table: self._facts.rows(ref.table, day) for ref in tables}

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        return {}

    def number(self, sql_file: str, day: date) -> float | None:
        self._read()
        return self._facts.reading(sql_file, day)

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        self._read()
        return {day: self._facts.units(day, calendar.over_since) for day in days}

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        self._read()
        return {day: self._facts.schedule(day, calendar.over_since) for day in days}

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            return {ref.label: None for ref in tables}
        return {ref.label: self._facts.held(ref.table, day) for ref in tables}

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            return dict.fromkeys(days)
        return {day: self._facts.held(table.table, day) for day in days}

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._read()
        of_batch = None if self._batches is None else self._batches(sql)
        if of_batch is not None:
            return of_batch
        if self._sql is None:
            raise Unavailable(PORT, "this simulated warehouse runs no free SQL")
        return self._sql.query(sql, parameters)

    def _read(self) -> None:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")
