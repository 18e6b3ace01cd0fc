"""Where everything stands in the state store, read and written as values (design: state without contention)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from shared.app.state.compare_and_set import write_version
from shared.app.state.digest import WRITTEN, Reading, read_completions, written_text
from shared.core.calendar import KEPT, ends_at
from shared.core.decision.pause import Pause, PauseBook
from shared.core.model import UNTOUCHED, Completion, Run, RunKey, TransitionState
from shared.core.policy.policy import Policy
from shared.documents import document_id, from_data, id_in, to_data, to_sparse_data
from shared.ports import Document, StateStore

T = TypeVar("T")
# From the start of its date: the day itself, the two days a run stays open, and the rest as its run.
PART_KEPT = timedelta(days=3) + KEPT
# Between the name of a pipeline, which holds neither, and a moment; and behind every moment.
DUE_FROM, DUE_LAST = "@", "@~"


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A value and the version it was read at; None where it is not stored yet."""

    value: T
    version: str | None = None


@dataclass(frozen=True)
class Loaded:
    """What was read of one run. ``completions`` holds the phases that were asked for and only those; ``pauses`` are
    those of its pipeline, None where they were not read."""

    run: Stored[Run] | None
    completions: Mapping[str, Mapping[str, Completion]] = field(default_factory=dict)
    transitions: Mapping[str, Stored[TransitionState]] = field(default_factory=dict)
    pauses: tuple[Pause, ...] | None = None

    def transition(self, name: str) -> Stored[TransitionState]:
        return self.transitions.get(name) or Stored(UNTOUCHED)

    def completions_of(self, phases: Iterable[str]) -> Mapping[str, Completion]:
        """Return the completions of these phases by processor, whose names are unique in a policy."""
        listed = [self.completions.get(phase, {}) for phase in phases]
        return (
            listed[0]
            if len(listed) == 1
            else {name: completion for of_phase in listed for name, completion in of_phase.items()}
        )

    def last_report_at(self, phase: str) -> datetime | None:
        """Return the receipt of the phase's latest report."""
        received = [c.last_received_at for c in self.completions.get(phase, {}).values() if c.last_received_at]
        return max(received, default=None)

    def trigger_ids(self, phase: str) -> frozenset[str]:
        """Return the triggers that the phase's reports name."""
        named = (c.trigger_ids for c in self.completions.get(phase, {}).values())
        return frozenset(trigger_id for listed in named for trigger_id in listed)


def run_path(key: RunKey) -> str:
    return path_of_run(key.id)


def path_of_run(run_id: str) -> str:
    return f"runs/{document_id(run_id)}"


def completion_id(phase: str, processor: str) -> str:
    return f"{phase}.{processor}"


def completions_path(key: RunKey) -> str:
    return f"{run_path(key)}/completions"


def completion_path(key: RunKey, phase: str, processor: str) -> str:
    return f"{completions_path(key)}/{completion_id(phase, processor)}"


def transitions_path(key: RunKey) -> str:
    return f"{run_path(key)}/transitions"


def transition_path(key: RunKey, transition: str) -> str:
    return f"{transitions_path(key)}/{transition}"


def pauses_path(pipeline: str) -> str:
    return f"pauses/{pipeline}"


def read_book(document: Document | None) -> Stored[PauseBook]:
    """Return the pauses in a document, none where there is none."""
    if document is None:
        return Stored(PauseBook())
    return Stored(from_data(PauseBook, document.data), document.version)


def read_pauses(store: StateStore, pipeline: str) -> tuple[Pause, ...]:
    """Read the pauses that the store knows of a pipeline."""
    return read_book(store.get(pauses_path(pipeline))[0]).value.pauses


def save_book(store: StateStore, pipeline: str, book: Stored[PauseBook]) -> Stored[PauseBook] | None:
    """Write the pauses of a pipeline; None if somebody else did since they were read."""
    path, data, version = pauses_path(pipeline), to_data(book.value), book.version
    written = write_version(store, path, data, version)
    return None if written is None else Stored(book.value, written)


