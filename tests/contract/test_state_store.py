"""The StateStore port, on every adapter: documents come back as they went in, and one of many racers wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from secrets import token_hex
from threading import Barrier
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.ports import Document, StateStore
from tests.contract.state_documents import documents, field_names, ids, same
from tests.emulators.gcloud import patient

T = TypeVar("T")

RACERS = 8
generated = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["memory", "sqlite", "sqlite_file", "firestore"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StateStore]:
    match request.param:
        case "memory":
            yield MemoryStore()
        case "firestore":
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_host"))
            patient(monkeypatch)
            yield FirestoreStore(f"demo-{token_hex(6)}")
        case kind:
            embedded = SqliteStore(":memory:" if kind == "sqlite" else tmp_path / "state.sqlite")
            yield embedded
            embedded.close()


def only(store: StateStore, path: str) -> Document:
    (document,) = store.get(path)
    assert document is not None
    return document


def made(version: str | None) -> str:
    assert version is not None
    return version


def race(racers: int, run: Callable[[int], T]) -> list[T]:
    """Let threads begin at once and return what each came back with."""
    start = Barrier(racers)

    def begin(racer: int) -> T:
        start.wait(timeout=30)
        return run(racer)

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(begin, range(racers)))


@generated
@given(data=documents)
def test_what_is_read_equals_what_was_written(store: StateStore, data: dict[str, Any]) -> None:
    """Any document of the port's types comes back equal in value and type, from a get and from a query."""
    collection = f"c{token_hex(8)}"
    version = store.create(f"{collection}/it", data)
    read = only(store, f"{collection}/it")
    assert same(data, read.data), (data, read.data)
    assert (read.path, read.id, read.version) == (f"{collection}/it", "it", version)
    assert [(document.data, document.version) for document in store.query(collection)] == [(read.data, read.version)]


@generated
@given(first=documents, second=documents)
def test_an_update_replaces_the_whole_document(
    store: StateStore, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Nothing of the old document is left after an update, whatever the two are."""
    path = f"runs/{token_hex(8)}"
    version = store.update(path, second, made(store.create(path, first)))
    read = only(store, path)
    assert same(second, read.data), (second, read.data)
    assert read.version == version


@generated
@given(name=ids)
def test_any_id_is_a_document_of_its_own(store: StateStore, name: str) -> None:
    """Ids are arbitrary text without a slash; no two of them are confused."""
    collection = f"c{token_hex(8)}"
    store.create(f"{collection}/{name}", {"name": name})
    store.create(f"{collection}/{name}.", {"name": "another"})
    assert only(store, f"{collection}/{name}").data == {"name": name}
    assert [document.id for document in store.query(collection, {"name": name})] == [name]


@generated
@given(key=field_names.filter(str.isprintable))
def test_any_printable_field_can_be_asked_for(store: StateStore, key: str) -> None:
    """A filter names a field literally: dots, quotes and the store's own marks mean nothing in it.

    Firestore's paths lose control characters such as a carriage return; no field of ours has any.
    """
    collection = f"c{token_hex(8)}"
    store.create(f"{collection}/yes", {key: "x"})
    store.create(f"{collection}/no", {key: "y", "x": {key: "x"}})
    assert [document.id for document in store.query(collection, {key: "x"})] == ["yes"]
    assert store.count(collection, {key: "x"}) == 1


def test_create_refuses_what_exists(store: StateStore) -> None:
    """The second create of a path returns None and changes nothing."""
    first = store.create("runs/a", {"by": "first"})
    assert store.create("runs/a", {"by": "second"}) is None
    assert only(store, "runs/a") == Document("runs/a", {"by": "first"}, made(first))


def test_update_refuses_an_old_version(store: StateStore) -> None:
    """Who read before somebody else wrote gets None, and the other's data stays."""
    old = made(store.create("runs/a", {"n": 0}))
    new = made(store.update("runs/a", {"n": 1}, old))
    assert store.update("runs/a", {"n": 2}, old) is None
    assert only(store, "runs/a") == Document("runs/a", {"n": 1}, new)


def test_update_never_creates(store: StateStore) -> None:
    """A document that is not there is at no version: not at another's, not at a made-up one."""
    elsewhere = made(store.create("runs/b", {}))
    assert store.update("runs/a", {"n": 1}, elsewhere) is None
    assert store.update("runs/b", {"n": 1}, "made up") is None
    assert store.get("runs/a", "runs/b") == [None, Document("runs/b", {}, elsewhere)]


def test_each_write_makes_another_version(store: StateStore) -> None:
    """Versions of one document never repeat, also over a deletion."""
    versions = [made(store.create("runs/a", {"n": 0}))]
    for n in range(1, 20):
        versions.append(made(store.update("runs/a", {"n": n}, versions[-1])))
    store.delete("runs/a")
    versions.append(made(store.create("runs/a", {"n": 0})))
    assert len(set(versions)) == len(versions)
    assert store.update("runs/a", {"n": 1}, versions[0]) is None


def test_get_keeps_the_order_asked(store: StateStore) -> None:
    """Documents come in the order of the paths, None where there is none, twice where asked twice."""
    for name in "abc":
        store.create(f"runs/{name}", {"is": name})
    asked = ["runs/c", "runs/nobody", "runs/a", "runs/c", "runs/b"]
    stored_documents = store.get(*asked)
    assert [document and document.path for document in stored_documents] == [
        "runs/c",
        None,
        "runs/a",
        "runs/c",
        "runs/b",
    ]
    assert store.get() == []


def test_query_returns_equal_fields_by_id(store: StateStore) -> None:
    """A query returns what equals every field asked, ordered by the code points of the ids."""
    names = ["b", "a", "C", "10", "9", "é", "\uffee", "\U0001f3c0", "a-"]
    for place, name in enumerate(names):
        store.create(f"runs/{name}", {"state": "open", "even": place % 2 == 0})
    store.create("runs/closed", {"state": "closed", "even": True})
    assert [document.id for document in store.query("runs", {"state": "open"})] == sorted(names)
    both = store.query("runs", {"state": "open", "even": True})
    assert [document.id for document in both] == sorted(names[::2])
    assert [document.id for document in store.query("runs")] == sorted([*names, "closed"])
    assert store.query("runs", {"state": "lost"}) == store.query("nothing") == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("1", ["text"]),
        (1, ["float", "int"]),
        (0, ["zero"]),
        (True, ["true"]),
        (False, ["false"]),
        (None, ["null"]),
        ("", ["empty"]),
        ("a\x00b", ["nul"]),
        (2**63 - 1, ["big"]),
    ],
)
def test_a_filter_knows_the_type(store: StateStore, asked: str | int | bool | None, expected: list[str]) -> None:
    """True is not 1, 1 is not the text 1, and a field that is absent is not None."""
    held = {"text": "1", "int": 1, "float": 1.0, "zero": 0, "true": True, "false": False, "null": None, "empty": ""}
    more = {"nul": "a\x00b", "cut": "a", "big": 2**63 - 1, "near": 2.0**63, "list": [1], "map": {"1": 1}}
    for name, value in (held | more).items():
        store.create(f"c/{name}", {"f": value})
    store.create("c/absent", {"g": 1})
    assert [document.id for document in store.query("c", {"f": asked})] == expected
    assert store.count("c", {"f": asked}) == len(expected)


