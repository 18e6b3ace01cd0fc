"""When a sweep has to look at what is of no run: one small document for each pipeline (behaviour T7).

It holds the next moment at which the clock, or what nobody tells us of, may change anything of that; when all open runs
are looked at whatever their own documents say; and by which policy and code the last such look was. What is raised or
changed between two sweeps makes it due, before it is written, so that no crash leaves it unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.app.state.opening import SECOND_LOOK
from shared.app.state.repository import next_due_at
from shared.core.objectives.events import Gap
from shared.documents import from_data, to_data
from shared.ports import Document


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the next sweeps of a pipeline have to do.

    ``next_at`` and ``whole_at`` None are at once. ``touched`` is true from an event on until a sweep has begun to look;
    before ``settles_at`` no sweep puts anything off.
    ``closed`` are the runs whose closing the next sweep settles the alerts of. ``late`` are the gaps between sweeps
    that the record does not have yet.
    """

    looked_by: str = ""
    next_at: datetime | None = None
    whole_at: datetime | None = None
    touched: bool = False
    settles_at: datetime | None = None
    closed: tuple[str, ...] = ()
    late: tuple[Gap, ...] = ()

    def is_due(self, now: datetime) -> bool:
        return self.touched or self.next_at is None or now >= self.next_at

    def asks_for_all(self, looked_by: str, now: datetime) -> bool:
        """True where every open run is to be looked at: another policy or code, or the time for it has come."""
        return self.looked_by != looked_by or self.whole_at is None or now >= self.whole_at


def path_of(pipeline: str) -> str:
    return f"sweeps/{pipeline}"


def looked_by(ctx: Context) -> str:
    """Return what decides how a run is looked at: of another policy or code all of them are looked at anew."""
    return f"{ctx.policy.version}/{ctx.code_version}"


def read_upkeep(ctx: Context) -> Upkeep:
    """Return the upkeep; one that is not there, or that nobody can read, asks for everything at once."""
    return _read(ctx, ctx.ports.store.get(path_of(ctx.policy.pipeline))[0])


def due_since(ctx: Context) -> datetime | None:
    """Return when the next sweep has something to do, None where that is at once or not known."""
    upkeep = read_upkeep(ctx)
    if upkeep.touched or upkeep.next_at is None or upkeep.whole_at is None:
        return None
    first = next_due_at(ctx.ports.store, ctx.policy.pipeline)
    return min(at for at in (upkeep.next_at, upkeep.whole_at, first) if at is not None)


def touch_upkeep(ctx: Context, *, whole: bool = False) -> None:
    """Make the next sweep look at what is of no run, with ``whole`` at every open run too.

    Nothing is written where that has been asked for since a sweep looked. Raises ``Unavailable`` without the store.
    """
    now = ctx.ports.clock.now()

    def touched(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        if document is None:
            return None, None  # the first sweep looks at everything
        before = _read(ctx, document)
        whole_at = now if whole and (before.whole_at is None or before.whole_at > now) else before.whole_at
        after = replace(before, touched=True, whole_at=whole_at)
        return (None if after == before else to_data(after)), None

    change_document(ctx.ports.store, path_of(ctx.policy.pipeline), touched)


def begin(ctx: Context, upkeep: Upkeep, started: datetime) -> Upkeep:
    """Note that a sweep begins to look, and return the upkeep as it is then: what touches it from now on is seen by the
    next sweep. It stays due until what had touched it has settled."""
    if not upkeep.touched:
        return upkeep
    return _change(ctx, lambda now: replace(now, touched=False, settles_at=started + SECOND_LOOK))


def end(ctx: Context, before: Upkeep, after: Upkeep, started: datetime) -> None:
    """Write what the next sweeps have to do, where that has changed."""
    if before.settles_at is not None and before.settles_at > started:
        asked = before.whole_at is None or before.whole_at <= started
        after = replace(after, next_at=None, whole_at=before.whole_at if asked else after.whole_at)

    def merged(now: Upkeep) -> Upkeep:
        if not now.touched:
            return after
        return replace(
            after, touched=True, whole_at=after.whole_at if now.whole_at == before.whole_at else now.whole_at
        )

    _change(ctx, merged)


def _change(ctx: Context, change: Callable[[Upkeep], Upkeep]) -> Upkeep:
    def changed(document: Document | None) -> tuple[Mapping[str, Any] | None, Upkeep]:
        before = _read(ctx, document)
        after = change(before)
        return (None if after == before and document is not None else to_data(after)), after

    return change_document(ctx.ports.store, path_of(ctx.policy.pipeline), changed)


def _read(ctx: Context, document: Document | None) -> Upkeep:
    if document is None:
        return Upkeep()
    try:
        return from_data(Upkeep, document.data)
    except ValueError as error:
        ctx.log("sweep.upkeep_unreadable", severity="ERROR", error=str(error))
        return Upkeep()
