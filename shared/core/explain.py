"""Why a transition decides as it does: a tree of evidence as data, and the same as text (design: explain)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.core import gates
from shared.core.calendar import due_at, is_expected, not_expected
from shared.core.decision import (
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
from shared.core.gates import Fit, Unchecked, Unfit
from shared.core.model import Lane, State
from shared.core.pause import paused_text
from shared.core.refresh import refresh_until
from shared.core.silence import end_expected_at
from shared.core.situation import Situation
from shared.core.standing import Picture, Standing, Word
from shared.core.texts import amount, clock_time
from shared.core.unproven import again_at


@dataclass(frozen=True)
class Explanation:
    """``state`` is the word of behaviour 1 (or `not_open`); ``evidence`` is plain data, ready for JSON."""

    state: str
    done: frozenset[str]
    missing: tuple[str, ...]
    reason: str
    evidence: dict[str, Any]
    text: str


def explain(situation: Situation, decision: Decision, now: datetime, as_of: str = "") -> Explanation:
    """Explain a decision by everything it was made from; ``as_of`` says what it is known from where ``now`` is not the
    present moment."""
    seen = situation.seen
    state = word(situation, decision)
    reason = reason_of(situation, decision)
    evidence = {
        "run": situation.key.id,
        "transition": situation.transition.name,
        "at": now.isoformat(),
        "as_of": as_of,
        "state": state,
        "decision": type(decision).__name__.lower(),
        "reason": reason,
        "units": None if situation.units is None else situation.units.total,
        "opened_at": _iso(seen.opened_at),
        "done": sorted(seen.done),
        "missing": list(seen.missing),
        "processors": [_processor(situation, seen.standings[name], name in seen.required) for name in _ordered(seen)],
        "times": _times(situation, seen, now),
        "gates": _gates(situation, seen),
        "preflight": _preflight(situation),
        "pause": _pause(situation, now),
        "trigger": _trigger(situation),
        "unproven": _unproven(situation),
        "operator": [
            {"verb": act.verb, "by": act.by, "reason": act.reason, "at": act.at.isoformat()}
            for act in situation.state.acts
        ],
    }
    text = _render(situation, evidence, seen, now)
    return Explanation(state, seen.done, seen.missing, reason, evidence, text)


def word(situation: Situation, decision: Decision) -> str:
    """Return the state as a word: what stands of a trigger, else what is decided now; of a closed run what it had."""
    if situation.state.state in (State.CLAIMED, State.DISPATCHED, State.CONFIRMED, State.OBSERVED):
        return situation.state.state.value
    match decision:
        case Done() if situation.closed:
            empty = situation.empty and situation.state.state is State.WAITING
            return State.EMPTY_OK.value if empty else situation.state.state.value
        case Blocked():
            return State.BLOCKED.value
        case Trigger() if situation.state.failure is not None:
            return State.BLOCKED.value
        case Held():
            return State.HELD.value
        case EmptyOk():
            return State.EMPTY_OK.value
        case _:
            return State.WAITING.value


def reason_of(situation: Situation, decision: Decision) -> str:
    """Return one sentence for a decision."""
    match decision:
        case Wait(reason) | Done(reason):
            return reason
        case Blocked(reasons):
            return "blocked: " + "; ".join(f"{name}: {text}" for name, text in reasons.items())
        case Held(_, text):
            return f"held: {text}"
        case Trigger(plan):
            failure = situation.state.failure
            failed = "" if failure is None else f"; {failure.count} dispatches failed, the last: {failure.text}"
            return f"triggers now by {plan.reason}{failed}"
        case Confirm():
            return f"{situation.transition.starts} has begun"
        case Proven(by):
            return f"{by} is at work on it" if by else f"{situation.transition.starts} has begun"
        case Doubt(_, text):
            return f"the outcome of its call is unknown: {text}"
        case EmptyOk():
            return "the date has no units: nothing is expected"
        case Read(wanted):
            return f"has to read {wanted} first"


def _ordered(seen: Picture) -> list[str]:
    return sorted(seen.expected, key=lambda name: (name not in seen.required, name))


def _processor(situation: Situation, at: Standing, required: bool) -> dict[str, Any]:
    report = at.report
    disabled = situation.processors[at.processor].disabled
    return {
        "name": at.processor,
        "required": required,
        "standing": at.word.value,
        "records": None if report is None else report.records,
        "floor": at.floor,
        "ended_at": None if report is None else report.occurred_at.isoformat(),
        "error": report.error if report is not None and at.word is Word.FAILED else "",
        "note": _note(at),
        "missing_units": [] if at.shortfall is None else list(at.shortfall.names),
        "disabled": disabled.reason if disabled is not None else "",
    }


def _note(at: Standing) -> str:
    if at.shortfall is not None:
        return at.shortfall.text
    if at.nothing_to_do:
        return "nothing to do"
    return "counter missing" if at.counter_missing else ""


def _times(situation: Situation, seen: Picture, now: datetime) -> list[dict[str, Any]]:
    """Return tiers, deadline and due times with what each of them wants."""
    times: list[dict[str, Any]] = []
    expectation, since = situation.expectation, situation.clock_from
    for number, tier in enumerate(expectation.tiers, start=1):
        wants = f"{min(tier.at_least, len(seen.expected))} of {len(seen.expected)} and every required one"
        at = since + tier.after if since else None
        times.append(_time(f"tier_{number}", wants, at, now))
    if expectation.deadline is not None:
        at = since + expectation.deadline.after if since else None
        times.append(_time("deadline", expectation.deadline.then.value.replace("_", " "), at, now))
    if expectation.due is not None:
        for name, clock in (("due_warning", expectation.due.warning), ("due_critical", expectation.due.critical)):
            at = due_at(situation.key, clock, situation.policy)
            if at is not None:
                times.append(_time(name, "a person is told", at, now))
    key, policy = situation.key, situation.policy
    if expectation.due is not None and key.lane is Lane.LIVE and not is_expected(key, policy):
        why = not_expected(key, policy)
        times.append(_time("no_due", f"nobody is told: {why}", None, now))
    if expectation.no_due:
        times.append(_time("no_due", f"nobody is told: {expectation.because}", None, now))
    ended_by = end_expected_at(situation)
    if ended_by is not None:
        times.append(_time("ended_within", f"{situation.transition.starts} reports its end", ended_by, now))
    until = refresh_until(situation)
    if until is not None:
        times.append(_time("refresh_until", "better data triggers again", until, now))
    return times


def _time(name: str, wants: str, at: datetime | None, now: datetime) -> dict[str, Any]:
    return {"name": name, "wants": wants, "at": _iso(at), "passed": at is not None and now >= at}


def _gates(situation: Situation, seen: Picture) -> list[dict[str, Any]]:
    """Return each gate with its verdict, if everything it needs was read, or with what was read at the trigger."""
    said = situation.state.carried.readings if situation.state.carried is not None else {}
    shown = []
    for gate in situation.gates:
        missing = gates.wanted((gate,), situation.processors, seen, situation.readings)
        if missing:
            blocked = situation.state.blocked.get(gate.name)
            text = blocked.text if blocked is not None else said.get(gate.name, "not read")
            shown.append({"name": gate.name, "verdict": "block" if blocked else "", "text": text})
        else:
            result = gates.evaluate((gate,), situation.processors, seen, situation.readings)[0]
            shown.append({"name": gate.name, "verdict": result.verdict.value, "text": result.text})
    return shown


def _preflight(situation: Situation) -> dict[str, Any] | None:
    name = situation.transition.preflight
    if name is None:
        return None
    match situation.readings.fitness:
        case Unfit(text):
            return {"service": name, "verdict": "unfit", "text": text}
        case Unchecked(text):
            return {"service": name, "verdict": "unchecked", "text": text}
        case Fit(note):
            return {"service": name, "verdict": "fit", "text": note or f"{name} is ready"}
        case None:
            blocked = situation.state.blocked.get(name)
            text = "not asked" if blocked is None else blocked.text
            return {"service": name, "verdict": "" if blocked is None else "unfit", "text": text}


def _pause(situation: Situation, now: datetime) -> dict[str, Any] | None:
    """Return the pause in force, also where an operator's trigger goes through it (behaviour T8)."""
    pause = situation.pause(now)
    if pause is None:
        return None
    return {
        "id": pause.id,
        "scope": pause.scope,
        "since": pause.begins_at.isoformat(),
        "until": _iso(pause.over_at),
        "by": "the policy" if pause.planned else pause.by,
        "reason": pause.reason,
        "text": paused_text(situation.policy, pause),
    }


