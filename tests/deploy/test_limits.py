"""The page of limits says what the table says now, and the table says what is so.

Write the page anew with ``UPDATE_SNAPSHOTS=1 pytest tests/deploy/test_limits.py`` and read the diff.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.manifest_file import load_manifest
from shared.core.costs.price import Limit
from shared.core.limits.documented import COSTED, OWN, Ceiling
from shared.core.limits.table import _ASKED, CROWD, Front, QuotaStatus, Use
from tests.deploy.figures_page import assert_fresh
from tests.deploy.limits_page import PRICES, calculated, closing_by_statement, figures, of_sizes, statuses
from tests.emulators.server import ROOT

PAGE = ROOT / "deploy" / "LIMITS.md"
MANIFEST = load_manifest(today=PRICES.taken)
PUBSUB_LONGEST = timedelta(seconds=600)


def test_the_figures_of_the_page_are_the_tables() -> None:
    """Between the two marks stands what policy, manifest and model yield, to the last digit."""
    assert_fresh(PAGE, figures())


def test_every_peak_is_calculated() -> None:
    """No row without its calculation, none twice; what is asked never falls as pipelines are added."""
    assert {ceiling.name for ceiling in OWN} == set(_ASKED)
    assert set(COSTED) == set(Limit)
    listed = [uses for _, uses in of_sizes(*calculated())]
    names = [use.ceiling.name for use in listed[0]]
    assert len(names) == len(set(names)) == len(OWN) + len(Limit)
    for together in zip(*listed, strict=True):
        asked = [use.asked for use in together]
        assert asked == sorted(asked)
        assert min(asked) >= 0


def test_one_pipeline_passes_nothing() -> None:
    """Of one pipeline only a crowd in one go waits."""
    states = statuses(of_sizes(*calculated())[0][1])
    assert {name for name, status in states.items() if status is not QuotaStatus.FITS} == {"pushed_at_once"}


def test_a_governor_holds_what_is_asked_of_it() -> None:
    """A thousand batches on one table are held to fifteen statements at once and 1,300 a day; without the governor
    they would pass the quota."""
    month, front = calculated()
    of_a_thousand = of_sizes(closing_by_statement(month), front)[-1][1]
    by_name = {use.ceiling.name: use for use in of_a_thousand}
    for name, asked, held in (("statements_at_once", 1000, 15), ("statements_a_day", 3000, 1300)):
        use = by_name[name]
        assert (use.asked, use.ceiling.holds, use.status) == (asked, held, QuotaStatus.WAITS)
        assert Use(replace(use.ceiling, holds=None), use.asked).status is QuotaStatus.PASSES


@pytest.mark.parametrize("ceiling", OWN, ids=lambda ceiling: ceiling.name)
def test_a_governor_stays_below_its_quota(ceiling: Ceiling) -> None:
    """What is held to is never more than what is documented."""
    assert ceiling.holds is None or ceiling.holds <= ceiling.limit


@pytest.mark.parametrize("row", [*OWN, *COSTED.values()], ids=lambda row: getattr(row, "name", row.governor))
def test_what_a_row_names_is_there(row: Ceiling) -> None:
    """Its file, and its test by name."""
    assert (ROOT / row.where).is_file()
    path, _, name = row.test.partition("::")
    functions = ast.walk(ast.parse((ROOT / path).read_text()))
    assert name in {function.name for function in functions if isinstance(function, ast.FunctionDef)}


@pytest.mark.parametrize("row", [*OWN, *COSTED.values()], ids=lambda row: getattr(row, "name", row.governor))
def test_what_is_not_driven_says_why(row: Ceiling) -> None:
    """A load test on an emulator, or the reason why there is none; never both, never neither."""
    assert row.test.startswith("tests/emulators/") is not bool(row.undriven)


def test_an_instance_takes_no_more_than_it_has_threads() -> None:
    """functions-framework serves four threads for each CPU: what a function with less than its concurrency is sent
    beyond them waits inside, where nobody backs off."""
    for function in MANIFEST.functions.values():
        assert function.concurrency <= max(1, 4 * function.cpu), function.folder


def test_a_push_is_answered_before_it_counts_as_refused() -> None:
    """Timeout below deadline, deadline and back-off within what Pub/Sub takes, at every function that is pushed to."""
    for function in MANIFEST.functions.values():
        if function.push is not None:
            assert function.timeout < function.push.ack_deadline <= PUBSUB_LONGEST
            assert function.push.min_backoff < function.push.max_backoff <= PUBSUB_LONGEST


def test_use_stands_at_its_bounds() -> None:
    """What is asked may be as much as is documented, or as the governor lets through."""
    plain = Ceiling("x", 10, "x", "", "", "", "", "")
    held = replace(plain, holds=5.0)
    assert [Use(plain, asked).status for asked in (10, 10.1)] == [QuotaStatus.FITS, QuotaStatus.PASSES]
    assert [Use(held, asked).status for asked in (5, 5.1, 11)] == [
        QuotaStatus.FITS,
        QuotaStatus.WAITS,
        QuotaStatus.WAITS,
    ]


def test_a_crowd_is_more_than_the_manifest_takes_at_once() -> None:
    """Else the load test of a crowd would drive nothing."""
    assert isinstance(calculated()[1], Front)
    assert calculated()[1].places < CROWD
