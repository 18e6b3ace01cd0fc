"""The daily report: said once a day, true of the nights behind it, and loud when it could not be sent."""

from __future__ import annotations

from typing import Any

import pytest

from shared.core.reporting.coverage import band
from shared.simulation.product import DeployedProduct
from shared.simulation.runner import SWEEP
from shared.simulation.scenario import FaultKind, Health
from tests.health.scenario_states import LeftByDemo, ask, left_by

DAY = 24 * 60 * 60


def run_of(report: dict[str, Any], run: str) -> dict[str, Any]:
    [entry] = [entry for entry in report["runs"] if entry["run"] == run]
    return {transition["transition"]: transition for transition in entry["transitions"]}


def test_the_report_tells_the_night_as_it_was(morning: LeftByDemo) -> None:
    """The second tier of 08:02 without one processor, when that one came, who came last, and what never began."""
    transitions = run_of(ask("/report").json, "nba/2026-01-19/overnight")
    fourth = transitions["phase4_to_phase5"]
    assert (fourth["word"], fourth["reason"], fourth["degraded"]) == ("confirmed", "tier_2", True)
    assert fourth["triggered_at"] == "2026-01-20T08:02:00-05:00"
    assert fourth["late"] == [{"processor": "player_composite_factors", "at": "2026-01-20T08:20:00-05:00"}]
    assert fourth["last"] == {"processor": "ml_feature_store", "at": "2026-01-20T07:09:00-05:00"}
    assert transitions["phase2_to_phase3"]["word"] == "overtaken"
    assert transitions["phase5_to_phase6"]["missing"] == ["prediction_coordinator"]


def test_every_run_of_yesterday_and_today_is_there(morning: LeftByDemo) -> None:
    """Runs that were not opened are named too, with the reason why."""
    runs = {run["run"]: run["said"] for run in ask("/report").json["runs"]}
    assert runs["nba/2026-01-19/same_day"] == "no run was opened"
    assert runs["nba/2026-01-20/same_day"] == "nothing expected: no games"
    assert {day for day in ("2026-01-19", "2026-01-20") for run in runs if day in run} == {"2026-01-19", "2026-01-20"}


def test_the_report_is_said_once_a_day(morning: LeftByDemo) -> None:
    """A second call of the day sends nothing; the next day has a report of its own."""
    for _ in range(3):
        assert ask("/report", "POST").json["sent"].startswith("sent ")
    assert len(morning.sent("daily report")) == 1
    morning.wait(DAY)
    ask("/report", "POST")
    assert len(morning.sent("daily report")) == 2


@pytest.mark.parametrize(
    ("path", "method"),
    [("/report", "GET"), ("/report", "HEAD"), ("/report?send=false", "POST"), ("/report?send=true", "GET")],
)
def test_looking_at_the_report_sends_nothing(morning: LeftByDemo, path: str, method: str) -> None:
    """A person who reads it at six does not take the place of the one of eight."""
    assert ask(path, method).status_code == 200
    assert morning.sent("daily report") == []
    assert ask("/report", "POST").json["sent"].startswith("sent ")


@pytest.mark.parametrize("query", ["send=flase", "sned=false", "send=", "send=false&to=me"])
def test_a_report_that_is_asked_for_a_little_off_is_not_sent(morning: LeftByDemo, query: str) -> None:
    """400 with a hint: who mistypes that nothing is to be sent sends nothing."""
    answer = ask(f"/report?{query}", "POST")
    assert answer.status_code == 400
    assert answer.json["hint"]
    assert morning.sent("daily report") == []


def test_a_report_that_was_refused_is_an_alert(morning: LeftByDemo) -> None:
    """The refusal stands in the answer and in the store as a warning, which goes to another channel."""
    morning.fail("slack", FaultKind.REJECTS)
    assert ask("/report", "POST").json["sent"] == "not sent: 400 invalid_payload (simulated)"
    alerts = {document.data["kind"]: document.data for document in morning.ctx.ports.store.query("alerts")}
    assert alerts["report_unsent"]["severity"] == "warning"
    assert "could not be sent: 400" in alerts["report_unsent"]["text"]


def test_a_report_that_met_silence_is_sent_by_a_sweep(morning: LeftByDemo) -> None:
    """It is stored before it is sent: as soon as Slack answers, a sweep says it, once, and that it was late."""
    morning.fail("slack")
    assert ask("/report", "POST").json["sent"] == "not sent: no answer; a sweep sends it later"
    morning.restore()
    morning.wait(60)
    DeployedProduct().request(SWEEP)
    assert len(morning.sent("daily report of")) == 1
    assert len(morning.sent("nba: daily report,")) == 1
    assert ask("/report", "POST").json["sent"].startswith("sent ")


def test_without_the_store_the_report_goes_straight_to_people(morning: LeftByDemo) -> None:
    """What was said cannot be kept, so this instance remembers; what could not be read is in the text."""
    morning.fail("state")
    answer = ask("/report", "POST").json
    assert answer["sent"].startswith("sent, not stored")
    [text] = morning.sent("daily report")
    assert "Could not be read: runs: state does not answer" in text
    assert ask("/report", "POST").json["sent"] == "sent already by this instance"
    assert len(morning.sent("daily report")) == 1


def test_neither_store_nor_channel_is_said_in_the_answer(morning: LeftByDemo) -> None:
    """Both reasons stand there; nothing claims to have been sent."""
    morning.fail("state")
    morning.fail("slack")
    assert ask("/report", "POST").json["sent"].startswith("not sent: ")


def test_an_unfit_service_is_named(morning: LeftByDemo) -> None:
    """The coordinator answers as something else: the report says as what."""
    morning.world.services.health["prediction_coordinator"] = Health.WRONG_IDENTITY
    morning.wait(60)
    services = {service["service"]: service for service in ask("/report").json["services"]}
    assert [name for name, service in services.items() if service["verdict"] == "unfit"] == ["prediction_coordinator"]
    assert "answers 200 as" in services["prediction_coordinator"]["text"]


def test_quarantine_and_open_alerts_are_counted_by_reason() -> None:
    """Messages nobody could understand, with their processors; alerts whose condition holds, with their start."""
    with left_by("A4_messages_nobody_can_understand") as left:
        report = ask("/report").json
        kept = left.ctx.ports.store.count("quarantine", {"status": "kept"})
    assert report["quarantine"]["kept"] == kept > 0
    assert sum(report["quarantine"]["reasons"].values()) == kept


def test_a_validation_that_ran_is_in_the_report() -> None:
    """The latest run of each schedule is read from the record, with its verdict."""
    with left_by("V1_validation_of_a_night"):
        report = ask("/report").json
    assert report["validation"]
    assert {"schedule", "status", "message"} <= set(report["validation"][0])


@pytest.mark.parametrize(
    ("percent", "word"),
    [
        (100.0, "complete"), (95.0, "complete"), (94.9, "nearly complete"), (90.0, "nearly complete"),
        (89.9, "incomplete"), (50.0, "incomplete"), (49.9, "mostly missing"), (0.0, "mostly missing"),
    ],
)  # fmt: skip
def test_bands_begin_at_95_90_and_50_percent(percent: float, word: str) -> None:
    """At the number is in the band (behaviour 11)."""
    assert band(percent) == word
