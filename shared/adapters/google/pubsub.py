"""Bus on Google Pub/Sub."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.adapters.wire import encoded_message
from shared.core.errors import Unavailable
from shared.core.limits.requests import PUBLISH_BYTES, PUBLISH_MESSAGES
from shared.ports import Message

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient


# What is published together is handed over within it: the last request then leaves.
_GATHERED = timedelta(milliseconds=10)


class PubSubBus:
    """Publishes to the topics of one project; follows ``PUBSUB_EMULATOR_HOST`` as the client library does.

    ``publish`` raises ValueError for a message no bus can carry; several messages share requests. After ``patience`` a
    message whose fate is unknown may still arrive: the next attempt sends it again under the same trigger id.
    """

    def __init__(self, project: str, patience: timedelta = timedelta(seconds=10)) -> None:
        self._project = project
        self._patience = patience.total_seconds()

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        ready: list[tuple[bytes, dict[str, Any]]] = [
            encoded_message(message.body, message.attributes) for message in messages
        ]
        path = f"projects/{self._project}/topics/{topic}"
        try:
            client = self._client if len(ready) == 1 else self._together
            futures = [client.publish(path, data, **attributes) for data, attributes in ready]
            wait(futures, timeout=self._patience)
            return [future.result(timeout=0) for future in futures]
        except TimeoutError as error:
            raise Unavailable("bus", f"{path}: no answer within {self._patience:g} s") from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise Unavailable("bus", f"{path}: {type(error).__name__}: {error}") from error

    @cached_property
    def _client(self) -> PublisherClient:
        """Publishes one message: a batch of one leaves at once, nothing waits for company."""
        return self._made(1, timedelta(0))

    @cached_property
    def _together(self) -> PublisherClient:
        """Publishes many: a request for each would be as many threads and calls at once."""
        return self._made(PUBLISH_MESSAGES, _GATHERED)

    def _made(self, most: int, gathered: timedelta) -> PublisherClient:
        from google.api_core import exceptions
        from google.api_core.retry import Retry, if_exception_type
        from google.api_core.timeout import ConstantTimeout
        from google.cloud.pubsub_v1 import PublisherClient
        from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

        passing = if_exception_type(
            exceptions.Aborted,
            exceptions.Cancelled,
            exceptions.DeadlineExceeded,
            exceptions.InternalServerError,
            exceptions.ResourceExhausted,
            exceptions.ServiceUnavailable,
            exceptions.Unknown,
        )
        return PublisherClient(
            batch_settings=BatchSettings(
                max_messages=most, max_bytes=PUBLISH_BYTES, max_latency=gathered.total_seconds()
            ),
            # The failures that the library itself retries; it would go on for ten minutes after we have given up.
            publisher_options=PublisherOptions(
                retry=Retry(passing, initial=0.1, maximum=1.0, timeout=self._patience * 0.9),
                timeout=ConstantTimeout(self._patience * 0.4),
            ),
        )
