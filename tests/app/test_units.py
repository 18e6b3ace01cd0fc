"""Units in a whole run: what is short is named, several loaders are one, nothing is not something (R10, R12)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.reporting.queries import explain
from shared.app.reporting.timeline import TONES
from shared.core.decision.completeness import Status
from shared.core.model import State
from shared.core.policy.phases import Reports
from shared.core.policy.policy import Policy
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, T0, TO4

TABLE = "nba_analytics.player_game_summary"
GAMES = ("BOS@NYK", "DAL@DEN", "GSW@SAS", "LAC@UTA", "MIA@CHI", "MIL@ORL", "PHX@LAL")
OTHERS = tuple(name for name in PHASE3 if name != PGS)


def policy_of_units(reports: Reports = Reports.WHOLE) -> Policy:
    """Return the policy in which player_game_summary is judged by the games in its table."""
    phase = POLICY.phases["phase3"]
    judged = replace(phase.processors[PGS], units="game_key", min_records_per_unit=20, reports=reports)
    processors = {**phase.processors, PGS: judged}
    return replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})


def night(reports: Reports = Reports.WHOLE) -> HandlersKit:
    kit = HandlersKit(policy=policy_of_units(reports)).ordinary()
    kit.change(units={DAY: GAMES}, units_held={TABLE: {DAY: GAMES[:5]}})
    kit.sweep()
    return kit


def test_what_is_short_is_named_everywhere_and_its_arrival_triggers() -> None:
    """Two of seven games missing: the alert, the explanation and what it waits for say which; then all is well."""
    kit = night()
    kit.finish(*OTHERS, records=200)
    kit.deliver(PGS, records=145)
    kit.sweep()
    [text] = kit.texts("units_short")
    assert "2 of 7 games missing: MIL@ORL, PHX@LAL" in text
    seen = explain(kit.ctx, NIGHT, TO4)
    assert "player_game_summary (2 of 7 games missing: MIL@ORL, PHX@LAL)" in seen.reason
    [evidence] = [processor for processor in seen.evidence["processors"] if processor["name"] == PGS]
    assert (evidence["note"], evidence["missing_units"]) == (
        "2 of 7 games missing: MIL@ORL, PHX@LAL", ["MIL@ORL", "PHX@LAL"],
    )  # fmt: skip
    assert kit.state(TO4).state is State.WAITING
    kit.change(units_held={TABLE: {DAY: GAMES}})
    kit.sweeps(2)
    assert kit.state(TO4).accepted_plan is not None
    assert not kit.state(TO4).accepted_plan.degraded  # type: ignore[union-attr]
    assert [notice.kind for notice in kit.notices("units_short", resolved=True)] == ["units_short"]


def test_a_degraded_trigger_names_the_units() -> None:
    """Triggered without a processor whose table is short, the warning says which games."""
    kit = night(Reports.PER_UNIT)
    kit.finish(*OTHERS, records=200)
    kit.deliver(PGS, records=25)
    kit.sweeps(200)
    due = kit.texts("due_warning")
    assert any("player_game_summary (2 of 7 games missing: MIL@ORL, PHX@LAL)" in text for text in due), due


def test_no_report_of_one_unit_warns() -> None:
    """Five messages of one game each: nobody is warned, and the last one of seven completes the night."""
    kit = night(Reports.PER_UNIT)
    kit.finish(*OTHERS, records=200)
    for count in range(1, len(GAMES) + 1):
        kit.change(units_held={TABLE: {DAY: GAMES[:count]}})
        kit.deliver(PGS, records=25)
        kit.sweep()
        assert (kit.state(TO4).accepted_plan is not None) == (count == len(GAMES))
    assert not [text for text in kit.texts() if PGS in text]


@pytest.mark.parametrize(("held", "inferred"), [(5, False), (7, True)])
def test_a_silent_processor_is_not_inferred_from_a_part_of_the_games(held: int, inferred: bool) -> None:
    """Many rows of five of seven games are no completion; with all seven they are (section 9)."""
    kit = HandlersKit(policy=policy_of_units()).ordinary(rows=0)
    kit.change(units_held={TABLE: {DAY: held}})
    kit.sweep()
    kit.finish(*OTHERS, records=200)
    kit.change(rows={TABLE: {DAY: 5000}})
    kit.clock.instant = kit.policy.local(kit.clock.instant).replace(hour=8, minute=30)
    kit.sweeps(2)
    assert bool(kit.notices("silent")) == inferred


def test_an_unreadable_table_does_not_refuse() -> None:
    """The report's floor decides while the warehouse answers nothing."""
    kit = night()
    kit.fail("warehouse", FaultKind.REJECTS)
    kit.deliver(PGS, records=140)
    seen = explain(kit.ctx, NIGHT, TO4)
    assert PGS in seen.done


