"""Several pipelines in one database never see each other (design: state by pipeline)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.memory import MemoryStore
from shared.app.alerting import outbox
from shared.app.reporting.alert_views import open_alerts
from shared.app.reporting.daily import summary
from shared.app.reporting.health import DeploymentInfo as Deployed
from shared.app.reporting.queries import all_runs, quarantine
from shared.app.state import circuit_breaker
from shared.app.state.lock import Lease, Locked, acquire, release
from shared.app.validation.checks.deliveries import sweep_alive
from shared.core.circuit_breaker import Limits, Permission
from shared.core.policy.policy import Policy
from shared.documents import to_data
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.policy_files import NBA

PIPELINES = Path(__file__).parents[1] / "pipelines"
WEATHER = load_policy(PIPELINES / "minimal.yaml")
# The same phases, processors and modes under other names: whatever is not kept apart by the pipeline meets.
TWINS = tuple(replace(WEATHER, pipeline=name) for name in ("weather", "weath", "weather-2"))
DAY = date(2026, 3, 2)
START = datetime(2026, 3, 3, 4, 0, tzinfo=WEATHER.zone)


@dataclass(frozen=True)
class Act:
    """What happens to one of the pipelines: a report of a processor, junk, a sweep, or its alerts are not taken."""

    whose: int
    what: str
    name: str = "StationsJob"
    status: str = "success"


ACTS = st.builds(
    Act,
    st.integers(0, len(TWINS) - 1),
    st.sampled_from(["say", "say", "junk", "sweep", "sweep", "deaf", "hears"]),
    st.sampled_from(["StationsJob", "radar", "model", "nobody"]),
    st.sampled_from(["success", "failed", "no_data", "started"]),
)


def kit(policy: Policy, store: MemoryStore) -> HandlersKit:
    return HandlersKit(policy=policy, store=store, start=START)


def act(handlers: HandlersKit, doing: Act, number: int) -> object:
    """Let something happen, at a time that its number says, so that it is the same whatever others do between."""
    handlers.clock.instant = (START + timedelta(minutes=3 * number)).astimezone(handlers.clock.instant.tzinfo)
    match doing.what:
        case "sweep":
            return handlers.sweep().findings
        case "junk":
            return handlers.take("collect", b"{", f"m-{number}").decision
        case "deaf":
            handlers.fail("slack", FaultKind.UNAVAILABLE)
        case "hears":
            handlers.restore()
        case _:
            body = {"processor_name": doing.name, "game_date": DAY.isoformat(), "status": doing.status}
            phase = "forecast" if doing.name == "model" else "collect"
            return handlers.take(phase, json.dumps(body).encode(), f"m-{number}").decision
    return None


def seen(handlers: HandlersKit) -> dict[str, Any]:
    """Return what can be seen of a pipeline, from within it and from outside."""
    return {
        "messages": [(sent.at, sent.topic, sent.body) for sent in handlers.published],
        "notices": [(at, notice) for at, notice in handlers.sink.taken],
        "record": handlers.audit.tables,
        "runs": [run.key.id for run in all_runs(handlers.ctx)],
        "quarantine": [kept.raw for kept in quarantine(handlers.ctx)],
        "alerts": open_alerts(handlers.ctx),
        "report": summary(handlers.ctx, Deployed("record", "", list, ""))["text"],
    }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ACTS, min_size=4, max_size=24))
def test_a_pipeline_is_the_same_alone_and_among_others(acts: list[Act]) -> None:
    """Three pipelines of the same phases, processors and modes in one database, whatever happens to them between each
    other: each answers, sends, tells and records what it does alone."""
    shared = MemoryStore()
    together = [kit(policy, shared) for policy in TWINS]
    alone = [kit(policy, MemoryStore()) for policy in TWINS]
    for number, doing in enumerate(acts):
        answers = [act(kits[doing.whose], doing, number) for kits in (together, alone)]
        assert answers[0] == answers[1]
    for among, apart in zip(together, alone, strict=True):
        for handlers in (among, apart):
            handlers.restore()
            handlers.clock.instant = (START + timedelta(hours=30)).astimezone(handlers.clock.instant.tzinfo)
            handlers.sweeps(2)
        assert seen(among) == seen(apart)


def test_every_document_says_whose_it_is() -> None:
    """No document of a pipeline has a path or a field by which another one could take it for its own."""
    store = MemoryStore()
    for policy in TWINS[:2]:
        handlers = kit(policy, store)
        for number, what in enumerate(("junk", "say", "sweep", "sweep")):
            act(handlers, Act(0, what), number)
    paths = {document.path for collection in store._collections.values() for document in collection.values()}
    assert len({path for path in paths if path.split("/")[0] in ("locks", "breakers", "runs", "alerts")}) >= 8
    for collection in ("locks", "breakers"):
        names = [path.split("/")[1].split("~")[0] for path in paths if path.startswith(f"{collection}/")]
        assert set(names) <= {"weather", "weath"}
    runs = [document.data["run"] for document in store.query("alerts")]
    assert {run.partition("/")[0] for run in runs} == {"weather", "weath"}


def test_two_sweep_at_once() -> None:
    """A sweep of one pipeline does not keep another's from its work."""
    store = MemoryStore()
    first, second = (kit(policy, store) for policy in TWINS[:2])
    lease = acquire(first.ctx, "sweep", timedelta(minutes=1))
    assert isinstance(lease, Lease)
    assert isinstance(acquire(first.ctx, "sweep", timedelta(minutes=1)), Locked)
    assert isinstance(acquire(second.ctx, "sweep", timedelta(minutes=1)), Lease)
    assert release(first.ctx, lease)


