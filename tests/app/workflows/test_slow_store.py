"""A store that is slow delays nobody's call but the one that it is asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import pytest

from shared.adapters.async_http import PooledCalls
from shared.adapters.clock import SystemClock
from shared.core.workflows.runs import RunStatus
from shared.ports import AsyncHttp, Document, Response
from tests.app.workflows.phase1 import SUCCESS, Phase1
from tests.app.workflows.test_executor import SIX, only

T = TypeVar("T")
FIRST, SECOND = "nbac_schedule_api", "espn_roster"
# Long enough for whoever waits in vain to be seen; nobody waits for it where the calls go on.
PATIENCE = 2.0


class Meeting:
    """Scrapers, one of which answers after a while, and a store that does not answer before it has."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.in_vain: list[str] = []

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        assert body is not None
        if body["scraper"] == SECOND:
            await asyncio.sleep(0.02)
            self.answered.set()
        return SUCCESS

    def wait(self, what: str) -> None:
        if not self.answered.wait(PATIENCE):
            self.in_vain.append(what)


class Threads(PooledCalls):
    """The deployed way of doing what blocks, with scrapers of a test."""

    def __init__(self, http: AsyncHttp) -> None:
        super().__init__(10, identity_tokens=False, clock=SystemClock())
        self._http = http

    def run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(work(self._http))


def parallel() -> Phase1:
    overlay = only("morning_operations")
    step = {"name": "all", "execution": "parallel", "max_workers": 2, "scrapers": [FIRST, SECOND]}
    overlay["workflows"]["morning_operations"]["steps"] = [step]
    return Phase1(SIX, overlay)


def _has_outcome(data: Mapping[str, Any]) -> bool:
    entries = data.get("entries", ())
    return any(entry["scraper"] == FIRST and entry["outcome"] for entry in entries)


def slow_writes(phase1: Phase1, meeting: Meeting) -> None:
    update = phase1.store.inner.update

    def slow(path: str, data: Mapping[str, Any], version: str) -> str | None:
        if _has_outcome(data):
            meeting.wait("the outcome of the first call is written")
        return update(path, data, version)

    phase1.store.inner.update = slow  # type: ignore[method-assign]


def slow_breaker(phase1: Phase1, meeting: Meeting) -> None:
    get = phase1.store.get

    def slow(*paths: str) -> list[Document | None]:
        if any(FIRST in path for path in paths):
            meeting.wait("the breaker of the first call is asked")
        return get(*paths)

    phase1.store.get = slow


@pytest.mark.parametrize("slow", [slow_writes, slow_breaker])
def test_a_slow_store_keeps_no_other_call_waiting(slow: Callable[[Phase1, Meeting], None]) -> None:
    """The second call is answered while the store is still at work for the first."""
    phase1, meeting = parallel(), Meeting()
    phase1.calls = Threads(meeting)  # type: ignore[assignment]
    phase1.tick()
    slow(phase1, meeting)
    assert phase1.deliver() == "completed"
    assert meeting.in_vain == []
    assert phase1.run("morning_operations").status is RunStatus.COMPLETED


def test_a_call_is_made_once_its_begin_is_stored() -> None:
    """The lease of the run is renewed before each call, and an outcome is stored before the next call begins."""
    overlay = only("morning_operations")
    overlay["workflows"]["morning_operations"]["steps"] = [{"name": "all", "scrapers": [FIRST, SECOND]}]
    phase1 = Phase1(SIX, overlay)
    stored: list[list[tuple[str, bool, bool]]] = []
    request = phase1.scrapers.request

    async def watched(method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        [document] = phase1.store.inner.query("workflow_runs")
        stored.append([(e["scraper"], e["begun_at"] is not None, bool(e["outcome"])) for e in document.data["entries"]])
        return await request(method, url, body)

    phase1.scrapers.request = watched  # type: ignore[method-assign]
    phase1.tick()
    assert phase1.deliver() == "completed"
    assert stored == [[(FIRST, True, False)], [(FIRST, True, True), (SECOND, True, False)]]
