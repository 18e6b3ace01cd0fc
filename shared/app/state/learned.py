"""What a pipeline has learned of its past nights: one document for each, written once a day (behaviour T11)."""

from __future__ import annotations

from shared.core.learning.learned import Learned, learned_times
from shared.core.model import LearnedTime, RunKey
from shared.core.policy.policy import Policy
from shared.documents import from_data
from shared.ports import Document, StateStore


def path_of(pipeline: str) -> str:
    return f"learned/{pipeline}"


def read_learned(document: Document | None) -> Learned:
    """Return what a document holds, nothing where there is none; raise ``ValueError`` for what nobody can read."""
    return Learned() if document is None else from_data(Learned, document.data)


def times_of(store: StateStore, policy: Policy, key: RunKey) -> dict[str, dict[str, LearnedTime]]:
    """Return the times that a run is given as it is opened; none where nothing is known, so that the fixed ones hold.

    A document that nobody can read is as none: the sweep says so and writes another one.
    """
    try:
        learned = read_learned(store.get(path_of(policy.pipeline))[0])
    except ValueError:
        return {}
    return learned_times(policy, key, learned)
