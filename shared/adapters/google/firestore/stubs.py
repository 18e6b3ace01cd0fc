"""The four remote procedures of Firestore that the store needs, on a channel of its own. Imports Google's library.

They are called without the generated client: its wrappers retry, copy and log, all of which the store does itself or
does without, and cost more than the network on a fraction of a processor. What the generated client sends beside a
request is sent here too. Credentials and ``FIRESTORE_EMULATOR_HOST`` stay the business of
``google.cloud.firestore.Client``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import grpc
from google.api_core.exceptions import from_grpc_error
from google.api_core.gapic_v1 import routing_header
from google.cloud.firestore import Client
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.services.firestore.transports.base import DEFAULT_CLIENT_INFO
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    RunAggregationQueryRequest,
    RunAggregationQueryResponse,
    RunQueryRequest,
    RunQueryResponse,
)
from grpc.experimental import ChannelOptions

_SERVICE = "/google.firestore.v1.Firestore"
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

Stream = tuple[Any, Any, str, str]
"""A procedure that answers with a stream: its call, its request, and the name and value that it is routed by."""


class Stubs:
    """Calls of one database, each made once. Raises ``GoogleAPICallError`` for what the service or the way answers."""

    def __init__(self, client: Client, database: str) -> None:
        channel = _channel(client)
        self._database = database
        self._headers = (*client._rpc_metadata, DEFAULT_CLIENT_INFO.to_grpc_metadata())
        self._commit = channel.unary_unary(
            f"{_SERVICE}/Commit",
            request_serializer=CommitRequest.pb().SerializeToString,
            response_deserializer=CommitResponse.pb().FromString,
        )
        self._batch_get = _streaming(channel, "BatchGetDocuments", BatchGetDocumentsRequest, BatchGetDocumentsResponse)
        self._run_query = _streaming(channel, "RunQuery", RunQueryRequest, RunQueryResponse)
        self._aggregate = _streaming(
            channel, "RunAggregationQuery", RunAggregationQueryRequest, RunAggregationQueryResponse
        )

    def commit(self, writes: Sequence[Any], timeout: timedelta) -> Any:
        """Write, and return the answer."""
        request = CommitRequest.pb()(database=self._database, writes=writes)
        try:
            return self._commit(
                request, timeout=timeout.total_seconds(), metadata=self._metadata("database", self._database)
            )
        except grpc.RpcError as error:
            raise from_grpc_error(error) from error

    def documents(self, names: Sequence[str]) -> Stream:
        request = BatchGetDocumentsRequest.pb()(database=self._database, documents=names)
        return self._batch_get, request, "database", self._database

    def query(self, parent: str, query: Any) -> Stream:
        request = RunQueryRequest.pb()(parent=parent, structured_query=query)
        return self._run_query, request, "parent", parent

    def aggregation(self, parent: str, query: Any) -> Stream:
        request = RunAggregationQueryRequest.pb()(parent=parent, structured_aggregation_query=query)
        return self._aggregate, request, "parent", parent

    def answers(self, streams: Sequence[Stream], timeout: timedelta) -> list[list[Any]]:
        """Ask all at once, and return what each answers, read to its end: a stream that breaks is begun anew."""
        try:
            begun = [
                call(request, timeout=timeout.total_seconds(), metadata=self._metadata(name, value))
                for call, request, name, value in streams
            ]
            return [list(stream) for stream in begun]
        except grpc.RpcError as error:
            raise from_grpc_error(error) from error

    def _metadata(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        return (*self._headers, routing_header.to_grpc_metadata(((name, value),)))


def _streaming(channel: Any, name: str, request: Any, response: Any) -> Any:
    return channel.unary_stream(
        f"{_SERVICE}/{name}",
        request_serializer=request.pb().SerializeToString,
        response_deserializer=response.pb().FromString,
    )


def _channel(client: Any) -> Any:
    """Return a channel like the one inside ``client``, with our options."""
    if client._emulator_host is not None:
        return grpc.insecure_channel(client._emulator_host, options=_OPTIONS)
    return FirestoreGrpcTransport.create_channel(client._target, credentials=client._credentials, options=_OPTIONS)
