"""Date columns of any type: what a value says, what is remembered of a type, and when a zero is not believed."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.date_column import Kind, kind_of, local_date, parameters
from shared.adapters.local.duckdb import DuckDbWarehouse
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.ports import CalendarRef, TableRef
from tests.contract.warehouses import DuckDbWorld

NEW_YORK, SYDNEY = ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney")
DAY = date(2026, 3, 8)  # the clocks go forward in New York
CALENDAR = CalendarRef("raw.games", "game_date", "status")
TABLE = TableRef("raw.games")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-08", SYDNEY, DAY),
        ("20260308", NEW_YORK, DAY),
        (" 2026-03-08 ", NEW_YORK, DAY),
        ("2026-03-08T23:30", NEW_YORK, DAY),
        ("20260308T233000", NEW_YORK, DAY),
        ("2026-03-08 23:30:00.123456", NEW_YORK, DAY),
        ("2026-03-09T03:30:00Z", NEW_YORK, DAY),
        ("2026-03-09 03:30:00 UTC", NEW_YORK, DAY),
        ("2026-03-09 03:30:00+00", NEW_YORK, DAY),
        ("2026-03-09 03:30:00.5 GMT", NEW_YORK, DAY),
        ("2026-03-07T20:00:00-05:00", SYDNEY, DAY),
        ("2026-03-08T20:00:00 -05:00", NEW_YORK, DAY),
        ("2026-13-08", NEW_YORK, None),
        ("2026-3-8", NEW_YORK, None),
        ("08.03.2026", NEW_YORK, None),
        ("2026-03-08 late", NEW_YORK, None),
        ("2026-03-08T25:00", NEW_YORK, None),
        ("202603081", NEW_YORK, None),
        ("2026-W10-7", NEW_YORK, None),
        ("", NEW_YORK, None),
    ],
)
def test_text_says_a_local_date_or_none(text: str, zone: ZoneInfo, expected: date | None) -> None:
    """A local time stands as it is, an offset is followed into the pipeline's zone; nothing is guessed."""
    assert local_date(text, zone) == expected


@given(st.dates(date(1970, 1, 2), date(2200, 1, 1)), st.sampled_from([NEW_YORK, SYDNEY, ZoneInfo("Asia/Kathmandu")]))
def test_the_bounds_of_instants_are_the_local_date(day: date, zone: ZoneInfo) -> None:
    """The first and the last instant between the bounds are of the date, those outside of them are not."""
    bounds = parameters({Kind.TIMESTAMP}, day, day, zone)
    tick = timedelta(microseconds=1)
    assert local_date(bounds["since"], zone) == local_date(bounds["until"] - tick, zone) == day
    assert local_date(bounds["since"] - tick, zone) == day - timedelta(days=1)
    assert local_date(bounds["until"], zone) == day + timedelta(days=1)


@given(st.dates(date(1000, 1, 2), date(9999, 12, 30)))
def test_a_number_is_the_date_that_it_spells(day: date) -> None:
    """Year, month and day in eight digits, whole or not."""
    bounds = parameters({Kind.NUMBER}, day, day, NEW_YORK)
    assert bounds["first_number"] == bounds["last_number"]
    assert local_date(bounds["first_number"], NEW_YORK) == local_date(float(bounds["last_number"]), NEW_YORK) == day


def test_types_with_parameters_are_types() -> None:
    """BigQuery writes lengths and precisions; what holds no dates is no kind."""
    assert [kind_of(name) for name in ("STRING(10)", "NUMERIC(8, 0)", "date", "STRUCT<a DATE>", "ARRAY<DATE>")] == [
        Kind.TEXT,
        Kind.NUMBER,
        Kind.DATE,
        None,
        None,
    ]


class Unlisted(DuckDbWarehouse):
    """A warehouse that lets nobody look at the types of its columns."""

    def columns_sql(self, dataset: str, project: str | None) -> str:
        return "SELECT * FROM `nowhere.columns`"


def test_a_zero_of_a_column_whose_type_may_not_be_looked_up_is_not_believed(tmp_path: Path) -> None:
    """Rows that are found are rows; none may be rows in another type: unreadable."""
    world = DuckDbWorld(tmp_path / "house.duckdb")
    world.table("raw.games", {"game_date": "DATE", "status": "STRING"}, [[DAY.isoformat(), "Final"]])
    warehouse = Unlisted(tmp_path / "house.duckdb", tmp_path)
    assert warehouse.rows([TABLE], DAY) == {"raw.games": 1}
    assert warehouse.units(CALENDAR, [DAY]) == {DAY: Units(1, 1)}
    other = DAY + timedelta(days=1)
    assert warehouse.rows([TABLE], other) == {"raw.games": None}
    with pytest.raises(Unavailable):
        warehouse.units(CALENDAR, [DAY, other])


def test_a_view_is_read_by_the_type_it_shows(tmp_path: Path) -> None:
    """The calendar is a view in production: its column's type counts, not its table's."""
    world = DuckDbWorld(tmp_path / "house.duckdb")
    late = datetime.combine(DAY, time(23, 30), NEW_YORK).astimezone(UTC).isoformat()
    world.table("raw.stored", {"seen_at": "TIMESTAMP", "status": "STRING"}, [[late, "Final"]])
    with closing(duckdb.connect(tmp_path / "house.duckdb")) as connection:
        connection.execute("CREATE VIEW raw.games AS SELECT seen_at AS game_date, status FROM raw.stored")
    assert world.warehouse.units(CALENDAR, [DAY, DAY + timedelta(days=1)]) == {
        DAY: Units(1, 1),
        DAY + timedelta(days=1): Units(0, 0),
    }


def test_a_table_that_was_made_anew_with_another_type_is_unreadable_once(tmp_path: Path) -> None:
    """What a remembered type cannot read is looked up again: a table of an older type does not stay unreadable."""
    world = DuckDbWorld(tmp_path / "house.duckdb")
    world.table("raw.games", {"game_date": "INT64", "status": "STRING"}, [[20260308, "Final"]])
    assert world.warehouse.rows([TABLE], DAY) == {"raw.games": 1}
    with closing(duckdb.connect(tmp_path / "house.duckdb")) as connection:
        connection.execute("DROP TABLE raw.games")
    world.table("raw.games", {"game_date": "DATE", "status": "STRING"}, [[DAY.isoformat(), "Final"]])
    assert world.warehouse.rows([TABLE], DAY) == {"raw.games": None}
    assert world.warehouse.rows([TABLE], DAY) == {"raw.games": 1}
