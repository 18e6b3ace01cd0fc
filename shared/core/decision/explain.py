"""Why a transition decides as it does: a tree of evidence as data, and the same as text (design: explain)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.core.calendar import due_at, is_expected, not_expected
from shared.core.decision import gates
from shared.core.decision.completeness import Completeness, ProcessorStatus, Status
from shared.core.decision.decisions import (
    Blocked,
    Confirm,
    Decision,
    Done,
    Doubt,
    EmptyOk,
    Held,
    Proven,
    Read,
    Trigger,
    Wait,
)
from shared.core.decision.gates import Fit, Unchecked, Unfit
from shared.core.decision.learned_times import learned_evidence
from shared.core.decision.next_moment import NextMoment, next_moment, next_text
from shared.core.decision.pause import paused_text
from shared.core.decision.refresh import refresh_until
from shared.core.decision.silence import end_expected_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.state_changes import resting_state
from shared.core.decision.unproven import again_at
from shared.core.model import Lane, State
from shared.core.texts import amount, clock_time, day_time


@dataclass(frozen=True, slots=True)
class RerunNote:
    """What is to be said of a phase that may be asked to run again before it is due; ``moment`` is when, None where
    that is not known. ``evidence`` has a ``text``."""

    evidence: Mapping[str, Any]
    moment: NextMoment | None


@dataclass(frozen=True)
class Explanation:
    """``state`` is the word of behaviour 1 (or `not_open`); ``evidence`` is plain data, ready for JSON."""

    state: str
    done: frozenset[str]
    missing: tuple[str, ...]
    reason: str
    evidence: dict[str, Any]
    text: str


def explain(
    snapshot: DecisionInput, decision: Decision, now: datetime, as_of: str = "", reruns: Sequence[RerunNote] = ()
) -> Explanation:
    """Explain a decision by everything it was made from; ``as_of`` says what it is known from where ``now`` is not the
    present moment, ``reruns`` what self-heal will ask for before it is due."""
    completeness = snapshot.seen
    state = state_name(snapshot, decision)
    reason = reason_of(snapshot, decision)
    evidence = {
        "run": snapshot.key.id,
        "transition": snapshot.transition.name,
        "at": now.isoformat(),
        "as_of": as_of,
        "state": state,
        "decision": type(decision).__name__.lower(),
        "reason": reason,
        "next": _next(snapshot, decision, now, [rerun.moment for rerun in reruns if rerun.moment is not None]),
        "units": None if snapshot.units is None else snapshot.units.total,
        "opened_at": _iso(completeness.opened_at),
        "done": sorted(completeness.done),
        "missing": list(completeness.missing),
        "processors": [
            _processor(snapshot, completeness.statuses[name], name in completeness.required)
            for name in _ordered(completeness)
        ],
        "times": _times(snapshot, completeness, now),
        "gates": _gates(snapshot, completeness),
        "preflight": _preflight(snapshot),
        "pause": _pause(snapshot, now),
        "reruns": [rerun.evidence for rerun in reruns],
        "trigger": _trigger(snapshot),
        "unproven": _unproven(snapshot),
        "operator": [
            {"verb": act.verb, "by": act.by, "reason": act.reason, "at": act.at.isoformat()}
            for act in snapshot.state.acts
        ],
    }
    text = _render(snapshot, evidence, completeness, now)
    return Explanation(state, completeness.done, completeness.missing, reason, evidence, text)


def state_name(snapshot: DecisionInput, decision: Decision) -> str:
    """Return the state as a word: that of a trigger, else what is decided now; of a closed run what it had."""
    if snapshot.state.state in (State.CLAIMED, State.DISPATCHED, State.CONFIRMED, State.OBSERVED):
        return snapshot.state.state.value
    match decision:
        case Done() if snapshot.closed:
            empty = snapshot.empty and snapshot.state.state is State.WAITING
            return State.EMPTY_OK.value if empty else snapshot.state.state.value
        case Trigger() if snapshot.state.failure is not None:
            return State.BLOCKED.value
        case _:
            return resting_state(decision).value


def reason_of(snapshot: DecisionInput, decision: Decision) -> str:
    """Return one sentence for a decision."""
    match decision:
        case Wait(reason) | Done(reason):
            return reason
        case Blocked(reasons):
            return "blocked: " + "; ".join(f"{name}: {text}" for name, text in reasons.items())
        case Held(_, text):
            return f"held: {text}"
        case Trigger(plan):
            failure = snapshot.state.failure
            failed = "" if failure is None else f"; {failure.count} dispatches failed, the last: {failure.text}"
            return f"triggers now by {plan.reason}{failed}"
        case Confirm():
            return f"{snapshot.transition.starts} has begun"
        case Proven(by):
            return f"{by} is at work on it" if by else f"{snapshot.transition.starts} has begun"
        case Doubt(_, text):
            return f"the outcome of its call is unknown: {text}"
        case EmptyOk():
            return "the date has no units: nothing is expected"
        case Read(readings):
            return f"has to read {readings} first"


def _next(snapshot: DecisionInput, decision: Decision, now: datetime, others: Iterable[NextMoment]) -> dict[str, Any]:
    moment = next_moment(snapshot, decision, now, others)
    return {
        "name": moment.name,
        "at": _iso(moment.at),
        "text": moment.text,
        "sentence": next_text(snapshot.policy, moment, now),
    }


def _ordered(completeness: Completeness) -> list[str]:
    return sorted(completeness.expected, key=lambda name: (name not in completeness.required, name))


def _processor(snapshot: DecisionInput, at: ProcessorStatus, required: bool) -> dict[str, Any]:
    report = at.report
    disabled = snapshot.processors[at.processor].disabled
    return {
        "name": at.processor,
        "required": required,
        "standing": at.status.value,
        "records": None if report is None else report.records,
        "floor": at.min_records,
        "ended_at": None if report is None else report.occurred_at.isoformat(),
        "error": report.error if report is not None and at.status is Status.FAILED else "",
        "note": _note(at),
        "missing_units": [] if at.shortfall is None else list(at.shortfall.names),
        "disabled": disabled.reason if disabled is not None else "",
    }


def _note(at: ProcessorStatus) -> str:
    if at.shortfall is not None:
        return at.shortfall.text
    if at.nothing_to_do:
        return "nothing to do"
    return "counter missing" if at.counter_missing else ""


def _times(snapshot: DecisionInput, completeness: Completeness, now: datetime) -> list[dict[str, Any]]:
    """Return tiers, deadline and due times with what each of them wants."""
    times: list[dict[str, Any]] = []
    expectation, since, learned = snapshot.expectation, snapshot.clock_from, learned_evidence(snapshot)
    for number, tier in enumerate(expectation.tiers, start=1):
        wants = (
            f"{min(tier.at_least, len(completeness.expected))} of {len(completeness.expected)} and every required one"
        )
        at = since + tier.after if since else None
        times.append(_time(f"tier_{number}", wants, at, now))
    if expectation.deadline is not None:
        at = since + expectation.deadline.after if since else None
        times.append(_time("deadline", expectation.deadline.then.value.replace("_", " "), at, now))
    if expectation.due is not None:
        for name, clock in (("due_warning", expectation.due.warning), ("due_critical", expectation.due.critical)):
            at = due_at(snapshot.key, clock, snapshot.policy)
            if at is not None:
                times.append(_time(name, "a person is told", at, now))
    for entry in times:
        entry["learned"] = learned.get(entry["name"])
    key, policy = snapshot.key, snapshot.policy
    if expectation.due is not None and key.lane is Lane.LIVE and not is_expected(key, policy):
        why = not_expected(key, policy)
        times.append(_time("no_due", f"nobody is told: {why}", None, now))
    if expectation.no_due:
        times.append(_time("no_due", f"nobody is told: {expectation.because}", None, now))
    ended_by = end_expected_at(snapshot)
    if ended_by is not None:
        times.append(_time("ended_within", f"{snapshot.transition.starts} reports its end", ended_by, now))
    until = refresh_until(snapshot)
    if until is not None:
        times.append(_time("refresh_until", "better data triggers again", until, now))
    return times


def _time(name: str, wants: str, at: datetime | None, now: datetime) -> dict[str, Any]:
    return {"name": name, "wants": wants, "at": _iso(at), "passed": at is not None and now >= at, "learned": None}


def _gates(snapshot: DecisionInput, completeness: Completeness) -> list[dict[str, Any]]:
    """Return each gate with its verdict, if everything it needs was read, or with what was read at the trigger."""
    readings = snapshot.state.accepted_plan.readings if snapshot.state.accepted_plan is not None else {}
    shown = []
    for gate in snapshot.gates:
        missing = gates.wanted((gate,), completeness, snapshot.readings)
        if missing:
            blocked = snapshot.state.blocked.get(gate.name)
            text = blocked.text if blocked is not None else readings.get(gate.name, "not read")
            shown.append({"name": gate.name, "verdict": "block" if blocked else "", "text": text})
        else:
            result = gates.evaluate((gate,), snapshot.processors, completeness, snapshot.readings)[0]
            shown.append({"name": gate.name, "verdict": result.verdict.value, "text": result.text})
    return shown


def _preflight(snapshot: DecisionInput) -> dict[str, Any] | None:
    name = snapshot.transition.preflight
    if name is None:
        return None
    match snapshot.readings.fitness:
        case Unfit(text):
            return {"service": name, "verdict": "unfit", "text": text}
        case Unchecked(text):
            return {"service": name, "verdict": "unchecked", "text": text}
        case Fit(note):
            return {"service": name, "verdict": "fit", "text": note or f"{name} is ready"}
        case None:
            blocked = snapshot.state.blocked.get(name)
            text = "not asked" if blocked is None else blocked.text
            return {"service": name, "verdict": "" if blocked is None else "unfit", "text": text}


def _pause(snapshot: DecisionInput, now: datetime) -> dict[str, Any] | None:
    """Return the pause in force, even where an operator's trigger passes it (behaviour T8)."""
    pause = snapshot.pause(now)
    if pause is None:
        return None
    return {
        "id": pause.id,
        "scope": pause.scope,
        "since": pause.begins_at.isoformat(),
        "until": _iso(pause.over_at),
        "by": "the policy" if pause.planned else pause.by,
        "reason": pause.reason,
        "text": paused_text(snapshot.policy, pause),
    }


