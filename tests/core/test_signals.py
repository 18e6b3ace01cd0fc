"""Messages of other systems as completions: each source by recorded public messages of it (behaviour R13)."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core import signals
from shared.core.errors import Malformed, PolicyError
from shared.core.message import Counted, Delivery, Received, enveloped
from shared.core.model import Outcome
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.signals import CALLED, SIGNAL, Source
from shared.core.signals import Converted, Ignored
from tests.core import signal_samples as samples

PIPELINE = Path(__file__).parents[1] / "pipelines" / "minimal.yaml"
TOPIC = "weather-signals"
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


def policy_of(*signals_of: dict[str, Any], **more: Any) -> Policy:
    """Return the smallest pipeline with these signals of its phase `collect`, named one, two, ..."""
    names = ("one", "two", "three")
    listed = {
        name: {"phase": "collect", "topic": TOPIC, **signal} for name, signal in zip(names, signals_of, strict=False)
    }
    return load_policy(PIPELINE, {"signals": listed, **more})


def delivery(body: Any = b"", attributes: dict[str, str] | None = None, **more: Any) -> Delivery:
    data = body if isinstance(body, bytes) else samples.as_data(body)
    return enveloped(replace(Delivery("m1", f"{SIGNAL}{TOPIC}", data, NOW, NOW, attributes or {}), **more))


def read(policy: Policy, body: Any = b"", attributes: dict[str, str] | None = None, **more: Any) -> Received:
    """Return the completion that a message means; it must mean one."""
    received = signals.read(delivery(body, attributes, **more), policy, Names(policy))
    assert isinstance(received, Received), received
    return received


def ignored(policy: Policy, body: Any = b"", attributes: dict[str, str] | None = None) -> str:
    """Return why a message is counted and nothing else; it must be."""
    converted = signals.convert(delivery(body, attributes), policy, Names(policy))
    assert isinstance(converted, Ignored), converted
    counted = signals.read(delivery(body, attributes), policy, Names(policy))
    assert isinstance(counted, Counted)
    return converted.reason


def refused(policy: Policy, body: Any = b"", attributes: dict[str, str] | None = None) -> Malformed:
    with pytest.raises(Malformed) as wrong:
        signals.read(delivery(body, attributes), policy, Names(policy))
    return wrong.value


def meaning(received: Received) -> tuple[str, date, Outcome]:
    return received.report.processor, received.key.day, received.report.outcome


# --- Cloud Storage ---

STORAGE = {"source": "storage", "object": "{processor}/{year}/{month}/{date}_*", "processor": "stations"}


def test_a_finished_object_is_a_completion_of_the_date_in_its_name() -> None:
    """A recorded notification: name, date and time come from its attributes, the data may be missing."""
    policy = policy_of({**STORAGE, "object": "water/{year}/{month}/{date}_*"})
    received = read(policy, attributes=samples.STORAGE_DATED)
    assert meaning(received) == ("stations", date(2019, 8, 1), Outcome.SUCCESS)
    assert received.report.occurred_at == datetime(2019, 9, 5, 2, 25, 51, 27455, tzinfo=UTC)


def test_the_pattern_can_say_the_processor_and_its_words_are_looked_up() -> None:
    """`{processor}` in the pattern is a name on the wire; a name of nobody's goes to quarantine, as any other."""
    policy = policy_of({"source": "storage", "object": "{processor}/{year}/*/{date}_*", "processor": "{processor}"})
    named = {**samples.STORAGE_DATED, "objectId": "StationsJob/2019/09/2019-08-01_lot.csv"}
    assert read(policy, attributes=named).report.processor == "stations"
    assert refused(policy, attributes=samples.STORAGE_DATED).kind == "unknown_processor"


