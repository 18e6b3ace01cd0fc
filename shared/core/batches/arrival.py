"""What comes in for batches, understood: a start, a report of a member, or a call to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.core.errors import Malformed
from shared.core.model import Lane, RunKey
from shared.core.policy.batches import BatchPolicy, MemberOutcome, start_topic
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Publication
from shared.core.wire import spelling
from shared.core.wire.contents import MAX_NAME, MAX_TEXT, clean
from shared.core.wire.dialect import value_at

MAX_ID = 1_000
MAX_KEY = 1_000
FOREIGN = "foreign_batch"
"""The kind of a report of a batch that nothing of ours starts: neither kept nor told."""
OUTCOME, REASON, ERROR = "outcome", "reason", "error_message"
NO_OUTPUT = "no output"


@dataclass(frozen=True, slots=True)
class Start:
    """A batch is to begin. ``listed`` are its members, None where a query says who they are."""

    declared: BatchPolicy
    id: str
    run: RunKey
    generation: int
    correlation_id: str
    listed: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class GoOn:
    """Somebody saw that there is something to do for a batch."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class MemberReport:
    """What a worker says of one member. ``count`` None: it does not say."""

    declared: BatchPolicy
    batch_id: str
    member: str
    outcome: MemberOutcome
    count: int | None = None
    reason: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


