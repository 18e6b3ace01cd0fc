"""Looks at what the product holds, at the moments that expectations ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.app.state.repository import run_path
from shared.app.transitions.snapshot import transitions_of
from shared.core.model import Lane, RunKey
from shared.simulation.batches.events import BatchSeen
from shared.simulation.expectations import (
    BatchExpected,
    Expected,
    Of,
    RecordedExpected,
    RunExpected,
    WorkflowExpected,
)
from shared.simulation.history import NOT_OPEN, CompletionSeen, Quarantined, RunSeen, Unclear
from shared.simulation.product import Product
from shared.simulation.workflows.seen import see
from shared.simulation.world import World


class Observer:
    """Sees the state whatever fails for the handlers, and changes none of it."""

    def __init__(self, world: World, product: Product) -> None:
        self.world, self.product = world, product
        self._told: dict[tuple[RunKey, str], str] = {}

    def tell_decisions(self) -> None:
        """Add to the timeline what is now decided of the runs that were written, where that is news."""
        touched, self.world.touched = self.world.touched, set()
        if not touched:
            return
        observer = self.world.observer()
        for key in self.product.runs(observer):
            if run_path(key).split("/")[1] not in touched:
                continue
            for transition in transitions_of(self.world.policy, key.mode):
                explanation = self.product.explain(observer, key, transition.name)
                word = "" if explanation.reason.startswith(explanation.state) else f"{explanation.state}: "
                text = f"{key.id} {transition.name}: {word}{explanation.reason}"
                if self._told.get((key, transition.name)) != text:
                    self._told[key, transition.name] = text
                    self.world.history.note(self.world.clock.now(), "decision", text)

    def look(self, index: int, meaning: RunExpected) -> None:
        observer = self.world.observer()
        key = self._key(meaning.of)
        if not isinstance(key, RunKey):
            self.world.history.seen[index] = key or RunSeen(None, NOT_OPEN)
            return
        explanation = self.product.explain(observer, key, meaning.transition)
        done, missing = frozenset(explanation.done), frozenset(explanation.missing)
        self.world.history.seen[index] = RunSeen(key, str(explanation.state), done, missing, explanation.text)

    def look_at_workflow(self, index: int, meaning: WorkflowExpected) -> None:
        self.world.history.seen[index] = see(self.world.observer(), meaning)

    def look_at_batch(self, index: int, meaning: BatchExpected) -> None:
        key = self._key(meaning.of)
        if not isinstance(key, RunKey):
            self.world.history.seen[index] = key or BatchSeen("none", {}, "there is no such run")
            return
        self.world.history.seen[index] = self.product.batch(self.world.observer(), meaning.name, key)

    def newest_batch(self, name: str) -> str:
        """Return the id of the newest batch of a name, the name itself where there is none."""
        return self.product.newest_batch(self.world.observer(), name) or name

    def _key(self, of: Of, among: Sequence[RunKey] | None = None) -> RunKey | Unclear | None:
        """Return the run that is meant, None if none fits, or why none can be named; ``among`` defaults to those that
        are open or closed."""
        if of.day is not None and of.mode is not None:
            return RunKey(self.world.policy.pipeline, of.day, of.mode, Lane(of.lane))
        runs = self.product.runs(self.world.observer()) if among is None else among
        keys = [key for key in runs if of.fits(key.day, key.mode, key.lane.value)]
        if len(keys) > 1:
            return Unclear(f"say which run is meant: {', '.join(key.id for key in keys)}")
        return keys[0] if keys else None

    def look_at_the_end(self, expect: Iterable[Expected]) -> None:
        observer, history = self.world.observer(), self.world.history
        history.runs = list(self.product.runs(observer))
        kept = self.product.quarantine(observer)
        history.quarantine = [Quarantined(message.reason, message.raw.decode(errors="replace")) for message in kept]
        for expected in expect:
            if isinstance(expected.meaning, RecordedExpected):
                history.seen[expected.index] = self._completion(expected.meaning)

    def _completion(self, meaning: RecordedExpected) -> CompletionSeen | Unclear | None:
        key = self._key(meaning.of, self.product.reported_in(self.world.observer(), meaning.phase, meaning.processor))
        if not isinstance(key, RunKey):
            return key
        completion = self.product.recorded(self.world.observer(), key, meaning.phase, meaning.processor)
        if completion is None:
            return None
        return CompletionSeen(str(completion.outcome), completion.records, completion.superseded)
