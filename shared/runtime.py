"""The composition root: it reads the environment and builds what this instance runs on.

    ORCH_POLICY      a policy file, or a folder of several   config/nba.yaml
    ORCH_VALIDATION  the file of its checks                  config/validation.yaml
    ORCH_STATE       firestore | sqlite                      firestore
    ORCH_DATABASE    the Firestore database                  (default)
    ORCH_BUS         pubsub | local                          pubsub
    ORCH_WAREHOUSE   bigquery | duckdb                       bigquery
    ORCH_ALERTS      slack | console                         slack
    ORCH_SECRETS     secret_manager | environment            environment
    ORCH_HOME        folder of the embedded parts            .orch
    ORCH_CLOCK       START|ORIGIN|SPEED | @FILE, rehearsals  the system's
    ORCH_PAGE_URL    where the page is, for links of alerts
    GOOGLE_CLOUD_PROJECT, ORCH_RECORD_DATASET, GIT_COMMIT, SOURCE_DIGEST, and the policy's `url_env` of each service

A folder holds one pipeline in each policy file: every one has a context of its own, and all of them share the state
store, the bus, the network and the secrets. Every client is built when it is first asked for, once for an instance.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from shared.adapters.clock import SystemClock
from shared.adapters.config import policy_file
from shared.adapters.config.policy_file import load_policy
from shared.adapters.json_log import JsonLog, log_on
from shared.app.context import Context
from shared.core import commands
from shared.core.alerting.links import Places
from shared.core.errors import PolicyError
from shared.core.policy.alerts import PAGERDUTY, SLACK, GoogleChat, Mail, Sink, SlackBot, Teams, secrets_of
from shared.core.policy.idle import idle
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.reporting.findings import Sweep
from shared.ports import AlertSink, AuditLog, Bus, Clock, DeadLetters, Http, Secrets, StateStore, Warehouse

if TYPE_CHECKING:
    from shared.adapters.http import RequestsHttp
    from shared.adapters.notify.paced import Turns
    from shared.core.limits.rate_limit import RateLimit

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config"
CHOICES = {
    "ORCH_STATE": ("firestore", "sqlite"),
    "ORCH_BUS": ("pubsub", "local"),
    "ORCH_WAREHOUSE": ("bigquery", "duckdb"),
    "ORCH_ALERTS": ("slack", "console"),
    "ORCH_SECRETS": ("environment", "secret_manager"),
}
WHICH = "say which one: --pipeline NAME, or ORCH_PIPELINE=NAME for all commands"
_lock = threading.Lock()
_installed: list[tuple[Context, ...]] = []


class EnvironmentPorts:
    """The ports that the environment names, each built on first use.

    What has nothing of a pipeline is ``beside``'s, the ports of another pipeline of the same instance.
    """

    def __init__(self, variables: Mapping[str, str], policy: Policy, beside: EnvironmentPorts | None = None) -> None:
        self._variables, self._policy, self._beside = variables, policy, beside
        self._all_turns: dict[tuple[str, ...], Turns] = {}
        bound = {"pipeline": policy.pipeline, "commit": variables.get("GIT_COMMIT", "unknown")[:40]}
        self.log = JsonLog(bound, self._trace)

    def _choice(self, name: str) -> str:
        chosen = self._variables.get(name) or CHOICES[name][0]
        if chosen not in CHOICES[name]:
            hint = f"one of {', '.join(CHOICES[name])}"
            raise PolicyError("environment", name, f"{chosen!r} is not known", hint)
        return chosen

    @property
    def project(self) -> str:
        project = self._variables.get("GOOGLE_CLOUD_PROJECT") or self._variables.get("GCP_PROJECT")
        if not project:
            hint = "set it to the project id, or use the embedded parts (ORCH_STATE=sqlite and so on)"
            raise PolicyError("environment", "GOOGLE_CLOUD_PROJECT", "is not set", hint)
        return project

    @property
    def _bigquery_emulator(self) -> str | None:
        return self._variables.get("BIGQUERY_EMULATOR_HOST") or None

    @property
    def _local_folder(self) -> Path:
        home = Path(self._variables.get("ORCH_HOME", "").strip() or ".orch")
        hint = "name a folder that you may write to, such as ORCH_HOME=~/.orch"
        try:
            # A file of variables, unlike a shell, leaves the tilde as it is.
            home = home.expanduser()
            home.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            reason = "is no folder" if isinstance(error, FileExistsError) else f"cannot be made: {why}"
            raise PolicyError("environment", "ORCH_HOME", f"{home} {reason}", hint) from error
        if not os.access(home, os.W_OK | os.X_OK):
            raise PolicyError("environment", "ORCH_HOME", f"{home} is not yours to write to", hint)
        return home

    def _trace(self) -> str | None:
        """Return the trace of the call being answered: it joins the platform's line on the call with ours."""
        project = self._variables.get("GOOGLE_CLOUD_PROJECT")
        if not project or "flask" not in sys.modules:  # nothing is served here
            return None
        from shared.adapters.framework import trace

        trace_id = trace()
        return f"projects/{project}/traces/{trace_id}" if trace_id else None

    @cached_property
    def clock(self) -> Clock:
        if self._beside is not None:
            return self._beside.clock
        text = self._variables.get("ORCH_CLOCK")
        if text:
            from shared.adapters.local.accelerated_clock import clock_of

            return clock_of(text)
        return SystemClock()

    @cached_property
    def store(self) -> StateStore:
        if self._beside is not None:
            return self._beside.store
        if self._choice("ORCH_STATE") == "sqlite":
            from shared.adapters.local.sqlite import SqliteStore

            return SqliteStore(self._local_folder / "state.db")
        from shared.adapters.google.firestore import FirestoreStore

        return FirestoreStore(self.project, self._variables.get("ORCH_DATABASE") or "(default)")

    @cached_property
    def bus(self) -> Bus:
        if self._beside is not None:
            return self._beside.bus
        if self._choice("ORCH_BUS") == "local":
            from shared.adapters.local.bus import LocalBus

            return LocalBus(self._local_folder / "bus.db", self.clock)
        from shared.adapters.google.pubsub import PubSubBus

        return PubSubBus(self.project)

    def dead_letters(self, subscription: str, topics: Mapping[str, str]) -> DeadLetters:
        """Return what the bus gave up delivering; ``topics`` names the topic of each subscription that feeds it."""
        if self._choice("ORCH_BUS") == "local":
            from shared.adapters.local.bus import LocalBus
            from shared.adapters.local.dead_letters import LocalDeadLetters

            return LocalDeadLetters(LocalBus(self._local_folder / "bus.db", self.clock), self.clock)
        from shared.adapters.google.dead_letters import PubSubDeadLetters

        return PubSubDeadLetters(self.project, subscription, topics)

    @cached_property
    def warehouse(self) -> Warehouse:
        if self._choice("ORCH_WAREHOUSE") == "duckdb":
            from shared.adapters.local.duckdb import DuckDbWarehouse

            return DuckDbWarehouse(self._local_folder / "warehouse.duckdb", CONFIG, zone=self._policy.zone)
        from shared.adapters.google.bigquery import BigQueryWarehouse

        return BigQueryWarehouse(self.project, CONFIG, emulator_host=self._bigquery_emulator, zone=self._policy.zone)

    @cached_property
    def audit(self) -> AuditLog:
        dataset = self._variables.get("ORCH_RECORD_DATASET") or f"{self._policy.pipeline}_orchestration"
        if self._choice("ORCH_WAREHOUSE") == "duckdb":
            from shared.adapters.local.duckdb import DuckDbAuditLog

            return DuckDbAuditLog(self._local_folder / "warehouse.duckdb", dataset)
        from shared.adapters.google.bigquery import BigQueryAuditLog

        return BigQueryAuditLog(self.project, dataset, emulator_host=self._bigquery_emulator)

    @cached_property
    def http(self) -> Http:
        if self._beside is not None:
            return self._beside.http
        from shared.adapters.http import RequestsHttp

        # Cloud Run sets K_SERVICE; elsewhere there is no identity to speak with. The network keeps the machine's time.
        return RequestsHttp(identity_tokens="K_SERVICE" in self._variables, clock=SystemClock())

    @cached_property
    def secrets(self) -> Secrets:
        if self._beside is not None:
            return self._beside.secrets
        if self._choice("ORCH_SECRETS") == "secret_manager":
            from shared.adapters.google.secret_manager import SecretManagerSecrets

            return SecretManagerSecrets(self.project, self.clock, self.log)
        from shared.adapters.local.environment import EnvironmentSecrets

        return EnvironmentSecrets(self._variables)

    def missing_webhooks(self) -> list[str]:
        """Return the severities and sinks of which a secret is absent, each with its secret."""
        if self._choice("ORCH_ALERTS") != "slack":
            return []
        alerts = self._policy.alerts
        needed = [*alerts.channels.items()]
        needed += [(name, secret) for name, sink in alerts.sinks.items() for secret in secrets_of(sink)]
        return [f"{what} ({secret})" for what, secret in needed if not self.secrets.get(secret)]

    @cached_property
    def alerts(self) -> AlertSink:
        if self._choice("ORCH_ALERTS") == "console":
            from shared.adapters.local.console import ConsoleSink

            return ConsoleSink()
        from shared.adapters.notify.fan_out import FanOut
        from shared.adapters.notify.paced import Paced
        from shared.adapters.notify.pagerduty import PagerDutySink, events_of
        from shared.adapters.notify.slack import SlackSink
        from shared.core.limits import rate_limit

        channels, pager = self._policy.alerts.channels, self._policy.alerts.pagerduty
        webhooks = {severity: _secret(self.secrets, name) for severity, name in channels.items()}
        slack = SlackSink(webhooks, self.clock, self.log, secret_names=channels)
        sinks: dict[str, AlertSink] = {SLACK: self._paced(slack, *sorted(set(channels.values())))}
        if pager is not None or self._policy.alerts.sinks:
            from shared.adapters.http import RequestsHttp

            # An ID token is for our own services, never for a stranger.
            http = RequestsHttp(identity_tokens=False, clock=self.clock)
            sinks |= {name: self._sink(sink, http) for name, sink in self._policy.alerts.sinks.items()}
            if pager is not None:
                key = _secret(self.secrets, pager.routing_key_secret)
                turns = self._turns(rate_limit.PAGERDUTY, pager.routing_key_secret)
                page = PagerDutySink(key, http, pager.severities)
                sinks[PAGERDUTY] = Paced(page, turns, self.clock, events_of(pager.severities))
        return FanOut(sinks, default=(SLACK,), always=(PAGERDUTY,), clock=self.clock)

    def _paced(self, sink: AlertSink, *channel: str) -> AlertSink:
        """Return a chat's sink that keeps to its pace, together with every other sink of that channel."""
        from shared.adapters.notify.paced import Paced
        from shared.core.limits.rate_limit import CHAT

        return Paced(sink, self._turns(CHAT, *channel), self.clock)

    def _turns(self, pace: RateLimit, *channel: str) -> Turns:
        if self._beside is not None:
            return self._beside._turns(pace, *channel)
        from shared.adapters.notify.paced import Turns

        return self._all_turns.setdefault(channel, Turns(pace))

    def _sink(self, sink: Sink, http: RequestsHttp) -> AlertSink:
        if isinstance(sink, SlackBot):
            from shared.adapters.notify.slack_bot import SlackBotSink

            bot = SlackBotSink(sink, _secret(self.secrets, sink.token_secret), http.post)
            return self._paced(bot, sink.token_secret, sink.channel)
        if isinstance(sink, Mail):
            from shared.adapters.notify.mail import MailSink

            return MailSink(sink, _secret(self.secrets, sink.password_secret))
        if isinstance(sink, Teams):
            from shared.adapters.notify.teams import TeamsSink

            teams = TeamsSink(_secret(self.secrets, sink.url_secret), sink.url_secret, http.post)
            return self._paced(teams, sink.url_secret)
        if isinstance(sink, GoogleChat):
            from shared.adapters.notify.google_chat import GoogleChatSink

            chat = GoogleChatSink(_secret(self.secrets, sink.url_secret), sink.url_secret, http.post)
            return self._paced(chat, sink.url_secret)
        from shared.adapters.notify.webhook import WebhookSink

        return WebhookSink(sink, self.secrets.get, self.clock, http.post)


