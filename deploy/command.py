"""The scripts of deployment: `bin/build`, `bin/deploy`, `bin/check-drift`.

Data goes to standard output, talk to standard error. Exit status: 0 done or same, 1 failed or drift, 2 the call or
a file was wrong, or it could not tell.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy import bundle, git, members, monitoring, policy_checks, preview, ready, scope
from deploy.apply import ApplyFailed, Done, apply
from deploy.command_line import gcloud
from deploy.drift import LeftAt, Report, drift
from deploy.manifest import ROOT, BuildInfo, Function, Manifest, Target
from deploy.manifest_file import load_manifest
from deploy.orphans import Orphan, orphans
from deploy.plan import PlanConflict, lines, plan
from deploy.resource import Resource
from deploy.runner import CommandFailed, Looks, Runner, Subprocess, ask
from shared.core.errors import PolicyError
from shared.core.texts import amount

FAILED, USAGE, INTERRUPTED = 1, 2, 130
LOOK = "bin/orch doctor says what is missing: credentials, rights, APIs"
BUILD = ROOT / "build"
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[FUNCTION]...", help="Names in functions/; all by default.")
]
Project = Annotated[str, typer.Option(envvar="GOOGLE_CLOUD_PROJECT", help="The project's id.")]
Number = Annotated[str, typer.Option(envvar="PROJECT_NUMBER", help="The project's number; asked of gcloud by default.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def say(text: str) -> None:
    typer.echo(text, err=True)


def fail(status: int, message: str, hint: str = "") -> typer.Exit:
    say(f"error: {message}" + (f"\n  hint: {hint}" if hint else ""))
    return typer.Exit(status)


def now() -> datetime:
    return datetime.now(UTC)


def waiting(seconds: float, why: str) -> None:
    """Say why something is tried or looked at again, and let that time pass."""
    say(f"again in {seconds:g} s: {why}")
    time.sleep(seconds)


def manifest_now() -> Manifest:
    return load_manifest(today=now().date())


def chosen(manifest: Manifest, names: Sequence[str] | None) -> list[str]:
    for name in names or ():
        if name not in manifest.functions:
            raise fail(USAGE, f"no function {name}", f"one of {', '.join(manifest.functions)}")
    return list(names or ())


@app.command()
def build(
    names: Names = None,
    out: Annotated[Path, typer.Option(help="Where the bundles go.")] = BUILD,
    as_json: Json = False,
) -> None:
    """Write the bundle of each function, and the rendered observability files, from plain files."""
    manifest = manifest_now()
    made = [bundle.bundle_of(manifest.functions[name]) for name in chosen(manifest, names) or manifest.functions]
    out.mkdir(parents=True, exist_ok=True)
    for package in made:
        bundle.write(package, out)
        if not as_json:
            typer.echo(f"{out / package.function}  {package.digest}  {len(package.files)} files  {package.size} bytes")
    monitoring.write(monitoring.rendered(manifest), out / "observability")
    if as_json:
        typer.echo(bundle.manifest_text(made, _commit()), nl=False)


@app.command("plan")
def show_plan(project: Project, names: Names = None, number: Number = "", as_json: Json = False) -> None:
    """Print the lines that apply may run, in their order; nothing is read or changed but the project's number."""
    manifest = manifest_now()
    only = chosen(manifest, names)
    place = _target(manifest, project, number, Subprocess(ROOT))
    resources = _checked(plan(manifest, place, _build_info(manifest), only))
    if as_json:
        typer.echo(json.dumps([_shown(resource) for resource in resources], indent=2))
        return
    typer.echo("\n".join(text for resource in resources for text in preview.planned(resource)))


