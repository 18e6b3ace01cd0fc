"""State and record on emulators of our own, which a test may stop, start, pause and resume."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from shared.adapters.google import bigquery as record_adapter
from shared.adapters.google.bigquery import BigQueryAuditLog
from shared.adapters.google.firestore import FirestoreStore, rpc
from shared.core.errors import Unavailable
from shared.simulation import children
from shared.simulation.emulators import Emulator, EmulatorMissing, firestore_emulator, free_port
from tests.app.handlers_kit import HandlersKit
from tests.emulators import bigquery
from tests.emulators.gcloud import skip_or_fail

DATASET = "nba_orchestration"


class BigQueryProcess:
    """A BigQuery emulator at one address. A restart comes back empty; a pause keeps what it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start and wait until it answers. No effect while it runs."""
        if self._process is not None:
            return
        # A home of its own each time: the emulator makes it as it likes.
        home = Path(tempfile.mkdtemp(dir=self._folder))
        log = home / "emulator.log"
        self._process = bigquery._start(home, self._port, log)
        bigquery._wait_until_ready(self._process, self._port, log, bigquery.START)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            children.end([process])

    def pause(self) -> None:
        if self._process is not None:
            children.send(self._process, signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            children.send(self._process, signal.SIGCONT)


@dataclass(frozen=True)
class Emulators:
    """Both emulators, and a kit on them for each test."""

    state: Emulator
    audit: BigQueryProcess

    def kit(self) -> tuple[HandlersKit, BigQueryAuditLog]:
        """Return a kit in a project of its own; its clock is virtual, its stores are real."""
        project = f"demo-{token_hex(6)}"
        record = BigQueryAuditLog(project, DATASET, emulator_host=self.audit.url)
        record.create_tables()
        return HandlersKit(store=FirestoreStore(project), audit=record).ordinary(), record

    def whole(self) -> None:
        """Let both run and answer."""
        for emulator in (self.state, self.audit):
            emulator.start()
            emulator.resume()
        # The first answer of a fresh one takes it seconds, to each kind of question.
        warm = FirestoreStore("demo-warm")
        for attempt in range(20):
            with suppress(Unavailable):
                warm.get("a/b")
                warm.create(f"a/{attempt}", {"warm": True})
                warm.query("a", {"warm": True})
                return
        raise AssertionError("the state's emulator runs and does not answer")


@contextmanager
def both_emulators() -> Iterator[Emulators]:
    """Run both emulators for the length of a ``with`` block."""
    with ExitStack() as stack:
        try:
            state = stack.enter_context(firestore_emulator())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            record = BigQueryProcess(folder)
            stack.callback(record.stop)
            record.start()
        except EmulatorMissing as missing:
            skip_or_fail(str(missing))
        yield Emulators(state, record)


def impatient(monkeypatch: pytest.MonkeyPatch, emulators: Emulators) -> None:
    """Point the state store's adapter at the emulator, and let both adapters give up sooner than deployed."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulators.state.host)
    monkeypatch.setattr(rpc, "ATTEMPT", timedelta(seconds=1))
    monkeypatch.setattr(rpc, "RETRY", timedelta(seconds=1))
    monkeypatch.setattr(record_adapter, "_READ", 4.0)
