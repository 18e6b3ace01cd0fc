"""Formats without a source of their own, read by policy alone: each by recorded public messages (behaviour R13).

The policies are those that a newcomer wrote from `orch help signals` and the JSON schema.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from shared.core import signals
from shared.core.errors import Malformed
from shared.core.message import Received
from shared.core.model import Outcome
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.signals import CALLED
from tests.core import foreign_samples as samples
from tests.core.test_signals import delivery, ignored, meaning, policy_of, read, refused

DATAFLOW = """
source: json
when: {type: google.cloud.dataflow.job.v1beta3.statusChanged}
match: {data.payload.name: "re: (?P<kind>[a-z-]+)-(?P<started>[0-9]{13})"}
processor: "{kind}"
jobs: {rrio-bigtable-it-write-*: radar}
date: {from: "{started}", format: epoch_ms}
status: {from: data.payload.currentState, success: [JOB_STATE_DONE], failed: [JOB_STATE_FAILED, JOB_STATE_CANCELLED],
  other: ignore}
ended: data.payload.currentStateTime
id: "{data.payload.id}"
"""
GITHUB = """
source: json
webhook: {secret: github-webhook, header: X-Hub-Signature-256, prefix: "sha256="}
when: {action: completed, workflow_run.id: "*", workflow_run.head_branch: [main, master]}
processor: "{workflow.path|last}"
jobs: {test.yml: stations}
date: workflow_run.created_at
status: {from: workflow_run.conclusion, success: [success], failed: [failure, timed_out, cancelled, startup_failure],
  skipped: [skipped], other: ignore}
