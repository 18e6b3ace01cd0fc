"""The parts of a scenario file that speak of batches, understood and checked against the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.core.batches.batch import BatchState
from shared.core.policy.batches import MemberOutcome
from shared.core.policy.policy import Policy
from shared.simulation.batches.events import ALL, BatchReport, Workers
from shared.simulation.expectations import BatchExpected, Of, PublishedExpected, RequestsExpected, Window
from shared.simulation.reader import Value

COUNTS = ("members", "done", "skipped", "failed", "silent", "generation")
NONE = "none"
STATUSES = ("success", "partial", "no_data")
RUN = ("date", "mode", "lane")
WINDOW = ("by", "not_before")
Fields = Mapping[str, Value]


def members(value: Value, policy: Policy) -> dict[str, tuple[str, ...]]:
    """Return who the query of each batch returns: as listed, or so many by numbers of at least three digits."""
    return {key.word(tuple(policy.batches)): _members(item) for key, item in value.pairs()}


def _members(value: Value) -> tuple[str, ...]:
    if value.is_list:
        return tuple(item.text() for item in value.items())
    return tuple(f"m{number:03d}" for number in range(1, value.integer() + 1))


def workers(value: Value, policy: Policy) -> dict[str, Workers]:
    return {key.word(tuple(policy.batches)): _workers(item) for key, item in value.pairs()}


def _workers(value: Value) -> Workers:
    fields = value.fields(optional=("reports", "after", "outcome", "duplicate", "only"))
    given: dict[str, Any] = {}
    if "reports" in fields:
        given["reports"] = _reports(fields["reports"])
    if "after" in fields:
        given["after"] = fields["after"].duration()
    if "outcome" in fields:
        given["outcome"] = fields["outcome"].word(tuple(MemberOutcome))
    if "duplicate" in fields:
        given["duplicate"] = fields["duplicate"].integer()
    if "only" in fields:
        given["only"] = frozenset(item.text() for item in fields["only"].items())
    return Workers(**given)


def _reports(value: Value) -> int:
    if value.tag == "int":
        return value.integer()
    return ALL if value.word(("all", NONE)) == "all" else 0


def batch_report(value: Value, name: Callable[[Value | None], str | None]) -> BatchReport:
    fields = value.fields(required=("batch", "member"), optional=("outcome", "count", "reason", "id"))
    return BatchReport(
        batch=fields["batch"].text(),
        member=fields["member"].text(),
        outcome=fields["outcome"].text() if "outcome" in fields else None,
        count=fields["count"].integer() if "count" in fields else None,
        reason=fields["reason"].text() if "reason" in fields else "",
        name=name(fields.get("id")),
    )


class BatchExpectations:
    """Reads what is expected of batches; run, window and time are read as in every other expectation."""

    def __init__(
        self,
        policy: Policy,
        of: Callable[[dict[str, Value]], Of],
        window: Callable[[dict[str, Value]], Window],
        at: Callable[[dict[str, Value]], Any],
    ) -> None:
        self._names, self._of, self._window, self._at = tuple(policy.batches), of, window, at

    def batch(self, value: Value) -> BatchExpected:
        fields = value.fields(required=("name",), optional=(*RUN, "at", "is", *COUNTS))
        return BatchExpected(
            name=fields["name"].word(self._names),
            of=self._of(fields),
            at=self._at(fields),
            state=fields["is"].word((NONE, *BatchState)) if "is" in fields else None,
            numbers={name: fields[name].integer() for name in COUNTS if name in fields},
        )

    def requests(self, value: Value) -> RequestsExpected:
        numbers = ("count", "at_most", "distinct", "ids")
        fields = value.fields(required=("batch",), optional=(*RUN, *WINDOW, *numbers))
        if "count" in fields and "at_most" in fields:
            raise fields["at_most"].error("contradicts count", "say one of the two")
        given = {name: fields[name].integer() for name in numbers if name in fields}
        return RequestsExpected(fields["batch"].word(self._names), self._of(fields), self._window(fields), **given)

    def published(self, value: Value) -> PublishedExpected:
        optional = (*RUN, *WINDOW, "generation", "count", "status", "missing", "percent")
        fields = value.fields(required=("batch",), optional=optional)
        return PublishedExpected(
            batch=fields["batch"].word(self._names),
            of=self._of(fields),
            window=self._window(fields),
            generation=fields["generation"].integer(1) if "generation" in fields else None,
            count=fields["count"].integer() if "count" in fields else 1,
            status=fields["status"].word(STATUSES) if "status" in fields else None,
            missing=tuple(item.text() for item in fields["missing"].items()) if "missing" in fields else None,
            percent=fields["percent"].number() if "percent" in fields else None,
        )
