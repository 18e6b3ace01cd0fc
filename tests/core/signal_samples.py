"""Recorded public messages of the systems whose signals are read; each says where it is from.

What a source leaves out that Pub/Sub adds (the id and time of the message) is ours; so is what a comment says.
"""

from __future__ import annotations

import json
from typing import Any

# Attributes of a notification of an object that was there before (`overwroteGeneration`): the local test of a Cloud
# Function of all-of-us/raw-data-repository that ingests manifests, found by its text; it leaves out the data.
STORAGE_OVERWRITE = {
    "bucketId": "aou-rdr-sandbox-mock-data",
    "eventTime": "2021-04-19T16:02:41.919922Z",
    "eventType": "OBJECT_FINALIZE",
    "notificationConfig": "projects/_/buckets/aou-rdr-sandbox-mock-data/notificationConfigs/34",
    "objectGeneration": "1618848161894414",
    "objectId": "AW1_genotyping_sample_manifests/RDR_AoU_GEN_PKG-1908-218054.csv",
    "overwroteGeneration": "1618605912794149",
    "payloadFormat": "JSON_API_V1",
}

# A pulled notification, kept in a comment of a public loader from buckets to BigQuery (found by its text; the index
# names no path): its object has a date in its name.
STORAGE_DATED = {
    "objectGeneration": "1567650351027743",
    "eventTime": "2019-09-05T02:25:51.027455Z",
    "eventType": "OBJECT_FINALIZE",
    "payloadFormat": "JSON_API_V1",
    "notificationConfig": "projects/_/buckets/bucket-to-bigquery-test-1/notificationConfigs/3",
    "bucketId": "bucket-to-bigquery-test-1",
    "objectId": "water/2019/09/2019-08-01_water_Lot3.csv",
}

# The test of another public push endpoint (bucket risemedialibrary, found by its text): no new object, only metadata.
STORAGE_METADATA = {
    "objectGeneration": "1529001256369598",
    "eventTime": "2018-06-14T18:34:21.329971Z",
    "eventType": "OBJECT_METADATA_UPDATE",
    "payloadFormat": "JSON_API_V1",
    "notificationConfig": "projects/_/buckets/risemedialibrary-ac57def2-834e-4ecd-8b91-44ca14524fd0"
    "/notificationConfigs/2",
    "bucketId": "risemedialibrary-ac57def2-834e-4ecd-8b91-44ca14524fd0",
    "objectId": "test1",
}

# googleapis/google-cloudevents, testdata/google/events/cloud/storage/v1/StorageObjectData-complex.json: the object.
STORAGE_OBJECT: dict[str, Any] = {
    "bucket": "sample-bucket",
    "generation": 96883251,
    "id": "sample-bucket/MyFile/1588778055917163",
    "kind": "storage#object",
    "metageneration": 1,
    "name": "MyFile",
    "timeCreated": "2020-05-06T15:14:15.917Z",
}

# GoogleCloudPlatform/firebase-extensions, firestore-bigquery-scheduler/functions/__tests__/fixtures/message.ts: what
# the Data Transfer Service published for a scheduled query; the ids that this file takes as arguments are ours.
TRANSFER_RUN: dict[str, Any] = {
    "dataSourceId": "scheduled_query",
    "destinationDatasetId": "test",
    "emailPreferences": {},
    "endTime": "2023-03-23T21:04:16.167236Z",
    "errorStatus": {},
    "name": "projects/409146382768/locations/us/transferConfigs/642f3a36-0000-2fbb/runs/6437ff3d-0000-2dbd",
    "notificationPubsubTopic": "projects/jeff-glm-testing/topics/test",
    "params": {
        "destination_table_name_template": 'test_{run_time|"%H%M%S"}',
        "partitioning_field": "",
        "query": "SELECT * FROM `jeff-glm-testing.test.test`",
        "write_disposition": "WRITE_TRUNCATE",
    },
    "runTime": "2023-03-23T21:03:00Z",
    "schedule": "every 15 minutes",
    "scheduleTime": "2023-03-23T21:03:00Z",
    "startTime": "2023-03-23T21:03:01.133872Z",
    "state": "SUCCEEDED",
    "updateTime": "2023-03-23T21:04:16.167248Z",
    "userId": "-1291228896441774269",
}

