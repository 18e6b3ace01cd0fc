"""Mail, Teams, Google Chat, webhook and the Slack bot against real local servers that speak the documented formats."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft7Validator

from shared.adapters.http import RequestsHttp
from shared.adapters.notify.fan_out import BEGUN_WITHIN, FanOut
from shared.adapters.notify.google_chat import GoogleChatSink
from shared.adapters.notify.mail import MailSink
from shared.adapters.notify.slack_bot import SlackBotSink
from shared.adapters.notify.teams import TeamsSink
from shared.adapters.notify.webhook import SIGNATURE, TIMESTAMP, WebhookSink
from shared.core.alerting.links import Link
from shared.core.errors import Unavailable
from shared.core.policy.alerts import Mail, Security, SlackBot, Webhook
from shared.ports import AlertSink, Delivered, Notice, Refused
from tests.adapters.support import ManualClock
from tests.local_server import LocalServer, ServerAnswer, closed_port

RUN = "nba/2026-01-21/overnight"
COMMAND = "bin/orch explain phase4_to_phase5 2026-01-21 --mode overnight"
GATE = Notice(
    "gate-3f2a", "warning", "gate",
    f"{RUN} phase4_to_phase5: blocked by <coverage> & *more*: 62_0 of 80\nNext: it waits",
    title="Blocked by a gate: Precompute to Predictions, 2026-01-21 overnight", run=RUN, command=COMMAND,
    links=(Link("Run", "https://page.example/?run=x"), Link("Runbook", "https://wiki.example/ALERTS.md#gate")),
)  # fmt: skip
TWO = replace(
    GATE, heading="2 alerts: 2026-01-21 overnight", others=(replace(GATE, fingerprint="gate-77", title="Other"),)
)
KEY, TOKEN = "k3y", "xoxb-1"


def post() -> Any:
    return RequestsHttp(identity_tokens=False, clock=ManualClock()).post


def teams(url: str | None) -> AlertSink:
    return TeamsSink(lambda: url, "teams-webhook", post())


def chat(url: str | None) -> AlertSink:
    return GoogleChatSink(lambda: url and f"{url}/v1/spaces/A/messages?key=k&token=t", "chat-webhook", post())


def hook(url: str | None) -> AlertSink:
    secrets = {"hook-url": url, "hook-key": KEY}
    return WebhookSink(Webhook("hook-url", "hook-key"), secrets.get, ManualClock(), post())


def bot(url: str | None) -> AlertSink:
    token = None if url is None else TOKEN
    return SlackBotSink(SlackBot("C0123", "slack-bot-token"), lambda: token, post(), url or "http://127.0.0.1:1")


HTTP_SINKS = {"teams": teams, "google_chat": chat, "webhook": hook, "slack_bot": bot}
OK = ServerAnswer(200, b'{"ok": true, "ts": "1700000000.000100", "channel": "C0123"}')


# what all have in common


@pytest.mark.parametrize("name", HTTP_SINKS)
def test_a_message_is_taken(name: str) -> None:
    """2xx is a delivery, of one alert and of several."""
    with LocalServer(always=OK) as server:
        sink = HTTP_SINKS[name](server.url)
        for notice in (GATE, TWO, replace(GATE, resolved=True)):
            assert isinstance(sink.send(notice), Delivered)
    assert [asked.method for asked in server.asked] == ["POST"] * 3


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("name", HTTP_SINKS)
def test_what_may_pass_is_tried_again_by_a_later_sweep(name: str, status: int) -> None:
    """With what the service asks for in Retry-After."""
    later = ServerAnswer(status, b"later", {"Retry-After": "120"})
    with LocalServer(later) as server, pytest.raises(Unavailable, match=f"{status} later") as caught:
        HTTP_SINKS[name](server.url).send(GATE)
    assert caught.value.retry_at is not None


@pytest.mark.parametrize("name", HTTP_SINKS)
def test_what_is_wrong_is_refused_with_the_answer(name: str) -> None:
    """Until somebody changes something."""
    with LocalServer(ServerAnswer(400, b"bad payload")) as server:
        answer = HTTP_SINKS[name](server.url).send(GATE)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{name}: ")
    assert "400 bad payload" in answer.reason


@pytest.mark.parametrize("name", HTTP_SINKS)
def test_a_missing_secret_is_named(name: str) -> None:
    """Its absence is visible, and nothing is sent (behaviour A4)."""
    answer = HTTP_SINKS[name](None).send(GATE)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{name}: no secret ")


# Microsoft Teams

# Of http://adaptivecards.io/schemas/1.4.0/adaptive-card.json the parts that cards of this project use, each closed
# against properties that it does not have.
TEXT_BLOCK = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextBlock"},
        "text": {"type": "string"},
        "wrap": {"type": "boolean"},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
        "fontType": {"enum": ["Default", "Monospace"]},
        "size": {"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
        "separator": {"type": "boolean"},
    },
}
OPEN_URL = {
    "type": "object",
    "required": ["type", "url"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "Action.OpenUrl"},
        "title": {"type": "string"},
        "url": {"type": "string", "format": "uri-reference"},
    },
}
ENVELOPE = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "additionalProperties": False,
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": {
                        "type": "object",
                        "required": ["type", "version", "body"],
                        "additionalProperties": False,
                        "properties": {
                            "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
                            "type": {"const": "AdaptiveCard"},
                            "version": {"enum": ["1.2", "1.3", "1.4", "1.5"]},
                            "body": {"type": "array", "items": TEXT_BLOCK},
                            "actions": {"type": "array", "items": OPEN_URL},
                            "msteams": {"type": "object"},
                        },
                    },
                },
            },
        },
    },
}


@pytest.mark.parametrize("notice", [GATE, TWO, replace(GATE, resolved=True, links=())], ids=["alert", "two", "over"])
def test_a_card_is_one_that_teams_shows(notice: Notice) -> None:
    """A message with one Adaptive Card, by its schema: heading, texts, command, links as buttons."""
    with LocalServer(ServerAnswer(202, b"")) as server:
        teams(server.url).send(notice)
    sent = server.asked[0].json
    Draft7Validator(ENVELOPE).validate(sent)
    card = sent["attachments"][0]["content"]
    texts = [block["text"] for block in card["body"]]
    assert texts[0].startswith("RESOLVED" if notice.resolved else "WARNING")
    assert sum("blocked by <coverage> & \\*more\\*: 62\\_0 of 80" in text for text in texts) == len(notice.parts)
    assert texts.count(COMMAND.replace("_", "\\_")) == len(notice.parts)
    assert [action["title"] for action in card.get("actions", [])] == [link.text for link in notice.links]


# Google Chat


def test_a_card_is_one_that_google_chat_shows() -> None:
    """`cardsV2` with header, text paragraphs and a list of buttons, in the thread of the run, which is begun where it
    is new; the webhook's own key and token stay."""
    with LocalServer(always=OK) as server:
        chat(server.url).send(TWO)
        chat(server.url).send(replace(GATE, resolved=True))
    first, second = server.asked
    query = parse_qs(urlsplit(first.path).query)
    assert query == {"key": ["k"], "token": ["t"], "messageReplyOption": ["REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"]}
    assert set(first.json) == {"fallbackText", "cardsV2", "thread"}
    assert first.json["thread"] == second.json["thread"], "one thread for a run"
    [shown] = first.json["cardsV2"]
    assert set(shown) == {"cardId", "card"}
    assert shown["card"]["header"] == {"title": "WARNING 2 alerts: 2026-01-21 overnight"}
    *sections, buttons = shown["card"]["sections"]
    assert [section["header"] for section in sections] == [GATE.title, "Other"]
    assert sections[0]["widgets"][0] == {
        "textParagraph": {
            "text": f"{RUN} phase4_to_phase5: blocked by &lt;coverage&gt; &amp; *more*: 62_0 of 80<br>Next: it waits"
        }
    }
    [widget] = buttons["widgets"]
    assert widget["buttonList"]["buttons"][0] == {"text": "Run", "onClick": {"openLink": {"url": GATE.links[0].url}}}


