"""The whole plan: every resource of the manifest, each after what it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from deploy import compute, identities, monitoring, schedules, service, stores, subscriptions
from deploy.command_line import CommandLine
from deploy.manifest import ROOT, BuildInfo, Function, Manifest, Target
from deploy.resource import Resource


class PlanConflict(Exception):
    """Two things of a plan have one id and differ: one of them would be lost."""

    def __init__(self, resource: Resource, other: Resource) -> None:
        self.id = resource.id
        texts = [
            f"\n  {line}"
            for line in (*resource.lines, *other.lines)
            if (line in resource.lines) != (line in other.lines)
        ]
        super().__init__(f"two different things are called {resource.id}:{''.join(texts)}")


def plan(
    manifest: Manifest, place: Target, stamp: BuildInfo, only: Collection[str] = (), root: Path = ROOT
) -> list[Resource]:
    """Return the resources in the order they are made; ``only`` names functions, and leaves the rest out.

    Raises ``PlanConflict`` where two different ones have the same id.
    """
    chosen = [function for name, function in manifest.functions.items() if not only or name in only]
    return distinct(_ordered(manifest, place, stamp, chosen, bool(only), root))


def distinct(resources: Iterable[Resource]) -> list[Resource]:
    """Return each resource once; raises ``PlanConflict`` where two that differ have the same id."""
    kept: dict[str, Resource] = {}
    for resource in resources:
        first = kept.setdefault(resource.id, resource)
        if first.lines != resource.lines:
            raise PlanConflict(first, resource)
    return list(kept.values())


def _ordered(
    manifest: Manifest, place: Target, stamp: BuildInfo, chosen: list[Function], partly: bool, root: Path
) -> Iterator[Resource]:
    mine = {function.folder for function in chosen}
    common: Iterable[Resource] = (
        resource
        for make in (
            stores.apis,
            stores.accounts,
            identities.resources,
            stores.topics,
            stores.dead_letters,
            stores.secrets,
        )
        for resource in make(manifest, place)
    )
    yield from (resource for resource in common if not (partly and resource.function) or resource.function in mine)
    if not partly:
        # Early: an alert policy may name a new metric only minutes later, and functions take their time meanwhile.
        yield from monitoring.metric_resources(manifest, place, root)
    yield from stores.firestore(manifest, place)
    yield from stores.audit_tables_of(manifest, place)
    for function in chosen:
        yield from compute.roles(manifest, place, function)
    for function in chosen:
        yield compute.function_resource(manifest, place, function, stamp)
        yield service.service_resource(manifest, place, function, stamp)
        yield from compute.invokers(manifest, place, function)
        yield from subscriptions.subscriptions(manifest, place, function)
    for schedule in manifest.schedules.values():
        if schedule.calls in mine:
            yield from schedules.schedule_resource(manifest, place, schedule)
    if not partly:
        yield from monitoring.resources(manifest, place, root)


def lines(resources: Iterable[Resource]) -> list[CommandLine]:
    """Return every line that carrying out a plan may run, once."""
    return list(dict.fromkeys(line for resource in resources for line in resource.lines))
