"""The executor: runs one step of a run, call by call, so that what has an outcome is never called again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.alerting import raise_alerts
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.announce import announce, note_announced
from shared.app.workflows.audit import record_run
from shared.app.workflows.calls import Caller
from shared.app.workflows.store import load_workflow_run, note_run, save_workflow_run
from shared.core.alerting.condition import Condition
from shared.core.errors import Unavailable
from shared.core.workflows import alerts
from shared.core.workflows.model import FUNCTION_TIME, RESERVE, Step, Workflow, Workflows
from shared.core.workflows.runs import (
    CallOutcome,
    Entry,
    RunStatus,
    WorkflowRun,
    outputs_of,
    planned,
    status_of,
    succeeded,
    summary,
    with_entries,
)
from shared.ports import AsyncHttp, Calls

# Beyond the longest entry, so that a lease never ends while its holder waits for an answer.
LEASE_MARGIN = timedelta(seconds=20)
SAVES, SAVE_WAIT = 4, timedelta(seconds=1)


class Busy(Unavailable):
    """Another handler works on the run: this delivery comes again later."""


def execute(ctx: Context, workflows: Workflows, calls: Calls, body: Mapping[str, Any]) -> str:
    """Run the step that a message names; return what came of it in a word.

    Raises ``Unavailable`` where the message is to be delivered again: the store does not answer, or another handler
    works on the run.
    """
    began = ctx.ports.clock.now()
    run_id, step = body.get("run_id"), body.get("step")
    if not isinstance(run_id, str) or not isinstance(step, int) or isinstance(step, bool):
        ctx.log("workflow.message_malformed", severity="ERROR", body=str(dict(body))[:500])
        return "malformed"
    stored = load_workflow_run(ctx, run_id)
    workflow = None if stored is None else workflows.workflows.get(stored.value.workflow)
    if stored is None or workflow is None:
        ctx.log("workflow.run_unknown", severity="ERROR", run_id=run_id)
        return "unknown"
    run = stored.value
    if run.ended_at is not None:
        _conclude(ctx, workflows, workflow, stored)
        return "ended before"
    if step < run.step:
        if run.announced < run.step:
            announce(ctx, run)
            note_announced(ctx, stored)
        return "done before"
    if run.held_until is not None and began < run.held_until:
        raise Busy("workflow run", f"{run_id}: another handler works on it until {run.held_until.isoformat()}")
    if run.step >= len(workflow.steps):
        return _end(ctx, workflows, workflow, stored)
    return _Work(ctx, workflows, workflow, stored, began).work(calls)


class _Work:
    """One handler's work on one step of a run."""

    def __init__(
        self, ctx: Context, workflows: Workflows, workflow: Workflow, stored: Stored[WorkflowRun], began: datetime
    ) -> None:
        self._ctx, self._workflows, self._workflow = ctx, workflows, workflow
        self._stored = stored
        self._step: Step = workflow.steps[stored.value.step]
        self._deadline = began + FUNCTION_TIME - RESERVE
        self._changed: dict[tuple[str, str, str], Entry] = {}
        self._news, self._done = asyncio.Event(), False
        self._unsaved: list[asyncio.Future[None]] = []

    @property
    def _run(self) -> WorkflowRun:
        return self._stored.value

    def work(self, calls: Calls) -> str:
        entries = planned(self._workflows, self._workflow, self._run, self._step)
        self._take([entry for entry in entries if entry.outcome is CallOutcome.SKIPPED])
        todo = deque(entry for entry in entries if entry.outcome is None)
        if todo:
            calls.run(lambda http: self._call_all(calls, http, todo))
        if todo:
            return self._go_on()
        return self._finish()

    def _take(self, skipped: list[Entry]) -> None:
        """Take the lease of the run; whoever loses the race leaves it to the other."""
        now = self._ctx.ports.clock.now()
        holder = self._ctx.ports.clock.token()
        announced = max(self._run.announced, self._run.step)
        run = replace(with_entries(self._run, skipped), holder=holder, progress_at=now, announced=announced)
        saved = save_workflow_run(self._ctx, replace(self._stored, value=self._held(run, now)))
        if saved is None:
            raise Busy("workflow run", f"{self._run.id}: another handler took it first")
        self._stored = saved

    def _held(self, run: WorkflowRun, now: datetime) -> WorkflowRun:
        return replace(run, held_until=now + self._workflows.longest_entry + LEASE_MARGIN)

    async def _call_all(self, calls: Calls, http: AsyncHttp, todo: deque[Entry]) -> None:
        """Call what is to be called, so many at once, and write down each outcome as it comes."""
        caller = Caller(self._ctx, self._workflows, self._run, self._step, calls)
        number = min(self._step.workers, len(todo))
        workers = [asyncio.ensure_future(self._worker(http, caller, todo)) for _ in range(number)]
        writer = asyncio.ensure_future(self._write(calls))
        try:
            pending: set[asyncio.Future[None]] = {*workers, writer}
            while not all(worker.done() for worker in workers):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for worker in workers:
                worker.cancel()
            # A write that is under way is waited for: nothing of this handler is written after it has returned.
            self._done = True
            self._news.set()
            await asyncio.gather(*workers, writer, return_exceptions=True)

    async def _worker(self, http: AsyncHttp, caller: Caller, todo: deque[Entry]) -> None:
        while todo:
            limit = self._workflows.entry_limit(todo[0].scraper)
            now = self._ctx.ports.clock.now()
            if now + limit > self._deadline:
                return
            entry = replace(todo.popleft(), begun_at=now)
            # A call is made only while the lease of the run is longer than the call may take.
            await self._noted(entry)
            # Nothing new is begun before an outcome is written: a crash repeats what is open, and no more.
            await self._noted(await caller.call(http, entry))

    async def _noted(self, entry: Entry) -> None:
        """Return once an entry is in the store as it is now."""
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed[entry.key] = entry
        self._unsaved.append(saved)
        self._news.set()
        await saved

    async def _write(self, calls: Calls) -> None:
        """Write what is new, all of it at once, until no call is left; raises ``Unavailable`` where the store goes on
        not to answer."""
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            if self._done:
                return
            try:
                await self._save(calls)
                failures = 0
            except Busy:
                raise
            except Unavailable:
                failures += 1
                if failures >= SAVES:
                    raise
                self._news.set()
                await asyncio.sleep(SAVE_WAIT.total_seconds())

    async def _save(self, calls: Calls) -> None:
        changed, unsaved = dict(self._changed), self._unsaved
        if not changed:
            return
        self._unsaved = []
        try:
            await calls.aside(lambda: self._write_changed(changed))
        except BaseException:
            self._unsaved = unsaved + self._unsaved
            raise
        for key, entry in changed.items():
            if self._changed.get(key) is entry:
                del self._changed[key]
        for waiter in unsaved:
            if not waiter.done():
                waiter.set_result(None)

    def _write_changed(self, changed: Mapping[tuple[str, str, str], Entry]) -> None:
        """Write these entries and say what came of them; one thread at a time is here."""
        now = self._ctx.ports.clock.now()
        run = self._held(replace(with_entries(self._run, changed.values()), progress_at=now), now)
        saved = save_workflow_run(self._ctx, replace(self._stored, value=run))
        if saved is None:
            self._again(changed, now)
        else:
            self._stored = saved
        self._report(changed)

    def _again(self, changed: Mapping[tuple[str, str, str], Entry], now: datetime) -> None:
        """Write over what somebody else wrote, as long as the run is still ours."""
        fresh = load_workflow_run(self._ctx, self._run.id)
        if fresh is None or fresh.value.holder != self._run.holder:
            raise Busy("workflow run", f"{self._run.id}: another handler has taken it over")
        run = self._held(replace(with_entries(fresh.value, changed.values()), progress_at=now), now)
        saved = save_workflow_run(self._ctx, replace(fresh, value=run))
        if saved is None:
            raise Busy("workflow run", f"{self._run.id}: it changes all the time")
        self._stored = saved

    def _report(self, changed: Mapping[tuple[str, str, str], Entry]) -> None:
        """Log what came of calls, and tell people at once of those that were refused."""
        for entry in changed.values():
            if entry.outcome is None:
                continue
            self._ctx.log(
                "workflow.call",
                severity="INFO" if succeeded(entry, self._workflows.scrapers[entry.scraper]) else "WARNING",
                run_id=self._run.id,
                scraper=entry.scraper,
                target=entry.target,
                outcome=entry.outcome.value,
                rows=entry.rows,
                attempts=entry.attempts,
                text=entry.text,
            )
        refused = [alerts.refused(self._ctx.policy, self._run, entry) for entry in changed.values()]
        _raise(self._ctx, [condition for condition in refused if condition is not None])

    def _go_on(self) -> str:
        """Leave the rest of the step to another delivery: this one's time is over."""
        run = replace(self._run, holder="", held_until=None)
        saved = save_workflow_run(self._ctx, replace(self._stored, value=run))
        if saved is None:
            raise Busy("workflow run", f"{run.id}: somebody else wrote it")
        announce(self._ctx, run)
        return "continued"

    def _finish(self) -> str:
        """Close the step: the next one follows, or the run ends."""
        run = self._run
        entries = [entry for entry in run.entries if entry.step == self._step.name]
        called = [entry for entry in entries if entry.outcome is not CallOutcome.SKIPPED]
        good = [
            entry
            for entry in called
            if succeeded(entry, self._workflows.scrapers[entry.scraper]) or entry.outcome is CallOutcome.PARTIAL
        ]
        ended = bool(called) and not good
        outputs = outputs_of(self._step, entries)
        # Where nothing succeeded the failures are told: that nothing came of them says no more.
        empty = [] if ended else [name for name, values in outputs.items() if not values]
        warning = tuple(f"step {self._step.name} gave no {name}" for name in empty)
        run = replace(run, outputs={**run.outputs, **outputs}, warnings=(*run.warnings, *warning))
        last = run.step + 1 >= len(self._workflow.steps)
        if last or ended:
            return _end(self._ctx, self._workflows, self._workflow, replace(self._stored, value=run))
        run = replace(run, step=run.step + 1, holder="", held_until=None)
        saved = save_workflow_run(self._ctx, replace(self._stored, value=run))
        if saved is None:
            raise Busy("workflow run", f"{run.id}: somebody else wrote it")
        announce(self._ctx, run)
        note_announced(self._ctx, saved)
        return "next step"


