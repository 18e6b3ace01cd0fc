"""The embedded state store: one SQLite file, shared by threads and by processes."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from shared.adapters.documents import Where, check_collection, checked, in_range, matches, split
from shared.core.errors import Unavailable
from shared.ports import Document, StateStore

T = TypeVar("T")

BUSY = timedelta(seconds=5)

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS documents (
           path TEXT PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, version TEXT NOT NULL
       ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS documents_by_collection ON documents (collection)",
)
# Random, not counted: a document deleted and made anew must not answer to its old version.
_CREATE = """INSERT INTO documents VALUES (?, ?, ?, ?, lower(hex(randomblob(12))))
             ON CONFLICT (path) DO NOTHING RETURNING version"""
_UPDATE = """UPDATE documents SET data = ?, version = lower(hex(randomblob(12)))
             WHERE path = ? AND version = ? RETURNING version"""
_GET = "SELECT path, data, version FROM documents WHERE path IN "
_AT, _FLOAT, _ESCAPE = "$at", "$float", "$"


class SqliteStore(StateStore):
    """A ``StateStore`` in a file (``":memory:"`` for none); every write is on disk when it returns.

    A lock held longer than ``busy``, a closed or broken file: ``Unavailable``.
    """

    def __init__(self, path: str | Path, busy: timedelta = BUSY) -> None:
        self._path, self._busy = str(path), busy.total_seconds()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = self._guarded(self._open)

    def get(self, *paths: str) -> list[Document | None]:
        for path in paths:
            split(path)
        sql = _GET + f"({', '.join('?' * len(paths))})"
        rows = {path: (data, version) for path, data, version in self._rows(sql, paths)}
        return [Document(path, _decoded(rows[path][0]), rows[path][1]) if path in rows else None for path in paths]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return _version(self._rows(_CREATE, (path, *split(path), _encoded(data))))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        split(path)
        return _version(self._rows(_UPDATE, (_encoded(data), path, version)))

    def delete(self, path: str) -> None:
        split(path)
        self._rows("DELETE FROM documents WHERE path = ?", (path,))

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        sql, values = _select(collection, where)
        documents = [Document(path, _decoded(data), version) for path, data, version in self._rows(sql, values)]
        return sorted((document for document in documents if matches(document.data, where)), key=lambda d: d.id)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        sql, values = _select(collection, None)
        if _quotable(field, first + last):
            sql += " AND json_extract(data, ?) BETWEEN ? AND ?"
            values += [f'$."{_stored_key(field)}"', first, last]
        documents = [Document(path, _decoded(data), version) for path, data, version in self._rows(sql, values)]
        listed = [document for document in documents if in_range(document.data, field, first, last)]
        return sorted(listed, key=lambda document: (document.data[field], document.id))[:most]

    def count(self, collection: str, where: Where | None = None) -> int:
        return len(self.query(collection, where))

    def close(self) -> None:
        """Close the file; every later call raises ``Unavailable``."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        # Autocommit: each operation is one statement, so one statement is one transaction.
        connection = sqlite3.connect(
            self._path, timeout=self._busy, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            self._when_free(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall())
            connection.execute("PRAGMA synchronous = FULL")
            for statement in _SCHEMA:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _when_free(self, step: Callable[[], object]) -> None:
        """Repeat ``step`` while the file is locked: the change to WAL does not wait by itself."""
        end = time.monotonic() + self._busy
        while True:
            try:
                step()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.01)  # noqa: TID251 - another process holds the file, in real time

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._guarded(lambda: self._execute(sql, values))

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Any]:
        if not self._lock.acquire(timeout=self._busy):
            raise Unavailable("state", f"{self._path}: no thread let go of it within {self._busy:g} s")
        try:
            if self._connection is None:
                raise Unavailable("state", f"{self._path}: closed")
            with closing(self._connection.execute(sql, values)) as cursor:
                # To the last row: only then is a statement with RETURNING committed.
                return cursor.fetchall()
        finally:
            self._lock.release()

    def _guarded(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except sqlite3.Error as error:
            raise Unavailable("state", f"{self._path}: {error}") from error


def _version(rows: Sequence[tuple[str]]) -> str | None:
    return rows[0][0] if rows else None


def _select(collection: str, where: Where | None) -> tuple[str, list[Any]]:
    """Let SQLite leave out what cannot match; types are compared afterwards, where True is not 1."""
    check_collection(collection)
    values: list[Any] = [collection]
    sql = "SELECT path, data, version FROM documents WHERE collection = ?"
    for key, value in (where or {}).items():
        if not _quotable(key, value):
            continue
        sql += " AND json_extract(data, ?) IS ?"
        values += [f'$."{_stored_key(key)}"', value]
    return sql, values


def _quotable(key: str, value: object) -> bool:
    """Whether SQLite's JSON paths and texts can carry both: it knows no escapes and ends texts at NUL."""
    return not any(mark in key for mark in '"\\') and f"{key}{value}".isprintable()


def _encoded(data: Mapping[str, Any]) -> str:
    return json.dumps(_tagged(checked(data)), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _decoded(text: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(text, object_hook=_untagged)
        return data
    except ValueError as error:
        raise Unavailable("state", f"a stored document is damaged: {error}") from error


def _tagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {_stored_key(key): _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, datetime):
        return {_AT: value.isoformat()}
    if isinstance(value, float) and not isfinite(value):
        return {_FLOAT: repr(value)}
    return value


def _untagged(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if _AT in value:
            return datetime.fromisoformat(value[_AT])
        if _FLOAT in value:
            return float(value[_FLOAT])
    return {key.removeprefix(_ESCAPE): item for key, item in value.items()}


def _stored_key(key: str) -> str:
    """Set the caller's own ``$`` apart from the tags."""
    return _ESCAPE + key if key.startswith(_ESCAPE) else key
