"""The live view: the runs of the night, transition by transition, and below them what happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from math import ceil

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.core.decision.explain import Explanation
from shared.core.policy.policy import Policy
from shared.core.texts import duration
from shared.simulation.demo.night import NightLine, NightView, active, arrow, countdown
from shared.simulation.demo.nights import Night, short
from shared.simulation.demo.screen import label, style
from shared.simulation.demo.workflow_table import workflow_table

_STATES = {
    "waiting": "cyan",
    "blocked": "yellow",
    "claimed": "yellow",
    "dispatched": "green",
    "confirmed": "bold green",
    "held": "bold red",
}
_FEWEST_LINES = 4
_FEWEST_WORKFLOWS, _MOST_WORKFLOWS = 3, 8
_ROOMY = 36
# Borders and margins of the box, and the columns before a text in it.
_BOX, _BEFORE = 4, 16


class TerminalUi:
    """One view that is drawn again and again; it stays on the terminal when its night is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._scene: NightView | None = None
        self._place = ""

    @contextmanager
    def night(self, night: Night, policy: Policy, place: str) -> Iterator[None]:
        self._place = place
        waiting = Text(f"{place}  {night.title}: the functions are starting", "dim")
        with Live(waiting, console=self._console, refresh_per_second=8, vertical_overflow="crop") as live:
            self._live = live
            try:
                yield
            finally:
                if self._scene is not None:
                    live.update(drawn(self._scene, place, self._console, fill=False))
                self._live = self._scene = None

    def print_line(self, line: NightLine) -> None:
        """It is seen with the next scene."""

    def show(self, scene: NightView) -> None:
        self._scene = scene
        if self._live is not None:
            self._live.update(drawn(scene, self._place, self._console, fill=True))


def drawn(scene: NightView, place: str, console: Console, *, fill: bool) -> RenderableType:
    """Return a scene as one view that fits the console; with ``fill`` it is as high."""
    head, runs = _head(scene, place), _runs(scene, roomy=console.height >= _ROOMY)
    parts = [head, runs]
    if any(day.lines for day in scene.workflows):
        parts.insert(1, workflow_table(scene, _MOST_WORKFLOWS if console.height >= _ROOMY else _FEWEST_WORKFLOWS))
    used = sum(len(console.render_lines(part)) for part in parts)
    return Group(*parts, _events(scene, max(_FEWEST_LINES, console.height - used - 3), console.width, fill=fill))


def _head(scene: NightView, place: str) -> RenderableType:
    local = scene.policy.local(scene.now)
    title = Text(f"{place}  {scene.night.title}", "bold")
    length = (scene.ends - scene.begins).total_seconds()
    elapsed = min(length, (scene.now - scene.begins).total_seconds())
    counters = f"reports: {scene.reports}  sweeps: {scene.sweeps}, one every {duration(scene.every)}"
    bar = ProgressBar(total=length, completed=elapsed, complete_style="blue")
    return Group(_sides(title, Text(f"{local:%a %d %b %H:%M}", "bold")), _sides(bar, Text(counters, "dim")))


def _sides(left: RenderableType, right: Text) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    table.add_row(left, right)
    return table


def _runs(scene: NightView, *, roomy: bool) -> RenderableType:
    table = Table(expand=True, box=None, padding=(0, 1), show_edge=False, header_style="dim")
    table.add_column("transition", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("done", no_wrap=True, justify="right")
    table.add_column("who, what comes next, why", ratio=1)
    for run in scene.runs:
        games = "" if run.units is None else f", {run.units} games"
        table.add_row(Text(f"{short(run.key)}{games}", "bold"), "", "", "")
        for explanation in run.transitions:
            table.add_row(*_row(explanation, scene, roomy=roomy))
    if not scene.runs:
        table.add_row(Text("no run yet", "dim"), "", "", "")
    return table


def _row(explanation: Explanation, scene: NightView, *, roomy: bool) -> tuple[RenderableType, ...]:
    name = arrow(str(explanation.evidence["transition"]))
    count = f"{len(explanation.done)}/{len(explanation.evidence['processors'])}"
    if not active(explanation):
        return Text(f"  {name}", "dim"), Text("waiting", "dim"), Text(count, "dim"), _idle(explanation, scene)
    state = Text(explanation.state, _STATES.get(explanation.state, ""))
    return Text(f"  {name}"), state, Text(count), _details(explanation, scene, roomy=roomy)


def _idle(explanation: Explanation, scene: NightView) -> Text:
    comes = countdown(explanation, scene.now, ("due_",))
    suffix = "" if comes is None else f"; {comes.when(scene.policy, scene.now)}"
    return Text(f"no report yet{suffix}", "dim")


def _details(explanation: Explanation, scene: NightView, *, roomy: bool) -> Text:
    sent = explanation.evidence["trigger"]
    if sent is not None and sent["dispatched_at"] is not None:
        return _sent(explanation, sent, scene.policy, roomy=roomy)
    statuses = {processor["standing"] for processor in explanation.evidence["processors"]}
    if explanation.state == "waiting" and statuses <= {"absent", "started"}:
        return Text("begun, nothing done yet", "dim")
    text = Text()
    for processor in explanation.evidence["processors"]:
        text.append(*_processor(processor, done=processor["name"] in explanation.done))
    comes = countdown(explanation, scene.now)
    if comes is not None:
        text.append(f"\n{comes.told_fully(scene.policy, scene.now)}", "cyan")
    if explanation.state in ("blocked", "held"):
        text.append(f"\n{explanation.reason}", _STATES[explanation.state])
    return text


def _processor(processor: dict[str, object], *, done: bool) -> tuple[str, str]:
    records = "" if processor["records"] is None else f" {processor['records']}"
    floor = f" of {processor['floor']}" if processor["standing"] == "under_minimum" else ""
    colour = "green" if done else ("bold" if processor["required"] else "dim")
    return f"{'+' if done else '-'}{processor['name']}{records}{floor}  ", colour


def _sent(explanation: Explanation, sent: dict[str, object], policy: Policy, *, roomy: bool) -> Text:
    at = policy.local(datetime.fromisoformat(str(sent["dispatched_at"])))
    text = Text(f"triggered {at:%H:%M} by {sent['reason']}")
    missing = sent["missing"]
    if isinstance(missing, list) and missing:
        text.append(f", degraded without {', '.join(missing)}", "yellow")
    if roomy:
        text.append(f"\n{', '.join(sorted(explanation.done))}", "dim green")
    return text


def _events(scene: NightView, room: int, width: int, *, fill: bool) -> RenderableType:
    """Return the latest events that fit, each as high as its text needs."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(width=5, no_wrap=True)
    table.add_column(width=8, no_wrap=True)
    table.add_column(ratio=1)
    shown: list[NightLine] = []
    for line in reversed(scene.lines):
        # Words do not break at the last column: a little less than the width is counted on.
        height = ceil(len(line.text) / (width - _BOX - _BEFORE) * 1.1) or 1
        if height > room:
            break
        room -= height
        shown.insert(0, line)
    for line in shown:
        colour = style(line)
        table.add_row(
            Text(f"{scene.policy.local(line.at):%H:%M}", "dim"), Text(label(line), colour), Text(line.text, colour)
        )
    for _ in range(room if fill else 0):
        table.add_row("", "", "")
    return Panel(table, border_style="dim", padding=(0, 1))
