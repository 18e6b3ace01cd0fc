"""The cost model itself: what grows with what, what a bill is, and where a quota is reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.prices_file import load_prices
from deploy.scale import deployment_of, gate_sql
from shared.core.batches.load import batch_loads
from shared.core.costs.cost import bill, by_pipelines, by_width, first, reached
from shared.core.costs.demand import demand_of
from shared.core.costs.month import Month, of_deliveries
from shared.core.costs.operations import DIGESTED_FROM, FAN_IN_ABOVE, HABITS, KEPT_BUSY
from shared.core.costs.price import Item, Limit
from shared.core.costs.statements import Statements
from shared.core.costs.workload import PhaseLoad, billed, by_dataset, scans, tables_of
from shared.core.policy.batches import start_topic
from shared.core.policy.transitions import Messages, Publication, Step
from shared.core.wire.bodies import Body
from tests.core.build import POLICY
from tests.deploy.world import manifest
from tests.validation.fixtures import VALIDATION

PRICES = load_prices()
MONTH = Month(POLICY, deployment_of(manifest(), POLICY), gate_sql(POLICY))
sizes = st.integers(1, 3000)


def test_the_reference_pipeline_has_three_runs_a_day() -> None:
    """Runs, members, links and times as the policy file has them; the disabled processor is not there."""
    night, same_day, tomorrow = MONTH.runs
    assert [phase.members for phase in night.phases] == [5, 5, 5, 1, 1]
    assert [phase.links for phase in night.phases] == [1, 2, 2, 2, 1]
    assert (night.opens, night.closes) == (5 * 60, 16 * 60)
    assert (same_day.completions, tomorrow.completions) == (11, 11)
    assert [transition.messages for transition in night.transitions] == [1, 5, 1, 1]
    assert [transition.queries for transition in night.transitions] == [1, 3, 2, 1]


def test_what_is_deployed_is_what_the_manifest_says() -> None:
    """Nine functions, nine jobs, a sweep a minute, six validations and one report a day."""
    deployment = MONTH.deployment
    assert (deployment.functions, deployment.jobs, deployment.topics, deployment.secrets) == (9, 9, 12, 4)
    assert (deployment.sweeps, deployment.reports) == (1440, 1)
    assert deployment.validations == dict.fromkeys(
        ("post_overnight", "pre_game_prep", "midday", "pre_game_final", "post_game", "overnight"), 1.0
    )
    assert (deployment.receiver.cpu, deployment.receiver.memory_gib, deployment.validator.memory_gib) == (1, 0.5, 1)


def test_a_policy_with_batches_is_given_all_that_the_manifest_declares() -> None:
    """The policy in force has batches: their function counts, and all topics of the manifest and of dead letters."""
    of = manifest()
    deployment = deployment_of(of, of.policy)
    assert (deployment.functions, deployment.jobs, deployment.topics) == (10, 9, 14)
    assert (deployment.functions, deployment.topics) == (len(of.functions), len(of.topics) + 1)


def test_a_batch_counts_once_something_starts_it() -> None:
    """A policy that only declares a batch has none of it in its month; one line of policy, and each mode has one. A
    wider pipeline has wider batches; outcomes are written at the pace of their requests."""
    declared = manifest().policy
    assert batch_loads(declared) == ()
    starting = declared.transitions["phase4_to_phase5"]
    step = Step(Publication(start_topic("nba"), Messages.ONE), Body({"batch": "predictions"}))
    switched = replace(starting, dispatch=replace(starting.dispatch, steps=(step,)))
    policy = replace(declared, transitions={**declared.transitions, "phase4_to_phase5": switched})
    [load] = batch_loads(policy)
    assert (load.runs, load.members, load.pages) == (3, HABITS.members, 3)
    month = replace(MONTH, policy=policy, batch_loads=(load,))
    bare = replace(month, batch_loads=())
    assert month.batches[0].messages == 300 + 2 * 9 + 291 + 2
    assert month.grown(width=4).batches[0].members == 4 * HABITS.members
    wider = demand_of(month)[Limit.SEQUENTIAL_WRITES] - demand_of(bare)[Limit.SEQUENTIAL_WRITES]
    assert wider == policy.batches["predictions"].request.per_second
    assert all(month.used[item] >= bare.used[item] for item in Item)
    assert month.used[Item.CARRIED] > bare.used[Item.CARRIED]


@given(size=sizes)
def test_pipelines_cost_in_proportion_where_nothing_is_free(size: int) -> None:
    """So many pipelines cost so many times as much: they share nothing but what is free."""
    grown = bill(by_pipelines(MONTH)(size), PRICES, free=False).total
    assert grown == pytest.approx(size * bill(MONTH, PRICES, free=False).total)


def crowds(month: Month) -> list[bool]:
    """Return of each phase whether its completions are read as those of a crowd."""
    return [phase.members > FAN_IN_ABOVE for run in month.runs for phase in run.phases]


def wide(month: Month) -> list[bool]:
    """Return of each run whether it is read by a digest."""
    return [run.completions >= DIGESTED_FROM for run in month.runs]


@given(small=sizes, more=sizes)
@example(small=7, more=4)
@example(small=10, more=1)
def test_growth_never_costs_less_nor_asks_less(small: int, more: int) -> None:
    """In either direction: every charge and what is asked of every quota, but for what many of a kind are asked of at
    once: a phase that has become a crowd is read once, a run that has become wide by its digest, and rows of many
    tables are counted in their metadata."""
    for grow in (by_pipelines(MONTH), by_width(MONTH)):
        month, other = grow(small), grow(small + more)
        read_otherwise = (wide(month), crowds(month)) != (wide(other), crowds(other))
        less = {Item.SCANNED} | ({Item.READS} if read_otherwise else set())
        assert all(other.used[item] >= month.used[item] for item in set(Item) - less)
        saved = {Limit.COLD_OPERATIONS} if crowds(month) != crowds(other) else set()
        assert all(demand_of(other)[limit] >= demand_of(month)[limit] for limit in set(Limit) - saved)


@given(members=st.integers(1, FAN_IN_ABOVE))
def test_a_narrow_phase_is_read_again_by_each_completion(members: int) -> None:
    """The k-th completion reads k reports."""
    assert PhaseLoad("p", members, 2, members).reads == sum(range(1, members + 1))


@given(members=st.integers(FAN_IN_ABOVE + 1, 5000))
def test_a_wide_phase_costs_each_completion_the_same(members: int) -> None:
    """Three reads each, however many there are."""
    assert PhaseLoad("p", members, 2, members).reads == 3 * members - 1


def test_a_phase_that_nobody_waits_for_is_not_read() -> None:
    """The last phase's reports are looked at one by one."""
    assert PhaseLoad("p", 40, 1, 0).reads == 0


