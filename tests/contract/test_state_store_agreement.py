"""Any sequence of operations leaves every store in the state the memory store is in."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.ports import Document, StateStore
from tests.emulators.gcloud import patient

COLLECTIONS = ["runs", "runs/a/completions", "runs/b/completions"]
paths = st.builds("{}/{}".format, st.sampled_from(COLLECTIONS), st.sampled_from(["a", "b", "é"]))
fields = st.sampled_from(["state", "n"])
field_values = st.sampled_from([None, True, False, 0, 1, "1", "open"])
texts = st.sampled_from(["", "1", "op", "open", "opf", "~"])
filters = st.none() | st.dictionaries(fields, field_values, max_size=2)
data = st.dictionaries(fields, field_values | st.just(1.0) | st.just([1]) | st.just({"n": 1}))


class Agreement(RuleBasedStateMachine):
    """Does the same to the memory store and to another one, and compares what they answer."""

    def __init__(self, other: StateStore) -> None:
        super().__init__()
        self.model, self.other = MemoryStore(), other
        self.root = ""
        self.serial = 0
        self.versions: dict[str, list[tuple[str, str]]] = {}

    @initialize()
    def begin(self) -> None:
        """Each example has documents of its own, below one that nobody asks for."""
        self.root = f"examples/{token_hex(8)}/"

    @rule(path=paths, written=data)
    def create(self, path: str, written: dict[str, Any]) -> None:
        fresh, at = self._fresh(written), self.root + path
        self._note(path, self.model.create(at, fresh), self.other.create(at, fresh))

    @rule(path=paths, written=data, age=st.integers(0, 3))
    def update(self, path: str, written: dict[str, Any], age: int) -> None:
        """With the newest version known of the path, or one that is ``age`` versions old."""
        versions = self.versions.get(path)
        if versions:
            (ours, theirs), fresh, at = versions[-1 - age % len(versions)], self._fresh(written), self.root + path
            self._note(path, self.model.update(at, fresh, ours), self.other.update(at, fresh, theirs))

    @rule(path=paths)
    def delete(self, path: str) -> None:
        self.model.delete(self.root + path)
        self.other.delete(self.root + path)

    @rule(asked=st.lists(paths, max_size=4))
    def get(self, asked: list[str]) -> None:
        at = [self.root + path for path in asked]
        assert list(map(self._seen, self.other.get(*at))) == list(map(self._seen, self.model.get(*at)))

    @rule(collection=st.sampled_from(COLLECTIONS), where=filters)
    def query(self, collection: str, where: Mapping[str, str | int | bool | None] | None) -> None:
        expected = [self._seen(document) for document in self.model.query(self.root + collection, where)]
        assert [self._seen(document) for document in self.other.query(self.root + collection, where)] == expected
        assert self.other.count(self.root + collection, where) == len(expected)

    @rule(collection=st.sampled_from(COLLECTIONS), where=filters, asked=st.lists(paths, max_size=3))
    def query_and_get(
        self, collection: str, where: Mapping[str, str | int | bool | None] | None, asked: list[str]
    ) -> None:
        """Asked at once they answer what they answer one after the other."""
        at = [self.root + path for path in asked]
        documents, named = self.other.query_and_get(self.root + collection, where, *at)
        expected = [self._seen(document) for document in self.model.query(self.root + collection, where)]
        assert [self._seen(document) for document in documents] == expected
        assert list(map(self._seen, named)) == list(map(self._seen, self.model.get(*at)))

    @rule(collection=st.sampled_from(COLLECTIONS), bounds=st.tuples(texts, texts), most=st.none() | st.integers(1, 2))
    def between(self, collection: str, bounds: tuple[str, str], most: int | None) -> None:
        asked = (self.root + collection, "state", min(bounds), max(bounds), most)
        assert list(map(self._seen, self.other.between(*asked))) == list(map(self._seen, self.model.between(*asked)))

    @invariant()
    def versions_read_are_versions_returned(self) -> None:
        """What a read says a document's version is, the last write of it returned."""
        for document, (path, versions) in zip(
            self.other.get(*(self.root + path for path in self.versions)), self.versions.items(), strict=True
        ):
            assert document is None or document.version == versions[-1][1], path

    def _fresh(self, written: dict[str, Any]) -> dict[str, Any]:
        # Firestore keeps the version of an update that changes nothing; so each changes something.
        self.serial += 1
        return {**written, "serial": self.serial}

    def _note(self, path: str, ours: str | None, theirs: str | None) -> None:
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            self.versions.setdefault(path, []).append((ours, theirs))

    @staticmethod
    def _seen(document: Document | None) -> object:
        return document and (document.path, repr(sorted(document.data.items())))


def agree(other: StateStore, examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lambda: Agreement(other), settings=chosen)  # type: ignore[arg-type] # any factory will do


def test_sqlite_agrees_with_memory() -> None:
    """The embedded store answers every sequence of operations as the memory store does."""
    agree(SqliteStore(":memory:"), examples=150, steps=30)


def test_firestore_agrees_with_memory(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firestore's emulator answers every sequence of operations as the memory store does."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    patient(monkeypatch)
    agree(FirestoreStore(f"demo-{token_hex(6)}"), examples=15, steps=20)