def test_the_same_generation_counts_once_and_an_overwrite_again() -> None:
    """Two notifications of one generation, whatever their message ids, have one identity; a new generation another."""
    policy = policy_of({"source": "storage", "object": "*/RDR_AoU_GEN_PKG-{lot}.csv", "processor": "stations",
                        "date": "@attributes.eventTime"})  # fmt: skip
    first = read(policy, attributes=samples.STORAGE_OVERWRITE)
    again = read(policy, attributes=samples.STORAGE_OVERWRITE, message_id="m2")
    older = {**samples.STORAGE_OVERWRITE, "objectGeneration": samples.STORAGE_OVERWRITE["overwroteGeneration"]}
    assert first.report.message_id == again.report.message_id
    assert read(policy, attributes=older).report.message_id != first.report.message_id


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_METADATA_UPDATE", "OBJECT_ARCHIVE"])
def test_only_a_finished_object_counts(event: str) -> None:
    """Deletions and changes of metadata are counted and nothing else, be their object's name the right one."""
    policy = policy_of({**STORAGE, "object": "test{date}"}, {**STORAGE, "object": "{date}"})
    attributes = {**samples.STORAGE_METADATA, "eventType": event}
    assert ignored(policy, attributes=attributes) == "@attributes.eventType is another"


def test_the_object_itself_may_be_read_too() -> None:
    """With a payload, places without @ are of the object as JSON; a bucket may be asked for."""
    rule = {
        "source": "storage",
        "object": "{name}",
        "bucket": "sample-bucket",
        "processor": "radar",
        "date": "timeCreated",
    }
    attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "sample-bucket", "objectId": "MyFile"}
    received = read(policy_of(rule), samples.STORAGE_OBJECT, attributes)
    assert meaning(received) == ("radar", date(2020, 5, 6), Outcome.SUCCESS)
    assert ignored(policy_of(rule), samples.STORAGE_OBJECT, {**attributes, "bucketId": "other"}) == (
        "@attributes.bucketId is another"
    )


# --- BigQuery Data Transfer, scheduled queries ---

TRANSFER = {"source": "data_transfer", "jobs": {"642f3a36-0000-2fbb": "stations"}}


def test_a_transfer_run_that_ended_is_a_completion() -> None:
    """The recorded notification of a scheduled query: by the id of its configuration, of the local date of its run."""
    received = read(policy_of(TRANSFER), samples.TRANSFER_RUN)
    # 21:03 in UTC is 22:03 in Berlin: the same date.
    assert meaning(received) == ("stations", date(2023, 3, 23), Outcome.SUCCESS)
    assert received.report.execution_id == "6437ff3d-0000-2dbd"
    assert received.report.occurred_at == datetime(2023, 3, 23, 21, 4, 16, 167236, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_time", "rule", "expected"),
    [
        ("2023-03-23T23:30:00Z", {}, date(2023, 3, 24)),
        ("2023-03-23T23:30:00Z", {"zone": "UTC"}, date(2023, 3, 23)),
        ("2023-03-23T23:30:00Z", {"offset_days": -1}, date(2023, 3, 23)),
        ("2023-03-23T23:30:00Z", {"zone": "America/New_York", "offset_days": -1}, date(2023, 3, 22)),
    ],
)
def test_the_date_of_a_run_is_local_unless_said_otherwise(run_time: str, rule: dict[str, Any], expected: date) -> None:
    """An instant is a date in the pipeline's zone or in the one named, and may be so many days from it."""
    body = {**samples.TRANSFER_RUN, "runTime": run_time}
    assert read(policy_of({**TRANSFER, "date": rule}), body).key.day == expected


@pytest.mark.parametrize(("state", "outcome"), [("FAILED", Outcome.FAILED), ("CANCELLED", Outcome.FAILED)])
def test_a_transfer_run_that_failed_says_why(state: str, outcome: Outcome) -> None:
    """Its state and the message of its status, as the TransferRun documents them."""
    body = {**samples.TRANSFER_RUN, "state": state, "errorStatus": {"code": 5, "message": "table not found"}}
    received = read(policy_of(TRANSFER), body)
    assert (received.report.outcome, received.report.error) == (outcome, "table not found")


def test_a_run_under_way_and_another_configuration_are_counted_and_nothing_else() -> None:
    """PENDING and RUNNING mean nothing yet; a configuration that the policy does not list is another's."""
    assert ignored(policy_of(TRANSFER), {**samples.TRANSFER_RUN, "state": "RUNNING"}) == "its status is RUNNING"
    other = policy_of({**TRANSFER, "jobs": {"1234": "stations"}})
    assert ignored(other, samples.TRANSFER_RUN) == "its name is not among jobs"


def test_a_state_that_nobody_knows_is_kept() -> None:
    """A word that the mapping does not have is never guessed: quarantine, with the word."""
    wrong = refused(policy_of(TRANSFER), {**samples.TRANSFER_RUN, "state": "PAUSED"})
    assert (wrong.kind, wrong.processor) == ("unknown_status", "stations")
    assert "PAUSED" in wrong.reason


