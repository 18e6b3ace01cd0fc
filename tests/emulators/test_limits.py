"""The governors of deploy/LIMITS.md, driven: each is judged by what arrives at the emulator behind it.

The same drivers, with more of everything, are `bin/bench limits`.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from deploy.manifest_file import load_manifest
from shared.app.batches import closing
from shared.app.state import table_places
from shared.app.state.table_places import Places
from shared.app.sweep import pipelines
from shared.core.limits import dml
from shared.core.limits.requests import INSERT_BYTES, INSERT_ID, INSERT_ROWS, PUBLISH_BYTES, PUBLISH_MESSAGES
from tests.emulators.drivers import (
    CrowdResult,
    drive_closes,
    drive_crowd,
    drive_inserts,
    drive_publications,
    instances_in_process,
)
from tests.emulators.gcloud import patient
from tests.emulators.push_burst import BackOff, served_elsewhere
from tests.emulators.relays import Writes, grpc_relay
from tests.emulators.server import main_of, served
from tests.emulators.sweep_drivers import drive_night, drive_sweeps
from tests.local_server import LocalServer, ServerAnswer
from tests.wide_policy import member_names, wide_policy, wide_policy_file

pytestmark = pytest.mark.xdist_group("firestore")

TRIGGER_ID = "nba/2026-01-21/overnight/phase3_to_phase4/1"
FUNCTION = load_manifest(today=date(2026, 11, 22)).functions["phase3_to_phase4"]
CROWD, BATCHES = 161, 18
# What the platform charges requests and documents beyond the bytes of their contents.
FRAMED = 1.2


@pytest.fixture
def variables(firestore_host: str, pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    hosts = {"FIRESTORE_EMULATOR_HOST": firestore_host, "PUBSUB_EMULATOR_HOST": pubsub_host}
    for name, value in hosts.items():
        monkeypatch.setenv(name, value)
    patient(monkeypatch)
    return hosts


def scaled(scale: float) -> BackOff:
    """Return the retry policy of the manifest, its waits shortened."""
    assert FUNCTION.push is not None
    return BackOff(FUNCTION.push.min_backoff, FUNCTION.push.max_backoff, scale)


def judged(crowd: CrowdResult) -> None:
    """Some were refused, none was lost: each is recorded once, one trigger left, and nothing is left to be pushed."""
    assert crowd.answers.get(429, 0) >= CROWD - FUNCTION.max_instances * FUNCTION.concurrency
    assert set(crowd.answers) <= {429, 200, 204}
    assert crowd.most_at_once == FUNCTION.concurrency
    assert crowd.recorded == CROWD
    assert crowd.triggers == [TRIGGER_ID]
    assert crowd.left == 0
    assert max(crowd.attempts) < 100  # the attempts after which a message is a dead letter


@pytest.mark.slow
def test_161_messages_at_once_on_the_instances_of_the_manifest(variables: dict[str, str], tmp_path: Path) -> None:
    """10 instances of 4 requests each are full: the rest is answered 429, backs off by the retry policy and comes
    again; all end exactly once, with one trigger id."""
    project = f"demo-crowd-{token_hex(4)}"
    instances = instances_in_process(project, wide_policy(CROWD, tmp_path), FUNCTION.max_instances)
    judged(drive_crowd(project, instances, FUNCTION.concurrency, CROWD, scaled(0.002)))


@pytest.mark.nightly
def test_each_of_161_twice_and_which_document_is_the_hottest(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pushed twice each, still one trigger. No document is written more than once a second within the minute of the
    crowd; the hottest is the run, which all who come first at once try to open. None comes near 1 MiB."""
    writes = Writes()
    with grpc_relay(variables["FIRESTORE_EMULATOR_HOST"], writes.seen) as host:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
        project = f"demo-crowd-{token_hex(4)}"
        instances = instances_in_process(project, wide_policy(CROWD, tmp_path), FUNCTION.max_instances)
        judged(drive_crowd(project, instances, FUNCTION.concurrency, CROWD, scaled(0.002), times=2))
    path, within_a_minute = writes.hottest()
    print(f"hottest: {path}, {within_a_minute} writes within a minute; largest document {writes.largest} bytes")
    assert path == "runs/nba~2026-01-21~overnight"
    assert within_a_minute <= FUNCTION.max_instances * FUNCTION.concurrency + 2 <= 60
    assert writes.largest < 2**20 / 10


@pytest.mark.nightly
def test_161_messages_at_once_on_ten_processes(variables: dict[str, str], tmp_path: Path) -> None:
    """The same on instances as they are deployed: each a process of functions-framework with threads of its own."""
    project = f"demo-crowd-{token_hex(4)}"
    environment = {
        **variables,
        "GOOGLE_CLOUD_PROJECT": project,
        "ORCH_WAREHOUSE": "duckdb",
        "ORCH_ALERTS": "console",
        "ORCH_POLICY": str(wide_policy_file(CROWD, tmp_path)),
        "ORCH_HOME": str(tmp_path),
    }
    with ExitStack() as stack:
        ready = stack.enter_context(LocalServer(always=ServerAnswer(body=b'{"status": "ready"}')))
        environment["PRECOMPUTE_PROCESSOR_URL"] = ready.url
        urls = [
            stack.enter_context(served(main_of("phase3_to_phase4"), environment, tmp_path / f"log{number}"))[0]
            for number in range(FUNCTION.max_instances)
        ]
        judged(drive_crowd(project, [served_elsewhere(url) for url in urls], FUNCTION.concurrency, CROWD, scaled(0.05)))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a close that finds no place come back a minute later, to which the driver's clock jumps."""
    monkeypatch.setattr(table_places, "PATIENCE", timedelta(milliseconds=100))


