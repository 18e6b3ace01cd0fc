"""Where a demo is seen: plain lines here, the live view next door."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from rich.console import Console

from shared.core.policy.policy import Policy
from shared.simulation.demo.night import NightLine, NightView
from shared.simulation.demo.nights import Night

STYLES = {
    "run": "bold",
    "workflow": "bold magenta",
    "scrape": "magenta",
    "load": "dim",
    "report": "",
    "again": "dim",
    "trigger": "bold green",
    "call": "bold green",
    "message": "bold green",
    "decision": "cyan",
    "resolved": "green",
    "repair": "magenta",
    "world": "dim",
    "sweep": "dim",
}
GRAVE = {"info": "blue", "warning": "yellow", "critical": "bold red"}


class Screen(Protocol):
    """What a player shows its night on."""

    def night(self, night: Night, policy: Policy, place: str) -> AbstractContextManager[object]:
        """Show one night for the length of a ``with`` block; ``place`` is such as `2 of 5`."""

    def print_line(self, line: NightLine) -> None:
        """Something happened."""

    def show(self, scene: NightView) -> None:
        """Show the state of everything."""


class PlainScreen:
    """A line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._policy: Policy | None = None
        self._day = ""

    def night(self, night: Night, policy: Policy, place: str) -> AbstractContextManager[object]:
        self._policy, self._day = policy, ""
        self._console.print(f"\n{place}  {night.title}", style="bold", highlight=False, soft_wrap=True)
        return nullcontext()

    def print_line(self, line: NightLine) -> None:
        assert self._policy is not None
        local = self._policy.local(line.at)
        day = f"{local:%a %d %b %Y}"
        if day != self._day:
            self._console.print(f"  {day}", highlight=False)
            self._day = day
        text = f"  {local:%H:%M}  {label(line):<8}  {line.text}"
        self._console.print(text, style=style(line), highlight=False, markup=False, soft_wrap=True)

    def show(self, scene: NightView) -> None:
        """The lines have said it."""


def label(line: NightLine) -> str:
    return line.grave or line.kind


def style(line: NightLine) -> str:
    return GRAVE.get(line.grave) or STYLES.get(line.kind, "")
