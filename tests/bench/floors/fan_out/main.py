"""The same fan-out in DBOS: a durable workflow enqueues one child a member, a third of them twice, and waits for all.

Run by an interpreter of its own that has `dbos`; prints one JSON object.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter
from typing import Any

import dbos  # type: ignore[import-not-found]

AT_ONCE, TWICE, EACH = 16, 3, 3
executed: list[str] = []
lock = threading.Lock()


def main(members: int) -> dict[str, Any]:
    """Return the seconds from start to end, the sum of results, executions of steps and rows that were written."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "system.sqlite"
        dbos.DBOS(config={"name": "fan-out", "system_database_url": f"sqlite:///{file}"})

        @dbos.DBOS.step()  # type: ignore[untyped-decorator]
        def predict(member: str) -> int:
            with lock:
                executed.append(member)
            return EACH

        @dbos.DBOS.workflow()  # type: ignore[untyped-decorator]
        def member_of(member: str) -> int:
            return int(predict(member))

        @dbos.DBOS.workflow()  # type: ignore[untyped-decorator]
        def batch(names: list[str]) -> int:
            handles = {}
            for place, name in enumerate(names):
                for _ in range(2 if place % TWICE == 0 else 1):
                    with dbos.SetWorkflowID(f"batch/{name}"):
                        handles[name] = dbos.DBOS.enqueue_workflow("members", member_of, name)
            return sum(int(handle.get_result()) for handle in handles.values())

        dbos.DBOS.launch()
        dbos.DBOS.register_queue("members", worker_concurrency=AT_ONCE, polling_interval_sec=0.1)
        began = perf_counter()
        total = dbos.DBOS.start_workflow(batch, [f"player{number:05d}" for number in range(members)]).get_result()
        seconds = perf_counter() - began
        rows = _rows(file)
        dbos.DBOS.destroy()
    return {"seconds": seconds, "sum": total, "executions": len(executed), "rows": rows}


def _rows(file: Path) -> int:
    with sqlite3.connect(file) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return sum(int(database.execute(f'select count(*) from "{name}"').fetchone()[0]) for name in tables)


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