ended: workflow_run.updated_at
execution_id: "{workflow_run.id}"
id: ["{workflow_run.id}/{workflow_run.run_attempt}", "{workflow_run.id}"]
"""
S3 = """
source: json
each: Records[*]
when: {"Records[0].eventName": "ObjectCreated:*"}
match: {"Records[0].s3.object.key|url": "odds/dt={date}/_SUCCESS"}
processor: stations
date: "{date}"
status: success
ended: Records[0].eventTime
id: "{Records[0].s3.bucket.name}/{Records[0].s3.object.key}/{Records[0].s3.object.sequencer}"
"""
FIVETRAN = """
source: json
webhook: {secret: fivetran-webhook, header: X-Fivetran-Signature-256, sent: created}
when: {event: sync_end}
processor: "{connector_name}"
jobs: {ftar_pg: stations}
date: {from: created, offset_days: -1}
status: {from: data.status, success: [SUCCESSFUL], failed: [FAILURE, FAILURE_WITH_TASK]}
ended: created
cause: data.reason
id: "{sync_id}"
"""
DATABRICKS = """
source: json
webhook: {secret: databricks-basic, prefix: "Basic ", scheme: token}
when: {event_type: "jobs.on_*", task: null}
processor: "{job.name}"
jobs: {job_name: stations}
date: {from: "@publish_time", offset_days: -1}
status: {from: event_type, success: [jobs.on_success], failed: [jobs.on_failure], other: ignore}
execution_id: "{run.run_id}"
id: "{run.run_id}"
"""
STORAGE_EVENT = """
source: json
when: {type: google.cloud.storage.object.v1.finalized, data.bucket: sample-bucket}
match: {data.name: "MyFile*"}
processor: radar
date: data.timeCreated
status: success
ended: data.timeCreated
id: "{data.bucket}/{data.name}#{data.generation}"
"""


def of(text: str) -> Policy:
    return policy_of(yaml.safe_load(text))


def called(policy: Policy) -> dict[str, str]:
    return {CALLED: "one"} if policy.signals["one"].webhook else {}


def s3(*keys: str) -> dict[str, Any]:
    """Return one notification of several objects, written as S3 writes their keys; the time is that of the test."""
    records = []
    for number, key in enumerate(keys):
        record = deepcopy(samples.S3_RECORD) | {"eventTime": "2026-03-10T05:00:00.123Z"}
        record["s3"]["object"] |= {"key": key.replace("=", "%3D"), "sequencer": f"0A{number}"}
        records.append(record)
    return {"Records": records}


def in_state(state: str) -> dict[str, Any]:
    """Return the recorded event in another state of the enumeration that Dataflow documents."""
    event = deepcopy(samples.DATAFLOW_PENDING)
    event["data"]["payload"]["currentState"] = state
    return event


READ = {
    "dataflow by eventarc": (DATAFLOW, in_state("JOB_STATE_DONE"), ("radar", date(2024, 3, 13), Outcome.SUCCESS)),
    "github actions": (GITHUB, samples.GITHUB_RUN, ("stations", date(2020, 10, 5), Outcome.SUCCESS)),
    "s3": (S3, s3("odds/dt=2026-03-09/_SUCCESS"), ("stations", date(2026, 3, 9), Outcome.SUCCESS)),
    # 00:06 in UTC is 02:06 in Berlin, of the same date.
    "fivetran": (FIVETRAN, json.loads(samples.FIVETRAN_SYNC), ("stations", date(2026, 5, 21), Outcome.SUCCESS)),
    "databricks": (DATABRICKS, samples.DATABRICKS_JOB, ("stations", date(2026, 3, 9), Outcome.SUCCESS)),
    "storage by eventarc": (STORAGE_EVENT, samples.STORAGE_EVENT, ("radar", date(2020, 5, 6), Outcome.SUCCESS)),
}
NOT_YET = {
    "a job of dataflow that waits": (DATAFLOW, samples.DATAFLOW_PENDING, "its status is not listed"),
    "the ping of github": (GITHUB, {"zen": "Keep it logically awesome.", "hook_id": 1}, "nothing stands at action"),
    "the test of s3": (S3, samples.S3_TEST, "nothing stands at Records[0].eventName"),
    "another object of s3": (
        S3, {"Records": [samples.S3_RECORD]},
        "Records[0].s3.object.key|url does not match odds/dt={date}/_SUCCESS",
    ),
    "the test of fivetran": (FIVETRAN, samples.FIVETRAN_TEST, "event is another"),
    "a task of databricks": (DATABRICKS, samples.DATABRICKS_TASK, "task is another"),
}  # fmt: skip


@pytest.mark.parametrize("case", READ.values(), ids=READ)
def test_a_recorded_message_is_a_completion(case: tuple[str, Any, tuple[str, date, Outcome]]) -> None:
    """Whose it is, of which date, and how it ended, by keys of the policy alone."""
    text, body, expected = case
    policy = of(text)
    assert meaning(read(policy, body, called(policy))) == expected


@pytest.mark.parametrize("case", NOT_YET.values(), ids=NOT_YET)
def test_what_these_senders_send_beside_it_is_ignored(case: tuple[str, Any, str]) -> None:
    """Tests of the connection, states on the way and the messages of others are counted and nothing else."""
    text, body, reason = case
    policy = of(text)
    assert ignored(policy, body, called(policy)) == reason


def test_a_sync_that_is_repeated_under_its_own_id_ends_anew() -> None:
    """Fivetran may report FAILURE and then SUCCESSFUL of one sync: what has another outcome is another event, the same
    one twice is not."""
    policy, body = of(FIVETRAN), json.loads(samples.FIVETRAN_SYNC)
    failed = read(policy, {**body, "data": {"status": "FAILURE_WITH_TASK"}}, called(policy))
    success = read(policy, body, called(policy))
    assert (failed.report.outcome, success.report.outcome) == (Outcome.FAILED, Outcome.SUCCESS)
    assert failed.report.message_id != success.report.message_id
    again = read(policy, body, called(policy), message_id="m2")
    assert again.report.message_id == success.report.message_id


# --- several records in one message ---


def parts(policy: Policy, body: Any) -> list[Received]:
    """Return the completions that a message holds."""
    read_parts = [signals.read(part, policy, Names(policy)) for part in signals.each_of(delivery(body), policy)]
    assert all(isinstance(part, Received) for part in read_parts), read_parts
    return [part for part in read_parts if isinstance(part, Received)]


def test_each_item_of_a_list_is_a_message_of_its_own() -> None:
    """Three objects in one notification are three completions, each with its own date, time and identity, the same ones
    however the sender put them together."""
    policy = of(S3)
    keys = [f"odds/dt=2026-03-{day:02}/_SUCCESS" for day in (7, 8, 9)]
    together = parts(policy, s3(*keys))
    assert [part.key.day for part in together] == [date(2026, 3, day) for day in (7, 8, 9)]
    assert together[0].report.occurred_at == datetime(2026, 3, 10, 5, 0, 0, 123000, tzinfo=UTC)
    ids = [part.report.message_id for part in together]
    assert len(set(ids)) == 3
    records = s3(*keys)["Records"]
    assert [parts(policy, {"Records": [record]})[0].report.message_id for record in records] == ids


@pytest.mark.parametrize(
    ("each", "name", "wrap"),
    [
        ("[*]", "[0].n", lambda items: items),
        ("data.items[*]", "data.items[0].n", lambda items: {"data": {"items": items}}),
        # As SNS wraps what S3 sends: a text that is itself JSON.
        ("Message.Records[*]", "Message.Records[0].n", lambda items: {"Message": json.dumps({"Records": items})}),
    ],
)
def test_the_list_may_stand_anywhere(each: str, name: str, wrap: Any) -> None:
    """At the top, deeper, or in a text that is JSON; the other keys are in every part."""
    rule = {"source": "json", "each": each, "processor": f"{{{name}}}", "date": "@publish_time", "status": "success"}
    received = parts(policy_of(rule), wrap([{"n": "stations"}, {"n": "radar"}]))
    assert [part.report.processor for part in received] == ["stations", "radar"]
    assert [part.report.processor for part in parts(policy_of(rule), wrap([{"n": "radar"}]))] == ["radar"]


def test_several_records_are_never_lost_in_silence() -> None:
    """A policy that reads the first record of a message with two is told so by quarantine, whatever the first one is;
    `[first]` says that the first is meant."""
    one_only = yaml.safe_load(S3.replace("each: Records[*]\n", ""))
    two = s3("odds/dt=2026-03-08/_SUCCESS", "odds/dt=2026-03-09/_SUCCESS")
    for body in (two, {"Records": [samples.S3_RECORD, *two["Records"]]}, {"Records": [{"eventName": "x"}] * 2}):
        wrong = refused(policy_of(one_only), body)
        assert (wrong.kind, "each: Records[*] reads each" in wrong.reason) == ("several", True), wrong.reason
    meant = yaml.safe_load(S3.replace("each: Records[*]\n", "").replace("[0]", "[first]"))
    assert read(policy_of(meant), two).key.day == date(2026, 3, 8)
    # What another signal of the topic reads is its own.
    other = {"source": "json", "processor": "radar", "date": "@publish_time", "status": "success"}
    assert read(policy_of(one_only, other), two).report.processor == "radar"


def test_a_message_of_too_many_is_kept_whole() -> None:
    """Each item is written down before the message is acknowledged: a hundred are, more are kept with the reason."""
    policy = of(S3)
    assert len(parts(policy, s3(*["odds/dt=2026-03-09/_SUCCESS"] * signals.MOST_ITEMS))) == signals.MOST_ITEMS
    with pytest.raises(Malformed) as wrong:
        signals.each_of(delivery(s3(*["x"] * (signals.MOST_ITEMS + 1))), policy)
    assert wrong.value.kind == "too_many"


def test_a_called_signal_takes_nothing_apart_for_another() -> None:
    """What came by a call is read by its signal alone, and so is its list."""
    policy = of(S3)
    body = s3("odds/dt=2026-03-08/_SUCCESS", "odds/dt=2026-03-09/_SUCCESS")
    assert len(signals.each_of(delivery(body, {CALLED: "another"}), policy)) == 1
