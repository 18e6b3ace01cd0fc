"""The world does to the product what a scenario says: it fails, crashes, redelivers, and starts what was dispatched."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.app.context import Context
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.ports import CalendarRef, Message, Notice, Refused, Response, Row, TableRef
from shared.simulation.history import History
from shared.simulation.parse import read_scenario
from shared.simulation.product import Reply
from shared.simulation.runner import play
from tests.policy_files import NBA
from tests.simulation.tiny import TRANSITION, TinyProduct, path, receive, trigger_body

RUN = "nba/2026-01-20/overnight"
COMPLETE = "complete: {processor: PlayerGameSummaryProcessor, phase: phase3, game_date: 2026-01-20, records: 148}"
CALENDAR = CalendarRef("t", "d", "s")
DAY = date(2026, 1, 20)


def at(text: str) -> datetime:
    """Return an instant of 21 January in the pipeline's zone."""
    return datetime.fromisoformat(f"2026-01-21T{text}-05:00").astimezone(UTC)


@pytest.fixture
def played(tmp_path: Path) -> Callable[..., History]:
    """Play the lines of a scenario from 06:00 on with a product."""

    def run(product: TinyProduct, text: str, end: str = "06:10") -> History:
        file = tmp_path / "day.yaml"
        head = f'name: x\npipeline: {NBA}\nstart: "2026-01-21 06:00"\nend: "2026-01-21 {end}"\n'
        file.write_text(head + text, encoding="utf-8")
        return play(read_scenario(file), product)

    return run


def test_a_failing_handler_is_redelivered_with_back_off(played: Callable[..., History]) -> None:
    """A message whose handler raises comes again 10, 30, 70, 150, 310, 630, 1230 and 1830 s after the first time."""

    def fail(context: Context, body: dict[str, Any]) -> None:
        raise Unavailable("state", "down")

    product = TinyProduct(on_delivery=fail)
    played(product, f'events: [{{at: "06:00", {COMPLETE}}}]', end="06:35")
    waits = [(when - at("06:00:00")).total_seconds() for when, _ in product.delivered]
    assert waits == [0, 10, 30, 70, 150, 310, 630, 1230, 1830]
    assert len({message for _, message in product.delivered}) == 1


def test_the_store_fails_for_its_time_and_no_longer(played: Callable[..., History]) -> None:
    """During a fault of the store handlers cannot use it; at its end they can again."""
    product = TinyProduct()
    events = f'[{{at: "06:01", fault: {{port: state, kind: unavailable, for: 70s}}}}, {{at: "06:01", {COMPLETE}}}]'
    expect = f"[{{run: {{transition: {TRANSITION}, date: 2026-01-20, mode: overnight, is: confirmed}}}}]"
    history = played(product, f"events: {events}\nexpect: {expect}")
    assert [when for when, _ in product.delivered[:4]] == [
        at(t) for t in ("06:01:00", "06:01:10", "06:01:30", "06:02:10")
    ]
    assert [departure.at for departure in history.departures] == [at("06:02:10")]


@pytest.mark.parametrize(
    ("point", "sent", "state_before_redelivery"),
    [
        ("after_record", 1, None),
        ("after_claim", 1, "claimed"),
        ("after_dispatch", 2, "claimed"),
        ("before_confirm", 1, "dispatched"),
    ],
)
def test_crash_points(
    played: Callable[..., History], point: str, sent: int, state_before_redelivery: str | None
) -> None:
    """A handler dies at the point, once; nothing it does afterwards has an effect, and its message comes again."""
    states: list[object] = []
    last_words: list[str | None] = []

    def stubborn(context: Context, body: dict[str, Any]) -> None:
        [document] = context.ports.store.get(path(RUN, "transitions", TRANSITION))
        states.append(document and document.data["state"])
        try:
            receive(context, body)
        finally:
            last_words.append(context.ports.store.create("locks/after", {"left": True}))

    product = TinyProduct(on_delivery=stubborn)
    events = f'[{{at: "06:01", crash: {point}}}, {{at: "06:02", {COMPLETE}}}]'
    history = played(product, f"given: {{downstream: {{phase4: silent}}}}\nevents: {events}")
    assert [when for when, _ in product.delivered] == [at("06:02:00"), at("06:02:10")]
    assert states == [None, state_before_redelivery]
    assert len(last_words) == 1
    assert len(history.departures) == sent
    assert [departure.nth for departure in history.departures] == list(range(1, sent + 1))


