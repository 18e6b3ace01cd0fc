"""Figures of phase 1: many workflows decided, many scrapers called, a tick that finds nothing due."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import perf_counter, process_time
from typing import Any

from shared.adapters.async_http import PooledCalls
from shared.adapters.clock import SystemClock
from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.memory import MemoryStore
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.executor import execute
from shared.app.workflows.inputs import input_of
from shared.app.workflows.store import Books, create_run
from shared.core.policy.transitions import LocalTime
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.decide import Read, Readings, WorkflowDecision, decide_workflow
from shared.core.workflows.judge import judge
from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Execution,
    Missing,
    OnceADay,
    Scraper,
    Span,
    Step,
    Workflow,
    Workflows,
)
from shared.core.workflows.runs import RunStatus, RunSummary, WorkflowRun
from shared.core.workflows.units import ScheduledUnit
from shared.ports import AsyncHttp
from shared.simulation import children
from shared.simulation.emulators import free_port
from tests.bench.figure import MILLI, SMALL, Bench, Figure, Spread
from tests.emulators.server import ROOT, wait_until_listening
from tests.plain_ports import PlainPorts, context
from tests.policy_files import PRODUCTION

DAY = date(2026, 1, 20)
SERVICE, SLOW, ROW_TABLE = "scrapers", "slow", Missing("raw.stats", ("away", "home"))
WORKFLOWS, DATES, HISTORY = 200, 10, 10_000
CALLS, WORKERS, SECONDS = 1000, 500, 1.0
ROUNDS = 3


def decisions(bench: Bench) -> Iterator[Figure]:
    """Decide and judge every workflow for today from the books of ten dates, as a tick has them once it has read."""
    workflows = scraper_workflows(WORKFLOWS)
    ctx = replace(context(load_policy(PRODUCTION), PlainPorts(MemoryStore())), workflows=workflows)
    now = datetime(2026, 1, 20, 23, 0, tzinfo=UTC)
    spent = []
    for _ in range(bench.size.samples):
        books = history(workflows, now)
        began = process_time()
        decided = [_decided(ctx, workflows, workflow, books, now) for workflow in workflows.workflows.values()]
        spent.append(process_time() - began)
    what = f"{WORKFLOWS} workflows, {sum(len(book.value.runs) for book in books.days.values())} rows of history"
    kinds = {type(decision).__name__ for decision in decided}
    yield Figure("workflows", what, "ms", Spread.of(spent, MILLI), most=50, counted={"kinds": ", ".join(sorted(kinds))})


def _decided(ctx: Context, workflows: Workflows, workflow: Workflow, books: Books, now: datetime) -> WorkflowDecision:
    facts = input_of(ctx, workflows, workflow, DAY, books, now)
    decision = decide_workflow(workflow, DAY, facts)
    if isinstance(decision, Read):
        readings = Readings(held={ROW_TABLE: frozenset()})
        decision = decide_workflow(workflow, DAY, replace(facts, readings=readings))
    judge(workflow, DAY, facts)
    assert not isinstance(decision, Read)
    return decision


def scraper_workflows(number: int) -> Workflows:
    """Return so many workflows of one scraper each, of several kinds."""
    local = partial(LocalTime)
    hours = Span(local(0, time(6)), local(0, time(23)))
    kinds = (
        OnceADay(hours),
        BeforeGames(timedelta(hours=12), hours, timedelta(hours=2)),
        AfterGames(local(0, time(18)), timedelta(minutes=30), ROW_TABLE),
        CatchUp(hours, timedelta(hours=4), 14, ROW_TABLE),
    )
    step = Step("all", (SLOW,))
    listed = [Workflow(f"w{number}", kinds[number % len(kinds)], (step,)) for number in range(number)]
    return Workflows({workflow.name: workflow for workflow in listed}, {SLOW: scraper()})


def scraper(parameters: dict[str, Any] | None = None) -> Scraper:
    return Scraper(SLOW, SERVICE, "/scrape", timedelta(seconds=180), parameters or {})


def history(workflows: Workflows, now: datetime) -> Books:
    """Return the books of the last dates with as many runs in all as were asked for."""
    units = tuple(ScheduledUnit(f"A{n}@B{n}", now + timedelta(hours=1), final=False) for n in range(7))
    each = HISTORY // (DATES * len(workflows.workflows))
    days = {}
    for back in range(DATES):
        day, runs = DAY - timedelta(days=back), {}
        for name in workflows.workflows:
            for n in range(each):
                at = now - timedelta(days=back, hours=3 + n)
                runs[f"{day}/{name}/{n}"] = RunSummary(name, str(n), at, RunStatus.FAILED, at)
        days[day] = Stored(DayRecord("nba", day, runs, units=units))
    return Books(days, (), None)


def calls(bench: Bench) -> Iterator[Figure]:
    """Run a step of many slow calls through the executor, in turn with the same calls by its client alone."""
    small = bench.size.samples <= SMALL.samples
    number, rounds = (CALLS // 10, 1) if small else (CALLS, ROUNDS)
    with scraper_server(bench.folder / "scrapers.log") as url:
        measured = _in_a_process_of_its_own(url, number, rounds)
    what = f"{number} calls of {SECONDS:g} s, {WORKERS} at once"
    yield Figure(
        "scrapers",
        what,
        "s",
        Spread.of(measured["ours"]),
        Spread.of(measured["floor"]),
        "the same calls by a bare client",
        most=1.3,
        counted={"seconds of one core": measured["cpu"]},
    )
    yield Figure("scrapers", f"{what}, in all", "s", Spread.of(measured["ours"]), most=5)
    yield Figure("scrapers", f"{what}, memory of the process", "MB", Spread.of([measured["megabytes"]]), most=150)


def _in_a_process_of_its_own(url: str, number: int, rounds: int) -> dict[str, Any]:
    """Measure where nothing else takes memory."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.bench.phase1", url, str(number), str(rounds)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _measure(url: str, number: int, rounds: int) -> dict[str, Any]:
    ours, floor, cpu = [], [], []
    for _ in range(rounds):
        began = process_time()
        ours.append(executed(url, number))
        cpu.append(process_time() - began)
        floor.append(_bare(url, number))
    return {"ours": ours, "floor": floor, "cpu": round(min(cpu), 2), "megabytes": round(_peak_kilobytes() / 1024)}


