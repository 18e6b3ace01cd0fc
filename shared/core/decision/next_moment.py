"""What comes next of a transition, and when: a tier, the deadline, a retry, its due time (behaviour 3, T2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.core.calendar import due_at
from shared.core.decision.decide import confirm_by
from shared.core.decision.decisions import Blocked, Decision, Done, EmptyOk, Held, Read, Trigger, Wait
from shared.core.decision.refresh import another_may_follow, refresh_until
from shared.core.decision.silence import deadline_at, end_expected_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import again_at
from shared.core.model import HoldCause, State
from shared.core.policy.policy import Policy
from shared.core.texts import clock_time, duration

NOTHING = "nothing more is to come"
A_SWEEP = "it is decided again at every sweep"


@dataclass(frozen=True, slots=True)
class NextMoment:
    """What comes next. ``at`` is when the clock brings it, None where only an event does; ``name`` is `tier_1`,
    `deadline`, `retry`, `due_warning` and the like, "" without a time; ``text`` says what happens then, in words.
    ``at_least`` is how many processors a tier wants, None for all others."""

    text: str
    name: str = ""
    at: datetime | None = None
    at_least: int | None = None


def next_moment(
    snapshot: DecisionInput, decision: Decision, now: datetime, others: Iterable[NextMoment] = ()
) -> NextMoment:
    """Return the first moment after ``now`` that changes something, or what has to happen where no clock does;
    ``others`` are what others will do about it, such as the repairs of what it lacks."""
    match decision:
        case EmptyOk():
            return NextMoment(NOTHING)
        case Done() if snapshot.closed:
            return NextMoment(f"{NOTHING}: the run is closed")
        case Trigger():
            return NextMoment("the next sweep or report triggers it")
        case Held(cause):
            return NextMoment(_released_by(cause))
        case _:
            coming = [
                moment
                for moment in (*_moments(snapshot, decision, now), *others)
                if moment.at is not None and moment.at > now
            ]
            return min(coming, key=_when, default=NextMoment(_without_clock(snapshot, decision)))


def next_text(policy: Policy, moment: NextMoment, now: datetime) -> str:
    """Return `tier 1 06:17 EST, in 8 min: 4 of 5 and every required one`; the words alone where no clock brings it."""
    if moment.at is None:
        return moment.text
    when = f"{clock_time(policy, moment.at, now)}, in {duration(moment.at - now)}"
    return f"{moment.name.replace('_', ' ')} {when}: {moment.text}"


def _when(moment: NextMoment) -> datetime:
    assert moment.at is not None
    return moment.at


def _released_by(cause: HoldCause) -> str:
    match cause:
        case HoldCause.OPERATOR:
            return "nothing before an operator releases it"
        case HoldCause.REJECTED:
            return "nothing before an operator or a deploy changes something"
        case HoldCause.DEADLINE:
            return "it goes by itself when what is missing arrives"


def _without_clock(snapshot: DecisionInput, decision: Decision) -> str:
    match decision:
        case Blocked() | Read():
            return A_SWEEP
        case Done():
            return NOTHING
        case _:
            waits_for = (snapshot.transition.starts,) if snapshot.state.triggered else snapshot.transition.after
            return f"a report of {', '.join(waits_for)}"


def _moments(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[NextMoment]:
    state, pause = snapshot.state, snapshot.pause(now)
    if state.state is State.CLAIMED and state.claim is not None:
        yield NextMoment("the claim ends, and the trigger is sent again", "claim", state.claim.expires_at)
    elif state.triggered:
        yield from _after_trigger(snapshot, now)
    elif pause is not None:
        yield NextMoment("the pause ends, and what is due is decided", "pause", pause.over_at)
    elif isinstance(decision, Blocked):
        yield NextMoment(f"{A_SWEEP}; what blocks it then is critical", "deadline", deadline_at(snapshot))
    else:
        yield from _before_trigger(snapshot)
    if state.failure is not None and isinstance(decision, Blocked | Wait):
        yield NextMoment("the dispatch is tried again", "retry", state.failure.retry_at)


def _before_trigger(snapshot: DecisionInput) -> Iterator[NextMoment]:
    expectation, since, expected = snapshot.expectation, snapshot.clock_from, len(snapshot.seen.expected)
    if since is not None:
        for number, tier in enumerate(expectation.tiers, start=1):
            enough = min(tier.at_least, expected)
            text = f"{enough} of {expected} and every required one"
            yield NextMoment(text, f"tier_{number}", since + tier.after, enough)
        if expectation.deadline is not None:
            then = expectation.deadline.then.value.replace("_", " ")
            yield NextMoment(then, "deadline", since + expectation.deadline.after)
    if expectation.due is not None:
        for name, clock in (("due_warning", expectation.due.warning), ("due_critical", expectation.due.critical)):
            yield NextMoment("a person is told", name, due_at(snapshot.key, clock, snapshot.policy))


def _after_trigger(snapshot: DecisionInput, now: datetime) -> Iterator[NextMoment]:
    state, confirm, starts = snapshot.state, snapshot.transition.confirm, snapshot.transition.starts
    if state.unproven is not None:
        yield NextMoment(f"called again unless {starts} reports", "retry", again_at(snapshot, state.unproven))
    elif state.state is State.DISPATCHED and state.last_dispatched_at is not None:
        again = state.dispatches <= confirm.redispatch
        text = f"sent again unless {starts} reports" if again else f"a person is told unless {starts} reports"
        yield NextMoment(text, "retry" if again else "confirmation", confirm_by(state, confirm.within))
    yield NextMoment(f"{starts} has reported its end", "ended_within", end_expected_at(snapshot))
    if another_may_follow(snapshot, now):
        yield NextMoment("until then better data triggers again", "refresh_until", refresh_until(snapshot))
