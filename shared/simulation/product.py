"""The product as the runner drives it: the deployed entry points, found by path as the platform finds them."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import functions_framework
from cloudevents.http import CloudEvent
from flask import Flask

from shared.app.context import Context
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.signals import SIGNAL
from shared.core.workflows.files import topic_of as announcements
from shared.core.workflows.model import topic_of
from shared.simulation.batches.events import BatchSeen
from shared.simulation.scenario import Request
from shared.simulation.world import Envelope


class Explanation(Protocol):
    """What a transition's state is, and why."""

    @property
    def state(self) -> str: ...
    @property
    def done(self) -> frozenset[str]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def reason(self) -> str: ...
    @property
    def text(self) -> str: ...


class Recorded(Protocol):
    """What the store holds of a processor."""

    @property
    def outcome(self) -> str: ...
    @property
    def records(self) -> int | None: ...
    @property
    def superseded(self) -> int: ...


class Kept(Protocol):
    """A message in quarantine."""

    @property
    def reason(self) -> str: ...
    @property
    def raw(self) -> bytes: ...


@dataclass(frozen=True)
class Reply:
    """What an HTTP function answered."""

    status: int
    body: str


class Product(Protocol):
    """What a runner needs of the product; tests put a small one in its place."""

    def installed(self, *contexts: Context) -> AbstractContextManager[object]:
        """Make ``contexts`` those that the entry points use, one for each pipeline, until the end of the with."""

    def deliver(self, policy: Policy, envelope: Envelope) -> None:
        """Hand a message to the function that listens to its topic; whatever it raises is raised."""

    def run_step(self, policy: Policy, envelope: Envelope) -> None:
        """Hand a step's message to the workflow executor; whatever it raises is raised."""

    def request(self, request: Request) -> Reply:
        """Send a request to an HTTP function."""

    def operate(self, argv: tuple[str, ...], context: Context) -> tuple[int, str]:
        """Run an operator's command line; return its exit status and what it printed."""

    def next_sweep_at(self, observer: Context) -> datetime | None:
        """Return when the latest sweep wants the next one if nothing changes before, None for at once."""

    def explain(self, context: Context, key: RunKey, transition: str) -> Explanation: ...

    def recorded(self, context: Context, key: RunKey, phase: str, processor: str) -> Recorded | None: ...

    def reported_in(self, context: Context, phase: str, processor: str) -> list[RunKey]: ...

    def batch(self, context: Context, name: str, key: RunKey) -> BatchSeen: ...

    def newest_batch(self, context: Context, name: str) -> str | None: ...

    def quarantine(self, context: Context) -> list[Kept]: ...

    def runs(self, context: Context) -> list[RunKey]: ...


def cloud_event(policy: Policy, envelope: Envelope) -> CloudEvent:
    """Return a message as the platform delivers it; one of no phase is a step of a workflow."""
    topic = topic_of(policy.pipeline)
    if envelope.phase.startswith(SIGNAL):
        topic = envelope.phase.removeprefix(SIGNAL)
    elif envelope.phase:
        phase = policy.phases.get(envelope.phase)
        topic = announcements(policy.pipeline) if phase is None else phase.completions_topic or ""
    message: dict[str, Any] = {
        "data": base64.b64encode(envelope.data).decode(),
        "attributes": dict(envelope.attributes),
        "messageId": envelope.message_id,
        "publishTime": envelope.published.isoformat().replace("+00:00", "Z"),
    }
    attributes = {
        "id": envelope.message_id,
        "source": f"//pubsub.googleapis.com/projects/simulation/topics/{topic}",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "time": message["publishTime"],
    }
    subscription = f"projects/simulation/subscriptions/{topic}"
    return CloudEvent(attributes, {"message": message, "subscription": subscription})


BATCHES, EXECUTOR = "phase5_batches", "workflow_executor"
# Serves every transition that has no function of its own.
ANY = "transition"


def push(envelope: Envelope) -> dict[str, Any]:
    """Return a message as Pub/Sub pushes it."""
    message: dict[str, Any] = {
        "data": base64.b64encode(envelope.data).decode(),
        "attributes": dict(envelope.attributes),
        "messageId": envelope.message_id,
        "publishTime": envelope.published.isoformat().replace("+00:00", "Z"),
    }
    return {"message": message, "subscription": f"projects/simulation/subscriptions/{envelope.topic}"}


