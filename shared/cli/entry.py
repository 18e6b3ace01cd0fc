"""What the commands of ``bin/`` share: their exit statuses and how their errors are said."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence

import typer

from shared import runtime
from shared.cli.shell import Failure, absent_library, print_json
from shared.cli.shell import fail as failure
from shared.cli.talk import talk
from shared.core import commands
from shared.core.errors import PolicyError, Unavailable

# As a shell says of a program that nobody reads any more, and of one that Ctrl-C has ended.
CLOSED, STOPPED = 128 + 13, 128 + 2
FULL = "free some space, or let ORCH_HOME name a folder on another disk"
SPOILT = "it was spoilt or is of another program: move it away, or let ORCH_HOME name another folder"
SPOILT_WORDS = (
    "file is not a database",
    "disk image is malformed",
    "unable to open database file",
    "not a valid DuckDB",
)
FULL_WORDS = ("disk is full", "No space left", "File too large", "disk I/O error")
_NOT_YOURS = "you may not write there: name another place"
HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _NOT_YOURS),
}


def fail(name: str, status: int, message: str, hint: str) -> Failure:
    """Print an error and return the exit to raise."""
    return failure(status, message, hint, name)


def call(
    app: typer.Typer, argv: list[str], name: str, usage: int, unavailable: int, so_far: str = "nothing was judged"
) -> int:
    """Run one command line; return its exit status, ``usage`` and ``unavailable`` for the errors of these kinds.

    ``so_far`` is what a person need not fear where something did not answer.
    """
    _let_every_terminal_read()
    with runtime.log_to(talk(sys.stderr, name)):
        return _answer(app, argv, name, usage, unavailable, so_far)


def _answer(app: typer.Typer, argv: list[str], name: str, usage: int, unavailable: int, so_far: str) -> int:
    try:
        status = app(argv, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except Failure as ended:
        _as_json(argv, ended.document)
        return ended.exit_code
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:  # Ctrl-C, or the end of input where a question was asked
        print(f"{name}: stopped", file=sys.stderr)
        return STOPPED
    except typer.TyperException as wrong:
        text = wrong.format_message()
        # A call without arguments is answered with the help.
        if text.startswith("Usage:"):
            print(text, file=sys.stderr)
            return usage
        return _failed(argv, name, usage, text, "--help shows how it is called")
    except PolicyError as wrong:
        print(f"{name}: {wrong}", file=sys.stderr)
        _as_json(argv, {"error": str(wrong).partition("\n")[0], "hint": wrong.hint})
        return usage
    except ModuleNotFoundError as absent:
        message, _, hint = absent_library(absent).partition("\n  hint: ")
        return _failed(argv, name, usage, message, hint)
    except Unavailable as away:
        return _failed(argv, name, unavailable, str(away), _hint(str(away), so_far))
    except (BrokenPipeError, SystemExit):  # whoever read our output has seen enough; the library says it by exiting
        _give_up_output()
        return CLOSED
    except OSError as error:
        _give_up_output()
        where = "" if error.filename is None else f"{error.filename}: "
        hint = HINTS.get(error.errno or 0, "look at what is there, and at who may read and write it")
        print(f"{name}: {where}{error.strerror or error}\n  hint: {so_far}; {hint}", file=sys.stderr)
        return unavailable


def _hint(what: str, so_far: str) -> str:
    """Return what to do about a part that did not answer; of a file that is no store nobody knows what was lost."""
    if any(word in what for word in SPOILT_WORDS):
        return SPOILT
    return f"{so_far}; {FULL if any(word in what for word in FULL_WORDS) else f'try again, or see {commands.status()}'}"


def _let_every_terminal_read() -> None:
    """Write what a terminal's encoding cannot show as an escape, instead of failing over it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _give_up_output() -> None:
    """Let the interpreter end without trying once more to write what could not be written."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _failed(argv: Sequence[str], name: str, status: int, message: str, hint: str) -> int:
    _as_json(argv, failure(status, message, hint, name).document)
    return status


def _as_json(argv: Sequence[str], document: Mapping[str, str]) -> None:
    """Say an error as the one document that a script reads, which it otherwise would not get."""
    if "--json" in argv:
        print_json(document)


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows under their headings, each column as wide as it has to be, the last as long as it is."""
    widths = [max(len(row[place]) for row in (headings, *rows)) for place in range(len(headings) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join(lines)
