"""What the commands of ``bin/`` share: their exit statuses and how their errors are said."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from shared.cli.shell import absent_library
from shared.core.errors import PolicyError, Unavailable


def fail(name: str, status: int, message: str, hint: str) -> typer.Exit:
    """Print an error and return the exit to raise."""
    print(f"{name}: {message}\n  hint: {hint}", file=sys.stderr)
    return typer.Exit(status)


def call(
    app: typer.Typer, argv: list[str], name: str, usage: int, unavailable: int, so_far: str = "nothing was judged"
) -> int:
    """Run one command line; return its exit status, ``usage`` and ``unavailable`` for the errors of these kinds.

    ``so_far`` is what a person need not fear where something did not answer.
    """
    try:
        status = app(argv, prog_name=name, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except typer.Exit as ended:
        return ended.exit_code
    except typer.TyperException as wrong:
        said = wrong.format_message()
        # A call without arguments is answered with the help.
        print(
            said if said.startswith("Usage:") else f"{name}: {said}\n  hint: --help shows how it is called",
            file=sys.stderr,
        )
        return usage
    except PolicyError as wrong:
        print(f"{name}: {wrong}", file=sys.stderr)
        return usage
    except ModuleNotFoundError as absent:
        print(f"{name}: {absent_library(absent)}", file=sys.stderr)
        return usage
    except Unavailable as away:
        print(f"{name}: {away}\n  hint: {so_far}; try again, or see orch status", file=sys.stderr)
        return unavailable


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows under their headings, each column as wide as it has to be, the last as long as it is."""
    widths = [max(len(row[place]) for row in (headings, *rows)) for place in range(len(headings) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join(lines)