class _secret:
    """Asks for one secret when it is called."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._secrets, self._name = secrets, name

    def __call__(self) -> str | None:
        return self._secrets.get(self._name)


def policy_in(path: Path | None = None, overlay: Mapping[str, Any] | None = None) -> Policy:
    """Return the policy of a file, by default the one in ``config/``; raise ``PolicyError`` if it is wrong."""
    return load_policy(path or CONFIG / "nba.yaml", overlay)


def policy_values(path: Path) -> Any:
    """Return the plain values of a policy file, to be compared; raise ``PolicyError`` for what is no YAML of ours."""
    return policy_file.read_policy(path)


def refuse_idle(policy: Policy) -> None:
    """Raise ``PolicyError`` for a policy by which a run could end and nobody be told (behaviour T10), or that says
    something in vain."""
    policy_file.refuse_idle(policy)


def policies_in(path: Path | None = None) -> tuple[Policy, ...]:
    """Return the policies of a folder by their file names, or the one of a file, by default the one in ``config/``.

    Raises ``PolicyError`` for the first problem, in a file or between two of them.
    """
    if path is None or not path.is_dir():
        return (policy_in(path),)
    from shared.adapters.config.policy_folder import load_policies

    return tuple(load_policies(path))


def contexts_of(variables: Mapping[str, str]) -> tuple[Context, ...]:
    """Return the contexts that the environment describes, one for each pipeline by the names of their files.

    Raises ``PolicyError`` if it describes none.
    """
    named = variables.get("ORCH_POLICY")
    policies = policies_in(Path(named) if named else None)
    first = EnvironmentPorts(variables, policies[0])
    ports = [first, *(EnvironmentPorts(variables, policy, first) for policy in policies[1:])]
    made = (_context_of(variables, policy, policy_ports) for policy, policy_ports in zip(policies, ports, strict=True))
    several = len(policies) > 1
    return tuple(replace(ctx, several=several, places=replace(ctx.places, several=several)) for ctx in made)


def _context_of(variables: Mapping[str, str], policy: Policy, ports: EnvironmentPorts) -> Context:
    endpoints = {service.name: variables.get(service.url_env) or None for service in policy.services.values()}
    version = variables.get("GIT_COMMIT") or "unknown"
    keys = [problem.key for problem in idle(policy)]
    if keys:
        ports.log("policy.silence", severity="WARNING", policy=policy.source, keys=keys, hint=commands.check())
    project = variables.get("GOOGLE_CLOUD_PROJECT", "")
    places = Places(variables.get("ORCH_PAGE_URL", ""), project, policy.links.runbook)
    ctx = Context(policy, Names(policy), ports, endpoints, ports.log, version, places=places)
    return replace(ctx, sweep_every=None) if variables.get("ORCH_CLOCK") else ctx


def from_environment(variables: Mapping[str, str], pipeline: str | None = None) -> Context:
    """Return the context of one pipeline that the environment describes, as ``chosen`` does."""
    return chosen(contexts_of(variables), pipeline)


def contexts() -> tuple[Context, ...]:
    """Return the instance's contexts, one for each pipeline, built on first use."""
    if not _installed:
        with _lock:
            if not _installed:
                _installed.append(contexts_of(os.environ))
    return _installed[-1]


