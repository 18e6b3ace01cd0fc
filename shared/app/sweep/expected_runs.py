"""Opening the runs that today's clock expects (behaviour T1, T3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from shared.app.context import Context
from shared.app.state.calendar_readings import note
from shared.app.state.opening import learned_for
from shared.app.state.repository import Stored, run_path, save_run
from shared.core.calendar import day_of, instant
from shared.core.decision.pause import Pause, pause_at
from shared.core.model import Run, RunKey, Units
from shared.core.reporting.findings import Finding, FindingResult, Sweep

# A date without units is looked up again so often: some are added late, and each look reads the calendar.
EMPTY_AGAIN = timedelta(minutes=15)


def expected_runs(ctx: Context, pauses: Sequence[Pause], now: datetime) -> list[RunKey]:
    """Return the live runs that today's clock expects (behaviour T1, T3); inside a pause none of its modes (T8)."""
    today = ctx.policy.local(now).date()
    return [
        RunKey(ctx.policy.pipeline, day_of(mode, today), mode.name)
        for mode in ctx.policy.modes.values()
        if mode.expected_on(today)
        and now >= instant(today, mode.opens_at, ctx.policy.zone)
        and pause_at(ctx.policy, pauses, now, mode.name) is None
    ]


def without_run(ctx: Context, expected: Sequence[RunKey], existing: Collection[RunKey]) -> list[RunKey]:
    """Return those that do not exist, open or closed; ``existing`` are runs that do."""
    asked = [key for key in expected if key not in existing]
    documents = ctx.ports.store.get(*map(run_path, asked)) if asked else []
    return [key for key, document in zip(asked, documents, strict=True) if document is None]


def note_units(ctx: Context, expected: Sequence[RunKey], units: Mapping[date, Units] | None, now: datetime) -> None:
    """Keep which of the expected dates were read as empty (behaviour T3)."""
    if units is not None and expected:
        read = {key.day: units[key.day] for key in expected if key.day in units}
        note(ctx, read, ctx.policy.local(now).date())


def open_expected(
    ctx: Context, done: Sweep, expected: Sequence[RunKey], units: Mapping[date, Units] | None, now: datetime
) -> list[Stored[Run]]:
    """Open the expected runs; a date without units has none (behaviour T3), and is looked up again later."""
    opened = []
    for key in expected:
        if units is not None and units[key.day].total == 0:
            done.polls.append(now + EMPTY_AGAIN)
            continue
        day_units = None if units is None else units[key.day]
        final_at = now if day_units is not None and day_units.all_final else None
        run = Run(
            key,
            now,
            units=day_units,
            final_at=final_at,
            policy_version=ctx.policy.version,
            next_check_at=now,
            learned=learned_for(ctx.ports.store, ctx.policy, key),
        )
        stored = save_run(ctx.ports.store, Stored(run), ctx.policy)
        if stored is not None:
            ctx.log("run.opened", run_id=key.id, by="sweep")
            done.findings.append(Finding("run", key.id, "opened", FindingResult.DONE))
            opened.append(stored)
    return opened
