"""A document that nobody can read, whatever it is of, stops no sweep and starts nothing that it may keep back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.state.repository import pauses_path
from tests.app.handlers_kit import HandlersKit
from tests.app.test_newer_documents import whole_night
from tests.core.build import NIGHT, PHASE3, TO4
from tests.policy_files import PRODUCTION

CONFUSED = {"confused": True}
PAUSES = pauses_path("nba")


def spoil(kit: HandlersKit, path: str) -> None:
    """Put something else in the place of each field of a document; an alert is found by every query there is."""
    [document] = kit.store.inner.get(path)
    assert document is not None
    kept = ("status", "pipeline", "expires_at")
    spoilt = {name: value if name in kept else CONFUSED for name, value in document.data.items()}
    if path.startswith("alerts/"):
        spoilt |= {"unsent": True, "standing": True, "recorded": False}
    kit.store.inner.update(path, spoilt, document.version)


def an_alert(kit: HandlersKit) -> str:
    return next(document.path for document in kit.store.inner.query("alerts"))


PLACES: dict[str, Callable[[HandlersKit], str]] = {
    "alert": an_alert,
    "breaker": lambda _: "breakers/nba~record",
    "pauses": lambda _: PAUSES,
    "a run": lambda _: f"runs/{NIGHT.id.replace('/', '~')}",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_document_that_nobody_can_read_stops_no_sweep(place: str) -> None:
    """Alerts are sent all the same: one that was pending, and that something is wrong, in the log or to a person."""
    kit = whole_night()
    kit.orch("pause", "--mode", "tomorrow", "--reason", "playoffs")
    kit.fail("slack")
    kit.deliver(PHASE3[0], "failed", message_id="f-1", mode="same_day", error_message="no source")
    kit.take("phase3", b"[]", "m-pending")
    kit.restore()
    spoil(kit, PLACES[place](kit))
    before = len(kit.sink.taken)
    answers = kit.sweeps(4)
    assert {answer.status for answer in answers} <= {200, 207}
    assert any("not a JSON object" in notice.text for _, notice in kit.sink.taken[before:])
    events = [line for line in ("alert.unreadable", "breaker.unreadable") if kit.logged(line)]
    assert events or kit.notices("fault")


def test_pauses_that_nobody_can_read_let_nothing_go() -> None:
    """T8: what they may keep back is not triggered by the sweep; a critical alert says which document it is, once."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3[:-1], records=200)
    kit.orch("pause", "--transition", TO4, "--reason", "looking into it")
    spoil(kit, PAUSES)
    answers = kit.sweeps(120)
    assert {answer.status for answer in answers} == {207}
    assert kit.trigger_ids == []
    [notice] = kit.notices("fault")
    assert (notice.severity, PAUSES in notice.text) == ("critical", True)
    kit.store.inner.delete(PAUSES)
    assert kit.sweep().status == 200
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    kit.sweeps(3)
    assert kit.notices("fault", resolved=True)


def test_a_batch_that_nobody_can_read_stops_no_sweep() -> None:
    """The batch is told by the name of its document, once, with whatever else the sweep has to tell."""
    kit = HandlersKit(policy=load_policy(PRODUCTION))
    spoilt = {"active": True, "pipeline": "nba", "id": CONFUSED, "run": CONFUSED}
    kit.store.inner.create("batches/spoilt", spoilt)
    answers = kit.sweeps(3)
    assert {answer.status for answer in answers} <= {200, 207}
    assert ["batches/spoilt" in text for text in kit.texts("fault")] == [True]
