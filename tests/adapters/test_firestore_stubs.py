"""What the Firestore store sends, beside what Google's generated client sends, to a server that listens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    CommitRequest,
    RunAggregationQueryRequest,
    RunQueryRequest,
    StructuredAggregationQuery,
    StructuredQuery,
    Write,
)

from shared.adapters.google.firestore.rpc import ATTEMPT
from shared.adapters.google.firestore.store import FirestoreStore
from shared.adapters.google.firestore.stubs import Stubs
from shared.core.errors import Unavailable

DATABASE = "projects/demo-stubs/databases/(default)"
ROOT = f"{DATABASE}/documents"
PATIENCE = 20.0
# What a call sends of itself, whoever makes it, and how it was compiled.
OF_THE_CHANNEL = ("user-agent", "grpc-accept-encoding")


@dataclass
class Call:
    """One call as it arrived: the procedure, its headers, the bytes of its request."""

    method: str
    headers: frozenset[tuple[str, str | bytes]]
    request: bytes


@dataclass
class Listening:
    """A server that answers nothing but keeps what it is asked; ``together`` holds each call until so many are there.

    With ``refuses`` it answers that status.
    """

    together: threading.Barrier | None = None
    refuses: grpc.StatusCode | None = None
    calls: list[Call] = field(default_factory=list)

    def heard(self, method: str, request: bytes, context: Any) -> None:
        headers = frozenset((key, value) for key, value in context.invocation_metadata() if key not in OF_THE_CHANNEL)
        self.calls.append(Call(method, headers, request))
        if self.refuses is not None:
            context.abort(self.refuses, "refused (test)")
        if self.together is not None:
            self.together.wait(PATIENCE)


class Handler(grpc.GenericRpcHandler):
    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def service(self, details: Any) -> Any:
        method = details.method.rsplit("/", 1)[-1]

        def one(request: bytes, context: Any) -> bytes:
            self._listening.heard(method, request, context)
            return b""

        def stream(request: bytes, context: Any) -> Iterator[bytes]:
            self._listening.heard(method, request, context)
            return iter(())

        if method == "Commit":
            return grpc.unary_unary_rpc_method_handler(one)
        return grpc.unary_stream_rpc_method_handler(stream)


@contextmanager
def served(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=(Handler(listening),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
    try:
        yield
    finally:
        server.stop(None).wait()


def generated(client: Any) -> FirestoreClient:
    channel = grpc.insecure_channel(client._emulator_host)
    return FirestoreClient(transport=FirestoreGrpcTransport(host=client._target, channel=channel))


def test_each_call_is_what_the_generated_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Procedure, headers by which the service routes and bills, and request: of all four the same, byte for byte."""
    listening = Listening()
    query = StructuredQuery(from_=[StructuredQuery.CollectionSelector(collection_id="completions")])
    aggregation = StructuredAggregationQuery(structured_query=query)
    write, name, parent = Write(delete=f"{ROOT}/runs/a"), f"{ROOT}/runs/a", f"{ROOT}/runs/a~b/c"
    with served(listening, monkeypatch):
        client = firestore.Client(project="demo-stubs")
        theirs, options = generated(client), {"metadata": client._rpc_metadata, "retry": None}
        theirs.commit(request=CommitRequest(database=DATABASE, writes=[write]), **options)
        list(
            theirs.batch_get_documents(request=BatchGetDocumentsRequest(database=DATABASE, documents=[name]), **options)
        )
        list(theirs.run_query(request=RunQueryRequest(parent=parent, structured_query=query), **options))
        counting = RunAggregationQueryRequest(parent=parent, structured_aggregation_query=aggregation)
        list(theirs.run_aggregation_query(request=counting, **options))
        expected, listening.calls = listening.calls, []
        ours = Stubs(client, DATABASE)
        ours.commit([Write.pb(write)], ATTEMPT)
        ours.answers([ours.documents([name])], ATTEMPT)
        ours.answers([ours.query(parent, StructuredQuery.pb(query))], ATTEMPT)
        ours.answers([ours.aggregation(parent, StructuredAggregationQuery.pb(aggregation))], ATTEMPT)
    assert [call.method for call in expected] == ["Commit", "BatchGetDocuments", "RunQuery", "RunAggregationQuery"]
    assert listening.calls == expected


def test_a_query_and_documents_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither waits for the other: a server that answers none before both are there answers both."""
    listening = Listening(together=threading.Barrier(2))
    with served(listening, monkeypatch):
        documents, named = FirestoreStore("demo-stubs").query_and_get("runs/a/completions", None, "runs/a", "runs/b")
    assert (documents, named) == ([], [None, None])
    assert {call.method for call in listening.calls} == {"RunQuery", "BatchGetDocuments"}


@pytest.mark.parametrize("asked", ["get", "query_and_get", "create"])
def test_a_refusal_is_unavailable_with_its_reason(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """What the service refuses for good is asked once, and its words are in the error."""
    listening = Listening(refuses=grpc.StatusCode.PERMISSION_DENIED)
    arguments: dict[str, tuple[Any, ...]] = {
        "get": ("runs/a",),
        "query_and_get": ("runs/a/completions", None, "runs/a"),
        "create": ("runs/a", {}),
    }
    with served(listening, monkeypatch):
        store = FirestoreStore("demo-stubs")
        with pytest.raises(Unavailable, match=r"refused \(test\)") as raised:
            getattr(store, asked)(*arguments[asked])
    assert isinstance(raised.value.__cause__, PermissionDenied)
    methods = [call.method for call in listening.calls]
    assert len(methods) == len(set(methods))
