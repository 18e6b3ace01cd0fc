"""What a shell may complete: names of the policy in force; nothing where it cannot be loaded, for nobody reads why."""

from __future__ import annotations

from shared import runtime
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy


def _policies() -> list[Policy]:
    try:
        return [ctx.policy for ctx in runtime.contexts()]
    except PolicyError:
        return []


def modes(incomplete: str) -> list[str]:
    """Return the modes that begin so."""
    return [name for policy in _policies() for name in policy.modes if name.startswith(incomplete)]


def transitions(incomplete: str) -> list[str]:
    """Return the transitions that begin so."""
    return [name for policy in _policies() for name in policy.transitions if name.startswith(incomplete)]


def phases(incomplete: str) -> list[str]:
    """Return the phases that begin so."""
    return [name for policy in _policies() for name in policy.phases if name.startswith(incomplete)]
