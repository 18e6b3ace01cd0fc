"""The smallest product a runner can drive: it triggers phase 4 once a required processor of phase 3 has reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.app.context import Context
from shared.core.model import Lane, RunKey
from shared.core.policy.policy import Policy
from shared.ports import Message
from shared.simulation.product import Kept, Reply
from shared.simulation.scenario import Request
from shared.simulation.world import Envelope

TRANSITION = "phase3_to_phase4"


@dataclass(frozen=True)
class Seen:
    """What the views answer."""

    state: str = "not_open"
    done: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    reason: str = ""
    text: str = ""
    outcome: str = ""
    records: int | None = None
    superseded: int = 0


@dataclass
class TinyProduct:
    """Keeps what was delivered and when; ``on_sweep`` and ``on_delivery`` let a test act in the product's place."""

    on_delivery: Callable[[Context, dict[str, Any]], None] | None = None
    on_sweep: Callable[[Context], Reply] | None = None
    next_at: datetime | None = None
    delivered: list[tuple[datetime, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    swept: list[datetime] = field(default_factory=list)
    context: Context | None = None

    @contextmanager
    def installed(self, context: Context) -> Iterator[None]:
        self.context = context
        yield

    def deliver(self, policy: Policy, envelope: Envelope) -> None:
        assert self.context is not None
        self.delivered.append((self.context.ports.clock.now(), envelope.message_id))
        body = json.loads(envelope.data)
        self.bodies.append(body)
        (self.on_delivery or receive)(self.context, body)

    def request(self, request: Request) -> Reply:
        assert self.context is not None
        if request.function != "self_heal" or request.query:
            return Reply(200, json.dumps({"path": request.path, "query": dict(request.query)}))
        self.swept.append(self.context.ports.clock.now())
        return self.on_sweep(self.context) if self.on_sweep else Reply(200, "[]")

    def operate(self, argv: tuple[str, ...], context: Context) -> tuple[int, str]:
        return len(argv), " ".join(argv)

    def next_sweep_at(self, observer: Context) -> datetime | None:
        return self.next_at

    def explain(self, context: Context, key: RunKey, transition: str) -> Seen:
        [document] = context.ports.store.get(path(key.id, "transitions", transition))
        if document is None:
            return Seen()
        return Seen(document.data["state"], frozenset({"player_game_summary"}), ("other",), "it was so", "because")

    def recorded(self, context: Context, key: RunKey, phase: str, processor: str) -> Seen | None:
        [document] = context.ports.store.get(path(key.id, "completions", f"{phase}.{processor}"))
        return (
            None
            if document is None
            else Seen(outcome=document.data["status"], records=document.data.get("record_count"))
        )

    def reported_in(self, context: Context, phase: str, processor: str) -> list[RunKey]:
        return self.runs(context)

    def quarantine(self, context: Context) -> list[Kept]:
        return []

    def runs(self, context: Context) -> list[RunKey]:
        return [
            RunKey("nba", datetime.fromisoformat(run.id[4:14]).date(), run.id[15:], Lane.LIVE)
            for run in context.ports.store.query("runs")
        ]


def path(run: str, *parts: str) -> str:
    return "/".join(["runs", run.replace("/", "~"), *parts])


def receive(context: Context, body: dict[str, Any]) -> None:
    """Record, claim, dispatch, mark, confirm: each a write, with a crash point between any two."""
    store = context.ports.store
    run = f"nba/{body['game_date']}/{body.get('mode', 'overnight')}"
    store.create(path(run), {"open": True})
    at = path(run, "completions", f"{body['phase']}.player_game_summary")
    if store.create(at, body) is None:
        [document] = store.get(at)
        assert document is not None
        store.update(at, body, document.version)
    if body["phase"] == "phase3" and body["status"] == "success":
        trigger(context, run, body)


def trigger(context: Context, run: str, body: dict[str, Any]) -> None:
    store, at = context.ports.store, path(run, "transitions", TRANSITION)
    version = store.create(at, {"state": "claimed"})
    if version is None:
        [document] = store.get(at)
        if document is None or document.data["state"] != "claimed":
            return
        version = document.version
    context.ports.bus.publish("nba-phase4-trigger", [Message(trigger_body(run, body), {})])
    version = store.update(at, {"state": "dispatched"}, version)
    if version is not None:
        store.update(at, {"state": "confirmed"}, version)


def trigger_body(run: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "trigger_id": f"{run}/{TRANSITION}/1",
        "generation": 1,
        "attempt": 1,
        "transition": TRANSITION,
        "mode": body.get("mode", "overnight"),
        "lane": "live",
        "game_date": body["game_date"],
        "correlation_id": "c-1",
        "degraded": False,
        "missing_processors": [],
        "trigger_reason": "complete",
        "processor_name": "player_game_summary",
    }