def test_a_sweep_dies_too(played: Callable[..., History]) -> None:
    """An armed crash takes the sweep that reaches its point first; the next minute's lives."""
    ended = []

    def sweep(context: Context) -> Reply:
        now = context.ports.clock.now()
        context.ports.store.create(path(f"nba/2026-01-20/{now:%H%M}", "transitions", TRANSITION), {"state": "claimed"})
        ended.append(now)
        return Reply(200, "[]")

    product = TinyProduct(on_sweep=sweep)
    played(product, 'events: [{at: "06:01", crash: after_claim}]', end="06:03")
    assert product.swept == [at("06:00:00"), at("06:01:00"), at("06:02:00"), at("06:03:00")]
    assert ended == [at("06:00:00"), at("06:02:00"), at("06:03:00")]


def test_a_dispatch_starts_the_next_phase(played: Callable[..., History]) -> None:
    """Five seconds after a dispatch reached it the phase reports `started`, once, as its first processor."""
    product = TinyProduct()
    played(product, f'events: [{{at: "06:01", {COMPLETE}}}]')
    assert [when for when, _ in product.delivered] == [at("06:01:00"), at("06:01:05")]
    assert product.bodies[1] == {
        "processor_name": "team_defense_zone_analysis",
        "phase": "phase4",
        "game_date": "2026-01-20",
        "mode": "overnight",
        "status": "started",
        "timestamp": at("06:01:05").isoformat(),
        "correlation_id": "c-1",
        "backfill_mode": False,
    }


@pytest.mark.parametrize(
    "world",
    [
        "given: {downstream: {phase4: silent}}\nevents: [",
        'events: [{at: "06:00", fault: {port: bus, kind: drops, for: 1h}}, ',
    ],
)
def test_a_dispatch_that_starts_nothing(played: Callable[..., History], world: str) -> None:
    """A silent phase, and a bus that drops what it accepted, report nothing; the dispatch counts all the same."""
    product = TinyProduct()
    history = played(product, f'{world}{{at: "06:01", {COMPLETE}}}]')
    assert len(product.delivered) == 1
    assert len(history.departures) == 1


def test_messages_of_one_attempt_start_the_phase_once(played: Callable[..., History]) -> None:
    """Five messages of one attempt are one dispatch and one start; the same attempt sent again is another."""

    def five(context: Context, body: dict[str, Any]) -> None:
        if body["phase"] == "phase3":
            bodies = [{**trigger_body(RUN, body), "processor_name": name} for name in "abcde"]
            context.ports.bus.publish("nba-phase4-trigger", [Message(body, {}) for body in bodies])

    product = TinyProduct(on_delivery=five)
    history = played(product, f'events: [{{at: "06:01", {COMPLETE}}}, {{at: "06:02", {COMPLETE}}}]')
    assert [departure.nth for departure in history.departures] == [1] * 5 + [2] * 5
    assert [body["phase"] for body in product.bodies] == ["phase3", "phase4", "phase3", "phase4"]


def test_rows_follow_a_delivered_completion(played: Callable[..., History]) -> None:
    """A success or partial makes its records true of its table if they are more; a failure does not."""
    text = """
events:
  - {at: "06:01", complete: {processor: PlayerGameSummaryProcessor, phase: phase3, game_date: 2026-01-20, records: 12}}
  - at: "06:02"
    complete: {processor: player_game_summary, phase: phase3, game_date: 2026-01-20, status: failed, records: 99}
  - at: "06:03"
    deliver_raw:
      topic: nba-phase3-analytics-complete
      data: '{"processor_name":"player_game_summary","game_date":"2026-01-20","status":"partial","record_count":20}'
  - {at: "06:04", complete: {processor: PlayerGameSummaryProcessor, phase: phase3, game_date: 2026-01-20, records: 5}}
"""
    assert _rows_by_minute(played, text) == [0, 12, 12, 20, 20, 20]
    assert _rows_by_minute(played, "given: {rows_follow: false}" + text) == [0] * 6


