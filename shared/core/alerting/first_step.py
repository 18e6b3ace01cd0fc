"""The one command that somebody who is woken by an alert pastes first."""

from __future__ import annotations

from shared.core import commands
from shared.core.alerting.kinds import AlertKind

# Their state is not readable while they last: what can be asked is the environment.
_OF_THE_STORE = frozenset({AlertKind.STATE_DOWN, AlertKind.BOTH_DOWN})


def first_printed(text: str) -> str:
    """Return the first command that a text prints, "" where it prints none."""
    return next((command for line in text.splitlines() if (command := commands.of_line(line))), "")


def first_step(kind: str, fingerprint: str, text: str, pipeline: str = "") -> str:
    """Return the first command that the text prints, else the one that shows the alert, what it means and what to do.

    ``pipeline`` is named by it where several are served, "" elsewhere.
    """
    printed = first_printed(text)
    if printed:
        return printed
    command = commands.doctor() if kind in _OF_THE_STORE else commands.alert(fingerprint)
    return commands.of_pipeline(command, pipeline) if pipeline else command
