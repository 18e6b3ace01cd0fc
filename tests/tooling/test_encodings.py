"""No file is read or written in the encoding that a machine happens to have: each call names its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("shared", "deploy", "functions") for path in (ROOT / folder).rglob("*.py"))
TEXT = {"read_text", "write_text"}


def unnamed(tree: ast.AST) -> Iterator[int]:
    """Yield the line of each call that reads or writes text in the encoding of the locale."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "encoding" in given or None in given:
            continue
        if name in TEXT or (name == "open" and not _is_other_open(function) and "b" not in _mode(node, function)):
            yield node.lineno
        if any(getattr(given.get(word), "value", False) is True for word in ("text", "universal_newlines")):
            yield node.lineno


def _is_other_open(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "id", "") in ("os", "self", "webbrowser")


def _mode(call: ast.Call, function: ast.expr) -> str:
    place = 0 if isinstance(function, ast.Attribute) else 1
    stated = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[place : place + 1]
    return str(getattr(stated[0], "value", "")) if stated else "r"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_names_its_encoding(path: Path) -> None:
    """UTF-8 on a machine of any locale, for files and for what other programs say."""
    assert list(unnamed(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("p.read_text()", True),
        ("p.write_text('x')", True),
        ("open(p)", True),
        ("open(p, 'w')", True),
        ("p.open()", True),
        ("p.open('a')", True),
        ("subprocess.run(['x'], text=True)", True),
        ("p.read_text(encoding='utf-8')", False),
        ("open(p, 'rb')", False),
        ("p.open('ab')", False),
        ("p.open(mode='wb')", False),
        ("os.open(p, 0)", False),
        ("subprocess.run(['x'], encoding='utf-8')", False),
    ],
)
def test_a_call_without_one_is_found(source: str, expected: bool) -> None:
    """The check sees what it is for."""
    assert bool(list(unnamed(ast.parse(source)))) is expected
