"""The manifest as values: what deploy/functions.yaml means once it has been loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.core.policy.policy import Policy
from shared.core.validation.checks import Validation
from shared.core.workflows.model import Workflows

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Role:
    """A right on one thing: ``kind`` is project, topic, dataset or service."""

    role: str
    kind: str
    name: str


@dataclass(frozen=True)
class Push:
    """The push subscriptions that feed a function: one for each topic, all alike."""

    topics: tuple[str, ...]
    service_account: str
    ack_deadline: timedelta
    retention: timedelta
    min_backoff: timedelta
    max_backoff: timedelta

    def redelivered_for(self, attempts: int) -> timedelta:
        """Return how long a message comes again that is refused at once each time: the back-off doubles to its end."""
        waits, wait = timedelta(0), self.min_backoff
        for _ in range(attempts - 1):
            waits += min(wait, self.max_backoff)
            wait = min(2 * wait, self.max_backoff)
        return waits


@dataclass(frozen=True)
class Ready:
    method: str
    path: str
    body: Mapping[str, Any] | None
    status: int


@dataclass(frozen=True)
class Function:
    """One deployed function: ``folder`` is its name in functions/, ``name`` the deployed one."""

    folder: str
    name: str
    push: Push | None
    service_account: str
    roles: tuple[Role, ...]
    requirements: str
    memory: str
    cpu: float
    timeout: timedelta
    concurrency: int
    min_instances: int
    max_instances: int
    secrets: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Ready | None
    people: tuple[str, ...] = ()  # who may call it beside the pipeline itself, as members of IAM
    inventory: str = ""  # what deploy/inventory.py says of the whole manifest

    def subscription(self, topic: str) -> str:
        return f"{self.name}--{topic}"


@dataclass(frozen=True)
class Schedule:
    name: str
    calls: str
    cron: str
    zone: str
    service_account: str
    attempt_deadline: timedelta
    attempts: int
    min_backoff: timedelta
    max_backoff: timedelta
    method: str
    path: str
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class ForeignTopic:
    """Who uses a topic outside this repository."""

    written_by: tuple[str, ...] = ()
    read_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeadLetter:
    topic: str
    subscription: str
    attempts: int
    retention: timedelta


@dataclass(frozen=True)
class Build:
    """The account that builds the functions, and its roles on the project."""

    service_account: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """A right that others gave; ``kind`` is topic, subscription, secret, service or service account."""

    member: str
    role: str
    kind: str
    name: str


@dataclass(frozen=True)
class Channel:
    """Who hears Cloud Monitoring's alerts, by the name that is shown."""

    name: str
    type: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Firestore:
    database: str
    location: str
    backups_for: timedelta
    expires: Mapping[str, str]
    unindexed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Manifest:
    """deploy/functions.yaml. ``deployers`` run bin/deploy, as IAM names them, {project} not yet filled in.

    ``others`` are the policies beside the manifest's own, which one function serves; their workflows and their checks
    are in ``other_workflows`` and ``other_checks`` by pipeline, of those that have some.
    """

    policy: Policy
    region: str
    runtime: str
    prefix: str
    labels: Mapping[str, str]
    apis: tuple[str, ...]
    firestore: Firestore
    dataset: str
    dataset_location: str
    topics: Mapping[str, ForeignTopic]
    dead_letter: DeadLetter
    secrets: tuple[str, ...]
    service_accounts: Mapping[str, str]
    build: Build
    functions: Mapping[str, Function]
    schedules: Mapping[str, Schedule]
    notify: tuple[Channel, ...] = ()
    deployers: tuple[str, ...] = ()
    granted_by_others: tuple[Grant, ...] = ()
    source: str = ""
    workflows: Workflows | None = None
    others: tuple[Policy, ...] = ()
    other_workflows: Mapping[str, Workflows] = field(default_factory=dict)
    other_checks: Mapping[str, Validation] = field(default_factory=dict)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The names of the pipelines, the manifest's own first."""
        return tuple(policy.pipeline for policy in (self.policy, *self.others))

    def workflows_of(self, policy: Policy) -> Workflows | None:
        """Return the workflows of one of the pipelines, None where it has none."""
        own = policy.pipeline == self.policy.pipeline
        return self.workflows if own else self.other_workflows.get(policy.pipeline)


@dataclass(frozen=True)
class Target:
    """Where things are deployed; ``number`` is the project's number, which its addresses are made of."""

    project: str
    number: str
    region: str

    def account(self, name: str) -> str:
        """Return the address of a service account of the project."""
        return f"{name}@{self.project}.iam.gserviceaccount.com"

    @property
    def pubsub_agent(self) -> str:
        return f"service-{self.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

    def url(self, service: str) -> str:
        """Return the address that Cloud Run gives a service of this name."""
        return f"https://{service}-{self.number}.{self.region}.run.app"

    def filled(self, text: str) -> str:
        """Replace {project}, {project_number} and {region}."""
        values = {"{project}": self.project, "{project_number}": self.number, "{region}": self.region}
        for mark, value in values.items():
            text = text.replace(mark, value)
        return text


@dataclass(frozen=True)
class BuildInfo:
    """What a deployed function says of its origin; ``digests`` by function folder."""

    commit: str
    digests: Mapping[str, str] = field(default_factory=dict)
