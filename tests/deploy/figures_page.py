"""Pages with figures that are calculated: what stands between their two marks is compared, or written anew."""

from __future__ import annotations

import os
from pathlib import Path

BEGIN, END = "<!-- figures: begin -->\n", "\n<!-- figures: end -->"


def assert_fresh(page: Path, figures: str) -> None:
    """Hold the figures of a page against these; with UPDATE_SNAPSHOTS set they are written there first."""
    text = page.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END.strip())
    fresh = head + BEGIN + figures + END + tail
    if os.environ.get("UPDATE_SNAPSHOTS"):
        page.write_text(fresh)
        text = fresh
    assert text == fresh, f"{page.name} is behind its figures: run this test with UPDATE_SNAPSHOTS=1"
