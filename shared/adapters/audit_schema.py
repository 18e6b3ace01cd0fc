"""The tables of the record as ``deploy/bigquery`` declares them, and its rows as both records write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from shared.core.errors import PolicyError
from shared.ports import Row

SCHEMAS = Path(__file__).resolve().parents[2] / "deploy" / "bigquery"
INSERT_ID = "insert_id"
PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True)
class AuditTable:
    """One table of the record; ``resource`` is BigQuery's Table resource without a table reference."""

    name: str
    resource: Mapping[str, Any]

    @property
    def view(self) -> str:
        """The view that readers use: every insert id once."""
        return f"v_{self.name}"

    @property
    def fields(self) -> Sequence[Mapping[str, str]]:
        fields: Sequence[Mapping[str, str]] = self.resource["schema"]["fields"]
        return fields

    @property
    def partition(self) -> str:
        """The column that every query filters on."""
        return str(self.resource["timePartitioning"]["field"])

    def view_sql(self, dataset: str) -> str:
        """Return the view's GoogleSQL; ``dataset`` may carry a project.

        The partition column is part of the window's key, and so is the pipeline where there is one: only then does a
        filter on them reach the table. An insert id is of one pipeline, so that this keeps no row more.
        """
        pipeline = [PIPELINE] if any(field["name"] == PIPELINE for field in self.fields) else []
        key = ", ".join((self.partition, *pipeline, INSERT_ID))
        return (
            f"SELECT * FROM `{dataset}.{self.name}` WHERE TRUE "  # noqa: S608 - names from our own files
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {key}) = 1"
        )


def audit_tables(folder: Path = SCHEMAS) -> tuple[AuditTable, ...]:
    """Read the schema files, one table each, by name; raise ``PolicyError`` where there are none."""
    if not any(folder.glob("*.json")):
        hint = "git checkout deploy/bigquery: without it the record has no tables"
        raise PolicyError(str(folder), "", "holds no schema of the record's tables", hint)
    return tuple(
        AuditTable(file.stem, json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.json"))
    )


COMPLETIONS, EXECUTIONS = "phase_completions", "phase_execution_log"


def between_sql(dataset: str, table: str) -> str:
    """Return the GoogleSQL of the rows of ``@pipeline`` whose ``game_date`` lies between ``@first`` and ``@last``, each
    once. The tables are clustered by pipeline first: what is of others is not scanned."""
    where = "game_date BETWEEN @first AND @last AND pipeline = @pipeline"
    return f"SELECT * FROM `{dataset}.v_{table}` WHERE {where}"  # noqa: S608 - our names


def encoded(row: Row) -> dict[str, Any]:
    """Return a row as JSON, with its insert id; what has a structure becomes JSON text."""
    return {INSERT_ID: row.insert_id, **{name: _encoded(value) for name, value in row.columns.items()}}


def _encoded(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_encoded)
    return value
