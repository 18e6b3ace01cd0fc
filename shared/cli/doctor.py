"""`orch doctor`: what is missing for the pipeline to run, seen from where it is asked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated

import typer

from deploy import deployer
from deploy.command_line import gcloud
from deploy.manifest import ROOT, BuildInfo, Manifest, Target
from deploy.plan import plan
from deploy.resource import Resource
from deploy.runner import CommandFailed, Looks, Runner, Subprocess, ask
from shared import runtime
from shared.cli.shell import FAILED, UNAVAILABLE, print_json
from shared.core.errors import PolicyError

# What these hold depends on the code, of which this machine may have another version.
OF_CODE = ("function", "serving revision")
APPLY = "bin/deploy apply --yes"
OLDEST_PYTHON = (3, 11)


class Verdict(StrEnum):
    """What looking at a thing said; `ok` is never said of what was not looked at."""

    OK = "ok"
    NOT_LOOKED_AT = "not looked at"
    WRONG = "wrong"


@dataclass(frozen=True)
class Sign:
    """One thing and what looking at it said: ``found`` is that, or why nobody looked; ``hint`` what to do about it."""

    what: str
    verdict: Verdict
    found: str
    hint: str = ""


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(doctor)


def doctor(
    project: Annotated[
        str, typer.Option(envvar="GOOGLE_CLOUD_PROJECT", help="The project; none: this machine only.")
    ] = "",
    firestore: Annotated[str, typer.Option(envvar="FIRESTORE_EMULATOR_HOST", hidden=True)] = "",
    pubsub: Annotated[str, typer.Option(envvar="PUBSUB_EMULATOR_HOST", hidden=True)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is missing: files, credentials, emulators, and in the project topics, roles and secrets.

    Exit 0: everything was looked at and is ok; 1: something is wrong; 5: something was not looked at.

    Example: orch doctor --project my-project
    """
    hosts = {"FIRESTORE_EMULATOR_HOST": firestore, "PUBSUB_EMULATOR_HOST": pubsub}
    signs = examined(project, hosts, Subprocess(ROOT), shutil.which)
    if as_json:
        print_json([asdict(sign) for sign in signs])
    else:
        for sign in signs:
            _print(sign)
    raise typer.Exit(status_of(signs))


def _print(sign: Sign) -> None:
    typer.echo(f"{sign.verdict.value:13} {sign.what}: {sign.found}")
    if sign.hint and sign.verdict is not Verdict.OK:
        typer.echo(f"              hint: {sign.hint}")


def status_of(signs: Iterable[Sign]) -> int:
    verdicts = {sign.verdict for sign in signs}
    return FAILED if Verdict.WRONG in verdicts else UNAVAILABLE if Verdict.NOT_LOOKED_AT in verdicts else 0


def examined(project: str, emulators: dict[str, str], run: Runner, find: Callable[[str], str | None]) -> list[Sign]:
    """Look at this machine, then, if a project is named and gcloud is there, at the project."""
    manifest, files = _files()
    signs = [_python(), *files, *_tools(find), *_emulators(emulators)]
    if not project:
        return [
            *signs,
            Sign("project", Verdict.NOT_LOOKED_AT, "none is named", "name one with --project, or GOOGLE_CLOUD_PROJECT"),
        ]
    if find("gcloud") is None or manifest is None:
        why = f"{project}: there is no gcloud, or no manifest, to look with"
        return [*signs, Sign("project", Verdict.NOT_LOOKED_AT, why, "repair what is wrong above first")]
    return [*signs, *_cloud(manifest, project, run)]


def _python() -> Sign:
    version = ".".join(map(str, sys.version_info[:3]))
    fit = sys.version_info >= OLDEST_PYTHON
    return Sign("Python", Verdict.OK if fit else Verdict.WRONG, version, "3.11 is what the functions run on")


def _files() -> tuple[Manifest | None, list[Sign]]:
    """Load policy and manifest; a fault in either is a sign, not an end."""
    from deploy.manifest_file import load_manifest

    try:
        manifest = load_manifest(today=runtime.contexts()[0].ports.clock.now().date())
    except PolicyError as wrong:
        hint = wrong.hint.splitlines()[0] if wrong.hint else ""
        return None, [Sign("policy and manifest", Verdict.WRONG, f"{wrong.path}: {wrong.key}: {wrong.reason}", hint)]
    return manifest, [Sign("policy and manifest", Verdict.OK, f"{len(manifest.functions)} functions declared")]


def _tools(find: Callable[[str], str | None]) -> Iterator[Sign]:
    hints = {
        "gcloud": "install the Google Cloud CLI: it deploys, compares, and brings the emulators",
        "bq": "gcloud components install bq",
        "curl": "install it: after a deploy each function is asked by it",
        "java": "install a JDK, release 11 or later: the emulators run on it",
    }
    for name, hint in hints.items():
        path = find(name)
        yield Sign(name, Verdict.WRONG if path is None else Verdict.OK, path or "not on PATH", hint)