# googleapis/google-cloudevents, testdata/google/events/cloud/audit/v1/LogEntryData-bigqueryjobcompleted.json.
BIGQUERY_COMPLETED: dict[str, Any] = {
    "insertId": "jpllvgecd7bx",
    "logName": "projects/test-project/logs/cloudaudit.googleapis.com%2Fdata_access",
    "protoPayload": {
        "authenticationInfo": {"principalEmail": "robot@test-project.iam.gserviceaccount.com"},
        "methodName": "jobservice.jobcompleted",
        "resourceName": "projects/test-project/jobs/bqjob_r3ac45813612fa2d6_0000017d591922c9_1",
        "serviceData": {
            "@type": "type.googleapis.com/google.cloud.bigquery.logging.v1.AuditData",
            "jobCompletedEvent": {
                "eventName": "query_job_completed",
                "job": {
                    "jobConfiguration": {
                        "query": {
                            "createDisposition": "CREATE_IF_NEEDED",
                            "defaultDataset": {},
                            "destinationTable": {
                                "datasetId": "_1f5a368b27df6124588f6733820599593e869a8a",
                                "projectId": "test-project",
                                "tableId": "anon1f50c147_3e76_44d8_a863_44a8ab3deb61",
                            },
                            "query": "SELECT * FROM `bigquery-samples`.reddit.full LIMIT 10",
                            "queryPriority": "QUERY_INTERACTIVE",
                            "statementType": "SELECT",
                            "writeDisposition": "WRITE_TRUNCATE",
                        }
                    },
                    "jobName": {
                        "jobId": "bqjob_r3ac45813612fa2d6_0000017d591922c9_1",
                        "location": "US",
                        "projectId": "test-project",
                    },
                    "jobStatistics": {
                        "billingTier": 1,
                        "createTime": "2021-11-25T21:55:59.872Z",
                        "endTime": "2021-11-25T21:56:00.236Z",
                        "queryOutputRowCount": "10",
                        "startTime": "2021-11-25T21:55:59.956Z",
                        "totalBilledBytes": "1450180608",
                    },
                    "jobStatus": {"error": {}, "state": "DONE"},
                },
            },
        },
        "serviceName": "bigquery.googleapis.com",
        "status": {},
    },
    "receiveTimestamp": "2021-11-25T21:56:00.653866570Z",
    "resource": {"labels": {"project_id": "test-project"}, "type": "bigquery_resource"},
    "severity": "INFO",
    "timestamp": "2021-11-25T21:56:00.276607Z",
}

# MetaphorData/connectors, tests/bigquery/sample_log.json: the newer format of the same event.
BIGQUERY_CHANGED: dict[str, Any] = {
    "logName": "projects/metaphor-data/logs/cloudaudit.googleapis.com%2Fdata_access",
    "resource": {
        "type": "bigquery_project",
        "labels": {"location": "us-central1", "project_id": "metaphor-data"},
    },
    "insertId": "yowk8re28y35",
    "severity": "INFO",
    "timestamp": "2022-03-04T23:40:56.595154Z",
    "operation": {
        "id": "1646437256210-metaphor-data:bquxjob_70ddc06_17f574eca64",
        "producer": "bigquery.googleapis.com",
        "last": True,
    },
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "status": {},
        "authenticationInfo": {"principalEmail": "mars@metaphor.io"},
        "serviceName": "bigquery.googleapis.com",
        "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
        "resourceName": "projects/metaphor-data/jobs/bquxjob_70ddc06_17f574eca64",
        "metadata": {
            "jobChange": {
                "after": "DONE",
                "job": {
                    "jobName": "projects/metaphor-data/jobs/bquxjob_70ddc06_17f574eca64",
                    "jobConfig": {
                        "type": "QUERY",
                        "queryConfig": {
                            "query": "select * from `metaphor-data.test.yi_tests2`",
                            "destinationTable": "projects/metaphor-data/datasets/"
                            "3198487640cceeb8e7d28d7c0f23e9f51ed519b1/tables/"
                            "anon66e97db94a52893f2f3ee8e5c3d420963d37c90c",
                            "statementType": "SELECT",
                        },
                    },
                    "jobStatus": {"jobState": "DONE"},
                    "jobStats": {
                        "createTime": "2022-03-04T23:40:56.210Z",
                        "startTime": "2022-03-04T23:40:56.330Z",
                        "endTime": "2022-03-04T23:40:56.590Z",
                        "queryStats": {"totalBilledBytes": "10485760", "outputRowCount": "4"},
                        "totalSlotMs": "36",
                    },
                },
            },
            "@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata",
        },
    },
}

