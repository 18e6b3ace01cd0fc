"""SlackSink against a real server: what is tried again, for how long, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.notify import slack_blocks
from shared.adapters.notify.slack import SlackSink
from shared.core.errors import Unavailable, Undelivered
from shared.ports import AlertSink, Delivered, Notice, Refused
from tests.adapters.support import ManualClock, MemoryLog
from tests.busy import allowed
from tests.local_server import LocalServer, ServerAnswer, closed_port

NOTICE = Notice("held nba/2026-01-21/overnight", "critical", "held", "phase3_to_phase4 is held: 404 <gone>", count=2)


class Fixture:
    """A sink whose critical webhook is ``url``; sleeping only moves its clock."""

    def __init__(self, url: str | None) -> None:
        self.clock, self.log = ManualClock(), MemoryLog()
        webhooks: dict[str, Callable[[], str | None]] = {"critical": lambda: url}
        self.sink: AlertSink = SlackSink(webhooks, self.clock, self.log, {"critical": "slack-webhook-error"})

    def send(self) -> Delivered | Refused:
        return self.sink.send(NOTICE)


def test_a_notice_is_sent_with_blocks_and_text() -> None:
    """Slack's ok is a delivery; what it got is the rendered notice."""
    with LocalServer() as slack:
        assert Fixture(slack.url).send() == Delivered()
    (asked,) = slack.asked
    assert asked.method == "POST"
    assert asked.json == {"text": slack_blocks.text(NOTICE), "blocks": slack_blocks.blocks(NOTICE)}


def test_429_waits_as_told() -> None:
    """The wait is exactly the one Slack asked for, and the next attempt delivers."""
    with LocalServer(ServerAnswer(429, b"rate_limited", {"Retry-After": "2"})) as slack:
        it = Fixture(slack.url)
        assert it.send() == Delivered()
    assert it.clock.slept == [2.0]
    assert len(slack.asked) == 2


@pytest.mark.parametrize("wait", ["3", "30", "3600"])
def test_429_beyond_the_budget_is_for_a_later_sweep(wait: str) -> None:
    """A wait of 3 s or more is not waited for: Unavailable at once."""
    with LocalServer(ServerAnswer(429, b"rate_limited", {"Retry-After": wait})) as slack:
        it = Fixture(slack.url)
        with pytest.raises(Unavailable, match="429 rate_limited") as caught:
            it.send()
    assert caught.value.port == "slack"
    assert it.clock.slept == []
    assert len(slack.asked) == 1


HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("seconds", "kept"), [(30, 30), (3600, 3600), (86_400, 3600)], ids=["short", "an hour", "a day"]
)
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_what_slack_asks_for_is_kept_for_the_next_sweeps(status: int, seconds: int, kept: int, form: str) -> None:
    """In either form, an hour at most: it is told on, and no notice of that webhook leaves before."""
    asked_at = Fixture(None).clock.now()
    wait = str(seconds) if form == "seconds" else (asked_at + timedelta(seconds=seconds)).strftime(HTTP_DATE)
    with LocalServer(ServerAnswer(status, b"later", {"Retry-After": wait})) as slack:
        it = Fixture(slack.url)
        for _ in range(3):
            with pytest.raises(Undelivered, match="later") as caught:
                it.send()
            assert caught.value.retry_at == asked_at + timedelta(seconds=kept)
        assert len(slack.asked) == 1
        it.clock.sleep(timedelta(seconds=kept))
        assert it.send() == Delivered()


@pytest.mark.parametrize("wait", ["-5", "1.5", "9" * 5000, "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo", "\t"])
def test_a_strange_retry_after_is_no_error(wait: str) -> None:
    """Too long, past or no number: bounded or as if it had not been said, never a traceback."""
    with (
        LocalServer(always=ServerAnswer(429, b"", {"Retry-After": wait})) as slack,
        pytest.raises(Undelivered) as caught,
    ):
        Fixture(slack.url).send()
    at = caught.value.retry_at
    assert at is None or at <= Fixture(None).clock.now() + timedelta(hours=1)


def test_429_that_asks_for_no_wait_ends_after_five_attempts() -> None:
    """Waits of no length never use up the budget."""
    with LocalServer(always=ServerAnswer(429, b"", {"Retry-After": "0"})) as slack:
        with pytest.raises(Unavailable):
            Fixture(slack.url).send()
        assert len(slack.asked) == 5


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_429_without_a_number_backs_off(headers: dict[str, str]) -> None:
    """A rate limit that does not say how long is tried again like a failure."""
    with LocalServer(ServerAnswer(429, b"", headers)) as slack:
        it = Fixture(slack.url)
        assert it.send() == Delivered()
    assert len(it.clock.slept) == 1


