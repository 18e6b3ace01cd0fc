"""The shape of deploy/functions.yaml: which keys there are, and what may stand behind them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.adapters.config.schema_types import END, Count, Duration, Name, Status, Text, Topic, Variable


def _like(pattern: str, description: str, *examples: str) -> Meta:
    return Meta(pattern=pattern + END, description=description, examples=list(examples))


Account = Annotated[
    str, _like("^[a-z]([a-z0-9-]{4,28})[a-z0-9]", "the short name of a service account", "orch-self-heal")
]
LabelKey = Annotated[str, _like("^[a-z][a-z0-9_-]{0,62}", "a label key: lower-case letters, digits, - and _", "app")]
LabelValue = Annotated[
    str, _like("^[a-z0-9_-]{0,63}", "a label value: lower-case letters, digits, - and _", "phase-orchestrator")
]
Runtime = Annotated[str, _like("^python3[0-9]{1,2}", "a Python runtime", "python311")]
Region = Annotated[str, _like("^[a-z]+-[a-z]+[0-9]+", "a region", "us-west2")]
Memory = Annotated[str, _like("^[0-9]{1,5}(Mi|Gi)", "an amount of memory", "512Mi", "1Gi")]
Secret = Annotated[str, _like("^[A-Za-z0-9_-]+", "the name of a secret", "slack-webhook-url")]
Dataset = Annotated[str, _like("^[A-Za-z0-9_]+", "the name of a dataset", "nba_orchestration")]
Api = Annotated[str, _like(r"^[a-z]+\.googleapis\.com", "the name of an API", "run.googleapis.com")]
RoleName = Annotated[str, _like(r"^roles/[A-Za-z]+\.[A-Za-z]+", "a predefined role", "roles/datastore.user")]
Scope = Annotated[
    str,
    _like(
        "^(project|(topic|dataset|service)/[A-Za-z0-9_-]+)",
        "project, topic/NAME, dataset/NAME or service/NAME",
        "project",
        "topic/nba-phase6-export-trigger",
    ),
]
Person = Annotated[
    str,
    _like(
        "^((user|group|domain):[A-Za-z0-9.@_+-]+|allUsers)",
        "who is let in by name: user:ADDRESS, group:ADDRESS or domain:NAME; allUsers to webhooks alone",
        "group:data-on-call@example.com",
    ),
]
Member = Annotated[
    str,
    _like(
        "^(user|group|serviceAccount|principal|principalSet):[^,]+",
        "somebody as IAM names them",
        "user:me@example.com",
        "serviceAccount:deploy@{project}.iam.gserviceaccount.com",
    ),
]
OwnScope = Annotated[
    str,
    _like(
        "^(topic|subscription|secret|service|account)/[A-Za-z0-9_-]+",
        "topic/NAME, subscription/NAME, secret/NAME, service/NAME or account/NAME",
        "topic/nba-phase2-raw-complete",
    ),
]
Lock = Annotated[str, _like("^[a-z_]+", "the name of a lock in deploy/requirements", "functions")]
Cpu = Annotated[float, Meta(gt=0, le=8, description="a number of CPUs", examples=[1])]
Instances = Annotated[int, Meta(ge=0, le=1000, description="a number of instances", examples=[0, 10])]
Deliveries = Annotated[int, Meta(ge=5, le=100, description="a number of deliveries from 5 to 100", examples=[20])]
Tries = Annotated[int, Meta(ge=0, le=5, description="a number of retries from 0 to 5", examples=[0])]
Method = Literal["GET", "POST"]


class Schema(Struct, forbid_unknown_fields=True):
    """A mapping of the file; a key it does not know is refused."""


class InstancesSchema(Schema, kw_only=True):
    min: Instances = 0
    max: Instances


class BackoffSchema(Schema, kw_only=True):
    min: Duration
    max: Duration


class TriggerSchema(Schema, kw_only=True):
    """HTTP, or topics with the settings of the push subscriptions that feed the function; `policies`: the topics come
    from the policies beside the manifest's own."""

    http: bool = False
    topics: list[Topic] = []
    policies: bool = False
    service_account: Account | UnsetType = UNSET
    ack_deadline: Duration | UnsetType = UNSET
    retention: Duration | UnsetType = UNSET
    retry: BackoffSchema | UnsetType = UNSET
    dead_letter: bool = False


