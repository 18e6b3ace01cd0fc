"""Google's Firestore and Pub/Sub emulators as fixtures: one of each for the session, started when first asked for.

Tests that stop and restart one run their own, with ``firestore_emulator()`` or ``pubsub_emulator()``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from typing import NoReturn

import pytest

from shared.simulation.emulators import Emulator, EmulatorMissing, firestore_emulator, pubsub_emulator

__all__ = ["firestore_emulator", "firestore_host", "patient", "pubsub_emulator", "pubsub_host"]

PATIENT = timedelta(seconds=60)


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """Host and port of a Firestore emulator; take a fresh project id for each test."""
    yield from _host(firestore_emulator)


@pytest.fixture(scope="session")
def pubsub_host() -> Iterator[str]:
    """Host and port of a Pub/Sub emulator; take fresh topic names for each test."""
    yield from _host(pubsub_emulator)


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls of the state store take as long as a busy machine needs: for tests that are not about their limits."""
    from shared.adapters.google.firestore import rpc  # Google's library, for those who ask for an emulator only

    monkeypatch.setattr(rpc, "ATTEMPT", PATIENT)
    monkeypatch.setattr(rpc, "RETRY", PATIENT)


def _host(run: Callable[[], AbstractContextManager[Emulator]]) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            emulator = stack.enter_context(run())
        except EmulatorMissing as missing:
            skip_or_fail(str(missing))
        yield emulator.host


def skip_or_fail(reason: str) -> NoReturn:
    """Skip, or fail where ``REQUIRE_EMULATORS=1`` says that nothing may be left out."""
    if os.environ.get("REQUIRE_EMULATORS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
