"""Weeks of validation as a page, for the command line: no function serves it, and none imports this."""

from __future__ import annotations

from shared.adapters.page.trend_page import trend_page as drawn
from shared.core.validation.recurrence import Analysis


def trend_page(analysis: Analysis, pipeline: str) -> str:
    """Return weeks of validation as HTML."""
    return drawn(analysis, pipeline)
