"""What a played batch must have come to, read from the store, from the workers and from what was pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from shared.app.alerting.outbox import COLLECTION as ALERTS
from shared.app.batches.queries import newest
from shared.app.batches.store import outcomes_path
from shared.app.context import Context
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.core import commands
from shared.core.alerting.alert import Alert
from shared.core.alerting.kinds import AlertKind
from shared.core.batches.batch import Batch, Closing
from shared.core.model import RunKey
from shared.core.texts import amount
from shared.documents import from_data
from shared.simulation.demo.day_summary import print_figures
from shared.simulation.demo.figures import Figure, grave, states
from shared.simulation.demo.relay import Pushed
from shared.simulation.demo.summary import in_home

NAME, FOLLOWING = "predictions", "phase5_to_phase6"


def batch_figures(
    ctx: Context,
    run: RunKey,
    pushed: Sequence[Pushed],
    requests: Sequence[Mapping[str, str]],
    silent: Sequence[str],
    late: str,
) -> list[Figure]:
    """Return what must be so of a batch of a hundred whose ``silent`` members were missing at its end, ``late`` one of
    them who reported after it; ``requests`` are those that the workers were sent."""
    store, batch = ctx.ports.store, newest(ctx, NAME, run)
    declared = ctx.policy.batches[NAME]
    if batch is None or batch.closing is None:
        return [Figure(f"{run.id} {NAME}", "published", "none" if batch is None else batch.state.value)]
    ends = [push for push in pushed if push.topic == declared.publish and push.body.get("status") != "started"]
    alerts = [from_data(Alert, document.data) for document in store.query(ALERTS)]
    following = states(ctx.policy, store, run)[FOLLOWING]
    triggers = "one trigger" if following.dispatches <= 1 else f"{following.dispatches} dispatches"
    return [
        Figure("messages in quarantine", "0", str(len(store.query(QUARANTINE)))),
        Figure("alerts of warning or above", "none", grave(store)),
        Figure(f"{run.id} {NAME}", "published, generation 1, closed by idle", _closed(batch, batch.closing)),
        Figure("members at its end", "95 done, 2 skipped, 0 failed, 3 silent", _numbers(batch.closing)),
        Figure("its end", f"partial, 97 percent, missing: {', '.join(silent)}", _end_text(ends)),
        Figure("members asked", "100 under one id each; 3 of them 3 times", _requests_text(requests)),
        Figure("outcomes kept", "98", str(store.count(outcomes_path(batch.id)))),
        Figure("late, and noted", late, _late(alerts, silent)),
        Figure(f"{run.id} {FOLLOWING}", "confirmed, one trigger", f"{following.state.value}, {triggers}"),
    ]


def _closed(batch: Batch, closing: Closing) -> str:
    return f"{batch.state.value}, generation {batch.generation}, closed by {closing.cause.value}"


def _numbers(closing: Closing) -> str:
    return f"{closing.done} done, {closing.skipped} skipped, {closing.failed} failed, {closing.silent} silent"


def _end_text(ends: Sequence[Pushed]) -> str:
    """Return what was published at the end: one completion, or how many."""
    if len(ends) != 1:
        return amount(len(ends), "completion")
    body = ends[0].body
    return f"{body['status']}, {body['metadata']['completion_pct']:g} percent, missing: {', '.join(body['missing'])}"


def _requests_text(requests: Sequence[Mapping[str, str]]) -> str:
    times = Counter(asked["member"] for asked in requests)
    ids = {(asked["member"], asked["request_id"]) for asked in requests}
    under = "one id each" if len(ids) == len(times) else f"{len(ids)} ids"
    again = Counter(count for count in times.values() if count > 1)
    repeated = ", ".join(f"{members} of them {count} times" for count, members in sorted(again.items()))
    return f"{len(times)} under {under}; {repeated or 'none again'}"


def _late(alerts: Sequence[Alert], members: Sequence[str]) -> str:
    noted = [alert for alert in alerts if alert.kind == AlertKind.BATCH_LATE]
    named = [member for member in members if any(f"{member} reported" in alert.text for alert in noted)]
    return ", ".join(named) if len(named) == len(noted) else amount(len(noted), "alert")


def print_batch(
    console: Console, figures: Sequence[Figure], logged: Mapping[str, int], left: Path, run: RunKey, took: float
) -> int:
    """Print the figures and what to ask of what is left; return the exit status."""
    print_figures(console, figures, logged)
    console.print("\nWhat is left can be asked:\n", highlight=False)
    for line in (commands.batch("show", NAME, run), commands.explain(FOLLOWING, run)):
        console.print(f"  {in_home(left, line)}", markup=False, highlight=False, soft_wrap=True)
    passed = all(figure.right for figure in figures)
    verdict = "every figure as it must be" if passed else "not every figure as it must be"
    console.print(f"\none batch played, {verdict} ({took:.0f} s)", style="bold", highlight=False)
    return 0 if passed else 1
