"""What runs are compared by: how they came out, from the state, and by what they were decided, from the record."""

from __future__ import annotations

from collections.abc import Sequence

from shared.app.audit.rows import instant_of
from shared.app.context import Context
from shared.app.reporting.run_statuses import statuses_of
from shared.app.state.repository import read_run, run_path
from shared.core.model import RunKey
from shared.core.reporting.run_diff import RunFacts


def run_facts(ctx: Context, keys: Sequence[RunKey]) -> dict[RunKey, RunFacts]:
    """Return what is known of these runs, without those that were never opened; raises ``Unavailable`` if state or
    record does not answer."""
    runs = [read_run(document) for document in ctx.ports.store.get(*(run_path(key) for key in keys))]
    policies = {stored.value.key: stored.value.policy_version for stored in runs if stored is not None}
    return {
        status.key: RunFacts(status, policies.get(status.key, ""), _code_versions(ctx, status.key))
        for status in statuses_of(ctx, keys)
    }


def _code_versions(ctx: Context, key: RunKey) -> tuple[str, ...]:
    """Return the versions of the code that decided a run, in the order in which they first did."""
    rows = [row for row in ctx.ports.audit.executions(key.pipeline, key.day, key.day) if row["run_id"] == key.id]
    in_order = sorted(rows, key=lambda row: instant_of(row["execution_timestamp"]))
    return tuple(dict.fromkeys(str(row["code_version"]) for row in in_order if row.get("code_version")))
