"""What a person wants of a new pipeline: names, passes, times, what starts each phase. What cannot work is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from zoneinfo import available_timezones

from shared.core.errors import OrchError
from shared.core.policy.config_error import suggest

# Topics, services of Cloud Run, variables and datasets are named after these: what all of them take.
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
LONGEST = {"pipeline": 20, "phase": 24, "mode": 20}
MOST_PHASES = 20
# Less than this between two due times leaves nobody time to look.
SHORTEST_STEP = timedelta(minutes=5)
DAY = timedelta(days=1)
_MODE = re.compile(r"(?P<name>[^=]+)=(?P<opens>\d\d:\d\d)-(?P<due>\d\d:\d\d)", re.ASCII)


class RequestError(OrchError):
    """A pipeline cannot be made as it was asked for; ``hint`` says how it can be."""

    def __init__(self, reason: str, hint: str) -> None:
        self.hint = hint
        super().__init__(reason)


@dataclass(frozen=True)
class ModeRequest:
    """A pass over a date: when its run opens (local), and how long after it the last transition is due."""

    name: str
    opens: time
    due_after: timedelta


@dataclass(frozen=True)
class PipelineRequest:
    """A chain of phases, at least two; those in ``called`` are started by an HTTP call, the others by a message.

    ``offset`` is the date that a run works on, in days from the day on which it is worked on: -1 for yesterday's.
    """

    pipeline: str
    zone: str
    phases: tuple[str, ...]
    modes: tuple[ModeRequest, ...]
    called: frozenset[str]
    offset: int

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Return the phases before and after each transition."""
        return list(zip(self.phases, self.phases[1:], strict=False))


def request_of(
    pipeline: str, zone: str, phases: str, modes: Sequence[str], called: Sequence[str], *, today: bool
) -> PipelineRequest:
    """Read what was asked for; raise ``RequestError`` for what cannot work.

    ``phases`` are names between commas, or how many; a mode is `NAME=OPENS-DUE`, such as `daily=04:00-06:00`.
    """
    _name("pipeline", pipeline)
    if zone not in available_timezones():
        raise RequestError(f"{zone!r} is no time zone", suggest(zone, available_timezones()))
    chain = _phases(phases)
    passes = tuple(_mode(text, len(chain) - 1) for text in modes)
    _distinct("mode", [mode.name for mode in passes])
    for phase in called:
        if phase not in chain[1:]:
            raise RequestError(f"--http {phase!r} is no phase that is started", f"one of {', '.join(chain[1:])}")
    return PipelineRequest(pipeline, zone, chain, passes, frozenset(called), 0 if today else -1)


def _phases(text: str) -> tuple[str, ...]:
    if text.isascii() and text.isdigit():
        count = int(text)
        names = [f"phase{number}" for number in range(1, min(count, MOST_PHASES + 1) + 1)]
    else:
        names = [name.strip() for name in text.split(",")]
        count = len(names)
    if count < 2:
        hint = "two at least: one that reports, and one that is started; such as --phases collect,publish"
        raise RequestError(f"a pipeline of {count} phase has nothing to start", hint)
    if count > MOST_PHASES:
        raise RequestError(
            f"{count} phases are more than {MOST_PHASES}", "begin with fewer: each is some lines of YAML"
        )
    for name in names:
        _name("phase", name)
    _distinct("phase", names)
    return tuple(names)


def _mode(text: str, transitions: int) -> ModeRequest:
    match = _MODE.fullmatch(text)
    if match is None:
        raise RequestError(f"--mode {text!r} is not NAME=OPENS-DUE", "such as --mode daily=04:00-06:00, local times")
    _name("mode", match["name"])
    opens, due = _time(match["opens"]), _time(match["due"])
    after = (_since_midnight(due) - _since_midnight(opens)) % DAY or DAY
    if after < SHORTEST_STEP * transitions:
        minutes = SHORTEST_STEP * transitions // timedelta(minutes=1)
        hint = f"at least {minutes} minutes: each transition has a due time of its own between the two"
        raise RequestError(f"--mode {text}: {transitions} transitions are not due within so short a time", hint)
    return ModeRequest(match["name"], opens, after)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise RequestError(f"{text!r} is no time of day", "such as 04:00") from None


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute)


def _name(kind: str, name: str) -> None:
    longest = LONGEST[kind]
    if NAME.fullmatch(name) and len(name) <= longest and not name.startswith("goog"):
        return
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789").removeprefix("goog")[:longest].strip("_")
    rule = f"small letters, digits and _, a letter first, at most {longest}, not goog: topics are named after it"
    raise RequestError(f"{name!r} is no name of a {kind} here", f"{rule}{f'; such as {plain}' if plain else ''}")


def _distinct(kind: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RequestError(f"the {kind} {twice!r} is named twice", "each has a name of its own")
