"""When a run may close, and what people are then told: worked out from the documents alone (behaviour T5)."""

from __future__ import annotations

from datetime import datetime

from shared.core.calendar import closes_at, instant
from shared.core.policy import Policy, Transition
from shared.ports import Notice
from shared.simulation.random_nights.book import Book, Data, RunBook

ENDED = ("confirmed", "observed")
TOLD = ("held", "due_warning", "due_critical")


def closed_only_when_over(policy: Policy, run: RunBook) -> str | None:
    """Closed is a run that is too old, or of which nothing waits, nothing may confirm and nothing may be refreshed."""
    closed_at: datetime = run.data["closed_at"]
    if closed_at >= closes_at(run.key, run.data["opened_at"], policy) or run.data.get("reopened_at") is not None:
        return None
    passed = [one for one in policy.transitions.values() if run.key.mode in one.expects]
    waited_for = {phase for one in passed for phase in one.after}
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


def _open_window(policy: Policy, transition: Transition, data: Data, at: datetime) -> bool:
    refresh, triggered_at = transition.refresh, data.get("triggered_at")
    if refresh is None or triggered_at is None or data.get("refreshes", 0) >= refresh.at_most:
        return False
    return at <= instant(policy.local(triggered_at).date(), refresh.until, policy.zone)


def closing_is_no_recovery(policy: Policy, book: Book, notice: Notice, where: str) -> str | None:
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


def _overtaken(policy: Policy, run: RunBook, name: str) -> bool:
    return any(heard.phase == policy.transitions[name].starts for heard in run.heard)
