"""When the data of each source usually arrives, as the nights of the record have it (behaviour R13).

A processor has arrived on a night with the last whole report of it that was received before the run was a day old: of
one that reports once for each unit that is its last unit. Times are counted from the local midnight that begins the
working day, so that nights around a change of the clocks are alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.core.calendar import working_day
from shared.core.learning.nights import RecordedRun
from shared.core.learning.quantile import duration_quantile
from shared.core.model import Outcome, Report
from shared.core.policy.policy import Policy

WHOLE = frozenset({Outcome.SUCCESS, Outcome.SKIPPED})
MEDIAN, MOST = 0.5, 0.95
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When one source arrives: ``signal`` is the signal that its latest report was read by, "" where it reports itself.

    The times are from the local midnight of the working day on; ``median`` and ``p95`` are those of type 7.
    """

    mode: str
    phase: str
    processor: str
    signal: str
    nights: int
    earliest: timedelta
    median: timedelta
    p95: timedelta
    latest: timedelta


def arrivals_of(policy: Policy, runs: Iterable[RecordedRun], signals: Collection[str]) -> list[Arrivals]:
    """Return when each processor of each mode arrives, in the order of the policy; who never arrived is left out.

    ``signals`` are the names that the ids of messages read by a signal begin with.
    """
    times: dict[tuple[str, str, str], list[timedelta]] = defaultdict(list)
    latest: dict[tuple[str, str, str], Report] = {}
    for run in sorted(runs, key=lambda run: run.key.day):
        midnight = datetime.combine(working_day(run.key, policy), time(0))
        for place, report in _last_whole(run, policy, midnight).items():
            of = (run.key.mode, *place)
            times[of].append(_local(policy, report) - midnight)
            latest[of] = report
    listed = [(phase.name, name) for phase in policy.phases.values() for name in phase.processors]
    order = {place: n for n, place in enumerate(listed)}
    modes = list(policy.modes)
    places = (of for of in times if of[1:] in order)
    return [
        _arrivals(of, times[of], _signal(latest[of], signals))
        for of in sorted(places, key=lambda of: (modes.index(of[0]), order[of[1:]]))
    ]


def _last_whole(run: RecordedRun, policy: Policy, midnight: datetime) -> dict[tuple[str, str], Report]:
    last: dict[tuple[str, str], Report] = {}
    for report in sorted(run.reports, key=lambda report: report.received_at):
        if report.outcome in WHOLE and _local(policy, report) - midnight < A_DAY:
            last[report.phase, report.processor] = report
    return last


def _local(policy: Policy, report: Report) -> datetime:
    return policy.local(report.received_at).replace(tzinfo=None)


def _signal(report: Report, signals: Collection[str]) -> str:
    name, colon, _ = report.message_id.partition(":")
    return name if colon and name in signals else ""


def _arrivals(of: tuple[str, str, str], times: list[timedelta], signal: str) -> Arrivals:
    return Arrivals(
        *of,
        signal,
        len(times),
        min(times),
        duration_quantile(times, MEDIAN),
        duration_quantile(times, MOST),
        max(times),
    )
