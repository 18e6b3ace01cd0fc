"""The decisions of a run: those that the record holds, and those that its state keeps until they are written there."""

from __future__ import annotations

from datetime import datetime

from shared.app.audit.rows import entry_of
from shared.app.context import Context
from shared.app.state.repository import Loaded
from shared.core.model import LogEntry, RunKey

Decisions = dict[str, list[LogEntry]]
"""The decisions of a run by transition, each once, in no order."""


def decisions(ctx: Context, key: RunKey, loaded: Loaded) -> Decisions:
    """Return every decision of a run; raises ``Unavailable`` if the record does not answer."""
    entries: dict[tuple[str, datetime, int, str], LogEntry] = {}
    for row in ctx.ports.audit.executions(key.pipeline, key.day, key.day):
        if row["run_id"] == key.id:
            entry = entry_of(row)
            entries[row["transition"], entry.at, entry.generation, entry.decision] = entry
    for name, stored in loaded.transitions.items():
        for entry in stored.value.pending_audit:
            entries[name, entry.at, entry.generation, entry.decision] = entry
    by_transition: Decisions = {}
    for (name, *_), entry in entries.items():
        by_transition.setdefault(name, []).append(entry)
    return by_transition
