"""One AlertSink that is several."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.core.errors import Unavailable, Undelivered
from shared.ports import AlertSink, Delivered, Notice, Refused


class FanOut:
    """Sends to every sink that does not have the notice yet, whatever the others say; the worst answer wins.

    Who took it is told with every other answer, so that the next attempt leaves them in peace.
    """

    def __init__(self, sinks: Mapping[str, AlertSink]) -> None:
        if not sinks:
            raise ValueError("no sink: a notice would vanish")
        self._sinks = dict(sinks)

    def send(self, notice: Notice) -> Delivered | Refused:
        outages: list[Unavailable] = []
        refusals: list[str] = []
        taken = list(notice.taken)
        for name, sink in self._sinks.items():
            if name in notice.taken:
                continue
            try:
                answer = sink.send(notice)
            except Unavailable as error:
                outages.append(error)
            else:
                if isinstance(answer, Refused):
                    refusals.append(answer.reason)
                else:
                    taken.append(name)
        if outages:
            reasons = "; ".join([*map(str, outages), *refusals])
            raise Undelivered("alerts", reasons, tuple(taken), _first_retry(outages))
        return Refused("; ".join(refusals), tuple(taken)) if refusals else Delivered()


def _first_retry(outages: list[Unavailable]) -> datetime | None:
    """Return when the first of them may be tried again; None if one of them may be at any time."""
    stated = [error.retry_at for error in outages if error.retry_at is not None]
    return min(stated) if len(stated) == len(outages) else None
