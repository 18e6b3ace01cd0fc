"""The front of the page: what is wrong first, then today, a calendar with filters, links that last, and a welcome."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.adapters.page import MOST_PROBLEMS
from shared.adapters.page.links import Links
from shared.app.reporting.health import Sheet
from shared.app.reporting.pages import MOST_ROWS, calendar
from shared.core.model import Lane, RunKey
from shared.core.reporting.filters import STATES, Filters
from shared.core.reporting.page import Cell, Overview, Page, Row, Tone
from shared.core.reporting.problems import ProblemKind, RunProblem
from shared.core.reporting.weeks import NAMED, weeks
from shared.core.severity import Severity
from shared.entrypoints.health import csv_text, render
from tests.functions.entry import client
from tests.health.scenario_states import LeftByDemo, ask, left_by
from tests.health.test_page import Outline

RUN = "nba/2026-01-19/overnight"


@pytest.fixture(scope="module")
def late() -> Iterator[LeftByDemo]:
    """20 January, 09:30: two transitions are overtaken, the last one waits."""
    with left_by("B8_tier_two_by_the_clock") as left:
        yield left


def order_of(html: str, *ids: str) -> list[str]:
    return sorted(ids, key=lambda name: html.index(f'id="{name}"'))


def test_what_is_wrong_comes_first(late: LeftByDemo) -> None:
    """Before today, days, alerts and parts; each with its run, and with its alert where one was sent."""
    html = ask("/").text
    assert order_of(html, "days", "parts", "today", "alerts", "problems") == [
        "problems", "today", "days", "alerts", "parts",
    ]  # fmt: skip
    first = html[html.index('id="problems"') : html.index('id="today"')]
    status = ask("/api/status").get_json()
    problems = [problem for run in status["runs"] for problem in run["problems"] if problem["severity"] != "info"]
    assert f"Wrong now ({len(problems)})" in first
    assert f'href="?run={RUN}"' in first
    [alert_id] = {problem["alert"] for problem in problems if problem["kind"] == "degraded"}
    assert all(f'href="?alert={problem["alert"]}"' in first for problem in problems if problem["alert"])
    assert alert_id == "" or f'href="?alert={alert_id}"' in first


def test_a_quiet_morning_says_that_nothing_is_wrong() -> None:
    """In words, before today's runs, each with a bar to what comes next."""
    with left_by("whole_ordinary_night"):
        html = ask("/").text
    assert "Nothing is wrong now" in html
    assert "transitions over" in html


def test_today_has_a_bar_to_the_next_moment() -> None:
    """A transition that waits for its tier: n of m, the tier's time, and how much of the time has passed."""
    with left_by("B8_no_tier_without_the_pair") as left:
        [run] = [run for run in ask("/api/status").get_json()["runs"] if run["run"] == "nba/2026-01-19/overnight"]
        html = ask("/").text
        assert left.ctx.policy.pipeline == "nba"
    today = html[html.index('id="today"') : html.index('id="days"')]
    current = next(each for each in run["transitions"] if each["state"] not in ("confirmed", "observed", "empty_ok"))
    assert f"{current['done']} of {current['expected']} done" in today
    assert current["next"]["sentence"] in Outline(html).text


def test_an_alert_has_a_page_of_its_own(late: LeftByDemo) -> None:
    """Its text, what it means, what to do first, the run it is of; an id that is not there is 404, and so is a path."""
    alert = ask("/api/alerts").get_json()["alerts"][0]
    page = ask(f"/?alert={alert['id']}")
    text = Outline(page.text).text
    whole = ask(f"/api/alerts?alert={alert['id']}").get_json()["alert"]
    assert page.status_code == 200
    assert all(line in text for line in whole["text"].splitlines())
    assert whole["meaning"] in text
    assert f'href="?run={alert["run"]}"' in page.text
    assert "http-equiv" not in page.text
    for unknown in ("held-0", "../runs/x", alert["id"] + "x"):
        assert ask(f"/?alert={unknown}").status_code == 404
        assert ask(f"/api/alerts?alert={unknown}").status_code == 404


