"""The figures of deploy/GROWTH.md, made from the cost model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from deploy.prices_file import load_prices
from shared import runtime
from shared.cli.cost import month_of
from shared.core.batches.load import batch_loads
from shared.core.costs.cost import bill, by_pipelines, by_width, reached
from shared.core.costs.demand import demand_of
from shared.core.costs.month import Month
from shared.core.costs.price import DAYS, Item, Limit
from tests.emulators.server import ROOT

POLICY = ROOT / "config" / "nba.yaml"
SIZES = (1, 10, 100, 1000)
PIPELINES, COMPLETIONS = 1000, 1000
TOGETHER = (1000, 10_000)
# One after the other, each on top of those before it.
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as it is", {}),
    ("state and record are compared once a day", {"comparisons_a_day": 1.0}),
)
BEYOND = 100_000
MEMBERS = (300, 3_000, 30_000)
OF_A_DATABASE = (Limit.DOCUMENT_WRITES, Limit.SEQUENTIAL_WRITES, Limit.COLD_OPERATIONS)
OF_A_PIPELINE = (Limit.TABLES_IN_QUERY,)

PRICES = load_prices()


def calculated(pipelines: int = 1, completions: int | None = None) -> Month:
    """Return a month of the reference policy; no context stays behind in this process."""
    with runtime.override_context(runtime.from_environment({})):
        return month_of(POLICY, PRICES, pipelines, completions)


def figures() -> str:
    """Return the tables as they stand between the marks."""
    reference, million = calculated(), calculated(PIPELINES, COMPLETIONS)
    return "\n\n".join(
        (
            f"USD a month, list prices of {PRICES.region} on {PRICES.taken}, after what is free:",
            _table(("pipelines like this one", "completions a day", "USD", "mostly"), map(_size(reference), SIZES)),
            "The same pipelines on one deployment, with one database, nothing free:",
            _table(
                ("pipelines", "completions a day of each", "USD", "reads a day", "mostly"), _shared(reference, million)
            ),
            "What they ask of the quotas of one project and one database at their busiest, where it is half of one or "
            "more:",
            _table(
                (
                    "quota",
                    "limit",
                    *(f"{size:,} x {month.completions:,}" for size, month in _of_one(reference, million)),
                ),
                _quotas_of_one(reference, million),
            ),
            f"{PIPELINES:,} pipelines of {million.completions:,} completions a day, each deployed by itself, "
            f"{million.pipelines * million.completions:,} in all, nothing free:",
            _table(
                ("change, on top of those above it", "USD", "reads a day", "TiB scanned", "mostly"), _changes(million)
            ),
            f"What those {PIPELINES:,} ask of the quotas at their busiest, unchanged, and the projects it takes:",
            _table(("quota", "asked", "limit", "projects"), _quotas(million)),
            "What batches add a month, one in each of three runs a day, nothing free:",
            _table(
                ("members of each", "USD", "reads a day", "writes a day", "mostly"), map(_batches(reference), MEMBERS)
            ),
            "The first quotas that growth meets:",
            _table(("quota", "by pipelines", "by one pipeline that widens"), _reached(reference)),
        )
    )


def _size(reference: Month) -> Callable[[int], tuple[str, ...]]:
    def row(size: int) -> tuple[str, ...]:
        month = reference.grown(pipelines=size)
        made = bill(month, PRICES)
        assert made.largest is not None
        mostly = f"{made.largest.item.value} {made.share(made.largest):.0%}"
        return f"{size:,}", f"{size * reference.completions:,}", f"{made.total:,.2f}", mostly

    return row


def _of_one(reference: Month, million: Month) -> list[tuple[int, Month]]:
    """Return pipelines on one deployment, ordinary and large ones."""
    each = (reference, replace(million, pipelines=1))
    return [(size, replace(month, pipelines=size, deployments=1)) for month in each for size in TOGETHER]


def _shared(reference: Month, million: Month) -> Iterable[tuple[str, ...]]:
    for size, month in _of_one(reference, million):
        made = bill(month, PRICES, free=False)
        assert made.largest is not None
        reads, mostly = month.used[Item.READS] / DAYS / 1e6, f"{made.largest.item.value} {made.share(made.largest):.0%}"
        yield f"{size:,}", f"{month.completions:,}", f"{made.total:,.0f}", f"{reads:,.1f} million", mostly


def _quotas_of_one(reference: Month, million: Month) -> Iterable[tuple[str, ...]]:
    demands = [demand_of(month) for _, month in _of_one(reference, million)]
    for limit, quota in PRICES.quotas.items():
        if limit not in OF_A_PIPELINE and max(demand[limit] for demand in demands) >= quota.limit / 2:
            yield quota.unit, f"{quota.limit:,.0f}", *(f"{demand[limit]:,.0f}" for demand in demands)


def _batches(reference: Month) -> Callable[[int], tuple[str, ...]]:
    def row(members: int) -> tuple[str, ...]:
        with_batches = replace(reference, batch_loads=batch_loads(reference.policy, members))
        before, made = bill(reference, PRICES, free=False), bill(with_batches, PRICES, free=False)
        usd = {charge.item: charge.usd for charge in before.charges}
        added = {charge.item: charge.usd - usd[charge.item] for charge in made.charges}
        mostly = max(added, key=lambda item: added[item])
        reads, writes = with_batches.parts["batches"].reads, with_batches.parts["batches"].writes
        total = made.total - before.total
        return (
            f"{members:,}",
            f"{total:,.2f}",
            f"{reads:,.0f}",
            f"{writes:,.0f}",
            f"{mostly.value} {added[mostly] / total:.0%}",
        )

    return row


def _changes(month: Month) -> Iterable[tuple[str, ...]]:
    habits = month.habits
    for what, change in CHANGES:
        habits = replace(habits, **change)
        changed = replace(month, habits=habits)
        made = bill(changed, PRICES, free=False)
        assert made.largest is not None
        reads, scanned = changed.used[Item.READS] / DAYS / 1e6, changed.used[Item.SCANNED] / 1024
        mostly = f"{made.largest.item.value} {made.share(made.largest):.0%}"
        yield what, f"{made.total:,.0f}", f"{reads:,.1f} million", f"{scanned:,.0f}", mostly


def _quotas(month: Month) -> Iterable[tuple[str, ...]]:
    for limit, demand in demand_of(month).items():
        quota = PRICES.quotas[limit]
        if limit in OF_A_DATABASE:
            projects = "any: of one pipeline's database"
        elif limit in OF_A_PIPELINE:
            projects = "any: of one pipeline's query"
        else:
            projects = str(ceil(demand / quota.limit))
        yield quota.unit, f"{demand:,.3g}" if demand < 1000 else f"{demand:,.0f}", f"{quota.limit:,.0f}", projects


def _reached(month: Month) -> Iterable[tuple[str, ...]]:
    wide = {crossing.limit: crossing.size for crossing in reached(by_width(month), PRICES)}
    for crossing in reached(by_pipelines(month), PRICES):
        sizes = [size for size in (crossing.size, wide[crossing.limit]) if size is not None and size <= BEYOND]
        if sizes:
            yield PRICES.quotas[crossing.limit].unit, _at(crossing.size), _at(wide[crossing.limit])


def _at(size: int | None) -> str:
    return "never" if size is None else f"{size:,} times" if size <= BEYOND else f"past {BEYOND:,} times"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
