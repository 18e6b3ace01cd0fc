"""What the cost model says of batches, row by row and of a whole one, against what the use cases ask of the store."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.batches import roll
from shared.core.batches.batch import BatchState
from shared.core.batches.load import batch_loads
from shared.core.costs import workload
from shared.core.costs.month import of_batch
from shared.core.costs.operations import OPERATIONS, Operations, Unit, of
from shared.core.policy.batches import CloseStep, Query
from shared.core.policy.transitions import HttpCall
from tests.app.batch_kit import BATCH, BatchKit
from tests.app.handlers_kit import HandlersKit
from tests.app.test_table_places import Merger

# What the model may miss of a whole batch, in either direction.
TOLERANCE = 0.05
QUIET = replace(BATCH, retry=None)


def counted(kit: HandlersKit, action: Callable[[], object]) -> Operations:
    kit.store.operations.clear()
    action()
    done = kit.store.operations
    return Operations(done["reads"], done["writes"], done["deletes"])


def less(operations: Operations, other: Operations) -> Operations:
    return operations + other * -1


def open_batch(members: int, reports: int, declared: object = QUIET) -> BatchKit:
    """Return a batch of which so many have reported to one instance."""
    kit = BatchKit(declared)  # type: ignore[arg-type]
    kit.start(members)
    ctx = kit.instance()
    for number in range(1, reports + 1):
        kit.report(f"m{number:03d}", ctx=ctx)
    return kit


# What a sweep costs by itself that looks at what is of no run, as each does while a batch is open.
BARE = replace(of(Unit.SWEEP) + of(Unit.DUE_SWEEP, 1, each=1), rows=0)


def quiet_sweep(kit: HandlersKit) -> Operations:
    kit.sweeps(3)
    kit.wait()
    return counted(kit, kit.sweep)


@pytest.mark.parametrize(("members", "pages"), [(40, 1), (100, 1), (101, 2), (1_000, 10)])
def test_a_start(members: int, pages: int) -> None:
    """Row batch: by its pages, however many members they have."""
    kit = BatchKit(QUIET)
    assert counted(kit, lambda: kit.start(members)) == of(Unit.BATCH, 1, pages)


@pytest.mark.parametrize("members", [50, 500])
def test_a_report(members: int) -> None:
    """Row member report: the same in a batch of any size; rows batch instance and index part what the first ones of an
    instance add."""
    kit = BatchKit(QUIET)
    kit.start(members)
    ctx = kit.instance()
    first = counted(kit, lambda: kit.report("m001", ctx=ctx))
    page = min(members, workload.PAGE)
    assert less(first, of(Unit.MEMBER_REPORT) + of(Unit.INDEX_PART)) == of(Unit.BATCH_INSTANCE, 1, page)
    costs = [counted(kit, lambda name=f"m{number:03d}": kit.report(name, ctx=ctx)) for number in range(2, 41)]  # type: ignore[misc]
    looking = of(Unit.MEMBER_REPORT) + of(Unit.INDEX_PART)
    assert costs.count(looking) == members // 100 - (members >= 100)
    assert costs.count(of(Unit.MEMBER_REPORT)) == len(costs) - costs.count(looking)


def test_a_sweep_without_and_with_an_open_batch() -> None:
    """No look where nothing is due, though the policy has batches; rows batch look and open batch while one is open."""
    assert quiet_sweep(BatchKit(QUIET)) == of(Unit.SWEEP)
    kit = open_batch(50, 2)
    kit.minutes(3)
    assert less(counted(kit, lambda: kit.minutes(1)), BARE) == of(Unit.BATCH_LOOK) + of(Unit.OPEN_BATCH)


def test_a_sweep_of_a_batch_that_may_be_idle() -> None:
    """One question more for each minute since the last outcome."""
    kit = open_batch(50, 49)
    kit.minutes(3)
    for minute in range(4, 6):
        operations = less(counted(kit, lambda: kit.minutes(1)), BARE)
        assert operations == of(Unit.BATCH_LOOK) + of(Unit.OPEN_BATCH, 1, minute + 1)


def test_silent_members_that_are_asked_again() -> None:
    """Row batch repeat: every page is read and counted; row page again for the one page with silent members."""
    kit = open_batch(300, 294, replace(BATCH, close=replace(BATCH.close, idle=None)))
    kit.minutes(5)
    asked = len(kit.requests())
    operations = less(counted(kit, lambda: kit.minutes(1)), BARE + of(Unit.BATCH_LOOK) + of(Unit.OPEN_BATCH))
    assert len(kit.requests()) == asked + 6
    assert operations == of(Unit.BATCH_REPEAT, 1, 3) + of(Unit.PAGE_AGAIN, 1, 94)


def test_a_close_step() -> None:
    """Row batch step: two writes beside the same end without it."""
    step = CloseStep(call=HttpCall("prediction_coordinator", "/consolidate"))
    plain, stepped = open_batch(50, 49), open_batch(50, 49, replace(QUIET, on_close=(step,)))
    ends = [counted(kit, lambda kit=kit: kit.report("m050", ctx=kit.instance())) for kit in (plain, stepped)]  # type: ignore[misc]
    assert {kit.batch().state for kit in (plain, stepped)} == {BatchState.PUBLISHED}
    assert less(ends[1], ends[0]) == of(Unit.BATCH_STEP)


def test_a_close_step_that_changes_tables() -> None:
    """Row table place: two tables of one statement, beside the same end with a step that only reads; a batch is
    modelled with as many places as its statements change tables."""
    changing = "MERGE d.one AS h USING s ON FALSE WHEN NOT MATCHED THEN INSERT ROW; DELETE FROM d.two WHERE TRUE"
    steps = [CloseStep(sql=Query("batches/step.sql", text)) for text in ("SELECT 1", changing)]
    kits = [open_batch(50, 49, replace(QUIET, on_close=(step,))) for step in steps]
    for kit in kits:
        kit.ports = replace(kit.ports, warehouse=Merger())
    ends = [counted(kit, lambda kit=kit: kit.report("m050", ctx=kit.instance())) for kit in kits]  # type: ignore[misc]
    assert {kit.batch().state for kit in kits} == {BatchState.PUBLISHED}
    assert less(ends[1], ends[0]) == of(Unit.TABLE_PLACE, 2)
    assert [load.places for kit in kits for load in batch_loads(kit.policy, 50)] == [0, 2]


@pytest.mark.parametrize("members", [50, 300])
def test_a_batch_that_completes_costs_what_the_model_says(members: int) -> None:
    """Rows batch, batch instance, member report and batch end together, to the twentieth."""
    deviations = off(*whole_batch(members, silent=0))
    assert max(abs(share) for share in deviations.values()) <= TOLERANCE, deviations


def test_a_batch_with_silent_members_costs_what_the_model_says() -> None:
    """Three percent are asked again twice, and it is closed by idleness: reads and writes to the twentieth."""
    deviations = off(*whole_batch(300, silent=9))
    assert max(abs(share) for share in deviations.values()) <= TOLERANCE, deviations


WRONG = {
    Unit.MEMBER_REPORT: replace(OPERATIONS[Unit.MEMBER_REPORT], reads=5),
    Unit.BATCH_END: replace(OPERATIONS[Unit.BATCH_END], reads_each=0),
    Unit.BATCH: replace(OPERATIONS[Unit.BATCH], writes_each=11),
}


@pytest.mark.parametrize("unit", WRONG)
def test_a_wrong_assumption_is_seen(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is off by one for each report, member or some for each page makes the comparison fail."""
    monkeypatch.setattr("shared.core.costs.operations.OPERATIONS", {**OPERATIONS, unit: WRONG[unit]})
    deviations = off(*whole_batch(300, silent=0))
    assert max(abs(share) for share in deviations.values()) > TOLERANCE


