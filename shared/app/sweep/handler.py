"""The sweep as a function answers it (behaviour 9)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.app.alerting import outage
from shared.app.call import Call, Wrong
from shared.app.context import Context
from shared.app.sweep.options import parse_options
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.core.errors import Unavailable
from shared.core.reporting.findings import Finding, FindingResult

OK, PARTLY, FAILED = 200, 207, 500


def answer(ctx: Context, call: Call) -> tuple[list[dict[str, Any]] | dict[str, Any], int]:
    """Sweep as a call asks for; what is not understood is refused, and nothing is looked at."""
    wish = parse_options(ctx.policy, call)
    return refuse(ctx, wish) if isinstance(wish, Wrong) else handle_sweep(ctx, wish)


def refuse(ctx: Context, wrong: Wrong) -> tuple[dict[str, Any], int]:
    """Refuse a call, in the log of the pipeline that it was for."""
    ctx.log("sweep.refused", severity="ERROR", reason=wrong.reason, hint=wrong.hint)
    return wrong.body(), wrong.status


def handle_sweep(ctx: Context, wish: SweepOptions) -> tuple[list[dict[str, Any]], int]:
    """Sweep; return the findings and the status: 207 if something failed, 500 if the sweep itself did."""
    try:
        done = sweep(ctx, wish)
    except Unavailable as error:
        ctx.log("sweep.failed", severity="ERROR", error=str(error))
        outage.down(ctx, error, ctx.ports.clock.now())
        return [asdict(Finding("sweep", "", str(error), FindingResult.FAILED))], FAILED
    ctx.memory.last_sweep = done
    outage.up(ctx, ctx.ports.clock.now())
    findings = list(done.findings)
    failed = any(finding.result is FindingResult.FAILED for finding in findings)
    ctx.log("sweep.done", findings=len(findings), unseen=len(done.unseen))
    return [asdict(finding) for finding in findings], PARTLY if failed else OK
