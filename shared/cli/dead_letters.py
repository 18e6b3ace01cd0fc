"""`orch dead-letters`: what the bus gave up delivering, and the way back to its topic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import typer

from deploy.manifest_file import load_manifest
from shared import runtime
from shared.app.context import Context
from shared.app.sweep.dead_letters import MOST, Replayed, listed, obstacle
from shared.app.sweep.dead_letters import replay as replayed
from shared.app.transitions.cloudevents import REPLAYED_BY, REPLAYED_FOR, REPLAYED_FROM
from shared.cli.entry import table
from shared.cli.operator import By, Reason, who
from shared.cli.shell import NOT_FOUND, REFUSED, USAGE, fail, print_json
from shared.core.texts import duration
from shared.ports import DeadLetter, DeadLetters

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Subscription = Annotated[
    str | None, typer.Option(help="The subscription that keeps them; without it the one in deploy/functions.yaml.")
]

app = typer.Typer(help="Messages that no delivery got through, and the way back.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Subscription:
    subscription: str
    port: DeadLetters


def add_to(program: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("list")(list_letters)
    app.command("replay")(replay)
    program.add_typer(app, name="dead-letters")


def list_letters(
    most: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="So many at the most.")] = 1000,
    subscription: Subscription = None,
    as_json: Json = False,
) -> None:
    """List the dead letters, oldest first, and leave them where they are.

    Example: orch dead-letters list
    """
    ctx = runtime.context()
    place = _subscription_of(ctx, subscription)
    letters, now = listed(place.port, most), ctx.ports.clock.now()
    if as_json:
        print_json([_data(letter, now, kept=obstacle(ctx, letter)) for letter in letters])
    elif letters:
        rows = [
            (
                letter.message_id,
                letter.topic or f"? (by {letter.subscription or '?'})",
                duration(now - letter.published_at),
                str(letter.attempts) if letter.attempts else "?",
                _reason(letter, obstacle(ctx, letter)),
            )
            for letter in letters
        ]
        typer.echo(table(("message", "topic", "age", "attempts", "reason"), tuple(rows)))
    more = ", and there may be more" if len(letters) == most else ""
    typer.echo(f"{len(letters)} dead letters in {place.subscription}{more}", err=True)


def replay(
    message_id: Annotated[str | None, typer.Argument(help="The message.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    reason: Reason = "",
    by: By = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published.")] = False,
    subscription: Subscription = None,
    as_json: Json = False,
) -> None:
    """Publish dead letters to their topics again, once the cause is repaired.

    Exit 0: all; 3: no such letter; 4: some cannot be brought back, and stay; 5: the bus did not answer, and what was
    not published stays.

    Example: orch dead-letters replay --all --reason "the service takes them again"
    """
    if (message_id is None) == (not everything):
        raise fail(USAGE, "name one message or --all", "orch dead-letters list")
    ctx = runtime.context()
    place = _subscription_of(ctx, subscription)
    outcomes: list[Replayed] = []
    try:
        message_ids = None if message_id is None else [message_id]
        for outcome in replayed(ctx, place.port, message_ids, by=who(by), reason=reason.strip(), dry_run=dry_run):
            outcomes.append(outcome)
            if not as_json:
                typer.echo(_outcome_text(outcome))
    finally:  # what was published is printed, even when the bus stops answering in the middle
        if as_json:
            print_json(_published(outcomes, ctx.ports.clock.now()))
    if message_id is not None and not outcomes:
        raise fail(NOT_FOUND, f"no dead letter {message_id!r} in {place.subscription}", "orch dead-letters list")
    kept = sum(1 for outcome in outcomes if outcome.kept)
    verb = "would be published" if dry_run else "published"
    typer.echo(f"{len(outcomes) - kept} {verb}, {kept} kept in {place.subscription}", err=True)
    raise typer.Exit(REFUSED if kept else 0)


def _subscription_of(ctx: Context, subscription: str | None) -> _Subscription:
    """Return where dead letters lie, as the manifest says; its runtime's age is no matter here."""
    manifest = load_manifest(today=date.min)
    topics = {
        function.subscription(topic): topic
        for function in manifest.functions.values()
        for topic in (function.push.topics if function.push else ())
    }
    name = subscription or manifest.dead_letter.subscription
    ports = ctx.ports
    if not isinstance(ports, runtime.EnvironmentPorts):
        raise fail(USAGE, "there are no dead letters here", "ask where ORCH_BUS names the bus")
    return _Subscription(name, ports.dead_letters(name, topics))


def _published(outcomes: list[Replayed], now: datetime) -> list[dict[str, Any]]:
    return [
        {**_data(outcome.letter, now, kept=outcome.kept), "published_as": outcome.new_id or None}
        for outcome in outcomes
    ]


def _outcome_text(outcome: Replayed) -> str:
    letter = outcome.letter
    if outcome.kept:
        return f"{letter.message_id}  kept: {outcome.kept}"
    if not outcome.new_id:
        return f"{letter.message_id}  would be published to {letter.topic}"
    return f"{letter.message_id}  published to {letter.topic} as {outcome.new_id}"


def _reason(letter: DeadLetter, kept: str) -> str:
    before, by, why = (letter.attributes.get(name, "") for name in (REPLAYED_FROM, REPLAYED_BY, REPLAYED_FOR))
    about = f"{f' by {by}' if by else ''}{f': {why}' if why else ''}"
    parts = [
        letter.reason or "not said; the function's log names the message",
        f"was brought back once already, as {before}{about}" if before else "",
        f"cannot be brought back: {kept}" if kept else "",
    ]
    return "; ".join(part for part in parts if part)


def _data(letter: DeadLetter, now: datetime, *, kept: str) -> dict[str, Any]:
    return {
        "message_id": letter.message_id,
        "topic": letter.topic or None,
        "subscription": letter.subscription or None,
        "published_at": letter.published_at.isoformat(),
        "dead_at": letter.dead_at.isoformat(),
        "age_seconds": int((now - letter.published_at).total_seconds()),
        "attempts": letter.attempts or None,
        "reason": letter.reason or None,
        "replayed_from": letter.attributes.get(REPLAYED_FROM),
        "replayed_by": letter.attributes.get(REPLAYED_BY),
        "replayed_for": letter.attributes.get(REPLAYED_FOR),
        "attributes": dict(letter.attributes),
        "data": letter.data.decode(errors="replace"),
        "cannot_be_replayed": kept or None,
    }
