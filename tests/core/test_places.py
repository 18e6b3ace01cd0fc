"""Places in foreign messages, patterns of names and foreign dates: every form, and no text that breaks them (R13)."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.foreign_days import day_of
from shared.core.wire.name_patterns import LONGEST, like, name_pattern
from shared.core.wire.places import Foreign, place, template, text_of
from shared.core.wire.signatures import is_signed, is_token

BODY = {
    "run": {"id": 42, "ok": True, "a.b": "dotted", "items": [{"type": "x", "v": 1}, {"type": "y", "v": 2}]},
    "inner": json.dumps({"deep": ["zero", "one"]}),
    "coded": "eyJkYXkiOiAiMjAyNi0wMy0wOSJ9",
    "table": {"projectId": "p", "datasetId": "d", "tableId": "t"},
    "name": "projects/p/jobs/Nightly",
}
MESSAGE = Foreign(json.dumps(BODY).encode(), {"objectId": "a/b.json"}, "m1", datetime(2026, 3, 9, 5, tzinfo=UTC))
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("run.id", 42),
        ("run.ok", True),
        ('run["a.b"]', "dotted"),
        ("run.items[0].v", 1),
        ("run.items[-1].v", 2),
        ("run.items[9].v", None),
        ("run.items[type=y].v", 2),
        ("run.items[type=z].v", None),
        ("run.items[*].v", [1, 2]),
        ("run.items.v", None),
        ("run.id.further", None),
        ("inner.deep[1]", "one"),
        ("coded|base64|json.day", "2026-03-09"),
        ("coded|base64.day", "2026-03-09"),
        ("name|base64", None),
        ("table|table", "d.t"),
        ("name|last|lower", "nightly"),
        ("gone", None),
        ("@attributes.objectId", "a/b.json"),
        ("@attributes.gone", None),
        ("@message_id", "m1"),
        ("@publish_time", "2026-03-09T05:00:00+00:00"),
    ],
)
def test_a_place_reads_what_stands_there(where: str, expected: object) -> None:
    """Each form of a step and each filter; what is not there is None, never an error."""
    assert place(where).read(MESSAGE) == expected


@pytest.mark.parametrize("where", ["", ".", "a.", ".a", "a..b", "a b", "a[", "a[x]", "|last", "a|zip", "a]b", "a[0]b"])
def test_what_is_no_place_is_refused(where: str) -> None:
    """With a reason, when the policy is loaded."""
    with pytest.raises(ValueError, match=r"\w"):
        place(where)


@given(st.binary(max_size=60), st.sampled_from(["a.b[0]", "a|base64|json.b", "[0][*].c", "a[b=c]|table", "@data|last"]))
def test_no_message_breaks_a_place(data: bytes, where: str) -> None:
    """Whatever bytes come, a place reads something or nothing."""
    place(where).read(Foreign(data, {}, "m", datetime(2026, 3, 9, tzinfo=UTC)))


def test_a_template_is_filled_or_it_is_nothing() -> None:
    """A part that is not there makes the whole text none, so that no half identity or name arises."""
    assert template("{year}-{run.id}").fill(MESSAGE, {"year": "2026"}) == "2026-42"
    assert template("{year}-{gone}").fill(MESSAGE, {"year": "2026"}) is None
    assert template("plain").fixed == "plain"
    for wrong in ("{", "a}", "{a}}", "{}"):
        with pytest.raises(ValueError, match=r"\w"):
            template(wrong)


@pytest.mark.parametrize(
    ("pattern", "text", "named"),
    [
        ("box/{date}/{unit}.json", "box/2026-03-09/MIL@ORL.json", {"date": "2026-03-09", "unit": "MIL@ORL"}),
        ("box/{date}/{unit}.json", "box/20260309/a.b.json", {"date": "20260309", "unit": "a.b"}),
        ("box/{date}/{unit}.json", "box/2026-03-09/x/y.json", None),
        ("box/{date}/{unit}.json", "box/2026-3-9/y.json", None),
        ("box/{date}/{unit}.json", "box/2026-03-09/y.json.tmp", None),
        ("*/{date}_*", "water/2026-03-09_lot.csv", {"date": "2026-03-09"}),
        ("**/{date}_*", "a/b/c/2026-03-09_lot.csv", {"date": "2026-03-09"}),
        ("{date}{kind}.csv", "20260309odds.csv", {"date": "20260309", "kind": "odds"}),
        ("re: raw_(?P<date>[0-9]{8})[.]csv", "raw_20260309.csv", {"date": "20260309"}),
        ("re: raw_(?P<date>[0-9]{8})", "raw_20260309.csv", None),
        ("a.b", "axb", None),
    ],
)
def test_a_pattern_names_parts_of_what_it_matches_whole(pattern: str, text: str, named: dict[str, str] | None) -> None:
    """Literal characters are literal, a part ends at the next slash, the whole name must match."""
    assert name_pattern(pattern).match(text) == named


@pytest.mark.parametrize(
    "pattern",
    ["re: (a+)+$", "re: (a|a)*b", "re: (?:x+x+)+y", r"re: (a)\1", "re: (?=a)b", "re: .*.*.*.*", "re: [a-z]{1,65}.*.*.*",
     "{a}{b}", "{a b}", "{1a}", "*_*_*_*", "x}", "re: " + "a" * 600, "re: ("],
)  # fmt: skip
def test_a_pattern_that_might_not_end_is_refused(pattern: str) -> None:
    """What could take more than a bounded time, or is none, is refused when the policy is loaded."""
    with pytest.raises(ValueError, match=r"\w"):
        name_pattern(pattern)


@pytest.mark.parametrize("pattern", ["re: .*a.*b.*c", "**/{a}_{b}_x", "re: [^/]*-[^/]*-[^/]*-x", "*_*_*x"])
def test_the_worst_name_takes_a_bounded_time(pattern: str) -> None:
    """The longest name that nearly matches: seconds at the very most, and longer ones are not looked at."""
    began = time.monotonic()
    for text in ("a_-" * (LONGEST // 3), "_" * LONGEST, "ab" * (LONGEST // 2)):
        name_pattern(pattern).match(text)
        assert name_pattern(pattern).match(text * 2) is None
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("words", "text", "holds"),
    [("a*c", "abc", True), ("a*c", "ac", True), ("a*c", "a", False), ("ab*bc", "abc", False), ("*", "", True),
     ("a", "ab", False), ("*b*d", "abcd", True), ("*b*d", "adb", False), ("job.run.*", "job.run.started", True)],
)  # fmt: skip
def test_a_star_stands_for_any_characters(words: str, text: str, holds: bool) -> None:
    """And for nothing else; the rest is compared letter by letter."""
    assert like(words, text) is holds


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2026-03-09", "auto", date(2026, 3, 9)),
        ("20260309", "auto", date(2026, 3, 9)),
        ("2026-03-09T23:30:00Z", "auto", date(2026, 3, 10)),
        ("2026-03-09T23:30:00.123456789Z", "auto", date(2026, 3, 10)),
        ("2026-03-09 23:30:00", "auto", date(2026, 3, 9)),
        ("Mon, 09 Mar 2026 23:30:00 GMT", "auto", date(2026, 3, 10)),
        ("1773099000", "auto", date(2026, 3, 10)),
        ("1773099000123", "auto", date(2026, 3, 10)),
        ("1773099000", "epoch", date(2026, 3, 10)),
        ("1773099000123", "epoch_ms", date(2026, 3, 10)),
        ("20260309", "compact", date(2026, 3, 9)),
        ("09.03.2026", "%d.%m.%Y", date(2026, 3, 9)),
        ("2026-03-09T23", "%Y-%m-%dT%H", date(2026, 3, 9)),
        ("2026-03-09T23+0000", "%Y-%m-%dT%H%z", date(2026, 3, 10)),
    ],
)
def test_a_date_is_read_in_every_spelling(text: str, form: str, expected: date) -> None:
    """Instants are local dates, dates are themselves, a time without a zone is the date that it names."""
    assert day_of(text, form, BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "form"),
    [("", "auto"), ("soon", "auto"), ("2026-02-30", "auto"), ("20261301", "auto"), ("1773099000", "iso"),
     ("2026-03-09", "compact"), ("2026-03-09", "epoch"), ("9" * 20, "epoch"), ("1066-10-14", "auto"), ("9", "%d.%m")],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str, form: str) -> None:
    """Never guessed, and never another error than a wrong value."""
    with pytest.raises(ValueError, match=r"."):
        day_of(text, form, BERLIN)


def test_texts_of_values() -> None:
    """As they are compared: flags in small letters, numbers in their digits, objects are none."""
    assert [text_of(value) for value in (True, False, 1, 1.5, "x", None, [], {})] == [
        "true", "false", "1", "1.5", "x", "", "", "",
    ]  # fmt: skip


def test_a_signature_is_that_of_the_body_under_the_secret() -> None:
    """The test vector of RFC 4231, case 2; another body, secret or form is none, and an empty header never is one."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    body = b"what do ya want for nothing?"
    assert is_signed(digest, "", body, "Jefe")
    assert is_signed(f"sha256={digest.upper()}", "sha256=", body, "Jefe")
    for header, data, secret in (
        (digest, b"what", "Jefe"), (digest, body, "Jeff"), (digest[:-1], body, "Jefe"), ("", body, "Jefe"),
        ("ä", body, "Jefe"),
    ):  # fmt: skip
        assert not is_signed(header, "", data, secret)
    assert is_token("Bearer t", "Bearer ", "t")
    assert not is_token("t", "Bearer ", "t")
    assert not is_token("Bearer ", "Bearer ", "t")
