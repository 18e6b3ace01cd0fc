"""Bus in one SQLite file: one process publishes, another pushes, as Pub/Sub does."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from shared.adapters.wire import encoded_message, to_json
from shared.core.errors import Unavailable
from shared.ports import Clock, Http, Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, url TEXT);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    data BLOB NOT NULL,
    attributes BLOB NOT NULL,
    published_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL  -- seconds since the epoch; NULL: delivered, or nobody listens
);
CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY REFERENCES messages (number),
    dead_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    taken_until REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
"""
_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(seconds=600)
_PUSH_TIMEOUT = timedelta(seconds=60)
_AT_ONCE = 8
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Push:
    """One attempt to deliver: ``answer`` is the HTTP status, or why there was none."""

    message_id: str
    topic: str
    attempt: int
    answer: int | str

    @property
    def accepted(self) -> bool:
        return isinstance(self.answer, int) and 200 <= self.answer < 300


def redelivery_delay(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: 10 s, doubling to 600 s."""
    doublings = min(attempts - 1, 10)
    return min(_FIRST_DELAY * (1 << doublings), _LONGEST_DELAY)


class LocalBus:
    """Topics with at most one push subscriber each. Without a ``path`` everything is forgotten at exit.

    What was refused ``attempts`` times is a dead letter: kept with the last answer, and pushed no more.
    """

    def __init__(
        self, path: Path | None, clock: Clock, project: str = "demo-local", attempts: int = _MOST_ATTEMPTS
    ) -> None:
        self._path, self._clock, self._project, self._attempts = path, clock, project, attempts
        self._lock = Lock()

    def add_topic(self, topic: str, url: str | None = None) -> None:
        """Make a topic known; its messages are pushed to ``url`` from now on, or to nobody."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO topics VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET url = excluded.url", (topic, url)
            )

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        """As the port says; raises ValueError for a message no bus can carry."""
        sent = (encoded_message(message.body, message.attributes) for message in messages)
        ready = [(data, to_json(attributes)) for data, attributes in sent]
        now = self._clock.now()
        ids = [self._clock.token() for _ in ready]
        with self.transaction() as connection:
            topic_row = connection.execute("SELECT url FROM topics WHERE name = ?", (topic,)).fetchone()
            if topic_row is None:
                raise Unavailable("bus", f"topic {topic} does not exist")
            due = None if topic_row[0] is None else now.timestamp()
            connection.executemany(
                "INSERT INTO messages (id, topic, data, attributes, published_at, due_at) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (ident, topic, data, attributes, now.isoformat().replace("+00:00", "Z"), due)
                    for ident, (data, attributes) in zip(ids, ready, strict=True)
                ],
            )
        return ids

    def deliver(self, http: Http) -> list[Push]:
        """Push every message that is due, once; return the attempts in order of publication."""
        with self.transaction() as connection:
            due = connection.execute(
                "SELECT m.number, m.due_at, t.url FROM messages m JOIN topics t ON t.name = m.topic"
                " WHERE m.due_at <= ? AND t.url IS NOT NULL ORDER BY m.number",
                (self._clock.now().timestamp(),),
            ).fetchall()
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            pushes = list(pool.map(lambda row: self._push(http, *row), due))
        return [push for push in pushes if push is not None]

    def backlog(self) -> int:
        """Count the messages that wait for delivery."""
        with self.transaction() as connection:
            return int(connection.execute("SELECT count(*) FROM messages WHERE due_at IS NOT NULL").fetchone()[0])

    def _push(self, http: Http, number: int, due_at: float, url: str) -> Push | None:
        """Deliver one message, or return None if another pump has it."""
        # The next attempt is on record before this one is made: a pump that dies loses nothing.
        lease = (self._clock.now() + _PUSH_TIMEOUT).timestamp()
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE messages SET attempts = attempts + 1, due_at = ? WHERE number = ? AND due_at = ?"
                " RETURNING id, topic, attempts, data, attributes, published_at",
                (lease, number, due_at),
            ).fetchone()
        if row is None:
            return None
        ident, topic, attempt, *content = row
        answer = self._post(
            http,
            f"{url}/projects/{self._project}/topics/{topic}",
            {
                "message": _envelope(ident, *content),
                "subscription": f"projects/{self._project}/subscriptions/{topic}-push",
            },
        )
        push = Push(ident, topic, attempt, answer)
        now = self._clock.now()
        dead = not push.accepted and attempt >= self._attempts
        next_at = None if push.accepted or dead else (now + redelivery_delay(attempt)).timestamp()
        with self.transaction() as connection:
            changed = connection.execute(
                "UPDATE messages SET due_at = ? WHERE number = ? AND due_at = ?", (next_at, number, lease)
            )
            if dead and changed.rowcount:
                reason = f"the last answer was {answer}"
                connection.execute(
                    "INSERT OR IGNORE INTO dead_letters (number, dead_at, reason) VALUES (?, ?, ?)",
                    (number, now.isoformat(), reason),
                )
        return push

    def _post(self, http: Http, url: str, body: dict[str, Any]) -> int | str:
        try:
            return http.request("POST", url, body, _PUSH_TIMEOUT).status
        except Unavailable as error:
            return str(error)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements on the file, all or none; raises ``Unavailable`` where it cannot be read or written."""
        try:
            with self._lock, self._connection as connection:
                yield connection
        except sqlite3.Error as error:
            raise Unavailable("bus", f"{self._path or 'memory'}: {error}") from error

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path or ":memory:", timeout=5.0, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        return connection


def _envelope(ident: str, data: bytes, attributes: bytes, published_at: str) -> dict[str, Any]:
    return {
        "data": base64.b64encode(data).decode(),
        "messageId": ident,
        "publishTime": published_at,
        "attributes": json.loads(attributes),
    }
