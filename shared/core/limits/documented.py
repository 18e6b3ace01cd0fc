"""Each quota that the price list does not name: its number, where it is documented, what keeps us under it, and the
test that shows it. The pages were read in stored copies; a number may have changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.core.costs.price import Limit
from shared.core.limits.dml import A_DAY, AT_ONCE, IN_TEN_SECONDS
from shared.core.limits.rate_limit import CHAT, PAGERDUTY
from shared.core.limits.requests import (
    INSERT_BYTES,
    INSERT_ID,
    INSERT_ROWS,
    MESSAGE_BYTES,
    PUBLISH_BYTES,
    PUBLISH_MESSAGES,
)

BIGQUERY = "https://cloud.google.com/bigquery/quotas"
PUBSUB = "https://cloud.google.com/pubsub/quotas"
PUSH = "https://cloud.google.com/pubsub/docs/push"
RETRIES = "https://cloud.google.com/pubsub/docs/handling-failures"
FIRESTORE = "https://cloud.google.com/firestore/quotas"
PRACTICES = "https://cloud.google.com/firestore/docs/best-practices"
AUTOSCALING = "https://cloud.google.com/run/docs/about-instance-autoscaling"
SLACK = "https://api.slack.com/docs/rate-limits"
PAGER = "https://developer.pagerduty.com/docs/events-api-v2/overview/"
SECRETS = "https://cloud.google.com/secret-manager/quotas"
TASKS = "https://cloud.google.com/tasks/docs/quotas"

MINUTE = timedelta(minutes=1)

_DRIVEN = "tests/emulators/test_limits.py::test_"
_PLACES = "tests/app/test_table_places.py::test_"
_SIZES = "tests/core/test_request_sizes.py::test_"
_PACED = "tests/adapters/test_paced.py::test_"
_SWEPT = f"{_DRIVEN}sweeps_side_by_side_are_bounded"
_NIGHT = f"{_DRIVEN}a_night_writes_no_document_near_once_a_second"
_CROWD = f"{_DRIVEN}161_messages_at_once_on_the_instances_of_the_manifest"
_PLATFORM = "only the platform counts it: the number is calculated"
_FOLDER = "tests/deploy/test_policy_folder.py::test_a_policy_file_is_all_that_a_pipeline_needs"
_PARTITIONS = "tests/adapters/test_partition_counts.py::test_only_what_is_sure_is_counted"
_TABLE = "tests/deploy/test_limits.py::test_"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One quota. ``holds`` is what our governor lets through, None where nothing is held back; ``where`` is its file,
    ``test`` what shows that it works, ``advice`` what to do where more is asked. ``undriven`` says why that is no load
    test on an emulator, "" where it is one."""

    name: str
    limit: float
    unit: str
    source: str
    governor: str
    where: str
    test: str
    advice: str
    holds: float | None = None
    soft: bool = False
    undriven: str = ""

    def with_front(self, places: int, threads: int) -> Ceiling:
        """Return the quota with the number that the manifest gives it, where it is the manifest's."""
        own = {"pushed_at_once": places, "requests_in_an_instance": threads}.get(self.name)
        if own is None:
            return self
        return replace(self, limit=float(own), holds=float(own) if self.name == "pushed_at_once" else None)


@dataclass(frozen=True, slots=True)
class Governed:
    """What keeps us under a quota of the price list; ``undriven`` as of a ceiling."""

    governor: str
    where: str
    test: str
    advice: str
    undriven: str = ""


_OWN_TABLES = "give each pipeline tables of its own: the bound is of one table"
_LATER = "nothing: the rest leaves a little later"

