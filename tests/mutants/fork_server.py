"""Runs pytest in a fork of a process that has loaded what no mutant changes.

Loading pytest and the libraries is a good part of what a mutant's tests cost. The server loads nothing of this project,
so each fork imports the copy that it is pointed at, whatever was changed in it.

    python -m tests.mutants.fork_server    a JSON object a line in (folder, arguments, talk), an exit status a line out
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "_pytest.doctest", "_pytest.fixtures", "_pytest.junitxml", "_pytest.legacypath", "_pytest.main", "_pytest.python",
    "_pytest.terminal", "_pytest.tmpdir", "_pytest.unittest", "_pytest.unraisableexception", "cloudevents.http",
    "flask", "flask.testing", "functions_framework", "hypothesis", "hypothesis.strategies", "jinja2", "msgspec",
    "pytest", "requests", "rich.console", "sqlite3", "tenacity", "typer", "typer.testing", "werkzeug.test", "yaml",
)  # fmt: skip


class ForkServer:
    """The server as a process of ours, for one caller at a time."""

    def __enter__(self) -> ForkServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.fork_server"],
            cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def pytest(self, folder: Path, arguments: Sequence[str], talk: Path) -> int:
        """Run pytest in a folder and return its exit status; what it prints is written to ``talk``."""
        asked = {"folder": str(folder), "arguments": list(arguments), "talk": str(talk)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the fork server is gone"
        return int(answer)


def _environment() -> dict[str, str]:
    """Return what a pytest of its own needs of the environment: nothing of the one that runs this."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    # Most of what pytest loads by itself is for tests that no mutant names.
    return inherited | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def serve() -> None:
    """Answer one request after the other, until there are no more."""
    for name in LIBRARIES:
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.partition(".")[0] in ("shared", "functions", "deploy")]
    assert not ours, f"a fork would not see what a mutant changes: {ours}"
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(**asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(folder: str, arguments: list[str], talk: str) -> None:
    """Become a pytest of that folder; never return."""
    status = 70
    try:
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        os.chdir(folder)
        sys.path[0] = folder
        importlib.invalidate_caches()
        output = os.open(talk, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, target)
        status = int(importlib.import_module("pytest").main(arguments))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