@app.command("apply")
def carry_out(
    project: Project,
    names: Names = None,
    number: Number = "",
    dry_run: Annotated[bool, typer.Option("--dry-run/--yes", help="Only say what would change; --yes does it.")] = True,
) -> None:
    """Make the cloud what manifest and tree say; by default only say what would change."""
    manifest = manifest_now()
    only, run = chosen(manifest, names), Subprocess(ROOT)
    place, stamp = _target(manifest, project, number, run), _build_info(manifest)
    resources = _checked(plan(manifest, place, stamp, only))
    if dry_run:
        _say_changes(resources, run)
        return
    _require_bundles(manifest, only, stamp)
    monitoring.write(monitoring.rendered(manifest), BUILD / "observability")
    counted = dict.fromkeys(Done, 0)
    try:
        for step in apply(resources, run, ready.ReadyCheck(manifest, place, stamp, run, waiting), waiting):
            counted[step.done] += 1
            if step.done is not Done.SAME:
                typer.echo(f"{step.done.value:8} {step.resource.id}")
        leftovers = [*orphans(manifest, place, run), *_strangers(manifest, place, stamp, run)]
    except ApplyFailed as failed:
        raise fail(FAILED, str(failed)) from None
    except CommandFailed as failed:
        raise fail(FAILED, str(failed), "everything was applied; orphans could not be looked for") from None
    typer.echo(", ".join(f"{count} {done.value}" for done, count in counted.items()))
    for leftover in leftovers:
        hint = leftover.remove or "see gcloud pubsub subscriptions list"
        say(f"orphan: {leftover.what}: {leftover.why}\n  hint: {hint}")
    if leftovers:
        raise typer.Exit(FAILED)


@app.command("check-drift")
def check_drift(
    project: Annotated[str, typer.Option(envvar="GOOGLE_CLOUD_PROJECT", help="The project's id.")] = "",
    number: Number = "",
    as_json: Json = False,
    show_scope: Annotated[bool, typer.Option("--scope", help="Only say what is not compared, and why.")] = False,
) -> None:
    """Compare what is running with manifest and tree. Exit 0: same, 1: drift, 2: could not tell."""
    if show_scope:
        _print_scope(as_json)
        return
    if not project:
        raise fail(USAGE, "no project is named", "--project or GOOGLE_CLOUD_PROJECT")
    manifest, run = manifest_now(), Subprocess(ROOT)
    try:
        place = _target(manifest, project, number, run)
        say("looking at everything there should be, which takes some minutes")
        report = drift(manifest, place, _plan_for_drift(manifest, place), run, _left_at(manifest), now())
    except (CommandFailed, git.NoCommit) as failed:
        raise fail(USAGE, str(failed), f"nothing can be said without it; {LOOK}") from None
    _print(report, as_json)
    raise typer.Exit(report.status)


def _print_scope(as_json: bool) -> None:
    whole = {"altogether": scope.ALTOGETHER, "fields": scope.NOT_COMPARED}
    typer.echo(json.dumps(whole, indent=2) if as_json else "\n".join(scope.scope_lines()))


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.data(), indent=2))
        return
    for folder, version in report.functions.items():
        typer.echo(
            f"{folder}: commit {version['commit'][:12] or 'unknown'}, revision {version['revision'] or 'unknown'}"
        )
    for finding in report.findings:
        typer.echo(str(finding))
    typer.echo(f"{report.data()['status']}: {report.looked_at} looked at, {amount(len(report.findings), 'finding')}")


def _plan_for_drift(manifest: Manifest, place: Target) -> list[Resource]:
    return plan(manifest, place, _build_info(manifest))


def _build_info(manifest: Manifest) -> BuildInfo:
    digests = {name: bundle.bundle_of(function).digest for name, function in manifest.functions.items()}
    return BuildInfo(_commit(), digests)


def _commit() -> str:
    given = os.environ.get("COMMIT_SHA")
    return given if given else git.commit(ROOT)


def _sources(function: Function) -> list[str]:
    """Return what of the repository a function is made of; of the locks its own, for the others change more often."""
    lock = f"deploy/requirements/{function.requirements}.txt"
    sources = bundle.sources_of(bundle.bundle_of(function))
    return [lock if path == "deploy/requirements" else path for path in sources]


def _left_at(manifest: Manifest) -> LeftAt:
    @cache
    def left_at(folder: str, commit: str) -> datetime | None:
        function = manifest.functions.get(folder)
        return git.left_at(ROOT, commit, _sources(function)) if function and commit else None

    return left_at


