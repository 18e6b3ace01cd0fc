"""From the shape of the policy's keys `alerts` and `links` to the values of the core."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from shared.adapters.config.alert_schema import AlertsSchema, LinksSchema, MailSchema, RouteSchema, SinkSchema
from shared.adapters.config.build_values import duration_of, there
from shared.core.policy.alerts import (
    Alerts,
    GoogleChat,
    Links,
    Mail,
    PagerDuty,
    QuietHours,
    Route,
    Security,
    Sink,
    SlackBot,
    Teams,
    Webhook,
)
from shared.core.policy.config_error import ConfigError

_HINT = "one of slack_bot, mail, teams, google_chat, webhook"


def alerts_of(schema: AlertsSchema) -> Alerts:
    """Return who hears what; a sink that is of no kind is left out, and is one of ``sink_problems``."""
    pager, hours = there(schema.pagerduty), there(schema.quiet_hours)
    sinks = {name: _sink(sink) for name, sink in (there(schema.sinks) or {}).items()}
    return Alerts(
        channels=schema.channels,
        repeat_after=duration_of(schema.repeat_after),
        pagerduty=None if pager is None else PagerDuty(frozenset(pager.severities), pager.routing_key_secret),
        sinks={name: sink for name, sink in sinks.items() if sink is not None},
        routes=tuple(map(_route, there(schema.routes) or ())),
        quiet_hours=None
        if hours is None
        else QuietHours(time.fromisoformat(hours.from_), time.fromisoformat(hours.to)),
    )


def links_of(schema: LinksSchema) -> Links:
    """Return where alerts lead."""
    return Links(there(schema.runbook) or "")


def sink_problems(schema: AlertsSchema) -> Iterator[ConfigError]:
    """Yield sinks that are of no kind, or of several."""
    for name, sink in (there(schema.sinks) or {}).items():
        kinds = _kinds(sink)
        if len(kinds) != 1:
            reason = "says of no kind what it is" if not kinds else f"is several: {', '.join(kinds)}"
            yield ConfigError(f"alerts.sinks.{name}", reason, _HINT)


def _kinds(sink: SinkSchema) -> dict[str, Struct]:
    values = {name: there(getattr(sink, name)) for name in sink.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None}


def _sink(schema: SinkSchema) -> Sink | None:
    bot, mail, teams = there(schema.slack_bot), there(schema.mail), there(schema.teams)
    chat, hook = there(schema.google_chat), there(schema.webhook)
    if bot is not None:
        return SlackBot(bot.channel, bot.token_secret)
    if mail is not None:
        return _mail(mail)
    if teams is not None:
        return Teams(teams.url_secret)
    if chat is not None:
        return GoogleChat(chat.url_secret)
    return None if hook is None else Webhook(hook.url_secret, there(hook.signing_secret) or "")


def _mail(schema: MailSchema) -> Mail:
    given: dict[str, Any] = {} if schema.port is UNSET else {"port": schema.port}
    if schema.security is not UNSET:
        given["security"] = Security(schema.security)
    user, password = there(schema.user) or "", there(schema.password_secret) or ""
    return Mail(schema.host, schema.from_, tuple(schema.to), user=user, password_secret=password, **given)


def _route(schema: RouteSchema) -> Route:
    def names(listed: list[str] | UnsetType | None) -> frozenset[str] | None:
        named = there(listed)
        return None if named is None else frozenset(named)

    return Route(tuple(schema.to), names(schema.phases), names(schema.teams), names(schema.severities))
