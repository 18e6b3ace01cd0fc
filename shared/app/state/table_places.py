"""Places for statements that change a table, shared by all instances and pipelines of a database (deploy/LIMITS.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.calendar import KEPT
from shared.core.errors import Unavailable
from shared.core.limits.dml import Bound, Full, TableUse, give_back, take
from shared.core.limits.waits import Waits
from shared.documents import from_data, to_data
from shared.ports import Document

COLLECTION = "table_places"
# A statement takes seconds: to wait for a place so long is better than to come back in a minute.
PATIENCE, POLL = timedelta(seconds=5), timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one statement: one at each table that it changes."""

    owner: str
    tables: tuple[str, ...]


def take_places(ctx: Context, tables: Sequence[str], patience: timedelta = PATIENCE) -> Places | Full:
    """Take a place at each table, waiting for one no longer than ``patience``; ``Full`` where there is none.

    Raises ``Unavailable`` without the store: what cannot be counted is not begun.
    """
    clock = ctx.ports.clock
    taken = Places(clock.token() if tables else "", ())
    for table in sorted(tables):
        began = clock.now()
        place = _take(ctx, table, taken.owner, patience)
        now = clock.now()
        if isinstance(place, Full):
            left = max((place.again_at - now).total_seconds(), 0.0)
            ctx.log("place.full", severity="WARNING", lock=table, bound=place.bound, wait_seconds=left)
            give_back_places(ctx, taken)
            return place
        ctx.log("place.taken", lock=table, wait_seconds=(now - began).total_seconds())
        taken = Places(taken.owner, (*taken.tables, table))
    return taken


def give_back_places(ctx: Context, places: Places) -> None:
    """Give the places of a statement back that is over; one that cannot be given back is free after a while."""
    for table in places.tables:

        def without(document: Document | None, table: str = table) -> tuple[Mapping[str, Any] | None, None]:
            before = _read(ctx, document, table)
            after = give_back(before, places.owner)
            return (None if after == before else _data(ctx, after)), None

        try:
            change_document(ctx.ports.store, path_of(table), without)
        except Unavailable as error:
            ctx.log("place.not_given_back", severity="WARNING", table=table, error=str(error))


def _take(ctx: Context, table: str, owner: str, patience: timedelta) -> TableUse | Full:
    clock = ctx.ports.clock
    began = clock.now()

    def one_more(document: Document | None) -> tuple[Mapping[str, Any] | None, TableUse | Full]:
        now = clock.now()
        use = take(_read(ctx, document, table), owner, now, now - began)
        return (None if isinstance(use, Full) else _data(ctx, use)), use

    use = change_document(ctx.ports.store, path_of(table), one_more)
    for _ in range(patience // POLL):
        if not isinstance(use, Full) or use.bound is Bound.A_DAY:
            break
        clock.sleep(POLL)
        use = change_document(ctx.ports.store, path_of(table), one_more)
    return use


def path_of(table: str) -> str:
    return f"{COLLECTION}/{table}"


def waits_in(ctx: Context, document: Document | None, table: str) -> Waits:
    """Return how long was waited for the places of a table, by its document."""
    return _read(ctx, document, table).waits


def _data(ctx: Context, use: TableUse) -> Mapping[str, Any]:
    return {**to_data(use), "expires_at": ctx.ports.clock.now() + KEPT}


def _read(ctx: Context, document: Document | None, table: str) -> TableUse:
    if document is None:
        return TableUse(table)
    try:
        return from_data(TableUse, document.data)
    except ValueError as error:  # what nobody can read keeps no statement back, and is written over
        ctx.log("place.unreadable", severity="ERROR", table=table, error=str(error))
        return TableUse(table)
