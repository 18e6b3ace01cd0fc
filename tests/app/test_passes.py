"""Passes that are expected on some days only, or share a date, through the real use cases (behaviour R4, T1, T10)."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.app.reporting.daily import _runs
from shared.app.reporting.overview import overview
from shared.app.validation.checks import nights
from shared.core.model import Outcome, RunKey, State
from shared.core.policy.policy import Policy
from shared.ports import Response
from tests.app.handlers_kit import HandlersKit

PIPELINES = Path(__file__).parents[1] / "pipelines"
HOURLY = load_policy(PIPELINES / "hourly.yaml")
WEEKLY = load_policy(
    PIPELINES / "weekly.yaml",
    {
        "services": {"jobs": {"url_env": "LIBRARY_URL", "ready_path": "/ready"}},
        "phases": {"loans": {"rerun": {"service": "jobs", "path": "/again"}}},
        "repairs": {"modes": ["nightly"]},
    },
)
SATURDAY, SUNDAY, MONDAY, TUESDAY = (date(2026, 2, 28) + timedelta(days=number) for number in range(4))


def kit(policy: Policy, day: date, clock: str) -> HandlersKit:
    start = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=policy.zone)
    return HandlersKit(policy=policy, start=start)


def say(kit: HandlersKit, phase: str, name: str, day: date, **fields: Any) -> str:
    body = {"processor_name": name, "game_date": day.isoformat(), "status": "success", **fields}
    return kit.take(phase, json.dumps(body).encode()).decision


def runs(kit: HandlersKit) -> set[str]:
    return {f"{document['key']['day']}/{document['key']['mode']}" for document in kit.documents("runs")}


def test_the_sweep_opens_what_the_day_expects() -> None:
    """T1: on Sunday the 1st the night's pass and the invoice, on Monday the week's, on Tuesday the night's again."""
    library = kit(WEEKLY, SUNDAY, "08:01")
    library.sweep()
    assert runs(library) == {f"{SATURDAY}/nightly", f"{SUNDAY}/invoice"}
    library.wait(timedelta(days=1))
    library.sweep()
    assert runs(library) == {f"{SATURDAY}/nightly", f"{SUNDAY}/invoice", f"{SUNDAY}/weekly"}
    library.wait(timedelta(days=1))
    library.sweep()
    assert runs(library) == {
        f"{SATURDAY}/nightly", f"{SUNDAY}/invoice", f"{SUNDAY}/weekly", f"{MONDAY}/nightly"
    }  # fmt: skip


def test_nobody_misses_a_run_on_another_day() -> None:
    """Checks, page and report ask for the runs that a day expects, and show what a message opened besides."""
    library = kit(WEEKLY, MONDAY, "09:00")
    assert nights.keys(WEEKLY, MONDAY) == [RunKey("library", SUNDAY, "weekly")]
    rows = overview(library.ctx, [SATURDAY, SUNDAY], {}).rows
    assert {(row.key.day, row.key.mode) for row in rows} == {
        (SATURDAY, "nightly"), (SUNDAY, "weekly"), (SUNDAY, "invoice")
    }  # fmt: skip
    say(library, "loans", "fines", MONDAY, mode="invoice")
    reported = {run["run"] for run in _runs(library.ctx, (SUNDAY, MONDAY), library.clock.now())}
    assert f"library/{MONDAY}/invoice" in reported
    assert f"library/{MONDAY}/nightly" in reported, "of Tuesday, and its date is today's"
    assert f"library/{MONDAY}/weekly" not in reported


def test_the_report_shows_a_pass_over_a_date_long_past() -> None:
    """The report of a day shows the run that was worked on on it, however far back its date lies."""
    overlay = {"modes": {"weekly": {"partition_offset_days": -7}}}
    library = kit(load_policy(PIPELINES / "weekly.yaml", overlay), MONDAY, "09:00")
    library.sweep()
    reported = {run["run"] for run in _runs(library.ctx, (SUNDAY, MONDAY), library.clock.now())}
    assert f"library/{MONDAY - timedelta(days=7)}/weekly" in reported


def test_a_run_on_another_day_is_neither_due_nor_repaired() -> None:
    """T10: a message opens it; nobody is told of what does not follow, and nothing is asked to run again."""
    library = kit(WEEKLY, MONDAY, "07:00")
    library.services.answers["jobs"] = Response(200, "{}")
    key = RunKey("library", SUNDAY, "nightly")
    say(library, "loans", "fines", SUNDAY, mode="nightly")
    for _ in range(30):
        library.wait(timedelta(hours=1))
        library.sweep()
    assert library.state("loans_to_reports", key).state is State.WAITING
    assert not [text for text in library.texts("due_warning") if key.id in text]
    assert not [
        call for call in library.reruns if call.body["game_date"] == str(SUNDAY) and call.body["mode"] == "nightly"
    ]
    assert [text for text in library.texts("due_warning") if f"library/{MONDAY}/nightly" in text], "Tuesday's is due"
    assert [call for call in library.reruns if call.body["mode"] == "nightly"], "and repaired"


def test_a_backfill_leaves_out_the_days_of_others() -> None:
    """D9: of a range of dates it asks for those that the mode works on, and says of the others why not."""
    library = kit(WEEKLY, date(2026, 3, 20), "12:00")
    asked = (
        "--from",
        str(SATURDAY),
        "--to",
        str(TUESDAY),
        "--mode",
        "nightly",
        "--reason",
        "r",
        "--by",
        "ada",
        "--yes",
    )
    status, output = library.orch("backfill", "loans", *asked)
    assert status == 0, output
    assert [call.body["game_date"] for call in library.reruns] == [str(SATURDAY), str(MONDAY), str(TUESDAY)]
    assert f"nightly is expected on tue, wed, thu, fri, sat, sun, not on Mon {MONDAY}" in output


def test_rows_of_other_hours_complete_nobody() -> None:
    """Section 9: what other hours wrote into the table of the date is no completion of the one that is silent."""
    meters = kit(HOURLY, SUNDAY, "07:00")
    key = RunKey("meters", SUNDAY, "h07")
    meters.change(rows={"meters.readings": {SUNDAY: 1000}})
    meters.sweep()
    meters.change(rows={"meters.readings": {SUNDAY: 9000}})
    meters.sweeps(60)
    assert meters.state("meters_to_loads", key).state is State.WAITING
    assert meters.texts("due_warning"), "its silence is told"


def test_the_rows_of_a_pass_that_shares_its_table_with_none_complete_it() -> None:
    """Section 9: in the night's pass, which its date tells from the others, a full table completes the silent one."""
    library = kit(WEEKLY, TUESDAY, "02:30")
    library.sweep()
    library.change(rows={"library.loans": {MONDAY: 40}})
    library.sweeps(160)
    key = RunKey("library", MONDAY, "nightly")
    state = library.state("loans_to_reports", key)
    assert state.accepted_plan is not None
    assert state.accepted_plan.completed == {"loans": 40}
    assert Outcome.INFERRED.value in json.dumps(library.contents(), default=str)
