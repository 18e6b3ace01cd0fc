"""Topics, dead letters, secrets, service accounts, Firestore and the record, as resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deploy import rights
from deploy.command_line import CommandLine, gcloud, seconds
from deploy.manifest import Manifest, Target
from deploy.members import public_readers
from deploy.resource import FOUND_ID, Difference, Resource, Right, compare, undeclared
from shared.adapters.audit_schema import AuditTable, audit_tables

ALIVE = "never"
# What makes a subscription let messages pass by, or deliver them before a person pulls them.
PASSED_ON = (
    "bigqueryConfig",
    "cloudStorageConfig",
    "deadLetterPolicy",
    "detached",
    "filter",
    "messageTransforms",
    "pushConfig.pushEndpoint",
)


def apis(manifest: Manifest, place: Target) -> Iterator[Resource]:
    """One resource for all APIs: enabling what is enabled costs a minute each."""

    def judge(actual: Any) -> list[Difference]:
        enabled = {service["config"]["name"] for service in actual}
        return [Difference("API", name, "not enabled") for name in manifest.apis if name not in enabled]

    enable = gcloud("services enable", *manifest.apis, project=place.project)
    read = gcloud("services list", project=place.project, enabled=True)
    yield Resource("apis", place.project, read, judge, enable, enable)


def accounts(manifest: Manifest, place: Target) -> Iterator[Resource]:
    for name, title in manifest.service_accounts.items():
        address = place.account(name)
        yield Resource(
            kind="service account",
            name=name,
            read=gcloud("iam service-accounts describe", address, project=place.project),
            differences=lambda actual: compare({"disabled": False}, {"disabled": actual.get("disabled", False)}),
            create=gcloud("iam service-accounts create", name, project=place.project, display_name=title),
            update=gcloud("iam service-accounts enable", address, project=place.project),
        )


def topics(manifest: Manifest, place: Target) -> Iterator[Resource]:
    for name in (*manifest.topics, manifest.dead_letter.topic):
        yield Resource(
            kind="topic",
            name=name,
            read=gcloud("pubsub topics describe", name, project=place.project),
            differences=topic_differences,
            create=gcloud("pubsub topics create", name, project=place.project),
            update=None,
            hint=f"take away what changes or refuses messages: gcloud pubsub topics update {name} --help",
        )


def topic_differences(actual: Any) -> list[Difference]:
    """A schema refuses messages, a transform changes them, an ingestion brings those of others."""
    unset = undeclared(actual, ("ingestionDataSourceSettings", "messageTransforms", "schemaSettings"))
    return unset + compare({"state": "ACTIVE"}, {"state": actual.get("state", "ACTIVE")})


def dead_letters(manifest: Manifest, place: Target) -> Iterator[Resource]:
    """A dead-letter topic without a subscription keeps nothing; and Pub/Sub itself must be allowed to publish there."""
    letter, project = manifest.dead_letter, place.project
    seconds = int(letter.retention.total_seconds())
    settings: dict[str, str | int | bool | None] = {
        "message_retention_duration": f"{seconds}s",
        "ack_deadline": 60,
        "expiration_period": ALIVE,
    }

    def judge(actual: Any) -> list[Difference]:
        expected = {
            "topic": f"projects/{project}/topics/{letter.topic}",
            "retention": f"{seconds}s",
            "expires": "never",
        }
        return compare(expected, {"topic": actual["topic"], **kept(actual)}) + undeclared(actual, PASSED_ON)

    yield Resource(
        kind="subscription",
        name=letter.subscription,
        read=gcloud("pubsub subscriptions describe", letter.subscription, project=project),
        differences=judge,
        create=gcloud(
            "pubsub subscriptions create", letter.subscription, project=project, topic=letter.topic, **settings
        ),
        update=gcloud("pubsub subscriptions update", letter.subscription, project=project, **settings),
    )
    agent = f"serviceAccount:{place.pubsub_agent}"
    yield rights.resource(place, Right("topic", letter.topic, agent, "roles/pubsub.publisher"))


def kept(actual: Any) -> dict[str, str]:
    """Return retention and expiry of a subscription; a policy without a TTL means that it never expires."""
    policy = actual.get("expirationPolicy")
    ttl = "31d by default" if policy is None else policy.get("ttl", "never")
    return {"retention": actual.get("messageRetentionDuration", "604800s"), "expires": ttl}


def secrets(manifest: Manifest, place: Target) -> Iterator[Resource]:
    """Names and readers only: values are added by hand, and never pass through here."""
    for name in manifest.secrets:
        yield Resource(
            kind="secret",
            name=name,
            read=gcloud("secrets describe", name, project=place.project),
            differences=lambda actual: undeclared(actual, ("expireTime", "ttl")),
            create=gcloud("secrets create", name, project=place.project, replication_policy="automatic"),
            update=None,
            hint=f"it would be gone one day: gcloud secrets update {name} --remove-expiration",
        )
    for function in manifest.functions.values():
        member = f"serviceAccount:{place.account(function.service_account)}"
        for name in function.secrets:
            right = Right("secret", name, member, "roles/secretmanager.secretAccessor")
            yield rights.resource(place, right, function.folder)


def firestore(manifest: Manifest, place: Target) -> Iterator[Resource]:
    fire, project = manifest.firestore, place.project

    def judge_database(actual: Any) -> list[Difference]:
        expected = {"type": "FIRESTORE_NATIVE", "location": fire.location}
        return compare(expected, {"type": actual.get("type"), "location": actual.get("locationId")})

    yield Resource(
        kind="database",
        name=fire.database,
        read=gcloud("firestore databases describe", project=project, database=fire.database),
        differences=judge_database,
        create=gcloud(
            "firestore databases create",
            project=project,
            database=fire.database,
            location=fire.location,
            type="firestore-native",
            delete_protection=True,
            enable_pitr=True,
        ),
        update=None,
        hint="type and location of a database are for ever: name another database in deploy/functions.yaml",
    )
    yield _protection(manifest, place)
    yield _backups(manifest, place)
    for group, field in fire.expires.items():
        yield _field(manifest, place, group, field, "TTL")
    for group, fields in fire.unindexed.items():
        for field in fields:
            yield _field(manifest, place, group, field, "no index")


def _protection(manifest: Manifest, place: Target) -> Resource:
    """That a database cannot be deleted by mistake, and can be read as of each minute of the last seven days."""
    where = {"project": place.project, "database": manifest.firestore.database}

    def judge(actual: Any) -> list[Difference]:
        expected = {
            "delete protection": "DELETE_PROTECTION_ENABLED",
            "point-in-time recovery": "POINT_IN_TIME_RECOVERY_ENABLED",
        }
        have = {
            "delete protection": actual.get("deleteProtectionState"),
            "point-in-time recovery": actual.get("pointInTimeRecoveryEnablement"),
        }
        return compare(expected, have)

    return Resource(
        kind="database protection",
        name=manifest.firestore.database,
        read=gcloud("firestore databases describe", **where),
        differences=judge,
        create=None,
        update=gcloud("firestore databases update", **where, delete_protection=True, enable_pitr=True),
        hint="the database does not exist yet",
    )


def _backups(manifest: Manifest, place: Target) -> Resource:
    """The daily backup; a database has one such schedule at the most, and a weekly one beside it is not ours."""
    fire = manifest.firestore
    where = {"project": place.project, "database": fire.database}
    kept = seconds(fire.backups_for)

    def judge(actual: Any) -> list[Difference]:
        return compare({"kept for": kept}, {"kept for": actual[0].get("retention")})

    return Resource(
        kind="daily backup",
        name=fire.database,
        read=gcloud("firestore backups schedules list", **where, filter="NOT weeklyRecurrence.day:*"),
        differences=judge,
        create=gcloud("firestore backups schedules create", **where, recurrence="daily", retention=kept),
        update=gcloud("firestore backups schedules update", **where, backup_schedule=FOUND_ID, retention=kept),
    )


def _field(manifest: Manifest, place: Target, group: str, field: str, what: str) -> Resource:
    where = {"collection_group": group, "database": manifest.firestore.database}

    def judge(actual: Any) -> list[Difference]:
        ttl = actual.get("ttlConfig", {}).get("state") in ("ACTIVE", "CREATING")
        own = actual.get("indexConfig", {})
        bare = not own.get("indexes") and not own.get("usesAncestorConfig", False)
        return [] if (ttl if what == "TTL" else bare) else [Difference(what, "set", "not set")]

    update = (
        gcloud(
            "firestore fields ttls update", field, project=place.project, **where, enable_ttl=True, **{"async": True}
        )
        if what == "TTL"
        else gcloud("firestore indexes fields update", field, project=place.project, **where, disable_indexes=True)
    )
    read = gcloud("firestore indexes fields describe", field, project=place.project, **where)
    return Resource(f"field {what}", f"{group}.{field}", read, judge, update, update)


def audit_tables_of(manifest: Manifest, place: Target) -> Iterator[Resource]:
    """Dataset, tables and views by DDL that may run again: gcloud cannot partition a table."""
    name, project = manifest.dataset, place.project
    schema = f"CREATE SCHEMA IF NOT EXISTS `{project}.{name}` OPTIONS (location = '{manifest.dataset_location}')"
    yield _ddl(manifest, place, "dataset", name, f"{project}:{name}", schema)
    for table in audit_tables():
        reference = f"{project}:{name}.{table.name}"
        yield _ddl(manifest, place, "table", table.name, reference, table_ddl(table, f"{project}.{name}"), table)
        view = f"CREATE OR REPLACE VIEW `{project}.{name}.{table.view}` AS {table.view_sql(f'{project}.{name}')}"
        yield _ddl(manifest, place, "view", table.view, f"{project}:{name}.{table.view}", view, view=table)


ALTERED = "partition and clustering are not altered: copy the rows into a new table"
ELSEWHERE = "a dataset stays where it is, and who reads it is not changed here: see its page in the console, Sharing"


def _ddl(
    manifest: Manifest,
    place: Target,
    kind: str,
    name: str,
    reference: str,
    statement: str,
    table: AuditTable | None = None,
    view: AuditTable | None = None,
) -> Resource:
    dataset = f"{place.project}.{manifest.dataset}"

    def judge(actual: Any) -> list[Difference]:
        if view is not None:
            return compare({"query": view.view_sql(dataset)}, {"query": actual.get("view", {}).get("query")})
        return _dataset_differences(manifest, actual) if table is None else _table_differences(table, actual)

    ask = ("bq", "query", f"--project_id={place.project}", "--use_legacy_sql=false", "--format=json", "--quiet")
    where = f"--location={manifest.dataset_location}"
    changed = "; ".join(_changes(table, dataset)) if table else "" if view else _kept_rows(dataset)
    return Resource(
        kind=kind,
        name=name,
        read=CommandLine(("bq", "show", "--format=json", f"--project_id={place.project}", reference)),
        differences=judge,
        create=CommandLine((*ask, where, statement)),
        update=CommandLine((*ask, where, changed or statement)),
        hint="" if view else (ALTERED if table else ELSEWHERE),
    )


def _dataset_differences(manifest: Manifest, actual: Any) -> list[Difference]:
    """Where it lies, that nothing in it expires by itself, and that not everybody reads it."""
    everybody = public_readers(actual.get("access", []))
    expected = {"location": manifest.dataset_location, "everybody reads": None, "type": "DEFAULT"}
    have = {
        "location": actual.get("location"),
        "everybody reads": ", ".join(everybody) or None,
        "type": actual.get("type", "DEFAULT"),
    }
    return compare(expected, have) + undeclared(actual, ("defaultTableExpirationMs", "defaultPartitionExpirationMs"))


def _kept_rows(dataset: str) -> str:
    options = "default_table_expiration_days = NULL, default_partition_expiration_days = NULL"
    return f"ALTER SCHEMA IF EXISTS `{dataset}` SET OPTIONS ({options})"


def _table_differences(table: AuditTable, actual: Any) -> list[Difference]:
    have = {column["name"]: column["type"] for column in actual.get("schema", {}).get("fields", [])}
    same = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
    missing = [
        Difference(f"column {field['name']}", field["type"], have.get(field["name"], "none"))
        for field in table.fields
        if have.get(field["name"]) != same.get(field["type"], field["type"])
    ]
    partition = actual.get("timePartitioning", {})
    filtered = actual.get("requirePartitionFilter", partition.get("requirePartitionFilter", False))
    expected = {
        "partitioned by": table.partition,
        "clustered by": clustering(table),
        "partition filter": table.resource["requirePartitionFilter"],
    }
    have = {
        "partitioned by": partition.get("field"),
        "clustered by": actual.get("clustering", {}).get("fields"),
        "partition filter": filtered,
    }
    expires = undeclared(actual, ("expirationTime", "timePartitioning.expirationMs", "rangePartitioning"))
    return missing + _demanded(table, actual) + compare(expected, have) + expires


def _demanded(table: AuditTable, actual: Any) -> list[Difference]:
    """A column that must have a value and is not written, or may be written without one, refuses rows."""
    required = {field["name"] for field in table.fields if field.get("mode") == "REQUIRED"}
    fields = actual.get("schema", {}).get("fields", [])
    more = [str(field["name"]) for field in fields if field.get("mode") == "REQUIRED" and field["name"] not in required]
    return [Difference(f"column {name}", "may be empty", "must have a value") for name in more]


def clustering(table: AuditTable) -> list[str]:
    """Return the columns by which a table's rows lie together."""
    fields: list[str] = table.resource["clustering"]["fields"]
    return fields


