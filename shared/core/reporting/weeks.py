"""Dates as the weeks of a calendar, each with how its runs went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shared.core.model import Lane
from shared.core.reporting.page import Row, Tone
from shared.core.texts import amount

# So many runs of a date are named one by one; of more than that it is said how many are of which tone.
NAMED = 4
GRAVEST = (Tone.BAD, Tone.NOTICE, Tone.BUSY, Tone.GOOD, Tone.QUIET)
WORDS = {Tone.GOOD: "done", Tone.BUSY: "under way", Tone.NOTICE: "odd", Tone.BAD: "wrong", Tone.QUIET: "quiet"}


@dataclass(frozen=True, slots=True)
class DayMark:
    """How one run of a date, or ``count`` of them, went. ``run`` is its id, "" for several or for what has no run."""

    name: str
    word: str
    tone: Tone
    run: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One date; without marks where nothing of it is asked for."""

    day: date
    marks: tuple[DayMark, ...] = ()
    today: bool = False


Week = tuple[CalendarDay | None, ...]
"""Seven dates from Monday on, None for those that are not shown."""


def weeks(first: date, last: date, today: date, rows: Iterable[Row]) -> tuple[Week, ...]:
    """Return the weeks from ``first`` to ``last``, the newest first."""
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row.key.day, []).append(row)
    monday = first - timedelta(days=first.weekday())
    listed = []
    while monday <= last:
        days = [monday + timedelta(days=n) for n in range(7)]
        listed.append(
            tuple(
                CalendarDay(day, _day_marks(by_day.get(day, ())), day == today) if first <= day <= last else None
                for day in days
            )
        )
        monday += timedelta(days=7)
    return tuple(reversed(listed))


def word_of(row: Row) -> tuple[str, Tone]:
    """Return the gravest word of a run and its tone: `done` where every transition went as it should."""
    if not row.cells:
        return row.said, row.tone
    gravest = min(row.cells, key=lambda cell: GRAVEST.index(cell.tone))
    if gravest.tone in (Tone.GOOD, Tone.QUIET):
        return WORDS[gravest.tone], gravest.tone
    return gravest.word if gravest.tone is not Tone.NOTICE else _odd(row), gravest.tone


def _odd(row: Row) -> str:
    """Return what is odd of a run that went: `degraded` or `late`, else the word of its transition."""
    notes = [note for cell in row.cells for note in cell.notes]
    for word in ("degraded", "late"):
        if any(note.startswith(word) for note in notes):
            return word
    return next(cell.word for cell in row.cells if cell.tone is Tone.NOTICE)


def _day_marks(rows: Sequence[Row]) -> tuple[DayMark, ...]:
    if len(rows) > NAMED:
        return _counted(rows)
    marks = []
    for row in rows:
        word, tone = word_of(row)
        name = row.key.mode.replace("_", " ") + (" backfill" if row.key.lane is Lane.BACKFILL else "")
        marks.append(DayMark(name, word, tone, row.key.id if row.cells else ""))
    same = {(mark.word, mark.run) for mark in marks}
    if len(marks) > 1 and len(same) == 1:
        return (DayMark("every pass", marks[0].word, marks[0].tone),)
    return tuple(marks)


def _counted(rows: Sequence[Row]) -> tuple[DayMark, ...]:
    tones = [word_of(row)[1] for row in rows]
    counts = [(tone, tones.count(tone)) for tone in GRAVEST if tone in tones]
    return tuple(DayMark(amount(count, "run"), WORDS[tone], tone, "", count) for tone, count in counts)
