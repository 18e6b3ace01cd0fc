"""A policy more in the manifest's folder is a pipeline more: its topics, subscriptions and rights come from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import inventory
from deploy.bundle import bundle_of
from deploy.command_line import CommandLine
from deploy.compute import environment
from deploy.manifest import BuildInfo, Manifest
from deploy.pipeline_rights import ANY
from deploy.plan import lines, plan
from deploy.policy_checks import violations
from deploy.tables import of_statement
from shared.core.errors import PolicyError
from tests.deploy.test_everything import SHOP
from tests.deploy.test_plan import lint
from tests.deploy.world import COMMIT, PLACE, ROOT, checkout, load_changed, load_checkout, manifest
from tests.policy_files import GONE, edit

NBA = (ROOT / "config" / "nba.yaml").read_text(encoding="utf-8")
MINIMAL: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "pipelines" / "minimal.yaml").read_text(encoding="utf-8"))
TILL = {
    "url_env": "TILL_URL",
    "cloud_run": "till",
    "ready": {"path": "/health/ready"},
    "identity": {"path": "/health", "field": "service", "is": "till"},
}
# Opening hours, and days on which a shop is shut, each in a dataset of its own.
CALENDAR = {
    "unit": "shop",
    "table": "sales_plan.openings",
    "date_column": "day",
    "status_column": "status",
    "unit_key": "shop",
    "excluded": {"table": "sales_office.shut", "date_column": "day", "unit_key": "shop"},
}


def sales(**changes: Any) -> dict[str, Any]:
    text = json.dumps(MINIMAL).replace("weather", "sales")
    return edit(json.loads(text), {key.replace("__", "/"): value for key, value in changes.items()})


def with_service(name: str = "till") -> dict[str, Any]:
    """A pipeline that calls a service of this name, whose processors have tables."""
    call = {"steps": [{"http": {"service": "till", "path": "/start", "timeout": "20s"}}], "role": "trigger"}
    return sales(
        services={"till": {**TILL, "cloud_run": name}},
        transitions__collect_to_forecast__dispatch=call,
        phases__collect__processors__radar={"table": "sales_raw.radar", "min_records": 1},
    )


def with_batch() -> dict[str, Any]:
    """A pipeline whose second phase is a batch, with the members in its start message."""
    batch = {
        "phase": "forecast",
        "reports_as": next(iter(MINIMAL["phases"]["forecast"]["processors"])),
        "members": {"message": "stores", "key": "store"},
        "request": {"topic": "sales-store-request", "body": {"store": "{store}"}},
        "reports": {"topic": "sales-store-ready", "key": "store", "batch": "batch_id"},
        "close": {"complete": True, "deadline": {"after": "30m", "then": "publish_partial"}},
        "publish": {"topic": "sales-forecast-complete"},
    }
    return sales(batches={"stores": batch})


def load(folder: Path, policies: dict[str, dict[str, Any]], **changes: Any) -> Manifest:
    """Load the manifest of the tests with a folder of nba's policy and others."""
    where = folder / "policies"
    where.mkdir(exist_ok=True)
    (where / "nba.yaml").write_text(NBA, encoding="utf-8")
    for name, policy in policies.items():
        (where / f"{name}.yaml").write_text(json.dumps(policy), encoding="utf-8")
    return load_changed(folder, {"policy": str(where), **changes})


def planned(of: Manifest) -> list[CommandLine]:
    return lines(plan(of, PLACE, BuildInfo(COMMIT, dict.fromkeys(of.functions, "a" * 40))))


def new_lines(folder: Path, policies: dict[str, dict[str, Any]], **changes: Any) -> list[CommandLine]:
    """Return the lines that a plan has because of these policies."""
    before = {str(line) for line in planned(load(folder, {}))}
    return [line for line in planned(load(folder, policies, **changes)) if str(line) not in before]


def test_without_another_policy_nothing_is_added(tmp_path: Path) -> None:
    """A folder of nba alone deploys what its file alone does, and the function for others is not there."""
    alone, folder = load_changed(tmp_path, {"policy": "config/nba.yaml"}), load(tmp_path, {})
    assert [str(line) for line in planned(alone)] == [str(line) for line in planned(folder)]
    for declaration in (alone, folder, manifest()):
        assert ANY not in declaration.functions
        assert "orch-transition" not in declaration.service_accounts
        assert all("ORCH_POLICY" not in function.environment for function in declaration.functions.values())


def test_a_policy_file_is_all_that_a_pipeline_needs(tmp_path: Path) -> None:
    """Its topics are made, each topic of completions is pushed to the one function, which may publish its triggers."""
    added = [str(line) for line in new_lines(tmp_path, {"sales": sales()})]
    for topic in ("sales-collect-complete", "sales-forecast-complete", "sales-forecast-trigger"):
        assert any(f"pubsub topics create {topic} " in line for line in added), topic
    for topic in ("sales-collect-complete", "sales-forecast-complete"):
        [pushed] = [line for line in added if f"subscriptions create nba-transition--{topic} " in line]
        assert f"/projects/{PLACE.project}/topics/{topic}" in pushed
    assert not any("nba-transition--sales-forecast-trigger" in line for line in added)
    [deploy] = [line for line in added if "functions deploy nba-transition " in line]
    assert "ORCH_POLICY=" in deploy
    publishers = [line for line in added if "topics add-iam-policy-binding sales-forecast-trigger" in line]
    assert {"orch-transition", "orch-self-heal"} == {
        name
        for name in ("orch-transition", "orch-self-heal", "orch-health")
        if any(name in line for line in publishers)
    }