def _target(manifest: Manifest, project: str, number: str, run: Runner) -> Target:
    if not number:
        line = gcloud("projects describe", project, project=project)
        description = ask(run, line)
        if description is None:
            raise fail(USAGE, f"project {project} is not there, or not yours to see", "gcloud projects list")
        number = str(description["projectNumber"])
    return Target(project, number, manifest.region)


def _checked(resources: list[Resource]) -> list[Resource]:
    broken = [f"{line}\n    {fault}" for line in lines(resources) for fault in policy_checks.violations(line)]
    if broken:
        raise fail(FAILED, "the plan breaks a rule:\n  " + "\n  ".join(broken), "see deploy/policy_checks.py")
    return resources


def _require_bundles(manifest: Manifest, only: Sequence[str], stamp: BuildInfo) -> None:
    for name in only or manifest.functions:
        made = bundle.read(BUILD, name)
        if made is None or made.digest != stamp.digests[name]:
            raise fail(FAILED, f"build/{name} is not what the tree yields", "run bin/build, then this again")
    for name in _uncommitted(manifest, only):
        say(f"warning: {name} is not committed: what is deployed carries the commit, and is not of it")


def _uncommitted(manifest: Manifest, only: Sequence[str]) -> list[str]:
    if os.environ.get("COMMIT_SHA"):
        return []
    sources = {path for name in only or manifest.functions for path in _sources(manifest.functions[name])}
    return git.changed(ROOT, sorted(sources))


def _strangers(manifest: Manifest, place: Target, stamp: BuildInfo, run: Runner) -> list[Orphan]:
    """Return the rights that are not declared, on all that is there."""
    whole, looks = plan(manifest, place, stamp), Looks(run)
    declared = members.declared(manifest, whole)
    return [
        member
        for kind, thing in members.things(place, whole)
        for member in members.undeclared(manifest, place, kind, thing, declared, looks)
    ]


def _say_changes(resources: list[Resource], run: Runner) -> None:
    say(f"looking at {len(resources)} things, which takes some minutes")
    counts = preview.Preview()
    for text in preview.changes(resources, Looks(run), counts):
        typer.echo(text)
    typer.echo(f"{counts.changes} of {len(resources)} would change; nothing was changed (--yes does it)")
    if counts.unread:
        raise fail(FAILED, f"{counts.unread} could not be read, and may change too", LOOK)


def _shown(resource: Resource) -> dict[str, Any]:
    return {
        "id": resource.id,
        "function": resource.function,
        "read": str(resource.read),
        "create": str(resource.create) if resource.create else None,
        "update": str(resource.update) if resource.update else None,
    }


def main() -> None:
    """Entry point of the scripts in bin/."""
    sys.exit(call(sys.argv[1:]))


def call(argv: list[str], command: Callable[..., Any] = app) -> int:
    """Run one command line; return its exit status."""
    status = _called(argv, command)
    if status == INTERRUPTED:
        say("interrupted\n  hint: the same command goes on where it stopped")
    return status


def _called(argv: list[str], command: Callable[..., Any]) -> int:
    try:
        status = command(argv, prog_name="bin/deploy", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except typer.Exit as ended:
        return ended.exit_code
    except typer.TyperException as wrong:
        message = wrong.format_message()
        say(message if message.startswith("Usage:") else f"error: {message}\n  hint: --help shows how it is called")
        return USAGE
    except PolicyError as wrong:
        say(f"error: {wrong}")
        return USAGE
    except CommandFailed as failed:
        say(f"error: {failed}\n  hint: {LOOK}")
        return FAILED
    except PlanConflict as wrong:
        say(f"error: {wrong}\n  hint: a mistake of deploy/*.py: what names this kind of thing must tell the two apart")
        return FAILED
    except (bundle.BundleError, git.NoCommit) as failed:
        say(f"error: {failed}")
        return FAILED


if __name__ == "__main__":
    main()
