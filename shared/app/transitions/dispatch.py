"""Sending one step of a dispatch: a call or a publication, its body as the policy writes it (behaviour 5, D12)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.retry import retry
from shared.app.transitions.at_work import at_work
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import NotBegun, Unavailable, Unreached
from shared.core.model import Plan, Report
from shared.core.policy.phases import Processor
from shared.core.policy.transitions import HttpCall, Messages, Publication, Step
from shared.core.wire.answers import Answered, Means, judge
from shared.core.wire.templates import render, unfit
from shared.ports import Message

FIRST_WAIT = timedelta(seconds=1)
# Bytes that a broker takes as the value of an attribute.
MAX_ATTRIBUTE = 1024


@dataclass(frozen=True, slots=True)
class Accepted:
    """The step was accepted. ``answer`` are the words and numbers of the answer, ``note`` what failed of it."""

    message_ids: tuple[str, ...]
    answer: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallFailed:
    """The call got no answer or a 5xx; the sweep will try again, not before ``retry_at`` where the answer named it."""

    text: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishFailed:
    """The broker did not take the messages."""

    error: Unavailable


@dataclass(frozen=True, slots=True)
class Rejected:
    """The consumer will never take it: nothing is retried until a person or a deploy changes something."""

    text: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The service answered, and its answer is a no that asks again later: `not_yet` or `busy` (behaviour D10)."""

    verdict: Means
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call left, and nobody knows what came of it (behaviour D11)."""

    text: str


Sent = Accepted | CallFailed | PublishFailed | Rejected | NotTaken | Unknown


def send(ctx: Context, snapshot: DecisionInput, plan: Plan, step: Step, attempt: int, actor: str) -> Sent:
    """Send one step of a generation, unless its consumer would refuse the body; ``actor`` names who caused it."""
    fields = trigger_fields(ctx, snapshot, plan, attempt, actor)
    target = step.target
    outgoing = messages(snapshot, plan, step, fields)
    lacking = [lack for message in outgoing for lack in unfit(message.body, step.accepts)]
    if lacking:
        return Rejected(f"{step.to} would not accept it: {', '.join(dict.fromkeys(lacking))}")
    if isinstance(target, HttpCall):
        return _call(ctx, snapshot, target, outgoing[0].body)
    try:
        return Accepted(tuple(ctx.ports.bus.publish(target.topic, outgoing)))
    except Unavailable as error:
        return PublishFailed(error)


def _call(
    ctx: Context, snapshot: DecisionInput, call: HttpCall, body: Mapping[str, Any]
) -> Accepted | CallFailed | Rejected | NotTaken | Unknown:
    """Make a call once, and again at once only where nothing can have come of it or its service says so (D5, D11), and
    where the claim leaves time for another one to be answered.

    The answer is a verdict, by status and body (D10).
    """
    base = ctx.endpoints.get(call.service)
    if not base:
        variable = ctx.policy.services[call.service].url_env
        return CallFailed(f"{call.service} cannot be called: {variable} is not set")
    url, who = base.rstrip("/") + call.path, f"{call.service}{call.path}"

    rules = ctx.policy.services[call.service].answers.get(call.path, ())

    def once() -> Answered | Unknown:
        try:
            response = ctx.ports.http.request("POST", url, body, call.timeout)
        except (Unreached, NotBegun):
            raise
        except Unavailable as error:
            return Unknown(f"{who}: {error.reason}")
        answered = judge(rules, call.accepted, who, response.status, response.body)
        if answered.unknown:
            return Unknown(answered.text)
        if answered.means is Means.FAILED:
            raise Unavailable(call.service, answered.text, response.retry_at)
        return answered

    try:
        answered = retry(ctx.ports.clock, call.attempts, FIRST_WAIT, once, _time_to_repeat(ctx, snapshot, call))
    except Unavailable as error:
        text = error.reason if error.reason.startswith(who) else f"{who}: {error.reason}"
        return CallFailed(text, error.retry_at)
    return _verdict(ctx, snapshot, call, answered)


def _time_to_repeat(ctx: Context, snapshot: DecisionInput, call: HttpCall) -> timedelta:
    """Return how long after now a repetition may begin, so that it is answered while the claim is still ours."""
    claim = snapshot.state.claim
    until = ctx.ports.clock.now() + ctx.policy.claim_lease if claim is None else claim.expires_at
    return until - call.timeout - ctx.ports.clock.now()


def _verdict(
    ctx: Context, snapshot: DecisionInput, call: HttpCall, answered: Answered | Unknown
) -> Accepted | Rejected | NotTaken | Unknown:
    """Return what an answer comes to. A service that is busy with the date already is not busy with another batch: of
    the first generation that is all a trigger wants (behaviour D11)."""
    if isinstance(answered, Unknown):
        return Accepted(()) if at_work(ctx, snapshot.key, call.service) else answered
    if answered.means is Means.ACCEPTED:
        return Accepted((), answered.text if answered.shown else "", answered.note)
    if answered.means is Means.REFUSED:
        return Rejected(answered.text)
    first = snapshot.state.accepted_plan is None or snapshot.state.unproven is not None
    if answered.means is Means.BUSY and first and at_work(ctx, snapshot.key, call.service):
        return Accepted((), f"{answered.text}; it is at work on {snapshot.key.day}")
    return NotTaken(answered.means, answered.text)


def trigger_fields(ctx: Context, snapshot: DecisionInput, plan: Plan, attempt: int, actor: str) -> dict[str, Any]:
    """Return the plain fields of the trigger message (behaviour 5)."""
    key, name = snapshot.key, snapshot.transition.name
    trigger_id = key.trigger_id(name, plan.generation)
    reports = _reports(snapshot, plan)
    return {
        "trigger_id": trigger_id,
        "generation": plan.generation,
        "attempt": attempt,
        "pipeline": key.pipeline,
        "transition": name,
        "mode": key.mode,
        "lane": key.lane.value,
        "game_date": key.day.isoformat(),
        "correlation_id": correlation_id(reports, trigger_id),
        "trigger_source": "orchestrator",
        "triggered_by": actor,
        "trigger_reason": plan.reason,
        "degraded": plan.degraded,
        "missing_processors": list(plan.missing),
        "completed_processors": sorted(plan.completed),
        "entities_changed": _changed(snapshot, reports),
        "is_incremental": bool(reports) and all(report.is_incremental is True for report in reports),
        "gate_readings": dict(plan.readings),
        "timestamp": ctx.ports.clock.now().isoformat(),
        "code_version": ctx.code_version,
        "policy_version": ctx.policy.version,
    }


def _changed(snapshot: DecisionInput, reports: Sequence[Report]) -> dict[str, list[str]]:
    """Return the union of what changed, kind by kind."""
    phases = [snapshot.policy.phases[phase] for phase in snapshot.transition.after]
    kinds = dict.fromkeys(kind for phase in phases for kind in phase.wire.kinds)
    kinds |= dict.fromkeys(kind for report in reports for kind in report.entities)
    return {kind: sorted({name for report in reports for name in report.entities.get(kind, ())}) for kind in kinds}


def template_values(snapshot: DecisionInput, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the templates of a trigger's body stand for (behaviour D12)."""
    starts = snapshot.policy.phases[snapshot.transition.starts]
    started = [p.name for p in starts.processors.values() if not p.disabled_on(snapshot.key.day)]
    return {
        **{name: fields[name] for name in PLAIN},
        "run_id": snapshot.key.id,
        "reason": fields["trigger_reason"],
        "processors": fields["completed_processors"],
        "processors:class": wire_names(snapshot.processors, fields["completed_processors"]),
        "missing": fields["missing_processors"],
        "missing:class": wire_names(snapshot.processors, fields["missing_processors"]),
        "starts": started,
        "starts:class": wire_names(starts.processors, started),
    }


