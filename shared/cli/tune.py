"""`orch tune`: how long past nights took, what the times of the policy cost, and which times they propose."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.learning.tune import DATES, tuned
from shared.cli.shell import NOT_FOUND, USAGE, Json, fail, print_json, today
from shared.core import commands
from shared.core.learning.due_tuning import DueCost, DueTuned
from shared.core.learning.tuning import Cost, Distribution, Tuned, proposal_lines
from shared.core.policy.adaptive import ENOUGH_NIGHTS
from shared.core.policy.config_error import suggest
from shared.core.texts import amount, duration, names

HOUR = timedelta(hours=1)
WIDEST = 30


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(tune)


def tune(
    transition: Annotated[str | None, typer.Option(help="One transition; without it all of them.")] = None,
    as_json: Json = False,
) -> None:
    """Show how long the nights of the last 28 dates took, what today's times cost in wait, in false degradations and in
    false warnings, and what `auto` would have made of them. It proposes lines for the policy, and changes nothing.

    Example: orch tune --transition phase3_to_phase4
    """
    ctx = runtime.context()
    if transition is not None and transition not in ctx.policy.transitions:
        raise fail(USAGE, f"there is no transition {transition}", suggest(transition, ctx.policy.transitions))
    last = today(ctx)
    results = tuned(ctx, [transition] if transition is not None else list(ctx.policy.transitions), last)
    if all(result.proposal is None for result in results):
        most = max((result.nights for result in results), default=0)
        reason = (
            f"too few ordinary nights in the {DATES} dates to {last}: {most} at the most, {ENOUGH_NIGHTS} are needed"
        )
        raise fail(NOT_FOUND, reason, f"the runs there are: {commands.line('runs', 'list')}")
    if as_json:
        print_json([_data(result) for result in results])
        return
    typer.echo("\n\n".join(_text(ctx, result) for result in results))


def _text(ctx: Context, result: Tuned) -> str:
    """Return what is known of one transition in one mode, for a person."""
    left = f" (left out: {names(f'{count} {why}' for why, count in result.unusual)})" if result.unusual else ""
    lines = [f"{result.transition} {result.mode}: {result.nights} ordinary nights of {DATES} dates{left}"]
    if result.distribution is not None:
        lines += _distribution(result.distribution)
    if result.proposal is None:
        lines.append(f"  {ENOUGH_NIGHTS} nights are the least that propose anything")
        return "\n".join(lines)
    assert result.as_it_is is not None
    assert result.never_degraded is not None
    assert result.with_auto is not None
    lines.append(f"  {'':<22}{'triggered':>10}{'degraded':>10}{'false':>8}{'waited':>10}{'in vain':>10}")
    for word, cost in (
        ("as the policy is", result.as_it_is),
        ("waiting for all", result.never_degraded),
        ("with what is proposed", result.with_auto),
    ):
        lines.append(f"  {word:<22}{_cost(cost)}")
    lines += _gates(ctx, result)
    lines += [] if result.due is None else _due(result.due)
    proposal = proposal_lines(result.transition, result.mode, result.proposal)
    if not result.proposal.tiers and result.proposal.deadline is None:
        lines.append("  it waits for all whatever comes: there is no tier and no deadline to propose")
        if result.due is None or result.due.proposal is None:
            return "\n".join(lines)
    if result.learned:
        lines.append(
            "  the next run would have: "
            + names(f"{name.replace('_', ' ')} {duration(value.after)}" for name, value in result.learned)
            + ", within the bounds"
        )
    return "\n".join([*lines, f"  to paste into {ctx.policy.source}:", *(f"    {line}" for line in proposal)])


def _gates(ctx: Context, result: Tuned) -> list[str]:
    """Say how much of this is known of gates and of the next service, and what they kept back."""
    transition = ctx.policy.transitions[result.transition]
    before, after = result.as_it_is, result.with_auto
    if before is None or after is None or not (transition.gates or transition.preflight):
        return []
    return [
        f"  gates and service: known of {before.gates_read} of {before.nights} nights as the policy is, of "
        f"{after.gates_read} with what is proposed; in the others taken as passed",
        f"  kept back by them: {before.blocked} nights as the policy is, {after.blocked} with what is proposed",
    ]


def _due(due: DueTuned) -> list[str]:
    """Say when ordinary nights went, and what the warnings of today's due times were worth."""
    lines = [
        f"  due: it {due.fit.value}; ordinary nights went {_after(due.median)} (median), {_after(due.p95)} (p95), "
        f"{_after(due.latest)} (latest)",
        f"  {'':<22}{'nights':>10}{'warned':>10}{'false':>8}{'failed':>10}{'late':>10}",
    ]
    listed = [("as the policy is", due.as_it_is)]
    listed += [] if due.proposal is None else [("with what is proposed", due.with_auto)]
    for word, cost in listed:
        late = f"{cost.late / HOUR:.1f} h"
        lines.append(f"  {word:<22}{cost.nights:>10}{cost.warned:>10}{cost.false:>8}{cost.failed:>10}{late:>10}")
    if due.as_it_is.silent:
        lines.append(f"  no warning came on {amount(due.as_it_is.silent, 'night')} that failed")
    if due.proposal is not None:
        lines.append("  repairs and what is taken as completed begin with the warning too")
    return lines


