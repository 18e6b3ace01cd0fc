"""What an answer means: by the policy's first line that fits, else by its status and its own words (D10)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.answers import AnswerRule, Means, Results, StatusCall, example, is_at_work, judge

ANY_2XX = frozenset(range(200, 300))
WHO = "coordinator/start"
RULES = (
    AnswerRule(frozenset({200, 202}), Means.ACCEPTED, {"status": ("started", "no_games_scheduled")}, ("batch_id",)),
    AnswerRule(frozenset({404}), Means.NOT_YET),
    AnswerRule(
        frozenset({503}), Means.NOT_YET, {"error": ("DATA_INCOMPLETE",)}, ("coverage_pct", "required_pct", "absent")
    ),
    AnswerRule(frozenset({409}), Means.BUSY, {}, ("batch_id",)),
    AnswerRule(frozenset({418}), Means.REFUSED),
)
RAN = (AnswerRule(frozenset({200}), Means.ACCEPTED, results=Results()),)


def means(status: int, body: Any, rules: tuple[AnswerRule, ...] = RULES) -> tuple[Means, str]:
    verdict = judge(rules, ANY_2XX, WHO, status, body if isinstance(body, str) else json.dumps(body))
    return verdict.means, verdict.text


@pytest.mark.parametrize(
    ("status", "body", "word", "text"),
    [
        (202, {"status": "started", "batch_id": "b-1"}, Means.ACCEPTED, "answers 202: started, batch_id b-1"),
        (200, {"status": "no_games_scheduled"}, Means.ACCEPTED, "answers 200: no_games_scheduled"),
        (404, {"status": "error", "message": "No players found"}, Means.NOT_YET, "404: error No players found"),
        (
            503,
            {"status": "error", "error": "DATA_INCOMPLETE", "coverage_pct": 76.0, "required_pct": 80},
            Means.NOT_YET,
            "answers 503: error DATA_INCOMPLETE, coverage_pct 76.0, required_pct 80",
        ),
        (503, {"error": "OUT_OF_MEMORY"}, Means.FAILED, "answers 503"),
        (503, "Service Unavailable", Means.FAILED, "answers 503: Service Unavailable"),
        (409, {"status": "already_running", "batch_id": "b-2"}, Means.BUSY, "already_running, batch_id b-2"),
        (418, {"reason": "a teapot"}, Means.REFUSED, "a teapot"),
        (400, {"error": "no such name"}, Means.REFUSED, "no such name"),
        (429, "", Means.FAILED, "429"),
        (408, "", Means.FAILED, "408"),
        (302, "", Means.REFUSED, "302"),
    ],
)
def test_an_answer_is_a_verdict(status: int, body: Any, word: Means, text: str) -> None:
    """The coordinator's answers as it gives them; what no line fits is judged by its status (behaviour D5)."""
    meaning, words = means(status, body)
    assert meaning is word
    assert words.startswith(WHO)
    assert text in words


@pytest.mark.parametrize(
    ("body", "word", "text", "note"),
    [
        ([{"processor": "A", "status": "success"}], Means.ACCEPTED, "", ""),
        (
            [{"processor": "A", "status": "success"}, {"processor": "B", "status": "error", "error": "no rows"}],
            Means.ACCEPTED,
            "",
            "1 of 2 failed: B (no rows)",
        ),
        ([{"processor": "A", "status": "error"}], Means.NOT_YET, "1 of 1 failed: A (error)", ""),
        ([], Means.NOT_YET, "ran nothing", ""),
        (None, Means.NOT_YET, "ran nothing", ""),
        ("done", Means.NOT_YET, "ran nothing", ""),
        (["A"], Means.NOT_YET, "1 of 1 failed: A", ""),
    ],
)
def test_a_yes_is_read_to_its_end(body: Any, word: Means, text: str, note: str) -> None:
    """200 even if all failed, and where nothing ran: the results tell; some failed is accepted, and they are named."""
    verdict = judge(RAN, ANY_2XX, WHO, 200, json.dumps({"status": "completed", "results": body}))
    assert verdict.means is word
    assert text in verdict.text
    assert note in verdict.note
    assert bool(verdict.note) is bool(note)


@pytest.mark.parametrize(
    ("body", "done"),
    [
        ({"status": "ok"}, True),
        ({"status": "accepted"}, True),
        ("", True),
        ("thanks", True),
        ([1], True),
        ({"status": "no_processors", "source_table": "x"}, False),
        ({"status": "Skipped", "reason": "Raw processing failed"}, False),
        ({"success": False}, False),
        ({"error": "nothing to run"}, False),
        ({"status": "completed", "results": []}, False),
        ({"status": "completed", "results": [{"status": "error"}, {"status": "failed"}]}, False),
        ({"status": "completed", "results": [{"status": "error"}, {"status": "success"}]}, True),
        ({"success": 0}, True),
    ],
)
def test_a_yes_that_nobody_mapped_may_say_that_nothing_was_done(body: Any, done: bool) -> None:
    """A 2xx whose own body says that nothing was done is not accepted; one that says nothing of itself is."""
    meaning, text = means(201, body, ())
    assert (meaning is Means.ACCEPTED) is done
    assert ("did nothing" in text) is not done


def test_an_empty_list_of_results_did_nothing() -> None:
    """`results: []` without a rule: nothing ran."""
    assert means(200, {"results": []}, ())[0] is Means.NOT_YET


@given(st.sampled_from(RULES + RAN))
def test_the_example_of_a_line_fits_it(rule: AnswerRule) -> None:
    """What simulated services answer is what the line is for."""
    status, body = example(rule)
    assert judge((rule,), frozenset(), WHO, status, json.dumps(body)).means is rule.means


@given(
    st.integers(100, 599), st.text(max_size=60) | st.dictionaries(st.text(max_size=5), st.integers()).map(json.dumps)
)
def test_every_answer_has_one_verdict_and_a_text(status: int, body: str) -> None:
    """Whatever comes back, it is judged, by status where nothing fits, and the text names who answered what."""
    verdict = judge(RULES, ANY_2XX, WHO, status, body)
    assert verdict.text.startswith(f"{WHO} answers {status}")
    assert len(verdict.text) < 800
    if status >= 500:
        assert verdict.means in (Means.FAILED, Means.NOT_YET)


@pytest.mark.parametrize("deep", [10_000, 100_000])
def test_a_body_without_end_is_none(deep: int) -> None:
    """Nested until no parser follows: read as text."""
    assert means(200, "[" * deep, ())[0] is Means.ACCEPTED


def test_a_field_is_compared_by_value_and_type() -> None:
    """`true` is not 1, and a field that is absent fits nothing."""
    rule = AnswerRule(frozenset({200}), Means.BUSY, {"n": (1,)})
    assert [means(200, body, (rule,))[0] for body in ({"n": 1}, {"n": True}, {})] == [
        Means.BUSY,
        Means.ACCEPTED,
        Means.ACCEPTED,
    ]


def test_at_work_is_of_the_date_that_was_asked() -> None:
    """An answer that names another date is about another batch; one that names none is about ours."""
    call = StatusCall("/status", {"status": ("in_progress",)}, {"game_date": "{game_date}"})
    asked = {"game_date": "2026-01-21"}
    for body, yes in (
        ({"status": "in_progress", "game_date": "2026-01-21"}, True),
        ({"status": "in_progress"}, True),
        ({"status": "in_progress", "game_date": "2026-01-20"}, False),
        ({"status": "complete", "game_date": "2026-01-21"}, False),
    ):
        assert is_at_work(call, asked, json.dumps(body)) is yes
