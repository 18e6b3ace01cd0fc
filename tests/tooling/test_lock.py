"""The locks say what pyproject.toml asks for, exactly, and nothing of the machine that made them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tooling.house import ROOT

LOCKS = {"local": ("local",), "dev": ("dev",), "functions": ("functions",)}
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<marker> ;.*)? \\$")


def lines(lock: str) -> list[str]:
    return (ROOT / f"deploy/requirements/{lock}.txt").read_text().splitlines()


def pins(lock: str) -> dict[str, str]:
    found = (PIN.match(line) for line in lines(lock))
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin}


def asked(*extras: str) -> Iterator[Requirement]:
    """Yield what the project and these extras require, the project's own extras followed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, texts):
        if requirement.name == project["name"]:
            yield from asked(*requirement.extras)
        else:
            yield requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_all_that_is_asked_for(lock: str) -> None:
    """Each requirement of the extras has a pin that satisfies it; otherwise bin/lock was forgotten."""
    pinned = pins(lock)
    unmet = [
        str(requirement)
        for requirement in asked(*LOCKS[lock])
        if pinned.get(canonicalize_name(requirement.name), "none") not in requirement.specifier
    ]
    assert unmet == []


@pytest.mark.parametrize("lock", LOCKS)
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
