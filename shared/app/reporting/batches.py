"""The batches of the last two days, and those that are not over: counted while they go on, then as they were closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.app.batches.queries import view
from shared.app.batches.store import batches_of_name
from shared.app.context import Context
from shared.core.batches.batch import Batch, BatchState, percent_of
from shared.core.batches.messages import status_of
from shared.core.model import Outcome, RunKey
from shared.core.reporting.page import BatchLine, Tone

SHOWN_FOR = timedelta(days=2)
TONES = {Outcome.SUCCESS: Tone.GOOD, Outcome.PARTIAL: Tone.NOTICE, Outcome.NO_DATA: Tone.QUIET}


def batch_lines(ctx: Context, runs: tuple[RunKey, ...] = ()) -> tuple[BatchLine, ...]:
    """Return batches as they are, newest first: those of the runs, or of the last two days and all that are not over.

    Raises ``Unavailable`` if the state store does not answer. A pipeline without batches reads nothing.
    """
    since = ctx.ports.clock.now() - SHOWN_FOR
    batches = [batch for name in ctx.policy.batches for batch in batches_of_name(ctx, name)]
    shown = [batch for batch in batches if (batch.run in runs if runs else batch.active or batch.started_at >= since)]
    return tuple(_line(ctx, batch) for batch in sorted(shown, key=_newest, reverse=True))


def _newest(batch: Batch) -> tuple[object, str]:
    return batch.started_at, batch.id


def _line(ctx: Context, batch: Batch) -> BatchLine:
    if batch.state is not BatchState.PUBLISHED or batch.closing is None:
        return _open(ctx, batch)
    closing = batch.closing
    status = status_of(closing, batch.members)
    return BatchLine(
        key=batch.run, name=batch.name, word=f"published {status.value.replace('_', ' ')}", tone=TONES[status],
        generation=batch.generation, started_at=batch.started_at, ended_at=batch.published_at, members=batch.members,
        done=closing.done, skipped=closing.skipped, failed=closing.failed, silent=closing.silent,
        percent=None if not batch.members else percent_of(closing.total, batch.members),
        missing=closing.missing, missing_count=closing.missing_count, note=f"closed by {closing.cause.value}",
    )  # fmt: skip


def _open(ctx: Context, batch: Batch) -> BatchLine:
    batch_view = view(ctx, batch)
    counts, members = batch_view.counts, batch.members
    if batch.closing is not None:  # nothing that comes now is in it any more
        closing = batch.closing
        done, skipped, failed, silent = closing.done, closing.skipped, closing.failed, closing.silent
        missing_count = closing.missing_count
    else:
        done, skipped, failed = counts.done, counts.skipped, counts.failed
        silent = 0 if members is None else members - counts.total
        missing_count = silent + failed
    return BatchLine(
        key=batch.run, name=batch.name, word=batch.state.value,
        tone=Tone.BAD if batch.state is BatchState.HELD else Tone.BUSY, generation=batch.generation,
        started_at=batch.started_at, members=members, done=done, skipped=skipped, failed=failed, silent=silent,
        percent=None if not members else percent_of(done + skipped + failed, members), missing=batch_view.missing,
        missing_count=missing_count, note=batch_view.reason,
    )  # fmt: skip


def reported(ctx: Context) -> list[dict[str, Any]]:
    """Return the same as a report holds it."""
    return [_reported(ctx, line) for line in batch_lines(ctx)]


def _reported(ctx: Context, line: BatchLine) -> dict[str, Any]:
    ended = line.ended_at
    return {
        "batch": line.name,
        "run": line.key.id,
        "word": line.word,
        "generation": line.generation,
        "started_at": ctx.policy.local(line.started_at).isoformat(timespec="seconds"),
        "ended_at": None if ended is None else ctx.policy.local(ended).isoformat(timespec="seconds"),
        "members": line.members,
        "done": line.done,
        "skipped": line.skipped,
        "failed": line.failed,
        "silent": line.silent,
        "percent": line.percent,
        "missing": list(line.missing),
        "missing_count": line.missing_count,
        "note": line.note,
    }
