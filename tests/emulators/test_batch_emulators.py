"""300 members on Firestore and Pub/Sub: reports come twice, processes die at writes, three percent never answer."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

import pytest

from shared.adapters.google.firestore import FirestoreStore
from shared.core.batches.batch import Cause
from tests.emulators.batch_night import BatchNight
from tests.emulators.gcloud import patient
from tests.emulators.push import PushWire

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("firestore")]
MEMBERS, SILENT = 300, 9


@pytest.fixture
def wire(firestore_host: str, pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushWire]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    patient(monkeypatch)
    wire = PushWire(f"demo-batch-{token_hex(4)}")
    yield wire
    wire.close()


def test_three_hundred_members_end_exactly_once(wire: PushWire) -> None:
    """Nothing is lost or counted twice: 291 reported, one end at 97 percent names the nine silent ones."""
    night = BatchNight(FirestoreStore(wire.project), wire, MEMBERS, silent=SILENT, dying=0.02)
    played = night.play()
    assert played.died > 0
    assert played.unacknowledged == 0
    assert played.outcomes == MEMBERS - SILENT
    assert set(played.requests) == set(night.members)
    bodies = {(end["trigger_id"], end["generation"]) for end in played.ends}
    assert len(bodies) == 1
    assert len(played.ends) <= 2, "said again by who died before it was written down, under the same id"
    [end] = played.ends[:1]
    assert (end["status"], end["metadata"]["completion_pct"], end["record_count"]) == ("partial", 97.0, 3 * 291)
    assert end["missing"] == night.members[-SILENT:]
    assert played.batch.closing is not None
    assert played.batch.closing.cause is Cause.IDLE