def _columns(table: AuditTable) -> list[tuple[str, str]]:
    kinds = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
    return [(field["name"], kinds.get(field["type"], field["type"])) for field in table.fields]


def _changes(table: AuditTable, dataset: str) -> list[str]:
    """Return what brings an older table up to its file, and may run again; how it lies on disk is for ever."""
    alter = f"ALTER TABLE `{dataset}.{table.name}`"
    added = [f"{alter} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _columns(table)]
    return [
        *added,
        f"{alter} SET OPTIONS (expiration_timestamp = NULL, partition_expiration_days = NULL)",
        f"{alter} SET OPTIONS (require_partition_filter = {_filtered(table)})",
    ]


def _filtered(table: AuditTable) -> str:
    return "true" if table.resource["requirePartitionFilter"] else "false"


def table_ddl(table: AuditTable, dataset: str) -> str:
    """Return the GoogleSQL that makes a table of the record where there is none."""
    required = {field["name"] for field in table.fields if field.get("mode") == "REQUIRED"}
    columns = ", ".join(f"{name} {kind}{' NOT NULL' if name in required else ''}" for name, kind in _columns(table))
    by = f"DATE({table.partition})" if dict(_columns(table))[table.partition] == "TIMESTAMP" else table.partition
    cluster = ", ".join(clustering(table))
    return (
        f"CREATE TABLE IF NOT EXISTS `{dataset}.{table.name}` ({columns}) "
        f"PARTITION BY {by} CLUSTER BY {cluster} OPTIONS (require_partition_filter = {_filtered(table)})"
    )
