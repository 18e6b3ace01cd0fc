"""Reports of scrapers are recorded like those of any other phase, and open no run (phase1.md, behaviour R1, R5, 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from shared.adapters.audit_schema import encoded
from shared.app.audit.compare import compare
from shared.app.operator.acts import replay
from shared.app.outcome import Outcome as Ended
from shared.app.outcome import Why
from shared.app.quarantine.rows import listed
from shared.app.reporting.past import NotOpen, explain_then
from shared.app.transitions.receive import Handled
from shared.app.transitions.receive import receive as receive_other
from shared.app.validation.checks.records import state_against_record
from shared.app.workflows import receive, reports
from shared.app.workflows.files import FILES
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.model import Outcome, RunKey
from shared.core.policy.working_days import Resolve
from shared.core.validation.checks import Schedule, Target
from shared.ports import Row
from tests.app.workflows.phase1 import POLICY, Died, Phase1
from tests.app.workflows.test_audit import Kept, recorded

TABLE = "phase_completions"
DAY = date(2026, 3, 10)
# 03:31 of the next morning, before any run of the date is opened.
NIGHT = datetime(2026, 3, 11, 7, 31, tzinfo=UTC)
GAMEBOOK, PROPS, ROSTER = "nbac_gamebook_pdf", "oddsa_player_props", "espn_roster"
OVERNIGHT = RunKey("nba", DAY, "overnight")


class Record(Kept):
    """Answers what it keeps; ``loses`` are messages that it takes and does not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.loses: set[str] = set()

    def insert(self, table: str, rows: Any) -> None:
        super().insert(table, rows)
        for row in rows:
            if row.columns.get("message_id") in self.loses:
                del self.tables[table][row.insert_id]

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return [dict(row) for row in self.rows(TABLE) if first.isoformat() <= row["game_date"] <= last.isoformat()]


def night(at: datetime = NIGHT) -> tuple[Phase1, Record]:
    phase1, record = Phase1(at), Record()
    recorded(phase1)
    object.__setattr__(phase1.ctx.ports, "audit", record)
    phase1.warehouse.rows = lambda tables, day: {ref.table: 0 for ref in tables}  # type: ignore[method-assign]
    return phase1, record