def _trigger(situation: Situation) -> dict[str, Any] | None:
    state, plan = situation.state, situation.state.carried
    if plan is None:
        return None
    return {
        "trigger_id": situation.key.trigger_id(situation.transition.name, plan.generation),
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


def _unproven(situation: Situation) -> dict[str, Any] | None:
    call = situation.state.unproven
    if call is None:
        return None
    return {
        "trigger_id": situation.key.trigger_id(situation.transition.name, situation.state.generation),
        "since": call.since.isoformat(),
        "last_at": call.last_at.isoformat(),
        "calls": call.calls,
        "why": call.text,
        "again_at": again_at(situation, call).isoformat(),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _as_of(situation: Situation, evidence: dict[str, Any], now: datetime) -> str:
    """Name the time that is spoken of, with its date: whoever asks about another day must see that it is one."""
    if not evidence["as_of"]:
        return ""
    local = situation.policy.local(now)
    return f" as of {local:%Y-%m-%d %H:%M} {local.tzname()}, from {evidence['as_of']}"


def _render(situation: Situation, evidence: dict[str, Any], seen: Picture, now: datetime) -> str:
    """Return the evidence as a person reads it."""

    def when(text: str | None) -> str:
        return "-" if text is None else clock_time(situation.policy, datetime.fromisoformat(text), now)

    lines = [
        f"{evidence['run']} {evidence['transition']}: {evidence['state']}{_as_of(situation, evidence, now)}",
        f"  {evidence['reason']}",
        f"  {len(seen.done)} of {len(seen.expected)} done"
        + (f", first counted {when(evidence['opened_at'])}" if evidence["opened_at"] else "")
        + (f", {evidence['units']} units" if evidence["units"] is not None else ""),
    ]
    for one in evidence["processors"]:
        count = "" if one["records"] is None else f" {amount(one['records'], 'record')}"
        floor = f" (at least {one['floor']})" if one["floor"] else ""
        kind = "required" if one["required"] else "optional"
        extra = " ".join(text for text in (one["note"], one["error"]) if text)
        lines.append(f"    {one['name']:<32} {kind:<9} {one['standing']:<14}{count}{floor} {extra}".rstrip())
    for one in evidence["times"]:
        lines.append(
            f"    {one['name']:<14} {when(one['at']):<14} {one['wants']}{' (passed)' if one['passed'] else ''}"
        )
    lines += [f"    gate {gate['name']:<24} {gate['verdict']:<6} {gate['text']}" for gate in evidence["gates"]]
    if evidence["preflight"]:
        lines.append(f"    preflight {evidence['preflight']['service']}: {evidence['preflight']['text']}")
    lines += [
        f"    {act['verb']} {when(act['at'])} by {act['by'] or 'an operator'}: {act['reason']}"
        for act in evidence["operator"]
    ]
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
