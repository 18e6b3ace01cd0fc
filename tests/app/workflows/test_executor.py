"""The executor: each scraper and target has one outcome, whatever dies; one layer of retries; limits that apply."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.app.workflows.calls import Breakers
from shared.app.workflows.executor import Busy
from shared.core.errors import Unavailable
from shared.core.workflows.runs import CallOutcome, RunStatus
from shared.core.workflows.units import ScheduledUnit
from shared.ports import Response
from tests.app.workflows.phase1 import SUCCESS, Died, Phase1, loaded

NOON = datetime(2026, 1, 26, 17, 0, tzinfo=UTC)  # 12:00 in New York
SIX = datetime(2026, 1, 26, 11, 0, tzinfo=UTC)  # 06:00
FAILED = Response(503, "unavailable")


def only(*names: str, **more: Any) -> dict[str, Any]:
    """Return an overlay in which these workflows alone are enabled."""
    return {"workflows": {name: {"enabled": name in names} for name in loaded(None).workflows}, **more}


def chain() -> Phase1:
    """Return a phase 1 with one workflow: three steps of one scraper each."""
    return Phase1(NOON, only("roster_refresh"))


def loop(workers: int = 3) -> Phase1:
    """Return a phase 1 whose first step gives three ids, for each of which two scrapers are called."""
    steps = [
        {"name": "events", "scrapers": ["oddsa_events"], "outputs": {"event_ids": "data_summary.ids"}},
        {"name": "lines", "after": ["events"], "execution": "parallel", "max_workers": workers,
         "for_each": "event_ids", "scrapers": ["oddsa_player_props", "bp_player_props"]},
    ]  # fmt: skip
    overlay = only("roster_refresh")
    overlay["workflows"]["roster_refresh"]["steps"] = steps
    return Phase1(NOON, overlay)


def test_steps_follow_each_other_and_the_run_completes() -> None:
    """One message a step, each scraper once, the book and the run say how it ended."""
    phase1 = chain()
    assert phase1.tick().begun == ["nba/2026-01-26/roster_refresh/window"]
    assert phase1.deliver_all() == ["next step", "next step", "completed"]
    assert [call["scraper"] for call in phase1.scrapers.calls] == [
        "br_season_roster",
        "nbac_player_movement",
        "team_transactions",
    ]
    assert phase1.run("roster_refresh").status is RunStatus.COMPLETED
    assert phase1.tick().begun == []


def test_a_call_carries_its_parameters_and_those_of_the_request_unchanged() -> None:
    """Nothing is dropped at a hop, and the executor says who calls, under an id that a repetition has again."""
    from shared.app.workflows.manual import begin

    phase1 = Phase1(NOON, only("closing_lines"))
    begin(phase1.ctx, phase1.workflows, "closing_lines", None, {"snapshot_type": "late", "odd": [1, {"x": None}]})
    phase1.deliver_all()
    [call] = phase1.scrapers.calls
    assert call == {
        "date": "2026-01-26",
        "snapshot_type": "late",
        "books": ["dk", "fd"],
        "depth": 2,
        "odd": [1, {"x": None}],
        "workflow": "closing_lines",
        "source": "CONTROLLER",
        "scraper": "oddsa_closing_lines",
        "execution_id": "nba/2026-01-26/closing_lines/operator.1/all/oddsa_closing_lines",
    }


def test_outputs_bind_the_calls_of_a_later_step() -> None:
    """Two scrapers for each of three ids, so many at once as the policy allows."""
    phase1 = loop(workers=2)
    phase1.scrapers.answers = {name: [(SUCCESS, 5.0)] for name in ("oddsa_player_props", "bp_player_props")}
    phase1.tick()
    phase1.deliver_all()
    assert [call["event_id"] for call in phase1.scrapers.calls[1:]] == ["a", "b", "c"] * 2
    assert phase1.scrapers.most_open == 2
    assert phase1.clock.now() - NOON == timedelta(seconds=15)


@pytest.mark.parametrize("body", [{"ids": []}, {}, {"ids": "no list"}])
def test_an_output_that_is_empty_or_absent_makes_the_run_partial_with_one_warning(body: dict[str, Any]) -> None:
    """The steps after it have nothing to call; the run says so instead of being completed."""
    phase1 = loop()
    answer = {"status": "success", "data_summary": {"rowCount": 3, **body}}
    phase1.scrapers.answers["oddsa_events"] = [(Response(200, json.dumps(answer)), 0.0)]
    phase1.tick()
    phase1.deliver_all()
    assert phase1.run("roster_refresh").status is RunStatus.PARTIAL
    assert len(phase1.alerts.notices) == 1
    assert "gave no event_ids" in phase1.alerts.notices[0].text


def test_a_failed_step_is_not_told_of_as_one_without_output() -> None:
    """That its run ends as partial would be wrong, and that nothing came of it is known by its failure."""
    phase1 = loop()
    phase1.scrapers.answers["oddsa_events"] = [(FAILED, 0.0)]
    phase1.tick()
    assert phase1.deliver_all() == ["failed"]
    assert [notice.kind for notice in phase1.alerts.notices] == ["workflow_failed"]
    assert "event_ids" not in phase1.alerts.notices[0].text


def test_an_element_is_called_once_however_often_it_is_given() -> None:
    """An answer may name one twice, another scraper once more, as a number or as text: one call of each; a number is
    sent as a number."""
    phase1 = loop()
    body = {"status": "success", "data_summary": {"rowCount": 4, "ids": [7, "b", 7, "7", "b", 2.5]}}
    phase1.scrapers.answers["oddsa_events"] = [(Response(200, json.dumps(body)), 0.0)]
    phase1.tick()
    assert phase1.deliver_all() == ["next step", "completed"]
    sent = [call["event_id"] for call in phase1.scrapers.calls if call["scraper"] == "oddsa_player_props"]
    assert sent == [7, "b", 2.5]
    assert set(phase1.called().values()) == {1}


def test_a_step_of_which_nothing_succeeded_ends_the_run() -> None:
    """What waits for it would work on nothing; people hear which scraper failed."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(FAILED, 0.0)]
    phase1.tick()
    phase1.deliver_all()
    run = phase1.run("roster_refresh")
    assert run.status is RunStatus.FAILED
    assert {call["scraper"] for call in phase1.scrapers.calls} == {"br_season_roster"}
    [text] = phase1.texts("workflow_failed")
    assert "br_season_roster failed: 503: unavailable" in text


