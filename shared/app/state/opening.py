"""Opening a run for what is about to be written below it: the run first, so that nothing below it is ever forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import read_run, run_data, run_path
from shared.core.model import Run, RunKey
from shared.core.policy.policy import Policy
from shared.ports import Document, StateStore


def ensure_exists(
    store: StateStore, policy: Policy, key: RunKey, now: datetime, known: Sequence[Document | None] = ()
) -> bool:
    """Create a run unless there is one, open or closed; return whether it is new.

    ``known`` holds the run's document, or None, where the caller has just read it.
    """

    def created(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        return (_new(policy, key, now), True) if document is None else (None, False)

    return change_document(store, run_path(key), created, known)


def ensure_open(store: StateStore, policy: Policy, key: RunKey, now: datetime) -> bool:
    """Create a run, or open a closed one again, so that what starts in it is also confirmed; return whether it was
    not open (T5)."""

    def opened(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        run = read_run(document)
        if run is None:
            return _new(policy, key, now), True
        if run.value.closed_at is None:
            return None, False
        return run_data(replace(run.value, closed_at=None, reopened_at=now), policy), True

    return change_document(store, run_path(key), opened)


def _new(policy: Policy, key: RunKey, now: datetime) -> dict[str, object]:
    return run_data(Run(key, now, policy_version=policy.version), policy)
