"""What the daily report says of schedules, subscriptions and what waits in them, where that can be read."""

from __future__ import annotations

from typing import Any

from shared.core.reporting.inventory import Odd, odd_schedules, odd_subscriptions
from shared.ports import Inventory


def schedules(inventory: Inventory) -> dict[str, Any]:
    """Return how many schedules are declared, and which are not as they should be; may raise ``Unavailable``."""
    declared = inventory.declared()
    return _body(len(declared.schedules), list(odd_schedules(declared, inventory.schedules())))


def subscriptions(inventory: Inventory) -> dict[str, Any]:
    """Return the same of subscriptions."""
    declared = inventory.declared()
    return _body(len(declared.subscriptions), list(odd_subscriptions(declared, inventory.subscriptions())))


def backlog(inventory: Inventory) -> dict[str, int | None]:
    """Return what waits in each declared subscription, None where monitoring has no number."""
    declared, waiting = inventory.declared(), inventory.backlog()
    return {name: waiting.get(name) for name in declared.subscriptions}


def _body(count: int, odd: list[Odd]) -> dict[str, Any]:
    return {"declared": count, "odd": [{"name": item.name, "what": item.what, "grave": item.grave} for item in odd]}
