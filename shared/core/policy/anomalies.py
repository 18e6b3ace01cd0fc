"""What is told of unusual nights: the policy's key `anomalies` as values (behaviour T12)."""

from __future__ import annotations

from dataclasses import dataclass

# So many past dates say what is usual: in them each weekday comes ten times.
NIGHTS = 75


@dataclass(frozen=True)
class RunsLonger:
    """A phase runs too long beyond all of these: ``times`` its usual time, what one night of twenty exceeds, and ``z``
    standard deviations of what it differs by from night to night."""

    times: float = 2.0
    z: float = 2.0


@dataclass(frozen=True)
class RowsBand:
    """Rows are usual within ``z`` standard deviations of what they differ by from night to night."""

    z: float = 3.5


@dataclass(frozen=True)
class Anomalies:
    """Nothing is told before ``least_nights`` ordinary nights. ``runs_longer`` and ``rows`` None are not looked at."""

    least_nights: int = 14
    runs_longer: RunsLonger | None = RunsLonger()
    rows: RowsBand | None = RowsBand()

    @property
    def nights_needed(self) -> int:
        """How many past dates are learned from, 0 where nothing is looked at."""
        return 0 if self.runs_longer is None and self.rows is None else NIGHTS


OFF = Anomalies(runs_longer=None, rows=None)