@pytest.mark.parametrize(
    "answer", [ServerAnswer(500), ServerAnswer(503), ServerAnswer(drop=True)], ids=["500", "503", "dropped"]
)
def test_a_passing_failure_is_tried_again(answer: ServerAnswer) -> None:
    """5xx and broken connections are retried after a growing wait, and then delivered."""
    with LocalServer(answer, answer) as slack:
        it = Fixture(slack.url)
        assert it.send() == Delivered()
    assert len(slack.asked) == 3
    assert it.clock.slept[0] < it.clock.slept[1]


def test_waits_are_jittered() -> None:
    """Two senders that fail together do not come back together."""
    waits = set()
    for _ in range(5):
        with LocalServer(ServerAnswer(500)) as slack:
            it = Fixture(slack.url)
            it.send()
            waits.add(it.clock.slept[0])
    assert len(waits) > 1


def test_a_failure_that_stays_is_unavailable_within_the_budget() -> None:
    """All waits together stay under 3 s, the attempts are few, and the last answer is named."""
    with LocalServer(always=ServerAnswer(502, b"bad gateway")) as slack:
        it = Fixture(slack.url)
        with pytest.raises(Unavailable, match="502 bad gateway"):
            it.send()
    assert sum(it.clock.slept) < 3
    assert 3 <= len(slack.asked) <= 5


def test_nobody_listening_is_unavailable() -> None:
    """A refused connection is retried and then raised, without the URL, which is a secret."""
    it = Fixture(f"http://127.0.0.1:{closed_port()}/services/SECRET")
    with pytest.raises(Unavailable, match="refused") as caught:
        it.send()
    assert "SECRET" not in str(caught.value)
    assert it.clock.slept


def test_silence_costs_about_three_seconds() -> None:
    """With the real clock a server that hangs is given up after about 3 s."""
    with LocalServer(always=ServerAnswer(hang=30)) as slack:
        sink = SlackSink({"critical": lambda: slack.url}, SystemClock(), MemoryLog())
        began = time.monotonic()
        with pytest.raises(Unavailable, match="timed out"):
            sink.send(NOTICE)
        assert 2.5 < time.monotonic() - began < allowed(4.5)


@pytest.mark.parametrize(
    ("status", "body"), [(400, "invalid_payload"), (403, "action_prohibited"), (404, "no_service"), (410, "archived")]
)
def test_another_4xx_is_refused(status: int, body: str) -> None:
    """A refusal is returned with status and answer, tried once, and the text goes to the log at its severity."""
    with LocalServer(ServerAnswer(status, body.encode())) as slack:
        it = Fixture(slack.url)
        assert it.send() == Refused(f"{status} {body}")
    assert len(slack.asked) == 1
    ((event, severity, keys),) = it.log.lines
    assert (event, severity, keys["text"]) == ("alert.unsent", "CRITICAL", NOTICE.text)


def test_a_web_page_is_no_webhook() -> None:
    """A webhook that redirects to a page is refused, although the page answers 200."""
    with LocalServer(ServerAnswer(200, b"<!doctype html>")) as page, LocalServer() as slack:
        slack.always = ServerAnswer(302, b"", {"Location": page.url})
        answer = Fixture(slack.url).send()
    assert isinstance(answer, Refused)


@pytest.mark.parametrize("url", [None, ""])
def test_an_absent_webhook_is_refused_by_the_name_of_its_secret(url: str | None) -> None:
    """The refusal says which secret is missing; the text is in the log at its severity (behaviour A4)."""
    it = Fixture(url)
    assert it.send() == Refused("no webhook: secret slack-webhook-error")
    ((_, severity, keys),) = it.log.lines
    assert (severity, keys["text"]) == ("CRITICAL", NOTICE.text)


@pytest.mark.parametrize(
    "value", ["xoxb", "http://", "http://[xoxb", "https://xoxb two", "file:///xoxb", "http://x\nxoxb"]
)
def test_a_secret_that_holds_no_url_is_refused_without_showing_it(value: str) -> None:
    """A wrong value is a refusal, and stays secret."""
    assert Fixture(value).send() == Refused("no webhook: secret slack-webhook-error holds no URL")


def test_a_severity_without_channel_is_refused() -> None:
    """A severity that the policy gives no channel is visible, not silent."""
    sink = SlackSink({}, ManualClock(), MemoryLog())
    assert sink.send(NOTICE) == Refused("no webhook: no channel for severity critical")


def test_the_webhook_is_asked_for_each_time() -> None:
    """A rotated secret is used without a restart."""
    with LocalServer() as old, LocalServer() as new:
        urls = iter([old.url, new.url])
        sink = SlackSink({"critical": lambda: next(urls)}, ManualClock(), MemoryLog())
        sink.send(NOTICE)
        sink.send(NOTICE)
    assert (len(old.asked), len(new.asked)) == (1, 1)


def test_the_url_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Slack's client would log it at DEBUG."""
    caplog.set_level("DEBUG")
    with LocalServer(ServerAnswer(500)) as slack:
        it = Fixture(f"{slack.url}/services/SECRET")
        it.send()
    assert "SECRET" not in caplog.text
    assert it.clock.now() - ManualClock().now() < timedelta(seconds=3)
