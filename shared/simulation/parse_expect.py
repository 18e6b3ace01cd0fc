"""The `expect` part of a scenario file, understood and checked against the policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.core.model import Lane, Outcome, State
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.workflows.model import Workflows
from shared.simulation.batches.parse import BatchExpectations
from shared.simulation.expectations import (
    AlertExpected,
    AnnouncedExpected,
    CallsExpected,
    DispatchesExpected,
    ExitExpected,
    Expectation,
    Expected,
    NoAlertExpected,
    NotResolvedExpected,
    NoTriggerExpected,
    Of,
    QuarantinedExpected,
    RecordedExpected,
    RepairExpected,
    ResolvedExpected,
    ResponseExpected,
    RunExpected,
    RunsExpected,
    ScrapeExpected,
    SentExpected,
    TriggerExpected,
    Window,
    WorkflowExpected,
)
from shared.simulation.history import NOT_OPEN
from shared.simulation.parse_events import FUNCTIONS, processors_by_phase, scrapers_in
from shared.simulation.reader import Value, to_instant
from shared.simulation.times import Times
from shared.simulation.workflows.seen import STATES

SEVERITIES = tuple(Severity)
RUN = ("date", "mode", "lane")
Fields = dict[str, Value]


def parse_expectations(
    value: Value | None,
    policy: Policy,
    times: Times,
    span: tuple[datetime, datetime],
    workflows: Workflows | None = None,
) -> tuple[Expected, ...]:
    """Return the expectations in file order."""
    if value is None or value.is_empty:
        return ()
    reader = ExpectationReader(policy, times, span, workflows)
    return tuple(reader.expected(index, item) for index, item in enumerate(value.items()))


class ExpectationReader:
    def __init__(
        self, policy: Policy, times: Times, span: tuple[datetime, datetime], workflows: Workflows | None
    ) -> None:
        self.policy, self.times, self.workflows = policy, times, workflows
        self.start, self.end = span
        batches = BatchExpectations(policy, self._of, self._window, self._moment)
        self.kinds: dict[str, Callable[[Value], Expectation]] = {
            "trigger": self.trigger,
            "dispatches": self.dispatches,
            "no_trigger": self.no_trigger,
            "run": self.run,
            "alert": self.alert,
            "no_alert": self.no_alert,
            "resolved": self.resolved,
            "not_resolved": self.not_resolved,
            "sent": self.sent,
            "calls": self.calls,
            "quarantined": self.quarantined,
            "runs": self.runs,
            "repair": self.repair,
            "response": self.response,
            "exit": self.exit,
            "recorded": self.recorded,
            "workflow": self.workflow,
            "scrape": self.scrape,
            "announced": self.announced,
            "batch": batches.batch,
            "requests": batches.requests,
            "published": batches.published,
        }

    def expected(self, index: int, item: Value) -> Expected:
        fields = item.fields(optional=tuple(self.kinds))
        if len(fields) != 1:
            text = " and ".join(fields) if fields else "none"
            raise item.error(f"needs exactly one of {', '.join(self.kinds)}, found {text}")
        [(kind, value)] = fields.items()
        return Expected(index, item.plain(), self.kinds[kind](value))

    def trigger(self, value: Value) -> TriggerExpected:
        names = ("count", "by", "not_before", "generation", "degraded", "missing", "reason", "messages")
        fields = value.fields(required=("transition",), optional=(*RUN, *names))
        transition = self._transition(fields)
        return TriggerExpected(
            transition=transition,
            of=self._of(fields),
            window=self._window(fields),
            count=self._count(fields, 1),
            generation=fields["generation"].integer(1) if "generation" in fields else None,
            degraded=fields["degraded"].boolean() if "degraded" in fields else None,
            missing=self._missing(fields, transition),
            reason=fields["reason"].text() if "reason" in fields else None,
            messages=fields["messages"].integer() if "messages" in fields else None,
        )

    def dispatches(self, value: Value) -> DispatchesExpected:
        fields = value.fields(required=("transition",), optional=(*RUN, "count"))
        return DispatchesExpected(self._transition(fields), self._of(fields), self._count(fields, 1))

    def no_trigger(self, value: Value) -> NoTriggerExpected:
        fields = value.fields(required=("transition",), optional=(*RUN, "until"))
        until = self._time(fields, "until") or self.end
        return NoTriggerExpected(self._transition(fields), self._of(fields), until)

    def run(self, value: Value) -> RunExpected:
        fields = value.fields(required=("transition",), optional=(*RUN, "at", "is", "done", "missing", "decision"))
        at = self._moment(fields)
        transition = self._transition(fields)
        return RunExpected(
            transition=transition,
            of=self._of(fields),
            at=at,
            state=fields["is"].word((*State, NOT_OPEN)) if "is" in fields else None,
            done=fields["done"].integer() if "done" in fields else None,
            missing=self._missing(fields, transition),
            decision=self._texts(fields, "decision"),
        )

    def alert(self, value: Value) -> AlertExpected:
        fields = value.fields(required=("severity",), optional=("by", "not_before", "mentions", "count"))
        count = fields["count"].integer() if "count" in fields else None
        severity = fields["severity"].word(SEVERITIES)
        return AlertExpected(severity, self._window(fields), self._texts(fields, "mentions"), count)

    def no_alert(self, value: Value) -> NoAlertExpected:
        if value.is_empty:
            return NoAlertExpected()
        fields = value.fields(optional=("severity", "mentions", "until", "not_before"))
        severity = fields["severity"].word(SEVERITIES) if "severity" in fields else "warning"
        return NoAlertExpected(severity, self._window(fields, "until"), self._texts(fields, "mentions"))

    def resolved(self, value: Value) -> ResolvedExpected:
        fields = value.fields(optional=("mentions", "by", "not_before"))
        return ResolvedExpected(self._texts(fields, "mentions"), self._window(fields))

    def not_resolved(self, value: Value) -> NotResolvedExpected:
        fields = value.fields(optional=("mentions", "until"))
        return NotResolvedExpected(self._texts(fields, "mentions"), self._window(fields, "until"))

    def sent(self, value: Value) -> SentExpected:
        fields = value.fields(required=("transition", "to"), optional=(*RUN, "contains", "absent"))
        return SentExpected(
            transition=self._transition(fields),
            of=self._of(fields),
            to=fields["to"].text(),
            contains={key.text(): item.plain() for key, item in self._pairs(fields, "contains")},
            absent=self._texts(fields, "absent"),
        )

    def calls(self, value: Value) -> CallsExpected:
        fields = value.fields(required=("service", "path"), optional=("count", "by", "not_before"))
        service = fields["service"].word(tuple(self.policy.services))
        return CallsExpected(service, fields["path"].text(), self._count(fields, 1), self._window(fields))

    def quarantined(self, value: Value) -> QuarantinedExpected:
        fields = value.fields(optional=("count", "mentions"))
        count = fields["count"].integer() if "count" in fields else None
        return QuarantinedExpected(count, self._texts(fields, "mentions"))

    def runs(self, value: Value) -> RunsExpected:
        return RunsExpected(value.fields(required=("count",))["count"].integer())

    def repair(self, value: Value) -> RepairExpected:
        fields = value.fields(required=("phase",), optional=("date", "count", "by", "not_before"))
        phase = fields["phase"].word(tuple(self.policy.phases))
        day = fields["date"].day() if "date" in fields else None
        return RepairExpected(phase, day, self._count(fields, 1), self._window(fields))

    def response(self, value: Value) -> ResponseExpected:
        fields = value.fields(required=("function",), optional=("nth", "status", "contains"))
        status = fields["status"].integer(100) if "status" in fields else None
        function = fields["function"].word(FUNCTIONS)
        return ResponseExpected(function, self._nth(fields), status, self._texts(fields, "contains"))

    def exit(self, value: Value) -> ExitExpected:
        fields = value.fields(optional=("nth", "status", "contains"))
        status = fields["status"].integer() if "status" in fields else None
        return ExitExpected(self._nth(fields), status, self._texts(fields, "contains"))

    def recorded(self, value: Value) -> RecordedExpected:
        fields = value.fields(required=("phase", "processor"), optional=(*RUN, "outcome", "records", "superseded"))
        processors = processors_by_phase(self.policy, self.workflows)
        phase = fields["phase"].word(tuple(processors))
        return RecordedExpected(
            phase=phase,
            processor=fields["processor"].word(processors[phase]),
            of=self._of(fields),
            outcome=fields["outcome"].word(tuple(Outcome)) if "outcome" in fields else None,
            records=fields["records"].integer() if "records" in fields else None,
            superseded=fields["superseded"].integer() if "superseded" in fields else None,
        )

    def workflow(self, value: Value) -> WorkflowExpected:
        fields = value.fields(required=("name",), optional=("date", "at", "is", "count", "reason"))
        at = self._time(fields, "at") or self.end
        if not self.start <= at <= self.end:
            raise fields["at"].error("lies outside start and end")
        return WorkflowExpected(
            name=self._workflow(fields["name"]),
            day=fields["date"].day() if "date" in fields else None,
            at=at,
            state=fields["is"].word(STATES) if "is" in fields else None,
            count=fields["count"].integer() if "count" in fields else None,
            reason=fields["reason"].text() if "reason" in fields else None,
        )

    def scrape(self, value: Value) -> ScrapeExpected:
        names = ("workflow", "date", "count", "by", "not_before", "with", "targets")
        fields = value.fields(required=("scraper",), optional=names)
        return ScrapeExpected(
            scraper=fields["scraper"].word(tuple(scrapers_in(value, self.workflows))),
            workflow=self._workflow(fields["workflow"]) if "workflow" in fields else None,
            day=fields["date"].day() if "date" in fields else None,
            count=self._count(fields, 1),
            window=self._window(fields),
            parameters={key.text(): item.plain() for key, item in self._pairs(fields, "with")},
            targets=tuple(item.text() for item in fields["targets"].items()) if "targets" in fields else None,
        )

    def announced(self, value: Value) -> AnnouncedExpected:
        fields = value.fields(required=("scraper",), optional=("date", "count", "by", "not_before"))
        return AnnouncedExpected(
            scraper=fields["scraper"].word(tuple(scrapers_in(value, self.workflows))),
            day=fields["date"].day() if "date" in fields else None,
            count=self._count(fields, 1),
            window=self._window(fields),
        )

    def _workflow(self, value: Value) -> str:
        scrapers_in(value, self.workflows)
        assert self.workflows is not None
        return value.word(tuple(self.workflows.workflows))

    def _transition(self, fields: Fields) -> str:
        return fields["transition"].word(tuple(self.policy.transitions))

    def _of(self, fields: Fields) -> Of:
        return Of(
            day=fields["date"].day() if "date" in fields else None,
            mode=fields["mode"].word(tuple(self.policy.modes)) if "mode" in fields else None,
            lane=fields["lane"].word(tuple(Lane)) if "lane" in fields else Lane.LIVE.value,
        )

    def _window(self, fields: Fields, last: str = "by") -> Window:
        window = Window(self._time(fields, "not_before"), self._time(fields, last))
        if window.not_before and window.by and window.by < window.not_before:
            raise fields[last].error("lies before not_before")
        return window

    def _time(self, fields: Fields, name: str) -> datetime | None:
        return to_instant(fields[name], self.times.parse) if name in fields else None

    def _moment(self, fields: Fields) -> datetime:
        """Return when something is to be looked at: at the end where the file does not say."""
        at = self._time(fields, "at") or self.end
        if not self.start <= at <= self.end:
            raise fields["at"].error("lies outside start and end")
        return at

    def _missing(self, fields: Fields, transition: str) -> frozenset[str] | None:
        if "missing" not in fields:
            return None
        processors = tuple(self.policy.awaited[transition])
        return frozenset(item.word(processors) for item in fields["missing"].items())

    def _count(self, fields: Fields, default: int) -> int:
        return fields["count"].integer() if "count" in fields else default

    def _nth(self, fields: Fields) -> int:
        return fields["nth"].integer(1) if "nth" in fields else 1

    def _pairs(self, fields: Fields, name: str) -> list[tuple[Value, Value]]:
        return fields[name].pairs() if name in fields else []

    def _texts(self, fields: Fields, name: str) -> tuple[str, ...]:
        return fields[name].texts() if name in fields else ()
