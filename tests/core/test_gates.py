"""Gates: one number each, and a "no" is a value (behaviour D4, A5, R6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.core.decision.gates import GateResult, Readings, Verdict, Wanted, evaluate, wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome
from shared.core.policy.transitions import Gate, GateKind, OnMissing, OnUnreadable
from tests.core.build import COORDINATOR, POLICY, TO4, TO5, TO6, done, report, snapshot

PASS, WARN, BLOCK = Verdict.PASS, Verdict.WARN, Verdict.BLOCK
EVERYBODY = done(*POLICY.phases["phase4"].processors)
REQUIRED, OPTIONAL = "player_daily_cache", "player_composite_factors"
TABLES = {name: p.table or "" for name, p in POLICY.phases["phase4"].processors.items()}
PERCENT = Gate("coverage", GateKind.PERCENT, sql="x.sql", block_below=80, warn_below=90)
ROWS = Gate("rows", GateKind.ROWS, on_missing=OnMissing.BLOCK, on_unreadable=OnUnreadable.BLOCK)


def judge(gate: Gate, decision_input: DecisionInput, **readings: object) -> GateResult:
    gate_readings = Readings(**readings)  # type: ignore[arg-type]  # passed through to the dataclass
    [result] = evaluate((gate,), decision_input.processors, decision_input.seen, gate_readings)
    assert result.gate == gate.name
    assert gate.name in result.text
    return result


def counted(gate: Gate, odd: Mapping[str, int | None], rows: int = 5) -> GateResult:
    """Judge a rows gate over phase 4, where every table holds ``rows`` but the odd ones."""
    counts = {table: odd.get(name, rows) for name, table in TABLES.items()}
    return judge(gate, snapshot(*EVERYBODY, transition=TO5), rows=counts)


@pytest.mark.parametrize(
    ("percent", "verdict"),
    [(0, BLOCK), (79.99, BLOCK), (80, WARN), (89.99, WARN), (90, PASS), (100, PASS), (130, PASS)],
)
def test_percent_blocks_and_warns_below(percent: float, verdict: Verdict) -> None:
    """Below means below: the limit itself passes."""
    result = judge(PERCENT, snapshot(), percents={"coverage": percent})
    assert result.verdict is verdict
    assert f"{percent:g}" in result.text


@pytest.mark.parametrize(("on", "verdict"), [(OnUnreadable.PASS, PASS), (OnUnreadable.BLOCK, BLOCK)])
@pytest.mark.parametrize("percents", [{"coverage": None}, {}])
def test_an_unreadable_percentage(on: OnUnreadable, verdict: Verdict, percents: dict[str, None]) -> None:
    """What could not be read is for `on_unreadable` to judge."""
    result = judge(replace(PERCENT, on_unreadable=on), snapshot(), percents=percents)
    assert result.verdict is verdict
    assert "read" in result.text


@pytest.mark.parametrize("on", list(OnUnreadable))
def test_what_cannot_be_asked_blocks(on: OnUnreadable) -> None:
    """A wrong question is never answered later, so it blocks whatever `on_unreadable` says, with its reason."""
    why = {"coverage": "no such file"}
    result = judge(replace(PERCENT, on_unreadable=on), snapshot(), percents={"coverage": None}, wrong=why)
    assert (result.verdict, result.text) == (BLOCK, "coverage cannot be asked: no such file")


@pytest.mark.parametrize(("name", "verdict"), [(REQUIRED, BLOCK), (OPTIONAL, WARN)])
def test_a_table_that_cannot_be_asked_for(name: str, verdict: Verdict) -> None:
    """A required processor's blocks even an advisory gate, an optional one's warns; both say why."""
    rows = {table: None if table == TABLES[name] else 5 for table in TABLES.values()}
    gate = replace(ROWS, on_missing=OnMissing.WARN, on_unreadable=OnUnreadable.PASS)
    result = judge(gate, snapshot(*EVERYBODY, transition=TO5), rows=rows, wrong={TABLES[name]: "a bad name"})
    assert result.verdict is verdict
    assert f"({name}) cannot be asked: a bad name" in result.text


def test_a_percent_gate_without_limits_passes() -> None:
    """A gate that only shows its number."""
    gate = replace(PERCENT, block_below=None, warn_below=None)
    assert judge(gate, snapshot(), percents={"coverage": 3}).verdict is PASS


@pytest.mark.parametrize(
    ("odd", "min_rows", "verdict", "subjects"),
    [
        ({}, 1, PASS, set()),
        ({REQUIRED: 0}, 1, BLOCK, set()),
        ({REQUIRED: 1}, 1, PASS, set()),
        ({REQUIRED: 9}, 10, BLOCK, set()),
        ({REQUIRED: 10}, 10, PASS, set()),
        ({OPTIONAL: 0}, 1, WARN, {OPTIONAL}),
        ({OPTIONAL: 0, REQUIRED: 0}, 1, BLOCK, set()),
        ({REQUIRED: None}, 1, BLOCK, set()),
        ({OPTIONAL: None}, 1, WARN, {OPTIONAL}),
    ],
)
def test_rows_of_required_tables_block_and_of_optional_ones_warn(
    odd: dict[str, int | None], min_rows: int, verdict: Verdict, subjects: set[str]
) -> None:
    """The text names table, processor and number."""
    result = counted(replace(ROWS, min_rows=min_rows), odd, rows=50)
    assert (result.verdict, set(result.subjects)) == (verdict, subjects)
    for name, rows in odd.items():
        if rows is None or rows < min_rows:
            assert f"{TABLES[name]} ({name})" in result.text
            assert ("cannot be read" if rows is None else f"has {rows} rows") in result.text


@pytest.mark.parametrize(
    ("rows", "on_missing", "on_unreadable", "verdict"),
    [
        (0, OnMissing.WARN, OnUnreadable.BLOCK, WARN),
        (0, OnMissing.BLOCK, OnUnreadable.PASS, BLOCK),
        (None, OnMissing.BLOCK, OnUnreadable.PASS, WARN),
        (None, OnMissing.WARN, OnUnreadable.BLOCK, BLOCK),
    ],
)
def test_missing_and_unreadable_are_judged_apart(
    rows: int | None, on_missing: OnMissing, on_unreadable: OnUnreadable, verdict: Verdict
) -> None:
    """An empty table is for `on_missing`, one that cannot be read for `on_unreadable`."""
    gate = replace(ROWS, on_missing=on_missing, on_unreadable=on_unreadable)
    assert counted(gate, {REQUIRED: rows}).verdict is verdict


THREE = replace(ROWS, at_least=3)
OTHERS = [name for name in TABLES if name not in (REQUIRED, "ml_feature_store")]


@pytest.mark.parametrize(("short", "verdict"), [(1, WARN), (2, WARN), (3, BLOCK)])
def test_at_least_so_many_tables(short: int, verdict: Verdict) -> None:
    """Three of five must hold rows, and every required one; the text says how many do."""
    result = counted(THREE, dict.fromkeys(OTHERS[:short], 0))
    assert result.verdict is verdict
    assert ("2 of 5 tables" in result.text) == (verdict is BLOCK)


@pytest.mark.parametrize(
    ("short", "unread", "on_unreadable", "verdict"),
    [
        (0, 3, OnUnreadable.PASS, WARN),
        (0, 3, OnUnreadable.BLOCK, BLOCK),
        (2, 1, OnUnreadable.PASS, WARN),
        (2, 1, OnUnreadable.BLOCK, BLOCK),
    ],
)
def test_too_few_tables_because_they_cannot_be_read(
    short: int, unread: int, on_unreadable: OnUnreadable, verdict: Verdict
) -> None:
    """What cannot be read might hold rows: then `on_unreadable` says whether it is taken to."""
    odd: dict[str, int | None] = dict.fromkeys(OTHERS[:short], 0)
    odd |= dict.fromkeys(OTHERS[short : short + unread])
    assert counted(replace(THREE, on_unreadable=on_unreadable), odd).verdict is verdict


def test_too_few_tables_even_if_the_unread_ones_hold_rows() -> None:
    """Three of five are known to be empty: one more that cannot be read does not make that pass."""
    optional = replace(snapshot(*EVERYBODY, transition=TO5).expectation, required=frozenset())
    gate = replace(ROWS, at_least=3, on_unreadable=OnUnreadable.PASS)
    transition = replace(POLICY.transitions[TO5], expects={"overnight": replace(optional, optional=frozenset(TABLES))})
    decision_input = replace(snapshot(*EVERYBODY, transition=TO5), transition=transition)
    rows = {**dict.fromkeys(TABLES.values(), 0), TABLES[REQUIRED]: 5, TABLES[OPTIONAL]: None}
    assert judge(gate, decision_input, rows=rows).verdict is BLOCK


def test_too_few_tables_of_an_advisory_gate_warn() -> None:
    """`on_missing: warn` never blocks for want of rows."""
    result = counted(replace(THREE, on_missing=OnMissing.WARN), dict.fromkeys(TABLES, 0))
    assert (result.verdict, set(result.subjects)) == (WARN, set(TABLES))


def test_fewer_tables_than_asked_for_are_enough_if_all_hold_rows() -> None:
    """A gate cannot want more tables than there are."""
    decision_input = snapshot(*done(COORDINATOR), transition=TO6)
    gate = replace(ROWS, at_least=3)
    assert judge(gate, decision_input, rows={"nba_predictions.player_prop_predictions": 1}).verdict is PASS


STATED = POLICY.gates["prediction_completeness"]
OF_ROWS = POLICY.gates["predictions_rows"]


def completeness(percent: float | None, rows: int | None, *, on: OnUnreadable = OnUnreadable.PASS) -> GateResult:
    """Judge the two gates of the last transition; return what the first says."""
    decision_input = snapshot(report(COORDINATOR, Outcome.PARTIAL, 50, percent=percent), transition=TO6)
    readings = Readings(rows={"nba_predictions.player_prop_predictions": rows})
    listed = (replace(STATED, on_unreadable=on), OF_ROWS)
    return evaluate(listed, decision_input.processors, decision_input.seen, readings)[0]


@pytest.mark.parametrize(
    ("percent", "rows", "verdict"),
    [
        (80, 0, PASS),
        (79.99, 500, BLOCK),
        (0.1, 500, BLOCK),
        (None, 0, PASS),
        (0, 9, BLOCK),
        (0, 10, WARN),
        (0, None, BLOCK),
    ],
)
def test_the_percentage_of_the_completion(percent: float | None, rows: int | None, verdict: Verdict) -> None:
    """R6: 0 percent counts as absent, with a warning, where the table holds at least the rows gate's `min_rows`."""
    assert completeness(percent, rows).verdict is verdict