class RoleSchema(Schema, kw_only=True):
    role: RoleName
    scope: Scope


class ReadySchema(Schema, kw_only=True):
    """What is asked of a function after it was deployed, and the status that answers it."""

    method: Method
    path: Text
    body: dict[str, Any] | UnsetType = UNSET
    status: Status = 200


class SettingsSchema(Schema, kw_only=True):
    """What `defaults` may say, and each function may say otherwise."""

    requirements: Lock | UnsetType = UNSET
    memory: Memory | UnsetType = UNSET
    cpu: Cpu | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET
    concurrency: Count | UnsetType = UNSET
    instances: InstancesSchema | UnsetType = UNSET
    secrets: list[Secret] | UnsetType = UNSET
    environment: dict[Variable, str] | UnsetType = UNSET


class FunctionSchema(SettingsSchema, kw_only=True):
    trigger: TriggerSchema
    service_account: Account
    roles: list[RoleSchema]
    ready: ReadySchema | UnsetType = UNSET
    people: list[Person] = []


class RetriesSchema(Schema, kw_only=True):
    attempts: Tries
    min_backoff: Duration = "5s"
    max_backoff: Duration = "60s"


class ScheduleSchema(Schema, kw_only=True):
    calls: Name
    cron: Text
    zone: Text
    service_account: Account
    attempt_deadline: Duration
    retries: RetriesSchema
    method: Method = "POST"
    path: str = "/"
    body: dict[str, Any] | UnsetType = UNSET


class TopicSchema(Schema, kw_only=True):
    """Who writes and reads a topic outside this repository: names of services and of subscriptions."""

    written_by: list[Text] = []
    read_by: list[Text] = []


class BuildSchema(Schema, kw_only=True):
    """The account that builds the functions, and what it may on the project."""

    service_account: Account
    roles: Annotated[list[RoleName], Meta(min_length=1)]


class GrantSchema(Schema, kw_only=True):
    """A right that somebody else gave, on a thing of ours."""

    member: Member
    role: Text
    scope: OwnScope


class DeadLetterSchema(Schema, kw_only=True):
    topic: Topic
    subscription: Topic
    attempts: Deliveries
    retention: Duration


class ChannelSchema(Schema, kw_only=True):
    """A notification channel of Cloud Monitoring; `by_hand`: made in the console, because it holds a secret."""

    type: Text
    labels: dict[Name, Text] = {}


class FirestoreSchema(Schema, kw_only=True):
    database: Text
    location: Text
    backups_for: Duration
    expires: dict[Name, Name]
    unindexed: dict[Name, list[Name]] = {}


class RecordSchema(Schema, kw_only=True):
    dataset: Dataset
    location: Text


class ManifestSchema(Schema, kw_only=True):
    """deploy/functions.yaml"""

    pipeline: Name
    policy: Text
    workflows: Text | UnsetType = UNSET
    region: Region
    runtime: Runtime
    prefix: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,20}" + END, description="a short prefix", examples=["nba"])]
    labels: dict[LabelKey, LabelValue]
    environment: dict[Variable, str]
    apis: list[Api]
    firestore: FirestoreSchema
    record: RecordSchema
    topics: dict[Topic, TopicSchema]
    dead_letter: DeadLetterSchema
    secrets: list[Secret]
    service_accounts: dict[Account, Text]
    build: BuildSchema
    deployers: list[Member] = []
    granted_by_others: list[GrantSchema] = []
    defaults: SettingsSchema
    functions: Annotated[dict[Name, FunctionSchema], Meta(min_length=1)]
    schedules: dict[Name, ScheduleSchema]
    notify: dict[Name, ChannelSchema]
