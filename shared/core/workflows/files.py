"""Files of scrapers that were announced and never became rows: which of them are announced again (section 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

PATIENCE = timedelta(minutes=30)
AGAIN_AFTER = timedelta(hours=1)
MOST = 3
COUNTED_FOR = timedelta(hours=24)
REFUSE_ABOVE_SHARE, REFUSE_ABOVE_FILES = 0.8, 10
PHASE, WIRE_PHASE = "phase1", "phase_1_scrapers"


@dataclass(frozen=True, slots=True)
class ScraperFile:
    """A file as its scraper announced it. ``closed_for`` says why nobody waits for its rows any more, "" while they do.

    ``message`` is what was announced; ``again`` counts the re-announcements, ``again_at`` is the latest.
    """

    pipeline: str
    id: str
    scraper: str
    processor: str
    day: date
    announced_at: datetime
    message: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    again: int = 0
    again_at: datetime | None = None
    closed_for: str = ""
    expires_at: datetime | None = None


def topic_of(pipeline: str) -> str:
    """Return the topic on which scrapers announce their files."""
    return f"{pipeline}-phase1-scrapers-complete"


def looked_at(file: ScraperFile, now: datetime) -> datetime:
    """Return from when on it is looked whether a file became rows: half an hour after it was announced, an hour after
    it was announced again."""
    return file.announced_at + PATIENCE if file.again_at is None else file.again_at + AGAIN_AFTER


def is_due(file: ScraperFile, now: datetime) -> bool:
    """True where it is time to look whether a file became rows."""
    return not file.closed_for and now >= looked_at(file, now)


def is_refused(missing: int, counted: int) -> bool:
    """True where so many files became no rows that something larger is wrong: nothing is announced again then."""
    return counted > REFUSE_ABOVE_FILES and missing > REFUSE_ABOVE_SHARE * counted


def counted(files: Sequence[ScraperFile], now: datetime) -> list[ScraperFile]:
    """Return the files that the share is of: of the last 24 hours, and older than half an hour."""
    return [file for file in files if PATIENCE <= now - file.announced_at < COUNTED_FOR]
