"""From a push to a delivery: nothing in it is required but that it came."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from shared.app.batches.receive import topic_word
from shared.app.context import Context
from shared.app.transitions import cloudevents
from shared.core.message import Delivery


class Pushed(Protocol):
    """What was pushed: its topic, the message, and the id and time that stand beside it."""

    @property
    def topic(self) -> str: ...
    @property
    def message(self) -> Mapping[str, Any]: ...
    @property
    def id(self) -> str: ...
    @property
    def time(self) -> str: ...


class _Event:
    """A push as the event that functions of transitions get."""

    def __init__(self, pushed: Pushed) -> None:
        data = pushed.message.get("data")
        encoded = base64.b64encode(data).decode() if isinstance(data, bytes) else data
        self.data: Any = {"message": {**pushed.message, "data": encoded}}
        self._attributes = {"id": pushed.id, "time": pushed.time, "source": ""}

    def __getitem__(self, name: str) -> Any:
        return self._attributes[name]


def delivery_of(ctx: Context, pushed: Pushed) -> Delivery:
    """Return a pushed message as a delivery; its ``phase`` says what its topic carries."""
    return cloudevents.delivered(ctx, topic_word(ctx, pushed.topic), _Event(pushed))