def _peak_kilobytes() -> int:
    """Return the most memory that this process held; what its parent held before does not count."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@contextmanager
def scraper_server(log: Path) -> Iterator[str]:
    """Serve the stand-in of the scrapers in a process of its own, able to keep a thousand calls open."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "600", "--worker-connections", "2000"),
        *("--backlog", "2048", "--keep-alive", "30", "-b", f"127.0.0.1:{port}", "tests.bench.scraper_server:app"),
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SCRAPER_SECONDS": str(SECONDS)}
    with log.open("ab") as out:
        process = children.start(command, stdout=out, stderr=out, env=environment)
    try:
        wait_until_listening(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        children.end([process])


def _bare(url: str, number: int) -> float:
    """Make the calls with nothing around them: no document, no breaker, no progress."""
    left = list(range(number))

    async def work(http: AsyncHttp) -> None:
        async def worker() -> None:
            while left:
                body = {"scraper": SLOW, "execution_id": f"bare/{token_hex(4)}/{left.pop()}"}
                answer = await http.request("POST", f"{url}/scrape", body)
                assert answer.status == 200

        await asyncio.gather(*(worker() for _ in range(min(WORKERS, number))))

    began = perf_counter()
    PooledCalls(WORKERS, identity_tokens=False, clock=SystemClock()).run(work)
    return perf_counter() - began


def executed(url: str, number: int) -> float:
    """Run one step of so many calls from its message to the end of the run; return the seconds that it took."""
    step = Step("all", (SLOW,), Execution.PARALLEL, WORKERS)
    workflow = Workflow("wide", OnceADay(Span(LocalTime(0, time(0)), LocalTime(0, time(23)))), (step,))
    workflows = Workflows({"wide": workflow}, {SLOW: scraper({"unit": "{unit}"})})
    ctx = context(load_policy(PRODUCTION), PlainPorts(MemoryStore()))
    ctx = replace(ctx, endpoints={SERVICE: url}, workflows=workflows)
    targets = tuple(f"unit {n}" for n in range(number))
    run = WorkflowRun("nba", "wide", token_hex(4), DAY, "bench", "due", ctx.ports.clock.now(), targets)
    assert create_run(ctx, run) is not None
    client = PooledCalls(WORKERS, identity_tokens=False, clock=ctx.ports.clock)
    began = perf_counter()
    assert execute(ctx, workflows, client, {"run_id": run.id, "step": 0}) == "completed"
    return perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], *map(int, sys.argv[2:]))))