@pytest.mark.usefixtures("hasty")
def test_statements_on_a_table_are_at_most_so_many_at_once(variables: dict[str, str], bigquery_host: str) -> None:
    """More batches than that close at once, each in an instance of its own: BigQuery never has more than 15 of their
    statements at work on the table, and each batch is published with its row."""
    driven = drive_closes(f"demo-closes-{token_hex(4)}", bigquery_host, BATCHES, takes=1.0)
    assert driven.most_at_once <= dml.AT_ONCE
    assert driven.most_in_ten_seconds <= dml.IN_TEN_SECONDS
    assert (driven.published, driven.rows, driven.statements) == (BATCHES, BATCHES, BATCHES)


@pytest.mark.nightly
@pytest.mark.usefixtures("hasty")
def test_without_the_governor_the_relay_sees_them_all(
    variables: dict[str, str], bigquery_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above counts is what arrives: with the governor switched off it is over the bound."""
    monkeypatch.setattr(closing, "take_places", lambda ctx, tables: Places("", ()))
    driven = drive_closes(f"demo-closes-{token_hex(4)}", bigquery_host, BATCHES, takes=2.0)
    assert driven.most_at_once > dml.AT_ONCE


@pytest.mark.nightly
@pytest.mark.usefixtures("hasty")
def test_a_crowd_of_closes_ends(variables: dict[str, str], bigquery_host: str) -> None:
    """60 batches of one table close at once, past both bounds: all are published within the hour, each with its row."""
    driven = drive_closes(f"demo-closes-{token_hex(4)}", bigquery_host, 60, takes=1.0)
    print(driven)
    assert driven.most_at_once <= dml.AT_ONCE
    assert driven.most_in_ten_seconds <= dml.IN_TEN_SECONDS
    assert (driven.published, driven.rows, driven.statements) == (60, 60, 60)


def test_sweeps_side_by_side_are_bounded(
    variables: dict[str, str], bigquery_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five pipelines of a deployment have their calendar to read in one call of the sweep, which goes on for two at
    once: BigQuery has two queries at work, never three, and all are swept."""
    monkeypatch.setattr(pipelines, "AT_ONCE", 2)
    driven = drive_sweeps(f"demo-sweeps-{token_hex(4)}", bigquery_host, count=5, expected=2)
    assert driven.most_at_once == 2
    assert (driven.swept, driven.queries >= 5) == (5, True)


@pytest.mark.nightly
@pytest.mark.parametrize("bound", [pipelines.AT_ONCE, 24])
def test_24_sweeps_ask_bigquery_as_the_bound_says(
    variables: dict[str, str], bigquery_host: str, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    """Eight at once of 24; with the bound taken away 24, so that what is counted is what arrives."""
    monkeypatch.setattr(pipelines, "AT_ONCE", bound)
    driven = drive_sweeps(f"demo-sweeps-{token_hex(4)}", bigquery_host, count=24, expected=bound)
    assert (driven.most_at_once, driven.swept) == (bound, 24)


def night(firestore: str, members: int, minutes: int, folder: Path) -> None:
    """Judge a night in which each member reports in a minute of its own."""
    policy = wide_policy(members, folder)
    driven = drive_night(f"demo-night-{token_hex(4)}", firestore, policy, member_names(members), minutes)
    run = "runs/nba~2026-01-21~overnight"
    print(driven.writes.most_common(5))
    assert driven.writes["locks/nba~sweep"] <= 2 * driven.sweeps
    assert driven.writes[run] <= 4 + 3 * members + minutes / 15
    reports = driven.of(f"{run}/completions/")
    assert (len(reports), max(reports)) == (members, 2)
    assert max(driven.writes.values()) / (60 * minutes) <= 1 / 20


def test_a_night_writes_no_document_near_once_a_second(variables: dict[str, str], tmp_path: Path) -> None:
    """The lock of the sweep twice a minute; the run when a report makes it due, when it is looked at and put off; a
    report when it comes, and when the record has it."""
    night(variables["FIRESTORE_EMULATOR_HOST"], 6, 20, tmp_path)


@pytest.mark.nightly
def test_a_long_night_writes_no_document_near_once_a_second(variables: dict[str, str], tmp_path: Path) -> None:
    """The same of sixty members in three hours."""
    night(variables["FIRESTORE_EMULATOR_HOST"], 60, 180, tmp_path)


def test_rows_leave_in_requests_that_bigquery_takes(bigquery_host: str) -> None:
    """By number, by bytes, and with insert ids of 128 characters at most; every row is there."""
    driven = drive_inserts(f"demo-inserts-{token_hex(4)}", bigquery_host, rows=1_201, large=8)
    assert driven.rows == 1_209
    assert max(rows for rows, _, _ in driven.requests) <= INSERT_ROWS
    assert max(size for _, size, _ in driven.requests) <= INSERT_BYTES
    assert max(longest for _, _, longest in driven.requests) <= INSERT_ID
    assert len(driven.requests) <= 6


def test_messages_share_requests_that_pubsub_takes(variables: dict[str, str]) -> None:
    """1,201 messages are not 1,201 requests at once; none is larger than a request may be; every message arrives."""
    driven = drive_publications(
        f"demo-publish-{token_hex(4)}", variables["PUBSUB_EMULATOR_HOST"], messages=1_201, large=4
    )
    assert driven.arrived == 1_205
    assert max(driven.messages) <= PUBLISH_MESSAGES
    assert max(driven.sizes) <= PUBLISH_BYTES * FRAMED
    assert len(driven.messages) <= 20
