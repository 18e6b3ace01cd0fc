"""Whether a night went as its scenario says, with a minute's grace, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.core.policy.policy import Policy
from shared.core.texts import amount
from shared.simulation.demo.night import arrow
from shared.simulation.demo.nights import Night
from shared.simulation.expectations import AlertExpected, Expected, ResolvedExpected, TriggerExpected, Window
from shared.simulation.history import History
from shared.simulation.judge import Verdict, judge
from shared.simulation.scenario import Scenario

# A served night has seconds where a simulated one has none.
GRACE = timedelta(minutes=1)


@dataclass(frozen=True)
class Result:
    """One night judged; ``failure`` is why it could not be played to its end."""

    night: Night
    expected: tuple[str, ...]
    happened: tuple[str, ...]
    verdicts: Sequence[Verdict] = ()
    failure: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure and all(verdict.passed for verdict in self.verdicts)


def judged(night: Night, scenario: Scenario, history: History, logged: Mapping[str, int]) -> Result:
    """Judge a night by every expectation of its scenario; ``logged`` counts what its functions complained of."""
    policy = scenario.policy
    verdicts = judge([_graceful(expectation) for expectation in scenario.expect], history, policy.zone)
    held = sum(verdict.passed for verdict in verdicts)
    happened = [
        f"{arrow(trigger.first.transition)} ({trigger.first.mode}) at {_clock(policy, trigger.at)}"
        f" by {trigger.first.reason}"
        for trigger in history.triggers(history.departures)
    ]
    total = f"{held} of {len(verdicts)} expectations held"
    complained = [f"logged by {what}: {amount(count, 'time')}" for what, count in logged.items()]
    return Result(night, tuple(expected(scenario)), (*(happened or ["no trigger"]), total, *complained), verdicts)


def unplayed(night: Night, scenario: Scenario, failure: str) -> Result:
    return Result(night, tuple(expected(scenario)), (f"not played to its end: {failure.split(';')[0]}",), (), failure)


def expected(scenario: Scenario) -> Iterator[str]:
    """Yield what the scenario demands of triggers, a line each."""
    for expectation in scenario.expect:
        if isinstance(expectation.meaning, TriggerExpected):
            yield _demand(expectation.meaning, scenario.policy)


def _demand(meaning: TriggerExpected, policy: Policy) -> str:
    mode = f" ({meaning.of.mode})" if meaning.of.mode else ""
    reason = f" by {meaning.reason}" if meaning.reason else ""
    return f"{arrow(meaning.transition)}{mode} at {_span(policy, meaning.window)}{reason}"


def _span(policy: Policy, window: Window) -> str:
    return "-".join(_clock(policy, at) for at in (window.not_before, window.by) if at is not None) or "any time"


def _clock(policy: Policy, at: datetime) -> str:
    return f"{policy.local(at):%H:%M}"


def _graceful(expectation: Expected) -> Expected:
    meaning = expectation.meaning
    if isinstance(meaning, TriggerExpected | AlertExpected | ResolvedExpected) and meaning.window.by is not None:
        changes: dict[str, Any] = {"window": replace(meaning.window, by=meaning.window.by + GRACE)}
        return replace(expectation, meaning=replace(meaning, **changes))
    return expectation


def failures(result: Result) -> Iterator[str]:
    """Yield what a person needs to know of a night that failed."""
    if result.failure:
        yield result.failure
    for verdict in result.verdicts:
        if not verdict.passed:
            yield f"expected {verdict.expected.raw}"
            yield f"observed {verdict.observed}"
