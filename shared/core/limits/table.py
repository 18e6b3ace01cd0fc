"""The table of deploy/LIMITS.md: each quota, what is asked of it at the busiest, and what keeps us under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.core.costs.demand import demand_of
from shared.core.costs.month import Month
from shared.core.costs.price import DAYS, Limit, PriceList
from shared.core.limits.dml import changed_tables
from shared.core.limits.documented import COSTED, OWN, Ceiling

# A crowd of completions in one go, of one pipeline: what the load test drives.
CROWD = 161
MINUTE = 60
# Of a message that Pub/Sub has numbered.
MESSAGE_ID = 20
_DATE = "2026-01-21"


@dataclass(frozen=True, slots=True)
class Front:
    """What the manifest puts before a function that is pushed to: instances, requests of each at once, the CPU of one,
    and how long Pub/Sub waits, backs off and tries."""

    instances: int
    concurrency: int
    cpu: float
    timeout: timedelta
    ack_deadline: timedelta
    max_backoff: timedelta
    attempts: int

    @property
    def places(self) -> int:
        """Requests that are at work at once at most."""
        return self.instances * self.concurrency


class QuotaStatus(StrEnum):
    """How a quota stands. ``WAITS``: more is asked than our governor lets through, and the rest comes later."""

    FITS = "fits"
    WAITS = "waits"
    PASSES = "passes"


@dataclass(frozen=True, slots=True)
class Use:
    """What is asked of a quota at the busiest."""

    ceiling: Ceiling
    asked: float

    @property
    def status(self) -> QuotaStatus:
        if self.ceiling.holds is not None and self.asked > self.ceiling.holds:
            return QuotaStatus.WAITS
        return QuotaStatus.FITS if self.asked <= self.ceiling.limit else QuotaStatus.PASSES


def uses(month: Month, prices: PriceList, front: Front) -> tuple[Use, ...]:
    """Return every quota with what the pipelines of a month ask of it together, in one project."""
    costed = demand_of(month)
    asked = {name: ask(month, front) for name, ask in _ASKED.items()}
    listed = [Use(_costed(limit, prices), costed[limit]) for limit in Limit]
    own = [Use(ceiling.with_front(front.places, round(4 * front.cpu)), asked[ceiling.name]) for ceiling in OWN]
    return (*own, *listed)


def _costed(limit: Limit, prices: PriceList) -> Ceiling:
    """Return a quota whose number and source stand in the price list."""
    quota, governed = prices.quotas[limit], COSTED[limit]
    return Ceiling(
        limit.value,
        quota.limit,
        quota.unit,
        quota.source,
        governed.governor,
        governed.where,
        governed.test,
        governed.advice,
        soft=quota.soft,
        undriven=governed.undriven,
    )


def _closes(month: Month) -> int:
    """Return how many batches of a pipeline close by a statement on the table that most of them change."""
    changed = [
        table
        for batch in month.policy.batches.values()
        for step in batch.on_close
        if step.sql is not None
        for table in changed_tables(step.sql.text)
    ]
    return max(map(changed.count, changed), default=0)


def _closes_a_day(month: Month) -> float:
    runs = max((load.runs for load in month.batches), default=0.0)
    return _closes(month) * runs


def _widest(month: Month) -> int:
    return max((phase.members for run in month.runs for phase in run.phases), default=0)


def _flushed(month: Month) -> int:
    """Return the rows that one sweep may write of one run: a report of each, and what became of each transition."""
    return max((run.completions + 4 * len(run.transitions) for run in month.runs), default=0)


def _longest_row_name(month: Month) -> int:
    policy = month.policy
    run = len(f"{policy.pipeline}/{_DATE}/") + max(map(len, policy.modes)) + len("/backfill")
    reports = (
        len(f"/{phase}/{processor}/") + MESSAGE_ID
        for phase, declared in policy.phases.items()
        for processor in declared.processors
    )
    decisions = (len(f"/{name}/100/dispatch_failed/{_DATE}T00:00:00.000000+00:00") for name in policy.transitions)
    return run + max((*reports, *decisions), default=0)


def _messages_together(month: Month) -> float:
    asked = [float(load.page) for load in month.batches]
    sent = [transition.messages for run in month.runs for transition in run.transitions]
    return max((*asked, *sent), default=0.0)


def _largest_message(month: Month) -> float:
    """Return the bytes of a trigger message: its plain fields, and each name that it lists."""
    names = [name for phase in month.policy.phases.values() for name in phase.processors]
    return month.habits.message_bytes + sum(len(name) + 3 for name in names) * month.width


def _run_writes(month: Month) -> float:
    """Return the writes a second to documents of runs, whose moments are indexed: opened, made due, looked at, put off
    and closed, by the pipelines of one database."""
    writes = sum(2 * run.touches + 4 + run.looks(month.habits.look_minutes) for run in month.runs)
    return writes / 86_400 * month.habits.peak * month.pipelines / month.deployed


def _rows(month: Month) -> float:
    return month.operations.rows / DAYS / month.pipelines


def _instances(month: Month, front: Front) -> float:
    return month.deployment.functions * front.instances * month.deployed


_ASKED: Mapping[str, Callable[[Month, Front], float]] = {
    "statements_at_once": lambda month, front: float(_closes(month) * month.pipelines),
    "statements_in_ten_seconds": lambda month, front: float(_closes(month) * month.pipelines),
    "statements_a_day": lambda month, front: _closes_a_day(month) * month.pipelines,
    "insert_rows": lambda month, front: float(_flushed(month)),
    "insert_bytes": lambda month, front: _flushed(month) * month.habits.row_bytes,
    "insert_id": lambda month, front: float(_longest_row_name(month)),
    "table_loads": lambda month, front: 0.0,
    "requests_a_second": lambda month, front: demand_of(month)[Limit.QUEUED_QUERIES],
    "publish_messages": lambda month, front: _messages_together(month),
    "publish_bytes": lambda month, front: _messages_together(month) * _largest_message(month),
    "message_bytes": lambda month, front: _largest_message(month),
    "pushed_at_once": lambda month, front: max(CROWD, _widest(month)) * month.pipelines / month.deployed,
    "requests_in_an_instance": lambda month, front: float(front.concurrency),
    "ack_deadline": lambda month, front: max(front.timeout, front.ack_deadline) / timedelta(seconds=1),
    "back_off": lambda month, front: front.max_backoff / timedelta(seconds=1),
    "delivery_attempts": lambda month, front: float(front.attempts),
    "crowded_document": lambda month, front: front.places + 2.0,
    "run_documents": lambda month, front: _run_writes(month),
    "document_bytes": lambda month, front: month.habits.document_bytes,
    "chat_messages": lambda month, front: float(month.pipelines),
    "pager_events": lambda month, front: float(month.pipelines),
    "secret_accesses": lambda month, front: _instances(month, front) * month.deployment.secrets,
    "cloud_tasks": lambda month, front: 0.0,
}
