"""A condition that a person must know of, as a value with the identity of its alert (behaviour A2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shared.core import commands
from shared.core.alerting.kinds import CATALOGUE, AlertKind, Lifecycle
from shared.core.decision.snapshot import DecisionInput
from shared.core.severity import Severity
from shared.core.texts import say


@dataclass(frozen=True, slots=True)
class Condition:
    """Something a person must know. ``subject`` is the processor, gate or service it is about."""

    kind: AlertKind
    severity: Severity
    run: str
    transition: str
    subject: str
    text: str

    @property
    def lifecycle(self) -> Lifecycle:
        """Whether it can end: what the catalogue says of its kind."""
        return CATALOGUE[self.kind].lifecycle

    @property
    def fingerprint(self) -> str:
        """Return the identity of the alert: kind, run, transition, processor (behaviour A2)."""
        return fingerprint(self.kind, self.run, self.transition, self.subject)


def fingerprint(kind: AlertKind, run: str, transition: str, subject: str) -> str:
    joined = "\x1f".join((kind, run, transition, subject))
    return f"{kind}-{hashlib.sha256(joined.encode()).hexdigest()[:20]}"


def of_transition(
    snapshot: DecisionInput, kind: AlertKind, subject: str, *parts: str, severity: Severity | None = None
) -> Condition:
    """Return what holds for a transition: what, what follows, what to do; the severity is the usual one of its kind."""
    run, transition = snapshot.key.id, snapshot.transition.name
    severity = severity or CATALOGUE[kind].severity
    return Condition(kind, severity, run, transition, subject, say(run, transition, *parts))


def explain_line(snapshot: DecisionInput) -> str:
    return commands.explain(snapshot.transition.name, snapshot.key)
