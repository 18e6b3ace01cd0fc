"""The push subscriptions that bring completions to a function, which the manifest owns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy import rights
from deploy.command_line import gcloud, seconds
from deploy.manifest import Function, Manifest, Push, Target
from deploy.resource import Difference, Resource, Right, compare, undeclared
from deploy.stores import ALIVE, kept

VERSION = ("x-goog-version", "v1")
# Nothing in the manifest sets these: each lets messages pass by, changes them, or sends them elsewhere.
UNSET = (
    "analyticsHubSubscriptionInfo",
    "bigqueryConfig",
    "cloudStorageConfig",
    "detached",
    "enableExactlyOnceDelivery",
    "enableMessageOrdering",
    "filter",
    "messageTransforms",
    "pubsubExportConfig",
    "pubsubliteExportConfig",
    "pushConfig.noWrapper",
    "retainAckedMessages",
)
# What an update can remove of them.
CLEARED: dict[str, bool] = {
    "clear_message_transforms": True,
    "clear_push_no_wrapper_config": True,
    "no_enable_exactly_once_delivery": True,
    "no_retain_acked_messages": True,
}
FOR_EVER = (
    "a filter, ordering, or being detached is for ever: let what waits be worked off, remove the subscription "
    "(gcloud pubsub subscriptions delete), then run this again"
)


def subscriptions(manifest: Manifest, place: Target, function: Function) -> Iterator[Resource]:
    """One push subscription for each topic; its path makes functions-framework see a CloudEvent of that topic."""
    push = function.push
    if push is None:
        return
    for topic in push.topics:
        name = function.subscription(topic)
        settings = _subscription_settings(manifest, place, function, push, topic)
        yield Resource(
            kind="subscription",
            name=name,
            read=gcloud("pubsub subscriptions describe", name, project=place.project),
            differences=lambda actual, topic=topic: subscription_differences(  # type: ignore[misc]
                manifest, place, function, push, topic, actual
            ),
            create=gcloud("pubsub subscriptions create", name, project=place.project, topic=topic, **settings),
            update=gcloud("pubsub subscriptions update", name, project=place.project, **settings, **CLEARED),
            hint=FOR_EVER,
            function=function.folder,
        )
        agent = f"serviceAccount:{place.pubsub_agent}"
        right = Right("subscription", name, agent, "roles/pubsub.subscriber")
        yield rights.resource(place, right, function.folder)


def endpoint(place: Target, function: Function, topic: str) -> str:
    return f"{place.url(function.name)}/projects/{place.project}/topics/{topic}"


def _subscription_settings(
    manifest: Manifest, place: Target, function: Function, push: Push, topic: str
) -> dict[str, str | int | bool | None]:
    return {
        "push_endpoint": endpoint(place, function, topic),
        "push_auth_service_account": place.account(push.service_account),
        "push_auth_token_audience": place.url(function.name),
        "ack_deadline": int(push.ack_deadline.total_seconds()),
        "message_retention_duration": seconds(push.retention),
        "expiration_period": ALIVE,
        "min_retry_delay": seconds(push.min_backoff),
        "max_retry_delay": seconds(push.max_backoff),
        "dead_letter_topic": manifest.dead_letter.topic,
        "dead_letter_topic_project": place.project,
        "max_delivery_attempts": manifest.dead_letter.attempts,
    }


def subscription_differences(
    manifest: Manifest, place: Target, function: Function, push: Push, topic: str, actual: Any
) -> list[Difference]:
    """Judge what `gcloud pubsub subscriptions describe` answers."""
    config, letter = actual.get("pushConfig") or {}, actual.get("deadLetterPolicy") or {}
    token, retry = config.get("oidcToken") or {}, actual.get("retryPolicy") or {}
    expected = {
        "topic": f"projects/{place.project}/topics/{topic}",
        "state": "ACTIVE",
        "endpoint": endpoint(place, function, topic),
        "push identity": place.account(push.service_account),
        "push audience": place.url(function.name),
        "ack deadline": int(push.ack_deadline.total_seconds()),
        "retention": seconds(push.retention),
        "expires": "never",
        "retry": f"{seconds(push.min_backoff)} to {seconds(push.max_backoff)}",
        "dead-letter topic": f"projects/{place.project}/topics/{manifest.dead_letter.topic}",
        "delivery attempts": manifest.dead_letter.attempts,
    }
    have = {
        "topic": actual.get("topic"),
        "state": actual.get("state", "ACTIVE"),
        "endpoint": config.get("pushEndpoint"),
        "push identity": token.get("serviceAccountEmail"),
        "push audience": token.get("audience"),
        "ack deadline": actual.get("ackDeadlineSeconds"),
        "retry": f"{retry.get('minimumBackoff')} to {retry.get('maximumBackoff')}" if retry else None,
        "dead-letter topic": letter.get("deadLetterTopic"),
        "delivery attempts": letter.get("maxDeliveryAttempts"),
        **kept(actual),
    }
    return compare(expected, have) + undeclared(actual, UNSET) + _attributes(config)


def _attributes(config: Mapping[str, Any]) -> list[Difference]:
    """The version of the form in which messages come is one that the server sets by itself."""
    extra = {name: value for name, value in config.get("attributes", {}).items() if (name, value) != VERSION}
    return [Difference("pushConfig.attributes", "none of its own", ", ".join(sorted(extra)))] if extra else []
