"""What a call of `webhooks` has to prove, and what one that proves nothing may cost (behaviour R13)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.webhooks import webhook_secrets
from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.app.transitions.webhooks import MOST_BYTES
from shared.core.errors import PolicyError, Unavailable
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.foreign_samples import FIVETRAN_SYNC
from tests.functions.entry import client

MINIMAL = Path(__file__).parents[1] / "pipelines" / "minimal.yaml"
RULE = {
    "source": "json", "topic": "weather-signals", "phase": "collect", "processor": "radar", "date": "day",
    "status": "success",
}  # fmt: skip
WEBHOOKS: dict[str, dict[str, Any]] = {
    "plain": {"secret": "plain-secret", "header": "X-Signature"},
    "rotated": {"secret": ["new-secret", "old-secret"], "header": "X-Signature"},
    "dated": {"secret": "plain-secret", "header": "X-Signature", "sent": ["meta.sent", "created"], "max_age": "2h"},
    "stamped": {"secret": "plain-secret", "header": "Stripe-Signature", "scheme": "stamped"},
    "standard": {"secret": "standard-secret", "scheme": "standard", "max_age": "10m"},
}
KEY = base64.b64encode(b"a key of twenty-four byt").decode()
SECRETS: dict[str, str | None] = {
    "plain-secret": "plain", "new-secret": "new", "old-secret": "old", "standard-secret": f"whsec_{KEY}",
}  # fmt: skip
BODY = json.dumps({"day": "2026-03-09"})


def policy_of(webhooks: dict[str, dict[str, Any]]) -> Any:
    return load_policy(MINIMAL, {"signals": {name: {**RULE, "webhook": webhook} for name, webhook in webhooks.items()}})


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Iterator[HandlersKit]:
    kit = HandlersKit(policy=policy_of(WEBHOOKS))
    monkeypatch.setattr(runtime, "secret", lambda _ctx, name: SECRETS.get(name))
    with runtime.override_context(kit.ctx):
        yield kit


def signed(body: str, key: str = "plain") -> str:
    return hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()


def call(name: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    answer = client("webhooks").post(f"/signals/{name}", data=body, headers=headers)
    return answer.status_code, (answer.get_json() or {}).get("error", "")


def standard(seconds: int, body: str = BODY) -> dict[str, str]:
    digest = hmac.new(base64.b64decode(KEY), f"m1.{seconds}.{body}".encode(), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": "m1", "webhook-timestamp": str(seconds), "webhook-signature": signature}


def now(kit: HandlersKit) -> int:
    return int(kit.clock.now().timestamp())


def test_a_call_that_proves_nothing_touches_nothing(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can make one, as often as they like: with store and broker away the answer is the same 401, and where
    they are there, neither is asked."""
    for port in ("state", "bus"):
        kit.fail(port, FaultKind.UNAVAILABLE)
    for headers in ({}, {"X-Signature": "no"}, {"X-Signature": signed("another")}):
        assert call("plain", BODY, headers)[0] == 401
    quiet = HandlersKit(policy=kit.policy)
    asked: list[str] = []
    for name in ("get", "create", "update", "delete", "query", "between", "count"):
        monkeypatch.setattr(type(quiet.ctx.ports.store), name, lambda *_, name=name, **__: asked.append(name))
    with runtime.override_context(quiet.ctx):
        assert call("plain", BODY, {"X-Signature": "no"})[0] == 401
    assert (asked, quiet.published) == ([], [])


def test_an_old_body_is_not_sent_again(kit: HandlersKit) -> None:
    """Where the scheme signs the time of the call, a recorded call is good for `max_age` and no longer."""
    at = now(kit)
    for age, status in ((0, 202), (300, 202), (301, 401), (-301, 401)):
        seconds = at - age
        digest = signed(f"{seconds}.{BODY}")
        assert call("stamped", BODY, {"Stripe-Signature": f"t={seconds},v1={digest}"})[0] == status
    for age, status in ((0, 202), (600, 202), (601, 401), (-301, 401)):
        assert call("standard", BODY, standard(at - age))[0] == status
    assert call("standard", BODY, {**standard(at - 601), "webhook-timestamp": str(at)})[0] == 401


