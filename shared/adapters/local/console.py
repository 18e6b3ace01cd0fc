"""AlertSink on a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from shared.ports import Delivered, Notice


class ConsoleSink:
    """Writes each notice to ``stream``, by default standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, notice: Notice) -> Delivered:
        stream = self._stream or sys.stderr
        for part in notice.parts:
            _write(stream, part)
        stream.flush()
        return Delivered()


def _write(stream: TextIO, notice: Notice) -> None:
    word = "RESOLVED" if notice.resolved else notice.severity.upper()
    times = f" (seen {notice.count} times)" if notice.count > 1 else ""
    first, *rest = notice.text.strip().splitlines() or [""]
    stream.write("\n    ".join([f"{word} {notice.title or notice.kind}{times}: {first}", *rest]) + "\n")
