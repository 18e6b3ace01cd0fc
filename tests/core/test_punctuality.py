"""Whether a transition was triggered by its due time, said once of each (behaviour 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.decision.pause import Pause
from shared.core.model import Act, TransitionState
from shared.core.objectives.punctuality import Punctuality, at_close, at_trigger
from shared.core.policy.transitions import Role
from tests.core.build import (
    BACKFILL,
    NIGHT,
    POLICY,
    T0,
    TO4,
    at,
    confirmed,
    snapshot,
    with_expectation,
    with_transition,
)

# 08:30 of the morning after, in New York.
DUE = at(hours=2, minutes=30)
SECOND = timedelta(seconds=1)


def acted(*acts: tuple[str, datetime]) -> TransitionState:
    return replace(TransitionState(), acts=tuple(Act(verb, "a", "r", when) for verb, when in acts))


@pytest.mark.parametrize(
    ("now", "expected"),
    [(DUE - SECOND, Punctuality.IN_TIME), (DUE, Punctuality.LATE), (DUE + SECOND, Punctuality.LATE)],
)
def test_at_its_due_time_a_trigger_is_late(now: datetime, expected: Punctuality) -> None:
    """As the record counts it; until it was due nothing is missed of a run that closes."""
    assert at_trigger(snapshot(), now) is expected
    assert at_close(snapshot(), now) is (Punctuality.NEVER if now >= DUE else None)


def test_what_was_triggered_is_neither_triggered_first_nor_missed() -> None:
    assert at_trigger(snapshot(state=confirmed()), DUE) is None
    assert at_close(snapshot(state=confirmed()), DUE + SECOND) is None


@pytest.mark.parametrize(
    "given",
    [
        {"games": 0},
        {"key": BACKFILL},
        {"policy": with_transition(TO4, dispatch=replace(POLICY.transitions[TO4].dispatch, role=Role.OBSERVE))},
        {"policy": with_expectation(TO4, NIGHT.mode, due=None)},
        {"pauses": (Pause("1", DUE - SECOND, DUE + SECOND, "r"),)},
        {"state": acted(("hold", DUE - SECOND))},
        {"state": acted(("hold", DUE))},
    ],
    ids=["no units", "backfill", "observed", "no due time", "paused", "held", "held at that moment"],
)
def test_what_is_not_judged(given: dict[str, object]) -> None:
    """What the record does not count either (`events.triggers_by_due`)."""
    for now in (DUE - SECOND, DUE + SECOND):
        assert at_trigger(snapshot(**given), now) is at_close(snapshot(**given), now) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"pauses": (Pause("1", T0, DUE, "r"),)},
        {"state": acted(("hold", DUE - 2 * SECOND), ("release", DUE - SECOND))},
        {"state": acted(("hold", DUE + SECOND))},
        {"state": acted(("trigger", DUE - SECOND))},
    ],
    ids=["pause is over", "released", "held later", "another act"],
)
def test_what_is_judged_all_the_same(given: dict[str, object]) -> None:
    assert at_trigger(snapshot(**given), DUE + 2 * SECOND) is Punctuality.LATE  # type: ignore[arg-type]
