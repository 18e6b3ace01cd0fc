"""Measuring with SQL: all queries of a check in one statement, one by one only to find the one that is broken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from math import isfinite
from typing import Any

from shared.app.context import Context
from shared.core.errors import Unavailable
from shared.core.validation.checks import Check, Query, Target
from shared.core.validation.verdict import Measure, Measured
from shared.ports import TableRef

BROKEN = "query"
_PARAMETER = re.compile(r"@([a-z_]+)")
# What several pipelines write into one record; each row says of which run, or of which pipeline, it is.
_RECORD = re.compile(
    r"`[A-Za-z0-9_]+\.v_(?:alerts|phase_completions|phase_execution_log|validation_runs|validation_results)`"
)


class SqlMeter:
    """Measures the SQL checks of one run.

    A warehouse that answers nothing is asked once: every later check fails with the same words at once,
    so that the others have their time. What fails while it answers is the check's own fault, port ``query``.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._answers = False
        self._down: Unavailable | None = None
        self._filled: dict[int, Mapping[str, frozenset[date]]] = {}

    def measure(self, check: Check, target: Target) -> Measured:
        """Return what the check's queries yield; raise ``Unavailable`` if none could be read."""
        if not self._answers:
            self._probe()
        try:
            return Measured(tuple(self._rows(self._by_metadata(check, target), target)))
        except Unavailable as error:
            self._probe()
            if len(check.queries) == 1:
                raise Unavailable(BROKEN, error.reason) from error
        return self._one_by_one(check, target)

    def _by_metadata(self, check: Check, target: Target) -> tuple[Query, ...]:
        """Return the queries of a check; one that only asks on which days a table holds rows is told them where the
        metadata of many tables does: each table of a statement is billed, and they are as many as processors."""
        if not check.days:
            return check.queries
        tables = [TableRef(query.table, query.date_column) for query in check.queries]
        if check.days not in self._filled:
            days = [target.working_day - timedelta(days=back) for back in range(1, check.days + 1)]
            self._filled[check.days] = self._ctx.ports.warehouse.filled(tables, days)
        filled = self._filled[check.days]
        return tuple(
            replace(query, sql=query.sql.replace(f"`{query.table}`", _listed(filled[query.table], query.date_column)))
            if query.table in filled
            else query
            for query in check.queries
        )

    def _one_by_one(self, check: Check, target: Target) -> Measured:
        measures: list[Measure] = []
        unread = []
        for query in check.queries:
            try:
                measures += self._rows([query], target)
            except Unavailable as error:
                unread.append(f"{query.subject}: {error.reason}")
        return Measured(tuple(measures), tuple(unread))

    def _rows(self, queries: Iterable[Query], target: Target) -> list[Measure]:
        sql = "\nUNION ALL\n".join(f"SELECT * FROM (\n{query.sql}\n)" for query in queries)  # noqa: S608 - our files
        if self._ctx.several:
            sql = own_rows(sql, self._ctx.policy.pipeline)
        rows = self._ctx.ports.warehouse.query(sql, parameters(sql, target))
        # A query has no order of its own, and what is told should not change by itself.
        return sorted((_measure(row) for row in rows), key=lambda measure: measure.subject)

    def _probe(self) -> None:
        """Ask for nothing but an answer; raise ``Unavailable`` if there is none."""
        if self._down is not None:
            raise self._down
        try:
            self._ctx.ports.warehouse.query("SELECT 1 AS one", {})
            self._answers = True
        except Unavailable as error:
            self._down = error
            raise


def _listed(days: Iterable[date], column: str) -> str:
    """Return what stands for a table of which only the days with rows matter."""
    dates = ", ".join(f"DATE '{day}'" for day in sorted(days))
    return f"(SELECT day AS `{column}` FROM UNNEST(ARRAY<DATE>[{dates}]) AS day)"  # noqa: S608 - a checked name


def own_rows(sql: str, pipeline: str) -> str:
    """Return a query that reads of the record, which may be that of several pipelines, what is of this one."""
    own = f"run_id = '{pipeline}' OR STARTS_WITH(run_id, '{pipeline}/')"
    return _RECORD.sub(lambda view: f"(SELECT * FROM {view[0]} WHERE {own})", sql)  # noqa: S608 - a checked name


def parameters(sql: str, target: Target) -> dict[str, Any]:
    """Return those of a check's parameters that its SQL names."""
    values = {
        "date": target.day,
        "working_day": target.working_day,
        "now": target.now,
        "day_start": target.day_start,
        "day_end": target.day_end,
    }
    return {name: values[name] for name in dict.fromkeys(_PARAMETER.findall(sql)) if name in values}


def _measure(row: Mapping[str, Any]) -> Measure:
    if "value" not in row:
        raise Unavailable(BROKEN, f"it yields {', '.join(row)}, but no column named value")
    number = None if row["value"] is None else float(row["value"])
    return Measure(
        subject=str(row.get("subject") or ""),
        value=number if number is None or isfinite(number) else None,
        expected=str(row.get("expected") or ""),
        note=str(row.get("note") or ""),
    )
