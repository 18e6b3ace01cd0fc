"""What must hold when a night is over: nothing is left undelivered, unsaid, unwritten or claimed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.random_nights.oracle_of_one import prevailing
from tests.random_nights.pausing import every_pause_is_told
from tests.random_nights.trace import Trace


def every_message_is_acknowledged(book: Trace) -> Iterator[str]:
    """Once the faults have ended no message comes back for ever."""
    for letter in book.letters.values():
        if letter.id not in book.acknowledged:
            yield f"message {letter.id} ({letter.processor} {letter.outcome}) was never acknowledged"


def the_latest_report_stands(book: Trace) -> Iterator[str]:
    """What is stored of a processor is its latest outcome by the time it ended, whatever order they came in; an
    incremental one lowers nothing (R5, R10)."""
    for run in book.runs.values():
        for (phase, processor), listed in run.by_processor.items():
            outcomes = [heard for heard in listed if heard.outcome != "started"]
            data = book.completions[f"runs/{run.key.id.replace('/', '~')}/completions/{phase}.{processor}"]
            latest = prevailing(outcomes)
            stored = data["latest"]["message_id"] if "latest" in data else None
            if stored != (latest.message_id if latest is not None else None):
                yield f"{run.key.id} {phase}.{processor}: {stored} stands, the latest is {latest}"
            older = max(len(outcomes) - 1, 0)
            superseded = data.get("superseded", 0)
            if superseded != older:
                yield f"{run.key.id} {phase}.{processor}: {superseded} superseded, there were {older}"


def nothing_is_left_unsaid(book: Trace) -> Iterator[str]:
    """No alert stays pending after the faults (A3)."""
    for alert in book.alerts.values():
        if alert["unsent"]:
            yield f"{alert['fingerprint']} is still pending: {alert['text'].splitlines()[0]}"


def no_claim_is_left(book: Trace) -> Iterator[str]:
    """A lease ends; a run that was never dispatched has not been forgotten in it."""
    for run in book.runs.values():
        for track in run.tracks.values():
            if run.open and track.state == "claimed":
                yield f"{track.where} is still claimed since {track.claimed_at}"


def the_record_knows_every_report(book: Trace) -> Iterator[str]:
    """What was counted also stands in the record for people, whatever was down when (behaviour 8)."""
    for run in book.runs.values():
        for heard in run.heard:
            if heard.message_id not in book.recorded:
                yield f"{run.key.id} {heard.processor} {heard.outcome} ({heard.message_id}) is not in the record"


AT_END = (
    every_pause_is_told,
    every_message_is_acknowledged,
    the_latest_report_stands,
    nothing_is_left_unsaid,
    no_claim_is_left,
    the_record_knows_every_report,
)
