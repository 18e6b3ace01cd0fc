"""The workflows of the live view: what ran or should have, with window, calls, rows and failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from rich.table import Table
from rich.text import Text

from shared.core.reporting.page import Tone, WorkflowLine
from shared.simulation.demo.night import NightView
from shared.simulation.demo.workflow_follower import hours

_TONES = {Tone.GOOD: "green", Tone.BUSY: "cyan", Tone.NOTICE: "yellow", Tone.BAD: "bold red", Tone.QUIET: "dim"}
_COUNTS = ("runs", "calls", "rows", "failed")


def workflow_table(scene: NightView, most: int) -> Table:
    """Return the workflows that ran last or whose windows passed without a run, at most so many, the latest first."""
    table = Table(expand=True, box=None, padding=(0, 1), show_edge=False, header_style="dim")
    for name in ("workflow", "window", "state"):
        table.add_column(name, no_wrap=True)
    for name in _COUNTS:
        table.add_column(name, no_wrap=True, justify="right")
    for _, day, line in sorted(_latest(scene), key=lambda place: place[0], reverse=True)[:most]:
        table.add_row(
            Text(f"{day} {line.workflow}"),
            Text(hours(scene.policy, line.opens_at, line.closes_at), "dim"),
            Text(line.word, _TONES[line.tone]),
            *_counts(line),
        )
    return table


def _latest(scene: NightView) -> Iterator[tuple[datetime, date, WorkflowLine]]:
    for day in scene.workflows:
        for line in day.lines:
            if line.marks:
                yield line.marks[-1].begins, day.day, line
            elif line.word == "missed":
                yield line.closes_at or scene.now, day.day, line


def _counts(line: WorkflowLine) -> Iterator[Text]:
    yield Text(str(len(line.marks)))
    for name in _COUNTS[1:]:
        count = sum(getattr(mark, name) for mark in line.marks)
        yield Text(str(count), "bold red" if name == "failed" and count else "")
