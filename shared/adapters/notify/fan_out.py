"""One AlertSink that is several."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.errors import Unavailable, Undelivered
from shared.ports import AlertSink, Clock, Delivered, Notice, Refused

# Each sink takes three seconds at most. Later none is begun, so that one attempt ends in time for its caller; the next
# attempt begins with those that were not asked.
BEGUN_WITHIN = timedelta(seconds=4)


class FanOut:
    """Sends to every sink that a notice is for and that does not have it yet, whatever the others say; the worst answer
    wins.

    A notice that names no sinks is for those of ``default``, None for all; those of ``always`` hear every notice. Who
    took it is told with every other answer, so that the next attempt leaves them in peace.
    """

    def __init__(
        self,
        sinks: Mapping[str, AlertSink],
        default: Collection[str] | None = None,
        always: Collection[str] = (),
        clock: Clock | None = None,
    ) -> None:
        if not sinks:
            raise ValueError("no sink: a notice would vanish")
        self._sinks, self._clock = dict(sinks), clock
        self._default = set(sinks if default is None else default)
        self._always = set(always)
        self._slow: set[str] = set()

    def send(self, notice: Notice) -> Delivered | Refused:
        outages: list[Unavailable] = []
        refusals: list[str] = []
        taken, threads = list(notice.taken), dict[str, str]()
        began = self._now()
        for name in self._bound(notice):
            at = self._now()
            if began is not None and at is not None and at - began >= BEGUN_WITHIN:
                outages.append(Unavailable(name, "not asked: others took too long"))
                continue
            try:
                answer = self._sinks[name].send(replace(notice, thread=notice.threads.get(name, "")))
            except Unavailable as error:
                outages.append(error)
                self._note(name, at)
            else:
                self._slow.discard(name)
                if isinstance(answer, Refused):
                    refusals.append(answer.reason)
                else:
                    taken.append(name)
                    # A sink knows its thread by the kind of sink it is, the policy by the name that it has there.
                    for thread in answer.threads.values():
                        threads[name] = thread
        if outages:
            reasons = "; ".join([*map(str, outages), *refusals])
            raise Undelivered("alerts", reasons, tuple(taken), _first_retry(outages), threads)
        return Refused("; ".join(refusals), tuple(taken), threads) if refusals else Delivered(threads)

    def _bound(self, notice: Notice) -> list[str]:
        """Return whom a notice is still to be sent to, those that kept the last attempt waiting at the end. A name
        that the policy has no longer is nobody's, and so what is for it alone goes where it goes by default."""
        chosen = {name for name in notice.sinks if name in self._sinks} or self._default
        names = [name for name in self._sinks if name in chosen | self._always and name not in notice.taken]
        return sorted(names, key=lambda name: name in self._slow)

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock.now()

    def _note(self, name: str, began: datetime | None) -> None:
        now = self._now()
        if now is not None and began is not None and now - began >= timedelta(seconds=2):
            self._slow.add(name)


def _first_retry(outages: list[Unavailable]) -> datetime | None:
    """Return when the first of them may be tried again; None if one of them may be at any time."""
    stated = [error.retry_at for error in outages if error.retry_at is not None]
    return min(stated) if len(stated) == len(outages) else None
