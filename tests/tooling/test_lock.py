"""The locks say what pyproject.toml asks for, exactly, and nothing of the machine that made them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tooling.made_up_index import PIN, installed
from tests.tooling.pips import needs_index
from tests.tooling.tiny_repository import ROOT

LOCKS = {"local": ("local",), "dev": ("dev",), "functions": ("functions",), "audit": ("audit",)}
OWN = "uv"
"""The lock of the tool that makes the others."""
MACHINES = [
    {**default_environment(), "python_version": version, "python_full_version": f"{version}.1", "sys_platform": system,
     "platform_system": {"win32": "Windows", "darwin": "Darwin", "linux": "Linux"}[system]}
    for version, system in product(("3.11", "3.12", "3.13"), ("linux", "darwin", "win32"))
]  # fmt: skip


def lines(lock: str) -> list[str]:
    return (ROOT / f"deploy/requirements/{lock}.txt").read_text().splitlines()


def pins(lock: str) -> dict[str, str]:
    matches = (PIN.match(line) for line in lines(lock))
    return {canonicalize_name(pin["name"]): pin["version"] for pin in matches if pin}


def requirements_of(*extras: str) -> Iterator[Requirement]:
    """Yield what the project and these extras require, the project's own extras followed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, texts):
        if requirement.name == project["name"]:
            yield from requirements_of(*requirement.extras)
        else:
            yield requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_all_that_is_asked_for(lock: str) -> None:
    """Each requirement of the extras has a pin that satisfies it; otherwise bin/lock was forgotten."""
    pinned = pins(lock)
    unmet = [
        str(requirement)
        for requirement in requirements_of(*LOCKS[lock])
        if pinned.get(canonicalize_name(requirement.name), "none") not in requirement.specifier
    ]
    assert unmet == []


@pytest.mark.parametrize("lock", [*LOCKS, OWN])
def test_a_lock_holds_exact_pins_and_hashes_only(lock: str) -> None:
    """Each line is a comment, a pin or a hash: no index, no link, no path, no version range."""
    foreign = [
        line
        for line in lines(lock)
        if not (line.startswith("#") or PIN.match(line) or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line))
    ]
    assert foreign == []


def test_the_light_environment_is_part_of_the_whole_one() -> None:
    """What bin/orch runs on is what the tests ran on, version by version."""
    assert pins("local").items() <= pins("dev").items()


def test_what_is_deployed_is_part_of_what_was_tested() -> None:
    """The functions run the versions that the tests ran on, version by version."""
    assert pins("functions").items() <= pins("dev").items()


def test_a_function_is_served_here_with_all_that_it_imports() -> None:
    """The light environment has each package of the functions but Google's clients, in place of which it has stores of
    its own: `orch serve` answers whatever a deployed function answers."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    functions, local = (
        {canonicalize_name(Requirement(line).name) for line in extras[name]} for name in ("functions", "local")
    )
    assert {name for name in functions - local if not name.startswith("google-cloud-")} == set()


def test_the_tool_that_locks_is_locked() -> None:
    """bin/lock installs uv by hash, and nothing with it."""
    assert set(pins(OWN)) == {"uv"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_extra_is_locked_as_it_is_asked_for(lock: str) -> None:
    """Whatever a locked package asks for of another, with extras or without, on any machine, has a pin of its own."""
    asks = {name: requires for (name, version), requires in installed().items() if pins(lock).get(name) == version}
    assert unlocked(lock, asks) == set()


@pytest.mark.nightly
@pytest.mark.parametrize("lock", LOCKS)
def test_extras_asked_for_elsewhere_are_locked_too(lock: str, tmp_path: Path) -> None:
    """The same of what is locked for other machines and so not installed here, read from its wheels."""
    here = installed()
    away = {pin for pin in all_pins(lock) if pin not in here}
    asks = {name: requires for (name, version), requires in here.items() if (name, version) in all_pins(lock)}
    for name, version in away:
        asks[name] = [*asks.get(name, []), *requires_of(name, version, tmp_path)]
    assert unlocked(lock, asks) == set()


def test_an_extra_that_nobody_locked_is_named() -> None:
    """The look at metadata sees an extra that is asked for by an extra."""
    asks = {"google-cloud-bigquery": ["google-auth[reauth]; extra == 'all'", "google-cloud-bigquery[all]"]}
    assert unlocked("functions", asks) == {"google-auth[reauth]", "google-cloud-bigquery[all]"}


def all_pins(lock: str) -> set[tuple[str, str]]:
    matches = (PIN.match(line) for line in lines(lock))
    return {(canonicalize_name(pin["name"]), pin["version"]) for pin in matches if pin}


def unlocked(lock: str, asks: Mapping[str, list[str]]) -> set[str]:
    """Return what has no pin of its own of all that the project and ``asks`` ask for, followed through the extras."""
    locked = {canonicalize_name(pin["name"]) + (pin["extras"] or "") for pin in map(PIN.match, lines(lock)) if pin}
    seen: set[str] = set()
    queue = [*requirements_of(*LOCKS[lock])]
    while queue:
        requirement = queue.pop()
        name, extras = canonicalize_name(requirement.name), sorted(requirement.extras)
        for form in {name, f"{name}[{','.join(extras)}]" if extras else name} - seen:
            seen.add(form)
            active = extras if "[" in form else [""]
            queue += [needed for text in asks.get(name, []) if applies(needed := Requirement(text), active)]
    return seen - locked


def applies(requirement: Requirement, extras: list[str]) -> bool:
    """Whether some machine needs this of a package that was asked for with one of these extras, "" for none."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**machine, "extra": x}) for machine in MACHINES for x in extras)


def requires_of(name: str, version: str, folder: Path) -> list[str]:
    """Return what a release asks for, as the index tells of its wheel for any machine that it is locked for."""
    report = folder / f"{name}.json"
    for python, platform in product(("3.11", "3.12", "3.13"), ("manylinux_2_28_x86_64", "win_amd64")):
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--only-binary=:all:", "--no-input"),
            *("--ignore-installed", "--quiet", "--target", str(folder / "nowhere"), "--report", str(report)),
            *("--python-version", python, "--platform", platform, f"{name}=={version}"),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            metadata = json.loads(report.read_text())["install"][0]["metadata"]
            return list(metadata.get("requires_dist", []))
    needs_index(ended, f"the metadata of {name} {version}")
    raise AssertionError("needs_index never returns here")