@pytest.mark.parametrize(("percent", "rows"), [(None, 0), (0, 10)])
def test_no_percentage_at_all_is_unreadable(percent: float | None, rows: int) -> None:
    """Where unreadable blocks, absent blocks."""
    assert completeness(percent, rows, on=OnUnreadable.BLOCK).verdict is BLOCK


def test_a_doubted_zero_names_its_processor() -> None:
    """The warning is about the processor that stated it."""
    assert completeness(0, 10).subjects == {COORDINATOR}


def test_the_lowest_percentage_decides() -> None:
    """Where several processors state one, the weakest counts."""
    both = [report("player_daily_cache", percent=95), report("ml_feature_store", percent=60)]
    decision_input = snapshot(*both, transition=TO5)
    assert judge(replace(STATED, block_below=61), decision_input).verdict is BLOCK
    assert judge(replace(STATED, block_below=60), decision_input).verdict is PASS


def test_only_what_was_not_read_is_wanted() -> None:
    """Known readings, unreadable ones included, are not read again; completions are read from nowhere."""
    decision_input = snapshot(transition=TO5)
    listed = (ROWS, PERCENT, STATED)
    everything = wanted(listed, decision_input.seen, Readings())
    assert everything == Wanted(frozenset(TABLES.values()), ("coverage",))
    read = Readings(rows=dict.fromkeys(TABLES.values()), percents={"coverage": None})
    assert not wanted(listed, decision_input.seen, read)
    some = Readings(rows={TABLES[REQUIRED]: 5})
    assert wanted(listed, decision_input.seen, some).rows == set(TABLES.values()) - {TABLES[REQUIRED]}


def test_only_expected_processors_tables_are_read() -> None:
    """A same-day run looks at the tables of its own two processors."""
    decision_input = snapshot(key=replace(snapshot().key, mode="same_day"))
    tables = wanted((ROWS,), decision_input.seen, Readings()).rows
    assert tables == {"nba_analytics.upcoming_player_game_context", "nba_analytics.upcoming_team_game_context"}


def test_a_gate_applies_to_its_modes() -> None:
    """Without modes to every one."""
    assert PERCENT.binds("same_day")
    night_only = replace(PERCENT, modes=frozenset({"overnight"}))
    assert night_only.binds("overnight")
    assert not night_only.binds("same_day")
    names = [gate.name for gate in snapshot(key=replace(snapshot().key, mode="tomorrow"), transition=TO4).gates]
    assert names == ["phase3_rows"]
