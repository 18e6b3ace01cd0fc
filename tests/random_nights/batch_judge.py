"""What must hold of a random batch, judged from what left and was written, and from how its members were worked on.

Nothing here asks the product what it thinks: outcomes are those that were written, times those of the world.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from shared.core.batches.batch import Batch, BatchState, Cause
from shared.core.policy.batches import BatchThen, MemberOutcome
from shared.documents import from_data
from tests.random_nights.batch_case import MERGE, MINUTE, START
from tests.random_nights.batch_world import CALM, BatchWorld, Event

WITHIN = 6 * MINUTE
"""How long after its moment a batch is closed at the latest: a lease of who died, and sweeps."""
OVER = ("done", "skipped")
TOLD_APART = 10
"""So many who come late are told of one by one."""


def judged(world: BatchWorld) -> Iterator[str]:
    """Yield every promise that a batch broke."""
    batches = [(event, from_data(Batch, event.data)) for event in world.events if event.kind == "batch"]
    yield from _ended(world)
    yield from _outcomes(world)
    yield from _requests(world)
    yield from _exclusive_claims(batches)
    closings = list(_closings(batches))
    for event, batch in closings:
        yield from _numbers(world, event, batch)
        yield from _cause(world, event, batch)
        yield from _end(world, event, batch)
        yield from _steps(world, event, batch)
    yield from _in_time(world, closings)
    yield from _late(world, closings)


def _closings(batches: list[tuple[Event, Batch]]) -> Iterator[tuple[Event, Batch]]:
    """Yield the write that began each closing."""
    seen = None
    for event, batch in batches:
        if batch.closing is not None and batch.closing.generation != seen:
            seen = batch.closing.generation
            yield event, batch


def _ended(world: BatchWorld) -> Iterator[str]:
    batch = world.batch
    if batch is None:
        yield "it was never recorded"
        return
    if batch.state is not BatchState.PUBLISHED:
        yield f"it is {batch.state.value} in the end: {batch.held_text}"
    if batch.members != len(world.case.members):
        yield f"it has {batch.members} members, and {len(world.case.members)} were listed"
    refresh = world.case.declared.refresh
    if batch.generation > 1 + (0 if refresh is None else refresh.at_most):
        yield f"it was reopened {batch.generation - 1} times"
    if world.store.query("quarantine"):
        yield f"something was quarantined: {world.store.query('quarantine')[0].data}"


def _outcomes(world: BatchWorld) -> Iterator[str]:
    """What was acknowledged is kept, and a member that is done stays it."""
    for member in sorted(world.acknowledged - world.outcomes.keys()):
        yield f"{member} was acknowledged, and nothing of it is kept"
    kept: dict[str, str] = {}
    for event in _of(world, "outcome"):
        before, after = kept.get(event.name), str(event.data["outcome"])
        if before is not None and after != MemberOutcome.DONE:
            yield f"{event.name} became {after} after {before}"
        kept[event.name] = after


def _requests(world: BatchWorld) -> Iterator[str]:
    """Nobody is asked beyond the repeats, under a second id, or after an outcome that who asked could see."""
    retry, ids = world.case.declared.retry, dict[str, str]()
    most = 1 if retry is None else 1 + retry.attempts
    broken: Counter[int] = Counter()
    asked: dict[tuple[str, int], set[int]] = {}
    for event in _of(world, "request"):
        if ids.setdefault(event.name, str(event.data["request_id"])) != event.data["request_id"]:
            yield f"{event.name} was asked under a second id"
        if event.attempt > most:
            yield f"{event.name} was asked a {event.attempt}th time"
        if event.attempt > 1 and event.name in event.handler.kept:
            yield f"{event.name} was asked again although it had reported"
        if event.handler.closings and world.case.declared.refresh is None:
            yield f"{event.name} was asked after the closing"
        asked.setdefault((event.name, event.attempt), set()).add(event.handler.number)
        broken[event.handler.number] = event.handler.broken
    for (member, attempt), handlers in asked.items():
        if len(handlers) > 1 + sum(broken[number] for number in handlers):
            yield f"{member} was asked {len(handlers)} times for its attempt {attempt}"
    if len(set(ids.values())) != len(ids):
        yield "two members were asked under one id"


def _exclusive_claims(batches: list[tuple[Event, Batch]]) -> Iterator[str]:
    """Two never work on it at once, and what a generation came to is never changed."""
    for (_, before), (event, after) in pairwise(batches):
        taken = before.owner and after.owner not in ("", before.owner)
        if taken and before.lease_until is not None and event.at < before.lease_until:
            yield f"it was claimed at {event.at} although another's claim ran until {before.lease_until}"
        same = before.closing is not None and before.generation == after.generation
        if same and after.closing != before.closing:
            yield "what it came to was changed"
        if before.members is not None and after.members != before.members:
            yield f"its {before.members} members became {after.members}"


def _numbers(world: BatchWorld, event: Event, batch: Batch) -> Iterator[str]:
    """The counts are those of outcomes between the beginning of whoever closed it and the closing itself."""
    closing = batch.closing
    assert closing is not None
    kept = _kept(world, event)
    members = set(world.case.members)
    if closing.total + closing.silent != len(members) and batch.members is not None:
        yield f"{closing.total} outcomes and {closing.silent} silent are not {len(members)} members"
    surely = {member for member in kept if member in event.handler.kept}
    if not len(surely) <= closing.total <= len(kept):
        yield f"{closing.total} outcomes were counted, and there were {len(surely)} to {len(kept)}"
    well = {member for member, data in kept.items() if data["outcome"] in OVER}
    if not members - well <= set(closing.missing) <= members - (well & surely) and batch.members is not None:
        yield f"it names {sorted(closing.missing)} as missing, and missing were {sorted(members - well)}"
    if closing.missing_count != len(closing.missing):
        yield f"it counts {closing.missing_count} as missing, and names {len(closing.missing)}"
    counts = Counter(str(data["outcome"]) for data in kept.values())
    if kept.keys() == surely and (closing.done, closing.skipped, closing.failed) != (
        counts["done"], counts["skipped"], counts["failed"],
    ) and not _improved(world, event):  # fmt: skip
        yield f"it counted {closing}, and there were {dict(counts)}"
    records = sum(data["count"] or 0 for data in kept.values() if data["outcome"] == "done")
    if kept.keys() == surely and (closing.records or 0) != records and not _improved(world, event):
        yield f"it summed up to {closing.records}, and members made {records}"


def _improved(world: BatchWorld, closed: Event) -> bool:
    """True if an outcome was changed for a better one while the closing was counted."""
    began = next(place for place, event in enumerate(world.events) if event.handler is closed.handler)
    ended = world.events.index(closed)
    return any(event.kind == "outcome" and event.handler is not closed.handler for event in world.events[began:ended])


def _cause(world: BatchWorld, event: Event, batch: Batch) -> Iterator[str]:
    """It was closed for a reason that held."""
    closing, declared = batch.closing, world.case.declared
    assert closing is not None
    kept, members = _kept(world, event), len(world.case.members)
    deadline, idle = declared.close.deadline, declared.close.idle
    match closing.cause:
        case Cause.COMPLETE if len(kept) < members:
            yield f"closed as complete with {len(kept)} of {members}"
        case Cause.NOTHING_TO_DO if members:
            yield f"closed with nothing to do, and there are {members} members"
        case Cause.DEADLINE if deadline is None or event.at < batch.started_at + deadline.after:
            yield f"closed by its deadline at {event.at}"
        case Cause.IDLE:
            assert idle is not None
            last = [_at(data) for member, data in kept.items() if member in event.handler.kept]
            if len(kept) * 100 < idle.at_least_percent * members:
                yield f"closed by idleness with {len(kept)} of {members}"
            if last and event.at < max(last) + idle.after:
                yield f"closed by idleness {event.at - max(last)} after its last outcome"
        case Cause.OPERATOR if not batch.acts:
            yield "closed by a person who did nothing"


def _end(world: BatchWorld, event: Event, batch: Batch) -> Iterator[str]:
    """Its end is published, once unless whoever did broke, always the same, and says what was counted."""
    closing = batch.closing
    assert closing is not None
    ends = [end for end in _of(world, "end") if end.name == str(closing.generation)]
    if not ends:
        yield f"generation {closing.generation} was never published"
        return
    broken = sum(end.handler.broken for end in ends)
    if len(ends) > 1 + broken:
        yield f"generation {closing.generation} was published {len(ends)} times, {broken} of which broke"
    if len({str({**end.data, "timestamp": ""}) for end in ends}) > 1:
        yield f"generation {closing.generation} was published in two ways"
    body, members = ends[0].data, len(world.case.members)
    if closing.cause is Cause.NOTHING_TO_DO:
        status: str = "no_data"
    else:
        status = "success" if batch.members is not None and closing.done + closing.skipped == members else "partial"
    if body["status"] != status:
        yield f"it was published as {body['status']}, and came to {closing}"
    if status == "partial" and tuple(body["missing"]) != closing.missing:
        yield f"its end names {body['missing']}, and missing were {closing.missing}"
    if status == "success" and (body.get("record_count") or 0) != (closing.records or 0):
        yield f"its end says {body.get('record_count')} records, and there were {closing.records}"


def _steps(world: BatchWorld, event: Event, batch: Batch) -> Iterator[str]:
    """Every step was made between closing and end, in order, once unless whoever did it broke."""
    closing = batch.closing
    assert closing is not None
    if closing.cause is Cause.NOTHING_TO_DO:
        if _of_closing(world, event, "step"):
            yield "a step was made although there was nothing to do"
        return
    made = _of_closing(world, event, "step")
    expected = [MERGE if step.sql is not None else "/consolidate" for step in world.case.declared.on_close]
    places = [next(place for place, name in enumerate(expected) if step.name.endswith(name)) for step in made]
    if places != sorted(places) or set(places) != set(range(len(expected))):
        yield f"of the steps {expected} were made {[step.name for step in made]}"
    for place, times in Counter(places).items():
        broken = sum(step.handler.broken for step, at in zip(made, places, strict=True) if at == place)
        if times > 1 + broken:
            yield f"step {expected[place]} was made {times} times, {broken} of which broke"


def _in_time(world: BatchWorld, closings: list[tuple[Event, Batch]]) -> Iterator[str]:
    """It is closed within a few sweeps of the first moment at which it had to be."""
    if not closings:
        return
    event, _ = closings[0]
    due = _due(world)
    if due is not None and event.at > max(due, CALM, START) + WITHIN:
        yield f"it was closed at {event.at}, and had to be at {due}"


def _late(world: BatchWorld, closings: list[tuple[Event, Batch]]) -> Iterator[str]:
    """Who came after the closing is told of, and nobody else, where nothing failed and nothing reopens it."""
    if not closings or world.faults or world.case.declared.refresh is not None:
        return
    closed, batch = closings[0]
    assert batch.closing is not None
    came = {event.name for event in _of(world, "outcome")[::-1] if event.name not in _kept(world, closed)}
    texts = [str(document.data["text"]) for document in world.store.query("alerts", {"kind": "batch_late"})]
    reported_members = {member for member in world.case.members if any(f"{member} reported" in text for text in texts)}
    if len(came) <= TOLD_APART and came != reported_members & (
        came | set(world.case.members) - set(batch.closing.missing)
    ):
        yield f"{sorted(came)} came after the closing, and {sorted(reported_members)} are told of"
    if len(came) > TOLD_APART and len(reported_members) < TOLD_APART:
        yield f"{len(came)} came after the closing, and only {sorted(reported_members)} are told of"


def _due(world: BatchWorld) -> datetime | None:
    """Return when the batch had to be closed by what is known of its members, None where a person had to do it."""
    declared, moments = world.case.declared, list[datetime]()
    deadline = declared.close.deadline
    firsts = {event.name: event.at for event in reversed(_of(world, "outcome"))}
    if len(firsts) == len(world.case.members):
        moments.append(max(firsts.values(), default=START))
    if deadline is not None and deadline.then is BatchThen.PUBLISH_PARTIAL:
        moments.append(_of(world, "batch")[0].at + deadline.after)
    return min(moments, default=None)


def _kept(world: BatchWorld, event: Event) -> dict[str, Mapping[str, Any]]:
    """Return the outcomes that stood when something happened."""
    kept: dict[str, Mapping[str, Any]] = {}
    for previous_event in world.events[: world.events.index(event)]:
        if previous_event.kind == "outcome":
            kept[previous_event.name] = previous_event.data
    return kept


def _of(world: BatchWorld, kind: str) -> list[Event]:
    return [event for event in world.events if event.kind == kind]


def _of_closing(world: BatchWorld, closing: Event, kind: str) -> list[Event]:
    """Return what happened from a closing to the next one."""
    begins = world.events.index(closing)
    events: list[Event] = []
    for event in world.events[begins + 1 :]:
        if event.kind == "batch" and event.data["generation"] != closing.data["generation"]:
            break
        if event.kind == kind:
            events.append(event)
    return events


def _at(data: Mapping[str, Any]) -> datetime:
    at: datetime = data["received_at"]
    return at
