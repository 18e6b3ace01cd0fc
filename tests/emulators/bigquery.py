"""A BigQuery emulator (bqemulator) as a fixture: one for the session, started when first asked for.

It answers SQL as BigQuery would, but drops no repeated row id, takes unknown columns and bills nothing.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from shared.simulation import children
from shared.simulation.emulators import EmulatorFailed, EmulatorMissing, free_port

START = timedelta(seconds=180)
_POLL_SECONDS = 0.1
_HINT = "pip install bqemulator duckdb-extension-spatial"


@pytest.fixture(scope="session")
def bigquery_host() -> Iterator[str]:
    """``http://host:port`` of a BigQuery emulator; take a fresh project id for each test."""
    try:
        with bigquery_emulator() as host:
            yield host
    except EmulatorMissing as missing:
        from tests.emulators.gcloud import skip_or_fail  # a plugin of its own: pytest wants to import it first

        skip_or_fail(str(missing))


@contextmanager
def bigquery_emulator(within: timedelta = START) -> Iterator[str]:
    """Run bqemulator on free ports in a process group of its own, for the length of a ``with`` block."""
    if importlib.util.find_spec("bqemulator") is None:
        raise EmulatorMissing(f"bqemulator is not installed (hint: {_HINT})")
    with tempfile.TemporaryDirectory(prefix="bigquery-emulator-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        log = folder / "emulator.log"
        process = _start(folder, port, log)
        try:
            _wait_until_ready(process, port, log, within)
            yield f"http://127.0.0.1:{port}"
        finally:
            children.end([process])


def _start(home: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    _lend_spatial(home)
    # fmt: off
    command = [
        sys.executable, "-m", "bqemulator", "start", "--ephemeral", "--no-admin", "--log-level", "warning",
        "--rest-host", "127.0.0.1", "--rest-port", str(port), "--grpc-host", "127.0.0.1", "--grpc-port", "0",
    ]
    # fmt: on
    environment = {**os.environ, "HOME": str(home), "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false"}
    with log.open("ab") as out:
        return children.start(command, stdout=out, stderr=out, cwd=home, env=environment)


def _lend_spatial(home: Path) -> None:
    """Put DuckDB's spatial extension, where it is installed as a package, in a home directory.

    DuckDB looks for it there and nowhere else before it asks the network.
    """
    package = importlib.util.find_spec("duckdb_extension_spatial")
    if package is None or not package.submodule_search_locations:
        return
    release = f"v{version('duckdb')}"
    files = list((Path(package.submodule_search_locations[0]) / "extensions").glob(f"{release}/*.duckdb_extension"))
    import duckdb

    with duckdb.connect() as connection:
        platform = connection.execute("PRAGMA platform").fetchall()[0][0]
    folder = home / ".duckdb" / "extensions" / release / platform
    folder.mkdir(parents=True)
    for file in files:
        (folder / file.name).symlink_to(file)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path, within: timedelta) -> None:
    end = time.monotonic() + within.total_seconds()
    while time.monotonic() < end:
        if process.poll() is not None:
            tail = log.read_text(errors="replace")[-2000:]
            if "spatial" in tail:
                raise EmulatorMissing(f"bqemulator needs DuckDB's spatial extension (hint: {_HINT})")
            raise EmulatorFailed(f"bqemulator ended with status {process.returncode}; its log ends:\n{tail}")
        if _ready(port):
            return
        time.sleep(_POLL_SECONDS)
    raise EmulatorFailed(f"bqemulator was not ready within {within.total_seconds():.0f} s")


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
