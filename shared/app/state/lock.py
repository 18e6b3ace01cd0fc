"""A lease in the state store: one holder at a time, with a fencing number (behaviour 12).

A lock keeps two from doing the same work, and guards no write: everything in the store is written under the version
that was read, so a holder that wakes late is refused document by document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.documents import from_data, to_data

POLL = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held until ``expires_at``.

    ``fence`` grows with every holder: it tells whoever reads the document how often the lock changed hands, and what
    is not in this store may refuse a smaller number than it has seen. ``version`` is the document's at the time.
    ``previous_until`` is until when the holder before had it, None where there was none.
    """

    name: str
    owner: str
    fence: int
    expires_at: datetime
    version: str = ""
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Locked:
    """Somebody else holds the lock, until then at the latest."""

    until: datetime


def acquire(ctx: Context, name: str, lease: timedelta, patience: timedelta = timedelta(0)) -> Lease | Locked:
    """Take the lock once nobody holds it or its holder's time is over; wait for it no longer than ``patience``."""
    deadline = ctx.ports.clock.now() + patience
    while True:
        taken = _try(ctx, name, lease)
        left = deadline - ctx.ports.clock.now()
        if isinstance(taken, Lease) or left <= timedelta(0):
            return taken
        ctx.ports.clock.sleep(min(POLL, left))


def _try(ctx: Context, name: str, lease: timedelta) -> Lease | Locked:
    now, path, store = ctx.ports.clock.now(), _path(ctx, name), ctx.ports.store
    document = store.get(path)[0]
    if document is None:
        mine = Lease(name, ctx.ports.clock.token(), 1, now + lease)
        version = store.create(path, to_data(mine))
    else:
        held = from_data(Lease, document.data)
        if now < held.expires_at:
            return Locked(held.expires_at)
        mine = Lease(name, ctx.ports.clock.token(), held.fence + 1, now + lease, previous_until=held.expires_at)
        version = store.update(path, to_data(mine), document.version)
    return Locked(now + lease) if version is None else replace(mine, version=version)


def release(ctx: Context, lease: Lease) -> bool:
    """Give the lock back; False if it was no longer ours."""
    over = replace(lease, expires_at=ctx.ports.clock.now(), version="")
    return ctx.ports.store.update(_path(ctx, lease.name), to_data(over), lease.version) is not None


def paths(ctx: Context, name: str) -> tuple[str, str]:
    """Return where a lock of the pipeline stands, and where it stood while a database had one pipeline."""
    return _path(ctx, name), f"locks/{name}"


def _path(ctx: Context, name: str) -> str:
    return f"locks/{ctx.policy.pipeline}~{name}"
