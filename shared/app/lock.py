"""A lease in the state store: one holder at a time, with a fencing number (behaviour 12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.documents import from_data, to_data


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held until ``expires_at``. ``fence`` grows with every holder, so that what a late one
    writes can be refused; ``version`` is the document's when the lease was taken."""

    name: str
    owner: str
    fence: int
    expires_at: datetime
    version: str = ""


@dataclass(frozen=True, slots=True)
class Locked:
    """Somebody else holds the lock until then."""

    until: datetime


def acquire(ctx: Context, name: str, lease: timedelta) -> Lease | Locked:
    """Take the lock, if nobody holds it or its holder's time is over; never waits."""
    now, path, store = ctx.ports.clock.now(), f"locks/{name}", ctx.ports.store
    document = store.get(path)[0]
    if document is None:
        mine = Lease(name, ctx.ports.clock.token(), 1, now + lease)
        version = store.create(path, to_data(mine))
    else:
        held = from_data(Lease, document.data)
        if now < held.expires_at:
            return Locked(held.expires_at)
        mine = Lease(name, ctx.ports.clock.token(), held.fence + 1, now + lease)
        version = store.update(path, to_data(mine), document.version)
    if version is None:
        return Locked(now + lease)
    return Lease(mine.name, mine.owner, mine.fence, mine.expires_at, version)


def release(ctx: Context, lease: Lease) -> bool:
    """Give the lock back; False if it was no longer ours."""
    over = Lease(lease.name, lease.owner, lease.fence, ctx.ports.clock.now())
    return ctx.ports.store.update(f"locks/{lease.name}", to_data(over), lease.version) is not None
