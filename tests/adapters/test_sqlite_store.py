"""The embedded store as a file: processes share it, and what is wrong with it is said as ``Unavailable``."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.local.sqlite import SqliteStore
from shared.core.errors import Unavailable

ROOT = Path(__file__).parents[2]
INCREMENT = """
import sys
from shared.adapters.local.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
won = store.create("claims/a", {"owner": sys.argv[2]}) is not None
for _ in range(20):
    while True:
        (read,) = store.get("counters/a")
        if store.update("counters/a", {"n": read.data["n"] + 1}, read.version):
            break
print(won)
"""


def test_processes_share_one_file(tmp_path: Path) -> None:
    """Processes that open a new file at once lose no increment, and one of them wins the claim."""
    path = tmp_path / "state.sqlite"
    store = SqliteStore(path)
    store.create("counters/a", {"n": 0})
    command = [sys.executable, "-c", INCREMENT, str(path)]
    processes = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for number in range(4)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(answers) == ["False", "False", "False", "True"]
    (counter,) = store.get("counters/a")
    assert counter is not None
    assert counter.data == {"n": 80}


def test_what_was_written_outlives_the_process(tmp_path: Path) -> None:
    """A file opened again holds what was written, under the same versions."""
    first = SqliteStore(tmp_path / "state.sqlite")
    version = first.create("runs/a", {"n": 1})
    first.close()
    (read,) = SqliteStore(tmp_path / "state.sqlite").get("runs/a")
    assert read is not None
    assert (read.data, read.version) == ({"n": 1}, version)


def test_a_lock_held_too_long_is_unavailable(tmp_path: Path) -> None:
    """Another's write lock is waited for as long as said, then reported; reading goes on, and writing after it."""
    store = SqliteStore(tmp_path / "state.sqlite", busy=timedelta(milliseconds=50))
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.create("runs/a", {})
    assert store.get("runs/a") == [None]
    other.execute("ROLLBACK")
    other.close()
    assert store.create("runs/a", {}) is not None


def test_a_closed_store_is_unavailable() -> None:
    """After ``close`` every operation says so."""
    store = SqliteStore(":memory:")
    store.close()
    store.close()
    with pytest.raises(Unavailable, match="closed") as caught:
        store.get("runs/a")
    assert caught.value.port == "state"


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """Opening something else, or nowhere, raises nothing but ``Unavailable``, with the path."""
    (tmp_path / "state.sqlite").write_bytes(b"no database " * 100)
    for path in (tmp_path / "state.sqlite", tmp_path / "nowhere" / "state.sqlite"):
        with pytest.raises(Unavailable, match=r"state\.sqlite"):
            SqliteStore(path)


def test_a_damaged_document_is_unavailable(tmp_path: Path) -> None:
    """Text that is no JSON is reported, not returned and not skipped."""
    store = SqliteStore(tmp_path / "state.sqlite")
    store.create("runs/a", {"n": 1})
    with sqlite3.connect(tmp_path / "state.sqlite") as other:
        other.execute("UPDATE documents SET data = '{' WHERE path = 'runs/a'")
    other.close()
    with pytest.raises(Unavailable, match="damaged"):
        store.get("runs/a")
    with pytest.raises(Unavailable):
        store.query("runs", {"n": 1})
