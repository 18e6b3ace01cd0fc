"""A tiny copy of this repository: the real rules and scripts over a tree small enough to break on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ("pyproject.toml", "shared/core/ruff.toml", "tests/ruff.toml", "bin", ".ci", "deploy/requirements")
ANNOTATIONS = "from __future__ import annotations\n"
PASSING_TEST = f'''{ANNOTATIONS}

def test_nothing() -> None:
    """Something passes."""
    assert True
'''
TREE: Mapping[str, str] = {
    "shared/__init__.py": "",
    "shared/core/__init__.py": "",
    "shared/core/model.py": ANNOTATIONS,
    "shared/ports.py": ANNOTATIONS,
    "shared/documents.py": ANNOTATIONS,
    "shared/app/__init__.py": "",
    "shared/app/sweep/__init__.py": "",
    "shared/app/sweep/sweep.py": ANNOTATIONS,
    "shared/adapters/__init__.py": "",
    "shared/adapters/notify/__init__.py": "",
    "shared/adapters/notify/slack.py": ANNOTATIONS,
    "shared/adapters/notify/pagerduty.py": ANNOTATIONS,
    "shared/adapters/wire.py": ANNOTATIONS,
    "shared/adapters/google/__init__.py": "",
    "shared/adapters/google/firestore.py": ANNOTATIONS,
    "shared/adapters/google/bigquery.py": ANNOTATIONS,
    "shared/adapters/local/__init__.py": "",
    "shared/adapters/local/sqlite.py": ANNOTATIONS,
    "shared/adapters/local/duckdb.py": ANNOTATIONS,
    "shared/runtime.py": ANNOTATIONS,
    "shared/entrypoints/__init__.py": "",
    "shared/entrypoints/self_heal.py": ANNOTATIONS,
    "shared/simulation/__init__.py": "",
    "shared/simulation/world.py": ANNOTATIONS,
    "shared/cli/__init__.py": "",
    "shared/cli/main.py": ANNOTATIONS,
    "functions/self_heal/main.py": ANNOTATIONS,
    "deploy/__init__.py": "",
    "tests/test_nothing.py": PASSING_TEST,
    "tests/random_nights/__init__.py": "",
    "tests/model_checking/__init__.py": "",
    "tests/bench/__init__.py": "",
}


def build(root: Path) -> Path:
    """Write the tiny tree under ``root`` with the real rules, scripts and locks."""
    for name in RULES:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    for name, text in TREE.items():
        write(root, name, text)
    return root


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def add(root: Path, name: str, line: str) -> None:
    """Append one line of code to a file of the tree, or begin a new file with it."""
    path = root / name
    write(root, name, (path.read_text() if path.exists() else ANNOTATIONS) + f"\n{line}\n")


def lend_env(root: Path, name: str = ".venv", lock: str = "dev") -> None:
    """Give the copy a finished environment that runs this very interpreter."""
    python = root / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy(root / "deploy/requirements" / f"{lock}.txt", root / name / "installed.txt")


def run(
    *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, apart from the pytest that runs this."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
