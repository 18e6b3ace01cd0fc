"""What a repair call is answered: read to its end, told to a person, and when it changed nothing (behaviour 9, D10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.ports import Response
from shared.simulation.scenario import CallAnswer
from tests.app.handlers_kit import MINUTE, HandlersKit
from tests.app.test_self_heal import at, rerun_requests
from tests.core.build import NIGHT, PGS, PHASE3, SECOND, TDGS, TO4, UPGC
from tests.policy_files import NBA

RERUN, STATUS = "analytics /process-date-range", "analytics /status"
LINES = [
    {"status": 200, "means": "accepted", "results": {"path": "results"}},
    {"status": 409, "means": "busy", "show": ["run"]},
    {"status": 451, "means": "refused"},
]
POLICY = load_policy(
    NBA,
    {
        "services": {
            "analytics": {
                "answers": {"/process-date-range": LINES},
                "status": {"path": "/status", "query": {"day": "{game_date}"}, "at_work": {"status": "running"}},
            }
        }
    },
)
GOOD = {"results": [{"processor": "A", "status": "success"}]}


@pytest.fixture
def kit() -> HandlersKit:
    """A night in which one required and two optional processors of phase 3 came at 06:00."""
    built = HandlersKit(policy=POLICY).ordinary()
    built.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    built.sweep()
    return built


def answer(kit: HandlersKit, status: int, body: Any, after: timedelta = timedelta(0)) -> None:
    kit.services.change({RERUN: (CallAnswer(status, body, after),)})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"results": []}, "ran nothing"),
        ({"results": [{"processor": "A", "status": "error", "error": "no rows"}]}, "A (no rows)"),
    ],
)
def test_a_200_that_did_nothing_is_not_accepted(kit: HandlersKit, body: Any, words: str) -> None:
    """It uses up no attempt, one warning says so in the answer's words, and it is asked after 15, 30, 60 minutes."""
    answer(kit, 200, body)
    at(kit, 8, 30)
    began = kit.clock.now()
    kit.sweep()
    kit.sweeps(110)
    assert [(call.at - began) / MINUTE for call in rerun_requests(kit)] == [0, 15, 45, 105]
    assert kit.run().repairs["phase3"].attempts == 0
    [warning] = kit.notices("repair_not_taken")
    assert warning.severity == "warning"
    assert words in warning.text
    answer(kit, 200, GOOD)
    kit.sweeps(60)
    assert [notice.resolved for notice in kit.notices("repair_not_taken")] == [False, True]
    assert kit.run().repairs["phase3"].attempts == 1


@pytest.mark.parametrize("status", [400, 451], ids=["unmapped", "mapped"])
def test_a_refusal_is_a_fault_that_a_person_hears_of_at_once(kit: HandlersKit, status: int) -> None:
    """One critical alert with service, status and answer; it ends when the service takes it again."""
    answer(kit, status, {"error": "unknown processor"})
    at(kit, 8, 30)
    kit.sweep()
    notices = kit.notices("repair_fault")
    assert [notice.severity for notice in notices] == ["critical"]
    critical = notices[0]
    assert all(word in critical.text for word in ("analytics", str(status), "unknown processor", "orch rerun phase3"))
    kit.sweeps(100)
    assert len(kit.notices("repair_fault")) == 1
    answer(kit, 200, GOOD)
    kit.sweeps(30)
    assert [notice.resolved for notice in kit.notices("repair_fault")] == [False, True]


def test_an_outage_is_told_once(kit: HandlersKit) -> None:
    """However often it is called: one warning that names service and status, taken back when it is over."""
    kit.services.answers["analytics"] = Response(503, "Service Unavailable")
    at(kit, 8, 30)
    kit.sweeps(90)
    [warning] = kit.notices("repair_not_taken")
    assert "analytics/process-date-range answers 503" in warning.text
    assert kit.notices("repair_fault") == []


def test_a_call_without_an_answer_is_asked_for(kit: HandlersKit) -> None:
    """It works longer than a caller waits: its status says so, that is an accepted repair, and it is called once."""
    answer(kit, 200, GOOD, 5 * MINUTE)
    kit.services.change({STATUS: (CallAnswer(200, {"status": "running", "day": "2026-01-21"}),)})
    at(kit, 8, 30)
    kit.sweeps(20)
    assert len(rerun_requests(kit)) == 1
    assert kit.run().repairs["phase3"].attempts == 1
    assert kit.notices("repair_not_taken") == []


