"""A breaker shared by all instances through the store (behaviour 12)."""

from __future__ import annotations

from collections.abc import Callable

from shared.app.context import Context
from shared.core import circuit_breaker
from shared.core.circuit_breaker import Circuit, Limits, Permission, Position
from shared.documents import from_data, to_data

ATTEMPTS = 5


def permission(ctx: Context, name: str, limits: Limits) -> Permission:
    """Ask whether a call may be made; of several who ask while it is half-open, one gets the probe."""
    now = ctx.ports.clock.now()
    circuit, version = _read(ctx, name)
    asked, answer = circuit_breaker.ask(circuit, limits, now)
    if asked != circuit and not _write(ctx, name, asked, version):
        return Permission.STOP
    return answer


def succeeded(ctx: Context, name: str, limits: Limits) -> None:
    """Note a success; while the breaker is closed nothing is written."""
    _change(ctx, name, lambda circuit: circuit_breaker.succeeded(circuit, limits))


def failed(ctx: Context, name: str, limits: Limits) -> Position:
    """Note a failure; return the position it leaves the breaker in."""
    now = ctx.ports.clock.now()
    return _change(ctx, name, lambda circuit: circuit_breaker.failed(circuit, limits, now))


def _change(ctx: Context, name: str, change: Callable[[Circuit], Circuit]) -> Position:
    for _ in range(ATTEMPTS):
        circuit, version = _read(ctx, name)
        after = change(circuit)
        if after == circuit or _write(ctx, name, after, version):
            break
    return after.position


def _path(ctx: Context, name: str) -> str:
    return f"breakers/{ctx.policy.pipeline}~{name}"


def _read(ctx: Context, name: str) -> tuple[Circuit, str | None]:
    document = ctx.ports.store.get(_path(ctx, name))[0]
    if document is None:
        return Circuit(), None
    try:
        return from_data(Circuit, document.data), document.version
    except ValueError as error:  # what nobody can read keeps no call back, and is written over
        ctx.log("breaker.unreadable", severity="ERROR", breaker=name, error=str(error))
        return Circuit(), document.version


def _write(ctx: Context, name: str, circuit: Circuit, version: str | None) -> bool:
    path, data = _path(ctx, name), to_data(circuit)
    written = ctx.ports.store.create(path, data) if version is None else ctx.ports.store.update(path, data, version)
    return written is not None
