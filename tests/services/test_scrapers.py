"""The executor against the stand-in of the scrapers, over HTTP: every answer and slowness that it has to know."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from werkzeug.serving import make_server

from shared.adapters.async_http import PooledCalls
from shared.adapters.clock import SystemClock
from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.memory import MemoryStore
from shared.app.transitions.receive import Handled
from shared.app.workflows import receive
from shared.app.workflows.executor import execute
from shared.app.workflows.files import FILES
from shared.app.workflows.store import create_run, load_workflow_run
from shared.core.message import Delivery
from shared.core.policy.transitions import LocalTime
from shared.core.workflows.model import Defaults, Execution, OnceADay, Scraper, Span, Step, Workflow, Workflows
from shared.core.workflows.runs import CallOutcome, Entry, WorkflowRun
from shared.entrypoints.workflow_executor import calls_of
from shared.ports import AsyncHttp
from tests.plain_ports import PlainPorts, context
from tests.policy_files import PRODUCTION
from tests.services.memory import Kept
from tests.services.scrapers import TOPIC, Scrapers, create_app

DAY = date(2026, 1, 20)
POLICY = load_policy(PRODUCTION)
TIMEOUT = 2.0
MIDNIGHT = time(0)
# By scraper: what it is told to answer, its outcome, the number of attempts, words of its text.
KNOWN: dict[str, tuple[list[dict[str, Any]], CallOutcome, int, str]] = {
    "ten_rows": ([{}], CallOutcome.SUCCESS, 1, ""),
    "no_rows": (
        [{"body": {"status": "success", "data_summary": {"rowCount": 0}}}],
        CallOutcome.NO_DATA,
        1,
        "",
    ),
    "some": ([{"body": {"status": "partial", "data_summary": {"rowCount": 4}}}], CallOutcome.PARTIAL, 1, "partial"),
    "says_failed": ([{"body": {"status": "error", "error": "parse"}}], CallOutcome.FAILED, 1, "parse"),
    "no_summary": ([{"body": {"status": "success"}}], CallOutcome.FAILED, 1, "success"),
    "a_page": ([{"body": "<html>sign in</html>"}], CallOutcome.FAILED, 1, "200: <html>sign in</html>"),
    "no_object": ([{"body": [1, 2]}], CallOutcome.FAILED, 1, "[1, 2]"),
    "long_page": ([{"body": "x" * 2_000_000}], CallOutcome.FAILED, 1, f"200: {'x' * 300}"),
    "refuses": ([{"status": 422, "body": {"error": "bad season"}}], CallOutcome.REFUSED, 1, "bad season"),
    "moved": ([{"status": 302}], CallOutcome.FAILED, 1, "302"),
    "busy_once": ([{"status": 429, "retry_after": "1"}, {}], CallOutcome.SUCCESS, 2, ""),
    "down_once": ([{"status": 503}, {}], CallOutcome.SUCCESS, 2, ""),
    "down": ([{"status": 500, "body": "stack trace"}], CallOutcome.FAILED, 2, "500: stack trace"),
    "drops_once": ([{"drop": True}, {}], CallOutcome.SUCCESS, 2, ""),
    "drops": ([{"drop": True}], CallOutcome.FAILED, 2, ""),
    "slow": ([{"after": 0.3}], CallOutcome.SUCCESS, 1, ""),
    "slow_once": ([{"after": 2.6}, {}], CallOutcome.SUCCESS, 2, ""),
    "never": ([{"after": 6.0}], CallOutcome.TIMEOUT, 2, "no answer within"),
    "unknown": ([{}], CallOutcome.REFUSED, 1, "available_scrapers"),
}


class Hurried(SystemClock):
    """A clock by whose chance a call is repeated as soon as it may be."""

    def token(self) -> str:
        return "0" * 16


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Scrapers, Kept, str]]:
    """The stand-in as a server in this process, told what to answer."""
    scrapers = Scrapers(frozenset(KNOWN) - {"unknown"}, frozenset({"ten_rows"}))
    for name, (answers, *_) in KNOWN.items():
        scrapers.set_answers(name, answers)
    around = Kept(datetime(2026, 1, 20, 12, 0, tzinfo=UTC), {}, Path())
    around.sleep = lambda span: sleep(span.total_seconds())
    server = make_server("127.0.0.1", 0, create_app(around, scrapers), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield scrapers, around, f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def entries(service: tuple[Scrapers, Kept, str]) -> dict[str, Entry]:
    """One run that calls all of them at once: what came of each."""
    url = service[2]
    step = Step("all", tuple(KNOWN), Execution.PARALLEL, len(KNOWN))
    workflow = Workflow(
        "all", OnceADay(Span(LocalTime(0, datetime.min.time()), LocalTime(1, datetime.min.time()))), (step,)
    )
    scrapers = {name: Scraper(name, "scrapers", "/scrape", timedelta(seconds=TIMEOUT)) for name in KNOWN}
    workflows = Workflows({"all": workflow}, scrapers, Defaults(attempts=2, step_overhead=timedelta(seconds=4)))
    ports = PlainPorts(MemoryStore(), clock=Hurried())
    ctx = replace(context(POLICY, ports), endpoints={"scrapers": url}, workflows=workflows)
    run = WorkflowRun("nba", "all", "window", DAY, "test", "due", ctx.ports.clock.now())
    create_run(ctx, run)
    calls = PooledCalls(len(KNOWN), identity_tokens=False, clock=SystemClock())
    assert execute(ctx, workflows, calls, {"run_id": run.id, "step": 0}) == "partial"
    stored = load_workflow_run(ctx, run.id)
    assert stored is not None
    return {entry.scraper: entry for entry in stored.value.entries}


@pytest.mark.parametrize("name", KNOWN)
def test_an_answer_has_its_outcome(name: str, entries: dict[str, Entry]) -> None:
    """Success, no rows, partial, failed, refused and timeout, its attempts, and what was said."""
    _, outcome, attempts, words = KNOWN[name]
    entry = entries[name]
    assert (entry.outcome, entry.attempts) == (outcome, attempts), entry.text
    assert words in entry.text
    assert len(entry.text) <= 400


def test_a_file_that_becomes_rows_is_announced_once_and_waited_for(
    service: tuple[Scrapers, Kept, str], entries: dict[str, Entry]
) -> None:
    """The stand-in announces what has a processor as the executor's other topic has it, whoever asks again."""
    assert entries["ten_rows"].outcome is CallOutcome.SUCCESS
    scrapers, around, url = service
    import httpx

    [body] = [call for call in scrapers.calls if call["scraper"] == "ten_rows"]
    assert httpx.post(f"{url}/scrape", json=body).json()["data_summary"]["rowCount"] == 10
    [(topic, message)] = around.sent
    assert (topic, message["game_date"]) == (TOPIC, "2026-01-20")
    workflows = Workflows({}, {"ten_rows": Scraper("ten_rows", "scrapers", "/scrape", timedelta(0), processor="p")})
    now = SystemClock().now()
    delivery = Delivery("m1", "phase1", json.dumps(message).encode(), now, now)
    ctx = context(POLICY, PlainPorts(MemoryStore()))
    assert receive.receive(ctx, workflows, delivery).handled is Handled.RECORDED
    assert len(ctx.ports.store.query(FILES)) == 1


@pytest.mark.parametrize("revision", ["", "nba-workflow-executor"])
def test_a_token_is_asked_for_on_cloud_run_alone(
    service: tuple[Scrapers, Kept, str], revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere there is no identity to speak with: the function calls the stand-ins of a demo without one."""
    fetched: list[str] = []

    def fetch(_: PooledCalls, audience: str) -> tuple[str, datetime]:
        fetched.append(audience)
        return "token", datetime.now(UTC) + timedelta(minutes=5)

    monkeypatch.setattr(PooledCalls, "_fetch", fetch)
    monkeypatch.setenv("K_SERVICE", revision)
    url = service[2]
    step = Step("all", ("no_rows",))
    workflow = Workflow("w", OnceADay(Span(LocalTime(0, MIDNIGHT), LocalTime(1, MIDNIGHT))), (step,))
    ctx = replace(context(POLICY, PlainPorts(MemoryStore())), workflows=Workflows({"w": workflow}, {}))

    async def work(http: AsyncHttp) -> int:
        return (await http.request("POST", f"{url}/scrape", {"scraper": "no_rows", "execution_id": "1"})).status

    assert calls_of(ctx).run(work) == 200
    assert fetched == ([url] if revision else [])
