"""Entry point of the functions of transitions: one completion in, at most one trigger out."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.adapters import framework
from shared.app.alerting.unexpected import report_unexpected
from shared.app.transitions import receive as receiving
from shared.app.transitions.cloudevents import correlation_of, delivery_of, of_topic, recipient, topic_of
from shared.app.transitions.receive import Receipt
from shared.core.errors import OrchError
from shared.entrypoints.answers import deployment
from shared.runtime import contexts

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


ANY = "transition"
"""The function that serves every transition of every pipeline that has no function of its own."""


def receive(transition: str, event: CloudEvent, strange: str = "") -> Receipt:
    """Take in the message of a CloudEvent; whatever is raised makes the platform deliver it again.

    Its topic says whose it is. ``strange`` says why what came is no message, and only its bytes can be kept.
    """
    pipelines, topic = contexts(), topic_of(event)
    ctx = recipient(pipelines, transition, topic)
    try:
        delivery = delivery_of(ctx, transition, event)
        if transition == ANY and of_topic(pipelines, topic) is None and delivery.data.strip():
            strange = strange or f"no phase of a pipeline reports on the topic {topic[:80]!r}"
        return receiving.set_aside(ctx, delivery, strange) if strange else receiving.receive(ctx, delivery)
    except OrchError as error:
        ctx.log("completion.not_taken", severity="WARNING", transition=transition, error=str(error))
        raise
    except Exception as error:
        report_unexpected(ctx, transition, error, traceback.format_exc(), correlation_of(event))
        raise


def add_health_route(transition: str) -> None:
    """Let a transition's function answer GET /health as well, and take in what comes in any envelope (R1, 11)."""
    framework.add_health_route(
        lambda: deployment(transition),
        lambda event: receive(transition, event),
        lambda strange: receive(transition, strange.event, strange.reason),
    )
