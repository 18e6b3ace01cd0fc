"""How objectives stand, as people and scripts read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.core.objectives.budget import ObjectiveStatus, Verdict
from shared.core.policy.objectives import ObjectiveKind
from shared.core.reporting.page import Tone
from shared.core.texts import duration

TITLES = {
    ObjectiveKind.HAND_OFF: "handed off",
    ObjectiveKind.TRIGGERED_BY_DUE: "triggered before the due time",
    ObjectiveKind.SWEEP_HEALTH: "swept when due",
}
WORDS = {
    Verdict.NO_EVENTS: "nothing to measure",
    Verdict.TOO_FEW: "too few to judge",
    Verdict.MET: "met",
    Verdict.BURNING: "met, its budget burns",
    Verdict.MISSED: "missed",
}
TONES = {
    Verdict.NO_EVENTS: Tone.QUIET,
    Verdict.TOO_FEW: Tone.QUIET,
    Verdict.MET: Tone.GOOD,
    Verdict.BURNING: Tone.NOTICE,
    Verdict.MISSED: Tone.BAD,
}


@dataclass(frozen=True, slots=True)
class ObjectiveLine:
    """One objective as a table shows it; ``left`` is "" where nothing is judged."""

    name: str
    goal: str
    counted: str
    percent: str
    left: str
    word: str
    tone: Tone
    failures: tuple[str, ...] = ()


def objective_line(status: ObjectiveStatus) -> ObjectiveLine:
    """Return an objective as a table shows it."""
    of, tally = status.objective, status.tally
    within = "" if of.within is None else f" within {duration(of.within)}"
    word = WORDS[status.verdict]
    if status.burn is not None:
        word += f", {status.burn.rate:.1f} times too fast over {duration(status.burn.rule.long)}"
    left = "" if status.budget_left is None or not status.judged else f"{100 * status.budget_left:.0f} %"
    return ObjectiveLine(
        name=TITLES[status.kind] + within,
        goal=f"{of.goal:g} %",
        counted=f"{tally.total - tally.bad} of {tally.total}",
        percent="" if status.percent is None else f"{_floored(status.percent)} %",
        left=left,
        word=word,
        tone=TONES[status.verdict],
        failures=status.failures,
    )


def _floored(percent: float) -> str:
    """Return a percentage cut off after two digits: 99.999 is not 100."""
    return f"{int(percent * 100) / 100:.2f}"


def objective_data(status: ObjectiveStatus) -> dict[str, Any]:
    """Return an objective as JSON holds it."""
    burn = status.burn
    return {
        "objective": status.kind.value,
        "goal_percent": status.objective.goal,
        "within_seconds": None if status.objective.within is None else status.objective.within.total_seconds(),
        "window_seconds": status.window.total_seconds(),
        "at": _iso(status.at),
        "events": status.tally.total,
        "bad": status.tally.bad,
        "good_percent": status.percent,
        "budget_left": status.budget_left,
        "verdict": status.verdict.value,
        "burn": None
        if burn is None
        else {
            "rate": burn.rate,
            "threshold": burn.rule.threshold(status.window),
            "long_seconds": burn.rule.long.total_seconds(),
            "short_seconds": burn.rule.short.total_seconds(),
            "severity": burn.rule.severity.value,
        },
        "failures": list(status.failures),
    }


def _iso(at: datetime) -> str:
    return at.isoformat()


def objective_text(status: ObjectiveStatus) -> str:
    """Return an objective as one line: `handed off within 60 s: 99.58 % of 241 (goal 99 %), 58 % of the budget left,
    met`."""
    line = objective_line(status)
    head = f"{line.name} (goal {line.goal}): "
    if status.verdict is Verdict.NO_EVENTS:
        return head + line.word
    left = f"{line.left} of the error budget left, " if line.left else ""
    return f"{head}{line.counted}, {line.percent}, {left}{line.word}"
