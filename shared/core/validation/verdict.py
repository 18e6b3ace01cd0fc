"""What the measures of a check come to, and what all checks of a run come to (behaviour 10).

Nothing here reads anything. Somebody measures; ``judge`` says what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import isfinite

from shared.core.severity import Severity
from shared.core.validation.checks import Check, Status, Target, shown

SHOWN = 5
# What wins where several measures of one check differ.
_ORDER = (Status.SKIP, Status.PASS, Status.WARN, Status.ERROR, Status.FAIL)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about one subject. ``verdict`` is given where a number is not the point; ``worst`` caps it."""

    subject: str
    value: float | None
    expected: str = ""
    note: str = ""
    verdict: Status | None = None
    worst: Status = Status.FAIL

    def status(self, check: Check) -> Status:
        if self.verdict is not None:
            status = self.verdict
        elif self.value is None or not isfinite(self.value):
            status = Status[check.nothing.name]
        else:
            status = check.thresholds.status(self.value)
        return min(status, self.worst, key=_ORDER.index) if status is Status.FAIL else status


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, and what could not be read, each with its reason."""

    measures: tuple[Measure, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A check, judged. ``affected`` counts the subjects that are not as they should be, ``port`` did not answer."""

    check: Check
    status: Status
    message: str
    actual: str = ""
    expected: str = ""
    affected: int = 0
    measures: tuple[Measure, ...] = ()
    unread: tuple[str, ...] = ()
    took: timedelta = timedelta(0)
    port: str = ""

    def bad(self) -> tuple[Measure, ...]:
        """Return the measures that warn or fail, the worst first."""
        wrong = [measure for measure in self.measures if measure.status(self.check) in (Status.WARN, Status.FAIL)]
        return tuple(sorted(wrong, key=lambda measure: -_ORDER.index(measure.status(self.check))))


def too_early(check: Check, target: Target) -> Result | None:
    """Return the result of a check that is not due yet."""
    due = target.due_at(check)
    if due is None or target.now >= due:
        return None
    return skipped(check, f"not due before {due.astimezone(target.zone):%H:%M} of {target.working_day}")


def skipped(check: Check, why: str) -> Result:
    return Result(check, Status.SKIP, why)


def broken(check: Check, why: str, port: str = "") -> Result:
    """Return the result of a check that could not be made: it says nothing of the data."""
    return Result(check, Status.ERROR, f"could not be judged: {why}", unread=(why,), port=port)


def judge(check: Check, measured: Measured) -> Result:
    """Return what the measures come to: the worst of them; what could not be read is never a pass."""
    measures, unread = measured.measures, measured.unread
    if not measures and not unread:
        status = Status[check.nothing.name]
        return Result(check, status, "nothing was found", affected=int(status is Status.FAIL))
    statuses = [measure.status(check) for measure in measures] + [Status.ERROR] * bool(unread)
    result = Result(check, max(statuses, key=_ORDER.index), "", measures=measures, unread=unread)
    bad = result.bad()
    shown_first = (bad or measures)[:1]
    return Result(
        check=check,
        status=result.status,
        message=_message(check, result, bad),
        actual="; ".join(_measure_text(check, measure) for measure in shown_first),
        expected=shown_first[0].expected if shown_first else "",
        affected=len(bad),
        measures=measures,
        unread=unread,
    )


def _message(check: Check, result: Result, bad: Sequence[Measure]) -> str:
    judged = [measure for measure in result.measures if measure.status(check) is not Status.SKIP]
    parts = []
    if bad:
        listed = "; ".join(_measure_text(check, measure) for measure in bad[:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        parts.append(f"{len(bad)} of {len(judged)}: {listed}{more}" if len(judged) > 1 else listed)
    elif len(judged) == 1:
        parts.append(_measure_text(check, judged[0]))
    elif judged:
        parts.append(f"{len(judged)} in order")
    elif result.measures:
        parts.append(
            "nothing to judge: " + "; ".join(_measure_text(check, measure) for measure in result.measures[:SHOWN])
        )
    if result.unread:
        parts.append(f"could not read {'; '.join(result.unread[:SHOWN])}")
    return ". ".join(parts)


def _measure_text(check: Check, measure: Measure) -> str:
    number = ""
    if measure.value is not None and isfinite(measure.value):
        number = " ".join(filter(None, (shown(measure.value), check.unit)))
    beside = ", ".join(filter(None, (number, measure.expected and f"expected {measure.expected}", measure.note)))
    return ": ".join(filter(None, (measure.subject, beside or "no number")))


class SummaryStatus(StrEnum):
    """What a whole run comes to."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Summary:
    """The results of one run together."""

    results: tuple[Result, ...]

    def count(self, status: Status) -> int:
        return sum(result.status is status for result in self.results)

    @property
    def judged(self) -> int:
        """Checks that came to a verdict."""
        return sum(self.count(status) for status in (Status.PASS, Status.WARN, Status.FAIL))

    @property
    def status(self) -> SummaryStatus:
        """Critical if a critical check failed or nothing could be judged although something was to be."""
        errors = self.count(Status.ERROR)
        grave = any(
            result.status is Status.FAIL and result.check.severity is Severity.CRITICAL for result in self.results
        )
        if grave or (errors and not self.judged):
            return SummaryStatus.CRITICAL
        return (
            SummaryStatus.WARNING if errors or self.count(Status.FAIL) or self.count(Status.WARN) else SummaryStatus.OK
        )

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read, each once, with the checks that needed it."""
        needed: dict[str, list[str]] = {}
        for result in self.results:
            for what in result.unread:
                needed.setdefault(what, []).append(result.check.name)
        return tuple(f"{what} ({', '.join(names)})" for what, names in needed.items())

    @property
    def message(self) -> str:
        parts = [f"{self.count(status)} {word}" for status, word in _WORDS if self.count(status)]
        worst = [result.check.name for result in self.results if result.status is Status.FAIL]
        return (", ".join(parts) or "no check") + (f"; failed: {', '.join(worst)}" if worst else "")

    @property
    def health(self) -> float | None:
        return health((result.check.severity, result.status) for result in self.results)


_WORDS = (
    (Status.PASS, "passed"),
    (Status.WARN, "warned"),
    (Status.FAIL, "failed"),
    (Status.ERROR, "could not be judged"),
    (Status.SKIP, "skipped"),
)
_WEIGHT = {Severity.INFO: 1, Severity.WARNING: 2, Severity.CRITICAL: 4}
_CREDIT = {Status.PASS: 1.0, Status.WARN: 0.5, Status.FAIL: 0.0, Status.ERROR: 0.0}


def health(judged: Iterable[tuple[Severity, Status]]) -> float | None:
    """Return how healthy the pipeline is, 0 to 100, by weight of severity; None if nothing was to be judged.

    A warning counts half; what could not be judged counts as nothing good.
    """
    total = earned = 0.0
    for severity, status in judged:
        if status in _CREDIT:
            total += _WEIGHT[severity]
            earned += _WEIGHT[severity] * _CREDIT[status]
    return round(100 * earned / total, 1) if total else None
