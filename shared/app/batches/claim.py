"""The claim of a batch: one works on it, and what it does is written only while the claim is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from shared.app.batches.store import Page, load_batch, save_batch
from shared.app.context import Context
from shared.app.state.compare_and_set import Contended, change_value
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
    """Who works on a batch in this call, until when it may begin more, how the batch stands, and which of its pages the
    worker has loaded itself and nobody has asked yet."""

    ctx: Context
    owner: str
    began_at: datetime
    stored: Stored[Batch]
    pages: dict[int, Stored[Page]] = field(default_factory=dict)

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
        """Write what was done, even if a person wrote beside it, and keep the claim.

        Raises ``LostClaim`` without it, ``Contended`` if others write the batch all the time.
        """

        def kept(batch: Batch) -> Batch:
            if batch.owner != self.owner:
                raise LostClaim
            return replace(change(batch), lease_until=self.ctx.ports.clock.now() + LEASE)

        self._save(kept)

    def release(self) -> None:
        """Give the claim back, if it is still ours; what cannot be given back ends with its lease."""
        try:
            self._save(lambda batch: replace(batch, owner="", lease_until=None) if batch.owner == self.owner else None)
        except Contended as error:
            self.ctx.log("batch.unreleased", severity="WARNING", batch_id=self.batch.id, error=str(error))

    def _save(self, change: Callable[[Batch], Batch | None]) -> None:
        """Save what a change makes of the batch as it is by then; None leaves it."""

        def changed(stored: Stored[Batch] | None) -> Stored[Batch] | None:
            batch = change((stored or self.stored).value)
            return None if batch is None else replace(stored or self.stored, value=batch)

        saved = change_value(self.stored, changed, partial(save_batch, self.ctx), self.reload, self.batch.id)
        if saved is not None:
            self.stored = saved

    def reload(self) -> Stored[Batch]:
        """Read the batch again; raise ``Unavailable`` if it is not there any more."""
        fresh = load_batch(self.ctx.ports.store, self.batch.id)
        if fresh is None:
            raise Unavailable("state", f"{self.batch.id} is not there any more")
        self.stored = fresh
        return fresh
