"""The log of a command: whole lines for a file, words for a person at a terminal."""

from __future__ import annotations

import io
import json

from shared.adapters.json_log import JsonLog
from shared.cli.talk import talk


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_output(stream: io.StringIO) -> str:
    """Let the log say an information, a warning with a hint and a long list, and an error; return what was written."""
    log = JsonLog({"commit": "abc", "pipeline": "nba"}, stream=talk(stream, "orch"))
    log("run.opened", run_id="nba/2026-01-21/overnight")
    log(
        "policy.silence",
        severity="WARNING",
        keys=[f"transitions.t{n}.expects.overnight" for n in range(4)],
        hint="bin/orch check",
    )
    log("rows.wrong", severity="ERROR", table="a.b", error="no such table")
    return stream.getvalue()


def test_a_terminal_shows_words() -> None:
    """One line for a warning and an error, none for what is only information, and no JSON."""
    assert log_output(Terminal()).splitlines() == [
        "orch: warning: policy.silence (keys transitions.t0.expects.overnight and 3 more)",
        "  hint: bin/orch check",
        "orch: error: rows.wrong (table a.b, error no such table)",
    ]


def test_a_file_gets_the_lines_whole() -> None:
    """Each is the JSON that Cloud Logging would get."""
    lines = [json.loads(line) for line in log_output(io.StringIO()).splitlines()]
    assert [line["message"] for line in lines] == ["run.opened", "policy.silence", "rows.wrong"]
    assert len(lines[1]["keys"]) == 4


def test_what_is_no_log_line_stays_as_it_is() -> None:
    """A library may write to the same stream."""
    terminal = Terminal()
    stream = talk(terminal, "orch")
    stream.write("plain words\n42\n")
    assert terminal.getvalue() == "plain words\n42\n"
