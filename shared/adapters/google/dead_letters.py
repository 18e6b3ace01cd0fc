"""What Google Pub/Sub gave up delivering, read from the subscription that keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.core.errors import Unavailable
from shared.ports import DeadLetter

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

# Pub/Sub puts these on what it forwards: https://cloud.google.com/pubsub/docs/dead-letter-topics
SOURCE = "CloudPubSubDeadLetterSource"
SUBSCRIPTION, ATTEMPTS = f"{SOURCE}Subscription", f"{SOURCE}DeliveryCount"
PUBLISHED_AT, REASON = f"{SOURCE}TopicPublishTime", f"{SOURCE}DeliveryErrorMessage"
AT_ONCE = 1000
LEASE = timedelta(seconds=60)
# Nanoseconds, as Pub/Sub writes an instant; Python reads six places.
_FINE = re.compile(r"(\.\d{6})\d+")


class PubSubDeadLetters:
    """Pulls from one subscription; follows ``PUBSUB_EMULATOR_HOST`` as the client library does.

    ``topics`` names the topic of each subscription that may lose a message to it. A pull that brings nothing within
    ``patience`` says that there is no more.
    """

    def __init__(
        self,
        project: str,
        subscription: str,
        topics: Mapping[str, str],
        patience: timedelta = timedelta(seconds=5),
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._project, self._topics = project, topics
        self._path = f"projects/{project}/subscriptions/{subscription}"
        self._patience, self._timeout = patience.total_seconds(), timeout.total_seconds()

    def take(self, most: int) -> list[DeadLetter]:
        taken: dict[str, DeadLetter] = {}
        with _answers(self._path):
            # One pull may bring fewer than there are.
            while len(taken) < most and (pulled := self._pull(min(most - len(taken), AT_ONCE))):
                taken.update({letter.message.message_id: self._letter(letter) for letter in pulled})
                self._extend([letter.ack_id for letter in pulled], int(LEASE.total_seconds()))
        return sorted(taken.values(), key=lambda letter: (letter.published_at, letter.message_id))

    def publish(self, letter: DeadLetter, attributes: Mapping[str, str]) -> str:
        from google.api_core.exceptions import InvalidArgument
        from google.pubsub_v1 import PublisherClient

        path = f"projects/{self._project}/topics/{letter.topic}"
        message = {"data": letter.data, "attributes": dict(attributes)}
        with _answers(path):
            try:
                # The generated call: the other takes attributes as keyword arguments, and not under every name.
                answer = PublisherClient.publish(
                    self._publisher, request={"topic": path, "messages": [message]}, timeout=self._timeout, retry=None
                )
            except InvalidArgument as refused:
                raise ValueError(f"{path} refuses it: {refused.message}") from refused
        return str(answer.message_ids[0])

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        with _answers(self._path):
            for leases in _parts(letters):
                self._subscriber.acknowledge(
                    request={"subscription": self._path, "ack_ids": leases}, timeout=self._timeout, retry=None
                )

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        with _answers(self._path):
            for leases in _parts(letters):
                self._extend(leases, 0)

    def _pull(self, most: int) -> Sequence[Any]:
        from google.api_core.exceptions import DeadlineExceeded

        try:
            answer = self._subscriber.pull(
                request={"subscription": self._path, "max_messages": most}, timeout=self._patience, retry=None
            )
        except DeadlineExceeded:
            return ()
        return tuple(answer.received_messages)

    def _extend(self, leases: Sequence[str], seconds: int) -> None:
        self._subscriber.modify_ack_deadline(
            request={"subscription": self._path, "ack_ids": list(leases), "ack_deadline_seconds": seconds},
            timeout=self._timeout,
            retry=None,
        )

    def _letter(self, received: Any) -> DeadLetter:
        message = received.message
        stamps = dict(message.attributes)
        subscription = stamps.get(SUBSCRIPTION, "").rsplit("/", 1)[-1]
        dead_at = message.publish_time.astimezone(UTC)
        return DeadLetter(
            message_id=message.message_id,
            topic=self._topics.get(subscription, ""),
            subscription=subscription,
            data=bytes(message.data),
            attributes={name: value for name, value in stamps.items() if not name.startswith((SOURCE, "goog"))},
            published_at=_instant(stamps.get(PUBLISHED_AT, "")) or dead_at,
            dead_at=datetime.fromtimestamp(dead_at.timestamp(), UTC),
            attempts=int(count) if (count := stamps.get(ATTEMPTS, "")).isdecimal() else 0,
            reason=stamps.get(REASON, ""),
            lease=received.ack_id,
        )

    @cached_property
    def _subscriber(self) -> SubscriberClient:
        from google.cloud.pubsub_v1 import SubscriberClient

        return SubscriberClient()

    @cached_property
    def _publisher(self) -> PublisherClient:
        from google.cloud.pubsub_v1 import PublisherClient

        return PublisherClient()


@contextmanager
def _answers(path: str) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise Unavailable("bus", f"{path}: {type(error).__name__}: {error}") from error


def _parts(letters: Sequence[DeadLetter]) -> Iterator[list[str]]:
    for first in range(0, len(letters), AT_ONCE):
        yield [letter.lease for letter in letters[first : first + AT_ONCE]]


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(_FINE.sub(r"\1", text))
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
