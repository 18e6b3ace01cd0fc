"""Proofs of calls, against signatures that others published, and whatever is changed of them (behaviour R13)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.signatures import is_signed, is_timely, is_token, stamped_at, webhook_at

# The test values of the page `Validating webhook deliveries` of GitHub's documentation.
HUB = "It's a Secret to Everybody", b"Hello, World!", (
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)  # fmt: skip
# The reference vector of the Standard Webhooks libraries.
STANDARD_SECRET, STANDARD_BODY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SENT = datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC)
BODY = b'{"day": "2026-03-09"}'


def digest_of(seconds: str, body: bytes, secret: str) -> str:
    """Return the header of a stamped call; made here, for no public values with their secret were found."""
    return hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_signatures_that_others_published_are_good() -> None:
    """GitHub's, and that of Standard Webhooks under both names of its headers, with its time; digits of any case."""
    secret, body, header = HUB
    assert is_signed(header, "sha256=", body, secret)
    assert is_signed(header.replace("757107EA".lower(), "757107EA"), "sha256=", body, secret)
    assert webhook_at(STANDARD.get, "webhook-signature", STANDARD_BODY, STANDARD_SECRET) == SENT
    svix = {name.replace("webhook", "svix"): value for name, value in STANDARD.items()}
    assert webhook_at(svix.get, "svix-signature", STANDARD_BODY, STANDARD_SECRET) == SENT


@pytest.mark.parametrize("name", STANDARD)
@pytest.mark.parametrize("value", ["", "1614265331", "v1,", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "é"])
def test_a_standard_call_is_signed_in_all_its_parts(name: str, value: str) -> None:
    """With another id, time or signature, or without one of them, nothing is proven; nor by another body or secret."""
    assert webhook_at({**STANDARD, name: value}.get, "webhook-signature", STANDARD_BODY, STANDARD_SECRET) is None
    assert webhook_at(STANDARD.get, "webhook-signature", STANDARD_BODY + b" ", STANDARD_SECRET) is None
    for secret in ("whsec_AAAA", "no base64!", "", "é"):
        assert webhook_at(STANDARD.get, "webhook-signature", STANDARD_BODY, secret) is None


def test_one_good_signature_of_several_is_enough() -> None:
    """While a sender changes its secret it signs with both."""
    both = {**STANDARD, "webhook-signature": f"v1,AAAA {STANDARD['webhook-signature']} v1a,x"}
    assert webhook_at(both.get, "webhook-signature", STANDARD_BODY, STANDARD_SECRET) == SENT
    good, other = digest_of("1614265330", BODY, "new"), digest_of("1614265330", BODY, "old")
    assert stamped_at(f"t=1614265330,v1={other},v1={good},v0=x", BODY, "new") == SENT


@pytest.mark.parametrize(
    "header",
    ["", "t=1614265330", "v1={good}", "t=1614265331,v1={good}", "t=1614265330,v0={good}", "t=,v1={good}",
     "t=1614265330,v1={part}", "t=1614265330 v1={good}", "t=9999999999999999999,v1={good}", "t=-1,v1={good}"],
)  # fmt: skip
def test_a_stamped_call_is_signed_with_its_time(header: str) -> None:
    """Without the time, with another one, with a part of the signature or another version of it nothing is proven."""
    good = digest_of("1614265330", BODY, "secret")
    assert stamped_at(f"t=1614265330,v1={good.upper()}", BODY, "secret") == SENT
    assert stamped_at(header.format(good=good, part=good[:-1]), BODY, "secret") is None


@given(st.binary(), st.text(), st.text())
def test_nothing_else_proves_anything(body: bytes, header: str, secret: str) -> None:
    """Whatever stands in the header: no error, and no proof but by the secret."""
    digest = hmac.new(secret.encode("utf-8", "replace"), body, hashlib.sha256).hexdigest()
    secret = secret.encode("utf-8", "replace").decode()
    assert is_signed(header, "", body, secret) is (header.lower() == digest)
    assert is_token(header, "", secret) is (header.encode("utf-8", "replace") == secret.encode())
    assert stamped_at(header, body, secret) is None
    assert webhook_at({"webhook-signature": header}.get, "webhook-signature", body, secret) is None


def test_every_comparison_takes_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scheme compares by `hmac.compare_digest`, all signatures of a header, be the first one good or wrong."""
    compared: list[bool] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append(given == expected)
        return given == expected

    monkeypatch.setattr(hmac, "compare_digest", compare)
    is_signed("x", "", BODY, "s")
    is_token("x", "Bearer ", "s")
    good = digest_of("1", BODY, "s")
    stamped_at(f"t=1,v1={good},v1=x", BODY, "s")
    webhook_at({"webhook-signature": "v1,x v1,y"}.get, "webhook-signature", BODY, "c2VjcmV0")
    assert compared == [False, False, True, False, False, False]


@pytest.mark.parametrize(
    ("age", "timely"),
    [(-301, False), (-300, True), (0, True), (300, True), (301, False)],
)
def test_a_call_has_its_time(age: int, timely: bool) -> None:
    """As old as it may be and no older, and ahead of our clock by five minutes at most."""
    now = SENT + timedelta(seconds=age)
    assert is_timely(SENT, now, timedelta(minutes=5)) is timely
