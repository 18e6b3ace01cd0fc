"""What a day with the stand-ins ends with: its figures, and three commands that ask what it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from shared.core.commands import explain_workflow
from shared.core.policy.policy import Policy
from shared.core.texts import amount
from shared.simulation.demo.day import DAY, NEXT, span
from shared.simulation.demo.figures import Figure
from shared.simulation.demo.summary import commands, in_home, page
from shared.simulation.demo.workspace import Workspace

EXPLAINED = ("betting_lines", NEXT)


def print_day(
    console: Console, figures: Sequence[Figure], logged: Mapping[str, int], home: Workspace, policy: Policy, took: float
) -> int:
    """Print the whole of it; return the exit status: 0 where every figure is as it must be, else 1."""
    print_figures(console, figures, logged)
    left = home.leave(DAY, policy, span(policy)[1])
    console.print(
        f"\nThe exports are in {home.path / 'exports'}. Three commands to try:\n", highlight=False, soft_wrap=True
    )
    for line in to_try(left):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    passed = all(figure.right for figure in figures)
    verdict = "every figure as it must be" if passed else "not every figure as it must be"
    console.print(f"\none night and day played, {verdict} ({took:.0f} s)", style="bold", highlight=False)
    return 0 if passed else 1


def print_figures(console: Console, figures: Sequence[Figure], logged: Mapping[str, int]) -> None:
    """Print a line for each figure, with what was wanted where it is wrong, and what the functions complained of."""
    console.print()
    for figure in figures:
        word, style = ("ok    ", "green") if figure.right else ("FAILED", "bold red")
        suffix = "" if figure.right else f" (wanted: {figure.wanted})"
        text = f"{word}  {figure.what}: {figure.seen}{suffix}"
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
    for what, count in logged.items():
        console.print(f"logged by {what}: {amount(count, 'time')}", markup=False, highlight=False, soft_wrap=True)


def to_try(left: Path) -> Iterator[str]:
    """Yield a workflow and a transition explained, and the page of the day, for a shell in any folder."""
    yield in_home(left, explain_workflow(*EXPLAINED))
    yield list(commands([(DAY, left)]))[-1]
    yield page([(DAY, left)])