def test_every_function_reads_the_same_policies(tmp_path: Path) -> None:
    """ORCH_POLICY is the manifest's folder in each of them once there are several."""
    of = load(tmp_path, {"sales": sales()})
    stamp = BuildInfo(COMMIT, dict.fromkeys(of.functions, "a" * 40))
    named = {environment(of, function, PLACE, stamp).get("ORCH_POLICY") for function in of.functions.values()}
    assert named == {str(tmp_path / "policies")}


def test_rights_come_from_what_a_policy_calls_and_reads(tmp_path: Path) -> None:
    """Who decides may call its services; who judges may read its tables; nobody else gets either."""
    of = load(tmp_path, {"sales": {**with_service(), "calendar": CALENDAR}})
    datasets = ("sales_raw", "sales_plan", "sales_office")
    granted = {
        (name, role.role, role.name)
        for name, function in of.functions.items()
        for role in function.roles
        if role.name in ("till", *datasets)
    }
    calls = {(name, "roles/run.invoker", "till") for name in ("transition", "self_heal")}
    readers = ("transition", "self_heal", "validation_runner", "health_check")
    reads = {(name, "roles/bigquery.dataViewer", dataset) for name in readers for dataset in datasets}
    assert granted == calls | reads


def test_signals_bring_their_topic_and_their_calls_a_function(tmp_path: Path) -> None:
    """R13: the topic is pushed to the one function; a call brings the function of webhooks, which anybody may call and
    which may publish to that topic and read that secret, and nothing else."""
    files = {
        "source": "storage",
        "topic": "sales-signals",
        "phase": "collect",
        "object": "{date}",
        "processor": "radar",
    }
    pushed = load(tmp_path, {"sales": {**sales(), "signals": {"files": files}}})
    assert "webhooks" not in pushed.functions
    push = pushed.functions[ANY].push
    assert push is not None
    assert "sales-signals" in push.topics
    dbt = {
        "source": "dbt",
        "topic": "sales-signals",
        "phase": "collect",
        "jobs": {"1": "radar"},
        "webhook": {"secret": "dbt-secret"},
    }
    called = load(tmp_path, {"sales": {**sales(), "signals": {"files": files, "dbt": dbt}}})
    function = called.functions["webhooks"]
    assert function.people == ("allUsers",)
    assert {(role.role, role.name) for role in function.roles} == {
        ("roles/datastore.user", ""),
        ("roles/pubsub.publisher", "sales-signals"),
    }
    assert function.secrets == ("dbt-secret",)
    assert "dbt-secret" in called.secrets
    assert [name for name, other in called.functions.items() if "dbt-secret" in other.secrets] == ["webhooks"]


def test_what_the_manifest_says_of_an_address_wins(tmp_path: Path) -> None:
    """A service that is deployed elsewhere is called there: by hand one line, without it the address of its name."""
    address = {"environment/TILL_URL": "https://till.example.com"}
    for changes, url in (({}, "https://till-{project_number}.{region}.run.app"), (address, "https://till.example.com")):
        of = load(tmp_path, {"sales": with_service()}, **changes)
        assert {function.environment["TILL_URL"] for function in of.functions.values()} == {url}


def test_workflows_say_whose_they_are(tmp_path: Path) -> None:
    """Of a file beside others the functions ask it; so does the plan, before anything is deployed."""
    (tmp_path / "policies").mkdir()
    beside = tmp_path / "policies" / "sales.workflows.yaml"
    daily = {"kind": "once_a_day", "window": {"from": "06:00", "to": "07:00"}}
    workflows = {
        "workflows": {"daily": {"decide": daily, "steps": [{"name": "all", "scrapers": ["slips"]}]}},
        "scrapers": {"slips": {"service": "till", "path": "/slips"}},
    }
    beside.write_text(json.dumps(workflows), encoding="utf-8")
    with pytest.raises(PolicyError, match="is missing, and several pipelines could be meant"):
        load(tmp_path, {"sales": with_service()})
    quoted = yaml.safe_dump(workflows, default_style='"')
    beside.write_text(f"pipeline: sales\n{quoted}", encoding="utf-8")
    assert "sales-workflow-run" in load(tmp_path, {"sales": with_service()}).topics


def test_sql_that_is_none_is_refused(tmp_path: Path) -> None:
    """What it reads is not known, so nobody could be given the right to."""
    root = checkout(tmp_path / "checkout", SHOP)
    (root / "config" / "gates" / "shelves_counted.sql").write_text("SELECT FROM FROM", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"shop\.yaml names SQL that is no GoogleSQL"):
        load_checkout(root)


