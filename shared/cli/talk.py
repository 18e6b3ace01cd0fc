"""What the parts log while a command runs, as a person at a terminal reads it; a file gets the lines whole."""

from __future__ import annotations

import io
import json
from typing import Any, TextIO

# What every line carries, and what says the same for machines.
_BOUND = ("severity", "message", "pipeline", "commit", "hint", "stack_trace", "logging.googleapis.com/labels")
_QUIET = frozenset({"DEBUG", "INFO", "NOTICE"})
_LONGEST = 60


class Talk(io.TextIOBase):
    """A stream for the log: warnings and errors in one line each, what is only information in none."""

    def __init__(self, terminal: TextIO, program: str) -> None:
        super().__init__()
        self._terminal, self._program = terminal, program

    def write(self, text: str) -> int:
        for line in text.splitlines():
            words = _spoken(line, self._program)
            if words:
                self._terminal.write(words + "\n")
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()


def talk(stream: TextIO, program: str) -> TextIO:
    """Return where a command's log goes: to a terminal as talk."""
    return Talk(stream, program) if stream.isatty() else stream  # type: ignore[return-value]  # as much of one as a log needs


def _spoken(line: str, program: str) -> str:
    """Return a log line as words, "" for what is only information; what is no log line as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "message" not in entry:
        return line
    severity = str(entry.get("severity", ""))
    if severity in _QUIET:
        return ""
    details = ", ".join(f"{name} {_short(value)}" for name, value in entry.items() if name not in _BOUND)
    hint = f"\n  hint: {entry['hint']}" if entry.get("hint") else ""
    return f"{program}: {severity.lower()}: {entry['message']}" + (f" ({details})" if details else "") + hint


def _short(value: Any) -> str:
    """Return a value as people write it; of a long list how many there are."""
    if isinstance(value, list):
        listed = ", ".join(map(str, value))
        return listed if len(listed) <= _LONGEST else f"{value[0]} and {len(value) - 1} more"
    return str(value)
