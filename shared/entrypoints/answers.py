"""What the functions share that are called over HTTP: the request as a value, JSON, and GET /health."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.app.call import Call
from shared.app.reporting.deployment import Origin, answer_of
from shared.runtime import contexts, variable

if TYPE_CHECKING:
    from flask import Request

HttpAnswer = tuple[str, int, dict[str, str]]
"""Body, status and headers, as Flask takes them."""
JSON = {"Content-Type": "application/json"}
PLANNED = "X-CloudScheduler-ScheduleTime"


def json_text(value: Any) -> str:
    """Return a value as JSON, letters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False)


def call_of(request: Request) -> Call:
    """Return what the use cases read of a request."""
    query = tuple(request.args.items(multi=True))
    return Call(request.path, query, request.get_data(), request.method, _planned_at(request))


def _planned_at(request: Request) -> datetime | None:
    """Return when Cloud Scheduler planned the call, None where it did not make it or says no time."""
    try:
        planned = datetime.fromisoformat(request.headers.get(PLANNED, ""))
    except ValueError:
        return None
    return planned if planned.tzinfo is not None else None


def deployment(function: str) -> dict[str, Any]:
    """Return what a function says of itself at /health: its name, commit, source digest and revision."""
    origin = Origin(function, variable("SOURCE_DIGEST"), variable("K_REVISION"))
    return answer_of(contexts(), origin)


def health_answer(request: Request, function: str) -> HttpAnswer | None:
    """Return the answer to GET /health, None for any other request."""
    if request.method not in ("GET", "HEAD") or request.path.rstrip("/") != "/health":
        return None
    return json_text(deployment(function)), 200, JSON
