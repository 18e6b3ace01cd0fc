"""From the shape of a batch in the policy file to the value of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import msgspec

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

Duration = Callable[[str], timedelta]
Json = Callable[[object, str], None]


def batches_of(
    schemas: Mapping[str, BatchSchema] | None, duration: Duration, refuse_no_json: Json
) -> dict[str, BatchPolicy]:
    """Return the batches of a policy; ``refuse_no_json`` is told of each value that a message could not carry."""
    return {name: _batch(name, schema, duration, refuse_no_json) for name, schema in (schemas or {}).items()}


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


def _batch(name: str, schema: BatchSchema, duration: Duration, refuse_no_json: Json) -> BatchPolicy:
    key = f"batches.{name}"
    refuse_no_json(schema.request.body, f"{key}.request.body")
    retry, refresh, steps = _there(schema.retry), _there(schema.refresh), _there(schema.on_close) or []
    for place, step in enumerate(steps):
        refuse_no_json(_there(step.body) or {}, f"{key}.on_close[{place}].body")
    pace = _there(schema.request.per_second)
    return BatchPolicy(
        name=name,
        phase=schema.phase,
        reports_as=schema.reports_as,
        members=_members(schema.members),
        request=Request(schema.request.topic, schema.request.body, 50.0 if pace is None else pace),
        reports=_reports(schema.reports),
        publish=schema.publish.topic,
        close=_close(schema.close, duration),
        retry=None if retry is None else _retry(retry, duration),
        on_close=tuple(_step(step, duration) for step in steps),
        refresh=None
        if refresh is None
        else BatchRefresh(time.fromisoformat(refresh.until), refresh.at_most, refresh.min_growth_percent),
        alerts=_alerts(_there(schema.alerts)),
    )


def _alerts(schema: BatchAlertsSchema | None) -> BatchAlerts:
    if schema is None:
        return BatchAlerts()
    return BatchAlerts(_there(schema.failed_percent), _there(schema.fewer_than_percent))


def _members(schema: MembersSchema) -> Members:
    sql = _there(schema.sql)
    return Members(schema.key, None if sql is None else Query(sql), _there(schema.message) or "")


def _reports(schema: BatchReportsSchema) -> Reports:
    return Reports(
        schema.topic,
        schema.key,
        schema.batch,
        _there(schema.count) or "",
        _there(schema.unit) or "",
        _there(schema.outcomes) or {},
    )


def _retry(schema: BatchRetrySchema, duration: Duration) -> Retry:
    return Retry(duration(schema.after), schema.attempts)


def _close(schema: CloseSchema, duration: Duration) -> Close:
    complete, idle, deadline = _there(schema.complete), _there(schema.idle), _there(schema.deadline)
    return Close(
        complete=complete is not False,
        idle=None if idle is None else _idle(idle, duration),
        deadline=None if deadline is None else _deadline(deadline, duration),
    )


def _idle(schema: IdleSchema, duration: Duration) -> Idle:
    return Idle(duration(schema.for_), schema.at_least_percent)


def _deadline(schema: BatchDeadlineSchema, duration: Duration) -> BatchDeadline:
    return BatchDeadline(duration(schema.after), schema.then)


def _step(schema: CloseStepSchema, duration: Duration) -> CloseStep:
    """Return a step; one that names both, or neither, is refused when the policy is checked."""
    http, sql = _there(schema.http), _there(schema.sql)
    return CloseStep(
        call=None if http is None else _call(http, duration),
        body=Body(_there(schema.body) or {}),
        sql=None if sql is None else Query(sql),
    )


def _call(schema: HttpSchema, duration: Duration) -> HttpCall:
    """Return a call that is made once an attempt: its repetitions are spaced by the close (batches, close steps)."""
    given: dict[str, Any] = {}
    if (accepted := _there(schema.accepted)) is not None:
        given["accepted"] = frozenset(accepted)
    if (timeout := _there(schema.timeout)) is not None:
        given["timeout"] = duration(timeout)
    return HttpCall(schema.service, schema.path, attempts=_there(schema.attempts) or 1, **given)


def _there(value: Any) -> Any:
    return None if value is msgspec.UNSET else value
