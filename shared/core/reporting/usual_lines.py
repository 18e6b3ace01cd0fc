"""What a run has beside what is usual of it: how long its phases took, how many rows came; as values (behaviour T12).

A start of which people heard already is not compared: what a degraded, repeated or paused start makes is no surprise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.alerting.unusual import full_rows, is_ordinary, length_band, rows_band, running
from shared.core.decision.refusal import judged_by
from shared.core.decision.snapshot import DecisionInput
from shared.core.learning.anomaly import Band, Learning, Usuals
from shared.core.learning.values import counted
from shared.core.model import State
from shared.core.reporting.page import Tone
from shared.core.texts import duration


@dataclass(frozen=True, slots=True)
class UsualLine:
    """One value of a run: the duration of a phase in seconds, or the rows of a processor, where ``rows`` is true.

    ``value`` is tonight's, so far where the phase is ``running``, None where there is none yet. ``band`` is what is
    usual, or of how many nights that is learned so far.
    """

    name: str
    rows: bool
    value: float | None
    band: Band | Learning
    running: bool = False

    @property
    def tone(self) -> Tone:
        """Good within the band, a notice outside of it; quiet where nobody knows yet."""
        if self.value is None or isinstance(self.band, Learning):
            return Tone.QUIET
        return Tone.GOOD if self.band.holds(self.value) else Tone.NOTICE

    def text(self, value: float) -> str:
        """Return a value in words: `12 min`, `224`."""
        return str(round(value)) if self.rows else duration(timedelta(seconds=round(value)))


def usual_lines(snapshots: Sequence[DecisionInput], usuals: Usuals, now: datetime) -> tuple[UsualLine, ...]:
    """Return what a run has beside what is usual, phase by phase; nothing where nothing is looked at."""
    ordinary = {snapshot.transition.starts: is_ordinary(snapshot, now) for snapshot in snapshots}
    lines: list[UsualLine] = []
    for snapshot in snapshots:
        lines += _rows(snapshot, usuals, ordinary)
        lines += _duration(snapshot, usuals, now)
    return tuple(lines)


def _duration(snapshot: DecisionInput, usuals: Usuals, now: datetime) -> Iterator[UsualLine]:
    band, since, phase = length_band(snapshot, usuals), snapshot.state.dispatched_at, snapshot.transition.starts
    if band is None or not is_ordinary(snapshot, now):
        return
    if since is None or snapshot.state.state is State.OBSERVED:
        yield UsualLine(phase, rows=False, value=None, band=band)
        return
    runs = bool(running(snapshot))
    end = now if runs else max(_ends(snapshot), default=now)
    value = None if runs and snapshot.closed else (end - since).total_seconds()
    yield UsualLine(phase, rows=False, value=value, band=band, running=runs and not snapshot.closed)


def _ends(snapshot: DecisionInput) -> list[datetime]:
    reports = (snapshot.started[name].latest for name in judged_by(snapshot)[0] if name in snapshot.started)
    return [report.received_at for report in reports if report is not None]


def _rows(snapshot: DecisionInput, usuals: Usuals, ordinary: Mapping[str, bool]) -> Iterator[UsualLine]:
    for transition, processor in counted(snapshot.policy, snapshot.key.mode):
        band = rows_band(snapshot, usuals, processor.name)
        if transition.name != snapshot.transition.name or band is None or not ordinary.get(processor.phase, True):
            continue
        at = snapshot.seen.statuses.get(processor.name)
        yield UsualLine(processor.name, rows=True, value=None if at is None else full_rows(snapshot, at), band=band)
