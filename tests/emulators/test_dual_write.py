"""State on Firestore, record on BigQuery, each really stopped and started: what stands where (behaviour 8).

The clock of the handlers is virtual, so their waits between attempts cost nothing; how long the stores themselves
may take is shortened (``outages.impatient``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from shared.adapters.google.bigquery import BigQueryAuditLog
from shared.core.errors import Unavailable
from shared.core.model import State
from tests.app.handlers_kit import HandlersKit
from tests.busy import allowed
from tests.core.build import DAY, NIGHT, PGS, PHASE3, TO4, UPGC
from tests.emulators.outages import Outside, impatient, outside

pytestmark = pytest.mark.xdist_group("outages")
ALL = sorted(f"m-{processor}" for processor in PHASE3)


@pytest.fixture(scope="module")
def emulators() -> Iterator[Outside]:
    with outside() as both:
        yield both


@pytest.fixture(autouse=True)
def answering(emulators: Outside, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    impatient(monkeypatch, emulators)
    emulators.whole()
    yield
    emulators.whole()


def report(house: HandlersKit, *processors: str) -> None:
    for processor in processors:
        house.deliver(processor, records=200, message_id=f"m-{processor}")


def refused(house: HandlersKit, *processors: str) -> None:
    """Deliver what the platform will have to deliver again."""
    for processor in processors:
        with pytest.raises(Unavailable, match="state"):
            report(house, processor)


def written(record: BigQueryAuditLog) -> list[str]:
    return sorted(row["message_id"] for row in record.completions(DAY, DAY))


def counted(house: HandlersKit, *processors: str) -> None:
    """Every one of these stands in the state, once."""
    for processor in processors:
        known = house.completion(processor)
        assert known is not None
        assert (known.message_ids, known.superseded) == ((f"m-{processor}",), 0)


def test_both_sides_take_it(emulators: Outside) -> None:
    """State by the delivery, record by the sweep, each report once on either side."""
    house, record = emulators.house()
    report(house, *PHASE3)
    assert house.sweep().status == 200
    assert house.sweep().status == 200
    counted(house, *PHASE3)
    assert written(record) == ALL
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_record_that_is_stopped_delays_nothing(emulators: Outside) -> None:
    """Triggered without it, nobody is alerted; started again, empty, it gets everything, waiting or written before."""
    house, record = emulators.house()
    report(house, PHASE3[0])
    house.sweep()
    assert written(record) == [f"m-{PHASE3[0]}"]
    emulators.audit.stop()
    report(house, *PHASE3[1:])
    assert house.state(TO4).state is State.DISPATCHED
    assert house.sweep().status == 200
    assert house.notices() == []
    assert house.logged("record.unavailable")
    emulators.whole()
    record.create_tables()
    house.sweeps(1)
    assert written(record) == sorted(set(ALL) - {f"m-{PHASE3[0]}"})
    house.sweeps(60)
    assert written(record) == ALL


def test_a_record_that_hangs_costs_a_delivery_nothing(emulators: Outside) -> None:
    """Paused, it takes connections and answers nobody: deliveries do not wait for it, a sweep for a bounded time."""
    house, record = emulators.house()
    house.sweep()
    emulators.audit.pause()
    started = time.monotonic()
    report(house, *PHASE3)
    assert house.state(TO4).state is State.DISPATCHED
    assert house.audit.tried == 0
    delivered = time.monotonic()
    house.sweep()
    assert time.monotonic() - delivered < allowed(3 * 1.3 + 5)
    assert delivered - started < allowed(5)
    emulators.audit.resume()
    house.sweeps(1)
    assert written(record) == ALL


def test_a_state_that_is_stopped_leaves_it_to_the_record(emulators: Outside) -> None:
    """Stopped: the record takes each report and the message comes again; started, empty, redeliveries count once."""
    house, record = emulators.house()
    emulators.state.stop()
    refused(house, PGS, UPGC, PGS)
    assert written(record) == sorted((f"m-{PGS}", f"m-{UPGC}"))
    assert house.sweep().status == 500
    emulators.whole()
    report(house, *PHASE3)
    house.sweeps(2)
    counted(house, *PHASE3)
    assert written(record) == ALL
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_state_that_lost_everything_is_filled_from_the_record(emulators: Outside) -> None:
    """A store that comes back empty gets every report from the record; what leaves again leaves under its id."""
    house, record = emulators.house()
    report(house, *PHASE3)
    house.sweep()
    assert written(record) == ALL
    emulators.state.stop()
    house.wait()
    assert house.sweep().status == 500
    emulators.whole()
    house.sweeps(2)
    counted(house, *PHASE3)
    assert set(house.trigger_ids) == {NIGHT.trigger_id(TO4, 1)}
    assert house.state(TO4).state is State.DISPATCHED
    assert written(record) == ALL


def test_neither_answers(emulators: Outside) -> None:
    """Both paused: nothing is taken, critical once for all redeliveries; both back, the redelivery stands on both."""
    house, record = emulators.house()
    house.sweep()
    emulators.state.pause()
    emulators.audit.pause()
    refused(house, PGS)
    refused(house, PGS)
    [notice] = house.notices("both_down")
    assert notice.severity == "critical"
    emulators.whole()
    assert written(record) == []
    report(house, PGS)
    house.sweeps(2)
    counted(house, PGS)
    assert written(record) == [f"m-{PGS}"]


def test_a_transient_error_is_seen_by_nobody(emulators: Outside) -> None:
    """State, then the record, away for half a second in the middle of it: taken, written once, nothing raised."""
    house, record = emulators.house()
    house.sweep()
    for emulator, act in ((emulators.state, lambda: report(house, PGS)), (emulators.audit, house.sweep)):
        emulator.pause()
        again = threading.Timer(0.5, emulator.resume)
        again.start()
        act()
        again.join()
    counted(house, PGS)
    assert written(record) == [f"m-{PGS}"]
    assert house.notices() == []
