"""What only the Firestore store has: a bill, a wire, and an emulator that really goes away."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from shared.adapters.google.firestore import FirestoreStore, rpc
from shared.core.errors import Unavailable
from shared.simulation.emulators import EmulatorMissing, firestore_emulator
from tests.emulators.gcloud import patient, skip_or_fail

ROOT = Path(__file__).parents[2]
# Far from both the two minutes that a channel left to itself takes, and from what a busy machine adds.
LONGEST = timedelta(seconds=60)
SHORT = timedelta(seconds=1)


class LossyProxy:
    """Passes bytes on to ``target``; told to ``lose``, swallows what comes back, and cuts the connection in the end."""

    def __init__(self, target: str) -> None:
        self._carried_out: Callable[[], bool] | None = None
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> LossyProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def lose(self, carried_out: Callable[[], bool]) -> None:
        """Lose the next answer: pass nothing on from now, and cut once what was asked is carried out."""
        self._carried_out = carried_out

    def _accept(self) -> None:
        address, port = self._target.split(":")
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((address, int(port)))
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                carried_out = self._carried_out
                if answers and carried_out is not None:
                    while not carried_out():
                        time.sleep(0.01)
                    self._carried_out = None
                    break
                sink.sendall(data)
        for side in (source, sink):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def store(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> FirestoreStore:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    patient(monkeypatch)
    return FirestoreStore(f"demo-{token_hex(6)}")


def test_operations_are_counted_as_they_are_billed(store: FirestoreStore) -> None:
    """A query costs what it returns and at least one read, a count one, an absent document one, a refusal one write."""
    for name in "abc":
        store.create(f"runs/{name}", {"n": 1})
    store.create("runs/a", {"n": 2})
    assert store.operations == {"writes": 4}
    store.get("runs/a", "runs/nobody")
    assert store.operations["reads"] == 2
    store.query("runs")
    assert store.operations["reads"] == 5
    store.query("nothing")
    store.count("runs")
    assert store.operations["reads"] == 7
    store.delete("runs/a")
    store.delete("runs/a")
    assert store.operations == {"writes": 4, "reads": 7, "deletes": 2}


def test_nothing_of_google_is_imported_before_the_first_operation() -> None:
    """A function that has not touched its state has not paid for the library."""
    code = (
        "import sys; from shared.adapters.google.firestore import FirestoreStore; FirestoreStore('demo-x');"
        "print([name for name in sys.modules if name.startswith(('google.api_core', 'google.cloud.', 'grpc'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lost_answer_is_not_taken_for_a_lost_race(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that went through but whose answer got lost is an unknown outcome: its own retry must not say None."""
    patient(monkeypatch)
    project = f"demo-{token_hex(6)}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    direct = FirestoreStore(project)
    assert direct.get("claims/a") == [None]
    with LossyProxy(firestore_host) as proxy:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.host)
        store = FirestoreStore(project)
        version = store.create("claims/a", {"n": 0})
        assert version is not None
        proxy.lose(lambda: direct.get("claims/b") != [None])
        with pytest.raises(Unavailable, match="outcome unknown"):
            store.create("claims/b", {"owner": "us"})
        proxy.lose(lambda: [document and document.data for document in direct.get("claims/a")] == [{"n": 1}])
        with pytest.raises(Unavailable, match="outcome unknown"):
            store.update("claims/a", {"n": 1}, version)
        documents = store.get("claims/a", "claims/b")
        assert [document and document.data for document in documents] == [{"n": 1}, {"owner": "us"}]
        assert store.create("claims/b", {"owner": "us"}) is None


@pytest.mark.slow
def test_an_outage_is_unavailable_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store hangs or is gone a call ends in bounded time; once it is back the same object works."""
    try:
        running = firestore_emulator()
        with running as emulator:
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
            patient(monkeypatch)
            store = FirestoreStore("demo-outage")
            version = store.create("runs/a", {"n": 1})
            assert version is not None
            emulator.pause()
            assert _seconds_until_unavailable(store, monkeypatch) < LONGEST.total_seconds()
            emulator.resume()
            assert store.get("runs/a") != [None]
            emulator.stop()
            assert _seconds_until_unavailable(store, monkeypatch) < LONGEST.total_seconds()
            emulator.start()
            begun = time.monotonic()
            assert store.get("runs/a") == [None]
            assert store.create("runs/a", {"n": 1}) is not None
            assert time.monotonic() - begun < LONGEST.total_seconds()
    except EmulatorMissing as missing:
        skip_or_fail(str(missing))


def test_a_deployed_call_takes_ten_seconds_at_most() -> None:
    """The last attempt begins within the one limit and ends within the other."""
    assert timedelta(seconds=10) >= rpc.RETRY + rpc.ATTEMPT


def _seconds_until_unavailable(store: FirestoreStore, monkeypatch: pytest.MonkeyPatch) -> float:
    with monkeypatch.context() as limited:
        limited.setattr(rpc, "ATTEMPT", SHORT)
        limited.setattr(rpc, "RETRY", 2 * SHORT)
        begun = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            store.create(f"runs/{token_hex(6)}", {"n": 1})
        assert caught.value.port == "state"
        return time.monotonic() - begun
