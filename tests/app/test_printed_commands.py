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
from shared.app.state.repository import run_path
from shared.app.validation.handler import answer
from shared.cli import main as orch
from shared.core import commands
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.entrypoints import transition, validation
from shared.ports import Notice, Response
from shared.simulation.scenario import FaultKind, GameCount
from shared.simulation.scenario import Health as Fitness
from tests.app import test_alerting, test_dead_letters, test_past_repairs, test_self_heal
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
    TDGS,
    TO4,
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
TABLE = {name: one.table for phase in POLICY.phases.values() for name, one in phase.processors.items()}
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


def under_minimum(house: HandlersKit, more: More) -> None:
    house.change(rows={TABLE[PGS]: {DAY: 0}})
    house.deliver(PGS, records=3, **more)
    house.sweep()


def failing(house: HandlersKit, more: More) -> None:
    for _ in range(3):
        house.deliver(TOGS, "failed", error_message="quota", **more)
    house.sweep()


def silent(house: HandlersKit, more: More) -> None:
    house.change(rows={TABLE[PGS]: {DAY: 0}})
    house.sweep()
    house.finish(*(name for name in PHASE3 if name != PGS), records=200)
    house.change(rows={TABLE[PGS]: {DAY: 203}})
    test_self_heal.at(house, 8, 30)
    house.sweeps(2)


def complete(house: HandlersKit, more: More) -> None:
    house.finish(*PHASE3, records=200, **more)


def blocked(house: HandlersKit, more: More) -> None:
    house.change(readings={"game_coverage": 57.0})
    complete(house, more)


def warned(house: HandlersKit, more: More) -> None:
    house.change(readings={"minutes_coverage": 85.0})
    complete(house, more)


def unfit(house: HandlersKit, more: More) -> None:
    house.health("precompute", Fitness.DOWN)
    complete(house, more)
    house.sweeps(7)


def undeliverable(house: HandlersKit, more: More) -> None:
    house.services.answers[COORDINATOR] = Response(503, "overloaded")
    house.finish(*PHASE4, records=200, **more)
    house.sweeps(7)
    house.services.answers[COORDINATOR] = Response(202, "")


def on_hold(house: HandlersKit, more: More) -> None:
    in_lane = ("--lane", "backfill", "--new-run") if more else ()
    house.orch("hold", TO4, str(DAY), "--mode", "overnight", *in_lane, "--reason", "lines are 'wrong'")
    house.sweep()


def rejected(house: HandlersKit, more: More) -> None:
    house.services.answers[COORDINATOR] = Response(422, "no such field")
    house.finish(*PHASE4, records=200, **more)
    house.services.answers[COORDINATOR] = Response(202, "")


def not_taken(house: HandlersKit, more: More) -> None:
    house.services.answers[COORDINATOR] = Response(200, '{"status": "skipped", "reason": "no players yet"}')
    house.finish(*PHASE4, records=200, **more)
    house.services.answers[COORDINATOR] = Response(202, "")
    house.sweep()


def unconfirmed(house: HandlersKit, more: More) -> None:
    complete(house, more)
    house.sweeps(95)


def degraded(house: HandlersKit, more: More) -> None:
    house.finish(PGS, UPGC, TDGS, TOGS, records=200, **more)
    house.sweeps(16)


def late(house: HandlersKit, more: More) -> None:
    house.finish(*LOADERS, records=200, **more)
    house.sweeps(31)
    house.deliver("p2_odds_player_props", records=200, **more)


def refused(house: HandlersKit, more: More) -> None:
    complete(house, more)
    house.wait()
    for name in PHASE4:
        house.deliver(name, "no_data", error_message="no features", **more)
    house.sweep()


def overtaken(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=200)
    house.deliver(PHASE4[0], "started")
    test_self_heal.at(house, 8, 30)
    house.sweeps(2)


def due(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=200)
    test_self_heal.at(house, 10, 1)
    house.sweeps(2)


def repaired(house: HandlersKit, status: int, minutes: int) -> None:
    house.deliver(UPGC, records=200)
    test_self_heal.at(house, 8, 30)
    house.services.answers["analytics"] = Response(status, "")
    house.sweeps(minutes)
    house.services.answers["analytics"] = Response(200, "")


def repair_refused(house: HandlersKit, more: More) -> None:
    repaired(house, 400, 2)


def repair_fails(house: HandlersKit, more: More) -> None:
    repaired(house, 503, 2)