def _rows_by_minute(played: Callable[..., History], text: str) -> list[int | None]:
    seen = []

    def sweep(context: Context) -> Reply:
        table = "nba_analytics.player_game_summary"
        seen.append(context.ports.warehouse.rows([TableRef(table)], DAY)[table])
        return Reply(200, "[]")

    played(TinyProduct(on_sweep=sweep, on_delivery=lambda context, body: None), text, end="06:05")
    return seen


def test_the_warehouse_is_what_the_file_says(played: Callable[..., History]) -> None:
    """Games, rows and readings are merged by table and date; what nobody named is no games, no rows and 100 percent."""
    seen: list[tuple[object, ...]] = []

    def sweep(context: Context) -> Reply:
        warehouse = context.ports.warehouse
        days = [DAY, date(2026, 1, 21), date(2026, 1, 22)]
        units = warehouse.units(CALENDAR, days)
        readings = [warehouse.number("gates/game_coverage.sql", day) for day in days[:2]]
        seen.append((*(units[day] for day in days), *readings, *warehouse.rows([TableRef("d.t")], DAY).values()))
        return Reply(200, "[]")

    text = """
given:
  games: {2026-01-20: 7, 2026-01-21: 3}
  readings: {game_coverage: 71}
  rows: {d.t: {2026-01-19: 4}}
events:
  - {at: "06:01", games: {2026-01-21: {final: 2, in_progress: 1, scheduled: 1, postponed: 3}}}
  - {at: "06:01", readings: {game_coverage: {2026-01-20: 80}}}
  - {at: "06:01", rows: {d.t: {2026-01-20: 9}}}
  - {at: "06:02", readings: {game_coverage: 50}}
"""
    played(TinyProduct(on_sweep=sweep), text, end="06:02")
    assert seen == [
        (Units(7, 7), Units(3, 0), Units(0, 0), 71, 71, 0),
        (Units(7, 7), Units(4, 2), Units(0, 0), 80, 71, 9),
        (Units(7, 7), Units(4, 2), Units(0, 0), 50, 50, 9),
    ]


@pytest.mark.parametrize(("kind", "rows"), [("unavailable", "raises"), ("timeout", "raises"), ("rejects", [None])])
def test_a_warehouse_fault_hits_reads_and_record(played: Callable[..., History], kind: str, rows: object) -> None:
    """A fault of the warehouse refuses every read and the record's writes; a rejected table is None."""
    seen: list[object] = []

    def sweep(context: Context) -> Reply:
        warehouse, record = context.ports.warehouse, context.ports.audit
        asked: list[Callable[[], object]] = [
            lambda: list(warehouse.rows([TableRef("d.t")], DAY).values()),
            lambda: warehouse.number("gates/game_coverage.sql", DAY),
            lambda: warehouse.units(CALENDAR, [DAY]),
            lambda: record.insert("alerts", [Row("1", {})]),
        ]
        seen.extend(_outcome(ask) for ask in asked)
        return Reply(200, "[]")

    played(
        TinyProduct(on_sweep=sweep),
        f'events: [{{at: "06:00", fault: {{port: warehouse, kind: {kind}, for: 5m}}}}]',
        "06:00",
    )
    assert seen == [rows, "raises", "raises", "raises"]


def _outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except Unavailable:
        return "raises"


HEALTH = {
    "healthy": (200, "nba-phase4-precompute-processors", 200),
    "degraded": (200, "nba-phase4-precompute-processors", 200),
    "down": (503, "", 503),
    "http_404": (404, "", 404),
    "wrong_identity": (200, "nba-phase3-analytics-processors", 404),
    "timeout": ("raises", "", "raises"),
}


