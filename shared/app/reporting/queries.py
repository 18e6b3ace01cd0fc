"""Looking without touching: what the command line, the simulation and the page read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.app.context import Context
from shared.app.quarantine.rows import Quarantined, listed
from shared.app.state.repository import Loaded, completion_path, load_run, read_completion
from shared.app.transitions.reconcile import assess
from shared.app.transitions.snapshot import transitions_of, versioned_input
from shared.app.workflows import reports as scraper_reports
from shared.app.workflows.reports import kept_reports
from shared.core import reruns_on_data
from shared.core.decision.explain import Explanation, RerunNote
from shared.core.decision.explain import explain as explained
from shared.core.model import Completion, Run, RunKey
from shared.core.workflows.files import PHASE
from shared.documents import from_data

NOT_OPEN = Explanation("not_open", frozenset(), (), "the run is not open", {"state": "not_open"}, "not open")


@dataclass(frozen=True, slots=True)
class Recorded:
    """The final view of one processor's completion; ``superseded`` counts the older reports kept."""

    outcome: str
    records: int | None
    superseded: int


def explain(ctx: Context, key: RunKey, transition: str, at: datetime | None = None) -> Explanation:
    """Explain what a transition decides now, or what its present state would decide at a later time."""
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        return NOT_OPEN
    now = at or ctx.ports.clock.now()
    snapshot = versioned_input(ctx, key, loaded, ctx.policy.transitions[transition]).snapshot
    snapshot, decision = assess(ctx, snapshot, now)
    opens = reruns_on_data.opens_on_data(ctx.policy, snapshot.transition.after)
    reruns = _reruns(ctx, loaded, _decided(ctx, key, loaded, now), now) if opens else {}
    return explained(snapshot, decision, now, "" if at is None else "what is known now", reruns.get(transition, ()))


def _decided(ctx: Context, key: RunKey, loaded: Loaded, now: datetime) -> list[reruns_on_data.Decided]:
    transitions = transitions_of(ctx.policy, key.mode)
    return [assess(ctx, versioned_input(ctx, key, loaded, transition).snapshot, now) for transition in transitions]


def _reruns(
    ctx: Context, loaded: Loaded, decided: Sequence[reruns_on_data.Decided], now: datetime
) -> dict[str, list[RerunNote]]:
    if loaded.run is None:
        return {}
    return reruns_on_data.notes(ctx.policy, loaded.run.value, decided, loaded.completions, now)


def recorded(ctx: Context, key: RunKey, phase: str, processor: str) -> Recorded | None:
    """Return what is stored of one processor's reports."""
    completion = _completion(ctx, key, phase, processor)
    if completion is None:
        return None
    latest = completion.latest
    if latest is None:
        return Recorded("started", None, completion.superseded)
    return Recorded(latest.outcome.value, latest.records, completion.superseded)


def _completion(ctx: Context, key: RunKey, phase: str, processor: str) -> Completion | None:
    if phase == PHASE and phase not in ctx.policy.phases:
        return scraper_reports.completion(ctx, key, processor)
    stored = read_completion(ctx.ports.store.get(completion_path(key, phase, processor))[0])
    return None if stored is None else stored.value


def reported_in(ctx: Context, phase: str, processor: str) -> list[RunKey]:
    """Return the runs that a processor's reports are kept under; of other phases than that of the scrapers, every
    run that is stored."""
    if phase != PHASE or phase in ctx.policy.phases:
        return runs(ctx)
    return list(dict.fromkeys(kept.key for kept in kept_reports(ctx) if kept.report.processor == processor))


def quarantine(ctx: Context) -> list[Quarantined]:
    """Return what is in quarantine, a body that several messages had as often as they came."""
    return [message for message in listed(ctx) for _ in range(message.count)]


def all_runs(ctx: Context) -> list[Run]:
    """Return every run that is stored, newest date first."""
    runs = [
        from_data(Run, document.data) for document in ctx.ports.store.query("runs", {"pipeline": ctx.policy.pipeline})
    ]
    return sorted(runs, key=lambda run: (run.key.day, run.opened_at), reverse=True)


def runs(ctx: Context) -> list[RunKey]:
    """Return the keys of every run that is stored."""
    return [run.key for run in all_runs(ctx)]


def explain_all(ctx: Context, key: RunKey) -> list[Explanation]:
    """Explain every transition of a run from one reading of it."""
    loaded = load_run(ctx.ports.store, key)
    now = ctx.ports.clock.now()
    decided = _decided(ctx, key, loaded, now)
    reruns = _reruns(ctx, loaded, decided, now)
    return [
        explained(snapshot, decision, now, reruns=reruns.get(snapshot.transition.name, ()))
        for snapshot, decision in decided
    ]
