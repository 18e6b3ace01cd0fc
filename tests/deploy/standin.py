"""A stand-in for gcloud, bq and curl that keeps what it was told, and refuses what the real ones refuse.

Its answers have the shapes of the real ones. ``fail_at`` makes the call of that number fail: before it had its effect,
or, with ``after_effect``, when it already had it and only the answer was lost; the one at ``refuse_at`` ends with an
error.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.command_line import CommandLine
from deploy.runner import CommandResult

NUMBER = "123456789012"
LABEL = re.compile(r"[a-z0-9_-]{0,63}")
Store = dict[str, dict[str, Any]]


class Refused(Exception):
    """What the real command would say on standard error."""


class Stopped(Exception):
    """The process that made the calls was killed."""


def not_found(what: str) -> Refused:
    return Refused(f"ERROR: (gcloud) NOT_FOUND: Resource not found: {what}")


def exists(what: str) -> Refused:
    return Refused(f"ERROR: (gcloud) ALREADY_EXISTS: Resource already exists: {what}")


@dataclass
class Cloud:
    """A project. ``root`` is where relative sources are looked for."""

    root: Path
    project: str = "demo-orch"
    kinds: dict[str, Store] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail_at: int | None = None
    after_effect: bool = False
    refuse_at: int | None = None
    strips_invokers: bool = False
    serves: dict[str, str] = field(default_factory=dict)  # digests of old revisions that still answer, by service
    broken: dict[str, int] = field(default_factory=dict)  # statuses of services that answer nothing else
    deaf: int = 0  # so many calls more are refused: a right takes its time
    forbidden: set[str] = field(default_factory=set)  # permissions that whoever is logged in does not have
    metrics_unknown: int = 0  # so many times more no alert policy may name a log-based metric
    asked: list[str] = field(default_factory=list)

    def __call__(self, line: CommandLine) -> CommandResult:
        self.calls.append(str(line))
        failing = self.fail_at is not None and len(self.calls) == self.fail_at
        if failing and not self.after_effect:
            raise Stopped(str(line))
        if self.refuse_at is not None and len(self.calls) == self.refuse_at:
            return CommandResult(1, "", "ERROR: (gcloud) UNAVAILABLE: The service is currently unavailable.")
        try:
            answer = CommandResult(0, self._out(line), "")
        except Refused as refused:
            answer = CommandResult(1, "", str(refused))
        if failing:
            raise Stopped(str(line))
        return answer

    def state(self) -> str:
        """Return everything there is, in a form that compares."""
        return json.dumps(self.kinds, sort_keys=True, default=str)

    def store(self, kind: str) -> Store:
        return self.kinds.setdefault(kind, {})

    def outside_service(self, name: str) -> None:
        """Put a Cloud Run service there that somebody else deployed."""
        self.store("services")[name] = {"metadata": {"name": name}, "policy": []}

    def _out(self, line: CommandLine) -> str:
        if line.words[0] == "curl":
            body, status = self._curl(line)
            return f"{body}\n{status}" if "--write-out" in line.words else body
        return json.dumps(self._bq(line) if line.words[0] == "bq" else self._gcloud(line))

    def _curl(self, line: CommandLine) -> tuple[str, int]:
        """Be a function: answer who may invoke it with what it runs, 403 to the others, and 404 where there is none."""
        words = list(line.words)
        method, url = words[words.index("--request") + 1], words[-1]
        if url.endswith(":testIamPermissions"):
            return self._permitted(line, url), 200
        self.asked.append(f"{method} {url}")
        name = url.removeprefix("https://").split(f"-{NUMBER}.")[0]
        service = self.store("services").get(name)
        if service is None or "spec" not in service:
            return "", 404
        caller, _, audience = line.given.strip().removeprefix("Authorization: Bearer ").partition(" for ")
        members = {
            m for binding in service["policy"] if binding["role"] == "roles/run.invoker" for m in binding["members"]
        }
        if self.deaf or f"serviceAccount:{caller}" not in members or not url.startswith(f"{audience}/"):
            self.deaf = max(0, self.deaf - 1)
            return "The request was not authenticated.", 403
        return self._answered(name, service, line, method, url)

    def _permitted(self, line: CommandLine, url: str) -> str:
        """Be IAM: say which of the permissions that are asked for the caller has; of nothing there, an error."""
        words, account = list(line.words), url.partition("/serviceAccounts/")[2].partition(":")[0]
        if line.given.strip() != "Authorization: Bearer ya29.x":
            return '{"error": {"code": 401, "status": "UNAUTHENTICATED"}}'
        if account and account not in self.store("accounts"):
            return '{"error": {"code": 404, "status": "NOT_FOUND"}}'
        asked = json.loads(words[words.index("--data-binary") + 1])["permissions"]
        allowed = [
            permission
            for permission in asked
            if permission not in self.forbidden and f"{permission} {account}" not in self.forbidden
        ]
        return json.dumps({"permissions": allowed} if allowed else {})

    def _answered(
        self, name: str, service: dict[str, Any], line: CommandLine, method: str, url: str
    ) -> tuple[str, int]:
        if name in self.broken:
            return "boom", self.broken[name]
        env = {
            variable["name"]: variable["value"]
            for variable in service["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        if (method, url.split(".run.app")[1]) == ("GET", "/health"):
            return json.dumps({"service": name, "source_digest": self.serves.get(name, env["SOURCE_DIGEST"])}), 200
        workflow = any('"workflow": "deploy-probe"' in word for word in line.words)
        probe = workflow or "schedule=deploy-probe" in url
        return ('{"error": "there is no deploy-probe"}', 400) if probe else ("OK", 200)

    def _gcloud(self, line: CommandLine) -> Any:
        words = [word for word in line.words[1:] if not word.startswith("--")]
        flags = dict(line.flags)
        if flags.pop("project", None) != self.project or "quiet" not in flags:
            raise Refused("ERROR: (gcloud) a prompt would have been shown")
        for length in range(len(words), 0, -1):
            handler = VERBS.get(" ".join(words[:length]))
            if handler is not None:
                return handler(self, words[length:], flags)
        raise Refused(f"ERROR: (gcloud) Invalid choice: {' '.join(words)}")

    def _bq(self, line: CommandLine) -> Any:
        tables = self.store("bigquery")
        if line.words[1] == "show":
            name = line.words[-1].replace(":", ".")
            if name not in tables:
                raise Refused(f"BigQuery error in show operation: Not found: {line.words[-1]}")
            return tables[name]
        for statement in line.words[-1].split("; "):
            self._ddl(statement, tables)
        return []

    def _ddl(self, statement: str, tables: Store) -> None:
        match = re.match(
            r"(CREATE SCHEMA|ALTER SCHEMA|CREATE TABLE|ALTER TABLE|CREATE OR REPLACE VIEW).*?`([^`]+)`(.*)", statement
        )
        if match is None:
            raise Refused(f"Error in query string: {statement}")
        verb, name, rest = match.groups()
        above = name.rpartition(".")[0]
        if not verb.endswith("SCHEMA") and above not in tables:
            raise Refused(f"BigQuery error in query operation: Not found: Dataset {above}")
        if verb == "CREATE TABLE" and name not in tables:
            columns = re.match(r" \((.*?)\) PARTITION BY (?:DATE\()?(\w+)\)? CLUSTER BY ([\w, ]+) OPTIONS (.*)", rest)
            assert columns is not None
            tables[name] = {
                "schema": {"fields": [_column(column) for column in columns[1].split(", ")]},
                "timePartitioning": {"type": "DAY", "field": columns[2]},
                "clustering": {"fields": columns[3].split(", ")},
                "requirePartitionFilter": "= true" in columns[4],
            }
        elif verb == "ALTER TABLE" and rest.startswith(" SET OPTIONS (require"):
            tables[name]["requirePartitionFilter"] = "= true" in rest
        elif verb == "ALTER TABLE" and rest.startswith(" SET OPTIONS (expiration_timestamp = NULL"):
            tables[name].pop("expirationTime", None)
            tables[name]["timePartitioning"].pop("expirationMs", None)
        elif verb == "ALTER SCHEMA":
            for option in ("defaultTableExpirationMs", "defaultPartitionExpirationMs"):
                tables[name].pop(option, None)
        elif verb == "ALTER TABLE":
            fields = tables[name]["schema"]["fields"]
            column = _column(rest.removeprefix(" ADD COLUMN IF NOT EXISTS "))
            if column["name"] not in [field["name"] for field in fields]:
                fields.append(column)
        elif verb == "CREATE OR REPLACE VIEW":
            tables[name] = {"view": {"query": rest.removeprefix(" AS ")}}
        else:
            location = re.search(r"location = '([^']+)'", rest)
            assert location is not None
            tables.setdefault(name, {"location": location[1], "type": "DEFAULT", "access": list(USUAL_ACCESS)})


USUAL_ACCESS = (
    {"role": "WRITER", "specialGroup": "projectWriters"},
    {"role": "OWNER", "specialGroup": "projectOwners"},
    {"role": "OWNER", "userByEmail": "me@example.com"},
    {"role": "READER", "specialGroup": "projectReaders"},
)


def _column(text: str) -> dict[str, str]:
    name, kind = text.split()[:2]
    mode = {"mode": "REQUIRED"} if text.endswith(" NOT NULL") else {}
    return {"name": name, "type": {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(kind, kind), **mode}


Verb = Callable[[Cloud, list[str], dict[str, str]], Any]
VERBS: dict[str, Verb] = {}


def verb(*names: str) -> Callable[[Verb], Verb]:
    def register(handler: Verb) -> Verb:
        VERBS.update(dict.fromkeys(names, handler))
        return handler

    return register


def simple(command: str, kind: str, made: Callable[[Cloud, str, dict[str, str]], dict[str, Any]]) -> None:
    """Register describe and create of a kind of thing."""

    @verb(f"{command} describe")
    def describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        return get(cloud, kind, names[0])

    @verb(f"{command} create")
    def create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        if names[0] in cloud.store(kind):
            raise exists(names[0])
        cloud.store(kind)[names[0]] = made(cloud, names[0], flags)


def get(cloud: Cloud, kind: str, name: str) -> dict[str, Any]:
    resource = cloud.store(kind).get(name)
    if resource is None:
        raise not_found(f"{kind} {name}")
    return {key: value for key, value in resource.items() if key != "policy"}


@verb("projects describe")
def project_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return {"projectId": cloud.project, "projectNumber": NUMBER}


@verb("services list")
def services_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return [{"config": {"name": name}} for name in cloud.store("apis")]


@verb("services enable")
def services_enable(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    cloud.store("apis").update({name: {} for name in names})


simple("pubsub topics", "topics", lambda cloud, name, flags: {"name": f"projects/{cloud.project}/topics/{name}"})
simple("secrets", "secrets", lambda cloud, name, flags: {"name": f"projects/{NUMBER}/secrets/{name}"})


@verb("iam service-accounts describe")
def account_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "accounts", names[0])


@verb("iam service-accounts create")
def account_create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    address = f"{names[0]}@{cloud.project}.iam.gserviceaccount.com"
    if address in cloud.store("accounts"):
        raise exists(address)
    cloud.store("accounts")[address] = {"email": address, "displayName": flags["display-name"]}


@verb("iam service-accounts enable")
def account_enable(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    cloud.store("accounts")[names[0]]["disabled"] = False


def require_account(cloud: Cloud, address: str) -> None:
    if address.endswith(f"@{cloud.project}.iam.gserviceaccount.com") and address not in cloud.store("accounts"):
        raise Refused(f"ERROR: (gcloud) INVALID_ARGUMENT: Service account {address} does not exist.")


POLICIES = {
    "iam service-accounts": "accounts",
    "pubsub topics": "topics",
    "pubsub subscriptions": "subscriptions",
    "secrets": "secrets",
    "run services": "services",
    "projects": "projects",
}


def _thing(cloud: Cloud, kind: str, name: str) -> dict[str, Any]:
    if kind == "projects":
        return cloud.store(kind).setdefault(name, {"policy": []})
    if name not in cloud.store(kind):
        raise not_found(f"{kind} {name}")
    return cloud.store(kind)[name]


def _policies(command: str, kind: str) -> None:
    @verb(f"{command} get-iam-policy")
    def read(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        return {"bindings": _thing(cloud, kind, names[0]).get("policy", []), "etag": "BwX"}

    @verb(f"{command} add-iam-policy-binding")
    def add(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        require_account(cloud, flags["member"].partition(":")[2])
        given = flags.get("condition")
        if kind == "projects" and given is None:
            raise Refused("ERROR: (gcloud) Adding a binding without specifying a condition prompts")
        condition = None
        if given not in (None, "None"):
            expression, _, title = given.removeprefix("expression=").rpartition(",title=")
            condition = {"expression": expression, "title": title}
        bindings = _thing(cloud, kind, names[0]).setdefault("policy", [])
        for binding in bindings:
            if binding["role"] == flags["role"] and binding.get("condition") == condition:
                if flags["member"] not in binding["members"]:
                    binding["members"].append(flags["member"])
                return
        made = {"role": flags["role"], "members": [flags["member"]]}
        bindings.append({**made, "condition": condition} if condition else made)


for _command, _kind in POLICIES.items():
    _policies(_command, _kind)


@verb("firestore databases describe")
def database_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "databases", flags["database"])


@verb("firestore databases create")
def database_create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    if flags["database"] in cloud.store("databases"):
        raise exists(flags["database"])
    made = {"type": "FIRESTORE_NATIVE", "locationId": flags["location"]}
    cloud.store("databases")[flags["database"]] = {**made, **_protected(flags)}


def _protected(flags: dict[str, str]) -> dict[str, str]:
    return {
        "deleteProtectionState": f"DELETE_PROTECTION_{'EN' if 'delete-protection' in flags else 'DIS'}ABLED",
        "pointInTimeRecoveryEnablement": f"POINT_IN_TIME_RECOVERY_{'EN' if 'enable-pitr' in flags else 'DIS'}ABLED",
    }


@verb("firestore databases update")
def database_update(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    get(cloud, "databases", flags["database"])
    cloud.store("databases")[flags["database"]].update(_protected(flags))


@verb("firestore backups schedules list")
def backups_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    get(cloud, "databases", flags["database"])
    assert flags["filter"] == "NOT weeklyRecurrence.day:*"
    return [backup for backup in cloud.store("backups").values() if "weeklyRecurrence" not in backup]


@verb("firestore backups schedules create")
def backups_create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    get(cloud, "databases", flags["database"])
    if any("dailyRecurrence" in backup for backup in cloud.store("backups").values()):
        raise exists("a daily backup schedule")
    name = f"projects/{cloud.project}/databases/{flags['database']}/backupSchedules/{len(cloud.store('backups'))}-daily"
    cloud.store("backups")[name] = {"name": name, "retention": flags["retention"], "dailyRecurrence": {}}


@verb("firestore backups schedules update")
def backups_update(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    # The command puts the id behind the database's path: a whole name is not found.
    name = f"projects/{cloud.project}/databases/{flags['database']}/backupSchedules/{flags['backup-schedule']}"
    get(cloud, "backups", name)
    cloud.store("backups")[name]["retention"] = flags["retention"]


def _field(cloud: Cloud, names: list[str], flags: dict[str, str]) -> dict[str, Any]:
    get(cloud, "databases", flags["database"])
    field_config = cloud.store("fields").setdefault(f"{flags['collection-group']}.{names[0]}", {})
    field_config.setdefault("indexConfig", {"usesAncestorConfig": True, "indexes": [{"state": "READY"}]})
    return field_config


@verb("firestore indexes fields describe")
def field_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return _field(cloud, names, flags)


@verb("firestore fields ttls update")
def field_ttl(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    _field(cloud, names, flags)["ttlConfig"] = {"state": "CREATING"}


@verb("firestore indexes fields update")
def field_index(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    _field(cloud, names, flags)["indexConfig"] = {}


@verb("functions describe")
def function_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "functions", names[0])


@verb("functions list")
def function_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return [get(cloud, "functions", name) for name in cloud.store("functions")]


@verb("functions delete")
def function_delete(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    del cloud.store("functions")[names[0]]


def _dict(text: str) -> dict[str, str]:
    mark = ","
    if text.startswith("^"):
        _, mark, text = text.split("^", 2)
    return dict(pair.split("=", 1) for pair in text.split(mark))


@verb("functions deploy")
def function_deploy(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    """Variables are merged or replaced as the flag says; a redeploy makes a new revision."""
    name, old = names[0], cloud.store("functions").get(names[0])
    _refuse_deploy(cloud, name, old, flags)
    before = old["serviceConfig"]["environmentVariables"] if old else {}
    env = _dict(flags["set-env-vars"]) if "set-env-vars" in flags else {**before, **_dict(flags["update-env-vars"])}
    place = f"projects/{cloud.project}/locations/{flags['region']}"
    template = _template(place, cloud.project, name, flags, env)
    revision = f"{name}-{int(old['serviceConfig']['revision'].rsplit('-', 1)[1]) + 1 if old else 1:05}"
    labels = {**(old["labels"] if old else {"deployment-tool": "cli-gcloud"}), **_dict(flags["update-labels"])}
    cloud.store("functions")[name] = {
        "name": f"{place}/functions/{name}",
        "environment": "GEN_2",
        "state": "ACTIVE",
        "url": f"https://{flags['region']}-{cloud.project}.cloudfunctions.net/{name}",
        "labels": labels,
        "updateTime": "2026-11-22T05:00:00.000000000Z",
        "buildConfig": {
            "runtime": flags["runtime"],
            "entryPoint": flags["entry-point"],
            "serviceAccount": flags["build-service-account"],
            "dockerRepository": f"{place}/repositories/gcf-artifacts",
        },
        "serviceConfig": {
            "service": f"{place}/services/{name}",
            "revision": revision,
            "timeoutSeconds": int(flags["timeout"].removesuffix("s")),
            "availableMemory": flags["memory"],
            "availableCpu": flags["cpu"],
            "maxInstanceCount": int(flags["max-instances"]),
            "maxInstanceRequestConcurrency": int(flags["concurrency"]),
            "serviceAccountEmail": flags["service-account"],
            "uri": f"https://{name}-abcdefghij-wl.a.run.app",
            "environmentVariables": env,
            "ingressSettings": "ALLOW_ALL",
            "allTrafficOnLatestRevision": True,
        },
    }
    policy = cloud.store("services").get(name, {}).get("policy", [])
    cloud.store("services")[name] = {
        "metadata": {"name": name, "annotations": {"run.googleapis.com/ingress": flags["ingress-settings"]}},
        "policy": [] if cloud.strips_invokers else policy,
        "spec": {"template": template},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "latestCreatedRevisionName": revision,
            "latestReadyRevisionName": revision,
            "traffic": [{"revisionName": revision, "percent": 100, "latestRevision": True}],
        },
    }


def _template(place: str, project: str, name: str, flags: dict[str, str], env: dict[str, str]) -> dict[str, Any]:
    """Return what a revision is made of, its image where builds of functions put it."""
    image = "__".join(part.replace("-", "--") for part in (project, flags["region"], name))
    container = {
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "image": f"{flags['region']}-docker.pkg.dev/{project}/gcf-artifacts/{image}:version_1",
        "resources": {"limits": {"cpu": flags["cpu"], "memory": flags["memory"]}},
    }
    return {
        "metadata": {"annotations": {"autoscaling.knative.dev/maxScale": flags["max-instances"]}},
        "spec": {
            "containers": [container],
            "containerConcurrency": int(flags["concurrency"]),
            "serviceAccountName": flags["service-account"],
            "timeoutSeconds": int(flags["timeout"].removesuffix("s")),
        },
    }


def _refuse_deploy(cloud: Cloud, name: str, old: Any, flags: dict[str, str]) -> None:
    require_account(cloud, flags["service-account"])
    _refuse_build(cloud, flags["build-service-account"])
    if "no-allow-unauthenticated" not in flags:
        raise Refused("ERROR: (gcloud) Allow unauthenticated invocations? prompts")
    if "retry" in flags and "trigger-http" in flags:
        raise Refused("ERROR: (gcloud.functions.deploy) `--retry` is only for event triggers")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", name):
        raise Refused(f"ERROR: (gcloud) invalid function name {name}")
    for key, value in _dict(flags["update-labels"]).items():
        if not LABEL.fullmatch(key) or not LABEL.fullmatch(value):
            raise Refused(f"ERROR: (gcloud) bad label {key}={value}")
    source = cloud.root / flags["source"]
    if not (source / "main.py").is_file() or not (source / "requirements.txt").is_file():
        raise Refused(f"ERROR: (gcloud) Provided source directory does not have file [main.py]: {source}")


BUILD_ROLES = {"roles/logging.logWriter", "roles/artifactregistry.writer", "roles/storage.objectViewer"}


def _refuse_build(cloud: Cloud, account: str) -> None:
    """A build fails unless its account may write logs and images and read sources."""
    if not account.startswith(f"projects/{cloud.project}/serviceAccounts/"):
        raise Refused(f"ERROR: (gcloud) INVALID_ARGUMENT: build service account {account}")
    address = account.rpartition("/")[2]
    require_account(cloud, address)
    policy = _thing(cloud, "projects", cloud.project)["policy"]
    given = {binding["role"] for binding in policy if f"serviceAccount:{address}" in binding["members"]}
    if not given >= BUILD_ROLES:
        raise Refused(f"ERROR: (gcloud.functions.deploy) Build failed: {account} does not have permission")


@verb("run services describe")
def service_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "services", names[0])


@verb("run services update-traffic")
def service_traffic(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    status = cloud.store("services")[names[0]]["status"]
    status["traffic"] = [{"revisionName": status["latestCreatedRevisionName"], "percent": 100}]


@verb("pubsub subscriptions describe")
def subscription_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "subscriptions", names[0])


@verb("pubsub subscriptions list")
def subscription_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return [get(cloud, "subscriptions", name) for name in cloud.store("subscriptions")]


@verb("pubsub subscriptions create", "pubsub subscriptions update")
def subscription_set(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    subscriptions, name = cloud.store("subscriptions"), names[0]
    if "topic" in flags:
        if name in subscriptions:
            raise exists(name)
        if flags["topic"] not in cloud.store("topics"):
            raise not_found(f"topic {flags['topic']}")
    elif name not in subscriptions:
        raise not_found(f"subscription {name}")
    fresh: dict[str, Any] = {
        "name": f"projects/{cloud.project}/subscriptions/{name}",
        "ackDeadlineSeconds": int(flags["ack-deadline"]),
        "messageRetentionDuration": flags["message-retention-duration"],
        "expirationPolicy": {},
        "state": "ACTIVE",
    }
    if "push-endpoint" in flags:
        require_account(cloud, flags["push-auth-service-account"])
        if flags["dead-letter-topic"] not in cloud.store("topics"):
            raise not_found(f"topic {flags['dead-letter-topic']}")
        token = {
            "serviceAccountEmail": flags["push-auth-service-account"],
            "audience": flags["push-auth-token-audience"],
        }
        fresh["pushConfig"] = {"pushEndpoint": flags["push-endpoint"], "oidcToken": token}
        fresh["retryPolicy"] = {"minimumBackoff": flags["min-retry-delay"], "maximumBackoff": flags["max-retry-delay"]}
        fresh["deadLetterPolicy"] = {
            "deadLetterTopic": f"projects/{cloud.project}/topics/{flags['dead-letter-topic']}",
            "maxDeliveryAttempts": int(flags["max-delivery-attempts"]),
        }
    old = subscriptions.get(name, {})
    if "clear-message-transforms" in flags:
        old = {key: value for key, value in old.items() if key not in CLEARED_BY_UPDATE}
    topic = f"projects/{cloud.project}/topics/{flags['topic']}" if "topic" in flags else old["topic"]
    subscriptions[name] = {**old, **fresh, "topic": topic}


# Of what nobody declared, an update takes these away; a filter, ordering and being detached are for ever.
CLEARED_BY_UPDATE = ("messageTransforms", "enableExactlyOnceDelivery", "retainAckedMessages")


@verb("scheduler jobs describe")
def job_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "jobs", names[0])


@verb("scheduler jobs list")
def job_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return [get(cloud, "jobs", name) for name in cloud.store("jobs")]


def _job(cloud: Cloud, name: str, flags: dict[str, str]) -> None:
    require_account(cloud, flags["oidc-service-account-email"])
    body = flags.get("message-body")
    cloud.store("jobs")[name] = {
        "name": f"projects/{cloud.project}/locations/{flags['location']}/jobs/{name}",
        "schedule": flags["schedule"],
        "timeZone": flags["time-zone"],
        "state": cloud.store("jobs").get(name, {}).get("state", "ENABLED"),
        "attemptDeadline": flags["attempt-deadline"],
        "retryConfig": {
            **({"retryCount": int(flags["max-retry-attempts"])} if flags["max-retry-attempts"] != "0" else {}),
            "minBackoffDuration": flags["min-backoff"],
            "maxBackoffDuration": flags["max-backoff"],
            "maxRetryDuration": "0s",
            "maxDoublings": 5,
        },
        "httpTarget": {
            "uri": flags["uri"],
            "httpMethod": flags["http-method"],
            "headers": {"User-Agent": "Google-Cloud-Scheduler"},
            **({"body": base64.b64encode(body.encode()).decode()} if body else {}),
            "oidcToken": {
                "serviceAccountEmail": flags["oidc-service-account-email"],
                "audience": flags["oidc-token-audience"],
            },
        },
    }


@verb("scheduler jobs create http")
def job_create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    if names[0] in cloud.store("jobs"):
        raise exists(names[0])
    _job(cloud, names[0], flags)


@verb("scheduler jobs update http")
def job_update(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    get(cloud, "jobs", names[0])
    _job(cloud, names[0], flags)


@verb("scheduler jobs resume")
def job_resume(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    cloud.store("jobs")[names[0]]["state"] = "ENABLED"


@verb("logging metrics describe")
def metric_describe(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return get(cloud, "metrics", names[0])


@verb("logging metrics create", "logging metrics update")
def metric_set(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    metric = json.loads((cloud.root / flags["config-from-file"]).read_text())
    kind = f"logging.googleapis.com/user/{names[0]}"
    own = {"name": f"projects/{cloud.project}/metricDescriptors/{kind}", "type": kind}
    labels = [{"key": label["key"]} for label in metric["metricDescriptor"]["labels"]]  # STRING is not said
    descriptor = {**metric["metricDescriptor"], **own, "labels": labels}
    cloud.store("metrics")[names[0]] = {**metric, "metricDescriptor": descriptor, "version": "V2"}


def _listed(command: str, kind: str, flag: str) -> None:
    @verb(f"{command} list")
    def list_all(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        display_name = flags["filter"].partition("=")[2].strip('"')
        return [resource for resource in cloud.store(kind).values() if resource["displayName"] == display_name]

    @verb(f"{command} create")
    def create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        _refuse_metrics(cloud, (cloud.root / flags[flag]).read_text())
        name = f"projects/{NUMBER}/{kind}/{len(cloud.store(kind)) + 1}"
        cloud.store(kind)[name] = {**json.loads((cloud.root / flags[flag]).read_text()), "name": name}

    @verb(f"{command} update")
    def update(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
        """A file replaces everything, the channels included, as gcloud's own source has it."""
        resource = get(cloud, kind, names[0])
        if "add-notification-channels" in flags:
            channel = flags["add-notification-channels"]
            get(cloud, "channels", channel)
            channels = resource.get("notificationChannels", [])
            cloud.store(kind)[names[0]] = {**resource, "notificationChannels": [*channels, channel]}
            return
        _refuse_metrics(cloud, (cloud.root / flags[flag]).read_text())
        cloud.store(kind)[names[0]] = {**json.loads((cloud.root / flags[flag]).read_text()), "name": names[0]}


