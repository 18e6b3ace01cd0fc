"""Random nights in which every run is read by its digest break no promise, and each reading is what is stored."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from shared.app.audit import compare
from shared.app.state import digest, repository
from shared.app.sweep import sweep
from shared.core.model import RunKey
from shared.ports import StateStore
from tests.random_nights.parallel import play_seed

READERS = (sweep, repository, compare)
SEEDS = range(2)
MANY = range(2, 202)


class Comparing:
    """Reads as ever, and beside it document by document; counts what it was read by and what differed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(
        self, store: StateStore, collection: str, key: RunKey, *, digested: bool, since: datetime | None = None
    ) -> digest.Reading:
        reading = digest.read_completions(store, collection, key, digested=digested, since=since)
        stored = digest.read_completions(store, collection, key, digested=False)
        self.counts["by digest" if reading.digest is not None else "whole"] += 1
        self.counts["different"] += reading.completions != stored.completions
        return reading


def played(seeds: range, patch: pytest.MonkeyPatch) -> tuple[Counter[str], list[str]]:
    """Play the nights of these seeds with a digest of every run; return what was read, and what was broken."""
    comparing, broken = Comparing(), []
    patch.setattr(digest, "DIGESTED_FROM", 1)
    for place in READERS:
        patch.setattr(place, "read_completions", comparing)
    for seed in seeds:
        patch.setattr(digest, "CHANGED", 1 + seed % 4)
        broken += [f"{seed}: {violation}" for violation in play_seed(seed).violations]
    return comparing.counts, broken


@pytest.mark.parametrize(
    "seeds", [SEEDS, pytest.param(MANY, marks=pytest.mark.nightly)], ids=["a few nights", "many nights"]
)
def test_nights_read_by_digests_break_no_promise(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skewed clocks, crashes, lost answers, two sweeps at once: each reading is what the documents hold."""
    counts, broken = played(seeds, monkeypatch)
    assert broken == []
    assert counts["different"] == 0
    assert counts["by digest"] > 3 * counts["whole"]
