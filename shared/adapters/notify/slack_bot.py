"""AlertSink on Slack's Web API: a bot, whose later messages about an alert are replies to the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.adapters.notify import slack_blocks
from shared.adapters.notify.post import TIMEOUT, Post, judged, no_secret
from shared.adapters.wire import to_json
from shared.core.errors import Unavailable
from shared.core.policy.alerts import SlackBot
from shared.ports import Delivered, Notice, Refused, Response

_POST_MESSAGE = "https://slack.com/api/chat.postMessage"
# Slack answers 200 to these too: they are faults of its own, and may pass.
_PASSING = frozenset({"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout",
                      "service_unavailable", "team_added_to_org"})  # fmt: skip
_NO_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})


class SlackBotSink:
    """Posts to one channel; ``token`` yields the bot's token when asked, None while the secret is absent.

    What is said of an alert again, and its end, is a reply in the thread of its first message; a critical one that is
    said again is shown in the channel too. A thread that was deleted is begun anew.
    """

    def __init__(
        self, settings: SlackBot, token: Callable[[], str | None], post: Post, url: str = _POST_MESSAGE
    ) -> None:
        self._settings, self._token, self._post, self._url = settings, token, post, url

    def send(self, notice: Notice) -> Delivered | Refused:
        token = self._token()
        if not token:
            return no_secret("slack_bot", self._settings.token_secret)
        answer = self._call(token, body(notice, self._settings.channel))
        if notice.thread and answer.get("error") in _NO_THREAD:
            answer = self._call(token, body(notice, self._settings.channel, thread=False))
        if answer.get("ok") is True:
            ts = answer.get("ts")
            return Delivered({"slack_bot": ts}) if isinstance(ts, str) else Delivered()
        error = str(answer.get("error") or "the answer is no JSON object with `ok`")
        if error in _PASSING:
            raise Unavailable("slack_bot", error)
        return Refused(f"slack_bot: {error}")

    def _call(self, token: str, content: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {token}"}
        response = self._post(self._url, to_json(content), headers, TIMEOUT)
        refused = judged("slack_bot", response)
        return {"ok": False, "error": refused.reason} if isinstance(refused, Refused) else _object(response)


def _object(response: Response) -> dict[str, Any]:
    try:
        answer = json.loads(response.body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def body(notice: Notice, channel: str, *, thread: bool = True) -> dict[str, Any]:
    """Return the arguments of `chat.postMessage`."""
    content: dict[str, Any] = {
        "channel": channel,
        "text": slack_blocks.text(notice),
        "blocks": slack_blocks.blocks(notice),
        "unfurl_links": False,
    }
    if notice.thread and thread:
        content["thread_ts"] = notice.thread
        content["reply_broadcast"] = notice.severity == "critical" and not notice.resolved
    return content
