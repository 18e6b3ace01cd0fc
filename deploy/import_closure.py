"""Which modules of `shared` a function reaches, through its entry point, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

EXCLUDED = ("shared.cli", "shared.simulation")


def import_closure(main: str, root: Path, left_out: set[str]) -> Iterator[Path]:
    """Yield the files of `shared` that a main.py needs; modules that import a package of ``left_out`` are not there."""
    seen: set[str] = set()
    ahead = list(imported(main))
    while ahead:
        module = ahead.pop()
        path = _file(module, root)
        if path is None or module in seen or module.startswith(EXCLUDED):
            continue
        seen.add(module)
        text = path.read_text(encoding="utf-8")
        names = imported(text)
        if left_out & {name.split(".")[0] for name in names}:
            continue
        yield path
        ahead += [*(name for name in names if name.split(".")[0] == "shared"), *_parents(module)]


@lru_cache(maxsize=1024)
def imported(text: str) -> tuple[str, ...]:
    """Return every module that a source text imports; functions share most of their modules."""
    return tuple(_imports(ast.walk(_without_type_checking(ast.parse(text)))))


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                yield from _parents(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from _parents(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class _TypeChecking(ast.NodeTransformer):
    """Empties `if TYPE_CHECKING:`: nothing in it is imported when the code runs."""

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
        return self.generic_visit(node)


def _without_type_checking(tree: ast.Module) -> ast.Module:
    changed: ast.Module = _TypeChecking().visit(tree)
    return changed


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _file(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)
