"""What differs between two runs: by what they were decided, and how each transition came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.core.reporting.run_status import RunStatus, TransitionStatus
from shared.core.texts import duration, names

NOT_KNOWN = "not known"
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as it is compared. ``policy`` is the fingerprint of the policy that decided it last, "" where none is
    known; ``code`` are the versions of the code that decided it, in the order in which they did."""

    status: RunStatus
    policy: str = ""
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same: ``what`` is `policy`, `code`, `units` or a transition and a part of it."""

    what: str
    before: str
    after: str


def differences(before: RunFacts, after: RunFacts) -> list[Difference]:
    """Return what differs between two runs, what they were decided by first."""
    pairs = {
        "policy": (before.policy or NOT_KNOWN, after.policy or NOT_KNOWN),
        "code": (names(before.code, NOT_KNOWN), names(after.code, NOT_KNOWN)),
        "units": (_number(before.status.units), _number(after.status.units)),
    }
    listed = [Difference(what, *pair) for what, pair in pairs.items() if pair[0] != pair[1]]
    return listed + list(_outcomes(before.status, after.status))


def changed_keys(before: Any, after: Any, path: str = "") -> list[Difference]:
    """Return the keys of two policy files that differ, each with both values, in the order of the keys."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted({*map(str, before), *map(str, after)})
        by_name = [{str(key): value for key, value in mapping.items()} for mapping in (before, after)]
        return [
            difference
            for key in keys
            for difference in changed_keys(
                by_name[0].get(key, ABSENT), by_name[1].get(key, ABSENT), f"{path}.{key}" if path else key
            )
        ]
    return [] if before == after else [Difference(path, str(before), str(after))]


def _outcomes(before: RunStatus, after: RunStatus) -> Iterator[Difference]:
    ours = {transition.transition: transition for transition in before.transitions}
    theirs = {transition.transition: transition for transition in after.transitions}
    for name in dict.fromkeys((*ours, *theirs)):
        one_side, other_side = _outcome(ours.get(name)), _outcome(theirs.get(name))
        for part in one_side:
            if one_side[part] != other_side[part]:
                yield Difference(f"{name} {part}", one_side[part], other_side[part])


def _outcome(transition: TransitionStatus | None) -> dict[str, str]:
    """Return what is compared of a transition: words, so that times of the clock do not differ every day."""
    if transition is None:
        return dict.fromkeys(("state", "triggered by", "missing", "late by"), ABSENT)
    return {
        "state": transition.state,
        "triggered by": transition.triggered_by.replace("_", " ") or ABSENT,
        "missing": names(transition.missing, ABSENT),
        "late by": ABSENT if transition.late_by is None else duration(transition.late_by),
    }


def _number(units: int | None) -> str:
    return NOT_KNOWN if units is None else str(units)
