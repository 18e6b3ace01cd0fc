"""What functions-framework leaves out: for a function that is fed by events /health and every envelope that it would
refuse, and for the log the trace of a call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import flask
from cloudevents.http import CloudEvent

from shared.adapters.envelope import Strange, opened

# Cloud Run sends the first, and the second as it did before there was a standard.
W3C, GOOGLES = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-"), re.compile(r"([0-9a-f]{32})(/|$)")


def add_health_route(
    alive: Callable[[], Mapping[str, Any]],
    receive: Callable[[CloudEvent], object],
    set_aside: Callable[[Strange], object],
) -> None:
    """Answer GET /health with ``alive``, and hand on what the framework would refuse; outside of a server do nothing.

    The framework loads a function within the context of its Flask app. It makes an event of an event and of a push
    with data, both as JSON, and answers 400 or 415 to the rest: such a message would come again until it is a dead
    letter. What can be read goes to ``receive``, the rest to ``set_aside``; either is acknowledged.
    """
    if not flask.has_app_context():
        return
    app = flask.current_app
    app.add_url_rule("/health", "health", lambda: dict(alive()), methods=["GET"])
    app.before_request(lambda: _taken_in(receive, set_aside))


def trace() -> str | None:
    """Return the id of the trace that the call being answered belongs to, None outside of a call or if it has none."""
    if not flask.has_request_context():
        return None
    headers = flask.request.headers
    match = W3C.match(headers.get("traceparent", "")) or GOOGLES.match(headers.get("X-Cloud-Trace-Context", ""))
    return match[1] if match else None


def _taken_in(receive: Callable[[CloudEvent], object], set_aside: Callable[[Strange], object]) -> str | None:
    """Acknowledge what the framework would refuse, once it is taken in; None leaves a request to the framework."""
    request = flask.request
    if request.method != "POST":
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    event = opened(headers, request.path, request.get_data())
    if event is None:
        return None
    if isinstance(event, Strange):
        set_aside(event)
    else:
        receive(event)
    return "OK"
