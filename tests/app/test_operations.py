"""The cost model's table of operations against what the use cases ask of the store, row by row and for a whole day."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from shared.adapters import column_types, partition_counts
from shared.adapters.config.validation_file import load_validation
from shared.app.alerting import raise_alerts
from shared.app.audit import alert_rows, compare
from shared.app.learning.daily import learn_daily
from shared.app.reporting import daily
from shared.app.reporting.health import DeploymentInfo as Watched
from shared.app.reporting.health import HealthRequest
from shared.app.state import repository
from shared.app.state.lock import acquire
from shared.app.sweep import pipelines
from shared.app.transitions import fan_in
from shared.app.transitions.snapshot import transitions_of
from shared.app.validation import validate
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import instant
from shared.core.costs import operations
from shared.core.costs.month import Month, of_deliveries, of_report
from shared.core.costs.operations import Operations, Unit, of
from shared.core.costs.workload import Deployment, Machine, PhaseLoad, RunLoad, runs_of
from shared.core.model import RunKey, State
from shared.core.policy.anomalies import OFF
from shared.core.policy.policy import Policy
from shared.core.reporting.findings import Sweep
from shared.core.severity import Severity
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.app.test_fan_in import LargePhase
from tests.app.test_learning import NIGHTS, written
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, T0, TDGS, TO4, TOGS, UPGC

CONFIG = Path(__file__).resolve().parents[2] / "config"
SQL = {gate.sql: (CONFIG / gate.sql).read_text() for gate in POLICY.gates.values() if gate.sql is not None}
VALIDATION = load_validation(CONFIG / "validation.yaml", POLICY, "nba_orchestration")
MACHINE = Machine(1, 0.5, 4)
MONTH = Month(POLICY, Deployment(7, 8, 10, 4, MACHINE, MACHINE, MACHINE, MACHINE, 1440, 1, {}), SQL)
TODAY = date(2026, 1, 22)
# The model takes every run to be open until its last due time: a prompt day costs so much less at most.
SLACK = 1.2


def counted(kit: HandlersKit, action: Callable[[], object]) -> Operations:
    """Return what an action costs an instance that has not seen the run for a while, as the model takes it."""
    kit.store.operations.clear()
    kit.ctx.memory.runs.clear()
    action()
    done = kit.store.operations
    return Operations(done["reads"], done["writes"], done["deletes"])


def stored(cost: Operations) -> Operations:
    """Leave out the rows, which go elsewhere."""
    return Operations(cost.reads, cost.writes, cost.deletes)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


# deliveries: each with two transitions to look at, and with the reports of its phase that are there


def test_a_completion_that_waits(kit: HandlersKit) -> None:
    """Rows completion and link."""
    kit.deliver(PGS, records=203)
    cost = counted(kit, lambda: kit.deliver(UPGC, records=203))
    assert cost == stored(of(Unit.COMPLETION, 1, each=2) + of(Unit.LINK, 2))


def test_a_completion_after_a_look_makes_its_run_due(kit: HandlersKit) -> None:
    """Row touch: the first since a sweep looked writes the run's document too, the next does not."""
    kit.deliver(PGS, records=203)
    kit.sweeps(3)
    first = counted(kit, lambda: kit.deliver(UPGC, records=203))
    assert first == stored(of(Unit.COMPLETION, 1, each=2) + of(Unit.LINK, 2) + of(Unit.TOUCH))
    second = counted(kit, lambda: kit.deliver(TDGS, records=203))
    assert second == stored(of(Unit.COMPLETION, 1, each=3) + of(Unit.LINK, 2))


def test_the_first_completion_opens_the_run(kit: HandlersKit) -> None:
    """One write more: of the three that row run has, its opening."""
    cost = counted(kit, lambda: kit.deliver(PGS, records=203))
    assert cost == stored(of(Unit.COMPLETION, 1, each=1) + of(Unit.LINK, 2)) + Operations(writes=1)


def test_a_duplicate(kit: HandlersKit) -> None:
    """Row duplicate, and its links."""
    kit.deliver(PGS, records=203, message_id="m-1")
    cost = counted(kit, lambda: kit.deliver(PGS, records=203, message_id="m-1"))
    assert cost == stored(of(Unit.DUPLICATE, 1, each=1) + of(Unit.LINK, 2))


def test_a_trigger(kit: HandlersKit) -> None:
    """Row trigger, beside that of the completion."""
    kit.finish(*PHASE3[:-1], records=203)
    cost = counted(kit, lambda: kit.deliver(PHASE3[-1], records=203))
    assert kit.state(TO4).state is State.DISPATCHED
    assert cost == stored(of(Unit.COMPLETION, 1, each=5) + of(Unit.LINK, 2) + of(Unit.TRIGGER))


