"""Structured log: one JSON object per line, as Cloud Logging reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TextIO

_LABELS = {"run": "run_id", "run_id": "run_id", "pipeline": "pipeline", "phase": "phase", "commit": "commit"}
# Cloud Logging gives these a meaning of its own: a key of that name steps aside.
_SPECIAL = frozenset({"severity", "message", "time", "timestamp", "timestampSeconds", "timestampNanos", "httpRequest"})
_streams: list[TextIO] = []


@contextmanager
def log_on(stream: TextIO) -> Iterator[None]:
    """Let every log that names no stream of its own write to this one: a program's standard output is its answer."""
    _streams.append(stream)
    try:
        yield
    finally:
        _streams.remove(stream)


@dataclass(frozen=True)
class JsonLog:
    """Writes an event and its keys to ``stream``, by default standard output, or what ``log_on`` names.

    ``bound`` keys go with every line (``commit``, ``run``, ...); ``trace`` is `projects/P/traces/ID`, or says it of the
    call that is being answered. A value that JSON cannot say is written as its repr.
    """

    bound: Mapping[str, object] = field(default_factory=dict)
    trace: str | Callable[[], str | None] | None = None
    stream: TextIO | None = None

    def __call__(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        stream = self.stream or (_streams[-1] if _streams else sys.stdout)
        # One write per line: lines of two threads must not mix.
        trace = self.trace() if callable(self.trace) else self.trace
        stream.write(line(event, severity, {**self.bound, **keys}, trace) + "\n")
        stream.flush()

    def bind(self, *, trace: str | None = None, **keys: object) -> JsonLog:
        """Return a log whose lines all carry these keys."""
        return JsonLog({**self.bound, **keys}, trace or self.trace, self.stream)


def line(event: str, severity: str, keys: Mapping[str, object], trace: str | None = None) -> str:
    """Return one log line, without the line end."""
    entry: dict[str, object] = {"severity": severity.upper(), "message": event}
    entry |= {f"{key}_" if key in _SPECIAL else key: value for key, value in keys.items()}
    labels = {_LABELS[key]: str(value) for key, value in keys.items() if key in _LABELS and value not in (None, "")}
    if labels:
        entry["logging.googleapis.com/labels"] = labels
    if trace:
        entry["logging.googleapis.com/trace"] = trace
    try:
        return _dumps(entry)
    except (TypeError, ValueError, RecursionError):
        return _dumps({key: _sayable(value) for key, value in entry.items()})


def _dumps(value: object) -> str:
    return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return _repr(value)


def _sayable(value: object) -> object:
    try:
        _dumps(value)
    except (TypeError, ValueError, RecursionError):
        return _repr(value)
    return value


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  a broken repr may raise anything, and the line must be written
        return f"<{type(value).__name__}: repr raised {type(error).__name__}>"
