"""A memory store that shares its values: a night reads each document a hundred times and changes none in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.documents import Where, matches, split
from shared.adapters.local.memory import MemoryStore
from shared.ports import Document


class SharingStore(MemoryStore):
    """A ``MemoryStore`` without its copies and checks, for one thread at a time.

    Nothing changes what it has read or written: values become dataclasses and new values are made of those.
    """

    def get(self, *paths: str) -> list[Document | None]:
        found = [(path, self._at(path)) for path in paths]
        return [None if stored is None else Document(path, stored[0], stored[1]) for path, stored in found]

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        documents = self._collections.get(collection)
        if not documents:
            return []
        return [
            Document(f"{collection}/{name}", data, version)
            for name, (data, version) in sorted(documents.items())
            if matches(data, where)
        ]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        parent, name = split(path)
        documents = self._collections.setdefault(parent, {})
        return None if name in documents else self._put(documents, name, dict(data))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        parent, name = split(path)
        stored = self._at(path)
        if stored is None or stored[1] != version:
            return None
        return self._put(self._collections[parent], name, dict(data))
