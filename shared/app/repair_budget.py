"""How many repairs of the past a day allows, counted in the store by all instances (behaviour 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from shared.app.context import Context
from shared.core.calendar import KEPT, instant
from shared.core.errors import Unavailable
from shared.documents import from_data, to_data

COLLECTION = "repair_budgets"
ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Spent:
    """What one local day has spent: calls that were accepted, or whose answer is still awaited."""

    calls: int = 0


def left(ctx: Context, now: datetime) -> bool:
    """True while the local day allows another repair of the past."""
    return _read(ctx, _path(ctx, now))[0].calls < ctx.policy.repairs.per_day


def renewed_at(ctx: Context, now: datetime) -> datetime:
    """Return when the next local day begins."""
    tomorrow = ctx.policy.local(now).date() + timedelta(days=1)
    return instant(tomorrow, time(0), ctx.policy.zone)


def take(ctx: Context, now: datetime) -> bool:
    """Spend one repair of the day before it is called; False if none is left. A crash before the answer costs one."""
    return _change(ctx, now, 1)


def give_back(ctx: Context, now: datetime) -> None:
    """Give back what was taken at ``now`` for a call that was not accepted."""
    _change(ctx, now, -1)


def _change(ctx: Context, now: datetime, calls: int) -> bool:
    path, store = _path(ctx, now), ctx.ports.store
    for _ in range(ATTEMPTS):
        spent, version = _read(ctx, path)
        after = replace(spent, calls=max(0, spent.calls + calls))
        if after.calls > ctx.policy.repairs.per_day and calls > 0:
            return False
        data = {**to_data(after), "expires_at": now + KEPT}
        if (store.create(path, data) if version is None else store.update(path, data, version)) is not None:
            return True
    raise Unavailable("state", f"{path} changes all the time")


def _path(ctx: Context, now: datetime) -> str:
    return f"{COLLECTION}/{ctx.policy.pipeline}~{ctx.policy.local(now).date()}"


def _read(ctx: Context, path: str) -> tuple[Spent, str | None]:
    document = ctx.ports.store.get(path)[0]
    return (Spent(), None) if document is None else (from_data(Spent, document.data), document.version)
