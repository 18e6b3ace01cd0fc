"""How much quarantine may keep and say, shared by all instances (behaviour R9).

A day has room for so many rows; what comes after them is counted. An hour has so many warnings; one summary stands
for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from shared.app.context import Context
from shared.core.calendar import KEPT
from shared.core.errors import Unavailable
from shared.documents import from_data, to_data

T = TypeVar("T")

COLLECTION = "quarantine_bounds"
MOST_ROWS = 1000
MOST_WARNINGS = 20
HOUR = timedelta(hours=1)
ATTEMPTS = 20
REMEMBERED_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Room:
    """What one local day has taken: rows, and the messages that found no room, of which the latest are named."""

    rows: int = 0
    beyond: int = 0
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that was raised, by the fingerprint of its alert."""

    fingerprint: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WarningBudget:
    """The warnings of the last hour, and when the summary began that stands for the rest."""

    warnings: tuple[Warned, ...] = ()
    summary_since: datetime | None = None


def take_row(ctx: Context, day: date, message_id: str) -> bool:
    """Take room for one more row of a day; False if there is none, and the message was counted instead.

    A crash before the row is written leaves its room taken: there are never more rows than that.
    """
    path = _path(ctx, day.isoformat())
    for _ in range(ATTEMPTS):
        room, version = _read(ctx, path, Room())
        has_room = room.rows < MOST_ROWS
        if has_room:
            after = replace(room, rows=room.rows + 1)
        elif message_id in room.message_ids:
            return False
        else:
            ids = (*room.message_ids, message_id)[-REMEMBERED_MESSAGES:]
            after = replace(room, beyond=room.beyond + 1, message_ids=ids)
        if _write(ctx, path, after, version):
            return has_room
    raise Unavailable("state", f"{path} changes all the time")


def take_warning(ctx: Context, fingerprint: str, now: datetime) -> datetime | None:
    """Take one of the hour's warnings for a new alert; if there is none left, return when their summary began."""
    path = _path(ctx, "said")
    for _ in range(ATTEMPTS):
        said, version = _read(ctx, path, WarningBudget())
        recent = tuple(warning for warning in said.warnings if now - warning.at < HOUR)
        if any(one.fingerprint == fingerprint for one in recent):
            return None
        if len(recent) < MOST_WARNINGS:
            after = replace(said, warnings=(*recent, Warned(fingerprint, now)))
        elif said.summary_since is not None and now - said.summary_since < HOUR:
            return said.summary_since
        else:
            after = WarningBudget(recent, now)
        if _write(ctx, path, after, version):
            return after.summary_since if len(recent) >= MOST_WARNINGS else None
    raise Unavailable("state", f"{path} changes all the time")


def _path(ctx: Context, what: str) -> str:
    return f"{COLLECTION}/{ctx.policy.pipeline}~{what}"


def _read(ctx: Context, path: str, nothing: T) -> tuple[T, str | None]:
    document = ctx.ports.store.get(path)[0]
    return (nothing, None) if document is None else (from_data(type(nothing), document.data), document.version)


def _write(ctx: Context, path: str, value: object, version: str | None) -> bool:
    data = {**to_data(value), "expires_at": ctx.ports.clock.now() + KEPT}
    store = ctx.ports.store
    return (store.create(path, data) if version is None else store.update(path, data, version)) is not None