# --- BigQuery jobs in audit logs ---

TABLED = {"phases": {"collect": {"processors": {"stations": {"table": "weather.stations"}}}}}


def with_table(entry: dict[str, Any], dataset: str, table: str) -> dict[str, Any]:
    """Return a recorded entry of a job that wrote to this table."""
    changed = deepcopy(entry)
    if "serviceData" in changed["protoPayload"]:
        job = changed["protoPayload"]["serviceData"]["jobCompletedEvent"]["job"]
        job["jobConfiguration"]["query"]["destinationTable"] |= {"datasetId": dataset, "tableId": table}
    else:
        job = changed["protoPayload"]["metadata"]["jobChange"]["job"]
        job["jobConfig"]["queryConfig"]["destinationTable"] = f"projects/p/datasets/{dataset}/tables/{table}"
    return changed


@pytest.mark.parametrize(
    ("entry", "day", "records"),
    [(samples.BIGQUERY_COMPLETED, date(2021, 11, 25), 10), (samples.BIGQUERY_CHANGED, date(2022, 3, 5), 4)],
)
def test_a_job_of_bigquery_is_of_whom_its_table_is_of(entry: dict[str, Any], day: date, records: int) -> None:
    """Both formats of the audit log: the destination table tells the processor, with the rows it wrote."""
    policy = policy_of({"source": "bigquery_job"}, **TABLED)
    received = read(policy, with_table(entry, "weather", "stations"))
    assert (*meaning(received), received.report.records) == ("stations", day, Outcome.SUCCESS, records)
    # 23:40 in UTC of the fourth is the fifth in Berlin.


@pytest.mark.parametrize("entry", [samples.BIGQUERY_COMPLETED, samples.BIGQUERY_CHANGED])
def test_a_job_that_writes_to_nobodys_table_is_ignored(entry: dict[str, Any]) -> None:
    """The recorded entries as they are: queries of people, whose results lie in anonymous tables."""
    assert ignored(policy_of({"source": "bigquery_job"}, **TABLED), entry) == "its processor is nobody's"


def test_a_job_that_is_done_with_an_error_failed() -> None:
    """DONE says only that it is over: an error beside it is a failure, in either format."""
    policy = policy_of({"source": "bigquery_job"}, **TABLED)
    completed = with_table(samples.BIGQUERY_COMPLETED, "weather", "stations")
    job = completed["protoPayload"]["serviceData"]["jobCompletedEvent"]["job"]
    job["jobStatus"]["error"] = {"code": 11, "message": "Quota exceeded"}
    changed = with_table(samples.BIGQUERY_CHANGED, "weather", "stations")
    job = changed["protoPayload"]["metadata"]["jobChange"]["job"]
    job["jobStatus"]["errorResult"] = {"code": 11, "message": "Quota exceeded"}
    for entry in (completed, changed):
        received = read(policy, entry)
        assert (received.report.outcome, received.report.error) == (Outcome.FAILED, "Quota exceeded")


def test_both_formats_of_one_job_count_once() -> None:
    """A sink that takes in both formats sends two entries of one job: they have one identity."""
    policy = policy_of({"source": "bigquery_job"}, **TABLED)
    completed, two = (
        with_table(samples.BIGQUERY_COMPLETED, "weather", "stations"),
        with_table(samples.BIGQUERY_CHANGED, "weather", "stations"),
    )
    two["protoPayload"]["resourceName"] = completed["protoPayload"]["resourceName"]
    assert read(policy, completed).report.message_id == read(policy, two).report.message_id


# --- Cloud Run jobs ---

RUN_JOB = {"source": "run_job", "jobs": {"defang-cd": "stations"}}


def test_an_execution_that_completed_is_a_completion() -> None:
    """The recorded system event: the job's name, the condition Completed, when it was created and when it ended."""
    received = read(policy_of(RUN_JOB), samples.RUN_JOB)
    assert meaning(received) == ("stations", date(2024, 11, 21), Outcome.SUCCESS)
    assert received.report.execution_id == "defang-cd-fqsn2"
    assert received.report.occurred_at == datetime(2024, 11, 21, 8, 8, 15, 926525, tzinfo=UTC)