def test_there_is_one_layer_of_retries_with_jittered_waits() -> None:
    """Three attempts, 2^(n-1) s times 0.5 to 1.5 between them, counted in one entry."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(FAILED, 0.0), (Response(429, ""), 0.0), (SUCCESS, 0.0)]
    phase1.tick()
    phase1.deliver()
    [entry] = phase1.run("roster_refresh").entries
    assert (entry.attempts, entry.outcome) == (3, CallOutcome.SUCCESS)
    assert timedelta(seconds=1.5) <= phase1.clock.now() - NOON <= timedelta(seconds=4.5)


def test_retry_after_is_honoured_up_to_half_a_minute() -> None:
    """A service that asks for an hour is asked again after 30 s."""
    phase1 = chain()
    later = Response(429, "", retry_at=NOON + timedelta(hours=1))
    phase1.scrapers.answers["br_season_roster"] = [(later, 0.0), (SUCCESS, 0.0)]
    phase1.tick()
    phase1.deliver()
    assert phase1.clock.now() - NOON == timedelta(seconds=30)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_400_is_never_retried_and_critical_at_once(status: int) -> None:
    """A fault of the configuration, with the answer."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(Response(status, '{"error": "unknown scraper"}'), 0.0)]
    phase1.tick()
    phase1.deliver()
    assert len(phase1.scrapers.calls) == 1
    [text] = phase1.texts("workflow_refused")
    assert f'{status}: {{"error": "unknown scraper"}}' in text
    assert "br_season_roster" in text


