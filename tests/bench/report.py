"""Figures as a table for people and as JSON for scripts."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.figure import Figure, Spread

VERDICTS = {True: "met", False: "[bold]missed[/bold]", None: ""}


def show(figures: list[Figure], console: Console) -> None:
    """Print the table: medians, quartiles in brackets."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("figure", "what", "median", "floor", "ratio", "target", ""):
        table.add_column(heading, overflow="fold")
    for figure in figures:
        table.add_row(
            figure.name,
            figure.what,
            _shown(figure.value, figure.unit),
            "" if figure.floor is None else f"{_shown(figure.floor, figure.unit)}\n{figure.floor_what}",
            "" if figure.ratio is None else f"{figure.ratio:.2f} x",
            figure.target,
            VERDICTS[figure.met],
        )
    console.print(table)
    for figure in figures:
        for what, count in figure.counted.items():
            console.print(f"  {figure.name}: {what}: {count}", highlight=False)


def document(figures: list[Figure], absent: dict[str, str], size: str) -> dict[str, Any]:
    """Return everything as plain data."""
    listed = [
        {**dataclasses.asdict(figure), "ratio": figure.ratio, "target": figure.target, "met": figure.met}
        for figure in figures
    ]
    return {"size": size, "figures": listed, "absent": absent}


def _shown(spread: Spread, unit: str) -> str:
    if spread.samples == 1:
        return f"{_number(spread.median)} {unit}"
    return f"{_number(spread.median)} {unit} \\[{_number(spread.low)} to {_number(spread.high)}]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
