"""The bus, the services and the alert sink of a scenario."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.core.errors import Unavailable
from shared.core.policy.policy import Policy, Service
from shared.core.wire.answers import Means, example, judge
from shared.ports import Delivered, Message, Notice, Refused, Response
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.history import Call, Sent
from shared.simulation.scenario import CallAnswer, FaultKind, Health

Called = Callable[[str, str, Mapping[str, Any], bool], None]
DEFAULT_BODY = {"status": "ok"}


class SimulatedBus:
    """A ``Bus``; ``arrived`` is told of each accepted message, and how many times it will be delivered."""

    def __init__(self, stage: FaultInjector, arrived: Callable[[str, Message, int], None]) -> None:
        self._stage, self._arrived = stage, arrived
        self._published = 0

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        kind = self._stage.answer("bus")
        if kind is FaultKind.REJECTS:
            raise Unavailable("bus", f"{topic}: refused: 403 (simulated)")
        times = {FaultKind.DROPS: 0, FaultKind.DUPLICATES: 2}.get(kind, 1) if kind is not None else 1
        for message in messages:
            self._arrived(topic, message, times)
        self._published += len(messages)
        return [str(9_000_000 + self._published - offset) for offset in reversed(range(len(messages)))]


class SimulatedServices:
    """An ``Http`` that speaks for every service of the policy.

    ``answered`` is told of each call that one took, and of each that one answered with a verdict that is a no.
    """

    def __init__(self, policy: Policy, stage: FaultInjector, answered: Called) -> None:
        self._policy, self._stage, self._answered = policy, stage, answered
        self.health = dict.fromkeys(policy.services, Health.HEALTHY)
        self._answers: dict[str, list[CallAnswer]] = {}

    @property
    def endpoints(self) -> dict[str, str]:
        return {name: f"http://{name.replace('_', '-')}.simulated" for name in self._policy.services}

    def change(self, answers: Mapping[str, Sequence[CallAnswer]]) -> None:
        """Let calls be answered so from now on."""
        self._answers.update({called: list(listed) for called, listed in answers.items()})

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        self._stage.enter()
        endpoint = next(
            ((name, url[len(base) :]) for name, base in self.endpoints.items() if url.startswith(base)), None
        )
        if endpoint is None:
            raise Unavailable("http", f"{url}: no such host (simulated)")
        name, path = endpoint[0], endpoint[1].partition("?")[0]
        self._stage.history.calls.append(Call(self._stage.clock.now(), name, path))
        service, health = self._policy.services[name], self.health[name]
        if method != "GET":
            fault = self._stage.fault(name)
            if fault is not None:
                return self._failing(name, fault, timeout)
        if health is Health.TIMEOUT:
            return self._silent(name, timeout)
        if health is Health.DOWN:
            return Response(503, "Service Unavailable")
        if health is Health.HTTP_404:
            return Response(404, "Not Found")
        if health is not Health.WRONG_IDENTITY and f"{name} {path}" in self._answers:
            return self._answer(service, path, body or {}, timeout)
        return self._ready(service, health) if method == "GET" else self._call(service, health, path, body or {})

    def _answer(self, service: Service, path: str, body: Mapping[str, Any], timeout: timedelta) -> Response:
        """Answer as the scenario says. What takes longer than the caller waits has reached the service all the same."""
        listed = self._answers[f"{service.name} {path}"]
        answer = listed.pop(0) if len(listed) > 1 else listed[0]
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body or DEFAULT_BODY, default=str)
        means = self._means(service, path, answer.status, text)
        if means in (Means.ACCEPTED, Means.NOT_YET, Means.BUSY):
            self._answered(service.name, path, body, means is Means.ACCEPTED)
        if answer.after > timeout:
            return self._silent(service.name, timeout)
        self._stage.clock.sleep(answer.after)
        return Response(answer.status, text)

    def _means(self, service: Service, path: str, status: int, text: str) -> Means:
        """Return what an answer means: as the service's answers and the transition that calls here say, else a 2xx."""
        accepted = self._accepted_by_policy(service, path)
        statuses = frozenset(range(200, 300)) if accepted is None else accepted
        return judge(service.answers.get(path, ()), statuses, path, status, text).means

    def _accepted_by_policy(self, service: Service, path: str) -> frozenset[int] | None:
        for transition in self._policy.transitions.values():
            for call in transition.calls:
                if (call.service, call.path) == (service.name, path):
                    return call.accepted
        return None

    def _failing(self, name: str, kind: FaultKind, timeout: timedelta) -> Response:
        if kind is FaultKind.TIMEOUT:
            return self._silent(name, timeout)
        if kind is FaultKind.REJECTS:
            return Response(400, json.dumps({"error": "rejected", "service": self._policy.services[name].identity}))
        return Response(503, "Service Unavailable")

    def _silent(self, name: str, timeout: timedelta) -> Response:
        self._stage.clock.sleep(timeout)
        raise Unavailable(name, f"no answer within {timeout.total_seconds():g} s (simulated)")

    def _ready(self, service: Service, health: Health) -> Response:
        if health is Health.WRONG_IDENTITY:
            return Response(200, json.dumps({"status": "ready", "service": self._stranger(service)}))
        word = "degraded" if health is Health.DEGRADED else "ready"
        return Response(200, json.dumps({"status": word, "service": service.identity}))

    def _call(self, service: Service, health: Health, path: str, body: Mapping[str, Any]) -> Response:
        if health is Health.WRONG_IDENTITY:
            # The image that answers here has other routes.
            return Response(404, json.dumps({"error": "no such path", "service": self._stranger(service)}))
        self._answered(service.name, path, body, True)
        mapped = next((rule for rule in service.answers.get(path, ()) if rule.means is Means.ACCEPTED), None)
        if mapped is not None:
            status, answer_body = example(mapped)
            return Response(status, json.dumps(answer_body or DEFAULT_BODY))
        return Response(self._status(service, path), json.dumps({"status": "accepted", "service": service.identity}))

    def _status(self, service: Service, path: str) -> int:
        """Answer 200, or what the transition that calls here takes for a yes."""
        accepted = self._accepted_by_policy(service, path)
        return 200 if accepted is None or 200 in accepted else min(accepted)

    def _stranger(self, service: Service) -> str:
        others = [other.identity for other in self._policy.services.values() if other.identity != service.identity]
        return others[0] if others else f"not-{service.identity}"


class SimulatedAlerts:
    """An ``AlertSink`` that remembers what it took."""

    def __init__(self, stage: FaultInjector) -> None:
        self._stage = stage

    def send(self, notice: Notice) -> Delivered | Refused:
        if self._stage.answer("slack") is FaultKind.REJECTS:
            return Refused("400 invalid_payload (simulated)")
        for part in notice.parts:
            self._keep(part)
        return Delivered()

    def _keep(self, notice: Notice) -> None:
        now, history = self._stage.clock.now(), self._stage.history
        history.notices.append(Sent(now, notice.severity, notice.text, notice.resolved, notice.count))
        kind = "resolved" if notice.resolved else "alert"
        history.note(now, kind, f"{notice.severity}: {notice.text}" if kind == "alert" else notice.text)
