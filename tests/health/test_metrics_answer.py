"""`/metrics` as a Prometheus server asks for it: read by the client library's own parser of OpenMetrics, checked by
promtool, and true of the night that the stores hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from werkzeug.test import TestResponse

from shared import runtime
from shared.app.context import Context
from shared.core.reporting.metrics import METRICS
from tests.functions.entry import FUNCTIONS, ROOT, client
from tests.health.scenario_states import LeftByDemo, left_by
from tests.health.test_ready import EMBEDDED

OPENMETRICS = "application/openmetrics-text"
# What Prometheus 2.42 sends (prometheus/prometheus, scrape/scrape.go, `scrapeAcceptHeader`).
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMTOOL = shutil.which("promtool")


def scrape(query: str = "", accept: str = PROMETHEUS, method: str = "GET") -> TestResponse:
    return client("health_check").open(f"/metrics{query}", method=method, headers={"Accept": accept})


def read(query: str = "") -> dict[str, Metric]:
    answer = scrape(query)
    assert answer.status_code == 200
    return {family.name: family for family in openmetrics(answer.get_data(as_text=True))}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    [sample] = [
        sample for family in families.values() for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]  # fmt: skip
    return float(sample.value)


def test_the_numbers_are_those_of_the_night(morning: LeftByDemo) -> None:
    """The second tier of 08:02 waited an hour; nothing was handed off by completeness; one is open, its fourth phase
    confirmed; no sweep looked since the night ended, and one is due."""
    families = read()
    of = {"pipeline": "nba", "transition": "phase4_to_phase5"}
    assert value(families, "orch_runs", state="open", mode="overnight", lane="live") == 1
    assert value(families, "orch_transitions", **of, mode="overnight", state="confirmed") == 1
    assert value(families, "orch_transition_wait_seconds_gsum", **of) == 3600
    assert value(families, "orch_transition_handoff_seconds_gcount", **of) == 0
    assert value(families, "orch_breaker_position", breaker="record", orch_breaker_position="closed") == 1
    before = value(families, "orch_sweep_overdue_seconds")
    morning.wait(60)
    assert value(read(), "orch_sweep_overdue_seconds") == before + 60


def test_it_is_answered_in_the_format_that_is_asked_for(morning: LeftByDemo) -> None:
    """OpenMetrics where it is accepted, the text format 0.0.4 otherwise; both hold the same metrics."""
    new, old = scrape(), scrape(accept="*/*")
    assert new.headers["Content-Type"].startswith(f"{OPENMETRICS}; version=1.0.0")
    assert old.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert new.get_data(as_text=True).endswith("# EOF\n")
    numbers = [
        Counter(
            (sample.name.removesuffix("_total"), *sorted(sample.labels.items()))
            for family in each
            for sample in family.samples
        )
        for each in (openmetrics(new.get_data(as_text=True)), plain(old.get_data(as_text=True)))
    ]
    assert numbers[0] == numbers[1]
    assert set(numbers[0].values()) == {1}


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        (f"{OPENMETRICS}; version=x", OPENMETRICS),
        (f"{OPENMETRICS};q=0, text/plain", "text/plain"),
        (f"text/plain, {OPENMETRICS} ; q=0.1", OPENMETRICS),
        ("", "text/plain"),
        ("application/json", "text/plain"),
    ],
)
def test_an_odd_accept_header_is_answered(morning: LeftByDemo, accept: str, type_: str) -> None:
    """None of them is an error: a scraper that is answered with 500 sees nothing at all."""
    answer = scrape(accept=accept)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(type_)


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the path: Debian's package prometheus has it")
@pytest.mark.parametrize("scenario", ["B8_tier_two_by_the_clock", "batch_whose_last_three_report_at_once"])
def test_promtool_finds_nothing_to_say(scenario: str) -> None:
    """Names, units and types follow the conventions that `promtool check metrics` knows."""
    with left_by(scenario):
        text = scrape(accept="text/plain").get_data(as_text=True)
    checked = subprocess.run(
        [PROMTOOL or "", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the path: Debian's package prometheus has it")
def test_promtool_can_say_no() -> None:
    """A counter without `_total` is told."""
    text = "# HELP orch_x x\n# TYPE orch_x counter\norch_x 1\n"
    checked = subprocess.run(
        [PROMTOOL or "", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode != 0


def test_what_cannot_be_read_is_said_and_the_rest_is_there(morning: LeftByDemo) -> None:
    """Without the store the answer is still 200: a scraper learns which parts are away from the metrics themselves."""
    morning.fail("state")
    families = read()
    parts = {sample.labels["part"]: sample.value for sample in families["orch_part_readable"].samples}
    assert parts.pop("workflows") == 1  # this context knows no workflows, so that nothing is read of them
    assert parts.pop("batches") == 1  # nor has the policy batches
    assert set(parts.values()) == {0}
    assert set(families) == {"orch_part_readable", "orch_window_seconds"}


@pytest.mark.parametrize(
    ("query", "method", "status"), [("?run=x", "GET", 400), ("?pipeline=x", "GET", 400), ("", "POST", 405)]
)
def test_a_wrong_question_is_refused(morning: LeftByDemo, query: str, method: str, status: int) -> None:
    """With a hint, as any other path of the function does."""
    answer = scrape(query, method=method)
    assert answer.status_code == status
    assert answer.json["hint"]


def test_a_head_has_no_body(morning: LeftByDemo) -> None:
    """It may be asked whether it is there."""
    assert scrape(method="HEAD").status_code == 200


class Counted:
    """A store that counts how often it is asked."""

    def __init__(self, store: Any) -> None:
        self._store, self.calls = store, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **given: Any) -> Any:
            self.calls[name] += 1
            return method(*args, **given)

        return call


def test_an_answer_asks_the_store_nine_times_however_much_there_is() -> None:
    """And once more for each batch of the policy; neither the warehouse nor the record is asked."""
    with left_by("K8_all_star_break") as left:
        ports = left.ctx.ports
        store = Counted(ports.store)
        counted = replace(left.ctx, ports=OnlyStore(store, ports.clock))
        with runtime.override_context(counted):
            families = read()
    assert sum(store.calls.values()) <= 9 + len(left.ctx.policy.batches)
    assert set(store.calls) <= {"get", "query", "count", "between"}
    assert value(families, "orch_part_readable", part="runs") == 1


class OnlyStore:
    """Ports of which store and clock are there: whoever asks for another one fails."""

    def __init__(self, store: Any, clock: Any) -> None:
        self.store, self.clock = store, clock


def test_several_pipelines_are_one_answer(morning: LeftByDemo) -> None:
    """Each series is labelled by its pipeline; `?pipeline=NAME` narrows it down."""
    other = renamed(morning.ctx, "wnba")
    with runtime.override_context(morning.ctx, other):
        assert pipelines(read()) == {"nba", "wnba"}
        assert pipelines(read("?pipeline=wnba")) == {"wnba"}
        assert value(read(), "orch_runs", pipeline="wnba", mode="overnight", lane="live", state="open") == 0


def renamed(ctx: Context, name: str) -> Context:
    return replace(ctx, policy=replace(ctx.policy, pipeline=name))


def pipelines(families: dict[str, Metric]) -> set[str]:
    return {sample.labels["pipeline"] for family in families.values() for sample in family.samples}


def test_every_metric_is_there_under_its_name() -> None:
    """After a night with a batch each metric has a series that needs neither a workflow, nor an objective that was
    judged, nor a table that a close changes."""
    with left_by("batch_whose_last_three_report_at_once"):
        names = set(read())
    assert {metric.name for metric in METRICS} - names == {
        "orch_workflow_runs", "orch_workflow_duration_seconds", "orch_objective_budget_left_ratio",
        "orch_lock_waited_seconds",
    }  # fmt: skip


LOADED = """
import functions_framework, sys
client = functions_framework.create_app("main", sys.argv[1]).test_client()
for path in ("/health", "/metrics"):
    status = client.get(path).status_code
    print(status, *(name in sys.modules for name in ("prometheus_client", "shared.core.reporting.metrics")))
"""


def test_the_library_is_loaded_for_whom_metrics_are_made(tmp_path: Path) -> None:
    """A cold start for anything else does not pay for it."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORCH_HOME": str(tmp_path), **EMBEDDED}
    command = [sys.executable, "-c", LOADED, str(FUNCTIONS / "health_check" / "main.py")]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in answer.stdout.splitlines() if not line.startswith("{")]
    assert lines == ["200 False False", "200 True True"]