@pytest.mark.parametrize("health", HEALTH)
def test_services_answer_by_their_health(played: Callable[..., History], health: str) -> None:
    """Readiness and calls alike follow the service's health; a timeout takes the caller's time."""
    seen: list[tuple[object, str]] = []
    waited: list[float] = []

    def sweep(context: Context) -> Reply:
        base, began = context.endpoints["precompute"], context.ports.clock.now()
        for method in ("GET", "POST"):
            try:
                answer = context.ports.http.request(method, f"{base}/ready", {}, timedelta(seconds=3))
                seen.append((answer.status, answer.body))
            except Unavailable:
                seen.append(("raises", ""))
        waited.append((context.ports.clock.now() - began).total_seconds())
        return Reply(200, "[]")

    played(TinyProduct(on_sweep=sweep), f"given: {{services: {{precompute: {health}}}}}", end="06:00")
    (ready, body), (called, _) = seen
    assert (ready, json.loads(body)["service"] if body.startswith("{") else "", called) == HEALTH[health]
    assert waited == [6 if health == "timeout" else 0]


@pytest.mark.parametrize(("kind", "status"), [("rejects", 400), ("unavailable", 503), ("timeout", "raises")])
def test_a_service_fault_spares_its_readiness(played: Callable[..., History], kind: str, status: object) -> None:
    """A fault of a service hits its calls only."""
    seen: list[object] = []

    def sweep(context: Context) -> Reply:
        url = f"{context.endpoints['analytics']}/x"
        for method in ("GET", "POST"):
            ask = partial(context.ports.http.request, method, url, {}, timedelta(1))
            answer = _outcome(ask)
            seen.append(answer.status if isinstance(answer, Response) else answer)
        return Reply(200, "[]")

    played(
        TinyProduct(on_sweep=sweep),
        f'events: [{{at: "06:00", fault: {{port: analytics, kind: {kind}, for: 5m}}}}]',
        "06:00",
    )
    assert seen == [200, status]


def test_calls_are_answered_as_the_scenario_says(played: Callable[..., History]) -> None:
    """One answer a call, the last one for ever; every request that left is counted, readiness too."""
    seen: list[object] = []

    def sweep(context: Context) -> Reply:
        url = f"{context.endpoints['prediction_coordinator']}/start"
        for _ in range(3):
            answer = context.ports.http.request("POST", url, {}, timedelta(seconds=20))
            seen.append((answer.status, answer.body))
        return Reply(200, "[]")

    text = """
given:
  answers: {"prediction_coordinator /start": [{status: 503, body: {error: DATA_INCOMPLETE}}, {status: 202, body: ok}]}
"""
    history = played(TinyProduct(on_sweep=sweep), text, end="06:00")
    assert seen == [(503, '{"error": "DATA_INCOMPLETE"}'), (202, "ok"), (202, "ok")]
    assert [(call.service, call.path) for call in history.calls] == [("prediction_coordinator", "/start")] * 3


def test_an_answer_that_takes_too_long_is_no_answer(played: Callable[..., History]) -> None:
    """The caller waits no longer than it said; the service was reached all the same."""
    seen: list[object] = []

    def sweep(context: Context) -> Reply:
        began = context.ports.clock.now()
        body = trigger_body(RUN, {"game_date": "2026-01-20"}) | {"transition": "phase4_to_phase5"}
        url = f"{context.endpoints['prediction_coordinator']}/start"
        seen.append(_outcome(partial(context.ports.http.request, "POST", url, body, timedelta(seconds=20))))
        seen.append((context.ports.clock.now() - began).total_seconds())
        return Reply(200, "[]")

    text = 'given: {answers: {"prediction_coordinator /start": {status: 202, after: 90s}}}'
    history = played(TinyProduct(on_sweep=sweep), text, end="06:00")
    assert seen == ["raises", 20]
    assert [departure.to for departure in history.departures] == ["prediction_coordinator /start"]