def test_an_execution_that_failed_says_why() -> None:
    """The recorded entry with a recorded condition of failure in it."""
    failed = deepcopy(samples.RUN_JOB)
    conditions = failed["protoPayload"]["response"]["status"]["conditions"]
    conditions[0] = samples.RUN_JOB_FAILED_CONDITION
    received = read(policy_of(RUN_JOB), failed)
    assert (received.report.outcome, received.report.error) == (Outcome.FAILED, "Execution failed.")


def test_the_request_to_run_a_job_and_one_under_way_are_ignored() -> None:
    """A sink may bring the request too, whose method has its full name, and an execution that is not over."""
    asked = deepcopy(samples.RUN_JOB)
    asked["protoPayload"]["methodName"] = "google.cloud.run.v1.Jobs.RunJob"
    assert ignored(policy_of(RUN_JOB), asked) == "protoPayload.methodName is another"
    running = deepcopy(samples.RUN_JOB)
    running["protoPayload"]["response"]["status"]["conditions"][0]["status"] = "Unknown"
    assert ignored(policy_of(RUN_JOB), running) == "its status is Unknown"


# --- Cloud Batch: built by us from the attributes that its notifications document; no recorded message was found ---

BATCH = {
    "source": "batch",
    "job": "re: .*/jobs/(?P<kind>[a-z]+)-(?P<date>[0-9]{8})",
    "processor": "radar",
    "date": "{date}",
}
BATCH_ATTRIBUTES = {
    "JobName": "projects/p/locations/us-central1/jobs/radar-20260309",
    "JobUID": "radar-20260309-7d2c-0",
    "NewJobState": "SUCCEEDED",
    "Type": "JOB_STATE_CHANGED",
}


def test_a_batch_job_that_succeeded_is_a_completion_by_its_attributes_alone() -> None:
    """Cloud Batch says all of it in attributes; a date may stand in the name of the job."""
    received = read(policy_of(BATCH), attributes=BATCH_ATTRIBUTES)
    assert meaning(received) == ("radar", date(2026, 3, 9), Outcome.SUCCESS)
    assert ignored(policy_of(BATCH), attributes={**BATCH_ATTRIBUTES, "NewJobState": "QUEUED"}) == "its status is QUEUED"
    task = {**BATCH_ATTRIBUTES, "Type": "TASK_STATE_CHANGED"}
    assert ignored(policy_of(BATCH), attributes=task) == "@attributes.Type is another"
    failed = read(policy_of(BATCH), attributes={**BATCH_ATTRIBUTES, "NewJobState": "FAILED"})
    assert failed.report.outcome is Outcome.FAILED
    assert failed.report.message_id != received.report.message_id


# --- Dataform ---


def test_an_invocation_of_dataform_is_a_completion() -> None:
    """The documented log entry: the repository tells whose it is; with a workflow configuration, that does."""
    policy = policy_of({"source": "dataform", "jobs": {"repository-name-example": "stations", "nightly": "radar"}})
    received = read(policy, samples.DATAFORM)
    assert meaning(received) == ("stations", date(2023, 3, 9), Outcome.SUCCESS)
    configured = deepcopy(samples.DATAFORM)
    configured["jsonPayload"] |= {"workflowConfigId": "nightly", "terminalState": "FAILED"}
    assert meaning(read(policy, configured)) == ("radar", date(2023, 3, 9), Outcome.FAILED)


# --- dbt Cloud ---

DBT = {"source": "dbt", "jobs": {"123": "stations"}, "webhook": {"secret": "dbt-webhook"}}


def dbt(text: str) -> Delivery:
    return enveloped(Delivery("m1", f"{SIGNAL}{TOPIC}", text.encode(), NOW, NOW, {CALLED: "one"}))


def test_a_run_of_dbt_is_a_completion_and_its_start_is_not() -> None:
    """The three documented payloads: a run that started is nothing yet, one completed or errored is a completion."""
    policy = policy_of(DBT)
    names = Names(policy)
    done = signals.read(dbt(samples.DBT_COMPLETED), policy, names)
    assert isinstance(done, Received)
    assert meaning(done) == ("stations", date(2023, 1, 31), Outcome.SUCCESS)
    assert done.report.execution_id == "12345"
    errored = signals.read(dbt(samples.DBT_ERRORED), policy, names)
    assert isinstance(errored, Received)
    assert errored.report.outcome is Outcome.FAILED
    started = signals.convert(dbt(samples.DBT_STARTED), policy, names)
    assert isinstance(started, Ignored)
    assert started.reason == "its status is Running"


