"""From the shape of a batch in the policy file to the value of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from shared.adapters.config.batch_schema import (
    BatchAlertsSchema,
    BatchDeadlineSchema,
    BatchReportsSchema,
    BatchRetrySchema,
    BatchSchema,
    CloseSchema,
    CloseStepSchema,
    IdleSchema,
    MembersSchema,
)
from shared.adapters.config.build_problems import Problems
from shared.adapters.config.build_values import duration_of, there
from shared.adapters.config.transition_schema import HttpSchema
from shared.core.policy.batches import (
    BatchAlerts,
    BatchDeadline,
    BatchPolicy,
    BatchRefresh,
    Close,
    CloseStep,
    Idle,
    Members,
    Query,
    Reports,
    Request,
    Retry,
)
from shared.core.policy.transitions import HttpCall
from shared.core.wire.bodies import Body


def batches_of(schemas: Mapping[str, BatchSchema] | None, problems: Problems) -> dict[str, BatchPolicy]:
    """Return the batches of a policy; a value that a message could not carry is a problem."""
    return {name: _batch(name, schema, problems) for name, schema in (schemas or {}).items()}


def files_of(batches: Mapping[str, BatchPolicy]) -> list[str]:
    """Return the SQL files that the batches name."""
    return [query.file for batch in batches.values() for query in batch.queries]


def with_texts(batches: Mapping[str, BatchPolicy], text: Callable[[str], str]) -> dict[str, BatchPolicy]:
    """Return the batches with the text of each SQL file that they name."""

    def read(query: Query | None) -> Query | None:
        return None if query is None else replace(query, text=text(query.file))

    return {
        name: replace(
            batch,
            members=replace(batch.members, sql=read(batch.members.sql)),
            on_close=tuple(replace(step, sql=read(step.sql)) for step in batch.on_close),
        )
        for name, batch in batches.items()
    }


def _batch(name: str, schema: BatchSchema, problems: Problems) -> BatchPolicy:
    key = f"batches.{name}"
    problems.json(schema.request.body, f"{key}.request.body")
    retry, refresh, steps = there(schema.retry), there(schema.refresh), there(schema.on_close) or []
    for place, step in enumerate(steps):
        problems.json(there(step.body) or {}, f"{key}.on_close[{place}].body")
    pace = there(schema.request.per_second)
    return BatchPolicy(
        name=name,
        phase=schema.phase,
        reports_as=schema.reports_as,
        members=_members(schema.members),
        request=Request(schema.request.topic, schema.request.body, 50.0 if pace is None else pace),
        reports=_reports(schema.reports),
        publish=schema.publish.topic,
        close=_close(schema.close),
        retry=None if retry is None else _retry(retry),
        on_close=tuple(_step(step) for step in steps),
        refresh=None
        if refresh is None
        else BatchRefresh(time.fromisoformat(refresh.until), refresh.at_most, refresh.min_growth_percent),
        alerts=_alerts(there(schema.alerts)),
    )


def _alerts(schema: BatchAlertsSchema | None) -> BatchAlerts:
    if schema is None:
        return BatchAlerts()
    return BatchAlerts(there(schema.failed_percent), there(schema.fewer_than_percent))


def _members(schema: MembersSchema) -> Members:
    sql = there(schema.sql)
    return Members(schema.key, None if sql is None else Query(sql), there(schema.message) or "")


def _reports(schema: BatchReportsSchema) -> Reports:
    return Reports(
        schema.topic,
        schema.key,
        schema.batch,
        there(schema.count) or "",
        there(schema.unit) or "",
        there(schema.outcomes) or {},
    )


def _retry(schema: BatchRetrySchema) -> Retry:
    return Retry(duration_of(schema.after), schema.attempts)


def _close(schema: CloseSchema) -> Close:
    complete, idle, deadline = there(schema.complete), there(schema.idle), there(schema.deadline)
    return Close(
        complete=complete is not False,
        idle=None if idle is None else _idle(idle),
        deadline=None if deadline is None else _deadline(deadline),
    )


def _idle(schema: IdleSchema) -> Idle:
    return Idle(duration_of(schema.for_), schema.at_least_percent)


def _deadline(schema: BatchDeadlineSchema) -> BatchDeadline:
    return BatchDeadline(duration_of(schema.after), schema.then)


def _step(schema: CloseStepSchema) -> CloseStep:
    """Return a step; one that names both, or neither, is refused when the policy is checked."""
    http, sql = there(schema.http), there(schema.sql)
    return CloseStep(
        call=None if http is None else _call(http),
        body=Body(there(schema.body) or {}),
        sql=None if sql is None else Query(sql),
    )


def _call(schema: HttpSchema) -> HttpCall:
    """Return a call that is made once an attempt: its repetitions are spaced by the close (batches, close steps)."""
    given: dict[str, Any] = {}
    if (accepted := there(schema.accepted)) is not None:
        given["accepted"] = frozenset(accepted)
    if (timeout := there(schema.timeout)) is not None:
        given["timeout"] = duration_of(timeout)
    return HttpCall(schema.service, schema.path, attempts=there(schema.attempts) or 1, **given)
