"""Who is in a batch, what a report means, and what the completion says: bounded, once each, with units."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.core.batches.arrival import GoOn, Start, named_by, report_of, start_of
from shared.core.batches.batch import Cause, Closing
from shared.core.batches.messages import completion_body, request_attributes, request_body
from shared.core.batches.roll import MOST_MEMBERS, PAGE, PAGE_BYTES, NotMembers, members_of, page_size, pages_of
from shared.core.errors import Malformed
from shared.core.policy.batches import BatchPolicy, MemberOutcome, Members, Request
from tests.core.build import POLICY, SAME_DAY
from tests.core.test_batch_decide import DECLARED, OPEN, START

BODY = {"player_lookup": "{player_lookup}", "team": "{teamName}", "batch_id": "{trigger_id}"}
ASKING = replace(DECLARED, request=Request("ask", BODY))
KNOWING = replace(POLICY, batches={"predictions": DECLARED})
ID = SAME_DAY.trigger_id("phase4_to_phase5", 1)


def test_a_name_twice_is_one_member_in_the_order_of_rows() -> None:
    """The first row of a name stands; a number is a name too."""
    rows = [
        {"player_lookup": "b", "teamName": "x"},
        {"player_lookup": 7, "teamName": "y"},
        {"player_lookup": "b", "teamName": "z"},
    ]
    assert [(member.key, member.columns["teamName"]) for member in members_of(ASKING, rows)] == [("b", "x"), ("7", "y")]


def named(declared: BatchPolicy, rows: list[Any]) -> list[str] | str:
    """Return the members, or why there are none."""
    try:
        return [member.key for member in members_of(declared, rows)]
    except NotMembers as wrong:
        return str(wrong)


def test_a_member_may_be_named_by_a_field_further_in() -> None:
    """An element of the start message is an object like a report; one without the field is no member."""
    declared = replace(DECLARED, members=Members("path.name", None, "files"), request=Request("ask", {"f": "{member}"}))
    rows = [{"path": {"name": "a.csv"}, "size": 3}, {"path": {"name": 7}}, {"path": {"name": "a.csv"}}]
    assert named(declared, rows) == ["a.csv", "7"]
    for row in ({"path": "a.csv"}, {"path": {}}, {"size": 3}):
        assert named(declared, [row]) == "a member is not named by path.name: 'None'"


@pytest.mark.parametrize(
    "row", [{"teamName": "x"}, {"player_lookup": None, "teamName": "x"}, {"player_lookup": " ", "teamName": "x"},
            {"player_lookup": True, "teamName": "x"}, {"player_lookup": "a"},
            {"player_lookup": "a" * 1001, "teamName": "x"}, {"player_lookup": "a", "teamName": "x" * 200_000}],
)  # fmt: skip
def test_what_can_be_no_member_is_refused(row: dict[str, Any]) -> None:
    """Without a name, without a column that the request speaks of, or too large for one: the batch is not begun."""
    with pytest.raises(NotMembers):
        members_of(ASKING, [row])


def test_pages_fit_documents_and_keep_the_order() -> None:
    """A hundred thousand members stand in pages of a hundred, wide ones in fewer, each once and in order."""
    rows = [{"player_lookup": f"m{number}"} for number in range(MOST_MEMBERS)]
    plain = replace(DECLARED, request=Request("ask", {"m": "{player_lookup}"}))
    members = members_of(plain, rows)
    pages = list(pages_of(members, page_size(50)))
    assert len(pages) == MOST_MEMBERS // PAGE
    assert [member.key for page in pages for member in page] == [row["player_lookup"] for row in rows]
    wide = members_of(ASKING, [{"player_lookup": f"m{n}", "teamName": "x" * 50_000} for n in range(30)])
    for page in pages_of(wide, page_size(50)):
        assert len(json.dumps([member.columns for member in page])) <= PAGE_BYTES + 60_000
    with pytest.raises(NotMembers, match="more than"):
        members_of(plain, [*rows, {"player_lookup": "one more"}])


def test_a_slow_pace_makes_small_pages() -> None:
    """No page waits longer for its share of the pace than a claim allows."""
    assert [page_size(pace) for pace in (50, 2, 1, 0.01)] == [100, 60, 30, 1]


@pytest.mark.parametrize(
    ("fields", "outcome", "count", "reason"),
    [
        ({"count": 3}, MemberOutcome.DONE, 3, ""),
        ({}, MemberOutcome.DONE, None, ""),
        ({"count": 0}, MemberOutcome.SKIPPED, 0, "no output"),
        ({"count": 0, "outcome": "done"}, MemberOutcome.DONE, 0, ""),
        ({"outcome": "failed", "error_message": "boom"}, MemberOutcome.FAILED, None, "boom"),
        ({"outcome": "skipped", "reason": "injured"}, MemberOutcome.SKIPPED, None, "injured"),
        ({"outcome": "NO_LINE"}, MemberOutcome.SKIPPED, None, ""),
    ],
)
def test_what_a_report_means(fields: dict[str, Any], outcome: MemberOutcome, count: int | None, reason: str) -> None:
    """The policy's words first, then ours; nothing said is done, and 0 without a word is skipped."""
    declared = replace(DECLARED, reports=replace(DECLARED.reports, outcomes={"NO_LINE": MemberOutcome.SKIPPED}))
    report = report_of({"player_lookup": "a", "batch_id": ID, **fields}, declared)
    assert (report.outcome, report.count, report.reason) == (outcome, count, reason)


