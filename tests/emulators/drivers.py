"""Drivers of the governors on the emulators, small for the test suite and large for `bin/bench limits`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from shared.adapters.clock import SystemClock
from shared.adapters.google.bigquery import BigQueryAuditLog, BigQueryWarehouse
from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.google.pubsub import PubSubBus
from shared.app.batches.advance import advance
from shared.app.batches.receive import STARTS, phase_word
from shared.app.batches.receive import receive as receive_batch
from shared.app.batches.store import load_batch
from shared.app.context import Context
from shared.core.batches.batch import BatchState
from shared.core.limits.dml import changed_tables
from shared.core.message import Delivery
from shared.core.model import RunKey
from shared.core.policy.batches import Close, CloseStep, Members, Query
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.ports import Bus, Clock, Message, Row, StateStore, Warehouse
from tests.bench.state import environment
from tests.contract.warehouses import CONFIG
from tests.core.build import NIGHT
from tests.emulators.batch_night import JumpingClock, policy
from tests.emulators.push import PushWire
from tests.emulators.push_burst import BackOff, Front, Instance, Pushing, fronted, in_process
from tests.emulators.relays import BigQueryRelay, Publications, bigquery_relay, grpc_relay
from tests.plain_ports import FullWarehouse, ListBus, NoAlerts, NoAuditLog, WellHttp, silent
from tests.wide_policy import TOPIC, TRANSITION, member_names, member_report

# Jumps of a minute after which a close that waits for a place must have had one.
MINUTES = 60
TRIGGER_TOPIC = "nba-phase4-trigger"
RUN = "runs/nba~2026-01-21~overnight"


@dataclass(frozen=True)
class DrivenPorts:
    """The ports of an instance: store and bus on emulators, the rest well."""

    store: StateStore
    bus: Bus
    warehouse: Warehouse
    clock: Clock
    audit: NoAuditLog
    http: WellHttp
    alerts: NoAlerts


@dataclass(frozen=True)
class CrowdResult:
    """What became of a crowd: answers by status, the most in one instance, attempts of each message, documents and
    trigger ids at the end, messages that nobody acknowledged, and the seconds it took."""

    answers: dict[int, int]
    most_at_once: int
    attempts: Sequence[int]
    recorded: int
    triggers: Sequence[str]
    left: int
    seconds: float


def instances_in_process(project: str, policy: Policy, number: int) -> list[Instance]:
    """Return so many instances with nothing in common but the store and the bus."""
    made = []
    for _ in range(number):
        ports = DrivenPorts(
            FirestoreStore(project),
            PubSubBus(project),
            FullWarehouse(),
            SystemClock(),
            NoAuditLog(),
            WellHttp(),
            NoAlerts(),
        )
        ctx = Context(policy, Names(policy), ports, dict.fromkeys(policy.services, "http://service"), silent)
        made.append(in_process(ctx, TRANSITION))
    return made


def drive_crowd(
    project: str, instances: Sequence[Instance], concurrency: int, members: int, back_off: BackOff, times: int = 1
) -> CrowdResult:
    """Publish a completion of each member in one go, push them all at once, and return what became of them."""
    wire = PushWire(project)
    for topic in (TOPIC, TRIGGER_TOPIC):
        wire.add_topic(topic)
    wire.listen(TRIGGER_TOPIC)
    refused = members * times - len(instances) * concurrency
    pushing, front = Pushing(project, TOPIC, back_off), Front(instances, concurrency, refused=refused)
    publisher = PublisherClient()
    published = [
        publisher.publish(f"projects/{project}/topics/{TOPIC}", member_report(name)) for name in member_names(members)
    ]
    for future in published:
        future.result()
    began = time.monotonic()
    with fronted(front) as url:
        pushing.push(url, members, times)
    seconds = time.monotonic() - began
    left = pushing.left()
    arrived = wire.arrivals(TRIGGER_TOPIC, 1, timedelta(seconds=30)) + wire.pull(TRIGGER_TOPIC, 1.0)
    pushing.close()
    wire.close()
    return CrowdResult(
        dict(front.answers),
        front.most_at_once,
        pushing.attempts,
        FirestoreStore(project).count(f"{RUN}/completions"),
        [message.attributes["trigger_id"] for message in arrived],
        left,
        seconds,
    )


TABLE = "limits_driven.held"
MERGE = (
    f"MERGE `{TABLE}` AS held USING (SELECT @date AS game_date, @batch_id AS batch_id) AS staged "
    "ON held.game_date = staged.game_date AND held.batch_id = staged.batch_id "
    "WHEN NOT MATCHED THEN INSERT (game_date, batch_id) VALUES (staged.game_date, staged.batch_id)"
)


@dataclass(frozen=True)
class ClosesResult:
    """What became of batches that close at once: published ones, rows of the table, and what the relay saw."""

    published: int
    rows: int
    most_at_once: int
    most_in_ten_seconds: int
    statements: int
    waited: int
    seconds: float


def drive_closes(project: str, bigquery: str, batches: int, takes: float) -> ClosesResult:
    """Let so many batches of one table report their last member at once, each in an instance of its own, and jump a
    minute until all are published. A statement takes ``takes`` seconds."""
    clock, waited = JumpingClock(), list[str]()
    relay = BigQueryRelay(bigquery, changed_tables, takes, lambda: clock.now().timestamp())
    began = time.monotonic()
    with bigquery_relay(relay) as url:
        warehouse = BigQueryWarehouse(project, CONFIG, timeout=timedelta(seconds=60), emulator_host=url)
        _create_table(project, url)
        store = FirestoreStore(project)
        instances = [_closing_instance(store, clock, warehouse, waited) for _ in range(batches)]
        keys = [RunKey("nba", NIGHT.day + timedelta(days=number), NIGHT.mode) for number in range(batches)]
        with ThreadPoolExecutor(batches) as pool:
            list(pool.map(_start, instances, keys))
            list(pool.map(_report, instances, keys))
            for _ in range(MINUTES):
                left = [pair for pair in zip(instances, keys, strict=True) if not _is_published(*pair)]
                if not left:
                    break
                clock.ahead += timedelta(minutes=1)
                list(pool.map(lambda pair: advance(pair[0], _batch_id(pair[1])), left))
        published = sum(map(_is_published, instances, keys))
        rows = warehouse.query(f"SELECT COUNT(*) AS n FROM `{TABLE}`", {})[0]["n"]
    return ClosesResult(
        published,
        rows,
        relay.most_at_once,
        relay.most_in_ten_seconds,
        relay.statements,
        len(waited),
        time.monotonic() - began,
    )


def _closing_instance(
    store: StateStore, clock: JumpingClock, warehouse: BigQueryWarehouse, waited: list[str]
) -> Context:
    declared = policy().batches["predictions"]
    batch = replace(
        declared,
        members=Members("player_lookup", None, "players"),
        close=Close(),
        on_close=(CloseStep(sql=Query("batches/merge.sql", MERGE)),),
    )
    closing = replace(policy(), batches={batch.name: batch})

    def log(event: str, /, severity: str = "INFO", **keys: object) -> None:
        if event == "batch.statement_waits":
            waited.append(event)

    ports = DrivenPorts(store, ListBus(), warehouse, clock, NoAuditLog(), WellHttp(), NoAlerts())
    return Context(closing, Names(closing), ports, dict.fromkeys(closing.services, "http://service"), log)


def _create_table(project: str, url: str) -> None:
    client = bigquery.Client(project, AnonymousCredentials(), client_options={"api_endpoint": url})
    client.create_dataset(TABLE.partition(".")[0])
    fields = [bigquery.SchemaField("game_date", "DATE"), bigquery.SchemaField("batch_id", "STRING")]
    client.create_table(bigquery.Table(f"{project}.{TABLE}", fields))


def _batch_id(key: RunKey) -> str:
    return key.trigger_id("phase4_to_phase5", 1)


def _start(ctx: Context, key: RunKey) -> None:
    body = {
        "batch": "predictions",
        "trigger_id": _batch_id(key),
        "game_date": key.day.isoformat(),
        "mode": key.mode,
        "lane": key.lane.value,
        "players": ["only"],
    }
    receive_batch(ctx, _message(ctx, STARTS, body))


def _report(ctx: Context, key: RunKey) -> None:
    body = {"player_lookup": "only", "batch_id": _batch_id(key), "predictions_generated": 3}
    receive_batch(ctx, _message(ctx, phase_word(ctx.policy.batches["predictions"]), body))


def _message(ctx: Context, phase: str, body: dict[str, Any]) -> Delivery:
    now = ctx.ports.clock.now()
    return Delivery(f"{phase}-{body}", phase, json.dumps(body).encode(), now, now)


def _is_published(ctx: Context, key: RunKey) -> bool:
    stored = load_batch(ctx.ports.store, _batch_id(key))
    return stored is not None and stored.value.state is BatchState.PUBLISHED


@dataclass(frozen=True)
class InsertsResult:
    """The requests of an insert (rows, bytes, longest insert id), and the rows that are there at the end."""

    requests: Sequence[tuple[int, int, int]]
    rows: int


LARGE = "x" * 1_000_000


def drive_inserts(project: str, bigquery: str, rows: int, large: int) -> InsertsResult:
    """Write so many small rows and so many of a megabyte to the record in one go, some by names beyond an insert id."""
    relay = BigQueryRelay(bigquery, changed_tables)
    with bigquery_relay(relay) as url:
        record = BigQueryAuditLog(project, "driven", timeout=timedelta(seconds=60), emulator_host=url)
        record.create_tables()
        small = {"game_date": "2026-01-21", "pipeline": "nba", "run_id": "nba/2026-01-21/overnight"}
        listed = [Row(f"{number:05}{'/longer' * (number % 40)}", small) for number in range(rows)]
        listed += [Row(f"large/{number}", {**small, "metadata": {"error": LARGE}}) for number in range(large)]
        record.insert("phase_completions", listed)
        warehouse = BigQueryWarehouse(project, CONFIG, timeout=timedelta(seconds=60), emulator_host=url)
        sql = "SELECT COUNT(DISTINCT insert_id) AS n FROM `driven.phase_completions` WHERE game_date = @date"
        there = warehouse.query(sql, {"date": date(2026, 1, 21)})[0]["n"]
    return InsertsResult(relay.inserts, there)


@dataclass(frozen=True)
class PublicationsResult:
    """The publish requests (messages, bytes), and how many messages arrived."""

    messages: Sequence[int]
    sizes: Sequence[int]
    arrived: int


def drive_publications(project: str, pubsub: str, messages: int, large: int) -> PublicationsResult:
    """Publish so many small messages and so many of a megabyte in one go."""
    wire, seen = PushWire(project), Publications()
    wire.add_topic("driven")
    wire.listen("driven")
    with grpc_relay(pubsub, seen.seen) as host, environment({"PUBSUB_EMULATOR_HOST": host}):
        listed = [Message({"number": number}, {"trigger_id": f"t/{number}"}) for number in range(messages)]
        listed += [Message({"number": number, "text": LARGE}, {}) for number in range(messages, messages + large)]
        ids = PubSubBus(project, timedelta(seconds=60)).publish("driven", listed)
    assert len(set(ids)) == len(listed)
    arrived = _numbers(pubsub, f"projects/{project}/subscriptions/driven-pull", len(listed))
    wire.close()
    return PublicationsResult(seen.messages, seen.sizes, len(arrived))


def _numbers(pubsub: str, subscription: str, count: int) -> set[int]:
    """Pull until so many messages have come, on a channel that takes answers of any size, and return their numbers."""
    channel = grpc.insecure_channel(pubsub, options=(("grpc.max_receive_message_length", -1),))
    client = SubscriberClient(transport=SubscriberGrpcTransport(host=pubsub, channel=channel))
    numbers, end = set[int](), time.monotonic() + 60
    while len(numbers) < count and time.monotonic() < end:
        answer = client.pull(subscription=subscription, max_messages=1000, timeout=10.0)
        numbers |= {json.loads(received.message.data)["number"] for received in answer.received_messages}
        client.acknowledge(
            subscription=subscription, ack_ids=[received.ack_id for received in answer.received_messages]
        )
    channel.close()
    return numbers
