"""How complete a day is, as a word for its percentage (behaviour 11)."""

from __future__ import annotations

BANDS = ((95.0, "complete"), (90.0, "nearly complete"), (50.0, "incomplete"))
LOWEST = "mostly missing"


def band(percent: float) -> str:
    """Return the word of a percentage: at least 95, at least 90, at least 50, or less."""
    return next((word for least, word in BANDS if percent >= least), LOWEST)
