"""The manifest of this repository for its own pipeline alone, a place, a stamp, and a stand-in project to deploy to.

Who adds a pipeline changes what is deployed, and nothing that is tested here: its policy, and what the manifest says of
it, are left out.
"""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from deploy import bundle, monitoring
from deploy.called_checks import VALIDATION
from deploy.manifest import ROOT, BuildInfo, Manifest, Target
from deploy.manifest_file import MANIFEST, load_manifest
from shared.adapters.config import policy_file
from shared.core.errors import PolicyError
from tests.deploy.standin import NUMBER, Cloud
from tests.own_pipeline import leave_alone, others
from tests.policy_files import edit

TODAY = date(2026, 11, 22)
PLACE = Target("demo-orch", NUMBER, "us-west2")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WHOLE: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
OWN_POLICY = f"{WHOLE['policy']}/{WHOLE['pipeline']}.yaml"


def alone(file: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest without what it says of the pipelines beside its own: topics, and calls of their checks."""
    topics = {topic for policy in others() for topic in policy.topics}
    topics |= {topic for policy in others() for step in policy.transitions.values() for topic in step.topics}
    checks = yaml.safe_load((ROOT / "config" / "validation.yaml").read_text(encoding="utf-8"))["schedules"]
    return {
        **file,
        "policy": OWN_POLICY,
        "topics": {topic: text for topic, text in file["topics"].items() if topic not in topics},
        "schedules": {
            name: schedule
            for name, schedule in file["schedules"].items()
            if schedule["calls"] != VALIDATION or called_name(schedule["path"]) in checks
        },
    }


def called_name(path: str) -> str:
    return path.partition("schedule=")[2].partition("&")[0]


_RAW = alone(WHOLE)


@cache
def manifest() -> Manifest:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "functions.yaml"
        path.write_text(json.dumps(_RAW), encoding="utf-8")
        return replace(load_manifest(path, today=TODAY), source=str(MANIFEST))


def command_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever loads the repository's manifest get that of its own pipeline; any other file is loaded as it is."""

    def load(path: Path = MANIFEST, *, today: date, root: Path = ROOT) -> Manifest:
        return manifest() if path == MANIFEST else load_manifest(path, today=today, root=root)

    for module in ("deploy.command", "deploy.manifest_file", "shared.cli.cost", "shared.cli.dead_letters"):
        monkeypatch.setattr(f"{module}.load_manifest", load)


def build_info(mark: str = "a") -> BuildInfo:
    """Return a stamp of made-up digests; another mark is other code."""
    return BuildInfo(COMMIT, dict.fromkeys(manifest().functions, mark * 40))


def raw() -> dict[str, Any]:
    """Return a fresh copy of the manifest as plain values."""
    return copy.deepcopy(_RAW)


def load_changed(folder: Path, changes: dict[str, Any], today: date = TODAY) -> Manifest:
    """Load the manifest with changes as `tests.policy_files.edit` makes them."""
    path = folder / "functions.yaml"
    path.write_text(json.dumps(edit(raw(), changes)), encoding="utf-8")
    return load_manifest(path, today=today)


def refusal(folder: Path, changes: dict[str, Any], today: date = TODAY) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        load_changed(folder, changes, today)
    return caught.value


def project(folder: Path, of: Manifest | None = None) -> Cloud:
    """Return an empty project with the services that are not ours, and the bundles and files to deploy."""
    of = of or manifest()
    for function in of.functions.values():
        (folder / "build" / function.folder).mkdir(parents=True, exist_ok=True)
        for name in ("main.py", "requirements.txt"):
            (folder / "build" / function.folder / name).write_text("")
    monitoring.write(monitoring.rendered(of, ROOT), folder / "build" / "observability")
    return furnished(Cloud(folder), of)


def furnished(cloud: Cloud, of: Manifest | None = None) -> Cloud:
    """Put into a project what others make: their services, and the channel that is made by hand."""
    of = of or manifest()
    for policy in (of.policy, *of.others):
        for service in policy.services.values():
            cloud.outside_service(service.deployed_as)
    name = f"projects/{cloud.project}/notificationChannels/1"
    cloud.store("channels")[name] = {"name": name, "type": "slack", "displayName": "on-call", "enabled": True}
    return cloud


def checkout(folder: Path, *beside: Path) -> Path:
    """Return a checkout for a deployment: the own pipeline's configuration, with the files of these folders added."""
    shutil.copytree(ROOT / "config", folder / "config")
    leave_alone(folder)
    for more in beside:
        shutil.copytree(more, folder / "config", dirs_exist_ok=True)
    (folder / "deploy").mkdir()
    (folder / MANIFEST.relative_to(ROOT)).write_text(
        yaml.safe_dump({**raw(), "policy": "config"}, sort_keys=False), encoding="utf-8"
    )
    for name in ("functions", "deploy/requirements"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def load_checkout(folder: Path) -> Manifest:
    """Load the manifest of a checkout; queries are read from its config as the functions read them from theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_file, "CONFIG", folder / "config")
        return load_manifest(folder / MANIFEST.relative_to(ROOT), today=TODAY, root=folder)


__all__ = [
    "COMMIT",
    "MANIFEST",
    "PLACE",
    "ROOT",
    "TODAY",
    "build_info",
    "bundle",
    "checkout",
    "command_alone",
    "furnished",
    "load_changed",
    "load_checkout",
    "manifest",
    "project",
    "raw",
    "refusal",
]
