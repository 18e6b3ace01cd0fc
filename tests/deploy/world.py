"""The manifest of this repository, a place, a stamp, and a stand-in project to deploy them to."""

from __future__ import annotations

import copy
import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import bundle, monitoring
from deploy.manifest import ROOT, BuildInfo, Manifest, Target
from deploy.manifest_file import MANIFEST, load_manifest
from shared.core.errors import PolicyError
from tests.deploy.standin import NUMBER, Cloud
from tests.policy_files import edit

TODAY = date(2026, 11, 22)
PLACE = Target("demo-orch", NUMBER, "us-west2")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_RAW: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))


@cache
def manifest() -> Manifest:
    return load_manifest(today=TODAY)


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


def project(folder: Path) -> Cloud:
    """Return an empty project with the services that are not ours, and the bundles and files to deploy."""
    for function in manifest().functions.values():
        (folder / "build" / function.folder).mkdir(parents=True, exist_ok=True)
        for name in ("main.py", "requirements.txt"):
            (folder / "build" / function.folder / name).write_text("")
    monitoring.write(monitoring.rendered(manifest(), ROOT), folder / "build" / "observability")
    return furnished(Cloud(folder))


def furnished(cloud: Cloud) -> Cloud:
    """Put into a project what others make: their services, and the channel that is made by hand."""
    for service in manifest().policy.services.values():
        cloud.outside_service(service.deployed_as)
    name = f"projects/{cloud.project}/notificationChannels/1"
    cloud.store("channels")[name] = {"name": name, "type": "slack", "displayName": "on-call", "enabled": True}
    return cloud


__all__ = [
    "COMMIT",
    "MANIFEST",
    "PLACE",
    "ROOT",
    "TODAY",
    "build_info",
    "bundle",
    "furnished",
    "load_changed",
    "manifest",
    "project",
    "raw",
    "refusal",
]
