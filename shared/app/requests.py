"""What the caller of self-heal may ask for (behaviour 9)."""

from __future__ import annotations

import json
from datetime import date

from shared.app.sweep import Wish


def wish_of(data: bytes) -> tuple[Wish, str]:
    """Return the wish in a request body, and what of the body was ignored and why.

    A body that makes no sense must not cost a sweep: it is said in the answer, and everything is
    looked at as usual.
    """
    if not data.strip():
        return Wish(), ""
    try:
        body = json.loads(data)
        if not isinstance(body, dict):
            return Wish(), "body ignored: not a JSON object"
        day = date.fromisoformat(body["date"]) if body.get("date") else None
    except (ValueError, TypeError, RecursionError) as error:
        return Wish(), f"body ignored: {str(error)[:200]}"
    mode = body.get("mode")
    if mode is not None and not isinstance(mode, str):
        return Wish(), "body ignored: mode is not a word"
    return Wish(day, mode, body.get("dry_run") is True, body.get("force") is True), ""