def test_two_accepted_repairs_that_changed_nothing_are_told(kit: HandlersKit) -> None:
    """Once the second had its time: by itself and in the due alert, with what was asked for and what was answered."""
    answer(kit, 200, GOOD)
    at(kit, 8, 30)
    kit.sweep()
    kit.sweeps(32)
    assert len(rerun_requests(kit)) == 2
    kit.sweeps(29)
    assert kit.notices("repair_in_vain") == []
    kit.sweeps(4)
    notices = kit.notices("repair_in_vain")
    assert [notice.severity for notice in notices] == ["warning"]
    warning = notices[0]
    assert all(word in warning.text for word in ("2 repairs", PGS, "answers 200"))
    at(kit, 10)
    kit.sweep()
    critical = next(notice for notice in kit.notices("due_critical"))
    assert "nothing changed" in critical.text
    kit.deliver(PGS, records=200)
    kit.sweeps(2)
    assert [notice.resolved for notice in kit.notices("repair_in_vain")] == [False, True]


def test_a_repair_that_brought_something_is_not_in_vain(kit: HandlersKit) -> None:
    """One of the two that were asked for came: nothing is said of the repairs."""
    answer(kit, 200, GOOD)
    at(kit, 8, 30)
    kit.sweeps(32)
    kit.deliver("upcoming_team_game_context", records=200)
    kit.sweeps(60)
    assert kit.notices("repair_in_vain") == []


def test_a_repair_never_goes_around_a_gate(kit: HandlersKit) -> None:
    """Phase 4 was not started, because a gate blocks: it is missing at its due time, and is not asked to run."""
    kit.change(readings={"game_coverage": 40.0})
    kit.finish(*PHASE3, records=200)
    at(kit, 10, 30)
    kit.sweeps(3)
    assert kit.state(TO4).blocked
    assert rerun_requests(kit, "phase4") == []
    kit.change(readings={"game_coverage": 100.0})
    kit.sweeps(1)
    assert NIGHT.trigger_id(TO4, 1) in kit.trigger_ids


@pytest.mark.parametrize("started", [False, True])
def test_a_phase_that_was_started_is_repaired_though_a_refresh_is_blocked(started: bool) -> None:
    """Once phase 4 was started, what keeps its next generation back keeps no repair back; held, it was not started."""
    kit = HandlersKit(policy=POLICY).ordinary()
    if started:
        kit.finish(*PHASE3, records=200)
        kit.change(readings={"game_coverage": 40.0})
        kit.wait()
        kit.deliver(PGS, records=400)
    else:
        kit.orch("hold", TO4, "2026-01-21", "--mode", "overnight", "--reason", "wait")
        kit.finish(*PHASE3, records=200)
    at(kit, 10, 30)
    kit.sweeps(3)
    assert bool(rerun_requests(kit, "phase4")) is started


def test_an_operator_hears_what_a_rerun_was_answered(kit: HandlersKit) -> None:
    """`orch rerun`: the answer's own words, exit status 5 where it is a no; a yes is told with what failed of it."""
    argv = ("rerun", "phase3", "2026-01-21", "--mode", "overnight", "--reason", "again")
    answer(kit, 409, {"status": "already_running", "run": "r-7"})
    status, output = kit.orch(*argv)
    assert status == 5
    assert "already_running, run r-7" in output
    parts = [{"processor": "A", "status": "success"}, {"processor": "B", "status": "error", "error": "no rows"}]
    answer(kit, 200, {"results": parts})
    status, output = kit.orch(*argv)
    assert status == 0
    assert "1 of 2 failed: B (no rows)" in output
    answer(kit, 200, GOOD, 5 * MINUTE)
    status, output = kit.orch(*argv)
    assert status == 5
    assert "may have been started" in output


def test_what_is_not_begun_is_no_failure(kit: HandlersKit) -> None:
    """The sweep's time is over: nothing was called, nobody is told, and the next minute calls."""
    from shared.core.errors import NotBegun

    kit.services.answers["analytics"] = NotBegun("http", "no time left in this sweep")
    at(kit, 8, 30)
    kit.sweep()
    assert kit.run().repairs["phase3"].failure is None
    assert not kit.run().repairs["phase3"].pending
    del kit.services.answers["analytics"]
    kit.wait(MINUTE - SECOND)
    kit.sweep()
    assert kit.run().repairs["phase3"].attempts == 1


def test_an_unset_address_is_a_fault_that_names_its_variable(kit: HandlersKit) -> None:
    """Nothing can be called: critical, with the variable to set."""
    whole = kit.instance()
    kit.ctx = replace(whole, endpoints={**whole.endpoints, "analytics": None})
    at(kit, 8, 30)
    kit.sweep()
    [critical] = kit.notices("repair_fault")
    assert "ANALYTICS_PROCESSOR_URL" in critical.text
