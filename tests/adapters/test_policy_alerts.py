"""Who hears which alerts, as the policy says it: what is read, and what is refused with key, reason and hint."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.alerts import (
    GoogleChat,
    Mail,
    QuietHours,
    Route,
    Security,
    SlackBot,
    Teams,
    Webhook,
)
from tests.policy_files import NBA, nba, write

SINKS: dict[str, Any] = {
    "bot": {"slack_bot": {"channel": "C0123456789", "token_secret": "slack-bot-token"}},
    "odds_mail": {
        "mail": {
            "host": "smtp.example.org", "port": 465, "security": "tls", "from": "orch@example.org",
            "to": ["odds@example.org"], "user": "orch", "password_secret": "smtp-password",
        }
    },
    "data": {"teams": {"url_secret": "teams-webhook"}},
    "space": {"google_chat": {"url_secret": "chat-webhook"}},
    "tickets": {"webhook": {"url_secret": "ticket-webhook", "signing_secret": "ticket-key"}},
}  # fmt: skip
ROUTES: list[dict[str, Any]] = [
    {"to": ["odds_mail", "slack"], "teams": ["odds"], "severities": ["warning", "critical"]},
    {"to": ["bot", "data", "space", "tickets"], "phases": ["phase4"]},
]
QUIET = {"from": "22:00", "to": "07:00"}


def overlay(**alerts: Any) -> dict[str, Any]:
    given = {"sinks": SINKS, "routes": ROUTES, "quiet_hours": QUIET} | alerts
    return {"alerts": given, "phases": {"phase3": {"team": "odds"}}}


def test_everything_that_can_be_said_is_read() -> None:
    """Each kind of sink with its settings, routes, quiet hours, whose a phase is; what is left out has its default."""
    policy = load_policy(NBA, overlay())
    assert policy.alerts.sinks == {
        "bot": SlackBot("C0123456789", "slack-bot-token"),
        "odds_mail": Mail(
            "smtp.example.org", "orch@example.org", ("odds@example.org",), 465, Security.TLS, "orch", "smtp-password"
        ),
        "data": Teams("teams-webhook"),
        "space": GoogleChat("chat-webhook"),
        "tickets": Webhook("ticket-webhook", "ticket-key"),
    }
    assert policy.alerts.routes == (
        Route(("odds_mail", "slack"), teams=frozenset({"odds"}), severities=frozenset({"warning", "critical"})),
        Route(("bot", "data", "space", "tickets"), phases=frozenset({"phase4"})),
    )
    assert policy.alerts.quiet_hours == QuietHours(time(22), time(7))
    assert policy.phases["phase3"].team == "odds"
    assert load_policy(NBA).alerts.sinks == {}


def test_the_secrets_of_all_sinks_are_named() -> None:
    """The manifest has to give them to the functions, and health is red while one is absent."""
    policy = load_policy(NBA, overlay())
    own = {"slack-bot-token", "smtp-password", "teams-webhook", "chat-webhook", "ticket-webhook", "ticket-key"}
    assert own <= policy.alerts.secrets
    ports = runtime.EnvironmentPorts({"SLACK_BOT_TOKEN": "xoxb"}, policy)
    missing = ports.missing_webhooks()
    assert {"odds_mail (smtp-password)", "tickets (ticket-key)"} <= set(missing)
    assert "bot (slack-bot-token)" not in missing
    assert set(ports.alerts._sinks) == {"slack", "pagerduty", *SINKS}  # type: ignore[attr-defined]


BOT = SINKS["bot"]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"sinks": {"bot": {}}, "routes": [{"to": ["bot"]}]}, "alerts.sinks.bot", "says of no kind what it is"),
    ({"sinks": {"bot": BOT | SINKS["data"]}, "routes": [{"to": ["bot"]}]}, "alerts.sinks.bot", "is several: slack_bot"),
    ({"sinks": {"slack": BOT}, "routes": [{"to": ["slack"]}]}, "alerts.sinks.slack", "the name of another place"),
    ({"sinks": {"bot": BOT}, "routes": []}, "alerts.sinks.bot", "no route names it"),
    ({"routes": [{"to": ["mial"]}]}, "alerts.routes[0].to", "there is no sink mial"),
    ({"routes": [{"to": ["pagerduty"]}]}, "alerts.routes[0].to", "pagerduty is not routed"),
    ({"routes": [{"to": []}]}, "alerts.routes[0].to", "names no sink"),
    ({"routes": [{"to": ["slack"], "phases": ["phase9"]}]}, "alerts.routes[0].phases", "there is no phase phase9"),
    ({"routes": [{"to": ["slack"], "teams": ["od"]}]}, "alerts.routes[0].teams", "there is no team od"),
    ({"routes": [{"to": ["slack"], "severities": ["bad"]}]}, "alerts.routes[0].severities", "no severity bad"),
    ({"routes": [{"to": ["slack"], "severities": []}]}, "alerts.routes[0].severities", "would never fit"),
    (
        {"routes": [{"to": ["slack"], "phases": ["phase4"], "teams": ["odds"]}]},
        "alerts.routes[0]",
        "none of its phases is of one of its teams",
    ),
    ({"quiet_hours": {"from": "22:00", "to": "22:00"}}, "alerts.quiet_hours", "from and to are both 22:00"),
    ({"quiet_hours": {"from": "22:00", "to": "7"}}, "alerts.quiet_hours.to", "time of day"),
    ({"quiet_hours": {"form": "22:00", "to": "07:00"}}, "alerts.quiet_hours", "form"),
]


@pytest.mark.parametrize(("alerts", "key", "reason"), REFUSED, ids=[f"{key}: {why}" for _, key, why in REFUSED])
def test_what_could_never_work_is_refused(alerts: dict[str, Any], key: str, reason: str, tmp_path: Path) -> None:
    """With the file, the key path and the reason; a secret is never in the policy, only its name."""
    whole = nba()
    whole["alerts"] |= alerts
    whole["phases"]["phase3"]["team"] = "odds"
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, whole))
    text = str(caught.value)
    assert key in text
    assert reason in text
    assert "mutated.yaml" in text


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"user": "orch"}, "alerts.sinks.m.mail", "has no password_secret"),
        ({"password_secret": "p"}, "alerts.sinks.m.mail", "has no user"),
        ({"to": []}, "alerts.sinks.m.mail.to", "names nobody"),
        ({"to": ["nobody"]}, "alerts.sinks.m.mail.to[0]", "a mail address"),
        ({"port": 0}, "alerts.sinks.m.mail.port", "a TCP port"),
        ({"password": "hunter2"}, "alerts.sinks.m.mail.password", "no such key"),
    ],
)
def test_mail_that_could_never_be_sent_is_refused(
    change: dict[str, Any], key: str, reason: str, tmp_path: Path
) -> None:
    """Half a login, nobody to write to, what is no address."""
    mail = {"host": "smtp.example.org", "from": "orch@example.org", "to": ["a@example.org"]} | change
    whole = nba()
    whole["alerts"] |= {"sinks": {"m": {"mail": mail}}, "routes": [{"to": ["m"]}]}
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, whole))
    assert key in str(caught.value)
    assert reason in str(caught.value)


def test_a_runbook_is_a_web_page(tmp_path: Path) -> None:
    """A path would be a link that leads nowhere."""
    whole = nba() | {"links": {"runbook": "deploy/ALERTS.md"}}
    with pytest.raises(PolicyError, match=r"links\.runbook"):
        load_policy(write(tmp_path, whole))
    assert load_policy(NBA, {"links": {"runbook": "https://wiki.example/a"}}).links.runbook == "https://wiki.example/a"
