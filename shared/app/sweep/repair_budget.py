"""How many repairs of the past a day allows, counted in the store by all instances (behaviour 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.calendar import KEPT, instant
from shared.documents import from_data, to_data
from shared.ports import Document

COLLECTION = "repair_budgets"


@dataclass(frozen=True, slots=True)
class Spent:
    """What one local day has spent: calls that were accepted, or whose answer is still awaited."""

    calls: int = 0


def left(ctx: Context, now: datetime) -> bool:
    """True while the local day allows another repair of the past."""
    return _spent(ctx.ports.store.get(_path(ctx, now))[0]).calls < ctx.policy.repairs.per_day


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
    def change(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        after = replace(spent := _spent(document), calls=max(0, spent.calls + calls))
        if calls > 0 and after.calls > ctx.policy.repairs.per_day:
            return None, False
        return {**to_data(after), "expires_at": now + KEPT}, True

    return change_document(ctx.ports.store, _path(ctx, now), change)


def _path(ctx: Context, now: datetime) -> str:
    return f"{COLLECTION}/{ctx.policy.pipeline}~{ctx.policy.local(now).date()}"


def _spent(document: Document | None) -> Spent:
    return Spent() if document is None else from_data(Spent, document.data)
