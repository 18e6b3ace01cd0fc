"""`orch limits`: each documented quota, what is asked of it, and what keeps us under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.front import front_of
from deploy.manifest_file import load_manifest
from deploy.prices_file import load_prices
from shared.cli.cost import month_of
from shared.cli.entry import table
from shared.cli.shell import print_json
from shared.core.costs.month import Month
from shared.core.costs.operations import HABITS
from shared.core.limits.table import Front, QuotaStatus, Use, uses

SIZES = (1, 100, 1000)
WORDS = {QuotaStatus.FITS: "", QuotaStatus.WAITS: " waits", QuotaStatus.PASSES: " passes"}
PASSED = 1


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(limits)


def limits(
    policy: Annotated[Path | None, typer.Argument(help="A policy file; without it the one in force.")] = None,
    pipelines: Annotated[
        list[int] | None, typer.Option(min=1, help="So many pipelines alike; without it 1, 100 and 1,000.")
    ] = None,
    deployments: Annotated[int, typer.Option(min=1, help="On so many, each with a database.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Compare each documented quota with what pipelines ask of it at their busiest, and say what keeps them under it.

    Needs no credentials and no state. What waits is held back by a governor of ours and comes later; what passes is
    not, and a line below the table says what to do. Status 1: the last number of pipelines passes a quota.

    Example: orch limits --pipelines 1000 --deployments 10
    """
    sizes = tuple(dict.fromkeys(pipelines or SIZES))
    listed = [(size, of_size(policy, size, deployments)) for size in sizes]
    if as_json:
        print_json(document(listed))
    else:
        typer.echo(shown(listed))
    if any(use.status is QuotaStatus.PASSES for use in listed[-1][1]):
        raise typer.Exit(PASSED)


def of_size(path: Path | None, size: int, deployments: int = 1) -> tuple[Use, ...]:
    """Return what so many pipelines ask of each quota; raise ``PolicyError`` if one of the files is wrong."""
    month, front = busiest(path)
    return uses(replace(month, pipelines=size, deployments=min(size, deployments)), load_prices(), front)


def busiest(path: Path | None) -> tuple[Month, Front]:
    """Return a month of one pipeline in which every batch that is declared runs, and what feeds its functions."""
    prices = load_prices()
    month = month_of(path, prices, members=int(HABITS.members))
    return month, front_of(load_manifest(today=prices.taken))


def shown(listed: Sequence[tuple[int, tuple[Use, ...]]]) -> str:
    """Return everything as text: the table, then what to do about each quota that is passed or held to."""
    head = ("quota", "limit", "held to", *(f"{size:,}" for size, _ in listed), "unit")
    rows = []
    for together in zip(*(asked_of for _, asked_of in listed), strict=True):
        ceiling = together[0].ceiling
        holds = "" if ceiling.holds is None else number(ceiling.holds)
        asked = (number(use.asked) + WORDS[use.status] for use in together)
        rows.append((ceiling.name, number(ceiling.limit), holds, *asked, ceiling.unit))
    return "\n".join([table(head, rows), *advice(listed)])


def advice(listed: Sequence[tuple[int, tuple[Use, ...]]]) -> list[str]:
    """Return a line for each quota that does not suffice, from the least number of pipelines on: what to do."""
    lines: dict[str, str] = {}
    for size, asked_of in listed:
        for use in asked_of:
            if use.status is not QuotaStatus.FITS:
                first = f"{use.ceiling.name} {use.status.value} from {size:,} on: {use.ceiling.advice}"
                lines.setdefault(f"{use.ceiling.name} {use.status.value}", first)
    return ["", *lines.values()] if lines else []


def number(value: float) -> str:
    """Return a number as it is shown: whole ones with their thousands, small ones with two figures."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def document(listed: Sequence[tuple[int, tuple[Use, ...]]]) -> dict[str, Any]:
    """Return everything as plain data."""
    items = []
    for together in zip(*(asked_of for _, asked_of in listed), strict=True):
        ceiling = together[0].ceiling
        items.append(
            {
                "quota": ceiling.name,
                "limit": ceiling.limit,
                "unit": ceiling.unit,
                "source": ceiling.source,
                "soft": ceiling.soft,
                "held_to": ceiling.holds,
                "governor": ceiling.governor,
                "where": ceiling.where,
                "test": ceiling.test,
                "undriven": ceiling.undriven,
                "advice": ceiling.advice,
                "asked": [
                    {"pipelines": size, "asked": use.asked, "status": use.status.value}
                    for (size, _), use in zip(listed, together, strict=True)
                ],
            }
        )
    return {"schema_version": 1, "items": items}
