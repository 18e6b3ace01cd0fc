"""`orch cost`: what a month costs at list prices, what growth costs, and which quota it meets first."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.manifest_file import load_manifest
from deploy.prices_file import load_prices
from deploy.scale import deployment_of, gate_sql
from shared import runtime
from shared.cli.entry import table
from shared.cli.shell import print_json
from shared.core.batches.load import batch_loads
from shared.core.costs.cost import Bill, Reached, bill, by_pipelines, by_width, first, reached
from shared.core.costs.month import Month
from shared.core.costs.operations import HABITS, OPERATIONS
from shared.core.costs.price import DAYS, PriceList
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy
from shared.core.texts import amount
from shared.core.validation.checks import Validation
from shared.core.workflows.load import workflow_load
from shared.entrypoints.validation import own_checks
from shared.entrypoints.workflows import workflows_beside

SIZES = (10, 100, 1000)


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(cost)


def cost(
    policy: Annotated[Path | None, typer.Argument(help="A policy file; without it the one in force.")] = None,
    size: Annotated[list[int] | None, typer.Option(min=2, help="Compare with so many times the size.")] = None,
    pipelines: Annotated[int, typer.Option(min=1, help="So many pipelines alike.")] = 1,
    deployments: Annotated[int | None, typer.Option(min=1, help="On so many; without it each has its own.")] = None,
    completions: Annotated[int | None, typer.Option(min=1, help="A day and pipeline; without it as expected.")] = None,
    members: Annotated[int | None, typer.Option(min=1, help="Of each batch, started or not; without it 300.")] = None,
    days: Annotated[int, typer.Option(min=0, max=DAYS, help="Days of the month that have units.")] = DAYS,
    no_free: Annotated[bool, typer.Option("--no-free", help="As if nothing were free.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Calculate what a month costs, beside 10, 100 and 1,000 times its size, and which quota is reached first.

    Needs no credentials and no state: policy, checks, deploy/functions.yaml and deploy/prices.yaml say it all.

    Example: orch cost --pipelines 1000 --completions 1000 --deployments 1
    """
    prices = load_prices()
    month = replace(month_of(policy, prices, pipelines, completions, days, members), deployments=deployments)
    sizes = tuple(dict.fromkeys((1, *(size or SIZES))))
    if as_json:
        print_json(document(month, prices, sizes, free=not no_free))
        return
    typer.echo(shown(month, prices, sizes, free=not no_free))
    if prices.unconfirmed:
        typer.echo(f"orch: not confirmed for {prices.region}: {', '.join(prices.unconfirmed)}", err=True)


def month_of(
    path: Path | None,
    prices: PriceList,
    pipelines: int = 1,
    completions: int | None = None,
    days: int = DAYS,
    members: int | None = None,
) -> Month:
    """Return the month of a policy; raise ``PolicyError`` if one of the files is wrong.

    Batches that a transition starts have as many members as is assumed; with ``members`` all that are declared count.
    """
    policy = runtime.context().policy if path is None else runtime.policy_in(path)
    # The age of the runtime is the deploy script's affair, so the manifest is judged as of the prices' day.
    deployment = deployment_of(load_manifest(today=prices.taken), policy)
    workflows = workflows_beside(policy)
    load = None if workflows is None else workflow_load(workflows, deployment.ticks, policy.calendar)
    month = Month(policy, deployment, gate_sql(policy), _checks(policy), pipelines, days=days, workflows=load)
    month = replace(month, batch_loads=batch_loads(policy, members))
    if completions is None:
        return month
    return replace(month, width=completions / month.completions)


def _checks(policy: Policy) -> Validation | None:
    """Return the checks that belong to a policy, None where those in force belong to another pipeline."""
    try:
        return own_checks(replace(runtime.contexts()[0], policy=policy))
    except PolicyError as wrong:
        if wrong.key != "pipeline":
            raise
        typer.echo(f"orch: no checks of {policy.pipeline}: {wrong.path} is another pipeline's", err=True)
        return None


def shown(month: Month, prices: PriceList, sizes: tuple[int, ...], *, free: bool) -> str:
    """Return everything as text."""
    return "\n\n".join(
        (
            _head(month, prices, free=free),
            _charges(bill(month, prices, free=free), prices),
            _growth(month, prices, sizes, free=free),
            _quotas(month, prices),
        )
    )


