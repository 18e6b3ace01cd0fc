"""The runs of past dates as the record has them, whatever became of their documents in the state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from shared.app.audit.rows import entry_of, instant_of, report_of
from shared.app.context import Context
from shared.app.state.repository import read_pauses
from shared.core.decision.pause import Pause, pauses_of
from shared.core.errors import Unavailable
from shared.core.learning.nights import SENT, RecordedRun
from shared.core.model import Lane, LogEntry, Logged, Report, RunKey

PAUSE_BEGINS, PAUSE_ENDS = ("pause", "operator_pause"), "operator_pause_end"


def recorded_nights(ctx: Context, first: date, last: date) -> tuple[list[RecordedRun], list[Pause]]:
    """Read the live runs of these dates, both included, and every pause that is known of: one query for each table.

    A row that this version cannot read, such as an outcome of a later one, is left out: its night is incomplete then.
    Raises ``Unavailable`` if record or state does not answer, or the pauses cannot be read.
    """
    policy = ctx.policy
    completions = ctx.ports.audit.completions(policy.pipeline, first, last)
    executions = ctx.ports.audit.executions(policy.pipeline, first, last)
    try:
        stored = pauses_of(policy, read_pauses(ctx.ports.store, policy.pipeline))
    except ValueError as error:  # the sweep says so: until they can be read no night is known to be ordinary
        raise Unavailable("pauses", str(error)) from error
    return _runs(ctx, completions, executions), [*stored, *recorded_pauses(executions)]


def _runs(
    ctx: Context, completions: Iterable[Mapping[str, Any]], executions: Iterable[Mapping[str, Any]]
) -> list[RecordedRun]:
    keys: dict[str, RunKey] = {}
    reports: dict[str, list[Report]] = defaultdict(list)
    for row in completions:
        # Scrapers report under the name of a run that they neither open nor change.
        if row["phase"] in ctx.policy.phases and _is_live(ctx, row, keys):
            try:
                reports[row["run_id"]].append(report_of(row))
            except ValueError as error:
                ctx.log("learning.row_unreadable", severity="WARNING", run_id=row["run_id"], error=str(error))
    entries: dict[str, dict[str, list[LogEntry]]] = defaultdict(lambda: defaultdict(list))
    opened: dict[str, dict[str, datetime]] = defaultdict(dict)
    dispatched: dict[str, dict[str, datetime]] = defaultdict(dict)
    for row in executions:
        if not _is_live(ctx, row, keys):
            continue
        entry = entry_of(row)
        entries[row["run_id"]][row["transition"]].append(entry)
        if entry.decision in SENT and entry.generation <= 1 and row["opened_at"]:
            opened[row["run_id"]][row["transition"]] = instant_of(row["opened_at"])
        if entry.decision == Logged.TRIGGER and entry.generation <= 1 and row["triggered_at"]:
            dispatched[row["run_id"]][row["transition"]] = instant_of(row["triggered_at"])
    return [
        RecordedRun(
            key,
            tuple(sorted(reports[run_id], key=lambda report: (report.received_at, report.message_id))),
            {name: tuple(listed) for name, listed in entries[run_id].items()},
            opened[run_id],
            dispatched[run_id],
        )
        for run_id, key in sorted(keys.items())
    ]


def _is_live(ctx: Context, row: Mapping[str, Any], keys: dict[str, RunKey]) -> bool:
    """Note the run of a row, and say whether it is a live one of a mode that the policy has."""
    if row["run_id"] in keys:
        return True
    if row["mode"] not in ctx.policy.modes or not row["run_id"]:
        return False
    day = row["game_date"] if isinstance(row["game_date"], date) else date.fromisoformat(row["game_date"])
    key = RunKey(ctx.policy.pipeline, day, row["mode"], Lane.LIVE)
    if key.id != row["run_id"]:
        return False
    keys[key.id] = key
    return True


def recorded_pauses(executions: Iterable[Mapping[str, Any]]) -> list[Pause]:
    """Return the pauses whose begin is in the record, which keeps them longer than the state.

    One whose end is not there, since its own time ended it, is known at its begin only: while it matters when it ended
    the state has it.
    """
    begun: dict[tuple[str, str], datetime] = {}
    pauses = []
    rows = (row for row in executions if not row["run_id"])
    for row in sorted(rows, key=lambda row: instant_of(row["execution_timestamp"])):
        scope, at = (str(row["mode"] or ""), str(row["transition"] or "")), instant_of(row["execution_timestamp"])
        if row["decision"] in PAUSE_BEGINS:
            begun.setdefault(scope, at)
        elif row["decision"] == PAUSE_ENDS and scope in begun:
            pauses.append(_pause(scope, begun.pop(scope), at))
    return pauses + [_pause(scope, at, at) for scope, at in begun.items()]


def _pause(scope: tuple[str, str], begins: datetime, ends: datetime) -> Pause:
    mode, transition = scope
    return Pause("record", begins, ends, "", mode=mode or None, transition=transition or None)