def _trigger(snapshot: DecisionInput) -> dict[str, Any] | None:
    state, plan = snapshot.state, snapshot.state.accepted_plan
    if plan is None:
        return None
    return {
        "trigger_id": snapshot.key.trigger_id(snapshot.transition.name, plan.generation),
        "generation": plan.generation,
        "reason": plan.reason,
        "degraded": plan.degraded,
        "missing": list(plan.missing),
        "completed": sorted(plan.completed),
        "dispatches": state.dispatches,
        "answers": dict(plan.answers),
        "dispatched_at": _iso(state.dispatched_at),
        "confirmed_at": _iso(state.confirmed_at),
    }


def _unproven(snapshot: DecisionInput) -> dict[str, Any] | None:
    call = snapshot.state.unproven
    if call is None:
        return None
    return {
        "trigger_id": snapshot.key.trigger_id(snapshot.transition.name, snapshot.state.generation),
        "since": call.since.isoformat(),
        "last_at": call.last_at.isoformat(),
        "calls": call.calls,
        "why": call.text,
        "again_at": again_at(snapshot, call).isoformat(),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _as_of(snapshot: DecisionInput, evidence: dict[str, Any], now: datetime) -> str:
    """Name the time that is spoken of, with its date, and what it is known from."""
    source = f"from {evidence['as_of']}" if evidence["as_of"] else "now"
    return f"{day_time(snapshot.policy, now)}, {source}"


def _render(snapshot: DecisionInput, evidence: dict[str, Any], completeness: Completeness, now: datetime) -> str:
    """Return the evidence as a person reads it."""

    def when(text: str | None) -> str:
        return "-" if text is None else clock_time(snapshot.policy, datetime.fromisoformat(text), now)

    lines = [
        f"{evidence['run']} {evidence['transition']}: {evidence['state']}",
        f"  as of: {_as_of(snapshot, evidence, now)}",
        f"  {evidence['reason']}",
        f"  next:  {evidence['next']['sentence']}",
        f"  {len(completeness.done)} of {len(completeness.expected)} done"
        + (f", first counted {when(evidence['opened_at'])}" if evidence["opened_at"] else "")
        + (f", {evidence['units']} units" if evidence["units"] is not None else ""),
    ]
    for processor in evidence["processors"]:
        count = "" if processor["records"] is None else f" {amount(processor['records'], 'record')}"
        floor = f" (at least {processor['floor']})" if processor["floor"] else ""
        kind = "required" if processor["required"] else "optional"
        extra = " ".join(text for text in (processor["note"], processor["error"]) if text)
        lines.append(
            f"    {processor['name']:<32} {kind:<9} {processor['standing']:<14}{count}{floor} {extra}".rstrip()
        )
    for entry in evidence["times"]:
        lines.append(
            f"    {entry['name']:<14} {when(entry['at']):<14} {entry['wants']}{' (passed)' if entry['passed'] else ''}"
            + (f"; {entry['learned']['text']}" if entry["learned"] else "")
        )
    lines += [f"    gate {gate['name']:<24} {gate['verdict']:<6} {gate['text']}" for gate in evidence["gates"]]
    if evidence["preflight"]:
        lines.append(f"    preflight {evidence['preflight']['service']}: {evidence['preflight']['text']}")
    lines += [
        f"    {act['verb']} {when(act['at'])} by {act['by'] or 'an operator'}: {act['reason']}"
        for act in evidence["operator"]
    ]
    lines += [f"    {rerun['text']}" for rerun in evidence["reruns"]]
    if evidence["pause"] is not None and evidence["pause"]["text"] != evidence["reason"]:
        lines.append(f"    {evidence['pause']['text']}")
    sent = evidence["trigger"]
    if sent:
        lines.append(
            f"    triggered {when(sent['dispatched_at'])} by {sent['reason']} as {sent['trigger_id']}"
            + (f", degraded without {', '.join(sent['missing'])}" if sent["degraded"] else "")
            + (f", confirmed {when(sent['confirmed_at'])}" if sent["confirmed_at"] else "")
        )
    return "\n".join(lines)
