"""What an alert is called where people read it first: words, and the names that the policy has for people."""

from __future__ import annotations

from shared.core.alerting.kinds import CATALOGUE, AlertKind
from shared.core.policy.policy import Policy

_KINDS = frozenset(AlertKind)


def title(policy: Policy, kind: str, run: str, transition: str) -> str:
    """Return `Held: Analytics to Precompute, 2026-01-21 overnight`.

    A kind of a later version, and what the policy has no title for, is its own name with spaces. An alert that is of
    no run names the pipeline in place of date and mode.
    """
    head = CATALOGUE[AlertKind(kind)].title if kind in _KINDS else _words(kind).capitalize()
    return f"{head}: {', '.join(part for part in (_place(policy, transition), _when(run)) if part)}"


def heading(run: str, count: int, *, over: bool) -> str:
    """Return what several alerts of one run are called together: `3 alerts: 2026-01-21 overnight`."""
    return f"{count} alerts{' are over' if over else ''}: {_when(run)}"


def _when(run: str) -> str:
    pipeline, *rest = run.split("/")
    return " ".join(map(_words, rest)) or pipeline


def _place(policy: Policy, name: str) -> str:
    transition, phase = policy.transitions.get(name), policy.phases.get(name)
    if transition is not None:
        after = " and ".join(_phase(policy, waited) for waited in transition.after)
        return f"{after} to {_phase(policy, transition.starts)}"
    return phase.title if phase is not None else _words(name)


def _phase(policy: Policy, name: str) -> str:
    phase = policy.phases.get(name)
    return _words(name) if phase is None else phase.title


def _words(name: str) -> str:
    return name.replace("_", " ")
