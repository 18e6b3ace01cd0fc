"""What should be there in the cloud and what is: schedules and subscriptions, compared (behaviour 10, 11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# After a service's name: the project's number and the region, or what older addresses have.
_OF_CLOUD_RUN = r"(\d+\.|[a-z0-9]{10}-[a-z]{2}\.a\.)"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the manifest says: schedules with cron and zone, subscriptions with their topic, functions by name.

    ``beside`` names subscriptions that others own and that must be there all the same, such as a phase's own.
    ``topics`` are those that the policy names, whoever reads them.
    """

    region: str
    schedules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()
    dead_letters: str = ""
    functions: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule as it is; ``failed`` says how its last call ended, if not well."""

    name: str
    cron: str
    zone: str
    enabled: bool
    calls: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription as it is; ``pushes_to`` is empty where it is pulled, ``fault`` says why nothing arrives."""

    name: str
    topic: str
    pushes_to: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Odd:
    """One thing that is not as declared; ``grave`` where work does not happen because of it."""

    name: str
    what: str
    grave: bool = True


def odd_schedules(declared: Declared, jobs: Iterable[Job]) -> Iterator[Odd]:
    """Yield schedules that are missing, stopped, changed, failing, or not declared."""
    there = {job.name: job for job in jobs}
    for name, (cron, zone) in declared.schedules.items():
        job = there.get(name)
        if job is None:
            yield Odd(name, "is not there: nobody calls at its times")
        elif not job.enabled:
            yield Odd(name, "is paused: nobody calls at its times")
        elif (job.cron, job.zone) != (cron, zone):
            yield Odd(name, f"calls at {job.cron!r} in {job.zone}, declared is {cron!r} in {zone}")
        elif job.failed:
            yield Odd(name, f"its last call failed: {job.failed}", grave=False)
    ours = [re.compile(rf"https://{re.escape(name)}-{_OF_CLOUD_RUN}") for name in declared.functions]
    for name, job in there.items():
        if name not in declared.schedules and any(address.match(job.calls) for address in ours):
            yield Odd(name, f"calls {job.calls} and is declared by nobody", grave=False)


def odd_subscriptions(declared: Declared, feeds: Iterable[Feed]) -> Iterator[Odd]:
    """Yield subscriptions that are missing, cut off from their topic, or undeclared on one of our topics; and topics
    of the policy that nobody reads, those too whose readers are others'."""
    there = {feed.name: feed for feed in feeds}
    for name, topic in declared.subscriptions.items():
        feed = there.get(name)
        if feed is None:
            yield Odd(name, f"is not there: nothing of {topic} arrives")
        elif feed.topic != topic:
            yield Odd(name, f"is on {feed.topic}, declared is {topic}")
        elif feed.fault:
            yield Odd(name, f"{feed.fault}: nothing of {topic} arrives")
    read = {feed.topic for feed in there.values() if not feed.fault}
    for topic in sorted(declared.topics - read):
        yield Odd(topic, "is read by nobody: what is published to it is lost")
    topics = set(declared.subscriptions.values())
    for name, feed in there.items():
        if name not in declared.subscriptions and feed.topic in topics:
            who = feed.pushes_to or "whoever pulls it"
            yield Odd(name, f"on {feed.topic}, declared by nobody: {who} works on each message once more", grave=False)
