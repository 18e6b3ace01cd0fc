"""`bin/bench`: measure all figures, or those that are named."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shared.simulation.emulators import EmulatorMissing, firestore_emulator, pubsub_emulator
from shared.simulation.parallel import cores
from tests.bench import batches, chain, core, cost, limits, phase1, start, state
from tests.bench.figure import FULL, NORMAL, SMALL, Bench, Figure, Measure, Size, Unmeasurable
from tests.bench.report import document, show
from tests.random_nights.command import Drawn, simulate_random

FIGURES: dict[str, Measure] = {
    "decide": core.decisions,
    "simulation": core.simulation,
    "latency-embedded": chain.latency_embedded,
    "completion": state.completion,
    "latency": chain.latency,
    "fan-in": state.fan_in,
    "burst": state.burst,
    "batches": batches.batches,
    "sweep": state.sweeping,
    "cost": cost.cost,
    "cold": start.cold,
    "memory": start.memory,
    "workflows": phase1.decisions,
    "scrapers": phase1.calls,
    "limits": limits.limits,
}
ON_EMULATORS = frozenset(FIGURES) - {"decide", "simulation", "latency-embedded", "workflows", "scrapers"}
MEASURED, MISSING, USAGE = 0, 1, 2
FEW_NIGHTS, ALL_NIGHTS = 300, 10_000

talk = Console(stderr=True)


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(FIGURES)}; all without.")] = None,
    small: Annotated[bool, typer.Option("--small", help="Only enough to see that it works.")] = False,
    full: Annotated[bool, typer.Option("--full", help="As much as the targets speak of: half an hour.")] = False,
    nights: Annotated[
        bool, typer.Option("--nights", help="No figures: 10,000 random nights, with --small 300; as bin/nights does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure figures, each beside its floor: bin/bench latency completion.

    A target that is missed is shown, and is no error. Exit status 1: emulators are absent and REQUIRE_EMULATORS=1, or
    one of the --nights broke a promise.
    """
    if nights and names:
        talk.print("error: --nights measures no figure\n  hint: leave the names out, or --nights", markup=False)
        raise typer.Exit(USAGE)
    if nights:
        count = FEW_NIGHTS if small else ALL_NIGHTS
        raise typer.Exit(simulate_random(0, count, Drawn(), jobs=cores(), timeline=False, as_json=as_json))
    chosen = names or list(FIGURES)
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        talk.print(f"error: there is no figure {unknown[0]!r}\n  hint: one of {', '.join(FIGURES)}", markup=False)
        raise typer.Exit(USAGE)
    size = SMALL if small else FULL if full else NORMAL
    with _bench(size, emulated=bool(ON_EMULATORS & set(chosen))) as bench:
        figures, absent = _measured(bench, chosen)
    if as_json:
        print(json.dumps(document(figures, absent, size.name), indent=2))
    else:
        show(figures, Console(width=None if sys.stdout.isatty() else 160))
    if ON_EMULATORS & set(absent) and os.environ.get("REQUIRE_EMULATORS") == "1":
        raise typer.Exit(MISSING)


@contextmanager
def _bench(size: Size, *, emulated: bool) -> Iterator[Bench]:
    """Start the emulators if a figure needs them, and stop them at the end; those of the environment are used as is."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        firestore_host, pubsub_host = (os.environ.get(f"{name}_EMULATOR_HOST") for name in ("FIRESTORE", "PUBSUB"))
        if not emulated or (firestore_host and pubsub_host):
            yield Bench(size, folder, firestore_host, pubsub_host)
            return
        try:
            firestore = stack.enter_context(firestore_emulator()).host
            pubsub = stack.enter_context(pubsub_emulator()).host
        except EmulatorMissing as missing:
            yield Bench(size, folder, missing=str(missing))
            return
        yield Bench(size, folder, firestore, pubsub)


def _measured(bench: Bench, chosen: list[str]) -> tuple[list[Figure], dict[str, str]]:
    figures: list[Figure] = []
    absent: dict[str, str] = {}
    for name in chosen:
        talk.print(f"measuring {name}", highlight=False)
        try:
            figures += FIGURES[name](bench)
        except Unmeasurable as why:
            absent[name] = str(why)
            talk.print(f"{name} skipped: {why}", highlight=False, markup=False)
    return figures, absent


if __name__ == "__main__":
    typer.run(main)
