"""Storing a report in its processor's document, whoever brings it: a message, the audit log or self-heal (D2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import completion_data, completion_path, read_completion
from shared.core.decision.fold import apply_report
from shared.core.model import Completion, Report, RunKey
from shared.core.policy.policy import Policy
from shared.ports import Clock, Document, StateStore


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What is known of a processor after a report, and whether the report changed it."""

    completion: Completion
    changed: bool


def create_report(store: StateStore, policy: Policy, key: RunKey, report: Report, clock: Clock) -> Completion | None:
    """Store the first report of a processor without reading before; None where it has a document already."""
    completion = apply_report(None, report)
    data = _data(completion, key, policy, report, clock)
    created = store.create(completion_path(key, report.phase, report.processor), data)
    return None if created is None else completion


def store_report(
    store: StateStore,
    policy: Policy,
    key: RunKey,
    report: Report,
    clock: Clock,
    documents: Sequence[Document | None] = (),
    *,
    if_silent: bool = False,
) -> StoredReport:
    """Fold a report into what is known of its processor, as often as somebody else writes first.

    A report that was stored before changes nothing and writes nothing (R5). ``documents`` holds the processor's
    document, or None, where the caller has just read it. With ``if_silent`` nothing is written once the processor has
    reported. Raises ``Unavailable`` if others write the document all the time.
    """

    def folded(document: Document | None) -> tuple[Mapping[str, Any] | None, StoredReport]:
        stored = read_completion(document)
        before = None if stored is None else stored.value
        if if_silent and before is not None and before.latest is not None:
            return None, StoredReport(before, changed=False)
        after = apply_report(before, report)
        if after == before:
            return None, StoredReport(after, changed=False)
        return _data(after, key, policy, report, clock), StoredReport(after, changed=True)

    return change_document(store, completion_path(key, report.phase, report.processor), folded, documents)


def _data(completion: Completion, key: RunKey, policy: Policy, report: Report, clock: Clock) -> dict[str, object]:
    return completion_data(completion, key, policy, report.received_at, clock.now())