def test_a_day_has_a_page_of_its_own(late: LeftByDemo) -> None:
    """Its runs, transition by transition, what is wrong with them, and the dates before and after."""
    page = ask("/?day=2026-01-19")
    assert page.status_code == 200
    assert "degraded: without player_composite_factors" in page.text.replace("<wbr>", "")
    assert set(re.findall(r'href="(\?day=[\d-]+)"', page.text)) == {"?day=2026-01-18", "?day=2026-01-20"}


def test_filters_leave_what_fits_and_stay_in_every_form_and_link(late: LeftByDemo) -> None:
    """By pass, by state and by a word; what is set is set in the form, and paging keeps it."""
    page = ask("/?mode=overnight&state=degraded&q=composite&refresh=off")
    runs = set(re.findall(r'href="\?run=([^"&]+)', page.text[page.text.index('class="calendar"') :]))
    assert runs == {RUN}
    assert '<option value="overnight" selected>' in page.text
    assert "<option selected>degraded</option>" in page.text
    assert 'value="composite"' in page.text
    assert '<input type="hidden" name="refresh" value="off">' in page.text
    assert "mode=overnight&amp;state=degraded&amp;q=composite&amp;refresh=off" in page.text
    assert "No run fits." in ask("/?state=paused").text
    assert "No run fits." in ask("/?q=zebra").text


@pytest.mark.parametrize(
    "query", ["mode=noon", "state=odd", "day=soon", "until=2026-02-30", "refresh=1", "refresh=x", "wish=all"]
)
def test_what_is_not_understood_is_said(late: LeftByDemo, query: str) -> None:
    """400 with what there is, on the page and as data; never everything instead of what was meant."""
    page, data = ask(f"/?{query}"), ask(f"/api/runs?{query}")
    assert (page.status_code, data.status_code) == (400, 400)
    assert 'role="alert"' in page.text
    assert set(data.get_json()) == {"schema_version", "error", "hint"}


def test_a_search_for_a_run_or_a_date_opens_it(late: LeftByDemo) -> None:
    """Whoever pastes an id or writes a date is where it is; an empty form asks for nothing."""
    assert "<h1>nba/2026-01-19/overnight</h1>" in ask(f"/?q={RUN}&mode=&state=").text
    assert "<h1>nba 2026-01-19</h1>" in ask("/?q=2026-01-19").text
    assert ask("/?q=&mode=&state=").status_code == 200


def test_a_page_refreshes_itself_until_it_is_told_not_to(late: LeftByDemo) -> None:
    """Without a script, to its own address, so that filters stay; every link keeps the wish."""
    assert '<meta http-equiv="refresh" content="60">' in ask("/?mode=overnight").text
    assert '<meta http-equiv="refresh" content="30">' in ask(f"/?run={RUN}&refresh=30").text
    still = ask("/?refresh=off").text
    assert "http-equiv" not in still
    links = [attrs["href"] or "" for attrs in Outline(still).all("a")]
    own = [href for href in links if href.startswith("?") and "run=" in href]
    assert own
    assert all("refresh=off" in href for href in own)


def test_older_dates_are_a_page_back(late: LeftByDemo) -> None:
    """Two weeks at a time, as far back as runs are kept, and forward again."""
    back = re.findall(r'rel="prev" href="([^"]+)"', ask("/").text)
    assert back == ["?until=2026-01-06"]
    earlier = ask("/?until=2026-01-06").text
    assert '<span class="unseen">2026-01-06</span>' in earlier
    assert '<span class="unseen">2026-01-07</span>' not in earlier
    assert re.findall(r'rel="next" href="([^"]+)"', earlier) == ["?until=2026-01-20"]


