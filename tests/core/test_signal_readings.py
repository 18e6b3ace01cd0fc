"""What a signal cannot tell is kept, and what could never be told is refused when the policy is loaded (R13)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core import signals
from shared.core.errors import Malformed, PolicyError
from shared.core.message import Counted, Delivery, Received, enveloped
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.signals import SIGNAL
from shared.core.wire.foreign_days import day_of, flaw_of
from shared.core.wire.places import place
from tests.core import signal_samples as samples

PIPELINES = Path(__file__).parents[1] / "pipelines"
TOPIC = "weather-signals"
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
STORAGE = {"source": "storage", "object": "{place}/{year}/{month}/{date}_*", "processor": "stations"}
TRANSFER = {"source": "data_transfer", "jobs": {"642f3a36-0000-2fbb": "stations"}}
JSON = {"source": "json", "when": {"kind": "daily"}, "processor": "radar", "date": "day", "status": "success"}
DAILY = {"kind": "daily", "day": "2026-03-09"}


def policy_of(*signals_of: dict[str, Any]) -> Policy:
    """Return the smallest pipeline with these signals of its phase `collect`, named one, two."""
    listed = {
        name: {"phase": "collect", "topic": TOPIC, **signal}
        for name, signal in zip(("one", "two"), signals_of, strict=False)
    }
    return load_policy(PIPELINES / "minimal.yaml", {"signals": listed})


def read(policy: Policy, data: bytes = b"", attributes: dict[str, str] | None = None) -> Received | Counted:
    delivery = enveloped(Delivery("m1", f"{SIGNAL}{TOPIC}", data, NOW, NOW, attributes or {}))
    return signals.read(delivery, policy, Names(policy))


def kept(policy: Policy, data: bytes = b"", attributes: dict[str, str] | None = None) -> Malformed:
    """Return why a message is quarantined; it must be."""
    with pytest.raises(Malformed) as wrong:
        read(policy, data, attributes)
    return wrong.value


def named(name: str) -> dict[str, str]:
    return {**samples.STORAGE_DATED, "objectId": name}


def test_a_name_that_is_too_long_to_be_matched_is_kept() -> None:
    """It is not counted as another's: whose it is was never told. One character less is told."""
    policy = policy_of(STORAGE)
    fitting = "a/2026/03/2026-03-09_" + "x" * (1024 - 21)
    assert isinstance(read(policy, attributes=named(fitting)), Received)
    wrong = kept(policy, attributes=named(fitting + "x"))
    assert (wrong.kind, "1025 characters" in wrong.reason, "at most 1024" in wrong.reason) == ("too_long", True, True)
    matched = policy_of({**JSON, "match": {"path": "**/{name}"}})
    assert kept(matched, json.dumps({**DAILY, "path": "a/" * 600 + "b"}).encode()).kind == "too_long"


def test_a_message_that_one_signal_cannot_tell_is_read_by_another() -> None:
    """Data that is no JSON says nothing to the first signal and does not matter to the second one of its topic."""
    policy = policy_of(JSON, STORAGE)
    assert isinstance(read(policy, b"\xff", named("a/2026/03/2026-03-09_x")), Received)


@pytest.mark.parametrize(
    "data", [json.dumps(DAILY).encode()[:-3], b'{"kind": "daily", "day": "\xff"}', b"plain", b"[" * 100_000]
)
@pytest.mark.parametrize("signal", [JSON, TRANSFER, {**JSON, "when": {"@data|json.kind": "daily"}}])
def test_data_that_is_not_json_is_kept(data: bytes, signal: dict[str, Any]) -> None:
    """Cut short, of another encoding, nested without end: nobody can say that it is another's."""
    wrong = kept(policy_of(signal), data)
    assert wrong.kind == "not_json"
    assert "the data is not JSON" in wrong.reason


def test_data_does_not_matter_where_attributes_say_everything() -> None:
    """Notifications of Cloud Storage and Batch are read whatever their data is, and one that an attribute tells to be
    another's is ignored by a signal that would look into the data."""
    assert isinstance(read(policy_of(STORAGE), b"\xff", named("a/2026/03/2026-03-09_x")), Received)
    by_attribute = policy_of({**JSON, "when": {"@attributes.kind": "daily"}})
    assert isinstance(read(by_attribute, b"\xff", {"kind": "hourly"}), Counted)
    assert kept(by_attribute, b"\xff", {"kind": "daily"}).kind == "not_json"


def test_what_is_absent_is_told_from_what_is_another() -> None:
    """The reason says whether nothing stands at the place, or something else."""
    for body, reason in (({}, "nothing stands at kind"), ({"kind": "x"}, "kind is another")):
        counted = read(policy_of(JSON), json.dumps(body).encode())
        assert isinstance(counted, Counted)
        assert counted.name == f"one: {reason}"


