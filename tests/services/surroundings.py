"""What a service stands in: a clock, the tables it writes, and the topic it reports to."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

Publish = Callable[[str, Mapping[str, Any]], None]
"""Send a message body to a topic."""


class Tables(Protocol):
    """The warehouse as a service sees it."""

    def games(self, day: str) -> int:
        """Return how many games of the date take place."""

    def count(self, table: str, day: str) -> int:
        """Return how many rows of the date a table holds."""

    def write(self, table: str, day: str, rows: int) -> None:
        """Let a table hold so many rows of the date, spread over its games."""

    def write_game(self, table: str, day: str, game: int, rows: int) -> int:
        """Add so many rows of one game of the date, counted from 0; return them."""


def at_once(work: Callable[[], None]) -> None:
    work()


@dataclass
class Surroundings:
    """``sleep`` takes simulated time; ``behind`` does work that no answer waits for; ``answers`` holds what a test
    wants a path to answer instead, in order."""

    now: Callable[[], datetime]
    sleep: Callable[[timedelta], None]
    publish: Publish
    tables: Tables
    exports: Path
    work: timedelta = timedelta(minutes=2)
    answers: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    behind: Callable[[Callable[[], None]], None] = at_once

    def instead(self, path: str) -> tuple[int, dict[str, Any]] | None:
        """Return the next answer that a test has set for a path; the last one stays."""
        listed = self.answers.get(path, [])
        if not listed:
            return None
        return listed.pop(0) if len(listed) > 1 else listed[0]


@dataclass(frozen=True)
class Job:
    """A processor of a service: its class name, its table, and the rows a game gives it."""

    name: str
    table: str
    rows_per_game: int

    @property
    def dataset(self) -> str:
        return self.table.split(".")[0]

    @property
    def bare_table(self) -> str:
        return self.table.split(".")[1]


def envelope(
    around: Surroundings, phase: str, job: Job, day: str, records: int, metadata: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Return a completion as the one publisher of phases 1 to 5 sends it: null values dropped, JSON for the rest."""
    execution = secrets.token_hex(4)
    body = {
        "processor_name": job.name,
        "phase": phase,
        "execution_id": execution,
        "correlation_id": more.pop("correlation_id", None) or execution,
        "game_date": day,
        "output_table": job.bare_table,
        "output_dataset": job.dataset,
        "status": "success",
        "record_count": records,
        "records_failed": 0,
        "timestamp": around.now().isoformat(),
        "duration_seconds": around.work.total_seconds(),
        "metadata": dict(metadata),
        **more,
    }
    sent: dict[str, Any] = json.loads(json.dumps({k: v for k, v in body.items() if v is not None}, default=str))
    return sent