def context(pipeline: str | None = None) -> Context:
    """Return the instance's context of a pipeline, as ``chosen`` does."""
    return chosen(contexts(), pipeline)


def chosen(candidates: Sequence[Context], pipeline: str | None) -> Context:
    """Return the context of the pipeline that is named; one alone need not be named.

    Raises ``PolicyError`` for a name that none has, and where several are there and none is named.
    """
    names = [ctx.policy.pipeline for ctx in candidates]
    if pipeline is None and len(candidates) > 1:
        raise PolicyError("environment", "ORCH_POLICY", f"holds {len(candidates)} pipelines: {', '.join(names)}", WHICH)
    if pipeline is not None and pipeline not in names:
        raise PolicyError("--pipeline", pipeline, "there is no such pipeline", f"one of {', '.join(names)}")
    return candidates[0 if pipeline is None else names.index(pipeline)]


@contextmanager
def override_context(*these: Context) -> Iterator[Context]:
    """Let everything in this process use other contexts, such as that of a simulated world; yield the first."""
    _installed.append(these)
    try:
        yield these[0]
    finally:
        # By identity: two contexts of one policy may be equal.
        last = max(place for place, installed in enumerate(_installed) if installed is these)
        del _installed[last]


def secret(ctx: Context, name: str) -> str | None:
    """Return a secret by its name, None where there is none."""
    ports = ctx.ports
    return ports.secrets.get(name) if isinstance(ports, EnvironmentPorts) else None


