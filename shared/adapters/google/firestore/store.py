"""The state store in production: Firestore in Native mode, one round trip for each operation."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from shared.adapters.documents import Where, check_collection, checked, split
from shared.adapters.google.firestore.values import decode_fields
from shared.ports import Document

if TYPE_CHECKING:
    from shared.adapters.google.firestore.rpc import Channel

_COUNTED_PER_READ = 1000


class FirestoreStore:
    """A ``StateStore`` on one Firestore database; safe across threads, built on first use.

    ``operations`` counts what is billed under ``reads``, ``writes`` and ``deletes``: a query one read for each
    document and at least one, a count one for each thousand begun. A refused write counts as one: the free quota takes
    it off, though past that quota Google bills none.
    An update that changes nothing keeps its version: Firestore has it so.
    """

    def __init__(self, project: str, database: str = "(default)") -> None:
        self.operations: Counter[str] = Counter()
        self._project, self._database = project, database
        self._lock = threading.Lock()

    def get(self, *paths: str) -> list[Document | None]:
        for path in paths:
            split(path)
        if not paths:
            return []
        answers = self._channel.read(paths)
        self._bill("reads", len(set(paths)))
        return self._in_order(paths, answers)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        split(path)
        updated = self._channel.create(path, checked(data))
        self._bill("writes")
        return None if updated is None else _version(updated)

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        split(path)
        fresh = checked(data)
        seconds, _, nanos = version.partition(".")
        if not (seconds.isdecimal() and nanos.isdecimal()):
            return None
        updated = self._channel.replace(path, fresh, int(seconds), int(nanos))
        self._bill("writes")
        return None if updated is None else _version(updated)

    def delete(self, path: str) -> None:
        split(path)
        self._channel.remove(path)
        self._bill("deletes")

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        check_collection(collection)
        documents = [self._document(document) for document in self._channel.find(collection, where)]
        self._bill("reads", max(1, len(documents)))
        return documents

    def query_and_get(
        self, collection: str, where: Where | None, *paths: str
    ) -> tuple[list[Document], list[Document | None]]:
        check_collection(collection)
        for path in paths:
            split(path)
        if not paths:
            return self.query(collection, where), []
        answers, named = self._channel.find_and_read(collection, where, paths)
        documents = [self._document(answer) for answer in answers]
        self._bill("reads", max(1, len(documents)) + len(set(paths)))
        return documents, self._in_order(paths, named)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        check_collection(collection)
        answers = self._channel.find_between(collection, field, first, last, most)
        documents = [self._document(answer) for answer in answers]
        self._bill("reads", max(1, len(documents)))
        return documents

    def count(self, collection: str, where: Where | None = None) -> int:
        check_collection(collection)
        counted = self._channel.count(collection, where)
        self._bill("reads", max(1, ceil(counted / _COUNTED_PER_READ)))
        return counted

    @cached_property
    def _channel(self) -> Channel:
        from shared.adapters.google.firestore.rpc import Channel

        return Channel(self._project, self._database)

    def _in_order(self, paths: tuple[str, ...], answers: list[Any]) -> list[Document | None]:
        documents = {document.path: document for document in map(self._document, answers)}
        return [documents.get(path) for path in paths]

    def _document(self, message: Any) -> Document:
        path = message.name.removeprefix(f"{self._channel.root}/")
        return Document(path, decode_fields(message.fields), _version(message.update_time))

    def _bill(self, kind: str, number: int = 1) -> None:
        with self._lock:
            self.operations[kind] += number


def _version(updated: Any) -> str:
    """Keep the nanoseconds: two writes of one microsecond are two versions."""
    return f"{updated.seconds}.{updated.nanos:09d}"
