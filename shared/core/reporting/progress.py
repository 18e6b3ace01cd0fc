"""How far a run is on its way to what comes next: one line for each run of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.core.decision.next_moment import next_text
from shared.core.model import RunKey, State
from shared.core.policy.policy import Policy
from shared.core.reporting.page import Tone
from shared.core.reporting.run_status import RunStatus, TransitionStatus
from shared.core.severity import Severity

_OVER = (State.CONFIRMED, State.OBSERVED, State.EMPTY_OK)
_TONES = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.NOTICE}


@dataclass(frozen=True, slots=True)
class Progress:
    """One run: ``transition`` is the first that is not over, "" where none is left; ``done`` of ``expected`` are its
    processors. ``percent`` is how much of the time to what comes next has passed, from the first report that counts,
    or from when the run was opened, on; None where no clock brings it. ``over`` of ``transitions`` are over."""

    key: RunKey
    word: str
    tone: Tone
    units: int | None = None
    transition: str = ""
    done: int = 0
    expected: int = 0
    missing: tuple[str, ...] = ()
    over: int = 0
    transitions: int = 0
    next: str = ""
    percent: int | None = None
    opened: bool = True


def progress(policy: Policy, run: RunStatus, now: datetime) -> Progress:
    """Return how far a run is at this moment."""
    worst = next((problem for problem in run.problems if problem.severity in _TONES), None)
    tone = None if worst is None else _TONES[worst.severity]
    if run.opened_at is None:
        return Progress(run.key, run.note, tone or Tone.QUIET, run.units, opened=False)
    over = sum(transition.state in _OVER for transition in run.transitions)
    current = next((transition for transition in run.transitions if transition.state not in _OVER), None)
    if current is None:
        word = "nothing expected" if all(each.state == State.EMPTY_OK for each in run.transitions) else "done"
        quiet = Tone.QUIET if word != "done" else Tone.GOOD
        return Progress(run.key, word, tone or quiet, run.units, over=over, transitions=len(run.transitions))
    here = worst is not None and worst.transition == current.transition
    word = worst.kind.value if worst is not None and here else current.state.replace("_", " ")
    return Progress(
        run.key,
        word,
        tone or Tone.BUSY,
        run.units,
        current.transition,
        current.done,
        current.expected,
        current.missing,
        over,
        len(run.transitions),
        next_text(policy, current.next, now),
        _percent(run.opened_at, current, now),
    )


def is_under_way(line: Progress) -> bool:
    """True while anything of an open run is still to come, or is wrong."""
    return bool(line.transition) or line.tone in (Tone.BAD, Tone.NOTICE)


def _percent(opened_at: datetime, current: TransitionStatus, now: datetime) -> int | None:
    begins, ends = current.triggered_at or current.opened_at or opened_at, current.next.at
    if ends is None or ends <= begins:
        return None
    return round(100 * min(max((now - begins) / (ends - begins), 0.0), 1.0))
