"""`orch diff`: what changed from one run to another, or since a date: policy, code, and how they came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.reporting.run_facts import run_facts
from shared.cli.entry import table
from shared.cli.run_arguments import key_of
from shared.cli.shell import NOT_FOUND, REFUSED, USAGE, Json, date_in, fail, print_json, today
from shared.core import commands
from shared.core.calendar import day_of
from shared.core.model import RunKey
from shared.core.reporting.run_diff import Difference, RunFacts, changed_keys, differences


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(diff)


def diff(
    before: Annotated[str, typer.Argument(help="A run id, a date, `yesterday`.")],
    after: Annotated[
        str | None, typer.Argument(help="The same of what came later; without it the runs that are worked on today.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="The policy file of before, as the repository kept it: its keys are compared with those in force."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what changed: the policy and the code that decided, and how each transition came out. Of two dates the runs
    of each mode are compared.

    Example: orch diff 2026-01-14 2026-01-21
    Example: orch diff nba/2026-01-20/overnight nba/2026-01-21/overnight --policy nba-of-last-week.yaml
    """
    ctx = runtime.context()
    pairs = _pairs(ctx, before, after)
    facts = run_facts(ctx, [key for pair in pairs for key in pair])
    compared = [(facts[first], facts[second]) for first, second in pairs if first in facts and second in facts]
    if not compared:
        lacking = ", ".join(key.id for pair in pairs for key in pair if key not in facts)
        raise fail(NOT_FOUND, f"there is no run {lacking}", f"the runs there are: {commands.line('runs', 'list')}")
    keys = [] if policy is None else _keys(ctx, policy, [first for first, _ in compared])
    listed = [(first, second, differences(first, second)) for first, second in compared]
    if as_json:
        print_json(
            {
                "runs": [
                    {"before": first.status.key.id, "after": second.status.key.id, "differences": _data(changes)}
                    for first, second, changes in listed
                ],
                "policy_keys": None if policy is None else _data(keys),
            }
        )
        return
    for first, second, changes in listed:
        _print(f"{first.status.key.id} to {second.status.key.id}", changes, "nothing differs")
    if policy is not None:
        _print(f"{policy} to {ctx.policy.source}", keys, "no key differs")


def _pairs(ctx: Context, before: str, after: str | None) -> list[tuple[RunKey, RunKey]]:
    """Return the runs to compare: two that are named, or of two dates those of each mode."""
    if "/" in before:
        if after is None or "/" not in after:
            raise fail(USAGE, "a run is compared with another run", "name the ids of two runs")
        return [(key_of(ctx, before), key_of(ctx, after))]
    if after is not None and "/" in after:
        raise fail(USAGE, "a date is compared with a date", "name two dates, or the ids of two runs")
    first = date_in(ctx, before)
    return [(_run(ctx, first, mode), _run(ctx, _last(ctx, after, mode), mode)) for mode in ctx.policy.modes]


def _last(ctx: Context, after: str | None, mode: str) -> date:
    return day_of(ctx.policy.modes[mode], today(ctx)) if after is None else date_in(ctx, after)


def _run(ctx: Context, day: date, mode: str) -> RunKey:
    return RunKey(ctx.policy.pipeline, day, mode)


def _keys(ctx: Context, path: Path, before: Sequence[RunFacts]) -> list[Difference]:
    """Return the keys that differ from the policy in force; exit 4 for a file that decided none of these runs."""
    of_before = runtime.policy_in(path)
    fingerprints = {facts.policy for facts in before if facts.policy}
    if fingerprints and of_before.version not in fingerprints:
        decided = ", ".join(sorted(fingerprints))
        raise fail(
            REFUSED,
            f"{path} is policy {of_before.version}, and what came before was decided by {decided}",
            "name the file of that day: git show REVISION:config/NAME.yaml",
        )
    return changed_keys(runtime.policy_values(path), runtime.policy_values(Path(ctx.policy.source)))


def _data(changes: Sequence[Difference]) -> list[dict[str, str]]:
    return [asdict(change) for change in changes]


def _print(title: str, changes: Sequence[Difference], none: str) -> None:
    typer.echo(title if changes else f"{title}: {none}")
    if changes:
        rows = [(f"  {change.what}", change.before, change.after) for change in changes]
        typer.echo(table(("  what", "before", "after"), rows))