def test_a_newcomer_is_welcomed() -> None:
    """Before the first run: what to do next, with the pipeline's own names; gone with the first run."""
    with left_by("X8_no_games_stray_message") as left:
        for document in left.ctx.ports.store.query("runs"):
            left.ctx.ports.store.delete(document.path)
        html = ask("/").text
    text = Outline(html).text
    assert "No run yet: welcome" in text
    assert "bin/orch check" in text
    assert left.ctx.policy.phases["phase2"].completions_topic in text
    with left_by("B8_tier_two_by_the_clock"):
        assert "No run yet" not in ask("/").text


def test_everything_on_the_page_is_there_as_data(late: LeftByDemo) -> None:
    """Each path answers JSON with its version; the rows are those of the page; what is not there is 404."""
    paths = ask("/api").get_json()["paths"]
    for path in paths:
        answer = ask(f"{path}?run={RUN}" if path == "/api/run" else path)
        assert answer.status_code == 200, path
        assert path.endswith(".csv") or path == "/api/report" or answer.get_json()["schema_version"] == 1
    run = ask(f"/api/run?run={RUN}").get_json()
    assert {"problems", "transitions", "explanations", "events"} <= set(run)
    assert any(event["kind"] == "trigger" for event in run["events"])
    runs = ask("/api/runs").get_json()["runs"]
    assert len(runs) == sum(len(day["runs"]) for day in ask("/api/days").get_json()["days"])
    for path, status in (("/api/run", 400), ("/api/run?run=nba/2026-01-02/overnight", 404), ("/api/none", 404)):
        assert ask(path).status_code == status


def test_csv_is_read_by_a_spreadsheet_and_runs_nothing_in_it(late: LeftByDemo) -> None:
    """One line for each run and for each transition; a text from the wire never becomes a formula."""
    answer = ask("/api/days.csv")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="days.csv"'
    [line] = [line for line in lines if (line["run"], line["transition"]) == (RUN, "phase4_to_phase5")]
    assert (line["word"], line["notes"]) == ("confirmed", "tier 2; degraded: without player_composite_factors")
    text = csv_text(Sheet("x.csv", ("a", "b"), (("=1+1", "fine"), ("@x", "a,b"))))
    assert text.splitlines()[1:] == ["'=1+1,fine", '\'@x,"a,b"']


