"""`orch status --watch`: the status of the runs as a live screen; the only part of the program that draws."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.app.context import Context
from shared.cli.status_text import status_lines, transition_text
from shared.core.errors import Unavailable
from shared.core.policy.policy import Policy
from shared.core.reporting.run_status import RunStatus, TransitionStatus
from shared.core.severity import Severity
from shared.core.texts import clock_time

if TYPE_CHECKING:
    from shared.cli.status import StatusAnswer

COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
STATES = {
    "waiting": "cyan", "blocked": "yellow", "claimed": "yellow", "dispatched": "green", "confirmed": "bold green",
    "held": "bold red", "paused": "dim", "observed": "dim", "empty_ok": "dim",
}  # fmt: skip
BAR, INDENT = 10, 2


def follow(ctx: Context, ask: Callable[[], StatusAnswer], every: timedelta, console: Console | None = None) -> None:
    """Show the answer anew, so far apart, until a person ends it with Ctrl-C; an outage is shown, and asked again.

    Where the output is no terminal the answer is printed as lines each time.
    """
    console = console or Console()
    try:
        if not console.is_terminal:
            while True:
                shown = ask()
                for line in status_lines(ctx.policy, shown.runs, shown.beside, ctx.ports.clock.now()):
                    console.print(line, highlight=False, markup=False, soft_wrap=True)
                ctx.ports.clock.sleep(every)
        with Live(console=console, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while True:
                live.update(_screen(ctx, ask, every), refresh=True)
                ctx.ports.clock.sleep(every)
    except KeyboardInterrupt:
        return


def _screen(ctx: Context, ask: Callable[[], StatusAnswer], every: timedelta) -> RenderableType:
    try:
        return drawn(ctx.policy, ask(), ctx.ports.clock.now(), every)
    except Unavailable as away:
        return Text(f"{away}; asked again in {every.seconds} s", "bold red")


def drawn(policy: Policy, shown: StatusAnswer, now: datetime, every: timedelta) -> RenderableType:
    """Return one screen: the line that says whether anything is wrong, then the runs, the worst first."""
    head, *_ = status_lines(policy, shown.runs, shown.beside, now)
    parts: list[RenderableType] = [
        Text(f"{head}; every {every.seconds} s, Ctrl-C ends", "bold red" if shown.wrong else "bold")
    ]
    for problem in shown.beside:
        parts.append(Text(f"  {problem.severity.value} {problem.text}", COLOURS[problem.severity]))
    parts += [_run(policy, run, now) for run in shown.runs]
    return Group(*parts)


def _run(policy: Policy, run: RunStatus, now: datetime) -> RenderableType:
    over = f", closed {clock_time(policy, run.closed_at, now)}" if run.closed_at is not None else ""
    title = Text(
        f"\n{run.key.id}{over}{f'  {run.note}' if run.note else ''}", "bold" if run.closed_at is None else "dim"
    )
    wrong = Table.grid(padding=(0, 1), expand=True)
    wrong.add_column(width=INDENT + len(Severity.CRITICAL))
    wrong.add_column(ratio=1)
    for problem in run.problems:
        where = f"{problem.transition}: " if problem.transition else ""
        quiet = f" [{problem.quiet}]" if problem.quiet else ""
        colour = COLOURS[problem.severity]
        wrong.add_row(
            Text(f"{'':{INDENT}}{problem.severity.value}", colour), Text(f"{where}{problem.text}{quiet}", colour)
        )
    table = Table(expand=True, box=None, padding=(0, 1), show_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for transition in run.transitions:
        name, text = Text(f"  {transition.transition}"), transition_text(policy, transition, now)
        table.add_row(name, bar(transition), Text(text, STATES.get(transition.state, "")))
    return Group(title, wrong, table)


def bar(transition: TransitionStatus) -> Text:
    """Return how much of what is expected is done, as ten places."""
    full = BAR if not transition.expected else BAR * transition.done // transition.expected
    return Text("\N{BLACK SQUARE}" * full + "\N{MIDDLE DOT}" * (BAR - full), STATES.get(transition.state, ""))
