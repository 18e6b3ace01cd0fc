"""Backfill never touches a live run, a live alert, or a live deadline (issue 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.app.state.repository import run_path
from shared.core.model import Lane, RunKey, State
from shared.ports import Document
from tests.app.handlers_kit import CountedStore, HandlersKit, lane
from tests.core.build import DAY, NIGHT, PGS, PHASE3, PHASE_OF, T0, TDGS, TO3, TO4, TOGS, UPGC

# 07:50, so that tiers, a gate that blocks, and due times (08:30) lie in the hour that is played.
START = T0 + timedelta(minutes=110)
MINUTES = 70
DAYS = (DAY, DAY - timedelta(days=1), DAY + timedelta(days=1), DAY - timedelta(days=30))
# Minute, processor, status, records: a night with a late one, a failure, a short one, a gate, and an export.
LIVE: tuple[tuple[int, str, str, int | None], ...] = (
    (0, "p2_odds_game_lines", "success", 7),
    (1, PGS, "success", 203),
    (2, TDGS, "success", 3),
    (3, UPGC, "failed", None),
    (9, UPGC, "success", 190),
    (12, TOGS, "partial", 14),
    (38, "player_composite_factors", "started", None),
    (33, PGS, "success", 260),
    (40, "prediction_coordinator", "partial", 30),
    (45, PGS, "success", 400),
    (50, "phase6_export", "started", None),
)


@dataclass(frozen=True)
class Past:
    """One message of a backfill: when it comes in the live hour, and what it says."""

    minute: int
    processor: str
    status: str
    records: int | None
    day: date
    mode: str


past = st.builds(
    Past,
    minute=st.integers(0, MINUTES - 1),
    processor=st.sampled_from(sorted(PHASE_OF)),
    status=st.sampled_from(["success", "success", "success", "failed", "partial", "no_data", "started", "skipped"]),
    records=st.sampled_from([None, 0, 3, 200, 5000]),
    day=st.sampled_from(DAYS),
    mode=st.sampled_from(["overnight", "overnight", "same_day", "tomorrow"]),
)


def played(backfill: tuple[Past, ...]) -> HandlersKit:
    """Play the live hour with these messages in between."""
    kit = HandlersKit(start=START).ordinary()
    for day in DAYS[1:]:
        kit.ordinary(day)
    kit.change(rows={"nba_analytics.team_defense_game_summary": {DAY: 0}})
    for minute in range(MINUTES):
        if minute == 28:
            kit.change(readings={"game_coverage": {DAY: 57.0}})
        if minute == 36:
            kit.change(readings={"game_coverage": {DAY: 95.0}})
        for number, event in enumerate(backfill):
            if event.minute == minute:
                kit.deliver(
                    event.processor, event.status, event.records, message_id=f"b-{number}", game_date=str(event.day),
                    mode=event.mode, backfill_mode=True,
                )  # fmt: skip
        for number, (at, processor, status, records) in enumerate(LIVE):
            if at == minute:
                kit.deliver(processor, status, records, message_id=f"l-{number}")
        kit.sweep()
        kit.wait()
    return kit


def live_lane(kit: HandlersKit) -> dict[str, Any]:
    """Return all that can be seen of the live lane."""
    ours = [publication for publication in kit.published if publication.body["lane"] == "live"]
    rows = {
        (table, insert_id): dict(row)
        for table, kept in kit.audit.tables.items()
        for insert_id, row in kept.items()
        if not str(row["run_id"]).endswith(Lane.BACKFILL)
    }
    return {
        "messages": [(publication.at, publication.topic, publication.message) for publication in ours],
        "calls": [call for call in kit.services.calls if call.body["lane"] == "live" and "trigger_id" in call.body],
        "reruns": [(call.at, call.path, call.body["processors"]) for call in kit.reruns],
        "notices": [(at, notice) for at, notice in kit.sink.taken if "/backfill" not in notice.text],
        "runs": {path: data for path, data in kit.contents("runs").items() if "~backfill" not in path},
        "alerts": {p: a for p, a in kit.contents("alerts").items() if not a["run"].endswith(Lane.BACKFILL)},
        "rows": rows,
    }


@cache
def alone() -> Mapping[str, Any]:
    return live_lane(played(()))


def test_the_live_hour_has_something_to_touch() -> None:
    """The hour that is compared has triggers, a refresh, blocks, warnings and recoveries in it."""
    hour = alone()
    assert len(hour["messages"]) > 3
    assert {notice.resolved for _, notice in hour["notices"]} == {False, True}
    assert {notice.kind for _, notice in hour["notices"]} >= {"gate", "under_minimum", "degraded"}
    assert {message.body["generation"] for _, topic, message in hour["messages"] if "phase4" in topic} == {1, 2}


@settings(max_examples=12, deadline=None)
@given(backfill=st.lists(past, min_size=1, max_size=25).map(tuple))
def test_live_is_the_same_whatever_a_backfill_brings(backfill: tuple[Past, ...]) -> None:
    """Any messages of the past at any minute: what is sent, is said, stored and recorded of live runs is the same."""
    kit = played(backfill)
    assert live_lane(kit) == alone()
    severities = {notice.severity for notice in kit.notices() if "/backfill" in notice.text}
    assert severities <= {"info"}


def test_a_whole_backfill_night_beside_the_live_one() -> None:
    """The same date in both lanes: two runs, two trigger ids, each with its own messages and its own lane in them."""
    kit = HandlersKit().ordinary()
    for name in PHASE3:
        kit.deliver(name, records=200, backfill_mode=True, correlation_id="past")
    kit.deliver(PGS, records=203, correlation_id="now")
    assert kit.state(TO4, lane(NIGHT)).state is State.DISPATCHED
    assert kit.state(TO4).generation == 0
    for name in PHASE3[1:]:
        kit.deliver(name, records=200, correlation_id="now")
    assert kit.trigger_ids == [lane(NIGHT).trigger_id(TO4, 1), NIGHT.trigger_id(TO4, 1)]
    lanes = {
        (publication.body["lane"], publication.message.attributes["lane"], publication.body["correlation_id"])
        for publication in kit.published
    }
    assert lanes == {("backfill", "backfill", "past"), ("live", "live", "now")}


class SlowStore(CountedStore):
    """A store of which every operation takes its time."""

    def __init__(self, kit: HandlersKit, takes: timedelta) -> None:
        super().__init__(kit.store.inner, kit.effects)
        self._kit, self._takes = kit, takes

    def get(self, *paths: str) -> list[Document | None]:
        self._kit.clock.sleep(self._takes)
        return super().get(*paths)

    def query(self, collection: str, where: Mapping[str, str | int | bool | None] | None = None) -> list[Document]:
        self._kit.clock.sleep(self._takes)
        return super().query(collection, where)


def test_a_hundred_open_backfills_do_not_delay_a_live_tier() -> None:
    """The sweep has time for some forty runs: the live one is among them, though its date is the newest."""
    kit = HandlersKit().ordinary()
    days = [DAY - timedelta(days=number) for number in range(1, 101)]
    for day in days:
        kit.ordinary(day)
        kit.deliver(UPGC, records=200, game_date=str(day), backfill_mode=True)
    kit.sweep()
    for name in (PGS, UPGC, TDGS, TOGS):
        kit.deliver(name, records=203)
    kit.wait(timedelta(minutes=15))
    answer = kit.sweep(ctx=kit.with_ports(store=SlowStore(kit, timedelta(seconds=0.5))))
    assert answer.status == 207, "there is no time for all of them"
    assert kit.state(TO4).state is State.DISPATCHED


def test_a_backfill_alone_opens_no_live_run() -> None:
    """Messages of the past open their own runs only."""
    kit = HandlersKit(start=T0 + timedelta(days=9)).ordinary()
    kit.deliver(PGS, records=203, backfill_mode=True)
    kit.sweep()
    opened = {path for path in kit.contents("runs/") if path.count("/") == 1}
    assert opened == {run_path(lane(NIGHT))}
    assert RunKey("nba", DAY, "overnight", Lane.BACKFILL) == lane(NIGHT)


# a message that names no lane


def past_night() -> HandlersKit:
    """A night whose live run closed for its age with one report, and whose date is then asked for in backfill."""
    kit = HandlersKit().ordinary()
    kit.deliver(UPGC, records=190)
    kit.wait(timedelta(days=4))
    kit.sweep()
    assert kit.run().closed_at is not None
    words = ("--mode", "overnight", "--reason", "source corrected", "--yes")
    status, output = kit.orch("backfill", "phase3", "--from", str(DAY), "--to", str(DAY), *words)
    assert status == 0, output
    return kit


def test_what_a_backfill_brings_without_a_lane_is_its_own() -> None:
    """The services do not say that they work on the past: the backfill run is complete and goes on, live is as it
    was."""
    kit = past_night()
    before = kit.contents(run_path(NIGHT) + "/")
    for name in PHASE3:
        assert kit.deliver(name, records=200).run == lane(NIGHT).id
    assert kit.trigger_ids == [lane(NIGHT).trigger_id(TO4, 1)]
    assert kit.contents(run_path(NIGHT) + "/") == before
    assert kit.contents(run_path(NIGHT))[run_path(NIGHT)]["closed_at"] is not None


def test_so_it_is_where_nobody_knows_the_live_run_any_more() -> None:
    """A date of months ago, of which no document is left, and whose time is long over."""
    kit = past_night()
    kit.store.inner.delete(run_path(NIGHT))
    assert kit.deliver(PGS, records=200).run == lane(NIGHT).id


def test_what_the_live_run_has_counted_or_started_stays_with_it() -> None:
    """A message that comes again after its run has closed counts once; so does one that names the run's trigger."""
    kit = HandlersKit().ordinary()
    kit.deliver(UPGC, records=190, message_id="m-twice")
    kit.wait(timedelta(days=4))
    kit.sweep()
    kit.deliver(PGS, records=200, backfill_mode=True)
    assert kit.deliver(UPGC, records=190, message_id="m-twice").run == NIGHT.id
    assert kit.completion(UPGC, lane(NIGHT)) is None
    assert kit.deliver(TDGS, records=200, trigger_id=NIGHT.trigger_id(TO3, 1)).run == NIGHT.id
    assert kit.deliver(TOGS, records=200, trigger_id=lane(NIGHT).trigger_id(TO3, 1)).run == lane(NIGHT).id