def test_collections_below_a_document_are_their_own(store: StateStore) -> None:
    """Neither parents, nor children, nor another parent's children are found by a query."""
    for path in ("runs/a", "runs/b", "runs/a/completions/x", "runs/a/completions/y", "runs/b/completions/z"):
        store.create(path, {"path": path})
    assert [document.path for document in store.query("runs")] == ["runs/a", "runs/b"]
    assert [document.path for document in store.query("runs/a/completions")] == [
        "runs/a/completions/x",
        "runs/a/completions/y",
    ]
    assert store.query("completions") == []
    store.delete("runs/a")
    assert store.count("runs/a/completions") == 2


def test_delete_removes_one_document(store: StateStore) -> None:
    """A deleted document is gone, may be deleted again, and may be made anew."""
    store.create("runs/a", {"n": 1})
    store.create("runs/b", {"n": 1})
    store.delete("runs/a")
    store.delete("runs/a")
    assert [document.id for document in store.query("runs")] == ["b"]
    assert store.get("runs/a") == [None]
    assert store.create("runs/a", {"n": 2}) is not None


def test_count_is_the_length_of_the_query(store: StateStore) -> None:
    """Counting gives what querying would, filtered or not, and 0 of nothing."""
    for number in range(7):
        store.create(f"runs/{number}", {"odd": number % 2 == 1})
    assert store.count("runs") == 7
    assert store.count("runs", {"odd": True}) == 3
    assert store.count("nothing") == 0


def test_one_of_many_creators_wins(store: StateStore) -> None:
    """Of racing creators exactly one gets a version, and its data is what stands there."""
    for turn in range(3):
        versions = race(RACERS, lambda racer, path=f"claims/{turn}": store.create(path, {"owner": racer}))  # type: ignore[misc]
        (winner,) = (racer for racer, version in enumerate(versions) if version is not None)
        assert only(store, f"claims/{turn}") == Document(f"claims/{turn}", {"owner": winner}, made(versions[winner]))


def test_one_of_many_updaters_wins(store: StateStore) -> None:
    """Of those that update from the same version exactly one gets a new one."""
    version = made(store.create("claims/a", {"owner": None}))
    versions = race(RACERS, lambda racer: store.update("claims/a", {"owner": racer}, version))
    (winner,) = (racer for racer, new in enumerate(versions) if new is not None)
    assert only(store, "claims/a").data == {"owner": winner}


