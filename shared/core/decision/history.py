"""How a transition stood after the decisions that the record holds: pure, the reverse of what logged them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shared.core.model import Block, Hold, HoldCause, LogEntry, Logged, Plan, State, TransitionState, Unproven

_ORDER = tuple(Logged)


def state_after(entries: Iterable[LogEntry]) -> TransitionState:
    """Return the state that these decisions lead to, in the order of their time; what they carried is not in them."""
    return next((state for _, state in reversed(list(states(entries)))), TransitionState())


def states(entries: Iterable[LogEntry]) -> Iterator[tuple[LogEntry, TransitionState]]:
    """Yield each decision, in the order of their time, with the state that it led to."""
    state = TransitionState()
    for entry in sorted(entries, key=lambda entry: (entry.at, _rank(entry.decision))):
        state = _after(state, entry)
        yield entry, state


def _rank(decision: str) -> int:
    return _ORDER.index(decision) if decision in _ORDER else 0


def _after(state: TransitionState, entry: LogEntry) -> TransitionState:
    match entry.decision:
        case Logged.TRIGGER | Logged.OBSERVE:
            return _triggered(state, entry)
        case Logged.REDISPATCH:
            return replace(
                state, state=State.DISPATCHED, dispatches=state.dispatches + 1, last_dispatched_at=entry.at, blocked={}
            )
        case Logged.UNPROVEN:
            return _unproven(state, entry)
        case Logged.PROVEN:
            return replace(state, state=State.WAITING if state.accepted_plan is None else state.state, unproven=None)
        case Logged.CONFIRM:
            return replace(state, state=State.CONFIRMED, confirmed_at=entry.at)
        case Logged.FAILED if state.accepted_plan is None:
            return replace(state, state=State.BLOCKED, blocked={"dispatch": Block(entry.at, entry.reason)})
        case Logged.NOT_YET | Logged.BUSY if state.accepted_plan is None:
            return replace(state, state=State.BLOCKED, blocked={"answer": Block(entry.at, entry.reason)}, unproven=None)
        case Logged.REJECTED | Logged.HELD if state.accepted_plan is None:
            cause = HoldCause.REJECTED if entry.decision == Logged.REJECTED else HoldCause.DEADLINE
            hold = Hold(cause, entry.at, entry.reason)
            return replace(state, state=State.HELD, hold=hold, held_since=entry.at, blocked={})
        case Logged.BLOCKED if state.accepted_plan is None:
            blocks = {_subject(text): Block(entry.at, text) for text in entry.reason.split("; ")}
            return replace(state, state=State.BLOCKED, blocked=blocks, hold=None, held_since=None)
        case Logged.WAITING | Logged.EMPTY_OK if state.accepted_plan is None:
            return replace(state, state=State(entry.decision), blocked={}, hold=None, held_since=None)
        case _:
            return state


def _unproven(state: TransitionState, entry: LogEntry) -> TransitionState:
    before = state.unproven
    since, calls = (entry.at, 1) if before is None else (before.since, before.calls + 1)
    return replace(
        state,
        state=State.DISPATCHED,
        generation=entry.generation,
        plan=Plan(entry.generation, "", missing=entry.missing),
        unproven=Unproven(since, entry.at, calls, entry.reason),
        blocked={},
        hold=None,
        held_since=None,
    )


def _subject(text: str) -> str:
    """Return what a reason is about: texts of gates and services begin with its name."""
    return text.partition(" ")[0]


def _triggered(state: TransitionState, entry: LogEntry) -> TransitionState:
    observed = entry.decision == Logged.OBSERVE
    return replace(
        state,
        state=State.OBSERVED if observed else State.DISPATCHED,
        generation=entry.generation,
        accepted_plan=Plan(entry.generation, entry.reason, missing=entry.missing),
        dispatches=0 if observed else 1,
        triggered_at=entry.at,
        dispatched_at=entry.at,
        last_dispatched_at=entry.at,
        confirmed_at=None,
        unproven=None,
        blocked={},
        hold=None,
        held_since=None,
    )
