"""When what was not accepted is asked again: an outage soon, a no at the pace of its inputs (behaviour D5, D10)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.model import Failure
from shared.core.wire.answers import Means

BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 2, 4, 8, 15))
ASK_AGAIN = tuple(timedelta(minutes=m) for m in (15, 30, 60))
ASKED_AGAIN = frozenset({Means.NOT_YET, Means.BUSY})


def outage(before: Failure | None, text: str, now: datetime, retry_at: datetime | None = None) -> Failure:
    """Return the failure after one more call that came to nothing: again after 1, 2, 4, 8 and then every 15 minutes.

    Where the service asked to be left alone for longer, not before ``retry_at``.
    """
    before = before if before is not None and not before.verdict else None
    wait = _step(BACK_OFF, before)
    return _failure(before, text, now, wait if retry_at is None else max(wait, retry_at - now))


def verdict(before: Failure | None, word: str, text: str, now: datetime) -> Failure:
    """Return the failure after one more answer that is a no: again after 15, 30 and then every 60 minutes."""
    before = before if before is not None and before.verdict in ASKED_AGAIN else None
    return _failure(before, text, now, _step(ASK_AGAIN, before), word)


def after(before: Failure | None, text: str, now: datetime, wait: timedelta, word: str = "") -> Failure:
    """Return the failure after one more call that is made again after so long, whatever came before."""
    return _failure(before if before is not None and before.verdict == word else None, text, now, wait, word)


def _step(waits: tuple[timedelta, ...], before: Failure | None) -> timedelta:
    return waits[min(0 if before is None else before.count, len(waits) - 1)]


def _failure(before: Failure | None, text: str, now: datetime, wait: timedelta, word: str = "") -> Failure:
    count, since = (1, now) if before is None else (before.count + 1, before.since)
    return Failure(count, since, now + wait, text, word, now)
