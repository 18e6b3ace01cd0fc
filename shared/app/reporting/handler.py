"""What the caller of the health check asks for, and what it is answered (behaviour 11)."""

from __future__ import annotations

from dataclasses import replace

from shared.app.context import Context
from shared.app.fail_fast import FailFastPorts
from shared.app.reporting.api import PATHS as API
from shared.app.reporting.api import api
from shared.app.reporting.daily import report
from shared.app.reporting.health import (
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_READY,
    OK,
    DeploymentInfo,
    HealthRequest,
    HealthResponse,
    alive,
    body_of,
    ready,
)
from shared.app.reporting.pages import as_page, front

METRICS = "/metrics"
PATHS = ("/", "/health", "/ready", "/report", METRICS, *API)
READ = ("GET", "HEAD")


def answer(ctx: Context, house: DeploymentInfo, asked: HealthRequest) -> HealthResponse:
    """Answer one request to the health check."""
    ctx = replace(ctx, ports=FailFastPorts(ctx.ports))
    path = "/" + asked.path.strip("/")
    if path not in PATHS:
        paths = ", ".join(PATHS)
        return HealthResponse(NOT_FOUND, {"error": f"there is no {path[:80]}", "hint": f"there are {paths}"})
    allowed = (*READ, "POST") if path == "/report" else READ
    if asked.method not in allowed:
        return HealthResponse(
            NOT_ALLOWED, {"error": f"{path} takes no {asked.method[:20]}", "hint": ", ".join(allowed)}
        )
    match path:
        case "/health":
            return HealthResponse(OK, alive([ctx], house))
        case "/ready":
            readiness = ready(ctx, house)
            return HealthResponse(
                OK if readiness.well else NOT_READY, {**alive([ctx], house), **body_of(ctx, readiness)}
            )
        case "/report":
            response = report(ctx, house, asked)
            return as_page(ctx, response) if asked.html and asked.method != "POST" else response
        case "/api/report":
            return report(ctx, house, replace(asked, method="GET"))
        case "/":
            return front(ctx, house, asked)
        case _:
            return api(ctx, path, asked)
