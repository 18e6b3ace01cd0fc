"""`orch`: what an engineer asks of the orchestrators and tells them.

Data goes to standard output, talk to standard error; the exit statuses are `shell.STATUSES`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

import typer

from shared import runtime
from shared.app.context import Context
from shared.cli import (
    alerts,
    backfill,
    batch,
    check,
    cost,
    dead_letters,
    diff,
    doctor,
    emit,
    entry,
    explain,
    known,
    limits,
    logs,
    operator,
    pause,
    program,
    report,
    runs,
    serve,
    signals,
    simulate,
    slo,
    status,
    timeline,
    topics,
    tune,
    workflows,
)
from shared.cli.init import command as init
from shared.cli.shell import STATUSES, UNAVAILABLE, USAGE, add_pipeline_option, statuses_text

app = typer.Typer(
    name="orch",
    epilog=statuses_text(STATUSES),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
program.add_to(app)
status.add_to(app)
explain.add_to(app)
runs.add_to(app)
timeline.add_to(app)
diff.add_to(app)
report.add_to(app)
check.add_to(app)
simulate.add_to(app)
operator.add_to(app)
backfill.add_to(app)
batch.add_to(app)
alerts.add_to(app)
pause.add_to(app)
dead_letters.add_to(app)
doctor.add_to(app)
emit.add_to(app)
signals.add_to(app)
cost.add_to(app)
tune.add_to(app)
limits.add_to(app)
init.add_to(app)
serve.add_to(app)
known.add_to(app)
slo.add_to(app)
workflows.add_to(app)
logs.add_to(app)
topics.add_to(app)
# These ask no pipeline: they play scenarios, serve a function, look at the machine, write a new one, or read pages.
NO_PIPELINE = ("simulate", "serve", "doctor", "init", "help")
add_pipeline_option(app, NO_PIPELINE)
COMPLETION = "_ORCH_COMPLETE"


def run(argv: list[str], ctx: Context) -> tuple[int, str]:
    """Run one command line in this process on a given context; return its exit status and what it printed."""
    printed = io.StringIO()
    with runtime.override_context(ctx), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = call(argv)
    return status, printed.getvalue()


def call(argv: list[str]) -> int:
    """Run one command line; return its exit status."""
    return entry.call(app, argv, "orch", USAGE, UNAVAILABLE, "nothing was lost")


def main() -> None:
    """Entry point of `bin/orch`."""
    if COMPLETION in os.environ:  # a shell asks what a word may become: typer answers, and ends the process
        app(prog_name="orch")
    sys.exit(call(sys.argv[1:]))


if __name__ == "__main__":
    main()