def _refuse_metrics(cloud: Cloud, text: str) -> None:
    """An alert policy may name a log-based metric only some minutes after it was made."""
    if '"combiner"' not in text:
        return
    for name in re.findall(r"logging\.googleapis\.com/user/(\w+)", text):
        if name not in cloud.store("metrics") or cloud.metrics_unknown:
            cloud.metrics_unknown = max(0, cloud.metrics_unknown - 1)
            raise Refused(
                "ERROR: (gcloud.alpha.monitoring.policies.create) NOT_FOUND: Cannot find metric(s) that match type = "
                f'"logging.googleapis.com/user/{name}". If a metric was created recently, it could take up to 10 '
                "minutes to become available. Please try again soon."
            )


@verb("beta monitoring channels list")
def channel_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    display_name = flags["filter"].partition("=")[2].strip('"')
    return [channel for channel in cloud.store("channels").values() if channel["displayName"] == display_name]


@verb("beta monitoring channels create")
def channel_create(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    made = {"displayName": flags["display-name"], "type": flags["type"], "labels": _dict(flags["channel-labels"])}
    name = f"projects/{cloud.project}/notificationChannels/{len(cloud.store('channels')) + 1}"
    cloud.store("channels")[name] = {**made, "name": name, "enabled": "enabled" in flags}


@verb("beta monitoring channels update")
def channel_update(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    labels = _dict(flags["update-channel-labels"])
    cloud.store("channels")[names[0]] |= {"type": flags["type"], "labels": labels, "enabled": True}


_listed("monitoring dashboards", "dashboards", "config-from-file")
_listed("alpha monitoring policies", "alertPolicies", "policy-from-file")


@verb("iam service-accounts list")
def account_list(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return [get(cloud, "accounts", name) for name in cloud.store("accounts")]


@verb("auth print-access-token")
def access_token(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    return {"token": "ya29.x"}


@verb("auth print-identity-token")
def identity_token(cloud: Cloud, names: list[str], flags: dict[str, str]) -> Any:
    require_account(cloud, flags["impersonate-service-account"])
    tokens = {"access_token": "ya29.x", "id_token": f"{flags['impersonate-service-account']} for {flags['audiences']}"}
    return {"id_token": tokens["id_token"]} if flags["format"] == "json(id_token)" else tokens


def patient(seconds: float, why: str) -> None:
    """Wait no time at all."""