def whole_batch(members: int, silent: int) -> tuple[Operations, Operations]:
    """Play a batch whose members report to two instances within four minutes; return what was modelled and counted."""
    kit, chance = BatchKit(BATCH), random.Random(members)
    kit.minutes(1)  # what a pipeline does once an hour or once a day is no part of a batch
    names = [f"m{number:03d}" for number in range(1, members + 1)]
    reporting = chance.sample(names, members - silent)
    operations, sweeps = counted(kit, lambda: kit.start(members)), 0
    instances = [kit.instance(), kit.instance()]
    for minute in range(30):
        for number, name in enumerate(reporting[minute * members // 4 : (minute + 1) * members // 4]):
            operations += counted(kit, lambda name=name, number=number: kit.report(name, ctx=instances[number % 2]))  # type: ignore[misc]
        if kit.batch().state is BatchState.PUBLISHED:
            break
        operations += less(counted(kit, lambda: kit.minutes(1)), BARE + of(Unit.BATCH_LOOK))
        sweeps += 1
    assert kit.batch().state is BatchState.PUBLISHED
    [load] = batch_loads(kit.policy, members)
    load = replace(load, silent=silent, minutes=sweeps, repeats=load.repeats if silent else 0)
    load = replace(load, idle_minutes=load.idle_minutes if silent else 0.0)
    # That it was closed without some is an alert, which the day counts among all of its alerts.
    return of_batch(load, sweeps) + of(Unit.ALERT, bool(silent)), operations


def off(modelled: Operations, measurement: Operations) -> dict[str, float]:
    """Return by which share the model misses reads and writes."""
    return {"reads": modelled.reads / measurement.reads - 1, "writes": modelled.writes / measurement.writes - 1}


def test_the_numbers_of_the_model_are_those_of_the_code() -> None:
    """The part of an index holds as many members as the model says."""
    assert workload.PAGE == roll.PAGE
    assert BATCH.retry is not None
    assert BATCH.retry.after == timedelta(minutes=5)
