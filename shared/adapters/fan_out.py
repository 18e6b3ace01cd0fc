"""One AlertSink that is several."""

from __future__ import annotations

from collections.abc import Sequence

from shared.core.errors import Unavailable
from shared.ports import AlertSink, Delivered, Notice, Refused


class FanOut:
    """Sends to every sink, whatever the others say; the worst answer wins.

    A notice that one sink could not take is sent again to all of them: a sink may see it twice.
    """

    def __init__(self, sinks: Sequence[AlertSink]) -> None:
        if not sinks:
            raise ValueError("no sink: a notice would vanish")
        self._sinks = tuple(sinks)

    def send(self, notice: Notice) -> Delivered | Refused:
        outages: list[str] = []
        refusals: list[str] = []
        for sink in self._sinks:
            try:
                answer = sink.send(notice)
            except Unavailable as error:
                outages.append(str(error))
            else:
                if isinstance(answer, Refused):
                    refusals.append(answer.reason)
        if outages:
            raise Unavailable("alerts", "; ".join(outages + refusals))
        return Refused("; ".join(refusals)) if refusals else Delivered()
