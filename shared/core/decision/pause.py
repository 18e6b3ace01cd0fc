"""Pauses: for a while nothing of a scope is opened or dispatched, and completions are recorded (behaviour T8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import ClassVar

from shared.core.calendar import KEPT, instant
from shared.core.policy.policy import Policy
from shared.core.texts import day_time

# What waits for the record while it does not answer.
UNRECORDED = 50


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of everything, of a ``mode``, of a ``transition``, of that transition in that mode, or of a ``workflow``.

    It is in force from ``begins_at`` on and before ``ends_at``, None while its end is open. ``by`` is who
    asked for it, "" if unknown; a ``planned`` one is in the policy. ``ended_at`` is when a person ended it,
    ``ended_by`` who, ``ended_for`` why.
    """

    id: str
    begins_at: datetime
    ends_at: datetime | None
    reason: str
    by: str = ""
    mode: str | None = None
    transition: str | None = None
    planned: bool = False
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_for: str = ""
    workflow: str | None = None

    @property
    def over_at(self) -> datetime | None:
        """When it is over, None while that is not known."""
        ends = [at for at in (self.ends_at, self.ended_at) if at is not None]
        return min(ends, default=None)

    def in_force(self, now: datetime) -> bool:
        return self.begins_at <= now and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        over_at = self.over_at
        return over_at is not None and over_at <= now

    def word(self, now: datetime) -> str:
        """Return its state: `in force`, `over` or `to come`."""
        return "over" if self.is_over(now) else "in force" if self.in_force(now) else "to come"

    def covers(self, mode: str, transition: str | None) -> bool:
        """True for a transition of a mode within the scope; ``transition`` None asks for the mode's runs as a whole."""
        return self.workflow is None and self.mode in (None, mode) and self.transition in (None, transition)

    def covers_workflow(self, workflow: str) -> bool:
        """True for a workflow within the scope: a pause of a mode or transition leaves workflows alone."""
        return self.workflow in (None, workflow) and self.mode is None and self.transition is None

    @property
    def scope(self) -> str:
        """What is paused: `everything`, `mode tomorrow`, `phase3_to_phase4`, `phase3_to_phase4 of mode tomorrow`."""
        if self.workflow is not None:
            return f"workflow {self.workflow}"
        if self.transition is None:
            return "everything" if self.mode is None else f"mode {self.mode}"
        return self.transition if self.mode is None else f"{self.transition} of mode {self.mode}"


@dataclass(frozen=True, slots=True)
class PauseEntry:
    """The begin or end of a pause, until the record has it."""

    at: datetime
    decision: str
    reason: str
    mode: str = ""
    transition: str = ""


@dataclass(frozen=True, slots=True)
class PauseBook:
    """The pauses of a pipeline as stored: those that people asked for, and those of the policy that have begun.

    ``numbered`` counts those that people asked for, ever; ``pending_audit`` waits for the record (behaviour 8).
    """

    STORED_AS: ClassVar[Mapping[str, str]] = {"pending_audit": "unrecorded"}

    pauses: tuple[Pause, ...] = ()
    numbered: int = 0
    pending_audit: tuple[PauseEntry, ...] = ()


def planned(policy: Policy) -> tuple[Pause, ...]:
    """Return the pauses of the policy; a date means its first instant, local."""
    return tuple(
        Pause(
            id=pause.id,
            begins_at=instant(pause.begins, time(0), policy.zone),
            ends_at=instant(pause.until, time(0), policy.zone),
            reason=pause.reason,
            mode=pause.mode,
            transition=pause.transition,
            planned=True,
        )
        for pause in policy.pauses
    )


def pauses_of(policy: Policy, stored: Iterable[Pause]) -> tuple[Pause, ...]:
    """Return every pause there is: those of the policy, where one was ended as it was ended, and those of people.

    One that has left the policy is no pause any more, but for its end.
    """
    by_id = {pause.id: pause for pause in planned(policy)}
    for pause in stored:
        if not pause.planned or pause.id in by_id or pause.ended_at is not None:
            by_id[pause.id] = pause
    return tuple(by_id.values())


