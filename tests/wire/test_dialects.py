"""Other pipelines speak otherwise, and a policy file alone says how (behaviour R8, R9)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.quarantine.message_counts import counted
from shared.app.transitions.receive import Handled
from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, Received, Why, parse
from shared.core.model import Outcome
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from tests.app.handlers_kit import HandlersKit

PIPELINES = Path(__file__).parents[1] / "pipelines"
BAKERY, TIDES = load_policy(PIPELINES / "bakery.yaml"), load_policy(PIPELINES / "tides.yaml")
# 22:30 of 10 March in Paris; 10:30 of 11 March in Auckland.
PUBLISHED = datetime(2026, 3, 10, 21, 30, tzinfo=UTC)
TILLS: dict[str, Any] = {
    "job": {"id": "Kassensturz", "finished": "2026-03-10T22:15:00+01:00"},
    "business_day": "2026-03-10",
    "state": "OK",
    "phase": "kasse",
    "rows": {"written": 0, "changed": "812", "planned": 900},
    "target": "bakery_raw",
    "changed": {"shops": ["Lyon 2", 7], "articles": {"articles": ["baguette"], "drinks": ["milk"]}},
}
GAUGES: dict[str, Any] = {"JOB": "RDNGS", "VALID_ON": "tomorrow", "RC": "0", "END": 1773178200, "GAUGES": ["Bluff"]}


def read(
    policy: Policy, phase: str, message: dict[str, Any], published: datetime = PUBLISHED
) -> Received | Counted | str:
    """Return what is understood of a message, or the word of the quarantine; None takes a field out."""
    data = json.dumps({key: value for key, value in message.items() if value is not None}).encode()
    try:
        return parse(Delivery("m-1", phase, data, published, published + timedelta(days=3)), policy, Names(policy))
    except Malformed as wrong:
        return wrong.kind


def received(policy: Policy, phase: str, message: dict[str, Any]) -> Received:
    reading = read(policy, phase, message)
    assert isinstance(reading, Received), reading
    return reading


def test_every_thing_is_found_where_the_policy_says() -> None:
    """Name, date, status, end, counts, percentage and entities, all in places and words of the bakery's own."""
    reading = received(BAKERY, "tills", TILLS)
    report = reading.report
    assert reading.key.id == "bakery/2026-03-10/evening"
    assert (report.processor, report.outcome) == ("till_totals", Outcome.SUCCESS)
    assert report.occurred_at == datetime(2026, 3, 10, 21, 15, tzinfo=UTC)
    assert (report.records, report.expected_records, report.percent) == (812, 900, 100 * 812 / 900)
    assert report.entities == {"shops": ("Lyon 2", "7"), "articles": ("baguette",), "drinks": ("milk",)}


def test_the_fields_of_this_project_are_understood_by_every_pipeline() -> None:
    """What R3 says is read after what the policy says: a started sent by hand is one in any dialect."""
    plain = {"processor_name": "till_totals", "game_date": "2026-03-10", "status": "started", "phase": "tills"}
    report = received(BAKERY, "tills", {**plain, "error_message": "why", "record_count": 3}).report
    assert (report.outcome, report.error, report.records) == (Outcome.STARTED, "why", 3)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"state": "FEHLER", "problems": ["oven", "salt"]}, "oven; salt"),
        ({"state": "FEHLER", "problem": "", "problems": "oven"}, "oven"),
        ({"state": "FEHLER", "problem": "late", "problems": ["oven"]}, "late"),
    ],
)
def test_the_cause_is_the_first_that_is_there(changes: dict[str, Any], right: str) -> None:
    """A list is joined."""
    report = received(BAKERY, "tills", {**TILLS, **changes}).report
    assert (report.outcome, report.error) == (Outcome.FAILED, right)


@pytest.mark.parametrize(
    ("word", "hour", "day"),
    [
        ("heute", 21, "2026-03-10"),
        ("heute", 23, "2026-03-11"),
        ("gestern", 21, "2026-03-09"),
        ("Heute", 21, "bad_date"),
        ("morgen", 21, "bad_date"),
    ],
)
def test_words_for_dates_are_counted_from_the_local_day_of_publication(word: str, hour: int, day: str) -> None:
    """23:00 UTC is the next day in Paris; a word of another spelling is none."""
    published = datetime(2026, 3, 10, hour, 30, tzinfo=UTC)
    reading = read(BAKERY, "tills", {**TILLS, "business_day": word}, published)
    assert (reading.key.day.isoformat() if isinstance(reading, Received) else reading) == day


