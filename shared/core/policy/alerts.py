"""Who hears which alerts, and when: what the policy's keys `alerts` and `links` mean as values (behaviour A1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum

# The channels of Slack by severity: where alerts go that no route speaks of.
SLACK = "slack"
# By its own severities, whatever the routes say.
PAGERDUTY = "pagerduty"


@dataclass(frozen=True)
class PagerDuty:
    severities: frozenset[str]
    routing_key_secret: str


@dataclass(frozen=True)
class SlackBot:
    """A channel, by its id, to which a bot posts: the end and the repetitions of an alert are replies to it."""

    channel: str
    token_secret: str


class Security(StrEnum):
    """How a connection to a mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True)
class Mail:
    """Mail through an SMTP server; ``user`` is "" where it asks for none."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: Security = Security.STARTTLS
    user: str = ""
    password_secret: str = ""


@dataclass(frozen=True)
class Teams:
    """A channel of Microsoft Teams, by the webhook of a workflow."""

    url_secret: str


@dataclass(frozen=True)
class GoogleChat:
    """A space of Google Chat, by its webhook."""

    url_secret: str


@dataclass(frozen=True)
class Webhook:
    """Any URL that takes JSON, signed with a key where ``signing_secret`` names one."""

    url_secret: str
    signing_secret: str = ""


Sink = SlackBot | Mail | Teams | GoogleChat | Webhook


def secrets_of(sink: Sink) -> tuple[str, ...]:
    """Return the secrets that a sink needs, by name."""
    if isinstance(sink, SlackBot):
        return (sink.token_secret,)
    if isinstance(sink, Mail):
        return (sink.password_secret,) if sink.password_secret else ()
    if isinstance(sink, Webhook) and sink.signing_secret:
        return (sink.url_secret, sink.signing_secret)
    return (sink.url_secret,)


@dataclass(frozen=True)
class Route:
    """Which alerts go ``to`` which sinks: those of the phases, teams and severities named; None means any."""

    to: tuple[str, ...]
    phases: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    severities: frozenset[str] | None = None


@dataclass(frozen=True)
class QuietHours:
    """Local times of day: from ``begins``, included, to ``ends``, excluded; over midnight where ``ends`` is earlier."""

    begins: time
    ends: time


@dataclass(frozen=True)
class Alerts:
    """``channels`` maps a severity to the secret that holds its Slack webhook; ``sinks`` are further places by name."""

    channels: Mapping[str, str]
    repeat_after: timedelta
    pagerduty: PagerDuty | None = None
    sinks: Mapping[str, Sink] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    quiet_hours: QuietHours | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """The secrets that carry alerts."""
        pager = () if self.pagerduty is None else (self.pagerduty.routing_key_secret,)
        of_sinks = (name for sink in self.sinks.values() for name in secrets_of(sink))
        return frozenset((*self.channels.values(), *pager, *of_sinks))


@dataclass(frozen=True)
class Links:
    """Where alerts lead. ``runbook`` is the URL at which `deploy/ALERTS.md` is shown, "" for none."""

    runbook: str = ""


NOWHERE = Links()
