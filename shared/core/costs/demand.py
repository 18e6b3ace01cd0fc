"""What the busiest moment of a month asks of each quota."""

from __future__ import annotations

from collections.abc import Mapping

from shared.core.costs.month import Month
from shared.core.costs.price import DAYS, Limit

MEGA = 1e6
SECONDS_A_DAY = 86_400
MOST_WRITTEN = 2 / 60  # writes a second to the sweep's lock, which no growth of one pipeline adds to


def demand_of(month: Month) -> Mapping[Limit, float]:
    """Return what is asked of each quota at most; of Firestore's, by one pipeline in a database of its own."""
    habits, deployment, many = month.habits, month.deployment, month.pipelines
    second = month.completions * habits.deliveries / SECONDS_A_DAY * habits.peak
    delivery = month.parts["completions"]
    each = (delivery.reads + delivery.writes) / max(1, month.completions)
    rows = month.operations.rows / DAYS / SECONDS_A_DAY * habits.peak
    pace = sum(load.per_second for load in month.batches)
    triggered = second * month.triggers / max(1, month.completions)
    # Every sweep begins with the minute, and so does its question for the calendar.
    at_once = many * ((1.0 if month.queries["calendar"][0] else 0.0) + triggered)
    instances = second * habits.completion_seconds / deployment.receiver.concurrency + 1
    counted = [transition.row_tables for run in month.runs for transition in run.transitions]
    counted += [run.baseline_tables for run in month.runs]
    return {
        Limit.DOCUMENT_WRITES: MOST_WRITTEN,
        # Workers report no faster than they are asked; each outcome holds the instant of its receipt.
        Limit.SEQUENTIAL_WRITES: second * delivery.writes / max(1, month.completions) + pace,
        Limit.COLD_OPERATIONS: second * each,
        Limit.DATABASES: many,
        Limit.PUBLISHED: (second + 2 * pace) * habits.message_bytes / MEGA * many,
        Limit.PUSHED: (second + pace) * habits.message_bytes / MEGA * many,
        Limit.TOPICS: deployment.topics * many,
        Limit.SERVICES: deployment.functions * many,
        Limit.INSTANCES: instances * deployment.receiver.cpu * many,
        Limit.QUEUED_QUERIES: at_once,
        Limit.TABLES_IN_QUERY: max(counted, default=0),
        Limit.SLOTS: at_once * habits.query_seconds * habits.query_slots,
        Limit.INSERTED: rows * habits.row_bytes / MEGA,
        Limit.SCHEDULES: deployment.jobs * many,
    }
