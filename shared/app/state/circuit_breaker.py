"""A breaker shared by all instances through the store (behaviour 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import Contended, change_document, write_version
from shared.core import circuit_breaker
from shared.core.circuit_breaker import Circuit, Limits, Permission, Position
from shared.documents import from_data, to_data
from shared.ports import Document


def permission(ctx: Context, name: str, limits: Limits) -> Permission:
    """Ask whether a call may be made; of several who ask while it is half-open, one gets the probe."""
    now = ctx.ports.clock.now()
    store, path = ctx.ports.store, path_of(ctx, name)
    document = store.get(path)[0]
    circuit = circuit_of(ctx, name, document)
    asked, answer = circuit_breaker.ask(circuit, limits, now)
    if asked == circuit:
        return answer
    written = write_version(store, path, to_data(asked), None if document is None else document.version)
    return Permission.STOP if written is None else answer


def succeeded(ctx: Context, name: str, limits: Limits) -> None:
    """Note a success; while the breaker is closed nothing is written."""
    _change(ctx, name, lambda circuit: circuit_breaker.succeeded(circuit, limits))


def failed(ctx: Context, name: str, limits: Limits) -> Position:
    """Note a failure; return the position it leaves the breaker in."""
    now = ctx.ports.clock.now()
    return _change(ctx, name, lambda circuit: circuit_breaker.failed(circuit, limits, now))


def _change(ctx: Context, name: str, change: Callable[[Circuit], Circuit]) -> Position:
    def changed(document: Document | None) -> tuple[Mapping[str, Any] | None, Position]:
        circuit = circuit_of(ctx, name, document)
        after = change(circuit)
        return (None if after == circuit else to_data(after)), after.position

    store, path = ctx.ports.store, path_of(ctx, name)
    try:
        return change_document(store, path, changed)
    except Contended:  # one outcome of very many at once: the others are counted, and none must fail for it
        return circuit_of(ctx, name, store.get(path)[0]).position


def path_of(ctx: Context, name: str) -> str:
    """Return where a breaker of the pipeline stands."""
    return f"breakers/{ctx.policy.pipeline}~{name}"


def circuit_of(ctx: Context, name: str, document: Document | None) -> Circuit:
    """Return the breaker in a document: closed where none was ever written, or nobody can read it."""
    if document is None:
        return Circuit()
    try:
        return from_data(Circuit, document.data)
    except ValueError as error:  # what nobody can read keeps no call back, and is written over
        ctx.log("breaker.unreadable", severity="ERROR", breaker=name, error=str(error))
        return Circuit()
