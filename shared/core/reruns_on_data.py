"""When a phase may be asked to run again before it is due, because the data that it lacked has come (behaviour 9).

Reports are compared by their receipt: what was received after a processor's report, the processor had not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.calendar import is_expected
from shared.core.decision.decisions import Decision, Done
from shared.core.decision.explain import RerunNote
from shared.core.decision.next_moment import NextMoment
from shared.core.decision.snapshot import DecisionInput
from shared.core.lacks import Lack, lacking_now, may_repair, on_its_day, running
from shared.core.model import Completion, RepairLog, Run
from shared.core.policy.phases import Rerun
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from shared.core.repairs import asks_from
from shared.core.texts import amount, clock_time, names

Decided = tuple[DecisionInput, Decision]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The data that a rerun opens on: ``missing`` are those that are not done, each with the units that it lacks; once
    there are none, ``came_at`` is the receipt of the last report of it."""

    names: tuple[str, ...]
    missing: tuple[str, ...]
    came_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opening:
    """A phase that lacks something and whose rerun opens on data, at one moment.

    ``opens`` says from when on each missing processor may be asked, None where not before it is due. ``kept_back`` is
    what keeps it from being asked although it might be, "" where nothing does.
    """

    lack: Lack
    inputs: Inputs
    opens: Mapping[str, datetime | None]
    kept_back: str = ""

    def ready(self, now: datetime) -> tuple[str, ...]:
        """Return those that may be asked now."""
        if self.kept_back:
            return ()
        return tuple(name for name in self.lack.missing if (at := self.opens[name]) is not None and now >= at)


def opens_on_data(policy: Policy, phases: Iterable[str]) -> bool:
    """True if the rerun of any of these phases opens on data in some mode."""
    reruns = [policy.phases[phase].rerun for phase in phases if phase in policy.phases]
    return any(rerun is not None and rerun.opens_on for rerun in reruns)


def openings(policy: Policy, decided: Sequence[Decided], now: datetime) -> list[Opening]:
    """Return the phases of a run that lack something and whose rerun opens on data; ``decided`` is every transition of
    the run as it came to rest."""
    if not opens_on_data(policy, policy.phases):
        return []
    listed = []
    for lack in lacking_now([snapshot for snapshot, _ in decided], now):
        how = policy.phases[lack.phase].rerun
        inputs = None if how is None or not is_expected(lack.key, policy) else _inputs(how, lack, decided)
        if how is not None and inputs is not None:
            listed.append(_opening(policy, lack, how, inputs, decided))
    return listed


def merged(due: Lack | None, opening: Opening | None, now: datetime) -> Lack | None:
    """Return what is asked for now: what is due, and what is ready because its data has come; None if nothing is."""
    ready = () if opening is None else opening.ready(now)
    if opening is None or not ready:
        return due
    if due is None:
        return replace(opening.lack, missing=ready)
    return replace(opening.lack, missing=tuple(dict.fromkeys((*due.missing, *ready))))


def reason(policy: Policy, opening: Opening, now: datetime) -> str:
    """Return why what is ready is asked: `its data came at 07:30 EST (p2_boxscores)`."""
    assert opening.inputs.came_at is not None
    return f"its data came at {clock_time(policy, opening.inputs.came_at, now)} ({names(opening.inputs.names)})"


def moments(listed: Iterable[Opening], now: datetime) -> Iterator[datetime]:
    """Yield when the clock alone will let a phase be asked."""
    for opening in listed:
        yield from (at for at in opening.opens.values() if at is not None and at > now and not opening.kept_back)


def held_against(
    policy: Policy, opening: Opening, run: Run, completions: Mapping[str, Completion], now: datetime
) -> Opening:
    """Return an opening with what else keeps self-heal from asking (behaviour 9), as ``rerun`` asks it by itself."""
    if opening.kept_back:
        return opening
    if not may_repair(policy, run):
        return replace(opening, kept_back=f"not before the {policy.unit}s are final")
    if not on_its_day(policy, run, now) and run.key.mode not in policy.repaired_modes:
        return replace(opening, kept_back="its working day is over")
    if running(policy, run, opening.lack.phase, completions, now):
        return replace(opening, kept_back=f"{opening.lack.phase} is at work")
    return opening


def next_rerun(policy: Policy, opening: Opening, log: RepairLog, now: datetime) -> NextMoment | None:
    """Return when what waits for its data, and has it, is asked next; None where nothing is before it is due."""
    may = asks_from(log, policy.repairs)
    times = {name: at for name, at in opening.opens.items() if at is not None}
    if opening.kept_back or may is None or not times:
        return None
    first = min(times.values())
    text = f"{opening.lack.phase} is asked to run again for {names(name for name in times if times[name] == first)}"
    return NextMoment(f"{text}: {reason(policy, opening, now)}", "rerun", max(first, may))


def note(policy: Policy, opening: Opening, log: RepairLog, now: datetime) -> RerunNote:
    """Return what is to be said of an opening, as plain data with a sentence for people."""
    moment = next_rerun(policy, opening, log, now)
    evidence = {
        "phase": opening.lack.phase,
        "opens_on": list(opening.inputs.names),
        "waits_for": list(opening.inputs.missing),
        "came_at": _iso(opening.inputs.came_at),
        "opens": {name: _iso(at) for name, at in opening.opens.items()},
        "at": None if moment is None else _iso(moment.at),
        "kept_back": opening.kept_back,
        "asked": log.attempts,
        "text": _text(policy, opening, log, moment, now),
    }
    return RerunNote(evidence, moment)


