"""A completion is stored without what is empty in it, and read as what it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.app.state.repository import completion_data, read_completion
from shared.core.decision.fold import apply_report
from shared.core.model import Cause, ClockStarter, Completion, Outcome, Report
from shared.documents import from_data, to_data, to_sparse_data
from shared.ports import Document
from tests.core.build import NIGHT, PGS, POLICY, T0

texts = st.sampled_from(["", "a", "null"])
instants = st.integers(0, 10**9).map(lambda seconds: T0 + timedelta(seconds=seconds))
numbers = st.none() | st.integers(0, 3)
reports = st.builds(
    Report,
    message_id=texts,
    outcome=st.sampled_from(Outcome),
    occurred_at=instants,
    received_at=instants,
    records=numbers,
    expected_records=numbers,
    percent=st.none() | st.sampled_from([0.0, 57.5]),
    error=texts,
    is_incremental=st.none() | st.booleans(),
    entities=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
    unit=texts,
    phase=st.just("phase3"),
    processor=st.just(PGS),
)
starters = st.builds(ClockStarter, instants, numbers, st.booleans(), st.booleans())


def completions(sources: Any) -> Any:
    return st.builds(
        Completion,
        phase=st.just("phase3"),
        processor=st.just(PGS),
        latest=st.none() | reports,
        last_good=st.none() | reports,
        started_at=st.none() | instants,
        clock_starters=st.lists(starters, max_size=2).map(tuple),
        superseded=st.integers(0, 2),
        failures=st.lists(st.builds(Cause, texts, st.integers(0, 2)), max_size=2).map(tuple),
        message_ids=st.lists(texts, max_size=2).map(tuple),
        pending_audit=st.lists(reports, max_size=2).map(tuple),
        added=st.integers(0, 2),
        sources=sources,
        units=st.lists(texts, max_size=2).map(tuple),
    )


@given(completions(st.dictionaries(texts, completions(st.just({})), max_size=2)))
def test_what_is_left_out_is_read_again(completion: Completion) -> None:
    """A completion is what it was, loaders of a name included, and no field is there that the whole document lacks."""
    whole, sparse = to_data(completion), to_sparse_data(completion)
    assert from_data(Completion, sparse) == from_data(Completion, whole) == completion
    assert sparse.keys() <= whole.keys()
    assert all(sparse[name] == whole[name] for name in ("phase", "processor"))


@given(completions(st.just({})))
def test_a_document_from_before_is_read_too(completion: Completion) -> None:
    """The revision before stored every field, and reads what lacks some: either reads what the other wrote."""
    read = read_completion(Document("runs/a/completions/b", {**to_data(completion), "expires_at": T0}, "1"))
    assert read is not None
    assert read.value == completion


def test_an_ordinary_report_is_half_the_fields() -> None:
    """The store indexes each of them, and an ordinary message fills few."""
    report = Report("m-1", "phase3", PGS, Outcome.SUCCESS, T0, T0, 203, correlation_id="c")
    completion = apply_report(None, report)
    sparse = completion_data(completion, NIGHT, POLICY, T0, T0)
    assert _leaves(sparse) < _leaves(to_data(completion)) / 2


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values())) or 1
    if isinstance(value, list | tuple):
        return sum(map(_leaves, value)) or 1
    return 1
