"""Judging what is set up in the cloud against what the manifest declares; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.app.context import Context
from shared.core.reporting.inventory import Odd, odd_schedules, odd_subscriptions
from shared.core.validation.checks import Status, Target
from shared.core.validation.verdict import Measure, Measured


def schedule_inventory(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure 1 for each schedule that is as declared, 0 for one that is not; what only failed or is extra warns."""
    declared = ctx.inventory.declared()
    return _judged(declared.schedules, odd_schedules(declared, ctx.inventory.schedules()))


def subscription_inventory(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure the same of subscriptions; an orphan on one of our topics warns."""
    declared = ctx.inventory.declared()
    return _judged(declared.subscriptions, odd_subscriptions(declared, ctx.inventory.subscriptions()))


def subscription_backlog(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure how many messages wait in each of our subscriptions; any dead letter warns.

    What waits for others is theirs to judge. A subscription of which monitoring has no number is not read.
    """
    declared, waiting = ctx.inventory.declared(), ctx.inventory.backlog()
    measures, unread = [], []
    for name in declared.subscriptions:
        if name in declared.beside:
            continue
        count = waiting.get(name)
        if count is None:
            unread.append(f"backlog of {name}: monitoring has no number")
        elif name == declared.dead_letters:
            verdict = Status.WARN if count else Status.PASS
            measures.append(Measure(name, float(count), note="dead letters", verdict=verdict))
        else:
            measures.append(Measure(name, float(count)))
    return Measured(tuple(measures), tuple(unread))


def _judged(declared: Iterable[str], odd: Iterable[Odd]) -> Measured:
    by_name = {item.name: item for item in odd}
    names = dict.fromkeys([*declared, *by_name])
    return Measured(tuple(_measure(name, by_name.get(name)) for name in names))


def _measure(name: str, odd: Odd | None) -> Measure:
    if odd is None:
        return Measure(name, 1.0)
    return Measure(name, 0.0, note=odd.what, worst=Status.FAIL if odd.grave else Status.WARN)