# DefangLabs/defang, src/pkg/cli/client/byoc/gcp/activity.md, "Job success EVT": recorded there as text of the protocol
# buffer; written here as the JSON of the same fields, without the container's specification.
RUN_JOB: dict[str, Any] = {
    "insertId": "3mq3ahdl7ps",
    "labels": {"run.googleapis.com/execution_name": "defang-cd-fqsn2"},
    "logName": "projects/defang-cd-idhk6xblr21o/logs/cloudaudit.googleapis.com%2Fsystem_event",
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "status": {"message": "Execution defang-cd-fqsn2 has completed successfully."},
        "serviceName": "run.googleapis.com",
        "methodName": "/Jobs.RunJob",
        "resourceName": "namespaces/defang-cd-idhk6xblr21o/executions/defang-cd-fqsn2",
        "response": {
            "metadata": {
                "name": "defang-cd-fqsn2",
                "namespace": "311770422787",
                "uid": "1170fc0f-dd1c-4f1f-bb90-b493aa319e76",
                "creationTimestamp": "2024-11-21T08:07:33.827856Z",
                "labels": {"run.googleapis.com/job": "defang-cd", "cloud.googleapis.com/location": "us-central1"},
            },
            "apiVersion": "run.googleapis.com/v1",
            "kind": "Execution",
            "status": {
                "observedGeneration": 1,
                "conditions": [
                    {"type": "Completed", "status": "True", "lastTransitionTime": "2024-11-21T08:08:15.926525Z"},
                    {"type": "ResourcesAvailable", "status": "True"},
                    {"type": "Started", "status": "True", "lastTransitionTime": "2024-11-21T08:07:39.015624Z"},
                    {"type": "ContainerReady", "status": "True"},
                    {
                        "type": "Retry",
                        "status": "True",
                        "reason": "ImmediateRetry",
                        "message": "System will retry after 0:00:00 from lastTransitionTime for attempt 0.",
                        "severity": "Info",
                    },
                ],
                "startTime": "2024-11-21T08:07:39.015624Z",
                "completionTime": "2024-11-21T08:08:15.926525Z",
                "succeededCount": 1,
            },
            "@type": "type.googleapis.com/google.cloud.run.v1.Execution",
        },
    },
    "resource": {
        "type": "cloud_run_job",
        "labels": {"job_name": "defang-cd", "location": "us-central1", "project_id": "defang-cd-idhk6xblr21o"},
    },
    "severity": "INFO",
    "timestamp": "2024-11-21T08:08:16.037212Z",
}

# The condition of a failed execution: GoogleCloudPlatform/workflows-demos, issue 40.
RUN_JOB_FAILED_CONDITION = {
    "lastTransitionTime": "2022-05-02T13:10:58.146380Z",
    "message": "Execution failed.",
    "reason": "NonZeroExitCode",
    "status": "False",
    "type": "Completed",
}

