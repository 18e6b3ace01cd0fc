"""What each source sends, as a table: where the name of the job is, where its state, what the states mean.

The policy lays its own keys over these, key by key. Each mapping follows the format that its sender documents;
`tests/core/signals` holds recorded messages of every source against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.core.model import Outcome
from shared.core.policy.signals import Condition, DayRule, MessageMapping, Other, Source, StatusRule
from shared.core.wire.places import Place, place, template


@dataclass(frozen=True)
class SourceMapping(MessageMapping):
    """The part of a signal that its source settles; ``topic`` is where it comes if the policy names none."""

    topic: str = ""


def _places(*written: str) -> tuple[Place, ...]:
    return tuple(map(place, written))


def _is(where: str, *values: str | None) -> Condition:
    return Condition(place(where), values)


def _day(*written: str) -> DayRule:
    return DayRule(_places(*written))


def _words(success: str, failed: str, ignored: str = "", skipped: str = "") -> dict[str, Outcome | None]:
    listed: Iterable[tuple[str, Outcome | None]] = (
        (success, Outcome.SUCCESS), (failed, Outcome.FAILED), (skipped, Outcome.SKIPPED), (ignored, None),
    )  # fmt: skip
    return {word: outcome for words, outcome in listed for word in words.split()}


_COMPLETED = "protoPayload.serviceData.jobCompletedEvent.job"
_CHANGED = "protoPayload.metadata.jobChange.job"
_EXECUTION = "protoPayload.response"

SOURCES: Mapping[Source, SourceMapping] = {
    # Attributes of a notification of Cloud Storage; its data, the object as JSON, is there unless the format is NONE.
    Source.STORAGE: SourceMapping(
        when=(_is("@attributes.eventType", "OBJECT_FINALIZE"),),
        job=_places("@attributes.objectId"),
        day=DayRule(text=template("{date}")),
        status=StatusRule(fixed=Outcome.SUCCESS),
        ended=_places("timeCreated", "@attributes.eventTime"),
        identity=(template("{@attributes.bucketId}/{@attributes.objectId}#{@attributes.objectGeneration}"),),
    ),
    # The TransferRun of a transfer or of a scheduled query that has ended, as JSON.
    Source.DATA_TRANSFER: SourceMapping(
        when=(_is("name", "*/transferConfigs/*/runs/*"),),
        job=_places("name"),
        day=_day("runTime", "scheduleTime"),
        status=StatusRule(_places("state"), _words("SUCCEEDED", "FAILED CANCELLED", "PENDING RUNNING")),
        ended=_places("endTime", "updateTime"),
        cause=_places("errorStatus.message"),
        texts={"execution_id": template("{name|last}")},
        identity=(template("{name}/{state}"),),
    ),
    # A log entry of a job that has ended, in either format of the audit log. The table it wrote tells whose it is.
    Source.BIGQUERY_JOB: SourceMapping(
        when=(_is("protoPayload.serviceName", "bigquery.googleapis.com"),),
        job=_places(
            f"{_COMPLETED}.jobConfiguration.query.destinationTable|table",
            f"{_COMPLETED}.jobConfiguration.load.destinationTable|table",
            f"{_COMPLETED}.jobConfiguration.tableCopy.destinationTable|table",
            f"{_CHANGED}.jobConfig.queryConfig.destinationTable|table",
            f"{_CHANGED}.jobConfig.loadConfig.destinationTable|table",
            f"{_CHANGED}.jobConfig.tableCopyConfig.destinationTable|table",
        ),
        processor=template("{job}"),
        unknown=Other.IGNORE,
        day=_day(f"{_COMPLETED}.jobStatistics.endTime", f"{_CHANGED}.jobStats.endTime"),
        status=StatusRule(
            _places(f"{_COMPLETED}.jobStatus.state", f"{_CHANGED}.jobStatus.jobState"),
            _words("DONE", "", "PENDING RUNNING"),
            failed_when=_places(
                f"{_COMPLETED}.jobStatus.error.message",
                f"{_COMPLETED}.jobStatus.error.code",
                f"{_CHANGED}.jobStatus.errorResult",
            ),
            missing=Other.IGNORE,
        ),
        records=_places(
            f"{_COMPLETED}.jobStatistics.queryOutputRowCount",
            f"{_CHANGED}.jobStats.queryStats.outputRowCount",
        ),
        ended=_places(f"{_COMPLETED}.jobStatistics.endTime", f"{_CHANGED}.jobStats.endTime", "timestamp"),
        cause=_places(
            f"{_COMPLETED}.jobStatus.error.message",
            f"{_CHANGED}.jobStatus.errorResult.message",
            "protoPayload.status.message",
        ),
        texts={"execution_id": template("{protoPayload.resourceName|last}")},
        identity=(template("{protoPayload.resourceName}"),),
    ),
    # The system event of an execution of a Cloud Run job that is over.
    Source.RUN_JOB: SourceMapping(
        when=(
            _is("resource.type", "cloud_run_job"),
            _is("protoPayload.methodName", "/Jobs.RunJob"),
        ),
        job=_places("resource.labels.job_name"),
        day=_day(f"{_EXECUTION}.metadata.creationTimestamp", f"{_EXECUTION}.status.startTime", "timestamp"),
        status=StatusRule(
            _places(f"{_EXECUTION}.status.conditions[type=Completed].status"),
            _words("True", "False", "Unknown"),
            failed_when=_places("protoPayload.status.code"),
            missing=Other.IGNORE,
        ),
        ended=_places(f"{_EXECUTION}.status.completionTime", "timestamp"),
        cause=_places(f"{_EXECUTION}.status.conditions[type=Completed].message", "protoPayload.status.message"),
        texts={"execution_id": template("{protoPayload.resourceName|last}")},
        identity=(template("{protoPayload.resourceName}"),),
    ),
    # Attributes of a notification of Cloud Batch that the state of a job has changed.
    Source.BATCH: SourceMapping(
        when=(_is("@attributes.Type", "JOB_STATE_CHANGED"),),
        job=_places("@attributes.JobName"),
        day=_day("@publish_time"),
        status=StatusRule(
            _places("@attributes.NewJobState"),
            _words(
                "SUCCEEDED",
                "FAILED CANCELLED",
                "QUEUED SCHEDULED RUNNING DELETION_IN_PROGRESS CANCELLATION_IN_PROGRESS STATE_UNSPECIFIED",
            ),
        ),
        texts={"execution_id": template("{@attributes.JobUID}")},
        identity=(template("{@attributes.JobUID}/{@attributes.NewJobState}"),),
    ),
    # The log entry of a workflow invocation of Dataform that is over.
    Source.DATAFORM: SourceMapping(
        when=(_is('jsonPayload["@type"]', "*.WorkflowInvocationCompletionLogEntry"),),
        job=_places("jsonPayload.workflowConfigId", "resource.labels.repository_id"),
        day=_day("timestamp"),
        status=StatusRule(_places("jsonPayload.terminalState"), _words("SUCCEEDED", "FAILED CANCELLED")),
        ended=_places("timestamp"),
        texts={"execution_id": template("{jsonPayload.workflowInvocationId}")},
        identity=(template("{jsonPayload.workflowInvocationId}"),),
    ),
    # A webhook of dbt Cloud; a run that failed is told as errored and, once its artifacts are there, as completed.
    Source.DBT: SourceMapping(
        when=(_is("eventType", "job.run.*"),),
        job=_places("data.jobId"),
        day=_day("data.runStartedAt", "timestamp"),
        status=StatusRule(
            _places("data.runStatus"),
            {
                **_words("Success", "Errored Error Cancelled Failed", "Running Queued Starting"),
                "Failure": Outcome.FAILED,
            },
        ),
        ended=_places("data.runFinishedAt", "data.runErroredAt", "timestamp"),
        cause=_places("data.runStatusMessage"),
        texts={"execution_id": template("{data.runId}")},
        identity=(template("{data.runId}/{data.runStatus}"),),
    ),
    # The Build resource of Cloud Build, with the id and state of the build as attributes.
    Source.BUILD: SourceMapping(
        job=_places("buildTriggerId"),
        day=_day("createTime"),
        status=StatusRule(
            _places("status", "@attributes.status"),
            _words(
                "SUCCESS", "FAILURE INTERNAL_ERROR TIMEOUT CANCELLED EXPIRED", "STATUS_UNKNOWN PENDING QUEUED WORKING"
            ),
        ),
        ended=_places("finishTime"),
        cause=_places("failureInfo.detail", "statusDetail"),
        texts={"execution_id": template("{id}")},
        identity=(template("{id}/{status}"), template("{@attributes.buildId}/{@attributes.status}")),
        topic="cloud-builds",
    ),
    Source.JSON: SourceMapping(),
}
