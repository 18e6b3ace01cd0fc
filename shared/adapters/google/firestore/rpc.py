"""The wire side of the Firestore store: requests, their attempts, and what refuses them. Imports Google's library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    GoogleAPIError,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import Client
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import StructuredAggregationQuery, StructuredQuery, Write

from shared.adapters.documents import Where
from shared.adapters.google.firestore.stubs import Stream, Stubs
from shared.adapters.google.firestore.values import encode, encode_fields
from shared.core.errors import Unavailable

T = TypeVar("T")
Refusals = tuple[type[GoogleAPIError], ...]
FieldOperator = StructuredQuery.FieldFilter.Operator

# One attempt, and the time in which another may begin: together the 10 s that a call takes at most.
ATTEMPT = timedelta(seconds=4)
RETRY = timedelta(seconds=6)

_TRANSIENT = (ServiceUnavailable, DeadlineExceeded, InternalServerError, TooManyRequests, Aborted)
_COUNT = "count"


class Channel:
    """A connection to one database; safe across threads."""

    def __init__(self, project: str, database: str) -> None:
        self.database = f"projects/{project}/databases/{database}"
        self.root = f"{self.database}/documents"
        try:
            client = Client(project=project, database=database)
        except GoogleAuthError as error:
            raise Unavailable("state", f"{self.database}: no credentials: {error}") from error
        self._stubs = Stubs(client, self.database)

    def read(self, paths: Sequence[str]) -> list[Any]:
        """Return the documents that exist, in any order."""
        [answers] = self._answers(self._named(paths))
        return _existing(answers)

    def find_and_read(self, collection: str, where: Where | None, paths: Sequence[str]) -> tuple[list[Any], list[Any]]:
        """Return what ``find`` and ``read`` do, both asked at once."""
        parent, query = self._query(collection, where)
        matching, named = self._answers(self._stubs.query(parent, query), self._named(paths))
        return _matching(matching), _existing(named)

    def find(self, collection: str, where: Where | None) -> list[Any]:
        """Return the matching documents by id, which is the order of every query that asks for no other."""
        return self._documents(*self._query(collection, where))

    def find_between(self, collection: str, field: str, first: str, last: str, most: int | None) -> list[Any]:
        """Return the documents whose text in a field is in a range, in its order, by the index of that field."""
        parent, query = self._query(collection, None)
        query.where.composite_filter.op = StructuredQuery.CompositeFilter.Operator.AND
        bounds = ((FieldOperator.GREATER_THAN_OR_EQUAL, first), (FieldOperator.LESS_THAN_OR_EQUAL, last))
        for operator, bound in bounds:
            _comparison(query.where.composite_filter.filters.add(), field, operator, bound)
        query.order_by.add(direction=StructuredQuery.Direction.ASCENDING).field.field_path = _field_path(field)
        if most is not None:
            query.limit.value = most
        return self._documents(parent, query)

    def count(self, collection: str, where: Where | None) -> int:
        parent, query = self._query(collection, where)
        aggregation = StructuredAggregationQuery.pb()(structured_query=query)
        aggregation.aggregations.add(alias=_COUNT).count.SetInParent()
        [answers] = self._answers(self._stubs.aggregation(parent, aggregation))
        return sum(int(answer.result.aggregate_fields[_COUNT].integer_value) for answer in answers)

    def _documents(self, parent: str, query: Any) -> list[Any]:
        [answers] = self._answers(self._stubs.query(parent, query))
        return _matching(answers)

    def _named(self, paths: Sequence[str]) -> Stream:
        return self._stubs.documents([f"{self.root}/{path}" for path in paths])

    def create(self, path: str, data: Mapping[str, Any]) -> Any | None:
        """Return the new document's update time, None if it exists."""
        write = self._replacement(path, data)
        write.current_document.exists = False
        return self._commit(write, (AlreadyExists,))

    def replace(self, path: str, data: Mapping[str, Any], seconds: int, nanos: int) -> Any | None:
        """Return the document's new update time, None if it was not last updated at that instant."""
        write = self._replacement(path, data)
        write.current_document.update_time.seconds = seconds
        write.current_document.update_time.nanos = nanos
        return self._commit(write, (FailedPrecondition, NotFound, Aborted))

    def remove(self, path: str) -> None:
        self._commit(Write.pb()(delete=f"{self.root}/{path}"), ())

    def _replacement(self, path: str, data: Mapping[str, Any]) -> Any:
        # Without an update mask a write replaces the whole document.
        write = Write.pb()()
        write.update.name = f"{self.root}/{path}"
        encode_fields(data, write.update.fields)
        return write

    def _commit(self, write: Any, refusals: Refusals) -> Any | None:
        answer = self._call(lambda: self._stubs.commit([write], ATTEMPT), refusals)
        return None if answer is None else answer.write_results[0].update_time

    def _answers(self, *streams: Stream) -> list[list[Any]]:
        return self._call(lambda: self._stubs.answers(streams, ATTEMPT), ()) or [[] for _ in streams]

    def _call(self, rpc: Callable[[], T], refusals: Refusals) -> T | None:
        doubts: list[Exception] = []
        retry = Retry(
            predicate=lambda error: isinstance(error, _TRANSIENT) and not isinstance(error, refusals),
            initial=0.1,
            maximum=1.0,
            timeout=RETRY.total_seconds(),
            on_error=doubts.append,
        )
        try:
            answer: T = retry(rpc)()
            return answer
        except refusals as error:
            if not doubts:
                return None
            # An earlier attempt may have succeeded, and the conflict be with our own write.
            raise Unavailable("state", f"{self.database}: outcome unknown: {error}, after {doubts[-1]}") from error
        except GoogleAPIError as error:
            raise Unavailable("state", f"{self.database}: {error}") from error

    def _query(self, collection: str, where: Where | None) -> tuple[str, Any]:
        above, _, name = collection.rpartition("/")
        query = StructuredQuery.pb()()
        query.from_.add(collection_id=name)
        for key, value in (where or {}).items():
            query.where.composite_filter.op = StructuredQuery.CompositeFilter.Operator.AND
            _equality(query.where.composite_filter.filters.add(), key, value)
        return f"{self.root}/{above}" if above else self.root, query


def _existing(answers: list[Any]) -> list[Any]:
    return [answer.found for answer in answers if answer.HasField("found")]


def _matching(answers: list[Any]) -> list[Any]:
    return [answer.document for answer in answers if answer.HasField("document")]


def _equality(message: Any, key: str, value: str | int | bool | None) -> None:
    if value is None:
        message.unary_filter.field.field_path = _field_path(key)
        message.unary_filter.op = StructuredQuery.UnaryFilter.Operator.IS_NULL
        return
    _comparison(message, key, FieldOperator.EQUAL, value)


def _comparison(message: Any, key: str, operator: Any, value: str | int | bool) -> None:
    message.field_filter.field.field_path = _field_path(key)
    message.field_filter.op = operator
    encode(value, message.field_filter.value)


def _field_path(key: str) -> str:
    return str(FieldPath(key).to_api_repr())