PLAIN = ("game_date", "mode", "lane", "trigger_id", "generation", "correlation_id", "pipeline")


def wire_names(processors: Mapping[str, Processor], names: Iterable[str]) -> list[str]:
    """Return the class names of processors; who has none, or left the policy since, goes by its canonical name."""
    return [wire_name(processors, name) for name in names]


def wire_name(processors: Mapping[str, Processor], name: str) -> str:
    processor = processors.get(name)
    return name if processor is None else processor.wire_name or name


def correlation_id(reports: list[Report], trigger_id: str) -> str:
    """Pass the newest report's correlation id through; without one, make one that a retry makes again."""
    given = [report for report in reports if report.correlation_id]
    if given:
        return max(given, key=lambda report: (report.received_at, report.processor)).correlation_id
    return hashlib.sha256(trigger_id.encode()).hexdigest()[:32]


def messages(snapshot: DecisionInput, plan: Plan, step: Step, fields: Mapping[str, Any]) -> list[Message]:
    """Return what one step sends: one body, or one for each completed processor.

    With nothing completed the partial ones are sent, and without those a single message that
    names no processor: a trigger never leaves as nothing.
    """
    values = template_values(snapshot, fields)
    target = step.target
    if not isinstance(target, Publication) or target.messages is Messages.ONE:
        return [_message(snapshot, step, fields, values)]
    sources = sorted(plan.completed) or sorted(plan.partial)
    reports = {report.processor: report for report in _reports(snapshot, plan)}
    each = [_source(snapshot, name, reports) for name in sources]
    return [
        _message(snapshot, step, {**fields, **own}, {**values, **_source_values(snapshot, own)}) for own in each
    ] or [
        _message(
            snapshot, step, fields, {**values, **dict.fromkeys(("processor", "processor:class", "source_table"), "")}
        )
    ]


