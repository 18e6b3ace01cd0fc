"""The whole error tree.

OrchError
├── PolicyError   a configuration file is wrong (only when it is loaded)
├── Malformed     a message is wrong: it goes to quarantine and is acknowledged
├── Unavailable   something outside did not answer: raise, and be redelivered
│   ├── Undelivered   not every sink took an alert
│   ├── Unreached     a call never reached its service: nothing can have come of it
│   └── NotBegun      the call was not begun, and this sweep will not begin another
└── OutOfTime     something outside was not asked, because a sweep's time is over: the next one asks
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

STATE = "state"
"""The port of ``Unavailable`` where the store of documents did not answer."""


class OrchError(Exception):
    """Every error this project raises on purpose."""


class PolicyError(OrchError):
    """A configuration file is wrong: where, why, and what to do about it."""

    def __init__(self, path: str, key: str, reason: str, hint: str = "") -> None:
        self.path, self.key, self.reason, self.hint = path, key, reason, hint
        where = f"{path}: {key}" if key else path
        super().__init__(f"{where}: {reason}" + (f"\n  hint: {hint}" if hint else ""))


class Malformed(OrchError):
    """A message that can never be understood (behaviour R1).

    ``kind`` is a short stable word that alerts are deduplicated by; ``processor`` is the
    name on the wire and ``day`` the date, where they could be read.
    """

    def __init__(self, kind: str, reason: str, processor: str = "", day: date | None = None) -> None:
        self.kind, self.reason, self.processor, self.day = kind, reason, processor, day
        super().__init__(reason)


class Unavailable(OrchError):
    """Something outside did not answer; the same call may succeed later. ``retry_at`` is when it asked to be called
    again, None if it did not say."""

    def __init__(self, port: str, reason: str, retry_at: datetime | None = None) -> None:
        self.port, self.reason, self.retry_at = port, reason, retry_at
        super().__init__(f"{port}: {reason}")


def is_state_outage(error: Exception) -> bool:
    """Return whether the store that decisions are made from did not answer: then nothing can be decided, and it is the
    fault of no single run, batch or workflow."""
    return isinstance(error, Unavailable) and error.port == STATE


class Undelivered(Unavailable):
    """Not every sink took an alert: ``taken`` names those that did, ``retry_at`` is when the others asked to be
    tried again, None if they did not say; ``threads`` are what those that took it answered."""

    def __init__(
        self,
        port: str,
        reason: str,
        taken: tuple[str, ...] = (),
        retry_at: datetime | None = None,
        threads: Mapping[str, str] | None = None,
    ) -> None:
        self.taken, self.threads = taken, threads or {}
        super().__init__(port, reason, retry_at)


class Unreached(Unavailable):
    """A call never reached its service: refused, no such host, no connection in time. Nothing can have come of it, so
    it may be repeated at once; of any other call without an answer the outcome is unknown (behaviour D11)."""


class NotBegun(Unavailable):
    """A call was not begun: the sweep's time is over, or the same port hung before in it. Nothing is wrong with what
    was not asked, and asking again before the next sweep is in vain (behaviour T7)."""


class OutOfTime(OrchError):
    """A question was not asked because the sweep's time is over: nothing is known of its answer (behaviour T7)."""

    def __init__(self) -> None:
        super().__init__("no time left; the next sweep looks at it")