def test_what_one_record_does_not_take_others_do() -> None:
    """Section 12: the breaker of one pipeline's record keeps no other's rows back."""
    store, limits = MemoryStore(), Limits(failures=1)
    first, second = (kit(policy, store) for policy in TWINS[:2])
    circuit_breaker.failed(first.ctx, "record", limits)
    assert circuit_breaker.permission(first.ctx, "record", limits) is Permission.STOP
    assert circuit_breaker.permission(second.ctx, "record", limits) is Permission.GO


def test_what_was_stored_for_one_pipeline_is_found_by_it(tmp_path: Path) -> None:
    """After an upgrade runs, alerts and quarantine are where they were; of a lock both places are looked at."""
    store = MemoryStore()
    nba = HandlersKit(policy=load_policy(NBA), store=store)
    store.create("locks/sweep", to_data(Lease("sweep", "before", 7, nba.clock.now())))
    target: Any = type("Target", (), {"now": nba.clock.now() + timedelta(minutes=3)})()
    [measure] = sweep_alive(nba.ctx, target, {}).measures
    assert measure.value == 3.0
    nba.wait()
    nba.sweep()
    [measure] = sweep_alive(nba.ctx, target, {}).measures
    assert measure.value is not None
    assert measure.value < 3.0


@pytest.mark.parametrize("damage", [{}, {"run": 7}, {"run": "weather"}])
def test_an_alert_that_nobody_can_read_keeps_nobody_quiet(damage: dict[str, Any]) -> None:
    """A3: what does not say whose it is is anybody's, and whoever finds it takes it away."""
    handlers = kit(TWINS[0], MemoryStore())
    handlers.store.inner.create("alerts/spoilt", {"unsent": True, "standing": True, "recorded": False, **damage})
    read: Callable[[], Any] = lambda: outbox.read_all(handlers.ctx, outbox.own_alerts(handlers.ctx, {"unsent": True}))  # noqa: E731
    assert read() == []
    assert handlers.store.inner.get("alerts/spoilt") == [None]


def test_an_alert_of_another_pipeline_is_left_alone() -> None:
    """What a pipeline cannot read and is another's is for that one to deal with."""
    handlers = kit(TWINS[0], MemoryStore())
    handlers.store.inner.create("alerts/theirs", {"unsent": True, "run": "weather-2/2026-03-02/daily"})
    assert outbox.own_alerts(handlers.ctx, {"unsent": True}) == []
    handlers.sweep()
    assert handlers.store.inner.get("alerts/theirs")[0] is not None
