"""The signals that come by a call, and what their function needs of them (behaviour R13)."""

from __future__ import annotations

from collections.abc import Iterable

from shared.core.policy.policy import Policy
from shared.core.policy.signals import Signal

WEBHOOKS = "webhooks"


def webhooks_of(policies: Iterable[Policy]) -> list[Signal]:
    """Return the signals that come by a call (behaviour R13)."""
    return [signal for policy in policies for signal in policy.signals.values() if signal.webhook is not None]


def webhook_secrets(policies: Iterable[Policy]) -> list[str]:
    """Return the secrets by which their callers prove who they are."""
    called = (signal.webhook for signal in webhooks_of(policies))
    return sorted({secret for webhook in called if webhook is not None for secret in webhook.secrets})
