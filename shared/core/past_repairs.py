"""What of the past is repaired, in the backfill lane, and what people hear of it (behaviour 9).

Whether a date is repaired is decided by its live run, as it closed; who is asked, by what the backfill run of the date
still misses. The attempts of both lanes are one budget: that of the live run's log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.core import commands, repairs
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.closing import never_triggered
from shared.core.decision.snapshot import DecisionInput
from shared.core.lacks import GRACE, Lack
from shared.core.model import RepairLog, Run, RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.texts import amount, clock_time, names, say
from shared.core.wire.answers import Means

REACH = timedelta(days=14)
# How long nothing of the past is looked at where nothing can be done.
EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PastLack:
    """A phase of a closed live run that is lacking still.

    ``lack`` is of the backfill run: what is asked for; ``live_lack`` what the live run closed without, by which the
    detector is judged; ``busy`` is true while the phase may be at work.
    """

    run: Run
    lack: Lack
    live_lack: Lack
    busy: bool = False

    @property
    def log(self) -> RepairLog:
        return self.run.repairs.get(self.lack.phase, RepairLog())

    @property
    def tried(self) -> bool:
        """True once the phase was called in the backfill lane: what its log says of a call is said of that."""
        return (
            self.log.last_at is not None and self.run.closed_at is not None and self.log.last_at >= self.run.closed_at
        )


def dates(policy: Policy, now: datetime) -> list[date]:
    """Return the dates that repairs reach back to, oldest first."""
    today = policy.local(now).date()
    return [today - timedelta(days=number) for number in range(REACH.days, 0, -1)]


def may_lack(run: Run, states: Iterable[TransitionState]) -> bool:
    """True for a closed run of a date that had units when it closed, of which a transition never went."""
    had_units = run.units is None or run.units.total != 0
    return run.closed_at is not None and had_units and any(not state.triggered for state in states)


def lacking(
    policy: Policy, live: Mapping[str, DecisionInput], past: Mapping[str, DecisionInput], now: datetime
) -> dict[str, tuple[Lack, Lack]]:
    """Return, by phase, what is missing in the live run, and who in the backfill run.

    ``live`` and ``past`` are the transitions of both runs. A phase that was not started, because its starting
    transition waits for another that can be repaired, or is blocked or held, is left out: a repair never goes around
    a gate. So is one whose transition, or whose start, is paused (behaviour T8).
    """
    lacks: dict[str, tuple[Lack, Lack]] = {}
    for name, closed in live.items():
        again = past[name]
        if not _is_lacking(closed) or not _is_lacking(again) or again.pause(now) is not None:
            continue
        for phase in dict.fromkeys(closed.processors[name].phase for name in closed.seen.missing):
            pair = lacks.get(phase) or (_none(closed.key, phase), _none(again.key, phase))
            lacks[phase] = (_with(pair[0], closed, closed.seen.missing), _with(pair[1], again, again.seen.missing))
    can_be_asked = {phase for phase, (_, lack) in lacks.items() if policy.phases[phase].rerun and lack.missing}
    return {
        phase: pair
        for phase, pair in lacks.items()
        if phase in can_be_asked and not _kept_back(policy, phase, live, past, can_be_asked, now)
    }


def _none(key: RunKey, phase: str) -> Lack:
    return Lack(key, phase, (), (), frozenset())


def _with(lack: Lack, snapshot: DecisionInput, missing: Iterable[str]) -> Lack:
    own = {name for name, processor in snapshot.processors.items() if processor.phase == lack.phase}
    return replace(
        lack,
        transitions=(*lack.transitions, snapshot.transition.name),
        missing=tuple(dict.fromkeys((*lack.missing, *(name for name in missing if name in own)))),
        expected=lack.expected | (own & frozenset(snapshot.seen.expected)),
    )


def _is_lacking(snapshot: DecisionInput) -> bool:
    """True for a transition that never went, is not held, was not overtaken, and of which a processor is missing."""
    state = snapshot.state
    untouched = never_triggered(snapshot) and state.state is not State.CLAIMED and state.hold is None
    return untouched and snapshot.next_report_at is None and bool(snapshot.seen.missing)


def _kept_back(
    policy: Policy,
    phase: str,
    live: Mapping[str, DecisionInput],
    past: Mapping[str, DecisionInput],
    asked: Iterable[str],
    now: datetime,
) -> bool:
    starting = policy.starting(phase)
    if starting is None or starting.name not in live:
        return False
    before = live[starting.name], past[starting.name]
    if any(earlier.state.triggered for earlier in before):
        return False
    stopped = any(
        earlier.state.state in (State.BLOCKED, State.HELD) or earlier.pause(now) is not None for earlier in before
    )
    return stopped or not frozenset(starting.after).isdisjoint(asked)


def just_started(policy: Policy, phase: str, past: Mapping[str, DecisionInput], now: datetime) -> bool:
    """True while a phase that the backfill run has started may be at work: it is not asked meanwhile."""
    starting = policy.starting(phase)
    state = past[starting.name].state if starting is not None and starting.name in past else None
    if state is None or not state.triggered:
        return False
    began = state.unproven.last_at if state.unproven is not None else state.last_dispatched_at
    return began is not None and now - began <= policy.repairs.cooldown + GRACE


def next_to_ask(policy: Policy, listed: Iterable[PastLack], now: datetime, *, force: bool = False) -> PastLack | None:
    """Return whom to ask now: the oldest date that was not tried in vain, then the oldest whose call may be repeated.

    So a date that nobody can repair never keeps the others from it (behaviour T9).
    """
    allowed = [
        past_lack
        for past_lack in listed
        if not past_lack.busy
        and not refusal(policy, past_lack)
        and (force or repairs.may_ask(past_lack.log, policy.repairs, now))
    ]
    return min(
        allowed,
        key=lambda past_lack: (past_lack.tried and past_lack.log.failure is not None, past_lack.lack.key),
        default=None,
    )


def refusal(policy: Policy, lack: PastLack) -> str:
    """Return why the detector is not believed, which looked at the live run; "" where it is."""
    return repairs.refusal(policy, lack.live_lack)


def moments(policy: Policy, listed: Iterable[PastLack], now: datetime) -> list[datetime]:
    """Return when the clock alone may allow another call, or bring something to be told."""
    cooldown, times = policy.repairs.cooldown, [now + EVERY]
    for past_lack in listed:
        log = past_lack.log
        times += [log.last_at + cooldown] if log.last_at is not None else []
        times += [log.failure.retry_at] if log.failure is not None else []
        times += [log.accepted_at + cooldown + GRACE + timedelta(seconds=1)] if log.accepted_at is not None else []
    return [at for at in times if at > now]


def conditions(policy: Policy, listed: list[PastLack], now: datetime) -> Iterator[Condition]:
    """Yield what a person must know of the repairs of the past, under the pipeline: they are self-heal's own.

    What a service answers to several dates is one alert a day; what came of two accepted repairs is told date by date.
    """
    for phase in dict.fromkeys(past_lack.lack.phase for past_lack in listed):
        of_phase = [past_lack for past_lack in listed if past_lack.lack.phase == phase]
        yield from _refused(policy, [past_lack for past_lack in of_phase if refusal(policy, past_lack)], now)
        failing = [past_lack for past_lack in of_phase if past_lack.tried and past_lack.log.failure is not None]
        faults = [
            past_lack
            for past_lack in failing
            if past_lack.log.failure is not None and past_lack.log.failure.verdict == Means.REFUSED
        ]
        yield from _failed(policy, faults, now, is_fault=True)
        yield from _failed(policy, [past_lack for past_lack in failing if past_lack not in faults], now, is_fault=False)
        for past_lack in of_phase:
            yield from _in_vain(policy, past_lack, now)


def repaired(policy: Policy, run: Run, past: Mapping[str, DecisionInput]) -> Iterator[Condition]:
    """Yield that a repair of a closed run brought what it was to bring: the backfill run went on."""
    for phase, log in run.repairs.items():
        called = log.accepted_at
        if called is None or run.closed_at is None or called < run.closed_at:
            continue
        went = [
            snapshot for snapshot in past.values() if phase in snapshot.transition.after and snapshot.state.triggered
        ]
        if went:
            gone_on = names(snapshot.transition.name for snapshot in went)
            what = f"{phase} repaired after the run had closed; {gone_on} went on in the backfill lane"
            text = say(run.key.id, "", what)
            subject = f"{run.key.day}/{run.key.mode}/{phase}"
            yield Condition(AlertKind.PAST_REPAIRED, Severity.INFO, policy.pipeline, "", subject, text)


def _refused(policy: Policy, listed: list[PastLack], now: datetime) -> Iterator[Condition]:
    if listed:
        oldest = listed[0]
        what = f"no repair of {oldest.lack.phase} for {_dates(listed)}: {refusal(policy, oldest)}"
        explain = commands.explain(oldest.live_lack.transitions[0], oldest.live_lack.key)
        do = f"see why so many are missing at once: {explain}"
        yield _of_day(policy, AlertKind.PAST_REPAIR_REFUSED, Severity.WARNING, oldest, what, "", do, now)


def _failed(policy: Policy, listed: list[PastLack], now: datetime, *, is_fault: bool) -> Iterator[Condition]:
    if not listed:
        return
    oldest, phase = listed[0], listed[0].lack.phase
    failure = oldest.log.failure
    assert failure is not None
    if is_fault:
        what = f"repair of {phase} for {_dates(listed)} refused: {failure.text}"
        again = commands.rerun(phase, oldest.lack.key, "what refused it is repaired")
        do = f"correct phases.{phase}.rerun or its service, then: {again}"
        yield _of_day(policy, AlertKind.PAST_REPAIR_FAULT, Severity.CRITICAL, oldest, what, "", do, now)
    else:
        what = f"repair of {phase} for {_dates(listed)} not accepted: {failure.text}"
        then = f"the oldest is asked again at {clock_time(policy, failure.retry_at, now)}"
        yield _of_day(
            policy, AlertKind.PAST_REPAIR_NOT_TAKEN, Severity.WARNING, oldest, what, then, "look at its service", now
        )


def _in_vain(policy: Policy, past_lack: PastLack, now: datetime) -> Iterator[Condition]:
    if not past_lack.tried:
        return
    text = repairs.in_vain(policy, past_lack.lack, past_lack.log, now) or _spent(policy, past_lack, now)
    if text:
        again = commands.rerun(past_lack.lack.phase, past_lack.lack.key, "what kept it from working is repaired")
        do = f"look at {names(past_lack.lack.missing)}, then: {again}"
        key = past_lack.live_lack.key
        subject = f"{key.day}/{key.mode}/{past_lack.lack.phase}"
        message = say(key.id, "", text, "", do)
        yield Condition(AlertKind.PAST_REPAIR_IN_VAIN, Severity.WARNING, policy.pipeline, "", subject, message)


def _spent(policy: Policy, past_lack: PastLack, now: datetime) -> str:
    """Return what is missing still once no repair is left, and the last had its time; "" before."""
    log, at = past_lack.log, past_lack.log.accepted_at
    if at is None or log.attempts < policy.repairs.max_attempts or now - at <= policy.repairs.cooldown + GRACE:
        return ""
    last = clock_time(policy, at, now)
    asked = f"{amount(log.attempts, 'repair')} of {past_lack.lack.phase} accepted, the last at {last}"
    return f"{asked}, and no other follows: still missing are {names(past_lack.lack.missing)}, {log.answer}"


def _of_day(
    policy: Policy, kind: AlertKind, severity: Severity, oldest: PastLack, what: str, then: str, do: str, now: datetime
) -> Condition:
    subject = f"{oldest.lack.phase}/{policy.local(now).date()}"
    text = say(policy.pipeline, "", what, then, do)
    return Condition(kind, severity, policy.pipeline, "", subject, text)


def _dates(listed: list[PastLack]) -> str:
    """Return `2026-01-12 overnight and 2 more dates`."""
    first = listed[0].live_lack.key
    more = len({past_lack.live_lack.key for past_lack in listed}) - 1
    return f"{first.day} {first.mode}" + (f" and {amount(more, 'more date')}" if more else "")
