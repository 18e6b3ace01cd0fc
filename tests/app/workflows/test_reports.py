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

    def completions(self, first: date, last: date) -> list[dict[str, Any]]:
        return [dict(row) for row in self.rows(TABLE) if first.isoformat() <= row["game_date"] <= last.isoformat()]


def night(at: datetime = NIGHT) -> tuple[Phase1, Record]:
    one, record = Phase1(at), Record()
    recorded(one)
    object.__setattr__(one.ctx.ports, "audit", record)
    one.warehouse.rows = lambda tables, day: {ref.table: 0 for ref in tables}  # type: ignore[method-assign]
    return one, record


def body(scraper: str = GAMEBOOK, status: str | None = "success", **changed: Any) -> dict[str, Any]:
    """Return a report in the envelope of services.md; what is None is left out."""
    said = {
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
    return {name: value for name, value in said.items() if value is not None}


def delivery(one: Phase1, said: Mapping[str, Any] | bytes, message_id: str = "1") -> Delivery:
    now = one.clock.now()
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Delivery(message_id, "phase1", data, now, now)


def take(one: Phase1, said: Mapping[str, Any] | bytes, message_id: str = "1") -> Handled:
    return receive.receive(one.ctx, one.workflows, delivery(one, said, message_id)).handled


def files(one: Phase1) -> list[str]:
    return [document.data["scraper"] for document in one.store.inner.query(FILES)]


@pytest.mark.parametrize("scraper", [GAMEBOOK, ROSTER], ids=["becomes rows", "nobody waits"])
@pytest.mark.parametrize("status", ["success", "no_data", "failed", "partial"])
def test_every_outcome_leaves_a_row(status: str, scraper: str) -> None:
    """With a processor that waits for its file or without: one row in the shape of the others'; only a success with
    such a processor is a file."""
    one, record = night()
    assert take(one, body(scraper, status)) is Handled.RECORDED
    one.look()
    [row] = record.rows(TABLE)
    known = {name: row[name] for name in ("run_id", "phase", "game_date", "mode", "processor_name", "outcome")}
    assert known == {
        "run_id": "nba/2026-03-10/overnight",
        "phase": "phase1",
        "game_date": "2026-03-10",
        "mode": "overnight",
        "processor_name": scraper,
        "outcome": status,
    }
    assert (row["record_count"], row["message_id"], row["execution_id"]) == (34, "1", "7c1f0a2b")
    assert row["completed_at"] == "2026-03-11T07:30:58.120000+00:00"
    assert files(one) == ([GAMEBOOK] if status == "success" and scraper == GAMEBOOK else [])


def test_a_report_opens_no_run() -> None:
    """A report of another phase opens the run of its date; that of a scraper leaves nothing that a sweep decides."""
    one, _ = night()
    take(one, body())
    one.look()
    assert one.store.inner.query("runs") == []
    other = body("NbacGamebookProcessor", phase="phase_2_raw", output_table=None)
    receive_other(one.ctx, replace(delivery(one, other, "2"), phase="phase2"))
    assert [document.data["opened_at"] for document in one.store.inner.query("runs")] == [NIGHT]


@pytest.mark.parametrize(
    ("said", "reason"),
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
def test_what_cannot_be_understood_is_kept_in_quarantine(said: Mapping[str, Any] | bytes, reason: str) -> None:
    """With its bytes and the reason, acknowledged, told once; no row and no file come of it."""
    one, record = night()
    assert take(one, said) is Handled.QUARANTINED
    assert take(one, said) is Handled.QUARANTINED
    [kept] = listed(one.ctx)
    assert reason in kept.reason
    assert kept.raw == (said if isinstance(said, bytes) else json.dumps(said).encode())
    one.look()
    assert (record.rows(TABLE), files(one)) == ([], [])
    assert len(one.texts("quarantine")) == 1


def test_what_is_corrected_is_brought_back() -> None:
    """A message of a scraper that nobody knew is recorded once the workflow file names it."""
    one, record = night()
    take(one, body("nbac_boxscore_pdf"))
    why = Why("the file names it now", "ann")
    [kept] = listed(one.ctx)
    assert replay(one.ctx, kept, why).outcome is Ended.REFUSED
    scrapers = {**one.workflows.scrapers, "nbac_boxscore_pdf": replace(one.workflows.scrapers[GAMEBOOK])}
    scrapers["nbac_boxscore_pdf"] = replace(scrapers[GAMEBOOK], name="nbac_boxscore_pdf")
    ctx = replace(one.ctx, workflows=replace(one.workflows, scrapers=scrapers))
    assert replay(ctx, kept, why).outcome is Ended.DONE
    one.look()
    assert [row["processor_name"] for row in record.rows(TABLE)] == ["nbac_boxscore_pdf"]
    assert one.store.inner.query("runs") == []
    assert listed(one.ctx) == []


def test_a_message_counts_once() -> None:
    """The same message twice, before its row is written and after: one row, inserted once, and one file."""
    one, record = night()
    for _ in range(2):
        take(one, body())
        one.look()
        take(one, body())
    assert (len(record.rows(TABLE)), record.inserts, len(files(one))) == (1, 1, 1)


def test_a_file_is_of_a_scraper_a_date_and_an_execution() -> None:
    """Two messages of one execution are two reports and one file; a batch id that two scrapers share names two."""
    one, record = night()
    take(one, body(execution_id="batch_1"), "1")
    take(one, body(execution_id="batch_1"), "2")
    take(one, body(PROPS, execution_id="batch_1"), "3")
    take(one, body(execution_id="batch_1", game_date="2026-03-09"), "4")
    one.look()
    assert sorted(row["message_id"] for row in record.rows(TABLE)) == ["1", "2", "3", "4"]
    assert sorted(files(one)) == [GAMEBOOK, GAMEBOOK, PROPS]


def test_our_own_repetition_is_neither_a_report_nor_a_file() -> None:
    """What is announced again with `recovery: true` is acknowledged: no row, no file, nothing in quarantine."""
    one, record = night()
    assert take(one, {**body(execution_id="b2"), "recovery": True}) is Handled.COUNTED
    one.look()
    assert (record.rows(TABLE), files(one), listed(one.ctx)) == ([], [], [])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_handler_that_dies_loses_nothing(dies_at: int, after: bool) -> None:
    """Before or after each of its writes: the message comes again, and there are one report and one file."""
    one, record = night()
    one.store.dies_at, one.store.after = dies_at, after
    with pytest.raises(Died):
        take(one, body())
    assert take(one, body()) is Handled.RECORDED
    assert one.store.writes >= 3
    one.look()
    assert (len(record.rows(TABLE)), files(one)) == (1, [GAMEBOOK])


def test_a_sweep_that_dies_between_row_and_mark_writes_no_second_row() -> None:
    """The row has the insert id of its message: written again it is the same one."""
    one, record = night()
    take(one, body())
    one.store.dies_at, one.store.after = one.store.writes + 1, False
    with pytest.raises(Died):
        one.look()
    one.look()
    assert (len(record.rows(TABLE)), record.inserts) == (1, 2)


def test_what_the_record_refused_is_written_by_a_later_sweep() -> None:
    """However many wait: a hundred reports of one scraper and date, more than a document of another phase carries."""
    one, record = night()
    record.away = True
    for number in range(100):
        take(one, body(execution_id=f"e{number}"), str(number))
    assert None in one.look().wakeups
    assert record.rows(TABLE) == []
    record.away = False
    one.pass_time(timedelta(minutes=2))
    one.look()
    assert len(record.rows(TABLE)) == 100
    one.look()
    assert record.inserts == 100


def test_while_the_state_is_away_a_report_goes_to_the_record_and_comes_again() -> None:
    """It is not acknowledged; once the state is back the message leaves the same row, and its file."""
    one, record = night()
    one.store.refuses = True
    with pytest.raises(Unavailable):
        take(one, body())
    [before] = record.rows(TABLE)
    one.store.refuses = False
    assert compare(one.ctx, [], now_due=True).state_lacked == ()
    take(one, body())
    one.look()
    assert record.rows(TABLE) == [before]
    assert files(one) == [GAMEBOOK]


def measured(one: Phase1) -> dict[str, float | None]:
    schedule = Schedule("overnight", time(2), 0)
    target = Target(schedule, date(2026, 3, 11), one.clock.now(), POLICY.zone)
    found = state_against_record(one.ctx, target, {"grace": timedelta(minutes=10)})
    return {measure.subject: measure.value for measure in found.measures}


def test_state_and_record_agree_and_what_the_record_lost_is_written_again() -> None:
    """Rows of scrapers are not too many, for the hourly comparison and for the check; one that the record took and
    does not hold is named by the check and written by the next day's comparison."""
    one, record = night()
    take(one, body(), "1")
    take(one, body(ROSTER), "2")
    record.loses = {"2"}
    one.look()
    one.pass_time(timedelta(minutes=30))
    compared = compare(one.ctx, [], now_due=True)
    assert (compared.audit_lacked, compared.state_lacked) == ((), ())
    assert measured(one) == {"record lacks": 1.0, "state lacks": 0.0}
    record.loses = set()
    one.look()
    assert measured(one) == {"record lacks": 1.0, "state lacks": 0.0}
    one.pass_time(timedelta(hours=24))
    done = one.look()
    assert [finding.detail for finding in done.findings if finding.what == "reconciliation"] == [
        "1 report of scrapers brought to the record"
    ]
    assert measured(one) == {"record lacks": 0.0, "state lacks": 0.0}


def test_the_later_report_stands_and_the_older_one_is_superseded() -> None:
    """By when the scraper ended, not by arrival (R5); a message that is read so is the view of `recorded` too."""
    one, record = night()
    take(one, body(status="success", record_count=34), "new")
    one.pass_time(timedelta(minutes=1))
    take(one, body(status="failed", record_count=0, timestamp="2026-03-11T07:00:00+00:00"), "old")
    one.look()
    assert {row["message_id"]: row["superseded"] for row in record.rows(TABLE)} == {"new": False, "old": True}
    known = reports.completion(one.ctx, OVERNIGHT, GAMEBOOK)
    assert known is not None
    assert known.latest is not None
    assert (known.latest.outcome, known.latest.records, known.superseded) == (Outcome.SUCCESS, 34, 1)


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
    one, record = night(at)
    take(one, body(scraper))
    one.look()
    assert [row["mode"] for row in record.rows(TABLE)] == [mode]


def test_where_no_mode_fits_the_report_is_recorded_without_one() -> None:
    """Scrapers work at all hours: outside every window of a pipeline that goes by them they report all the same."""
    one, record = night()
    policy = replace(POLICY, modes={name: replace(m, resolve=Resolve.MESSAGE) for name, m in POLICY.modes.items()})
    ctx = replace(one.ctx, policy=policy)
    assert receive.receive(ctx, one.workflows, delivery(one, body())).handled is Handled.RECORDED
    one.look()
    assert [(row["mode"], row["run_id"]) for row in record.rows(TABLE)] == [("", "nba/2026-03-10/")]


def test_rows_of_scrapers_say_nothing_of_when_a_run_was_opened() -> None:
    """They stand under its name, hours before: what is explained as of then is a run that nobody knew."""
    one, _ = night()
    take(one, body())
    one.look()
    one.pass_time(timedelta(hours=1))
    explained = explain_then(one.ctx, OVERNIGHT, "phase3_to_phase4", one.clock.now())
    assert explained == NotOpen("neither state nor record knows nba/2026-03-10/overnight")


def test_a_row_has_the_columns_of_the_table() -> None:
    """What is written is what BigQuery takes: every structure as JSON text."""
    one, record = night()
    take(one, body())
    one.look()
    [row] = record.rows(TABLE)
    plain = encoded(Row("id", row))
    assert all(isinstance(value, str | int | bool | None) for value in plain.values())
    assert json.loads(str(plain["metadata"]))["output_table"].startswith("gs://")
