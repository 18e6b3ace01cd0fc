"""Runs that wait for another run: whether that has come far enough, by the documents alone (behaviour D4)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.core.model import RunKey
from shared.core.policy.transitions import Expectation
from tests.random_nights.trace import Trace, Track

if TYPE_CHECKING:
    from tests.random_nights.claim_safety import ClaimCheck


def has_come(book: Trace, key: RunKey, expectation: Expectation) -> bool:
    """Say whether the run that is waited for has sent what it is waited for, or has no units; True where none is."""
    after = expectation.after_run
    if after is None:
        return True
    other = book.any_run(RunKey(after.pipeline, key.day + timedelta(days=after.offset_days), after.mode))
    if other is None or not other.data:
        return False
    if (other.data.get("units") or {}).get("total") == 0:
        return True
    if after.transition:
        return _sent(other.track(after.transition))
    stored = [track for track in other.tracks.values() if track.data]
    return not other.open and bool(stored) and all(_sent(track) for track in stored)


def nothing_is_claimed_before_another_run(claim: ClaimCheck) -> str | None:
    """What waits for another run is not claimed before that has come far enough, but by an operator."""
    if claim.again or claim.reason in ("operator", "refresh"):
        return None
    if has_come(claim.trace, claim.key, claim.transition.expects[claim.key.mode]):
        return None
    return f"{claim.track.where} generation {claim.generation} claimed before the run that it waits for"


def _sent(track: Track) -> bool:
    return bool(track.data.get("carried")) or track.state in ("observed", "empty_ok")
