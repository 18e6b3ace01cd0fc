"""A write under a version may lose a race, and says so: its caller looks, unless the next look puts it right."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
WRITES = frozenset(
    {
        "write_version",
        "save",
        "save_run",
        "save_transition",
        "save_book",
        "save_batch",
        "save_workflow_run",
        "create_run",
    }
)
# Where the loser may leave it as it is, and why.
LEFT: dict[str, str] = {
    "app/audit/alert_rows.py": "the row is written again, under the id of its stage",
    "app/audit/write.py: save_transition": "the rows are written again, and counted once",
    "app/audit/write.py": "the rows are written again, and counted once",
    "app/state/digest.py": "who wrote a digest meanwhile has read what was there",
    "app/quarantine/keep.py": "the bytes lie there already: the path is their hash",
    "app/sweep/due.py: save_run": "the run stays due, as whoever wrote it since has asked",
    "app/workflows/audit.py: save_workflow_run": "the rows are written again, and counted once",
    "app/workflows/files.py": "the same message again, whose file is kept",
    "app/workflows/reports.py": "the rows are written again, and counted once",
    "simulation/workflows/seen.py: create_run": "what ran before a scenario began, in a store of its own",
    "simulation/demo/workspace.py": "one process writes what is left of a night",
}
TWICE = {"app/quarantine/keep.py": 2, "simulation/demo/workspace.py": 2}


def _dropped(path: Path) -> list[str]:
    """Return the writes in a file whose result nobody looks at."""
    where = path.relative_to(SHARED).as_posix()
    places = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        if isinstance(called, ast.Name) and called.id in WRITES:
            places.append(f"{where}: {called.id}")
        elif isinstance(called, ast.Attribute) and called.attr in ("create", "update"):
            owner = ast.unparse(called.value).lower()
            if owner.endswith("store") or owner == "kept":
                places.append(where)
    return places


def test_no_lost_race_is_overlooked() -> None:
    """Every write under a version is looked at, but for those that are listed here with their reason."""
    places = Counter(place for path in sorted(SHARED.rglob("*.py")) for place in _dropped(path))
    assert places == Counter({where: TWICE.get(where, 1) for where in LEFT})
