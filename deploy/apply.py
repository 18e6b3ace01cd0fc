"""Carrying out a plan: look, make or repair what differs, look again. Stopped anywhere, it can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deploy.command_line import CommandLine
from deploy.resource import BESIDE, FOUND, FOUND_ID, Both, Difference, Resource
from deploy.runner import EXISTS, CommandFailed, Looks, Runner, order


class Done(StrEnum):
    SAME = "same"
    CREATED = "created"
    UPDATED = "updated"


class ApplyFailed(Exception):
    """A step could not be done, or did not have its effect: what, why, and what to do."""

    def __init__(self, resource: Resource, why: str, hint: str) -> None:
        self.resource, self.why, self.hint = resource, why, hint
        super().__init__(f"{resource.id}: {why}\n  hint: {hint}")


AGAIN = "correct it and run the same command again: what is done stays done"
Check = Callable[[Resource], list[Difference]]
# Seconds to wait, and why.
Pause = Callable[[float, str], None]
# What was just made is not known everywhere at once, an account least of all; what differs is looked at again twice.
PAUSES = (2, 5, 15, 30)
TWICE = 2
# Cloud Monitoring knows a new log-based metric after up to ten minutes, it says: twelve are waited.
METRIC_PAUSES = (15, 30, *[45] * 15)


@dataclass(frozen=True)
class Step:
    resource: Resource
    done: Done


def apply(
    resources: Iterable[Resource],
    run: Runner,
    checks: Check = lambda resource: [],
    pause: Pause = lambda seconds, why: None,
) -> Iterator[Step]:
    """Yield each step as it is done; raises ``ApplyFailed`` at the first that cannot be.

    ``checks`` looks further at what now is as it should be, such as a function's own answer; ``pause`` is called before
    something is tried or looked at once more.
    """
    looks = Looks(run)
    for resource in resources:
        try:
            done = _step(resource, looks, pause)
            answered = checks(resource)
        except CommandFailed as failed:
            raise ApplyFailed(resource, str(failed), AGAIN) from failed
        _refuse(resource, answered, "does not answer as it should")
        yield Step(resource, done)


def _step(resource: Resource, looks: Looks, pause: Pause) -> Done:
    actual = looks.of(resource)
    if actual is not None and not resource.differences(actual):
        return Done.SAME
    line = resource.create if actual is None else resource.update
    if line is None:
        return _outcome_of(resource, actual)
    _carry_out(looks.run, line, actual, pause)
    _read_back(resource, looks, pause)
    return Done.CREATED if actual is None else Done.UPDATED


def _carry_out(run: Runner, line: CommandLine, actual: Any, pause: Pause) -> None:
    waited = 0
    for place in range(len(METRIC_PAUSES) + 1):
        try:
            order(run, _named(line, actual))
        except CommandFailed as failed:
            # Another person, or our own interrupted call, made it meanwhile: reading it back judges it.
            if actual is None and any(word in failed.output for word in EXISTS):
                return
            pauses = METRIC_PAUSES if failed.metric_not_yet else PAUSES if failed.too_early else ()
            if place >= len(pauses):
                raise
            pause(pauses[place], f"{failed.gist} ({waited} of at most {sum(pauses)} s waited)")
            waited += pauses[place]
        else:
            return


def _read_back(resource: Resource, looks: Looks, pause: Pause) -> None:
    for place, seconds in enumerate((*PAUSES, None)):
        fresh = looks.again(resource)
        differences = [] if fresh is None else resource.differences(fresh)
        if fresh is not None and not differences:
            return
        if fresh is not None and place >= TWICE:
            _refuse(resource, differences, "was read back and differs")
        if seconds is not None:
            pause(seconds, f"{resource.id}: {differences[0] if differences else 'not there'}")
    raise ApplyFailed(resource, "was made, and is not there", AGAIN)


def _named(line: CommandLine, actual: Any) -> CommandLine:
    """Return a line with the names that the server gave."""
    first, second = (actual.found, actual.beside) if isinstance(actual, Both) else (actual, None)
    words = line.words
    for mark, listing in ((FOUND, first), (FOUND_ID, first), (BESIDE, second)):
        if listing and any(mark in word for word in words):
            name = listing[0]["name"].rsplit("/", 1)[-1] if mark == FOUND_ID else listing[0]["name"]
            words = tuple(word.replace(mark, name) for word in words)
    return CommandLine(words)


def _outcome_of(resource: Resource, actual: Any) -> Done:
    """Nothing can be run: it is there and cannot be repaired, or what it belongs to is missing."""
    if actual is None:
        raise ApplyFailed(resource, "does not exist, and is not made by this script", resource.hint or AGAIN)
    _refuse(resource, resource.differences(actual), "differs, and cannot be changed")
    return Done.SAME


def _refuse(resource: Resource, differences: list[Difference], why: str) -> None:
    if differences:
        raise ApplyFailed(resource, f"{why}: " + "; ".join(map(str, differences)), resource.hint or AGAIN)
