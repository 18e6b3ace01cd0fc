"""What the function of batches answers by HTTP: each wrong request hears what is wrong, where, and what to write; and
what no store or bus takes as it is, in a start or a report, holds up nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.wire import checked
from shared.app.batches.http import answer
from shared.app.call import Call
from shared.core.batches.batch import BatchState
from shared.core.policy.batches import Request
from tests.app.batch_kit import ASK, BATCH, BatchKit

BATCH_ID = "by hand 1"
START = {
    "batch": "predictions", "trigger_id": BATCH_ID, "game_date": "2026-01-21", "mode": "overnight", "players": ["m001"],
}  # fmt: skip
CLOSE = {"batch": "predictions", "date": "2026-01-21", "mode": "overnight", "reason": "enough"}


def response_to(kit: BatchKit, method: str, path: str, body: Any = None, **query: str) -> tuple[Any, int]:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return kit.act(lambda: answer(kit.instance(), Call(path, list(query.items()), data, method=method)))


def valid_attributes(attributes: Mapping[str, str]) -> bool:
    """True if every bus takes them."""
    try:
        return bool(checked(attributes))
    except ValueError:
        return False


def became(action: Callable[[], Any]) -> str:
    """Return what became of a message, or why it would come again and again."""
    try:
        return str(action().what)
    except (TypeError, ValueError) as error:
        return f"raised: {error}"


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}


@pytest.mark.parametrize(
    ("body", "reason", "hint"),
    [
        (b"", "not JSON", "send a JSON object"),
        ([], "not a JSON object but list", "send a JSON object"),
        (without(START, "batch"), "no batch is named", "one of predictions"),
        ({**START, "batch": "prediction"}, "there is no batch 'prediction'", "did you mean predictions?"),
        ({**START, "batch": ["predictions"]}, "there is no batch", "did you mean predictions?"),
        (without(START, "trigger_id"), "no trigger_id", "trigger_id"),
        ({"batch_id": BATCH_ID}, "no trigger_id", "trigger_id"),
        ({**START, "trigger_id": 7}, "trigger_id '7' is no text", "trigger_id"),
        ({**START, "trigger_id": " "}, "trigger_id ' ' is no text", "trigger_id"),
        ({**START, "trigger_id": "x" * 1001}, "1001 characters; at most 1000", "trigger_id"),
        (without(START, "game_date"), "no game_date", '"game_date": "2026-01-21"'),
        ({**START, "game_date": "2026-02-30"}, "'2026-02-30' is no date", '"game_date": "2026-01-21"'),
        ({**START, "game_date": 20260121}, "'20260121' is no date", '"game_date": "2026-01-21"'),
        (without(START, "mode"), "no mode; the policy has overnight", "overnight"),
        ({**START, "mode": "overnite"}, "there is no mode 'overnite'", "did you mean overnight?"),
        ({**START, "lane": "backfil"}, "there is no lane 'backfil'", "did you mean backfill?"),
        ({**START, "generation": "two"}, "generation 'two' is no number", "leave it out"),
        ({**START, "generation": 0}, "generation '0' is no number", "leave it out"),
        ({**START, "pipeline": "sales"}, "pipeline 'sales' is not 'nba'", "leave it out"),
        ({**START, "trigger_id": "\ud800x"}, "half a character", "whole text"),
        ({**START, "note": float("nan")}, "holds NaN", "send null"),
        (without(START, "players"), "players lists no members", "a list of names"),
        ({**START, "players": "m001"}, "players lists no members", "a list of names"),
    ],
)
def test_a_start_that_is_wrong_is_refused_and_nothing_is_begun(body: Any, reason: str, hint: str) -> None:
    """400 with the key that is wrong and what to write there; no batch, and no message."""
    kit = BatchKit()
    response, status = response_to(kit, "POST", "/start", body)
    assert (status, set(response)) == (400, {"error", "hint"})
    assert reason in response["error"]
    assert hint in response["hint"]
    assert kit.published == []
    assert kit.store.inner.query("batches") == []


def test_a_wrong_date_is_not_replaced_by_that_of_the_id() -> None:
    """The id names another date: what the message says itself is wrong, and is refused."""
    kit = BatchKit()
    response, status = response_to(
        kit, "POST", "/start", {**START, "trigger_id": kit.batch_id(), "game_date": "2026-01-2x"}
    )
    assert status == 400
    assert "'2026-01-2x' is no date" in response["error"]
    assert response_to(kit, "POST", "/start", {**without(START, "game_date"), "trigger_id": kit.batch_id()})[1] == 202


@pytest.mark.parametrize(
    ("body", "reason", "hint"),
    [
        (b"{", "not JSON", "send a JSON object"),
        (without(CLOSE, "reason"), "no reason", "say why"),
        ({**CLOSE, "reason": " "}, "no reason", "say why"),
        ({**CLOSE, "batch": "prediction"}, 'there is no batch "prediction"', "did you mean predictions?"),
        ({**CLOSE, "batch": ["predictions"]}, 'batch ["predictions"] is no text', '"batch": "..."'),
        (without(CLOSE, "date"), "no date is named", "2026-01-21"),
        ({**CLOSE, "date": 20260121}, "date 20260121 is no text", '"date": "..."'),
        ({**CLOSE, "date": "2026-02-30"}, "there is no date 2026-02-30", "2026-01-21"),
        ({**CLOSE, "mode": "overnite"}, 'unknown mode "overnite"', "did you mean overnight?"),
        (without(CLOSE, "mode"), "no mode is named", "overnight"),
        ({**CLOSE, "lane": "x"}, 'unknown lane "x"', "one of backfill, live"),
        ({**CLOSE, "reason": "\ud800"}, "half a character", "whole text"),
        ({**CLOSE, "mod": "overnight"}, "unknown key 'mod'", "did you mean mode?"),
    ],
)
def test_a_close_that_is_wrong_is_refused(body: Any, reason: str, hint: str) -> None:
    """400 with the key that is wrong; the batch stays as it is."""
    kit = BatchKit()
    kit.start(2)
    response, status = response_to(kit, "POST", "/close", body)
    assert (status, set(response)) == (400, {"error", "hint"})
    assert reason in response["error"]
    assert hint in response["hint"]
    assert kit.batch().acts == ()


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "reason", "hint"),
    [
        ("GET", "/", {}, 404, "there is no /", "/start"),
        ("GET", "/start", {}, 405, "a GET does nothing at /start", "POST /start"),
        ("POST", "/status", {}, 405, "a POST does nothing at /status", "GET /status"),
        ("GET", "/status", {"batchid": "x"}, 400, "unknown parameter 'batchid'", "did you mean batch_id?"),
        ("GET", "/status", {"batch_id": "x"}, 404, "there is no batch x", "batch list"),
        ("GET", "/status", {"batch": "predictions"}, 400, "no date is named", "2026-01-21"),
        ("GET", "/status", {"date": "2026-01-21"}, 400, "no mode is named", "overnight"),
        ("GET", "/status", {"date": "2026-01-21", "mode": "overnight"}, 404, "there is no batch", "batch list"),
    ],
)
def test_a_question_that_is_wrong_is_refused(
    method: str, path: str, query: dict[str, str], status: int, reason: str, hint: str
) -> None:
    """404 for what is not there, 405 for another method, 400 for the rest; each with a hint."""
    response, answered = response_to(BatchKit(), method, path, **query)
    assert (answered, set(response)) == (status, {"error", "hint"})
    assert reason in response["error"]
    assert hint in response["hint"]


def test_closing_a_batch_that_is_not_there_says_where_to_look() -> None:
    """404 with a hint, as `/status` answers."""
    response, status = response_to(BatchKit(), "POST", "/close", CLOSE)
    assert (status, set(response)) == (404, {"error", "hint"})
    assert "batch list" in response["hint"]


def test_an_id_that_no_attribute_holds_is_taken_all_the_same() -> None:
    """600 characters of two bytes each: the start leaves without the attribute, and the batch is worked off."""
    kit, batch_id = BatchKit(), "\u00e4" * 600
    assert response_to(kit, "POST", "/start", {**START, "trigger_id": batch_id})[1] == 202
    kit.work()
    kit.report("m001", batch_id=batch_id)
    assert [sent.topic for sent in kit.published if not valid_attributes(sent.message.attributes)] == []
    assert kit.batch(batch_id).state is BatchState.PUBLISHED


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("a\ud800", "a?"),
        ({"\ud800": [float("inf")]}, {"?": ["inf"]}),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ({"": 1, "__x__": {"a.b": 2}}, {"": 1, "__x__": {"a.b": 2}}),
        (2**70, 2**70),
        (None, None),
    ],
    ids=["nan", "infinite", "half a character", "all inside", "lists in a list", "names of fields", "large", "nothing"],
)
def test_a_column_that_no_store_or_bus_takes_as_it_is_reaches_its_worker(value: Any, sent: Any) -> None:
    """Numbers that are none go as text, half a character as a question mark, all else as it was listed."""
    kit = BatchKit(replace(BATCH, request=Request(ASK, {"player_lookup": "{player_lookup}", "v": "{v}"}, 10_000)))
    assert became(lambda: kit.start([{"player_lookup": "m001", "v": value}])) == "started"
    [request] = kit.requests()
    assert request.body["v"] == sent
    assert json.loads(json.dumps(request.body)) == request.body, "no number is one that equals nothing"
    assert "\ud800" not in repr(request.body)


def test_half_a_character_in_a_name_is_a_question_mark_for_all() -> None:
    """Such a member is asked under the name that a message carries, and whoever reports as either is heard."""
    kit = BatchKit()
    kit.start(["\ud800x", "m002"])
    assert {str(request.body["player_lookup"]) for request in kit.requests()} == {"?x", "m002"}
    kit.report("\ud800x")
    kit.report("m002")
    assert kit.batch().state is BatchState.PUBLISHED


def test_a_start_message_whose_id_no_store_takes_is_quarantined() -> None:
    """It would come again and again, and never be recorded."""
    kit = BatchKit()
    assert became(lambda: kit.start(1, batch_id="\ud800x")) == "quarantined"


def test_members_nested_without_end_are_held_for_a_person() -> None:
    """A list of lists deeper than anything is read: the batch says so, and does not raise for ever."""
    kit = BatchKit(replace(BATCH, request=Request(ASK, {"player_lookup": "{player_lookup}", "v": "{v}"}, 10_000)))
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    kit.start([{"player_lookup": "m001", "v": deep}])
    assert kit.batch().state is BatchState.HELD
    assert "in one another" in kit.batch().held_text