def test_a_lane_that_is_named_is_kept() -> None:
    """In words or as a flag; null and an empty word name none."""
    kit = past_night()
    assert kit.deliver(PGS, records=200, lane="live").run == NIGHT.id
    assert kit.deliver(TDGS, records=200, backfill_mode=False).run == NIGHT.id
    assert kit.deliver(TOGS, records=200, backfill_mode=None, lane="").run == lane(NIGHT).id


def test_without_an_open_backfill_it_is_live() -> None:
    """An open live run keeps its reports beside any backfill; a closed one too, where no backfill run is open."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200, backfill_mode=True)
    assert kit.deliver(UPGC, records=190).run == NIGHT.id
    kit.wait(timedelta(days=4))
    kit.sweep()
    assert kit.run(lane(NIGHT)).closed_at is not None
    assert kit.deliver(TOGS, records=200).run == NIGHT.id


def test_the_lane_of_an_open_run_costs_no_read() -> None:
    """What is open, or may still be opened, is taken in with as many reads as before."""
    kit = HandlersKit().ordinary()
    kit.deliver(UPGC, records=190)
    kit.ctx.memory.runs.clear()  # who has just seen the run does not read it before
    before = kit.store.operations["reads"]
    kit.deliver(PGS, records=200, lane="live")
    named = kit.store.operations["reads"] - before
    kit.ctx.memory.runs.clear()
    kit.deliver(TDGS, records=200)
    assert kit.store.operations["reads"] - before - named == named + 1, "one completion more is read of the phase"