OWN: tuple[Ceiling, ...] = (
    Ceiling(
        "statements_at_once", 22, "statements at once that change one table, 2 at work and 20 queued", BIGQUERY,
        "a place for each statement, counted through the store", "shared/app/state/table_places.py",
        f"{_DRIVEN}statements_on_a_table_are_at_most_so_many_at_once", _OWN_TABLES, holds=AT_ONCE,
    ),
    Ceiling(
        "statements_in_ten_seconds", 25, "statements on one table in ten seconds", BIGQUERY,
        "the same places, by when they were taken", "shared/core/limits/dml.py",
        f"{_DRIVEN}a_crowd_of_closes_ends", _OWN_TABLES, holds=IN_TEN_SECONDS,
    ),
    Ceiling(
        "statements_a_day", 1500, "INSERT statements of one table in 24 hours that are run at once", BIGQUERY,
        "the same places, by the hour", "shared/core/limits/dml.py",
        f"{_PLACES}a_day_of_1300_holds_the_next_close_until_there_is_room", _OWN_TABLES, holds=A_DAY,
        undriven="a day of them takes a day: a virtual clock",
    ),
    Ceiling(
        "table_loads", 1500, "load, copy and query jobs a day that write one table", BIGQUERY,
        "none is made: the record is streamed, results are read", "shared/adapters/google/bigquery.py",
        "tests/core/test_dml_places.py::test_a_file_of_ours_changes_what_a_parser_says", "stream instead",
        undriven="there is nothing to drive: every text of ours is parsed",
    ),
    Ceiling(
        "insert_rows", 50_000, "rows in one streaming insert, 500 recommended", BIGQUERY,
        "rows are split by number", "shared/core/limits/requests.py",
        f"{_DRIVEN}rows_leave_in_requests_that_bigquery_takes", _LATER, holds=INSERT_ROWS,
    ),
    Ceiling(
        "insert_bytes", 10_000_000, "bytes in one streaming insert", BIGQUERY,
        "rows are split by bytes", "shared/core/limits/requests.py",
        f"{_DRIVEN}rows_leave_in_requests_that_bigquery_takes", _LATER, holds=INSERT_BYTES,
    ),
    Ceiling(
        "insert_id", 128, "characters of an insert id", BIGQUERY,
        "a longer name is replaced by its beginning and a digest", "shared/core/limits/requests.py",
        f"{_DRIVEN}rows_leave_in_requests_that_bigquery_takes", "nothing: the column keeps the whole name",
        holds=INSERT_ID,
    ),
    Ceiling(
        "requests_a_second", 100, "BigQuery API requests a second of one method and service account", BIGQUERY,
        "eight pipelines of a deployment are swept at once", "shared/app/sweep/pipelines.py",
        _SWEPT, "more deployments, each with a service account of its own",
    ),
    Ceiling(
        "publish_messages", 1000, "messages in one publish request", PUBSUB,
        "messages are split by number; those of one call share requests", "shared/adapters/google/pubsub.py",
        f"{_DRIVEN}messages_share_requests_that_pubsub_takes", _LATER, holds=PUBLISH_MESSAGES,
    ),
    Ceiling(
        "publish_bytes", 10_000_000, "bytes in one publish request", PUBSUB,
        "messages are split by bytes", "shared/adapters/google/pubsub.py",
        f"{_DRIVEN}messages_share_requests_that_pubsub_takes", _LATER, holds=PUBLISH_BYTES,
    ),
    Ceiling(
        "message_bytes", 10_000_000, "bytes of one message", PUBSUB,
        "a larger message is refused before it leaves, on every bus alike", "shared/adapters/wire.py",
        "tests/contract/test_bus.py::test_a_message_that_is_too_large_is_refused",
        "list fewer names in a trigger", holds=MESSAGE_BYTES,
        undriven="one is enough: the contract of every bus, the emulator's too",
    ),
    Ceiling(
        "pushed_at_once", 40, "requests at once that the instances of the manifest take", AUTOSCALING,
        "instances and concurrency; the rest is answered 429 by the platform and backs off", "deploy/functions.yaml",
        f"{_DRIVEN}161_messages_at_once_on_the_instances_of_the_manifest",
        "raise instances.max of the function; until then the crowd is worked off, 40 at a time", holds=40, soft=True,
    ),
    Ceiling(
        "requests_in_an_instance", 4, "threads of an instance, four for each CPU", AUTOSCALING,
        "concurrency in the manifest: a request more would wait inside for a thread", "deploy/functions.yaml",
        f"{_DRIVEN}161_messages_at_once_on_ten_processes", "raise cpu with concurrency",
    ),
    Ceiling(
        "ack_deadline", 600, "seconds until an unanswered push counts as refused", PUSH,
        "the function's timeout is below its subscriptions' deadline", "deploy/functions.yaml",
        f"{_TABLE}a_push_is_answered_before_it_counts_as_refused", "shorten the timeout",
        undriven="only the platform takes a late answer for a refusal: the manifest is compared with it",
    ),
    Ceiling(
        "back_off", 600, "seconds between two deliveries of what was refused", RETRIES,
        "retry: {min, max} of the manifest", "deploy/functions.yaml",
        f"{_TABLE}a_push_is_answered_before_it_counts_as_refused", "600 s is the most there is",
        undriven="only the platform waits: the crowd's load test waits in its place, shortened",
    ),
    Ceiling(
        "delivery_attempts", 100, "deliveries before a message is a dead letter", RETRIES,
        "dead_letter.attempts: 15 hours with the back-off of the manifest", "deploy/functions.yaml",
        f"{_DRIVEN}161_messages_at_once_on_the_instances_of_the_manifest", "`orch dead-letters replay` brings it back",
    ),
    Ceiling(
        "crowded_document", 60, "writes to one document within the minute of a crowd", FIRESTORE,
        "each report has a document of its own; those who come first at once try to open the run",
        "shared/app/state/opening.py", f"{_DRIVEN}each_of_161_twice_and_which_document_is_the_hottest",
        "nothing: the others of a crowd find the run open", soft=True,
    ),
    Ceiling(
        "run_documents", 500, "writes a second to documents of runs, whose moments are indexed", PRACTICES,
        "a run is made due once between two looks; `due` begins with its pipeline, so that each has a range of its own",
        "shared/app/state/repository.py", _NIGHT, "exempt `opened_at` and `expires_at` of runs",
        soft=True,
    ),
    Ceiling(
        "document_bytes", 2**20, "bytes of one document", FIRESTORE,
        "texts, ids and lists of a report are bounded; what is longer is cut or split", "shared/core/wire/contents.py",
        f"{_DRIVEN}each_of_161_twice_and_which_document_is_the_hottest", "a smaller page of members",
    ),
    Ceiling(
        "chat_messages", 60, "messages a minute to one webhook or channel", SLACK,
        "a turn each second, alerts of one run together; 429 is kept to", "shared/adapters/notify/paced.py",
        f"{_PACED}a_chat_hears_one_message_a_second",
        "a channel of its own for each group of pipelines (alerts.routes); the rest is told minute by minute",
        holds=round(MINUTE / CHAT.every), soft=True,
        undriven="a chat has no emulator: a virtual clock",
    ),
    Ceiling(
        "pager_events", 120, "events a minute of one integration key", PAGER,
        "a turn each 0.6 s after ten at once; 429 is kept to", "shared/adapters/notify/paced.py",
        f"{_SIZES}no_window_has_more_than_the_service_takes", "an integration key for each group of pipelines",
        holds=round(MINUTE / PAGERDUTY.every) + PAGERDUTY.burst, soft=True,
        undriven="a pager has no emulator: every window of a virtual clock",
    ),
    Ceiling(
        "secret_accesses", 90_000, "accesses of secrets a minute", SECRETS,
        "an instance reads a secret when it tells something, and keeps it five minutes",
        "shared/adapters/google/secret_manager.py", "tests/adapters/test_secrets.py::test_a_value_is_kept_five_minutes",
        "more projects", soft=True,
        undriven="Secret Manager has no emulator: a virtual clock",
    ),
    Ceiling(
        "cloud_tasks", 500, "Cloud Tasks a second of one queue", TASKS,
        "none is used: one sweep each minute finds what is due", "deploy/functions.yaml",
        f"{_TABLE}every_peak_is_calculated", "nothing",
        undriven="there is nothing to drive",
    ),
)  # fmt: skip

