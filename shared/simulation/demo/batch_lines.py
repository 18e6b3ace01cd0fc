"""What the screen says of a batch: what came in and what went out, counted where many say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.app.batches.queries import BatchView, bar
from shared.core.batches.batch import BatchState
from shared.core.policy.policy import Policy
from shared.core.texts import amount
from shared.simulation.demo.day_lines import message_text, report_text
from shared.simulation.demo.night import NightLine
from shared.simulation.demo.relay import Pushed

_NAMED = 3
BATCH_LEGEND = """\
Every line is one of these, at the time of the night:
  start     somebody starts the batch
  request   members were asked, each by a message of its own
  worker    workers have reported members, each by a message of its own
  batch     how the batch stands, as the function counts it
  call      a service was called, with the body that the policy's template makes, and what it answered
  report    the batch has published that it began or ended, in the words of a service
  run       the orchestrator follows a date in a mode from now on
  decision  what a transition waits for, with its next time, or what became of it
  message   the next phase was started by Pub/Sub"""


def standing_text(view: BatchView) -> str:
    """Return `open [####----] 20 percent: 18 done, 1 skipped, 1 failed, 80 silent`, or how it was closed."""
    batch, counts, percent = view.batch, view.counts, view.percent or 0.0
    if batch.state is BatchState.PUBLISHED and batch.closing is not None:
        return f"published, closed by {batch.closing.cause.value}; missing: {', '.join(batch.closing.missing)}"
    numbers = f"{counts.done} done, {counts.skipped} skipped, {counts.failed} failed, {view.silent} silent"
    return f"{batch.state.value} {bar(percent)} {percent:g} percent: {numbers}"


def request_lines(requests: Sequence[Mapping[str, str]]) -> Iterator[NightLine]:
    """Yield a line for the requests that came together, with the names of a few."""
    together: dict[datetime, list[str]] = {}
    for asked in requests:
        at = datetime.fromisoformat(asked["at"]).replace(second=0, microsecond=0)
        together.setdefault(at, []).append(asked["member"])
    for at, members in together.items():
        named = f": {', '.join(sorted(members))}" if len(members) <= _NAMED else ""
        yield NightLine(at, "request", f"{amount(len(members), 'member')} asked{named}")


def batch_lines(pushes: Sequence[Pushed], policy: Policy) -> Iterator[NightLine]:
    """Yield a line for the workers' reports among what was pushed, and one for each of the rest."""
    requests = {batch.request.topic for batch in policy.batches.values()}
    reports = {batch.reports.topic for batch in policy.batches.values()}
    reported = [push for push in pushes if push.topic in reports]
    if reported:
        words = Counter(str(push.body.get("outcome", "done")) for push in reported)
        counted = ", ".join(f"{count} {word}" for word, count in words.items())
        yield NightLine(reported[0].at, "worker", f"{counted}{_reasons(reported)}")
    for push in pushes:
        if push.topic in requests | reports:
            continue
        if "status" in push.body:
            yield NightLine(push.at, "report", report_text(push) + _of_batch(push.body))
        elif "transition" in push.body:
            yield NightLine(push.at, "message", message_text(push, policy))


def _reasons(reported: Sequence[Pushed]) -> str:
    reasons = {
        str(push.body["player_lookup"]): str(push.body.get("reason") or push.body.get("error_message") or "")
        for push in reported
        if push.body.get("outcome", "done") != "done"
    }
    return "".join(f"; {member}: {reason}" for member, reason in reasons.items())


def _of_batch(body: Any) -> str:
    """Return what a completion says of its batch: its share, and which members are missing, by name."""
    metadata = body.get("metadata") or {}
    if "completion_pct" not in metadata:
        return ""
    return f", {metadata['completion_pct']:g} percent, missing: {', '.join(body.get('missing') or ()) or 'nobody'}"
