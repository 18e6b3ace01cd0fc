"""`orch`: what an engineer asks of the orchestrators and tells them.

Data goes to standard output, talk to standard error. Exit status: 0 done, 1 a check or an
expectation failed, 2 the call or a file was wrong, 3 not found, 4 refused, 5 something outside
did not answer.
"""

from __future__ import annotations

import contextlib
import io
import sys

import typer

from shared import runtime
from shared.app.context import Context
from shared.cli import cost, doctor, operator, questions, serve
from shared.cli.shell import UNAVAILABLE, USAGE, absent_library
from shared.core.errors import PolicyError, Unavailable

app = typer.Typer(
    name="orch",
    help="Ask and direct the pipeline's orchestrators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
questions.add_to(app)
operator.add_to(app)
doctor.add_to(app)
cost.add_to(app)
serve.add_to(app)


def run(argv: list[str], ctx: Context) -> tuple[int, str]:
    """Run one command line in this process on a given context; return its exit status and what it printed."""
    printed = io.StringIO()
    with runtime.use(ctx), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = call(argv)
    return status, printed.getvalue()


def call(argv: list[str]) -> int:
    """Run one command line; return its exit status."""
    try:
        status = app(argv, prog_name="orch", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except typer.Exit as ended:
        return ended.exit_code
    except typer.TyperException as wrong:
        said = wrong.format_message()
        # A call without arguments is answered with the help.
        print(said if said.startswith("Usage:") else f"orch: {said}\n  hint: orch --help", file=sys.stderr)
        return USAGE
    except PolicyError as wrong:
        print(f"orch: {wrong}", file=sys.stderr)
        return USAGE
    except ModuleNotFoundError as absent:
        print(f"orch: {absent_library(absent)}", file=sys.stderr)
        return USAGE
    except Unavailable as away:
        print(f"orch: {away}\n  hint: nothing was lost; try again, or see orch status", file=sys.stderr)
        return UNAVAILABLE


def main() -> None:
    """Entry point of `bin/orch`."""
    sys.exit(call(sys.argv[1:]))


if __name__ == "__main__":
    main()
