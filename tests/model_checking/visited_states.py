"""Documents as values, and what real stores do with them: each operation is tried on them once and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.ports import Document, StateStore
from tests.model_checking.replay_ports import Ask

StoreState = tuple[tuple[str, int], ...]
"""What a store holds: path and number of the document, by path."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's content; ``edition`` counts the writes to its path, so that equal histories are equal states."""

    data: Mapping[str, Any]
    edition: int


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation answered, the key that tells answers apart, and the document it left, if it wrote."""

    answer: Any
    key: object
    written: tuple[str, int] | None = None


class Disagreement(AssertionError):
    """Two stores answered the same operation on the same content differently."""


class VisitedStates:
    """Runs operations on real stores, each emptied and filled for an operation that has not been seen before.

    All stores must give the same answer, so what is explored on one is explored on all.
    """

    def __init__(self, stores: Mapping[str, StateStore]) -> None:
        self._stores = stores
        self._numbers: dict[tuple[bytes, int], int] = {}
        self._known: dict[tuple[object, StoreState], Done] = {}
        self.books: list[StoredDocument] = []
        self.operations = 0

    def store_state(self, documents: Mapping[str, Mapping[str, Any]]) -> StoreState:
        """Return a store's content as a value."""
        return tuple(sorted((path, self._number(data, 1)) for path, data in documents.items()))

    def documents(self, shelf: StoreState) -> dict[str, Mapping[str, Any]]:
        return {path: self.books[number].data for path, number in shelf}

    def run(self, ask: Ask, shelf: StoreState) -> Done:
        """Return what an operation does with this content; raise ``Disagreement`` if the stores differ."""
        concerned = tuple(pair for pair in shelf if _concerns(ask, pair[0]))
        key = (_argument_key(ask), concerned)
        outcome = self._known.get(key)
        if outcome is None:
            self.operations += 1
            outcomes = {name: self._try(store, ask, concerned) for name, store in self._stores.items()}
            outcome = next(iter(outcomes.values()))
            if any(done != outcome for done in outcomes.values()):
                raise Disagreement(f"{ask.what} {ask.arguments[0]}: {outcomes}")
            self._known[key] = outcome
        return outcome

    def _try(self, store: StateStore, ask: Ask, concerned: StoreState) -> Done:
        versions = self._fill(store, concerned)
        try:
            return self._act(store, ask, concerned, versions)
        finally:
            for path in {*versions, *(() if ask.what in ("get", "query") else ask.arguments[:1])}:
                store.delete(path)

    def _act(self, store: StateStore, ask: Ask, concerned: StoreState, versions: Mapping[str, str]) -> Done:
        match ask.what:
            case "get":
                return Done(self._renamed(store.get(*ask.arguments), concerned), _seen(ask.arguments, concerned))
            case "query":
                collection, where = ask.arguments
                listed = store.query(collection, dict(where))
                paths = [document.path for document in listed]
                return Done(self._renamed(listed, concerned), _seen(paths, concerned))
            case "create":
                path, data = ask.arguments
                return self._written(store, path, store.create(path, data), 0)
            case "update":
                path, data, edition = ask.arguments
                before = next((self.books[number].edition for _, number in concerned), 0)
                version = versions.get(path, "none") if str(before) == edition else "another"
                return self._written(store, path, store.update(path, data, version), before)
            case _:
                raise AssertionError(f"{ask.what} is not done to a store here")

    def _fill(self, store: StateStore, shelf: StoreState) -> dict[str, str]:
        versions = {}
        for path, number in shelf:
            version = store.create(path, self.books[number].data)
            assert version is not None, f"{path} was not deleted"
            versions[path] = version
        return versions

    def _written(self, store: StateStore, path: str, version: str | None, before: int) -> Done:
        if version is None:
            return Done(None, None)
        document = store.get(path)[0]
        assert document is not None, f"{path} was written and is not there"
        return Done(str(before + 1), before + 1, (path, self._number(document.data, before + 1)))

    def _renamed(self, documents: Sequence[Document | None], concerned: StoreState) -> list[Document | None]:
        """Return documents with their edition for a version."""
        numbers = dict(concerned)
        return [
            None
            if document is None
            else Document(document.path, document.data, str(self.books[numbers[document.path]].edition))
            for document in documents
        ]

    def _number(self, data: Mapping[str, Any], edition: int) -> int:
        key = (msgspec.json.encode(data, order="sorted"), edition)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.books)
            self.books.append(StoredDocument(data, edition))
        return number


def _argument_key(ask: Ask) -> object:
    if ask.what in ("get", "query"):
        return ask.what, ask.arguments
    path, data, *version = ask.arguments
    return ask.what, path, msgspec.json.encode(data, order="sorted"), tuple(version)


def _concerns(ask: Ask, path: str) -> bool:
    if ask.what == "get":
        return path in ask.arguments
    named = path.rpartition("/")[0] if ask.what == "query" else path
    return bool(named == ask.arguments[0])


def _seen(paths: Sequence[str], concerned: StoreState) -> object:
    numbers = dict(concerned)
    return tuple((path, numbers.get(path)) for path in paths)
