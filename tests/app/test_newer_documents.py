"""After a rollback a version reads what the one after it wrote: unknown fields and unknown words, in every document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Any, get_args, get_origin

import pytest

from shared.app.quarantine.rows import Row
from shared.app.state.calendar_readings import NO_UNITS, CalendarReading, note
from shared.app.state.upkeep import Upkeep
from shared.app.sweep import repair_budget
from shared.app.sweep.repair_budget import Spent
from shared.core.alerting.alert import Alert, Pending
from shared.core.alerting.kinds import Lifecycle
from shared.core.circuit_breaker import Circuit
from shared.core.decision.pause import PauseBook
from shared.core.model import Completion, Outcome, Run, State, TransitionState
from shared.documents import _fields, from_data, to_data
from shared.ports import Document
from tests.app.handlers_kit import HandlersKit
from tests.core.build import CACHE, DAY, NIGHT, PGS, PHASE3, TO4

LATER = "a word of tomorrow"


@dataclass(frozen=True, slots=True)
class Kind:
    """Which dataclass the documents of a collection are read as."""

    collection: str
    read_as: type


KINDS = (
    Kind("runs", Run),
    Kind("completions", Completion),
    Kind("transitions", TransitionState),
    Kind("alerts", Alert),
    Kind("breakers", Circuit),
    Kind("quarantine", Row),
    Kind("pauses", PauseBook),
    Kind("repair_budgets", Spent),
    Kind("calendars", CalendarReading),
    Kind("sweeps", Upkeep),
)
# Read field by field, as what they say is no dataclass of the core's.
PLAIN = {"locks", "quarantine_bounds"}


def whole_night() -> HandlersKit:
    """Return a kit with a document of every kind: reports, triggers, alerts, a breaker, quarantine."""
    kit = HandlersKit().ordinary()
    kit.take("phase3", b"not json", "m-junk")
    kit.finish(*PHASE3[:-1], records=200)
    kit.deliver(PHASE3[-1], "failed", error_message="no source")
    kit.fail("record")
    kit.sweeps(40)
    kit.restore()
    kit.deliver(CACHE, "started")
    repair_budget.take(kit.ctx, kit.clock.now())
    note(kit.ctx, {DAY + timedelta(days=1): NO_UNITS}, DAY)
    kit.orch("pause", "--mode", "tomorrow", "--reason", "between two rounds")
    return kit


def documents(kit: HandlersKit, kind: Kind) -> list[Document]:
    store = kit.store.inner
    if kind.collection in ("completions", "transitions"):
        return list(store.query(f"runs/{NIGHT.id.replace('/', '~')}/{kind.collection}"))
    return list(store.query(kind.collection))


def words(kind: Any, data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each place of a document that holds an enum's word and that an older version can do without."""
    for name, hint in _fields(kind).items():
        if isinstance(hint, type) and issubclass(hint, Enum) and hasattr(hint, "of_later_version") and name in data:
            yield data, name


def test_every_kind_of_document_is_looked_at_here() -> None:
    """A collection that is added stands in this file: what a night leaves is read as what it says."""
    assert set(whole_night().store.inner._collections) == {
        *PLAIN,
        *(kind.collection for kind in KINDS if kind.collection not in ("completions", "transitions")),
        *(f"runs/{NIGHT.id.replace('/', '~')}/{name}" for name in ("completions", "transitions")),
        *(f"{row.path}/bodies" for row in documents(whole_night(), KINDS[5])),
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.collection)
def test_a_document_of_the_next_version_is_read(kind: Kind) -> None:
    """A field more at every level and every word another: it is read, and what is known of it is as it was."""
    listed = documents(whole_night(), kind)
    assert listed
    for document in listed:
        before = from_data(kind.read_as, document.data)
        data = with_more(kind.read_as, to_data(before))
        assert from_data(kind.read_as, data) == before
        for place, name in words(kind.read_as, data):
            place[name] = LATER
        read = from_data(kind.read_as, data)
        names = [name for name, hint in _fields(kind.read_as).items() if not _is_word(hint)]
        assert {name: getattr(read, name) for name in names} == {name: getattr(before, name) for name in names}


def _is_word(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def with_more(kind: Any, value: Any) -> Any:
    """Return data of a type with a field that nobody knows, in it and in every dataclass in it."""
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
        field_types = _fields(kind)
        return {"added_later": {"x": [1]}} | {
            name: with_more(field_types.get(name), item) for name, item in value.items()
        }
    inner = [argument for argument in get_args(kind) if argument not in (type(None), ...)]
    if inner and isinstance(value, dict) and get_origin(kind) is dict:
        return {name: with_more(inner[-1], item) for name, item in value.items()}
    if inner and isinstance(value, list | tuple):
        return [with_more(inner[0], item) for item in value]
    return with_more(inner[0], value) if inner else value


@pytest.mark.parametrize("state", list(State))
def test_an_unknown_state_is_never_dispatched_anew(state: State) -> None:
    """Whatever the newer version called it: what was dispatched stays so, what was claimed keeps its lease."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3, records=200)
    transition_state = kit.state(TO4)
    for stored in (transition_state, replace(transition_state, confirmed_at=kit.clock.now())):
        read = from_data(TransitionState, {**to_data(replace(stored, state=state)), "state": LATER})
        assert read.state in (State.DISPATCHED, State.CONFIRMED)
        assert read.accepted_plan == stored.accepted_plan


def test_an_unknown_outcome_never_counts_and_an_unknown_alert_is_not_kept_back() -> None:
    """Failed rather than done; sent rather than forgotten; said once rather than for ever."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    completion = kit.completion(PGS)
    assert completion is not None
    data = to_data(completion)
    data["latest"]["outcome"] = LATER
    read = from_data(Completion, data)
    assert read.latest is not None
    assert read.latest.outcome is Outcome.FAILED
    assert Pending.of_later_version({}) is Pending.ALERT
    assert Lifecycle.of_later_version({}) is Lifecycle.ONCE


def test_sweeps_go_on_with_documents_of_the_next_version() -> None:
    """All of a night's transitions and completions are of tomorrow: nothing is at fault, nothing leaves twice."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3, records=200)
    sent = list(kit.trigger_ids)
    for kind in KINDS[1:3]:
        for document in documents(kit, kind):
            data = with_more(kind.read_as, dict(document.data))
            for place, name in words(kind.read_as, data):
                place[name] = LATER
            kit.store.inner.update(document.path, data, document.version)
    kit.wait(timedelta(minutes=2))
    answers = kit.sweeps(5)
    assert {answer.status for answer in answers} == {200}
    assert kit.trigger_ids == sent


def test_what_no_version_wrote_is_refused_by_name() -> None:
    """An amount where a time belongs is no later version's word."""
    with pytest.raises(ValueError, match=r"no Run: .*opened_at"):
        from_data(Run, {"key": {"pipeline": "nba", "day": "2026-01-21", "mode": "overnight"}, "opened_at": 7.5})