def test_no_increment_is_lost(store: StateStore) -> None:
    """Threads that read, add one and compare-and-set until it takes leave the sum."""
    store.create("counters/a", {"n": 0})

    def increment(_: int) -> None:
        for _turn in range(5):
            while True:
                read = only(store, "counters/a")
                if store.update("counters/a", {"n": read.data["n"] + 1}, read.version) is not None:
                    break

    race(RACERS, increment)
    assert only(store, "counters/a").data == {"n": RACERS * 5}


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 1, 21, 5, 4, 3, 123_457, tzinfo=UTC),
        datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=0),
        datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 1, 21, 0, 0, 0, 1, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
    ],
)
def test_instants_keep_microseconds_and_zone(store: StateStore, instant: datetime) -> None:
    """An instant comes back the same to the microsecond, as a plain datetime in UTC, the doubled hour included."""
    store.create("runs/a", {"at": instant, "deep": [{"at": instant}]})
    for document in (only(store, "runs/a"), *store.query("runs")):
        for read in (document.data["at"], document.data["deep"][0]["at"]):
            assert type(read) is datetime
            assert read.tzinfo is UTC
            assert read == instant.astimezone(UTC)


def test_numbers_beyond_the_finite_survive(store: StateStore) -> None:
    """Infinities and not-a-number are floats like others, and do not hide a document from filters."""
    store.create("runs/a", {"up": float("inf"), "down": float("-inf"), "none": float("nan"), "state": "open"})
    (read,) = store.query("runs", {"state": "open"})
    assert (read.data["up"], read.data["down"]) == (float("inf"), float("-inf"))
    assert read.data["none"] != read.data["none"]


def test_callers_share_nothing_with_the_store(store: StateStore) -> None:
    """Changing what was written, or what was read, changes nothing that is stored."""
    written: dict[str, Any] = {"list": [{"n": 1}], "map": {"inner": [1]}}
    store.create("runs/a", written)
    written["list"][0]["n"] = 2
    for document in (only(store, "runs/a"), *store.query("runs")):
        document.data["map"]["inner"].append(2)
        document.data["list"].clear()
    assert only(store, "runs/a").data == {"list": [{"n": 1}], "map": {"inner": [1]}}


def test_a_tuple_comes_back_as_a_list(store: StateStore) -> None:
    """Immutable values hold tuples; every store has lists for them, at any depth."""
    store.create("a/1", {"names": ("x", "y"), "inside": {"deep": [{"more": (1, 2)}]}, "none": ()})
    [document] = store.get("a/1")
    assert document is not None
    assert document.data == {"names": ["x", "y"], "inside": {"deep": [{"more": [1, 2]}]}, "none": []}


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 21, 5, 0),  # noqa: DTZ001 - what is refused
        date(2026, 1, 21),
        {1, 2},
        b"bytes",
        2**63,
        [[1]],
        ((1,),),
        "\ud800",
        {"": 1},
        {"__name__": 1},
        {1: 2},
        {"k" * 1501: 1},
    ],
    ids=repr,
)
def test_what_the_port_excludes_is_refused_alike(store: StateStore, value: object) -> None:
    """What one store could not keep no store takes: the mistake shows in the fastest test."""
    with pytest.raises((TypeError, ValueError)):
        store.create("runs/a", {"value": value})
    assert store.get("runs/a") == [None]


def test_nesting_has_one_limit(store: StateStore) -> None:
    """Twenty levels are kept, one more is refused."""

    def nested(levels: int) -> dict[str, Any]:
        return {"in": nested(levels - 1)} if levels > 1 else {"in": 1}

    store.create("runs/a", nested(20))
    assert only(store, "runs/a").data == nested(20)
    with pytest.raises(ValueError):
        store.create("runs/b", nested(21))


@pytest.mark.parametrize(
    "path", ["runs", "runs/a/completions", "", "runs/", "/a", "runs//x/y", "runs/..", "runs/__x__"]
)
def test_what_is_no_document_path_is_refused(store: StateStore, path: str) -> None:
    """A path that names no document is the caller's mistake, for every operation."""
    for operation in (
        lambda: store.get(path),
        lambda: store.create(path, {}),
        lambda: store.update(path, {}, "1"),
        lambda: store.delete(path),
    ):
        with pytest.raises(ValueError):
            operation()


@pytest.mark.parametrize("collection", ["runs/a", "", "runs/a/", "runs/a/b/c"])
def test_what_is_no_collection_is_refused(store: StateStore, collection: str) -> None:
    """A path that names no collection is the caller's mistake."""
    for operation in (store.query, store.count):
        with pytest.raises(ValueError):
            operation(collection)
