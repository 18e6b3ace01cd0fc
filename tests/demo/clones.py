"""What tests of the demo share: a clone to call it in, and how it is called without one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.own_pipeline import leave_alone
from tests.tooling.tiny_repository import lend_env

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("bin", "config", "deploy", "functions", "shared", "tests/pipeline", "tests/scenarios")


def cloned(root: Path, *more: str) -> Path:
    """Return a copy of what the demo needs, with a finished environment: its scripts run as a person runs them.

    Pipelines that somebody added are left out, as they would be of a clone.
    """
    for name in (*PARTS, *more):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    leave_alone(root)
    lend_env(root)
    return root


def command(home: Path, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "shared.simulation.demo", "--home", str(home), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
