"""A function's bundle: main.py, what it imports of ours, config and locked requirements, as plain files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deploy import inventory
from deploy.import_closure import import_closure
from deploy.manifest import ROOT, Function

LARGEST = 1_800_000
DIGEST_LENGTH = 40
STAMP = 315_532_800  # 1980, the oldest instant that a zip file can say
# What the embedded stores and the command line import, by the name of package and distribution alike.
EMBEDDED = {"duckdb", "sqlglot", "rich", "typer"}
# Who reads the checks of the validation: no other function carries them.
CHECKS_READER = "shared/adapters/config/validation_file.py"
# A pipeline more is a policy, checks and perhaps workflows more: for each such file a bundle may be so much larger.
OWN_FILES, LARGEST_FILE = 3, 60_000
PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


class BundleError(Exception):
    """A bundle cannot be made: says of what function, and why."""


@dataclass(frozen=True)
class Bundle:
    """Every file of a bundle by its path in it, and the digest that names exactly these files."""

    function: str
    files: dict[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 of paths and contents, as many characters as fit a label."""
        whole = hashlib.sha256()
        for name in sorted(self.files):
            content = hashlib.sha256(self.files[name]).hexdigest()
            whole.update(f"{name}\0{content}\n".encode())
        return whole.hexdigest()[:DIGEST_LENGTH]

    @property
    def size(self) -> int:
        return sum(len(content) for content in self.files.values())


def bundle_of(function: Function, root: Path = ROOT) -> Bundle:
    """Return the bundle of a function; raises ``BundleError``."""
    lock = (root / "deploy" / "requirements" / f"{function.requirements}.txt").read_bytes()
    main = root / "functions" / function.folder / "main.py"
    modules = _shared(main, _pinned(lock.decode()), root)
    without = ("schema",) if CHECKS_READER in modules else ("schema", "checks")
    files = {
        **{f"config/{name}": content for name, content in _tree(root / "config", without)},
        **_beside(main),
        **modules,
        "requirements.txt": lock,
        ".gcloudignore": b"__pycache__/\n*.pyc\n",
    }
    if inventory.READER in files:
        files[inventory.NAME] = function.inventory.encode()
    made = Bundle(function.folder, dict(sorted(files.items())))
    allowed = LARGEST + LARGEST_FILE * max(0, len(list((root / "config").glob("*.yaml"))) - OWN_FILES)
    if made.size > allowed:
        raise BundleError(f"{function.folder}: {made.size} bytes, over {allowed}; what is in it that it does not need?")
    return made


def write(bundle: Bundle, folder: Path) -> None:
    """Write a bundle into a folder of its name, replacing what is there; whole or not at all."""
    target, fresh = folder / bundle.function, folder / f".{bundle.function}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    for name, content in bundle.files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in [*fresh.rglob("*"), fresh]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (STAMP, STAMP))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def read(folder: Path, function: str) -> Bundle | None:
    """Return the bundle that lies in a folder, None if there is none."""
    target = folder / function
    if not target.is_dir():
        return None
    contents = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    return Bundle(function, {name: content for name, content in contents.items() if "__pycache__" not in name})


def manifest_text(bundles: Iterable[Bundle], commit: str) -> str:
    """Return what bin/build says of its bundles, as JSON."""
    made = {
        bundle.function: {"source_digest": bundle.digest, "bytes": bundle.size, "files": len(bundle.files)}
        for bundle in bundles
    }
    return json.dumps({"commit": commit, "functions": made}, indent=2, sort_keys=True) + "\n"


def sources_of(bundle: Bundle) -> list[str]:
    """Return the files of the repository that a bundle is made of, as git names them."""
    special = {
        "main.py": f"functions/{bundle.function}/main.py",
        "requirements.txt": "deploy/requirements",
        inventory.NAME: "deploy/functions.yaml",
    }
    return sorted({special.get(name, name) for name in bundle.files if name != ".gcloudignore"})


def _beside(main: Path) -> dict[str, bytes]:
    """Return main.py and what else lies in the function's folder, such as a template."""
    return dict(_tree(main.parent, ()))


def _tree(folder: Path, without: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.suffix != ".md" and name.parts[0] not in without and not _is_left_over(name):
            yield name.as_posix(), path.read_bytes()


def _is_left_over(name: Path | PurePosixPath) -> bool:
    return "__pycache__" in name.parts or name.suffix == ".pyc" or any(part.startswith(".") for part in name.parts)


def _pinned(lock: str) -> set[str]:
    return {name.lower().replace("_", "-").replace(".", "-") for name in PIN.findall(lock)}


def _shared(main: Path, pinned: set[str], root: Path) -> dict[str, bytes]:
    """Return the modules of `shared` that main.py reaches, with the templates and styles beside them.

    A module that imports an embedded store's package which the lock does not carry is left out: nothing
    in the cloud can use it.
    """
    files: dict[str, bytes] = {}
    for path in import_closure(main.read_text(encoding="utf-8"), root, EMBEDDED - pinned):
        files[path.relative_to(root).as_posix()] = path.read_bytes()
        if path.name == "__init__.py":
            files.update(_data(path.parent, root))
    return files


def _data(package: Path, root: Path) -> dict[str, bytes]:
    """Return what a package carries beside its modules, such as templates; its README and lint rules are not that."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(package.iterdir())
        if path.is_file() and path.suffix in (".html", ".css", ".js", ".jinja", ".j2", ".sql", ".json", ".svg")
    }
