"""Each part of a page or a report is read on its own: what cannot be read is named, and the rest of it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.app.context import INVENTORY
from shared.core.errors import PolicyError, Unavailable

T = TypeVar("T")


def readable(unread: list[str], what: str, read: Callable[[], T]) -> T | None:
    """Return what can be read; note in ``unread`` what cannot, and why."""
    try:
        return read()
    except Unavailable as error:
        silent = "" if error.port == INVENTORY else f"{error.port} does not answer: "
        unread.append(f"{what}: {silent}{error.reason}")
    except PolicyError as error:
        unread.append(f"{what}: {error}")
    return None