def _emulators(hosts: dict[str, str]) -> Iterator[Sign]:
    """A host that is named must answer; that none is named is how production runs."""
    import socket

    for name, host in hosts.items():
        if not host:  # the real service is meant, which is looked at below
            continue
        address, _, port = host.removeprefix("http://").rpartition(":")
        try:
            with socket.create_connection((address or "127.0.0.1", int(port)), timeout=2):
                yield Sign(name, Verdict.OK, f"{host} answers")
        except (OSError, ValueError) as error:
            yield Sign(name, Verdict.WRONG, f"{host}: {error}", f"start the emulator, or unset {name}")


def _cloud(manifest: Manifest, project: str, run: Runner) -> Iterator[Sign]:
    credentials = _credentials(project, run)
    yield credentials
    if credentials.verdict is not Verdict.OK:
        yield Sign("project", Verdict.NOT_LOOKED_AT, f"{project}: there are no credentials", "see credentials above")
        return
    try:
        description = ask(run, gcloud("projects describe", project, project=project))
    except CommandFailed as failed:
        yield _unread("project", failed)
        return
    if description is None:
        yield Sign("project", Verdict.WRONG, f"{project} is not there, or not yours to see", "gcloud projects list")
        return
    place = Target(project, str(description["projectNumber"]), manifest.region)
    yield Sign("project", Verdict.OK, f"{project} ({place.number})")
    yield from _deployer(manifest, place, credentials.found, run)
    yield from _resources(_looked_at(manifest, place), run)
    yield from _values(manifest, place, run)


def _credentials(project: str, run: Runner) -> Sign:
    line = gcloud("auth list", project=project, filter="status:ACTIVE")
    hint = "gcloud auth login, and for programs gcloud auth application-default login"
    try:
        accounts = ask(run, line)
    except CommandFailed as failed:
        return _unread("credentials", failed)
    if not accounts:
        return Sign("credentials", Verdict.WRONG, "no active account", hint)
    return Sign("credentials", Verdict.OK, str(accounts[0].get("account", "active")))


def _deployer(manifest: Manifest, place: Target, account: str, run: Runner) -> Iterator[Sign]:
    """Whether whoever is logged in could deploy; Google is asked, which counts groups and folders in."""
    what = f"rights of {account} to deploy"
    try:
        lacks = deployer.lacks(manifest, place, deployer.member_of(account), run)
    except CommandFailed as failed:
        yield _unread(what, failed)
        return
    for lack in lacks:
        by_list = (
            " ; or a line under deployers in deploy/functions.yaml" if lack.right.kind == "service account" else ""
        )
        yield Sign(what, Verdict.WRONG, f"no {lack.right.role} on {lack.right.thing}", f"{lack.line}{by_list}")
    if not lacks:
        yield Sign(what, Verdict.OK, f"{len(deployer.ROLES)} roles on the project, and those on the accounts there are")


def _looked_at(manifest: Manifest, place: Target) -> list[Resource]:
    """Return what must be there, whatever the code: digests are the business of bin/check-drift."""
    stamp = BuildInfo("", dict.fromkeys(manifest.functions, ""))
    return plan(manifest, place, stamp)


def _resources(resources: Sequence[Resource], run: Runner) -> Iterator[Sign]:
    """One sign for each kind that is whole, one for each thing that is missing or differs."""
    looks = Looks(run)
    whole: dict[str, int] = {}
    for resource in resources:
        try:
            actual = looks.of(resource)
        except CommandFailed as failed:
            yield _unread(resource.id, failed)
            continue
        wrong = [] if actual is None or resource.kind in OF_CODE else resource.differences(actual)
        if actual is None:
            yield Sign(resource.id, Verdict.WRONG, "not there", APPLY if resource.lines[1:] else resource.hint)
        elif wrong:
            yield Sign(resource.id, Verdict.WRONG, "; ".join(map(str, wrong)), APPLY)
        else:
            whole[resource.kind] = whole.get(resource.kind, 0) + 1
    for kind, number in whole.items():
        yield Sign(kind, Verdict.OK, f"{number} are there" if kind in OF_CODE else f"{number} as they should be")


def _values(manifest: Manifest, place: Target, run: Runner) -> Iterator[Sign]:
    """Whether each secret has a value; the value itself is never read."""
    for name in manifest.secrets:
        line = gcloud("secrets versions list", name, project=place.project, filter="state=ENABLED", limit=1)
        try:
            values = ask(run, line)
        except CommandFailed as failed:
            yield _unread(f"value of {name}", failed)
            continue
        optional = manifest.policy.alerts.pagerduty
        if values:
            yield Sign(f"value of {name}", Verdict.OK, "an enabled version")
        elif optional is not None and name == optional.routing_key_secret:
            yield Sign(f"value of {name}", Verdict.OK, "none: PagerDuty is off")
        else:
            hint = f"gcloud secrets versions add {name} --data-file=- : without it nobody hears these alerts"
            yield Sign(f"value of {name}", Verdict.WRONG, "no enabled version", hint)


def _unread(what: str, failed: CommandFailed) -> Sign:
    return Sign(what, Verdict.NOT_LOOKED_AT, failed.gist, f"run it by hand: {failed.line}")
