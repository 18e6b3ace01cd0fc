"""One stand-in as a process of its own, for `bin/demo`: `python -m tests.services analytics ...`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from werkzeug.serving import make_server

from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.accelerated_clock import FileClock
from shared.adapters.local.bus import LocalBus
from shared.ports import Bus, Message
from tests.services import analytics, coordinator, export, grading, precompute, raw, scrapers, workers
from tests.services.surroundings import Surroundings
from tests.services.warehouse import WarehouseTables
from tests.services.work import Work

MODULES: dict[str, ModuleType] = {
    "scrapers": scrapers,
    "raw": raw,
    "analytics": analytics,
    "precompute": precompute,
    "coordinator": coordinator,
    "export": export,
    "grading": grading,
    "workers": workers,
}
WORK = timedelta(minutes=2)


def main(
    name: str,
    port: Annotated[int, typer.Option()],
    bus: Annotated[str, typer.Option(help="A project of the Pub/Sub emulator, or the file of a local bus.")],
    policy: Annotated[Path, typer.Option()],
    clock: Annotated[Path, typer.Option()],
    warehouse: Annotated[Path, typer.Option()],
    exports: Annotated[Path, typer.Option()],
) -> None:
    """Serve one stand-in until it is stopped."""
    time = FileClock(clock)
    reports = _bus(bus, time)
    work = Work(time)
    around = Surroundings(
        now=time.now,
        sleep=work.sleep,
        publish=lambda topic, body: (reports.publish(topic, [Message(dict(body), {})]), None)[1],
        tables=WarehouseTables(warehouse, load_policy(policy)),
        exports=exports,
        work=WORK,
        behind=work.behind,
    )
    app = MODULES[name].create_app(around)
    work.observe(app)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


def _bus(named: str, clock: FileClock) -> Bus:
    if "/" in named:
        return LocalBus(Path(named), clock)
    # Not before it is asked for: the light environment has none of Google's clients.
    from shared.adapters.google.pubsub import PubSubBus

    return PubSubBus(named)


if __name__ == "__main__":
    typer.run(main)
