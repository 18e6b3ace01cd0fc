"""Looks at what the product holds, at the moments that expectations ask for."""

from __future__ import annotations

from collections.abc import Iterable

from shared.core.model import Lane, RunKey
from shared.simulation.expectations import Expected, Of, RecordedExpected, RunExpected
from shared.simulation.history import NOT_OPEN, CompletionSeen, Quarantined, RunSeen, Unclear
from shared.simulation.product import Product
from shared.simulation.world import World


class Observer:
    """Sees the state whatever fails for the handlers, and changes none of it."""

    def __init__(self, world: World, product: Product) -> None:
        self.world, self.product = world, product

    def look(self, index: int, meaning: RunExpected) -> None:
        observer = self.world.observer()
        key = self._key(meaning.of)
        if not isinstance(key, RunKey):
            self.world.history.seen[index] = key or RunSeen(None, NOT_OPEN)
            return
        seen = self.product.explain(observer, key, meaning.transition)
        done, missing = frozenset(seen.done), frozenset(seen.missing)
        self.world.history.seen[index] = RunSeen(key, str(seen.state), done, missing, seen.text)

    def _key(self, of: Of) -> RunKey | Unclear | None:
        """Return the run that is meant, None if none fits, or why none can be named."""
        if of.day is not None and of.mode is not None:
            return RunKey(self.world.policy.pipeline, of.day, of.mode, Lane(of.lane))
        runs = self.product.runs(self.world.observer())
        found = [key for key in runs if of.fits(key.day, key.mode, key.lane.value)]
        if len(found) > 1:
            return Unclear(f"say which run is meant: {', '.join(key.id for key in found)}")
        return found[0] if found else None

    def look_at_the_end(self, expect: Iterable[Expected]) -> None:
        observer, history = self.world.observer(), self.world.history
        history.runs = list(self.product.runs(observer))
        kept = self.product.quarantine(observer)
        history.quarantine = [Quarantined(one.reason, one.raw.decode(errors="replace")) for one in kept]
        for expected in expect:
            if isinstance(expected.meaning, RecordedExpected):
                history.seen[expected.index] = self._completion(expected.meaning)

    def _completion(self, meaning: RecordedExpected) -> CompletionSeen | Unclear | None:
        key = self._key(meaning.of)
        if not isinstance(key, RunKey):
            return key
        found = self.product.recorded(self.world.observer(), key, meaning.phase, meaning.processor)
        return None if found is None else CompletionSeen(str(found.outcome), found.records, found.superseded)
