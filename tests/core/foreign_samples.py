"""Recorded public messages of systems that have no source of their own: a policy alone reads them (behaviour R13).

Each says where it is from; what is left out of one is what no place reads. Where a test needs another date, name or
state than the recorded one, the test says so.
"""

from __future__ import annotations

from typing import Any

# The CloudEvent of a Dataflow job whose state changed, by Eventarc in structured mode: the test of a public listener in
# Go that decodes it (found by its text; the index names no path).
DATAFLOW_PENDING: dict[str, Any] = {
    "source": "//dataflow.googleapis.com/projects/dd-test-dd16b1b0/locations/us-central1",
    "type": "google.cloud.dataflow.job.v1beta3.statusChanged",
    "job": "rrio-bigtable-it-write-rrio-n-small-size-small-1710361845353",
    "time": "2024-03-13T20:30:57.10656Z",
    "id": "d20f9a8d4703f3a4313c1dde7c1b19ff",
    "datacontenttype": "application/json; charset=utf-8",
    "specversion": "1.0",
    "data": {
        "payload": {
            "currentStateTime": "2024-03-13T20:30:57.106560Z",
            "name": "rrio-bigtable-it-write-rrio-n-small-size-small-1710361845353",
            "type": "JOB_TYPE_STREAMING",
            "currentState": "JOB_STATE_PENDING",
            "id": "2024-03-13_13_30_56-9773037660972565699",
            "createTime": "2024-03-13T20:30:57.106560Z",
        },
        "@type": "type.googleapis.com/google.events.cloud.dataflow.v1beta3.JobEventData",
    },
}

# A workflow of GitHub Actions that ended: octokit/webhooks,
# payload-examples/api.github.com/workflow_run/completed.payload.json.
GITHUB_RUN: dict[str, Any] = {
    "action": "completed",
    "repository": {"full_name": "octo-org/octo-repo"},
    "workflow": {"id": 2823525, "name": "test", "path": ".github/workflows/test.yml"},
    "workflow_run": {
        "conclusion": "success",
        "created_at": "2020-10-05T16:33:24Z",
        "event": "repository_dispatch",
        "head_branch": "master",
        "html_url": "https://github.com/octo-org/octo-repo/actions/runs/289782451",
        "id": 289782451,
        "run_number": 163,
        "status": "completed",
        "updated_at": "2020-10-05T16:33:49Z",
    },
}

# An object in S3: aws/aws-lambda-go, events/testdata/s3-event-with-decoded.json. What S3 itself sends has the key with
# `%` alone; `urlDecodedKey` is added by a library.
S3_RECORD: dict[str, Any] = {
    "eventVersion": "2.0",
    "eventSource": "aws:s3",
    "eventTime": "1970-01-01T00:00:00.123Z",
    "eventName": "ObjectCreated:Put",
    "s3": {
        "bucket": {"name": "sourcebucket", "arn": "arn:aws:s3:::mybucket"},
        "object": {
            "key": "Happy%20Face.jpg",
            "size": 1024,
            "versionId": "version",
            "eTag": "d41d8cd98f00b204e9800998ecf8427e",
            "sequencer": "Happy Sequencer",
        },
    },
}

# What S3 sends when notifications are set up: the page `Enabling event notifications` of its user guide.
S3_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z", "Bucket": "bucketname"}

# A sync of Fivetran that ended, as its webhook sent it: the test of a public receiver that recorded it (found by its
# text; the index names no path).
FIVETRAN_SYNC = (
    '{"event":"sync_end","created":"2026-05-22T00:06:08.638Z","connector_type":"google_cloud_postgresql",'
    '"connector_id":"assimilate_seem","connector_name":"ftar_pg","sync_id":"b4703f73-6315-4e22-8d7a-3bfb18b2fed2",'
    '"destination_group_id":"inappropriate_implode","data":{"status":"SUCCESSFUL"}}'
)

# What Fivetran sends when a webhook is set up: the page `Error: The Sync ID Field Is Required` of its documentation.
FIVETRAN_TEST = {
    "event": "test_event", "created": "timestamp", "connector_type": "_connector_type",
    "connector_id": "_connector_1", "group_id": "_destination_1",
}  # fmt: skip

# Notifications of a Databricks job and of one of its tasks: the page on job notifications of its documentation. They
# say no time.
DATABRICKS_JOB: dict[str, Any] = {
    "event_type": "jobs.on_success",
    "workspace_id": "your_workspace_id",
    "run": {"run_id": "run_id"},
    "job": {"job_id": "job_id", "name": "job_name"},
}
DATABRICKS_TASK: dict[str, Any] = {
    **DATABRICKS_JOB,
    "task": {"task_key": "task_name"},
    "run": {"run_id": "run_id_of_task", "parent_run_id": "run_id_of_parent_job_run"},
}

# An object of Cloud Storage as the CloudEvent that Eventarc hands to a workflow: googleapis/google-cloudevents,
# examples/structured/storage/StorageObjectDataWorkflows.json.
STORAGE_EVENT: dict[str, Any] = {
    "bucket": "sample-bucket",
    "data": {
        "bucket": "sample-bucket",
        "generation": 96883251,
        "name": "MyFile",
        "timeCreated": "2020-05-06T15:14:15.917Z",
    },
    "id": "1234567",
    "source": "//storage.googleapis.com/projects/_/buckets/sample-bucket",
    "specversion": "1.0",
    "subject": "objects/MyFile",
    "time": "2021-11-25T21:04:32.279744Z",
    "type": "google.cloud.storage.object.v1.finalized",
}
