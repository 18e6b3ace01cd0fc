"""A memory store that shares its values: a night reads each document a hundred times and changes none in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.documents import Where, in_range, matches
from shared.adapters.local.memory import MemoryStore
from shared.ports import Document


class SharingStore(MemoryStore):
    """A ``MemoryStore`` without its copies and checks, for one thread at a time.

    Nothing changes what it has read or written: values become dataclasses and new values are made of those.
    """

    def get(self, *paths: str) -> list[Document | None]:
        return [self._at(path) for path in paths]

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        documents = self._collections.get(collection)
        if not documents:
            return []
        return [documents[name] for name in sorted(documents) if matches(documents[name].data, where)]

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        documents = self._collections.get(collection, {}).values()
        hits = [document for document in documents if in_range(document.data, field, first, last)]
        return sorted(hits, key=lambda document: (document.data[field], document.path))[:most]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._put(path, dict(data)) if self._at(path) is None else None

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        stored = self._at(path)
        if stored is None or stored.version != version:
            return None
        return self._put(path, dict(data))
