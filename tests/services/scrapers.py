"""Phase 1: the scrapers behind one path. Each answers as it is told, after as long as it is told.

Without being told it succeeds with ten rows. What it is told: `POST /stand-in/answers` with
`{scraper: [ANSWER, ...]}`, one answer a call and the last for ever; an answer has `status`, `body` (JSON or text),
`after` (seconds), `retry_after`, `drop` (the connection ends without an answer). `GET /stand-in/calls` lists the calls.

A scraper is idempotent by `execution_id`: what it has succeeded with is answered again and announced once.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.surroundings import Surroundings

PATH, PHASE, TOPIC = "/scrape", "phase_1_scrapers", "nba-phase1-scrapers-complete"
WORKFLOWS = Path(__file__).parents[2] / "config" / "workflows.yaml"
ROWS = 10
# The answer of a source that lists events, which later steps loop over.
EVENTS = ("e1", "e2", "e3")


@dataclass(frozen=True)
class Answer:
    """What a scraper answers once."""

    status: int = 200
    body: Any = None
    after: float = 0.0
    retry_after: str = ""
    drop: bool = False


@dataclass
class Scrapers:
    """What the service is told, and what it was asked; ``announcing`` are the scrapers that publish their files."""

    names: frozenset[str]
    announcing: frozenset[str] = frozenset()
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    done: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set_answers(self, scraper: str, answers: Iterable[Mapping[str, Any]]) -> None:
        self.answers[scraper] = [Answer(**answer) for answer in answers]

    def next_answer(self, body: dict[str, Any]) -> Answer:
        """Note a call and return what it is answered."""
        with self.lock:
            self.calls.append(body)
            listed = self.answers.get(body["scraper"], [Answer()])
            return listed.pop(0) if len(listed) > 1 else listed[0]


def production() -> Scrapers:
    """Return the scrapers of the production file, each of which publishes what it has fetched."""
    scrapers = yaml.safe_load(WORKFLOWS.read_text(encoding="utf-8"))["scrapers"]
    return Scrapers(frozenset(scrapers), frozenset(scrapers))


def create_app(around: Surroundings, scrapers: Scrapers | None = None) -> Flask:
    app = service("scrapers", "nba-scrapers", around)
    of = scrapers or production()

    @app.post(PATH)
    def scrape() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        if body.get("scraper") not in of.names:
            error = f"unknown scraper {body.get('scraper')!r}"
            return jsonify({"error": error, "available_scrapers": sorted(of.names)}), 400
        answer = of.next_answer(body)
        if answer.after:
            around.sleep(timedelta(seconds=answer.after))
        if answer.drop:
            return _drop()
        given = of.done.get(str(body.get("execution_id")))
        return given if given is not None else _answered(around, of, body, answer)

    @app.post("/stand-in/answers")
    def accept_answers() -> ResponseReturnValue:
        for scraper, answers in request.get_json().items():
            of.set_answers(scraper, answers)
        return jsonify({"told": True})

    @app.get("/stand-in/calls")
    def called() -> ResponseReturnValue:
        return jsonify(of.calls)

    return app


def _answered(around: Surroundings, of: Scrapers, body: dict[str, Any], answer: Answer) -> Response:
    content = _success() if answer.body is None and answer.status == 200 else answer.body
    text = content if isinstance(content, str) else json.dumps({} if content is None else content)
    response = Response(
        text, answer.status, content_type="text/html" if isinstance(content, str) else "application/json"
    )
    if answer.retry_after:
        response.headers["Retry-After"] = answer.retry_after
    rows = _rows(content) if answer.status == 200 else 0
    if rows:
        of.done[str(body.get("execution_id"))] = response
        if body["scraper"] in of.announcing:
            around.publish(TOPIC, _announcement(around, body, rows))
    return response


def _success() -> dict[str, Any]:
    return {"status": "success", "run_id": "r1", "data_summary": {"rowCount": ROWS, "event_ids": list(EVENTS)}}


def _rows(content: Any) -> int:
    summary = content.get("data_summary") if isinstance(content, dict) and content.get("status") == "success" else None
    return int(summary.get("rowCount") or 0) if isinstance(summary, dict) else 0


def _announcement(around: Surroundings, body: Mapping[str, Any], rows: int) -> dict[str, Any]:
    return {
        "processor_name": body["scraper"],
        "phase": PHASE,
        "execution_id": body.get("execution_id"),
        "correlation_id": body.get("execution_id"),
        "game_date": body.get("date") or str(body.get("execution_id")).split("/")[1],
        "status": "success",
        "record_count": rows,
        "timestamp": around.now().isoformat(),
        "workflow": body.get("workflow"),
        "metadata": {"game": body["game"]} if "game" in body else {},
    }


def _drop() -> Response:
    """End the connection without an answer, as a proxy that gives up does."""
    connection = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)