def object_of(data: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a message; raise ``Malformed`` for anything else."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"not JSON: {str(error)[:200]}") from None
    if not isinstance(body, dict):
        raise Malformed("not_object", f"not a JSON object but {type(body).__name__}")
    return body


def start_of(body: Mapping[str, Any], policy: Policy) -> Start | GoOn:
    """Understand a message of the topic of starts; raise ``Malformed`` if nothing can ever make sense of it."""
    batch_id, trigger_id = body.get("batch_id"), body.get("trigger_id")
    if trigger_id is None and isinstance(batch_id, str) and batch_id:
        return GoOn(batch_id)
    if body.get("pipeline") not in (None, policy.pipeline):
        raise Malformed("other_pipeline", f"pipeline {str(body['pipeline'])[:60]!r} is not {policy.pipeline!r}")
    name = body.get("batch")
    declared = policy.batches.get(name) if isinstance(name, str) else None
    if declared is None:
        names = ", ".join(policy.batches) or "none"
        what = "no batch is named" if name is None else f"there is no batch {str(name)[:60]!r}"
        raise Malformed("unknown_batch", f"{what}; the policy declares {names}")
    if not isinstance(trigger_id, str) or not _is_id(trigger_id):
        raise Malformed("no_trigger_id", _no_id(trigger_id), declared.reports_as)
    named = named_by(trigger_id, policy)
    run = _run(body, policy, None if named is None else named[0], declared)
    generation = body.get("generation", 1 if named is None else named[1])
    if isinstance(generation, bool) or not isinstance(generation, int) or generation < 1:
        raise Malformed(
            "bad_generation", f"generation {str(generation)[:60]!r} is no number from 1 on", declared.reports_as
        )
    correlation = spelling.correlation(body.get("correlation_id")) or trigger_id
    return Start(declared, trigger_id, run, generation, correlation, _listed(body, declared))


def _is_id(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_ID and spelling.encodable(text) == text


def _no_id(value: object) -> str:
    if isinstance(value, str) and len(value) > MAX_ID:
        return f"a trigger_id of {len(value)} characters; at most {MAX_ID} are taken"
    what = "no trigger_id" if value is None else f"trigger_id {str(value)[:60]!r} is no text that could be one"
    return f"{what}: the batch would have no id"


def _run(body: Mapping[str, Any], policy: Policy, named: RunKey | None, declared: BatchPolicy) -> RunKey:
    given = body.get("game_date")
    day = _day(given) or (None if named is None or given is not None else named.day)
    mode = body.get("mode") or (None if named is None else named.mode)
    lane = body.get("lane") or (Lane.LIVE if named is None else named.lane)
    if day is None:
        what = "no game_date" if given is None else f"game_date {str(given)[:60]!r} is no date"
        raise Malformed("no_date", f"{what} like 2026-01-21", declared.reports_as)
    if not isinstance(mode, str) or mode not in policy.modes:
        what = "no mode" if mode is None else f"there is no mode {str(mode)[:60]!r}"
        raise Malformed("unknown_mode", f"{what}; the policy has {', '.join(policy.modes)}", declared.reports_as, day)
    if lane not in set(Lane):
        raise Malformed("unknown_lane", f"there is no lane {str(lane)[:60]!r}", declared.reports_as, day)
    return RunKey(policy.pipeline, day, mode, Lane(lane))


def _listed(body: Mapping[str, Any], declared: BatchPolicy) -> tuple[Any, ...] | None:
    place = declared.members.message
    if not place:
        return None
    members = value_at(body, tuple(place.split(".")))
    if not isinstance(members, list):
        raise Malformed("no_members", f"{place} lists no members", declared.reports_as)
    return tuple(members)


def report_of(body: Mapping[str, Any], declared: BatchPolicy) -> MemberReport:
    """Understand a worker's report; raise ``Malformed`` if nothing can ever make sense of it."""
    reports = declared.reports
    member = _text(body, reports.key, MAX_KEY, "no_member", declared)
    batch_id = _text(body, reports.batch, MAX_ID, "no_batch", declared, member)
    count = _count(body, declared, member)
    outcome = _outcome(body, declared, member, count)
    reason = clean(str(body.get(REASON) or body.get(ERROR) or ""), MAX_TEXT)
    if outcome is MemberOutcome.SKIPPED and not reason and count == 0:
        reason = NO_OUTPUT
    return MemberReport(declared, batch_id, member, outcome, count, reason, body)


def _text(body: Mapping[str, Any], place: str, most: int, kind: str, declared: BatchPolicy, member: str = "") -> str:
    value = value_at(body, tuple(place.split(".")))
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip() or len(str(value)) > most:
        who = clean(member, MAX_NAME) or declared.reports_as
        raise Malformed(kind, f"no {place} that could be one: {str(value)[:60]!r}", who)
    return spelling.encodable(str(value))


def _count(body: Mapping[str, Any], declared: BatchPolicy, member: str) -> int | None:
    if not declared.reports.count:
        return None
    value = value_at(body, tuple(declared.reports.count.split(".")))
    if spelling.is_absent(value):
        return None
    try:
        return spelling.count(value)
    except ValueError as wrong:
        raise Malformed("bad_count", f"{declared.reports.count} {wrong}", clean(member, MAX_NAME)) from None


def _outcome(body: Mapping[str, Any], declared: BatchPolicy, member: str, count: int | None) -> MemberOutcome:
    """Return what a report means: the policy's words first, then ours; nothing said is done, and 0 of it skipped."""
    word = body.get(OUTCOME)
    if spelling.is_absent(word):
        return MemberOutcome.SKIPPED if count == 0 else MemberOutcome.DONE
    if isinstance(word, str):
        if word in declared.reports.outcomes:
            return declared.reports.outcomes[word]
        plain = word.strip().lower()
        if plain in set(MemberOutcome):
            return MemberOutcome(plain)
    raise Malformed("unknown_outcome", f"unknown outcome {str(word)[:60]!r}", clean(member, MAX_NAME))


def is_started(policy: Policy, declared: BatchPolicy) -> bool:
    """True if a transition of the policy starts the batch; else a coordinator of the pipeline's own may still do its
    work on the same topics, and what its workers report is no fault (behaviour R9)."""
    topic = start_topic(policy.pipeline)
    return any(
        isinstance(step.target, Publication)
        and step.target.topic == topic
        and step.body.base.get("batch", declared.name) == declared.name
        for transition in policy.transitions.values()
        for step in transition.all_steps
    )


def named_by(trigger_id: str, policy: Policy) -> tuple[RunKey, int] | None:
    """Return the run and generation that a trigger id of this pipeline names, None for any other text."""
    parts = trigger_id.split("/")
    if len(parts) not in (5, 6) or parts[0] != policy.pipeline or parts[2] not in policy.modes:
        return None
    lane, transition, generation = (parts[3] if len(parts) == 6 else Lane.LIVE.value), parts[-2], parts[-1]
    day = _day(parts[1])
    if day is None or lane not in set(Lane) or transition not in policy.transitions or not generation.isdecimal():
        return None
    return RunKey(policy.pipeline, day, parts[2], Lane(lane)), int(generation)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-01-21") else None
    except ValueError:
        return None
