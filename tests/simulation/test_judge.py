"""Every kind of expectation is seen to hold, and to fail with words that say what happened instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.core.model import Lane, RunKey
from shared.simulation.expectations import (
    AlertExpected,
    CallsExpected,
    DispatchesExpected,
    ExitExpected,
    Expectation,
    Expected,
    NoAlertExpected,
    NotResolvedExpected,
    NoTriggerExpected,
    Of,
    QuarantinedExpected,
    RecordedExpected,
    RepairExpected,
    ResolvedExpected,
    ResponseExpected,
    RunExpected,
    RunsExpected,
    SentExpected,
    TriggerExpected,
    Window,
)
from shared.simulation.history import (
    Call,
    CompletionSeen,
    Departure,
    Exit,
    FunctionResponse,
    History,
    Quarantined,
    Repair,
    RunSeen,
    Sent,
    Unclear,
)
from shared.simulation.judge import judge

DAY = date(2026, 1, 20)
OF = Of(DAY, "overnight")
P34, P45 = "phase3_to_phase4", "phase4_to_phase5"


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 1, 21, hour, minute, second, tzinfo=UTC)


FIRST = Departure(
    at=at(6, 14),
    transition=P34,
    day=DAY,
    mode="overnight",
    lane="live",
    trigger_id="nba/2026-01-20/overnight/phase3_to_phase4/1",
    generation=1,
    attempt=1,
    channel="topic",
    item="player_game_summary",
    degraded=True,
    missing=frozenset({"team_offense_game_summary"}),
    reason="tier_1",
    needs=frozenset({"topic"}),
)
AGAIN = replace(FIRST, at=at(6, 44), attempt=2)
SECOND = replace(FIRST, at=at(9, 0), generation=2, trigger_id=FIRST.trigger_id[:-1] + "2", reason="refresh")
CALL = replace(
    FIRST,
    transition=P45,
    trigger_id="nba/2026-01-20/overnight/phase4_to_phase5/1",
    at=at(7, 0),
    channel="http",
    item="",
    needs=frozenset({"http", "topic"}),
    to="coordinator /start",
    body={"game_date": "2026-01-20", "force": False, "types": ["a", "b"]},
)


def history() -> History:
    return History(
        departures=[
            FIRST,
            replace(FIRST, item="upcoming_player_game_context"),
            AGAIN,
            SECOND,
            CALL,
            replace(CALL, channel="topic", at=at(7, 5)),
        ],
        notices=[
            Sent(at(6, 14), "info", "triggered nba/2026-01-20/overnight"),
            Sent(at(6, 30), "warning", "phase2_to_phase3 is due: p2_bigdataball_pbp"),
            Sent(at(7, 30), "critical", "phase2_to_phase3 is late"),
            Sent(at(7, 31), "critical", "phase2_to_phase3 is late"),
            Sent(at(8, 0), "critical", "phase2_to_phase3 is well again", resolved=True),
        ],
        calls=[Call(at(7, 0), "coordinator", "/start"), Call(at(7, 15), "coordinator", "/start")],
        repairs=[Repair(at(8, 30), "phase3", DAY, ("player_game_summary",))],
        answers=[FunctionResponse(at(8, 0), "self_heal", 207, '[{"found": "x"}]')],
        exits=[Exit(at(8, 0), 0, "triggered phase4_to_phase5")],
        quarantine=[Quarantined("unknown processor 'Foo'", '{"processor_name": "Foo"}'), Quarantined("not JSON", "{")],
        runs=[RunKey("nba", DAY, "overnight", Lane.LIVE)],
        seen={
            0: RunSeen(None, "blocked", frozenset({"a", "b"}), frozenset({"player_game_summary"}), "game_coverage 71"),
            1: CompletionSeen("success", 148, 2),
            2: Unclear("say which run is meant: two"),
            3: None,
        },
    )


def judged(meaning: Expectation, index: int = 0, of: History | None = None) -> tuple[bool, str]:
    [verdict] = judge([Expected(index, {}, meaning)], of or history(), ZoneInfo("UTC"))
    return verdict.passed, verdict.observed


CRITICAL_LATE = AlertExpected("critical", mentions=("phase2_to_phase3", "late"))
RUN = RunExpected(P34, OF, at(9, 0))
RECORDED = RecordedExpected("phase3", "player_game_summary", OF)
TRIGGER = TriggerExpected(P34, OF, count=2)

HOLDS: dict[str, tuple[Expectation, int]] = {
    "trigger": (TRIGGER, 0),
    "trigger in its window, both ends inclusive": (replace(TRIGGER, window=Window(at(6, 14), at(6, 14))), 0),
    "trigger speaks of the first": (
        replace(TRIGGER, degraded=True, missing=frozenset({"team_offense_game_summary"}), reason="tier", messages=2),
        0,
    ),
    "trigger of a generation": (
        TriggerExpected(P34, OF, generation=2, reason="refresh", messages=1, window=Window(at(9, 0), at(9, 0))),
        0,
    ),
    "trigger of none": (TriggerExpected("phase5_to_phase6", OF, count=0), 0),
    "trigger needs call and message": (TriggerExpected(P45, OF, window=Window(at(7, 5), at(7, 5))), 0),
    "trigger without mode and date": (TriggerExpected(P45, Of()), 0),
    "dispatches count a re-dispatch, not each message": (DispatchesExpected(P34, OF, 3), 0),
    "dispatches count topic and call as one": (DispatchesExpected(P45, OF, 1), 0),
    "sent has the fields, lists in any order": (
        SentExpected(P45, OF, "coordinator /start", {"types": ["b", "a"], "force": False}, ("target_date",)),
        0,
    ),
    "calls in their window": (CallsExpected("coordinator", "/start", 1, Window(at(7, 1), at(7, 15))), 0),
    "calls of another path are none": (CallsExpected("coordinator", "/status", 0), 0),
    "not_resolved before the recovery": (NotResolvedExpected(("well again",), Window(None, at(7, 59))), 0),
    "no_trigger until": (NoTriggerExpected(P34, OF, at(6, 13, 59)), 0),
    "no_trigger in the other lane": (NoTriggerExpected(P34, Of(DAY, "overnight", "backfill"), at(23, 0)), 0),
    "run": (
        replace(
            RUN,
            state="blocked",
            done=2,
            missing=frozenset({"player_game_summary"}),
            decision=("game_coverage", "71"),
        ),
        0,
    ),
    "alert": (CRITICAL_LATE, 0),
    "alert counted in a window": (replace(CRITICAL_LATE, count=1, window=Window(by=at(7, 30))), 0),
    "alert counted as none": (replace(CRITICAL_LATE, count=0, window=Window(by=at(7, 29))), 0),
    "no_alert before": (NoAlertExpected(window=Window(by=at(6, 29))), 0),
    "no_alert after": (NoAlertExpected(window=Window(not_before=at(7, 32))), 0),
    "no_alert of others": (NoAlertExpected(mentions=("phase3_to_phase4",)), 0),
    "no_alert lets lesser ones pass": (NoAlertExpected("critical", Window(by=at(7, 29))), 0),
    "resolved": (ResolvedExpected(("phase2_to_phase3",), Window(by=at(8, 0))), 0),
    "quarantined by count": (QuarantinedExpected(2), 0),
    "quarantined by reason or raw bytes": (QuarantinedExpected(1, ("unknown", '"Foo"')), 0),
    "quarantined at least one": (QuarantinedExpected(None, ("JSON",)), 0),
    "runs": (RunsExpected(1), 0),
    "repair": (RepairExpected("phase3", DAY, 1, Window(at(8, 30), at(8, 30))), 0),
    "repair of none": (RepairExpected("phase4", DAY, 0), 0),
    "response": (ResponseExpected("self_heal", 1, 207, ("found",)), 0),
    "exit": (ExitExpected(1, 0, ("triggered", "phase4")), 0),
    "recorded": (replace(RECORDED, outcome="success", records=148, superseded=2), 1),
}

FAILS: dict[str, tuple[Expectation, int, str]] = {
    "trigger too often": (replace(TRIGGER, count=1), 0, "2 triggers: nba/2026-01-20/overnight/phase3_to_phase4/1"),
    "trigger too early": (replace(TRIGGER, window=Window(not_before=at(6, 15))), 0, "at 2026-01-21 06:14:00"),
    "trigger too late": (replace(TRIGGER, window=Window(by=at(6, 13))), 0, "at 2026-01-21 06:14:00"),
    "trigger degraded": (replace(TRIGGER, degraded=False), 0, "degraded, without team_offense_game_summary"),
    "trigger missing others": (replace(TRIGGER, missing=frozenset()), 0, "without team_offense_game_summary"),
    "trigger for another reason": (replace(TRIGGER, reason="complete"), 0, "(tier_1"),
    "trigger with other messages": (replace(TRIGGER, messages=5), 0, "messages: 2"),
    "trigger of no such generation": (TriggerExpected(P34, OF, generation=3), 0, "no such trigger"),
    "trigger of another run": (
        TriggerExpected(P34, Of(DAY, "same_day")),
        0,
        "no such trigger; all of phase3_to_phase4",
    ),
    "dispatches": (DispatchesExpected(P34, OF, 2), 0, "3 dispatches"),
    "sent another value": (SentExpected(P45, OF, "coordinator /start", {"force": 0}), 0, '"force": false'),
    "sent what must be absent": (SentExpected(P45, OF, "coordinator /start", {}, ("force",)), 0, "2 dispatches to"),
    "sent elsewhere": (SentExpected(P45, OF, "coordinator /status"), 0, "no dispatches to coordinator /status"),
    "calls": (CallsExpected("coordinator", "/start", 3), 0, "2 in that time; all calls: 2026-01-21 07:00:00"),
    "not_resolved": (NotResolvedExpected(("well again",)), 0, "1 such recovery: 2026-01-21 08:00:00"),
    "no_trigger": (NoTriggerExpected(P34, OF, at(6, 14)), 0, "triggered: nba/2026-01-20"),
    "run in another state": (replace(RUN, state="waiting"), 0, "blocked; done 2: a, b"),
    "run with other done": (replace(RUN, done=3), 0, "done 2: a, b"),
    "run missing others": (replace(RUN, missing=frozenset()), 0, "missing: player_game_summary"),
    "run decided otherwise": (replace(RUN, decision=("72",)), 0, "game_coverage 71"),
    "run unclear": (RUN, 2, "say which run is meant"),
    "run not seen": (RUN, 3, "was not looked at"),
    "alert of another severity": (AlertExpected("info", mentions=("late",)), 0, "no such alert; sent in that time"),
    "alert in another window": (replace(CRITICAL_LATE, window=Window(by=at(7, 29))), 0, "only outside that time"),
    "alert too often": (replace(CRITICAL_LATE, count=1), 0, "2 such alerts: 2026-01-21 07:30:00 critical"),
    "alert that is a recovery": (AlertExpected("critical", mentions=("well again",)), 0, "no such alert"),
    "no_alert": (NoAlertExpected(), 0, "3 such alerts: 2026-01-21 06:30:00 warning: phase2_to_phase3 is due"),
    "no_alert of a graver one": (NoAlertExpected("info", Window(not_before=at(7, 31))), 0, "1 such alert: "),
    "resolved later": (ResolvedExpected(("phase2_to_phase3",), Window(by=at(7, 59))), 0, "1 such notice"),
    "resolved of another": (ResolvedExpected(("phase9",)), 0, "no such notices; recoveries: 2026-01-21 08:00:00"),
    "quarantined": (QuarantinedExpected(3), 0, "2 of 2 in quarantine: unknown processor 'Foo'"),
    "quarantined another": (QuarantinedExpected(None, ("Bar",)), 0, "0 of 2 in quarantine"),
    "runs": (RunsExpected(0), 0, "1 run: nba/2026-01-20/overnight"),
    "repair": (RepairExpected("phase3", DAY, 0), 0, "1 in that time; all repairs of phase3: 2026-01-20 at"),
    "repair of another date": (RepairExpected("phase3", date(2026, 1, 21), 1), 0, "0 in that time"),
    "response": (ResponseExpected("self_heal", 1, 200), 0, "status 207"),
    "response without that": (ResponseExpected("self_heal", 1, None, ("y",)), 0, '[{"found": "x"}]'),
    "response not asked for": (ResponseExpected("self_heal", 2), 0, "only 1 request to self_heal"),
    "exit": (ExitExpected(1, 1), 0, "exit 0: triggered"),
    "exit printing something else": (ExitExpected(1, 0, ("held",)), 0, "exit 0: triggered"),
    "exit of no command": (ExitExpected(2), 0, "only 1 operator command"),
    "recorded otherwise": (replace(RECORDED, outcome="failed"), 1, "success, records 148, 2 superseded"),
    "recorded with other records": (replace(RECORDED, records=1), 1, "records 148"),
    "recorded with other superseded": (replace(RECORDED, superseded=0), 1, "2 superseded"),
    "recorded nothing": (RECORDED, 3, "nothing is recorded"),
}


@pytest.mark.parametrize("case", HOLDS)
def test_holds(case: str) -> None:
    """An expectation that fits the history holds."""
    passed, observed = judged(*HOLDS[case])
    assert passed, observed


@pytest.mark.parametrize("case", FAILS)
def test_fails(case: str) -> None:
    """An expectation that does not fit fails, and what is observed says what happened instead."""
    meaning, index, words = FAILS[case]
    passed, observed = judged(meaning, index)
    assert not passed
    assert words in observed


def test_half_a_dispatch_is_no_trigger() -> None:
    """A call that was accepted without the message that belongs to it triggers nothing, yet it has left."""
    half = History(departures=[CALL])
    assert judged(NoTriggerExpected(P45, OF, at(23, 0)), of=half)[0]
    assert judged(DispatchesExpected(P45, OF, 1), of=half)[0]


def test_same_attempt_twice_is_two_dispatches() -> None:
    """The same message of the same attempt, sent by two handlers, counts twice under one trigger."""
    twice = History(departures=[FIRST, replace(FIRST, nth=2)])
    assert judged(DispatchesExpected(P34, OF, 2), of=twice)[0]
    assert judged(TriggerExpected(P34, OF, count=1, messages=1), of=twice)[0]


def test_a_trigger_without_mode_fits_one_run_only() -> None:
    """Where two runs fit, an expectation that leaves the mode out fails and asks for it."""
    two = History(departures=[FIRST, replace(FIRST, mode="same_day", trigger_id="nba/2026-01-20/same_day/x/1")])
    passed, observed = judged(TriggerExpected(P34, Of(DAY), count=2), of=two)
    assert not passed
    assert observed.startswith("say which run is meant")
