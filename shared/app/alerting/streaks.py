"""A processor that reports nothing on one date after the other (behaviour R12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from shared.app.alerting.outbox import path_of, read
from shared.app.context import Context
from shared.app.state.repository import read_run, run_path
from shared.core.alerting.condition import Condition, fingerprint
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Lane, RunKey
from shared.core.severity import Severity
from shared.ports import Document

LOOKED_BACK = 14
MANY = 3


def with_streaks(ctx: Context, snapshot: DecisionInput, conditions: Iterable[Condition]) -> list[Condition]:
    """Return the conditions; one of nothing that is the third date in a row or more says how many.

    For a required processor of the live lane it is critical then. Raises ``Unavailable`` if the state store does not
    answer.
    """
    return [
        condition if condition.kind is not AlertKind.NOTHING else _counted(ctx, snapshot, condition)
        for condition in conditions
    ]


def _counted(ctx: Context, snapshot: DecisionInput, condition: Condition) -> Condition:
    days = 1 + _before(ctx, snapshot.key, condition)
    if days < MANY:
        return condition
    required = condition.subject in snapshot.seen.required and snapshot.key.lane is Lane.LIVE
    statement = f"{condition.subject} reported"
    text = condition.text.replace(statement, f"for {days} dates in a row {statement}", 1)
    return replace(condition, text=text, severity=Severity.CRITICAL if required else condition.severity)


def _before(ctx: Context, key: RunKey, condition: Condition) -> int:
    """Count the dates in a row before this one on which the same was said and never ended; those without a run, or
    without units, are none."""
    keys = [replace(key, day=key.day - timedelta(days=back)) for back in range(1, LOOKED_BACK + 1)]
    alerts = [fingerprint(condition.kind, key.id, condition.transition, condition.subject) for key in keys]
    documents = ctx.ports.store.get(*map(run_path, keys), *map(path_of, alerts))
    days = 0
    for run, alert in zip(documents[: len(keys)], documents[len(keys) :], strict=True):
        if _without_units(run):
            continue
        if alert is None or read(alert).alert.resolved_at is not None:
            break
        days += 1
    return days


def _without_units(document: Document | None) -> bool:
    run = read_run(document)
    return run is None or (run.value.units is not None and run.value.units.total == 0)
