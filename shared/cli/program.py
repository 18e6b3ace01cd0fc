"""The options of `orch` itself, before any verb: where it looks, and which version of what answers."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import typer

from deploy import git
from deploy.manifest import ROOT
from shared import runtime
from shared.cli.shell import USAGE, fail

SHORT = 12


def add_to(app: typer.Typer) -> None:
    """Add these options to the program."""
    app.callback(invoke_without_command=True)(begin)


def begin(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Ask what was left in this folder by simulate --keep or bin/demo, as of its end."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Which code, Python and policy, and end.")] = False,
) -> None:
    """Ask and direct the pipeline's orchestrators."""
    if home is not None:
        context.with_resource(runtime.at_home(home))
    if version:
        _say_version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise fail(USAGE, "no command is named", "orch --help lists them")


def _say_version() -> None:
    """Say which code answers, on which Python, by which policies: a policy's fingerprint is the one that triggers
    and the record carry."""
    typer.echo(f"orch {_commit()}, Python {platform.python_version()}")
    for ctx in runtime.contexts():
        typer.echo(f"{ctx.policy.pipeline} {ctx.policy.version}, {ctx.policy.source}")


def _commit() -> str:
    """Return the commit of the checkout, and whether files differ from it; "of no commit" without git."""
    try:
        changes = ", with changes that are not committed" if git.changed(ROOT, ["."]) else ""
        return git.commit(ROOT)[:SHORT] + changes
    except git.NoCommit:
        return "of no commit"