def test_a_bus_that_duplicates_delivers_twice_under_one_id(played: Callable[..., History]) -> None:
    """The same message id comes twice; a bus that drops delivers none."""
    message = Message(
        {"processor_name": "PlayerGameSummaryProcessor", "phase": "phase3", "game_date": "2026-01-20"}, {}
    )

    def sweep(context: Context) -> Reply:
        context.ports.bus.publish("nba-phase3-analytics-complete", [message])
        return Reply(200, "[]")

    text = """
events:
  - {at: "06:00", fault: {port: bus, kind: duplicates, for: 1m}}
  - {at: "06:01", fault: {port: bus, kind: drops, for: 1m}}
"""
    product = TinyProduct(on_delivery=lambda context, body: None, on_sweep=sweep)
    played(product, text, end="06:01")
    ids = [message_id for _, message_id in product.delivered]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_slack_refuses_or_is_away(played: Callable[..., History]) -> None:
    """What the sink did not take was never sent."""
    seen: list[object] = []

    def sweep(context: Context) -> Reply:
        notice = Notice("f", "warning", "kind", f"sent at {context.ports.clock.now():%M}")
        seen.append(_outcome(lambda: isinstance(context.ports.alerts.send(notice), Refused)))
        return Reply(200, "[]")

    text = """
events:
  - {at: "06:01", fault: {port: slack, kind: rejects, for: 1m}}
  - {at: "06:02", fault: {port: slack, kind: unavailable, for: 1m}}
"""
    history = played(TinyProduct(on_sweep=sweep), text, end="06:03")
    assert seen == [False, True, "raises", False]
    assert [notice.text for notice in history.notices] == ["sent at 00", "sent at 03"]


def test_a_repair_that_was_accepted(played: Callable[..., History]) -> None:
    """A rerun call is remembered as a repair, not as a dispatch, and only if the service took it."""

    def sweep(context: Context) -> Reply:
        body = {"repair": True, "phase": "phase3", "game_date": "2026-01-20", "processors": ["player_game_summary"]}
        url = f"{context.endpoints['analytics']}/process-date-range"
        context.ports.http.request("POST", url, body, timedelta(seconds=5))
        return Reply(200, "[]")

    history = played(TinyProduct(on_sweep=sweep), 'events: [{at: "06:01", services: {analytics: down}}]', end="06:01")
    [repair] = history.repairs
    assert (repair.at, repair.phase, repair.day, repair.processors) == (
        at("06:00:00"),
        "phase3",
        DAY,
        ("player_game_summary",),
    )
    assert history.departures == []


def test_handlers_at_once_take_turns_at_every_store_operation(played: Callable[..., History]) -> None:
    """Handlers of a `concurrently` interleave at each store operation, in the same way every time."""
    first, second = _interleaving(played), _interleaving(played)
    assert first == second
    assert first[:6] == [(0, "a"), (0, "b"), (0, "c"), (1, "a"), (1, "b"), (1, "c")]


