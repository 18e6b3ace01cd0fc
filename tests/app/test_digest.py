"""A wide run is looked at by its digest, and nothing of it is ever missed by that (behaviour T7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.app.state import digest
from shared.app.state.repository import (
    Stored,
    completion_path,
    completions_path,
    load_run,
    read_completion,
    read_run,
    run_path,
    save_run,
)
from shared.app.sweep.sweep import SweepOptions
from shared.core.costs import operations
from shared.core.costs.operations import Operations, Unit, of
from shared.core.model import Run, State
from shared.documents import from_data
from tests.app.test_fan_in import LargePhase
from tests.app.test_operations import LOOKS, counted
from tests.core.build import NIGHT, TO4

MINUTE = timedelta(minutes=1)
MEMBERS = 60
PATH = digest.digest_path(NIGHT)


class WidePhase(LargePhase):
    """A kit whose phase has sixty members, of whom so many have reported and been seen by sweeps."""

    def __init__(self, reported: int = 50) -> None:
        super().__init__(members=MEMBERS)
        self.sweep()
        for name in self.names[:reported]:
            self.report(name)
        self.sweeps(20)

    def look(self) -> Operations:
        """Sweep once more, a minute later; return what it cost."""
        self.wait()
        return counted(self, self.sweep)

    def stored_completions(self) -> dict[str, object]:
        """Return the completions one by one, as nobody reads them who goes by the digest."""
        documents = self.store.inner.query(completions_path(NIGHT))
        return {document.id: read_completion(document).value for document in documents}  # type: ignore[union-attr]

    def read(self) -> digest.Reading:
        run = self.run()
        return digest.read_completions(self.store.inner, completions_path(NIGHT), NIGHT, digested=run.digested)


@pytest.fixture
def kit() -> WidePhase:
    return WidePhase()


def test_a_wide_run_says_that_it_has_a_digest(kit: WidePhase) -> None:
    """One document beside the run holds every completion, and expires no earlier than the run."""
    [document], [run] = kit.store.inner.get(PATH), kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    assert run is not None
    assert run.data["digested"] is True
    assert document.data["expires_at"] >= run.data["expires_at"]
    assert kit.read().completions == kit.stored_completions()
    assert kit.read().digest is not None


def test_a_narrow_run_has_none() -> None:
    """Of few completions a digest would only be read beside them."""
    kit = WidePhase(reported=digest.DIGESTED_FROM - 1)
    assert kit.store.inner.get(PATH) == [None]
    assert not kit.run().digested


def test_a_look_costs_the_same_however_many_have_reported() -> None:
    """Rows digested look and digest: of forty or fifty-five reports a look after one more reads the same."""
    costs = []
    for reported in (digest.DIGESTED_FROM + 1, 55):
        kit = WidePhase(reported)
        kit.wait(timedelta(minutes=5))
        kit.sweep()
        kit.report(kit.names[reported])
        costs.append(kit.look())
    news = of(Unit.FLUSH, 1, each=1) + of(Unit.SEEN)
    assert costs[0].reads == costs[1].reads
    assert costs[1].reads <= (LOOKS + news + of(Unit.DIGESTED_LOOK, 1, each=digest.CHANGED + 1 + 1)).reads


def test_what_is_kept_elsewhere_is_the_tables() -> None:
    """The cost model's constants are those of the digest."""
    assert operations.DIGESTED_FROM == digest.DIGESTED_FROM
    assert timedelta(minutes=operations.DIGEST_SERVES_MINUTES) == digest.SERVES
    # A report is seen by the looks of so many minutes, and changes once more when it has gone to the record.
    assert operations.READ_AGAIN == digest.OVERLAP / MINUTE + digest.CHANGED / 2 + 1


def test_what_a_clock_behind_has_written_is_seen(kit: WidePhase) -> None:
    """A report that says it was written long ago, as by a clock that is far behind, or not when: there is one more."""
    name = kit.names[55]
    for missing in (False, True):
        kit.report(name)
        path = completion_path(NIGHT, "phase3", name)
        [document] = kit.store.inner.get(path)
        assert document is not None
        data = {**document.data, digest.WRITTEN: digest.written_text(kit.clock.now() - timedelta(hours=5))}
        if missing:
            del data[digest.WRITTEN]
        kit.store.inner.update(path, data, document.version)
        assert kit.read().digest is None
        assert kit.read().completions == kit.stored_completions()
        name = kit.names[56]


def test_what_a_clock_behind_has_changed_is_read(kit: WidePhase) -> None:
    """A second report of a processor, stored two minutes ago by its handler's clock, as a sweep kept its digest."""
    for name in kit.names[50:54]:
        kit.report(name)
    kit.look()
    made = kit.read().digest
    assert made is not None
    instant = kit.clock.instant
    kit.clock.instant = instant - timedelta(minutes=2)
    kit.report(kit.names[0])
    kit.clock.instant = instant
    assert made.as_of >= instant - timedelta(minutes=1)
    assert kit.read().digest == made
    assert kit.read().completions == kit.stored_completions()


def test_a_look_after_most_of_an_hour_builds_upon_the_same_reading(kit: WidePhase) -> None:
    """Reports keep the digest new; when all was read one by one stays what it was, until it is an hour ago."""
    first = kit.read().digest
    assert first is not None
    for name in kit.names[:20]:
        kit.report(name)
    kit.look()
    later = kit.read().digest
    assert later is not None
    assert later.as_of > first.as_of
    assert later.whole_at == first.whole_at


