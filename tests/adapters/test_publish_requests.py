"""How many requests a publication is, against a server that answers as Pub/Sub's protocol has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.cloud.pubsub_v1.types import PublishRequest, PublishResponse

from shared.adapters.google.pubsub import PubSubBus
from shared.core.limits.requests import PUBLISH_MESSAGES
from shared.ports import Message


class Publisher(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Takes every publication, and keeps how many messages each request had."""

    def __init__(self) -> None:
        self.messages: list[int] = []

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._publish)

    def _publish(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        number = len(PublishRequest.deserialize(request).messages)
        first = sum(self.messages)
        self.messages.append(number)
        ids = [str(first + place) for place in range(number)]
        answer: bytes = PublishResponse.serialize(PublishResponse(message_ids=ids))
        return answer


def test_messages_that_leave_together_share_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve hundred are a few requests of at most five hundred, and each has an id; one alone is one request."""
    publisher, server = Publisher(), grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((publisher,))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    try:
        bus = PubSubBus("demo-requests")
        ids = bus.publish("many", [Message({"number": number}, {}) for number in range(1_200)])
        assert len(ids) == 1_200
        assert max(publisher.messages) <= PUBLISH_MESSAGES
        assert len(publisher.messages) <= 12
        publisher.messages.clear()
        assert len(bus.publish("many", [Message({"number": 0}, {})])) == 1
        assert publisher.messages == [1]
    finally:
        server.stop(grace=None)