def repaired_in_vain(house: HandlersKit, more: More) -> None:
    repaired(house, 200, 66)


def without_calendar(house: HandlersKit, more: More) -> None:
    house.fail("warehouse", lasts=timedelta(minutes=5))
    house.deliver(PGS, records=200, **more)
    house.sweeps(2)


def expired(house: HandlersKit, more: More) -> None:
    house.deliver(UPGC, records=200, **more)
    house.wait(timedelta(days=3))
    house.sweep()


def reconciled(house: HandlersKit, more: More) -> None:
    house.sweep()
    house.fail("state", lasts=timedelta(minutes=10))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200)
    house.sweeps(11)


def by_table(house: HandlersKit, more: More) -> None:
    body = {**house.message("GameSummaryRewrite", records=200), "output_table": TABLE[PGS], **more}
    house.take("phase3", json.dumps(body).encode())


def unknown(house: HandlersKit, more: More) -> None:
    house.take("phase3", json.dumps(house.message("GameSummaryRewrite", records=200) | more).encode(), MESSAGE)


def corrected(house: HandlersKit) -> Context:
    """Return an instance whose policy knows the stranger."""
    phase = POLICY.phases["phase3"]
    known = replace(phase.processors[PGS], aliases=(*phase.processors[PGS].aliases, "GameSummaryRewrite"))
    processors = {**phase.processors, PGS: known}
    policy: Policy = replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})
    return replace(house.instance(policy=policy), names=Names(policy))


def exploded(house: HandlersKit, more: More) -> None:
    test_alerting.broken(house)
    with runtime.override_context(house.ctx), pytest.raises(Exception, match="Expected"):
        house.act(lambda: transition.receive(TO4, test_alerting.event()))


def judged(house: HandlersKit, more: More) -> None:
    house.fail("warehouse", lasts=timedelta(minutes=5))
    house.act(lambda: answer(house.ctx, validation.checks(house.ctx), Call("/", [("schedule", "midday")], b"")))


def reported(house: HandlersKit, more: More) -> None:
    house.act(lambda: report(house.ctx, Health("nba_orchestration"), HealthRequest("POST", "/report")))


def report_refused(house: HandlersKit, more: More) -> None:
    house.fail("slack", FaultKind.REJECTS, lasts=timedelta(seconds=30))
    reported(house, more)
    house.wait(timedelta(hours=2))
    house.sweep()


def state_down(house: HandlersKit, more: More) -> None:
    house.fail("state", lasts=timedelta(minutes=9))
    house.sweeps(10)


def both_down(house: HandlersKit, more: More) -> None:
    house.fail("state", lasts=timedelta(seconds=30))
    house.fail("record", lasts=timedelta(seconds=30))
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200, **more)
    house.wait()


def into_another_dataset(house: HandlersKit, more: More) -> None:
    house.ctx = house.instance(policy=load_policy(NBA, {"wire": {"rehearsal": {"field": "output_dataset"}}}))
    body = {**house.message(PGS, records=200), "output_dataset": "nba_raw", **more}
    house.take("phase3", json.dumps(body).encode())


def undelivered(house: HandlersKit, more: More) -> None:
    house.ctx = replace(house.ctx, inventory=test_dead_letters.Monitored(letters=3))
    house.sweep()


def departed(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=200, **more)
    house.ctx = house.instance("v2", policy_after("the mode leaves"))
    house.sweeps(2)


def faulty(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=200)
    path = f"runs/{NIGHT.id.replace('/', '~')}/transitions/{TO4}"
    document = house.store.inner.get(path)[0]
    if document is None:
        house.store.inner.create(path, {"generation": "confused"})
    else:
        house.store.inner.update(path, {**document.data, "generation": "confused"}, document.version)
    house.sweep()


def house_that_presumes() -> HandlersKit:
    """A house whose calendar presumes a game to be over six hours after it began."""
    calendar = POLICY.calendar
    assert calendar is not None
    presuming = replace(calendar, start_column="game_date_est", presumed_final_after=timedelta(hours=6))
    return HandlersKit(policy=replace(POLICY, calendar=presuming)).ordinary()


def house_of_units() -> HandlersKit:
    """A house in which a table of phase 3 must hold each unit of the date."""
    return HandlersKit(policy=policy_of_units()).ordinary()


def short_of_units(house: HandlersKit, more: More) -> None:
    house.change(units_held={TABLE[PGS]: {DAY: 3}})
    house.deliver(PGS, records=200, **more)
    house.sweep()


