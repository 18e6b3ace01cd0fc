"""The type of a date column from the description of its table, which is free, held against the statement's answer."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import Forbidden, NotFound
from google.cloud.bigquery import SchemaField, Table
from requests import ConnectionError as Unreachable

from shared.adapters.column_types import FEW
from shared.adapters.google.bigquery import BigQueryWarehouse
from shared.ports import TableRef
from tests.validation.fixtures import CONFIG

# As the API describes types, and what INFORMATION_SCHEMA.COLUMNS says of them.
KINDS = {
    "DATE": "DATE", "TIMESTAMP": "TIMESTAMP", "DATETIME": "DATETIME", "STRING": "STRING", "INTEGER": "INT64",
    "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "NUMERIC": "NUMERIC", "RECORD": "STRUCT",
}  # fmt: skip


class Api:
    """A client that describes one table, and counts how often."""

    def __init__(self, described: dict[str, Any] | Exception) -> None:
        self.described, self.calls = described, list[str]()

    def get_table(self, name: str, **_: object) -> Table:
        self.calls.append(name)
        if isinstance(self.described, Exception):
            raise self.described
        return Table.from_api_repr({"tableReference": Table(name).reference.to_api_repr(), **self.described})


def warehouse(described: dict[str, Any] | Exception) -> tuple[BigQueryWarehouse, Api]:
    house, api = BigQueryWarehouse("own", CONFIG), Api(described)
    house.__dict__["_client"] = api
    return house, api


def schema(kind: str, mode: str = "NULLABLE") -> dict[str, Any]:
    return {"schema": {"fields": [SchemaField("Game_Date", kind, mode=mode).to_api_repr()]}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_says_what_a_statement_would(kind: str) -> None:
    """Types by their GoogleSQL names, an array is one, and only the column of its partitions is a partitioning one."""
    for mode, expected in (("NULLABLE", KINDS[kind]), ("REPEATED", f"ARRAY<{KINDS[kind]}>")):
        house, _ = warehouse(schema(kind, mode))
        assert house.describe(TableRef("raw.box", "game_date")) == {
            "data_type": expected,
            "is_partitioning_column": "NO",
        }


def test_the_column_of_the_partitions_is_known() -> None:
    """By day or by range; that of another column is not ours."""
    for partitions, expected in (
        ({"timePartitioning": {"type": "DAY", "field": "Game_Date"}}, "YES"),
        ({"timePartitioning": {"type": "DAY", "field": "other"}}, "NO"),
        ({"timePartitioning": {"type": "DAY"}}, "NO"),
        ({"rangePartitioning": {"field": "Game_Date", "range": {}}}, "YES"),
    ):
        house, api = warehouse({**schema("DATE"), **partitions})
        described = house.describe(TableRef("raw.box", "game_date"))
        assert described is not None
        assert described["is_partitioning_column"] == expected
        assert api.calls == ["own.raw.box"]
    house, api = warehouse(schema("DATE"))
    house.describe(TableRef("other-project.raw.box", "game_date"))
    assert api.calls == ["other-project.raw.box"]


@pytest.mark.parametrize("error", [NotFound("no table"), Forbidden("not yours"), Unreachable("nobody there")])
def test_what_cannot_be_described_is_asked_by_a_statement(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says what is wrong; a column that the table has not is none of a description either."""
    ran: list[str] = []
    for described in (error, schema("DATE")):
        house, _ = warehouse(described)
        monkeypatch.setattr(house, "run", lambda sql, parameters: ran.append(sql) or [])  # type: ignore[func-returns-value]
        house._types.of([TableRef("raw.box", "no_such_column")])
    assert sum("INFORMATION_SCHEMA" in sql for sql in ran) == 2


def test_many_tables_are_asked_for_by_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each description is a round trip."""
    house, api = warehouse(schema("DATE"))
    ran: list[str] = []
    monkeypatch.setattr(house, "run", lambda sql, parameters: ran.append(sql) or [])  # type: ignore[func-returns-value]
    refs = [TableRef(f"raw.t{number}", "game_date") for number in range(FEW + 1)]
    house._types.of(refs)
    assert (len(ran), api.calls) == (1, [])
    house._types.of(refs[:FEW])
    assert len(api.calls) == FEW
