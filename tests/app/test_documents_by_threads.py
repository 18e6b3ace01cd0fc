"""Documents and policies are read by several threads of a new process at once: none meets a type half learnt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The type of the inner field is worked out slowly, so that the second thread comes while the first is at it.
READS = """
import threading, time
from dataclasses import dataclass
from shared.documents import converted, from_data

def slow():
    time.sleep(0.05)
    return int

@dataclass
class Inner:
    number: "slow()"

@dataclass
class Outer:
    inner: Inner

def learn():
    time.sleep(0.01 * int(threading.current_thread().name))
    read.append({how}({what}).inner.number)

read = []
threads = [threading.Thread(target=learn, name=str(n)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(read)
"""


@pytest.mark.parametrize(
    ("how", "what"),
    [
        pytest.param("from_data", 'Outer, {"inner": {"number": 7}}', id="a document"),
        pytest.param("converted", '{"inner": {"number": 7}}, Outer', id="a policy"),
    ],
)
def test_threads_that_read_a_type_for_the_first_time_wait_for_each_other(how: str, what: str) -> None:
    """A process of its own, since what it guards against would end the process with a segmentation fault."""
    run = subprocess.run(
        [sys.executable, "-c", READS.format(how=how, what=what)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, "[7, 7, 7, 7]"), run.stderr


def test_nobody_converts_past_the_guard() -> None:
    """msgspec is asked in one place, but for schemas that are looked through once the guard has refused them."""
    callers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*.py")
        if "msgspec.convert(" in path.read_text(encoding="utf-8")
    }
    assert callers == {"shared/documents.py", "shared/adapters/config/locate_errors.py"}
