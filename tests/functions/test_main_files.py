"""Each function's ``main.py`` is what the platform expects of it, and nothing more."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.config.policy_file import load_policy
from tests.functions.entry import FUNCTIONS, ROOT, TOPICS, TRANSITIONS
from tests.policy_files import NBA

MAINS = sorted(FUNCTIONS.glob("*/main.py"))
SIGNATURES = dict.fromkeys((*TRANSITIONS, "transition", "workflow_executor"), "cloudevent")
NAMES = [path.parent.name for path in MAINS]

# Loads a function as the server does, from another folder, and says what became of it.
PROBE = """
import sys
import functions_framework as ff
from functions_framework import _function_registry as registry
app = ff.create_app("main", sys.argv[1])
import shared
print(registry.get_func_signature_type("main", None), shared.__path__[0])
"""


def test_every_transition_has_a_function_and_there_is_a_sweep() -> None:
    """The folders are the policy's transitions and the functions that are called over HTTP."""
    assert {*load_policy(NBA).transitions, "self_heal"} <= set(NAMES)
    assert set(TOPICS) == set(TRANSITIONS)


@pytest.mark.parametrize("path", MAINS, ids=NAMES)
def test_a_main_file_is_under_twenty_lines(path: Path) -> None:
    """What a function does stands in shared, where it is tested."""
    assert len(path.read_text().splitlines()) < 20


@pytest.mark.parametrize("path", MAINS, ids=NAMES)
def test_a_main_file_defines_main_by_a_def(path: Path) -> None:
    """The framework takes an inner function of a factory for an HTTP function, so `main` is a def of the module."""
    tree = ast.parse(path.read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["main"]


@pytest.mark.parametrize("path", MAINS, ids=NAMES)
def test_a_transition_names_itself(path: Path) -> None:
    """A folder and the transition that its function speaks for are one name."""
    if path.parent.name not in TRANSITIONS:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant)]
    assert set(named) == {path.parent.name}


@pytest.mark.parametrize("path", MAINS, ids=NAMES)
def test_the_framework_recognises_the_signature(path: Path, tmp_path: Path) -> None:
    """Loaded from its file, a function has its signature without a flag, and `shared` is the repository's.

    The framework appends the function's folder to the module search path: nothing there may hide `shared`.
    """
    command = [sys.executable, "-c", PROBE, str(path)]
    answer = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().split(maxsplit=1) == [SIGNATURES.get(path.parent.name, "http"), str(ROOT / "shared")]
