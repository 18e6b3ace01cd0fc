"""Telling people what the validation found, and when it is over (behaviour 7, 10).

One alert for each check and word: a check that warns and later fails is said twice. A port that does not
answer is one alert, however many checks needed it. Only a verdict ends an alert; a check that was skipped or
could not be judged ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from shared.app.alerting import outbox, raise_alerts
from shared.app.alerting.direct import send_direct
from shared.app.context import Context
from shared.app.validation.report import Report
from shared.core.alerting.condition import Condition
from shared.core.errors import Unavailable
from shared.core.severity import Severity
from shared.core.texts import amount, say
from shared.core.validation.checks import Status
from shared.core.validation.verdict import Result
from shared.ports import Notice

KIND = raise_alerts.VALIDATION
PORTS = ("warehouse", "state", "record", "inventory")
INVENTORY = ("schedule_inventory", "subscription_inventory", "subscription_backlog")
UNRECORDED = "unrecorded"
_LOWER = {Severity.CRITICAL: Severity.WARNING, Severity.WARNING: Severity.INFO, Severity.INFO: Severity.INFO}
_VERDICTS = (Status.PASS, Status.WARN, Status.FAIL)


def update_validation_alerts(ctx: Context, report: Report) -> str:
    """Raise what holds and end what does not; return what could not be told, empty if all was stored.

    While the state store does not answer the summary goes directly to people: alerts would have been kept there.
    """
    conditions = {condition.fingerprint: condition for condition in _conditions(ctx, report)}
    try:
        over = _over(ctx, report, conditions)
        raise_alerts.raise_now(ctx, list(conditions.values()), occurrence=True)
        for kept in over:
            how = f"judged again by {report.target.schedule.name} of {report.target.day}"
            now = ctx.ports.clock.now()
            raise_alerts.end(ctx, replace(kept, alert=replace(kept.alert, ended_at=now, ended_by=how)), now)
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
        return _straight(ctx, report, error) if conditions else ""
    return ""


def _conditions(ctx: Context, report: Report) -> Iterator[Condition]:
    silent: dict[str, list[Result]] = {}
    for result in report.summary.results:
        if result.status is Status.ERROR and result.port in PORTS:
            silent.setdefault(result.port, []).append(result)
        elif result.status in (Status.FAIL, Status.WARN, Status.ERROR):
            yield _of_check(ctx, report, result)
    for port, results in silent.items():
        what = (
            f"the {port} did not answer, so {amount(len(results), 'check')} could not be judged: {results[0].unread[0]}"
        )
        yield _condition(ctx, Status.ERROR.value, port, Severity.WARNING, what, f"look at the {port}")
    if report.not_recorded:
        what = f"{report.target.schedule.name} of {report.target.day}: {report.not_recorded}; {report.summary.message}"
        yield _condition(ctx, UNRECORDED, report.target.schedule.name, Severity.WARNING, what, "look at the record")


def _of_check(ctx: Context, report: Report, result: Result) -> Condition:
    severity = result.check.severity
    if result.status is Status.WARN:
        severity = _LOWER[severity]
    elif result.status is Status.ERROR:
        severity = min(severity, Severity.WARNING, key=list(Severity).index)
    verb = {Status.FAIL: "failed", Status.WARN: "warns", Status.ERROR: "is broken"}[result.status]
    limits = f" ({result.check.thresholds.text})" if result.status is not Status.ERROR else ""
    what = f"{result.check.name} {verb} for {report.target.day}: {result.message}{limits}"
    return _condition(ctx, result.status.value, result.check.name, severity, what, f"see {result.check.title}")


def _condition(ctx: Context, word: str, subject: str, severity: Severity, what: str, do: str) -> Condition:
    text = say(ctx.policy.pipeline, "validation", what, "it is judged again by the next schedule that has it", do)
    return Condition(KIND, severity, ctx.policy.pipeline, word, subject, text)


def _over(ctx: Context, report: Report, conditions: Mapping[str, Condition]) -> list[outbox.Kept]:
    """Return the alerts that this run has shown to be over."""
    documents = outbox.own_alerts(ctx, {"kind": KIND.value, "standing": True})
    standing = [outbox.read(document) for document in documents]
    judged = {result.check.name for result in report.summary.results if result.status in _VERDICTS}
    failed = {result.check.name for result in report.summary.results if result.status is Status.FAIL}
    answered = _answered(report)
    over = []
    for kept in standing:
        alert = kept.alert
        if alert.fingerprint in conditions or alert.run != ctx.policy.pipeline:
            continue
        worse = alert.transition == Status.WARN and alert.subject in failed
        if worse:  # it is not over, there is only more to say
            continue
        recorded = alert.transition == UNRECORDED and alert.subject == report.target.schedule.name
        if recorded or alert.subject in judged or (alert.transition == Status.ERROR and alert.subject in answered):
            over.append(kept)
    return over


def _answered(report: Report) -> set[str]:
    """Return the ports that a check has read, and that no check waited for in vain."""
    results = report.summary.results
    verdicts = [result.check for result in results if result.status in _VERDICTS]
    read = {"warehouse" if check.queries else "state" for check in verdicts if check.builtin not in INVENTORY}
    read |= {"inventory" for check in verdicts if check.builtin in INVENTORY}
    read |= {"record" for check in verdicts if check.builtin == "state_against_record"}
    return read - {result.port for result in results if result.status is Status.ERROR}


def _straight(ctx: Context, report: Report, error: Unavailable) -> str:
    what = f"{report.target.schedule.name} of {report.target.day}: {report.summary.message}"
    text = say(ctx.policy.pipeline, "validation", f"{what}; alerts could not be stored: {error.reason}")
    plain = Notice(f"{KIND}-straight", "critical", KIND.value, text)
    unsent = send_direct(ctx, plain, ctx.policy.pipeline, "validation")
    return "" if unsent is None else f"{error.reason}; {unsent.reason}"
