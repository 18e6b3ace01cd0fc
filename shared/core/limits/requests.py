"""What one request may hold: rows and bytes of an insert, messages and bytes of a publication (deploy/LIMITS.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Of tabledata.insertAll: 500 rows are recommended, 50,000 and 10 MB are refused. Half of the bytes leaves room for what
# BigQuery makes of them, whose size nobody can predict.
INSERT_ROWS, INSERT_BYTES = 500, 5_000_000
INSERT_ID = 128
# Of a publication: 1,000 messages and 10 MB, of a message 10 MB.
PUBLISH_MESSAGES, PUBLISH_BYTES = 500, 5_000_000
MESSAGE_BYTES = 9_000_000


def requests(items: Iterable[tuple[T, int]], most: int, most_bytes: int) -> Iterator[list[T]]:
    """Yield what goes in one request, in order: at most so many items and bytes; ``items`` come with their sizes.

    An item that is larger than a request alone has one to itself.
    """
    together: list[T] = []
    size = 0
    for item, bytes_of in items:
        if together and (len(together) >= most or size + bytes_of > most_bytes):
            yield together
            together, size = [], 0
        together.append(item)
        size += bytes_of
    if together:
        yield together


def insert_id(name: str) -> str:
    """Return a row's name as an insert id: itself, or what stands for it where it is longer than BigQuery takes.

    Two names that differ have different ids.
    """
    if len(name) <= INSERT_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: INSERT_ID - len(digest) - 1]}~{digest}"
