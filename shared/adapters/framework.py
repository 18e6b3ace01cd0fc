"""What functions-framework leaves out: for a function that is fed by events /health and messages without data, and
for the log the trace of a call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import flask
from cloudevents.http import CloudEvent

PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
# Cloud Run sends the first, and the second as it did before there was a standard.
W3C, GOOGLES = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-"), re.compile(r"([0-9a-f]{32})(/|$)")
TOPIC = re.compile(r"projects/[^/?]+/topics/[^/?]+")


def attend(alive: Callable[[], Mapping[str, Any]], receive: Callable[[CloudEvent], object]) -> None:
    """Answer GET /health with ``alive``, and hand a push without data to ``receive``; outside of a server do nothing.

    The framework loads a function within the context of its Flask app. It makes an event of a push only if the message
    has data, which Pub/Sub leaves out when it is empty, and answers 400 to the rest: such a message would come again
    until it is a dead letter.
    """
    if not flask.has_app_context():
        return
    app = flask.current_app
    app.add_url_rule("/health", "health", lambda: dict(alive()), methods=["GET"])
    app.before_request(lambda: _without_data(receive))


def trace() -> str | None:
    """Return the id of the trace that the call being answered belongs to, None outside of a call or if it has none."""
    if not flask.has_request_context():
        return None
    headers = flask.request.headers
    found = W3C.match(headers.get("traceparent", "")) or GOOGLES.match(headers.get("X-Cloud-Trace-Context", ""))
    return found[1] if found else None


def _without_data(receive: Callable[[CloudEvent], object]) -> str | None:
    """Acknowledge a push without data once it was taken in; None leaves a request to the framework."""
    request = flask.request
    if request.method != "POST" or "ce-specversion" in request.headers:
        return None
    message = {} if not request.get_data() else _bare(request.get_json(silent=True))
    if message is None:
        return None
    topic = TOPIC.search(request.path)
    attributes = {"type": PUBLISHED, "source": f"//pubsub.googleapis.com/{topic[0] if topic else ''}"}
    given = message.get("messageId")
    receive(CloudEvent(attributes | ({"id": given} if given else {}), {"message": message}))
    return "OK"


def _bare(body: object) -> dict[str, Any] | None:
    """Return the message of a push that carries no data, None of anything else."""
    if not isinstance(body, dict) or {"specversion", "context"} & body.keys():
        return None
    message = body.get("message")
    return message if isinstance(message, dict) and "data" not in message else None
