"""A report is stored by one function, whoever brings it, and a run before what lies below it (behaviour D2, R5, T5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.app.state import circuit_breaker
from shared.app.state.opening import RunIs, ensure_exists, ensure_open
from shared.app.state.reports import store_report
from shared.app.state.repository import Stored, completion_path, read_completion, read_run, run_path, save_run
from shared.core.circuit_breaker import Limits, Position
from shared.core.errors import Unavailable
from shared.core.model import Outcome, Report, RunKey
from shared.ports import Document
from shared.simulation.fakes.clock import VirtualClock
from tests.app.handlers_kit import HandlersKit
from tests.core.build import POLICY

NOW = datetime(2026, 1, 22, 11, tzinfo=UTC)
KEY = RunKey("nba", date(2026, 1, 21), "overnight")
OWN = Report("m1", "phase3", "PlayerGameSummaryProcessor", Outcome.SUCCESS, NOW, NOW, records=240)
INFERRED = replace(OWN, message_id="inferred", outcome=Outcome.INFERRED, occurred_at=NOW + timedelta(minutes=1))
CLOCK = VirtualClock(NOW)
PATH = completion_path(KEY, OWN.phase, OWN.processor)


class Overtaken(MemoryStore):
    """A store in which somebody else always writes between a reading and the write that follows it."""

    def __init__(self, meanwhile: Callable[[], None], times: int) -> None:
        super().__init__()
        self.meanwhile, self.left = meanwhile, times

    def get(self, *paths: str) -> list[Document | None]:
        documents = super().get(*paths)
        if self.left:
            self.left -= 1
            self.meanwhile()
        return documents


def outcomes(store: MemoryStore) -> Mapping[str, Any]:
    stored = read_completion(store.get(PATH)[0])
    assert stored is not None
    assert stored.value.latest is not None
    return {"latest": stored.value.latest.outcome, "messages": set(stored.value.message_ids)}


def test_two_who_store_at_once_are_both_kept() -> None:
    """A report that finds its document written since it was read is folded into what is there by then."""
    other = replace(OWN, message_id="m2", occurred_at=NOW - timedelta(minutes=1))
    store = Overtaken(lambda: None, 0)
    store.meanwhile, store.left = lambda: void(store_report(store, POLICY, KEY, other, CLOCK)), 1
    assert store_report(store, POLICY, KEY, OWN, CLOCK).changed
    assert outcomes(store) == {"latest": Outcome.SUCCESS, "messages": {"m1", "m2"}}


def test_the_same_report_again_writes_nothing() -> None:
    """A duplicate leaves the document at its version (R5)."""
    store = MemoryStore()
    store_report(store, POLICY, KEY, OWN, CLOCK)
    before = store.get(PATH)
    assert not store_report(store, POLICY, KEY, OWN, CLOCK).changed
    assert store.get(PATH) == before


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_is_inferred_never_takes_the_place_of_a_report(when: str) -> None:
    """A processor that reported itself, or does so while its tables are counted, is not inferred (behaviour 9)."""
    store = Overtaken(lambda: None, 0)
    if when == "before":
        store_report(store, POLICY, KEY, OWN, CLOCK)
    else:
        store.meanwhile, store.left = lambda: void(store_report(store, POLICY, KEY, OWN, CLOCK)), 1
    assert not store_report(store, POLICY, KEY, INFERRED, CLOCK, if_silent=True).changed
    assert outcomes(store) == {"latest": Outcome.SUCCESS, "messages": {"m1"}}


def test_a_run_is_created_once_and_opened_again_only_where_that_is_asked() -> None:
    """Of all who ask one creates it; a closed one stays closed for a late report, and opens for an operator (T5)."""
    store = MemoryStore()
    assert [ensure_exists(store, POLICY, KEY, NOW) for _ in range(2)] == [RunIs.NEW, RunIs.OPEN]
    assert not ensure_open(store, POLICY, KEY, NOW)
    run = read_run(store.get(run_path(KEY))[0])
    assert run is not None
    save_run(store, Stored(replace(run.value, closed_at=NOW), run.version), POLICY)
    later = NOW + timedelta(hours=1)
    assert ensure_exists(store, POLICY, KEY, later) is RunIs.CLOSED
    assert closed_at(store) == NOW
    assert ensure_open(store, POLICY, KEY, later)
    assert closed_at(store) is None


def test_an_outcome_that_always_comes_second_fails_no_call() -> None:
    """Of very many calls that fail at once a breaker needs a few: who cannot note its own goes on without."""
    path = "breakers/nba~service"
    shared = MemoryStore()
    shared.create(path, {})

    class AlwaysLater(MemoryStore):
        def get(self, *paths: str) -> list[Document | None]:
            documents = shared.get(*paths)
            if path in paths:
                [before] = shared.get(path)
                assert before is not None
                shared.update(path, before.data, before.version)
            return documents

        def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
            return shared.update(path, data, version)

    def outcome() -> Position | str:
        try:
            return circuit_breaker.failed(
                HandlersKit(start=NOW, store=AlwaysLater()).ctx, "service", Limits(failures=1)
            )
        except Unavailable as error:
            return str(error)

    assert outcome() is Position.CLOSED


def closed_at(store: MemoryStore) -> datetime | None:
    run = read_run(store.get(run_path(KEY))[0])
    assert run is not None
    return run.value.closed_at


def void(_: object) -> None:
    """Drop a result, so that a call is an action."""
