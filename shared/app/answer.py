"""The sweep as a function answers it (behaviour 9)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.app import outage
from shared.app.context import Context
from shared.app.findings import Finding
from shared.app.sweep import Wish, sweep
from shared.core.errors import Unavailable

OK, PARTLY, FAILED = 200, 207, 500


def swept(ctx: Context, wish: Wish, ignored: str) -> tuple[list[dict[str, Any]], int]:
    """Sweep; return the findings and the status: 207 if something failed, 500 if the sweep itself did."""
    findings = [Finding("request", "", ignored, "failed")] if ignored else []
    try:
        done = sweep(ctx, wish)
    except Unavailable as error:
        ctx.log("sweep.failed", severity="ERROR", error=str(error))
        outage.down(ctx, error, ctx.ports.clock.now())
        return [asdict(Finding("sweep", "", str(error), "failed"))], FAILED
    ctx.memory.last_sweep = done
    outage.up(ctx, ctx.ports.clock.now())
    findings += done.findings
    failed = any(finding.result == "failed" for finding in findings)
    ctx.log("sweep.done", findings=len(findings), unseen=len(done.unseen))
    return [asdict(finding) for finding in findings], PARTLY if failed else OK
