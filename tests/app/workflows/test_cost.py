"""The cost model's rows of phase 1 against what controller, executor and sweep ask of the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from shared.app.workflows import receive, reports
from shared.core.costs.operations import Operations, Unit, of
from shared.core.message import Delivery
from shared.core.reporting.findings import Sweep
from shared.core.workflows.load import workflow_load
from shared.ports import Document
from tests.app.workflows.phase1 import Phase1, loaded
from tests.app.workflows.test_executor import SIX, chain, loop, only
from tests.app.workflows.test_reports import Record

# Today, yesterday: what a pipeline of one morning's workflow looks at.
DATES = 2


class Billed:
    """Counts what a store is asked, as Firestore bills it."""

    def __init__(self, phase1: Phase1) -> None:
        self.reads = self.writes = 0
        store = phase1.store
        get, query, write = store.get, store.query, store._write

        def counted_get(*paths: str) -> list[Document | None]:
            self.reads += len(paths)
            return get(*paths)

        def counted_query(collection: str, where: Mapping[str, Any] | None = None) -> Sequence[Document]:
            documents = query(collection, where)
            self.reads += max(1, len(documents))
            return documents

        def counted_write(act: Callable[[], str | None]) -> str | None:
            self.writes += 1
            return write(act)

        store.get, store.query, store._write = counted_get, counted_query, counted_write  # type: ignore[assignment,method-assign]

    def of(self, action: Callable[[], object]) -> Operations:
        self.reads = self.writes = 0
        action()
        return Operations(self.reads, self.writes)


def stored(operations: Operations) -> Operations:
    """Leave out the rows, which go elsewhere."""
    return Operations(operations.reads, operations.writes)


def test_ticks_and_looks_cost_what_the_model_says() -> None:
    """A quiet tick, one with a decision that changed, a sweep's look."""
    phase1 = Phase1(SIX - timedelta(minutes=15), only("morning_operations"))
    phase1.tick()
    phase1.look()  # the daily comparison comes with the first
    billed = Billed(phase1)
    assert billed.of(phase1.tick) == stored(of(Unit.TICK, 1, DATES))
    assert billed.of(phase1.look) == stored(of(Unit.LOOK, 1, DATES))
    phase1.pass_time(timedelta(minutes=15))
    begun = stored(of(Unit.TICK, 1, DATES) + of(Unit.NEWS, 1, DATES)) + Operations(reads=1, writes=2)
    assert billed.of(phase1.tick) == begun  # claimed and sent: the first writes of the run, which makes the upkeep due
    phase1.deliver_all()
    assert billed.of(phase1.tick) == stored(of(Unit.TICK, 1, DATES) + of(Unit.NEWS, 1, DATES))


def test_a_report_of_a_scraper_costs_what_the_model_says() -> None:
    """Kept with its file; the next look records it, and has less to ask in vain. A day later all kept are compared."""
    phase1 = Phase1(SIX, only("morning_operations"))
    object.__setattr__(phase1.ctx.ports, "audit", Record())
    phase1.look()
    billed, now = Billed(phase1), phase1.clock.now()
    body = {"processor_name": "nbac_gamebook_pdf", "game_date": "2026-01-25", "status": "success"}
    report = Delivery("1", "phase1", json.dumps(body).encode(), now, now)
    taken = billed.of(lambda: receive.receive(phase1.ctx, phase1.workflows, report))
    look = stored(of(Unit.LOOK, 1, DATES))
    recorded = billed.of(phase1.look)
    # Of the question for what is to be recorded, one is the look's own.
    assert taken + recorded + Operations(reads=1) == stored(of(Unit.SCRAPER_REPORT)) + look
    phase1.pass_time(timedelta(hours=24))
    compared = billed.of(lambda: reports.record_reports(phase1.ctx, Sweep()))
    assert compared == stored(of(Unit.SCRAPERS_COMPARED, 1, 1)) + Operations(reads=1)


@pytest.mark.parametrize(
    ("make", "steps", "breakers", "waves", "calls"),
    [
        pytest.param(chain, 3, 3, 3, 3, id="three steps of a call"),
        pytest.param(lambda: loop(1), 2, 3, 7, 7, id="calls one after the other"),
        pytest.param(lambda: loop(3), 2, 3, 3, 7, id="three calls at once"),
    ],
)
def test_a_run_costs_what_the_model_says(
    make: Callable[[], Phase1], steps: int, breakers: int, waves: int, calls: int
) -> None:
    """From the claim to the record: steps, breakers, waves of calls."""
    phase1 = make()
    phase1.tick()
    billed = Billed(phase1)
    model = (
        of(Unit.WORKFLOW_RUN) + of(Unit.WORKFLOW_STEP, steps, breakers) + of(Unit.WAVE, waves) + of(Unit.CALL, calls)
    )
    assert billed.of(phase1.deliver_all) + Operations(reads=1, writes=2) == stored(model)
    assert len(phase1.scrapers.calls) == calls


def test_the_load_of_a_day_follows_the_file() -> None:
    """Runs by kind, calls by units and loops; a workflow that is disabled does nothing."""
    load = workflow_load(loaded(only("morning_operations")), 288)
    assert (load.runs, load.steps, load.calls, load.waves, load.breakers) == (1, 1, 3, 1, 3)
    lines = workflow_load(loaded(only("betting_lines")), 288)
    assert lines.runs == 6  # twelve hours, every two
    assert lines.calls == 6 * (2 + 3 * 7)
    catch_up = workflow_load(loaded(only("gamebook_catch_up")), 288)
    assert catch_up.dates == 1 + 14 / 2
    assert workflow_load(loaded(only()), 288).runs == 0
