"""Policies to measure with: the reference, and one whose phase 3 asks nothing but the state store and the bus."""

from __future__ import annotations

from pathlib import Path

from tests.policy_files import GONE, edit, nba, write
from tests.wide_policy import TRANSITION


def bare_policy_file(folder: Path) -> Path:
    """Write the reference policy without calendar, gates, preflight and tiers in phase 3, as the floor has none."""
    expects = {"overnight": {**nba()["transitions"][TRANSITION]["expects"]["overnight"], "tiers": []}}
    changes = {
        "calendar": GONE,
        f"transitions/{TRANSITION}/expects": expects,
        f"transitions/{TRANSITION}/gates": [],
        f"transitions/{TRANSITION}/preflight": GONE,
        f"transitions/{TRANSITION}/dispatch/messages": "one",
    }
    return write(folder, edit(nba(), changes))
