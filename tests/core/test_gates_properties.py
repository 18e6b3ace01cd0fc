"""What holds of any reading of a gate (behaviour D4)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.decision.gates import Readings, Verdict, evaluate
from shared.core.policy.transitions import Gate, GateKind, OnMissing, OnUnreadable
from tests.core.build import POLICY, TO5, done, snapshot

TABLES = {name: p.table or "" for name, p in POLICY.phases["phase4"].processors.items()}
EVERYBODY = snapshot(*done(*TABLES), transition=TO5)
some_rows = st.dictionaries(st.sampled_from(sorted(TABLES)), st.none() | st.integers(0, 3))
rows_gates = st.builds(
    Gate,
    st.just("rows"),
    st.just(GateKind.ROWS),
    at_least=st.none() | st.integers(1, 6),
    min_rows=st.integers(1, 3),
    on_missing=st.sampled_from(OnMissing),
    on_unreadable=st.sampled_from(OnUnreadable),
)


def verdict(gate: Gate, odd: dict[str, int | None]) -> Verdict:
    rows = {table: odd.get(name, 5) for name, table in TABLES.items()}
    return evaluate((gate,), EVERYBODY.processors, EVERYBODY.seen, Readings(rows=rows))[0].verdict


@settings(deadline=None)
@given(rows_gates, some_rows, st.sampled_from(sorted(TABLES)))
def test_more_rows_never_block(gate: Gate, odd: dict[str, int | None], better: str) -> None:
    """Rows in one table more never turn a gate that passes into one that blocks."""
    if verdict(gate, odd) is not Verdict.BLOCK:
        assert verdict(gate, {**odd, better: 5}) is not Verdict.BLOCK


@settings(deadline=None)
@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_higher_percentage_never_blocks(percentage: float, other: float, limit: float) -> None:
    """What passes at one number passes at every higher one."""
    gate = Gate("coverage", GateKind.PERCENT, sql="x.sql", block_below=limit)
    results = [
        evaluate((gate,), EVERYBODY.processors, EVERYBODY.seen, Readings(percents={"coverage": percent}))[0].verdict
        for percent in sorted((percentage, other))
    ]
    assert results != [Verdict.PASS, Verdict.BLOCK]
