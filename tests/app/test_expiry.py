"""What Firestore may delete by itself: nothing of a run that is open, however old its date is (behaviour T5, 12)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.core.calendar import KEPT
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, PHASE3, TO4

MONTHS_AGO = DAY - timedelta(days=200)


def documents_of(kit: HandlersKit, day: date) -> dict[str, Any]:
    """Return the documents of the runs of a date by path: of the run itself, and of what lies below it."""
    run = f"runs/nba~{day.isoformat()}~"
    collections = ["runs"] + [
        f"{document.path}/{below}"
        for document in kit.store.inner.query("runs")
        for below in ("completions", "transitions")
    ]
    documents = (document for name in collections for document in kit.store.inner.query(name))
    return {document.path: document.data for document in documents if document.path.startswith(run)}


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


@pytest.mark.parametrize("lane", ["live", "backfill"])
def test_what_is_triggered_for_a_date_of_last_season_is_kept(kit: HandlersKit, lane: str) -> None:
    """The time counts from the writing: else the claim of a dispatch could go while it is in flight, and a sweep would
    find the transition untouched."""
    status, text = kit.orch(
        "trigger", TO4, MONTHS_AGO.isoformat(), "--mode", "overnight", "--lane", lane, "--reason", "again", "--new-run"
    )
    assert status == 0, text
    kept = documents_of(kit, MONTHS_AGO)
    assert len(kept) >= 2, kept.keys()
    assert {path for path, data in kept.items() if data["expires_at"] < kit.clock.now() + KEPT} == set()


def test_a_run_that_is_opened_again_is_kept_as_long_as_a_new_one(kit: HandlersKit) -> None:
    """Closed at its age, and opened by an operator after its documents would have expired."""
    for processor in PHASE3:
        kit.deliver(processor, records=200)
    kit.wait(KEPT + timedelta(days=4))
    kit.sweep()
    status, text = kit.orch("trigger", TO4, DAY.isoformat(), "--mode", "overnight", "--reason", "again")
    assert status == 0, text
    kept = documents_of(kit, DAY)
    changed = {path: data for path, data in kept.items() if "/completions/" not in path}
    assert len(changed) >= 2
    assert {path for path, data in changed.items() if data["expires_at"] < kit.clock.now() + KEPT} == set()


def test_a_report_of_an_old_date_is_kept(kit: HandlersKit) -> None:
    """It opens a run that is looked at once more: neither is deleted beforehand."""
    kit.deliver(PHASE3[0], records=200, game_date=MONTHS_AGO.isoformat())
    kept = documents_of(kit, MONTHS_AGO)
    assert len(kept) == 2
    assert {path for path, data in kept.items() if data["expires_at"] < kit.clock.now() + KEPT} == set()
