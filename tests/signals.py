"""Signals for what a test starts, however the test run itself was started."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard() -> Iterator[None]:
    """Let what is started inside hear SIGINT and SIGHUP.

    A run in the background ignores them, by `nohup` or by its shell, and so would every child. A handler that does
    nothing is ignoring for us, and is not handed on.
    """
    ignored = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
