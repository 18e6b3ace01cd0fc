"""A pushed Pub/Sub message as the services read it: an envelope with base64 data, else 400."""

from __future__ import annotations

import base64
import json
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue


class BadPush(Exception):
    """Why a push cannot be read, as the service answers it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.answer: ResponseReturnValue = (jsonify({"error": error}), 400)


def message(envelope: Any) -> dict[str, Any]:
    """Return the JSON object of a push; raise ``BadPush`` where there is none."""
    if not envelope:
        raise BadPush("No Pub/Sub message received")
    if not isinstance(envelope, dict) or "message" not in envelope:
        raise BadPush("Invalid Pub/Sub message format")
    data = envelope["message"].get("data")
    if data is None:
        raise BadPush("No data in Pub/Sub message")
    body = json.loads(base64.b64decode(data))
    if not isinstance(body, dict):
        raise BadPush("Invalid Pub/Sub message format")
    return body
