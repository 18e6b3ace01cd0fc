"""The workers of a batch: each request is one member, and each reports for itself, as it is told, after its own time.

Without being told a member is done with five predictions, between half a minute and three and a half minutes after its
request. What it is told: `POST /stand-in/manners` with `{member: MANNER}`; a manner has `after` (seconds, else its own
time), `outcome` and `reason`, `copies` (so often a report is sent; 0: silent), `fails` (so many attempts fail, each
reported, before it does it). `GET /stand-in/requests` lists every request that came, by its id and attempt.

A request is taken before it is worked on, as by a pool with a queue of its own. A worker remembers nothing between
requests: one that is asked twice works twice and reports twice.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Surroundings

IDENTITY = "prediction-worker"
TOPIC, READY = "prediction-request-prod", "prediction-ready-prod"
PREDICTIONS = 5
QUICKEST, SLOWER, MOST = timedelta(seconds=30), timedelta(seconds=20), 10
NO_ANSWER = "no answer from the model"
AGAIN_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Manner:
    """How one member's worker works."""

    after: float | None = None
    outcome: str = ""
    reason: str = ""
    copies: int = 1
    fails: int = 0


@dataclass
class Workers:
    """What the workers are told, and what they were asked."""

    manners: dict[str, Manner] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set_manners(self, manners: Mapping[str, Mapping[str, Any]]) -> None:
        """Let members be worked on so from now on; raises TypeError for a manner that there is not."""
        parsed_manners = {member: Manner(**manner) for member, manner in manners.items()}
        with self.lock:
            self.manners.update(parsed_manners)

    def take(self, member: str, attributes: Mapping[str, str], at: datetime) -> Manner:
        """Note a request and return how its member is worked on."""
        asked = {
            "at": at.isoformat(),
            "member": member,
            **{key: attributes.get(key, "") for key in ("request_id", "batch_id", "attempt")},
        }
        with self.lock:
            self.requests.append(asked)
            return self.manners.get(member, Manner())


def create_app(around: Surroundings, workers: Workers | None = None) -> Flask:
    app = service("workers", IDENTITY, around)
    of = workers or Workers()

    @app.post("/")
    def predict() -> ResponseReturnValue:
        envelope: Any = request.get_json(silent=True)
        try:
            body = message(envelope)
        except BadPush as wrong:
            return wrong.answer
        member, batch = body.get("player_lookup"), body.get("batch_id")
        if not member or not batch:
            return jsonify({"error": "player_lookup and batch_id required"}), 400
        manner = of.take(member, envelope["message"].get("attributes") or {}, around.now())
        around.behind(partial(_predict, around, manner, member, batch))
        return "", 204

    @app.post("/stand-in/manners")
    def accept_manners() -> ResponseReturnValue:
        try:
            of.set_manners(request.get_json())
        except TypeError as unknown:
            return jsonify({"error": str(unknown)}), 400
        return jsonify({"told": True})

    @app.get("/stand-in/requests")
    def listed_requests() -> ResponseReturnValue:
        with of.lock:
            return jsonify(of.requests)

    return app


def _predict(around: Surroundings, manner: Manner, member: str, batch: str) -> None:
    around.sleep(_time_of(member) if manner.after is None else timedelta(seconds=manner.after))
    for report in _reports(around, manner):
        for _ in range(manner.copies):
            around.publish(READY, {"player_lookup": member, "batch_id": batch, **report})


def _time_of(member: str) -> timedelta:
    """Return how long the work on a member takes: its own time, the same each night."""
    return QUICKEST + zlib.crc32(member.encode()) % MOST * SLOWER


def _reports(around: Surroundings, manner: Manner) -> Iterator[dict[str, Any]]:
    """Yield what the attempts at one request report, in order."""
    for attempt in range(manner.fails):
        yield {
            "outcome": "failed",
            "error_message": manner.reason or f"attempt {attempt + 1}: no answer from the model",
        }
        around.sleep(AGAIN_AFTER)
    if manner.outcome in ("", "done"):
        yield {"predictions_generated": PREDICTIONS}
    elif manner.outcome == "failed":
        yield {"outcome": "failed", "error_message": manner.reason or NO_ANSWER}
    else:
        yield {"outcome": manner.outcome, "predictions_generated": 0, "reason": manner.reason}
