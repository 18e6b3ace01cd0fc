"""The sweep as a function answers it, also while the state store is away (behaviour 8, 9)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.repair import Finding
from shared.app.sweep import Wish, sweep
from shared.core.alerts import fingerprint
from shared.core.errors import Unavailable
from shared.core.texts import clock_time, duration, say
from shared.ports import Delivered, Notice

DOWN_FOR = timedelta(minutes=5)
OK, PARTLY, FAILED = 200, 207, 500


def swept(ctx: Context, wish: Wish, ignored: str) -> tuple[list[dict[str, Any]], int]:
    """Sweep; return the findings and the status: 207 if something failed, 500 if the sweep itself did."""
    findings = [Finding("request", "", ignored, "failed")] if ignored else []
    try:
        done = sweep(ctx, wish)
    except Unavailable as error:
        ctx.log("sweep.failed", severity="ERROR", error=str(error))
        _down(ctx, error, ctx.ports.clock.now())
        return [asdict(Finding("sweep", "", str(error), "failed"))], FAILED
    ctx.memory.last_sweep = done
    _up(ctx, ctx.ports.clock.now())
    findings += done.findings
    failed = any(finding.result == "failed" for finding in findings)
    ctx.log("sweep.done", findings=len(findings), unseen=len(done.unseen))
    return [asdict(finding) for finding in findings], PARTLY if failed else OK


def _down(ctx: Context, error: Unavailable, now: datetime) -> None:
    """Say straight to people that state is away: it is where alerts would have been kept."""
    memory = ctx.memory
    memory.state_down_since = memory.state_down_since or now
    length = now - memory.state_down_since
    if memory.state_down_said or length < DOWN_FOR:
        return
    since = clock_time(ctx.policy, memory.state_down_since, now)
    what = f"the state store has not answered for {duration(length)} (since {since}): {error.reason}"
    text = say(ctx.policy.pipeline, "", what, "messages are redelivered until it is back", "look at the store")
    memory.state_down_said = _send(ctx, text, resolved=False)


def _up(ctx: Context, now: datetime) -> None:
    memory = ctx.memory
    if memory.state_down_since is None:
        return
    if memory.state_down_said:
        length = duration(now - memory.state_down_since)
        if not _send(
            ctx, say(ctx.policy.pipeline, "", f"over: the state store answers again after {length}"), resolved=True
        ):
            return
    memory.state_down_since, memory.state_down_said = None, False


def _send(ctx: Context, text: str, *, resolved: bool) -> bool:
    mark = fingerprint("state_down", ctx.policy.pipeline, "", "")
    try:
        result = ctx.ports.alerts.send(Notice(mark, "critical", "state_down", text, resolved=resolved))
    except Unavailable as error:
        ctx.log("alert.unsent", severity="CRITICAL", error=str(error), text=text)
        return False
    if not isinstance(result, Delivered):
        ctx.log("alert.refused", severity="CRITICAL", reason=result.reason, text=text)
    return isinstance(result, Delivered)
