"""A figure: what was measured, beside the floor that was measured in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Self

from tests.policy_files import NBA

MILLI = 1000.0


class Unmeasurable(Exception):
    """A figure cannot be measured here: says why, and how it could be."""


@dataclass(frozen=True)
class Spread:
    """Samples by their median and quartiles."""

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, samples: Sequence[float], scale: float = 1.0) -> Self:
        values = [value * scale for value in samples]
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return cls(median(values), low, high, len(values))


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``most`` and ``least`` are targets for the ratio, where there is a floor, else the value.

    ``counted`` holds what was counted, not timed: operations, errors, triggers.
    """

    name: str
    what: str
    unit: str
    value: Spread
    floor: Spread | None = None
    floor_what: str = ""
    most: float | None = None
    least: float | None = None
    counted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return None if self.floor is None else self.value.median / self.floor.median

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None where there is none."""
        if self.most is None and self.least is None:
            return None
        judged = self.value.median if self.ratio is None else self.ratio
        return (self.most is None or judged <= self.most) and (self.least is None or judged >= self.least)

    @property
    def target(self) -> str:
        unit = " x" if self.floor is not None else f" {self.unit}"
        if self.most is not None and self.least is not None:
            return f"{self.least:g} to {self.most:g}{unit}"
        if self.most is not None:
            return f"at most {self.most:g}{unit}"
        return "" if self.least is None else f"at least {self.least:g}{unit}"


@dataclass(frozen=True)
class Size:
    """How much is measured: enough to see that it works, to compare, or all that the targets speak of."""

    name: str
    samples: int
    starts: int
    members: int
    events: int
    nights: int
    open_runs: int
    closed_days: int
    swept: tuple[int, ...] = (0, 60, 1000)


SMALL = Size("small", 6, 1, 60, 40, 2, 3, 2, (0, 3, 60))
NORMAL = Size("normal", 150, 7, 1000, 1000, 400, 60, 30)
FULL = Size("full", 500, 15, 10_000, 10_000, 10_000, 60, 30, (0, 60, 1000, 10_000))


@dataclass(frozen=True)
class Bench:
    """What a figure is measured with. The hosts of the emulators are None where there are none."""

    size: Size
    folder: Path
    firestore: str | None = None
    pubsub: str | None = None
    missing: str = ""

    def variables(self) -> dict[str, str]:
        """Return what lets a function find the emulators and the reference policy; raise ``Missing`` without emulators.

        Figures are of one policy, whatever production adds to its own.
        """
        if self.firestore is None or self.pubsub is None:
            raise Unmeasurable(self.missing)
        hosts = {"FIRESTORE_EMULATOR_HOST": self.firestore, "PUBSUB_EMULATOR_HOST": self.pubsub}
        return hosts | {"ORCH_POLICY": str(NBA)}


Measure = Callable[[Bench], Iterator[Figure]]
