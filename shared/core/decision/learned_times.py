"""Why a tier, a deadline or a due time of a run is where it is, where the policy leaves it to past nights (T11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.core.decision.snapshot import DecisionInput
from shared.core.model import LearnedTime
from shared.core.policy.adaptive import DUE_CRITICAL, DUE_WARNING, ENOUGH_NIGHTS, Auto, autos, length_of
from shared.core.texts import duration

FIXED = f"fixed: the run was opened with fewer than {ENOUGH_NIGHTS} ordinary nights known"


def learned_evidence(snapshot: DecisionInput) -> dict[str, dict[str, Any]]:
    """Return by the name of each time that the policy leaves to nights what it follows from, in words and numbers."""
    fixed = snapshot.transition.expects[snapshot.key.mode]
    return {name: _evidence(snapshot, name, auto) for name, auto in autos(fixed)}


def _evidence(snapshot: DecisionInput, name: str, auto: Auto) -> dict[str, Any]:
    value, length = snapshot.learned.get(name), length_of(snapshot.expectation, name)
    if value is None or length is None:
        return {"text": FIXED, "nights": 0}
    return {
        "text": learned_text(auto, value, length, opened=name in (DUE_WARNING, DUE_CRITICAL)),
        "nights": value.nights,
        "weekday": value.weekday,
        "quantile": value.quantile,
        "usual_seconds": value.usual.total_seconds(),
        "times": value.times,
        "after_seconds": length.total_seconds(),
    }


def learned_text(auto: Auto, value: LearnedTime, length: timedelta, *, opened: bool = False) -> str:
    """Return `p95 of 26 nights 31 min x 1.5`, and which bound or tier it was kept to; ``opened`` for a due time."""
    nights = f"{value.nights} {value.weekday} nights" if value.weekday else f"{value.nights} nights"
    usual = spoken(value.usual) + (" after opening" if opened else "")
    text = f"p{value.quantile * 100:g} of {nights} {usual} x {value.times:g}"
    bounded = auto.bounded(value.after)
    if bounded > value.after:
        text += f", at least {duration(auto.at_least)}"
    elif bounded < value.after:
        text += f", at most {duration(auto.at_most)}"
    return text + (", not before the time above it" if length > bounded else "")


def spoken(length: timedelta) -> str:
    """Return a duration in words, also one before the moment it counts from."""
    return f"-{duration(-length)}" if length < timedelta(0) else duration(length)
