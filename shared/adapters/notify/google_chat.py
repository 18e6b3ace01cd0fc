"""AlertSink on Google Chat: the webhook of a space."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from shared.adapters.notify import plain_text
from shared.adapters.notify.post import TIMEOUT, Post, judged, no_secret
from shared.adapters.wire import to_json
from shared.ports import Delivered, Notice, Refused

# A message may hold 32,000 bytes; a text is cut well below.
_LONGEST_TEXT = 2_000
_REPLY = ("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")


class GoogleChatSink:
    """Sends each message as a card into the thread of its run; ``url`` yields the webhook, None while it is absent."""

    def __init__(self, url: Callable[[], str | None], secret: str, post: Post) -> None:
        self._url, self._secret, self._post = url, secret, post

    def send(self, notice: Notice) -> Delivered | Refused:
        url = self._url()
        if not url:
            return no_secret("google_chat", self._secret)
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        data = to_json(message(notice))
        return judged("google_chat", self._post(in_thread(url), data, headers, TIMEOUT))


def in_thread(url: str) -> str:
    """Return a webhook with the option by which a message goes to the thread that it names, or begins it."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != _REPLY[0]]
    return urlunsplit(parts._replace(query=urlencode([*query, _REPLY])))


def message(notice: Notice) -> dict[str, Any]:
    """Return a message with one card: what is read in notifications, each alert with its command, links as buttons."""
    key = hashlib.sha256((notice.run or notice.fingerprint).encode()).hexdigest()[:32]
    sections = [_section(part, several=bool(notice.others)) for part in notice.parts]
    buttons = [{"text": link.text, "onClick": {"openLink": {"url": link.url}}} for link in notice.links]
    if buttons:
        sections.append({"widgets": [{"buttonList": {"buttons": buttons}}]})
    card = {"header": {"title": plain_text.heading(notice)}, "sections": sections}
    return {
        "fallbackText": plain_text.heading(notice),
        "cardsV2": [{"cardId": key, "card": card}],
        "thread": {"threadKey": key},
    }


def _section(notice: Notice, *, several: bool) -> dict[str, Any]:
    texts = [notice.text.strip()[:_LONGEST_TEXT] or "(no text)"]
    if notice.command and notice.command not in notice.text:
        texts.append(notice.command)
    widgets = [{"textParagraph": {"text": html.escape(text).replace("\n", "<br>")}} for text in texts]
    return {**({"header": plain_text.name(notice)} if several else {}), "widgets": widgets}