def test_a_document_of_a_revision_without_digests_is_seen_within_the_hour(kit: WidePhase) -> None:
    """It writes a completion that was there before and says not when: sweeps read every one of them once an hour."""
    path = completion_path(NIGHT, "phase3", kit.names[0])
    [document] = kit.store.inner.get(path)
    assert document is not None
    data = {**document.data, "superseded": 7}
    del data[digest.WRITTEN]
    kit.store.inner.update(path, data, document.version)
    assert kit.read().completions != kit.stored_completions()
    kit.wait(digest.SERVES)
    kit.sweep()
    assert kit.read().completions == kit.stored_completions()


def test_whoever_asks_reads_every_completion(kit: WidePhase) -> None:
    """A sweep that a person asks for, and the first after an outage of the store, build upon nothing."""
    for lost in (False, True):
        kit.wait(MINUTE)
        if lost:
            kit.ctx.memory.state_down_since = kit.clock.now() - timedelta(minutes=10)
        options = SweepOptions() if lost else SweepOptions(day=NIGHT.day)
        assert counted(kit, lambda options=options: kit.sweep(options)).reads > 50  # type: ignore[misc]


@pytest.mark.parametrize("what", ["gone", "no text", "cut", "of a later version", "no document"])
def test_a_digest_that_nobody_can_read_is_as_none(kit: WidePhase, what: str) -> None:
    """Everything is read, and the next sweep writes it anew."""
    [document] = kit.store.inner.get(PATH)
    assert document is not None
    text = document.data["completions"]
    broken = {
        "no text": {**document.data, "completions": "ö"},
        "cut": {**document.data, "completions": text[: len(text) // 2]},
        "of a later version": {**document.data, "completions": digest._packed([{"phase": 3}])},  # type: ignore[list-item]
        "no document": {"expires_at": kit.clock.now()},
    }
    if what == "gone":
        kit.store.inner.delete(PATH)
    else:
        kit.store.inner.update(PATH, broken[what], document.version)
    assert kit.read().digest is None
    assert kit.read().completions == kit.stored_completions()
    kit.sweep(SweepOptions(day=NIGHT.day))
    assert kit.read().digest is not None


def test_a_digest_that_no_document_can_hold_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store refuses a document of more than a mebibyte: the run is read as ever."""
    monkeypatch.setattr(digest, "LARGEST", 1000)
    kit = WidePhase()
    assert kit.store.inner.get(PATH) == [None]
    assert not kit.run().digested


def test_a_run_that_forgets_its_digest_finds_it_again(kit: WidePhase) -> None:
    """A revision without digests writes the run's document without the mark; the next look writes both."""
    before = read_run(kit.store.inner.get(run_path(NIGHT))[0])
    assert before is not None
    forgetful = Stored(replace(before.value, digested=False), before.version)
    assert save_run(kit.store.inner, forgetful, kit.policy) is not None
    kit.report(kit.names[57])
    kit.look()
    assert kit.run().digested
    assert kit.read().digest is not None
    assert kit.read().completions == kit.stored_completions()


def test_the_last_report_of_a_wide_run_is_decided_on_by_a_sweep() -> None:
    """A handler that stores the last report and dies: the next sweep finds it beside the digest and triggers."""
    kit = WidePhase(MEMBERS - 1)
    assert kit.state(TO4).state is State.WAITING
    last = kit.names[-1]
    other = WidePhase(MEMBERS - 1)
    other.report(last)
    [document] = other.store.inner.get(completion_path(NIGHT, "phase3", last))
    assert document is not None
    now = digest.written_text(kit.clock.now())
    kit.store.inner.create(document.path, {**document.data, digest.WRITTEN: now})
    kit.wait(timedelta(minutes=15))  # nobody has made the run due: all open runs are looked at by then
    cost = counted(kit, kit.sweep)
    assert kit.state(TO4).state is State.DISPATCHED
    assert cost.reads < MEMBERS


def test_a_run_of_an_older_revision_has_no_digest() -> None:
    """Its document does not say; nothing is looked for."""
    data = {"key": {"pipeline": "nba", "day": "2026-01-21", "mode": "overnight", "lane": "live"}}
    assert not from_data(Run, {**data, "opened_at": WidePhase(0).clock.now()}).digested


@pytest.fixture(scope="module")
def small_digests() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "DIGESTED_FROM", 3)
        yield


steps = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 5, 16, 61])),
        st.tuples(st.just("sweep"), st.just(0)),
        st.tuples(st.just("behind"), st.sampled_from([0, 60, 120])),
    ),
    min_size=5,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps=steps, chance=st.randoms(use_true_random=False))
@pytest.mark.usefixtures("small_digests")
def test_whatever_happens_the_digest_reads_what_is_stored(steps: list[tuple[str, int]], chance: Random) -> None:
    """Reports, again and again, by handlers whose clocks are up to two minutes behind, sweeps and time: at any moment
    whoever reads the run reads what its documents hold, and the command line too."""
    kit = LargePhase()
    kit.sweep()
    for what, number in steps:
        match what:
            case "report":
                kit.report(kit.names[number], chance.choice(["started", "failed", "success", "partial"]))
            case "behind":
                instant = kit.clock.instant
                kit.clock.instant = instant - timedelta(seconds=number)
                kit.report(kit.names[chance.randrange(10)])
                kit.clock.instant = instant
            case "wait":
                kit.wait(number * MINUTE)
            case "sweep":
                kit.sweep()
        documents = kit.store.inner.query(completions_path(NIGHT))
        truth = {document.id: read_completion(document).value for document in documents}  # type: ignore[union-attr]
        run = kit.run()
        reading = digest.read_completions(kit.store.inner, completions_path(NIGHT), NIGHT, digested=run.digested)
        assert reading.completions == truth
        loaded = load_run(kit.store.inner, NIGHT).completions
        assert {digest.completion_id(c) for phase in loaded.values() for c in phase.values()} == truth.keys()
