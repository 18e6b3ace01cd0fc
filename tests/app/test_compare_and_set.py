"""One document that several instances change: nothing that one of them wrote is lost (behaviour 12)."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.sqlite import SqliteStore
from shared.app.state.compare_and_set import ATTEMPTS, change_document, change_value, write_version
from shared.core.errors import Unavailable
from shared.ports import Document, StateStore

PATH, WRITERS, EACH = "counters/one", 4, 25


def one_more(document: Document | None) -> tuple[Mapping[str, Any], int]:
    number = 1 if document is None else int(document.data["number"]) + 1
    return {"number": number}, number


class Overtaken:
    """A store in which somebody else always writes between a reading and the write that follows it."""

    def __init__(self, store: StateStore, times: int) -> None:
        self.store, self.left = store, times

    def get(self, *paths: str) -> list[Document | None]:
        documents = self.store.get(*paths)
        if self.left:
            self.left -= 1
            change_document(self.store, PATH, one_more)
        return documents

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self.store.create(path, data)

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        return self.store.update(path, data, version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "state.db")


def number(store: StateStore) -> int:
    document = store.get(PATH)[0]
    return 0 if document is None else int(document.data["number"])


def test_every_change_of_many_writers_is_kept(store: SqliteStore) -> None:
    """Each writer is given a number of its own: no change overwrites another, also where others write first."""
    taken = [change_document(Overtaken(store, 3), PATH, one_more) for _ in range(3)]
    with ThreadPoolExecutor(WRITERS) as pool:
        taken += pool.map(lambda _: change_document(store, PATH, one_more), range(EACH))
    assert len(set(taken)) == len(taken) == 3 + EACH
    assert number(store) == len(taken) + 3 * 3


def test_a_document_that_changes_all_the_time_is_not_taken_for_written(store: SqliteStore) -> None:
    """After so many attempts the caller hears of it, so that its message is delivered again."""
    with pytest.raises(Unavailable, match="changes all the time"):
        change_document(Overtaken(store, ATTEMPTS), PATH, one_more)
    assert number(store) == ATTEMPTS


def test_no_data_leaves_the_document_as_it_is(store: SqliteStore) -> None:
    """What has nothing to change writes nothing, not even where no document is; its result is returned."""
    assert change_document(store, PATH, lambda document: (None, "nothing")) == "nothing"
    assert store.get(PATH) == [None]
    change_document(store, PATH, one_more)
    before = store.get(PATH)
    change_document(store, PATH, lambda document: (None, None))
    assert store.get(PATH) == before


def test_what_the_caller_has_read_is_not_read_again(store: SqliteStore) -> None:
    """A document that was just read is taken as it is, and read anew only where it is no longer that."""
    change_document(store, PATH, one_more)
    stale = store.get(PATH)[0]
    change_document(store, PATH, one_more)
    assert change_document(store, PATH, one_more, [stale]) == 3


def count_on(store: StateStore, current: Document | None) -> tuple[int, str] | None:
    """Count on from a document that was read, as a caller does that keeps a value and its version."""

    def save(changed: tuple[int, str | None]) -> tuple[int, str] | None:
        written = write_version(store, PATH, {"number": changed[0]}, changed[1])
        return None if written is None else (changed[0], written)

    def change(document: Document | None) -> tuple[int, str | None]:
        return one_more(document)[1], None if document is None else document.version

    return change_value(current, change, save, lambda: store.get(PATH)[0], PATH)


def test_a_value_that_was_overtaken_is_changed_as_it_is_by_then(store: SqliteStore) -> None:
    """The change is made to what the others wrote: none of theirs is lost, and the result has the version written."""
    change_document(store, PATH, one_more)
    stale = store.get(PATH)[0]
    change_document(store, PATH, one_more)
    counted = count_on(Overtaken(store, 3), stale)
    [document] = store.get(PATH)
    assert document is not None
    assert counted == (6, document.version)
    assert document.data == {"number": 6}


def test_a_value_that_changes_all_the_time_is_not_taken_for_written(store: SqliteStore) -> None:
    """The caller hears of it after as many attempts as with a document."""
    change_document(store, PATH, one_more)
    with pytest.raises(Unavailable, match=f"{PATH} changes all the time"):
        count_on(Overtaken(store, ATTEMPTS + 1), None)
    assert number(store) == 1 + ATTEMPTS


def test_a_change_of_nothing_saves_nothing(store: SqliteStore) -> None:
    """What need not be changed any more is left, and the caller learns that it did not write."""
    change_document(store, PATH, one_more)
    before = store.get(PATH)
    assert change_value(before[0], lambda document: None, lambda changed: changed, lambda: None, PATH) is None
    assert store.get(PATH) == before
