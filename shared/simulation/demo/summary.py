"""What a demo says at its end: the table of nights, what failed, and how to look at what is left."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.core import commands as lines
from shared.core.model import RunKey
from shared.simulation.demo.nights import Night
from shared.simulation.demo.servers import ROOT
from shared.simulation.demo.verdict import Result, failures


def print_summary(
    console: Console, results: Sequence[Result], environments: Sequence[tuple[Night, Path]], here: Path
) -> None:
    """Print the whole of it; ``here`` is the caller's folder, to which paths are made short."""
    console.print()
    if console.is_terminal:
        console.print(_table(results))
    else:
        for result in results:
            _lines(console, result)
    for result in results:
        if not result.passed:
            console.print(f"\n{result.night.name} failed:", style="bold red", markup=False, highlight=False)
            for line in failures(result):
                console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if environments:
        console.print("\nWhat is left can be asked, each night as it stood at its end:\n", highlight=False)
        for line in commands(environments, here):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        console.print("\nand looked at in a browser, the page of days and of every run:\n", highlight=False)
        console.print(f"    {page(environments, here)}", markup=False, highlight=False, soft_wrap=True)


def commands(environments: Sequence[tuple[Night, Path]], here: Path) -> Iterator[str]:
    """Yield command lines for a shell whose working directory is ``here``."""
    for night, env in environments:
        for day in sorted({day for _, day, _ in night.asks}):
            yield sourced(env, here, lines.status(date.fromisoformat(day)))
        for transition, day, mode in night.asks:
            key = RunKey("nba", date.fromisoformat(day), mode)
            yield sourced(env, here, lines.explain(transition, key))


def of_workflow(env: Path, workflow: str, day: date, here: Path) -> str:
    """Return the command line that explains a workflow of a date as it stood at the end of a night."""
    return f"(. {_source(env, here)} && {_from(here, lines.explain_workflow(workflow, day))})"


def page(environments: Sequence[tuple[Night, Path]], here: Path) -> str:
    """Return the command line that serves the page, as of the end of the last night."""
    return sourced(environments[-1][1], here, lines.line("serve", "health_check"))


def sourced(env: Path, here: Path, line: str) -> str:
    """Return a command line of the project that reads what a night left, for a shell whose directory is ``here``."""
    return f"(. {_source(env, here)} && {_from(here, line)})"


def _from(here: Path, line: str) -> str:
    """Return a command line of the project as it is called from another folder."""
    return shlex.quote(_near(ROOT / lines.PROGRAM, here)) + line.removeprefix(lines.PROGRAM)


def _source(env: Path, here: Path) -> str:
    source = shlex.quote(_near(env, here))
    return source if "/" in source else f"./{source}"


def _near(path: Path, here: Path) -> str:
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    for column in ("night", "expected", "what happened"):
        table.add_column(column, ratio=1)
    table.add_column("", no_wrap=True)
    for result in results:
        word, colour = _word(result)
        expected, happened = "\n".join(result.expected), "\n".join(result.happened)
        table.add_row(Text(result.night.title), Text(expected), Text(happened), Text(word, colour), end_section=True)
    return table


def _lines(console: Console, result: Result) -> None:
    word, colour = _word(result)
    title = f"{word:<6}  {result.night.name}: {result.night.title}"
    console.print(title, style=colour, highlight=False, soft_wrap=True)
    for name, texts in (("expected", result.expected), ("happened", result.happened)):
        for text in texts:
            console.print(f"        {name}  {text}", markup=False, highlight=False, soft_wrap=True)


def _word(result: Result) -> tuple[str, str]:
    return ("ok", "bold green") if result.passed else ("FAILED", "bold red")
