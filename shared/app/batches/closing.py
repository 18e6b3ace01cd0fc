"""Closing: the numbers are fixed by a claim, each step is proven once, and the end is said once a generation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from shared.app.batches.claim import Worker
from shared.app.batches.says import tell_closed, tell_held, tell_late
from shared.app.batches.silent import keep_missing, missing_names, uncounted
from shared.app.batches.store import Page, load_page, outcomes_on
from shared.app.batches.warnings import tell_failing
from shared.app.state.table_places import give_back_places, take_places
from shared.app.transitions.at_work import at_work
from shared.core.batches.batch import Batch, BatchState, Cause, Closing, HeldFor, Missing, Outcome, StepState, Sum
from shared.core.batches.messages import NAMED, completion_attributes, completion_body, status_of, step_body
from shared.core.errors import NotBegun, OutOfTime, Unavailable, Unreached
from shared.core.limits.dml import Full, changed_tables
from shared.core.policy.batches import BatchPolicy, CloseStep, MemberOutcome
from shared.core.wire.answers import Answered, Means, judge
from shared.ports import Message

MAX_ERROR = 500


def begin(worker: Worker, declared: BatchPolicy, cause: Cause) -> None:
    """Fix what the generation comes to; from here on no outcome changes it."""
    now = worker.ctx.ports.clock.now()
    closing = numbers(worker, declared, cause, now)
    worker.mark(
        lambda batch: replace(
            batch, state=BatchState.CLOSING, closing=closing, steps=(), held_for=None, held_at=None, held_text=""
        )
    )
    worker.ctx.log("batch.closing", batch_id=worker.batch.id, cause=cause.value, missing=closing.missing_count)


def numbers(worker: Worker, declared: BatchPolicy, cause: Cause, now: datetime) -> Closing:
    """Return the outcomes of all members, and the first of those that are missing, in the order of members; all of them
    are listed in documents under a key of this attempt."""
    batch, counts, records = worker.batch, Counter[MemberOutcome](), Sum(counted=bool(declared.reports.count))
    key, first, lacking = f"{batch.generation}.{worker.owner}", list[str](), 0
    for number in range(batch.pages):
        outcomes = outcomes_on(worker.ctx, batch, number)
        for outcome in outcomes.values():
            counts[outcome.outcome] += 1
            records.add(outcome)
        missing = _missing(load_page(worker.ctx, batch, number).value, outcomes)
        lacking += len(missing.members)
        first += missing.members[: NAMED - len(first)]
        if missing.members:
            keep_missing(worker.ctx, batch, key, number, missing)
        if worker.out_of_time():
            worker.mark(lambda batch: batch)  # the claim goes on with the work
    total = sum(counts.values())
    return Closing(
        cause=cause,
        at=now,
        generation=batch.generation,
        done=counts[MemberOutcome.DONE],
        skipped=counts[MemberOutcome.SKIPPED],
        failed=counts[MemberOutcome.FAILED],
        silent=(batch.members or 0) - total,
        records=records.value,
        missing=tuple(first),
        missing_count=lacking,
        missing_key=key if lacking else "",
    )


def _missing(page: Page, outcomes: Mapping[str, Outcome]) -> Missing:
    failed = {name for name, outcome in outcomes.items() if outcome.outcome is MemberOutcome.FAILED}
    members = tuple(member.key for member in page.members if member.key in failed or member.key not in outcomes)
    return Missing(members, tuple(name for name in members if name in failed))


def do_step(worker: Worker, declared: BatchPolicy, place: int, *, unknown: bool) -> None:
    """Make one step of the close; what it came to is written before anything else is begun."""
    step = declared.on_close[place]
    if unknown and step.call is not None and at_work(worker.ctx, worker.batch.run, step.call.service):
        _prove(worker, place, f"{step.to}: it is at work on {worker.batch.run.day}")
        return
    now = worker.ctx.ports.clock.now()
    worker.mark(lambda batch: _with_step(batch, place, lambda before: replace(before, begun_at=now, refused="")))
    came = _call(worker, step) if step.call is not None else _statement(worker, step)
    if came.means is Means.ACCEPTED:
        _prove(worker, place, came.text)
    elif came.means is Means.REFUSED:
        _refuse(worker, declared, place, came.text)
    else:
        _fail(worker, place, came.text)


def _call(worker: Worker, step: CloseStep) -> Answered:
    """Make a call once; no answer, a 5xx and a verdict that is no yes are all tried again (batches, close steps)."""
    ctx, call = worker.ctx, step.call
    assert call is not None
    base = ctx.endpoints.get(call.service)
    if not base:
        variable = ctx.policy.services[call.service].url_env
        return Answered(Means.FAILED, f"{call.service} cannot be called: {variable} is not set")
    who, body = f"{call.service}{call.path}", step_body(step.body.base, worker.batch)
    try:
        response = ctx.ports.http.request("POST", base.rstrip("/") + call.path, body, call.timeout)
    except (Unreached, NotBegun) as away:
        return Answered(Means.FAILED, f"{who}: {away.reason}")
    except Unavailable as away:
        if at_work(ctx, worker.batch.run, call.service):
            return Answered(Means.ACCEPTED, f"{who}: {away.reason}; it is at work on {worker.batch.run.day}")
        return Answered(Means.FAILED, f"{who}: {away.reason}")
    rules = ctx.policy.services[call.service].answers.get(call.path, ())
    return judge(rules, call.accepted, who, response.status, response.body)


def _statement(worker: Worker, step: CloseStep) -> Answered:
    ctx, run = worker.ctx, worker.batch.run
    assert step.sql is not None
    parameters = {"date": run.day, "mode": run.mode, "lane": run.lane.value, "batch_id": worker.batch.id}
    places = take_places(ctx, changed_tables(step.sql.text))
    if isinstance(places, Full):
        ctx.log("batch.statement_waits", severity="WARNING", batch_id=worker.batch.id, bound=places.bound.value)
        return Answered(Means.FAILED, f"{step.to}: not begun, {places.reason}")
    try:
        ctx.ports.warehouse.query(step.sql.text, parameters)
    except (Unavailable, OutOfTime) as away:
        # It may be at work all the same: its place is free once it must be over.
        return Answered(Means.FAILED, f"{step.to}: {away}")
    give_back_places(ctx, places)
    return Answered(Means.ACCEPTED, f"{step.to} was run")


def _prove(worker: Worker, place: int, proof: str) -> None:
    worker.mark(lambda batch: _with_step(batch, place, lambda step: replace(step, proof=proof[:MAX_ERROR], error="")))
    worker.ctx.log("batch.step_proven", batch_id=worker.batch.id, step=place, proof=proof[:MAX_ERROR])


def _fail(worker: Worker, place: int, why: str) -> None:
    now = worker.ctx.ports.clock.now()
    worker.mark(
        lambda batch: _with_step(
            batch,
            place,
            lambda step: replace(step, failures=step.failures + 1, failed_at=now, error=why[:MAX_ERROR]),
        )
    )
    worker.ctx.log("batch.step_failed", severity="WARNING", batch_id=worker.batch.id, step=place, error=why)


def _refuse(worker: Worker, declared: BatchPolicy, place: int, why: str) -> None:
    """Hold: the same call would be refused again, until a person or a deploy changes something (behaviour D5)."""
    now, version = worker.ctx.ports.clock.now(), worker.ctx.code_version

    def refused(step: StepState) -> StepState:
        return replace(step, failed_at=now, error=why[:MAX_ERROR], refused=why[:MAX_ERROR], refused_by=version)

    worker.mark(lambda batch: _with_step(batch, place, refused))
    worker.ctx.log("batch.step_refused", severity="ERROR", batch_id=worker.batch.id, step=place, error=why)
    hold(worker, declared, HeldFor.REFUSED, f"close step {declared.on_close[place].to} was refused: {why[:MAX_ERROR]}")


def hold(worker: Worker, declared: BatchPolicy, reason: HeldFor, text: str) -> None:
    """Wait for a person or the missing, and say so, critical."""
    now = worker.ctx.ports.clock.now()
    worker.mark(lambda batch: replace(batch, state=BatchState.HELD, held_for=reason, held_at=now, held_text=text))
    tell_held(worker.ctx, declared, worker.batch, missing_names(worker.ctx, worker.batch))


def _with_step(batch: Batch, place: int, change: Callable[[StepState], StepState]) -> Batch:
    steps = [*batch.steps, *(StepState() for _ in range(place + 1 - len(batch.steps)))]
    steps[place] = change(steps[place])
    return replace(batch, steps=tuple(steps))


def publish(worker: Worker, declared: BatchPolicy) -> None:
    """Say the end of the generation, and what is missing; from then on what comes is late."""
    ctx, batch = worker.ctx, worker.batch
    for number, outcome in enumerate(uncounted(ctx, batch)):
        what = f"reported {outcome.outcome.value} as the batch was closed"
        tell_late(ctx, declared, batch, outcome.member, number, what)
    tell_closed(ctx, declared, batch)
    tell_failing(ctx, declared, batch)
    now = ctx.ports.clock.now()
    body = completion_body(ctx.policy, declared, batch, now)
    ctx.ports.bus.publish(declared.publish, [Message(body, completion_attributes(batch))])
    worker.mark(
        lambda latest: replace(
            latest,
            state=BatchState.PUBLISHED,
            active=False,
            published_at=now,
            published_first_at=latest.published_first_at or now,
            retry_at=None,
            close_asked=False,
        )
    )
    assert batch.closing is not None
    status = status_of(batch.closing, batch.members).value
    seconds = round((ctx.ports.clock.now() - batch.started_at).total_seconds(), 3)
    ctx.log(
        "batch.published",
        batch_id=batch.id,
        batch=batch.name,
        generation=batch.generation,
        status=status,
        duration_seconds=seconds,
    )


def reopen(worker: Worker, declared: BatchPolicy) -> None:
    """Let a late outcome make the batch its next generation: it keeps its id, and idleness counts anew (D8)."""
    now = worker.ctx.ports.clock.now()
    worker.mark(lambda batch: _reopened(batch, now))
    worker.ctx.log("batch.reopened", batch_id=worker.batch.id, generation=worker.batch.generation)


def _reopened(batch: Batch, now: datetime) -> Batch:
    past = (*batch.past, *(() if batch.closing is None else (batch.closing,)))
    return replace(
        batch,
        state=BatchState.OPEN,
        active=True,
        generation=batch.generation + 1,
        reopened=batch.reopened + 1,
        opened_at=now,
        closing=None,
        past=past,
        steps=(),
    )