def is_embedded() -> bool:
    """True where the state is on this machine, so that no cloud keeps a log of it."""
    return variable("ORCH_STATE") == "sqlite"


def is_home(folder: Path) -> bool:
    """True for a folder that ``at_home`` takes."""
    from shared.adapters.local import home_file

    return home_file.is_home(folder)


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Let this process read what was played into a folder, as of its end, whatever else its environment names.

    Raises ``PolicyError`` if the folder is no home.
    """
    from shared.adapters.local.home_file import read_home

    named = read_home(folder)
    before, installed = dict(os.environ), list(_installed)
    os.environ.update(named)
    _installed.clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        _installed[:] = installed


def log_to(stream: TextIO) -> AbstractContextManager[None]:
    """Let the log of this process go there: the standard output of a command is its answer."""
    return log_on(stream)


def variable(name: str) -> str:
    """Return a variable of the environment, "" if it is not set; entry points ask here."""
    return os.environ.get(name, "")


def record_dataset(policy: Policy) -> str:
    """Return the dataset of the record of a pipeline, as the environment of this process names it."""
    return variable("ORCH_RECORD_DATASET") or f"{policy.pipeline}_orchestration"


def last_sweep() -> Sweep | None:
    """Return what the latest sweep of this instance found, None before the first."""
    return context().memory.last_sweep
