"""Whether batches did what was expected of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from shared.core.model import RunKey
from shared.simulation.batches.events import BatchSeen, Published, RequestSent
from shared.simulation.expectations import BatchExpected, Of, PublishedExpected, RequestsExpected
from shared.simulation.history import History

T = TypeVar("T", RequestSent, Published)
SHOWN = 5
NAMED = 50


def judge_batch(meaning: BatchExpected, seen: object) -> tuple[bool, str]:
    """Judge how a batch stood when it was looked at."""
    if not isinstance(seen, BatchSeen):
        return False, str(getattr(seen, "why", "was not looked at"))
    same = all(seen.numbers.get(name) == number for name, number in meaning.numbers.items())
    numbers = ", ".join(f"{name} {number}" for name, number in seen.numbers.items())
    return same and meaning.state in (None, seen.state), f"{seen.state}: {numbers}; {seen.text}"


def judge_requests(meaning: RequestsExpected, history: History, zone: ZoneInfo) -> tuple[bool, str]:
    """Judge the requests that left in a window."""
    alike = _of(history.requests, meaning.batch, meaning.of)
    requests = [request for request in alike if meaning.window.contains(request.at)]
    members, ids = {request.member for request in requests}, {request.request_id for request in requests}
    fits = (
        meaning.count in (None, len(requests))
        and (meaning.at_most is None or len(requests) <= meaning.at_most)
        and meaning.distinct in (None, len(members))
        and meaning.ids in (None, len(ids))
    )
    span = f", {_at(alike[0].at, zone)} to {_at(alike[-1].at, zone)}" if alike else ""
    observed = f"{len(requests)} in that time to {len(members)} members with {len(ids)} ids; {len(alike)} in all{span}"
    return fits, observed


def judge_published(meaning: PublishedExpected, history: History, zone: ZoneInfo) -> tuple[bool, str]:
    """Judge the completions of a batch: how many in all, and what the first of them said, and when."""
    completions = _of(history.published, meaning.batch, meaning.of)
    if meaning.generation is not None:
        completions = [completion for completion in completions if completion.generation == meaning.generation]
    texts = "; ".join(
        f"{_at(completion.at, zone)} {completion.batch_id} generation {completion.generation} {completion.status}, "
        f"{completion.percent} percent, missing: {', '.join(sorted(completion.missing)) or 'nobody'}"
        for completion in completions[:SHOWN]
    )
    observed = f"{len(completions)} published: {texts or 'none'}"
    if not completions or meaning.count == 0:
        return len(completions) == meaning.count, observed
    first = completions[0]
    fits = (
        len(completions) == meaning.count
        and meaning.window.contains(first.at)
        and meaning.status in (None, first.status)
        and (meaning.missing is None or frozenset(meaning.missing[:NAMED]) == first.missing)
        and (meaning.percent is None or _same(first.percent, meaning.percent))
    )
    return fits, observed


def _same(percent: float | None, expected: float) -> bool:
    """Compare to as many digits as the file has."""
    digits = len(f"{expected:g}".partition(".")[2])
    return percent is not None and abs(percent - expected) < 10**-digits / 2 + 1e-9


def _of(listed: Iterable[T], batch: str, of: Of) -> Sequence[T]:
    return [record for record in listed if record.batch == batch and record.run is not None and _fits(of, record.run)]


def _fits(of: Of, run: RunKey) -> bool:
    return of.fits(run.day, run.mode, run.lane.value)


def _at(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