# Google's documentation of Dataform, "Monitor runs", log format of workflow invocations.
DATAFORM: dict[str, Any] = {
    "insertId": "14ip1tza5",
    "jsonPayload": {
        "terminalState": "SUCCEEDED",
        "workflowInvocationId": "1678383230-ac4ed48c-eb70-4555-b2b0-cda54d13edfa",
        "@type": "type.googleapis.com/google.cloud.dataform.logging.v1.WorkflowInvocationCompletionLogEntry",
    },
    "resource": {
        "type": "dataform.googleapis.com/Repository",
        "labels": {
            "repository_id": "repository-name-example",
            "resource_container": "PROJECT_ID",
            "location": "us-central1",
        },
    },
    "timestamp": "2023-03-09T17:34:06.965981805Z",
    "severity": "INFO",
    "logName": "projects/project-name-example/logs/dataform.googleapis.com%2Fworkflow_invocation_completion",
    "receiveTimestamp": "2023-03-09T17:34:07.362371980Z",
}

# dbt-labs/docs.getdbt.com, website/docs/docs/deploy/webhooks.md, examples of JSON payloads.
DBT_STARTED = """{
  "accountId": 1,
  "eventId": "wev_2L6Z3l8uPedXKPq9D2nWbPIip7Z",
  "timestamp": "2023-01-31T19:28:15.742843678Z",
  "eventType": "job.run.started",
  "webhookName": "test",
  "data": {
    "jobId": "123",
    "jobName": "Daily Job (dbt build)",
    "runId": "12345",
    "environmentId": "1234",
    "environmentName": "Production",
    "dbtVersion": "1.0.0",
    "projectName": "Snowflake Github Demo",
    "runReason": "Kicked off from UI by test@test.com",
    "runStartedAt": "2023-01-31T19:28:07Z",
    "runStatus": "Running",
    "runStatusMessage": "None"
  }
}"""
DBT_COMPLETED = """{
  "accountId": 1,
  "eventId": "wev_2L6ZDoilyiWzKkSA59Gmc2d7FDD",
  "timestamp": "2023-01-31T19:29:35.789265936Z",
  "eventType": "job.run.completed",
  "webhookName": "test",
  "data": {
    "jobId": "123",
    "jobName": "Daily Job (dbt build)",
    "runId": "12345",
    "environmentId": "1234",
    "environmentName": "Production",
    "dbtVersion": "",
    "projectName": "Snowflake Github Demo",
    "runReason": "",
    "runStartedAt": "2023-01-31T19:28:07Z",
    "runFinishedAt": "2023-01-31T19:29:32Z",
    "runStatus": "Success",
    "runStatusMessage": "None"
  }
}"""
DBT_ERRORED = """{
  "accountId": 1,
  "eventId": "wev_2L6m5BggBw9uPNuSmtg4MUiW4Re",
  "timestamp": "2023-01-31T21:15:20.419714619Z",
  "eventType": "job.run.errored",
  "webhookName": "test",
  "data": {
    "jobId": "123",
    "jobName": "dbt Vault",
    "runId": "12345",
    "environmentId": "1234",
    "environmentName": "dbt Vault Demo",
    "dbtVersion": "1.0.0",
    "projectName": "Snowflake Github Demo",
    "runReason": "Kicked off from UI by test@test.com",
    "runStartedAt": "2023-01-31T21:14:41Z",
    "runErroredAt": "2023-01-31T21:15:20Z",
    "runStatus": "Errored",
    "runStatusMessage": "None"
  }
}"""

# googleapis/google-cloudevents, testdata/google/events/cloud/cloudbuild/v1/BuildEventData-complex.json, shortened: a
# Build without an id, which Cloud Build sends as the attribute buildId.
BUILD: dict[str, Any] = {
    "timeout": "660s",
    "createTime": "1993-07-25T02:32:41.388Z",
    "tags": ["dolor exercitation", "sit id consequat", "dolore eu sit irure esse"],
    "buildTriggerId": "cupidatat",
    "logUrl": "http://example.com",
    "status": "SUCCESS",
    "projectId": "quis minim est laborum ex",
    "queueTtl": "660s",
}


def as_data(body: Any) -> bytes:
    """Return a message's data, as its sender writes it."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
