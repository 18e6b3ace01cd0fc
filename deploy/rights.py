"""Rights: one role of one identity on one thing, and the lines that read, give and take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.command_line import CommandLine, gcloud
from deploy.manifest import Target
from deploy.resource import Condition, Difference, Resource, Right

# The kinds of things that carry a policy of their own, and gcloud's group of commands for each.
GROUPS = {
    "project": "projects",
    "service account": "iam service-accounts",
    "topic": "pubsub topics",
    "subscription": "pubsub subscriptions",
    "secret": "secrets",
    "service": "run services",
}


def on_dataset(place: Target, dataset: str, member: str, role: str) -> Right:
    """gcloud cannot grant on a dataset; the project's policy can, to whatever lies under its name."""
    below = f"projects/{place.project}/datasets/{dataset}"
    expression = f"resource.name == '{below}' || resource.name.startsWith('{below}/')"
    return Right("project", place.project, member, role, Condition(expression, dataset))


def policy_line(place: Target, kind: str, thing: str) -> CommandLine:
    """Return the line that reads the policy of a thing."""
    return _policy_command(place, "get-iam-policy", kind, thing, {})


def give_line(place: Target, right: Right) -> CommandLine:
    return _policy_command(place, "add-iam-policy-binding", right.kind, right.thing, _binding(right))


def take_line(place: Target, right: Right) -> CommandLine:
    return _policy_command(place, "remove-iam-policy-binding", right.kind, right.thing, _binding(right))


def in_policy(kind: str, thing: str, policy: Any) -> Iterator[Right]:
    """Yield each right that a policy, as gcloud answers it, gives on its thing."""
    for binding in policy.get("bindings", []):
        given = binding.get("condition")
        condition = Condition(given.get("expression", ""), given.get("title", "")) if given else None
        for member in binding.get("members", []):
            yield Right(kind, thing, member, binding["role"], condition)


def holds(right: Right, policy: Any) -> bool:
    """Whether a policy gives a right; the title of a condition is only shown, its expression decides."""
    return key(right) in {key(other) for other in in_policy(right.kind, right.thing, policy)}


def key(right: Right) -> tuple[str, str, str, str, str | None]:
    """Return what makes two rights the same to IAM."""
    expression = right.condition.expression if right.condition else None
    return right.kind, right.thing, right.member, right.role, expression


def resource(place: Target, right: Right, function: str = "") -> Resource:
    """Return a right as something that shall exist."""
    return Resource(
        kind=f"{right.kind} role",
        name=right.name,
        read=policy_line(place, right.kind, right.thing),
        differences=lambda policy: [] if holds(right, policy) else [Difference(right.role, right.member, "none")],
        create=None,
        update=give_line(place, right),
        hint=f"the {right.kind} {right.thing} does not exist yet",
        function=function,
        right=right,
    )


def _policy_command(place: Target, verb: str, kind: str, thing: str, flags: Mapping[str, str | None]) -> CommandLine:
    named = place.account(thing) if kind == "service account" else thing
    where = {"region": place.region} if kind == "service" else {}
    return gcloud(f"{GROUPS[kind]} {verb}", named, project=place.project, **flags, **where)


def _binding(right: Right) -> dict[str, str | None]:
    """A project's policy holds conditions, and gcloud then wants the word None for a right that has none."""
    condition = None
    if right.condition:
        condition = f"expression={right.condition.expression},title={right.condition.title}"
    elif right.kind == "project":
        condition = "None"
    return {"member": right.member, "role": right.role, "condition": condition}
