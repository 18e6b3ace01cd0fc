"""Asking a deployed function whether it answers, as the identity that will call it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.line import Line, gcloud
from deploy.manifest import Function, Manifest, Place, Stamp
from deploy.resource import Difference, Resource
from deploy.runner import Runner, order

# (method, url, token, body) to (status, body); status 0 where nobody answered.
Call = Callable[[str, str, str, bytes | None], tuple[int, bytes]]
WAIT_SECONDS = 100
# A message without data is a probe: every event function acknowledges it and does nothing else (behaviour R1).
PROBE = {"message": {"data": "", "messageId": "deploy-probe", "attributes": {}}, "subscription": "deploy-probe"}


@dataclass(frozen=True)
class ReadyCheck:
    """Asks a function once what calls it is in place: its subscriptions and its schedules."""

    manifest: Manifest
    place: Place
    stamp: Stamp
    run: Runner
    call: Call
    asked: set[tuple[str, str | None]] = field(default_factory=set)

    def __call__(self, resource: Resource) -> list[Difference]:
        if resource.kind not in ("subscription", "schedule") or not resource.function:
            return []
        function = self.manifest.functions[resource.function]
        topic = resource.name.rpartition("--")[2] if resource.kind == "subscription" else None
        if (function.folder, topic) in self.asked:
            return []
        self.asked.add((function.folder, topic))
        return self.answer(function, topic)

    def answer(self, function: Function, topic: str | None) -> list[Difference]:
        """Return what is wrong with a function's answer; ``topic`` asks it the way that topic's push does."""
        asked = self._question(function, topic)
        if asked is None:
            return []
        method, path, body, caller = asked
        expected = 200 if function.ready is None else function.ready.status
        url = self.place.url(function.name)
        token = order(self.run, token_line(self.place, caller, url)).out.strip().strip('"')
        status, answer = self.call(method, url + path, token, None if body is None else json.dumps(body).encode())
        wanted = self.stamp.digests[function.folder]
        fits = 200 <= status < 300 if expected == 200 else status == expected
        found = [] if fits else [Difference(f"{method} {url}{path}", str(expected), str(status or "no answer"))]
        said = _digest_in(answer)
        return found + ([] if said in (None, wanted) else [Difference("digest it answers", wanted, str(said))])

    def _question(self, function: Function, topic: str | None) -> tuple[str, str, Mapping[str, Any] | None, str] | None:
        if function.push is not None:
            path = f"/projects/{self.place.project}/topics/{topic or function.push.topics[0]}"
            return "POST", path, PROBE, function.push.service_account
        callers = [one.service_account for one in self.manifest.schedules.values() if one.calls == function.folder]
        if function.ready is None or not callers:
            return None
        return function.ready.method, function.ready.path, function.ready.body, callers[0]


def token_line(place: Place, caller: str, url: str) -> Line:
    return gcloud(
        "auth print-identity-token",
        project=place.project,
        impersonate_service_account=place.account(caller),
        audiences=url,
        include_email=True,
    )


def _digest_in(answer: bytes) -> str | None:
    try:
        said = json.loads(answer)
    except ValueError:
        return None
    return said.get("source_digest") if isinstance(said, dict) else None


def http_call(method: str, url: str, token: str, body: bytes | None) -> tuple[int, bytes]:
    """Call a function over HTTPS."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError:
        return 0, b""
