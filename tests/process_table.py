"""What the kernel says of processes: whose children they are, and whether they still run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process by its number and the clock tick at which it began: a number alone is given again."""

    pid: int
    began: int
    command: str

    def runs(self) -> bool:
        """Whether it is there and no zombie."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in ("Z", "X") and int(stat[19]) == self.began


def descendants(pid: int) -> set[Process]:
    """Return the children of a process, and theirs, that run."""
    parents: dict[int, list[Process]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        stat = _stat(int(folder.name))
        if stat is not None:
            command = _read(folder / "cmdline").replace("\0", " ").strip()
            parents.setdefault(int(stat[1]), []).append(Process(int(folder.name), int(stat[19]), command))
    processes: set[Process] = set()
    queue = [pid]
    while queue:
        born = [child for child in parents.get(queue.pop(), []) if child not in processes]
        processes.update(born)
        queue += [child.pid for child in born]
    return {process for process in processes if process.runs()}


def left(processes: set[Process], seconds: float) -> set[Process]:
    """Return those that still run after at most so long."""
    limit = time.monotonic() + seconds
    while (running := {process for process in processes if process.runs()}) and time.monotonic() < limit:
        time.sleep(0.1)
    return running


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on, None if there is no such process."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split() or None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
