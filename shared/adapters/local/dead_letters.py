"""What the bus in one SQLite file gave up delivering."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from shared.adapters.wire import checked, to_json
from shared.core.errors import Unavailable
from shared.ports import Clock, DeadLetter

LEASE = timedelta(minutes=1)


class File(Protocol):
    """The file of a bus."""

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...


class LocalDeadLetters:
    """The dead letters of an embedded bus, oldest first."""

    def __init__(self, bus: File, clock: Clock) -> None:
        self._bus, self._clock = bus, clock

    def take(self, most: int) -> list[DeadLetter]:
        now = self._clock.now()
        with self._bus.transaction() as connection:
            rows = connection.execute(
                "SELECT m.number, m.id, m.topic, m.data, m.attributes, m.published_at, d.dead_at, m.attempts, d.reason"
                " FROM dead_letters d JOIN messages m ON m.number = d.number"
                " WHERE d.taken_until <= ? ORDER BY m.number LIMIT ?",
                (now.timestamp(), most),
            ).fetchall()
            _until(connection, (now + LEASE).timestamp(), [row[0] for row in rows])
        return [_letter(*row) for row in rows]

    def publish(self, letter: DeadLetter, attributes: Mapping[str, str]) -> str:
        ready, ident, now = to_json(checked(attributes)), self._clock.token(), self._clock.now()
        with self._bus.transaction() as connection:
            topic = connection.execute("SELECT url FROM topics WHERE name = ?", (letter.topic,)).fetchone()
            if topic is None:
                raise Unavailable("bus", f"topic {letter.topic} does not exist")
            connection.execute(
                "INSERT INTO messages (id, topic, data, attributes, published_at, due_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    ident,
                    letter.topic,
                    letter.data,
                    ready,
                    now.isoformat().replace("+00:00", "Z"),
                    None if topic[0] is None else now.timestamp(),
                ),
            )
        return ident

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        with self._bus.transaction() as connection:
            connection.executemany(
                "DELETE FROM dead_letters WHERE number = ?", [(int(letter.lease),) for letter in letters]
            )

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        with self._bus.transaction() as connection:
            _until(connection, 0.0, [int(letter.lease) for letter in letters])


def _until(connection: sqlite3.Connection, until: float, numbers: Sequence[int]) -> None:
    connection.executemany(
        "UPDATE dead_letters SET taken_until = ? WHERE number = ?", [(until, number) for number in numbers]
    )


def _letter(
    number: int,
    ident: str,
    topic: str,
    data: bytes,
    attributes: bytes,
    published_at: str,
    dead_at: str,
    attempts: int,
    reason: str,
) -> DeadLetter:
    return DeadLetter(
        message_id=ident,
        topic=topic,
        subscription=f"{topic}-push",
        data=data,
        attributes=json.loads(attributes),
        published_at=datetime.fromisoformat(published_at),
        dead_at=datetime.fromisoformat(dead_at),
        attempts=attempts,
        reason=reason,
        lease=str(number),
    )