# webhook


def test_a_call_can_be_told_from_a_forged_one() -> None:
    """The receiver calculates the same HMAC from the time and the bytes that came; another body has another."""
    with LocalServer() as server:
        hook(server.url).send(TWO)
    [asked] = server.asked
    sent_at = asked.headers[TIMESTAMP]
    assert int(sent_at) == int(ManualClock().now().timestamp())
    expected = hmac.new(KEY.encode(), sent_at.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers[SIGNATURE] == f"sha256={expected}"
    body = asked.json
    assert (body["schema_version"], body["event"], body["severity"], body["run"]) == (1, "alert", "warning", RUN)
    assert [alert["id"] for alert in body["alerts"]] == ["gate-3f2a", "gate-77"]
    assert body["alerts"][0]["command"] == COMMAND
    assert body["alerts"][0]["links"][0] == {"text": "Run", "url": GATE.links[0].url}


def test_a_webhook_without_a_key_is_not_signed() -> None:
    """And needs none."""
    with LocalServer() as server:
        sink = WebhookSink(Webhook("hook-url"), {"hook-url": server.url}.get, ManualClock(), post())
        assert sink.send(GATE) == Delivered()
    assert SIGNATURE not in server.asked[0].headers


# Slack's bot


def slack_says(**fields: object) -> ServerAnswer:
    return ServerAnswer(200, json.dumps(fields).encode())


def test_a_bot_posts_and_replies() -> None:
    """chat.postMessage with token, channel, blocks and text; its `ts` is the thread; what comes later is a reply to it,
    which is shown in the channel too where it is critical and still holds."""
    with LocalServer(always=OK) as server:
        assert bot(server.url).send(GATE) == Delivered({"slack_bot": "1700000000.000100"})
        bot(server.url).send(replace(GATE, thread="1700000000.000100", severity="critical"))
        bot(server.url).send(replace(GATE, thread="1700000000.000100", severity="critical", resolved=True))
    first, again, over = server.asked
    assert first.headers["Authorization"] == f"Bearer {TOKEN}"
    assert first.json["channel"] == "C0123"
    assert first.json["blocks"][0]["text"]["text"] == f"WARNING {GATE.title}"
    assert "thread_ts" not in first.json
    assert (again.json["thread_ts"], again.json["reply_broadcast"]) == ("1700000000.000100", True)
    assert over.json["reply_broadcast"] is False


def test_a_thread_that_was_deleted_is_begun_anew() -> None:
    """The message is what matters."""
    with LocalServer(slack_says(ok=False, error="thread_not_found"), OK) as server:
        assert isinstance(bot(server.url).send(replace(GATE, thread="1.2")), Delivered)
    assert ["thread_ts" in asked.json for asked in server.asked] == [True, False]


@pytest.mark.parametrize("error", ["invalid_auth", "channel_not_found", "not_in_channel"])
def test_what_slack_says_in_a_200_is_read(error: str) -> None:
    """`ok: false` is a refusal with Slack's own word."""
    with LocalServer(slack_says(ok=False, error=error)) as server:
        assert bot(server.url).send(GATE) == Refused(f"slack_bot: {error}")


def test_a_fault_of_slack_itself_may_pass() -> None:
    """It says so in a 200 as well."""
    with LocalServer(slack_says(ok=False, error="internal_error")) as server, pytest.raises(Unavailable):
        bot(server.url).send(GATE)


# mail


class MailServer:
    """A server that speaks as much SMTP (RFC 5321) as one mail needs; ``answers`` are given in place of its own."""

    def __init__(self, **answers: str) -> None:
        self.answers, self.lines, self.data = answers, list[str](), b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as lines:

            def say(text: str) -> None:
                connection.sendall(f"{text}\r\n".encode())

            say("220 local")
            for line in lines:
                self.lines.append(line.decode().strip())
                verb = line.split()[0].decode().upper() if line.split() else ""
                if verb == "DATA" and "DATA" not in self.answers:
                    say("354 go on")
                    self.data = b"".join(iter(lambda: next(lines), b".\r\n"))
                say(self.answers.get(verb, "250-local\r\n250 AUTH PLAIN" if verb == "EHLO" else self._usual(verb)))
                if verb == "QUIT":
                    return

    def _usual(self, verb: str) -> str:
        return {"AUTH": "235 yes", "QUIT": "221 bye"}.get(verb, "250 ok")


def mail(port: int, password: Callable[[], str | None] = lambda: None, **more: Any) -> MailSink:
    settings = Mail("127.0.0.1", "orch@example.org", ("a@example.org", "b@example.org"), port, Security.NONE)
    return MailSink(replace(settings, **more), password)


def test_a_mail_says_it_all() -> None:
    """Subject in one line, every alert under its title, the command, the links; to everybody; its end answers it."""
    with MailServer() as server:
        assert mail(server.port).send(TWO) == Delivered()
    sent = message_from_bytes(server.data, policy=default)
    assert sent["Subject"] == "WARNING 2 alerts: 2026-01-21 overnight"
    assert (sent["From"], sent["To"]) == ("orch@example.org", "a@example.org, b@example.org")
    assert sent["Auto-Submitted"] == "auto-generated"
    text = sent.get_content().replace("\r\n", "\n")
    assert text.count("blocked by <coverage> & *more*: 62_0 of 80") == text.count(COMMAND) == 2
    assert f"{GATE.title}\n" in text
    assert "Runbook: https://wiki.example/ALERTS.md#gate" in text
    assert [line for line in server.lines if line.startswith("rcpt")] == [
        "rcpt TO:<a@example.org>", "rcpt TO:<b@example.org>",
    ]  # fmt: skip
    with MailServer() as server:
        mail(server.port).send(replace(GATE, resolved=True))
    assert message_from_bytes(server.data, policy=default)["References"] == sent["References"]


def test_a_user_logs_in() -> None:
    """With the secret, and not at all without it."""
    given = {"user": "orch", "password_secret": "smtp-password"}
    with MailServer() as server:
        assert mail(server.port, lambda: "pw", **given).send(GATE) == Delivered()
    assert any(line.startswith("AUTH PLAIN") for line in server.lines)
    assert mail(server.port, **given).send(GATE) == Refused("mail: no secret smtp-password")


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_what_a_mail_server_says_is_read(verb: str) -> None:
    """4yz may pass, 5yz is a refusal with its words."""
    with MailServer(**{verb: "451 try later"}) as server, pytest.raises(Unavailable, match="451 try later"):
        mail(server.port).send(GATE)
    with MailServer(**{verb: "554 no"}) as server:
        assert mail(server.port).send(GATE) == Refused("mail: 554 no")


def test_a_server_that_cannot_encrypt_gets_no_mail() -> None:
    """`starttls` is a demand, not a wish: the text does not go out in the clear."""
    with MailServer() as server:
        answer = mail(server.port, security=Security.STARTTLS).send(GATE)
    assert isinstance(answer, Refused)
    assert server.data == b""


def test_a_mail_server_that_is_away_may_come_back() -> None:
    """A refused connection is tried again by a later sweep."""
    with pytest.raises(Unavailable, match="mail"):
        mail(closed_port()).send(GATE)


# several


class Slow:
    """Keeps its caller waiting, and does not answer."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.tried = clock, 0

    def send(self, notice: Notice) -> Delivered | Refused:
        self.tried += 1
        self.clock.sleep(timedelta(seconds=3))
        raise Unavailable("slow", "timed out")


class Well:
    def __init__(self) -> None:
        self.got: list[Notice] = []

    def send(self, notice: Notice) -> Delivered:
        self.got.append(notice)
        return Delivered()


def test_sinks_that_hang_keep_no_other_from_hearing_it() -> None:
    """No sink is begun after four seconds, so that a sweep has its time; the next attempt asks those first that were
    not asked, and one that is well has it then."""
    clock = ManualClock()
    slow, well = [Slow(clock), Slow(clock), Slow(clock)], Well()
    fan = FanOut({**{f"slow{place}": sink for place, sink in enumerate(slow)}, "well": well}, clock=clock)
    began = clock.now()
    with pytest.raises(Unavailable):
        fan.send(GATE)
    assert clock.now() - began < BEGUN_WITHIN + timedelta(seconds=3)
    assert [sink.tried for sink in slow] == [1, 1, 0]
    with pytest.raises(Unavailable):
        fan.send(GATE)
    assert len(well.got) == 1


def test_a_sink_that_left_the_policy_loses_nothing() -> None:
    """What was for it alone goes where alerts go by default."""
    well = Well()
    assert FanOut({"slack": well}, default=("slack",)).send(replace(GATE, sinks=("gone",))) == Delivered()
    assert len(well.got) == 1
