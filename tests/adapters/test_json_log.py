"""JsonLog: one JSON object per line, whatever the values."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.json_log import JsonLog, line
from shared.app.context import Log
from shared.core.model import Outcome, RunKey


class Broken:
    """Cannot even say what it is."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def _entry(**keys: object) -> Any:
    return json.loads(line("decision.made", "INFO", keys))


def test_an_event_is_a_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Severity, message and keys are Cloud Logging's; the log is the one the use cases ask for."""
    log: Log = JsonLog()
    log("decision.made", reason="tier_2", n=3)
    log("gate.blocked", "warning")
    out, err = capsys.readouterr()
    assert [json.loads(each) for each in out.splitlines()] == [
        {"severity": "INFO", "message": "decision.made", "reason": "tier_2", "n": 3},
        {"severity": "WARNING", "message": "gate.blocked"},
    ]
    assert err == ""


def test_bound_keys_and_trace_go_with_every_line() -> None:
    """``bind`` adds to what is bound and leaves the log it came from as it was."""
    stream = io.StringIO()
    log = JsonLog({"commit": "abc"}, stream=stream)
    bound = log.bind(trace="projects/p/traces/t", run="nba/2026-01-21/overnight").bind(phase="phase3")
    bound("a", phase="phase4")
    log("b")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["logging.googleapis.com/trace"] == "projects/p/traces/t"
    assert first["logging.googleapis.com/labels"] == {
        "commit": "abc", "run_id": "nba/2026-01-21/overnight", "phase": "phase4",
    }  # fmt: skip
    assert second == {
        "severity": "INFO", "message": "b", "commit": "abc", "logging.googleapis.com/labels": {"commit": "abc"},
    }  # fmt: skip


def test_labels_are_only_what_is_given() -> None:
    """Without run, pipeline, phase or commit there are no labels; empty ones are none."""
    assert "logging.googleapis.com/labels" not in _entry(reason="x", run=None, phase="")
    assert _entry(run_id="r", pipeline="nba", reason="x")["logging.googleapis.com/labels"] == {
        "run_id": "r", "pipeline": "nba",
    }  # fmt: skip


def test_a_key_with_a_meaning_of_its_own_steps_aside() -> None:
    """A key called message or timestamp changes neither the event nor the entry's time."""
    entry = _entry(message="m", timestamp="yesterday", httpRequest="h")
    assert entry == {
        "severity": "INFO", "message": "decision.made", "message_": "m", "timestamp_": "yesterday", "httpRequest_": "h",
    }  # fmt: skip


def test_values_of_the_core_are_readable() -> None:
    """Times are ISO 8601, durations seconds, sets sorted, words words."""
    entry = _entry(
        at=datetime(2026, 1, 22, 10, tzinfo=UTC),
        day=date(2026, 1, 22),
        wait=timedelta(minutes=2),
        missing=frozenset({"b", "a"}),
        outcome=Outcome.SUCCESS,
        nested={"names": ("a",)},
        key=RunKey("nba", date(2026, 1, 22), "overnight"),
    )
    assert entry["at"] == "2026-01-22T10:00:00+00:00"
    assert (entry["day"], entry["wait"], entry["missing"]) == ("2026-01-22", 120.0, ["a", "b"])
    assert (entry["outcome"], entry["nested"]) == ("success", {"names": ["a"]})
    assert entry["key"].startswith("RunKey(")


def _endless() -> list[object]:
    endless: list[object] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    "value",
    [object(), Broken(), [Broken()], _endless(), float("nan"), {("a", 1): 2}, b"\xff", "\ud800", ValueError("x")],
    ids=lambda value: type(value).__name__,
)
def test_nothing_makes_it_raise(value: object) -> None:
    """A value that JSON cannot say becomes text, the other keys stay as they are, and the line stays a line."""
    written = line("decision.made", "INFO", {"odd": value, "good": {"n": 1}})
    entry = json.loads(written, parse_constant=pytest.fail)
    assert (entry["message"], entry["good"]) == ("decision.made", {"n": 1})
    assert isinstance(entry["odd"], str | list)
    written.encode()


VALUES = st.one_of(
    st.text(max_size=20), st.floats(), st.none(), st.lists(st.floats() | st.text(max_size=5), max_size=3)
)


@given(st.text(max_size=50), st.dictionaries(st.text(max_size=20), VALUES, max_size=5))
def test_any_text_is_one_line_of_json(event: str, keys: dict[str, object]) -> None:
    """No event and no key breaks the line."""
    written = line(event, "INFO", keys)
    assert len(written.splitlines()) == 1
    assert json.loads(written)["message"] == event


def test_lines_of_threads_do_not_mix() -> None:
    """Each line is one write."""
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    log = JsonLog(stream=Stream())
    threads = [threading.Thread(target=log, args=("event",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(each)["message"] for each in writes] == ["event"] * 4
    assert all(each.endswith("\n") for each in writes)