@pytest.mark.parametrize("body", ["<html>" + "x" * 1000, "[]", '{"status": "ok"}', '{"status": "success"}', ""])
def test_nonsense_is_a_failure_with_its_first_300_characters(body: str) -> None:
    """A 200 that says nothing that a scraper says did not scrape anything."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(Response(200, body), 0.0)]
    phase1.tick()
    phase1.deliver()
    [entry] = phase1.run("roster_refresh").entries
    assert entry.outcome is CallOutcome.FAILED
    assert entry.text == f"200: {body[:300]}"
    assert entry.attempts == 1


def test_the_limit_of_an_entry_holds_for_all_its_attempts() -> None:
    """180 s for an attempt, 190 s for the entry, the deadline passed down."""
    phase1 = chain()
    phase1.scrapers.answers["br_season_roster"] = [(SUCCESS, 900.0)]
    phase1.tick()
    phase1.deliver()
    [entry] = phase1.run("roster_refresh").entries
    assert entry.outcome is CallOutcome.TIMEOUT
    assert timedelta(seconds=180) <= phase1.clock.now() - NOON <= timedelta(seconds=190)


def test_what_does_not_fit_into_the_functions_time_is_left_to_the_next_message() -> None:
    """A delivery begins no entry with less than its limit left, and calls nothing twice."""
    phase1 = loop(workers=1)
    phase1.scrapers.answers = {name: [(SUCCESS, 170.0)] for name in ("oddsa_player_props", "bp_player_props")}
    phase1.tick()
    assert phase1.deliver() == "next step"
    began = phase1.clock.now()
    assert phase1.deliver() == "continued"
    assert phase1.clock.now() - began <= timedelta(seconds=530)
    phase1.deliver_all()
    assert phase1.run("roster_refresh").status is RunStatus.COMPLETED
    assert set(phase1.called().values()) == {1}


def test_no_data_is_fine_unless_the_policy_says_otherwise() -> None:
    """Both are answers, neither is retried."""
    overlay = only("roster_refresh")
    overlay["scrapers"] = {"nbac_player_movement": {"no_data_is_success": False}}
    phase1 = Phase1(NOON, overlay)
    none = Response(200, json.dumps({"status": "success", "data_summary": {"rowCount": 0}}))
    phase1.scrapers.answers = {"br_season_roster": [(none, 0.0)], "nbac_player_movement": [(none, 0.0)]}
    phase1.tick()
    phase1.deliver_all()
    run = phase1.run("roster_refresh")
    assert run.status is RunStatus.PARTIAL
    assert [entry.outcome for entry in run.entries] == [CallOutcome.NO_DATA, CallOutcome.NO_DATA]


def test_a_completed_run_names_nobody_and_complains_of_nothing() -> None:
    """No rows where none are fine are a success: neither the book nor the log says otherwise."""
    phase1 = chain()
    none = Response(200, json.dumps({"status": "success", "data_summary": {"rowCount": 0}}))
    phase1.scrapers.answers["br_season_roster"] = [(none, 0.0)]
    severities: list[str] = []
    log = phase1.ctx.log

    def kept(event: str, /, severity: str = "INFO", **keys: object) -> None:
        severities.append(severity)
        log(event, severity=severity, **keys)

    phase1.ctx = replace(phase1.ctx, log=kept)
    phase1.tick()
    phase1.deliver_all()
    [run] = phase1.store.inner.query("workflow_days")[-1].data["runs"].values()
    assert (run["status"], run["text"], run["failed"]) == ("completed", "", 0)
    assert set(severities) == {"INFO"}


def test_a_breaker_opens_by_outcomes_and_such_a_run_is_blocked() -> None:
    """Five failed targets open it, the sixth is not called; a run of open circuits alone is blocked, not completed."""
    overlay = only("post_game_window_3", "gamebook_second_try", defaults={"attempts": 1})
    overlay["workflows"]["post_game_window_3"]["steps"] = [{"name": "all", "scrapers": ["nbac_gamebook_pdf"]}]
    overlay["workflows"]["post_game_window_3"]["decide"] = {"at": "+1d 01:00"}
    phase1 = Phase1(datetime(2026, 1, 27, 6, 0, tzinfo=UTC), overlay)
    day = date(2026, 1, 26)
    phase1.warehouse.of[day] = tuple(ScheduledUnit(f"A{n}@B{n}", NOON, final=True) for n in range(7))
    phase1.scrapers.answers["nbac_gamebook_pdf"] = [(Response(500, "no"), 1.0)]
    phase1.tick()
    phase1.deliver_all()
    assert len(phase1.scrapers.calls) == 5
    statuses = {run.workflow: run.status for run in phase1.runs()}
    assert statuses == {"post_game_window_3": RunStatus.FAILED, "gamebook_second_try": RunStatus.BLOCKED}


def test_a_breaker_is_shared_by_every_instance_through_the_store() -> None:
    """What one instance counts keeps another one, which has called nobody, from calling."""
    phase1 = chain()
    other = replace(phase1.ctx, ports=copy(phase1.ctx.ports))
    for _ in range(phase1.workflows.defaults.breaker.failures):
        Breakers(phase1.ctx, phase1.workflows).feed("br_season_roster", CallOutcome.FAILED)
    assert not Breakers(other, phase1.workflows).allows("br_season_roster")
    assert Breakers(other, phase1.workflows).allows("espn_roster")


def test_a_second_delivery_leaves_a_run_to_its_holder() -> None:
    """While the lease holds it is delivered again later; once the step is done it changes nothing."""
    phase1 = chain()
    phase1.tick()
    message = phase1.bus.waiting[0]
    stored = phase1.store.inner.query("workflow_runs")[0]
    held = {**stored.data, "holder": "other", "held_until": NOON + timedelta(seconds=100)}
    phase1.store.inner.update(stored.path, held, stored.version)
    assert _is_left(phase1, message)
    phase1.pass_time(timedelta(seconds=100))
    assert phase1.deliver_all() == ["next step", "next step", "completed"]
    assert phase1.deliver(message) == "ended before"
    assert set(phase1.called().values()) == {1}


def _is_left(phase1: Phase1, message: Any) -> bool:
    try:
        phase1.deliver(message)
    except Busy:
        return True
    return False


def test_a_store_that_does_not_answer_ends_the_delivery_with_an_error() -> None:
    """An outcome that cannot be written is no outcome: the message comes again."""
    phase1 = chain()
    phase1.tick()
    message = phase1.bus.waiting[0]
    phase1.store.refuses = True
    with pytest.raises(Unavailable):
        phase1.deliver(message)
    phase1.store.refuses = False
    phase1.pass_time(timedelta(seconds=300))
    assert phase1.deliver(message) == "next step"


@pytest.mark.parametrize("make", [chain, loop])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_a_crash_at_any_write_leaves_each_entry_with_one_outcome(make: Any, after: bool, twice: bool) -> None:
    """Whoever dies at whatever write: the run ends, and what has an outcome is never called again.

    Exhaustive over the writes of controller and executor; with every message delivered twice as well.
    """
    whole = make()
    whole.tick()
    whole.deliver_all()
    writes = whole.store.writes
    expected = set(whole.called())
    for dies_at in range(1, writes + 1):
        phase1 = make()
        phase1.store.dies_at, phase1.store.after = dies_at, after
        _play(phase1, twice=twice)
        run = phase1.run("roster_refresh")
        assert run.status is RunStatus.COMPLETED, dies_at
        assert set(phase1.called()) == expected
        # What was called twice had no outcome when the handler died: at most what one handler had open.
        assert sum(phase1.called().values()) - len(expected) <= 3
        assert phase1.look().conditions == {}


def _play(phase1: Phase1, *, twice: bool) -> None:
    """Tick, deliver and sweep for half an hour; a handler that dies has its message delivered again."""
    for _ in range(15):
        with _surviving():
            phase1.tick()
        for body in list(phase1.bus.waiting):
            phase1.bus.waiting.popleft()
            if twice and body not in phase1.bus.waiting:
                phase1.bus.waiting.append(body)
            _deliver(phase1, body)
        with _surviving():
            phase1.look()
        phase1.pass_time(timedelta(seconds=120))


def _deliver(phase1: Phase1, body: Any) -> None:
    try:
        phase1.deliver(body)
    except (Died, Unavailable):
        phase1.bus.waiting.append(body)


class _surviving:
    """What called the handler outlives it."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        return isinstance(error, Died)