def test_a_confirmation(kit: HandlersKit) -> None:
    """Row confirmation, beside that of the completion."""
    kit.finish(*PHASE3, records=203)
    cost = counted(kit, lambda: kit.deliver("player_composite_factors", "started"))
    assert cost == stored(of(Unit.COMPLETION, 1, each=1) + of(Unit.LINK, 2) + of(Unit.CONFIRMATION))


@pytest.mark.parametrize("members", [60, 200])
def test_a_phase_of_very_many(members: int) -> None:
    """Row completion again, with what a wide phase reads, until the trigger leaves."""
    kit = LargePhase(members=members)
    load = PhaseLoad("phase3", members, 2, members)
    cost = counted(kit, lambda: [kit.report(name) for name in kit.names])
    assert kit.state(TO4).state is State.DISPATCHED
    modelled = of(Unit.COMPLETION, members, load.reads) + of(Unit.LINK, 2 * members) + of(Unit.TRIGGER)
    # The first opens the run; all after it come while the instance knows it, and need not read their own document.
    assert cost == stored(modelled) + Operations(writes=1) + Operations(reads=1 - members)


# sweeps


# What a sweep costs that looks, beyond what it looks at.
LOOKS = of(Unit.SWEEP) + of(Unit.DUE_SWEEP, 1, each=1)


def quiet(kit: HandlersKit) -> Operations:
    """Return what a sweep costs that comes after others have seen everything, and finds nothing due."""
    kit.sweeps(3)
    kit.wait()
    return counted(kit, kit.sweep)


def looking(kit: HandlersKit) -> Operations:
    """Return what a sweep costs that looks at every open run, after others have seen everything."""
    kit.ctx = replace(kit.ctx, looks_at_all_every=timedelta(minutes=4))
    kit.sweeps(3)
    for _ in range(2):
        kit.wait(kit.ctx.looks_at_all_every)
        cost = counted(kit, kit.sweep)
    # It does not ask for the run that is due first.
    return cost + Operations(reads=1) + of(Unit.WHOLE_SWEEP) * -1


@pytest.mark.parametrize("reports", [0, 3])
def test_a_sweep_that_finds_nothing_due(kit: HandlersKit, reports: int) -> None:
    """Row sweep, whether a run is open or not: one query and one document, and nothing is written."""
    kit.finish(*PHASE3[:reports], records=203)
    assert quiet(kit) == of(Unit.SWEEP) == Operations(reads=2)


def test_a_sweep_of_an_empty_house(kit: HandlersKit) -> None:
    """Rows sweep, due sweep and whole sweep; the run that has to be opened is looked for."""
    kit.change(games={DAY: 0})
    cost = looking(kit)
    assert cost == stored(LOOKS) + stored(of(Unit.CLOSED_TODAY))


def test_a_sweep_of_an_open_run(kit: HandlersKit) -> None:
    """Row open run: three reports, and one read for the transitions that are not there."""
    kit.finish(PGS, UPGC, TDGS, records=203)
    assert looking(kit) == stored(LOOKS + of(Unit.OPEN_RUN, 1, each=3 + 1))


def test_a_run_is_noted_at_its_first_sweep_and_closed_at_its_last(kit: HandlersKit) -> None:
    """Row run: opened by a message or a sweep, its calendar and baseline, its end; its own document three times."""
    kit.sweeps(2)
    kit.wait(timedelta(days=4))
    kit.sweep()
    assert kit.run().closed_at is not None
    own = f"runs/{NIGHT.id.replace('/', '~')}"
    assert kit.store.written.count(own) == of(Unit.RUN).writes


def test_a_closed_run_of_today_is_looked_for() -> None:
    """Row closed today: the sweep asks whether it has to be opened."""
    kit = HandlersKit(start=T0).ordinary()
    kit.ctx = replace(kit.ctx, looks_at_all_every=timedelta(minutes=4))
    kit.sweeps(3)
    whole = kit.run()
    [document] = kit.store.inner.get(repository.run_path(NIGHT))
    assert document is not None
    closed = {**document.data, "status": "closed", "closed_at": kit.clock.now()}
    kit.store.inner.update(document.path, closed, document.version)
    assert whole.closed_at is None
    assert looking(kit) == stored(LOOKS + of(Unit.CLOSED_TODAY))


def test_news_are_written_to_the_record(kit: HandlersKit) -> None:
    """Row flush: what the sweep after three reports costs beyond a quiet one of the same run."""
    kit.sweeps(3)
    kit.finish(PGS, UPGC, TDGS, records=203)
    kit.wait()
    first = counted(kit, kit.sweep)
    kit.wait()
    after = counted(kit, kit.sweep)
    news = of(Unit.FLUSH, 1, each=3)
    assert first == after + stored(news)
    assert len(kit.audit.completions("nba", DAY, DAY)) == news.rows


