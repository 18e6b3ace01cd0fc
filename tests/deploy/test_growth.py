"""The page on growth and the README say what the cost model says now.

Write the page anew with ``UPDATE_SNAPSHOTS=1 pytest tests/deploy/test_growth.py`` and read the diff.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from shared.adapters.config.policy_file import load_policy
from shared.app.sweep.sweep import TIME_LIMIT
from shared.core.costs.cost import bill, by_pipelines, by_width, first, reached
from shared.core.costs.price import Limit
from shared.core.limits.requests import INSERT_ROWS
from tests.app.handlers_kit import HandlersKit
from tests.deploy.figures_page import assert_fresh
from tests.deploy.growth import CHANGES, COMPLETIONS, PIPELINES, PRICES, calculated, figures
from tests.emulators.server import ROOT
from tests.policy_files import PRODUCTION

PAGE = ROOT / "deploy" / "GROWTH.md"


def test_the_figures_of_the_page_are_the_models() -> None:
    """Between the two marks stands what the model yields, to the last digit."""
    assert_fresh(PAGE, figures())


def test_what_is_to_be_changed_first_is_what_the_model_says() -> None:
    """Each change of the page saves something, and the claims around the tables hold."""
    million = calculated(PIPELINES, COMPLETIONS)
    habits, totals = million.habits, []
    for _, change in CHANGES:
        habits = replace(habits, **change)
        totals.append(bill(replace(million, habits=habits), PRICES, free=False).total)
    saved = [before - after for before, after in pairwise(totals)]
    assert min(saved) > 0
    assert saved == sorted(saved, reverse=True), "the page lists the changes in the order of the money"
    limits = [first(reached(grow(calculated()), PRICES)) for grow in (by_pipelines, by_width)]
    assert [limit.limit for limit in limits if limit is not None] == [Limit.DATABASES, Limit.TABLES_IN_QUERY]


def test_the_page_names_the_limits_of_the_code() -> None:
    """A sweep's time and the rows of one insert stand on the page as they stand in the code."""
    text = " ".join(PAGE.read_text().split())
    assert f"sweep, which stops after {TIME_LIMIT.seconds} s, is sharded" in text
    assert f"in requests of up to {INSERT_ROWS};" in text


def test_the_readme_shows_what_the_command_prints() -> None:
    """Every line that the README shows of `bin/orch cost` is printed by it."""
    text = (ROOT / "README.md").read_text()
    shown = re.search(r"^\$ bin/orch cost\n((?:[^`$].*\n)+)```", text, re.MULTILINE)
    assert shown is not None
    _, printed = HandlersKit(policy=load_policy(PRODUCTION)).orch("cost")
    lines = [line for line in shown[1].splitlines() if line != "..."]
    assert len(lines) > 2
    assert [line for line in lines if line not in printed.splitlines()] == []
