"""From when on a hand-off is measured: since then a transition waited for nothing but us (behaviour 14).

What a gate, a service, a pause or a person kept back is no hand-off of ours, and is not measured. A dispatch that
failed kept nothing back: it is late.
"""

from __future__ import annotations

from datetime import datetime

from shared.core.decision.completeness import Completeness
from shared.core.decision.pause import pauses_of
from shared.core.decision.snapshot import DecisionInput

# The name under which a dispatch that did not get through blocks: all others keep a trigger back by intent.
OUTAGE = "dispatch"


def last_input_at(snapshot: DecisionInput, completeness: Completeness, reason: str) -> datetime | None:
    """Return when the last of what a plan goes by was there: the receipt of the latest report that counts, or when the
    units of the date were known to be final, whichever is later. None where something else kept it back since.

    A plan that is tried again for the same ``reason`` keeps what its first attempt knew.
    """
    state = snapshot.state
    if state.plan is not None and state.plan.reason == reason and not state.accepted_whole:
        return state.plan.last_input_at
    if state.held_since is not None or state.blocked.keys() - {OUTAGE}:
        return None
    completions = (snapshot.completions.get(name) for name in completeness.done)
    reports = (None if completion is None else completion.last_good or completion.latest for completion in completions)
    moments = [report.received_at for report in reports if report is not None]
    if not moments:
        return None
    last = max(moments if snapshot.final_at is None else [*moments, snapshot.final_at])
    return None if _told_since(snapshot, last) or _paused_since(snapshot, last) else last


def _told_since(snapshot: DecisionInput, last: datetime) -> bool:
    return any(act.at >= last for act in snapshot.state.acts)


def _paused_since(snapshot: DecisionInput, last: datetime) -> bool:
    of = snapshot.key.mode, snapshot.transition.name
    pauses = pauses_of(snapshot.policy, snapshot.pauses or ())
    return any(pause.covers(*of) and (pause.over_at is None or pause.over_at > last) for pause in pauses)
