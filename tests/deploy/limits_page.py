"""The tables of deploy/LIMITS.md, made from the policy, the manifest and the cost model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deploy.prices_file import load_prices
from shared import runtime
from shared.cli.limits import SIZES, WORDS, advice, busiest, number
from shared.core.costs.month import Month
from shared.core.limits.table import Front, QuotaStatus, Use, uses
from shared.core.policy.batches import CloseStep, Query
from tests.emulators.server import ROOT

POLICY = ROOT / "config" / "nba.yaml"
MERGE = ROOT / "config" / "batches" / "merge.sql"
PRICES = load_prices()
STATEMENTS = ("statements_at_once", "statements_in_ten_seconds", "statements_a_day")


def calculated() -> tuple[Month, Front]:
    """Return the month of the reference policy; no context stays behind in this process."""
    with runtime.override_context(runtime.from_environment({})):
        return busiest(POLICY)


def of_sizes(month: Month, front: Front) -> list[tuple[int, tuple[Use, ...]]]:
    return [(size, uses(replace(month, pipelines=size, deployments=1), PRICES, front)) for size in SIZES]


def closing_by_statement(month: Month) -> Month:
    """Return the month of a policy whose batches close by a statement, all on one table."""
    step = CloseStep(sql=Query("batches/merge.sql", MERGE.read_text()))
    batches = {name: replace(batch, on_close=(step,)) for name, batch in month.policy.batches.items()}
    return replace(month, policy=replace(month.policy, batches=batches))


def figures() -> str:
    """Return what stands between the marks."""
    month, front = calculated()
    listed = of_sizes(month, front)
    closing = [
        (size, tuple(use for use in uses if use.ceiling.name in STATEMENTS))
        for size, uses in of_sizes(closing_by_statement(month), front)
    ]
    return "\n\n".join(
        (
            _table(listed),
            "What waits, and what passes:",
            _advised(listed),
            "Where the batches of all pipelines close by a statement on the same table:",
            _table(closing),
            "What keeps us under each, and the test that shows it:",
            _governors(listed[0][1]),
        )
    )


def _table(listed: Sequence[tuple[int, tuple[Use, ...]]]) -> str:
    rows = []
    for together in zip(*(column for _, column in listed), strict=True):
        ceiling = together[0].ceiling
        holds = "" if ceiling.holds is None else number(ceiling.holds)
        asked = (number(use.asked) + WORDS[use.status] for use in together)
        unit = f"[{ceiling.unit}]({ceiling.source})"
        rows.append((f"`{ceiling.name}`", unit, number(ceiling.limit), holds, *asked))
    return _lines(("quota", "documented", "limit", "held to", *(f"{size:,}" for size, _ in listed)), rows)


def _advised(listed: Sequence[tuple[int, tuple[Use, ...]]]) -> str:
    return "\n".join(f"- {line}" for line in advice(listed) if line)


def _governors(uses: tuple[Use, ...]) -> str:
    rows = (
        (
            f"`{use.ceiling.name}`",
            use.ceiling.governor,
            f"`{use.ceiling.where}`",
            f"`{use.ceiling.test}`",
            use.ceiling.undriven or "yes",
        )
        for use in uses
    )
    return _lines(("quota", "governor", "where", "test", "driven on an emulator"), list(rows))


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    shown = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in shown)


def statuses(uses: tuple[Use, ...]) -> dict[str, QuotaStatus]:
    return {use.ceiling.name: use.status for use in uses}
