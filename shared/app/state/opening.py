"""Opening a run for what is about to be written below it: the run first, so that nothing below it is ever forgotten.

An open run is made due by the same act, so that the next sweep looks at it (behaviour T7): before anything is written
below it, so that a crash leaves a run that is looked at in vain, never a report that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import path_of_run, read_run, run_data, run_path
from shared.core.model import LearnedTime, Run, RunKey
from shared.core.policy.policy import Policy
from shared.ports import Document, StateStore

# Whoever needs longer from its first read to its last write makes the run due once more: a sweep that saw the first
# mark may have looked before that write, and for `SECOND_LOOK` from the beginning of its look none puts the run off.
SLOW = timedelta(seconds=20)
SECOND_LOOK = timedelta(seconds=40)


class RunIs(Enum):
    """What a run is once it was made sure that there is one: new and due, open and due, or closed."""

    NEW = auto()
    OPEN = auto()
    CLOSED = auto()


def ensure_exists(
    store: StateStore, policy: Policy, key: RunKey, now: datetime, documents: Sequence[Document | None] = ()
) -> RunIs:
    """Create a run unless there is one, open or closed, and make an open one due; return what it is.

    ``documents`` holds the run's document, or None, where the caller has just read it. Nothing is written for a run
    that has been made due since a sweep looked at it: of a thousand reports in a minute one writes.
    """

    def created(document: Document | None) -> tuple[Mapping[str, Any] | None, RunIs]:
        if document is None:
            return _new(store, policy, key, now), RunIs.NEW
        return _touched(document, policy, now), RunIs.CLOSED if _is_closed(document) else RunIs.OPEN

    return change_document(store, run_path(key), created, documents)


def ensure_open(store: StateStore, policy: Policy, key: RunKey, now: datetime) -> bool:
    """Create a run, or open a closed one again, so that what starts in it is also confirmed; return whether it was
    not open (T5). It is due then."""

    def opened(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        run = read_run(document)
        if document is None or run is None:
            return _new(store, policy, key, now), True
        if run.value.closed_at is None:
            return _touched(document, policy, now), False
        reopened = replace(run.value, closed_at=None, reopened_at=now, next_check_at=now, touched=True)
        return run_data(reopened, policy), True

    return change_document(store, run_path(key), opened)


def touch(ctx: Context, run_id: str) -> None:
    """Make the run of an id due, if it is there and open."""
    now = ctx.ports.clock.now()

    def touched(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        return None if document is None else _touched(document, ctx.policy, now), None

    change_document(ctx.ports.store, path_of_run(run_id), touched)


def as_touched(run: Run, now: datetime) -> Run:
    """Return an open run that the next sweep looks at, a closed one as it is."""
    if run.closed_at is not None:
        return run
    check_at = now if run.next_check_at is None else min(run.next_check_at, now)
    return replace(run, next_check_at=check_at, touched=True)


def _touched(document: Document, policy: Policy, now: datetime) -> Mapping[str, Any] | None:
    """Return the document of an open run as due, None where it is closed or has been made due before."""
    if _is_closed(document) or document.data.get("touched") is True:
        return None
    run = read_run(document)
    assert run is not None
    return run_data(as_touched(run.value, now), policy)


def _is_closed(document: Document) -> bool:
    return document.data.get("closed_at") is not None


def _new(store: StateStore, policy: Policy, key: RunKey, now: datetime) -> dict[str, object]:
    run = Run(
        key,
        now,
        policy_version=policy.version,
        next_check_at=now,
        touched=True,
        learned=learned_for(store, policy, key),
    )
    return run_data(run, policy)


def learned_for(store: StateStore, policy: Policy, key: RunKey) -> dict[str, dict[str, LearnedTime]]:
    """Return the times that a run is given from past nights as it is opened; nothing is read where no time is left to
    them (behaviour T11)."""
    if not policy.learns_times:
        return {}
    from shared.app.state.learned import times_of

    return times_of(store, policy, key)
