"""Measuring with SQL: all queries of a check in one statement, one by one only to find the one that is broken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from shared.app.context import Context
from shared.core.errors import Unavailable
from shared.core.validation.checks import Check, Query, Target
from shared.core.validation.verdict import Measure, Measured

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

    def measure(self, check: Check, target: Target) -> Measured:
        """Return what the check's queries yield; raise ``Unavailable`` if none could be read."""
        if not self._answers:
            self._probe()
        try:
            return Measured(tuple(self._rows(check.queries, target)))
        except Unavailable as error:
            self._probe()
            if len(check.queries) == 1:
                raise Unavailable(BROKEN, error.reason) from error
        return self._one_by_one(check, target)

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