REFUSED = {
    "an id of one text": ({**JSON, "id": "daily"}, "signals.one.id", "the same in every message"),
    "an id of one text among others": ({**JSON, "id": ["{run}", "daily"]}, "signals.one.id", "the same in every"),
    "an id of no place": ({**JSON, "id": "{@attribute.x}"}, "signals.one.id", "did you mean @attributes?"),
    "a date of no place": ({**JSON, "date": "@publish_tme"}, "signals.one.date", "did you mean @publish_time?"),
    "a year left out": ({**JSON, "date": {"from": "day", "format": "%d.%m."}}, "signals.one.date.format", "year"),
    "a month left out": ({**JSON, "date": {"from": "day", "format": "%Y %d"}}, "signals.one.date.format", "month"),
    "a day left out": ({**JSON, "date": {"from": "day", "format": "%Y-%m"}}, "signals.one.date.format", "day"),
    "a time alone": ({**JSON, "date": {"from": "day", "format": "%H:%M"}}, "signals.one.date.format", "year"),
    "a directive of nobody's": (
        {**JSON, "date": {"from": "day", "format": "%Y%m%d%Q"}}, "signals.one.date.format", "bad directive",
    ),
    "a zone of nobody's": (
        {**JSON, "date": {"from": "day", "written_in": "UCT+9"}}, "signals.one.date.written_in", "no time zone",
    ),
    "repeats that have too many ways": (
        {**STORAGE, "object": "re: (?P<date>.{0,64})" + ".{0,64}" * 5}, "signals.one.object", "too many ways",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_could_never_be_told_is_refused(case: tuple[dict[str, Any], str, str]) -> None:
    """At its key, with the reason."""
    signal, key, reason = case
    with pytest.raises(PolicyError) as error:
        policy_of(signal)
    assert error.value.key == key, str(error.value)
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("billing-invoice-request", "tenants sends its requests to it"),
        ("billing-invoice-report", "the members of tenants report on it"),
        ("billing-batch-start", "batches are started by it"),
    ],
)
def test_a_topic_of_a_batch_is_no_signals(topic: str, reason: str) -> None:
    """Its messages are requests, reports and starts already."""
    signal = {"source": "json", "phase": "invoices", "topic": topic, "processor": "invoicing", "date": "day",
              "status": "success"}  # fmt: skip
    with pytest.raises(PolicyError) as error:
        load_policy(PIPELINES / "tenants.yaml", {"signals": {"one": signal}})
    assert (error.value.key, error.value.reason) == ("signals.one.topic", reason)


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%z", "%y%m%d", "%G-W%V-%u", "%Y-%j", "%c", "%b %d %Y"])
def test_a_format_that_says_a_date_is_taken(form: str) -> None:
    """In whatever parts: day of the year, week of the year, month by name."""
    assert flaw_of(form) == ""


def test_a_key_of_the_data_may_begin_with_an_at_sign() -> None:
    """In quotes it is a key, such as `@type` of a message by its protocol buffer."""
    assert place('["@type"]').in_body
    assert not place("@data|last").in_body


@pytest.mark.parametrize(
    ("text", "form", "written_in", "expected"),
    [
        ("2026-03-09T23:30:00", "auto", "", date(2026, 3, 9)),
        ("2026-03-09T23:30:00", "auto", "UTC", date(2026, 3, 10)),
        ("2026-03-09 23:30:00.123456789", "auto", "UTC", date(2026, 3, 10)),
        ("2026-03-09T23:30", "iso", "America/New_York", date(2026, 3, 10)),
        ("09.03.2026 23:30", "%d.%m.%Y %H:%M", "UTC", date(2026, 3, 10)),
        ("2026-03-09T20:30:00-05:00", "auto", "UTC", date(2026, 3, 10)),
        ("2026-03-09", "auto", "UTC", date(2026, 3, 9)),
        ("09.03.2026", "%d.%m.%Y", "UTC", date(2026, 3, 9)),
    ],
)
def test_a_time_without_a_zone_is_of_the_zone_it_is_written_in(
    text: str, form: str, written_in: str, expected: date
) -> None:
    """Where the policy says one; times with a zone keep theirs, and dates stay dates."""
    zone = ZoneInfo(written_in) if written_in else None
    assert day_of(text, form, ZoneInfo("Europe/Berlin"), zone) == expected


def test_the_policy_says_in_which_zone_times_are_written() -> None:
    """`written_in` of `date`, through the whole way from the file to the completion."""
    body = json.dumps({**DAILY, "day": "2026-03-09T23:30:00"}).encode()
    for written_in, expected in (({}, date(2026, 3, 9)), ({"written_in": "UTC"}, date(2026, 3, 10))):
        received = read(policy_of({**JSON, "date": {"from": "day", **written_in}}), body)
        assert isinstance(received, Received)
        assert received.key.day == expected
