"""The claim of a batch: one works on it, and what it does is written only while the claim is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.batches.store import ATTEMPTS, load_batch, save_batch
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.core.batches.batch import Batch
from shared.core.errors import Unavailable

LEASE = timedelta(minutes=2)
BUDGET = timedelta(seconds=45)
Change = Callable[[Batch], Batch]


class LostClaim(Exception):
    """The claim ran out, and somebody else works on the batch by now."""


@dataclass
class Worker:
    """Who works on a batch in this call, until when it may begin more, and how the batch stands."""

    ctx: Context
    owner: str
    began_at: datetime
    stored: Stored[Batch]

    @property
    def batch(self) -> Batch:
        return self.stored.value

    def out_of_time(self) -> bool:
        """True once the rest is for another call: an instance is not kept for as long as a batch may take."""
        return self.ctx.ports.clock.now() - self.began_at >= BUDGET

    def holds(self) -> bool:
        return self.batch.owner == self.owner

    def take(self) -> bool:
        """Claim the batch; False if somebody else did, or wrote it since it was read."""
        now = self.ctx.ports.clock.now()
        claimed = replace(self.batch, owner=self.owner, lease_until=now + LEASE)
        saved = save_batch(self.ctx, replace(self.stored, value=claimed))
        if saved is None:
            self.reload()
            return False
        self.stored = saved
        return True

    def mark(self, change: Change) -> None:
        """Write what was done, even if a person wrote beside it, and keep the claim; raise ``LostClaim`` without it."""
        for _ in range(ATTEMPTS):
            if not self.holds():
                raise LostClaim
            changed = replace(change(self.batch), lease_until=self.ctx.ports.clock.now() + LEASE)
            saved = save_batch(self.ctx, replace(self.stored, value=changed))
            if saved is not None:
                self.stored = saved
                return
            self.reload()
        raise Unavailable("state", f"{self.batch.id} changes all the time")

    def release(self) -> None:
        """Give the claim back, if it is still ours."""
        for _ in range(ATTEMPTS):
            if not self.holds():
                return
            free = replace(self.batch, owner="", lease_until=None)
            saved = save_batch(self.ctx, replace(self.stored, value=free))
            if saved is not None:
                self.stored = saved
                return
            self.reload()

    def reload(self) -> None:
        fresh = load_batch(self.ctx.ports.store, self.batch.id)
        if fresh is None:
            raise Unavailable("state", f"{self.batch.id} is not there any more")
        self.stored = fresh
