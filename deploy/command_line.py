"""One command line of the plan: positionals first, every value as --flag=value."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class CommandLine:
    """A command as its words: gcloud, bq, or curl. ``given`` goes to its standard input, and is never shown."""

    words: tuple[str, ...]
    given: str = field(default="", repr=False)

    def __str__(self) -> str:
        return " ".join(_quoted(word) for word in self.words)

    @property
    def flags(self) -> Mapping[str, str]:
        """The flags and their values, a switch's is empty."""
        pairs = (word.removeprefix("--").partition("=") for word in self.words if word.startswith("--"))
        return {name: value for name, _, value in pairs}

    @property
    def command(self) -> str:
        """The command without its flags."""
        return " ".join(word for word in self.words if not word.startswith("--"))


def gcloud(command: str, *positionals: str, project: str, **flags: str | int | bool | None) -> CommandLine:
    """Return a gcloud line; a flag that is True is a switch, one that is None is left out."""
    words = ["gcloud", *command.split(), *positionals]
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not None:
            words.append(f"{flag}={value}")
    return CommandLine((*words, f"--project={project}", "--quiet", "--format=json"))


def _quoted(word: str) -> str:
    """Quote the value alone: gcloud's checker takes a quoted flag for the value of the switch before it."""
    name, equals, value = word.partition("=")
    if word.startswith("--") and equals:
        return f"{name}={shlex.quote(value)}"
    return shlex.quote(word)


def pairs(values: Mapping[str, str], mark: str = ";") -> str:
    """Return a mapping as gcloud takes it; values may hold commas, and no ``mark``."""
    if any(mark in value for value in values.values()):
        raise ValueError(f"a value holds {mark!r}: {values}")
    return f"^{mark}^" + mark.join(f"{name}={value}" for name, value in sorted(values.items()))


def seconds(length: timedelta) -> str:
    """Return a duration as gcloud takes it."""
    return f"{int(length.total_seconds())}s"