@pytest.mark.parametrize("grow", [by_pipelines(MONTH), by_width(MONTH)], ids=["pipelines", "width"])
def test_a_quota_is_reached_at_the_least_size_that_exceeds_it(grow: object) -> None:
    """At that size more is asked than there is, at one less it is not; the first of all stands first."""
    assert callable(grow)
    crossings = reached(grow, PRICES)
    for crossing in crossings:
        if crossing.size is None:
            continue
        assert demand_of(grow(crossing.size))[crossing.limit] > PRICES.quotas[crossing.limit].limit
        assert (
            crossing.size == 1
            or demand_of(grow(crossing.size - 1))[crossing.limit] <= PRICES.quotas[crossing.limit].limit
        )
    crossing_sizes = [crossing.size for crossing in crossings if crossing.size is not None]
    assert crossing_sizes == sorted(crossing_sizes)
    head = first(crossings)
    assert head is not None
    assert head.size == crossing_sizes[0]


def test_the_one_document_that_is_written_most_is_the_lock() -> None:
    """No growth reaches the write rate of a document: a completion's is its own (behaviour D2)."""
    crossing_sizes = {crossing.limit: crossing.size for crossing in reached(by_width(MONTH), PRICES)}
    assert crossing_sizes[Limit.DOCUMENT_WRITES] is None


def test_a_bill_is_the_sum_of_its_charges() -> None:
    """The largest first; nothing costs most where nothing costs anything."""
    invoice = bill(MONTH.grown(pipelines=100), PRICES)
    assert invoice.total == pytest.approx(sum(charge.usd for charge in invoice.charges))
    assert invoice.largest == invoice.charges[0]
    free = {item: replace(price, usd=0.0) for item, price in PRICES.prices.items()}
    assert bill(MONTH, replace(PRICES, prices=free)).largest is None