def body(scraper: str = GAMEBOOK, status: str | None = "success", **changed: Any) -> dict[str, Any]:
    """Return a report in the envelope of services.md; what is None is left out."""
    fields = {
        "processor_name": scraper,
        "phase": "phase_1_scrapers",
        "execution_id": "7c1f0a2b",
        "correlation_id": "7c1f0a2b",
        "game_date": DAY.isoformat(),
        "output_table": "gs://nba-scraped/gamebook/2026-03-10/0022500900.pdf",
        "output_dataset": "nba_raw",
        "status": status,
        "record_count": 34,
        "records_failed": 0,
        "timestamp": "2026-03-11T07:30:58.120000+00:00",
        "duration_seconds": 4.2,
        "trigger_source": "CONTROLLER",
        "metadata": {"game": "MIL@ORL"},
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def delivery(phase1: Phase1, message: Mapping[str, Any] | bytes, message_id: str = "1") -> Delivery:
    now = phase1.clock.now()
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Delivery(message_id, "phase1", data, now, now)


def take(phase1: Phase1, message: Mapping[str, Any] | bytes, message_id: str = "1") -> Handled:
    return receive.receive(phase1.ctx, phase1.workflows, delivery(phase1, message, message_id)).handled


def files(phase1: Phase1) -> list[str]:
    return [document.data["scraper"] for document in phase1.store.inner.query(FILES)]


@pytest.mark.parametrize("scraper", [GAMEBOOK, ROSTER], ids=["becomes rows", "nobody waits"])
@pytest.mark.parametrize("status", ["success", "no_data", "failed", "partial"])
def test_every_outcome_leaves_a_row(status: str, scraper: str) -> None:
    """With a processor that waits for its file or without: one row in the shape of the others'; only a success with
    such a processor is a file."""
    phase1, record = night()
    assert take(phase1, body(scraper, status)) is Handled.RECORDED
    phase1.look()
    [row] = record.rows(TABLE)
    columns = {name: row[name] for name in ("run_id", "phase", "game_date", "mode", "processor_name", "outcome")}
    assert columns == {
        "run_id": "nba/2026-03-10/overnight",
        "phase": "phase1",
        "game_date": "2026-03-10",
        "mode": "overnight",
        "processor_name": scraper,
        "outcome": status,
    }
    assert (row["record_count"], row["message_id"], row["execution_id"]) == (34, "1", "7c1f0a2b")
    assert row["completed_at"] == "2026-03-11T07:30:58.120000+00:00"
    assert files(phase1) == ([GAMEBOOK] if status == "success" and scraper == GAMEBOOK else [])


def test_a_report_opens_no_run() -> None:
    """A report of another phase opens the run of its date; that of a scraper leaves nothing that a sweep decides."""
    phase1, _ = night()
    take(phase1, body())
    phase1.look()
    assert phase1.store.inner.query("runs") == []
    other = body("NbacGamebookProcessor", phase="phase_2_raw", output_table=None)
    receive_other(phase1.ctx, replace(delivery(phase1, other, "2"), phase="phase2"))
    assert [document.data["opened_at"] for document in phase1.store.inner.query("runs")] == [NIGHT]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (body(processor_name=None), "no processor_name"),
        (body("nbac_gamebook_pfd"), "unknown processor"),
        (body("MlbScheduleScraper"), "another pipeline's"),
        (body(game_date=None), "no game_date"),
        (body(game_date="None"), "not a date"),
        (body(game_date="TODAY"), "not a date"),
        (body(game_date="2026-2-3"), "not a date"),
        (body(game_date="2026-02-30"), "does not exist"),
        (body(status="done"), "unknown status"),
        (body(status=None), "no status"),
        (body(phase="phase_2_raw"), "wrong topic"),
        (body(pipeline="mlb"), "is not 'nba'"),
        (body(output_dataset="test_nba_raw"), "rehearsal"),
        (body(record_count="many"), "record_count"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_understood_is_kept_in_quarantine(message: Mapping[str, Any] | bytes, reason: str) -> None:
    """With its bytes and the reason, acknowledged, told once; no row and no file come of it."""
    phase1, record = night()
    assert take(phase1, message) is Handled.QUARANTINED
    assert take(phase1, message) is Handled.QUARANTINED
    [kept] = listed(phase1.ctx)
    assert reason in kept.reason
    assert kept.raw == (message if isinstance(message, bytes) else json.dumps(message).encode())
    phase1.look()
    assert (record.rows(TABLE), files(phase1)) == ([], [])
    assert len(phase1.texts("quarantine")) == 1


def test_what_is_corrected_is_brought_back() -> None:
    """A message of a scraper that nobody knew is recorded once the workflow file names it."""
    phase1, record = night()
    take(phase1, body("nbac_boxscore_pdf"))
    why = Why("the file names it now", "ann")
    [kept] = listed(phase1.ctx)
    assert replay(phase1.ctx, kept, why).outcome is Ended.REFUSED
    scrapers = {**phase1.workflows.scrapers, "nbac_boxscore_pdf": replace(phase1.workflows.scrapers[GAMEBOOK])}
    scrapers["nbac_boxscore_pdf"] = replace(scrapers[GAMEBOOK], name="nbac_boxscore_pdf")
    ctx = replace(phase1.ctx, workflows=replace(phase1.workflows, scrapers=scrapers))
    assert replay(ctx, kept, why).outcome is Ended.DONE
    phase1.look()
    assert [row["processor_name"] for row in record.rows(TABLE)] == ["nbac_boxscore_pdf"]
    assert phase1.store.inner.query("runs") == []
    assert listed(phase1.ctx) == []


def test_a_message_counts_once() -> None:
    """The same message twice, before its row is written and after: one row, inserted once, and one file."""
    phase1, record = night()
    for _ in range(2):
        take(phase1, body())
        phase1.look()
        take(phase1, body())
    assert (len(record.rows(TABLE)), record.inserts, len(files(phase1))) == (1, 1, 1)


def test_a_file_is_of_a_scraper_a_date_and_an_execution() -> None:
    """Two messages of one execution are two reports and one file; a batch id that two scrapers share names two."""
    phase1, record = night()
    take(phase1, body(execution_id="batch_1"), "1")
    take(phase1, body(execution_id="batch_1"), "2")
    take(phase1, body(PROPS, execution_id="batch_1"), "3")
    take(phase1, body(execution_id="batch_1", game_date="2026-03-09"), "4")
    phase1.look()
    assert sorted(row["message_id"] for row in record.rows(TABLE)) == ["1", "2", "3", "4"]
    assert sorted(files(phase1)) == [GAMEBOOK, GAMEBOOK, PROPS]


def test_our_own_repetition_is_neither_a_report_nor_a_file() -> None:
    """What is announced again with `recovery: true` is acknowledged: no row, no file, nothing in quarantine."""
    phase1, record = night()
    assert take(phase1, {**body(execution_id="b2"), "recovery": True}) is Handled.COUNTED
    phase1.look()
    assert (record.rows(TABLE), files(phase1), listed(phase1.ctx)) == ([], [], [])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_handler_that_dies_loses_nothing(dies_at: int, after: bool) -> None:
    """Before or after each of its writes: the message comes again, and there are one report and one file."""
    phase1, record = night()
    phase1.store.dies_at, phase1.store.after = dies_at, after
    with pytest.raises(Died):
        take(phase1, body())
    assert take(phase1, body()) is Handled.RECORDED
    assert phase1.store.writes >= 3
    phase1.look()
    assert (len(record.rows(TABLE)), files(phase1)) == (1, [GAMEBOOK])


def test_a_sweep_that_dies_between_row_and_mark_writes_no_second_row() -> None:
    """The row has the insert id of its message: written again it is the same one."""
    phase1, record = night()
    take(phase1, body())
    phase1.store.dies_at, phase1.store.after = phase1.store.writes + 1, False
    with pytest.raises(Died):
        phase1.look()
    phase1.look()
    assert (len(record.rows(TABLE)), record.inserts) == (1, 2)


def test_what_the_record_refused_is_written_by_a_later_sweep() -> None:
    """However many wait: a hundred reports of one scraper and date, more than a document of another phase carries."""
    phase1, record = night()
    record.away = True
    for number in range(100):
        take(phase1, body(execution_id=f"e{number}"), str(number))
    assert None in phase1.look().wakeups
    assert record.rows(TABLE) == []
    record.away = False
    phase1.pass_time(timedelta(minutes=2))
    phase1.look()
    assert len(record.rows(TABLE)) == 100
    phase1.look()
    assert record.inserts == 100


def test_while_the_state_is_away_a_report_goes_to_the_record_and_comes_again() -> None:
    """It is not acknowledged; once the state is back the message leaves the same row, and its file."""
    phase1, record = night()
    phase1.store.refuses = True
    with pytest.raises(Unavailable):
        take(phase1, body())
    [before] = record.rows(TABLE)
    phase1.store.refuses = False
    assert compare(phase1.ctx, [], now_due=True).state_lacked == ()
    take(phase1, body())
    phase1.look()
    assert record.rows(TABLE) == [before]
    assert files(phase1) == [GAMEBOOK]


def measured(phase1: Phase1) -> dict[str, float | None]:
    schedule = Schedule("overnight", time(2), 0)
    target = Target(schedule, date(2026, 3, 11), phase1.clock.now(), POLICY.zone)
    result = state_against_record(phase1.ctx, target, {"grace": timedelta(minutes=10)})
    return {measure.subject: measure.value for measure in result.measures}


def test_state_and_record_agree_and_what_the_record_lost_is_written_again() -> None:
    """Rows of scrapers are not too many, for the hourly comparison and for the check; one that the record took and
    does not hold is named by the check and written by the next day's comparison."""
    phase1, record = night()
    take(phase1, body(), "1")
    take(phase1, body(ROSTER), "2")
    record.loses = {"2"}
    phase1.look()
    phase1.pass_time(timedelta(minutes=30))
    compared = compare(phase1.ctx, [], now_due=True)
    assert (compared.audit_lacked, compared.state_lacked) == ((), ())
    assert measured(phase1) == {"record lacks": 1.0, "state lacks": 0.0}
    record.loses = set()
    phase1.look()
    assert measured(phase1) == {"record lacks": 1.0, "state lacks": 0.0}
    phase1.pass_time(timedelta(hours=24))
    done = phase1.look()
    assert [finding.detail for finding in done.findings if finding.what == "reconciliation"] == [
        "1 report of scrapers brought to the record"
    ]
    assert measured(phase1) == {"record lacks": 0.0, "state lacks": 0.0}


def test_the_later_report_stands_and_the_older_one_is_superseded() -> None:
    """By when the scraper ended, not by arrival (R5); a message that is read so is the view of `recorded` too."""
    phase1, record = night()
    take(phase1, body(status="success", record_count=34), "new")
    phase1.pass_time(timedelta(minutes=1))
    take(phase1, body(status="failed", record_count=0, timestamp="2026-03-11T07:00:00+00:00"), "old")
    phase1.look()
    assert {row["message_id"]: row["superseded"] for row in record.rows(TABLE)} == {"new": False, "old": True}
    completion = reports.completion(phase1.ctx, OVERNIGHT, GAMEBOOK)
    assert completion is not None
    assert completion.latest is not None
    assert (completion.latest.outcome, completion.latest.records, completion.superseded) == (Outcome.SUCCESS, 34, 1)


@pytest.mark.parametrize(
    ("scraper", "at", "mode"),
    [
        (GAMEBOOK, datetime(2026, 3, 11, 3, 35, tzinfo=UTC), "overnight"),  # 23:35 on the date
        (
            GAMEBOOK,
            datetime(2026, 3, 10, 20, 0, tzinfo=UTC),
            "overnight",
        ),  # 16:00 on the date, expected overnight alone
        (ROSTER, datetime(2026, 3, 11, 3, 35, tzinfo=UTC), "same_day"),
        (ROSTER, datetime(2026, 3, 9, 20, 0, tzinfo=UTC), "tomorrow"),
    ],
)
def test_the_mode_is_that_of_the_processor_which_makes_rows_of_the_file(scraper: str, at: datetime, mode: str) -> None:
    """By date and time of publication like any other report's (R4), and by who expects its processor (R11)."""
    phase1, record = night(at)
    take(phase1, body(scraper))
    phase1.look()
    assert [row["mode"] for row in record.rows(TABLE)] == [mode]


def test_where_no_mode_fits_the_report_is_recorded_without_one() -> None:
    """Scrapers work at all hours: outside every window of a pipeline that goes by them they report all the same."""
    phase1, record = night()
    policy = replace(POLICY, modes={name: replace(m, resolve=Resolve.MESSAGE) for name, m in POLICY.modes.items()})
    ctx = replace(phase1.ctx, policy=policy)
    assert receive.receive(ctx, phase1.workflows, delivery(phase1, body())).handled is Handled.RECORDED
    phase1.look()
    assert [(row["mode"], row["run_id"]) for row in record.rows(TABLE)] == [("", "nba/2026-03-10/")]


def test_rows_of_scrapers_say_nothing_of_when_a_run_was_opened() -> None:
    """They stand under its name, hours before: what is explained as of then is a run that nobody knew."""
    phase1, _ = night()
    take(phase1, body())
    phase1.look()
    phase1.pass_time(timedelta(hours=1))
    explained = explain_then(phase1.ctx, OVERNIGHT, "phase3_to_phase4", phase1.clock.now())
    assert explained == NotOpen("neither state nor record knows nba/2026-03-10/overnight")


def test_a_row_has_the_columns_of_the_table() -> None:
    """What is written is what BigQuery takes: every structure as JSON text."""
    phase1, record = night()
    take(phase1, body())
    phase1.look()
    [row] = record.rows(TABLE)
    plain = encoded(Row("id", row))
    assert all(isinstance(value, str | int | bool | None) for value in plain.values())
    assert json.loads(str(plain["metadata"]))["output_table"].startswith("gs://")