def pause_at(
    policy: Policy, stored: Collection[Pause], now: datetime, mode: str, transition: str | None = None
) -> Pause | None:
    """Return the pause that is in force, of several the one that lasts longest (behaviour T8); None if none is."""
    if not stored and not policy.pauses:
        return None
    pauses = [pause for pause in pauses_of(policy, stored) if pause.in_force(now) and pause.covers(mode, transition)]
    endless = next((pause for pause in pauses if pause.over_at is None), None)
    return endless or max(pauses, key=lambda pause: pause.over_at or now, default=None)


def paused_text(policy: Policy, pause: Pause) -> str:
    """Return `paused since 2026-05-09 10:00 EDT until 2026-05-20 00:00 EDT by alice: between rounds`."""
    until = "until it is ended" if pause.over_at is None else f"until {day_time(policy, pause.over_at)}"
    return f"paused since {day_time(policy, pause.begins_at)} {until}{by_whom(pause)}: {pause.reason}"


def by_whom(pause: Pause) -> str:
    if pause.planned:
        return " by the policy"
    return f" by {pause.by}" if pause.by else ""


def kept(policy: Policy, book: PauseBook, now: datetime) -> PauseBook:
    """Return the book as of now: pauses of the policy that have begun are in it, those that left the policy have
    ended, and what is over for long is forgotten."""
    plans = {pause.id: pause for pause in planned(policy)}
    listed = {pause.id: pause for pause in book.pauses}
    entries = list(book.pending_audit)
    for pause in plans.values():
        if pause.in_force(now) and pause.id not in listed:
            listed[pause.id] = pause
            entries.append(begin_entry(policy, pause, pause.begins_at))
    for pause in book.pauses:
        if pause.planned and pause.id not in plans and not pause.is_over(now):
            listed[pause.id] = replace(pause, ended_at=now, ended_for="it has left the policy")
            entries.append(end_entry(listed[pause.id], now))
    remaining = tuple(pause for pause in listed.values() if _is_kept(pause, plans.get(pause.id), now))
    return replace(book, pauses=remaining, pending_audit=tuple(entries)[-UNRECORDED:])


def _is_kept(pause: Pause, plan: Pause | None, now: datetime) -> bool:
    """Whether a pause still counts, or is to be looked at: one that was ended early as long as the policy has it."""
    over_at = pause.over_at if plan is None else plan.over_at
    return over_at is None or now < over_at + KEPT


def begun(policy: Policy, book: PauseBook, pause: Pause) -> PauseBook:
    """Return the book with a pause that a person asks for."""
    entry = begin_entry(policy, pause, pause.begins_at)
    return PauseBook((*book.pauses, pause), book.numbered + 1, (*book.pending_audit, entry)[-UNRECORDED:])


def ended(book: PauseBook, pause: Pause, now: datetime, by: str, reason: str) -> tuple[PauseBook, Pause]:
    """Return the book in which a person has ended a pause, and the pause."""
    after = replace(pause, ended_at=now, ended_by=by, ended_for=reason)
    others = tuple(other for other in book.pauses if other.id != pause.id)
    entries = (*book.pending_audit, end_entry(after, now))[-UNRECORDED:]
    return replace(book, pauses=(*others, after), pending_audit=entries), after


def begin_entry(policy: Policy, pause: Pause, at: datetime) -> PauseEntry:
    until = "" if pause.ends_at is None else f", until {day_time(policy, pause.ends_at)}"
    verb = "pause" if pause.planned else "operator_pause"
    return PauseEntry(at, verb, f"{pause.reason} ({_who(pause)}{until})", pause.mode or "", pause.transition or "")


def end_entry(pause: Pause, at: datetime) -> PauseEntry:
    who = f"by {pause.ended_by}" if pause.ended_by else "by an operator" if not pause.planned else "by the policy"
    why = pause.ended_for or pause.reason
    return PauseEntry(at, "operator_pause_end", f"{why} ({who})", pause.mode or "", pause.transition or "")


def _who(pause: Pause) -> str:
    return by_whom(pause).strip() or "by an operator"
