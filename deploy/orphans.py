"""What is there and should not be: subscriptions, functions and schedules that the manifest does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.command_line import CommandLine, gcloud
from deploy.manifest import Manifest, Target
from deploy.runner import Runner, ask


@dataclass(frozen=True)
class Orphan:
    """Something that is not declared, and the line that removes it."""

    what: str
    why: str
    remove: CommandLine | None


def lists(place: Target) -> dict[str, CommandLine]:
    """Return the lines that list what may be orphaned."""
    return {
        "subscriptions": gcloud("pubsub subscriptions list", project=place.project),
        "functions": gcloud("functions list", project=place.project, regions=place.region, v2=True),
        "schedules": gcloud("scheduler jobs list", project=place.project, location=place.region),
    }


def orphans(manifest: Manifest, place: Target, run: Runner) -> list[Orphan]:
    """Return every orphan; raises ``CommandFailed`` where a list cannot be read."""
    listings = {name: ask(run, line) or [] for name, line in lists(place).items()}
    return [
        *subscriptions(manifest, place, listings["subscriptions"]),
        *functions(manifest, place, listings["functions"]),
        *schedules(manifest, place, listings["schedules"], addresses(manifest, place, listings["functions"])),
        *callers(manifest, place, listings["subscriptions"], addresses(manifest, place, listings["functions"])),
    ]


def addresses(manifest: Manifest, place: Target, deployed: list[Any]) -> tuple[str, ...]:
    """Return every address of our functions: each has one by its name and others that the platform gave it."""
    names = {function.name for function in manifest.functions.values()}
    given = [
        address
        for function in deployed
        if _last(function["name"]) in names
        for address in (function.get("url"), function.get("serviceConfig", {}).get("uri"))
        if address
    ]
    return (*(place.url(name) for name in sorted(names)), *given)


def callers(manifest: Manifest, place: Target, deployed: list[Any], ours: tuple[str, ...]) -> Iterator[Orphan]:
    """Subscriptions of topics outside the policy that call one of our functions, or sign as one of our accounts."""
    accounts = {place.account(name) for name in manifest.service_accounts}
    watched = {*manifest.topics, manifest.dead_letter.topic}
    for subscription in deployed:
        name, topic, push = (
            _last(subscription["name"]),
            _last(subscription.get("topic", "")),
            subscription.get("pushConfig") or {},
        )
        mine = name in {
            f.subscription(t) for f in manifest.functions.values() for t in (f.push.topics if f.push else ())
        }
        if topic in watched or mine:
            continue
        endpoint, signer = push.get("pushEndpoint", ""), (push.get("oidcToken") or {}).get("serviceAccountEmail", "")
        if endpoint.startswith(ours) or signer in accounts:
            why = f"brings {topic}, no topic of the policy, to {endpoint} as {signer or 'nobody'}"
            remove = gcloud("pubsub subscriptions delete", name, project=place.project)
            yield Orphan(f"subscription {name}", why, remove)


def subscriptions(manifest: Manifest, place: Target, deployed: list[Any]) -> Iterator[Orphan]:
    """Subscriptions on a topic of the policy that are not declared, and two that feed one address."""
    ours = {
        function.subscription(topic): topic
        for function in manifest.functions.values()
        for topic in (function.push.topics if function.push else ())
    }
    letter = manifest.dead_letter
    watched = {
        **{name: outside.read_by for name, outside in manifest.topics.items()},
        letter.topic: (letter.subscription,),
    }
    fed: Counter[tuple[str, str]] = Counter()
    for subscription in deployed:
        name, topic = _last(subscription["name"]), _last(subscription.get("topic", ""))
        endpoint = (subscription.get("pushConfig") or {}).get("pushEndpoint", "")
        if topic not in watched:
            continue
        if endpoint:
            fed[topic, endpoint.partition("/projects/")[0]] += 1
        if name not in ours and name not in watched[topic]:
            why = f"on {topic}, declared by nobody: {endpoint or 'whoever pulls it'} works on each message once more"
            remove = gcloud("pubsub subscriptions delete", name, project=place.project)
            yield Orphan(f"subscription {name}", why, remove)
    for (topic, address), times in fed.items():
        if times > 1:
            yield Orphan(
                f"topic {topic}", f"feeds {address} {times} times: each message is delivered {times} times", None
            )


def functions(manifest: Manifest, place: Target, deployed: list[Any]) -> Iterator[Orphan]:
    """Functions that carry our label and are no longer in the manifest, such as one under an older name."""
    names = {function.name for function in manifest.functions.values()}
    mark = manifest.labels.items()
    for function in deployed:
        name = _last(function["name"])
        if mark and mark <= function.get("labels", {}).items() and name not in names:
            remove = gcloud("functions delete", name, project=place.project, region=place.region, gen2=True)
            yield Orphan(f"function {name}", "carries our labels and is not in the manifest", remove)


def schedules(manifest: Manifest, place: Target, deployed: list[Any], ours: tuple[str, ...]) -> Iterator[Orphan]:
    """Schedules not in the manifest that call one of our functions, write to one of our topics, or call as we do."""
    accounts = {place.account(name) for name in manifest.service_accounts}
    topics = {f"projects/{place.project}/topics/{name}" for name in (*manifest.topics, manifest.dead_letter.topic)}
    for schedule in deployed:
        name, target = _last(schedule["name"]), schedule.get("httpTarget") or {}
        if name in manifest.schedules:
            continue
        uri, signer = target.get("uri", ""), (target.get("oidcToken") or {}).get("serviceAccountEmail", "")
        topic = (schedule.get("pubsubTarget") or {}).get("topicName", "")
        whys = [
            *([f"calls {uri}"] if uri.startswith(ours) else []),
            *([f"writes to {topic}"] if topic in topics else []),
            *([f"calls {uri} as {signer}"] if signer in accounts and not uri.startswith(ours) else []),
        ]
        if whys:
            remove = gcloud("scheduler jobs delete", name, project=place.project, location=place.region)
            yield Orphan(f"schedule {name}", f"{', '.join(whys)} and is not in the manifest", remove)


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
