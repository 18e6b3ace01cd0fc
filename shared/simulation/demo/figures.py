"""What a day with the stand-ins must show, read from the store, the folder of exports and what was pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.app.alerting.outbox import COLLECTION as ALERTS
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.app.state.repository import read_transitions, transition_path
from shared.core.alerting.alert import Alert
from shared.core.calendar import due_at
from shared.core.model import UNTOUCHED, RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Publication, Role, Transition
from shared.documents import from_data
from shared.ports import StateStore
from shared.simulation.demo.day import NEXT, PLAYED
from shared.simulation.demo.relay import Pushed

GRAVE = ("warning", "critical")
RUNS = ((PLAYED, "overnight"), (NEXT, "same_day"))
GRADED, PREDICTED = "Phase5BGrading", "PredictionCoordinator"


@dataclass(frozen=True)
class Figure:
    """One thing that must be so."""

    what: str
    wanted: str
    seen: str

    @property
    def right(self) -> bool:
        return self.wanted == self.seen


def figures(policy: Policy, store: StateStore, exports: Path, pushed: Sequence[Pushed]) -> list[Figure]:
    return [
        Figure("messages in quarantine", "0", str(len(store.query(QUARANTINE)))),
        Figure("alerts of warning or above", "none", grave(store)),
        *_transitions(policy, store),
        *_exports(policy, exports),
        *_reports(pushed),
    ]


def states(policy: Policy, store: StateStore, key: RunKey) -> Mapping[str, TransitionState]:
    """Return the transitions of a run as stored, those that its mode has."""
    names = [name for name, transition in policy.transitions.items() if key.mode in transition.expects]
    stored = read_transitions(names, store.get(*(transition_path(key, name) for name in names)))
    return {name: stored[name].value if name in stored else UNTOUCHED for name in names}


def grave(store: StateStore) -> str:
    """Return the first line of every alert of warning or above, `none` without any."""
    kept = [from_data(Alert, document.data) for document in store.query(ALERTS)]
    return "; ".join(alert.text.splitlines()[0] for alert in kept if alert.severity in GRAVE) or "none"


def _transitions(policy: Policy, store: StateStore) -> Iterator[Figure]:
    """Every transition of both runs: where it ended, on time, and by one trigger."""
    for day, mode in RUNS:
        key = RunKey(policy.pipeline, day, mode)
        for name, state in states(policy, store, key).items():
            transition = policy.transitions[name]
            observed = transition.dispatch.role is Role.OBSERVE
            expected = State.OBSERVED if observed else State.CONFIRMED
            yield Figure(
                f"{key.id} {name}",
                f"{expected.value}, {_promise(transition, key)}",
                _seen(state, key, transition, policy),
            )


def _promise(transition: Transition, key: RunKey) -> str:
    due = transition.expects[key.mode].due
    return "one trigger" + ("" if due is None else ", on time")


def _seen(state: TransitionState, key: RunKey, transition: Transition, policy: Policy) -> str:
    count = "one trigger" if state.generation == 1 and state.dispatches <= 1 else f"{state.dispatches} dispatches"
    due = transition.expects[key.mode].due
    if due is None:
        return f"{state.state.value}, {count}"
    limit, at = due_at(key, due.warning, policy), state.triggered_at
    timely = limit is None or (at is not None and at <= limit)
    when = "never" if at is None else f"{policy.local(at):%H:%M}"
    return f"{state.state.value}, {count}, " + ("on time" if timely else f"triggered {when}")


def _exports(policy: Policy, exports: Path) -> Iterator[Figure]:
    """An export of each date that was asked for, whole, and of no other."""
    step = next(
        candidate
        for candidate in policy.transitions["phase5_to_phase6"].all_steps
        if isinstance(candidate.target, Publication)
    )
    types = sorted(step.body.base["export_types"])
    types_by_day = {folder.name: sorted(path.stem for path in folder.glob("*.json")) for folder in exports.glob("*")}
    days = [day.isoformat() for day, _ in RUNS]
    yield Figure("dates exported", ", ".join(days), ", ".join(sorted(types_by_day)) or "none")
    for day in days:
        whole = "all" if types_by_day.get(day) == types else f"{len(types_by_day.get(day, ()))}"
        yield Figure(f"exports of {day}", f"all of {len(types)} types", f"{whole} of {len(types)} types")


def _reports(pushed: Sequence[Pushed]) -> Iterator[Figure]:
    """Who reported for which date, by those who may do so once only."""
    counted = Counter((str(push.body.get("processor_name")), _day(push)) for push in pushed if _is_report(push))
    for name, days in ((PREDICTED, [day for day, _ in RUNS]), (GRADED, [PLAYED])):
        counts = sorted((day, count) for (who, day), count in counted.items() if who == name)
        expected = [(day.isoformat(), 1) for day in days]
        yield Figure(f"reports of {name}", _listed(expected), _listed(counts))


def _is_report(push: Pushed) -> bool:
    return push.answer.startswith("2")


def _day(push: Pushed) -> str:
    return str(push.body.get("game_date") or push.body.get("target_date"))


def _listed(days: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{day} {count} time{'s' if count > 1 else ''}" for day, count in days) or "none"
