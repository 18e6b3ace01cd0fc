"""AlertSink on Slack's incoming webhooks, one per severity."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.adapters.notify import slack_blocks
from shared.adapters.retry_after import retry_at
from shared.adapters.wire import Log
from shared.core.errors import Undelivered
from shared.ports import Clock, Delivered, Notice, Refused

if TYPE_CHECKING:
    from tenacity import RetryCallState

_BUDGET = timedelta(seconds=3)
_MOST_ATTEMPTS = 5
_ANSWER_KEPT = 200


@dataclass(frozen=True, slots=True)
class _Later:
    """Slack may take it after a while: ``wait`` is what it asked for, None if it asked for nothing."""

    reason: str
    wait: timedelta | None = None


class SlackSink:
    """Sends each notice to its severity's webhook within about 3 s, waits included (behaviour A3, A4).

    ``webhooks`` yields the URL of a severity when asked, None while the secret is absent; ``secret_names`` says
    which secret that is, for the people who read the refusal. The URL itself is a secret and is never shown.
    """

    def __init__(
        self,
        webhooks: Mapping[str, Callable[[], str | None]],
        clock: Clock,
        log: Log,
        secret_names: Mapping[str, str] | None = None,
    ) -> None:
        self._webhooks, self._clock, self._log = webhooks, clock, log
        self._secret_names = secret_names or {}
        self._not_before: dict[str, tuple[datetime, str]] = {}

    def send(self, notice: Notice) -> Delivered | Refused:
        webhook = self._webhooks.get(notice.severity)
        if webhook is None:
            return self._unsent(notice, f"no webhook: no channel for severity {notice.severity}")
        url, secret = webhook(), self._secret_names.get(notice.severity, f"for severity {notice.severity}")
        if not url:
            return self._unsent(notice, f"no webhook: secret {secret}")
        if not _is_url(url):
            return self._unsent(notice, f"no webhook: secret {secret} holds no URL")
        not_before, reason = self._not_before.get(url, (None, ""))
        if not_before is not None and self._clock.now() < not_before:
            raise Undelivered("slack", reason, retry_at=not_before)
        answer = self._try(url, notice)
        if isinstance(answer, _Later):
            raise self._later(url, answer)
        return answer if isinstance(answer, Delivered) else self._unsent(notice, answer.reason)

    def _later(self, url: str, answer: _Later) -> Undelivered:
        """Remember what a webhook asked for: its other alerts are not tried before either."""
        if answer.wait is None:
            return Undelivered("slack", answer.reason)
        again_at = self._clock.now() + answer.wait
        self._not_before[url] = again_at, answer.reason
        return Undelivered("slack", answer.reason, retry_at=again_at)

    def _unsent(self, notice: Notice, reason: str) -> Refused:
        for part in notice.parts:
            self._log(
                "alert.unsent",
                severity=part.severity.upper(),
                reason=reason,
                text=part.text,
                kind=part.kind,
                fingerprint=part.fingerprint,
                resolved=part.resolved,
                count=part.count,
            )
        return Refused(reason)

    def _try(self, url: str, notice: Notice) -> Delivered | Refused | _Later:
        """Attempt until there is a final answer or the next wait would overrun the budget."""
        from tenacity import Retrying, retry_if_result, wait_exponential_jitter

        deadline = self._clock.now() + _BUDGET
        backoff = wait_exponential_jitter(multiplier=0.2, max=1.0, jitter=0.2)

        def wait(state: RetryCallState) -> float:
            asked = _last(state)
            delay = asked.wait if isinstance(asked, _Later) else None
            return backoff(state) if delay is None else delay.total_seconds()

        def stop(state: RetryCallState) -> bool:
            resumes = self._clock.now() + timedelta(seconds=state.upcoming_sleep)
            return state.attempt_number >= _MOST_ATTEMPTS or resumes >= deadline

        retrying = Retrying(
            retry=retry_if_result(lambda answer: isinstance(answer, _Later)),
            wait=wait,
            stop=stop,
            sleep=lambda seconds: self._clock.sleep(timedelta(seconds=seconds)),
            retry_error_callback=_last,
        )
        return retrying(self._attempt, url, notice, deadline)

    def _attempt(self, url: str, notice: Notice, deadline: datetime) -> Delivered | Refused | _Later:
        from logging import CRITICAL, Logger

        from slack_sdk.webhook import WebhookClient

        remaining = (deadline - self._clock.now()).total_seconds()
        client = WebhookClient(
            url,
            timeout=max(1, math.ceil(remaining)),
            retry_handlers=[],
            # Its own logger writes the URL, which is a secret.
            logger=Logger("slack", CRITICAL),
        )
        try:
            response = client.send(text=slack_blocks.text(notice), blocks=slack_blocks.blocks(notice))
        except (OSError, HTTPException, UnicodeError, LookupError) as error:
            return _Later(f"{type(error).__name__}: {error}")
        return _judge(response.status_code, response.body, response.headers, self._clock.now())


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and value.isprintable() and " " not in value


def _judge(status: int, body: str, headers: Mapping[str, str], now: datetime) -> Delivered | Refused | _Later:
    answer = f"{status} {body.strip()[:_ANSWER_KEPT]}".strip()
    if status == 429 or status >= 500:
        asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
        again_at = retry_at(asked, now)
        return _Later(answer, None if again_at is None else again_at - now)
    # A mistyped webhook redirects to a web page, which answers 200.
    if status == 200 and not body.lstrip().startswith("<"):
        return Delivered()
    return Refused(answer)


def _last(state: RetryCallState) -> Delivered | Refused | _Later:
    if state.outcome is None:
        raise RuntimeError("judged before the first attempt")
    answer: Delivered | Refused | _Later = state.outcome.result()
    return answer
