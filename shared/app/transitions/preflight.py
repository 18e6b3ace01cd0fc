"""Whether the next service can work (behaviour 6)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from shared.app.context import Context
from shared.core.decision.gates import Fit, Fitness, Unchecked, Unfit
from shared.core.errors import Unavailable
from shared.core.policy.policy import Service
from shared.ports import Response

TIMEOUT = timedelta(seconds=5)
CACHED = timedelta(seconds=30)
MAX_WORD = 100
WELL = frozenset({"ready", "healthy", "ok", "degraded"})


def fitness(ctx: Context, name: str) -> Fitness:
    """Ask a service whether it is ready, or recall an answer of the last 30 seconds."""
    now = ctx.ports.clock.now()
    entry = ctx.memory.fitness.get(name)
    if entry is not None and timedelta(0) <= now - entry[0] < CACHED:
        return entry[1]
    answer = _ask(ctx, ctx.policy.services[name])
    ctx.memory.fitness[name] = (now, answer)
    return answer


def _ask(ctx: Context, service: Service) -> Fitness:
    url = ctx.endpoints.get(service.name)
    if not url:
        return Unchecked(f"{service.name}: not checked, {service.url_env} is not set")
    try:
        response = ctx.ports.http.request("GET", url.rstrip("/") + service.ready_path, None, TIMEOUT)
    except Unavailable as error:
        return Unfit(f"{service.name} does not answer: {error.reason}")
    fit = judge(service, response)
    if isinstance(fit, Unfit) or service.identity_path is None:
        return fit
    return _who(ctx, service, url) or fit


def _who(ctx: Context, service: Service, url: str) -> Unfit | None:
    """Ask a service who it is where that stands at a path of its own; None if it is who it should be."""
    try:
        response = ctx.ports.http.request("GET", url.rstrip("/") + (service.identity_path or ""), None, TIMEOUT)
    except Unavailable as error:
        return Unfit(f"{service.name} does not say who it is: {error.reason}")
    name = _body(response.body).get(service.identity_field)
    if name == service.identity:
        return None
    shown = f"as {name!r}" if isinstance(name, str) else f"without saying who it is in {service.identity_field!r}"
    return Unfit(f"{service.name} answers {response.status} {shown}, expected {service.identity!r}")


def judge(service: Service, response: Response) -> Fitness:
    """Judge an answer by status, word and, where the policy knows it, the identity that stands in it."""
    body = _body(response.body)
    name = body.get(service.identity_field)
    if isinstance(name, str) and service.identity and name != service.identity:
        return Unfit(f"{service.name} answers {response.status} as {name[:MAX_WORD]!r}, expected {service.identity!r}")
    status = body.get("status", "")
    # A word that people say, and that stands in alerts: whatever else is there is none.
    word = status[:MAX_WORD].lower() if isinstance(status, str) else ""
    if 400 <= response.status < 500 or (response.status != 200 and word not in WELL):
        return Unfit(f"{service.name} answers {response.status}" + (f" ({word})" if word else ""))
    return Fit(f"{service.name} is degraded" if word == "degraded" else "")


def _body(text: str) -> dict[str, Any]:
    """Read an answer's body: an object, or a bare word as its status."""
    try:
        body = json.loads(text)
        return body if isinstance(body, dict) else {"status": str(body)}
    except (ValueError, RecursionError):  # no JSON, or one that is nested without end
        return {"status": text.strip()}
