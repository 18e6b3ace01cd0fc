"""What a plan would run, as text: every line that it may run, or only what would change as things are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploy.command_line import CommandLine
from deploy.resource import BESIDE, FOUND, FOUND_ID, Difference, Resource
from deploy.runner import CommandFailed, Looks

MARKS = {
    FOUND: "the name that was read above",
    FOUND_ID: "the last part of the name that was read above",
    BESIDE: "the name of the channel",
}


def planned(resource: Resource) -> Iterator[str]:
    """Yield the lines of one resource: how it is looked at, made and repaired."""
    yield f"# {resource.id}"
    yield str(resource.read)
    for word, line in (("absent", resource.create), ("different", resource.update)):
        if line is not None and not (word == "different" and line == resource.create):
            yield f"{line}   # if {word}{_notes(line)}"


def _notes(line: CommandLine) -> str:
    """Say which name a line takes that only the server knows."""
    there = [mark for mark in MARKS if any(mark in word for word in line.words)]
    return "".join(f"; {mark} is {MARKS[mark]}" for mark in there)


@dataclass
class Preview:
    """How many resources would change, and how many could not be read."""

    changes: int = 0
    unread: int = 0


def changes(resources: Iterable[Resource], looks: Looks, counts: Preview) -> Iterator[str]:
    """Yield what would change; raises ``CommandFailed`` if not even the list of APIs can be read.

    What an API that is still off would tell of is not there yet, and would be made.
    """
    for resource in resources:
        try:
            actual = looks.of(resource)
        except CommandFailed as failed:
            if resource.kind == "apis":
                raise
            if not failed.not_yet:
                counts.unread += 1
                yield f"unknown  {resource.id}: {failed.gist}"
                continue
            actual = None
        differences = [] if actual is None else resource.differences(actual)
        if actual is None or differences:
            counts.changes += 1
            yield from _change(resource, actual is None, differences)


def _change(resource: Resource, absent: bool, differences: list[Difference]) -> Iterator[str]:
    line = resource.create or resource.update if absent else resource.update
    yield f"{'by hand' if line is None else 'create' if absent else 'update':8} {resource.id}"
    yield from (f"         {difference}" for difference in differences)
    yield f"         {line or resource.hint}"
