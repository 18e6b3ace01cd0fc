"""Places of statements at a table: how many at once, in ten seconds and in a day; and which tables a text changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from shared.core.limits.dml import (
    A_DAY,
    AT_ONCE,
    DAY,
    HELD,
    HOUR,
    IN_TEN_SECONDS,
    TEN_SECONDS,
    Begun,
    Bound,
    Full,
    TableUse,
    changed_tables,
    give_back,
    take,
)

CONFIG = Path(__file__).resolve().parents[2] / "config"
BEGIN = datetime(2026, 1, 22, 11, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FRESH = TableUse("d.t")


def taken(use: TableUse, owner: str, now: datetime) -> TableUse:
    after = take(use, owner, now)
    assert isinstance(after, TableUse)
    return after


def test_a_sixteenth_waits_for_one_of_fifteen() -> None:
    """Fifteen are at work; the next has a place once one gave its own back, or has held it for a minute."""
    use = FRESH
    for number in range(AT_ONCE):
        use = taken(use, str(number), BEGIN)
    full = take(use, "one more", BEGIN)
    assert full == Full(Bound.AT_ONCE, "15 statements are at work on d.t", BEGIN + HELD)
    assert isinstance(take(use, "one more", BEGIN + HELD - timedelta(microseconds=1)), Full)
    assert isinstance(take(use, "one more", BEGIN + HELD), TableUse)
    assert isinstance(take(give_back(use, "3"), "one more", BEGIN), TableUse)


def test_the_twenty_first_waits_for_ten_seconds_to_pass() -> None:
    """Quick statements are bounded by how often they begin; one that began ten seconds ago does not count."""
    use = FRESH
    for number in range(IN_TEN_SECONDS):
        use = give_back(taken(use, str(number), BEGIN + SECOND * 0.1 * number), str(number))
    full = take(use, "one more", BEGIN + 5 * SECOND)
    assert full == Full(Bound.IN_TEN_SECONDS, "20 statements on d.t were begun in ten seconds", BEGIN + TEN_SECONDS)
    assert isinstance(take(use, "one more", BEGIN + TEN_SECONDS), TableUse)


def test_a_day_has_1300() -> None:
    """Of the hour in which the oldest were begun all count until a day after its end."""
    hour = BEGIN.replace(minute=0)
    use = TableUse("d.t", hours=(Begun(hour - 2 * HOUR, 1), Begun(hour - HOUR, A_DAY - 2)))
    assert use.begun_since_a_day(BEGIN) == A_DAY - 1
    last = give_back(taken(use, "last", BEGIN), "last")
    assert last.begun_since_a_day(BEGIN) == A_DAY
    until = hour - HOUR + DAY
    assert take(last, "one more", BEGIN) == Full(Bound.A_DAY, "1,300 statements have changed d.t in 24 hours", until)
    assert isinstance(take(last, "one more", until - SECOND), Full)
    assert isinstance(take(last, "one more", until), TableUse)


STEPS = st.lists(st.tuples(st.floats(0, 40), st.booleans()), min_size=1, max_size=120)


@given(STEPS)
def test_no_window_has_more_than_its_bound(steps: list[tuple[float, bool]]) -> None:
    """Whatever comes when: never more than fifteen places that are held, never more than twenty begun within ten
    seconds, and what is kept of them stays small."""
    use, now, begun = FRESH, BEGIN, list[datetime]()
    for number, (seconds, over) in enumerate(steps):
        now += timedelta(seconds=seconds)
        after = take(use, str(number), now)
        if isinstance(after, Full):
            assert after.again_at > now
            continue
        use = give_back(after, str(number)) if over else after
        begun.append(now)
        assert sum(place.until > now for place in use.places) <= AT_ONCE
        assert sum(now - at < TEN_SECONDS for at in begun) <= IN_TEN_SECONDS
    assert len(use.places) <= AT_ONCE
    assert len(use.recent) <= IN_TEN_SECONDS
    assert use.begun_since_a_day(now) <= A_DAY


# what a text changes

CHANGES = {
    "MERGE `p-1.d.t` AS t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN NOT MATCHED THEN INSERT ROW": ("d.t",),
    "INSERT INTO d.t (a) VALUES (1)": ("d.t",),
    "INSERT d.t (a) SELECT a FROM d.u": ("d.t",),
    "UPDATE d.t SET a = 1 WHERE TRUE": ("d.t",),
    "DELETE FROM d.t WHERE a = 'x; DELETE FROM d.z'": ("d.t",),
    "TRUNCATE TABLE d.t": ("d.t",),
    "CREATE OR REPLACE TABLE d.t AS SELECT 1 AS a": ("d.t",),
    "INSERT INTO d.t SELECT 1; -- UPDATE d.no SET a = 1\nUPDATE `d`.`u` SET a = 2 WHERE TRUE": ("d.t", "d.u"),
    "SELECT 'MERGE d.t' AS text FROM d.u /* DELETE FROM d.t */": (),
    "SELECT CASE WHEN a THEN update ELSE b END FROM d.u AS delete": (),
    "CREATE TEMP TABLE t AS SELECT 1 AS a": (),
    "INSERT INTO t SELECT 1": (),
}


@pytest.mark.parametrize("sql", CHANGES)
def test_a_text_changes_what_it_names(sql: str) -> None:
    """Not what stands in its strings and comments, nor temporary tables."""
    assert changed_tables(sql) == CHANGES[sql]


def test_the_word_from_may_be_left_out() -> None:
    """As the reference of DML statements has it: DELETE [FROM]."""
    assert changed_tables("DELETE d.t WHERE TRUE") == ("d.t",)


SCRIPT = """
DECLARE n INT64; BEGIN
IF n > 1 THEN MERGE INTO d.a USING d.b ON FALSE WHEN MATCHED THEN UPDATE SET x = 1;
ELSEIF n = 1 THEN UPDATE d.c SET x = 1 WHERE TRUE; ELSE DELETE FROM d.d WHERE TRUE; END IF;
FOR r IN (SELECT 1) DO INSERT d.e VALUES (1); END FOR;
EXCEPTION WHEN ERROR THEN TRUNCATE TABLE d.f; END;
"""


def test_a_script_changes_what_any_of_its_statements_may() -> None:
    """Behind BEGIN, THEN, ELSE and DO a statement begins."""
    assert changed_tables(SCRIPT) == ("d.a", "d.c", "d.d", "d.e", "d.f")


def parsed(sql: str) -> set[str]:
    """Return the same by a parser of GoogleSQL that is not ours (tobymao/sqlglot)."""
    targets = set()
    for statement in sqlglot.parse(sql, dialect="bigquery"):
        if isinstance(statement, exp.TruncateTable):
            targets |= set(statement.expressions)
        elif isinstance(statement, exp.Merge | exp.Insert | exp.Update | exp.Delete | exp.Create):
            targets |= {statement.this.this if isinstance(statement.this, exp.Schema) else statement.this}
    return {f"{table.db}.{table.name}" for table in targets if isinstance(table, exp.Table) and table.db}


@pytest.mark.parametrize("sql", CHANGES)
def test_a_parser_of_others_sees_the_same(sql: str) -> None:
    """Each sample means to sqlglot what it means here."""
    assert parsed(sql) == set(changed_tables(sql))


@pytest.mark.parametrize("path", sorted(CONFIG.rglob("*.sql")), ids=lambda path: path.name)
def test_a_file_of_ours_changes_what_a_parser_says(path: Path) -> None:
    """Nothing but the statement that closes a batch changes a table."""
    sql = path.read_text()
    assert set(changed_tables(sql)) == parsed(sql)
    assert bool(changed_tables(sql)) == (path.parent.name == "batches" and path.name == "merge.sql")