def run_data(run: Run, policy: Policy) -> dict[str, object]:
    """Return a run as stored: ``status`` is what open runs are found by, ``due`` what those are found by that a sweep
    has to look at, ``expires_at`` the TTL field, which no run reaches that is open (T5)."""
    check_at = None if run.closed_at is not None else run.next_check_at or run.opened_at
    return {
        **to_data(replace(run, next_check_at=check_at, touched=run.touched and check_at is not None)),
        "pipeline": run.key.pipeline,
        "status": "open" if run.closed_at is None else "closed",
        "due": None if check_at is None else due_text(run.key.pipeline, check_at),
        "expires_at": max(ends_at(run, policy), run.opened_at) + KEPT,
    }


def due_text(pipeline: str, at: datetime) -> str:
    """Return pipeline and moment as one text, in the order of the moment: the index of one field finds what is due of
    one pipeline, so that no index of several has to be built before a sweep can ask."""
    return f"{pipeline}{DUE_FROM}{at.astimezone(UTC).isoformat(timespec='microseconds')}"


def transition_data(state: TransitionState, key: RunKey, policy: Policy, written_at: datetime) -> dict[str, object]:
    """Return a transition as stored."""
    return {**to_data(state), "expires_at": _part_expires_at(key, policy, written_at)}


def _part_expires_at(key: RunKey, policy: Policy, written_at: datetime) -> datetime:
    """Return the TTL field of what lies below a run, which the TTL of the run does not reach. It counts from the date
    or from the writing, whichever is later: a date of last season that is asked for again is no reason to forget what
    was dispatched for it."""
    zone_day = datetime(key.day.year, key.day.month, key.day.day, tzinfo=policy.zone)
    return max(zone_day.astimezone(UTC), written_at) + PART_KEPT


def completion_data(
    completion: Completion, key: RunKey, policy: Policy, kept_from: datetime, written_at: datetime
) -> dict[str, object]:
    """Return a completion as stored; ``written_at`` is the clock just before it is written, which digests go by.

    A report is kept up to three times, and most of it is empty: a third of its fields are stored.
    """
    expires_at = _part_expires_at(key, policy, kept_from)
    return {**to_sparse_data(completion), "expires_at": expires_at, WRITTEN: written_text(written_at)}


def read_run(document: Document | None) -> Stored[Run] | None:
    return None if document is None else Stored(from_data(Run, document.data), document.version)


def read_completion(document: Document | None) -> Stored[Completion] | None:
    return None if document is None else Stored(from_data(Completion, document.data), document.version)


def read_transitions(names: Sequence[str], documents: Sequence[Document | None]) -> dict[str, Stored[TransitionState]]:
    """Return those of the named transitions that are stored."""
    return {
        name: Stored(from_data(TransitionState, document.data), document.version)
        for name, document in zip(names, documents, strict=True)
        if document is not None
    }


def open_runs(store: StateStore, policy: Policy) -> tuple[list[Stored[Run]], dict[str, ValueError]]:
    """Return the open runs of the pipeline, and of those whose document cannot be read why not, by run id."""
    return readable(store.query("runs", {"status": "open", "pipeline": policy.pipeline}))


def due_runs(store: StateStore, policy: Policy, now: datetime) -> tuple[list[Stored[Run]], dict[str, ValueError]]:
    """Return the open runs of the pipeline that a sweep has to look at by now, and those that cannot be read.

    A document without the field, which an older revision wrote, is not among them.
    """
    first, last = policy.pipeline + DUE_FROM, due_text(policy.pipeline, now)
    return readable(store.between("runs", "due", first, last))