def test_a_seed_draws_another_order(played: Callable[..., History]) -> None:
    """With a seed the turns are drawn from it, and the same seed draws the same."""
    drawn = [_interleaving(played, f"seed: {seed}\n") for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def _interleaving(played: Callable[..., History], head: str = "") -> list[tuple[int, str]]:
    steps: list[tuple[int, str]] = []

    def work(context: Context, body: dict[str, Any]) -> None:
        for step in range(4):
            context.ports.store.get("locks/one")
            steps.append((step, body["execution_id"]))

    entry = "complete: {processor: P, phase: phase3, game_date: 2026-01-20, execution_id: "
    entries = ", ".join(f"{{{entry}{name}}}}}" for name in "abc")
    played(TinyProduct(on_delivery=work), f'{head}events: [{{at: "06:01", concurrently: [{entries}]}}]', end="06:01")
    assert sorted(steps) == [(step, name) for step in range(4) for name in "abc"]
    return steps


def test_a_race_is_a_race(played: Callable[..., History]) -> None:
    """Of handlers at once that look before they leap all leap; of those that claim by compare-and-set one does."""

    def careless(context: Context, body: dict[str, Any]) -> None:
        at = path(RUN, "transitions", TRANSITION)
        if context.ports.store.get(at) == [None]:
            context.ports.store.create(at, {"state": "claimed"})
            context.ports.bus.publish("nba-phase4-trigger", [Message(trigger_body(RUN, body), {})])

    text = (
        "given: {downstream: {phase4: silent}}\n"
        f'events: [{{at: "06:01", concurrently: [{{{COMPLETE}}}, {{{COMPLETE}}}]}}]'
    )
    assert [departure.nth for departure in played(TinyProduct(on_delivery=careless), text).departures] == [1, 2]
    assert [departure.nth for departure in played(TinyProduct(), text).departures] == [1]


def test_redelivered_messages_keep_their_id(played: Callable[..., History]) -> None:
    """`redeliver` brings the same message with the same id once more."""
    product = TinyProduct()
    text = f'events: [{{at: "06:01", {COMPLETE[:-1]}, id: x}}}}, {{at: "06:02", redeliver: [x, x]}}]'
    played(product, "given: {downstream: {phase4: silent}}\n" + text)
    assert [when for when, _ in product.delivered] == [at("06:01:00"), at("06:02:00"), at("06:02:00")]
    assert len({message for _, message in product.delivered}) == 1


def test_sweeps_run_at_every_full_minute_and_at_both_ends(played: Callable[..., History]) -> None:
    """The sweep runs at start, at each full minute and at the end, after that instant's messages."""
    order: list[str] = []

    def sweep(context: Context) -> Reply:
        order.append("sweep")
        return Reply(200, "[]")

    product = TinyProduct(on_delivery=lambda context, body: order.append("message"), on_sweep=sweep)
    played(product, f'events: [{{at: "06:01", {COMPLETE}}}]', end="06:02:30")
    assert product.swept == [at(text) for text in ("06:00:00", "06:01:00", "06:02:00", "06:02:30")]
    assert order == ["sweep", "message", "sweep", "sweep", "sweep"]


def test_a_sweep_is_skipped_only_if_nothing_can_have_changed(played: Callable[..., History]) -> None:
    """After a sweep that asks for the next at 06:05 none runs before it, unless something happens."""
    quiet = TinyProduct(next_at=at("06:05:00"))
    played(quiet, "", end="06:06")
    assert quiet.swept == [at("06:00:00"), at("06:05:00"), at("06:06:00")]
    disturbed = TinyProduct(next_at=at("06:05:00"))
    played(disturbed, 'events: [{at: "06:02", services: {analytics: down}}]', end="06:05")
    assert disturbed.swept == [at("06:00:00"), at("06:02:00"), at("06:05:00")]
    fault = 'events: [{at: "06:01", fault: {port: slack, kind: rejects, for: 2m}}]'
    faulty = TinyProduct(next_at=at("06:05:00"))
    played(faulty, fault, end="06:05")
    assert faulty.swept == [at("06:00:00"), at("06:01:00"), at("06:03:00"), at("06:05:00")]


def test_waiting_passes_for_one_handler_alone(played: Callable[..., History]) -> None:
    """A handler that waits sees its own time pass; the next event comes at its own time."""
    seen: list[datetime] = []

    def wait(context: Context, body: dict[str, Any]) -> None:
        context.ports.clock.sleep(timedelta(seconds=90))
        seen.append(context.ports.clock.now())

    product = TinyProduct(on_delivery=wait)
    played(product, f'events: [{{at: "06:01", {COMPLETE}}}, {{at: "06:01:10", {COMPLETE}}}]')
    assert seen == [at("06:02:30"), at("06:02:40")]


def test_the_same_file_gives_the_same_history(played: Callable[..., History]) -> None:
    """Two plays of one scenario agree in everything recorded, tokens included."""

    def send_alert(context: Context) -> Reply:
        context.ports.alerts.send(Notice("f", "info", "kind", context.ports.clock.token()))
        return Reply(200, "[]")

    text = f'events: [{{at: "06:01", crash: after_dispatch}}, {{at: "06:02", {COMPLETE}}}]'
    first, second = (played(TinyProduct(on_sweep=send_alert), text) for _ in range(2))
    assert first == second
    assert len({notice.text for notice in first.notices}) == len(first.notices)


def test_observers_cannot_write(played: Callable[..., History]) -> None:
    """A view that writes is a mistake, not a change of the history."""

    class Meddling(TinyProduct):
        def runs(self, context: Context) -> list[Any]:
            context.ports.store.create("runs/x", {})
            return []

    with pytest.raises(TypeError, match="an observer must not write"):
        played(Meddling(), "", end="06:00")
