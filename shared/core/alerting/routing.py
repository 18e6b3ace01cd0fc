"""Which sinks hear an alert, and when: the policy's routes and quiet hours as pure functions (behaviour A1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import instant
from shared.core.policy.alerts import Route
from shared.core.policy.policy import Policy
from shared.core.severity import Severity

# What is told of a transition when it has something to send is a matter of the phase that it starts.
_OF_STARTED = frozenset(
    {
        AlertKind.UNCONFIRMED, AlertKind.NOT_ENDED, AlertKind.REFUSED, AlertKind.PREFLIGHT, AlertKind.DISPATCH,
        AlertKind.NOT_TAKEN, AlertKind.OVERTAKEN, AlertKind.RUNS_LONG,
    }
)  # fmt: skip
# Asked for by a schedule at a time of its own.
_PLANNED = frozenset({AlertKind.REPORT})


def phases_of(policy: Policy, kind: str, transition: str, subject: str) -> frozenset[str]:
    """Return the phases that an alert is about: that of its processor; else, of a transition, the phase that it starts
    where that has to act, and otherwise those that it waits for. An alert of a phase is about it."""
    if transition in policy.phases:
        return frozenset({transition})
    declared = policy.transitions.get(transition)
    if declared is None:
        return frozenset()
    ends = (*declared.after, declared.starts)
    of_subject = frozenset(name for name in ends if subject in policy.phases[name].processors)
    if of_subject:
        return of_subject
    return frozenset({declared.starts} if kind in _OF_STARTED else declared.after)


def sinks_of(policy: Policy, kind: str, severity: str, transition: str, subject: str) -> tuple[str, ...]:
    """Return the sinks of every route that fits, in the order of the policy, each once; () where no route fits: the
    alert goes to Slack's channel of its severity."""
    phases = phases_of(policy, kind, transition, subject)
    fitting = [route for route in policy.alerts.routes if _fits(policy, route, severity, phases)]
    return tuple(dict.fromkeys(name for route in fitting for name in route.to))


def _fits(policy: Policy, route: Route, severity: str, phases: frozenset[str]) -> bool:
    """True if the severity is named, and one of the phases is named and is of a team that is named; None names all."""
    if route.severities is not None and severity not in route.severities:
        return False
    if route.phases is None and route.teams is None:
        return True
    named = phases if route.phases is None else phases & route.phases
    return any(route.teams is None or policy.phases[name].team in route.teams for name in named)


def quiet_until(policy: Policy, kind: str, severity: str, now: datetime) -> datetime | None:
    """Return when the quiet hours end in which an alert is not told, None where it is told at once.

    A critical alert always is, and so is the daily report, which has a schedule of its own.
    """
    hours = policy.alerts.quiet_hours
    if hours is None or severity == Severity.CRITICAL or kind in _PLANNED:
        return None
    local = policy.local(now)
    at = local.time()
    after, before = at >= hours.begins, at < hours.ends
    over_midnight = hours.ends < hours.begins
    if not (after or before if over_midnight else after and before):
        return None
    day = local.date() + timedelta(days=1) if over_midnight and after else local.date()
    ends_at = instant(day, hours.ends, policy.zone)
    # In the hour that clocks show twice they have ended with the first of the two.
    return ends_at if ends_at > now else None
