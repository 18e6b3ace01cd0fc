"""Pauses in a random night: drawn apart, known by what was written of them, and what must not happen inside (T8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from shared.core.policy.policy import Policy
from tests.random_nights.case import Command, Night
from tests.random_nights.claim_safety import ClaimCheck
from tests.random_nights.fault_injector import Handler
from tests.random_nights.trace import Trace, Track

MINUTE = timedelta(minutes=1)
WORKED_ON = timedelta(hours=4)
SELDOM = (0.03, 0.12, 0.25)


def commands(policy: Policy, night: Night) -> Iterator[Command]:
    """Draw pauses of a night, and how they end: by their time, by a command, or not while anybody looks."""
    chance = Random(f"pauses/{night.seed}/{night.day}")
    if chance.random() >= SELDOM[night.wildness]:
        return
    for _ in range(chance.choice((1, 1, 2))):
        mode = chance.choice(list(night.begins))
        begins = night.begins[mode] + WORKED_ON * chance.random() ** 2 - 20 * MINUTE
        scope: tuple[str, ...] = chance.choice(
            ((), ("--mode", mode), ("--transition", chance.choice(list(policy.transitions))))
        )
        lasts = MINUTE * chance.choice((10, 45, 180, 600))
        until = ("--until", (begins + lasts).isoformat()) if chance.random() < 0.6 else ()
        yield Command(begins, ("pause", *scope, *until, "--reason", "the night needs it"))
        if not until or chance.random() < 0.3:
            yield Command(begins + lasts * chance.uniform(0.3, 1.5), ("pause", "--end", *scope))


def nothing_is_claimed_inside_a_pause(claim: ClaimCheck) -> str | None:
    """Nothing is dispatched inside a pause but by an operator: nor sent again, nor refreshed (T8).

    Who began before the pause was known may still act by what was read then.
    """
    if claim.reason == "operator" or claim.handler.argv:
        return None
    for pause in claim.trace.pauses.known.values():
        knew = pause.begun + claim.skew < claim.handler.started
        paused = knew and pause.covers(claim.key.mode, claim.transition.name)
        if paused and pause.surely_in_force(claim.now, claim.skew):
            return f"{claim.track.where} generation {claim.generation} claimed at {claim.now} inside {pause.data['id']}"
    return None


def nothing_is_repaired_inside_a_pause(book: Trace, handler: Handler, mode: str, waiting: list[Track]) -> str | None:
    """No phase is asked to run again for what is paused (T8)."""
    skew = book.night.manner.skew
    for pause in book.pauses.known.values():
        knew, names = pause.begun + skew < handler.started, [track.name for track in waiting]
        all_paused = bool(names) and all(pause.covers(mode, name) for name in names)
        if knew and all_paused and pause.surely_in_force(handler.started, skew):
            return f"{mode} {', '.join(names)}: a rerun inside {pause.data['id']}"
    return None


def every_pause_is_told(book: Trace) -> Iterator[str]:
    """One notice when a pause begins, and one when it has ended (T8).

    A pause whose operator died before it was told, and that was over before a sweep looked, is told at its end alone.
    """
    pauses, skew = book.pauses.known.values(), book.night.manner.skew
    over = [pause for pause in pauses if not pause.perhaps_in_force(book.night.end, timedelta())]
    seen = [pause for pause in pauses if any(pause.surely_in_force(at, skew) for at in book.looked if at > pause.begun)]
    for kind, least, most in (("paused", len(seen), len(pauses)), ("pause_ended", len(over), len(over))):
        count = sum(alert.kind == kind for alert in book.said.values())
        if not least <= count <= most:
            yield f"{count} notices {kind}, there were {most} such pauses"
