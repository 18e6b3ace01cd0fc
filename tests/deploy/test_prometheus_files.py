"""Rules and dashboard for Prometheus as files: they speak of what /metrics says, promtool and Grafana's own types
accept them, and a Prometheus server that scrapes /metrics has something to draw in each panel."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import yaml
from grafana_foundation_sdk.cog import encoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from deploy.manifest import ROOT
from shared.adapters.openmetrics import exposition
from shared.core.reporting.metrics import METRICS, families
from tests.deploy.full_metrics import everything
from tests.local_server import closed_port

FOLDER = ROOT / "deploy" / "observability" / "prometheus"
RULES = {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in ("recording", "alerts")}
UNIT_TESTS = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
HINT = "not on the path: Debian's package prometheus has it"
# A metric or a recorded one, and the labels that it is asked by.
SELECTOR = re.compile(r"((?:\w+:)?orch_\w+(?::\w+)?)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def rules_of(name: str) -> list[dict[str, Any]]:
    return [rule for group in RULES[name]["groups"] for rule in group["rules"]]


def panel_queries() -> list[tuple[str, str]]:
    return [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


EXPRESSIONS = [
    *((rule["record"], rule["expr"]) for rule in rules_of("recording")),
    *((rule["alert"], rule["expr"]) for rule in rules_of("alerts")),
    *panel_queries(),
]


@cache
def series() -> dict[str, set[str]]:
    """Return the labels of each series that /metrics has where everything is there to be measured."""
    text, _ = exposition(families([everything()]), "application/openmetrics-text")
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def test_everything_has_a_series() -> None:
    """What the other tests compare with leaves no metric out."""
    names = series().keys()
    assert [metric.name for metric in METRICS if not any(name.startswith(metric.name) for name in names)] == []


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_each_name_is_of_a_metric(title: str, expression: str) -> None:
    """And each label that it is asked or grouped by is one that it has."""
    recorded = {rule["record"]: set[str]() for rule in rules_of("recording")}
    selectors = SELECTOR.findall(re.sub(GROUPED, "", expression))
    assert selectors
    labels: set[str] = set()
    for name, asked in selectors:
        assert name in series().keys() | recorded.keys(), name
        own = series().get(name, set())
        labels |= own
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", asked)) <= own, name
    for group in GROUPED.findall(expression):
        assert set(re.split(r",\s*", group)) <= labels, group


def test_recorded_names_say_their_level() -> None:
    """Prometheus' convention: level, metric, operation; the level is what the expression is grouped by."""
    for rule in rules_of("recording"):
        level, metric, operation = rule["record"].split(":")
        assert metric.startswith("orch_")
        assert operation
        for name in level.split("_"):
            assert name in rule["expr"]


@pytest.mark.skipif(PROMTOOL is None, reason=f"promtool is {HINT}")
def test_promtool_accepts_the_rules() -> None:
    """Syntax, and no rule twice."""
    for name in RULES:
        checked = promtool("check", "rules", f"{name}.yaml")
        assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


@pytest.mark.skipif(PROMTOOL is None, reason=f"promtool is {HINT}")
def test_the_rules_pass_their_unit_tests() -> None:
    """Each alert fires when it should and not before; a test that expects otherwise fails."""
    checked = promtool("test", "rules", "rules_test.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(PROMTOOL is None, reason=f"promtool is {HINT}")
def test_a_changed_rule_fails_its_unit_test(tmp_path: Path) -> None:
    """The unit tests can say no."""
    for name in ("recording.yaml", "rules_test.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    text = (FOLDER / "alerts.yaml").read_text()
    (tmp_path / "alerts.yaml").write_text(
        text.replace("orch_sweep_overdue_seconds > 300", "orch_sweep_overdue_seconds > 900")
    )
    assert promtool("test", "rules", "rules_test.yaml", folder=tmp_path).returncode != 0


def test_each_alert_has_a_unit_test_and_words() -> None:
    """Of every alert a test says when it fires, and its text says what and what to do."""
    tested = json.dumps(UNIT_TESTS)
    for rule in rules_of("alerts"):
        assert rule["alert"] in tested
        assert rule["annotations"].keys() == {"summary", "action"}
        assert "severity" in rule["labels"] if "labels" in rule else "severity" in series()["orch_objective_burning"]


def promtool(*words: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROMTOOL or "", *words], cwd=folder, capture_output=True, text=True, check=False)


def lost(content: Any, kept: Any, path: str = "") -> list[str]:
    """Return the paths of what is not in a copy."""
    if isinstance(content, dict) and isinstance(kept, dict):
        return [
            path_below
            for key, value in content.items()
            for path_below in lost(value, kept.get(key, ...), f"{path}/{key}")
        ]
    if isinstance(content, list) and isinstance(kept, list) and len(content) == len(kept):
        pairs = zip(content, kept, strict=True)
        return [
            path_below for n, (value, other) in enumerate(pairs) for path_below in lost(value, other, f"{path}/{n}")
        ]
    return [] if content == kept else [path]


def by_grafanas_types(content: dict[str, Any]) -> Any:
    """Return a dashboard as Grafana's own types read and write it: what they do not know is lost."""
    register_default_plugins()
    return json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(content)))


