"""Sets and clock alone, against the words of behaviour D1 and of the deadline rows, over dense random nights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.decision.readiness import Ready, readiness
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome
from shared.core.policy.transitions import Then
from tests.core.build import PHASE3, SECOND, TO4, at, report, snapshot
from tests.core.nights import first_hours, policies

SAYS = [None, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED]
thorough = settings(deadline=None, max_examples=200)


@dataclass(frozen=True)
class DrawnNight:
    """A night as it was drawn: who is done, who has a part, when the first of them was received."""

    snapshot: DecisionInput
    done: frozenset[str]
    partial: frozenset[str]
    opened: datetime | None

    def verdict(self, now: datetime) -> str:
        """Say by the words of the specification what may happen now."""
        rules = self.snapshot.expectation
        if self.done == rules.expected:
            return "complete"
        if self.opened is None:
            return "wait"
        there = self.done | self.partial
        for number, tier in enumerate(rules.tiers, start=1):
            enough = len(there) >= min(tier.at_least, len(rules.expected))
            if now >= self.opened + tier.after and enough and there >= rules.required:
                return f"tier_{number}"
        deadline = rules.deadline
        if deadline is None or now < self.opened + deadline.after:
            return "wait"
        required = deadline.then is Then.TRIGGER_IF_REQUIRED and there >= rules.required
        return "deadline" if required or deadline.then is Then.TRIGGER else "held"


@st.composite
def drawn_nights(draw: st.DrawFn) -> DrawnNight:
    outcomes = {name: draw(st.sampled_from(SAYS)) for name in PHASE3}
    received = {name: at(minutes=draw(st.integers(0, 60))) for name in PHASE3}
    reports = [report(name, outcome, ended=received[name]) for name, outcome in outcomes.items() if outcome is not None]
    done = frozenset(name for name, outcome in outcomes.items() if outcome is Outcome.SUCCESS)
    partial = frozenset(name for name, outcome in outcomes.items() if outcome is Outcome.PARTIAL)
    decision_input = snapshot(*reports, policy=draw(policies(TO4, "overnight", gates=())))
    return DrawnNight(decision_input, done, partial, min((received[name] for name in done | partial), default=None))


def verdict(decision_input: DecisionInput, now: datetime) -> str:
    judgement = readiness(decision_input, decision_input.seen, now)
    if isinstance(judgement, Ready):
        return judgement.reason
    return "held" if judgement.held else "wait"


@thorough
@given(drawn_nights(), first_hours)
def test_ready_is_what_the_words_say(night: DrawnNight, now: datetime) -> None:
    """D1: complete, the first tier that holds, the deadline, held or waiting."""
    assert verdict(night.snapshot, now) == night.verdict(now)


@thorough
@given(drawn_nights(), first_hours)
def test_each_moment_is_exact(night: DrawnNight, now: datetime) -> None:
    """One second before each tier and the deadline, at it and after it."""
    rules = night.snapshot.expectation
    afters = [tier.after for tier in rules.tiers] + ([rules.deadline.after] if rules.deadline else [])
    for after in afters:
        for moment in ((night.opened or now) + after + n * SECOND for n in (-1, 0, 1)):
            assert verdict(night.snapshot, moment) == night.verdict(moment)


@thorough
@given(drawn_nights(), first_hours)
def test_the_announced_moment_is_early_enough(night: DrawnNight, now: datetime) -> None:
    """T1: it lies ahead, and before it nothing changes; without one nothing ever changes by the clock."""
    judgement = readiness(night.snapshot, night.snapshot.seen, now)
    if isinstance(judgement, Ready) or judgement.held:
        return
    end = judgement.next_at or now + timedelta(days=30)
    assert end > now
    assert night.verdict(end - SECOND) == "wait"
