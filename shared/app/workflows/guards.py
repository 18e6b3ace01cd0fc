"""Breakers and locks, as an operator looks at them and takes them away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.app.context import Context
from shared.app.workflows.calls import breaker_name
from shared.core.circuit_breaker import Circuit, Position
from shared.documents import from_data

BREAKERS, LOCKS = "breakers", "locks"


@dataclass(frozen=True, slots=True)
class BreakerLine:
    """A breaker that is not as new."""

    name: str
    position: str
    failures: int


def breakers(ctx: Context) -> list[BreakerLine]:
    """Return the breakers that are open or half-open, or have counted failures; scrapers by their own names."""
    own, prefix = f"{ctx.policy.pipeline}~", breaker_name("")
    listed = []
    for document in ctx.ports.store.query(BREAKERS):
        if not document.id.startswith(own):
            continue
        name = document.id.removeprefix(own).removeprefix(prefix)
        try:
            circuit = from_data(Circuit, document.data)
        except ValueError:
            listed.append(BreakerLine(name, "unreadable", 0))
            continue
        if circuit.position is not Position.CLOSED or circuit.failed_at:
            listed.append(BreakerLine(name, circuit.position.value, len(circuit.failed_at)))
    return listed


def reset(ctx: Context, name: str) -> bool:
    """Forget what a breaker knows; False where there is none of that name, neither of a scraper nor of a service."""
    own = f"{BREAKERS}/{ctx.policy.pipeline}~"
    paths = [f"{own}{breaker_name(name)}", f"{own}{name}"]
    documents = [document for document in ctx.ports.store.get(*paths) if document is not None]
    for document in documents[:1]:
        ctx.ports.store.delete(document.path)
        ctx.log("operator.breaker_reset", breaker=document.id)
    return bool(documents)


def locks(ctx: Context) -> dict[str, dict[str, Any]]:
    """Return the locks of the pipeline by name, each with what it says."""
    own = f"{ctx.policy.pipeline}~"
    documents = (document for document in ctx.ports.store.query(LOCKS) if document.id.startswith(own))
    return {document.id.removeprefix(own): dict(document.data) for document in documents}


def release(ctx: Context, name: str) -> bool:
    """Let a lock end now; False where there is none of that name, or its holder wrote it meanwhile.

    Its document stays: what its holder wakes up with is a smaller number than the next holder's.
    """
    document = ctx.ports.store.get(f"{LOCKS}/{ctx.policy.pipeline}~{name}")[0]
    if document is None:
        return False
    data = {**document.data, "expires_at": ctx.ports.clock.now()}
    if ctx.ports.store.update(document.path, data, document.version) is None:
        return False
    ctx.log("operator.lock_released", lock=name)
    return True
