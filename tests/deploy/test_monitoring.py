"""Observability as files: each is what Google's own types accept, and speaks of what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.logging_v2.types import LogMetric
from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.cloud.monitoring_v3 import AlertPolicy, ServiceLevelObjective
from google.protobuf import json_format

from deploy.apply import ApplyFailed, Done, apply
from deploy.manifest import ROOT, Manifest
from deploy.monitoring import rendered
from deploy.plan import plan
from shared.core.model import State
from shared.core.objectives.punctuality import Punctuality
from shared.core.reporting.metrics import PipelineFacts, SweepFacts, key_figures
from shared.core.reporting.open_figures import figure_of, open_figures
from tests.core.build import POLICY, T0
from tests.deploy.test_everything import SHOP
from tests.deploy.world import PLACE, build_info, checkout, load_changed, load_checkout, manifest, project

TYPES: dict[str, Any] = {
    "metrics": LogMetric,
    "alerts": AlertPolicy,
    "slos": ServiceLevelObjective,
    "dashboard.json": Dashboard,
}
FILES = rendered(manifest())
SAME = Done.SAME
DECLARED: dict[str, Any] = yaml.safe_load((ROOT / "deploy/observability/metrics.yaml").read_text())
# An event is logged by its name, or by a prefix and one of the words that the calls pass.
DIRECT = re.compile(r'log\(\s*"([a-z_.]+)"')
BUILT = {"transition": re.compile(r'_log\(\s*ctx,[^"]*"([a-z_]+)"'), "operator": re.compile(r'_told\([^"]*"([a-z_]+)"')}
USER_METRIC = re.compile(r"logging(?:\.googleapis\.com/user/|_googleapis_com:user_)(\w+)")


def logged() -> set[str]:
    """Return the events that the code of the functions logs."""
    events: set[str] = set()
    folders = ("shared/app", "shared/adapters", "shared/entrypoints")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    for path in [*paths, ROOT / "shared/runtime.py"]:
        text = path.read_text()
        events |= set(DIRECT.findall(text))
        events |= {f"{prefix}.{word}" for prefix, calls in BUILT.items() for word in calls.findall(text)}
    return events


def strict(name: str, content: dict[str, Any]) -> Any:
    """Parse a file into Google's type; an unknown field or a wrong enum raises."""
    message = TYPES[name.split("/")[0]]
    return json_format.Parse(json.dumps(content), message.pb(message()))


@pytest.mark.parametrize("name", FILES)
def test_googles_types_accept_it(name: str) -> None:
    """Strictly parsed: every field is known and every value of its kind."""
    assert strict(name, FILES[name]).ByteSize() > 0


@pytest.mark.parametrize(
    "name", ["alerts/no_sweep.json", "slos/hand_off.json", "dashboard.json", "metrics/orch_sweeps.json"]
)
def test_googles_types_find_a_misspelt_field(name: str) -> None:
    """The judge can say no."""
    with pytest.raises(json_format.ParseError):
        strict(name, {**FILES[name], "displayNmae": "x"})


def test_each_metric_counts_an_event_that_the_code_logs() -> None:
    """A renamed event would leave its metric at zero for ever."""
    assert {event for metric in DECLARED.values() for event in metric["events"]} - logged() == set()


def test_each_label_and_each_filter_is_of_a_key_that_is_logged() -> None:
    """A label or a condition on a key that no call passes would match nothing for ever."""
    text = "".join(path.read_text() for path in ROOT.glob("shared/**/*.py") if "simulation" not in path.parts)
    named = {label for metric in DECLARED.values() for label in metric.get("labels", [])}
    named |= {key for metric in DECLARED.values() for key in re.findall(r"jsonPayload\.(\w+)", metric.get("where", ""))}
    assert [key for key in sorted(named) if not re.search(rf"\b{key}=", text)] == []


def test_each_state_of_a_transition_has_a_metric() -> None:
    """One that is added is counted in the line of the sweep at once: without a metric nobody would see it."""
    read = {declaration["value"] for declaration in DECLARED.values() if "sweep.counted" in declaration["events"]}
    assert read == {"runs_open", *map(figure_of, State)} == set(open_figures(POLICY, []))