def _end(ctx: Context, workflows: Workflows, workflow: Workflow, stored: Stored[WorkflowRun]) -> str:
    """Mark a run as ended, and say what is to be said of it."""
    status = status_of(workflows, stored.value)
    run = replace(stored.value, status=status, ended_at=ctx.ports.clock.now(), holder="", held_until=None)
    saved = save_workflow_run(ctx, replace(stored, value=run))
    if saved is None:
        raise Busy("workflow run", f"{run.id}: somebody else wrote it")
    seconds = None if run.ended_at is None else round((run.ended_at - run.decided_at).total_seconds(), 3)
    ctx.log("workflow.run_ended", run_id=run.id, workflow=run.workflow, status=status.value, duration_seconds=seconds)
    _conclude(ctx, workflows, workflow, saved)
    return status.value


def _conclude(ctx: Context, workflows: Workflows, workflow: Workflow, stored: Stored[WorkflowRun]) -> None:
    """Note an ended run in its date's book, tell people and write the record; repeated after a crash, it changes
    nothing."""
    run = stored.value
    note_run(ctx, run)
    conditions = [alerts.no_output(ctx.policy, run)]
    if run.status is not RunStatus.PARTIAL or _has_failures(run):
        conditions.append(alerts.failed(ctx.policy, workflow, run.day, summary(run)))
    _raise(ctx, [condition for condition in conditions if condition is not None])
    record_run(ctx, workflows, stored)


def _has_failures(run: WorkflowRun) -> bool:
    return any(entry.outcome not in (CallOutcome.SUCCESS, CallOutcome.SKIPPED) for entry in run.entries)


def _raise(ctx: Context, conditions: list[Condition]) -> None:
    """Tell people now; where that cannot be kept, the next sweep tells them (behaviour A3)."""
    try:
        raise_alerts.raise_now(ctx, conditions)
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
