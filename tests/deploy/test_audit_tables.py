"""The record's tables: columns as agreed, the plan's statements run on a BigQuery emulator, layout as in the files."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlglot
from google.cloud import bigquery
from sqlglot import exp

from deploy import stores
from deploy.manifest import ROOT, Target
from deploy.resource import Resource
from shared.adapters.audit_schema import INSERT_ID, audit_tables
from tests.audit_columns import COLUMNS
from tests.contract.warehouses import BigQueryWorld
from tests.deploy.standin import Cloud
from tests.deploy.world import PLACE, manifest

FILES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "deploy/bigquery").glob("*.json")
}
DATES = {"DATE", "TIMESTAMP"}


def test_every_table_has_the_columns_that_were_agreed() -> None:
    """Ten tables, each column in its place, before them the id by which a row counts once."""
    column_names = {name: [field["name"] for field in file["schema"]["fields"]] for name, file in FILES.items()}
    assert column_names == {name: [INSERT_ID, *columns.split(", ")] for name, columns in COLUMNS.items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_table_is_partitioned_by_a_date_and_clustered(name: str) -> None:
    """A required column of days or instants, a filter on it, and at most four by which rows lie together."""
    file, kinds = FILES[name], {field["name"]: field for field in FILES[name]["schema"]["fields"]}
    partition = kinds[file["timePartitioning"]["field"]]
    assert (partition["type"] in DATES, partition["mode"]) == (True, "REQUIRED")
    assert file["timePartitioning"]["type"] == "DAY"
    assert file["requirePartitionFilter"] is True
    cluster = file["clustering"]["fields"]
    assert 1 <= len(cluster) <= 4
    assert {kinds[column]["type"] for column in cluster} <= {"STRING", "INTEGER", "BOOLEAN", *DATES}, (
        "BigQuery's condition"
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_the_statement_lays_a_table_out_as_its_file_says(name: str) -> None:
    """Partition, cluster and filter of the DDL are those of deploy/bigquery, which no emulator reports in full."""
    table = next(audit_table for audit_table in audit_tables() if audit_table.name == name)
    file, parsed = FILES[name], sqlglot.parse_one(stores.table_ddl(table, "p.d"), read="bigquery")
    by = parsed.find(exp.PartitionedByProperty)
    assert by is not None
    kinds = {field["name"]: field["type"] for field in file["schema"]["fields"]}
    assert [identifier.name for identifier in by.find_all(exp.Identifier)] == [file["timePartitioning"]["field"]]
    days = by.this.sql("bigquery").startswith("DATE(")
    assert days is (kinds[file["timePartitioning"]["field"]] == "TIMESTAMP")
    cluster = parsed.find(exp.ClusterProperty)
    assert cluster is not None
    assert [expression.name for expression in cluster.expressions] == file["clustering"]["fields"]
    assert "REQUIRE_PARTITION_FILTER=TRUE" in parsed.sql("bigquery").upper().replace(" ", "")


@pytest.fixture
def world(bigquery_host: str) -> BigQueryWorld:
    return BigQueryWorld(bigquery_host)


def planned(project: str) -> list[Resource]:
    return list(stores.audit_tables_of(manifest(), Target(project, "1", "us-west2")))


def ran(world: BigQueryWorld, which: str) -> None:
    """Run what the plan would run, as `bq query` takes it; the emulator knows no options of a dataset."""
    for resource in planned(world.project):
        line = getattr(resource, which)
        if line.words[-1].startswith("ALTER SCHEMA IF EXISTS "):
            continue
        world.client.query(line.words[-1]).result(timeout=30)


def test_the_statements_of_the_plan_make_the_tables(world: BigQueryWorld) -> None:
    """Run on the emulator, twice and with what repairs an older table, each column has its type and mode."""
    for which in ("create", "create", "update"):
        ran(world, which)
    for name, file in FILES.items():
        table = world.client.get_table(f"{world.project}.{manifest().dataset}.{name}")
        expected = [(field["name"], field["type"], field.get("mode", "NULLABLE")) for field in file["schema"]["fields"]]
        assert [(field.name, field.field_type, field.mode) for field in table.schema] == expected
        view = world.client.get_table(f"{world.project}.{manifest().dataset}.v_{name}")
        assert (view.table_type, [field.name for field in view.schema]) == ("VIEW", [column[0] for column in expected])


def test_an_older_table_gets_the_columns_that_it_lacks(world: BigQueryWorld) -> None:
    """A table from before a column existed is seen to lack it, is altered, and takes a value of it; its rows stay."""
    reference = f"{world.project}.{manifest().dataset}.phase_execution_log"
    dataset, *others = planned(world.project)
    resource = next(other for other in others if other.id == "table phase_execution_log")
    assert dataset.create is not None
    assert resource.create is not None
    assert resource.update is not None
    older = resource.create.words[-1].replace(", wait_seconds FLOAT64", "")
    insert = f"INSERT INTO `{reference}` (insert_id, game_date"
    for text in (dataset.create.words[-1], older, f"{insert}) VALUES ('a', DATE '2026-01-21')"):
        world.client.query(text).result(timeout=30)
    assert [difference.what for difference in resource.differences(answer(world.client, reference))] == [
        "column wait_seconds"
    ]
    for text in (resource.update.words[-1], f"{insert}, wait_seconds) VALUES ('b', DATE '2026-01-21', 2.5)"):
        world.client.query(text).result(timeout=30)
    asked = f"SELECT insert_id, wait_seconds FROM `{reference}` WHERE game_date = '2026-01-21' ORDER BY insert_id"
    assert [tuple(row) for row in world.client.query(asked).result(timeout=30)] == [("a", None), ("b", 2.5)]


def answer(client: bigquery.Client, reference: str) -> dict[str, Any]:
    """Return what `bq show` says; the emulator keeps neither the cluster nor where the filter stands."""
    table = client.get_table(reference)
    file = FILES[table.table_id]
    return {**table.to_api_repr(), "clustering": file["clustering"], "requirePartitionFilter": True}


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("clustering", {"fields": ["mode"]}, "clustered by"),
        ("clustering", {}, "clustered by"),
        ("requirePartitionFilter", False, "partition filter"),
        ("timePartitioning", {"type": "DAY"}, "partitioned by"),
        ("schema", {"fields": []}, "column insert_id"),
    ],
)
def test_a_table_laid_out_otherwise_is_drift(tmp_path: Any, key: str, value: Any, what: str) -> None:
    """Partition, cluster, filter and columns are read back, each for itself."""
    cloud = Cloud(tmp_path)
    resource = next(resource for resource in stores.audit_tables_of(manifest(), PLACE) if resource.id == "table alerts")
    for line in (next(iter(stores.audit_tables_of(manifest(), PLACE))).create, resource.create):
        assert line is not None
        assert cloud(line).status == 0
    table = cloud.store("bigquery")[f"{PLACE.project}.{manifest().dataset}.alerts"]
    assert resource.differences(table) == []
    assert what in [difference.what for difference in resource.differences({**table, key: value})]
