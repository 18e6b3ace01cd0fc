"""The Record port, on DuckDB and on a BigQuery emulator: a row comes back as written, and counts once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from shared.adapters.audit_schema import INSERT_ID, AuditTable, audit_tables, encoded
from shared.adapters.google.bigquery import BigQueryAuditLog
from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.core.errors import Unavailable
from shared.ports import AuditLog, Row
from tests.audit_columns import COLUMNS
from tests.busy import allowed
from tests.contract.warehouses import BOTH, CONFIG, DATASET, World, made
from tests.local_server import closed_port

DAY = date(2026, 1, 21)
RUN = "nba/2026-01-21/overnight"
AT = datetime(2026, 1, 22, 9, 30, tzinfo=UTC)
TABLE = "phase_completions"
TABLES = {table.name: table for table in audit_tables()}
SAMPLES: dict[str, Any] = {"STRING": "it's", "DATE": DAY, "TIMESTAMP": AT, "INTEGER": 3, "FLOAT": 2.5, "BOOLEAN": True}


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    world = made(request, tmp_path)
    world.create_tables()
    return world


def completion(number: int, **columns: Any) -> Row:
    return Row(f"{RUN}/phase3/p/{number}", {"pipeline": "nba", "run_id": RUN, "game_date": DAY, **columns})


def read(world: World, table: str = TABLE) -> list[dict[str, Any]]:
    """Return what readers see of the sample date, by insert id."""
    where = f"DATE({TABLES[table].partition}) BETWEEN @first AND @last"
    sql = f"SELECT * FROM `{DATASET}.v_{table}` WHERE {where} ORDER BY {INSERT_ID}"
    return world.warehouse.query(sql, {"first": DAY, "last": AT.date()})


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_row_of_every_table_comes_back_as_written(world: World, name: str) -> None:
    """Every column of every table takes a value of its type, and nothing but the key and the date is needed."""
    table = TABLES[name]
    full = {f["name"]: SAMPLES[f["type"]] for f in table.fields if f["name"] != INSERT_ID}
    empty = {column: value if column == table.partition else None for column, value in full.items()}
    world.audit.insert(name, [Row("1", full), Row("2", {table.partition: full[table.partition]})])
    assert read(world, name) == [{INSERT_ID: "1", **full}, {INSERT_ID: "2", **empty}]


def test_a_structure_is_kept_as_json_text(world: World) -> None:
    """Mappings and lists, dates inside them too, are text that JSON reads; instants lose their zone, not their time."""
    eastern = AT.astimezone(ZoneInfo("America/New_York"))
    metadata = {"entities": ["Dončić"], "at": AT, "day": DAY, "none": None}
    world.audit.insert(TABLE, [completion(1, metadata=metadata, entities_changed=[], completed_at=eastern)])
    (row,) = read(world)
    assert json.loads(row["metadata"]) == {**metadata, "at": AT.isoformat(), "day": DAY.isoformat()}
    assert row["entities_changed"] == "[]"
    assert row["completed_at"] == AT


def test_text_stands_for_dates_and_instants(world: World) -> None:
    """ISO 8601 text, as the use cases write it, is the same row."""
    world.audit.insert(TABLE, [Row("1", {"game_date": DAY.isoformat(), "received_at": "2026-01-22T04:30:00-05:00"})])
    (row,) = read(world)
    assert (row["game_date"], row["received_at"]) == (DAY, AT)


def test_a_repeated_insert_id_counts_once(world: World) -> None:
    """In one insert, in a second one, and beside new rows: a reader sees every id once."""
    world.audit.insert(TABLE, [completion(1, outcome="success"), completion(1, outcome="success")])
    world.audit.insert(TABLE, [completion(1, outcome="success"), completion(2, outcome="failed")])
    seen = [(row[INSERT_ID], row["outcome"]) for row in read(world)]
    assert seen == [(completion(1).insert_id, "success"), (completion(2).insert_id, "failed")]


def test_more_rows_than_one_request_takes(world: World) -> None:
    """An insert of many rows leaves out none."""
    world.audit.insert(TABLE, [completion(number) for number in range(1203)])
    counted = world.warehouse.query(
        f"SELECT COUNT(*) AS n FROM `{DATASET}.v_{TABLE}` WHERE game_date = @date", {"date": DAY}
    )
    assert counted == [{"n": 1203}]


def test_tables_can_be_created_again(world: World) -> None:
    """Creating what is there keeps what it holds."""
    world.audit.insert(TABLE, [completion(1)])
    world.create_tables()
    assert len(read(world)) == 1


def test_nothing_to_insert_is_no_insert(world: World) -> None:
    """An empty insert into whatever table does nothing."""
    world.audit.insert("no_such_table", [])


@pytest.mark.parametrize(
    ("table", "row"),
    [("no_such_table", completion(1)), (TABLE, completion(1, record_count="many"))],
    ids=["table", "value"],
)
def test_what_the_record_cannot_take_is_unavailable(world: World, table: str, row: Row) -> None:
    """A missing table or a value of another type raises, naming the table; nothing is lost unseen."""
    with pytest.raises(Unavailable, match=table) as caught:
        world.audit.insert(table, [row])
    assert caught.value.port == "record"


def test_an_instant_without_a_zone_is_refused() -> None:
    """A naive datetime would be taken for UTC."""
    with pytest.raises(ValueError):
        encoded(Row("1", {"completed_at": AT.replace(tzinfo=None)}))


@pytest.fixture(params=["duckdb", "bigquery"])
def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> AuditLog:
    """A record that cannot be reached: a file that is no database, a host that is not there."""
    if request.param == "duckdb":
        file = tmp_path / "broken.duckdb"
        file.write_text("this is not a database" * 1000)
        return DuckDbAuditLog(file, DATASET)
    return BigQueryAuditLog("demo-nowhere", DATASET, emulator_host=f"http://127.0.0.1:{closed_port()}")


def test_a_record_that_does_not_answer_is_unavailable(unreachable: AuditLog) -> None:
    """An insert that did not arrive raises, soon enough for three attempts in five seconds."""
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        unreachable.insert(TABLE, [completion(1)])
    assert caught.value.port == "record"
    assert time.monotonic() - started < allowed(5 / 3)


def test_completions_come_back_between_two_dates(world: World) -> None:
    """Both dates are included, others are not; what comes back is every column that was written, and None."""
    days = [DAY + timedelta(days=number) for number in range(5)]
    world.audit.insert(TABLE, [completion(day.day, game_date=day, message_id=f"m-{day}") for day in days])
    rows = world.audit.completions("nba", days[1], days[3])
    assert sorted((row["game_date"], row["message_id"]) for row in rows) == [(day, f"m-{day}") for day in days[1:4]]
    assert {name for row in rows for name in row} >= {field["name"] for field in TABLES[TABLE].fields}
    assert {row["outcome"] for row in rows} == {None}


def test_a_pipeline_reads_its_own_rows(world: World) -> None:
    """Two pipelines share the record: neither reads what is of the other, by the same names on the same date."""
    other = Row("shop/2026-01-21/overnight/phase3/p/1", {**completion(1).columns, "pipeline": "shop"})
    world.audit.insert(TABLE, [completion(1), other])
    assert [row["pipeline"] for row in world.audit.completions("nba", DAY, DAY)] == ["nba"]
    assert [row["pipeline"] for row in world.audit.completions("shop", DAY, DAY)] == ["shop"]
    assert world.audit.completions("none", DAY, DAY) == []


def test_what_is_read_of_a_pipeline_is_what_is_scanned_of_it() -> None:
    """A filter on the pipeline reaches a table through its view only as part of the window's key, and it spares the
    scan only where the table is clustered by it first."""
    for name in ("phase_completions", "phase_execution_log"):
        resource = TABLES[name].resource
        assert resource["clustering"]["fields"][0] == "pipeline"
        assert re.search(r"PARTITION BY game_date, pipeline, insert_id\)", TABLES[name].view_sql(DATASET))
    assert "pipeline" not in TABLES["alerts"].view_sql(DATASET)


def test_a_completion_inserted_again_comes_back_once(world: World) -> None:
    """However often a row was sent, whoever compares it with the state sees it once."""
    for _ in range(3):
        world.audit.insert(TABLE, [completion(1, outcome="success"), completion(2, outcome="failed")])
    rows = world.audit.completions("nba", DAY, DAY)
    assert sorted((row[INSERT_ID], row["outcome"]) for row in rows) == [
        (completion(1).insert_id, "success"),
        (completion(2).insert_id, "failed"),
    ]


def test_completions_have_the_types_that_were_meant(world: World) -> None:
    """Instants aware and in UTC, dates as dates, numbers and truth as such, structures as JSON text."""
    row = completion(
        1,
        received_at=AT.astimezone(ZoneInfo("America/New_York")).isoformat(),
        completed_at=AT,
        record_count=203,
        superseded=False,
        is_incremental=None,
        metadata={"percent": 97.5, "error": "Dončić's row"},
        entities_changed={"players": ["203999"], "teams": []},
    )
    world.audit.insert(TABLE, [row])
    [stored_row] = world.audit.completions("nba", DAY, DAY)
    assert (stored_row["received_at"], stored_row["completed_at"], stored_row["game_date"]) == (AT, AT, DAY)
    assert stored_row["received_at"].utcoffset() == timedelta()
    assert (stored_row["record_count"], stored_row["superseded"], stored_row["is_incremental"]) == (203, False, None)
    assert json.loads(stored_row["metadata"]) == {"percent": 97.5, "error": "Dončić's row"}
    assert json.loads(stored_row["entities_changed"]) == {"players": ["203999"], "teams": []}


def test_before_the_first_row_there_are_no_completions(world: World) -> None:
    """Tables that are there and hold nothing: an empty list."""
    assert world.audit.completions("nba", DAY, DAY) == []


def test_a_file_that_is_not_there_holds_no_completions(tmp_path: Path) -> None:
    """The embedded record is made by its first row: until then it is empty, not away, and reading makes no file."""
    path = tmp_path / "none.duckdb"
    assert DuckDbAuditLog(path, DATASET).completions("nba", DAY, DAY) == []
    assert not path.exists()
    with duckdb.connect(path):
        pass  # a warehouse without the record's tables
    assert DuckDbAuditLog(path, DATASET).completions("nba", DAY, DAY) == []


def test_completions_of_a_record_that_is_away_are_unavailable(unreachable: AuditLog) -> None:
    """Nothing read is never taken for nothing there."""
    with pytest.raises(Unavailable) as caught:
        unreachable.completions("nba", DAY, DAY)
    assert caught.value.port == "record"


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_has_the_columns_that_are_agreed(name: str) -> None:
    """Those of behaviour 8, in their order, and the insert id; no table beside them."""
    assert TABLES.keys() == COLUMNS.keys()
    assert [field["name"] for field in TABLES[name].fields if field["name"] != INSERT_ID] == COLUMNS[name].split(", ")


@pytest.mark.parametrize("table", TABLES.values(), ids=sorted(TABLES))
def test_every_table_is_partitioned_by_date_and_clustered(table: AuditTable) -> None:
    """The partition is a day of a required column, readers must filter on it, and clustering columns exist."""
    kinds = {field["name"]: (field["type"], field.get("mode")) for field in table.fields}
    assert kinds[INSERT_ID] == ("STRING", "REQUIRED")
    assert kinds[table.partition] in {("DATE", "REQUIRED"), ("TIMESTAMP", "REQUIRED")}
    assert table.resource["timePartitioning"]["type"] == "DAY"
    assert table.resource["requirePartitionFilter"] is True
    assert 1 <= len(table.resource["clustering"]["fields"]) <= 4
    assert set(table.resource["clustering"]["fields"]) <= set(kinds)


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_file_that_another_process_has_is_waited_for(tmp_path: Path) -> None:
    """DuckDB lets one process write: the others wait their turn, and lose nothing."""
    path = tmp_path / "house.duckdb"
    with held(path) as process:
        release = threading.Timer(0.4, process.kill)
        release.start()
        DuckDbAuditLog(path, DATASET, busy=timedelta(seconds=10)).insert(TABLE, [completion(1)])
    warehouse = DuckDbWarehouse(path, CONFIG)
    assert warehouse.query(f"SELECT COUNT(*) AS n FROM `{DATASET}.{TABLE}`", {}) == [{"n": 1}]


def test_a_file_that_stays_taken_is_unavailable_in_time(tmp_path: Path) -> None:
    """The wait for another process ends after ``busy``, for writers and readers."""
    path = tmp_path / "house.duckdb"
    short = timedelta(seconds=0.3)
    with held(path):
        started = time.monotonic()
        with pytest.raises(Unavailable, match="lock"):
            DuckDbAuditLog(path, DATASET, busy=short).insert(TABLE, [completion(1)])
        with pytest.raises(Unavailable, match="lock"):
            DuckDbWarehouse(path, CONFIG, busy=short).query("SELECT 1 AS n", {})
        assert time.monotonic() - started < allowed(3)


def test_threads_that_write_and_read_at_once_lose_nothing(tmp_path: Path) -> None:
    """Racing writers, of the same ids too, and readers of one process all get through."""
    path = tmp_path / "house.duckdb"
    patience = timedelta(seconds=30)
    record, warehouse = DuckDbAuditLog(path, DATASET, busy=patience), DuckDbWarehouse(path, CONFIG, busy=patience)
    record.create_tables()

    def work(number: int) -> None:
        record.insert(TABLE, [completion(number % 8)])
        warehouse.query(f"SELECT COUNT(*) AS n FROM `{DATASET}.{TABLE}`", {})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(16)))
    with duckdb.connect(path) as connection:
        assert connection.execute(f"SELECT COUNT(*) FROM {DATASET}.{TABLE}").fetchall() == [(8,)]
