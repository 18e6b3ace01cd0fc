"""What is wrong with who hears which alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.core.policy.alerts import PAGERDUTY, SLACK, Mail, QuietHours, Route
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import Policy
from shared.core.severity import Severity

SEVERITIES = tuple(Severity)


def alert_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield alerts that nobody would read, routes that never fit, sinks that never hear, and hours that never end."""
    alerts = policy.alerts
    yield from _channels(policy)
    for severity in sorted(alerts.pagerduty.severities if alerts.pagerduty else ()):
        if severity not in SEVERITIES:
            key = "alerts.pagerduty.severities"
            yield ConfigError(key, f"there is no severity {severity}", suggest(severity, SEVERITIES))
    if alerts.repeat_after <= timedelta(0):
        yield ConfigError("alerts.repeat_after", "must be longer than nothing", "24h says a standing alert once a day")
    yield from _sinks(policy)
    for place, route in enumerate(alerts.routes):
        yield from _route(policy, route, f"alerts.routes[{place}]")
    yield from _quiet_hours(alerts.quiet_hours)


def _channels(policy: Policy) -> Iterator[ConfigError]:
    channels = policy.alerts.channels
    for severity in channels:
        if severity not in SEVERITIES:
            yield ConfigError(f"alerts.channels.{severity}", "there is no such severity", suggest(severity, SEVERITIES))
    for severity in SEVERITIES:
        if severity not in channels:
            reason = f"there is no channel for {severity}: nobody would read its alerts"
            yield ConfigError(
                "alerts.channels", reason, f"add {severity}: NAME_OF_A_SECRET; two severities may share one"
            )


def _sinks(policy: Policy) -> Iterator[ConfigError]:
    routed = {name for route in policy.alerts.routes for name in route.to}
    for name, sink in policy.alerts.sinks.items():
        key = f"alerts.sinks.{name}"
        if name in (SLACK, PAGERDUTY):
            yield ConfigError(key, f"{name} is the name of another place", "give the sink a name of its own")
        elif name not in routed:
            yield ConfigError(key, "no route names it: it would hear nothing", f"add a route with to: [{name}]")
        if isinstance(sink, Mail) and bool(sink.user) != bool(sink.password_secret):
            missing = "password_secret" if sink.user else "user"
            yield ConfigError(
                f"{key}.mail", f"has no {missing}", "name both, or neither where the server asks for none"
            )
        if isinstance(sink, Mail) and not sink.to:
            yield ConfigError(f"{key}.mail.to", "names nobody", "name at least one address")


def _route(policy: Policy, route: Route, key: str) -> Iterator[ConfigError]:
    sinks = (*policy.alerts.sinks, SLACK)
    teams = {phase.team for phase in policy.phases.values() if phase.team}
    if not route.to:
        yield ConfigError(f"{key}.to", "names no sink: nobody would read its alerts", f"one of {', '.join(sinks)}")
    for name in route.to:
        if name == PAGERDUTY:
            hint = "alerts.pagerduty.severities says which alerts it hears, whatever the routes say"
            yield ConfigError(f"{key}.to", "pagerduty is not routed", hint)
        elif name not in sinks:
            yield ConfigError(f"{key}.to", f"there is no sink {name}", suggest(name, sinks))
    unknown = (
        ("phases", "phase", route.phases, policy.phases),
        ("teams", "team", route.teams, sorted(teams)),
        ("severities", "severity", route.severities, SEVERITIES),
    )
    whole = True
    for part, noun, named, known_names in unknown:
        if named is not None and not named:
            whole = False
            yield ConfigError(f"{key}.{part}", "is empty: the route would never fit", f"leave out {part} for any")
        for name in sorted((named or frozenset()) - set(known_names)):
            whole = False
            yield ConfigError(f"{key}.{part}", f"there is no {noun} {name}", suggest(name, known_names))
    if whole and route.phases is not None and route.teams is not None:
        owners = {policy.phases[phase].team for phase in route.phases}
        if not owners & route.teams:
            reason = "none of its phases is of one of its teams: it would never fit"
            yield ConfigError(key, reason, "leave out one of the two, or give a phase its `team`")


def _quiet_hours(hours: QuietHours | None) -> Iterator[ConfigError]:
    if hours is not None and hours.begins == hours.ends:
        reason = f"from and to are both {hours.begins:%H:%M}"
        yield ConfigError(
            "alerts.quiet_hours", reason, "they end at another time than they begin; leave them out for none"
        )