def test_an_objective_counts_each_transition_once() -> None:
    """By what its trigger, or the end of its run, says of the due time: alerts are told twice, repeated and ended."""
    good, bad = FILES["metrics/orch_due_met.json"], FILES["metrics/orch_due_missed.json"]
    asked = json.dumps(FILES["slos/triggered_by_due.json"])
    assert set(USER_METRIC.findall(asked)) == {"orch_due_met", "orch_due_missed"}
    words = [set(re.findall(r'by_due = [("]([^)]*)[)"]', each["filter"])[0].replace('"', "").split(" OR "))
             for each in (good, bad)]  # fmt: skip
    assert words[0] | words[1] == set(Punctuality)
    assert not words[0] & words[1]
    assert "alert" not in good["filter"] + bad["filter"]


def test_each_value_is_of_a_key_that_the_line_has() -> None:
    """A distribution of a key that no line has would stay empty for ever; its bounds rise."""
    text = "".join(path.read_text() for path in ROOT.glob("shared/app/**/*.py"))
    read = set(key_figures(PipelineFacts(POLICY, T0, [], [], [], 0, {}, {}, SweepFacts(ended_at=T0, due_at=T0))))
    distributions = {name: declaration for name, declaration in DECLARED.items() if "value" in declaration}
    assert len(distributions) > 5
    for name, declaration in distributions.items():
        assert declaration["bounds"] == sorted(set(declaration["bounds"])), name
        if "metrics.read" in declaration["events"]:
            assert declaration["value"] in read, name
        else:
            assert re.search(rf"\b{declaration['value']}=", text), name
        metric = FILES[f"metrics/{name}.json"]
        assert metric["metricDescriptor"]["valueType"] == "DISTRIBUTION"
        assert metric["valueExtractor"] == f"EXTRACT(jsonPayload.{declaration['value']})"


@pytest.mark.parametrize(
    ("key", "value"),
    [("valueExtractor", "EXTRACT(jsonPayload.other)"), ("bucketOptions", {"explicitBuckets": {"bounds": [1]}})],
)
def test_a_distribution_that_was_changed_by_hand_is_brought_back(tmp_path: Path, key: str, value: object) -> None:
    """What makes the numbers of a metric is compared as what it counts is; one that counts lines must have neither."""
    cloud = project(tmp_path)
    list(apply(plan(manifest(), PLACE, build_info()), cloud))
    metrics = cloud.store("metrics")
    [changed] = [metric for metric in metrics.values() if metric["name"] == "orch_handoff_seconds"]
    [counter] = [metric for metric in metrics.values() if metric["name"] == "orch_sweeps"]
    changed[key] = counter[key] = value
    steps = [step.resource.id for step in apply(plan(manifest(), PLACE, build_info()), cloud) if step.done is not SAME]
    assert steps == ["log metric orch_sweeps", "log metric orch_handoff_seconds"]


def test_charts_and_alerts_use_metrics_that_are_declared() -> None:
    """No chart, alert or objective names a log-based metric that nobody makes."""
    used = {name for content in FILES.values() for name in USER_METRIC.findall(json.dumps(content))}
    assert used - DECLARED.keys() == set()
    assert "orch_sweeps" in used


def test_no_name_is_left_open() -> None:
    """Every place holder was filled with the manifest's own names."""
    text = json.dumps(FILES)
    assert re.findall(r"\{[a-z_]+\}", text) == []
    assert manifest().dead_letter.subscription in text


def test_objectives_and_alerts_are_those_that_were_agreed() -> None:
    """Hand-off 99%, due 99%, sweeps 99.9%; backlog 10 minutes, any dead letter, no sweep for 5 minutes."""
    goals = {name.split("/")[1]: content["goal"] for name, content in FILES.items() if name.startswith("slos/")}
    assert goals == {"hand_off.json": 0.99, "triggered_by_due.json": 0.99, "sweep_health.json": 0.999}
    alerts = {
        Path(name).stem: content["conditions"][0] for name, content in FILES.items() if name.startswith("alerts/")
    }
    assert alerts["backlog"]["conditionThreshold"]["thresholdValue"] == 600
    assert alerts["dead_letters"]["conditionThreshold"]["thresholdValue"] == 0
    assert "[5m]" in alerts["no_sweep"]["conditionPrometheusQueryLanguage"]["query"]
    assert alerts["error_rate"]["conditionThreshold"]["thresholdValue"] == 0.05


