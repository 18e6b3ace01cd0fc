"""AlertSink on PagerDuty's Events API v2."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any

from shared.adapters.notify.post import TIMEOUT, judged
from shared.ports import Delivered, Http, Notice, Refused

_ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255
_SEVERITIES = frozenset({"critical", "error", "warning", "info"})


class PagerDutySink:
    """Opens and resolves an incident per fingerprint; takes nothing while ``key`` yields None.

    Notices of other severities than ``severities`` count as delivered: they are not for the pager. ``http``
    must be one without identity tokens.
    """

    def __init__(
        self,
        key: Callable[[], str | None],
        http: Http,
        severities: Collection[str] = ("critical",),
        source: str = "orchestrator",
        url: str = _ENQUEUE,
    ) -> None:
        self._key, self._http, self._severities, self._source, self._url = key, http, severities, source, url

    def send(self, notice: Notice) -> Delivered | Refused:
        """Send an event for each alert of a message; of those that were sent before one failed the key is known."""
        routing_key = self._key() if notice.severity in self._severities else None
        refusals = []
        for part in notice.parts if routing_key else ():
            response = self._http.request("POST", self._url, event(part, routing_key or "", self._source), TIMEOUT)
            answer = judged("pagerduty", response)
            refusals += [answer] if isinstance(answer, Refused) else []
        return refusals[0] if refusals else Delivered()


def events_of(severities: Collection[str]) -> Callable[[Notice], int]:
    """Return how many events a notice is, where those of these severities are for the pager."""
    return lambda notice: len(notice.parts) if notice.severity in severities else 0


def event(notice: Notice, routing_key: str, source: str) -> dict[str, Any]:
    """Return the body of one event: ``trigger``, or ``resolve`` for a recovery."""
    head = {
        "routing_key": routing_key,
        "event_action": "resolve" if notice.resolved else "trigger",
        "dedup_key": _dedup_key(notice.fingerprint),
    }
    if notice.resolved:
        return head
    payload = {
        "summary": _summary(notice),
        "source": source,
        "severity": notice.severity if notice.severity in _SEVERITIES else "error",
        "class": notice.kind,
        "custom_details": {
            "text": notice.text,
            "fingerprint": notice.fingerprint,
            "count": notice.count,
            **({"to do": notice.command} if notice.command else {}),
        },
    }
    links = [{"href": link.url, "text": link.text} for link in notice.links]
    return head | {"payload": payload} | ({"links": links} if links else {})


def _summary(notice: Notice) -> str:
    """Return what is read aloud on the phone: the title in words, then the text as far as there is room."""
    text = notice.text.strip()
    summary = f"{notice.title}. {text}" if notice.title and text else notice.title or text
    return summary[:_LONGEST_SUMMARY] or notice.kind


def _dedup_key(fingerprint: str) -> str:
    return fingerprint if len(fingerprint) <= _LONGEST_KEY else hashlib.sha256(fingerprint.encode()).hexdigest()
