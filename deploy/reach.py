"""Which modules of `shared` a function reaches, imports inside functions included.

`shared/runtime.py` serves every function, and imports what each needs where it is needed. So of that one module only
what main.py calls is followed: a change of the page is no reason to deploy what never draws one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

RUNTIME = "shared.runtime"
EXCLUDED = ("shared.cli", "shared.simulation")


def reached(main: str, root: Path, left_out: set[str]) -> Iterator[Path]:
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
        names = _called(text, _asked_of_runtime(main)) if module == RUNTIME else imported(text)
        if left_out & {name.split(".")[0] for name in names}:
            continue
        yield path
        ahead += [*(name for name in names if name.split(".")[0] == "shared"), *_parents(module)]


@lru_cache(maxsize=1024)
def imported(text: str) -> tuple[str, ...]:
    """Return every module that a source text imports; functions share most of their modules."""
    return tuple(_imports(ast.walk(_without_type_checking(ast.parse(text)))))


def _called(text: str, asked: set[str]) -> tuple[str, ...]:
    """Return what a module imports at its top, and in the definitions that the asked ones lead to."""
    tree = _without_type_checking(ast.parse(text))
    defined = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    rest = [node for node in tree.body if node not in defined.values()]
    needed, ahead = set[str](), list(asked & defined.keys())
    ahead += [name for node in rest for name in _used(node) if name in defined]
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead += [used for used in _used(defined[name]) if used in defined]
    nodes = [*rest, *(defined[name] for name in sorted(needed))]
    return tuple(_imports(below for node in nodes for below in ast.walk(node)))


def _asked_of_runtime(main: str) -> set[str]:
    """Return the names that main.py takes from the runtime."""
    nodes = list(ast.walk(ast.parse(main)))
    attributes = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "runtime"
    }
    direct = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == RUNTIME
        for alias in node.names
    }
    return attributes | direct


def _used(node: ast.AST) -> set[str]:
    return {below.id for below in ast.walk(node) if isinstance(below, ast.Name)}


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
