"""What must have been done and said by now, asked after a sweep that nothing hindered (behaviour 3, 7, T2).

One such sweep may have come too early; what two in a row leave undone is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.calendar import due_at
from shared.core.model import Lane
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy, Publication, Role, Transition
from shared.simulation.scenario import Health
from tests.random_nights.adapting import in_force
from tests.random_nights.fault_injector import FaultInjector, Handler
from tests.random_nights.oracle import View, blocking, reason_at, view
from tests.random_nights.ports import Truth
from tests.random_nights.repairs_told import repairs_say_what_came_of_them
from tests.random_nights.trace import RunTrace, Trace, Track
from tests.random_nights.waiting import has_come

PATIENCE = 2
WAITING = {"waiting", "blocked", "held", "claimed"}
UNFIT_FOR = timedelta(minutes=5)
OVER_FOR = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class LivenessCheck:
    """One transition after a whole sweep; ``now`` is what the sweep's clock showed as it began."""

    policy: Policy
    trace: Trace
    truth: Truth
    stage: FaultInjector
    track: Track
    sweep: Handler
    now: datetime

    @property
    def transition(self) -> Transition:
        return self.policy.transitions[self.track.name]

    @property
    def triggered(self) -> bool:
        """True once all of some generation has or may have left, or the next phase began while it was claimed."""
        if self.track.state in ("confirmed", "observed") or self.track.data.get("unproven") is not None:
            return True
        needs = {"topic" if isinstance(s.target, Publication) else "http" for s in self.transition.dispatch.steps}
        return any(needs <= self.track.channels(generation) for generation in self.track.grants)

    @property
    def paused(self) -> bool:
        """True while a pause may keep it from being decided, by any clock (T8)."""
        key, skew = self.track.run.key, self.trace.night.manner.skew
        return self.trace.pauses.over(key.mode, self.transition.name, self.now, skew)

    def seen(self) -> View:
        reports = self.track.run.reports(*self.transition.after)
        key = self.track.run.key
        opened = self.track.data.get("opened_at")
        rows, truth = self._rows(), self.truth
        held, over = truth.holdings(self.policy), truth.over
        return view(self.policy, self.transition, key, reports, truth.units, rows, opened=opened, over=over, held=held)

    def _rows(self) -> dict[str, int | None]:
        processors = self.policy.awaited[self.transition.name].values()
        return {table: self.truth.rows.get(table, 0) for processor in processors for table in processor.tables}

    def gates(self, seen: View) -> list[str]:
        key = self.track.run.key
        return blocking(self.policy, self.transition, key, seen, self._rows(), self.truth.percents)


def look(policy: Policy, book: Trace, truth: Truth, stage: FaultInjector, sweep: Handler) -> None:
    """Go through every open run and note what is due and not done; tell of it the second time."""
    book.looked.append(sweep.started)
    for run in book.runs.values():
        if not run.open or run.key.day != truth.day:
            continue
        for name, transition in policy.transitions.items():
            if run.key.mode not in transition.expects:
                continue
            track = run.track(name)
            looking = LivenessCheck(policy, book, truth, stage, track, sweep, sweep.started)
            _count(book, track, set(unkept(looking)))
        _count_run(policy, book, run, truth)


def _count(book: Trace, track: Track, broken: set[str]) -> None:
    track.overdue = {promise: track.overdue.get(promise, 0) + 1 for promise in broken}
    for promise, times in track.overdue.items():
        if times == PATIENCE:
            book.wrong(promise.split(":")[0], f"{track.where}: {promise.partition(': ')[2]}")


def _count_run(policy: Policy, book: Trace, run: RunTrace, truth: Truth) -> None:
    units = run.data.get("units")
    blind = truth.units is not None and run.key.day == truth.day and (units is None or units["total"] != truth.units)
    # A run of which nothing waits is looked at for its calendar with every open run only, which no night does.
    waits = any(
        run.track(name).state in WAITING
        for name in policy.transitions
        if run.key.mode in policy.transitions[name].expects
    )
    blind = blind and waits
    calendar, now = policy.calendar, book.looked[-1]
    serves = timedelta() if calendar is None or calendar.read_every is None else calendar.read_every
    run.blind_since = (run.blind_since or now) if blind else None
    # A reading that the policy lets serve may be as old as that; from then on two sweeps see it.
    run.blind = run.blind + 1 if run.blind_since is not None and now - run.blind_since >= serves else 0
    if run.blind == PATIENCE:
        book.wrong("the_next_sweep_sees_the_calendar", f"{run.key.id} knows {units}, there are {truth.units} units")


