"""The wire side of the Firestore store: one channel, bounded calls. Imports Google's library.

It speaks through the library's generated client: the high-level calls cannot replace a document under a
precondition, and wrap and copy each value several times, which on a fraction of a processor costs more than the
network. Credentials and ``FIRESTORE_EMULATOR_HOST`` stay the business of ``google.cloud.firestore.Client``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import grpc
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
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    CommitRequest,
    RunAggregationQueryRequest,
    RunQueryRequest,
    StructuredQuery,
    Write,
)
from grpc.experimental import ChannelOptions

from shared.adapters.documents import Where
from shared.adapters.google.firestore.values import encode, encode_fields
from shared.core.errors import Unavailable

T = TypeVar("T")
Refusals = tuple[type[GoogleAPIError], ...]
FieldOperator = StructuredQuery.FieldFilter.Operator
Rpc = Callable[[Any, dict[str, Any]], T]

# One attempt, and the time in which another may begin: together the 10 s that a call takes at most.
ATTEMPT = timedelta(seconds=4)
RETRY = timedelta(seconds=6)

_TRANSIENT = (ServiceUnavailable, DeadlineExceeded, InternalServerError, TooManyRequests, Aborted)
# Left to itself a channel waits up to two minutes between attempts to connect, long after an outage is over.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A read is a stream, and a stream would have a thread of its own: half of what a read costs.
    (ChannelOptions.SingleThreadedUnaryStream, 1),
)
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
        self._api, self._metadata = _generated(client), client._rpc_metadata

    def read(self, paths: tuple[str, ...]) -> list[Any]:
        """Return the documents that exist, in any order."""
        documents = [f"{self.root}/{path}" for path in paths]
        request = _wrapped(BatchGetDocumentsRequest, database=self.database, documents=documents)
        answers = self._stream(lambda api, options: api.batch_get_documents(request=request, **options))
        return [answer.found for answer in answers if answer.HasField("found")]

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

    def _documents(self, parent: str, query: Any) -> list[Any]:
        request = _wrapped(RunQueryRequest, parent=parent, structured_query=query)
        answers = self._stream(lambda api, options: api.run_query(request=request, **options))
        return [answer.document for answer in answers if answer.HasField("document")]

    def count(self, collection: str, where: Where | None) -> int:
        parent, query = self._query(collection, where)
        request = RunAggregationQueryRequest.pb()(parent=parent)
        request.structured_aggregation_query.structured_query.CopyFrom(query)
        request.structured_aggregation_query.aggregations.add(alias=_COUNT).count.SetInParent()
        wrapped = RunAggregationQueryRequest.wrap(request)
        answers = self._stream(lambda api, options: api.run_aggregation_query(request=wrapped, **options))
        return sum(int(answer.result.aggregate_fields[_COUNT].integer_value) for answer in answers)

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
        request = _wrapped(CommitRequest, database=self.database, writes=[write])
        answer = self._call(lambda api, options: api.commit(request=request, **options), refusals)
        return None if answer is None else _message(answer).write_results[0].update_time

    def _stream(self, rpc: Rpc[Any]) -> list[Any]:
        # Read to the end inside the call: a stream that breaks is begun anew.
        return self._call(lambda api, options: [_message(answer) for answer in rpc(api, options)], ()) or []

    def _call(self, rpc: Rpc[T], refusals: Refusals) -> T | None:
        doubts: list[Exception] = []
        retry = Retry(
            predicate=lambda error: isinstance(error, _TRANSIENT) and not isinstance(error, refusals),
            initial=0.1,
            maximum=1.0,
            timeout=RETRY.total_seconds(),
            on_error=doubts.append,
        )
        options = {"metadata": self._metadata, "retry": None, "timeout": ATTEMPT.total_seconds()}
        try:
            answer: T = retry(lambda: rpc(self._api, options))()
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


def _generated(client: Any) -> FirestoreClient:
    """Return a generated client like the one inside ``client``, on a channel with our options."""
    if client._emulator_host is None:
        channel = FirestoreGrpcTransport.create_channel(
            client._target, credentials=client._credentials, options=_OPTIONS
        )
    else:
        channel = grpc.insecure_channel(client._emulator_host, options=_OPTIONS)
    return FirestoreClient(transport=FirestoreGrpcTransport(host=client._target, channel=channel))


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


def _wrapped(kind: Any, **fields: Any) -> Any:
    return kind.wrap(kind.pb()(**fields))


def _message(wrapper: Any) -> Any:
    return type(wrapper).pb(wrapper)
