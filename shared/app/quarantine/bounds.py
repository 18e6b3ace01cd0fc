"""How much quarantine may keep and say, shared by all instances (behaviour R9).

A day has room for so many rows; what comes after them is counted. An hour has so many warnings; one summary stands
for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.calendar import KEPT
from shared.documents import from_data, to_data
from shared.ports import Document

T = TypeVar("T")

COLLECTION = "quarantine_bounds"
MOST_ROWS = 1000
MOST_WARNINGS = 20
HOUR = timedelta(hours=1)
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
    """The warnings of the last hour, and when the summary of the rest began."""

    warnings: tuple[Warned, ...] = ()
    summary_since: datetime | None = None


def take_row(ctx: Context, day: date, message_id: str) -> bool:
    """Take room for one more row of a day; False if there is none, and the message was counted instead.

    A crash before the row is written leaves its room taken: there are never more rows than that.
    """

    def take(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        room = _read(document, Room())
        if room.rows < MOST_ROWS:
            return _data(ctx, replace(room, rows=room.rows + 1)), True
        if message_id in room.message_ids:
            return None, False
        ids = (*room.message_ids, message_id)[-REMEMBERED_MESSAGES:]
        return _data(ctx, replace(room, beyond=room.beyond + 1, message_ids=ids)), False

    return change_document(ctx.ports.store, _path(ctx, day.isoformat()), take)


def take_warning(ctx: Context, fingerprint: str, now: datetime) -> datetime | None:
    """Take one of the hour's warnings for a new alert; if there is none left, return when their summary began."""

    def take(document: Document | None) -> tuple[Mapping[str, Any] | None, datetime | None]:
        budget = _read(document, WarningBudget())
        recent = tuple(warning for warning in budget.warnings if now - warning.at < HOUR)
        if any(warning.fingerprint == fingerprint for warning in recent):
            return None, None
        if len(recent) < MOST_WARNINGS:
            return _data(ctx, replace(budget, warnings=(*recent, Warned(fingerprint, now)))), None
        if budget.summary_since is not None and now - budget.summary_since < HOUR:
            return None, budget.summary_since
        return _data(ctx, WarningBudget(recent, now)), now

    return change_document(ctx.ports.store, _path(ctx, "said"), take)


def _path(ctx: Context, what: str) -> str:
    return f"{COLLECTION}/{ctx.policy.pipeline}~{what}"


def _read(document: Document | None, nothing: T) -> T:
    return nothing if document is None else from_data(type(nothing), document.data)


def _data(ctx: Context, value: object) -> Mapping[str, Any]:
    return {**to_data(value), "expires_at": ctx.ports.clock.now() + KEPT}