def notes(
    policy: Policy,
    run: Run,
    decided: Sequence[Decided],
    completions: Mapping[str, Mapping[str, Completion]],
    now: datetime,
) -> dict[str, list[RerunNote]]:
    """Return, by transition, what is to be said of the reruns of what it waits for."""
    noted: dict[str, list[RerunNote]] = {}
    for opening in openings(policy, decided, now):
        phase = opening.lack.phase
        held = held_against(policy, opening, run, completions.get(phase, {}), now)
        of_phase = note(policy, held, run.repairs.get(phase, RepairLog()), now)
        for transition in opening.lack.transitions:
            noted.setdefault(transition, []).append(of_phase)
    return noted


def _inputs(how: Rerun, lack: Lack, decided: Sequence[Decided]) -> Inputs | None:
    """Return the data of a run's mode; None where none is named, or all of it is disabled."""
    listed: list[str] = []
    missing: list[str] = []
    received: list[datetime] = []
    for inputs in how.inputs(lack.key.mode):
        judge = next((snapshot for snapshot, _ in decided if inputs.phase in snapshot.transition.after), None)
        for name in inputs.processors:
            if judge is not None and judge.processors[name].disabled_on(lack.key.day):
                continue
            listed.append(name)
            at = None if judge is None else judge.seen.statuses.get(name)
            if judge is not None and at is not None and at.report is not None and name in judge.seen.done:
                received.append(at.report.received_at)
            else:
                missing += [name] if judge is None or at is None else judge.seen.described([name])
    if not listed:
        return None
    return Inputs(tuple(listed), tuple(missing), None if missing else max(received, default=None))


def _opening(policy: Policy, lack: Lack, how: Rerun, inputs: Inputs, decided: Sequence[Decided]) -> Opening:
    starting = policy.starting(lack.phase)
    start = next((pair for pair in decided if starting is not None and pair[0].transition.name == starting.name), None)
    opens = dict[str, datetime | None].fromkeys(lack.missing)
    if inputs.came_at is not None:
        # What others start may have been started by that very data.
        started_at = inputs.came_at if start is None else _started_at(start[0]) or inputs.came_at
        for name in lack.missing:
            opens[name] = _opens_at(inputs.came_at, _reported_at(name, lack, decided), started_at, how.grace)
    return Opening(lack, inputs, opens, "" if start is None else _not_begun(*start))


def _started_at(snapshot: DecisionInput) -> datetime | None:
    """Return when a phase was started last, None where others start it."""
    if snapshot.transition.dispatch.role is Role.OBSERVE:
        return None
    return snapshot.state.last_dispatched_at or snapshot.state.triggered_at


def _not_begun(snapshot: DecisionInput, decision: Decision) -> str:
    """Return why a phase may not be asked before it is due: it was not started, or may be started anew."""
    name, starts = snapshot.transition.name, snapshot.transition.starts
    if not snapshot.state.triggered:
        return f"{name} has not started {starts} yet"
    return "" if isinstance(decision, Done) else f"{name} is not done with {starts}"


def _reported_at(name: str, lack: Lack, decided: Sequence[Decided]) -> datetime | None:
    """Return the receipt of a missing processor's report, None where there is none but a `started`."""
    waiting = [snapshot for snapshot, _ in decided if snapshot.transition.name in lack.transitions]
    report = next(snapshot.seen.statuses[name].report for snapshot in waiting if name in snapshot.seen.missing)
    return None if report is None else report.received_at


def _opens_at(
    came_at: datetime, reported_at: datetime | None, started_at: datetime, grace: timedelta | None
) -> datetime | None:
    """Return when a processor may be asked: with the data where its report is older and nobody has started its phase
    since; else so long after the last of the three as it is given to report."""
    if reported_at is not None and reported_at < came_at and started_at < came_at:
        return came_at
    if grace is None:
        return None
    return max(came_at, started_at, reported_at or came_at) + grace


def _text(policy: Policy, opening: Opening, log: RepairLog, moment: NextMoment | None, now: datetime) -> str:
    phase, inputs = opening.lack.phase, opening.inputs
    if inputs.came_at is None:
        return f"{phase} is asked to run again once its data has come: waits for {', '.join(inputs.missing)}"
    came = reason(policy, opening, now)
    again = ""
    if moment is not None and moment.at is not None:
        again = "with the next sweep" if moment.at <= now else f"at {clock_time(policy, moment.at, now)}"
    if log.accepted_at is not None and log.accepted_at >= inputs.came_at:
        asked = f"{phase} was asked to run again at {clock_time(policy, log.accepted_at, now)} for {names(log.asked)}"
        return f"{asked}: {came}" + (f"; it is asked again {again}" if again else "")
    if moment is not None:
        return f"{moment.text}; {again}"
    if opening.kept_back:
        return f"{phase} is not asked to run again before it is due: {opening.kept_back}; {came}"
    if log.attempts >= policy.repairs.max_attempts:
        return f"{phase} was asked {amount(log.attempts, 'time')}, and is not asked again; {came}"
    return f"{phase} is asked to run again when it is due: {came}, before what is missing reported"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
