"""A sweep ends in its time whatever answers slowly, and what is old never keeps tonight waiting (behaviour T7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.alerting import raise_alerts
from shared.app.audit.write import write_rows
from shared.app.bounded import BoundedPorts
from shared.app.retry import retry
from shared.app.state.order import in_order
from shared.app.state.repository import Stored, run_data, run_path
from shared.app.sweep.sweep import TIME_LIMIT
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import NotBegun, OutOfTime, Unavailable
from shared.core.model import Lane, Run, RunKey
from shared.core.severity import Severity
from shared.ports import Response, Row
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, SAME_DAY, T0, TO4

MINUTE = timedelta(minutes=1)
# One call that was begun in time may end so much later: the stand-ins wait 5 s where 4 s are calculated with.
SPARE = timedelta(seconds=1)


class Slow:
    """A port of which every method answers after a while."""

    def __init__(self, kit: HandlersKit, port: Any, wait: timedelta) -> None:
        self._clock, self._port, self._wait = kit.clock, port, wait

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            self._clock.sleep(self._wait)
            return getattr(self._port, name)(*args, **given)

        return call


def with_waiting_alerts(kit: HandlersKit, count: int) -> HandlersKit:
    """Let so many alerts wait to be sent, each of a run of its own: those of one run would be one message."""
    kit.fail("slack")
    for number in range(count):
        run = f"nba/2025-12-{number + 1:02d}/overnight"
        condition = Condition(AlertKind.LATE, Severity.INFO, run, TO4, PGS, "has arrived")
        kit.act(lambda c=condition: raise_alerts.raise_now(kit.ctx, [c]))  # type: ignore[misc]
    kit.restore()
    kit.wait(10 * MINUTE)
    return kit


def test_a_hanging_slack_costs_one_wait_and_no_alert() -> None:
    """Twenty-five alerts wait: the first is tried in vain, the rest keep for a later sweep, and all of them leave."""
    kit = with_waiting_alerts(HandlersKit().ordinary(), 25)
    kit.fail("slack", FaultKind.TIMEOUT)
    kit.sweep()
    assert kit.waited <= timedelta(seconds=6)
    kit.restore()
    kit.wait(10 * MINUTE)
    kit.sweep()
    assert len(kit.notices("late")) == 25


def test_a_slow_slack_sends_what_fits_and_keeps_the_rest() -> None:
    """Every alert takes three seconds: the sweep ends within its limit, the next one sends what was left."""
    kit = with_waiting_alerts(HandlersKit().ordinary(), 25)
    kit.ctx = kit.with_ports(alerts=Slow(kit, kit.ports.alerts, timedelta(seconds=3)))
    kit.sweep()
    first = len(kit.notices("late"))
    assert kit.waited <= TIME_LIMIT + SPARE
    assert 0 < first < 25
    kit.wait()
    kit.sweep()
    assert first < len(kit.notices("late")) <= 25


@pytest.mark.parametrize("port", ["warehouse", "record", "bus", "slack", "precompute", "analytics"])
def test_whatever_hangs_a_sweep_ends_in_its_time(port: str) -> None:
    """One part of the world hangs while twelve runs want it: the sweep is over within its limit."""
    kit = crowded(12)
    kit.fail(port, FaultKind.TIMEOUT)
    kit.sweep()
    assert kit.waited <= TIME_LIMIT + SPARE


def test_everything_hangs_and_the_sweep_ends_in_its_time() -> None:
    """All of it at once."""
    kit = with_waiting_alerts(crowded(12), 25)
    for port in ("warehouse", "record", "bus", "slack", "precompute", "analytics"):
        kit.fail(port, FaultKind.TIMEOUT)
    kit.sweep()
    assert kit.waited <= TIME_LIMIT + SPARE


class Kept:
    """An ``Http`` that keeps how long it was given."""

    def __init__(self) -> None:
        self.given: list[timedelta] = []

    def request(self, method: str, url: str, body: object, timeout: timedelta) -> Response:
        self.given.append(timeout)
        return Response(200, "")


def test_a_service_that_hangs_leaves_the_time_to_say_so() -> None:
    """Thirteen seconds before its end a sweep gives a call two of them: the rest is for what it has to tell."""
    kit, http = HandlersKit(), Kept()
    ports = BoundedPorts(kit.with_ports(http=http).ports, kit.clock.now() + timedelta(seconds=13))
    ports.http.request("POST", "http://x/start", {}, timedelta(seconds=20))
    assert http.given == [timedelta(seconds=2)]
    kit.wait(timedelta(seconds=2))
    with pytest.raises(NotBegun):
        ports.http.request("POST", "http://x/start", {}, timedelta(seconds=20))


def crowded(count: int) -> HandlersKit:
    """Return a kit in which phase 3 of so many backfill runs is complete and waits for the sweep."""
    kit = HandlersKit().ordinary()
    for back in range(count):
        day = DAY - timedelta(days=back)
        kit.ordinary(day)
        for name in PHASE3:
            kit.deliver(name, records=200, game_date=str(day), backfill_mode=True, skip_downstream_trigger=True)
    return kit


def test_a_gate_that_was_not_read_for_want_of_time_does_not_pass() -> None:
    """The warehouse takes 15 s an answer: what is not asked any more is not unreadable, its runs wait (D4)."""
    kit = crowded(6)
    kit.ctx = kit.with_ports(warehouse=Slow(kit, kit.ports.warehouse, timedelta(seconds=15)))
    answer = kit.sweep()
    assert kit.waited <= TIME_LIMIT + SPARE
    assert any("no time left" in finding["detail"] for finding in answer.findings)
    assert all(publication.body["gate_readings"]["game_coverage"].endswith("percent") for publication in kit.published)


def old_runs(kit: HandlersKit, count: int) -> None:
    """Let messages without backfill_mode have opened runs of so many old dates."""
    for back in range(count):
        key = RunKey("nba", DAY - timedelta(days=10 + back), "overnight")
        kit.store.inner.create(run_path(key), run_data(Run(key, T0), POLICY))


def test_old_dates_do_not_starve_tonight() -> None:
    """1,500 of them are open and every reading is slow: tonight's run is decided by the first sweep."""
    kit = HandlersKit().ordinary()
    old_runs(kit, 1500)
    kit.ctx = kit.with_ports(warehouse=Slow(kit, kit.ports.warehouse, timedelta(seconds=2)))
    for name in PHASE3:
        kit.deliver(name, records=200, skip_downstream_trigger=True)
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert kit.waited <= TIME_LIMIT + SPARE


