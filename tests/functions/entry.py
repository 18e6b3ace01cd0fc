"""The deployable functions as the platform runs them: functions-framework's own app around each ``main.py``."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import functions_framework
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
TRANSITIONS = ("phase2_to_phase3", "phase3_to_phase4", "phase4_to_phase5", "phase5_to_phase6")
TOPICS = {
    "phase2_to_phase3": "nba-phase2-raw-complete",
    "phase3_to_phase4": "nba-phase3-analytics-complete",
    "phase4_to_phase5": "nba-phase4-precompute-complete",
    "phase5_to_phase6": "nba-phase5-predictions-complete",
}
PUBLISHED = "2026-01-22T11:00:00Z"
ABSENT: Any = object()


@cache
def client(function: str) -> FlaskClient:
    """Return a client of the function's app, loaded from its file as functions-framework loads it."""
    with _environment_kept():
        app = functions_framework.create_app("main", str(FUNCTIONS / function / "main.py"))
    app.config["PROPAGATE_EXCEPTIONS"] = False  # an error is answered with 500, as by a server
    flask_client: FlaskClient = app.test_client()
    return flask_client


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what creating an app leaves in the process."""
    variables, path, module = dict(os.environ), list(sys.path), sys.modules.get("main")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path
        sys.modules.pop("main", None)
        if module is not None:
            sys.modules["main"] = module


def message(data: bytes, message_id: str, published: str = PUBLISHED) -> dict[str, Any]:
    """Return the CloudEvent data of a Pub/Sub message."""
    encoded = base64.b64encode(data).decode()
    return {"message": {"data": encoded, "messageId": message_id, "publishTime": published, "attributes": {}}}


def post(function: str, data: Any, attributes: Mapping[str, Any] | None = None) -> TestResponse:
    """Send a CloudEvent in structured form; an attribute that is ABSENT is left out."""
    event = {
        "specversion": "1.0",
        "id": "event",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "source": f"//pubsub.googleapis.com/projects/demo-p/topics/{TOPICS[function]}",
        "time": PUBLISHED,
        "datacontenttype": "application/json",
        "data": data,
        **(attributes or {}),
    }
    sent = {name: value for name, value in event.items() if value is not ABSENT}
    return client(function).post("/", data=json.dumps(sent), content_type="application/cloudevents+json")