def test_a_body_may_say_itself_when_it_was_sent(kit: HandlersKit) -> None:
    """For a scheme that signs no time: the first of its places, which the signature covers."""
    at = kit.clock.now().isoformat()
    body = json.dumps({"day": "2026-03-09", "created": at})
    assert call("dated", body, {"X-Signature": signed(body)})[0] == 202
    recorded = FIVETRAN_SYNC  # of another year
    status, error = call("dated", recorded, {"X-Signature": signed(recorded)})
    assert (status, "too long ago" in error) == (401, True)
    for text in (BODY, json.dumps({"created": "soon"}), json.dumps({"created": None}), "no json"):
        status, error = call("dated", text, {"X-Signature": signed(text)})
        assert (status, "does not say when" in error) == (401, True)


def test_two_secrets_are_good_while_one_takes_the_others_place(
    kit: HandlersKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them proves a call; one that is away takes nothing from the other."""
    for secret, status in (("new", 202), ("old", 202), ("older", 401)):
        assert call("rotated", BODY, {"X-Signature": signed(BODY, secret)})[0] == status
    monkeypatch.setitem(SECRETS, "old-secret", None)
    for secret, status in (("new", 202), ("old", 401)):
        assert call("rotated", BODY, {"X-Signature": signed(BODY, secret)})[0] == status
    # An absent secret is no secret that is empty.
    assert call("rotated", BODY, {"X-Signature": signed(BODY, "")})[0] == 401

    def away(_ctx: object, name: str) -> str | None:
        if name == "new-secret":
            raise Unavailable("secrets", "no answer")
        return "old"

    monkeypatch.setattr(runtime, "secret", away)
    assert call("rotated", BODY, {"X-Signature": signed(BODY, "old")})[0] == 202
    monkeypatch.setattr(runtime, "secret", lambda _ctx, name: away(_ctx, "new-secret"))
    assert call("rotated", BODY, {"X-Signature": signed(BODY, "old")})[0] == 503


def test_the_function_is_given_every_secret(kit: HandlersKit) -> None:
    """Both of a signal that has two, or the second would prove nothing once it is deployed."""
    assert webhook_secrets([kit.policy]) == ["new-secret", "old-secret", "plain-secret", "standard-secret"]


class Endless(io.RawIOBase):
    """A body that never ends, and how much of it was read."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Give a part of what is asked for, as a connection does."""
        part = min(len(buffer), 300_000)
        self.taken += part
        assert self.taken < 10 * MOST_BYTES, "all of it is read"
        buffer[:part] = b"x" * part
        return part


def test_no_more_of_a_body_is_read_than_is_taken(kit: HandlersKit) -> None:
    """A body of the largest size is read, one byte more is refused, and of one without an end no more than that."""
    fitting = json.dumps({"day": "2026-03-09", "x": "y" * (MOST_BYTES - 33)})
    fitting += " " * (MOST_BYTES - len(fitting))
    assert call("plain", fitting, {"X-Signature": signed(fitting)})[0] == 202
    assert call("plain", fitting + " ", {"X-Signature": signed(fitting + " ")})[0] == 413
    for method, path in (("POST", "/signals/plain"), ("POST", "/signals/nobody"), ("GET", "/health")):
        body = Endless()
        environ = {"wsgi.input": body, "wsgi.input_terminated": True, "REQUEST_METHOD": method}
        answer = client("webhooks").open(path, method=method, environ_overrides=environ)
        assert answer.status_code == 413
        assert "too large" in answer.get_json()["error"]
        assert body.taken == MOST_BYTES + 1


REFUSED = {
    "an age of no time": ({"max_age": "1h"}, "max_age", "signs no time"),
    "two times": ({"scheme": "stamped", "sent": "created"}, "sent", "signs the time of the call already"),
    "a prefix of its own": ({"scheme": "standard", "prefix": "v1,"}, "prefix", "has words of its own"),
    "no header of signatures": ({"scheme": "standard", "header": "X-Hook"}, "header", "no header of signatures"),
    "one secret twice": ({"secret": ["a", "a"]}, "secret", "twice"),
    "no secret": ({"secret": []}, "secret", "is empty"),
    "all items": ({"sent": "events[*].at"}, "sent", "all items"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_proof_that_cannot_be_given_is_refused(case: tuple[dict[str, Any], str, str]) -> None:
    """When the policy is loaded, at its key."""
    webhook, key, reason = case
    with pytest.raises(PolicyError) as error:
        policy_of({"one": {"secret": "s", **webhook}})
    assert (error.value.key, reason in error.value.reason) == (f"signals.one.webhook.{key}", True), str(error.value)
