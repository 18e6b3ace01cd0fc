"""A report made durable, and what is read to decide on it.

Of a run that the instance knows a first report takes two round trips, one after the other: its document is created,
then everything else is read at once. Otherwise the run is read before, so that it is there and due before anything is
written below it: a crash in between leaves a run that the sweep finds, never a completion that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.app.context import Context
from shared.app.state.known_runs import forget_run, known_run, note_reported, remember_run
from shared.app.state.opening import RunIs, ensure_exists
from shared.app.state.reports import create_report, store_report
from shared.app.state.repository import (
    Loaded,
    completion_id,
    completion_path,
    completions_path,
    load_completions,
    read_run,
    read_transitions,
    run_path,
    stored_completions,
    transition_path,
)
from shared.app.transitions.fan_in import is_fan_in, looked_at_first
from shared.app.transitions.lanes import belongs_to_backfill, in_backfill
from shared.core.message import Received
from shared.core.model import Completion
from shared.core.policy.transitions import Transition
from shared.ports import Document


@dataclass(frozen=True, slots=True)
class Kept:
    """A report that is stored: the message in its own lane, and what is now known of its processor.

    ``since`` is when the reading began that was relied on. ``before`` is the run and its transitions as they were
    before, None where they were not read.
    """

    received: Received
    own: Completion
    since: datetime
    before: Loaded | None


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a report: run, transitions and the completions of the phases that are read whole.

    ``members`` are the documents of members of very wide phases that were read after the report was stored, by path.
    """

    loaded: Loaded
    members: Mapping[str, Document | None] = field(default_factory=dict)


def transitions_of_report(ctx: Context, received: Received) -> list[Transition]:
    """Return the transitions that a report bears on: the one that starts its phase, and all that wait for it."""
    phase = received.report.phase
    listed = (ctx.policy.starting(phase), *ctx.policy.after(phase))
    return [t for t in listed if t is not None and received.key.mode in t.expects]


def keep(ctx: Context, received: Received) -> Kept:
    """Write the report into its processor's document, which no other processor's messages write (behaviour D2)."""
    key, report = received.key, received.report
    name = completion_id(report.phase, report.processor)
    run = known_run(ctx, key, ctx.ports.clock.now())
    if run is not None and name not in run.reported:
        own = create_report(ctx.ports.store, ctx.policy, key, report, ctx.ports.clock)
        note_reported(ctx, key, (name,))
        if own is not None:
            return Kept(received, own, run.read_at, None)
    return _keep_after_reading(ctx, received)


def _keep_after_reading(ctx: Context, received: Received) -> Kept:
    """Read the run, its transitions and the processor's document, which all come by one round trip, then write.

    Whoever acts on what is no longer so is refused, and reads again.
    """
    store, report, key, began = ctx.ports.store, received.report, received.key, ctx.ports.clock.now()
    path = completion_path(key, report.phase, report.processor)
    names = tuple(transition.name for transition in transitions_of_report(ctx, received))
    run, document, *states = store.get(run_path(key), path, *(transition_path(key, name) for name in names))
    before = Loaded(read_run(run), {}, read_transitions(names, states))
    if belongs_to_backfill(ctx, received, before.run, document):
        return _keep_after_reading(ctx, replace(received, key=in_backfill(key)))
    opened = ensure_exists(store, ctx.policy, key, report.received_at, [run])
    if opened is RunIs.NEW:
        ctx.log("run.opened", run_id=key.id, by="message")
    own = store_report(store, ctx.policy, key, report, ctx.ports.clock, [document]).completion
    if opened is RunIs.CLOSED:
        forget_run(ctx, key)
    else:
        remember_run(ctx, key, began)
        note_reported(ctx, key, (completion_id(report.phase, report.processor),))
    return Kept(received, own, began, before)


def read_around(ctx: Context, kept: Kept) -> Around:
    """Read what the transitions are decided by that wait for the report's phase: after the report is stored, so that
    of two who are the last each sees the other's."""
    key, listed = kept.received.key, transitions_of_report(ctx, kept.received)
    phases = tuple(dict.fromkeys(_read_whole(kept.received, listed)))
    if kept.before is not None:
        read = {phase: load_completions(ctx.ports.store, key, phase) for phase in phases}
        around = Around(Loaded(kept.before.run, read, kept.before.transitions))
    else:
        around = _read_at_once(ctx, kept.received, listed, phases)
    for phase, completions in around.loaded.completions.items():
        note_reported(ctx, key, (completion_id(phase, processor) for processor in completions))
    return around


def _read_whole(received: Received, listed: list[Transition]) -> Iterator[str]:
    """Yield the phases of which every completion is read; of very wide ones it is not."""
    for transition in listed:
        if transition.starts != received.report.phase and not is_fan_in(transition, received.key):
            yield from transition.after


def _read_at_once(ctx: Context, received: Received, listed: list[Transition], phases: tuple[str, ...]) -> Around:
    store, key, began = ctx.ports.store, received.key, ctx.ports.clock.now()
    names = tuple(transition.name for transition in listed)
    wide = [t for t in listed if t.starts != received.report.phase and is_fan_in(t, key)]
    members = tuple(dict.fromkeys(path for transition in wide for path in looked_at_first(ctx, key, transition)))
    paths = (run_path(key), *(transition_path(key, name) for name in names), *members)
    completions: dict[str, Mapping[str, Completion]] = {}
    if phases:
        queried, documents = store.query_and_get(completions_path(key), {"phase": phases[0]}, *paths)
        completions[phases[0]] = {name: stored.value for name, stored in stored_completions(queried).items()}
    else:
        documents = store.get(*paths)
    for phase in phases[1:]:
        completions[phase] = load_completions(store, key, phase)
    run = read_run(documents[0])
    if run is not None and run.value.touched and run.value.closed_at is None:
        remember_run(ctx, key, began)
    else:
        forget_run(ctx, key)
    states = read_transitions(names, documents[1 : 1 + len(names)])
    return Around(Loaded(run, completions, states), dict(zip(members, documents[1 + len(names) :], strict=True)))