def test_habits_that_ask_less_cost_less() -> None:
    """The calendar once an hour, runs looked at when they are due, rows from metadata: each cuts what it should."""
    assert POLICY.calendar is not None
    hourly = replace(MONTH, policy=replace(POLICY, calendar=replace(POLICY.calendar, read_every=timedelta(hours=1))))
    each = replace(MONTH, policy=replace(POLICY, calendar=replace(POLICY.calendar, read_every=None)))
    assert hourly.queries["calendar"][0] < each.queries["calendar"][0] / 4
    often = replace(MONTH, habits=replace(HABITS, look_minutes=1.0))
    assert MONTH.parts["sweeps"].reads < often.parts["sweeps"].reads / 4
    wide, wider = MONTH.grown(width=40), MONTH.grown(width=80)
    assert wider.queries["baseline"] == wide.queries["baseline"]
    assert MONTH.queries["baseline"][1] > len(MONTH.runs)


def test_operations_of_a_run_are_those_of_its_completions() -> None:
    """One night: two writes for each report, the run's too, and for each transition its claim, steps, confirmation."""
    night = MONTH.runs[0]
    steps = sum(len(transition.dispatch.steps) for transition in POLICY.transitions.values())
    assert of_deliveries(night).writes == 2 * night.completions + 2 * len(night.transitions) + steps


def test_tables_are_counted_once_a_statement() -> None:
    """However often it names them, and not what stands in no table."""
    assert scans("SELECT 1 FROM `a.b` JOIN `c.d` ON `x` = `y`", "SELECT 2 FROM `a.b`") == 2


def test_a_backticked_column_is_no_table() -> None:
    """Names of tables have a dataset; a column between two of them, and what stands between two columns, is none."""
    sql = "SELECT `game_date` FROM `raw.a` WHERE a.`game_date` = b.`game_date` AND `own-project.raw.b`.x > 1.5"
    assert scans(sql) == 2


def test_of_many_tables_of_a_dataset_the_metadata_is_billed() -> None:
    """Each dataset for itself: 25 of one are billed as one, 19 of another as 19; what a pipeline widens by lies beside
    what is there."""
    assert billed((25, 19)) == 1 + 19
    assert by_dataset(["raw.a", "raw.b", "other.c"], 10) == (20, 10)
    wide = MONTH.grown(width=25)
    gates = {name: asked for name, asked in wide.queries.items() if name == "gates"}
    assert gates["gates"][1] < 40 < sum(t.row_tables for run in wide.runs for t in run.transitions)


def test_a_check_of_the_days_of_every_table_grows_by_metadata() -> None:
    """Of a wide pipeline its statement names the calendar; one that asks more of every table would name them all."""
    every = sum(by_dataset(tables_of(POLICY), 25))
    asked = Statements(POLICY, MONTH.deployment, MONTH.runs, 25, HABITS)
    check = VALIDATION.checks["completeness_14d"]
    assert asked._named(check) == 2
    assert asked._named(replace(check, days=0)) == 2 + every
    assert Statements(POLICY, MONTH.deployment, MONTH.runs, 1, HABITS)._named(check) == 2 + len(tables_of(POLICY))


def test_calls_at_once_share_what_is_billed() -> None:
    """An instance is billed while it handles a call at all: a quiet function's calls meet nobody, those of a thousand
    pipelines share as many as Cloud Run gives an instance; one call at a time shares nothing."""
    machine = MONTH.deployment.receiver
    second = 60.0  # a month, of one pipeline
    assert MONTH._shared(machine, second) == pytest.approx(second, rel=1e-4)
    many = replace(MONTH, pipelines=1_000_000, deployments=1)
    assert many._shared(machine, second) == pytest.approx(second / (KEPT_BUSY * machine.concurrency))
    assert many._shared(replace(machine, concurrency=1), second) == pytest.approx(second)
    some = [replace(MONTH, pipelines=n, deployments=1)._shared(machine, second) * n for n in range(1, 200_000, 9_999)]
    assert some == sorted(some)
    assert replace(MONTH, pipelines=1000)._shared(machine, second) == MONTH._shared(machine, second)
    assert MONTH._shared(machine, 0.0) == 0.0
