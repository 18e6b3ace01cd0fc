"""What the cost model takes from the manifest: how often a schedule fires, and what another pipeline would get."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cron import cron_error, times_a_day
from deploy.scale import deployment_of, gate_sql
from shared.adapters.config.policy_file import load_policy
from tests.deploy.test_everything import SHOP
from tests.deploy.world import checkout, load_checkout, manifest
from tests.emulators.server import ROOT


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("* * * * *", 1440),
        ("0 6 * * *", 1),
        ("*/15 * * * *", 96),
        ("0 6,18 * * *", 2),
        ("5-9 8-17 * * *", 50),
        ("5/20 0 * * *", 3),
        ("0 6 * * mon-fri", 5 / 7),
        ("0 6 * * 0,7", 1 / 7),
        ("0 6 1 * *", 1 / 30),
        ("0 6 * jan *", 1 / 12),
    ],
)
def test_how_often_a_line_fires(text: str, times: float) -> None:
    """On the mean of a year, in days of a month of 30."""
    assert cron_error(text) is None
    assert times_a_day(text) == pytest.approx(times)


def test_another_pipeline_has_a_function_for_each_of_its_transitions() -> None:
    """One transition: its function and the three that every pipeline has; its topics and the one for dead letters."""
    policy = load_policy(ROOT / "tests" / "pipelines" / "minimal.yaml")
    deployment = deployment_of(manifest(), policy)
    jobs = [schedule for schedule in manifest().schedules.values() if schedule.calls != "workflow_controller"]
    assert (deployment.functions, deployment.topics, deployment.jobs) == (4, 4, len(jobs))
    assert gate_sql(policy) == {}


def test_the_functions_of_the_reference_pipeline_are_the_manifests() -> None:
    """What is calculated for its policy is what the manifest deploys."""
    deployment = deployment_of(manifest(), manifest().policy)
    assert deployment.functions == len(manifest().functions)
    assert deployment.topics == len(manifest().topics) + 1


def test_a_pipeline_pays_for_what_is_its_own(tmp_path: Path) -> None:
    """Beside another one it costs as much as alone; that one has the schedules, secrets and topics of its files."""
    both = load_checkout(checkout(tmp_path / "checkout", SHOP))
    assert deployment_of(both, both.policy) == deployment_of(manifest(), manifest().policy)
    [shop] = both.others
    deployment = deployment_of(both, shop)
    assert deployment.validations.keys() >= {"morning", "midday"}
    assert (deployment.validations["midday"], deployment.secrets) == (1, 11)
    assert deployment.topics == len([topic for topic in both.topics if topic.startswith("shop-")]) + 1