def _source(snapshot: DecisionInput, name: str, reports: Mapping[str, Report]) -> dict[str, Any]:
    processor = snapshot.processors.get(name)
    report = reports.get(name)
    # One that left the policy since the claim still has the table that its report named.
    named = None if report is None else report.output_table
    # Of one with several sources it is the table that its report was about.
    table = named if processor is None or processor.table is None else processor.table
    own = {"correlation_id": report.correlation_id} if report is not None and report.correlation_id else {}
    return {
        **own,
        "processor_name": name,
        "source_table": (table or "").rsplit(".", 1)[-1],
        "analysis_date": snapshot.key.day.isoformat(),
        "success": True,
    }


def _source_values(snapshot: DecisionInput, own: Mapping[str, Any]) -> dict[str, Any]:
    name = own["processor_name"]
    return {
        "processor": name,
        "processor:class": wire_name(snapshot.processors, name),
        "source_table": own["source_table"],
        **({"correlation_id": own["correlation_id"]} if "correlation_id" in own else {}),
    }


def _reports(snapshot: DecisionInput, plan: Plan) -> list[Report]:
    """Return the reports a plan stands on, in the order of names."""
    completions = (snapshot.completions.get(name) for name in sorted({*plan.completed, *plan.partial}))
    reports = (None if completion is None else completion.last_good or completion.latest for completion in completions)
    return [report for report in reports if report is not None]


ATTRIBUTES = (
    "trigger_id", "generation", "attempt", "pipeline", "transition", "mode", "lane", "game_date", "correlation_id",
    "trigger_source", "trigger_reason", "degraded", "processor_name", "source_table", "policy_version",
)  # fmt: skip


def _message(snapshot: DecisionInput, step: Step, fields: Mapping[str, Any], values: Mapping[str, Any]) -> Message:
    """Return a body with the ids of its trigger as attributes."""
    written = render(step.body.of(snapshot.key.mode, fields["generation"], snapshot.key.lane), values)
    texts = {name: _attribute(fields[name]) for name in ATTRIBUTES if name in fields}
    # Cut off, an id would be another one: what is longer stands in the body alone.
    short = {name: text for name, text in texts.items() if len(text.encode()) <= MAX_ATTRIBUTE}
    return Message(step.beside(fields, written), short)


def _attribute(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
