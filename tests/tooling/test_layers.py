"""The rules of the house bite: each forbidden line, put into a lawful tree, fails the gate by the rule's name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tooling.tiny_repository import add, build, run

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(root: Path) -> tuple[int, str]:
    answer = run(sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", ".", cwd=root)
    return answer.returncode, answer.stdout + answer.stderr


def imports(root: Path) -> tuple[int, str]:
    answer = run(sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache", cwd=root)
    return answer.returncode, " ".join((answer.stdout + answer.stderr).split())  # its lines are wrapped at 80


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return build(tmp_path / "house")


def test_a_lawful_tree_passes(repository: Path) -> None:
    """Neither gate complains about a tree that keeps the rules, allowed exceptions included."""
    add(repository, "shared/core/model.py", "from dataclasses import dataclass as dataclass")
    add(repository, "shared/ports.py", "from shared.core import model as model")
    add(repository, "shared/documents.py", "from shared import ports as ports")
    add(repository, "shared/app/sweep/sweep.py", "from shared import documents as documents")
    add(repository, "shared/adapters/notify/slack.py", "from shared.adapters import wire as wire")
    add(repository, "shared/adapters/local/sqlite.py", "from shared.adapters import wire as wire")
    add(
        repository,
        "shared/runtime.py",
        "import os\n\nfrom shared.adapters import slack as slack\n\nhome = os.environ['HOME']",
    )
    add(repository, "shared/simulation/world.py", "from shared import runtime as runtime")
    add(repository, "shared/cli/main.py", "from shared.simulation import world as world\n\nprint(world)")
    add(repository, "shared/entrypoints/self_heal.py", "from shared import runtime as runtime")
    add(repository, "functions/self_heal/main.py", "from shared.entrypoints import self_heal as self_heal")
    status, text = lint(repository)
    assert (status, "All checks passed" in text) == (0, True), text
    status, text = imports(repository)
    assert (status, "0 broken" in text) == (0, True), text


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("shared/core/model.py", "import os as os", "`os` is banned"),
        ("shared/core/model.py", "from os import environ as environ", "`os` is banned"),
        ("shared/core/model.py", "import time as time", "`time` is banned"),
        ("shared/core/model.py", "import random as random", "`random` is banned"),
        ("shared/core/model.py", "import logging as logging", "`logging` is banned"),
        ("shared/core/model.py", "import socket as socket", "`socket` is banned"),
        ("shared/core/model.py", "import requests as requests", "`requests` is banned"),
        ("shared/core/model.py", "import yaml as yaml", "`yaml` is banned"),
        ("shared/core/model.py", "import google.auth as auth", "`google` is banned"),
        ("shared/core/model.py", "def late() -> None:\n    import os as os", "`os` is banned"),
        (
            "shared/core/model.py",
            "from datetime import UTC, datetime\n\nnow = datetime.now(tz=UTC)",
            "`datetime.datetime.now` is banned: Time is an argument",
        ),
        ("shared/core/model.py", "from datetime import date\n\nday = date.today()", "`datetime.date.today` is banned"),
        ("shared/core/model.py", "text = open('x').read()", "PTH123"),
        ("shared/core/model.py", "print(1)", "T201"),
        (
            "shared/app/sweep/sweep.py",
            "from datetime import UTC, datetime\n\nnow = datetime.now(tz=UTC)",
            "`datetime.datetime.now` is banned: Ask the Clock",
        ),
        ("shared/app/sweep/sweep.py", "import os\n\nhome = os.environ['HOME']", "`os.environ` is banned"),
        ("shared/app/sweep/sweep.py", "import time\n\ntime.sleep(1)", "`time.sleep` is banned"),
        ("shared/adapters/notify/slack.py", "import os\n\nhome = os.getenv('HOME')", "`os.getenv` is banned"),
        ("shared/app/sweep/sweep.py", "print(1)", "T201"),
        ("functions/self_heal/main.py", "print(1)", "T201"),
        ("shared/app/sweep/sweep.py", "from . import repair as repair", "TID252"),
        ("shared/app/sweep/sweep.py", "try:\n    pass\nexcept Exception:\n    x = 1", "BLE001"),
        ("shared/app/sweep/sweep.py", "def undeclared(x):\n    return x", "ANN001"),
        ("tests/test_nothing.py", "from unittest.mock import Mock as Mock", "`unittest.mock` is banned"),
    ],
)
def test_lint_refuses(repository: Path, file: str, line: str, rule: str) -> None:
    """A forbidden line fails the linter, in its file and by its rule."""
    add(repository, file, line)
    status, text = lint(repository)
    assert status == 1, text
    assert any(row.startswith(f"{file}:") and rule in row for row in text.splitlines()), text


@pytest.mark.parametrize(
    ("file", "line", "refusal"),
    [
        ("shared/core/model.py", "import yaml", "shared.core is not allowed to import yaml"),
        ("shared/core/model.py", "import os", "shared.core is not allowed to import os"),
        ("shared/core/model.py", "import unheard_of", "shared.core is not allowed to import unheard_of"),
        ("shared/core/model.py", "import shared.ports", "shared.core is not allowed to import shared.ports"),
        ("shared/ports.py", "import shared.app.sweep.sweep", "shared.ports is not allowed to import shared.app"),
        (
            "shared/app/sweep/sweep.py",
            "import shared.adapters.notify.slack",
            "shared.app is not allowed to import shared.adapters",
        ),
        (
            "shared/adapters/notify/slack.py",
            "import shared.app.sweep.sweep",
            "shared.adapters is not allowed to import shared.app",
        ),
        (
            "shared/adapters/notify/slack.py",
            "import shared.adapters.notify.pagerduty",
            "shared.adapters.notify.slack is not allowed to import shared.adapters.notify.pagerduty",
        ),
        (
            "shared/adapters/local/sqlite.py",
            "def late() -> None:\n    import shared.adapters.google.firestore",
            "shared.adapters.local is not allowed to import shared.adapters.google",
        ),
        (
            "shared/adapters/google/firestore.py",
            "import shared.adapters.google.bigquery",
            "shared.adapters.google.firestore is not allowed to import shared.adapters.google.bigquery",
        ),
        (
            "shared/adapters/local/sqlite.py",
            "import shared.adapters.local.duckdb",
            "shared.adapters.local.sqlite is not allowed to import shared.adapters.local.duckdb",
        ),
        (
            "shared/adapters/wire.py",
            "import shared.adapters.notify.slack",
            "shared.adapters.wire is not allowed to import shared.adapters.notify",
        ),
        ("shared/app/sweep/sweep.py", "import shared.runtime", "shared.app is not allowed to import shared.runtime"),
        ("shared/runtime.py", "import shared.cli.main", "shared.runtime is not allowed to import shared.cli"),
        (
            "shared/runtime.py",
            "import shared.simulation.world",
            "nothing but the command line imports the simulation BROKEN",
        ),
        (
            "functions/self_heal/main.py",
            "import shared.simulation.world",
            "functions is not allowed to import shared.simulation",
        ),
        (
            "functions/self_heal/main.py",
            "import shared.app.sweep.sweep",
            "functions is not allowed to import shared.app",
        ),
        ("shared/runtime.py", "import deploy", "shared.runtime is not allowed to import deploy"),
        ("deploy/__init__.py", "import shared.cli.main", "deploy is not allowed to import shared.cli"),
        ("functions/self_heal/main.py", "import shared.runtime", "functions is not allowed to import shared.runtime"),
        (
            "shared/runtime.py",
            "import shared.entrypoints.self_heal",
            "shared.runtime is not allowed to import shared.entrypoints",
        ),
        (
            "functions/self_heal/main.py",
            "import shared.adapters.notify.slack",
            "functions is not allowed to import shared.adapters",
        ),
        (
            "shared/cli/main.py",
            "import shared.adapters.notify.slack",
            "shared.cli is not allowed to import shared.adapters",
        ),
        ("shared/placeless.py", "", "placeless"),
    ],
)
def test_import_contracts_refuse(repository: Path, file: str, line: str, refusal: str) -> None:
    """An import against the layers fails the contracts, named from end to end; so does a module without a place."""
    add(repository, file, line)
    status, text = imports(repository)
    assert status == 1, text
    assert refusal in text, text