def test_only_our_own_resources_are_watched() -> None:
    """By name: a service or subscription of others that begins alike raises none of our alerts, and fills no chart."""
    text = json.dumps(FILES)
    assert "starts_with" not in text
    assert "=~" not in re.sub(r"jsonPayload\.\w+ =~", "", text)
    names = {function.name for function in manifest().functions.values()}
    feeds = {
        function.subscription(topic)
        for function in manifest().functions.values()
        if function.push
        for topic in function.push.topics
    }
    filters = [
        expression
        for name, content in FILES.items()
        for expression in _filters(content)
        if not name.startswith("slos/")
    ]
    watched = {
        label: [_named(expression, label) for expression in filters if label in expression]
        for label in ("service_name", "tion_id")
    }
    assert len(watched["service_name"]) == len(DECLARED) + 2 + 3
    assert all(service_names == names for service_names in watched["service_name"])
    assert [
        subscriptions
        for subscriptions in watched["tion_id"]
        if subscriptions not in (feeds, {manifest().dead_letter.subscription})
    ] == []
    assert feeds in watched["tion_id"]


def _filters(content: Any) -> list[str]:
    if isinstance(content, dict):
        own = [value for key, value in content.items() if key in ("filter", "denominatorFilter")]
        return own + [expression for value in content.values() for expression in _filters(value)]
    return [expression for value in content for expression in _filters(value)] if isinstance(content, list) else []


def _named(text: str, label: str) -> set[str]:
    """Return the names that a filter lets a label have."""
    match = re.search(rf'{label}=(?:one_of)?(\([^)]*\)|"[^"]*")', text)
    assert match is not None, text
    return set(re.findall(r'"([^"]+)"', match[1]))


def test_no_sweep_holds_also_where_there_never_was_one() -> None:
    """A condition of absence needs a point to begin with, says its documentation; this one is true of no data at all,
    of zeros, and of a metric that does not exist yet."""
    [condition] = FILES["alerts/no_sweep.json"]["conditions"]
    asked = condition["conditionPrometheusQueryLanguage"]
    assert "conditionAbsent" not in json.dumps(FILES)
    assert asked["disableMetricValidation"] is True
    assert judged_silent(asked["query"], {}) == {"nba"}
    assert judged_silent(asked["query"], {"nba": 0}) == {"nba"}
    assert judged_silent(asked["query"], {"nba": 5}) == set()


def judged_silent(query: str, counted: dict[str, float]) -> set[str]:
    """Return the pipelines of which the query of no_sweep is true, where the sweeps of five minutes are these.

    `a or b` is all of a, and of b what has labels that nothing of a has; label_replace() with empty source and pattern
    gives a label to what has none; sum by () of nothing is nothing.
    """
    inner, limit = re.fullmatch(r"\((.+)\) < ([\d.]+)", query).groups()  # type: ignore[union-attr]
    first, *others = inner.split(" or ")
    assert re.fullmatch(
        r"sum by \(pipeline\) \(increase\(\w+:user_orch_sweeps\{monitored_resource=\"\w+\"\}\[5m\]\)\)", first
    )
    value = dict(counted)
    for other in others:
        zero = re.fullmatch(r'label_replace\(vector\(0\), "pipeline", "([\w-]+)", "", ""\)', other)
        assert zero is not None, other
        value.setdefault(zero[1], 0)
    return {pipeline for pipeline, number in value.items() if number < float(limit)}


def test_the_silence_of_one_pipeline_is_seen(shop: Manifest) -> None:
    """Sweeps of the others do not hide it, even if it was never swept; the incident says whose it is."""
    [condition] = rendered(shop)["alerts/no_sweep.json"]["conditions"]
    query = condition["conditionPrometheusQueryLanguage"]["query"]
    assert judged_silent(query, {"nba": 5}) == {"shop"}
    assert judged_silent(query, {"nba": 5, "shop": 0}) == {"shop"}
    assert judged_silent(query, {"nba": 5, "shop": 4}) == set()
    assert judged_silent(query, {}) == {"nba", "shop"}


def test_what_several_pipelines_log_is_told_apart(shop: Manifest) -> None:
    """Every metric counts the lines of all of them and says whose each is; what is judged of metrics is by pipeline."""
    files = rendered(shop)
    for name, content in files.items():
        assert strict(name, content).ByteSize() > 0
        if name.startswith("metrics/"):
            assert content["labelExtractors"]["pipeline"] == "EXTRACT(jsonPayload.pipeline)"
            assert {"key": "pipeline", "valueType": "STRING"} in content["metricDescriptor"]["labels"]
            assert "jsonPayload.pipeline:*" in content["filter"]
            assert '"nba"' not in content["filter"]
    thresholds = {
        name: aggregation["groupByFields"]
        for name, content in files.items()
        if name.startswith("alerts/")
        for condition in content["conditions"]
        for aggregation in condition.get("conditionThreshold", {}).get("aggregations", [])
        if USER_METRIC.search(json.dumps(condition))
    }
    assert thresholds == {"alerts/alerts_unsent.json": ["metric.labels.pipeline"]}


