"""Child processes that end with us, however we end: an emulator or a function outlives no demo, bench or test run.

Each runs in a process group of its own. One watcher per program, a process that nothing but the end of a pipe wakes,
knows these groups; the other end of the pipe is ours, and the kernel closes it when we die, of SIGKILL too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

STOP = timedelta(seconds=5)
_ORPHANS = timedelta(seconds=3)
_POLL_SECONDS = 0.05
# The child enters itself before it becomes the command: there is no moment in which the watcher does not know of it.
_ENTER = 'echo "+$$" >&0 && exec "$@" </dev/null'


def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
    text: bool = False,
) -> subprocess.Popen[Any]:
    """Start a command that reads nothing, as the leader of a process group that ends with this program at the latest.

    A command that does not exist ends with status 127. Give what this returns to ``end``.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _ENTER, "sh", *command],
        stdin=_watcher.pipe(),
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
        text=text,
        start_new_session=True,
    )


def end(processes: Iterable[subprocess.Popen[Any]], within: timedelta = STOP) -> None:
    """End the groups of these processes together, by force after ``within``, and wait until every member is gone."""
    processes = list(processes)
    for process in processes:
        send(process, signal.SIGTERM)
        send(process, signal.SIGCONT)
    if not _gone(processes, within):
        for process in processes:
            send(process, signal.SIGKILL)
        _gone(processes, within)
    for process in processes:
        _watcher.forget(process.pid)


def send(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    """Send a signal to every member of a process's group. No effect if none is left."""
    _send(process.pid, number)


class _Watcher:
    """Our end of the pipe, and the process at the other; started when the first child is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def pipe(self) -> int:
        """Return the end of the pipe to write to. A watcher that was killed is replaced."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                if self._pipe >= 0:
                    os.close(self._pipe)
                theirs, self._pipe = os.pipe()
                # Isolated and alone in its session: it shares neither our Ctrl-C nor our modules.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__],
                    stdin=theirs,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
                os.close(theirs)
            return self._pipe

    def forget(self, group: int) -> None:
        """Let the watcher leave a group alone from now on: its number may be given to another group."""
        with suppress(BrokenPipeError):
            os.write(self.pipe(), f"-{group}\n".encode())


_watcher = _Watcher()


def _send(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _gone(processes: Iterable[subprocess.Popen[Any]], within: timedelta) -> bool:
    """Wait for each leader, then for every other member of its group."""
    limit = time.monotonic() + within.total_seconds()
    while any(process.poll() is None or _lives(process.pid) for process in processes):
        if time.monotonic() > limit:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _end_with(lines: Iterable[str]) -> None:
    """Follow the groups that come and go until the program that owns them is gone, then end those that are left."""
    groups: set[int] = set()
    for line in lines:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        _send(group, signal.SIGTERM)
        _send(group, signal.SIGCONT)
    limit = time.monotonic() + _ORPHANS.total_seconds()
    while any(map(_lives, groups)) and time.monotonic() < limit:
        time.sleep(_POLL_SECONDS)
    for group in groups:
        _send(group, signal.SIGKILL)


if __name__ == "__main__":
    _end_with(sys.stdin)
