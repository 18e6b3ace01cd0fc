"""What weeks of validation show: what recurs, at what hour, which checks cry wolf, how health moves (behaviour 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.core.severity import Severity
from shared.core.validation.checks import Status
from shared.core.validation.verdict import health

# Fewer alarms say nothing about a check.
ALARMS_TO_JUDGE = 3
WOLF_SHARE = 0.5
_ALARM = (Status.WARN, Status.FAIL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One result of the record."""

    at: datetime
    check: str
    status: Status
    severity: Severity
    message: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A check that warned or failed from one run to another; ``over`` once a later run passed."""

    since: datetime
    until: datetime
    runs: int
    over: bool

    @property
    def brief(self) -> bool:
        """True if the next time anybody looked it was over."""
        return self.over and self.runs == 1


@dataclass(frozen=True, slots=True)
class History:
    """One check over all days."""

    check: str
    severity: Severity
    judged: int
    warned: int
    failed: int
    errors: int
    alarms: tuple[Alarm, ...]
    last_message: str

    @property
    def brief(self) -> int:
        return sum(alarm.brief for alarm in self.alarms)

    @property
    def cries_wolf(self) -> bool:
        """True if at least half of three or more alarms were over the next time anybody looked."""
        return len(self.alarms) >= ALARMS_TO_JUDGE and self.brief >= WOLF_SHARE * len(self.alarms)

    @property
    def longest(self) -> timedelta:
        return max((alarm.until - alarm.since for alarm in self.alarms), default=timedelta(0))


@dataclass(frozen=True, slots=True)
class Count:
    """Results of an hour, a day or a week. ``health`` is None where nothing was to be judged."""

    judged: int
    warned: int
    failed: int
    errors: int
    health: float | None


@dataclass(frozen=True)
class Analysis:
    """The answers. ``hours`` are local, ``weeks`` begin on Monday; ``cells`` hold the worst of a check and day."""

    first: date
    last: date
    histories: tuple[History, ...]
    hours: Mapping[int, Count]
    days: Mapping[date, Count]
    weeks: Mapping[date, Count]
    cells: Mapping[tuple[str, date], Status]

    @property
    def recurring(self) -> tuple[History, ...]:
        """Checks that ever warned or failed, those with the most alarms first."""
        histories = [history for history in self.histories if history.alarms]
        return tuple(sorted(histories, key=lambda history: (-len(history.alarms), -history.failed, history.check)))

    @property
    def broken(self) -> tuple[History, ...]:
        """Checks that could not be judged at some time: of those times nothing is known, good or bad."""
        histories = [history for history in self.histories if history.errors]
        return tuple(sorted(histories, key=lambda history: (-history.errors, history.check)))

    @property
    def wolves(self) -> tuple[History, ...]:
        histories = [history for history in self.histories if history.cries_wolf]
        return tuple(sorted(histories, key=lambda history: (-history.brief, history.check)))

    @property
    def silent(self) -> tuple[date, ...]:
        """Days of which nothing is recorded: no check ran, which is no good sign."""
        length = (self.last - self.first).days + 1
        return tuple(day for n in range(length) if (day := self.first + timedelta(days=n)) not in self.days)


def analyse(outcomes: Iterable[Outcome], first: date, last: date, zone: ZoneInfo) -> Analysis:
    """Return the answers for the local days from one to another, both included."""
    listed = [(outcome.at.astimezone(zone), outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.at)]
    inside = [(at, outcome) for at, outcome in listed if first <= at.date() <= last]
    by_check: dict[str, list[Outcome]] = defaultdict(list)
    by_hour: dict[int, list[Outcome]] = defaultdict(list)
    by_day: dict[date, list[Outcome]] = defaultdict(list)
    by_week: dict[date, list[Outcome]] = defaultdict(list)
    cells: dict[tuple[str, date], list[Status]] = defaultdict(list)
    for at, outcome in inside:
        day = at.date()
        by_check[outcome.check].append(outcome)
        by_hour[at.hour].append(outcome)
        by_day[day].append(outcome)
        by_week[day - timedelta(days=day.weekday())].append(outcome)
        cells[outcome.check, day].append(outcome.status)
    return Analysis(
        first=first,
        last=last,
        histories=tuple(_history(check, group) for check, group in sorted(by_check.items())),
        hours={hour: _count(group) for hour, group in sorted(by_hour.items())},
        days={day: _count(group) for day, group in sorted(by_day.items())},
        weeks={week: _count(group) for week, group in sorted(by_week.items())},
        cells={key: max(statuses, key=_WORST.index) for key, statuses in cells.items()},
    )


_WORST = (Status.SKIP, Status.PASS, Status.WARN, Status.ERROR, Status.FAIL)


def _count(outcomes: list[Outcome]) -> Count:
    statuses = [outcome.status for outcome in outcomes]
    return Count(
        judged=sum(status is not Status.SKIP for status in statuses),
        warned=statuses.count(Status.WARN),
        failed=statuses.count(Status.FAIL),
        errors=statuses.count(Status.ERROR),
        health=health((outcome.severity, outcome.status) for outcome in outcomes),
    )


def _history(check: str, outcomes: list[Outcome]) -> History:
    count = _count(outcomes)
    bad = [outcome for outcome in outcomes if outcome.status in _ALARM]
    return History(
        check=check,
        severity=outcomes[-1].severity,
        judged=count.judged,
        warned=count.warned,
        failed=count.failed,
        errors=count.errors,
        alarms=tuple(_alarms(outcomes)),
        last_message=bad[-1].message if bad else "",
    )


def _alarms(outcomes: Iterable[Outcome]) -> list[Alarm]:
    """Return the alarms of a check; what was skipped or could not be judged neither begins nor ends one."""
    alarms: list[Alarm] = []
    standing: Alarm | None = None
    for outcome in outcomes:
        if outcome.status in _ALARM:
            runs = 1 if standing is None else standing.runs + 1
            standing = Alarm(outcome.at if standing is None else standing.since, outcome.at, runs, over=False)
        elif outcome.status is Status.PASS and standing is not None:
            alarms.append(Alarm(standing.since, outcome.at, standing.runs, over=True))
            standing = None
    return alarms if standing is None else [*alarms, standing]
