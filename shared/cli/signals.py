"""`orch signals`: which messages of other systems mean a completion, and what one of them would become."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.learning.record import recorded_nights
from shared.cli.shell import FAILED, UNAVAILABLE, USAGE, Failure, Json, fail, print_json, today
from shared.core import commands, signals
from shared.core.errors import Malformed, Unavailable
from shared.core.learning.arrivals import Arrivals, arrivals_of
from shared.core.message import Counted, Delivery, enveloped
from shared.core.policy.config_error import suggest
from shared.core.policy.signals import CALLED, Signal
from shared.core.signals import Ignored
from shared.core.wire.instants import instant

STANDARD_INPUT = "-"
NIGHTS = 28


def add_to(app: typer.Typer) -> None:
    """Add this group of commands to the program."""
    group = typer.Typer(no_args_is_help=True, help="Messages of other systems that mean a completion.")
    group.command("list")(list_signals)
    group.command("check")(check_message)
    group.command("arrivals")(show_arrivals)
    app.add_typer(group, name="signals")


def list_signals(as_json: Json = False) -> None:
    """List the signals of the policy: source, topic or call, and whose completion each means.

    Example: orch signals list
    """
    listed = list(runtime.context().policy.signals.values())
    if as_json:
        print_json([_document(signal) for signal in listed])
        return
    for signal in listed:
        channel = f"{signal.topic} by POST /signals/{signal.name}" if signal.webhook else signal.topic
        typer.echo(f"{signal.name:<20} {signal.source.value:<14} {channel:<32} {signal.phase}: {_whose(signal)}")
    if not listed:
        typer.echo(f"the policy has no signals; how they are written: {commands.help_of('signals')}", err=True)


def check_message(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A message as JSON, or - for standard input.")],
    topic: Annotated[str, typer.Option(help="The topic that it came by, where the policy names several.")] = "",
    signal: Annotated[str, typer.Option(help="The signal alone that is to read it.")] = "",
    published: Annotated[str, typer.Option(help="When it was published; now where the message does not say.")] = "",
    as_json: Json = False,
) -> None:
    """Show what a message would become: the completion, or why it is ignored or would be quarantined. Nothing is sent.

    FILE holds what Pub/Sub pushes, or what `gcloud pubsub subscriptions pull --format=json` prints, or the data alone.
    Of several messages each is shown, in the order of the file.

    Exit 0: a completion, or ignored; 1: one would be quarantined; 2: the call or the file was wrong.

    Example: orch signals check message.json --topic nba-signals
    """
    ctx = runtime.context()
    chosen = _topic_in(ctx, topic, signal)
    raw = _read(file)
    messages = _messages(raw)
    if not messages:
        hint = "pull again once one has come; --limit says how many are pulled"
        raise fail(USAGE, f"{file} holds an empty list: no message was pulled", hint)
    results = [result for message in messages for result in _results(ctx, raw, message, (chosen, signal), published)]
    if as_json:
        print_json(results if len(results) > 1 else results[0])
    else:
        for result in results:
            _show(result)
    kept = [str(result["reason"]) for result in results if result["becomes"] == "quarantined"]
    if kept:
        raise Failure(FAILED, "; ".join(kept))


def show_arrivals(
    nights: Annotated[int, typer.Option(min=1, max=366, help="How many dates back.")] = NIGHTS,
    as_json: Json = False,
) -> None:
    """Show when the data of each source arrives: by mode and processor, local times of the working day.

    Of a processor that reports once for each unit the last unit counts. These times say where a workflow may open on
    data (`opens_on`), and how late its `latest` has to be.

    Example: orch signals arrivals --nights 28
    """
    ctx = runtime.context()
    last = today(ctx)
    try:
        runs, _ = recorded_nights(ctx, last - timedelta(days=nights), last)
    except Unavailable as error:
        raise fail(UNAVAILABLE, f"the record cannot be read: {error.reason}", "try again later") from None
    listed = arrivals_of(ctx.policy, runs, ctx.policy.signals)
    if as_json:
        print_json([_arrival_document(arrivals) for arrivals in listed])
        return
    if not listed:
        typer.echo(f"nothing has arrived in {nights} nights", err=True)
        return
    typer.echo(f"{'mode':<12} {'processor':<34} {'signal':<18} nights  earliest   median      p95   latest")
    for at in listed:
        clocks = "  ".join(f"{_clock(length):>7}" for length in (at.earliest, at.median, at.p95, at.latest))
        typer.echo(f"{at.mode:<12} {at.processor:<34} {at.signal or '-':<18} {at.nights:>6}  {clocks}")


def _clock(length: timedelta) -> str:
    """Return a time from the midnight of the working day on: 05:12, or -1d 23:10 on the evening before."""
    days, rest = divmod(int(length.total_seconds()) // 60, 24 * 60)
    return (f"{days:+d}d " if days else "") + f"{rest // 60:02d}:{rest % 60:02d}"


def _arrival_document(at: Arrivals) -> dict[str, Any]:
    clocks = {name: _clock(getattr(at, name)) for name in ("earliest", "median", "p95", "latest")}
    return {
        "mode": at.mode,
        "phase": at.phase,
        "processor": at.processor,
        "signal": at.signal or None,
        "nights": at.nights,
        **clocks,
    }


def _topic_in(ctx: Context, topic: str, name: str) -> str:
    policy = ctx.policy
    if not policy.signals:
        raise fail(USAGE, f"{policy.pipeline} has no signals", f"add them to the policy: {commands.help_of('signals')}")
    if name and name not in policy.signals:
        raise fail(USAGE, f"no signal {name!r}", suggest(name, policy.signals))
    if name:
        return policy.signals[name].topic
    topics = list(policy.signal_topics)
    if not topic and len(topics) > 1:
        raise fail(USAGE, "--topic is missing", f"one of {', '.join(topics)}")
    if topic and topic not in topics:
        raise fail(USAGE, f"no signal comes by {topic!r}", suggest(topic, topics))
    return topic or topics[0]


def _read(file: str) -> bytes:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise fail(USAGE, f"{file} cannot be read: {error.strerror}", "name a file with one message, or -") from None


def _results(
    ctx: Context, raw: bytes, message: Mapping[str, Any] | None, asked: tuple[str, str], published: str
) -> list[dict[str, Any]]:
    """Return what becomes of a message, of each that it holds.

    Where it does not say how it came, it is tried as published and as each call of the topic would bring it: shown is
    what comes of it, and where nothing does, why of each.
    """
    topic, signal = asked
    listed = [s for s in ctx.policy.signals.values() if s.topic == topic and signal in ("", s.name)]
    calls: dict[str | None, None] = dict.fromkeys(s.name if s.webhook else None for s in listed)
    if message is not None and CALLED in (message.get("attributes") or {}):
        calls = {None: None}
    deliveries = (_delivery(ctx, raw, message, topic, call, published) for call in calls)
    tried = [_result(ctx, part) for delivery in deliveries for part in _parts(ctx, delivery)]
    telling = [result for result in tried if result["becomes"] != "ignored"]
    return telling if telling and len(calls) > 1 else tried


def _parts(ctx: Context, delivery: Delivery) -> list[Delivery]:
    try:
        return signals.each_of(delivery, ctx.policy)
    except Malformed:
        return [delivery]  # what is wrong with it is told of the whole


def _delivery(
    ctx: Context, raw: bytes, message: Mapping[str, Any] | None, topic: str, call: str | None, published: str
) -> Delivery:
    """Return a message as it would be delivered, by the call of a signal if one is named; without a message, what was
    read is the data of one."""
    now = ctx.ports.clock.now()
    data, attributes = raw, dict[str, str]()
    if message is not None:
        data, attributes = _decoded(message.get("data")), dict(message.get("attributes") or {})
    if call is not None:
        attributes[CALLED] = call
    stated = published or str((message or {}).get("publishTime") or (message or {}).get("publish_time") or "")
    at = _instant(stated) or now
    channel = next(s.channel for s in ctx.policy.signals.values() if s.topic == topic)
    message_id = str((message or {}).get("messageId") or "check")
    return enveloped(Delivery(message_id, channel, data, at, now, attributes))


def _messages(raw: bytes) -> list[Mapping[str, Any] | None]:
    """Return the Pub/Sub messages in what was read; a single None where it is the data of one."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return [None]
    listed = [_message(item) for item in value] if isinstance(value, list) else [_message(value)]
    return [None] if None in listed else [*listed]