def _after(length: timedelta) -> str:
    if length < timedelta(0):
        return f"{duration(-length)} before the mode opens"
    return f"{duration(length)} after the mode opens"


def _distribution(waits: Distribution) -> list[str]:
    most = max(each.count for each in waits.bins)
    lines = [
        f"  wait: median {duration(waits.median)}, p75 {duration(waits.p75)}, p95 {duration(waits.p95)}, "
        f"longest {duration(waits.longest)}"
    ]
    for each in waits.bins:
        bar = "#" * round(WIDEST * each.count / most)
        lines.append(f"    {duration(each.low):>10} to {duration(each.high):<10} {each.count:>3} {bar}".rstrip())
    return lines


def _cost(cost: Cost) -> str:
    hours, in_vain = f"{cost.waited / HOUR:.1f} h", f"{cost.in_vain / HOUR:.1f} h"
    return f"{cost.triggered:>10}{cost.degraded:>10}{cost.false:>8}{hours:>10}{in_vain:>10}"


def _data(result: Tuned) -> dict[str, Any]:
    waits = result.distribution
    return {
        "transition": result.transition,
        "mode": result.mode,
        "dates": DATES,
        "nights": result.nights,
        "left_out": dict(result.unusual),
        "wait_seconds": None
        if waits is None
        else {
            "median": waits.median.total_seconds(),
            "p75": waits.p75.total_seconds(),
            "p95": waits.p95.total_seconds(),
            "max": waits.longest.total_seconds(),
            "histogram": [
                {"from": each.low.total_seconds(), "to": each.high.total_seconds(), "nights": each.count}
                for each in waits.bins
            ],
        },
        "due": None if result.due is None else _due_data(result.due),
        "as_it_is": _cost_data(result.as_it_is),
        "waiting_for_all": _cost_data(result.never_degraded),
        "with_proposal": _cost_data(result.with_auto),
        "proposal": None
        if result.proposal is None
        else "\n".join(proposal_lines(result.transition, result.mode, result.proposal)),
    }


def _cost_data(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {
        "triggered": cost.triggered,
        "degraded": cost.degraded,
        "false": cost.false,
        "waited_seconds": cost.waited.total_seconds(),
        "in_vain_seconds": cost.in_vain.total_seconds(),
        "nights": cost.nights,
        "gates_read": cost.gates_read,
        "blocked": cost.blocked,
    }


def _due_data(due: DueTuned) -> dict[str, Any]:
    return {
        "fit": due.fit.name.lower(),
        "after_opened_seconds": {
            "median": due.median.total_seconds(),
            "p95": due.p95.total_seconds(),
            "max": due.latest.total_seconds(),
        },
        "as_it_is": _due_cost_data(due.as_it_is),
        "with_proposal": None if due.proposal is None else _due_cost_data(due.with_auto),
    }


def _due_cost_data(cost: DueCost) -> dict[str, Any]:
    return {
        "nights": cost.nights,
        "warned": cost.warned,
        "false": cost.false,
        "failed": cost.failed,
        "silent": cost.silent,
        "late_seconds": cost.late.total_seconds(),
    }
