"""The health check of every pipeline of a deployment: `?pipeline=NAME` asks for one of them (behaviour 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from shared.app.call import BAD_REQUEST, Wrong, parameters
from shared.app.context import Context
from shared.app.fail_fast import FailFastPorts
from shared.app.pipelines import PARAMETER, apart, named
from shared.app.reporting.handler import METRICS, READ, answer
from shared.app.reporting.health import NAME, NOT_READY, OK, DeploymentInfo, HealthRequest, HealthResponse, alive
from shared.core.reporting.page import Page


def answer_all(
    contexts: Sequence[Context], deployed: Callable[[Context], DeploymentInfo], asked: HealthRequest
) -> HealthResponse:
    """Answer one request to the health check of a deployment; of one pipeline it is that pipeline's own.

    Of several, `/` without a name shows the first one's page, which leads to the others, and so do `/report` for a
    browser and `/api`; `/ready` and the report as data are those of all, by ``pipelines``, and ready is what is ready
    in each.
    """
    chosen = named(contexts, _whose(contexts, asked))
    if isinstance(chosen, Wrong):
        return HealthResponse(BAD_REQUEST, chosen.body())
    asked = replace(asked, query={name: value for name, value in asked.query.items() if name != PARAMETER})
    path = "/" + asked.path.strip("/")
    if path == METRICS and asked.method in READ:
        return _metrics(chosen, asked)
    if path == "/health":
        return _of_the_deployment(answer(contexts[0], deployed(contexts[0]), asked), contexts, deployed)
    if path not in ("/ready", "/report", "/api/report") or len(chosen) == 1 or (asked.html and path != "/ready"):
        return _with_links(answer(chosen[0], deployed(chosen[0]), asked), contexts)
    tasks = {ctx.policy.pipeline: (ctx, partial(_answer, ctx, deployed, asked)) for ctx in chosen}
    answers = {name: apart(ctx, NAME, task, _failed) for name, (ctx, task) in tasks.items()}
    bodies = {name: response.body for name, response in answers.items()}
    ill = [name for name, response in answers.items() if response.status != OK]
    body = {"status": f"not ready: {', '.join(ill)}" if ill else "ready"} if path == "/ready" else {}
    return HealthResponse(max(response.status for response in answers.values()), {**body, "pipelines": bodies})


def _metrics(contexts: Sequence[Context], asked: HealthRequest) -> HealthResponse:
    """Return the metrics of these pipelines in one answer, each series labelled by its pipeline."""
    from shared.app.reporting.metrics import metrics  # for whom metrics are made

    query = parameters(asked.query.items(), ())
    if isinstance(query, Wrong):
        return HealthResponse(query.status, query.body())
    return HealthResponse(OK, metrics([replace(ctx, ports=FailFastPorts(ctx.ports)) for ctx in contexts]))


def _whose(contexts: Sequence[Context], asked: HealthRequest) -> str | None:
    """Return the pipeline that a request names, by itself or by the run it asks for."""
    of_run = asked.query.get("run", "").strip("/").partition("/")[0]
    names = {ctx.policy.pipeline for ctx in contexts}
    return asked.query.get(PARAMETER) or (of_run if of_run in names else None)


def _answer(ctx: Context, deployed: Callable[[Context], DeploymentInfo], asked: HealthRequest) -> HealthResponse:
    return answer(ctx, deployed(ctx), asked)


def _failed(error: str) -> HealthResponse:
    return HealthResponse(NOT_READY, {"error": error})


def _of_the_deployment(
    response: HealthResponse, contexts: Sequence[Context], deployed: Callable[[Context], DeploymentInfo]
) -> HealthResponse:
    return replace(response, body=alive(contexts, deployed(contexts[0]))) if response.status == OK else response


def _with_links(response: HealthResponse, contexts: Sequence[Context]) -> HealthResponse:
    """Let a page lead to those of the other pipelines, and its own links name the pipeline."""
    page = response.body
    if not isinstance(page, Page) or len(contexts) == 1:
        return response
    filters = None if page.filters is None else replace(page.filters, pipeline=page.pipeline)
    names = tuple(ctx.policy.pipeline for ctx in contexts)
    return replace(response, body=replace(page, pipelines=names, filters=filters))