def test_old_dates_are_one_warning() -> None:
    """Thirty dates, four transitions each overdue: one warning with their number and span, nothing of each run."""
    kit = HandlersKit().ordinary()
    for back in range(30):
        day = DAY - timedelta(days=10 + back)
        kit.ordinary(day)
        kit.deliver(PGS, records=1, game_date=str(day))
    kit.sweeps(3)
    old = {str(DAY - timedelta(days=10 + back)) for back in range(30)}
    assert [
        notice for notice in kit.notices() if any(day in notice.text.splitlines()[0].split()[0] for day in old)
    ] == []
    [notice] = kit.notices("old_dates")
    assert (notice.severity, "30 live runs" in notice.text, "backfill_mode" in notice.text) == ("warning", True, True)
    assert str(DAY - timedelta(days=39)) in notice.text


def test_the_order_of_a_sweep() -> None:
    """Worked on today and yesterday, oldest first; then older live runs; then backfill."""
    keys = [
        NIGHT,
        SAME_DAY,
        replace(NIGHT, day=DAY - timedelta(days=1)),
        replace(NIGHT, day=DAY - timedelta(days=300)),
        replace(NIGHT, day=DAY + timedelta(days=2), mode="tomorrow"),
        replace(NIGHT, lane=Lane.BACKFILL),
        replace(NIGHT, day=DAY - timedelta(days=9), lane=Lane.BACKFILL),
    ]
    listed = in_order(POLICY, [Stored(Run(key, T0)) for key in reversed(keys)], T0)
    assert [run.value.key for run in listed] == [keys[n] for n in (2, 1, 0, 4, 3, 6, 5)]


def test_what_is_not_begun_for_want_of_time_is_said_so() -> None:
    """The call that would not fit is refused at once, by the name of its port."""
    kit = HandlersKit()
    ports = BoundedPorts(kit.ports, kit.clock.now() + timedelta(seconds=2))
    with pytest.raises(Unavailable, match="no time left"):
        ports.bus.publish("topic", [])


def test_a_calendar_that_is_not_read_for_want_of_time_opens_and_decides_nothing() -> None:
    """The store takes most of the sweep: it ends in order and says so, no run is opened; the next one does it all."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3[:-1], records=200)
    kit.deliver(PHASE3[-1], records=200, skip_downstream_trigger=True)
    runs = len(kit.documents("runs"))
    kit.ctx = kit.with_ports(store=SlowOnce(kit, timedelta(seconds=30)))
    answer = kit.sweep()
    assert (answer.status, [finding["detail"] for finding in answer.findings]) == (207, [str(OutOfTime())])
    assert (kit.trigger_ids, len(kit.documents("runs"))) == ([], runs)
    kit.ctx = kit.instance()
    kit.wait()
    assert kit.sweep().status == 200
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


class SlowOnce:
    """A store whose first query for open runs takes so long."""

    def __init__(self, kit: HandlersKit, wait: timedelta) -> None:
        self._clock, self._store, self._wait = kit.clock, kit.ports.store, wait

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, collection: str, where: Any = None) -> Any:
        if collection == "runs":
            self._clock.sleep(self._wait)
            self._wait = timedelta()
        return self._store.query(collection, where)


def test_a_record_that_is_not_asked_for_want_of_time_is_no_failure_of_it() -> None:
    """Three writes are refused for want of time: nobody waits for them, and the breaker stays as it was."""
    kit = HandlersKit()
    ports = BoundedPorts(kit.ports, kit.clock.now() + timedelta(seconds=2))
    ctx = replace(kit.ctx, ports=ports)
    for number in range(6):
        kept = kit.act(lambda n=number: write_rows(ctx, [("alerts", Row(f"r{n}", {}))]))  # type: ignore[misc]
        assert (kept, kit.waited, kit.audit.tried) == (False, timedelta(), 0)
    assert kit.documents("breakers") == []


def test_what_hung_before_is_not_asked_again_and_waits_for_nothing() -> None:
    """The first write waits in vain and is told so with its own reason; the second is refused at once."""
    kit = HandlersKit()
    kit.fail("record", FaultKind.TIMEOUT)
    ports = BoundedPorts(kit.ports, kit.clock.now() + timedelta(seconds=40))
    tried: list[Unavailable] = []
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            kit.act(lambda: retry(kit.clock, 3, MINUTE, lambda: ports.audit.insert("alerts", [])))
        tried.append(caught.value)
    assert [type(error) for error in tried] == [Unavailable, NotBegun]
    assert (kit.audit.tried, kit.waited) == (1, timedelta())
