"""What of the page is asked for: one run, alert or date, or the runs that fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.core.model import Lane, State
from shared.core.reporting.page import Row, Tone

REFRESH = 60
"""Seconds after which a page asks for itself again, unless it is told otherwise."""
WRONG, OPEN = "wrong", "open"
STATES = (
    WRONG, OPEN, *(state.value for state in State if state is not State.EMPTY_OK), "late", "degraded", "paused",
    "overtaken", "never triggered",
)  # fmt: skip
"""The words for which runs can be asked: what is wrong, what is open, or a word that a transition has."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for, "" or None for all of it: one run, one alert or one date, the last date that is shown, and of
    the runs those of a mode, in a state, that contain a text. ``refresh`` is in seconds, None where it is turned off;
    ``pipeline`` is named where there are several."""

    run: str = ""
    alert: str = ""
    day: date | None = None
    until: date | None = None
    mode: str = ""
    state: str = ""
    text: str = ""
    refresh: int | None = REFRESH
    pipeline: str = ""

    @property
    def narrow(self) -> bool:
        """True where not every run is asked for."""
        return bool(self.mode or self.state or self.text)

    def fits(self, row: Row) -> bool:
        """True of a row that is asked for."""
        in_mode = not self.mode or row.key.mode == self.mode
        return in_mode and (not self.state or _in_state(row, self.state)) and self.text.lower() in _words(row)


def _in_state(row: Row, state: str) -> bool:
    if state == WRONG:
        return Tone.NOTICE in row.tones or Tone.BAD in row.tones
    if state == OPEN:
        return bool(row.cells) and not row.closed
    notes = [note for cell in row.cells for note in cell.notes]
    return any(cell.word == state for cell in row.cells) or (
        state in ("late", "degraded") and any(note.startswith(state) for note in notes)
    )


def _words(row: Row) -> str:
    """Return every word of a row, as a search looks at them."""
    lane = "backfill" if row.key.lane is Lane.BACKFILL else ""
    words = [row.key.id, lane, row.said]
    for cell in row.cells:
        words += [cell.transition, cell.word, *cell.notes]
    return "\n".join(words).lower()
