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


def print_summary(console: Console, results: Sequence[Result], homes: Sequence[tuple[Night, Path]]) -> None:
    """Print the whole of it."""
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
    if homes:
        console.print("\nWhat is left can be asked, each night as it stood at its end:\n", highlight=False)
        for line in commands(homes):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        console.print("\nand looked at in a browser, the page of days and of every run:\n", highlight=False)
        console.print(f"    {page(homes)}", markup=False, highlight=False, soft_wrap=True)


def commands(homes: Sequence[tuple[Night, Path]]) -> Iterator[str]:
    """Yield the command lines that ask about each night."""
    for night, home in homes:
        for day in sorted({day for _, day, _ in night.asks}):
            yield in_home(home, lines.status(date.fromisoformat(day)))
        for transition, day, mode in night.asks:
            key = RunKey("nba", date.fromisoformat(day), mode)
            yield in_home(home, lines.explain(transition, key))


def page(homes: Sequence[tuple[Night, Path]]) -> str:
    """Return the command line that serves the page, as of the end of the last night."""
    return in_home(homes[-1][1], lines.line("serve", "health_check"))


def in_home(home: Path, line: str) -> str:
    """Return a command line of the project that reads what a night left, for a shell in any folder."""
    return shlex.quote(str(ROOT / lines.PROGRAM)) + lines.at_home(str(home), line).removeprefix(lines.PROGRAM)


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
