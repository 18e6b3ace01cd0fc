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
    found: Mapping[str, BatchSchema] | None, duration: Duration, refuse_no_json: Json
) -> dict[str, BatchPolicy]:
    """Return the batches of a policy; ``refuse_no_json`` is told of each value that a message could not carry."""
    return {name: _batch(name, one, duration, refuse_no_json) for name, one in (found or {}).items()}


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


def _batch(name: str, found: BatchSchema, duration: Duration, refuse_no_json: Json) -> BatchPolicy:
    key = f"batches.{name}"
    refuse_no_json(found.request.body, f"{key}.request.body")
    retry, refresh, steps = _there(found.retry), _there(found.refresh), _there(found.on_close) or []
    for place, step in enumerate(steps):
        refuse_no_json(_there(step.body) or {}, f"{key}.on_close[{place}].body")
    pace = _there(found.request.per_second)
    return BatchPolicy(
        name=name,
        phase=found.phase,
        reports_as=found.reports_as,
        members=_members(found.members),
        request=Request(found.request.topic, found.request.body, 50.0 if pace is None else pace),
        reports=_reports(found.reports),
        publish=found.publish.topic,
        close=_close(found.close, duration),
        retry=None if retry is None else _retry(retry, duration),
        on_close=tuple(_step(step, duration) for step in steps),
        refresh=None
        if refresh is None
        else BatchRefresh(time.fromisoformat(refresh.until), refresh.at_most, refresh.min_growth_percent),
        alerts=_alerts(_there(found.alerts)),
    )


def _alerts(found: BatchAlertsSchema | None) -> BatchAlerts:
    if found is None:
        return BatchAlerts()
    return BatchAlerts(_there(found.failed_percent), _there(found.fewer_than_percent))


def _members(found: MembersSchema) -> Members:
    sql = _there(found.sql)
    return Members(found.key, None if sql is None else Query(sql), _there(found.message) or "")


def _reports(found: BatchReportsSchema) -> Reports:
    return Reports(
        found.topic,
        found.key,
        found.batch,
        _there(found.count) or "",
        _there(found.unit) or "",
        _there(found.outcomes) or {},
    )


def _retry(found: BatchRetrySchema, duration: Duration) -> Retry:
    return Retry(duration(found.after), found.attempts)


def _close(found: CloseSchema, duration: Duration) -> Close:
    complete, idle, deadline = _there(found.complete), _there(found.idle), _there(found.deadline)
    return Close(
        complete=complete is not False,
        idle=None if idle is None else _idle(idle, duration),
        deadline=None if deadline is None else _deadline(deadline, duration),
    )


def _idle(found: IdleSchema, duration: Duration) -> Idle:
    return Idle(duration(found.for_), found.at_least_percent)


def _deadline(found: BatchDeadlineSchema, duration: Duration) -> BatchDeadline:
    return BatchDeadline(duration(found.after), found.then)


def _step(found: CloseStepSchema, duration: Duration) -> CloseStep:
    """Return a step; one that names both, or neither, is refused when the policy is checked."""
    http, sql = _there(found.http), _there(found.sql)
    return CloseStep(
        call=None if http is None else _call(http, duration),
        body=Body(_there(found.body) or {}),
        sql=None if sql is None else Query(sql),
    )


def _call(found: HttpSchema, duration: Duration) -> HttpCall:
    """Return a call that is made once an attempt: its repetitions are spaced by the close (batches, close steps)."""
    given: dict[str, Any] = {}
    if (accepted := _there(found.accepted)) is not None:
        given["accepted"] = frozenset(accepted)
    if (timeout := _there(found.timeout)) is not None:
        given["timeout"] = duration(timeout)
    return HttpCall(found.service, found.path, attempts=_there(found.attempts) or 1, **given)


def _there(value: Any) -> Any:
    return None if value is msgspec.UNSET else value