def unkept(looking: LivenessCheck) -> Iterator[str]:
    """Yield what this transition should have done or said: the name of the promise, and the particulars."""
    if looking.truth.units == 0:
        return
    if looking.triggered:
        yield from what_is_over_is_said(looking)
        yield from unconfirmed_says_so(looking)
        yield from unended_says_so(looking)
        return
    if looking.paused:
        return
    seen = looking.seen()
    expectation = in_force(looking.trace.learned, looking.transition, looking.track.run.key)
    reason = reason_at(expectation, seen, looking.now)
    yield from overdue_says_so(looking)
    yield from repairs_say_what_came_of_them(looking, seen)
    if looking.track.held is not False or looking.track.rejected:
        yield from held_says_so(looking, "an operator or a refusal")
        return
    if reason == "held" and looking.track.data.get("request") is not None:
        return  # an operator has asked for it: the deadline holds nothing any more
    if reason == "held":
        yield from held_says_so(looking, f"the deadline without {sorted(seen.missing)}")
    elif reason and has_come(looking.trace, looking.track.run.key, expectation):
        yield from ready_goes_or_says_why(looking, seen, reason)
    else:
        looking.track.unfit_since = None


def held_says_so(looking: LivenessCheck, why: str) -> Iterator[str]:
    """A held run has told people, critically unless an operator holds it."""
    where = looking.track.where
    if looking.track.held is None:
        return
    if not (looking.trace.stands("held", where) or looking.trace.stands("on_hold", where)):
        yield f"held_says_so: held by {why}, and nobody was told"


def ready_goes_or_says_why(looking: LivenessCheck, seen: View, reason: str) -> Iterator[str]:
    """A ready transition is dispatched, or has said which gate or service blocks it."""
    track, book = looking.track, looking.trace
    gates = looking.gates(seen)
    if track.declined is not None and _resting(looking):
        if not gates and not book.stands("not_taken", track.where):
            yield f"blocked_says_so: answered no at {track.declined.at}, and nobody was told"
        return
    for gate in gates:
        if not book.stands("gate", track.where):
            yield f"blocked_says_so: blocked by {gate}, and nobody was told"
    service = looking.transition.preflight
    health = looking.stage.health(service) if service and service not in book.night.unset else Health.HEALTHY
    if health in (Health.HEALTHY, Health.DEGRADED):
        track.unfit_since = None
    else:
        track.unfit_since = track.unfit_since or looking.now
        if looking.now - track.unfit_since >= UNFIT_FOR and not book.stands("preflight", track.where):
            yield f"blocked_says_so: {service} unfit since {track.unfit_since}, and nobody was told"
        return
    since = track.failing_since
    if since is not None and looking.now - since >= UNFIT_FOR and not book.stands("dispatch", track.where):
        yield f"blocked_says_so: its call fails since {since}, and nobody was told"
    if not gates and not _resting(looking):
        yield f"nothing_ready_is_left: ready by {reason} with {sorted(seen.done)}, and not dispatched"


def _resting(looking: LivenessCheck) -> bool:
    """True while a lease may run or a failed call waits for its next attempt (D5)."""
    track, skew = looking.track, looking.trace.night.manner.skew
    if track.retry_at is not None and looking.now - skew < track.retry_at:
        return True
    if any(call.service in looking.trace.night.unset for call in looking.transition.calls):
        return True
    lease = looking.policy.claim_lease + skew
    return track.state == "claimed" and track.claimed_at is not None and looking.now - track.claimed_at <= lease


def unconfirmed_says_so(looking: LivenessCheck) -> Iterator[str]:
    """Dispatched as often as the policy says and not confirmed in time is critical (behaviour 3)."""
    track, confirm = looking.track, looking.transition.confirm
    marks = track.marks.get(max(track.grants, default=0), [])
    if track.state != "dispatched" or confirm.by is not ConfirmBy.FIRST_REPORT or len(marks) <= confirm.redispatch:
        return
    late = looking.now - looking.trace.night.manner.skew >= marks[-1] + confirm.within
    if late and not looking.trace.stands("unconfirmed", track.where):
        yield f"unconfirmed_says_so: dispatched at {marks[-1]}, not confirmed, and nobody was told"


def overdue_says_so(looking: LivenessCheck) -> Iterator[str]:
    """Past its due time a transition has been triggered, alerted on, overtaken, or waits for one that says so (T2)."""
    track, key = looking.track, looking.track.run.key
    due = in_force(looking.trace.learned, looking.transition, key).due
    if due is None or key.lane is Lane.BACKFILL:
        return
    for kind, local in (("due_warning", due.warning), ("due_critical", due.critical)):
        at = due_at(key, local, looking.policy)
        if at is None or looking.now < at or looking.trace.stands(kind, track.where):
            continue
        overtaken = any(heard.phase == looking.transition.starts for heard in track.run.heard)
        if overtaken or _passed(looking) or _predecessor_speaks(looking) or _waits_for_the_paused(looking):
            continue
        yield f"overdue_says_so: not triggered at {at}, and no {kind}"


