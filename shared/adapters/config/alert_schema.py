"""The shape of the policy's keys `alerts` and `links`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import END, Duration, Name, Schema, Secret, TimeOfDay, WebUrl

Address = Annotated[
    str,
    Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+" + END, description="a mail address", examples=["on-call@example.org"]),
]
Host = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?" + END, description="a host", examples=["smtp.example.org"]
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535, description="a TCP port", examples=[587, 465])]
ChannelId = Annotated[
    str, Meta(pattern="^[CGD][A-Z0-9]{2,}" + END, description="the id of a Slack channel", examples=["C0123456789"])
]


class PagerDutySchema(Schema):
    """Critical alerts to PagerDuty as well, whatever the routes say.

    - `severities`: which severities
    - `routing_key_secret`: the secret that holds the routing key
    """

    severities: list[Name]
    routing_key_secret: Secret


class SlackBotSchema(Schema):
    """A channel of Slack to which a bot posts (scope `chat:write`): what follows an alert is a reply to it.

    - `channel`: the id of the channel
    - `token_secret`: the secret that holds the bot's token
    """

    channel: ChannelId
    token_secret: Secret


class MailSchema(Schema, rename={"from_": "from"}):
    """Mail through an SMTP server.

    - `host`: the server
    - `to`: who gets it
    - `port`: 587 where left out
    - `security`: how the connection is encrypted; `starttls` where left out
    - `user`: as whom to log in; left out where the server asks for nobody
    - `password_secret`: the secret that holds the password of the user
    """

    host: Host
    from_: Annotated[Address, Meta(description="whose mail it is")]
    to: list[Address]
    port: Port | UnsetType = UNSET
    security: Annotated[
        Literal["starttls", "tls", "none"] | UnsetType, Meta(description="how the connection is encrypted")
    ] = UNSET
    user: Annotated[str | UnsetType | None, Meta(description="as whom to log in")] = UNSET
    password_secret: Secret | UnsetType | None = UNSET


class TeamsSchema(Schema):
    """A channel of Microsoft Teams: the webhook of a workflow that posts the cards it gets.

    - `url_secret`: the secret that holds its URL
    """

    url_secret: Secret


class GoogleChatSchema(Schema):
    """A space of Google Chat, by a webhook. The alerts of one run are one thread.

    - `url_secret`: the secret that holds its URL
    """

    url_secret: Secret


class WebhookSchema(Schema):
    """Any URL that takes JSON (config/README.md has its fields).

    - `url_secret`: the secret that holds the URL
    - `signing_secret`: the secret that holds the key by which each call is signed; left out, none is
    """

    url_secret: Secret
    signing_secret: Secret | UnsetType | None = UNSET


class SinkSchema(Schema):
    """A place to which alerts may go: one of these.

    - `slack_bot`: a channel of Slack, with replies
    - `mail`: mail through an SMTP server
    - `teams`: a channel of Microsoft Teams
    - `google_chat`: a space of Google Chat
    - `webhook`: any URL that takes JSON
    """

    slack_bot: SlackBotSchema | UnsetType | None = UNSET
    mail: MailSchema | UnsetType | None = UNSET
    teams: TeamsSchema | UnsetType | None = UNSET
    google_chat: GoogleChatSchema | UnsetType | None = UNSET
    webhook: WebhookSchema | UnsetType | None = UNSET


class RouteSchema(Schema):
    """Which alerts go where. An alert goes to the sinks of every route that fits, else to `channels`.

    - `to`: names of `sinks`, or `slack` for `channels`
    """

    to: list[Name]
    phases: Annotated[
        list[Name] | UnsetType | None, Meta(description="alerts of these phases; of any where left out")
    ] = UNSET
    teams: Annotated[
        list[Name] | UnsetType | None, Meta(description="alerts of phases of these teams; of any where left out")
    ] = UNSET
    severities: Annotated[
        list[Name] | UnsetType | None, Meta(description="alerts of these severities; of any where left out")
    ] = UNSET


class QuietHoursSchema(Schema, rename={"from_": "from"}):
    """Local times between which nobody is told what is not critical: at their end, once, what still holds."""

    from_: Annotated[TimeOfDay, Meta(description="when they begin, local time")]
    to: Annotated[TimeOfDay, Meta(description="when they end, local time; the next day's where it is earlier")]


class AlertsSchema(Schema):
    """Who hears what.

    - `channels`: by severity the secret that holds the Slack webhook
    - `repeat_after`: after how long an alert that still holds is said again
    - `pagerduty`: which alerts go to PagerDuty as well
    - `sinks`: further places, by name
    - `routes`: which alerts go to which of them
    - `quiet_hours`: when warnings wait
    """

    channels: dict[Name, Secret]
    repeat_after: Duration
    pagerduty: PagerDutySchema | UnsetType | None = UNSET
    sinks: dict[Name, SinkSchema] | UnsetType | None = UNSET
    routes: list[RouteSchema] | UnsetType | None = UNSET
    quiet_hours: QuietHoursSchema | UnsetType | None = UNSET


class LinksSchema(Schema):
    """Where alerts lead. The page and the log are where the deployment says that they are.

    - `runbook`: the URL at which `deploy/ALERTS.md` is shown; an alert leads to the line of its kind
    """

    runbook: WebUrl | UnsetType | None = UNSET
