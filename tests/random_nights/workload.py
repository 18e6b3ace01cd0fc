"""What happens of itself in a night: phases begin, processors report, people type, the world changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from shared.core.model import Lane, RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from tests.random_nights.behaviours import repaired, script
from tests.random_nights.case import CaseMessage, FactsChange, Night, ScriptLine
from tests.random_nights.messages import MessageFactory
from tests.random_nights.pausing import commands as pauses
from tests.random_nights.ports import Truth

MINUTE = timedelta(minutes=1)
Put = Callable[[datetime, Callable[[], None]], None]
Send = Callable[[CaseMessage, datetime], None]


class Workload:
    """``put`` schedules an action, ``send`` a delivery; ``now`` is the world's time, ``changed`` is told of changes."""

    def __init__(
        self, policy: Policy, night: Night, truth: Truth, put: Put, send: Send, now: Callable[[], datetime]
    ) -> None:
        self._policy, self._night, self._truth = policy, night, truth
        self._put, self._send, self._now = put, send, now
        self._post = MessageFactory(policy, night)
        self._begun: dict[tuple[RunKey, str, int], int] = {}
        self.changes = 0

    def plan(self, operate: Callable[[tuple[str, ...]], None], request: Callable[[Mapping[str, Any]], None]) -> None:
        """Put down all that is known from the start."""
        night, chance = self._night, Random(f"life/{self._night.seed}")
        first = [name for name in self._policy.phases if self._policy.starting(name) is None]
        for mode, at in night.begins.items():
            key = RunKey(self._policy.pipeline, night.day, mode)
            for phase in first:
                self._put(at, partial(self._begin, key, phase, 1))
            if mode in night.backfill:
                old = RunKey(self._policy.pipeline, night.day, mode, Lane.BACKFILL)
                for phase in first:
                    self._put(at + 17 * MINUTE, partial(self._begin, old, phase, 1))
        for (mode, phase), at in night.early.items():
            key = RunKey(self._policy.pipeline, night.day, mode)
            self._put(at + 30 * MINUTE, partial(self._begin, key, phase, 1))
        self._put(night.played, self._over)
        for fact in night.facts:
            self._put(fact.at, partial(self._become, fact))
        for command in (*night.commands, *pauses(self._policy, night)):
            self._put(command.at, partial(operate, command.argv))
        for at, body in night.requests:
            self._put(at, partial(request, body))
        for outage in night.outages:
            self._put(outage.ends, self._change)
        for _ in range(night.strays):
            at = chance.choice(list(night.begins.values())) + MINUTE * chance.randrange(90)
            self._put(at, self._stray)

    def revise(self, policy: Policy) -> None:
        """Go on by another policy, which the services need not know."""
        self._policy = policy
        self.changes += 1

    def start(self, key: RunKey, phase: str, generation: int, at: datetime) -> None:
        """A dispatch has reached a phase: it begins, once for each trigger id, unless it does not listen."""
        if (key.mode, phase) in self._night.deaf:
            times = self._begun.get((key, phase, -generation), 0)
            self._begun[key, phase, -generation] = times + 1
            if times < 1 + self._night.seed % 3:
                return
        self._put(at, partial(self._begin, key, phase, generation, dispatched=True))

    def repair(self, key: RunKey, phase: str, processors: list[str], at: datetime) -> None:
        """A rerun has reached a phase."""
        for line in repaired(self._policy, self._night, phase, processors, f"{key.id}/{phase}/{at.isoformat()}"):
            self._put(at + line.after, partial(self._report, key, phase, line))

    def _begin(self, key: RunKey, phase: str, generation: int, *, dispatched: bool = False) -> None:
        """A phase is at work. What a transition only observes begins by itself, soon after what it waits for."""
        if (key, phase, generation) in self._begun:
            return
        self._begun[key, phase, generation] = 1
        starting = self._policy.starting(phase)
        names = Random(f"names/{self._night.seed}/{key.id}/{phase}").random() < 0.5
        named = key.trigger_id(starting.name, generation) if dispatched and names and starting is not None else ""
        for line in script(self._policy, self._night, key, phase, generation):
            report = replace(line, trigger_id=named)
            self._put(self._now() + line.after, partial(self._report, key, phase, report))
        for transition in self._policy.after(phase):
            if transition.dispatch.role is Role.OBSERVE and key.mode in transition.expects:
                chance = Random(f"itself/{self._night.seed}/{key.id}/{transition.name}/{generation}")
                at = self._now() + MINUTE * chance.randrange(10, 45)
                self._put(at, partial(self._begin, key, transition.starts, generation))

    def _report(self, key: RunKey, phase: str, line: ScriptLine) -> None:
        """A processor has ended: its table is written, and it says so."""
        line = self._of_what_has_ended(key, phase, line)
        processor = self._policy.phases[phase].processors[line.processor]
        writer = processor.sources[line.source] if line.source else processor
        self.changes += self._truth.write(writer, line.writes, line.units)
        if not line.status:
            return
        letter = self._post.letter(key, phase, line, self._now())
        for extra in (timedelta(), *line.copies):
            self._send(letter, self._now() + line.travels + extra)

    def _of_what_has_ended(self, key: RunKey, phase: str, line: ScriptLine) -> ScriptLine:
        """Let a report of the evening, while games are on, be of those that have ended, and mostly come again whole.

        Its table may hold more: somebody else writes it too.
        """
        chance = Random(f"part/{self._night.seed}/{key.id}/{phase}/{line.processor}/{line.after}")
        on = key.mode == self._night.evening and not self._truth.over and line.status == "success"
        if not on or line.records is None or chance.random() < 0.4:
            return line
        if chance.random() < 0.8:
            later = self._night.played + MINUTE * chance.randrange(5, 60)
            self._put(later, partial(self._report, key, phase, line))
        part = line.records // 3
        return replace(line, records=part, writes=chance.choice((part, line.writes)), copies=(), more={})

    def _stray(self) -> None:
        self._send(self._post.junk(self._now()), self._now())

    def _become(self, fact: FactsChange) -> None:
        self.changes += 1
        if fact.units is not None:
            self._truth.units_before.append(self._truth.units)
            self._truth.units = fact.units
        self._truth.percents.update(fact.percents)

    def _over(self) -> None:
        """The last game of the date has ended."""
        self._truth.over = True
        self._change()

    def _change(self) -> None:
        self.changes += 1
