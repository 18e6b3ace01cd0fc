"""Figures of the governors of deploy/LIMITS.md: what arrives at the emulators when they are driven past them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from secrets import token_hex

from deploy.front import front_of
from deploy.manifest_file import load_manifest
from deploy.prices_file import load_prices
from shared.app.state import table_places
from shared.app.sweep.pipelines import AT_ONCE as SWEPT_AT_ONCE
from shared.core.limits.dml import AT_ONCE, IN_TEN_SECONDS
from shared.core.limits.requests import INSERT_BYTES, INSERT_ROWS, PUBLISH_MESSAGES
from shared.core.limits.table import CROWD
from shared.simulation.emulators import EmulatorMissing
from tests.bench.figure import Bench, Figure, Spread, Unmeasurable
from tests.bench.state import environment
from tests.emulators.bigquery import bigquery_emulator
from tests.emulators.drivers import (
    drive_closes,
    drive_crowd,
    drive_inserts,
    drive_publications,
    instances_in_process,
)
from tests.emulators.push_burst import BackOff
from tests.emulators.relays import Writes, grpc_relay
from tests.emulators.sweep_drivers import drive_sweeps
from tests.wide_policy import wide_policy

NAME = "limits"
# Batches that close at once, pipelines that are swept at once, rows and messages that leave together, by the size.
CLOSES = {"small": 18, "normal": 60, "full": 161}
SWEPT = {"small": 24, "normal": 60, "full": 100}
TOGETHER = {"small": 1_201, "normal": 10_000, "full": 50_000}
SHORTENED = 0.01


def limits(bench: Bench) -> Iterator[Figure]:
    """Drive statements, rows, messages and a crowd past their governors."""
    variables = bench.variables()
    with ExitStack() as stack:
        stack.enter_context(environment(variables))
        try:
            bigquery = stack.enter_context(bigquery_emulator())
        except EmulatorMissing as missing:
            raise Unmeasurable(str(missing)) from missing
        yield from _closes(bench, bigquery)
        yield _sweeps(bench, bigquery)
        yield _inserts(bench, bigquery)
        yield _publications(bench, variables["PUBSUB_EMULATOR_HOST"])
        yield _burst(bench, variables["FIRESTORE_EMULATOR_HOST"])


def _closes(bench: Bench, bigquery: str) -> Iterator[Figure]:
    batches, patience = CLOSES[bench.size.name], table_places.PATIENCE
    driven = drive_closes(_project(), bigquery, batches, takes=1.0)
    counted = {
        "published": f"{driven.published} of {batches}",
        "statements": driven.statements,
        "rows": driven.rows,
        f"closes that waited longer than {patience.seconds} s, each time": driven.waited,
        "seconds": round(driven.seconds),
    }
    what = f"{batches} batches of one table close at once"
    at_once, rate = Spread.of([float(driven.most_at_once)]), Spread.of([float(driven.most_in_ten_seconds)])
    yield Figure(NAME, f"{what}: statements at work", "statements", at_once, most=AT_ONCE, counted=counted)
    yield Figure(NAME, f"{what}: statements begun in ten seconds", "statements", rate, most=IN_TEN_SECONDS)


def _sweeps(bench: Bench, bigquery: str) -> Figure:
    many = SWEPT[bench.size.name]
    driven = drive_sweeps(_project(), bigquery, many, expected=SWEPT_AT_ONCE)
    return Figure(
        NAME,
        f"{many} pipelines of a deployment are swept in one call: queries at work",
        "queries",
        Spread.of([float(driven.most_at_once)]),
        most=SWEPT_AT_ONCE,
        counted={"queries": driven.queries, "pipelines swept": driven.swept},
    )


def _inserts(bench: Bench, bigquery: str) -> Figure:
    rows = TOGETHER[bench.size.name]
    driven = drive_inserts(_project(), bigquery, rows, large=8)
    largest = [max(column) for column in zip(*driven.requests, strict=True)]
    counted = {
        "requests": len(driven.requests),
        "bytes of the largest": f"{largest[1]:,} of {INSERT_BYTES:,}",
        "characters of the longest insert id": largest[2],
        "rows there": driven.rows,
    }
    return Figure(
        NAME,
        f"{rows:,} rows, and 8 of a megabyte, in one go: rows of a request",
        "rows",
        Spread.of([float(largest[0])]),
        most=INSERT_ROWS,
        counted=counted,
    )


def _publications(bench: Bench, pubsub: str) -> Figure:
    messages = TOGETHER[bench.size.name] // 5
    driven = drive_publications(_project(), pubsub, messages, large=8)
    return Figure(
        NAME,
        f"{messages:,} messages, and 8 of a megabyte, in one go: messages of a request",
        "messages",
        Spread.of([float(max(driven.messages))]),
        most=PUBLISH_MESSAGES,
        counted={
            "publish requests": len(driven.messages),
            "bytes of the largest publish request": f"{max(driven.sizes):,}",
            "arrived": driven.arrived,
        },
    )


def _burst(bench: Bench, firestore: str) -> Figure:
    front = front_of(load_manifest(today=load_prices().taken))
    back_off = BackOff(timedelta(seconds=10), front.max_backoff, SHORTENED)
    writes, project = Writes(), _project()
    with grpc_relay(firestore, writes.seen) as host, environment({"FIRESTORE_EMULATOR_HOST": host}):
        instances = instances_in_process(project, wide_policy(CROWD, bench.folder), front.instances)
        driven = drive_crowd(project, instances, front.concurrency, CROWD, back_off, times=3)
    path, number = writes.hottest()
    return Figure(
        NAME,
        f"{CROWD} messages, each three times, at once on {front.instances} instances of {front.concurrency}: triggers",
        "triggers",
        Spread.of([float(len(driven.triggers))]),
        least=1,
        most=1,
        counted={
            "answered": dict(sorted(driven.answers.items())),
            "recorded": driven.recorded,
            "not acknowledged": driven.left,
            "most attempts of a message": max(driven.attempts),
            "seconds of the crowd": round(driven.seconds, 1),
            "the document that was written most within a minute": f"{path}, {number} times",
            "bytes of the largest document": f"{writes.largest:,}",
        },
    )


def _project() -> str:
    return f"demo-limits-{token_hex(4)}"
