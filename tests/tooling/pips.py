"""The pips that people have, each as the wheel that tests/tooling/pips.txt names, run without being installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tooling.tiny_repository import ROOT

STORE = ROOT / ".venv-pips"
LISTED = Path(__file__).with_name("pips.txt")
DEBIAN = "23.0.1"
HASHES = dict(re.findall(r"^pip==(\S+) \\\n    --hash=sha256:([0-9a-f]{64})$", LISTED.read_text(), re.MULTILINE))
NEWEST = "the newest"
"""The pip that the environment of the tests has, as its Python brought it or as it was upgraded."""
FETCH_SECONDS = 300


def command(version: str, python: Path = Path(sys.executable)) -> list[str]:
    """Return what runs a pip for an interpreter, whose environment needs none of its own.

    One that is not in the store yet is fetched, its hash checked.
    """
    if version == NEWEST:
        return [sys.executable, "-m", "pip", "--python", str(python)]
    return [str(python), str(_unpacked(version) / "pip")]


def pip(version: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a pip that knows neither index nor configuration but what ``env`` and the arguments name."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    blind = {**outside, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(env or {})}
    line = [*command(version), *arguments]
    return subprocess.run(line, env=blind, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)


def needs_index(ended: subprocess.CompletedProcess[str], what: str) -> None:
    """Skip if an index could not give what is needed; in continuous integration nothing may be skipped: fail there."""
    if ended.returncode != 0:
        reason = f"{what} could not be fetched\n  hint: PIP_INDEX_URL names a package index\n{ended.stderr[-1500:]}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def _unpacked(version: str) -> Path:
    """Return the folder of a pip; a wheel that is run as it is compiles itself anew at each call."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("pips of Python 3.11 run on Python 3.11")
    kept = STORE / f"pip-{version}-{HASHES[version][:12]}"
    if not kept.exists():
        STORE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=STORE) as name:
            folder = Path(name)
            (folder / "wanted.txt").write_text(f"pip=={version} --hash=sha256:{HASHES[version]}\n")
            fetch = ("download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input", "-d", name)
            line = [sys.executable, "-m", "pip", *fetch, "-r", str(folder / "wanted.txt")]
            ended = subprocess.run(line, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
            needs_index(ended, f"pip {version}")
            with zipfile.ZipFile(next(folder.glob("pip-*.whl"))) as wheel:
                wheel.extractall(folder / "whole")
            with suppress(OSError):  # another worker was faster
                (folder / "whole").rename(kept)
    return kept
