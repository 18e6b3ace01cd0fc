"""Every command that an alert prints can be pasted: it ends well, and it acts on the run that the alert speaks of.

Each kind of alert is produced by a real sweep or handler on the embedded state store, in each lane that it exists in;
what its text prints is run against the same store, as a shell would split it.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.sqlite import SqliteStore
from shared.app.call import Call
from shared.app.context import Context
from shared.app.reporting.daily import report
from shared.app.reporting.health import DeploymentInfo as Health
from shared.app.reporting.health import HealthRequest
from shared.app.state.learned import path_of
from shared.app.state.repository import run_path
from shared.app.validation.handler import answer
from shared.cli import main as orch
from shared.core import commands
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.learning.learned import Learned
from shared.core.learning.usual import Usual
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.documents import to_data
from shared.entrypoints import transition, validation
from shared.ports import Notice, Response
from shared.simulation.scenario import FaultKind, GameCount
from shared.simulation.scenario import Health as Fitness
from tests.app import test_alerting, test_dead_letters, test_objectives, test_past_repairs, test_self_heal
from tests.app.handlers_kit import HandlersKit, lane
from tests.app.test_policy_change import policy_after
from tests.app.test_units import policy_of_units
from tests.core.build import (
    COORDINATOR,
    DAY,
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    T0,
    TDGS,
    TO4,
    TO5,
    TO6,
    TOGS,
    UPGC,
)
from tests.core.test_silence import ENDING
from tests.policy_files import NBA

# An id as no broker makes it: what a shell, and the program, might take for something else.
MESSAGE = "-m 1"
ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"(?:^|(?<=\s))(?:bin/\S+|orch)\s.*$", re.MULTILINE)
ACTING = ("trigger", "release", "hold", "rerun")
PHASE4 = ("team_defense_zone_analysis", "player_shot_zone_analysis", "player_composite_factors",
          "player_daily_cache", "ml_feature_store")  # fmt: skip
LOADERS = ("p2_odds_game_lines", "p2_nbacom_gamebook_pdf", "p2_nbacom_boxscores")
TABLE = {name: processor.table for phase in POLICY.phases.values() for name, processor in phase.processors.items()}
More = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """How a kind of alert comes about; ``verbs`` are the commands that its text prints, in order.

    ``live_only`` where the backfill lane knows no such alert.
    """

    produce: Callable[[HandlersKit, More], object]
    verbs: tuple[str, ...] = ()
    live_only: bool = False
    start: Callable[[], HandlersKit] | None = None


def under_minimum(kit: HandlersKit, more: More) -> None:
    kit.change(rows={TABLE[PGS]: {DAY: 0}})
    kit.deliver(PGS, records=3, **more)
    kit.sweep()


def failing(kit: HandlersKit, more: More) -> None:
    for _ in range(3):
        kit.deliver(TOGS, "failed", error_message="quota", **more)
    kit.sweep()


def silent(kit: HandlersKit, more: More) -> None:
    kit.change(rows={TABLE[PGS]: {DAY: 0}})
    kit.sweep()
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    kit.change(rows={TABLE[PGS]: {DAY: 203}})
    test_self_heal.at(kit, 8, 30)
    kit.sweeps(2)


def complete(kit: HandlersKit, more: More) -> None:
    kit.finish(*PHASE3, records=200, **more)


def blocked(kit: HandlersKit, more: More) -> None:
    kit.change(readings={"game_coverage": 57.0})
    complete(kit, more)


def warned(kit: HandlersKit, more: More) -> None:
    kit.change(readings={"minutes_coverage": 85.0})
    complete(kit, more)


def unfit(kit: HandlersKit, more: More) -> None:
    kit.health("precompute", Fitness.DOWN)
    complete(kit, more)
    kit.sweeps(7)


def undeliverable(kit: HandlersKit, more: More) -> None:
    kit.services.answers[COORDINATOR] = Response(503, "overloaded")
    kit.finish(*PHASE4, records=200, **more)
    kit.sweeps(7)
    kit.services.answers[COORDINATOR] = Response(202, "")


def on_hold(kit: HandlersKit, more: More) -> None:
    in_lane = ("--lane", "backfill", "--new-run") if more else ()
    kit.orch("hold", TO4, str(DAY), "--mode", "overnight", *in_lane, "--reason", "lines are 'wrong'")
    kit.sweep()


def rejected(kit: HandlersKit, more: More) -> None:
    kit.services.answers[COORDINATOR] = Response(422, "no such field")
    kit.finish(*PHASE4, records=200, **more)
    kit.services.answers[COORDINATOR] = Response(202, "")


def not_taken(kit: HandlersKit, more: More) -> None:
    kit.services.answers[COORDINATOR] = Response(200, '{"status": "skipped", "reason": "no players yet"}')
    kit.finish(*PHASE4, records=200, **more)
    kit.services.answers[COORDINATOR] = Response(202, "")
    kit.sweep()


def unconfirmed(kit: HandlersKit, more: More) -> None:
    complete(kit, more)
    kit.sweeps(95)


def degraded(kit: HandlersKit, more: More) -> None:
    kit.finish(PGS, UPGC, TDGS, TOGS, records=200, **more)
    kit.sweeps(16)


def late(kit: HandlersKit, more: More) -> None:
    kit.finish(*LOADERS, records=200, **more)
    kit.sweeps(31)
    kit.deliver("p2_odds_player_props", records=200, **more)


def refused(kit: HandlersKit, more: More) -> None:
    complete(kit, more)
    kit.wait()
    for name in PHASE4:
        kit.deliver(name, "no_data", error_message="no features", **more)
    kit.sweep()


def overtaken(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=200)
    kit.deliver(PHASE4[0], "started")
    test_self_heal.at(kit, 8, 30)
    kit.sweeps(2)


def due(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=200)
    test_self_heal.at(kit, 10, 1)
    kit.sweeps(2)


def repaired(kit: HandlersKit, status: int, minutes: int) -> None:
    kit.deliver(UPGC, records=200)
    test_self_heal.at(kit, 8, 30)
    kit.services.answers["analytics"] = Response(status, "")
    kit.sweeps(minutes)
    kit.services.answers["analytics"] = Response(200, "")


def repair_refused(kit: HandlersKit, more: More) -> None:
    repaired(kit, 400, 2)


def repair_fails(kit: HandlersKit, more: More) -> None:
    repaired(kit, 503, 2)


def repaired_in_vain(kit: HandlersKit, more: More) -> None:
    repaired(kit, 200, 66)


def without_calendar(kit: HandlersKit, more: More) -> None:
    kit.fail("warehouse", lasts=timedelta(minutes=5))
    kit.deliver(PGS, records=200, **more)
    kit.sweeps(2)


def expired(kit: HandlersKit, more: More) -> None:
    kit.deliver(UPGC, records=200, **more)
    kit.wait(timedelta(days=3))
    kit.sweep()


def reconciled(kit: HandlersKit, more: More) -> None:
    kit.sweep()
    kit.fail("state", lasts=timedelta(minutes=10))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200)
    kit.sweeps(11)


def by_table(kit: HandlersKit, more: More) -> None:
    body = {**kit.message("GameSummaryRewrite", records=200), "output_table": TABLE[PGS], **more}
    kit.take("phase3", json.dumps(body).encode())


def unknown(kit: HandlersKit, more: More) -> None:
    kit.take("phase3", json.dumps(kit.message("GameSummaryRewrite", records=200) | more).encode(), MESSAGE)


def corrected(kit: HandlersKit) -> Context:
    """Return an instance whose policy knows the stranger."""
    phase = POLICY.phases["phase3"]
    processor = replace(phase.processors[PGS], aliases=(*phase.processors[PGS].aliases, "GameSummaryRewrite"))
    processors = {**phase.processors, PGS: processor}
    policy: Policy = replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})
    return replace(kit.instance(policy=policy), names=Names(policy))


def exploded(kit: HandlersKit, more: More) -> None:
    test_alerting.broken(kit)
    with runtime.override_context(kit.ctx), pytest.raises(Exception, match="Expected"):
        kit.act(lambda: transition.receive(TO4, test_alerting.event()))


def judged(kit: HandlersKit, more: More) -> None:
    kit.fail("warehouse", lasts=timedelta(minutes=5))
    kit.act(lambda: answer(kit.ctx, validation.checks(kit.ctx), Call("/", [("schedule", "midday")], b"")))


def reported(kit: HandlersKit, more: More) -> None:
    kit.act(lambda: report(kit.ctx, Health("nba_orchestration"), HealthRequest("POST", "/report")))


def report_refused(kit: HandlersKit, more: More) -> None:
    kit.fail("slack", FaultKind.REJECTS, lasts=timedelta(seconds=30))
    reported(kit, more)
    kit.wait(timedelta(hours=2))
    kit.sweep()


def state_down(kit: HandlersKit, more: More) -> None:
    kit.fail("state", lasts=timedelta(minutes=9))
    kit.sweeps(10)


def both_down(kit: HandlersKit, more: More) -> None:
    kit.fail("state", lasts=timedelta(seconds=30))
    kit.fail("record", lasts=timedelta(seconds=30))
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200, **more)
    kit.wait()


def into_another_dataset(kit: HandlersKit, more: More) -> None:
    kit.ctx = kit.instance(policy=load_policy(NBA, {"wire": {"rehearsal": {"field": "output_dataset"}}}))
    body = {**kit.message(PGS, records=200), "output_dataset": "nba_raw", **more}
    kit.take("phase3", json.dumps(body).encode())


def undelivered(kit: HandlersKit, more: More) -> None:
    kit.ctx = replace(kit.ctx, inventory=test_dead_letters.Monitored(letters=3))
    kit.sweep()


def departed(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=200, **more)
    kit.ctx = kit.instance("v2", policy_after("the mode leaves"))
    kit.sweeps(2)


def faulty(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=200)
    path = f"runs/{NIGHT.id.replace('/', '~')}/transitions/{TO4}"
    document = kit.store.inner.get(path)[0]
    if document is None:
        kit.store.inner.create(path, {"generation": "confused"})
    else:
        kit.store.inner.update(path, {**document.data, "generation": "confused"}, document.version)
    kit.sweep()


def kit_that_presumes() -> HandlersKit:
    """A kit whose calendar presumes a game to be over six hours after it began."""
    calendar = POLICY.calendar
    assert calendar is not None
    presuming = replace(calendar, start_column="game_date_est", presumed_final_after=timedelta(hours=6))
    return HandlersKit(policy=replace(POLICY, calendar=presuming)).ordinary()


def kit_of_units() -> HandlersKit:
    """A kit in which a table of phase 3 must hold each unit of the date."""
    return HandlersKit(policy=policy_of_units()).ordinary()


def short_of_units(kit: HandlersKit, more: More) -> None:
    kit.change(units_held={TABLE[PGS]: {DAY: 3}})
    kit.deliver(PGS, records=200, **more)
    kit.sweep()


def nothing(kit: HandlersKit, more: More) -> None:
    kit.change(units_held={TABLE[PGS]: {DAY: 0}})
    kit.deliver(PGS, records=0, **more)
    kit.sweep()


def nothing_to_do(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=0, expected_count=0, **more)
    kit.sweep()


def presumed(kit: HandlersKit, more: More) -> None:
    kit.change(games={DAY: GameCount(final=6, in_progress=1)}, units={DAY: ("MIL@ORL",)})
    kit.sweep()


def of_old_dates(kit: HandlersKit, more: More) -> None:
    day = DAY - timedelta(days=10)
    kit.ordinary(day)
    kit.deliver(PGS, records=1, game_date=str(day))
    kit.sweep()


def kit_that_wants_the_end() -> HandlersKit:
    """A kit whose policy says how long the last phase may take."""
    return HandlersKit(policy=ENDING).ordinary()


def unended(kit: HandlersKit, more: More) -> None:
    kit.orch("trigger", TO6, str(DAY), "--mode", "overnight", *(("--lane", "backfill", "--new-run") if more else ()),
               "--reason", "early")  # fmt: skip
    kit.deliver("phase6_export", "started", **more)
    kit.sweeps(92)


def with_what_is_usual(kit: HandlersKit) -> None:
    """Let it have been learned today that phase 4 takes ten minutes, and that a game brings 28 rows of context."""
    usual = Usual(30, 600, 0, 0.1, 1.2), Usual(30, 0, 28, 0.1, 1.2)
    learned = Learned(
        kit.clock.now(), DAY, DAY, durations={"phase4": {"overnight": usual[0]}}, rows={UPGC: {"overnight": usual[1]}}
    )
    assert kit.store.inner.create(path_of("nba"), to_data(learned)) is not None


def runs_long(kit: HandlersKit, more: More) -> None:
    with_what_is_usual(kit)
    kit.finish(*PHASE3, records=196)
    kit.deliver("ml_feature_store", "started")
    kit.sweeps(25)


def rows_outside(kit: HandlersKit, more: More) -> None:
    with_what_is_usual(kit)
    kit.deliver(UPGC, records=90)
    kit.sweep()


def blocked_for_long(kit: HandlersKit, more: More) -> None:
    blocked(kit, more)
    kit.sweeps(122)


def pause(kit: HandlersKit, more: More) -> None:
    kit.orch("pause", "--reason", "lines are 'wrong'", "--until", "2026-02-20")


def pause_for_a_week(kit: HandlersKit, more: More) -> None:
    pause(kit, more)
    kit.wait(timedelta(days=8))
    kit.sweep()


def pause_of_nothing(kit: HandlersKit, more: More) -> None:
    pause(kit, more)
    [stored] = kit.store.inner.query("pauses")
    renamed = [{**stored.data["pauses"][0], "mode": "evening"}]
    kit.store.inner.update("pauses/nba", {**stored.data, "pauses": renamed}, stored.version)
    kit.sweep()


def kit_that_doubts() -> HandlersKit:
    doubting = {"refuse_above_items": 2, "refuse_above_missing_percent": 20}
    return HandlersKit(policy=load_policy(NBA, {"repairs": doubting})).ordinary()


def lost(kit: HandlersKit, answer: Response | None, hours: int) -> None:
    """Let a night be lost, and its repairs be answered so, or as well as ever, for some hours."""
    test_past_repairs.lose(kit)
    if answer is not None:
        kit.services.answers["analytics"] = answer
    for _ in range(2 * hours):
        kit.wait(timedelta(minutes=30))
        kit.sweep()
    test_past_repairs.back(kit)


def past_refused(kit: HandlersKit, more: More) -> None:
    lost(kit, None, 1)


def past_fault(kit: HandlersKit, more: More) -> None:
    lost(kit, Response(400, "no such processor"), 1)


def past_not_taken(kit: HandlersKit, more: More) -> None:
    lost(kit, Response(503, ""), 1)


def past_in_vain(kit: HandlersKit, more: More) -> None:
    lost(kit, None, 4)


def past_unreadable(kit: HandlersKit, more: More) -> None:
    test_past_repairs.lose(kit)
    [document] = kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    kit.store.inner.update(document.path, {**document.data, "opened_at": "?"}, document.version)
    kit.wait()
    kit.sweep()


def repaired_later(kit: HandlersKit, more: More) -> None:
    test_past_repairs.lose(kit)
    kit.wait()
    kit.sweep()
    kit.finish(*PHASE3, records=200)
    for _ in range(90):
        kit.wait()
        kit.sweep()


def pause_over(kit: HandlersKit, more: More) -> None:
    pause(kit, more)
    kit.wait(timedelta(days=30))
    kit.sweep()


def counter_missing(kit: HandlersKit, more: More) -> None:
    kit.deliver(PGS, records=3, **more)
    kit.sweep()


def burns(kit: HandlersKit, more: More) -> None:
    """Four weeks of good hand-offs, and two slow ones of this hour."""
    test_objectives.nights(kit, slow={})
    for minutes, name in ((-20, TO4), (-10, TO5)):
        test_objectives.recorded(kit, kit.audit, 0, name, 300.0, at=T0 + timedelta(minutes=minutes))
    kit.sweep()


def burns_slowly(kit: HandlersKit, more: More) -> None:
    test_objectives.nights(kit, slow={1: 300.0})
    kit.sweep()


CASES = {
    AlertKind.SLO_FAST_BURN: Case(burns, ("slo",), live_only=True),
    AlertKind.SLO_SLOW_BURN: Case(burns_slowly, ("slo",), live_only=True),
    AlertKind.UNDER_MINIMUM: Case(under_minimum),
    AlertKind.COUNTER_MISSING: Case(counter_missing),
    AlertKind.FAILING: Case(failing),
    AlertKind.SILENT: Case(silent, live_only=True),
    AlertKind.GATE: Case(blocked, ("explain",)),
    AlertKind.GATE_WARNING: Case(warned),
    AlertKind.PREFLIGHT: Case(unfit, ("explain",)),
    AlertKind.DISPATCH: Case(undeliverable, ("explain",)),
    AlertKind.NOT_TAKEN: Case(not_taken, ("explain",)),
    AlertKind.ON_HOLD: Case(on_hold, ("release",)),
    AlertKind.HELD: Case(rejected, ("trigger",)),
    AlertKind.UNCONFIRMED: Case(unconfirmed, ("trigger",)),
    AlertKind.DEGRADED: Case(degraded),
    AlertKind.LATE: Case(late, ("trigger",)),
    AlertKind.OVERTAKEN: Case(overtaken, live_only=True),
    AlertKind.DUE_WARNING: Case(due, ("explain",), live_only=True),
    AlertKind.DUE_CRITICAL: Case(due, ("explain",), live_only=True),
    AlertKind.CALENDAR: Case(without_calendar),
    AlertKind.EXPIRED: Case(expired, ("trigger", "trigger", "trigger", "trigger")),
    AlertKind.RECONCILED: Case(reconciled, live_only=True),
    AlertKind.REPAIR_REFUSED: Case(
        lambda kit, more: kit.sweep(), ("explain",), live_only=True, start=lambda: test_self_heal.large_phase(21, 4)
    ),
    AlertKind.REPAIR_FAULT: Case(repair_refused, ("rerun",), live_only=True),
    AlertKind.REPAIR_NOT_TAKEN: Case(repair_fails, live_only=True),
    AlertKind.REPAIR_IN_VAIN: Case(repaired_in_vain, ("rerun",), live_only=True),
    AlertKind.BY_TABLE: Case(by_table),
    AlertKind.QUARANTINE: Case(unknown, ("quarantine", "quarantine")),
    AlertKind.ERROR: Case(exploded, live_only=True),
    AlertKind.VALIDATION: Case(judged, live_only=True),
    AlertKind.REPORT: Case(reported, live_only=True),
    AlertKind.REPORT_UNSENT: Case(report_refused, live_only=True),
    AlertKind.STATE_DOWN: Case(state_down, live_only=True),
    AlertKind.BOTH_DOWN: Case(both_down),
    AlertKind.DEAD_LETTERS: Case(undelivered, ("dead-letters", "dead-letters"), live_only=True),
    AlertKind.DEPARTED: Case(departed),
    AlertKind.FAULT: Case(faulty, live_only=True),
    AlertKind.OTHER_DATASET: Case(into_another_dataset),
    AlertKind.UNITS_SHORT: Case(short_of_units, start=kit_of_units),
    AlertKind.NOTHING: Case(nothing, start=kit_of_units),
    AlertKind.NOTHING_TO_DO: Case(nothing_to_do),
    AlertKind.PRESUMED: Case(presumed, live_only=True, start=kit_that_presumes),
    AlertKind.REFUSED: Case(refused, ("trigger",)),
    AlertKind.NOT_ENDED: Case(unended, ("trigger",), start=kit_that_wants_the_end),
    AlertKind.RUNS_LONG: Case(runs_long, ("explain",), live_only=True),
    AlertKind.ROWS_OUTSIDE: Case(rows_outside, live_only=True),
    AlertKind.GATE_OVERDUE: Case(blocked_for_long, ("explain",)),
    AlertKind.PAUSED: Case(pause, ("pause",), live_only=True),
    AlertKind.PAUSE_GOES_ON: Case(pause_for_a_week, ("pause",), live_only=True),
    AlertKind.PAUSE_ENDED: Case(pause_over, live_only=True),
    AlertKind.PAUSE_OF_NOTHING: Case(pause_of_nothing, ("pause",), live_only=True),
    AlertKind.PAST_REPAIR_REFUSED: Case(past_refused, ("explain",), live_only=True, start=kit_that_doubts),
    AlertKind.PAST_REPAIR_FAULT: Case(past_fault, ("rerun",), live_only=True),
    AlertKind.PAST_REPAIR_NOT_TAKEN: Case(past_not_taken, live_only=True),
    AlertKind.PAST_REPAIR_IN_VAIN: Case(past_in_vain, ("rerun",), live_only=True),
    AlertKind.PAST_REPAIRED: Case(repaired_later, live_only=True),
    AlertKind.PAST_UNREADABLE: Case(past_unreadable, live_only=True),
    AlertKind.OLD_DATES: Case(of_old_dates, live_only=True),
}
# Their commands act on messages, pauses and runs of the past: they have tests of their own.
NOT_OF_A_RUN = (
    AlertKind.QUARANTINE,
    AlertKind.DEAD_LETTERS,
    AlertKind.PAUSED,
    AlertKind.PAUSE_GOES_ON,
    AlertKind.PAUSE_OF_NOTHING,
    AlertKind.PAST_REPAIR_FAULT,
    AlertKind.PAST_REPAIR_IN_VAIN,
    AlertKind.SLO_FAST_BURN,
    AlertKind.SLO_SLOW_BURN,
)
# Those of workflows are held by tests/app/workflows/test_commands.py.
OF_WORKFLOWS = {kind for kind in AlertKind if kind.value.startswith("workflow_")} | {AlertKind.FILES_REFUSED}
# Those of batches by tests/app/test_batch_alerts.py.
OF_BATCHES = {kind for kind in AlertKind if kind.value.startswith("batch_")}
LANES = [(kind, past) for kind, case in CASES.items() for past in ((False,) if case.live_only else (False, True))]


def test_every_kind_of_alert_has_its_case() -> None:
    """A kind that is added without a case here would print commands that nobody has run."""
    assert set(CASES) == set(AlertKind) - OF_WORKFLOWS - OF_BATCHES


def printed(text: str) -> list[str]:
    """Return what a person would take for a command: from its program to the end of its line."""
    return COMMAND.findall(text)


def words_of(command: str) -> list[str]:
    """Return the words that a shell would hand to the program."""
    program, *words = shlex.split(command, comments=True)
    assert program == "bin/orch", f"{command}: not how the command line is called"
    return words


def rows(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT path, data FROM documents").fetchall())


def runs(path: Path, of: str) -> dict[str, str]:
    """Return the documents of one run, without those of its other lane."""
    own = f"runs/{of.replace('/', '~')}"
    return {name: data for name, data in rows(path).items() if name == own or name.startswith(f"{own}/")}


@pytest.mark.parametrize(
    ("kind", "past"), LANES, ids=[f"{kind}-{'backfill' if past else 'live'}" for kind, past in LANES]
)
def test_every_command_of_an_alert_can_be_pasted(kind: AlertKind, past: bool, tmp_path: Path) -> None:
    """Exit 0, on the run of the alert and on no other: the lane included, whatever quotes the text holds."""
    case = CASES[kind]
    store = SqliteStore(tmp_path / "state.db")
    kit = case.start() if case.start is not None else HandlersKit().ordinary()
    kit.store.inner = store
    more: More = {"backfill_mode": True} if past else {}
    case.produce(kit, more)
    notices = [notice for notice in kit.notices(kind) if not notice.resolved]
    assert notices, f"no {kind} alert: {[notice.kind for notice in kit.notices()]}"
    lines = printed(notices[0].text)
    assert tuple(words_of(line)[0] for line in lines) == case.verbs
    _leads(kit, notices[0], lines)
    for line in lines if kind not in NOT_OF_A_RUN else ():
        _acts_on_its_run(kit, notices[0], line, tmp_path / "state.db")
    store.close()


def _leads(kit: HandlersKit, notice: Notice, lines: list[str]) -> None:
    """The command of a notice is the first that its text prints; else it is run here, and shows the alert."""
    assert notice.title
    assert "_" not in notice.title
    words = words_of(notice.command)
    if lines:
        assert notice.command == lines[0]
    elif words == ["doctor"]:
        assert notice.kind in (AlertKind.STATE_DOWN, AlertKind.BOTH_DOWN)
    else:
        status, output = kit.orch(*words)
        assert status == 0, output
        assert notice.title in output


def _acts_on_its_run(kit: HandlersKit, notice: Notice, line: str, path: Path) -> None:
    [alert] = [document for document in kit.documents("alerts") if document["fingerprint"] == notice.fingerprint]
    run, words = alert["run"], words_of(line)
    other = NIGHT.id if run != NIGHT.id else lane(NIGHT).id
    before, untouched = runs(path, run), runs(path, other)
    status, output = kit.orch(*words)
    assert status == 0, f"{line}: {output}"
    assert run in output
    assert f"{run}/backfill" not in output
    assert (runs(path, run) != before) is (words[0] in ACTING), f"{line}: {output}"
    assert runs(path, other) == untouched, f"{line} changed {other}"


@pytest.mark.parametrize("past", [False, True], ids=["live", "backfill"])
def test_the_commands_of_a_quarantined_message_bring_it_back(past: bool, tmp_path: Path) -> None:
    """`show` shows the message as it came; once the policy knows its sender, `replay` counts it in its own run."""
    kit = HandlersKit(store=SqliteStore(tmp_path / "state.db")).ordinary()
    unknown(kit, {"backfill_mode": True} if past else {})
    [notice] = kit.notices(AlertKind.QUARANTINE)
    show, replay = (words_of(line) for line in printed(notice.text))
    status, output = kit.orch(*show)
    assert (status, json.loads(output)["message_id"]) == (0, MESSAGE)
    assert kit.orch(*replay)[0] == 4, "it is not corrected yet"
    run = lane(NIGHT) if past else NIGHT
    assert kit.orch(*replay, ctx=corrected(kit)) == (0, f"{MESSAGE}: decided in {run.id}\n")
    assert [document["status"] for document in kit.documents("quarantine")] == ["replayed"]


def test_a_command_survives_a_shell(tmp_path: Path) -> None:
    """Pasted into a real shell that stands in the repository, with a reason full of what shells read as their own."""
    reason = 'it\'s "all" $HOME `right` & more; # 1 > 0\\'
    kit = HandlersKit(store=SqliteStore(tmp_path / "state.db")).ordinary()
    on_hold(kit, {"backfill_mode": True})
    line = commands.release(TO4, lane(NIGHT), reason)
    variables = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
    environment = {**os.environ, **variables, "ORCH_HOME": str(tmp_path), "ORCH_BY": "ada"}
    ended = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    released = kit.state(TO4, lane(NIGHT))
    assert released.hold is None
    assert ("operator_release", f"{reason} (by ada)") in [
        (entry.decision, entry.reason) for entry in released.pending_audit
    ]


BECAUSE = ("--mode", "overnight", "--reason", 'it\'s "all" corrected')
WRONG = [
    ("status", "2026-03-03"),
    ("explain", TO4, "2026-03-03", "--mode", "overnight"),
    ("report", "2026-03-03"),
    ("quarantine", "show", "m-9"),
    ("quarantine", "replay", "m-9"),
    ("quarantine", "replay"),
    ("backfill", "phase3", "--from", "2026-01-12", "--to", "2026-01-13", *BECAUSE),
    ("backfill", "phase3", "--from", str(DAY), "--to", str(DAY), *BECAUSE),
]


@pytest.mark.parametrize("argv", WRONG, ids=" ".join)
def test_the_command_in_a_hint_can_be_pasted(argv: tuple[str, ...]) -> None:
    """What a refused command advises instead ends well."""
    kit = HandlersKit().ordinary()
    kit.change(games={date(2026, 1, 12): GameCount(final=5)})
    kit.deliver(PGS, records=200)
    status, output = kit.orch(*argv)
    assert status != 0
    assert printed(output) or argv[0] != "backfill"
    for line in printed(output):
        assert kit.orch(*words_of(line))[0] == 0, line


def literals(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module that a person may come to read; not its docstrings, which are for programmers."""
    own = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in own:
            yield node.value


def test_one_function_makes_every_command() -> None:
    """No text spells a command line of its own, where a lane or a quote would be forgotten."""
    verbs = "|".join(sorted(command.name or command.callback.__name__ for command in orch.app.registered_commands))  # type: ignore[union-attr]  # typer names what it is given
    spelt = re.compile(rf"\borch ({verbs}|quarantine)\b")
    violations = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in (ROOT / "shared").rglob("*.py")
        for text in literals(ast.parse(path.read_text(encoding="utf-8")))
        if spelt.search(text)
    }
    violations |= {
        str(path) for path in (ROOT / "shared").rglob("*.html") if spelt.search(path.read_text(encoding="utf-8"))
    }
    assert not violations
