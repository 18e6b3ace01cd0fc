"""`orch status`: what is wrong first, of any date; then what runs as it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.reporting.run_statuses import open_statuses, pipeline_problems, statuses_of, statuses_of_dates
from shared.app.reporting.status_document import document
from shared.cli.run_arguments import days_between, key_of
from shared.cli.shell import (
    FAILED,
    NOT_FOUND,
    USAGE,
    Json,
    date_in,
    echo_wrapped,
    fail,
    print_json,
)
from shared.cli.status_text import status_lines
from shared.core.model import RunKey, State
from shared.core.reporting.problems import ProblemKind, RunProblem, is_wrong
from shared.core.reporting.run_status import PAUSED, RunStatus, all_problems, by_problem

STATES = (*(state.value for state in State), PAUSED, *(kind.value for kind in ProblemKind))
Words = Annotated[
    list[str] | None,
    typer.Argument(help="Run ids, dates, `today`, `yesterday`; without any every open run, and those of today."),
]
OfMode = Annotated[str | None, typer.Option("--mode", help="Only this pass over the date.")]
Since = Annotated[str | None, typer.Option(help="Every run from this date on, closed ones too.")]
OfState = Annotated[
    str | None,
    typer.Option(
        "--state", help=f"Only runs with a transition in this state, or with this problem: {', '.join(STATES)}."
    ),
]


@dataclass(frozen=True)
class StatusQuery:
    """Which runs are asked for: those named, those of dates, or where neither is given those that are open or of
    today; of these the ones that fit ``mode`` and ``state``."""

    keys: tuple[RunKey, ...] = ()
    days: tuple[date, ...] = ()
    mode: str | None = None
    state: str | None = None

    @property
    def named(self) -> bool:
        return bool(self.keys or self.days)

    def fits(self, run: RunStatus) -> bool:
        """True of a run of the mode, and in the state, that are asked for."""
        states = {transition.state for transition in run.transitions} | {problem.kind.value for problem in run.problems}
        return self.mode in (None, run.key.mode) and (self.state is None or self.state in states)


@dataclass(frozen=True)
class StatusAnswer:
    """What a status shows: runs in the order in which a person looks at them, and what is wrong beside them."""

    runs: tuple[RunStatus, ...]
    beside: tuple[RunProblem, ...]

    @property
    def wrong(self) -> bool:
        return is_wrong((*all_problems(self.runs), *self.beside))


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(status)


def status(
    words: Words = None,
    mode: OfMode = None,
    since: Since = None,
    state: OfState = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it anew again and again.")] = False,
    every: Annotated[int, typer.Option(min=1, help="With --watch: so many seconds apart.")] = 5,
    as_json: Json = False,
) -> None:
    """Show what is wrong first: each open run of any date that is late, degraded, blocked, held or stuck, in which
    something failed or an alert fires; then what runs as it should. The exit status is 1 where anything is wrong,
    acknowledged or not; what is for information only is none of it.

    Example: orch status
    Example: orch status yesterday --mode overnight
    Example: orch status nba/2026-01-21/overnight
    """
    ctx = runtime.context()
    query = query_in(ctx, words or [], mode, since, state)
    if watch:
        if as_json:
            raise fail(USAGE, "--watch and --json contradict each other", "leave one of the two")
        from shared.cli.live_status import follow

        follow(ctx, lambda: answer(ctx, query), timedelta(seconds=every))
        return
    shown = answer(ctx, query)
    if not shown.runs and (query.named or state is not None or mode is not None):
        what = ", ".join(words or ()) or " ".join(part for part in (mode, state) if part)
        raise fail(NOT_FOUND, f"no run of {what}", "runs open when their time comes or a message arrives")
    if as_json:
        print_json(document(ctx.policy, shown.runs, shown.beside, ctx.ports.clock.now()))
    else:
        for line in status_lines(ctx.policy, shown.runs, shown.beside, ctx.ports.clock.now()):
            echo_wrapped(line)
    if shown.wrong:
        raise typer.Exit(FAILED)


def query_in(ctx: Context, words: Sequence[str], mode: str | None, since: str | None, state: str | None) -> StatusQuery:
    """Read which runs are asked for; exit 2 for what is neither a run id nor a date, or no mode or state."""
    if mode is not None and mode not in ctx.policy.modes:
        raise fail(USAGE, f"unknown mode {mode!r}", f"one of {', '.join(ctx.policy.modes)}")
    if state is not None and state not in STATES:
        raise fail(USAGE, f"unknown state {state!r}", f"one of {', '.join(STATES)}")
    keys = tuple(key_of(ctx, word) for word in words if "/" in word)
    days = {date_in(ctx, word) for word in words if "/" not in word}
    if since is not None:
        days |= set(days_between(ctx, since, None, 1))
    return StatusQuery(keys, tuple(sorted(days, reverse=True)), mode, state)


def answer(ctx: Context, query: StatusQuery) -> StatusAnswer:
    """Return the runs that are asked for; alerts of no run only where all open ones are."""
    if not query.named:
        runs = open_statuses(ctx)
        beside = pipeline_problems(ctx, runs)
    else:
        listed = [*statuses_of(ctx, query.keys), *statuses_of_dates(ctx, query.days)]
        runs, beside = list({run.key: run for run in listed}.values()), ()
    fitting = tuple(run for run in by_problem(runs) if query.fits(run))
    whole = query.mode is None and query.state is None
    return StatusAnswer(fitting, beside if whole else ())