_COST, _MODEL = "shared/core/costs/operations.py", "tests/app/test_operations.py::test_a_completion_that_waits"
COSTED: Mapping[Limit, Governed] = {
    Limit.DOCUMENT_WRITES: Governed(
        "the sweep's lock is taken and given back once a minute", "shared/app/sweep/sweep.py",
        _NIGHT, "sweep less often",
    ),
    Limit.SEQUENTIAL_WRITES: Governed(
        "names, not instants, are the ids; batches are asked at a pace (per_second)", "shared/app/batches/asking.py",
        _MODEL, "lower request.per_second of batches; exempt instants from indexing (`unindexed`)",
        undriven="the emulator has no index that a write waits for: what is written is counted",
    ),
    Limit.COLD_OPERATIONS: Governed(
        "one write and a few reads for each report; what is refused backs off", _COST, _NIGHT,
        "let phases end apart, or spread them over databases",
    ),
    Limit.DATABASES: Governed(
        "pipelines of a folder share one database", "shared/adapters/config/policy_folder.py",
        "tests/app/test_one_database.py::test_two_sweep_at_once", "several pipelines in a folder, or more projects",
        undriven=_PLATFORM,
    ),
    Limit.PUBLISHED: Governed(
        "one message for a trigger, or one for each processor", _COST, _CROWD, "a raised quota",
    ),
    Limit.PUSHED: Governed(
        "a completion that waits is acknowledged after a few round trips", _COST, _CROWD, "a raised quota",
    ),
    Limit.TOPICS: Governed(
        "a topic for each phase", "deploy/scale.py", f"{_TABLE}every_peak_is_calculated",
        "a second project for topics, or a raised quota",
        undriven=_PLATFORM,
    ),
    Limit.SERVICES: Governed(
        "one function serves every pipeline of a folder", "functions/transition/main.py",
        _FOLDER, "several pipelines in a folder, or more projects",
        undriven=_PLATFORM,
    ),
    Limit.INSTANCES: Governed(
        "instances.max of each function", "deploy/functions.yaml", f"{_TABLE}every_peak_is_calculated",
        "a raised quota, or another region",
        undriven=_PLATFORM,
    ),
    Limit.QUEUED_QUERIES: Governed(
        "eight pipelines of a deployment are swept at once; `calendar.read_every`", "shared/app/sweep/pipelines.py",
        _SWEPT, "let sweeps begin apart",
    ),
    Limit.TABLES_IN_QUERY: Governed(
        "rows of many tables are counted from metadata; a refused statement is counted table by table",
        "shared/adapters/partition_counts.py", _PARTITIONS,
        "partition tables by their date",
        undriven="the emulator takes any number: a stand-in refuses",
    ),
    Limit.SLOTS: Governed(
        "as for queries that wait", "shared/app/sweep/pipelines.py", _SWEPT, "let sweeps begin apart",
    ),
    Limit.INSERTED: Governed(
        "a sweep writes all rows of a run together", "shared/app/audit/write.py",
        f"{_DRIVEN}rows_leave_in_requests_that_bigquery_takes", "a subscription that writes to BigQuery",
    ),
    Limit.SCHEDULES: Governed(
        "schedules of a deployment serve all of its pipelines", "deploy/functions.yaml",
        f"{_TABLE}every_peak_is_calculated", "several pipelines in a folder, or another region",
        undriven=_PLATFORM,
    ),
}  # fmt: skip
