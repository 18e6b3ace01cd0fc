"""The ordinary report is judged on a short way, which comes to what the whole table of behaviour R6 says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.core.decision import completeness
from shared.core.decision.completeness import NEVER, Completeness, completeness_of
from shared.core.decision.fold import apply_report
from shared.core.model import Completion, Outcome, Report
from shared.core.policy.phases import Need
from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from tests.core.build import DAY, PHASE3, T0, TO4
from tests.policy_files import NBA
from tests.random_nights.parallel import several_loaders, single_loaders

POLICIES = {"one loader": single_loaders(policy_in(NBA)), "several loaders": several_loaders(policy_in(NBA), Need.ANY)}
records = st.sampled_from([None, 0, 13, 70])
OFTEN = (Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SKIPPED)
reports = st.builds(
    Report,
    message_id=st.uuids().map(str),
    phase=st.just("phase3"),
    processor=st.sampled_from(PHASE3),
    outcome=st.sampled_from([*OFTEN, *Outcome]),
    occurred_at=st.integers(0, 40).map(lambda minutes: T0 + timedelta(minutes=minutes)),
    received_at=st.integers(0, 40).map(lambda minutes: T0 + timedelta(minutes=minutes)),
    records=records,
    expected_records=st.sampled_from([None, 0]),
    source=st.sampled_from(["", "", "TeamOffenseFirstLoader"]),
)


def judged(policy: Policy, completions: dict[str, Completion], units: int | None, **given: object) -> Completeness:
    return completeness_of(policy.demanded[TO4, "overnight"](DAY, units), completions, units, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", POLICIES)
# What differs is shown as it was drawn: to make it small takes minutes.
@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    arrived=st.lists(reports, min_size=4, max_size=20),
    units=st.sampled_from([None, 0, 1, 7]),
    held=st.dictionaries(st.sampled_from(PHASE3), records, max_size=5),
    carried=st.none() | st.dictionaries(st.sampled_from(PHASE3), records, max_size=5),
    partial_is_done=st.booleans(),
    whole_from=st.sampled_from([None, None, None, NEVER, T0 + timedelta(minutes=20)]),
)
def test_the_short_way_says_what_the_table_says(
    name: str,
    arrived: list[Report],
    units: int | None,
    held: dict[str, int | None],
    carried: dict[str, int | None] | None,
    partial_is_done: bool,
    whole_from: object,
) -> None:
    """Any reports in any order, tables read or not, before a trigger and after it: status, clock and what is asked."""
    policy, completions = POLICIES[name], dict[str, Completion]()
    for report in arrived:
        completions[report.processor] = apply_report(completions.get(report.processor), report)
    rows = {policy.awaited[TO4][processor].table or "": count for processor, count in held.items()}
    asked = {"rows": rows, "carried": carried, "partial_is_done": partial_is_done, "whole_from": whole_from}
    short = judged(policy, completions, units, **asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completeness, "_suffices", lambda report, floor: False)
        assert judged(policy, completions, units, **asked) == short


def test_the_short_way_is_taken() -> None:
    """A success with enough records goes it, or without a number; what says that nothing was to be done does not."""
    report = Report("m", "phase3", PHASE3[0], Outcome.SUCCESS, T0, T0, records=70)
    assert completeness._suffices(report, 70)
    assert completeness._suffices(replace(report, records=None), 70)
    assert not completeness._suffices(report, 71)
    assert not completeness._suffices(replace(report, records=None, expected_records=0), None)
    assert not completeness._suffices(replace(report, outcome=Outcome.PARTIAL), 70)
