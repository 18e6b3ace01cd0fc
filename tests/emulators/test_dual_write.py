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
from tests.emulators.outages import Emulators, both_emulators, impatient

pytestmark = pytest.mark.xdist_group("outages")
ALL = sorted(f"m-{processor}" for processor in PHASE3)


@pytest.fixture(scope="module")
def emulators() -> Iterator[Emulators]:
    with both_emulators() as both:
        yield both


@pytest.fixture(autouse=True)
def answering(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    impatient(monkeypatch, emulators)
    emulators.whole()
    yield
    emulators.whole()


def report(kit: HandlersKit, *processors: str) -> None:
    for processor in processors:
        kit.deliver(processor, records=200, message_id=f"m-{processor}")


def refused(kit: HandlersKit, *processors: str) -> None:
    """Deliver what the platform will have to deliver again."""
    for processor in processors:
        with pytest.raises(Unavailable, match="state"):
            report(kit, processor)


def written(record: BigQueryAuditLog) -> list[str]:
    return sorted(row["message_id"] for row in record.completions("nba", DAY, DAY))


def counted(kit: HandlersKit, *processors: str) -> None:
    """Every one of these stands in the state, once."""
    for processor in processors:
        completion = kit.completion(processor)
        assert completion is not None
        assert (completion.message_ids, completion.superseded) == ((f"m-{processor}",), 0)


def test_both_sides_take_it(emulators: Emulators) -> None:
    """State by the delivery, record by the sweep, each report once on either side."""
    kit, record = emulators.kit()
    report(kit, *PHASE3)
    assert kit.sweep().status == 200
    assert kit.sweep().status == 200
    counted(kit, *PHASE3)
    assert written(record) == ALL
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_record_that_is_stopped_delays_nothing(emulators: Emulators) -> None:
    """Triggered without it, nobody is alerted; started again, empty, it gets everything, waiting or written before."""
    kit, record = emulators.kit()
    report(kit, PHASE3[0])
    kit.sweep()
    assert written(record) == [f"m-{PHASE3[0]}"]
    emulators.audit.stop()
    report(kit, *PHASE3[1:])
    assert kit.state(TO4).state is State.DISPATCHED
    assert kit.sweep().status == 200
    assert kit.notices() == []
    assert kit.logged("record.unavailable")
    emulators.whole()
    record.create_tables()
    kit.sweeps(1)
    assert written(record) == sorted(set(ALL) - {f"m-{PHASE3[0]}"})
    kit.sweeps(60)
    assert written(record) == ALL


def test_a_record_that_hangs_costs_a_delivery_nothing(emulators: Emulators) -> None:
    """Paused, it takes connections and answers nobody: deliveries do not wait for it, a sweep for a bounded time."""
    kit, record = emulators.kit()
    kit.sweep()
    emulators.audit.pause()
    started = time.monotonic()
    report(kit, *PHASE3)
    assert kit.state(TO4).state is State.DISPATCHED
    assert kit.audit.tried == 0
    delivered = time.monotonic()
    kit.sweep()
    assert time.monotonic() - delivered < allowed(3 * 1.3 + 5)
    assert delivered - started < allowed(5)
    emulators.audit.resume()
    kit.sweeps(1)
    assert written(record) == ALL


def test_a_state_that_is_stopped_leaves_it_to_the_record(emulators: Emulators) -> None:
    """Stopped: the record takes each report and the message comes again; started, empty, redeliveries count once."""
    kit, record = emulators.kit()
    emulators.state.stop()
    refused(kit, PGS, UPGC, PGS)
    assert written(record) == sorted((f"m-{PGS}", f"m-{UPGC}"))
    assert kit.sweep().status == 500
    emulators.whole()
    report(kit, *PHASE3)
    kit.sweeps(2)
    counted(kit, *PHASE3)
    assert written(record) == ALL
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_state_that_lost_everything_is_filled_from_the_record(emulators: Emulators) -> None:
    """A store that comes back empty gets every report from the record; what is sent again leaves under its id."""
    kit, record = emulators.kit()
    report(kit, *PHASE3)
    kit.sweep()
    assert written(record) == ALL
    emulators.state.stop()
    kit.wait()
    assert kit.sweep().status == 500
    emulators.whole()
    kit.sweeps(2)
    counted(kit, *PHASE3)
    assert set(kit.trigger_ids) == {NIGHT.trigger_id(TO4, 1)}
    assert kit.state(TO4).state is State.DISPATCHED
    assert written(record) == ALL


def test_neither_answers(emulators: Emulators) -> None:
    """Both paused: nothing is taken, critical once for all redeliveries; both back, the redelivery stands on both."""
    kit, record = emulators.kit()
    kit.sweep()
    emulators.state.pause()
    emulators.audit.pause()
    refused(kit, PGS)
    refused(kit, PGS)
    [notice] = kit.notices("both_down")
    assert notice.severity == "critical"
    emulators.whole()
    assert written(record) == []
    report(kit, PGS)
    kit.sweeps(2)
    counted(kit, PGS)
    assert written(record) == [f"m-{PGS}"]


def test_a_transient_error_is_seen_by_nobody(emulators: Emulators) -> None:
    """State, then the record, away for half a second in the middle of it: taken, written once, nothing raised."""
    kit, record = emulators.kit()
    kit.sweep()
    for emulator, act in ((emulators.state, lambda: report(kit, PGS)), (emulators.audit, kit.sweep)):
        emulator.pause()
        again = threading.Timer(0.5, emulator.resume)
        again.start()
        act()
        again.join()
    counted(kit, PGS)
    assert written(record) == [f"m-{PGS}"]
    assert kit.notices() == []
