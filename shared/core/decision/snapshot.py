"""What one transition of one run is decided by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.core.calendar import clock_from
from shared.core.computed_once import computed_once
from shared.core.decision.completeness import NEVER, Completeness, completeness_of
from shared.core.decision.gates import Readings
from shared.core.decision.holdings import NOTHING_READ, Holdings
from shared.core.decision.pause import Pause, pause_at
from shared.core.model import Completion, LearnedTime, Report, RunKey, TransitionState, Units
from shared.core.policy.adaptive import effective
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Gate, Transition


@dataclass(frozen=True)
class DecisionInput:
    """Everything one transition of one run is decided by, the clock aside.

    ``completions`` are those of the phases it waits for, ``started`` those of the phase it starts,
    ``next_report_at`` is the receipt of that phase's latest report, ``next_trigger_ids`` are the triggers that its
    reports name;
    ``units`` None means that no calendar reading is known, ``final_at`` is since when they are final;
    ``pauses`` are those that the store knows, None before they were read; ``learned`` are the times that the run was
    given from past nights, by name (behaviour T11).
    """

    policy: Policy
    transition: Transition
    key: RunKey
    state: TransitionState
    completions: Mapping[str, Completion] = field(default_factory=dict)
    units: Units | None = None
    final_at: datetime | None = None
    started: Mapping[str, Completion] = field(default_factory=dict)
    next_report_at: datetime | None = None
    next_trigger_ids: frozenset[str] = frozenset()
    closed: bool = False
    readings: Readings = field(default_factory=Readings)
    code_version: str = ""
    pauses: tuple[Pause, ...] | None = None
    learned: Mapping[str, LearnedTime] = field(default_factory=dict)

    @computed_once
    def expectation(self) -> Expectation:
        """What the policy expects, with the times that the run was given from past nights."""
        return effective(self.transition.expects[self.key.mode], self.learned)

    @property
    def processors(self) -> Mapping[str, Processor]:
        return self.policy.awaited[self.transition.name]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that this mode passes through, in the order of the policy."""
        return self.policy.gates_passed[self.transition.name, self.key.mode]

    @property
    def empty(self) -> bool:
        return self.units is not None and self.units.total == 0

    def pause(self, now: datetime) -> Pause | None:
        """The pause in which nothing of this transition is dispatched, None if none is known (behaviour T8)."""
        return pause_at(self.policy, self.pauses or (), now, self.key.mode, self.transition.name)

    @computed_once
    def seen(self) -> Completeness:
        """The status of every expected processor."""
        of = self.transition.name, self.key.mode
        units = None if self.units is None else self.units.total
        return completeness_of(
            self.policy.demanded[of](self.key.day, units),
            self.completions,
            units,
            self.readings.rows,
            carried=None if self.state.accepted_plan is None else self.state.accepted_plan.completed,
            partial_is_done=of in self.policy.judges_partials,
            opened=self.state.opened_at,
            whole_from=self._whole_from,
            holdings=self._holdings,
        )

    def is_early(self, report: Report) -> bool:
        """True of a report that need not be whole, because it came while units of the date were under way (R11)."""
        return self._whole_from is not None and report.received_at < self._whole_from

    @property
    def _holdings(self) -> Holdings:
        held, names = self.readings.held, () if self.units is None else self.units.names
        if not held and not names:
            return NOTHING_READ
        return Holdings(held, names, self.policy.unit)

    @property
    def _whole_from(self) -> datetime | None:
        """From when on a report should be whole, None where each should (behaviour R11): in a mode that is reported
        to on the evening itself, one that was received while units of the date were under way need not be."""
        mode = self.policy.modes.get(self.key.mode)
        if mode is None or mode.same_evening_from is None or self.units is None or self.units.total is None:
            return None
        return self.final_at if self.units.all_final else NEVER

    @property
    def clock_from(self) -> datetime | None:
        """When tiers and deadline begin: at ``opened_at`` (R7), but in a mode that is reported to on the evening itself
        never before it opens (behaviour R11). None until something counts."""
        since = self.seen.opened_at
        return None if since is None else clock_from(self.key, since, self.policy)

    @property
    def opened_by_table(self) -> datetime | None:
        """When the clock began where what a table holds may have begun it; else None (behaviour R7)."""
        by_table = any(at.by_table for at in self.seen.statuses.values())
        return self.seen.opened_at if by_table else None
