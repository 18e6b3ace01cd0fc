"""What came of the repairs of a run that waits past its due time, and whether people know it (behaviour 9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.core.calendar import due_at
from shared.core.model import Lane
from shared.core.policy.policy import Repairs
from tests.random_nights.adapting import in_force
from tests.random_nights.oracle import View
from tests.random_nights.trace import Data

if TYPE_CHECKING:
    from tests.random_nights.liveness import LivenessCheck


def repairs_say_what_came_of_them(looking: LivenessCheck, seen: View) -> Iterator[str]:
    """Of a run that waits past its due time people know which repairs were not accepted, and which were in vain."""
    track, run, policy = looking.track, looking.track.run, looking.policy
    due, units = in_force(looking.trace.learned, looking.transition, run.key).due, run.data.get("units")
    at = None if due is None else due_at(run.key, due.warning, policy)
    on = policy.calendar is not None and (not units or units["final"] < units["total"])
    early = on and policy.modes[run.key.mode].partition_offset_days < 0
    begun = any(heard.phase == looking.transition.starts for heard in run.heard)
    if at is None or looking.now < at or early or begun or run.key.lane is Lane.BACKFILL:
        return
    if track.held is not False or track.state not in ("waiting", "blocked", "held"):
        return
    missing = {(policy.awaited[track.name][name].phase, name) for name in seen.missing}
    for phase, log in run.data.get("repairs", {}).items():
        lacking = {name for missing_phase, name in missing if missing_phase == phase}
        kinds = due_of_a_repair(log, lacking, policy.repairs, looking.now - looking.trace.night.manner.skew)
        if kinds and not any(
            looking.trace.stands(kind, f"{run.key.id} {name}") for kind in kinds for name in run.tracks
        ):
            yield f"repairs_say_what_came_of_them: {phase} was asked {log['attempts']} times, and no {kinds[0]}"


def due_of_a_repair(log: Data, lacking: set[str], limit: Repairs, now: datetime) -> tuple[str, ...]:
    """Return the alerts of which one has to stand for what came of a repair, none while that is open."""
    if not lacking or log["pending"]:
        return ()
    if log["failure"] is not None:
        return ("repair_fault",) if log["failure"]["verdict"] == "refused" else ("repair_not_taken",)
    over = log["accepted_at"] is not None and now > log["accepted_at"] + limit.cooldown + timedelta(minutes=1)
    in_vain = over and log["attempts"] >= min(2, limit.max_attempts) and log["asked"] and set(log["asked"]) <= lacking
    return ("repair_in_vain",) if in_vain else ()
