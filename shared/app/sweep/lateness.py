"""A sweep that came late says so in the record: what sweep health is measured by (behaviour 14).

It knows by the lock when the one before it ended, and by the documents since when it was due. What the record does not
take is kept in the upkeep, and written by a later sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.app.audit.write import EXECUTIONS, write_rows
from shared.app.context import Context
from shared.app.state.lock import Lease
from shared.app.state.sweep_marks import marks_after
from shared.app.state.upkeep import Upkeep
from shared.core.model import Run
from shared.core.objectives.events import SWEEP_LATE, Gap
from shared.ports import Row

# What waits for the record while it does not answer.
UNRECORDED = 50


def with_lateness(ctx: Context, upkeep: Upkeep, lease: Lease, runs: Iterable[Run], started: datetime) -> Upkeep:
    """Return the upkeep with the gap before this sweep, where it was longer than the objective lets one be."""
    objective = ctx.policy.objectives.sweep_health
    ended_at = None if ctx.sweep_every is None else lease.previous_until
    if ended_at is None or objective is None or objective.within is None:
        return upkeep
    due = [run.next_check_at for run in runs if run.next_check_at is not None]
    before = marks_after(ctx, ended_at, upkeep, due)
    if before.overdue(started) <= objective.within:
        return upkeep
    ctx.log("sweep.late", severity="WARNING", seconds=round(before.overdue(started).total_seconds()))
    return replace(upkeep, late=(*upkeep.late, Gap(before.due_at, started))[-UNRECORDED:])


def recorded(ctx: Context, upkeep: Upkeep) -> Upkeep:
    """Return the upkeep without the gaps that the record has taken."""
    if not upkeep.late or not write_rows(ctx, [_row(ctx, gap) for gap in upkeep.late]):
        return upkeep
    return replace(upkeep, late=())


def _row(ctx: Context, gap: Gap) -> tuple[str, Row]:
    """Return a gap as the record holds it: of no run, on the local date on which it ended."""
    columns = {
        "execution_timestamp": gap.ends.isoformat(),
        "pipeline": ctx.policy.pipeline,
        "run_id": "",
        "transition": "",
        "game_date": ctx.policy.local(gap.ends).date().isoformat(),
        "mode": "",
        "generation": 0,
        "decision": SWEEP_LATE,
        "reason": f"due since {gap.begins.isoformat()}",
        "degraded": False,
        "missing": "",
        "opened_at": None,
        "wait_seconds": (gap.ends - gap.begins).total_seconds(),
        "handoff_seconds": None,
        "triggered_at": None,
        "confirmed_at": None,
        "gate_readings": "",
        "code_version": ctx.code_version,
    }
    return EXECUTIONS, Row(f"{ctx.policy.pipeline}/{SWEEP_LATE}/{gap.ends.isoformat()}", columns)