def test_each_pipeline_has_objectives_of_its_own(shop: Manifest) -> None:
    """A pipeline that is always late would be lost among nine that never are: no filter takes in another's lines."""
    objectives = {name: content for name, content in rendered(shop).items() if name.startswith("slos/")}
    for stem in ("hand_off", "sweep_health", "triggered_by_due"):
        for pipeline, name in (("nba", f"slos/{stem}.json"), ("shop", f"slos/{stem}_shop.json")):
            filters = re.findall(r'metric\.labels\.pipeline=\\"([\w-]+)\\"', json.dumps(objectives[name]))
            metrics = USER_METRIC.findall(json.dumps(objectives[name]))
            assert filters == [pipeline] * len(metrics), name
    assert len({content["displayName"] for content in objectives.values()}) == len(objectives) == 6


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return load_checkout(checkout(tmp_path_factory.mktemp("shop") / "checkout", SHOP))


def test_each_alert_has_its_place_in_the_runbook() -> None:
    """An alert's text leads to its row of deploy/RUNBOOK.md."""
    runbook = (ROOT / "deploy/RUNBOOK.md").read_text()
    for name, content in FILES.items():
        if name.startswith("alerts/"):
            word = re.search(r"\*\*(.+)\*\*", content["documentation"]["content"])
            assert word is not None
            assert f"**{word[1]}**" in runbook, name


def test_every_policy_tells_who_is_named(tmp_path: Path) -> None:
    """After a deploy each alert policy notifies each channel of the manifest: one made here, one made by hand."""
    cloud = project(tmp_path)
    list(apply(plan(with_email(tmp_path), PLACE, build_info()), cloud))
    names = {channel["displayName"]: name for name, channel in cloud.store("channels").items()}
    assert names.keys() == {"on-call", "office"}
    policies = cloud.store("alertPolicies").values()
    assert len(policies) == 5
    assert all(sorted(policy["notificationChannels"]) == sorted(names.values()) for policy in policies)


def test_a_policy_that_is_renewed_still_tells(tmp_path: Path) -> None:
    """gcloud replaces a policy whole when it is given a file, the channels included: they are added anew."""
    cloud = project(tmp_path)
    list(apply(plan(manifest(), PLACE, build_info()), cloud))
    for alert_policy in cloud.store("alertPolicies").values():
        alert_policy["userLabels"] = {}
    changed = [
        step.resource.kind for step in apply(plan(manifest(), PLACE, build_info()), cloud) if step.done is not SAME
    ]
    assert changed == ["alert policy", "alert route"] * 5
    assert all(alert_policy["notificationChannels"] for alert_policy in cloud.store("alertPolicies").values())


def test_a_channel_that_is_made_by_hand_is_asked_for(tmp_path: Path) -> None:
    """Until somebody has made it, a deploy ends there and says what to make."""
    cloud = project(tmp_path)
    cloud.store("channels").clear()
    with pytest.raises(ApplyFailed, match="one notification channel with the display name on-call, enabled"):
        list(apply(plan(manifest(), PLACE, build_info()), cloud))


def test_a_channel_with_another_address_is_mended(tmp_path: Path) -> None:
    """What the manifest says of a channel that it makes holds."""
    cloud, declared = project(tmp_path), with_email(tmp_path)
    list(apply(plan(declared, PLACE, build_info()), cloud))
    office = next(channel for channel in cloud.store("channels").values() if channel["displayName"] == "office")
    office["labels"] = {"email_address": "elsewhere@example.com"}
    changed = [step.resource.id for step in apply(plan(declared, PLACE, build_info()), cloud) if step.done is not SAME]
    assert changed == ["channel office"]
    renewed = next(channel for channel in cloud.store("channels").values() if channel["displayName"] == "office")
    assert renewed["labels"] == {"email_address": "office@example.com"}


def with_email(folder: Path) -> Manifest:
    return load_changed(folder, {"notify/office": {"type": "email", "labels": {"email_address": "office@example.com"}}})
