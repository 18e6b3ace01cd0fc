"""The state store of simulations: a dictionary behind a lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import count
from typing import Any

from shared.adapters.documents import Where, check_collection, checked, copied, matches, split
from shared.ports import Document

_Stored = tuple[dict[str, Any], str]


class MemoryStore:
    """A ``StateStore`` that forgets everything with the process; safe across threads.

    Callers share nothing with it: values are copied on the way in and on the way out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._collections: dict[str, dict[str, _Stored]] = {}
        # Never reused, so that a document deleted and made anew does not answer to its old version.
        self._versions = count(1)

    def get(self, *paths: str) -> list[Document | None]:
        with self._lock:
            found = [(path, self._at(path)) for path in paths]
        return [stored and Document(path, copied(stored[0]), stored[1]) for path, stored in found]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        parent, name = split(path)
        fresh = checked(data)
        with self._lock:
            documents = self._collections.setdefault(parent, {})
            return None if name in documents else self._put(documents, name, fresh)

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        parent, name = split(path)
        fresh = checked(data)
        with self._lock:
            stored = self._at(path)
            if stored is None or stored[1] != version:
                return None
            return self._put(self._collections[parent], name, fresh)

    def delete(self, path: str) -> None:
        parent, name = split(path)
        with self._lock:
            self._collections.get(parent, {}).pop(name, None)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        found = self._matching(collection, where)
        return [Document(f"{collection}/{name}", copied(data), version) for name, (data, version) in sorted(found)]

    def count(self, collection: str, where: Where | None = None) -> int:
        return len(self._matching(collection, where))

    def _matching(self, collection: str, where: Where | None) -> list[tuple[str, _Stored]]:
        check_collection(collection)
        with self._lock:
            # Stored values are replaced, never changed: they may be read after the lock is free.
            documents = list(self._collections.get(collection, {}).items())
        return [(name, stored) for name, stored in documents if matches(stored[0], where)]

    def _at(self, path: str) -> _Stored | None:
        parent, name = split(path)
        return self._collections.get(parent, {}).get(name)

    def _put(self, documents: dict[str, _Stored], name: str, data: dict[str, Any]) -> str:
        version = str(next(self._versions))
        documents[name] = (data, version)
        return version