STATEMENTS = {
    "SELECT 1 FROM `a.x` AS one JOIN b.y USING (z), one.items": ("a b", ""),
    "WITH q AS (SELECT * FROM `a.t`) SELECT * FROM q": ("a", ""),
    "SELECT 1 FROM `other-project.a.x`, `b.events_*`": ("a b", ""),
    "SELECT 1 FROM a.INFORMATION_SCHEMA.PARTITIONS": ("a", ""),
    "MERGE `a.x` AS held USING (SELECT * FROM `b.y`) AS new ON held.k = new.k WHEN NOT MATCHED THEN INSERT ROW": (
        "b",
        "a",
    ),
    "INSERT INTO `a.x` (k) SELECT k FROM `b.y`": ("b", "a"),
    "INSERT INTO `a.x` SELECT * FROM `a.y`": ("", "a"),
    "DELETE FROM a.x WHERE k IN (SELECT k FROM b.y)": ("b", "a"),
    "UPDATE a.x SET k = 1 FROM b.y WHERE TRUE": ("b", "a"),
    "TRUNCATE TABLE a.x": ("", "a"),
    "CREATE TEMP TABLE t AS SELECT * FROM b.y; SELECT * FROM t": ("b", ""),
}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_datasets_are_those_that_a_statement_reads_and_writes(sql: str) -> None:
    """Not the names of its subqueries, nor columns that it unnests; to write is to read as well."""
    read, written = STATEMENTS[sql]
    tables = of_statement(sql)
    assert (tables.read, tables.written) == (frozenset(read.split()), frozenset(written.split()))


def test_gcloud_takes_the_lines_of_a_new_pipeline(tmp_path: Path) -> None:
    """Of the lines that a policy adds none breaks a rule of ours, and gcloud's own parser takes one of each kind."""
    added = new_lines(tmp_path, {"sales": with_service()})
    assert len(added) >= 12
    assert [violation for line in added for violation in violations(line)] == []
    made = ("pubsub topics create", "pubsub subscriptions create", "functions deploy")
    kinds = [next(str(line) for line in added if line.command.startswith(f"gcloud {kind}")) for kind in made]
    judged = lint(kinds, tmp_path)
    assert [(verdict["command_string"], verdict["error_message"]) for verdict in judged if not verdict["success"]] == []
    assert {verdict["command_string"] for verdict in judged} == set(kinds)


def test_the_drift_check_knows_its_subscriptions(tmp_path: Path) -> None:
    """The inventory that bundles carry lists them, so that one that is gone is told."""
    document = json.loads(inventory.inventory(load(tmp_path, {"sales": sales()})))
    assert document["subscriptions"]["nba-transition--sales-collect-complete"] == "sales-collect-complete"
    assert "sales-forecast-trigger" in document["topics"]


WITHOUT = {"functions/transition": GONE, "service_accounts/orch-transition": GONE}
REFUSED: dict[str, tuple[dict[str, dict[str, Any]], dict[str, Any], str]] = {
    "a service whose name leaves no room for its address": (
        {"sales": with_service("t" * 50)},
        {},
        "does not know TILL_URL",
    ),
    "a lease shorter than the function": (
        {"sales": sales(claim_lease="30s")},
        {},
        "over the claim_lease of sales",
    ),
    "no function for it": (
        {"sales": sales()},
        WITHOUT,
        "has no function of its own",
    ),
    "an address of nba's": (
        {"sales": json.loads(json.dumps(with_service()).replace("TILL_URL", "PRECOMPUTE_PROCESSOR_URL"))},
        {},
        "is the address of nba-phase4-precompute-processors in nba already",
    ),
    "no function for its batches": (
        {"sales": with_batch()},
        {"functions/phase5_batches": GONE, "service_accounts/orch-phase5-batches": GONE},
        "sales has batches",
    ),
    "a lease shorter than the function of its batches": (
        {"sales": edit(with_batch(), {"claim_lease": "100s"})},
        {},
        "functions.phase5_batches.timeout",
    ),
    "a topic of nba's": (
        {"sales": sales(phases__collect__completions_topic="nba-phase2-raw-complete")},
        {},
        "of nba reports on it already",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_served_is_refused(tmp_path: Path, fault: str) -> None:
    """With what, where and a hint, before anything is deployed."""
    policies, changes, reason = REFUSED[fault]
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, policies, **changes)
    assert reason in str(caught.value)
    assert caught.value.hint


def test_its_bundle_carries_what_it_needs(tmp_path: Path) -> None:
    """The function is built like the others, with the policies of the folder and the code that loads them."""
    files = bundle_of(load(tmp_path, {"sales": sales()}).functions[ANY]).files
    for name in (
        "main.py",
        "config/nba.yaml",
        "shared/adapters/config/policy_folder.py",
        "shared/entrypoints/transition.py",
    ):
        assert name in files
    assert not any(name.startswith(("shared/cli", "shared/simulation")) for name in files)