def test_grafanas_types_know_every_field() -> None:
    """Read into the types of Grafana's foundation SDK and written back nothing is lost."""
    assert lost(DASHBOARD, by_grafanas_types(DASHBOARD)) == []


@pytest.mark.parametrize(
    "path", [("panels", 0), ("panels", 0, "gridPos"), ("panels", 0, "targets", 0), ("templating", "list", 1)]
)
def test_grafanas_types_find_a_misspelt_field(path: tuple[Any, ...]) -> None:
    """The judge can say no."""
    changed = copy.deepcopy(DASHBOARD)
    place = changed
    for key in path:
        place = place[key]
    place["misspelt"] = 1
    assert lost(changed, by_grafanas_types(changed)) == ["/" + "/".join(map(str, path)) + "/misspelt"]


def test_panels_lie_beside_each_other() -> None:
    """On a grid of 24 columns, each place taken once; each panel has an id of its own and asks the chosen server."""
    cells: list[tuple[int, int]] = []
    for panel in DASHBOARD["panels"]:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        assert x + w <= 24
        cells += [(column, row) for column in range(x, x + w) for row in range(y, y + h)]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == list("ABC"[: len(panel["targets"])])
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@contextmanager
def scraped(folder: Path) -> Iterator[str]:
    """Start a Prometheus server with the rules, which scrapes what /metrics answers each second; yield its address."""
    accepts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            accepts.append(self.headers["Accept"])
            text, content_type = exposition(families([everything()]), self.headers["Accept"])
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    target = f"127.0.0.1:{server.server_address[1]}"
    job = {"job_name": "orchestrators", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    files = [str(FOLDER / f"{name}.yaml") for name in RULES]
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job], "rule_files": files}))
    address = f"127.0.0.1:{closed_port()}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    process = subprocess.Popen(
        [PROMETHEUS or "", *options, f"--web.listen-address={address}"], stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://{address}"
        assert any("application/openmetrics-text" in accept for accept in accepts)
    finally:
        process.terminate()
        process.wait(20)
        server.shutdown()


def query_result(address: str, expression: str) -> list[dict[str, Any]]:
    """Return what an expression yields now; [] while the server is not up."""
    try:
        answer = requests.get(f"{address}/api/v1/query", {"query": expression}, timeout=5).json()
    except requests.ConnectionError:
        return []
    assert answer["status"] == "success", answer
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


@pytest.mark.nightly
@pytest.mark.skipif(PROMETHEUS is None, reason=f"prometheus is {HINT}")
def test_every_panel_has_something_to_draw(tmp_path: Path) -> None:
    """A real server scrapes OpenMetrics from the adapter and evaluates each panel's expression; it loads every rule,
    and has every series that /metrics has."""
    with scraped(tmp_path) as address:
        end = time.monotonic() + 60
        while (
            len(query_result(address, "count_over_time(orch_window_seconds[1m]) > 3")) == 0 and time.monotonic() < end
        ):
            time.sleep(0.5)
        for title, expression in panel_queries():
            filled = expression.replace("$pipeline", ".*")
            values = [float(sample["value"][1]) for sample in query_result(address, filled)]
            assert values, title
            assert all(value == value for value in values), title  # a quantile of nothing is no number
        groups = requests.get(f"{address}/api/v1/rules", timeout=5).json()["data"]["groups"]
        assert sum(len(group["rules"]) for group in groups) == len(rules_of("recording")) + len(rules_of("alerts"))
        names = {sample["metric"]["__name__"] for sample in query_result(address, '{__name__=~"orch_.+"}')}
        assert series().keys() - names == set()
        up = query_result(address, "up")
        assert [sample["value"][1] for sample in up] == ["1"]
