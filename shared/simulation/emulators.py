"""Google's own emulators as child processes: started on a free port, restarted on the same one, never left behind.

Nothing global is set: callers pass ``Emulator.host`` on as ``FIRESTORE_EMULATOR_HOST`` or ``PUBSUB_EMULATOR_HOST``.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from shared.simulation import children

START = timedelta(seconds=180)
_POLL_SECONDS = 0.1
_TAIL_LINES = 20
_NOT_INSTALLED = "requires the installation of components"


class EmulatorMissing(Exception):
    """This machine cannot run the emulator: says what is missing and how to get it, in one line."""


class EmulatorFailed(Exception):
    """The emulator did not become ready, or ended early: carries the tail of its log."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Emulator:
    """One emulator: ``start`` and ``stop`` any number of times, always at the same ``host``.

    Data lives in the process: a restart comes back empty. ``pause`` and ``resume`` keep it; a paused
    emulator accepts connections and answers none.
    """

    def __init__(self, name: str, command: Sequence[str], component: str, log: Path) -> None:
        self.name, self.log = name, log
        self.host = f"127.0.0.1:{free_port()}"
        self._command = (*command, f"--host-port={self.host}")
        self._component = component
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, within: timedelta = START) -> None:
        """Start and wait until it answers; raises ``EmulatorMissing``, ``EmulatorFailed``. No effect while it runs."""
        if self._process is not None:
            return
        require_tools()
        with self.log.open("ab") as log:
            # gcloud, its shell and the Java child are one group.
            self._process = children.start(self._command, stdout=log, stderr=log)
        try:
            self._wait_until_ready(self._process, within)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the whole process group and wait until it is gone. No effect while it does not run."""
        process, self._process = self._process, None
        if process is not None:
            children.end([process])

    def pause(self) -> None:
        """Freeze it: callers meet their own timeouts."""
        if self._process is not None:
            children.send(self._process, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where ``pause`` froze it."""
        if self._process is not None:
            children.send(self._process, signal.SIGCONT)

    def tail(self) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])

    def _wait_until_ready(self, process: subprocess.Popen[bytes], within: timedelta) -> None:
        end = time.monotonic() + within.total_seconds()
        while time.monotonic() < end:
            if process.poll() is not None:
                raise self._failure(f"ended with status {process.returncode} before it was ready")
            if _answers(self.host):
                return
            time.sleep(_POLL_SECONDS)
        raise self._failure(f"was not ready within {within.total_seconds():.0f} s")

    def _failure(self, what: str) -> EmulatorMissing | EmulatorFailed:
        tail = self.tail()
        if _NOT_INSTALLED in " ".join(tail.split()):
            return EmulatorMissing(f"{self.name} emulator: not installed (gcloud components install {self._component})")
        return EmulatorFailed(f"{self.name} emulator {what}; its log ends:\n{tail}")


def require_tools() -> None:
    """Raise ``EmulatorMissing`` unless gcloud and Java are on the path."""
    if shutil.which("gcloud") is None:
        raise EmulatorMissing("gcloud is not on PATH (install the Google Cloud CLI: https://cloud.google.com/sdk)")
    if shutil.which("java") is None:
        raise EmulatorMissing("java is not on PATH (install a JDK, release 11 or later)")


@contextmanager
def firestore_emulator() -> Iterator[Emulator]:
    """Run a Firestore emulator for the length of a ``with`` block."""
    with _running("firestore", ("gcloud", "emulators", "firestore", "start"), "cloud-firestore-emulator") as emulator:
        yield emulator


@contextmanager
def pubsub_emulator(project: str = "demo-orch") -> Iterator[Emulator]:
    """Run a Pub/Sub emulator for the length of a ``with`` block."""
    command = ("gcloud", "beta", "emulators", "pubsub", "start", f"--project={project}")
    with _running("pubsub", command, "beta pubsub-emulator") as emulator:
        yield emulator


@contextmanager
def _running(name: str, command: tuple[str, ...], component: str) -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory(prefix=f"{name}-emulator-", ignore_cleanup_errors=True) as folder:
        if name == "pubsub":
            command = (*command, f"--data-dir={folder}")
        emulator = Emulator(name, command, component, Path(folder) / "emulator.log")
        emulator.start()
        try:
            yield emulator
        finally:
            emulator.stop()


def _answers(host: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}/", timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