def test_a_run_that_is_told_as_errored_and_as_completed_counts_once() -> None:
    """dbt Cloud tells of a failed run twice, by two events with ids of their own: run and state are one."""
    policy = policy_of(DBT)
    errored = json.loads(samples.DBT_ERRORED)
    twice = {**errored, "eventType": "job.run.completed", "eventId": "wev_other"}
    ids = set()
    for body in (errored, twice):
        received = signals.read(dbt(json.dumps(body)), policy, Names(policy))
        assert isinstance(received, Received)
        ids.add(received.report.message_id)
    assert len(ids) == 1


# --- Cloud Build ---


def test_a_build_is_a_completion_by_its_trigger() -> None:
    """The recorded Build: its trigger tells whose it is; the topic is the one that Cloud Build publishes to."""
    policy = load_policy(
        PIPELINE, {"signals": {"build": {"source": "build", "phase": "collect", "jobs": {"cupidatat": "radar"}}}}
    )
    assert set(policy.signal_topics) == {"cloud-builds"}
    came = replace(delivery(samples.BUILD, {"buildId": "b1", "status": "SUCCESS"}), phase=f"{SIGNAL}cloud-builds")
    received = signals.read(came, policy, Names(policy))
    assert isinstance(received, Received)
    assert meaning(received) == ("radar", date(1993, 7, 25), Outcome.SUCCESS)
    working = replace(delivery({**samples.BUILD, "status": "WORKING"}), phase=f"{SIGNAL}cloud-builds")
    assert isinstance(signals.read(working, policy, Names(policy)), Counted)


# --- any other system, by policy alone ---


def test_a_format_of_which_nobody_knew_is_read_by_policy_alone() -> None:
    """Airbyte's webhook on a completed sync, as airbyte-platform documents its notification (`data.connection.name`,
    `data.success`, `data.finishedAt`): flags, epochs, texts and counts by places."""
    rule = {
        "source": "json",
        "when": {"data.workspace.name": "Workspace*"},
        "match": {"data.connection.name": "weather {kind} daily"},
        "processor": "{kind}",
        "date": {"from": ["data.startedAt"], "offset_days": -1},
        "status": {"from": "data.success", "success": ["true"], "failed": ["false"]},
        "records": "data.recordsCommitted",
        "ended": "data.finishedAt",
        "cause": "data.errorMessage",
        "execution_id": "{data.jobId}",
        "id": "{data.jobId}/{data.success}",
    }
    body = {
        "data": {
            "workspace": {"name": "Workspace1"},
            "connection": {"name": "weather radar daily"},
            "startedAt": "2024-01-29T00:00:00Z",
            "finishedAt": "2024-01-29T00:10:00Z",
            "recordsCommitted": 89,
            "jobId": 9988,
            "success": True,
        }
    }
    received = read(policy_of(rule), body)
    assert (*meaning(received), received.report.records) == ("radar", date(2024, 1, 28), Outcome.SUCCESS, 89)
    body["data"] |= {"success": False, "errorMessage": "Checking source connection failed"}
    failed = read(policy_of(rule), body)
    assert (failed.report.outcome, failed.report.error) == (Outcome.FAILED, "Checking source connection failed")
    body["data"]["connection"] = {"name": "sales daily"}
    assert ignored(policy_of(rule), body) == "data.connection.name does not match weather {kind} daily"


def test_a_body_within_a_body_is_opened() -> None:
    """Base64 and JSON within a field, an item of a list by its field, all items of a list for a condition."""
    import base64

    inner = base64.b64encode(json.dumps({"run": {"day": "20260309"}}).encode()).decode()
    rule = {
        "source": "json",
        "when": {"tags[*]": ["nightly", "hourly"], "draft": [None, False]},
        "processor": "stations",
        "date": "payload|base64|json.run.day",
        "status": {"from": "steps[name=load].result", "success": ["ok"], "failed": ["ko"]},
    }
    body = {"tags": ["x", "nightly"], "payload": inner, "steps": [{"name": "get", "result": "ko"},
            {"name": "load", "result": "ok"}]}  # fmt: skip
    assert meaning(read(policy_of(rule), body)) == ("stations", date(2026, 3, 9), Outcome.SUCCESS)
    assert ignored(policy_of(rule), {**body, "tags": ["x"]}) == "tags[*] is another"
    assert ignored(policy_of(rule), {**body, "draft": True}) == "draft is another"