def test_the_report_is_a_page_for_a_browser_and_reading_it_sends_nothing(late: LeftByDemo) -> None:
    """JSON for a script, a page for a person, at one address; neither changes the store nor tells anybody."""
    before = {d.path: d.version for name in ("runs", "alerts") for d in late.ctx.ports.store.query(name)}
    notice_count = len(late.world.history.notices)
    page = client("health_check").get("/report", headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "daily report" in Outline(page.text).text
    assert f'href="./?run={RUN}"' in page.text or f'href="./?run={RUN}&amp;refresh=off"' in page.text
    assert ask("/report").get_json()["sent"] == "not asked for"
    assert ask("/api/report").get_json()["text"] == ask("/report").get_json()["text"]
    after = {d.path: d.version for name in ("runs", "alerts") for d in late.ctx.ports.store.query(name)}
    assert (after, len(late.world.history.notices)) == (before, notice_count)


def rows(count: int, word: str = "confirmed", tone: Tone = Tone.GOOD) -> list[Row]:
    cell = Cell("a_to_b", word, tone, notes=("all complete",))
    return [Row(RunKey("p", date(2026, 3, 4), f"m{n}"), (cell,)) for n in range(count)]


def noted(note: str) -> Row:
    return Row(RunKey("p", date(2026, 3, 4), "m"), (Cell("a", "confirmed", Tone.NOTICE, None, (note,)),))


def test_a_date_of_many_passes_is_counted_in_the_calendar() -> None:
    """Up to four are named, more are counted by how they went: a cell never grows without end."""
    day = date(2026, 3, 4)
    [few] = weeks(day, day, day, rows(NAMED))
    assert [mark.name for mark in few[2].marks] == ["m0", "m1", "m2", "m3"]  # type: ignore[union-attr]
    [many] = weeks(day, day, day, [*rows(11), *rows(1, "held", Tone.BAD)])
    assert [(mark.name, mark.tone) for mark in many[2].marks] == [  # type: ignore[union-attr]
        ("1 run", Tone.BAD), ("11 runs", Tone.GOOD),
    ]  # fmt: skip


def test_a_page_of_many_runs_stays_small(late: LeftByDemo) -> None:
    """Twelve passes with as many transitions on fifteen dates, some wrong: the page holds so many rows and no more,
    counts the rest, and weighs less than half a megabyte."""
    filters, cells = (
        Filters(),
        tuple(Cell(f"phase_{n}_to_{n + 1}", "held", Tone.BAD, None, ("why",)) for n in range(12)),
    )
    days = [date(2026, 3, 4) - timedelta(days=n) for n in range(15)]
    runs = tuple(Row(RunKey("nba", day, f"mode_{n}"), cells) for day in days for n in range(12))
    listed = Overview(days[-1], days[0], tuple(cell.transition for cell in cells), runs)
    problem = RunProblem(ProblemKind.HELD, Severity.CRITICAL, "held: x", "nba/2026-03-04/mode_1", "phase_1_to_2")
    page = Page("nba", "nba", late.ctx.policy.zone, late.ctx.ports.clock.now(), "v", problems=(problem,) * 2000)
    shown = replace(page, filters=filters, **calendar(late.ctx, listed, filters))
    html = render(shown)
    assert len(html) < 500_000
    assert (html.count('class="pass" scope="row"'), shown.rows_left) == (MOST_ROWS, len(runs) - MOST_ROWS)
    assert f"{len(runs) - MOST_ROWS} more runs fit" in html
    assert html.count("held: x") == MOST_PROBLEMS


def test_weeks_begin_on_monday_and_hold_every_date_once() -> None:
    """The newest week is first; outside the window there is no date."""
    first, last = date(2026, 2, 26), date(2026, 3, 11)
    listed = weeks(first, last, last, ())
    days = [cell.day for week in reversed(listed) for cell in week if cell is not None]
    assert days == [first + timedelta(days=n) for n in range(14)]
    assert all(len(week) == 7 for week in listed)
    assert all(cell is None or cell.day.weekday() == place for week in listed for place, cell in enumerate(week))


@pytest.mark.parametrize("state", STATES)
def test_each_state_leaves_some_rows_and_not_others(state: str) -> None:
    """A filter that leaves everything, or nothing of what it names, is none."""
    fitting = {
        "wrong": Row(RunKey("p", date(2026, 3, 4), "m"), (), "no run was opened", Tone.NOTICE),
        "late": noted("late by 5 min"),
        "degraded": noted("degraded: without x"),
        "open": rows(1, "waiting", Tone.BUSY)[0],
    }.get(state, rows(1, state, Tone.BUSY)[0])
    other = Row(RunKey("p", date(2026, 3, 4), "m"), (Cell("a", "other", Tone.GOOD),), closed=True)
    assert Filters(state=state).fits(fitting)
    assert not Filters(state=state).fits(other)


def test_links_keep_what_belongs_to_them() -> None:
    """A run names its pipeline itself; an alert and a date do not, and keep the pipeline; paging keeps the filters."""
    links = Links(Filters(mode="a b", refresh=None, pipeline="p"))
    assert links.run("p/2026-03-04/m") == "?run=p/2026-03-04/m&refresh=off"
    assert links.alert("x-1") == "?alert=x-1&refresh=off&pipeline=p"
    assert links.until(date(2026, 3, 4)) == "?until=2026-03-04&mode=a+b&refresh=off&pipeline=p"
    assert links.front() == "?refresh=off&pipeline=p"
    assert Filters(text="BACKFILL").fits(Row(RunKey("p", date(2026, 3, 4), "m", Lane.BACKFILL)))
