"""`orch init NAME`: a pipeline of one's own as files that fit: policy, checks, manifest entries and a first night."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from deploy.manifest import ROOT
from shared import runtime
from shared.cli.init.pipeline_request import PipelineRequest, RequestError, request_of
from shared.cli.init.writing import NewFiles, new_files, refuse_unfit, write
from shared.cli.shell import REFUSED, USAGE, fail
from shared.core import commands

PHASES, MODE = "collect,publish", "daily=04:00-06:00"


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(init)


def init(
    name: Annotated[str, typer.Argument(help="What the pipeline is called, such as harbour.")],
    zone: Annotated[str | None, typer.Option(help="Its time zone, such as Europe/Lisbon.")] = None,
    phases: Annotated[str | None, typer.Option(help="Its phases in order, or how many.", show_default=PHASES)] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=OPENS-DUE: a pass, when its run opens and when the last phase has to have started, local; may "
            "be given again.",
            show_default=MODE,
        ),
    ] = None,
    http: Annotated[
        list[str] | None,
        typer.Option(help="A phase that is started by an HTTP call in place of a message; may be given again."),
    ] = None,
    today: Annotated[bool, typer.Option("--today", help="It works on the day's own date, not on yesterday's.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of a pipeline of this name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")] = False,
    root: Annotated[Path, typer.Option(help="Another checkout of the project to write to.", hidden=True)] = ROOT,
) -> None:
    """Write a new pipeline: its policy, its checks and a first night to be played; its deployment follows from these.

    In a terminal what is not given is asked for. Nothing is written unless check and deployment take it.

    Example: orch init harbour --zone Europe/Lisbon --phases collect,clean,publish --http publish
    """
    try:
        request = _request(name, zone, phases, mode, http, today=today)
        files = new_files(request, root, force=force)
    except RequestError as wrong:
        raise fail(USAGE, str(wrong), wrong.hint) from None
    refuse_unfit(files, root, runtime.contexts()[0].ports.clock.now().date())
    if dry_run:
        for line in _preview(files.texts, root):
            typer.echo(line)
        typer.echo("orch: a dry run: nothing was written", err=True)
        return
    try:
        write(files, root)
    except OSError as error:
        hint = "make room for it, then the same command with --force"
        raise fail(REFUSED, f"cannot write {error.filename}: {error.strerror}", hint) from None
    for path in files.texts:
        typer.echo(path)
    typer.echo(_next_steps(request, files), err=True)


def _request(
    name: str,
    zone: str | None,
    phases: str | None,
    mode: list[str] | None,
    http: list[str] | None,
    *,
    today: bool,
) -> PipelineRequest:
    """Return what is wanted, asking a person for what no option says; without a person the defaults hold."""
    asked = sys.stdin.isatty()
    if zone is None:
        if not asked:
            raise RequestError("--zone is missing", "such as --zone Europe/Lisbon: times of the policy are local")
        zone = str(typer.prompt("Time zone", err=True))
    if phases is None:
        phases = str(typer.prompt("Phases, in order", default=PHASES, err=True)) if asked else PHASES
    if mode is None:
        prompt = "Pass over a date: NAME=OPENS-DUE, local times"
        mode = [str(typer.prompt(prompt, default=MODE, err=True)) if asked else MODE]
    if http is None and asked:
        prompt = "Phases that are started by an HTTP call, the others by a message (none: Enter)"
        answer = str(typer.prompt(prompt, default="", show_default=False, err=True))
        http = [phase.strip() for phase in answer.split(",") if phase.strip()]
    return request_of(name, zone, phases, mode, http or [], today=today)


def _preview(texts: Mapping[Path, str], root: Path) -> Iterator[str]:
    """Yield each file that is new as a whole, and of one that is there what would change."""
    for path, text in texts.items():
        before = (root / path).read_text(encoding="utf-8") if (root / path).exists() else ""
        names = (str(path) if before else "/dev/null", str(path))
        yield from difflib.unified_diff(before.splitlines(), text.splitlines(), *names, n=1, lineterm="")


def _next_steps(request: PipelineRequest, files: NewFiles) -> str:
    home = f".orch/{request.pipeline}"
    status = commands.at_home(home, commands.status())
    steps = (
        commands.line("check", str(files.policy)),
        commands.line("simulate", str(files.scenario), "--keep", home),
        status,
        commands.at_home(home, commands.line("serve", "health_check")),
        "bin/deploy plan --project PROJECT",
    )
    return "orch: next, in the folder of the project:\n" + "\n".join(f"  {step}" for step in steps)
