"""Whether a query reads only the partitions it needs: each table bounded from below by its own partition column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp

from shared.adapters.audit_schema import audit_tables
from shared.core.policy.policy import Policy
from shared.simulation.nba_tables import POSTPONEMENTS_TABLE

_LOWER = (exp.EQ, exp.GT, exp.GTE)
_UPPER = (exp.LT, exp.LTE)


def partitions(policy: Policy, record: str) -> dict[str, str]:
    """Return the partition column of every table and view that may be asked, by ``dataset.table``."""
    columns = {
        processor.table: processor.date_column
        for phase in policy.phases.values()
        for processor in phase.processors.values()
        if processor.table is not None
    }
    assert policy.calendar is not None
    columns[policy.calendar.table] = policy.calendar.date_column
    columns[POSTPONEMENTS_TABLE] = "original_date"
    for table in audit_tables():
        columns[f"{record}.{table.name}"] = columns[f"{record}.{table.view}"] = table.partition
    return columns


def unbounded(sql: str, columns: Mapping[str, str]) -> list[str]:
    """Return the tables that a query reads without a bound, and those whose partition column is not known."""
    (statement,) = sqlglot.parse(sql, read="bigquery")
    assert statement is not None
    common = {expression.alias for expression in statement.find_all(exp.CTE)}
    tables = [table for table in statement.find_all(exp.Table) if table.db or table.name not in common]
    return [_name(table) for table in tables if not _bounded(table, columns.get(_name(table)))]


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _bounded(table: exp.Table, column: str | None) -> bool:
    select = table.find_ancestor(exp.Select)
    if column is None or select is None:
        return False
    alone = not select.args.get("joins")
    names = {table.alias_or_name, ""} if alone else {table.alias_or_name}

    def is_partition(expression: exp.Expression | None) -> bool:
        return isinstance(expression, exp.Column) and expression.name == column and expression.table in names

    return any(
        is_partition(operand) and _constant(bound)
        for condition in _conditions(select)
        for operand, bound in _lower(condition)
    )


def _lower(condition: exp.Expression) -> Iterator[tuple[exp.Expression, exp.Expression]]:
    """Yield what a condition bounds from below, and the bound."""
    if isinstance(condition, exp.Between):
        yield condition.this, condition.args["low"]
    elif isinstance(condition, _LOWER):
        yield condition.this, condition.expression
    elif isinstance(condition, _UPPER):
        yield condition.expression, condition.this


def _conditions(select: exp.Select) -> Iterator[exp.Expression]:
    """Yield what all has to hold of the rows that a SELECT reads."""
    where = select.args.get("where")
    if where is not None:
        yield from where.this.flatten() if isinstance(where.this, exp.And) else [where.this]


def _constant(value: exp.Expression) -> bool:
    return value.find(exp.Column) is None and value.find(exp.Parameter) is not None
