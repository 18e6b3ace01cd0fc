"""What is running against what should be: manifest and tree on one side, gcloud's answers on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from deploy import members
from deploy.manifest import Manifest, Target
from deploy.orphans import orphans
from deploy.resource import Resource
from deploy.runner import CommandFailed, Looks, Runner

SAME, DRIFT, UNKNOWN = 0, 1, 2
PATIENCE = timedelta(hours=24)
DIGESTS = ("source-digest", "environment SOURCE_DIGEST", "digest")


class Colour(StrEnum):
    RED = "red"
    AMBER = "amber"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that differs: red needs a person now, amber is a deploy that is due, unknown could not be read."""

    colour: Colour
    where: str
    what: str
    wanted: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.colour.value:7} {self.where}: {self.what}: wanted {self.wanted}, found {self.found}"
        return text + (f"\n        hint: {self.hint}" if self.hint else "")


@dataclass(frozen=True)
class Report:
    looked_at: int
    findings: tuple[Finding, ...]
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """0 same, 1 drift, 2 could not tell: what is known to differ counts more than what is not known."""
        if any(finding.colour is not Colour.UNKNOWN for finding in self.findings):
            return DRIFT
        return UNKNOWN if self.findings else SAME

    def data(self) -> dict[str, Any]:
        words = {SAME: "same", DRIFT: "drift", UNKNOWN: "could not tell"}
        return {
            "status": words[self.status],
            "looked_at": self.looked_at,
            "functions": dict(self.functions),
            "findings": [asdict(finding) for finding in self.findings],
        }


# When the tree left the sources that a function has of a commit; None if that cannot be said.
LeftAt = Callable[[str, str], datetime | None]


def drift(
    manifest: Manifest,
    place: Target,
    resources: Iterable[Resource],
    run: Runner,
    left_at: LeftAt,
    now: datetime,
) -> Report:
    """Compare everything."""
    looks = Looks(run)
    findings: list[Finding] = []
    functions: dict[str, Mapping[str, str]] = {}
    listed = list(resources)
    for resource in listed:
        try:
            actual = looks.of(resource)
        except CommandFailed as failed:
            findings.append(_unread(resource.id, failed))
            continue
        if resource.kind == "function" and actual is not None:
            functions[resource.function] = _versions(actual)
        commit = functions.get(resource.function, {}).get("commit", "")
        findings += _judged(resource, actual, partial(left_at, resource.function, commit), now)
    try:
        findings += [
            Finding(Colour.RED, orphan.what, "orphan", "none", orphan.why, str(orphan.remove or ""))
            for orphan in orphans(manifest, place, run)
        ]
    except CommandFailed as failed:
        findings.append(_unread("orphans", failed))
    findings += _members(manifest, place, listed, looks)
    return Report(len(listed), tuple(findings), functions)


def _members(manifest: Manifest, place: Target, resources: list[Resource], looks: Looks) -> list[Finding]:
    """Return members with a right on our things that is not declared; each policy that cannot be read is named."""
    declared, findings = members.declared(manifest, resources), list[Finding]()
    for kind, thing in members.things(place, resources):
        try:
            findings += [
                Finding(Colour.RED, member.what, "member", "none", member.why, str(member.remove))
                for member in members.undeclared(manifest, place, kind, thing, declared, looks)
            ]
        except CommandFailed as failed:
            findings.append(_unread(f"policy of {kind} {thing}", failed))
    return findings


def _judged(resource: Resource, actual: Any, left_at: Callable[[], datetime | None], now: datetime) -> list[Finding]:
    if actual is None:
        hint = "bin/deploy apply" if resource.create or not resource.hint else resource.hint
        return [Finding(Colour.RED, resource.id, "existence", "there", "missing", hint)]
    differences = resource.differences(actual)
    changed = left_at() if any(difference.what in DIGESTS for difference in differences) else None
    return [
        Finding(
            _colour(difference.what, changed, now),
            resource.id,
            _title(difference.what, changed, now),
            difference.wanted,
            difference.found,
            f"bin/deploy apply {resource.function}".strip(),
        )
        for difference in differences
    ]


def _colour(what: str, changed: datetime | None, now: datetime) -> Colour:
    """Code that the tree has left is due for a day; anything else that differs was changed by hand."""
    fresh = changed is not None and now - changed <= PATIENCE
    return Colour.AMBER if what in DIGESTS and fresh else Colour.RED


def _title(what: str, changed: datetime | None, now: datetime) -> str:
    if what not in DIGESTS or changed is None:
        return what
    return f"{what} (stale for {int((now - changed).total_seconds() // 3600)} h)"


def _versions(actual: Any) -> dict[str, str]:
    config, labels = actual.get("serviceConfig", {}), actual.get("labels", {})
    return {
        "commit": labels.get("commit-sha", ""),
        "source_digest": labels.get("source-digest", ""),
        "revision": config.get("revision", ""),
        "updated": actual.get("updateTime", ""),
    }


def _unread(where: str, failed: CommandFailed) -> Finding:
    return Finding(Colour.UNKNOWN, where, "reading", "an answer", failed.gist, f"run it by hand: {failed.line}")