def test_the_first_signal_that_reads_a_message_has_it() -> None:
    """Signals of one topic are asked in the order of the file; what none reads is counted by the one that came
    furthest."""
    policy = policy_of(
        {**STORAGE, "object": "water/**/{date}_*"}, {**STORAGE, "object": "**/{date}_*", "processor": "radar"}
    )
    assert read(policy, attributes=samples.STORAGE_DATED).report.processor == "stations"
    other = {**samples.STORAGE_DATED, "objectId": "ice/2019-08-01_a"}
    assert read(policy, attributes=other).report.processor == "radar"


def test_what_is_no_message_of_a_signal_is_told_apart() -> None:
    """A channel of nobody's, bytes that are no envelope: quarantine with the reason, never an exception."""
    policy = policy_of(TRANSFER)
    with pytest.raises(Malformed, match="no signal of the policy listens to gone"):
        signals.read(replace(delivery(samples.TRANSFER_RUN), phase=f"{SIGNAL}gone"), policy, Names(policy))
    with pytest.raises(Malformed, match="no message with data"):
        signals.read(replace(delivery(), data=b"[]"), policy, Names(policy))
    assert refused(policy, b"\xff\x00 not json").kind == "not_json"


def test_a_call_and_a_topic_are_kept_apart() -> None:
    """What came by the call of one signal is no other's, and one that is called reads nothing that nobody proved."""
    policy = policy_of(TRANSFER, DBT)
    assert ignored(policy, samples.DBT_COMPLETED) == "nothing stands at name"
    assert ignored(policy_of(DBT), samples.DBT_COMPLETED) == "it came by another call"
    assert ignored(policy, samples.TRANSFER_RUN, {CALLED: "two"}) == "nothing stands at eventType"
    assert read(policy, samples.DBT_COMPLETED, {CALLED: "two"}).report.processor == "stations"


def test_a_signal_behind_one_that_takes_everything_is_refused() -> None:
    """It would never see a message: at its key, naming the one before it."""
    greedy = {"source": "json", "processor": "radar", "date": "day", "status": "success"}
    with pytest.raises(PolicyError, match="one before it takes in every message") as error:
        policy_of(greedy, TRANSFER)
    assert error.value.key == "signals.two.topic"
    policy_of(TRANSFER, greedy)


def test_every_source_is_told_of_by_a_test() -> None:
    """Each source but the general one has a mapping that takes a recorded message in."""
    assert {source.value for source in Source} == {
        "storage", "data_transfer", "bigquery_job", "run_job", "batch", "dataform", "dbt", "build", "json",
    }  # fmt: skip


def test_a_converted_message_keeps_when_it_was_published() -> None:
    """The mode of a message is told by its publication, so a signal has that of the message it is read from."""
    policy = policy_of(TRANSFER)
    converted = signals.convert(delivery(samples.TRANSFER_RUN), policy, Names(policy))
    assert isinstance(converted, Converted)
    assert converted.delivery.published_at == NOW
    assert converted.delivery.phase == "collect"


# --- what is refused when the policy is loaded ---

REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a phase that there is not": (
        {**STORAGE, "phase": "colect"}, "signals.one.phase", "there is no phase colect", "did you mean collect?",
    ),
    "a processor that there is not": (
        {**STORAGE, "processor": "statoins"}, "signals.one.processor", "no processor statoins", "did you mean stations",
    ),
    "a job of a processor that there is not": (
        {**TRANSFER, "jobs": {"1": "sations"}}, "signals.one.jobs.1", "no processor sations", "did you mean stations",
    ),
    "a pattern without a date": (
        {**STORAGE, "object": "raw/*.csv"}, "signals.one.date", "no pattern names a date", "{date}",
    ),
    "a unit that no pattern names": (
        {**STORAGE, "object": "{date}.csv", "unit": "{unit}"}, "signals.one.unit", "no pattern names a unit", "{unit}",
    ),
    "an expression that does not compile": (
        {**STORAGE, "object": "re: (?P<date>["}, "signals.one.object", "no regular expression", "such as",
    ),
    "an expression without a bound": (
        {**STORAGE, "object": "re: (?P<date>([0-9]+)*)x"}, "signals.one.object", "repeats a group", "such as",
    ),
    "an expression with too many repeats": (
        {**STORAGE, "object": "re: (?P<date>.+).*-.*_.*"}, "signals.one.object", "4 repeats without a bound", "such as",
    ),
    "an expression that looks back": (
        {**STORAGE, "object": r"re: (?P<date>\d+)-\1"}, "signals.one.object", "refers to an earlier group", "such as",
    ),
    "parts with nothing between": (
        {**STORAGE, "object": "{date}/{a}{b}"}, "signals.one.object", "nothing stands between", "such as",
    ),
    "a place that is none": (
        {**TRANSFER, "date": "run..time"}, "signals.one.date", "is no place", "data.runs[0]",
    ),
    "a filter that there is not": (
        {**TRANSFER, "records": "count|gzip"}, "signals.one.records", "there is no |gzip", "data.runs[0]",
    ),
    "no topic": (
        {"source": "data_transfer", "jobs": {"1": "radar"}, "topic": ""}, "signals.one.topic", "expected the name", "",
    ),
    "a topic of completions": (
        {**TRANSFER, "topic": "weather-collect-complete"},
        "signals.one.topic", "are completions already", "of their own",
    ),
    "dbt Cloud without a proof": (
        {"source": "dbt", "jobs": {"1": "radar"}}, "signals.one.webhook", "signs what it sends", "secret",
    ),
    "nobody": (
        {"source": "data_transfer"}, "signals.one.processor", "nothing says whose", "radar",
    ),
    "no date of a general message": (
        {"source": "json", "processor": "radar", "status": "success"},
        "signals.one.date", "which date", "@publish_time",
    ),
    "no status of a general message": (
        {"source": "json", "processor": "radar", "date": "day"}, "signals.one.status", "how it ended", "success",
    ),
    "a word that means two things": (
        {**TRANSFER, "status": {"success": ["OK"], "failed": ["OK"]}},
        "signals.one.status.failed[0]", "OK is listed twice", "one thing",
    ),
    "a zone that there is not": (
        {**TRANSFER, "date": {"zone": "Europe/Paaris"}}, "signals.one.date.zone", "no time zone", "UTC",
    ),
    "a format that there is not": (
        {**TRANSFER, "date": {"format": "ddmmyy"}}, "signals.one.date.format", "no format ddmmyy", "strptime",
    ),
    "a mode that there is not": (
        {**TRANSFER, "mode": "dayly"}, "signals.one.mode", "no mode dayly", "did you mean daily?",
    ),
    "a unit of a processor that reports whole dates": (
        {**STORAGE, "object": "{date}/{unit}", "unit": "{unit}"},
        "signals.one.unit", "stations reports of whole dates", "per_unit",
    ),
    "a source that there is not": ({"source": "s3"}, "signals.one.source", "s3", "storage"),
    "a key that there is not": ({**TRANSFER, "job_name": "x"}, "signals.one.job_name", "no such key", ""),
}  # fmt: skip


def assert_refused_at_load(signal: dict[str, Any], key: str, reason: str, hint: str) -> None:
    """Assert that a signal is refused when the policy is loaded, at this key, with these words."""
    with pytest.raises(PolicyError) as error:
        policy_of(signal)
    assert error.value.key == key, str(error.value)
    assert reason in error.value.reason
    assert hint in error.value.hint


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_with_key_and_hint(case: tuple[dict[str, Any], str, str, str]) -> None:
    """Each mistake in a signal is refused when the policy is loaded, at its key, with a reason and a way out."""
    assert_refused_at_load(*case)


def test_what_the_source_says_is_kept_where_the_file_says_nothing() -> None:
    """Keys are laid over the source's mapping one by one: other words beside its own, another place with words of its
    own."""
    more = policy_of({**TRANSFER, "status": {"skipped": ["SKIPPED_BY_US"]}})
    assert read(more, {**samples.TRANSFER_RUN, "state": "SKIPPED_BY_US"}).report.outcome is Outcome.SKIPPED
    assert read(more, samples.TRANSFER_RUN).report.outcome is Outcome.SUCCESS
    other = policy_of({**TRANSFER, "status": {"from": "dataSourceId", "partial": ["scheduled_query"]}})
    assert read(other, samples.TRANSFER_RUN).report.outcome is Outcome.PARTIAL
