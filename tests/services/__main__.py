"""One stand-in as a process of its own, for `bin/demo --services`: `python -m tests.services analytics ...`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from werkzeug.serving import make_server

from shared.adapters.config.policy_file import load_policy
from shared.adapters.google.pubsub import PubSubBus
from shared.adapters.local.accelerated_clock import FileClock
from shared.ports import Message
from tests.services import analytics, coordinator, export, grading, precompute, raw
from tests.services.surroundings import Surroundings
from tests.services.warehouse import WarehouseTables
from tests.services.work import Work

MODULES: dict[str, ModuleType] = {
    "raw": raw,
    "analytics": analytics,
    "precompute": precompute,
    "coordinator": coordinator,
    "export": export,
    "grading": grading,
}
WORK = timedelta(minutes=2)


def main(
    name: str,
    port: Annotated[int, typer.Option()],
    project: Annotated[str, typer.Option()],
    policy: Annotated[Path, typer.Option()],
    clock: Annotated[Path, typer.Option()],
    warehouse: Annotated[Path, typer.Option()],
    exports: Annotated[Path, typer.Option()],
) -> None:
    """Serve one stand-in until it is stopped; PUBSUB_EMULATOR_HOST says where it reports to."""
    time, bus = FileClock(clock), PubSubBus(project)
    work = Work(time)
    around = Surroundings(
        now=time.now,
        sleep=work.sleep,
        publish=lambda topic, body: (bus.publish(topic, [Message(dict(body), {})]), None)[1],
        tables=WarehouseTables(warehouse, load_policy(policy)),
        exports=exports,
        work=WORK,
    )
    app = MODULES[name].create_app(around)
    work.watch(app)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    typer.run(main)