@pytest.mark.parametrize(
    "body", [{}, {"player_lookup": "a"}, {"batch_id": ID}, {"player_lookup": "a", "batch_id": ID, "outcome": "maybe"},
             {"player_lookup": "a", "batch_id": ID, "count": -1}, {"player_lookup": ["a"], "batch_id": ID}],
)  # fmt: skip
def test_a_report_that_says_nothing_is_malformed(body: dict[str, Any]) -> None:
    """Without member, batch, or with an outcome or count that is none: quarantined, never guessed."""
    with pytest.raises(Malformed):
        report_of(body, DECLARED)


def test_a_start_names_batch_id_and_run() -> None:
    """The trigger id is the batch id; what the message leaves out of its run the id says; a call to go on is told."""
    start = start_of({"batch": "predictions", "trigger_id": ID}, KNOWING)
    assert isinstance(start, Start)
    assert (start.id, start.run, start.generation, start.listed) == (ID, SAME_DAY, 1, None)
    assert start_of({"batch": "predictions", "batch_id": ID}, KNOWING) == GoOn(ID)


@pytest.mark.parametrize(
    "change", [{"batch": "players"}, {"batch": None}, {"trigger_id": ""}, {"trigger_id": "x"}, {"mode": "never"},
               {"lane": "fast"}, {"pipeline": "mlb"}, {"generation": 0}],
)  # fmt: skip
def test_a_start_of_nothing_is_malformed(change: dict[str, Any]) -> None:
    """An unknown batch, no id, no run that there is, another pipeline: quarantined."""
    with pytest.raises(Malformed):
        start_of({"batch": "predictions", "trigger_id": ID, **change}, KNOWING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ID, True),
        (f"{SAME_DAY.id}/backfill/phase4_to_phase5/2", True),
        ("nba/2026-01-21/same_day/nothing/1", False),
        ("nba/2026-01-21/never/phase4_to_phase5/1", False),
        ("nba/2026-02-30/same_day/phase4_to_phase5/1", False),
        ("mlb/2026-01-21/same_day/phase4_to_phase5/1", False),
        ("batch_2026-01-21", False),
    ],
)
def test_which_ids_are_of_this_pipeline(text: str, expected: bool) -> None:
    """Only an id that a trigger of this policy has is waited for."""
    assert (named_by(text, KNOWING) is not None) is expected


def _closed(declared: BatchPolicy, **numbers: Any) -> dict[str, Any]:
    closing = Closing(Cause.DEADLINE, START, 1, **numbers)
    return completion_body(KNOWING, declared, replace(OPEN, closing=closing), START)


def test_a_completion_says_its_units() -> None:
    """`record_count` is the sum of counts; the percent is of members, cut, and 100 only where all are."""
    body = _closed(DECLARED, done=19, silent=1, records=228, missing=("m020",), missing_count=1)
    assert (body["status"], body["record_count"], body["missing"]) == ("partial", 228, ["m020"])
    assert (body["metadata"]["completion_pct"], body["metadata"]["unit"]) == (95.0, "count")
    assert "expected_count" not in body
    assert "m020" in body["error_message"]
    whole = _closed(DECLARED, done=18, skipped=2, records=7)
    assert (whole["status"], whole["metadata"]["completion_pct"]) == ("success", 100.0)
    third = replace(OPEN, members=3, closing=Closing(Cause.DEADLINE, START, 1, done=2, silent=1, missing_count=1))
    assert completion_body(KNOWING, DECLARED, third, START)["metadata"]["completion_pct"] == 66.66


def test_a_failed_member_is_no_success() -> None:
    """Complete with one that failed is partial, and names it."""
    body = _closed(DECLARED, done=19, failed=1, missing=("m003",), missing_count=1)
    assert (body["status"], body.get("missing")) == ("partial", ["m003"])


def test_a_request_sent_again_has_the_same_id() -> None:
    """Only its attempt differs, and a column keeps the spelling of its table."""
    first, second = (request_attributes(OPEN, "m001", attempt) for attempt in (1, 2))
    assert first["request_id"] == second["request_id"] == f"{ID}/m001"
    assert first["attempt"] != second["attempt"]
    body = request_body(ASKING, OPEN, "m001", {"player_lookup": "m001", "teamName": "ORL"})
    assert body == {"player_lookup": "m001", "team": "ORL", "batch_id": ID}
