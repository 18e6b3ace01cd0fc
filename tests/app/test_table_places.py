"""Statements that change a table are counted through the store, by whoever begins them (deploy/LIMITS.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.reporting.metrics import facts
from shared.app.state.table_places import COLLECTION, Places, give_back_places, take_places
from shared.core.batches.batch import BatchState
from shared.core.calendar import KEPT
from shared.core.errors import Unavailable
from shared.core.limits.dml import A_DAY, AT_ONCE, HELD, Bound, Full, TableUse, take
from shared.core.model import RunKey
from shared.core.policy.batches import CloseStep, Query
from shared.documents import from_data
from tests.adapters.support import ManualClock
from tests.app.batch_kit import BATCH, BatchKit
from tests.app.handlers_kit import HandlersKit
from tests.core.build import NIGHT
from tests.plain_ports import FullWarehouse

TABLE = "nba_predictions.player_prop_predictions"
MERGE = f"MERGE `{TABLE}` AS held USING staged ON FALSE WHEN NOT MATCHED THEN INSERT ROW"
NONE = timedelta(0)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit()


def fill(kit: HandlersKit) -> list[Places]:
    taken = [take_places(kit.instance(), [TABLE], NONE) for _ in range(AT_ONCE)]
    assert all(isinstance(places, Places) for places in taken)
    return [places for places in taken if isinstance(places, Places)]


def spend(kit: HandlersKit, number: int) -> None:
    """Let so many statements have been begun in this hour."""
    hour = kit.clock.now().replace(minute=0, second=0, microsecond=0)
    document = kit.store.get(f"{COLLECTION}/{TABLE}")[0]
    assert document is not None
    spent = {**document.data, "hours": [{"hour": hour.isoformat(), "count": number}]}
    assert kit.store.update(document.path, spent, document.version) is not None


def test_instances_share_the_places_of_a_table(kit: HandlersKit) -> None:
    """A sixteenth instance finds none, until one gives its place back; another table is not concerned."""
    taken = fill(kit)
    full = take_places(kit.instance(), [TABLE], NONE)
    assert isinstance(full, Full)
    assert full.bound is Bound.AT_ONCE
    assert isinstance(take_places(kit.instance(), ["d.another"], NONE), Places)
    give_back_places(kit.instance(), taken[3])
    assert isinstance(take_places(kit.instance(), [TABLE], NONE), Places)


def test_the_place_of_an_instance_that_died_is_free_after_a_minute(kit: HandlersKit) -> None:
    """Nobody gives it back, and nobody has to."""
    fill(kit)
    kit.wait(HELD)
    assert isinstance(take_places(kit.instance(), [TABLE], NONE), Places)


def test_a_place_at_each_table_or_at_none(kit: HandlersKit) -> None:
    """Where one table is full the places at the others are given back."""
    fill(kit)
    assert isinstance(take_places(kit.instance(), [TABLE, "a.first", "z.last"], NONE), Full)
    document = kit.store.get(f"{COLLECTION}/a.first")[0]
    assert document is not None
    assert document.data["places"] == []


def test_a_moment_is_waited_for_a_place_and_never_for_another_day(kit: HandlersKit) -> None:
    """Five seconds for what takes seconds; a day that is full is said at once."""
    fill(kit)
    clock = ManualClock()
    clock.time = kit.clock.now()
    ctx = kit.with_ports(clock=clock)
    assert isinstance(take_places(ctx, [TABLE]), Full)
    assert sum(clock.slept) == 5.0
    clock.time += HELD
    spend(kit, A_DAY)
    full = take_places(ctx, [TABLE])
    assert isinstance(full, Full)
    assert (full.bound, sum(clock.slept)) == (Bound.A_DAY, 5.0)


def test_a_wait_for_a_place_is_kept_with_the_table(kit: HandlersKit) -> None:
    """Fifteen waited not at all, the sixteenth two seconds, until the places of instances that died were free."""
    fill(kit)
    clock = ManualClock()
    clock.time = kit.clock.now() + HELD - timedelta(seconds=2)
    assert isinstance(take_places(kit.with_ports(clock=clock), [TABLE]), Places)
    document = kit.store.get(f"{COLLECTION}/{TABLE}")[0]
    assert document is not None
    waits = from_data(TableUse, document.data).waits
    assert (waits.cumulated(), waits.seconds) == ((15, 15, 15, 15, 16, 16, 16, 16), 2.0)


def test_a_statement_that_only_reads_asks_the_store_nothing(kit: HandlersKit) -> None:
    """No table, no document."""
    kit.store.operations.clear()
    assert take_places(kit.instance(), ()) == Places("", ())
    assert not kit.store.operations


def test_what_is_kept_of_a_table_expires(kit: HandlersKit) -> None:
    """It has the field that the manifest names for its collection."""
    fill(kit)
    (document,) = kit.store.query(COLLECTION)
    assert document.data["expires_at"] == kit.clock.now() + KEPT


def test_what_nobody_can_read_keeps_no_statement_back(kit: HandlersKit) -> None:
    """A document of another form is written over."""
    kit.store.create(f"{COLLECTION}/{TABLE}", {"table": 3})
    assert isinstance(take_places(kit.instance(), [TABLE], NONE), Places)


@dataclass
class Merger(FullWarehouse):
    """Runs every statement, unless ``fails`` is set."""

    fails: bool = False

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.fails:
            raise Unavailable("warehouse", "no answer within 20 s")
        return []


class Merging(BatchKit):
    """Batches whose close changes one table."""

    def __init__(self) -> None:
        step = CloseStep(sql=Query("batches/merge.sql", MERGE))
        super().__init__(replace(BATCH, on_close=(step,)))
        self.warehouse = Merger()
        self.ports = replace(self.ports, warehouse=self.warehouse)
        self.ctx = self.instance()


def closed(kit: Merging, number: int) -> BatchState:
    """Start a batch of another date and report its only member; return how it stands then."""
    key = RunKey(NIGHT.pipeline, NIGHT.day + timedelta(days=number), NIGHT.mode)
    kit.start(1, key)
    kit.work()
    kit.report("m001", batch_id=kit.batch_id(key))
    return kit.batch(kit.batch_id(key)).state


def test_a_close_gives_its_place_back() -> None:
    """One after the other as many close as may begin in ten seconds: no place stays taken."""
    kit = Merging()
    assert [closed(kit, number) for number in range(3)] == [BatchState.PUBLISHED] * 3
    (document,) = kit.store.query(COLLECTION)
    assert document.data["places"] == []
    assert len(document.data["recent"]) == 3


def test_metrics_have_the_waits_for_each_table_that_a_close_changes() -> None:
    """Two closes waited not at all; where a third waits, it counts as long as it did. A table that nothing closed yet
    has a histogram too: of no waits."""
    kit = Merging()
    before = facts(kit.ctx).waits or {}
    assert [closed(kit, number) for number in range(2)] == [BatchState.PUBLISHED] * 2
    after = facts(kit.ctx).waits or {}
    assert (sum(before[TABLE].counts), before[TABLE].cumulated()[-1]) == (0, 0)
    assert set(after[TABLE].cumulated()) == {2}
    use = TableUse(TABLE, waits=after[TABLE])
    taken = take(use, "another", kit.clock.now(), timedelta(seconds=2))
    assert isinstance(taken, TableUse)
    assert taken.waits.cumulated() == (2, 2, 2, 2, 3, 3, 3, 3)
    assert taken.waits.seconds == 2.0


def test_a_document_of_before_the_waits_were_counted_is_read() -> None:
    kit = Merging()
    now = kit.clock.now()
    kit.store.create(f"{COLLECTION}/{TABLE}", {"table": TABLE, "hours": [{"hour": now.isoformat(), "count": A_DAY}]})
    assert isinstance(take_places(kit.instance(), [TABLE], NONE), Full)
    assert (facts(kit.ctx).waits or {})[TABLE].cumulated()[-1] == 0


def test_a_close_without_a_place_waits_and_says_why() -> None:
    """Its step has failed, with the reason that page and command line show; the next look finds a place and closes."""
    kit = Merging()
    for _ in range(AT_ONCE):
        assert isinstance(take_places(kit.instance(), [TABLE], NONE), Places)
    assert closed(kit, 0) is BatchState.CLOSING
    step = kit.batch().steps[0]
    assert step.error == f"batches/merge.sql: not begun, {AT_ONCE} statements are at work on {TABLE}"
    kit.minutes(2)
    assert kit.batch().state is BatchState.PUBLISHED


def test_a_day_of_1300_holds_the_next_close_until_there_is_room() -> None:
    """The 1,301st statement of a table is not begun, however long its batch waits on that day."""
    kit = Merging()
    assert closed(kit, 0) is BatchState.PUBLISHED
    spend(kit, A_DAY - 1)
    assert closed(kit, 1) is BatchState.PUBLISHED
    assert closed(kit, 2) is BatchState.CLOSING
    key = RunKey(NIGHT.pipeline, NIGHT.day + timedelta(days=2), NIGHT.mode)
    reason = f"1,300 statements have changed {TABLE} in 24 hours"
    assert kit.batch(kit.batch_id(key)).steps[0].error == f"batches/merge.sql: not begun, {reason}"


def test_a_statement_that_failed_keeps_its_place_for_as_long_as_it_may_be_at_work() -> None:
    """No answer in time says nothing of BigQuery, where it may go on for its twenty seconds."""
    kit = Merging()
    kit.warehouse.fails = True
    assert closed(kit, 0) is BatchState.CLOSING
    (document,) = kit.store.query(COLLECTION)
    assert len(document.data["places"]) == 1
