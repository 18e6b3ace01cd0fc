"""What the commands share: exit statuses, arguments as values, output for people and for scripts."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import wraps
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.core.calendar import day_of
from shared.core.model import Lane, RunKey
from shared.core.policy.config_error import suggest
from shared.core.policy.policy import Policy
from shared.core.wire.instants import YEARS

Pipeline = Annotated[
    str | None, typer.Option(envvar="ORCH_PIPELINE", help="Which pipeline, where ORCH_POLICY names a folder.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
# Raised when a key of a document goes, or means something else; keys are added without.
SCHEMA_VERSION = 1
# By how much the second line of a text stands further in than its first.
HANGING = 4
TODAY, YESTERDAY = "today", "yesterday"
FAILED, USAGE, NOT_FOUND, REFUSED, UNAVAILABLE = 1, 2, 3, 4, 5
STATUSES = {
    0: "done, or answered and all is well",
    FAILED: "answered: a run, a check, an expectation or a part of the project is wrong",
    USAGE: "the call or a file was wrong; nothing was done",
    NOT_FOUND: "there is no such run, date or message",
    REFUSED: "not done: something speaks against it, and is named",
    UNAVAILABLE: "something outside did not answer, or was not looked at; it may work later",
}


def statuses_text(meanings: Mapping[int, str]) -> str:
    """Return the exit statuses of a program as its help says them."""
    return "Exit status: " + "; ".join(f"{status} {meaning}" for status, meaning in meanings.items()) + "."


class Failure(Exception):
    """An end whose reason was printed; ``document`` is the same for a script that asked for JSON."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.exit_code = status
        self.document = {"error": message, "hint": hint}


def by_pipeline(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that knows `--pipeline NAME`: it works on that pipeline of those that ORCH_POLICY names.

    One that knows it already stays as it is: a program that runs as a script may be imported by its name as well.
    """
    signature = inspect.signature(command, eval_str=True)
    if "pipeline" in signature.parameters:
        return command

    @wraps(command)
    def of_one(*values: Any, pipeline: str | None = None, **options: Any) -> Any:
        if pipeline is None:
            return command(*values, **options)
        with runtime.override_context(runtime.context(pipeline)):
            return command(*values, **options)

    option = inspect.Parameter("pipeline", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Pipeline)
    written = signature.replace(parameters=[*signature.parameters.values(), option])
    of_one.__signature__ = written  # type: ignore[attr-defined]  # what typer reads
    of_one.__annotations__ = {name: value.annotation for name, value in written.parameters.items()}
    return of_one


def add_pipeline_option(program: typer.Typer, without: Collection[str] = ()) -> None:
    """Give every command of a program, and of its groups, the option; ``without`` names those that ask no pipeline."""
    for info in program.registered_commands:
        if info.callback is not None and (info.name or info.callback.__name__) not in without:
            info.callback = by_pipeline(info.callback)
    for group in program.registered_groups:
        if group.typer_instance is not None:
            add_pipeline_option(group.typer_instance, without)


def fail(status: int, message: str, hint: str = "", program: str = "orch") -> Failure:
    """Print an error and return the exit to raise, before anything is printed as data."""
    typer.echo(f"{program}: {message}" + (f"\n  hint: {hint}" if hint else ""), err=True)
    return Failure(status, message, hint)


def absent_library(absent: ModuleNotFoundError) -> str:
    """Return what to say of a library that only the full environment has; raise the error anew if it is another."""
    name = absent.name or ""
    if name.partition(".")[0] not in ("google", "grpc"):
        raise absent
    return (
        f"the light environment has no {name}, which the stores of Google Cloud need\n"
        "  hint: 'bin/test --collect-only' makes the full one once; for a demo's state use the lines it printed"
    )


def day_in(text: str) -> date:
    """Read a date; exit 2 if it is none."""
    day: date | None = None
    with suppress(ValueError):
        day = date.fromisoformat(text)
    if day is None or day.year not in YEARS:
        raise fail(USAGE, f"{text!r} is not a date", "write it as 2026-01-21")
    return day


def date_in(ctx: Context, text: str) -> date:
    """Read a date, or the words `today` and `yesterday` in the pipeline's zone; exit 2 for anything else."""
    if text in (TODAY, YESTERDAY):
        return today(ctx) - timedelta(days=int(text == YESTERDAY))
    return day_in(text)


def key_in(ctx: Context, text: str, mode: str | None, lane: str) -> RunKey:
    """Read a run key; a mode may be left out where the pipeline has one, exit 2 otherwise."""
    modes = list(ctx.policy.modes)
    if mode is None and len(modes) > 1:
        raise fail(USAGE, "--mode is missing", f"one of {', '.join(modes)}")
    chosen = mode or modes[0]
    if chosen not in modes:
        raise fail(USAGE, f"unknown mode {chosen!r}", f"one of {', '.join(modes)}")
    if lane not in (Lane.LIVE.value, Lane.BACKFILL.value):
        raise fail(USAGE, f"unknown lane {lane!r}", "live or backfill")
    return RunKey(ctx.policy.pipeline, date_in(ctx, text), chosen, Lane(lane))


def transition_in(policy: Policy, name: str, mode: str | None) -> str:
    """Read the name of a transition that this mode, if any, passes through; exit 2 if there is none of that name."""
    if name not in policy.transitions:
        raise fail(USAGE, f"unknown transition {name!r}", f"one of {', '.join(policy.transitions)}")
    modes = list(policy.transitions[name].expects)
    if mode is not None and mode not in modes:
        raise fail(USAGE, f"mode {mode!r} does not pass through {name}", f"one of {', '.join(modes)}")
    return name


def phase_in(policy: Policy, name: str) -> str:
    """Read a phase's name; exit 2 if the policy has none of that name."""
    if name not in policy.phases:
        raise fail(USAGE, f"unknown phase {name!r}", f"one of {', '.join(policy.phases)}")
    return name


def processor_in(ctx: Context, phase: str, name: str) -> str:
    """Return the canonical name of a processor of a phase, given by any of its names; exit 2 if it has none of them."""
    entry = ctx.names.resolve(phase, name)
    if entry is None:
        processors = ctx.policy.phases[phase].processors
        raise fail(USAGE, f"{phase} has no processor {name!r}", suggest(name, processors))
    return entry.processor


def today(ctx: Context) -> date:
    return ctx.policy.local(ctx.ports.clock.now()).date()


def dates_of_today(ctx: Context) -> set[date]:
    """Return the dates that the modes work on today."""
    return {day_of(mode, today(ctx)) for mode in ctx.policy.modes.values()}


def echo_wrapped(line: str) -> None:
    """Print a line, in a terminal broken between words under its own indent; a file and a pipe get it whole."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if not width or len(line) <= width:
        typer.echo(line)
        return
    indent = " " * min(len(line) - len(line.lstrip()) + HANGING, width // 2)
    for part in textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False):
        typer.echo(part)


def print_json(value: Any) -> None:
    """Print the one document that ``--json`` promises: an object with `schema_version`, a list under `items` of it."""
    body = value if isinstance(value, Mapping) else {"items": value}
    # Where an output cannot hold every letter, JSON has escapes of its own.
    plain = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") != "utf8"
    document = {"schema_version": SCHEMA_VERSION, **body}
    typer.echo(json.dumps(document, indent=2, ensure_ascii=plain, default=str))
