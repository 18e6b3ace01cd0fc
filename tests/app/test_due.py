"""Sweeps look at what is due: what makes a run due, what puts it off, and what finds it all the same (behaviour T7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.alerting import raise_alerts
from shared.app.state.opening import ensure_exists, touch
from shared.app.state.reports import store_report
from shared.app.state.repository import Stored, read_run, run_path
from shared.app.sweep.due import Look, put_off_all
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.model import Outcome, Report, Run, State
from shared.core.reporting.findings import Sweep
from shared.core.severity import Severity
from shared.documents import from_data
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.build import NIGHT, PGS, PHASE3, TDGS, TO4, UPGC

MINUTE = timedelta(minutes=1)


@pytest.fixture
def kit() -> HandlersKit:
    """A kit whose one run waits, and has been put off by a sweep."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=203)
    kit.sweeps(4)
    assert not is_due(kit)
    return kit


def stored(kit: HandlersKit) -> Stored[Run]:
    run = read_run(kit.store.inner.get(run_path(NIGHT))[0])
    assert run is not None
    return run


def is_due(kit: HandlersKit) -> bool:
    at = stored(kit).value.next_check_at
    return at is None or at <= kit.clock.now()


def looked(kit: HandlersKit) -> bool:
    """Sweep a minute later; return whether that sweep looked at the run."""
    kit.wait()
    kit.sweep()
    done = kit.ctx.memory.last_sweep
    assert done is not None
    return NIGHT.id in done.seen


def test_a_run_that_is_not_due_is_not_looked_at(kit: HandlersKit) -> None:
    """A waiting run is left alone until its tier begins; at that minute it is looked at."""
    at = stored(kit).value.next_check_at
    assert at is not None
    while kit.clock.now() + MINUTE < at:
        assert not looked(kit)
    assert looked(kit)


def test_what_is_stored_can_be_read_by_people(kit: HandlersKit) -> None:
    """The document says when the run is looked at next as a moment, and the text that the query goes by is the same."""
    [document] = kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    at = document.data["next_check_at"]
    assert document.data["due"] == f"nba@{at.isoformat(timespec='microseconds')}"


def test_a_report_makes_its_run_due(kit: HandlersKit) -> None:
    """The next sweep looks at it and the one after, then it is put off again."""
    kit.deliver(UPGC, records=203)
    assert [looked(kit) for _ in range(4)] == [True, True, False, False]


def test_a_run_is_due_before_its_report_is_stored(kit: HandlersKit) -> None:
    """A process that dies with the report half taken in leaves a run that a sweep looks at, never a report unseen."""
    ensure_exists(kit.ports.store, kit.policy, NIGHT, kit.clock.now())
    assert looked(kit)


@pytest.mark.parametrize(
    "command", [("hold", TO4), ("rerun", "phase3"), ("trigger", TO4)], ids=lambda command: str(command[0])
)
def test_an_operator_makes_the_run_due(kit: HandlersKit, command: tuple[str, str]) -> None:
    """Whatever a person tells a run, the next sweep looks at it."""
    kit.orch(*command, "2026-01-21", "--mode", "overnight", "--reason", "a test")
    assert looked(kit)


def test_an_event_between_a_look_and_its_end_wins(kit: HandlersKit) -> None:
    """A run is put off under the version that was read: what made it due since then keeps it due."""
    touch(kit.ctx, NIGHT.id)
    kit.sweeps(2)
    before = stored(kit)
    due = replace(before, value=replace(before.value, next_check_at=kit.clock.now(), settles_at=None))
    touch(kit.ctx, NIGHT.id)
    done = Sweep(seen={NIGHT.id}, began=kit.clock.now())
    later = kit.clock.now() + timedelta(hours=1)
    put_off_all(kit.ctx, done, {NIGHT.id: Look(due, clock=later, again=later)}, {})
    assert is_due(kit)
    assert stored(kit).value.touched


def test_who_found_the_run_due_already_is_seen_too(kit: HandlersKit) -> None:
    """A report that was stored after the look that another one asked for, by a handler that found the run due and so
    wrote nothing there: the run is put off only after it."""
    kit.deliver(UPGC, records=203)
    assert looked(kit)
    now = kit.clock.now()
    report = Report("late", "phase3", TDGS, Outcome.SUCCESS, now, now, records=203)
    store_report(kit.ports.store, kit.policy, NIGHT, report, kit.clock)
    assert looked(kit)


