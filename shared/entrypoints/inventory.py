"""The inventory, where the bundle says what should be deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared import runtime
from shared.app.context import Context, NotDeployed
from shared.core.errors import OrchError


def with_inventories(contexts: Sequence[Context]) -> list[Context]:
    """Return the contexts with the inventory readable to the first: what is deployed is judged once, not for each
    pipeline."""
    return [with_inventory(ctx) if place == 0 else ctx for place, ctx in enumerate(contexts)]


def with_inventory(ctx: Context) -> Context:
    """Return the context with its inventory readable, where the bundle says what should be there."""
    file, ports = runtime.CONFIG / "inventory.json", ctx.ports
    if not isinstance(ports, runtime.EnvironmentPorts) or not file.is_file():
        return ctx
    # Google's library is there where something is deployed, and not in the light environment.
    from shared.adapters.google.inventory import GoogleInventory, declared_in

    try:
        inventory = GoogleInventory(ports.project, declared_in(file.read_text(encoding="utf-8")), ports.clock)
    except OrchError as error:
        return replace(ctx, inventory=NotDeployed(str(error)))
    return replace(ctx, inventory=inventory)