def next_due_at(store: StateStore, pipeline: str, after: datetime | None = None) -> datetime | None:
    """Return when the first open run is due, of those that are later than ``after``; None where there is none."""
    first = pipeline + DUE_FROM if after is None else due_text(pipeline, after + timedelta(microseconds=1))
    documents = store.between("runs", "due", first, pipeline + DUE_LAST, 1)
    return datetime.fromisoformat(documents[0].data["due"].partition(DUE_FROM)[2]) if documents else None


def readable(documents: Iterable[Document]) -> tuple[list[Stored[Run]], dict[str, ValueError]]:
    """Return the runs in documents, and of those that cannot be read why not, by run id."""
    runs: list[Stored[Run]] = []
    unread: dict[str, ValueError] = {}
    for document in documents:
        try:
            runs.append(Stored(from_data(Run, document.data), document.version))
        except ValueError as error:
            unread[id_in(document.id)] = error
    return runs, unread


def save_run(store: StateStore, run: Stored[Run], policy: Policy) -> Stored[Run] | None:
    """Write a run; None if somebody else wrote it since it was read."""
    version = write_version(store, run_path(run.value.key), run_data(run.value, policy), run.version)
    return None if version is None else Stored(run.value, version)


def save_transition(
    store: StateStore, policy: Policy, key: RunKey, name: str, stored: Stored[TransitionState], now: datetime
) -> Stored[TransitionState] | None:
    """Write a transition; None if somebody else wrote it since it was read (behaviour D2)."""
    state, version = stored.value, stored.version
    path, data = transition_path(key, name), transition_data(state, key, policy, now)
    written = write_version(store, path, data, version)
    return None if written is None else Stored(state, written)


def load_run(store: StateStore, key: RunKey) -> Loaded:
    """Read a whole run: what the sweep and the command line look at."""
    run, pauses = store.get(run_path(key), pauses_path(key.pipeline))
    return with_run(store, key, read_run(run), read_book(pauses).value.pauses)


def with_run(
    store: StateStore, key: RunKey, run: Stored[Run] | None, pauses: tuple[Pause, ...] | None = None
) -> Loaded:
    """Read the rest of a run whose own document, and whose pipeline's pauses, are known."""
    digested = run is not None and run.value.digested
    return with_completions(
        store, key, run, read_completions(store, completions_path(key), key, digested=digested), pauses
    )


def with_completions(
    store: StateStore, key: RunKey, run: Stored[Run] | None, reading: Reading, pauses: tuple[Pause, ...] | None = None
) -> Loaded:
    """Read the rest of a run of which the completions are known too."""
    completions: dict[str, dict[str, Completion]] = {}
    for completion in reading.completions.values():
        completions.setdefault(completion.phase, {})[completion.processor] = completion
    transitions = {
        document.id: Stored(from_data(TransitionState, document.data), document.version)
        for document in store.query(transitions_path(key))
    }
    return Loaded(run, completions, transitions, pauses)


def load_phases(store: StateStore, key: RunKey, phases: Iterable[str], transitions: tuple[str, ...]) -> Loaded:
    """Read what a delivery needs: the run, some transitions, the completions of some phases."""
    run, *documents = store.get(run_path(key), *(transition_path(key, name) for name in transitions))
    completions = {phase: load_completions(store, key, phase) for phase in phases}
    return Loaded(read_run(run), completions, read_transitions(transitions, documents))


def load_completions(store: StateStore, key: RunKey, phase: str) -> dict[str, Completion]:
    return {name: stored.value for name, stored in load_stored_completions(store, key, phase).items()}


def load_stored_completions(store: StateStore, key: RunKey, phase: str) -> dict[str, Stored[Completion]]:
    """Read one phase's completions by the names of their processors."""
    return stored_completions(store.query(completions_path(key), {"phase": phase}))


def stored_completions(documents: Iterable[Document]) -> dict[str, Stored[Completion]]:
    """Return the completions in documents by the names of their processors."""
    completions = (Stored(from_data(Completion, document.data), document.version) for document in documents)
    return {stored.value.processor: stored for stored in completions}
