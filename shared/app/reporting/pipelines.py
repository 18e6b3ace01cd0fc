"""The health check of every pipeline of a deployment: `?pipeline=NAME` asks for one of them (behaviour 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from shared.app.call import BAD_REQUEST, Wrong
from shared.app.context import Context
from shared.app.pipelines import PARAMETER, apart, named
from shared.app.reporting.handler import answer
from shared.app.reporting.health import NAME, NOT_READY, OK, DeploymentInfo, HealthRequest, HealthResponse, alive
from shared.core.reporting.page import Page


def answer_all(
    known: Sequence[Context], deployed: Callable[[Context], DeploymentInfo], asked: HealthRequest
) -> HealthResponse:
    """Answer one request to the health check of a deployment; of one pipeline it is that pipeline's own.

    Of several, `/` without a name shows the first one's page, which leads to the others; `/ready` and `/report` are
    those of all, by ``pipelines``, and ready is what is ready in each.
    """
    wanted = named(known, _whose(known, asked))
    if isinstance(wanted, Wrong):
        return HealthResponse(BAD_REQUEST, wanted.body())
    asked = replace(asked, query={name: value for name, value in asked.query.items() if name != PARAMETER})
    path = "/" + asked.path.strip("/")
    if path == "/health":
        return _of_the_deployment(answer(known[0], deployed(known[0]), asked), known, deployed)
    if path not in ("/ready", "/report") or len(wanted) == 1:
        return _with_links(answer(wanted[0], deployed(wanted[0]), asked), known)
    tasks = {ctx.policy.pipeline: (ctx, partial(_answer, ctx, deployed, asked)) for ctx in wanted}
    answers = {name: apart(ctx, NAME, task, _failed) for name, (ctx, task) in tasks.items()}
    bodies = {name: one.body for name, one in answers.items()}
    ill = [name for name, one in answers.items() if one.status != OK]
    body = {"status": f"not ready: {', '.join(ill)}" if ill else "ready"} if path == "/ready" else {}
    return HealthResponse(max(one.status for one in answers.values()), {**body, "pipelines": bodies})


def _whose(known: Sequence[Context], asked: HealthRequest) -> str | None:
    """Return the pipeline that a request names, by itself or by the run it asks for."""
    of_run = asked.query.get("run", "").strip("/").partition("/")[0]
    names = {ctx.policy.pipeline for ctx in known}
    return asked.query.get(PARAMETER) or (of_run if of_run in names else None)


def _answer(ctx: Context, deployed: Callable[[Context], DeploymentInfo], asked: HealthRequest) -> HealthResponse:
    return answer(ctx, deployed(ctx), asked)


def _failed(error: str) -> HealthResponse:
    return HealthResponse(NOT_READY, {"error": error})


def _of_the_deployment(
    found: HealthResponse, known: Sequence[Context], deployed: Callable[[Context], DeploymentInfo]
) -> HealthResponse:
    return replace(found, body=alive(known, deployed(known[0]))) if found.status == OK else found


def _with_links(found: HealthResponse, known: Sequence[Context]) -> HealthResponse:
    """Let a page lead to those of the other pipelines."""
    if not isinstance(found.body, Page) or len(known) == 1:
        return found
    return replace(found, body=replace(found.body, pipelines=tuple(ctx.policy.pipeline for ctx in known)))