def nothing(house: HandlersKit, more: More) -> None:
    house.change(units_held={TABLE[PGS]: {DAY: 0}})
    house.deliver(PGS, records=0, **more)
    house.sweep()


def nothing_to_do(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=0, expected_count=0, **more)
    house.sweep()


def presumed(house: HandlersKit, more: More) -> None:
    house.change(games={DAY: GameCount(final=6, in_progress=1)}, units={DAY: ("MIL@ORL",)})
    house.sweep()


def of_old_dates(house: HandlersKit, more: More) -> None:
    day = DAY - timedelta(days=10)
    house.ordinary(day)
    house.deliver(PGS, records=1, game_date=str(day))
    house.sweep()


def house_that_wants_the_end() -> HandlersKit:
    """A house whose policy says how long the last phase may take."""
    return HandlersKit(policy=ENDING).ordinary()


def unended(house: HandlersKit, more: More) -> None:
    house.orch("trigger", TO6, str(DAY), "--mode", "overnight", *(("--lane", "backfill", "--new-run") if more else ()),
               "--reason", "early")  # fmt: skip
    house.deliver("phase6_export", "started", **more)
    house.sweeps(92)


def blocked_for_long(house: HandlersKit, more: More) -> None:
    blocked(house, more)
    house.sweeps(122)


def pause(house: HandlersKit, more: More) -> None:
    house.orch("pause", "--reason", "lines are 'wrong'", "--until", "2026-02-20")


def pause_for_a_week(house: HandlersKit, more: More) -> None:
    pause(house, more)
    house.wait(timedelta(days=8))
    house.sweep()


def pause_of_nothing(house: HandlersKit, more: More) -> None:
    pause(house, more)
    [stored] = house.store.inner.query("pauses")
    renamed = [{**stored.data["pauses"][0], "mode": "evening"}]
    house.store.inner.update("pauses/nba", {**stored.data, "pauses": renamed}, stored.version)
    house.sweep()


def kit_that_doubts() -> HandlersKit:
    doubting = {"refuse_above_items": 2, "refuse_above_missing_percent": 20}
    return HandlersKit(policy=load_policy(NBA, {"repairs": doubting})).ordinary()


def lost(house: HandlersKit, answer: Response | None, hours: int) -> None:
    """Let a night be lost, and its repairs be answered so, or as well as ever, for some hours."""
    test_past_repairs.lose(house)
    if answer is not None:
        house.services.answers["analytics"] = answer
    for _ in range(2 * hours):
        house.wait(timedelta(minutes=30))
        house.sweep()
    test_past_repairs.back(house)


def past_refused(house: HandlersKit, more: More) -> None:
    lost(house, None, 1)


def past_fault(house: HandlersKit, more: More) -> None:
    lost(house, Response(400, "no such processor"), 1)


def past_not_taken(house: HandlersKit, more: More) -> None:
    lost(house, Response(503, ""), 1)


def past_in_vain(house: HandlersKit, more: More) -> None:
    lost(house, None, 4)


def past_unreadable(house: HandlersKit, more: More) -> None:
    test_past_repairs.lose(house)
    [document] = house.store.inner.get(run_path(NIGHT))
    assert document is not None
    house.store.inner.update(document.path, {**document.data, "opened_at": "?"}, document.version)
    house.wait()
    house.sweep()


def repaired_later(house: HandlersKit, more: More) -> None:
    test_past_repairs.lose(house)
    house.wait()
    house.sweep()
    house.finish(*PHASE3, records=200)
    for _ in range(90):
        house.wait()
        house.sweep()


def pause_over(house: HandlersKit, more: More) -> None:
    pause(house, more)
    house.wait(timedelta(days=30))
    house.sweep()


def counter_missing(house: HandlersKit, more: More) -> None:
    house.deliver(PGS, records=3, **more)
    house.sweep()


