"""Modules, classes and functions bear the field's words: those that were given up do not come back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("shared", "deploy", "functions", "tests")
GIVEN_UP = frozenset(
    [
        "absent",
        "agenda",
        "asked",
        "attend",
        "baton",
        "book",
        "bookkeeping",
        "carried",
        "cast",
        "claims",
        "crowd",
        "draw",
        "ending",
        "faults",
        "good",
        "healing",
        "home",
        "horizon",
        "house",
        "invariants",
        "keep_for_record",
        "lasting",
        "letters",
        "life",
        "live",
        "looker",
        "many",
        "marks",
        "nowhere",
        "opener",
        "openers",
        "outside",
        "pace",
        "patience",
        "picture",
        "player",
        "problem",
        "promises",
        "reach",
        "reconciliation",
        "rules",
        "said",
        "said_at",
        "scene",
        "scripts",
        "settle",
        "settled",
        "shape",
        "shelf",
        "sight",
        "situation",
        "stage",
        "stamp",
        "standing",
        "swept",
        "tape",
        "tell",
        "told",
        "trouble",
        "unrecorded",
        "views",
        "watch",
        "wires",
        "wish",
    ]
)
# Words of the domain or of a contract, and why each is one.
EXCEPTIONS: dict[str, str] = {}


def names_in(path: Path) -> Iterator[str]:
    """Yield the names of a module, of its classes and of its functions, as one would write them."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def given_up(name: str) -> bool:
    return name.strip("_").lower() in GIVEN_UP or name.endswith(("Shape", "_shape"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_is_one_that_was_given_up(folder: str) -> None:
    """A reader finds one word for one thing, the one that others in the field use."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    violations = {f"{path.relative_to(ROOT)}: {name}" for path in paths for name in names_in(path) if given_up(name)}
    assert violations - EXCEPTIONS.keys() == set()


@pytest.mark.parametrize("name", ["Standing", "_settle", "settle", "PolicyShape", "horizon"])
def test_a_name_that_was_given_up_is_seen(name: str) -> None:
    """Leading underscores, capitals and the old ending of the types of a file make no difference."""
    assert given_up(name)
