"""One call of a scraper with its attempts: the only layer of retries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state import circuit_breaker
from shared.core.circuit_breaker import Permission, Position
from shared.core.errors import Unavailable
from shared.core.workflows.answers import LONGEST_RETRY_AFTER, Meaning, meaning, retry_wait
from shared.core.workflows.model import Scraper, Step, Workflows
from shared.core.workflows.runs import CallOutcome, Entry, WorkflowRun
from shared.core.workflows.templates import DATE, UNIT, UNITS, element, filled
from shared.ports import AsyncHttp, Calls

SOURCE = "CONTROLLER"
# For how long a closed breaker is taken for closed without asking the store again.
CLOSED_FOR = timedelta(seconds=5)
COUNTED = (CallOutcome.FAILED, CallOutcome.TIMEOUT)


class Breakers:
    """The breakers of a pipeline's scrapers, shared by all instances through the store."""

    def __init__(self, ctx: Context, workflows: Workflows) -> None:
        self._ctx, self._limits = ctx, workflows.breaker
        self._closed_until: dict[str, Any] = {}

    def is_closed(self, scraper: str) -> bool:
        """True where the store said so a moment ago: it is not asked again."""
        return scraper in self._closed_until and self._ctx.ports.clock.now() < self._closed_until[scraper]

    def allows(self, scraper: str) -> bool:
        """Ask whether a scraper may be called; a probe is leased to who asks first."""
        now = self._ctx.ports.clock.now()
        if self.is_closed(scraper):
            return True
        answer = circuit_breaker.permission(self._ctx, self._name(scraper), self._limits)
        if answer is Permission.GO:
            self._closed_until[scraper] = now + CLOSED_FOR
        return answer is not Permission.STOP

    def counts(self, scraper: str, outcome: CallOutcome) -> bool:
        """True where an outcome changes what the store knows of a breaker."""
        return outcome in COUNTED or scraper not in self._closed_until

    def feed(self, scraper: str, outcome: CallOutcome) -> None:
        """Count an outcome, once: failures and timeouts against the scraper, every other answer for it."""
        name = self._name(scraper)
        if outcome in COUNTED:
            if circuit_breaker.failed(self._ctx, name, self._limits) is not Position.CLOSED:
                self._closed_until.pop(scraper, None)
        elif self.counts(scraper, outcome):
            circuit_breaker.succeeded(self._ctx, name, self._limits)

    def _name(self, scraper: str) -> str:
        return breaker_name(scraper)


def breaker_name(scraper: str) -> str:
    """Return the name that a scraper's breaker has among those of the pipeline."""
    return f"scraper.{scraper}"


def elements_of(run: WorkflowRun, step: Step) -> dict[str, Any]:
    """Return the elements that a step goes through as they were given, by the target that names each."""
    return {} if step.for_each is None else {str(value): value for value in run.outputs.get(step.for_each, ())}


def request_body(
    run: WorkflowRun, step: Step, scraper: Scraper, entry: Entry, elements: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is sent: the scraper's parameters filled in, those of whoever asked for the run, and who calls.

    An element of a loop is sent as the scraper before gave it: a number stays one.
    """
    bindings: dict[str, Any] = {DATE: run.day.isoformat(), UNITS: list(run.targets or ())}
    if entry.target and step.for_each is not None:
        bindings[element(step.for_each)] = elements.get(entry.target, entry.target)
    if entry.target:
        bindings.setdefault(UNIT, entry.target)
    body: Mapping[str, Any] = filled(scraper.parameters, bindings)
    caller = {"workflow": run.workflow, "source": SOURCE, "scraper": scraper.name}
    return {**body, **run.parameters, **caller, "execution_id": run.execution_id(entry)}


class Caller:
    """Calls the scrapers of one step."""

    def __init__(self, ctx: Context, workflows: Workflows, run: WorkflowRun, step: Step, calls: Calls) -> None:
        self._ctx, self._workflows, self._run, self._step, self._calls = ctx, workflows, run, step, calls
        self._breakers = Breakers(ctx, workflows)
        self._turns: dict[str, asyncio.Lock] = {}
        self._elements = elements_of(run, step)

    async def call(self, http: AsyncHttp, entry: Entry) -> Entry:
        """Call a scraper for one target until it has an outcome; its time limit holds for all attempts together."""
        clock = self._ctx.ports.clock
        if not await self._is_allowed(entry.scraper):
            return replace(entry, outcome=CallOutcome.CIRCUIT_OPEN, ended_at=clock.now(), text="not called")
        scraper = self._workflows.scrapers[entry.scraper]
        base = self._ctx.endpoints.get(scraper.service)
        if base is None:
            url_env = self._ctx.policy.services[scraper.service].url_env
            text = f"{scraper.service} has no address: {url_env} is not set"
            return replace(entry, outcome=CallOutcome.FAILED, ended_at=clock.now(), text=text)
        attempts, came = await self._attempts(http, base + scraper.path, scraper, entry)
        await self._count(entry.scraper, came.outcome)
        return replace(
            entry,
            attempts=entry.attempts + attempts,
            outcome=came.outcome,
            rows=came.rows,
            ended_at=clock.now(),
            text=came.text,
            outputs=came.outputs,
        )

    async def _is_allowed(self, scraper: str) -> bool:
        """Ask the breaker of a scraper, one call at a time: what it answers holds for the next ones too."""
        if self._breakers.is_closed(scraper):
            return True
        async with self._turns.setdefault(scraper, asyncio.Lock()):
            return await self._calls.aside(lambda: self._breakers.allows(scraper))

    async def _count(self, scraper: str, outcome: CallOutcome) -> None:
        if self._breakers.counts(scraper, outcome):
            async with self._turns.setdefault(scraper, asyncio.Lock()):
                await self._calls.aside(lambda: self._breakers.feed(scraper, outcome))

    async def _attempts(self, http: AsyncHttp, url: str, scraper: Scraper, entry: Entry) -> tuple[int, Meaning]:
        clock = self._ctx.ports.clock
        ends = clock.now() + self._workflows.entry_limit(scraper.name)
        body = request_body(self._run, self._step, scraper, entry, self._elements)
        attempt = 0
        while True:
            attempt += 1
            came, asked = await self._attempt(http, url, body, min(scraper.timeout, ends - clock.now()))
            if not came.again or attempt >= self._workflows.defaults.attempts:
                return attempt, came
            chance = int(clock.token()[:4], 16) / 0xFFFF
            wait = max(retry_wait(attempt, chance), min(asked, LONGEST_RETRY_AFTER))
            if clock.now() + wait >= ends:
                return attempt, came
            await asyncio.sleep(wait.total_seconds())

    async def _attempt(
        self, http: AsyncHttp, url: str, body: Mapping[str, Any], timeout: timedelta
    ) -> tuple[Meaning, timedelta]:
        """Make one attempt; return what came of it and how long it asked to wait."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                answer = await http.request("POST", url, body)
        except TimeoutError:
            text = f"no answer within {round(timeout.total_seconds(), 1):g} s"
            return Meaning(CallOutcome.TIMEOUT, text=text, again=True), timedelta(0)
        except Unavailable as error:
            return Meaning(CallOutcome.FAILED, text=str(error), again=True), timedelta(0)
        asked = timedelta(0) if answer.retry_at is None else answer.retry_at - self._ctx.ports.clock.now()
        return meaning(answer.status, answer.body, self._step.outputs), asked
