"""The objectives on the page, in the report and in /metrics: the same numbers, as the sweep measured them and as the
record has them."""

from __future__ import annotations

import re
from datetime import timedelta

from shared.app.state.measured import read_measured
from shared.core.objectives.budget import ObjectiveStatus
from shared.core.policy.objectives import ObjectiveKind
from shared.simulation.scenario import FaultKind
from tests.health.scenario_states import LeftByDemo, ask
from tests.health.test_metrics_answer import read, value


def measured(left: LeftByDemo) -> dict[ObjectiveKind, ObjectiveStatus]:
    kept = read_measured(left.ctx)
    assert kept is not None
    return {status.kind: status for status in kept.objectives}


def test_page_report_and_metrics_say_the_same(morning: LeftByDemo) -> None:
    """Of a single night there is too little to judge; what was counted is shown all the same."""
    statuses = measured(morning)
    page = ask("/").get_data(as_text=True)
    section = page[page.index('id="objectives"') : page.index("</section>", page.index('id="objectives"'))]
    assert section.count('<th scope="row">') == len(statuses) == 3
    families = read()
    for kind, status in statuses.items():
        assert f"{status.tally.total - status.tally.bad} of {status.tally.total}" in section
        assert value(families, "orch_objective_events", objective=kind.value) == status.tally.total
        assert value(families, "orch_objective_bad_events", objective=kind.value) == status.tally.bad
        assert value(families, "orch_objective_goal_ratio", objective=kind.value) == status.objective.goal / 100
        assert value(families, "orch_objective_burning", objective=kind.value, severity="critical") == (
            status.burn is not None
        )
    judged = {kind.value for kind, status in statuses.items() if status.judged}
    family = families.get("orch_objective_budget_left_ratio")
    assert {sample.labels["objective"] for sample in (family.samples if family else ())} == judged


def test_the_report_measures_anew(morning: LeftByDemo) -> None:
    """It is made once a day, and asks the record: three hours later due times have passed that the page does not know
    of. Fewer than twenty events are not judged."""
    morning.wait(3 * 60 * 60)
    report = ask("/report").json
    before = measured(morning)[ObjectiveKind.TRIGGERED_BY_DUE]
    [after] = [each for each in report["objectives"] if each["objective"] == "triggered_by_due"]
    assert 20 > after["events"] > before.tally.total
    assert after["verdict"] == "too_few_events"
    assert after["at"] > before.at.isoformat()
    for objective in report["objectives"]:
        assert f"Objective {objective['text']}" in report["text"]
        assert re.search(r"\(goal [\d.]+ %\)", objective["text"])


def test_a_record_that_is_away_leaves_the_page_as_it_is(morning: LeftByDemo) -> None:
    """The page reads what the sweep kept; the report names what it could not read."""
    morning.fail("warehouse", FaultKind.UNAVAILABLE)
    assert 'id="objectives"' in ask("/").get_data(as_text=True)
    report = ask("/report").json
    assert report["objectives"] is None
    assert any(line.startswith("objectives: ") for line in report["could_not_read"])


def test_measured_a_while_ago_is_said(morning: LeftByDemo) -> None:
    """Its age is a metric, so that an alert can be made of it."""
    before = value(read(), "orch_objective_measured_age_seconds")
    morning.wait(3600)
    assert value(read(), "orch_objective_measured_age_seconds") == before + timedelta(hours=1).total_seconds()
