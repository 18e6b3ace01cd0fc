"""Looking at batches without touching them: what the command line, the page and the function's `/status` show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from shared.app.batches.looking import look
from shared.app.batches.silent import missing_names
from shared.app.batches.store import all_outcomes, batches_of_run, counted
from shared.app.context import Context
from shared.core.batches.batch import Batch, BatchState, Counts, Outcome, percent_of
from shared.core.batches.decide import deadline_at
from shared.core.batches.decision import Wait
from shared.core.model import RunKey
from shared.core.policy.batches import MemberOutcome
from shared.core.texts import clock_time

MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch at this moment. ``silent`` is the number of members without any outcome, None before they are known."""

    batch: Batch
    counts: Counts
    missing: tuple[str, ...]
    reason: str

    @property
    def silent(self) -> int | None:
        return None if self.batch.members is None else self.batch.members - self.counts.total

    @property
    def percent(self) -> float | None:
        """The share of members with any outcome."""
        return None if self.batch.members is None else percent_of(self.counts.total, self.batch.members)


def newest(ctx: Context, name: str, run: RunKey) -> Batch | None:
    """Return the newest batch of a name and run."""
    listed = batches_of_run(ctx, name, run)
    return listed[0].value if listed else None


def view(ctx: Context, batch: Batch) -> BatchView:
    """Return how a batch stands: its numbers by count, what is missing by name."""
    declared = ctx.policy.batches.get(batch.name)
    counts = counted(ctx, batch)
    if declared is None:
        return BatchView(batch, counts, (), f"the policy declares no batch {batch.name} any more")
    _, decision = look(ctx, batch, declared)
    reason = decision.reason if isinstance(decision, Wait) else f"due: {type(decision).__name__}"
    whole = batch.members is not None and counts.total - counts.failed >= batch.members
    missing = () if whole or batch.state is BatchState.LOADING else missing_names(ctx, batch)
    return BatchView(batch, counts, missing, reason)


def troubled(ctx: Context, batch: Batch) -> list[Outcome]:
    """Return the members that were skipped or failed, with their reasons, the first of them."""
    outcomes = [outcome for outcome in all_outcomes(ctx, batch) if outcome.outcome is not MemberOutcome.DONE]
    return sorted(outcomes, key=lambda outcome: (outcome.outcome.value, outcome.member))[:MOST_NAMED]


def lines(ctx: Context, seen: BatchView) -> list[str]:
    """Return a batch as people read it."""
    batch, counts, policy = seen.batch, seen.counts, ctx.policy
    of = "members not known yet" if batch.members is None else f"{batch.members} members"
    listed = [f"{batch.id} {batch.name}: {batch.state.value}, generation {batch.generation}, {of}"]
    if batch.members is not None:
        listed.append(
            f"  {bar(seen.percent or 0.0)} {seen.percent:g} percent have an outcome: {counts.done} done, "
            f"{counts.skipped} skipped, {counts.failed} failed, {seen.silent} silent"
        )
    listed.append(f"  {seen.reason}")
    declared = policy.batches.get(batch.name)
    end = None if declared is None else deadline_at(batch, declared)
    moments = {"started": batch.started_at, "deadline": end, "published": batch.published_at}
    listed += [f"  {word:<10} {clock_time(policy, at)}" for word, at in moments.items() if at is not None]
    for place, step in enumerate(batch.steps):
        word = f"proven: {step.proof}" if step.proof else step.refused or step.error or "begun"
        listed.append(f"  close step {place + 1}: {word}")
    listed += [f"  {outcome.outcome.value:<8} {outcome.member}{_why(outcome)}" for outcome in troubled(ctx, batch)]
    silent = [name for name in seen.missing if name not in {outcome.member for outcome in troubled(ctx, batch)}]
    listed += [f"  silent   {name}" for name in silent]
    listed += [
        f"  {act.verb} {clock_time(policy, act.at)} by {act.by or 'nobody named'}: {act.reason}" for act in batch.acts
    ]
    return listed


def _why(outcome: Outcome) -> str:
    return f": {outcome.reason}" if outcome.reason else ""


def bar(percent: float, width: int = 20) -> str:
    """Return a share as `[######--------------]`."""
    filled = int(percent * width // 100)
    return f"[{'#' * filled}{'-' * (width - filled)}]"


def document(ctx: Context, seen: BatchView) -> dict[str, Any]:
    """Return a batch as a script reads it."""
    batch = seen.batch
    return {
        "batch_id": batch.id,
        "batch": batch.name,
        "run": batch.run.id,
        "state": batch.state.value,
        "generation": batch.generation,
        "members": batch.members,
        "done": seen.counts.done,
        "skipped": seen.counts.skipped,
        "failed": seen.counts.failed,
        "silent": seen.silent,
        "percent": seen.percent,
        "missing": list(seen.missing),
        "reason": seen.reason,
        "started_at": batch.started_at.isoformat(),
        "published_at": None if batch.published_at is None else batch.published_at.isoformat(),
        "steps": [
            {"proof": step.proof, "error": step.error, "refused": step.refused, "failures": step.failures}
            for step in batch.steps
        ],
        "members_named": [
            {"member": outcome.member, "outcome": outcome.outcome.value, "reason": outcome.reason}
            for outcome in troubled(ctx, batch)
        ],
        "acts": [{**asdict(act), "at": act.at.isoformat()} for act in batch.acts],
    }
