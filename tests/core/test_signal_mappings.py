"""What the keys of a signal say of a message: whose it is by name, how it ended, a success in part (behaviour R13)."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import signals
from shared.core.errors import PolicyError
from shared.core.model import Outcome
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.wire.name_patterns import name_pattern
from shared.core.wire.places import apart, is_said, place
from tests.core import signal_samples as samples
from tests.core.test_signals import assert_refused_at_load, delivery, ignored, policy_of, read, refused

JSON = {"source": "json", "processor": "radar", "date": "day", "status": "success"}
DAILY: dict[str, Any] = {"day": "2026-03-09", "state": "done"}
STORAGE = {"source": "storage", "object": "{kind}_{state}_{date}.csv", "processor": "stations"}


def named(name: str) -> dict[str, str]:
    return {**samples.STORAGE_DATED, "objectId": name}


# --- a success in part ---


@cache
def counting(key: str) -> Policy:
    return policy_of({**JSON, "status": {"from": "state", "success": ["done"], key: "failed"}})


SAID = [3, "3", 0.5, True, "true", "2 rows", ["x"], [0, 2], [{"row": 1}], {"rows": 0}, "-1", "0.5"]
NOT_SAID = [0, "0", 0.0, "0.0", "000", False, "false", "False", None, "", " ", [], [0, 0], {}, [""], "-0"]


@pytest.mark.parametrize(("value", "outcome"), [
    *((value, Outcome.PARTIAL) for value in SAID), *((value, Outcome.SUCCESS) for value in NOT_SAID),
])  # fmt: skip
def test_a_success_with_failures_is_one_in_part(value: Any, outcome: Outcome) -> None:
    """Where a number of failures, a list of them or a flag stands at a place of `partial_when`, a success is partial;
    0, false and what is empty say nothing."""
    assert read(counting("partial_when"), {**DAILY, "failed": value}).report.outcome is outcome


@pytest.mark.parametrize(("value", "outcome"), [
    *((value, Outcome.FAILED) for value in SAID), *((value, Outcome.SUCCESS) for value in NOT_SAID),
])  # fmt: skip
def test_no_errors_are_no_failure(value: Any, outcome: Outcome) -> None:
    """`failed_when` reads likewise: a count of 0 errors, or the code 0 of a status, says that all is well."""
    assert read(counting("failed_when"), {**DAILY, "failed": value}).report.outcome is outcome


def test_an_execution_whose_status_is_ok_did_not_fail() -> None:
    """The recorded event of a Cloud Run job with the status code that google.rpc.Status has for OK."""
    entry = deepcopy(samples.RUN_JOB)
    entry["protoPayload"]["status"] = {"code": 0}
    policy = policy_of({"source": "run_job", "jobs": {"defang-cd": "stations"}})
    assert read(policy, entry).report.outcome is Outcome.SUCCESS
    entry["protoPayload"]["status"] = {"code": 13, "message": "internal"}
    assert read(policy, entry).report.outcome is Outcome.FAILED


def test_a_failure_stays_one_and_a_fixed_success_may_be_in_part() -> None:
    """`partial_when` takes nothing from a failure; over a source that always means success it is enough alone. The
    places may be items of a list, as dbt lists its results."""
    rule = {"from": "state", "success": ["done"], "failed": ["bad"], "partial_when": ["failed", "results[*].failures"]}
    policy = policy_of({**JSON, "status": rule})
    assert read(policy, {**DAILY, "state": "bad", "failed": 3}).report.outcome is Outcome.FAILED
    results = [{"status": "pass", "failures": 0}, {"status": "warn", "failures": 2}]
    assert read(policy, {**DAILY, "results": results}).report.outcome is Outcome.PARTIAL
    assert read(policy, {**DAILY, "results": results[:1]}).report.outcome is Outcome.SUCCESS
    files = policy_of({**STORAGE, "status": {"partial_when": "metadata.rejected"}})
    body = {"metadata": {"rejected": "17"}}
    assert read(files, body, named("a_b_20260309.csv")).report.outcome is Outcome.PARTIAL


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda x: st.lists(x)))
def test_a_list_says_something_if_one_of_its_items_does(value: Any) -> None:
    """Whatever its items are, and it never fails."""
    assert is_said([value, 0, None]) is is_said(value)


# --- a status in a name ---


def test_a_status_may_be_a_part_of_a_name() -> None:
    """`from` takes what a pattern named, as the other texts do."""
    policy = policy_of({**STORAGE, "status": {"from": "{state}", "success": ["ok"], "failed": ["bad"]}})
    assert read(policy, attributes=named("a_ok_20260309.csv")).report.outcome is Outcome.SUCCESS
    assert read(policy, attributes=named("a_bad_20260309.csv")).report.outcome is Outcome.FAILED
    assert refused(policy, attributes=named("a_new_20260309.csv")).kind == "unknown_status"
    mixed = policy_of({**STORAGE, "status": {"from": "{kind}-{state}", "success": ["a-ok"], "other": "ignore"}})
    assert ignored(mixed, attributes=named("b_ok_20260309.csv")) == "its status is not listed"


# --- whose completion a name is ---


def test_jobs_list_the_names_that_a_general_message_says() -> None:
    """For `json` and `storage` too: `processor` says which name is looked up; any other name is ignored."""
    policy = policy_of({**JSON, "processor": "{job.id}", "jobs": {"516": "stations", "7*": "radar"}})
    assert read(policy, {**DAILY, "job": {"id": 516}}).report.processor == "stations"
    assert read(policy, {**DAILY, "job": {"id": "77"}}).report.processor == "radar"
    assert ignored(policy, {**DAILY, "job": {"id": "9"}}) == "its name is not among jobs"
    assert ignored(policy, DAILY) == "its name is not among jobs"
    files = policy_of({**STORAGE, "processor": "{kind}", "jobs": {"scans": "radar"}})
    assert read(files, attributes=named("scans_x_20260309.csv")).report.processor == "radar"


def test_why_a_name_is_none_of_a_signals_is_told_with_the_name() -> None:
    """What `orch signals check` shows: the name that is not listed, the place at which there is none, the part that the
    pattern made of it. An earlier part is as short as it can be."""
    rule = {**JSON, "match": {"job": "{kind}-{run}"}, "processor": "{kind}", "jobs": {"train-odds": "radar"}}
    assert detail(rule, {**DAILY, "job": "train-odds-0310"}) == "its name 'train' is not among jobs"
    assert detail(rule, {**DAILY, "job": "x"}) == "job 'x' does not match {kind}-{run}"
    named_by_place = {**JSON, "processor": "{job.id}", "jobs": {"1": "radar"}}
    assert detail(named_by_place, DAILY) == "it says no {job.id}, which jobs lists"
    by_name = {**JSON, "processor": "{job.id}", "unknown": "ignore"}
    assert detail(by_name, {**DAILY, "job": {"id": "rada"}}) == "no processor of collect is called 'rada'"
    greedy = {**rule, "match": {"job": "re: (?P<kind>.+)-(?P<run>[0-9]+)"}}
    assert read(policy_of(greedy), {**DAILY, "job": "train-odds-0310"}).report.processor == "radar"


def detail(rule: dict[str, Any], body: Any) -> str:
    """Return why a signal does not count a message, with what stands in it; it must be ignored."""
    policy = policy_of(rule)
    converted = signals.convert(delivery(body), policy, Names(policy))
    assert isinstance(converted, signals.Ignored), converted
    return converted.detail


def test_a_name_of_nobodys_says_where_names_are_listed() -> None:
    """In quarantine, with the signal that read it and the way out."""
    wrong = refused(policy_of({**JSON, "processor": "{job}s"}), {**DAILY, "job": "rada"})
    assert (wrong.kind, wrong.processor) == ("unknown_processor", "radas")
    assert wrong.reason == (
        "one: unknown processor 'radas' in collect; jobs says whose a name is, aliases of a processor too"
    )


# --- names ---


@pytest.mark.parametrize(
    "pattern", ["a/{name}", "a/*", "**", "{date}-{x}", "a/**", "a/{x}.csv", "re: a/.*", "re: a/b$"]
)
def test_a_line_break_in_a_name_is_matched_by_no_pattern_without(pattern: str) -> None:
    """At its end, at its beginning or inside: a name with one is another name."""
    compiled = name_pattern(pattern)
    for name in ("a/b", "a/b.csv", "2026-03-09-b"):
        for broken in (f"{name}\n", f"\n{name}", name.replace("b", "b\nb"), f"{name}\r\n"):
            if compiled.match(name) is not None:
                assert compiled.match(broken) is None, broken
    assert name_pattern(r"re: a/(?s:.*)").match("a/b\n") is not None


def test_a_date_has_the_digits_of_a_date() -> None:
    """Digits of other scripts are none: no calendar would read them."""
    assert name_pattern("{date}").match("2026-03-09") == {"date": "2026-03-09"}
    assert name_pattern("{date}").match("٢٠٢٦-٠٣-٠٩") is None


def test_a_key_may_be_written_as_in_an_address() -> None:
    """`|url` reads `%3D` and `+` as they are meant; what is no such text is as it is."""
    policy = policy_of({**JSON, "match": {"key|url": "dt={date} {x}"}, "date": "{date}"})
    assert read(policy, {"key": "dt%3D2026-03-09+a"}).key.day.isoformat() == "2026-03-09"
    assert ignored(policy, {"key": "%"}) == "key|url does not match dt={date} {x}"


@given(
    st.lists(st.integers(), max_size=5),
    st.lists(st.sampled_from(["a", "b"]), max_size=3),
    st.dictionaries(st.text(), st.none()),
)
def test_a_body_taken_apart_has_every_item_once(items: list[int], keys: list[str], beside: dict[str, None]) -> None:
    """Each part has one item, in order, and all that stands beside the list."""
    body: Any = items
    for key in reversed(keys):
        body = {**beside, key: body}
    written = ".".join(keys) + "[*]"
    parts = apart(body, place(written).steps)
    assert [place(written).steps and _only(part, keys) for part in parts] == [[item] for item in items]
    assert all(set(part) == set(body) for part in parts if keys)


def _only(part: Any, keys: list[str]) -> Any:
    for key in keys:
        part = part[key]
    return part


# --- what is refused when the policy is loaded ---

REFUSED = {
    "a word with a star": (
        {**JSON, "status": {"from": "state", "success": ["done"], "ignored": ["RUN*"]}},
        "signals.one.status.ignored[0]", "compared letter by letter", "other: ignore",
    ),
    "all items where one is read": ({**JSON, "date": "runs[*].day"}, "signals.one.date", "all items", "data.runs[0]"),
    "all items in a text": ({**JSON, "id": ["{run}", "{runs[*].id}"]}, "signals.one.id[1]", "all items", "{place}"),
    "all items of a match": ({**JSON, "match": {"runs[*].n": "x"}}, "signals.one.match.runs[*].n", "all items", ""),
    "a list without items": ({**JSON, "each": "runs"}, "signals.one.each", "no list whose items", "Records[*]"),
    "a list by a filter": ({**JSON, "each": "runs|json[*]"}, "signals.one.each", "no list whose items", "Records[*]"),
    "a list of attributes": ({**JSON, "each": "@attributes[*]"}, "signals.one.each", "no list whose", "Records[*]"),
    "one name for all jobs": (
        {**JSON, "jobs": {"1": "radar"}}, "signals.one.processor", "the same in every message", "{place}",
    ),
    "jobs of nobody's names": (
        {"source": "json", "jobs": {"1": "radar"}, "date": "day", "status": "success"},
        "signals.one.jobs", "no name of its own", "which name jobs lists",
    ),
    "objects as jobs": (
        {"source": "storage", "object": "{date}", "jobs": {"1": "radar"}},
        "signals.one.jobs", "no name of its own", 'processor: "{kind}"',
    ),
    "a status of no message": (
        {**JSON, "status": {"from": "{}", "success": ["x"]}}, "signals.one.status.from", "", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_would_never_read_a_message_is_refused(case: tuple[dict[str, Any], str, str, str]) -> None:
    """At its key, with reason and hint."""
    assert_refused_at_load(*case)


def test_one_mistake_is_told_once() -> None:
    """What a value that cannot be read leaves open is no second problem: here the date of a pattern."""
    with pytest.raises(PolicyError) as error:
        policy_of({"source": "storage", "object": "odds/{date/_SUCCESS", "processor": "radar"})
    assert error.value.key == "signals.one.object"
    assert "more problem" not in error.value.hint
