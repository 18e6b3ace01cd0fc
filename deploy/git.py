"""What git says of the tree: the commit, what is not in it, and since when files are no longer those of another one."""

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


def left_at(root: Path, commit: str, paths: Sequence[str]) -> datetime | None:
    """Return when the tree first changed one of these paths after a commit, as its main line has it.

    None if it never did, or does not know the commit: then it is unknown since when something else runs.
    """
    try:
        text = _git(root, "log", "--first-parent", "--reverse", "--format=%cI", f"{commit}..HEAD", "--", *paths)
    except NoCommit:
        return None
    return datetime.fromisoformat(text.splitlines()[0]).astimezone(UTC) if text else None


def changed(root: Path, paths: Sequence[str]) -> list[str]:
    """Return which of these paths hold what was not committed; raises ``NoCommit``."""
    return [line[3:] for line in _git(root, "status", "--porcelain", "--", *paths).splitlines()]


def _git(root: Path, *words: str) -> str:
    try:
        ended = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, encoding="utf-8", errors="replace", check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoCommit(f"git {words[0]} in {root}: {getattr(error, 'stderr', '') or error}".strip()) from error
    return ended.stdout.rstrip()
