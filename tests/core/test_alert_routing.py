"""Who hears an alert, and when: routes by phase, team and severity, and quiet hours (behaviour A1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.routing import phases_of, quiet_until, sinks_of
from shared.core.policy.alerts import QuietHours, Route
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from tests.core.build import PGS, POLICY, SECOND, TO4

NIGHT_HOURS = QuietHours(time(22), time(7))
ZONE = ZoneInfo("America/New_York")


def routed(*routes: Route, **alerts: Any) -> Policy:
    """Return the policy with these routes; phase 3 is of the team odds, phase 4 of models."""
    owners = {"phase3": "odds", "phase4": "models"}
    phases = {name: replace(phase, team=owners.get(name, "")) for name, phase in POLICY.phases.items()}
    return replace(POLICY, phases=phases, alerts=replace(POLICY.alerts, routes=routes, **alerts))


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE, fold=fold).astimezone(UTC)


def quiet(now: datetime, hours: QuietHours = NIGHT_HOURS, severity: str = "warning", kind: str = "gate") -> Any:
    return quiet_until(routed(quiet_hours=hours), kind, severity, now)


# which phases


@pytest.mark.parametrize(
    ("kind", "transition", "subject", "expected"),
    [
        ("due_warning", TO4, "", {"phase3"}),
        ("unconfirmed", TO4, "", {"phase4"}),
        ("preflight", TO4, "precompute", {"phase4"}),
        ("under_minimum", TO4, PGS, {"phase3"}),
        ("refused", TO4, "ml_feature_store", {"phase4"}),
        ("by_table", "phase3", PGS, {"phase3"}),
        ("error", "self_heal", "KeyError", set()),
        ("dead_letters", "", "", set()),
    ],
)
def test_an_alert_is_of_the_phase_that_has_to_act(kind: str, transition: str, subject: str, expected: set[str]) -> None:
    """That which is waited for, or the started one where it does not answer; of a processor always its own."""
    assert phases_of(POLICY, kind, transition, subject) == expected


# which sinks


def test_every_route_that_fits_is_used_once() -> None:
    """In the order of the policy, a sink that two routes name once; what fits none is for Slack's channels: ()."""
    policy = routed(
        Route(("mail", "slack"), phases=frozenset({"phase3"})),
        Route(("slack", "chat"), teams=frozenset({"odds"}), severities=frozenset({"critical"})),
        Route(("models_chat",), teams=frozenset({"models"})),
    )
    assert sinks_of(policy, "due_critical", "critical", TO4, "") == ("mail", "slack", "chat")
    assert sinks_of(policy, "due_warning", "warning", TO4, "") == ("mail", "slack")
    assert sinks_of(policy, "unconfirmed", "critical", TO4, "") == ("models_chat",)
    assert sinks_of(policy, "degraded", "info", "phase5_to_phase6", "") == ()
    assert sinks_of(policy, "error", "critical", "self_heal", "") == ()


def test_a_route_without_phase_and_team_hears_what_is_of_no_phase() -> None:
    """An error of a function is nobody's phase; a route by severity alone hears it."""
    policy = routed(Route(("ops",), severities=frozenset({"critical"})), Route(("odds",), teams=frozenset({"odds"})))
    assert sinks_of(policy, "error", "critical", "self_heal", "") == ("ops",)
    assert sinks_of(policy, "error", "info", "self_heal", "") == ()


def test_phase_and_team_have_to_be_of_one_phase() -> None:
    """A route for a team's phases is not for another phase that the alert has something to do with."""
    both = Route(("x",), phases=frozenset({"phase3"}), teams=frozenset({"models"}))
    assert sinks_of(routed(both), "due_warning", "warning", TO4, "") == ()


@given(
    st.sampled_from(list(AlertKind)), st.sampled_from(list(Severity)), st.sampled_from([*POLICY.transitions, "", "x"])
)
def test_without_routes_everything_goes_where_it_always_went(kind: str, severity: str, transition: str) -> None:
    """A policy that says nothing of routes changes nothing."""
    assert sinks_of(POLICY, kind, severity, transition, "") == ()
    assert quiet_until(POLICY, kind, severity, datetime(2026, 1, 22, 4, tzinfo=UTC)) is None


# quiet hours


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-21T21:59:59", None),
        ("2026-01-21T22:00:00", "2026-01-22T07:00:00"),
        ("2026-01-21T23:59:59", "2026-01-22T07:00:00"),
        ("2026-01-22T00:00:00", "2026-01-22T07:00:00"),
        ("2026-01-22T06:59:59", "2026-01-22T07:00:00"),
        ("2026-01-22T07:00:00", None),
    ],
)
def test_they_begin_and_end_to_the_second_over_midnight(now: str, until: str | None) -> None:
    """From their first instant, included, to their last, excluded, in the pipeline's zone."""
    assert quiet(local(now)) == (None if until is None else local(until))


@pytest.mark.parametrize(
    ("now", "is_quiet"),
    [("11:59:59", False), ("12:00:00", True), ("12:59:59", True), ("13:00:00", False), ("00:00:00", False)],
)
def test_they_may_lie_within_one_day(now: str, is_quiet: bool) -> None:
    """Where they end later than they begin, they end on the same day."""
    until = quiet(local(f"2026-01-21T{now}"), QuietHours(time(12), time(13)))
    assert until == (local("2026-01-21T13:00:00") if is_quiet else None)


def test_a_critical_alert_is_always_told() -> None:
    """And the daily report, which has a schedule of its own; a warning and what is only information wait."""
    now = local("2026-01-22T03:00:00")
    assert quiet(now, severity="critical") is None
    assert quiet(now, severity="info", kind="report") is None
    assert quiet(now, severity="warning") == quiet(now, severity="info") == local("2026-01-22T07:00:00")


def test_clocks_that_change_end_them_once() -> None:
    """An end in the hour that is skipped is the first instant after it; in the hour that is shown twice it is the first
    of the two, and in the second one nothing waits for an end that has passed (behaviour T6)."""
    spring = QuietHours(time(1), time(2, 30))
    assert quiet(local("2026-03-08T01:30:00"), spring) == local("2026-03-08T03:00:00")
    autumn = QuietHours(time(0), time(1, 30))
    assert quiet(local("2026-11-01T01:10:00"), autumn) == local("2026-11-01T01:30:00")
    assert quiet(local("2026-11-01T01:10:00", fold=1), autumn) is None


@given(
    st.integers(0, 365 * 24 * 3600).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + seconds * SECOND),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 20 * 60),
)
def test_every_wait_ends_within_a_day_and_what_waited_is_then_told(now: datetime, begins: int, minutes: int) -> None:
    """Whatever the hours, up to 20 a day: the end lies ahead, and at that instant nothing is quiet."""
    ends = (begins + minutes) % (24 * 60)
    hours = QuietHours(time(*divmod(begins, 60)), time(*divmod(ends, 60)))
    until = quiet(now, hours)
    if until is not None:
        assert now < until <= now + timedelta(hours=22)
        assert quiet(until, hours) is None