def test_a_transition_is_taken_off_too(kit: HandlersKit) -> None:
    """Row flushed transition: one write for a trigger that the record has not seen."""
    kit.finish(*PHASE3, records=203)
    kit.wait()
    kit.store.written.clear()
    kit.sweep()
    path = repository.transition_path(NIGHT, TO4)
    written = kit.store.written.count(path)
    assert written == of(Unit.FLUSHED_TRANSITION).writes


def test_the_hourly_comparison() -> None:
    """Rows comparison and compared: one kept run of three reports. The past, which has no run, is looked at as well."""
    kit = HandlersKit(start=T0 - timedelta(minutes=55)).ordinary()
    kit.finish(PGS, TOGS, TDGS, records=203)
    before = looking(kit)
    kit.wait(timedelta(hours=1))
    cost = counted(kit, kit.sweep) + Operations(reads=1) + of(Unit.WHOLE_SWEEP) * -1
    past = of(Unit.PAST, 0, operations.REACH_DAYS)
    put_off = Operations(writes=1)  # beyond the tier that has begun meanwhile
    measured = of(Unit.OBJECTIVES, 1, each=1 + 4)
    hourly = of(Unit.COMPARISON, 1, each=1) + of(Unit.COMPARED, 1, each=3) + measured
    assert cost == before + stored(hourly + past) + put_off


def test_an_hourly_look_at_the_past() -> None:
    """Row past: fourteen dates of the night's mode, of which one has a closed run with its transitions."""
    kit = HandlersKit().ordinary()
    kit.ctx = replace(kit.ctx, looks_at_all_every=timedelta(minutes=4))
    acquire(kit.ctx, "reconciliation", timedelta(days=9))
    kit.finish_phase2()
    kit.sweeps(2)
    while kit.run().closed_at is None:
        kit.wait(timedelta(hours=1))
        kit.sweep()
    kit.change(games={DAY: GameCount(in_progress=1)})
    before = looking(kit)
    kit.ctx.memory.past_repairs_at = None
    kit.wait(kit.ctx.looks_at_all_every)
    cost = counted(kit, kit.sweep) + Operations(reads=1) + of(Unit.WHOLE_SWEEP) * -1
    transitions = len(transitions_of(POLICY, "overnight"))
    assert cost == before + stored(of(Unit.PAST, 0, operations.REACH_DAYS + transitions))


def test_an_alert_from_its_beginning_to_its_end(kit: HandlersKit) -> None:
    """Row alert: raised, standing, ended and told so, beyond what the same five sweeps ask of the alerts anyway."""
    text = "nba/2026-01-21/overnight phase3_to_phase4: blocked"
    condition = Condition(AlertKind.GATE, Severity.WARNING, NIGHT.id, TO4, "game_coverage", text)

    def tick(*conditions: Condition) -> None:
        kit.wait()
        raise_alerts.update_alerts(
            kit.ctx, {condition.fingerprint: condition for condition in conditions}, {NIGHT.id}, (), kit.clock.now()
        )
        alert_rows.write_alert_rows(kit.ctx)

    quiet = counted(kit, tick)
    cost = Operations()
    for conditions in ((condition,), (condition,), (), (), ()):
        cost += counted(kit, lambda conditions=conditions: tick(*conditions))  # type: ignore[misc]
    assert [notice.resolved for notice in kit.notices()] == [False, True]
    assert cost == quiet * 5 + stored(of(Unit.ALERT))


# what is asked for once a day, and a whole day


def test_a_validation_and_a_report_are_as_assumed() -> None:
    """The report exactly, with one run of each mode there; a validation, whose row stands for many, to a quarter."""
    kit, runs = lived(TODAY)
    asked = HealthRequest("POST", "/report", {})
    cost = counted(kit, lambda: daily.report(kit.ctx, Watched("nba_orchestration", "", tuple), asked))
    assert cost.reads == of_report(runs, there=1).reads
    whole = of(Unit.WHOLE_RUN, len(runs), sum(run.documents for run in runs))
    for name, runs_read in (("pre_game_prep", 0), ("post_game", 4)):
        cost = counted(kit, lambda name=name: validate.run(kit.ctx, VALIDATION, name, TODAY))  # type: ignore[misc]
        assert cost.reads == pytest.approx((of(Unit.VALIDATION) + whole * runs_read).reads, rel=0.25), name


