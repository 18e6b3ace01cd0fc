"""What git says of the tree: the commit, and when files changed last."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


class NoCommit(Exception):
    """The tree is not a git checkout, or git does not answer."""


def commit(root: Path) -> str:
    """Return the commit of the tree, 40 hex digits; raises ``NoCommit``."""
    return _git(root, "rev-parse", "HEAD")


def changed_at(root: Path, paths: Sequence[str]) -> datetime | None:
    """Return when the last commit that touched one of these paths was made; None if none did."""
    text = _git(root, "log", "-1", "--format=%cI", "--", *paths)
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _git(root: Path, *words: str) -> str:
    try:
        ended = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoCommit(f"git {words[0]} in {root}: {getattr(error, 'stderr', '') or error}".strip()) from error
    return ended.stdout.strip()
