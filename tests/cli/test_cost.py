"""`orch cost`: figures on standard output, talk on standard error, from files alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.core.costs.price import Item, Limit
from tests.app.handlers_kit import HandlersKit
from tests.emulators.server import ROOT
from tests.policy_files import PRODUCTION

MINIMAL = str(ROOT / "tests" / "pipelines" / "minimal.yaml")


def orch(*argv: str) -> tuple[int, str]:
    return HandlersKit().orch("cost", *argv)


def document(*argv: str) -> dict[str, Any]:
    status, output = orch("--json", *argv)
    assert status == 0, output
    # What is said on standard error comes first: of another pipeline, that it has no checks.
    estimate: dict[str, Any] = json.loads(output[output.index("{") :])
    return estimate


def test_it_needs_neither_credentials_nor_state(tmp_path: Path) -> None:
    """From an empty folder, next to no environment: status 0, data on stdout, talk on stderr, nothing written."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-P", "-m", "shared.cli.main", "cost"]
    answer = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("nba: 40 completions, 13 triggers, 3 runs and 1,440 sweeps a day")
    assert "reached first: by pipelines 100 Firestore databases in a project (soft): 101 x" in answer.stdout
    assert answer.stderr.startswith("orch: not confirmed for us-west2: ")
    assert list(tmp_path.iterdir()) == []


def test_the_month_stands_beside_larger_ones() -> None:
    """Without options 10, 100 and 1,000 times the size in both directions, what costs most of each, and every quota."""
    estimate = document()
    for growth in estimate["growth"].values():
        assert [entry["size"] for entry in growth] == [1, 10, 100, 1000]
        totals = [entry["total"] for entry in growth]
        assert totals == sorted(totals)
        assert growth[-1]["largest"] in {item.value for item in Item}
    assert set(estimate["charges"]) == {item.value for item in Item}
    for quotas in estimate["quotas"].values():
        assert {quota["quota"] for quota in quotas} == {limit.value for limit in Limit}
    assert estimate["assumptions"]["operations"]["completion"]["writes"] == 1


def test_sizes_are_the_callers() -> None:
    """--size, as often as wanted, beside the month itself."""
    estimate = document("--size", "5", "--size", "7")
    assert [entry["size"] for entry in estimate["growth"]["width"]] == [1, 5, 7]


def test_pipelines_and_completions_are_the_callers() -> None:
    """A thousand pipelines of a thousand completions a day each are a million; what a project holds is exceeded now."""
    estimate = document("--pipelines", "1000", "--completions", "1000")
    assert estimate["day"]["pipelines"] * estimate["day"]["completions"] == pytest.approx(1_000_000, rel=0.01)
    now = [entry["quota"] for entry in estimate["quotas"]["pipelines"] if entry["reached_at"] == 1]
    assert {"databases", "services", "schedules"} <= set(now)


def test_what_is_free_is_left_out_on_request() -> None:
    """--no-free costs more, and by exactly what was free."""
    assert document("--no-free")["total"] > document()["total"]
    assert document("--no-free")["charges"]["firestore_reads"]["usd"] > 0
    assert document()["charges"]["firestore_reads"]["usd"] == 0


def test_days_without_units_cost_sweeps_only() -> None:
    """A month in which nothing is played: no completions, and the jobs and sweeps all the same."""
    idle, busy = document("--days", "0"), document()
    assert idle["charges"]["pubsub_carried"]["used"] == 0
    assert 0 < idle["charges"]["firestore_reads"]["used"] < busy["charges"]["firestore_reads"]["used"]
    assert idle["charges"]["scheduler_jobs"] == busy["charges"]["scheduler_jobs"]


def test_members_of_batches_are_the_callers() -> None:
    """Three runs a day have the batch that the policy declares: counted with --members although nothing starts it, and
    each member costs a request, a report and a document that is kept for a time."""
    with_batches = str(PRODUCTION)
    without = document(with_batches)
    few, many = (document(with_batches, "--members", members) for members in ("100", "300"))
    assert without["day"]["operations"]["batches"]["writes"] == 0
    assert 0 < without["day"]["operations"]["batch_looks"]["reads"] < without["day"]["sweeps"]
    more = {name: many["charges"][name]["used"] - few["charges"][name]["used"] for name in many["charges"]}
    assert more["firestore_writes"] >= 200 * 3 * 30 * 0.97
    assert more["firestore_deletes"] == pytest.approx((200 * 0.97 + 4) * 3 * 30, rel=0.01)
    assert more["run_requests"] == pytest.approx(200 * 0.97 * 3 * 30 * 1.01, rel=0.01)
    assert more["pubsub_carried"] > 0
    assert more["scheduler_jobs"] == 0


def test_another_pipeline_is_reckoned_too() -> None:
    """A policy file by name; the checks in force belong to another pipeline, which is said."""
    status, output = orch(MINIMAL)
    assert status == 0
    assert "orch: no checks of weather: " in output
    assert "weather: 3 completions, 1 trigger, 1 run and 1,440 sweeps a day" in output


@pytest.mark.parametrize("argv", [["--size", "1"], ["--days", "31"], ["--pipelines", "0"], ["no/such.yaml"]])
def test_a_wrong_call_is_refused(argv: list[str]) -> None:
    """Exit status 2 and a hint."""
    status, output = orch(*argv)
    assert (status, "hint:" in output) == (2, True), output