def test_who_takes_long_makes_the_run_due_once_more(kit: HandlersKit) -> None:
    """A handler whose dispatch takes longer than a minute: the run that sweeps have put off meanwhile is due again."""
    kit.fail("bus", FaultKind.TIMEOUT)
    kit.finish(*PHASE3[1:-1], records=203)
    before = stored(kit).version
    kit.sweeps(1)
    slow = kit.with_ports(store=Slow(kit))
    kit.restore()
    kit.ctx = slow
    kit.deliver(PHASE3[-1], records=203)
    assert stored(kit).version != before
    assert stored(kit).value.touched


class Slow:
    """A store that takes half a minute, in which a sweep begins to look, to write a report."""

    def __init__(self, kit: HandlersKit) -> None:
        self._kit, self._store = kit, kit.ports.store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _write(self, method: str, path: str, *rest: Any) -> Any:
        if "/completions/" in path:
            self._kit.clock.sleep(timedelta(seconds=30))
            run = stored(self._kit)
            data = {**self._store.get(run_path(NIGHT))[0].data, "touched": False}
            self._store.update(run_path(NIGHT), data, run.version)
        return getattr(self._store, method)(path, *rest)

    def create(self, path: str, data: Any) -> Any:
        return self._write("create", path, data)

    def update(self, path: str, data: Any, version: str) -> Any:
        return self._write("update", path, data, version)


def test_a_document_of_an_older_revision_is_looked_at(kit: HandlersKit) -> None:
    """It does not say when it is due, so no query for due runs finds it: every quarter of an hour all are looked at,
    and that writes it."""
    [document] = kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    old = {name: value for name, value in document.data.items() if name not in ("due", "next_check_at", "touched")}
    kit.store.inner.update(document.path, old, document.version)
    seen = [looked(kit) for _ in range(16)]
    assert seen.count(True) == 1
    [document] = kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    assert document.data["due"].startswith("nba@")


def test_a_document_without_the_field_is_due() -> None:
    """Read as a run it has no moment, and whoever asks takes that for at once."""
    data: dict[str, Any] = {"key": {"pipeline": "nba", "day": "2026-01-21", "mode": "overnight", "lane": "live"}}
    run = from_data(Run, {**data, "opened_at": HandlersKit().clock.now()})
    assert (run.next_check_at, run.touched, run.settles_at) == (None, False, None)


def test_another_policy_or_revision_looks_at_every_run(kit: HandlersKit) -> None:
    """The first sweep under another policy, or of other code, looks at all that is open; the next one does not."""
    assert not looked(kit)
    kit.ctx = kit.instance(version="v2")
    assert looked(kit)
    assert not looked(kit)
    kit.ctx = kit.instance(policy=replace(kit.policy, version="another"), version="v2")
    assert looked(kit)


def test_the_end_of_a_pause_looks_at_every_run(kit: HandlersKit) -> None:
    """What a pause kept back goes out with the sweep after its end, though no message came."""
    kit.orch("pause", "--reason", "a test")
    kit.finish(*PHASE3[1:], records=203)
    kit.sweeps(5)
    assert kit.trigger_ids == []
    kit.orch("pause", "--end", "p1", "--reason", "over")
    kit.sweeps(1)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_gate_that_blocks_is_asked_every_minute(kit: HandlersKit) -> None:
    """Nobody says that a table has filled: a run that waits for it stays due, and goes in the minute after.

    No service is asked, whose answer would be asked again anyway.
    """
    transition = replace(kit.policy.transitions[TO4], preflight=None)
    kit.ctx = kit.instance(
        policy=replace(kit.policy, transitions={**kit.policy.transitions, TO4: transition}, version="another")
    )
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3[1:], records=203)
    kit.sweeps(5)
    assert kit.state(TO4).state is State.BLOCKED
    assert [looked(kit) for _ in range(5)] == [True] * 5
    kit.change(readings={"game_coverage": 100.0})
    assert looked(kit)
    assert kit.state(TO4).state is State.DISPATCHED


def test_an_alert_that_nobody_could_be_told_of_makes_the_next_sweep_look(kit: HandlersKit) -> None:
    """It is of no run, and no run is due: the upkeep is, so that it is sent a minute later."""
    kit.fail("slack")
    text = "nba: something"
    condition = Condition(AlertKind.ERROR, Severity.CRITICAL, "nba", "here", "that", text)
    kit.act(lambda: raise_alerts.raise_now(kit.ctx, [condition]))
    kit.restore()
    assert kit.notices("error") == []
    kit.sweeps(1)
    assert len(kit.notices("error")) == 1