def _head(month: Month, prices: PriceList, *, free: bool) -> str:
    day = [(month.completions, "completion"), (month.triggers, "trigger"), (len(month.runs), "run")]
    each = ", ".join(f"{number:,} {what}{'' if number == 1 else 's'}" for number, what in day)
    what = f"{each} and {month.deployment.sweeps:,.0f} sweeps a day, {month.days} days with units"
    if month.workflows is not None:
        what += f", {month.workflows.runs:,.0f} runs of workflows with {month.workflows.calls:,.0f} calls"
    if month.batches:
        batches, members = (
            sum(batch.runs for batch in month.batches),
            sum(batch.runs * batch.members for batch in month.batches),
        )
        what += f", {batches:,.0f} batches with {members:,.0f} members"
    many = (
        ""
        if month.pipelines == 1
        else f", {month.pipelines:,} such pipelines on {amount(month.deployed, 'deployment')}"
    )
    of_when = f"list prices of {prices.taken}, {'after' if free else 'without'} what is free"
    return f"{month.policy.pipeline}: {what}{many}\nUSD a month, {prices.region}, {of_when}"


def _charges(month_bill: Bill, prices: PriceList) -> str:
    rows = []
    for charge in month_bill.charges:
        price = prices.prices[charge.item]
        rows.append(
            (charge.item.value, f"{_number(charge.used)} {price.unit}", f"{_number(price.free)}", _usd(charge.usd))
        )
    rows.append(("total", "", "", _usd(month_bill.total)))
    return table(("charge", "used", "free", "USD"), rows)


def _growth(month: Month, prices: PriceList, sizes: tuple[int, ...], *, free: bool) -> str:
    rows = []
    for size in sizes:
        cells = []
        for grow in (by_pipelines(month), by_width(month)):
            made = bill(grow(size), prices, free=free)
            cells += [_usd(made.total), _mostly(made)]
        rows.append((f"{size:,} x", *cells))
    return table(("size", "pipelines", "mostly", "one, wider", "mostly"), rows)


def _mostly(made: Bill) -> str:
    return "" if made.largest is None else f"{made.largest.item.value} {made.share(made.largest):.0%}"


def _quotas(month: Month, prices: PriceList) -> str:
    many, wide = reached(by_pipelines(month), prices), reached(by_width(month), prices)
    wider = {crossing.limit: crossing for crossing in wide}
    rows = []
    for crossing in many:
        quota = prices.quotas[crossing.limit]
        at = (_at(crossing), _at(wider[crossing.limit]))
        rows.append((crossing.limit.value, f"{crossing.asked:,.3g}", _number(quota.limit), *at, quota.unit))
    listed = table(("quota", "asked", "limit", "pipelines", "one, wider", "unit"), rows)
    return f"{listed}\n\nreached first: by pipelines {_first(many, prices)}; by one that widens {_first(wide, prices)}"


def _at(crossing: Reached) -> str:
    return "never" if crossing.size is None else "now" if crossing.size == 1 else f"{crossing.size:,} x"


def _first(crossings: tuple[Reached, ...], prices: PriceList) -> str:
    earliest = first(crossings)
    if earliest is None:
        return "none"
    quota = prices.quotas[earliest.limit]
    return f"{quota.limit:,.0f} {quota.unit} ({'soft' if quota.soft else 'fixed'}): {_at(earliest)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _usd(value: float) -> str:
    return f"{value:,.2f}"


def document(month: Month, prices: PriceList, sizes: tuple[int, ...], *, free: bool) -> dict[str, Any]:
    """Return everything as plain data, the assumptions too."""
    made = bill(month, prices, free=free)
    growing = {"pipelines": by_pipelines(month), "width": by_width(month)}
    quotas = {name: reached(grow, prices) for name, grow in growing.items()}
    return {
        "schema_version": 1,
        "pipeline": month.policy.pipeline,
        "currency": "USD",
        "region": prices.region,
        "taken": prices.taken.isoformat(),
        "unconfirmed": prices.unconfirmed,
        "after_free": free,
        "day": {
            "pipelines": month.pipelines,
            "deployments": month.deployed,
            "runs": len(month.runs),
            "completions": month.completions,
            "triggers": month.triggers,
            "sweeps": month.deployment.sweeps,
            "operations": {name: asdict(part) for name, part in month.parts.items()},
            "queries": {name: {"statements": n, "tables": tables} for name, (n, tables) in month.queries.items()},
        },
        "days": month.days,
        **_bill(made),
        "charges": {charge.item.value: {"used": charge.used, "usd": round(charge.usd, 4)} for charge in made.charges},
        "growth": {
            name: [{"size": size, **_bill(bill(grow(size), prices, free=free))} for size in sizes]
            for name, grow in growing.items()
        },
        "quotas": {
            name: [
                {"quota": crossing.limit.value, "asked": crossing.asked, "reached_at": crossing.size}
                for crossing in crossings
            ]
            for name, crossings in quotas.items()
        },
        "assumptions": {
            "operations": {unit.value: asdict(operations) for unit, operations in OPERATIONS.items()},
            **asdict(HABITS),
        },
    }


def _bill(made: Bill) -> dict[str, Any]:
    largest = made.largest
    return {
        "total": round(made.total, 4),
        "largest": None if largest is None else largest.item.value,
        "share": None if largest is None else round(made.share(largest), 4),
    }
