"""The inventory of a project from Google's REST APIs: Cloud Scheduler, Pub/Sub, Cloud Monitoring."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.core.errors import Unavailable
from shared.core.reporting.inventory import Declared, Feed, Job
from shared.ports import Clock

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.auth.transport.requests import AuthorizedSession
    from requests import Response

PORT = "inventory"
SCHEDULER, PUBSUB, MONITORING = "Cloud Scheduler", "Pub/Sub", "Cloud Monitoring"
HOSTS = {
    SCHEDULER: "https://cloudscheduler.googleapis.com",
    PUBSUB: "https://pubsub.googleapis.com",
    MONITORING: "https://monitoring.googleapis.com",
}
ROLES = {
    SCHEDULER: "roles/cloudscheduler.viewer",
    PUBSUB: "roles/pubsub.viewer",
    MONITORING: "roles/monitoring.viewer",
}
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
WAITING = "pubsub.googleapis.com/subscription/num_undelivered_messages"
# Sampled every minute and seen up to four later: the newest point of these minutes is the last that there is.
LOOK_BACK = timedelta(minutes=10)
MOST_PAGES = 20
MOST_BYTES = 20_000_000
_CHUNK = 64 * 1024


class GoogleInventory:
    """Reads what a project has. Each question has ``timeout`` in all, its further pages included."""

    def __init__(
        self,
        project: str,
        declared: Declared,
        clock: Clock,
        *,
        hosts: Mapping[str, str] = HOSTS,
        credentials: Callable[[], Credentials] | None = None,
        timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        self._project, self._declared, self._clock = project, declared, clock
        self._hosts, self._credentials, self._timeout = hosts, credentials, timeout

    def declared(self) -> Declared:
        return self._declared

    def schedules(self) -> list[Job]:
        path = f"/v1/projects/{self._project}/locations/{self._declared.region}/jobs"
        return self._all(SCHEDULER, path, "jobs", {"pageSize": "500"}, _job)

    def subscriptions(self) -> list[Feed]:
        path = f"/v1/projects/{self._project}/subscriptions"
        return self._all(PUBSUB, path, "subscriptions", {"pageSize": "1000"}, _feed)

    def backlog(self) -> dict[str, int]:
        now = self._clock.now()
        asked = {
            "filter": f'metric.type = "{WAITING}"',
            "interval.startTime": (now - LOOK_BACK).isoformat(),
            "interval.endTime": now.isoformat(),
            "pageSize": "1000",
        }
        path = f"/v3/projects/{self._project}/timeSeries"
        return dict(self._all(MONITORING, path, "timeSeries", asked, _newest))

    def _all(self, api: str, path: str, key: str, asked: dict[str, str], read: Callable[[Any], Any]) -> list[Any]:
        """Return what is read of every item of every page; an answer of another shape is ``Unavailable``."""
        try:
            return [read(item) for page in self._pages(api, path, asked) for item in page.get(key, [])]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise Unavailable(PORT, f"{api} answers in another shape: {type(error).__name__}: {error}") from error

    def _pages(self, api: str, path: str, asked: dict[str, str]) -> Iterator[Any]:
        deadline = time.monotonic() + self._timeout.total_seconds()
        token = ""
        for _ in range(MOST_PAGES):
            page = self._page(api, path, {**asked, **({"pageToken": token} if token else {})}, deadline)
            yield page
            token = page.get("nextPageToken", "")
            if not token:
                return
        raise Unavailable(PORT, f"{api} has more than {MOST_PAGES} pages: not all was read")

    def _page(self, api: str, path: str, asked: Mapping[str, str], deadline: float) -> Any:
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise Unavailable(PORT, self._late(api))
        try:
            with self._session.get(self._hosts[api] + path, params=asked, timeout=remaining, stream=True) as answer:
                body = self._body(api, answer, deadline)
        except GoogleAuthError as error:
            raise Unavailable(PORT, f"{api}: no credentials: {error}") from error
        except (RequestException, HTTPError) as error:  # the second while the body is read
            why = self._late(api) if "timed out" in str(error) else f"{api} does not answer: {type(error).__name__}"
            raise Unavailable(PORT, why) from error
        if answer.status_code != 200:
            raise Unavailable(PORT, _refusal(api, answer.status_code, body))
        return json.loads(body)

    def _body(self, api: str, answer: Response, deadline: float) -> bytes:
        body = b""
        # The socket's timeout starts anew with every byte: a body that drips would never end.
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if time.monotonic() > deadline or len(body) > MOST_BYTES:
                raise Unavailable(PORT, self._late(api))
        return body

    def _late(self, api: str) -> str:
        return f"{api} did not answer within {self._timeout.total_seconds():g} s"

    @cached_property
    def _session(self) -> AuthorizedSession:
        import google.auth
        from google.auth.transport.requests import AuthorizedSession

        if self._credentials is not None:
            credentials = self._credentials()
        else:
            credentials, _ = google.auth.default(scopes=[SCOPE])
        return AuthorizedSession(credentials, refresh_timeout=self._timeout.total_seconds(), max_refresh_attempts=1)


def declared_in(text: str) -> Declared:
    """Read what bin/build wrote into the bundle; raises ``Unavailable`` if it is something else."""
    try:
        raw = json.loads(text)
        return Declared(
            region=raw["region"],
            schedules={name: (cron, zone) for name, (cron, zone) in raw["schedules"].items()},
            subscriptions=dict(raw["subscriptions"]),
            beside=frozenset(raw["beside"]),
            dead_letters=raw["dead_letters"],
            functions=tuple(raw["functions"]),
            topics=frozenset(raw["topics"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unavailable(PORT, f"config/inventory.json is not what bin/build writes: {error!r}") from error


def _job(raw: Any) -> Job:
    failed = raw.get("status") or {}
    code = failed.get("code", 0)
    return Job(
        name=_last(raw["name"]),
        cron=raw["schedule"],
        zone=raw["timeZone"],
        enabled=raw["state"] == "ENABLED",
        calls=(raw.get("httpTarget") or {}).get("uri", ""),
        failed=failed.get("message", "") or f"code {code}" if code else "",
    )


def _feed(raw: Any) -> Feed:
    state = raw.get("state", "ACTIVE")
    fault = "is detached" if raw.get("detached") else "" if state == "ACTIVE" else f"is in state {state}"
    return Feed(_last(raw["name"]), _last(raw["topic"]), (raw.get("pushConfig") or {}).get("pushEndpoint", ""), fault)


def _newest(raw: Any) -> tuple[str, int]:
    points = sorted(raw["points"], key=lambda point: str(point["interval"]["endTime"]))
    return raw["resource"]["labels"]["subscription_id"], int(points[-1]["value"]["int64Value"])


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _refusal(api: str, status: int, body: bytes) -> str:
    """Say what the API answered; a 403 is a role that is missing or an API that is off, as its message says."""
    try:
        message = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = body[:200].decode("utf-8", errors="replace")
    wants = f"; it needs {ROLES[api]}" if status in (401, 403) else ""
    return f"{api} answers {status}: {message[:300]}{wants}"
