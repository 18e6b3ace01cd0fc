"""Which datasets GoogleSQL reads, and which it writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Datasets:
    """The datasets of a statement. One that is written to may be read with the same right."""

    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()

    def __or__(self, other: Datasets) -> Datasets:
        written = self.written | other.written
        return Datasets((self.read | other.read) - written, written)


def of_table(table: str) -> Datasets:
    """Return the dataset of a table that is read, as the policy names it: DATASET.TABLE or PROJECT.DATASET.TABLE."""
    return Datasets(read=frozenset({table.split(".")[-2]}))


@lru_cache(maxsize=256)
def of_statement(sql: str) -> Datasets:
    """Return the datasets of GoogleSQL; raises ValueError with the reason for what cannot be read as such.

    A table without a dataset is the name of a subquery, and belongs to none.
    """
    # Heavy, and only a deployment of several pipelines asks.
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except SqlglotError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    datasets = Datasets()
    for statement in statements:
        tables = list(statement.find_all(exp.Table))
        # `FROM plays AS play, play.events` unnests a column: what stands before the dot is a name of this statement.
        names = {table.alias for table in tables if table.alias}
        changed = _changed(statement)
        for table in tables:
            if not table.db or (table.db in names and not table.catalog):
                continue
            dataset = frozenset({table.db})
            datasets |= Datasets(written=dataset) if table is changed else Datasets(read=dataset)
    return datasets


def _changed(statement: object) -> object:
    """Return the table that a statement writes to, None for a query."""
    from sqlglot import exp

    if isinstance(statement, exp.Insert | exp.Merge | exp.Update | exp.Delete | exp.Create):
        target = statement.this
        return target.this if isinstance(target, exp.Schema) else target
    if isinstance(statement, exp.TruncateTable):
        return statement.expressions[0]
    return None
