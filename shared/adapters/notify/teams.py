"""AlertSink on Microsoft Teams: the webhook of a workflow that posts the cards it gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.adapters.notify import plain_text
from shared.adapters.notify.post import TIMEOUT, Post, judged, no_secret
from shared.adapters.wire import to_json
from shared.ports import Delivered, Notice, Refused

# What one message may hold is 28 KB; a text is cut well below.
_LONGEST_TEXT = 2_000
_COLOURS = {"critical": "Attention", "warning": "Warning"}


class TeamsSink:
    """Sends each message as an Adaptive Card; ``url`` yields the webhook when asked, None while it is absent."""

    def __init__(self, url: Callable[[], str | None], secret: str, post: Post) -> None:
        self._url, self._secret, self._post = url, secret, post

    def send(self, notice: Notice) -> Delivered | Refused:
        url = self._url()
        if not url:
            return no_secret("teams", self._secret)
        data = to_json(envelope(notice))
        return judged("teams", self._post(url, data, {"Content-Type": "application/json"}, TIMEOUT))


def envelope(notice: Notice) -> dict[str, Any]:
    """Return what the webhook takes: a message with one Adaptive Card."""
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card(notice)}
        ],
    }


def card(notice: Notice) -> dict[str, Any]:
    """Return the Adaptive Card of a message: heading, each alert with its command, and links as buttons."""
    colour = "Good" if notice.resolved else _COLOURS.get(notice.severity, "Default")
    head = _text(plain_text.heading(notice), size="Large", weight="Bolder", color=colour)
    body = [head, *(block for part in notice.parts for block in _blocks(part, several=bool(notice.others)))]
    actions = [{"type": "Action.OpenUrl", "title": link.text, "url": link.url} for link in notice.links]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        **({"actions": actions} if actions else {}),
        "msteams": {"width": "Full"},
    }


def _blocks(notice: Notice, *, several: bool) -> list[dict[str, Any]]:
    blocks = [_text(plain_text.name(notice), weight="Bolder", separator=True)] if several else []
    blocks.append(_text(notice.text.strip()[:_LONGEST_TEXT] or "(no text)"))
    if notice.command and notice.command not in notice.text:
        blocks.append(_text(notice.command, fontType="Monospace"))
    return blocks


def _text(text: str, **more: Any) -> dict[str, Any]:
    # Two line ends are a line end in the markup of a text block; what would be markup is escaped.
    shown = "".join(f"\\{character}" if character in "\\`*_[]" else character for character in text)
    return {"type": "TextBlock", "text": shown.replace("\n", "\n\n"), "wrap": True, **more}
