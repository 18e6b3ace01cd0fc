"""Rights on our things that are not declared: those of everybody first of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from deploy import rights
from deploy.manifest import Manifest, Target
from deploy.orphans import Orphan
from deploy.resource import Resource, Right
from deploy.runner import Looks

PUBLIC = ("allUsers", "allAuthenticatedUsers")
# What the plan makes and what carries a policy of its own, as rights name it.
OWNED = {
    "service account": "service account",
    "topic": "topic",
    "subscription": "subscription",
    "secret": "secret",
    "function": "service",
}
Key = tuple[str, str, str, str, str | None]


def things(place: Target, resources: Iterable[Resource]) -> list[tuple[str, str]]:
    """Return kind and name of each thing whose policy is ours to judge, the project's first."""
    owned = [(OWNED[resource.kind], resource.name) for resource in resources if resource.kind in OWNED]
    return [("project", place.project), *owned]


def declared(manifest: Manifest, resources: Iterable[Resource]) -> set[Key]:
    """Return the rights that the plan gives, and those that the manifest leaves to others."""
    ours = {rights.key(resource.right) for resource in resources if resource.right}
    others = {(grant.kind, grant.name, grant.member, grant.role, None) for grant in manifest.granted_by_others}
    return ours | others


def undeclared(
    manifest: Manifest, place: Target, kind: str, thing: str, declared_keys: set[Key], looks: Looks
) -> Iterator[Orphan]:
    """Yield each right on a thing that is not declared; raises ``CommandFailed`` where its policy cannot be read.

    On the project only what everybody may and what our own accounts may is judged: the rest is its owner's business.
    """
    policy = looks.at(rights.policy_line(place, kind, thing))
    accounts = {f"serviceAccount:{place.account(name)}" for name in manifest.service_accounts}
    for right in rights.in_policy(kind, thing, policy or {}):
        if rights.key(right) in declared_keys or (kind == "project" and right.member not in {*PUBLIC, *accounts}):
            continue
        yield Orphan(right.id, _why(right), rights.take_line(place, right))


def _why(right: Right) -> str:
    if right.member in PUBLIC:
        return f"everybody ({right.member}) has {right.role} here, and nobody declared it"
    return (
        f"{right.member} has {right.role} here and nobody declared it; if it is right, put it under granted_by_others"
    )


def public_readers(access: Iterable[Any]) -> list[str]:
    """Return who of a dataset's readers is everybody."""
    named = [str(entry.get("specialGroup") or entry.get("iamMember") or "") for entry in access]
    return sorted(name for name in named if name.removeprefix("serviceAccount:") in PUBLIC)
