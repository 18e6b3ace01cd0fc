"""The names of stored fields: a contract with the revisions before and after, which read each other's documents."""

from __future__ import annotations

from dataclasses import fields

import pytest

from shared.app.state.calendar_readings import CalendarReading
from shared.core.alerting.alert import Alert
from shared.core.decision.pause import PauseBook
from shared.core.model import Completion, Run, TransitionState

# What revisions in use write. A name may be added; one that goes or changes loses state at an upgrade or a rollback.
STORED: dict[type, str] = {
    TransitionState: """
        acts attempt blocked carried claim confirmed_at dispatched_at dispatches failure generation
        held_since hold last_dispatched_at opened_at plan refreshes request state steps_proven triggered_at
        unproven unrecorded
    """,
    Completion: """
        added failures good last_received_at latest message_ids openers phase processor sources started_at
        superseded trigger_ids unrecorded
    """,
    Alert: """
        count ended_at ended_by expires_at fingerprint first_at in_doubt kind last_at lasting pending quiet recorded
        refused resolved_at retry_at run said_at sending_until severity standing subject taken text threads
        transition unsent
    """,
    PauseBook: """
        numbered pauses unrecorded
    """,
    CalendarReading: """
        empty
    """,
    Run: """
        baseline closed_at final_at key opened_at policy_version reopened_at repairs units
    """,
}


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_no_stored_name_is_lost(kind: type) -> None:
    """Each name that is stored today is still written for a field, whatever the field is called."""
    stored_as = getattr(kind, "STORED_AS", {})
    written = {stored_as.get(field.name, field.name) for field in fields(kind)}
    assert set(STORED[kind].split()) - written == set()
    assert stored_as.keys() <= {field.name for field in fields(kind)}
