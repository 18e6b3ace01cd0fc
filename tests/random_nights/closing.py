"""When a run may close, and what people are then told: worked out from the documents alone (behaviour T5)."""

from __future__ import annotations

from datetime import datetime

from shared.core.calendar import closes_at, instant
from shared.core.model import Lane
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.ports import Notice
from tests.random_nights.trace import Data, RunTrace, Trace

ENDED = ("confirmed", "observed")
TOLD = ("held", "due_warning", "due_critical")


def closed_only_when_over(policy: Policy, run: RunTrace) -> str | None:
    """Closed is a run that is too old, or of which nothing waits, nothing may confirm and nothing may be refreshed."""
    closed_at: datetime = run.data["closed_at"]
    if closed_at >= closes_at(run.key, run.data["opened_at"], policy) or run.data.get("reopened_at") is not None:
        return None
    if _opened_in_vain(run):
        return None
    passed = [transition for transition in policy.transitions.values() if run.key.mode in transition.expects]
    waited_for = {phase for transition in passed for phase in transition.after}
    units = (run.data.get("units") or {}).get("total")
    for transition in passed:
        track = run.tracks.get(transition.name)
        data: Data = {} if track is None else track.data
        carried, state = data.get("carried"), data.get("state", "waiting")
        what = f"{run.key.id} closed at {closed_at} while {transition.name}"
        if carried is None and units != 0:
            return f"{what} is {state} and was never triggered"
        if carried is not None and transition.starts not in waited_for and state not in ENDED:
            return f"{what}, after which nothing comes, is {state}"
        if carried is not None and _open_window(policy, transition, data, closed_at):
            return f"{what} may still be refreshed"
    return None


def _opened_in_vain(run: RunTrace) -> bool:
    """True for a backfill run that was opened for a repair nobody took: nothing has ever happened in it."""
    return run.key.lane is Lane.BACKFILL and not run.heard and not any(track.data for track in run.tracks.values())


def no_end_without_its_word(policy: Policy, book: Trace, run: RunTrace) -> str | None:
    """Before a run closes for which something was still owed, that is in an alert: what never went, what never ended
    (T5, T10)."""
    if (run.data.get("units") or {}).get("total") == 0 or run.key.mode not in policy.modes or _opened_in_vain(run):
        return None
    raised = {alert["kind"] for alert in book.alerts.values() if alert["run"] == run.key.id}
    passed = [transition for transition in policy.transitions.values() if run.key.mode in transition.expects]
    waited_for = {phase for transition in passed for phase in transition.after}
    for transition in passed:
        track = run.tracks.get(transition.name)
        data: Data = {} if track is None else track.data
        if not data.get("carried") and not data.get("unproven") and not raised & {"expired", "departed"}:
            return f"{run.key.id} closed, {transition.name} never went, and nobody was told"
        if transition.starts in waited_for or not _owes_its_end(transition, run, data):
            continue
        if not raised & {"not_ended", "expired", "departed"}:
            return f"{run.key.id} closed, {transition.starts} never ended, and nobody was told"
    return None


def _owes_its_end(transition: Transition, run: RunTrace, data: Data) -> bool:
    """Whether a last phase of which the policy wants the end has reported none since it was dispatched."""
    since = data.get("dispatched_at")
    if transition.confirm.ended_within is None or since is None or data.get("state") == "observed":
        return False
    ends = [report for report in run.heard if report.phase == transition.starts and report.outcome != "started"]
    return not any(end.received >= since for end in ends)


def _open_window(policy: Policy, transition: Transition, data: Data, at: datetime) -> bool:
    refresh, triggered_at = transition.refresh, data.get("triggered_at")
    if refresh is None or triggered_at is None or data.get("refreshes", 0) >= refresh.at_most:
        return False
    return at <= instant(policy.local(triggered_at).date(), refresh.until, policy.zone)


def closing_is_no_recovery(policy: Policy, book: Trace, notice: Notice, where: str) -> str | None:
    """Of a closed run nothing is told as over that did not end: what never went is still held or overdue."""
    if not notice.resolved or notice.kind not in TOLD:
        return None
    for run in book.runs.values():
        if run.open or (run.data.get("units") or {}).get("total") == 0:
            continue
        for track in run.tracks.values():
            waits = track.where == where and track.data.get("carried") is None
            holds = track.state == "held" if notice.kind == "held" else not _overtaken(policy, run, track.name)
            if waits and holds:
                return f"{notice.kind} of {where} told as over, the closed run shows {track.state}"
    return None


def _overtaken(policy: Policy, run: RunTrace, name: str) -> bool:
    return any(heard.phase == policy.transitions[name].starts for heard in run.heard)