CASES = {
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
        lambda house, more: house.sweep(), ("explain",), live_only=True, start=lambda: test_self_heal.crowd(21, 4)
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
    AlertKind.UNITS_SHORT: Case(short_of_units, start=house_of_units),
    AlertKind.NOTHING: Case(nothing, start=house_of_units),
    AlertKind.NOTHING_TO_DO: Case(nothing_to_do),
    AlertKind.PRESUMED: Case(presumed, live_only=True, start=house_that_presumes),
    AlertKind.REFUSED: Case(refused, ("trigger",)),
    AlertKind.NOT_ENDED: Case(unended, ("trigger",), start=house_that_wants_the_end),
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
    house = case.start() if case.start is not None else HandlersKit().ordinary()
    house.store.inner = store
    more: More = {"backfill_mode": True} if past else {}
    case.produce(house, more)
    notices = [notice for notice in house.notices(kind) if not notice.resolved]
    assert notices, f"no {kind} alert: {[notice.kind for notice in house.notices()]}"
    lines = printed(notices[0].text)
    assert tuple(words_of(line)[0] for line in lines) == case.verbs
    _leads(house, notices[0], lines)
    for line in lines if kind not in NOT_OF_A_RUN else ():
        _acts_on_its_run(house, notices[0], line, tmp_path / "state.db")
    store.close()


def _leads(house: HandlersKit, notice: Notice, lines: list[str]) -> None:
    """The command of a notice is the first that its text prints; else it is run here, and shows the alert."""
    assert notice.title
    assert "_" not in notice.title
    words = words_of(notice.command)
    if lines:
        assert notice.command == lines[0]
    elif words == ["doctor"]:
        assert notice.kind in (AlertKind.STATE_DOWN, AlertKind.BOTH_DOWN)
    else:
        status, said = house.orch(*words)
        assert status == 0, said
        assert notice.title in said


def _acts_on_its_run(house: HandlersKit, notice: Notice, line: str, path: Path) -> None:
    [alert] = [document for document in house.documents("alerts") if document["fingerprint"] == notice.fingerprint]
    run, words = alert["run"], words_of(line)
    other = NIGHT.id if run != NIGHT.id else lane(NIGHT).id
    before, untouched = runs(path, run), runs(path, other)
    status, said = house.orch(*words)
    assert status == 0, f"{line}: {said}"
    assert run in said
    assert f"{run}/backfill" not in said
    assert (runs(path, run) != before) is (words[0] in ACTING), f"{line}: {said}"
    assert runs(path, other) == untouched, f"{line} changed {other}"


@pytest.mark.parametrize("past", [False, True], ids=["live", "backfill"])
def test_the_commands_of_a_quarantined_message_bring_it_back(past: bool, tmp_path: Path) -> None:
    """`show` shows the message as it came; once the policy knows its sender, `replay` counts it in its own run."""
    house = HandlersKit(store=SqliteStore(tmp_path / "state.db")).ordinary()
    unknown(house, {"backfill_mode": True} if past else {})
    [notice] = house.notices(AlertKind.QUARANTINE)
    show, replay = (words_of(line) for line in printed(notice.text))
    status, said = house.orch(*show)
    assert (status, json.loads(said)["message_id"]) == (0, MESSAGE)
    assert house.orch(*replay)[0] == 4, "it is not corrected yet"
    run = lane(NIGHT) if past else NIGHT
    assert house.orch(*replay, ctx=corrected(house)) == (0, f"{MESSAGE}: decided in {run.id}\n")
    assert [document["status"] for document in house.documents("quarantine")] == ["replayed"]


def test_a_command_survives_a_shell(tmp_path: Path) -> None:
    """Pasted into a real shell that stands in the repository, with a reason full of what shells read as their own."""
    reason = 'it\'s "all" $HOME `right` & more; # 1 > 0\\'
    house = HandlersKit(store=SqliteStore(tmp_path / "state.db")).ordinary()
    on_hold(house, {"backfill_mode": True})
    line = commands.release(TO4, lane(NIGHT), reason)
    variables = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
    environment = {**os.environ, **variables, "ORCH_HOME": str(tmp_path), "ORCH_BY": "ada"}
    ended = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    released = house.state(TO4, lane(NIGHT))
    assert released.hold is None
    assert ("operator_release", f"{reason} (by ada)") in [(one.decision, one.reason) for one in released.pending_audit]


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
    house = HandlersKit().ordinary()
    house.change(games={date(2026, 1, 12): GameCount(final=5)})
    house.deliver(PGS, records=200)
    status, said = house.orch(*argv)
    assert status != 0
    assert printed(said) or argv[0] != "backfill"
    for line in printed(said):
        assert house.orch(*words_of(line))[0] == 0, line


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
    found = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in (ROOT / "shared").rglob("*.py")
        for text in literals(ast.parse(path.read_text(encoding="utf-8")))
        if spelt.search(text)
    }
    found |= {str(path) for path in (ROOT / "shared").rglob("*.html") if spelt.search(path.read_text(encoding="utf-8"))}
    assert not found