class DeployedProduct:
    """The real functions, the real command line and the real queries."""

    def __init__(self) -> None:
        self._flask = Flask("simulation")
        self._mains: dict[str, Callable[[Any], Any] | None] = {}
        self._servers: dict[str, Any] = {}

    def installed(self, *contexts: Context) -> AbstractContextManager[object]:
        manager: AbstractContextManager[object] = _module("shared.runtime").override_context(*contexts)
        return manager

    def deliver(self, policy: Policy, envelope: Envelope) -> None:
        if envelope.topic:
            self._push(envelope)
            return
        signalled = policy.signal_topics.get(envelope.phase.removeprefix(SIGNAL), ())
        phase = signalled[0] if signalled and envelope.phase.startswith(SIGNAL) else envelope.phase
        if phase not in policy.phases:
            self.run_step(policy, envelope)
            return
        name = policy.listener(phase)
        if name is None:
            return
        event, main = cloud_event(policy, envelope), self._main(name)
        if main is None and policy.phases[phase].completions_topic:
            main = self._main(ANY)
        if main is None:
            _module("shared.entrypoints.transition").receive(name, event)
        else:
            main(event)

    def run_step(self, policy: Policy, envelope: Envelope) -> None:
        event, main = cloud_event(policy, envelope), self._main("workflow_executor")
        if main is None:
            raise LookupError("there is no function workflow_executor")
        main(event)

    def _push(self, envelope: Envelope) -> None:
        """Push a message to the function of batches, which answers people too: its path names the topic."""
        main, body = self._main(BATCHES), push(envelope)
        assert main is not None
        path = f"/projects/simulation/topics/{envelope.topic}"
        with self._flask.test_request_context(path=path, method="POST", json=body) as sent:
            main(sent.request)

    def request(self, request: Request) -> Reply:
        if request.function == EXECUTOR:
            return self._served(request)
        main = self._main(request.function)
        if main is None:
            return Reply(501, f"there is no function {request.function}")
        with self._flask.test_request_context(**_sent(request)) as sent:
            answer = self._flask.make_response(main(sent.request))
            return Reply(answer.status_code, answer.get_data(as_text=True))

    def _served(self, request: Request) -> Reply:
        """Ask a function that is fed by events as its server does, which answers other requests too."""
        if request.function not in self._servers:
            source = str(Path(_module(f"functions.{request.function}.main").__file__))
            application = functions_framework.create_app("main", source)  # type: ignore[no-untyped-call]
            self._servers[request.function] = application
        answer = self._servers[request.function].test_client().open(**_sent(request))
        return Reply(answer.status_code, answer.get_data(as_text=True))

    def operate(self, argv: tuple[str, ...], context: Context) -> tuple[int, str]:
        status, printed = _module("shared.cli.main").run(list(argv), context)
        return int(status), str(printed)

    def next_sweep_at(self, observer: Context) -> datetime | None:
        report, due = _module("shared.runtime").last_sweep(), _module("shared.app.sweep.due")
        at: datetime | None = None
        if report is not None:
            at = due.next_sweep_at(report, observer.ports.store, observer.policy.pipeline)
        return at

    def explain(self, context: Context, key: RunKey, transition: str) -> Explanation:
        explanation: Explanation = _module("shared.app.reporting.queries").explain(context, key, transition)
        return explanation

    def recorded(self, context: Context, key: RunKey, phase: str, processor: str) -> Recorded | None:
        recorded: Recorded | None = _module("shared.app.reporting.queries").recorded(context, key, phase, processor)
        return recorded

    def reported_in(self, context: Context, phase: str, processor: str) -> list[RunKey]:
        return list(_module("shared.app.reporting.queries").reported_in(context, phase, processor))

    def batch(self, context: Context, name: str, key: RunKey) -> BatchSeen:
        queries = _module("shared.app.batches.queries")
        batch = queries.newest(context, name, key)
        if batch is None:
            return BatchSeen("none", {}, "there is no such batch")
        batch_view = queries.view(context, batch)
        counts = batch_view.counts
        numbers = {
            "members": batch.members, "done": counts.done, "skipped": counts.skipped, "failed": counts.failed,
            "silent": batch_view.silent, "generation": batch.generation,
        }  # fmt: skip
        return BatchSeen(str(batch.state), numbers, batch_view.reason)

    def newest_batch(self, context: Context, name: str) -> str | None:
        listed = _module("shared.app.batches.store").all_batches(context)
        batch_id: str | None = next((batch.id for batch in listed if batch.name == name), None)
        return batch_id

    def quarantine(self, context: Context) -> list[Kept]:
        return list(_module("shared.app.reporting.queries").quarantine(context))

    def runs(self, context: Context) -> list[RunKey]:
        return list(_module("shared.app.reporting.queries").runs(context))

    def _main(self, function: str) -> Callable[[Any], Any] | None:
        if function not in self._mains:
            path = f"functions.{function}.main"
            self._mains[function] = _module(path).main if _exists(path) else None
        return self._mains[function]


def _sent(request: Request) -> Mapping[str, Any]:
    sent: dict[str, Any] = {"path": request.path, "method": request.method, "query_string": urlencode(request.query)}
    if request.body is not None:
        sent |= {"data": json.dumps(request.body), "content_type": "application/json"}
    return sent


def _exists(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False


def _module(path: str) -> Any:
    return importlib.import_module(path)
