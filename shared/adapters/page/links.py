"""The links of a page: each keeps what the reader has set, so that a page can be passed on by its address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from shared.core.reporting.filters import REFRESH, Filters


@dataclass(frozen=True, slots=True)
class Links:
    """Where a page leads from what is asked for now."""

    filters: Filters

    def front(self) -> str:
        """Return the link to how everything is."""
        return self._kept()

    def run(self, run_id: str) -> str:
        """Return the link to a run, whose id names its pipeline."""
        return link(Filters(run=run_id, refresh=self.filters.refresh))

    def alert(self, fingerprint: str) -> str:
        return self._kept(alert=fingerprint)

    def day(self, day: date) -> str:
        return self._kept(day=day)

    def state(self, state: str) -> str:
        """Return the link to the runs in a state."""
        return self._kept(state=state)

    def until(self, day: date | None) -> str:
        """Return the link to the dates up to this one, to the newest of all for None; the other filters are kept."""
        return link(replace(self.filters, until=day))

    def refreshing(self, seconds: int | None) -> str:
        """Return the link to the same page that asks for itself again after so many seconds, or never."""
        return link(replace(self.filters, refresh=seconds))

    def data(self, path: str) -> str:
        """Return the link to the same as data: the filters are kept, what concerns the page alone is not."""
        return f"{path}{link(replace(self.filters, refresh=REFRESH))}".removesuffix("?")

    def _kept(self, *, alert: str = "", day: date | None = None, state: str = "") -> str:
        refresh, pipeline = self.filters.refresh, self.filters.pipeline
        return link(Filters(alert=alert, day=day, state=state, refresh=refresh, pipeline=pipeline))


def link(filters: Filters) -> str:
    """Return the query that asks for this; `?` alone asks for everything."""
    refresh = "" if filters.refresh == REFRESH else "off" if filters.refresh is None else str(filters.refresh)
    given = {
        "run": filters.run, "alert": filters.alert, "day": filters.day, "until": filters.until, "mode": filters.mode,
        "state": filters.state, "q": filters.text, "refresh": refresh, "pipeline": filters.pipeline,
    }  # fmt: skip
    return "?" + urlencode({name: str(value) for name, value in given.items() if value}, safe="/")
