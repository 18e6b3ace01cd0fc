"""A home: a folder whose file says by which variables `bin/orch` reads what was played there, as of its end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from shared.core.errors import PolicyError

# Lines of a POSIX shell, so that the scripts beside `bin/orch` read a home too: `. FOLDER/orch.env`.
FILE = "orch.env"
HINT = "name a folder that bin/demo has left, or a simulated day with --keep"


def write_home(folder: Path, variables: Mapping[str, str]) -> Path:
    """Make a folder a home that holds these variables; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    (folder / FILE).write_text("".join(lines), encoding="utf-8")
    return folder


def is_home(folder: Path) -> bool:
    return (folder / FILE).is_file()


def read_home(folder: Path) -> dict[str, str]:
    """Return the variables of a home; raise ``PolicyError`` if the folder is none."""
    path = folder / FILE
    try:
        words = [word for word in shlex.split(path.read_text(encoding="utf-8")) if word != "export"]
    except FileNotFoundError:
        raise PolicyError("--home", str(folder), f"is no home: there is no {FILE} in it", HINT) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PolicyError("--home", str(path), f"cannot be read: {why}", HINT) from None
    pairs = [word.partition("=") for word in words]
    if not all(equals for _, equals, _ in pairs):
        raise PolicyError("--home", str(path), "is not lines such as export NAME=value", HINT)
    return {name: value for name, _, value in pairs}
