"""The state store of simulations: a dictionary behind a lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import count
from typing import Any

from shared.adapters.documents import Where, check_collection, checked, copied, in_range, matches, split
from shared.ports import Document, StateStore


class MemoryStore(StateStore):
    """A ``StateStore`` that forgets everything with the process; safe across threads.

    Callers share nothing with it: values are copied on the way in and on the way out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._collections: dict[str, dict[str, Document]] = {}
        # Never reused, so that a document deleted and made anew does not answer to its old version.
        self._versions = count(1)

    def get(self, *paths: str) -> list[Document | None]:
        with self._lock:
            documents = [self._at(path) for path in paths]
        return [stored and _own(stored) for stored in documents]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        fresh = checked(data)
        with self._lock:
            return self._put(path, fresh) if self._at(path) is None else None

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        fresh = checked(data)
        with self._lock:
            stored = self._at(path)
            if stored is None or stored.version != version:
                return None
            return self._put(path, fresh)

    def delete(self, path: str) -> None:
        parent, name = split(path)
        with self._lock:
            self._collections.get(parent, {}).pop(name, None)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        return [_own(stored) for stored in sorted(self._matching(collection, where), key=_path)]

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        listed = [item for item in self._matching(collection, None) if in_range(item.data, field, first, last)]
        return [_own(item) for item in sorted(listed, key=lambda item: (item.data[field], item.path))[:most]]

    def count(self, collection: str, where: Where | None = None) -> int:
        return len(self._matching(collection, where))

    def _matching(self, collection: str, where: Where | None) -> list[Document]:
        check_collection(collection)
        with self._lock:
            # Stored documents are replaced, never changed: they may be read after the lock is free.
            documents = list(self._collections.get(collection, {}).values())
        return [stored for stored in documents if matches(stored.data, where)]

    def _at(self, path: str) -> Document | None:
        parent, name = split(path)
        return self._collections.get(parent, {}).get(name)

    def _put(self, path: str, data: dict[str, Any]) -> str:
        parent, name = split(path)
        version = str(next(self._versions))
        self._collections.setdefault(parent, {})[name] = Document(path, data, version)
        return version


def _own(stored: Document) -> Document:
    """Return a copy that its reader may change."""
    return Document(stored.path, copied(stored.data), stored.version)


def _path(stored: Document) -> str:
    return stored.path
