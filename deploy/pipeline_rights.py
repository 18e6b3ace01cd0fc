"""The rights that a function needs for a pipeline without functions of its own: those that its policy tells of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deploy import tables
from deploy.batch_check import BATCHES
from deploy.manifest import Role
from deploy.scale import gate_sql
from deploy.tables import Datasets
from deploy.workflow_check import CONTROLLER, EXECUTOR
from shared.core.policy.batches import start_topic
from shared.core.policy.policy import Policy, Service
from shared.core.policy.transitions import Transition
from shared.core.workflows import files
from shared.core.workflows.model import Workflows, topic_of

ANY, SWEEP, VALIDATION, PAGE = "transition", "self_heal", "validation_runner", "health_check"
READ, WRITE = "roles/bigquery.dataViewer", "roles/bigquery.dataEditor"


def rights_of(folder: str, policy: Policy, workflows: Workflows | None, checks: Iterable[str]) -> Iterator[Role]:
    """Yield the rights of a function on datasets, topics and services of a pipeline; ``checks`` are the SQL of its
    checks. SQL whose datasets cannot be told gives none."""
    try:
        datasets = _datasets(folder, policy, workflows, checks)
    except ValueError:
        datasets = Datasets()
    yield from (Role(READ, "dataset", name) for name in sorted(datasets.read))
    yield from (Role(WRITE, "dataset", name) for name in sorted(datasets.written))
    yield from (Role("roles/pubsub.publisher", "topic", topic) for topic in published(folder, policy, workflows))
    called = dict.fromkeys(service.deployed_as for service in services(folder, policy, workflows))
    yield from (Role("roles/run.invoker", "service", name) for name in called)


def published(folder: str, policy: Policy, workflows: Workflows | None) -> list[str]:
    """Return the topics that a function writes to: triggers, what a batch asks and says, the steps of workflows."""
    topics: list[str] = []
    if folder in (ANY, SWEEP):
        topics += [topic for transition in policy.transitions.values() for topic in transition.topics]
    if folder in (BATCHES, SWEEP) and policy.batches:
        topics.append(start_topic(policy.pipeline))
    if folder == BATCHES:
        topics += [topic for batch in policy.batches.values() for topic in (batch.request.topic, batch.publish)]
    if folder in (CONTROLLER, EXECUTOR, SWEEP) and workflows is not None:
        topics.append(topic_of(policy.pipeline))
    if folder == SWEEP and workflows is not None:
        topics.append(files.topic_of(policy.pipeline))
    return list(dict.fromkeys(topics))


def services(folder: str, policy: Policy, workflows: Workflows | None) -> list[Service]:
    """Return the services that a function asks or calls: those of the transitions, by the sweep those of reruns too; by
    the function of batches those of their closes, by that of workflows the scrapers."""
    names: list[str] = []
    if folder in (ANY, SWEEP):
        names += [name for transition in policy.transitions.values() for name in _service_names(transition)]
    if folder == SWEEP:
        names += [phase.rerun.service for phase in policy.phases.values() if phase.rerun is not None]
    if folder == BATCHES:
        steps = (step for batch in policy.batches.values() for step in batch.on_close)
        names += [step.call.service for step in steps if step.call is not None]
    if folder == EXECUTOR and workflows is not None:
        names += [scraper.service for scraper in workflows.scrapers.values()]
    return [policy.services[name] for name in dict.fromkeys(names)]


def _service_names(transition: Transition) -> Iterator[str]:
    yield from (name for name in (transition.preflight, *(call.service for call in transition.calls)) if name)


def datasets_of(policy: Policy, workflows: Workflows | None, checks: Iterable[str]) -> Datasets:
    """Return all datasets that functions read and write for a pipeline; raises ValueError for SQL that is none."""
    whole = Datasets()
    statements = tuple(checks)
    for folder in (ANY, BATCHES, CONTROLLER, VALIDATION):
        whole |= _datasets(folder, policy, workflows, statements)
    return whole


def _datasets(folder: str, policy: Policy, workflows: Workflows | None, checks: Iterable[str]) -> Datasets:
    """Return the datasets of one function: who decides and who judges read what the pipeline makes and its calendar,
    who runs batches what their SQL names."""
    datasets = Datasets()
    if folder in (ANY, SWEEP, VALIDATION, PAGE):
        processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
        for table in (part.table for processor in processors for part in processor.parts if part.table):
            datasets |= tables.of_table(table)
        for sql in gate_sql(policy).values():
            datasets |= tables.of_statement(sql)
    judged = folder in (ANY, SWEEP, VALIDATION, PAGE) or (folder == CONTROLLER and workflows is not None)
    if judged and policy.calendar is not None:
        excluded = policy.calendar.excluded
        for table in (policy.calendar.table, "" if excluded is None else excluded.table):
            datasets |= tables.of_table(table) if table else Datasets()
    if folder in (SWEEP, CONTROLLER) and workflows is not None:
        for table in _collected(workflows):
            datasets |= tables.of_table(table)
    if folder == VALIDATION:
        for sql in checks:
            datasets |= tables.of_statement(sql)
    if folder == BATCHES:
        for query in (query for batch in policy.batches.values() for query in batch.queries):
            datasets |= tables.of_statement(query.text)
    return datasets


def _collected(workflows: Workflows) -> Iterator[str]:
    """Yield the tables that say what has been collected: units that are missing, rows that end a discovery."""
    for workflow in workflows.workflows.values():
        for source in (workflow.missing, getattr(workflow.decide, "found", None)):
            if source is not None:
                yield source.table
