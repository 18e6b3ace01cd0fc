"""`orch emit`: publishes a completion, for jobs that are shell scripts and for trials."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.cli.operator import DryRun
from shared.cli.shell import (
    REFUSED,
    UNAVAILABLE,
    USAGE,
    Json,
    date_in,
    fail,
    phase_in,
    print_json,
    processor_in,
)
from shared.core.emitting import Emission, body_of, understood
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Counted
from shared.core.model import Lane, Outcome
from shared.core.policy.phases import Phase
from shared.ports import Message


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(emit)


def emit(
    phase: str,
    processor: Annotated[str, typer.Argument(help="By any of its names.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="A date, or today or yesterday.")],
    status: Annotated[Outcome, typer.Option(help="How it ended, or started.")] = Outcome.SUCCESS,
    records: Annotated[int | None, typer.Option(min=0, help="Records that were written.")] = None,
    expected: Annotated[int | None, typer.Option(min=0, help="Records that were expected.")] = None,
    mode: Annotated[str | None, typer.Option(help="The pass; without it date and time decide.")] = None,
    lane: Annotated[Lane | None, typer.Option(help="Without it live, or an open backfill run.")] = None,
    cause: Annotated[str, typer.Option(help="Why it failed.")] = "",
    trigger_id: Annotated[str, typer.Option(help="The trigger that started the job.")] = "",
    correlation_id: Annotated[str, typer.Option(help="Handed on to the next phase.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Publish the completion of a processor to the topic of its phase, as a job would.

    It is read first as the functions will read it: one that would be quarantined is not published.

    Exit 0: published; 2: it would not be understood; 4: nobody would listen; 5: Pub/Sub did not take it.

    Example: orch emit phase3 player_game_summary yesterday --records 149
    """
    ctx = runtime.context()
    to = ctx.policy.phases[phase_in(ctx.policy, phase)]
    topic = _topic_of(to)
    if mode is not None and mode not in ctx.policy.modes:
        raise fail(USAGE, f"unknown mode {mode!r}", f"one of {', '.join(ctx.policy.modes)}")
    if status is Outcome.INFERRED:
        raise fail(USAGE, "only a sweep infers that a processor is done", "say success, with --records")
    now = ctx.ports.clock.now()
    emission = Emission(
        processor_in(ctx, to.name, processor), date_in(ctx, day), status, records, expected, mode or "",
        lane, cause.strip(), trigger_id.strip(), correlation_id.strip(),
    )  # fmt: skip
    body = body_of(emission, now)
    try:
        read = understood(body, to.name, ctx.policy, ctx.names, now)
    except Malformed as error:
        raise fail(USAGE, f"it would be quarantined: {error.reason}", "nothing was published") from None
    if isinstance(read, Counted):
        raise fail(
            REFUSED, f"{read.name}: {read.why.value.replace('_', ' ')}: it would only be counted", "no run waits"
        )
    message_id = None if dry_run else _published(ctx, topic, Message(body, {}))
    if as_json:
        print_json({"topic": topic, "run": read.key.id, "body": body, "message_id": message_id})
    else:
        typer.echo(f"{topic}: {emission.processor} {status.value} of {read.key.id}" + _as(message_id))


def _as(message_id: str | None) -> str:
    return ", not published: a dry run" if message_id is None else f", message {message_id}"


def _topic_of(phase: Phase) -> str:
    if not phase.completions_topic:
        hint = "it has no completions_topic: nothing waits for its reports"
        raise fail(REFUSED, f"{phase.name} never reports", hint)
    return phase.completions_topic


def _published(ctx: Context, topic: str, message: Message) -> str:
    try:
        [message_id] = ctx.ports.bus.publish(topic, [message])
    except Unavailable as error:
        hint = "nothing is known of the message: publish it again, a duplicate counts once for its processor"
        raise fail(UNAVAILABLE, f"{topic}: {error.reason}", hint) from None
    return message_id