def _message(value: object) -> Mapping[str, Any] | None:
    """Return a Pub/Sub message in any of its envelopes, None for what is none."""
    if isinstance(value, dict) and isinstance(value.get("message"), dict):
        inner: dict[str, Any] = value["message"]
        if {"data", "attributes", "messageId", "message_id"} & inner.keys():
            return inner
    if isinstance(value, dict) and "attributes" in value and value.keys() <= _OF_MESSAGE:
        return value
    return None


_OF_MESSAGE = {"attributes", "data", "messageId", "message_id", "publishTime", "publish_time", "orderingKey"}


def _decoded(data: object) -> bytes:
    text = data if isinstance(data, str) else ""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()


def _instant(text: str) -> datetime | None:
    try:
        return instant(text)
    except ValueError as error:
        raise fail(USAGE, f"--published: {error}", "write it as 2026-01-22T11:00:00Z") from None


def _result(ctx: Context, delivery: Delivery) -> dict[str, Any]:
    try:
        if signals.is_probe(signals.foreign_of(delivery)):
            return {"becomes": "ignored", "reason": "it is empty"}
        _ = signals.each_of(delivery, ctx.policy)
        converted = signals.convert(delivery, ctx.policy, ctx.names)
        if isinstance(converted, Ignored):
            detail = {"detail": converted.detail} if converted.detail else {}
            return {"becomes": "ignored", "signal": converted.signal, "reason": converted.reason, **detail}
        shown = {"signal": converted.signal.name, "phase": converted.signal.phase, "body": dict(converted.body)}
        received = signals.read(delivery, ctx.policy, ctx.names)
    except Malformed as wrong:
        return {"becomes": "quarantined", "reason": wrong.reason, "processor": wrong.processor}
    if isinstance(received, Counted):
        return {"becomes": "ignored", **shown, "reason": received.why.value.replace("_", " ")}
    report = received.report
    identity = {"run": received.key.id, "processor": report.processor, "id": report.message_id}
    return {"becomes": "completion", **shown, **identity, "status": report.outcome.value}


def _show(result: Mapping[str, Any]) -> None:
    if result["becomes"] != "completion":
        by = f" by signal {result['signal']}" if result.get("signal") else ""
        typer.echo(f"{result['becomes']}{by}: {result.get('detail') or result['reason']}")
        return
    typer.echo(f"completion by signal {result['signal']}: {result['processor']} {result['status']} of {result['run']}")
    for name, value in result["body"].items():
        typer.echo(f"  {name:<16} {value}")
    typer.echo(f"  {'counts as':<16} {result['id']}")


def _whose(signal: Signal) -> str:
    if signal.jobs:
        return ", ".join(f"{name} is {processor}" for name, processor in signal.jobs.items())
    return "" if signal.processor is None else signal.processor.written


def _document(signal: Signal) -> dict[str, Any]:
    return {
        "signal": signal.name,
        "source": signal.source.value,
        "topic": signal.topic,
        "call": f"/signals/{signal.name}" if signal.webhook else None,
        "phase": signal.phase,
        "jobs": dict(signal.jobs),
        "processor": None if signal.processor is None else signal.processor.written,
    }
