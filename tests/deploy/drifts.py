"""Single changes by hand to a deployed project, by name: what changes, and where and how the drift check says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.deploy.standin import Cloud
from tests.deploy.world import PLACE

FUNCTION, SUBSCRIPTION = "nba-phase3-to-phase4", "nba-phase3-to-phase4--nba-phase3-analytics-complete"


def hand(kind: str, name: str, change: Callable[[Any], object]) -> Callable[[Cloud], None]:
    return lambda cloud: change(cloud.store(kind)[name]) and None


def put(*path: str, value: Any) -> Callable[[Any], object]:
    def change(thing: Any) -> None:
        for key in path[:-1]:
            thing = thing.setdefault(key, {})
        thing[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Any], object]:
    def change(thing: Any) -> None:
        for key in path[:-1]:
            thing = thing[key]
        del thing[path[-1]]

    return change


PUSHER, DATASET = f"orch-push@{PLACE.project}.iam.gserviceaccount.com", f"{PLACE.project}.nba_orchestration"


def grant(kind: str, name: str, role: str, member: str) -> Callable[[Cloud], None]:
    return hand(kind, name, lambda thing: thing.setdefault("policy", []).append({"role": role, "members": [member]}))


def unconditioned(cloud: Cloud) -> None:
    """Let one account edit every dataset where it could edit one."""
    member = "serviceAccount:orch-self-heal@demo-orch.iam.gserviceaccount.com"
    for binding in cloud.store("projects")[PLACE.project]["policy"]:
        if binding["role"] == "roles/bigquery.dataEditor":
            binding["members"].remove(member)
    grant("projects", PLACE.project, "roles/bigquery.dataEditor", member)(cloud)


def container(key: str, value: Any) -> Callable[[Cloud], None]:
    return hand(
        "services", FUNCTION, lambda thing: thing["spec"]["template"]["spec"]["containers"][0].update({key: value})
    )


def variable(name: str, value: str | None) -> Callable[[Cloud], None]:
    """Set a variable of the service alone, or take it away."""

    def change(cloud: Cloud) -> None:
        service_container = cloud.store("services")[FUNCTION]["spec"]["template"]["spec"]["containers"][0]
        kept = [entry for entry in service_container["env"] if entry["name"] != name]
        service_container["env"] = kept if value is None else [*kept, {"name": name, "value": value}]

    return change


def policy(change: Callable[[Any], object]) -> Callable[[Cloud], None]:
    return lambda cloud: change(next(iter(cloud.store("alertPolicies").values()))) and None


def foreign_job(target: dict[str, Any]) -> Callable[[Cloud], None]:
    name = "projects/demo-orch/locations/us-west2/jobs/foreign"
    return lambda cloud: cloud.store("jobs").update(foreign={"name": name, **target})


RUN, RECORD = "run.googleapis.com", "dataset nba_orchestration"
DRIFTS: dict[str, tuple[Callable[[Cloud], None], str, str]] = {
    "memory": (
        hand("functions", FUNCTION, put("serviceConfig", "availableMemory", value="256M")),
        f"function {FUNCTION}",
        "memory",
    ),
    "timeout": (
        hand("functions", FUNCTION, put("serviceConfig", "timeoutSeconds", value=540)),
        f"function {FUNCTION}",
        "timeout",
    ),
    "service account": (
        hand("functions", FUNCTION, put("serviceConfig", "serviceAccountEmail", value="x@y")),
        f"function {FUNCTION}",
        "service account",
    ),
    "runtime": (
        hand("functions", FUNCTION, put("buildConfig", "runtime", value="python310")),
        f"function {FUNCTION}",
        "runtime",
    ),
    "failed deploy": (hand("functions", FUNCTION, put("state", value="FAILED")), f"function {FUNCTION}", "state"),
    "variable gone": (
        hand("functions", FUNCTION, drop("serviceConfig", "environmentVariables", "ORCH_SECRETS")),
        f"function {FUNCTION}",
        "environment ORCH_SECRETS",
    ),
    "secret bound by hand": (
        hand("functions", FUNCTION, put("serviceConfig", "secretEnvironmentVariables", value=[{"key": "HOOK"}])),
        f"function {FUNCTION}",
        "secret in HOOK",
    ),
    "commit unknown": (
        hand("functions", FUNCTION, drop("labels", "commit-sha")),
        f"function {FUNCTION}",
        "commit-sha label",
    ),
    "function gone": (
        lambda cloud: cloud.store("functions").pop(FUNCTION) and None,
        f"function {FUNCTION}",
        "existence",
    ),
    "old revision serves": (
        hand("services", FUNCTION, put("status", "traffic", value=[{"revisionName": "older", "percent": 100}])),
        f"serving revision {FUNCTION}",
        "revision serving",
    ),
    "newest revision is not ready": (
        hand("services", FUNCTION, put("status", "conditions", value=[{"type": "Ready", "status": "False"}])),
        f"serving revision {FUNCTION}",
        "ready",
    ),
    "invoker gone": (
        hand("services", FUNCTION, put("policy", value=[])),
        f"service role {FUNCTION} roles/run.invoker serviceAccount:orch-push@demo-orch.iam.gserviceaccount.com",
        "roles/run.invoker",
    ),
    "ack deadline": (
        hand("subscriptions", SUBSCRIPTION, put("ackDeadlineSeconds", value=10)),
        f"subscription {SUBSCRIPTION}",
        "ack deadline",
    ),
    "retry policy": (hand("subscriptions", SUBSCRIPTION, drop("retryPolicy")), f"subscription {SUBSCRIPTION}", "retry"),
    "dead letter": (
        hand("subscriptions", SUBSCRIPTION, drop("deadLetterPolicy")),
        f"subscription {SUBSCRIPTION}",
        "dead-letter topic",
    ),
    "expires": (
        hand("subscriptions", SUBSCRIPTION, put("expirationPolicy", value={"ttl": "2678400s"})),
        f"subscription {SUBSCRIPTION}",
        "expires",
    ),
    "detached from its topic": (
        hand("subscriptions", SUBSCRIPTION, put("topic", value="_deleted-topic_")),
        f"subscription {SUBSCRIPTION}",
        "topic",
    ),
    "other target": (
        hand("subscriptions", SUBSCRIPTION, put("pushConfig", "pushEndpoint", value="https://elsewhere")),
        f"subscription {SUBSCRIPTION}",
        "endpoint",
    ),
    "schedule gone": (
        lambda cloud: cloud.store("jobs").pop("nba-self-heal") and None,
        "schedule nba-self-heal",
        "existence",
    ),
    "schedule paused": (
        hand("jobs", "nba-self-heal", put("state", value="PAUSED")),
        "schedule state nba-self-heal",
        "state",
    ),
    "schedule of another target": (
        hand("jobs", "nba-self-heal", put("httpTarget", "uri", value="https://elsewhere")),
        "schedule nba-self-heal",
        "target",
    ),
    "schedule of another zone": (
        hand("jobs", "nba-self-heal", put("timeZone", value="America/New_York")),
        "schedule nba-self-heal",
        "zone",
    ),
    "secret gone": (
        lambda cloud: cloud.store("secrets").pop("slack-webhook-error") and None,
        "secret slack-webhook-error",
        "existence",
    ),
    "TTL off": (hand("fields", "runs.expires_at", drop("ttlConfig")), "field TTL runs.expires_at", "TTL"),
    "alert policy edited": (
        lambda cloud: next(iter(cloud.store("alertPolicies").values())).update(userLabels={}),
        "alert policy Orchestrators: an alert did not get through",
        "source-digest",
    ),
    "alert policy that tells nobody": (
        lambda cloud: next(iter(cloud.store("alertPolicies").values())).update(notificationChannels=[]),
        "alert route Orchestrators: an alert did not get through to on-call",
        "notifies",
    ),
    "channel gone": (lambda cloud: cloud.store("channels").clear(), "channel on-call", "existence"),
    "channel switched off": (
        lambda cloud: next(iter(cloud.store("channels").values())).update(enabled=False),
        "channel on-call",
        "enabled",
    ),
    "variable set by hand": (
        hand("functions", FUNCTION, put("serviceConfig", "environmentVariables", "BY_HAND", value="1")),
        f"function {FUNCTION}",
        "environment BY_HAND",
    ),
    "digest not stamped": (
        hand("functions", FUNCTION, drop("serviceConfig", "environmentVariables", "SOURCE_DIGEST")),
        f"function {FUNCTION}",
        "stamp SOURCE_DIGEST",
    ),
    "generated trigger": (
        hand("functions", FUNCTION, put("eventTrigger", value={"trigger": "t"})),
        f"function {FUNCTION}",
        "generated trigger",
    ),
    "closed to whoever calls": (
        hand("functions", FUNCTION, put("serviceConfig", "ingressSettings", value="ALLOW_INTERNAL_ONLY")),
        f"function {FUNCTION}",
        "ingress",
    ),
    "secret no longer readable": (
        hand("secrets", "slack-webhook-error", put("policy", value=[])),
        "secret role slack-webhook-error roles/secretmanager.secretAccessor "
        "serviceAccount:orch-self-heal@demo-orch.iam.gserviceaccount.com",
        "roles/secretmanager.secretAccessor",
    ),
    "trigger topic no longer writable": (
        hand("topics", "nba-phase6-export-trigger", put("policy", value=[])),
        "topic role nba-phase6-export-trigger roles/pubsub.publisher "
        "serviceAccount:orch-phase5-to-phase6@demo-orch.iam.gserviceaccount.com",
        "roles/pubsub.publisher",
    ),
    "service account gone": (
        lambda cloud: cloud.store("accounts").pop("orch-push@demo-orch.iam.gserviceaccount.com") and None,
        "service account orch-push",
        "existence",
    ),
    "service account switched off": (
        hand("accounts", "orch-push@demo-orch.iam.gserviceaccount.com", put("disabled", value=True)),
        "service account orch-push",
        "disabled",
    ),
    "database that may be deleted": (
        hand("databases", "(default)", put("deleteProtectionState", value="DELETE_PROTECTION_DISABLED")),
        "database protection (default)",
        "delete protection",
    ),
    "database without its last seven days": (
        hand("databases", "(default)", put("pointInTimeRecoveryEnablement", value="POINT_IN_TIME_RECOVERY_DISABLED")),
        "database protection (default)",
        "point-in-time recovery",
    ),
    "no backups any more": (
        lambda cloud: cloud.store("backups").clear(),
        "daily backup (default)",
        "existence",
    ),
    "backups that are kept for a day": (
        lambda cloud: next(iter(cloud.store("backups").values())).update(retention="86400s"),
        "daily backup (default)",
        "kept for",
    ),
    "delivery attempts": (
        hand("subscriptions", SUBSCRIPTION, put("deadLetterPolicy", "maxDeliveryAttempts", value=5)),
        f"subscription {SUBSCRIPTION}",
        "delivery attempts",
    ),
    "dead letters no longer kept": (
        lambda cloud: cloud.store("subscriptions").pop("nba-orchestration-dead-letter-kept") and None,
        "subscription nba-orchestration-dead-letter-kept",
        "existence",
    ),
    "Pub/Sub may not put dead letters there": (
        hand("topics", "nba-orchestration-dead-letter", put("policy", value=[])),
        "topic role nba-orchestration-dead-letter roles/pubsub.publisher "
        "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
        "roles/pubsub.publisher",
    ),
    "subscription gone": (
        lambda cloud: cloud.store("subscriptions").pop(SUBSCRIPTION) and None,
        f"subscription {SUBSCRIPTION}",
        "existence",
    ),
    "pushed as somebody else": (
        hand("subscriptions", SUBSCRIPTION, put("pushConfig", "oidcToken", "serviceAccountEmail", value="x@y")),
        f"subscription {SUBSCRIPTION}",
        "push identity",
    ),
    "schedule at another hour": (
        hand("jobs", "nba-daily-report", put("schedule", value="0 9 * * *")),
        "schedule nba-daily-report",
        "cron",
    ),
    "orphaned schedule": (
        lambda cloud: cloud.store("jobs").update(
            old={"name": "jobs/old", "httpTarget": {"uri": PLACE.url("nba-self-heal")}}
        ),
        "schedule old",
        "orphan",
    ),
    "table of the record gone": (
        lambda cloud: cloud.store("bigquery").pop("demo-orch.nba_orchestration.alerts") and None,
        "table alerts",
        "existence",
    ),
    "metric edited": (
        hand("metrics", "orch_sweeps", put("filter", value="nothing")),
        "log metric orch_sweeps",
        "filter",
    ),
    "orphaned subscription": (
        lambda cloud: cloud.store("subscriptions").update(
            old={
                "name": "projects/demo-orch/subscriptions/old",
                "topic": "projects/demo-orch/topics/nba-phase6-export-trigger",
            }
        ),
        "subscription old",
        "orphan",
    ),
    "everybody may call a function": (
        grant("services", FUNCTION, "roles/run.invoker", "allUsers"),
        f"service role {FUNCTION} roles/run.invoker allUsers",
        "member",
    ),
    "everybody with an account may call a function": (
        grant("services", FUNCTION, "roles/run.invoker", "allAuthenticatedUsers"),
        f"service role {FUNCTION} roles/run.invoker allAuthenticatedUsers",
        "member",
    ),
    "everybody may write to a topic of completions": (
        grant("topics", "nba-phase3-analytics-complete", "roles/pubsub.publisher", "allUsers"),
        "topic role nba-phase3-analytics-complete roles/pubsub.publisher allUsers",
        "member",
    ),
    "a stranger may start a phase": (
        grant("topics", "nba-phase6-export-trigger", "roles/pubsub.publisher", "user:x@example.com"),
        "topic role nba-phase6-export-trigger roles/pubsub.publisher user:x@example.com",
        "member",
    ),
    "a stranger may take messages": (
        grant("subscriptions", SUBSCRIPTION, "roles/pubsub.subscriber", "user:x@example.com"),
        f"subscription role {SUBSCRIPTION} roles/pubsub.subscriber user:x@example.com",
        "member",
    ),
    "a stranger may take dead letters": (
        grant("subscriptions", "nba-orchestration-dead-letter-kept", "roles/pubsub.subscriber", "user:x@example.com"),
        "subscription role nba-orchestration-dead-letter-kept roles/pubsub.subscriber user:x@example.com",
        "member",
    ),
    "a stranger may read a secret": (
        grant("secrets", "slack-webhook-error", "roles/secretmanager.secretAccessor", "user:x@example.com"),
        "secret role slack-webhook-error roles/secretmanager.secretAccessor user:x@example.com",
        "member",
    ),
    "a stranger may be one of our accounts": (
        grant("accounts", PUSHER, "roles/iam.serviceAccountTokenCreator", "user:x@example.com"),
        "service account role orch-push roles/iam.serviceAccountTokenCreator user:x@example.com",
        "member",
    ),
    "one of our accounts may more on the project": (
        grant("projects", PLACE.project, "roles/editor", f"serviceAccount:{PUSHER}"),
        f"project role {PLACE.project} roles/editor serviceAccount:{PUSHER}",
        "member",
    ),
    "everybody may look at the project": (
        grant("projects", PLACE.project, "roles/viewer", "allAuthenticatedUsers"),
        f"project role {PLACE.project} roles/viewer allAuthenticatedUsers",
        "member",
    ),
    "a right without the condition it had": (
        unconditioned,
        f"project role {PLACE.project} roles/bigquery.dataEditor "
        "serviceAccount:orch-self-heal@demo-orch.iam.gserviceaccount.com if nba_orchestration",
        "roles/bigquery.dataEditor",
    ),
    "nobody signs pushes": (
        hand("accounts", PUSHER, put("policy", value=[])),
        "service account role orch-push roles/iam.serviceAccountTokenCreator "
        "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
        "roles/iam.serviceAccountTokenCreator",
    ),
    "the account that builds": (
        hand("functions", FUNCTION, put("buildConfig", "serviceAccount", value="projects/p/serviceAccounts/x@y")),
        f"function {FUNCTION}",
        "build account",
    ),
    "a variable of the build": (
        hand("functions", FUNCTION, put("buildConfig", "environmentVariables", value={"GOOGLE_FUNCTION_SOURCE": "x"})),
        f"function {FUNCTION}",
        "buildConfig.environmentVariables",
    ),
    "a variable of the service alone": (
        variable("ORCH_SECRETS", "environment"),
        f"serving revision {FUNCTION}",
        "environment ORCH_SECRETS",
    ),
    "one more variable of the service alone": (
        variable("BY_HAND", "1"),
        f"serving revision {FUNCTION}",
        "environment BY_HAND",
    ),
    "a variable that is gone from the service": (
        variable("ORCH_RECORD_DATASET", None),
        f"serving revision {FUNCTION}",
        "environment ORCH_RECORD_DATASET",
    ),
    "another image": (
        container("image", "us-docker.pkg.dev/cloudrun/container/hello"),
        f"serving revision {FUNCTION}",
        "image",
    ),
    "another function's image": (
        container("image", "us-west2-docker.pkg.dev/demo-orch/gcf-artifacts/demo--orch__us--west2__nba--self--heal:1"),
        f"serving revision {FUNCTION}",
        "image",
    ),
    "another command in the image": (
        container("command", ["sleep"]),
        f"serving revision {FUNCTION}",
        "containers.command",
    ),
    "another account of the service": (
        hand("services", FUNCTION, put("spec", "template", "spec", "serviceAccountName", value="x@y")),
        f"serving revision {FUNCTION}",
        "account",
    ),
    "callers are not asked who they are": (
        hand(
            "services",
            FUNCTION,
            put("metadata", "annotations", f"{RUN}/invoker-iam-disabled", value="True"),
        ),
        f"serving revision {FUNCTION}",
        "invoker check",
    ),
    "the service is closed to pushes": (
        hand("services", FUNCTION, put("metadata", "annotations", f"{RUN}/ingress", value="internal")),
        f"serving revision {FUNCTION}",
        "ingress",
    ),
    "the service has no address": (
        hand(
            "services",
            FUNCTION,
            put("metadata", "annotations", f"{RUN}/default-url-disabled", value="true"),
        ),
        f"serving revision {FUNCTION}",
        "address",
    ),
    "memory of the service alone": (
        container("resources", {"limits": {"cpu": "1", "memory": "128Mi"}}),
        f"serving revision {FUNCTION}",
        "memory",
    ),
    "time limit of the service alone": (
        hand("services", FUNCTION, put("spec", "template", "spec", "timeoutSeconds", value=5)),
        f"serving revision {FUNCTION}",
        "timeout",
    ),
    "instances kept in the service alone": (
        hand(
            "services",
            FUNCTION,
            put("spec", "template", "metadata", "annotations", "autoscaling.knative.dev/minScale", value="5"),
        ),
        f"serving revision {FUNCTION}",
        "min instances",
    ),
    "instances kept in the service whatever is deployed": (
        hand("services", FUNCTION, put("metadata", "annotations", "run.googleapis.com/minScale", value="2")),
        f"serving revision {FUNCTION}",
        "min instances of the service",
    ),
    "a processor that is paid for between two calls": (
        hand(
            "services",
            FUNCTION,
            put("spec", "template", "metadata", "annotations", "run.googleapis.com/cpu-throttling", value="false"),
        ),
        f"serving revision {FUNCTION}",
        "CPU between calls",
    ),
    "a filter": (
        hand("subscriptions", SUBSCRIPTION, put("filter", value='attributes.x="y"')),
        f"subscription {SUBSCRIPTION}",
        "filter",
    ),
    "no wrapper": (
        hand("subscriptions", SUBSCRIPTION, put("pushConfig", "noWrapper", value={"writeMetadata": True})),
        f"subscription {SUBSCRIPTION}",
        "pushConfig.noWrapper",
    ),
    "detached": (
        hand("subscriptions", SUBSCRIPTION, put("detached", value=True)),
        f"subscription {SUBSCRIPTION}",
        "detached",
    ),
    "messages are changed on their way": (
        hand("subscriptions", SUBSCRIPTION, put("messageTransforms", value=[{"javascriptUdf": {"code": "x"}}])),
        f"subscription {SUBSCRIPTION}",
        "messageTransforms",
    ),
    "messages are changed in the topic": (
        hand("topics", "nba-phase6-export-trigger", put("messageTransforms", value=[{"javascriptUdf": {"code": "x"}}])),
        "topic nba-phase6-export-trigger",
        "messageTransforms",
    ),
    "a schema refuses messages": (
        hand("topics", "nba-phase6-export-trigger", put("schemaSettings", value={"schema": "projects/p/schemas/s"})),
        "topic nba-phase6-export-trigger",
        "schemaSettings",
    ),
    "dead letters are pushed away": (
        hand(
            "subscriptions",
            "nba-orchestration-dead-letter-kept",
            put("pushConfig", value={"pushEndpoint": "https://x"}),
        ),
        "subscription nba-orchestration-dead-letter-kept",
        "pushConfig.pushEndpoint",
    ),
    "a secret that expires": (
        hand("secrets", "slack-webhook-error", put("expireTime", value="2026-12-31T00:00:00Z")),
        "secret slack-webhook-error",
        "expireTime",
    ),
    "an alert policy switched off": (
        policy(put("enabled", value=False)),
        "alert policy Orchestrators: an alert did not get through",
        "enabled",
    ),
    "an alert policy with another threshold, its stamp left": (
        policy(lambda alert_policy: alert_policy["conditions"][0]["conditionThreshold"].update(thresholdValue=5)),
        "alert policy Orchestrators: an alert did not get through",
        "conditions",
    ),
    "an alert policy without its text": (
        policy(drop("documentation")),
        "alert policy Orchestrators: an alert did not get through",
        "documentation",
    ),
    "an alert policy that limits itself": (
        policy(put("alertStrategy", "notificationRateLimit", value={"period": "3600s"})),
        "alert policy Orchestrators: an alert did not get through",
        "alertStrategy",
    ),
    "a metric switched off": (
        hand("metrics", "orch_sweeps", put("disabled", value=True)),
        "log metric orch_sweeps",
        "disabled",
    ),
    "a metric with a label less": (
        hand("metrics", "orch_triggers", drop("labelExtractors", "reason")),
        "log metric orch_triggers",
        "labelExtractors",
    ),
    "a metric that takes values": (
        hand("metrics", "orch_sweeps", put("valueExtractor", value="EXTRACT(jsonPayload.seconds)")),
        "log metric orch_sweeps",
        "valueExtractor",
    ),
    "a dataset elsewhere": (
        hand("bigquery", DATASET, put("location", value="EU")),
        RECORD,
        "location",
    ),
    "tables that expire": (
        hand("bigquery", DATASET, put("defaultTableExpirationMs", value="3600000")),
        RECORD,
        "defaultTableExpirationMs",
    ),
    "partitions that expire": (
        hand("bigquery", DATASET, put("defaultPartitionExpirationMs", value="3600000")),
        RECORD,
        "defaultPartitionExpirationMs",
    ),
    "everybody reads the record": (
        hand("bigquery", DATASET, put("access", value=[{"role": "READER", "specialGroup": "allAuthenticatedUsers"}])),
        RECORD,
        "everybody reads",
    ),
    "one table expires": (
        hand("bigquery", f"{DATASET}.alerts", put("expirationTime", value="1798675200000")),
        "table alerts",
        "expirationTime",
    ),
    "a column that must be filled": (
        lambda cloud: cloud.store("bigquery")[f"{DATASET}.alerts"]["schema"]["fields"].append(
            {"name": "extra", "type": "STRING", "mode": "REQUIRED"}
        ),
        "table alerts",
        "column extra",
    ),
    "a schedule with a header": (
        hand("jobs", "nba-self-heal", put("httpTarget", "headers", "X-Dry-Run", value="1")),
        "schedule nba-self-heal",
        "headers",
    ),
    "a schedule that backs off otherwise": (
        hand("jobs", "nba-validation-midday", put("retryConfig", "maxBackoffDuration", value="3600s")),
        "schedule nba-validation-midday",
        "back-off",
    ),
    "a schedule of others calls by another address": (
        foreign_job({"httpTarget": {"uri": "https://nba-self-heal-abcdefghij-wl.a.run.app/"}}),
        "schedule foreign",
        "orphan",
    ),
    "a schedule of others calls by the oldest address": (
        foreign_job({"httpTarget": {"uri": "https://us-west2-demo-orch.cloudfunctions.net/nba-self-heal"}}),
        "schedule foreign",
        "orphan",
    ),
    "a schedule of others starts a phase": (
        foreign_job({"pubsubTarget": {"topicName": "projects/demo-orch/topics/nba-phase6-export-trigger"}}),
        "schedule foreign",
        "orphan",
    ),
    "a schedule of others calls as ours do": (
        foreign_job(
            {
                "httpTarget": {
                    "uri": "https://elsewhere",
                    "oidcToken": {"serviceAccountEmail": "orch-scheduler@demo-orch.iam.gserviceaccount.com"},
                }
            }
        ),
        "schedule foreign",
        "orphan",
    ),
    "a subscription of another topic calls a function": (
        lambda cloud: cloud.store("subscriptions").update(
            foreign={
                "name": "projects/demo-orch/subscriptions/foreign",
                "topic": "projects/demo-orch/topics/elsewhere",
                "pushConfig": {"pushEndpoint": PLACE.url("nba-self-heal")},
            }
        ),
        "subscription foreign",
        "orphan",
    ),
}
