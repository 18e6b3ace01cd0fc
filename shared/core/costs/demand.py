"""What the busiest moment of a month asks of each quota."""

from __future__ import annotations

from collections.abc import Mapping

from shared.core.costs.month import SECONDS_A_DAY, Month
from shared.core.costs.operations import SWEPT_AT_ONCE
from shared.core.costs.price import DAYS, Limit

MEGA = 1e6
MOST_WRITTEN = 2 / 60  # writes a second to the sweep's lock, which no growth of one pipeline adds to


def demand_of(month: Month) -> Mapping[Limit, float]:
    """Return what is asked of each quota at most; of Firestore's, by the pipelines that share a database."""
    habits, deployment, many = month.habits, month.deployment, month.pipelines
    deployed = month.deployed
    sharing = many / deployed
    second = month.completions * habits.deliveries / SECONDS_A_DAY * habits.peak
    delivery = month.parts["completions"]
    each = (delivery.reads + delivery.writes) / max(1, month.completions)
    rows = month.operations.rows / DAYS / SECONDS_A_DAY * habits.peak
    pace = sum(load.per_second for load in month.batches)
    triggered = second * month.triggers / max(1, month.completions)
    # Every sweep begins with the minute, and so does its question for the calendar; one of several pipelines asks for
    # so many at once.
    asking = min(1.0, month.queries["calendar"][0] / max(1.0, deployment.sweeps))
    at_once = min(many, SWEPT_AT_ONCE * deployed) * asking + many * triggered
    instances = second * sharing * habits.completion_seconds / deployment.receiver.concurrency + 1
    counted = [transition.row_tables for run in month.runs for transition in run.transitions]
    counted += [run.baseline_tables for run in month.runs]
    return {
        Limit.DOCUMENT_WRITES: MOST_WRITTEN,
        # Workers report no faster than they are asked; each outcome holds the instant of its receipt.
        Limit.SEQUENTIAL_WRITES: (second * delivery.writes / max(1, month.completions) + pace) * sharing,
        Limit.COLD_OPERATIONS: second * each * sharing,
        Limit.DATABASES: deployed,
        Limit.PUBLISHED: (second + 2 * pace) * habits.message_bytes / MEGA * many,
        Limit.PUSHED: (second + pace) * habits.message_bytes / MEGA * many,
        Limit.TOPICS: deployment.topics * many,
        Limit.SERVICES: deployment.functions * deployed,
        Limit.INSTANCES: instances * deployment.receiver.cpu * deployed,
        Limit.QUEUED_QUERIES: at_once,
        Limit.TABLES_IN_QUERY: max(counted, default=0),
        Limit.SLOTS: at_once * habits.query_seconds * habits.query_slots,
        Limit.INSERTED: rows * habits.row_bytes / MEGA,
        Limit.SCHEDULES: deployment.jobs * deployed,
    }
