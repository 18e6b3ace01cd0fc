"""The scrapers of a scenario: each answers as it is told, after as long as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from shared.core.errors import Unavailable
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.ports import Response
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.fakes.services import SimulatedServices
from shared.simulation.history import Call, Scrape
from shared.simulation.scenario import CallAnswer, CrashPoint, FaultKind, Health
from shared.simulation.workflows.targets import standing_for

DEFAULT = CallAnswer(200, {"status": "success", "data_summary": {"rowCount": 10}})
NEVER = 100_000.0


class SimulatedScrapers:
    """An ``AsyncHttp`` that speaks for the scraper services."""

    def __init__(self, policy: Policy, workflows: Workflows, services: SimulatedServices, stage: FaultInjector) -> None:
        self._policy, self._workflows, self._services, self._stage = policy, workflows, services, stage
        self._answers: dict[str, list[CallAnswer]] = {}

    def change(self, answers: Mapping[str, Sequence[CallAnswer]]) -> None:
        """Let scrapers answer so from now on."""
        self._answers.update({name: list(listed) for name, listed in answers.items()})

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        self._stage.enter()
        endpoints = self._services.endpoints
        service = next((name for name, base in endpoints.items() if url.startswith(base)), None)
        if service is None:
            raise Unavailable("http", f"{url}: no such host (simulated)")
        sent, now = dict(body or {}), self._stage.clock.now()
        self._stage.history.calls.append(Call(now, service, url[len(endpoints[service]) :]))
        scrape = self._scrape(sent, now)
        self._stage.history.scrapes.append(scrape)
        of = f" {', '.join(scrape.targets)}" if scrape.targets else ""
        self._stage.history.note(now, "scrape", f"{scrape.workflow} {scrape.day}: {scrape.scraper}{of}")
        self._stage.reached_first(CrashPoint.AFTER_DISPATCH)
        return await self._answer(service, scrape.scraper)

    async def _answer(self, service: str, scraper: str) -> Response:
        fault, health = self._stage.fault(service), self._services.health[service]
        if fault is FaultKind.TIMEOUT or health is Health.TIMEOUT:
            await asyncio.sleep(NEVER)
        if fault is FaultKind.REJECTS:
            return Response(400, json.dumps({"error": "rejected"}))
        if fault is not None or health is Health.DOWN:
            return Response(503, "Service Unavailable")
        if health in (Health.HTTP_404, Health.WRONG_IDENTITY):
            return Response(404, "Not Found")
        listed = self._answers.get(scraper, [DEFAULT])
        answer = listed.pop(0) if len(listed) > 1 else listed[0]
        if answer.after:
            await asyncio.sleep(answer.after.total_seconds())
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, default=str)
        return Response(answer.status, text)

    def _scrape(self, body: dict[str, Any], now: datetime) -> Scrape:
        """Return what a call says of itself: its target stands in the parameters, its date in the execution id."""
        name = str(body.get("scraper", ""))
        scraper = self._workflows.scrapers.get(name)
        template = {} if scraper is None else scraper.parameters
        # Whoever asks for a run may lay parameters of their own over those of the file.
        targets = tuple(dict.fromkeys(standing_for(template, {name: body.get(name) for name in template})))
        parts = str(body.get("execution_id", "")).split("/")
        try:
            day = date.fromisoformat(parts[1]) if len(parts) > 1 else None
        except ValueError:
            day = None
        return Scrape(now, name, str(body.get("workflow", "")), day, targets, body)
