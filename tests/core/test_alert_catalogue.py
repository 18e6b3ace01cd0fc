"""The catalogue of alerts: complete, true to what is raised, and the page that people read."""

from __future__ import annotations

import ast
from pathlib import Path

from deploy.alerts_page import PAGE, page
from shared.core.alerting.kinds import CATALOGUE, AlertKind

ROOT = Path(__file__).resolve().parents[2]


def kinds_in(text: str) -> set[str]:
    """Return the kinds that a module names."""
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "AlertKind"
    }


def test_every_kind_is_described() -> None:
    """No kind without an entry, and no two kinds that a reader could not tell apart by their title."""
    assert set(CATALOGUE) == set(AlertKind)
    assert len({info.title for info in CATALOGUE.values()}) == len(CATALOGUE)


def test_every_kind_is_raised() -> None:
    """An entry that nothing raises describes an alert that nobody gets."""
    modules = [path for path in (ROOT / "shared").rglob("*.py") if path.name != "kinds.py"]
    assert (
        set(AlertKind.__members__) - set().union(*(kinds_in(path.read_text(encoding="utf-8")) for path in modules))
        == set()
    )


def test_the_page_is_what_the_catalogue_says() -> None:
    """deploy/ALERTS.md is written by `python -m deploy.alerts_page` and never by hand."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_there_is_one_severity() -> None:
    """What is grave is said in the same words of alerts, checks and workflows: one class, defined once."""
    classes = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shared").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name == "Severity"
    }
    assert classes == {"shared/core/severity.py"}