def test_two_loaders_write_one_document_and_none_sets_back_another() -> None:
    """Each has its part in the processor's document; the older one's rows stand beside the newer's failure."""
    kit = HandlersKit(policy=with_sources()).ordinary()
    for body in (
        kit.message("PlayersProcessor", records=171),
        {**kit.message("TeamsProcessor", "failed"), "error_message": "quota"},
    ):
        kit.take("phase3", json.dumps(body).encode())
        kit.wait(timedelta(minutes=1))
    completion = kit.completion(PGS)
    assert completion is not None
    assert set(completion.sources) == {"PlayersProcessor", "TeamsProcessor"}
    assert PGS in explain(kit.ctx, NIGHT, TO4).done


def with_sources() -> Policy:
    phase = POLICY.phases["phase3"]
    plain = replace(phase.processors[PGS], table=None, min_records_per_unit=None)
    sources = {
        name: replace(plain, name=f"{PGS}/{name}", aliases=(), table=f"nba_analytics.{name}", min_records_per_unit=20)
        for name in ("PlayersProcessor", "TeamsProcessor")
    }
    processors = {**phase.processors, PGS: replace(plain, sources=sources)}
    return replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})


def test_nothing_is_told_once_and_is_over_when_rows_come() -> None:
    """A success without records and without rows is no success; rows in the table make it one."""
    kit = night()
    kit.change(units_held={TABLE: {DAY: ()}})
    kit.deliver(PGS, records=0)
    kit.sweeps(3)
    [notice] = kit.notices("nothing")
    assert (notice.severity, PGS in notice.text) == ("warning", True)
    kit.change(units_held={TABLE: {DAY: GAMES}})
    kit.sweeps(2)
    assert kit.notices("nothing", resolved=True)
    assert PGS in explain(kit.ctx, NIGHT, TO4).done


@pytest.mark.parametrize(
    ("dates", "repaired", "severity", "says"),
    [
        ((1,), None, "warning", ""),
        ((1, 2), None, "critical", "for 3 dates in a row player_game_summary reported"),
        ((1, 3), None, "critical", "for 3 dates in a row player_game_summary reported"),
        ((1, 2, 3), None, "critical", "for 4 dates in a row player_game_summary reported"),
        ((1, 2), 1, "warning", ""),
    ],
    ids=["two", "three", "a date without games between", "four", "the one before was repaired"],
)
def test_the_third_date_in_a_row_is_critical(
    dates: tuple[int, ...], repaired: int | None, severity: str, says: str
) -> None:
    """It says how many; a date without games is no date of it, one that was repaired ends it."""
    kit = HandlersKit(policy=policy_of_units(), start=T0 - timedelta(days=max(dates)))
    for back in (*sorted(dates, reverse=True), 0):
        day = DAY - timedelta(days=back)
        kit.clock.instant = T0 - timedelta(days=back)
        kit.ordinary(day)
        kit.change(units_held={TABLE: {day: 0}})
        kit.deliver(PGS, records=0, game_date=day.isoformat())
        kit.sweeps(2)
        if back == repaired:
            kit.change(units_held={TABLE: {day: 7}})
            kit.sweeps(3)
    [notice] = [notice for notice in kit.notices("nothing", resolved=False) if notice.text.startswith(NIGHT.id)]
    assert notice.severity == severity
    assert says in notice.text
    assert bool(says) == ("in a row" in notice.text)


def test_nothing_to_do_is_done_and_said_once() -> None:
    """0 of 0 expected is an outcome of its own."""
    kit = night()
    kit.deliver(PGS, records=0, expected_count=0)
    kit.sweeps(3)
    [notice] = kit.notices("nothing_to_do")
    assert notice.severity == "info"
    assert PGS in explain(kit.ctx, NIGHT, TO4).done


def test_every_word_has_its_tone() -> None:
    """A word that is added without one would break the page."""
    assert set(TONES) == set(Status)
