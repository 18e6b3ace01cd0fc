"""A local name is the noun of what it holds: words that say nothing of it are not bound (CONTRIBUTING)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("shared", "deploy", "functions", "tests")
WORDS = frozenset(["found", "gone", "its", "known", "one", "said", "told", "wanted"])


def bound(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and name of each variable, argument and pattern that is bound; fields of classes are no locals."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
        if not (isinstance(tree, ast.ClassDef) and isinstance(node, ast.AnnAssign)):
            yield from bound(node)


def given_up(text: str) -> list[str]:
    """Return where a module binds one of the words, as `line: name`."""
    return [f"{line}: {name}" for line, name in bound(ast.parse(text)) if name in WORDS]


BINDINGS = {
    path: given_up(path.read_text(encoding="utf-8"))
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_local_name_is_a_noun(folder: str) -> None:
    """No word that says nothing of what it holds is bound."""
    of_folder = {path: names for path, names in BINDINGS.items() if path.is_relative_to(ROOT / folder)}
    assert of_folder
    assert {path.relative_to(ROOT).as_posix(): names for path, names in of_folder.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "one = 1",
        "for one in (): pass",
        "def f(one): pass",
        "def f(*, one=1): pass",
        "f = lambda one: 1",
        "[one for one in ()]",
        "(one := 1)",
        "with open('x') as one: pass",
        "match 1:\n    case one: pass",
        "match []:\n    case [*one]: pass",
        "match {}:\n    case {**one}: pass",
        "try: pass\nexcept OSError as one: pass",
        "class C:\n    def m(self):\n        one = 1",
    ],
)
def test_every_binding_is_seen(text: str) -> None:
    """Assignments, loops, arguments, comprehensions, patterns and handlers bind a name."""
    assert [name.partition(": ")[2] for name in given_up(text)] == ["one"]


@pytest.mark.parametrize(
    "text", ["class C:\n    found: str", "print(one)", "x.one = 1", "f(one=1)", "def found(): pass"]
)
def test_what_is_no_local_is_left_alone(text: str) -> None:
    """Fields, attributes, keywords of a call and functions have names that others use."""
    assert given_up(text) == []
