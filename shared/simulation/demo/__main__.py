"""`bin/demo`: a day in the services' words, one batch, or recorded nights, through the deployable functions.

Exit status: 0 everything went as expected, 1 one did not, 2 the call or the machine was not fit for it, 130 stopped.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from shared.simulation.demo.batch_day import play_batch
from shared.simulation.demo.night import NIGHT_LEGEND
from shared.simulation.demo.nights import NIGHTS, Night, chosen, load
from shared.simulation.demo.play import Driver
from shared.simulation.demo.processes import Ground, start_processes
from shared.simulation.demo.screen import PlainScreen, Screen
from shared.simulation.demo.servers import ROOT, ServerFailed, complaints
from shared.simulation.demo.stand_ins import StandInsMissing, require
from shared.simulation.demo.summary import print_summary
from shared.simulation.demo.terminal_ui import TerminalUi
from shared.simulation.demo.verdict import Result, judged, unplayed
from shared.simulation.demo.with_services import play_with_services
from shared.simulation.demo.workspace import Workspace, WorkspaceInUse
from shared.simulation.emulators import EmulatorFailed, EmulatorMissing, firestore_emulator, pubsub_emulator
from shared.simulation.reader import ScenarioError
from shared.simulation.scenario import Scenario

OK, FAILED, UNFIT, STOPPED = 0, 1, 2, 130
DAY_SPEED, NIGHT_SPEED = 20.0, 4.0


def main(
    night: Annotated[list[str] | None, typer.Option(help="Play this recorded night; may be given again.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Play every recorded night.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Name the recorded nights and end.")] = False,
    speed: Annotated[
        float | None, typer.Option(min=0.1, help="Steps of the clock in a second, at most [default: 20, a night: 4].")
    ] = None,
    emulators: Annotated[bool, typer.Option(help="On Google's Firestore and Pub/Sub emulators.")] = False,
    batch: Annotated[bool, typer.Option(help="Play a batch of a hundred members, three of whom never come.")] = False,
    services: Annotated[bool, typer.Option(help="The day with its services on these emulators.")] = False,
    home: Annotated[Path, typer.Option(help="Where state and logs are left.")] = ROOT / ".demo",
) -> None:
    """Play a night and the day after: completions in the services' words come in, calls go out, files are exported.

    Every service of the pipeline is a process of its own that accepts, refuses and answers as the real one; the policy
    is the production one. With --night or --all recorded nights of the pipeline are played in place of it.

    Example: bin/demo --night two-runs --speed 8
    """
    console, talk = Console(), Console(stderr=True)
    if list_:
        for entry in NIGHTS:
            print(f"{entry.name:<14} {entry.title}")
        raise typer.Exit(OK)
    recorded = bool(night or all_)
    if batch and (recorded or services):
        raise _unfit(talk, "--batch plays one batch and nothing else", "beside it only --emulators, --speed and --home")
    if services and recorded:
        raise _unfit(talk, "--services plays its own day", "with --night and --all give --emulators")
    nights = chosen(night or [])
    if isinstance(nights, str):
        raise _unfit(talk, f"no night {nights!r}", f"one of {', '.join(night.name for night in NIGHTS)}")
    try:
        scenarios = [(night, load(night)) for night in nights] if recorded else []
        if not recorded:
            require()
        with ExitStack() as stack:
            variables = _started(stack, talk) if emulators or services else {}
            place = stack.enter_context(Workspace(home.resolve()).taken())
            ground = Ground(place, speed or (NIGHT_SPEED if recorded else DAY_SPEED), _environment(), variables)
            screen = _screen(console)
            if recorded:
                status = play_all(ground, scenarios, console, screen)
            elif batch:
                status = play_batch(ground, console, screen)
            else:
                status = play_with_services(ground, console, screen)
    except ScenarioError as wrong:
        raise _unfit(talk, str(wrong), "git checkout tests/scenarios") from None
    except WorkspaceInUse as used:
        raise _unfit(talk, str(used), "wait for it, or choose another folder: --home") from None
    except StandInsMissing as missing:
        raise _unfit(talk, str(missing), "call it in a checkout of the repository") from None
    except EmulatorMissing as missing:
        raise _unfit(talk, str(missing), "without --emulators and --services nothing but Python is needed") from None
    except EmulatorFailed as failed:
        raise _unfit(talk, str(failed), "try again, or play without --emulators") from None
    except KeyboardInterrupt:
        talk.print("stopped; nothing is left running")
        raise typer.Exit(STOPPED) from None
    raise typer.Exit(status)


def play_all(ground: Ground, nights: list[tuple[Night, Scenario]], console: Console, screen: Screen) -> int:
    """Play the nights one after the other and say how they went; return the exit status."""
    began = time.monotonic()
    console.print(NIGHT_LEGEND, markup=False, highlight=False, soft_wrap=True)
    results: list[Result] = []
    homes: list[tuple[Night, Path]] = []
    for number, (night, scenario) in enumerate(nights, start=1):
        place = f"{number} of {len(nights)}" if len(nights) > 1 else "night"
        with screen.night(night, scenario.policy, place):
            results.append(play_one(ground, night, scenario, screen))
        if not results[-1].failure:
            homes.append((night, ground.home.leave(night, scenario.policy, scenario.end)))
    print_summary(console, results, homes)
    passed = all(result.passed for result in results)
    count = f"{len(results)} night{'s' if len(results) > 1 else ''}"
    verdict = f"{count} played, all as expected" if passed else f"{count} played, not all as expected"
    console.print(f"\n{verdict} ({time.monotonic() - began:.0f} s)", style="bold", highlight=False)
    return OK if passed else FAILED


def play_one(ground: Ground, night: Night, scenario: Scenario, screen: Screen) -> Result:
    """Play one night; a function that fails is a result too."""
    try:
        with start_processes(ground, night, scenario, screen) as players:
            Driver(players).play()
            with players.stage.world() as world:
                return judged(night, scenario, world.history, complaints(ground.home.logs(night)))
    except ServerFailed as failed:
        return unplayed(night, scenario, str(failed))


def _environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - the entry of a person's command


def _screen(console: Console) -> Screen:
    plain = not console.is_terminal or console.is_dumb_terminal
    return PlainScreen(console) if plain else TerminalUi(console)


def _started(stack: ExitStack, talk: Console) -> dict[str, str]:
    """Start the emulators, and let the clients of this process find them too."""
    talk.print("starting the Firestore and Pub/Sub emulators", style="dim")
    firestore = stack.enter_context(firestore_emulator())
    pubsub = stack.enter_context(pubsub_emulator())
    variables = {"FIRESTORE_EMULATOR_HOST": firestore.host, "PUBSUB_EMULATOR_HOST": pubsub.host}
    os.environ.update(variables)  # noqa: TID251 - the libraries read it there
    return variables


def _unfit(talk: Console, message: str, hint: str) -> typer.Exit:
    talk.print(f"error: {escape(message)}\n  hint: {escape(hint)}", highlight=False, soft_wrap=True)
    return typer.Exit(UNFIT)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def run() -> None:
    """Entry point of `bin/demo`: a terminal that closes or a kill stops it as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    app(prog_name="bin/demo")


if __name__ == "__main__":
    run()