@pytest.mark.parametrize(
    ("phase", "changes", "right"),
    [
        ("tills", {"job": {"id": "till_firmware"}}, Why.KNOWN),
        ("tills", {"job": {"id": "till_probe_9"}}, Why.KNOWN),
        ("tills", {"job": {"id": "till_lines"}}, "till_lines"),
        ("tills", {"job": {"id": "butcher_totals"}}, "foreign"),
        ("tills", {"job": {"id": "somebody"}}, "unknown_processor"),
        ("tills", {"job": 7}, "bad_field"),
        ("tills", {"heartbeat": 1}, Why.IGNORED),
        ("tills", {"phase": "caisse"}, "till_totals"),
        ("tills", {"phase": "tills"}, "till_totals"),
        ("tills", {"phase": "plan"}, "wrong_topic"),
        ("tills", {"target": "training"}, "rehearsal"),
        ("tills", {"state": "fertig"}, "unknown_status"),
        ("tills", {"state": "success"}, "till_totals"),
        ("tills", {"rows": {"done_percent": "sehr viel"}}, "bad_percentage"),
        ("tills", {"changed": {"shops": "Lyon"}}, "bad_entities"),
        ("tills", {"business_day": None}, "no_date"),
        ("tills", {"business_day": None, "job": {"id": "Kassensturz", "day": "2026-03-10"}}, "till_totals"),
        ("plan", {"job": {"id": "plan"}, "phase": None, "target": None, "state": "fertig"}, "plan"),
        ("plan", {"job": {"id": "plan"}, "phase": None, "target": None, "business_day": None}, Why.WITHOUT_DATE),
        ("plan", {"job": {"id": "plan"}, "phase": None, "target": None, "state": "OK"}, "unknown_status"),
        ("plan", {"job": {"id": "till_probe_9"}, "phase": None}, "wrong_topic"),
    ],
)  # fmt: skip
def test_what_else_is_said_is_read_by_the_same_policy(phase: str, changes: dict[str, Any], right: str) -> None:
    """Known, foreign, ignored, rehearsed, misplaced, or wrong in its type: each as the file says."""
    reading = read(BAKERY, phase, {**TILLS, **changes})
    seen = (
        reading.report.processor
        if isinstance(reading, Received)
        else reading.why
        if isinstance(reading, Counted)
        else reading
    )
    assert seen == right


def test_flat_events_in_capitals() -> None:
    """The tides' own: a word for the date in UTC, a status that is a digit, seconds since 1970, one list."""
    reading = received(TIDES, "gauges", {**GAUGES, "N_INSERT": "12", "N_UPDATE": "40"})
    assert (reading.key.id, reading.report.outcome, reading.report.records) == (
        "tides/2026-03-11/daily",
        Outcome.SUCCESS,
        40,
    )
    assert reading.report.entities == {"gauges": ("Bluff",)}
    assert read(TIDES, "gauges", {**GAUGES, "RC": "12"}) == "unknown_status"
    assert read(TIDES, "gauges", {**GAUGES, "JOB": "CALIBRATE7", "RC": None}) == Counted(
        Why.KNOWN, "gauges", "CALIBRATE7", date(2026, 3, 11)
    )


def kit(policy: Policy) -> HandlersKit:
    return HandlersKit(policy=policy, start=PUBLISHED)


def test_a_trigger_names_what_changed_in_the_kinds_of_its_pipeline() -> None:
    """Behaviour 5: the union by kind, and no kind of another pipeline."""
    night = kit(BAKERY)
    night.take("tills", json.dumps(TILLS).encode(), "m-1")
    lines = {**TILLS, "job": {"id": "till_lines"}, "changed": {"shops": ["Nice 1"]}}
    night.take("tills", json.dumps(lines).encode(), "m-2")
    [publication] = night.published
    assert publication.body["entities_changed"] == {
        "shops": ["7", "Lyon 2", "Nice 1"], "articles": ["baguette"], "drinks": ["milk"]
    }  # fmt: skip
    night.take("plan", json.dumps({"job": {"id": "plan"}, "business_day": "2026-03-10", "state": "fertig"}).encode())
    assert night.state("tills_to_plan", received(BAKERY, "tills", TILLS).key).state.value == "confirmed"


def test_what_is_known_is_counted_once_and_bears_on_nothing() -> None:
    """R9: by name and day, each message once; no run, no quarantine, no alert; `orch known` shows it."""
    tides = kit(TIDES)
    for number, name in enumerate(["CALIBRATE1", "CALIBRATE1", "CALIBRATE2"]):
        for _ in range(2):
            taken = tides.take("gauges", json.dumps({**GAUGES, "JOB": name}).encode(), f"m-{number}")
            assert taken.handled is Handled.COUNTED
    assert [(entry.name, entry.count) for entry in counted(tides.ctx, date(2026, 3, 11))] == [
        ("CALIBRATE1", 2), ("CALIBRATE2", 1)
    ]  # fmt: skip
    assert (tides.documents("runs"), tides.documents("quarantine"), tides.notices()) == ([], [], [])
    assert tides.documents("counts")[0]["expires_at"] == PUBLISHED + timedelta(days=30)
    status, output = tides.orch("known", "2026-03-11")
    assert (status, "CALIBRATE1" in output, "3 messages of 2 names on 2026-03-11" in output) == (0, True, True)
    status, output = tides.orch("known", "--json")
    assert status == 0
    assert {load["name"]: load["count"] for load in json.loads(output)["items"]} == {"CALIBRATE1": 2, "CALIBRATE2": 1}


def test_what_became_known_leaves_quarantine_when_it_is_replayed() -> None:
    """R1, R9: a name that the policy learned is counted, and off the list."""
    tides = kit(TIDES)
    tides.take("tables", json.dumps({**GAUGES, "JOB": "PRINTER", "RC": "0"}).encode(), "m-1")
    tables = replace(TIDES.phases["tables"], known=("PRINTER",))
    learned = tides.instance("v2", replace(TIDES, phases={**TIDES.phases, "tables": tables}))
    status, output = tides.orch("quarantine", "replay", "--all", ctx=learned)
    assert (status, "counted" in output) == (0, True)
    assert tides.orch("quarantine", "list", ctx=learned)[1].strip() == "0 in quarantine"
