"""PagerDutySink over a real server: incidents open and close by fingerprint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.adapters.notify.pagerduty import PagerDutySink
from shared.core.alerting.links import Link
from shared.core.errors import Unavailable
from shared.ports import AlertSink, Delivered, Notice, Refused
from tests.local_server import LocalServer, ServerAnswer, closed_port

NOTICE = Notice("held nba/2026-01-21/overnight", "critical", "held", "phase3_to_phase4 is held: no teams", count=2)
ACCEPTED = ServerAnswer(202, b'{"status": "success"}')


def _sink(url: str, key: str | None = "routing") -> AlertSink:
    http = RequestsHttp(identity_tokens=False, clock=SystemClock())
    return PagerDutySink(lambda: key, http, url=url)


def test_a_notice_opens_an_incident() -> None:
    """The event has every field that PagerDuty requires, under the fingerprint."""
    with LocalServer(ACCEPTED) as pagerduty:
        assert _sink(pagerduty.url).send(NOTICE) == Delivered()
    assert pagerduty.asked[0].json == {
        "routing_key": "routing",
        "event_action": "trigger",
        "dedup_key": NOTICE.fingerprint,
        "payload": {
            "summary": NOTICE.text,
            "source": "orchestrator",
            "severity": "critical",
            "class": "held",
            "custom_details": {"text": NOTICE.text, "fingerprint": NOTICE.fingerprint, "count": 2},
        },
    }


def test_an_incident_leads_somewhere() -> None:
    """Its summary begins with the title; links as the Events API v2 has them (`href`, `text`), and what to paste."""
    links = (Link("Run", "https://page.example/?run=x"), Link("Log", "https://console.example/"))
    notice = replace(NOTICE, title="Held: Analytics to Precompute", links=links, command="bin/orch check")
    with LocalServer(ACCEPTED) as pagerduty:
        _sink(pagerduty.url).send(notice)
    event = pagerduty.asked[0].json
    assert event["payload"]["summary"] == f"Held: Analytics to Precompute. {NOTICE.text}"
    assert event["payload"]["custom_details"]["to do"] == "bin/orch check"
    assert event["links"] == [{"href": link.url, "text": link.text} for link in links]


def test_a_recovery_resolves_the_same_incident() -> None:
    """Resolve carries the same key as trigger, and nothing else."""
    with LocalServer(ACCEPTED) as pagerduty:
        assert _sink(pagerduty.url).send(replace(NOTICE, resolved=True)) == Delivered()
    assert pagerduty.asked[0].json == {
        "routing_key": "routing", "event_action": "resolve", "dedup_key": NOTICE.fingerprint,
    }  # fmt: skip


@pytest.mark.parametrize("key", [None, ""])
def test_it_is_off_without_a_key(key: str | None) -> None:
    """While the secret is absent nothing is sent and nothing is owed."""
    with LocalServer() as pagerduty:
        assert _sink(pagerduty.url, key).send(NOTICE) == Delivered()
    assert pagerduty.asked == []


def test_other_severities_do_not_page() -> None:
    """A warning is not for the pager."""
    with LocalServer() as pagerduty:
        assert _sink(pagerduty.url).send(replace(NOTICE, severity="warning")) == Delivered()
    assert pagerduty.asked == []


def test_limits_hold() -> None:
    """A summary is cut at 1024 characters; a fingerprint over 255 becomes a key of its own, always the same."""
    long = replace(NOTICE, text="x" * 5000, fingerprint="f" * 256)
    with LocalServer(always=ACCEPTED) as pagerduty:
        for notice in (long, replace(long, resolved=True), replace(long, fingerprint="f" * 257)):
            _sink(pagerduty.url).send(notice)
    opened, closed, other = (asked.json for asked in pagerduty.asked)
    assert opened["payload"]["summary"] == "x" * 1024
    assert opened["payload"]["custom_details"]["text"] == "x" * 5000
    assert len(opened["dedup_key"]) <= 255
    assert opened["dedup_key"] == closed["dedup_key"] != other["dedup_key"]


def test_a_notice_without_text_has_a_summary() -> None:
    """PagerDuty requires one."""
    with LocalServer(ACCEPTED) as pagerduty:
        _sink(pagerduty.url).send(replace(NOTICE, text=" "))
    assert pagerduty.asked[0].json["payload"]["summary"] == "held"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_unavailable(status: int) -> None:
    """It is sent again by a later sweep."""
    with LocalServer(ServerAnswer(status, b"later")) as pagerduty, pytest.raises(Unavailable, match=f"{status} later"):
        _sink(pagerduty.url).send(NOTICE)


@pytest.mark.parametrize("status", [429, 503])
def test_what_pagerduty_asks_for_is_told(status: int) -> None:
    """Its Retry-After goes with the error, so that no sweep tries before."""
    with LocalServer(ServerAnswer(status, b"later", {"Retry-After": "120"})) as pagerduty:
        began = datetime.now(UTC)
        with pytest.raises(Unavailable) as caught:
            _sink(pagerduty.url).send(NOTICE)
    assert caught.value.retry_at is not None
    assert timedelta(seconds=120) <= caught.value.retry_at - began <= timedelta(seconds=150)


def test_silence_is_unavailable() -> None:
    """Nobody listening raises."""
    with pytest.raises(Unavailable):
        _sink(f"http://127.0.0.1:{closed_port()}").send(NOTICE)


@pytest.mark.parametrize("status", [302, 400, 403])
def test_another_answer_is_refused(status: int) -> None:
    """A wrong key is a refusal that names the answer."""
    with LocalServer(ServerAnswer(status, b"Invalid routing key")) as pagerduty:
        assert _sink(pagerduty.url).send(NOTICE) == Refused(f"pagerduty: {status} Invalid routing key")
