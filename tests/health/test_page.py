"""The page as HTML: true words for what is in the state, everything escaped, every drawing with its words."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.page.layout import LAYOUTS, WIDE, Layout
from shared.adapters.page.scale import Lines, Scale, scale_of
from shared.adapters.page.svg import drawing
from shared.app.reporting.overview import cell, keys, loads
from shared.app.reporting.page_query import run_key
from shared.app.reporting.pages import of_date, shown_days
from shared.app.reporting.timeline import timeline
from shared.app.state.repository import load_run
from shared.core.model import Block, Hold, HoldCause, Plan, Run, RunKey, State, TransitionState, Units
from shared.core.reporting.page import Cell, Event, Kind, Leg, OpenAlert, Timeline, Tone, Track
from shared.entrypoints.health import render
from shared.simulation.scenario import FaultKind
from tests.functions.worlds import POLICY
from tests.health.scenario_states import LeftByDemo, ask, left_by

NEW_YORK = ZoneInfo("America/New_York")
RUN = "nba/2026-01-19/overnight"


class Outline(HTMLParser):
    """What a page is made of: tags that are opened and closed in order, ids, attributes, texts."""

    VOID = frozenset({"meta", "link", "wbr", "br", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def cells(left: LeftByDemo, day: str, mode: str = "overnight") -> dict[str, Cell]:
    key = run_key(left.ctx, f"nba/{day}/{mode}")
    assert key is not None
    run = load_run(left.ctx.ports.store, key)
    return {leg.cell.transition: leg.cell for leg in timeline(left.ctx, key, run).legs}


def test_the_front_shows_fourteen_days_and_those_ahead(morning: LeftByDemo) -> None:
    """Today, the thirteen dates before it, and tomorrow, which a mode works on already."""
    page = Outline(ask("/").text)
    days = re.findall(r"2026-01-\d\d(?= \w+day)", page.text)
    assert days[:2] == ["2026-01-21", "2026-01-20"]
    assert len(days) == len(set(days)) == len(shown_days(morning.ctx)) == 15


def test_the_words_of_a_night(morning: LeftByDemo) -> None:
    """Triggered by the second tier without one, overtaken, waiting, nothing expected: each in words and tone."""
    day_cells = cells(morning, "2026-01-19")
    fourth = day_cells["phase4_to_phase5"]
    assert (fourth.word, fourth.tone) == ("confirmed", Tone.NOTICE)
    assert fourth.notes == ("tier 2", "degraded: without player_composite_factors")
    assert (day_cells["phase2_to_phase3"].word, day_cells["phase5_to_phase6"].word) == ("overtaken", "waiting")
    text = Outline(ask("/").text).text
    for words in ("nothing expected: no games", "no run was opened", "degraded: without player_composite_factors"):
        assert words in text


def test_the_words_of_a_silent_morning() -> None:
    """Nobody reported: late by the due time of the policy, worse after the critical one."""
    with left_by("C1_no_message_at_all") as left:
        day_cells = cells(left, "2026-01-11")
    assert (day_cells["phase2_to_phase3"].word, day_cells["phase2_to_phase3"].tone) == ("late", Tone.BAD)
    assert day_cells["phase2_to_phase3"].notes == ("late by 3 h 45 min: due 06:30 EST",)


def test_held_and_blocked_say_why_and_since_when() -> None:
    """The reason stands beside the word, with the moment it began; a lost dispatch is no quiet success."""
    since = datetime(2026, 1, 22, 12, tzinfo=UTC)
    now = since + timedelta(hours=1)
    run = Run(RunKey("nba", date(2026, 1, 21), "overnight"), since, units=Units(7, 7))
    transition = POLICY.transitions["phase3_to_phase4"]
    held = TransitionState(
        state=State.HELD, held_since=since, hold=Hold(HoldCause.OPERATOR, since, "wait for the film")
    )
    transition_cell = cell(POLICY, run, transition, held, now)
    assert (transition_cell.word, transition_cell.tone, transition_cell.at, transition_cell.notes) == (
        "held",
        Tone.BAD,
        since,
        ("wait for the film",),
    )
    blocked = TransitionState(state=State.BLOCKED, blocked={"game_coverage": Block(since, "reads 40 percent")})
    transition_cell = cell(POLICY, run, transition, blocked, now)
    assert (transition_cell.word, transition_cell.tone, transition_cell.at) == ("blocked", Tone.BAD, since)
    assert transition_cell.notes == ("game_coverage: reads 40 percent",)
    lost = TransitionState(
        state=State.DISPATCHED, generation=1, accepted_plan=Plan(1, "complete"), triggered_at=since,
        dispatched_at=since,
        last_dispatched_at=since, dispatches=2,
    )  # fmt: skip
    transition_cell = cell(POLICY, run, transition, lost, now)
    assert (transition_cell.word, transition_cell.tone) == ("dispatched", Tone.BAD)
    assert transition_cell.notes == ("all complete", "no report of phase4 since")


def test_a_run_is_drawn_with_its_words(morning: LeftByDemo) -> None:
    """A drawing has a title and a description; every event of it stands in the list beside it, with its time."""
    answer = ask(f"/?run={RUN}")
    page = Outline(answer.text)
    assert answer.status_code == 200
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert [svg["class"] for svg in page.all("svg")] == [layout.name for layout in LAYOUTS]
    for svg in page.all("svg"):
        assert svg["role"] == "img"
        assert set((svg["aria-labelledby"] or "").split()) <= ids
    key = run_key(morning.ctx, RUN)
    assert key is not None
    events = timeline(morning.ctx, key, load_run(morning.ctx.ports.store, key)).events
    for event in events:
        assert event.text in page.text
    kinds = {event.kind for event in events}
    assert {Kind.STARTED, Kind.REPORT, Kind.TIER, Kind.TRIGGER, Kind.CONFIRMED, Kind.ALERT, Kind.OPENED} <= kinds
    assert "waiting for prediction_coordinator" in page.text


def test_a_timeline_needs_the_state_alone(morning: LeftByDemo) -> None:
    """The warehouse and the services may be dead: the same timeline is drawn."""
    key = run_key(morning.ctx, RUN)
    assert key is not None
    before = timeline(morning.ctx, key, load_run(morning.ctx.ports.store, key))
    for port in ("warehouse", "slack", "bus"):
        morning.fail(port)
    assert timeline(morning.ctx, key, load_run(morning.ctx.ports.store, key)) == before


def test_what_the_wire_brings_is_escaped() -> None:
    """Names, errors and the address itself come from strangers: none of it becomes markup."""
    evil = "</title><script>alert(1)</script>"
    with left_by("N3_same_failure_three_times") as left:
        page = of_date(left.ctx, left.ctx.policy.local(left.ctx.ports.clock.now()).date() - timedelta(days=1))
        [run] = page.runs[:1]
        leg = run.timeline.legs[0]
        track = replace(leg.tracks[0], processor=evil)
        mark = replace(run.timeline.legs[1].events[0], text=evil)
        drawn = replace(
            run,
            timeline=replace(run.timeline, legs=(replace(leg, tracks=(track,), marks=(mark,)), *run.timeline.legs[1:])),
        )
        alert = OpenAlert("critical", evil, evil, page.now, evil)
        html = render(
            replace(page, title=evil, runs=(drawn,), alerts=(alert,), unread=(evil,), wrong=evil, version=evil)
        )
        asked = ask("/?run=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert asked.status_code == 404
    assert "<script" not in asked.text


def test_a_run_that_is_not_there_is_said(morning: LeftByDemo) -> None:
    """404, the reason, and the days all the same."""
    for run_id in ("nba/2026-01-02/overnight", "nba/2026-01-19/noon", "mlb/2026-01-19/overnight", "nba/x/overnight"):
        answer = ask(f"/?run={run_id}")
        assert answer.status_code == 404
        assert 'role="alert"' in answer.text
        assert 'id="days"' in answer.text


def test_a_page_is_well_formed_and_has_its_landmarks(morning: LeftByDemo) -> None:
    """One h1, no level left out, one main, a language, table headers with a scope, links that lead somewhere."""
    for path in ("/", f"/?run={RUN}"):
        page = Outline(ask(path).text)
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
        assert [len(page.all(tag)) for tag in ("main", "header", "footer")] == [1, 1, 1]
        navigations = [attrs["aria-label"] for attrs in page.all("nav")]
        assert len(navigations) == len(set(navigations)) >= 1
        assert page.all("html") == [{"lang": "en"}]
        assert all(attrs.get("scope") for attrs in page.all("th"))
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        inner = [attrs["href"] or "" for attrs in page.all("a") if (attrs["href"] or "").startswith("#")]
        assert {href[1:] for href in inner} <= set(ids)
        assert page.all("script") == []


def test_links_lead_somewhere(morning: LeftByDemo) -> None:
    """Each run, date and alert on the page can be opened, and earlier dates."""
    links = {attrs["href"] or "" for attrs in Outline(ask("/").text).all("a")}
    runs = [href for href in links if href.startswith(("?run=", "?day=", "?alert=", "?until="))]
    assert {href.partition("=")[0] for href in runs} == {"?run", "?day", "?alert", "?until"}
    assert all(ask(f"/{href}").status_code == 200 for href in runs)


def test_a_page_kept_as_a_file_leads_nowhere(morning: LeftByDemo) -> None:
    """Its links stay within it."""
    page = of_date(morning.ctx, date_of(RUN))
    links = [attrs["href"] or "" for attrs in Outline(render(page)).all("a")]
    assert links
    assert all(href.startswith("#") for href in links)


def date_of(run: str) -> date:
    return date.fromisoformat(run.split("/")[1])


def test_the_front_costs_a_few_round_trips(morning: LeftByDemo) -> None:
    """Fourteen days are two readings of many documents, not hundreds of one."""
    run_keys = [key for day in shown_days(morning.ctx) for key in keys(morning.ctx.policy, day)]
    store = Counting(morning.ctx.ports.store)
    ctx = replace(morning.ctx, ports=replace(morning.world.ports, store=store))
    assert len(loads(ctx, run_keys)) == len(run_keys)
    assert store.trips == 2


class Counting:
    """A store that counts its batch readings; it offers nothing else."""

    def __init__(self, inner: object) -> None:
        self._inner, self.trips = inner, 0

    def get(self, *paths: str) -> object:
        self.trips += 1
        return self._inner.get(*paths)  # type: ignore[attr-defined]


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(moments, st.timedeltas(timedelta(minutes=10), timedelta(days=4)))
@settings(max_examples=200, deadline=None)
def test_ticks_are_few_round_and_inside(first: datetime, length: timedelta) -> None:
    """However long a run is, over a clock change too, its drawing has two to ten ticks, in order."""
    scale = Scale(first, first + length, NEW_YORK)
    ticks = list(scale.ticks())
    assert 1 <= len(ticks) <= WIDE.ticks + 1
    assert ticks == sorted(set(ticks))
    assert all(first <= at <= first + length for at in ticks)
    assert all(at.second == at.microsecond == 0 for at in ticks)
    assert [scale.x(at) for at in ticks] == sorted(scale.x(at) for at in ticks)


@given(
    st.sampled_from(LAYOUTS),
    st.lists(st.tuples(st.floats(0, 1), st.text("abcdef 0123", min_size=1, max_size=24)), max_size=30),
)
def test_labels_never_cover_each_other(layout: Layout, labels: list[tuple[float, str]]) -> None:
    """Each label has its room in one of the lines, on the drawing, or is left out."""
    lines = Lines(2, layout)
    for share, text in labels:
        lines.place(layout.left + share * (layout.width - layout.left - layout.right), text)
    for place, (line, left, right) in enumerate(lines.taken):
        assert left >= 0
        assert right <= layout.width + 6
        others = lines.taken[place + 1 :]
        assert all(line != other or right <= begin + 6 or left >= end - 6 for other, begin, end in others)


@pytest.mark.parametrize(("after", "sign"), [(timedelta(minutes=28), "!"), (timedelta(hours=26), "»")])
def test_an_alert_lies_where_it_happened_or_says_that_it_does_not(after: timedelta, sign: str) -> None:
    """One soon after the last report stretches the drawing; one of the next day lies on the edge, with its date."""
    start = datetime(2026, 1, 20, 12, 2, tzinfo=UTC)
    trigger = Event(start + timedelta(hours=1), Kind.TRIGGER, "triggered", Tone.GOOD)
    alert = Event(trigger.at + after, Kind.ALERT, "due", Tone.BAD)
    cell_ = Cell("phase3_to_phase4", "confirmed", Tone.GOOD, trigger.at)
    leg = Leg(cell_, "phase3", "phase4", (), (trigger,), alerts=(alert,))
    line = Timeline(RunKey("nba", date(2026, 1, 19), "overnight"), start, None, 9, (leg,))
    now = start + timedelta(days=5)
    scale = scale_of(line, NEW_YORK, now)
    assert scale.holds(alert.at) == (sign == "!")
    drawn = str(drawing(line, NEW_YORK, now))
    [label] = re.findall(r'<g class="alert bad"><title>(.*?)</title>.*?>([!»«✓])</text>', drawn)
    assert label == ("08:30 due" if sign == "!" else "Wed 21 Jan 10:02 due", sign)


def test_a_finished_run_keeps_what_blocked_it() -> None:
    """A gate blocked 37 minutes and opened: there is a bar, and the list says so, though the state forgot it."""
    with left_by("D1_gate_opens_without_a_message") as left:
        html = ask("/?run=nba/2026-02-04/overnight").text
        state = load_run(left.ctx.ports.store, RunKey("nba", date(2026, 2, 4), "overnight"))
        left.fail("warehouse", FaultKind.REJECTS)
        without = ask("/?run=nba/2026-02-04/overnight").text
    assert state.transitions["phase3_to_phase4"].value.blocked == {}
    text = Outline(html).text
    assert "blocked for 37 min: game_coverage reads 71 percent, blocks below 80" in text
    bars = re.findall(r'<rect class="span notice" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', html)
    assert len(bars) == len(LAYOUTS)
    assert "blocked for" not in without
    assert "what blocked nba/2026-02-04/overnight before: warehouse does not answer" in Outline(without).text


@pytest.mark.parametrize("closed", [False, True])
def test_work_without_an_end_lasts_until_now(closed: bool) -> None:
    """A processor that started and has not reported is at work while the run is open; in a closed one nothing lasts."""
    start = datetime(2026, 1, 20, 12, 2, tzinfo=UTC)
    track = Track("loader", True, "started", Tone.BUSY, started_at=start, events=())
    leg = Leg(Cell("a_to_b", "waiting", Tone.BUSY), "a", "b", (track,), ())
    now = start + timedelta(minutes=40)
    key = RunKey("nba", date(2026, 1, 19), "overnight")
    line = Timeline(key, start, now if closed else None, 9, (leg,))
    bars = re.findall(r'<line class="work lasting" x1="([\d.]+)" x2="([\d.]+)"', str(drawing(line, NEW_YORK, now)))
    scale = scale_of(line, NEW_YORK, now)
    assert bars == [(str(scale.x(start)), str(scale.x(start if closed else now)))]


def test_an_empty_run_has_a_drawing_too() -> None:
    """Opened a moment ago, without an event: ten minutes at least are shown."""
    now = datetime(2026, 1, 21, 10, tzinfo=UTC)
    key = RunKey("nba", now.date(), "overnight")
    scale = scale_of(Timeline(key, now, None, 7, ()), NEW_YORK, now)
    assert scale.last - scale.first >= timedelta(minutes=10)