def test_an_ordinary_day_costs_what_the_model_says() -> None:
    """Three runs and 1,440 sweeps: deliveries exactly, writes of sweeps to a tenth, their reads not above the model.

    The model takes every document to be there, and every run to be open until its last due time.
    """
    kit, runs = lived(TODAY)
    month = MONTH
    delivered = sum((of_deliveries(run) for run in runs), Operations())
    assert kit.deliveries == stored(delivered)
    swept = month.parts["sweeps"] + month.parts["record"] + of(Unit.RUN, len(runs))
    assert kit.swept.writes == pytest.approx(swept.writes, rel=0.1)
    assert kit.swept.reads <= swept.reads <= kit.swept.reads * SLACK


class Lived(HandlersKit):
    """A kit in which a day has passed; what it cost, by who asked."""

    deliveries = Operations()
    swept = Operations()


def lived(day: date) -> tuple[Lived, tuple[RunLoad, ...]]:
    """Let a working day pass: each run's processors report a minute after another, and a sweep follows each minute."""
    kit, runs = Lived(start=instant(day, time(0), POLICY.zone)), runs_of(POLICY, SQL)
    for offset in range(-2, 3):
        kit.ordinary(day + timedelta(days=offset))
    for hourly in ("reconciliation", "objectives"):  # they have tests of their own
        acquire(kit.ctx, hourly, timedelta(days=2))
    due = {run.opens + 10 + place: (run, name) for run in runs for place, name in enumerate(reporting(POLICY, run))}
    for minute in range(24 * 60):
        kit.wait()
        if minute in due:
            run, name = due[minute]
            key = RunKey("nba", day + timedelta(days=run.offset), run.mode)
            kit.deliveries += counted(kit, lambda name=name, key=key: report(kit, name, key))  # type: ignore[misc]
        kit.swept += counted(kit, kit.sweep)
    return kit, runs


def report(kit: HandlersKit, name: str, key: RunKey) -> None:
    body = {"metadata": {"completion_pct": 97}} if name == "prediction_coordinator" else {}
    message = kit.message(name, "success", 1000, mode=key.mode, game_date=key.day.isoformat(), **body)
    phase = next(phase.name for phase in POLICY.phases.values() if name in phase.processors)
    kit.take(phase, json.dumps(message).encode())


def reporting(policy: Policy, run: RunLoad) -> list[str]:
    """Return the processors that report in a run, phase by phase, by the policy and not by the model."""
    names = []
    for phase in policy.phases.values():
        after = policy.after(phase.name)
        expected = after[0].expects[run.mode].expected if after else set(phase.processors)
        names += [
            processor.name
            for processor in phase.processors.values()
            if processor.name in expected and processor.disabled is None
        ]
    return names


# what no table row may forget


def test_constants_of_the_use_cases_are_the_tables() -> None:
    """What the table takes from elsewhere is what stands there."""
    assert fan_in.MANY == operations.FAN_IN_ABOVE
    assert partition_counts.MANY == operations.METADATA_FROM
    assert column_types.FEW == operations.DESCRIBED
    assert pipelines.AT_ONCE == operations.SWEPT_AT_ONCE
    assert timedelta(days=operations.KEPT_DAYS) == repository.PART_KEPT
    assert timedelta(days=operations.COMPARED_DAYS) == compare.DAYS_AROUND


def test_past_nights_are_learned_from_once_a_day() -> None:
    """Rows learning and usual: what a first sweep of a day costs beyond the same of a policy that learns nothing. The
    next reads neither, and another instance only what is usual."""
    kit = HandlersKit().ordinary()
    other = HandlersKit(policy=replace(POLICY, anomalies=OFF)).ordinary()
    learns = counted(kit, kit.sweep)
    assert learns == counted(other, other.sweep) + stored(of(Unit.LEARNING)) + of(Unit.USUAL)
    assert quiet(kit) == quiet(other)


def test_what_learning_asks_of_record_and_calendar_is_modelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements of the row learning: the two tables of the record and the calendar's, each once; the calendar is left
    out where nothing unusual is looked for."""
    for policy in (POLICY, replace(POLICY, anomalies=OFF)):
        kit = HandlersKit(policy=policy).ordinary()
        written(kit.audit, kit, NIGHTS)
        asked: list[str] = []
        for port, name in (("audit", "completions"), ("audit", "executions"), ("warehouse", "units")):
            note_calls(monkeypatch, getattr(kit.ctx.ports, port), name, asked)
        learn_daily(kit.ctx, Sweep())
        modelled = replace(MONTH, policy=policy).queries["learning"]
        assert asked == ["completions", "executions", "units"][: len(asked)]
        assert modelled == ((len(asked), len(asked)) if policy.nights_needed else (0, 0)), asked


def note_calls(monkeypatch: pytest.MonkeyPatch, port: object, name: str, asked: list[str]) -> None:
    """Let each call of a port be noted, and made."""
    before = getattr(port, name)

    def call(*arguments: object) -> object:
        asked.append(name)
        return before(*arguments)

    monkeypatch.setattr(port, name, call)