def _passed(looking: LivenessCheck) -> bool:
    """Whether what is only observed has been passed by its run: nobody has to move that on (T2)."""
    if looking.transition.dispatch.role is not Role.OBSERVE:
        return False
    run, later = looking.track.run, looking.policy.beyond[looking.track.name]
    waited_for = {phase for name in later for phase in looking.policy.transitions[name].after}
    left = any(run.tracks[name].data.get("carried") for name in later if name in run.tracks)
    return left or any(heard.phase in waited_for for heard in run.heard)


def _silent_phases(looking: LivenessCheck) -> frozenset[str]:
    """Return the phases of what is missing if none of them has said anything, else none."""
    awaited = looking.policy.awaited[looking.track.name]
    lacking = {awaited[name].phase for name in looking.seen().missing} or set(looking.transition.after)
    spoken = {heard.phase for heard in looking.track.run.heard}
    return frozenset() if lacking & spoken else frozenset(lacking)


def _predecessor_speaks(looking: LivenessCheck) -> bool:
    """Whether every phase of what is missing is silent, and what should have started it is told to be overdue, or is
    counted into what was to start that."""
    starting = [looking.policy.starting(phase) for phase in _silent_phases(looking)]
    if not starting:
        return False
    for transition in starting:
        if transition is None:
            return False
        before = replace(looking, track=looking.track.run.track(transition.name))
        alerts = looking.trace.firing(before.track.where, ("due_warning", "due_critical"))
        if not alerts and not _predecessor_speaks(before):
            return False
    return True


def _waits_for_the_paused(looking: LivenessCheck) -> bool:
    """Whether every phase of what is missing is silent, and a pause keeps one of those before it from being started."""
    run, now, skew = looking.track.run, looking.now, looking.trace.night.manner.skew
    if not _silent_phases(looking):
        return False
    before = [
        transition.name
        for transition in looking.policy.transitions.values()
        if looking.track.name in looking.policy.beyond[transition.name]
    ]
    return any(looking.trace.pauses.over(run.key.mode, name, now, skew) for name in before)


def unended_says_so(looking: LivenessCheck) -> Iterator[str]:
    """A last phase that has reported no end in its time is told, unless a pause keeps that back (T10)."""
    run, transition, data = looking.track.run, looking.transition, looking.track.data
    within, since = transition.confirm.ended_within, data.get("dispatched_at")
    modes = [successor for successor in looking.policy.after(transition.starts) if run.key.mode in successor.expects]
    if (
        within is None
        or since is None
        or modes
        or looking.paused
        or looking.track.state not in ("dispatched", "confirmed")
    ):
        return
    late = looking.now - looking.trace.night.manner.skew >= since + within
    ended = any(
        report.phase == transition.starts and report.outcome != "started" and report.received >= since
        for report in run.heard
    )
    if late and not ended and not looking.trace.stands("not_ended", looking.track.where):
        yield f"unended_says_so: dispatched at {since}, no end of {transition.starts}, and nobody was told"


def what_is_over_is_said(looking: LivenessCheck) -> Iterator[str]:
    """What stood in the way of a trigger that has left is taken back."""
    track = looking.track
    if track.state not in ("dispatched", "confirmed") or track.held is not False or track.rejected:
        return
    left = max((grant.at for grant in track.grants.values()), default=looking.stage.true_now())
    left = max((leaving.at for leaving in track.leavings), default=left)
    # Who died while sending, or could not write what became of it, leaves a lease that others wait for.
    if looking.stage.true_now() - max(left, looking.stage.troubled_at) < OVER_FOR:
        return
    for kind in looking.trace.firing(track.where, ("due_warning", "due_critical", "on_hold")):
        if kind in _seen_over(looking):
            continue
        yield f"what_is_over_is_said: triggered at {left}, and {kind} stands"


def _seen_over(looking: LivenessCheck) -> set[str]:
    """Return the kinds of alerts whose end a sweep has seen just now: the next one believes it and tells it (A3)."""
    key, name = looking.track.run.key, looking.transition.name
    return {
        str(alert["kind"])
        for alert in looking.trace.alerts.values()
        if (alert["run"], alert["transition"]) == (key.id, name)
        and alert.get("ended_at") is not None
        and alert.get("resolved_at") is None
        and looking.now - alert["ended_at"] < OVER_FOR
    }
