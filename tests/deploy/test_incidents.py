"""The deployment faults of the past, each as a test that fails if it comes back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import policy_checks
from deploy.apply import Done, apply
from deploy.bundle import bundle_of
from deploy.command_line import CommandLine
from deploy.drift import DRIFT, Colour, drift
from deploy.orphans import orphans
from deploy.plan import lines, plan
from deploy.ready import ReadyCheck
from tests.deploy.standin import Cloud, patient
from tests.deploy.test_drift import NOW, look
from tests.deploy.world import PLACE, build_info, load_changed, manifest, project, refusal


@pytest.fixture
def running(tmp_path: Path) -> Cloud:
    """A project in which everything runs as the manifest says."""
    cloud = project(tmp_path)
    list(apply(plan(manifest(), PLACE, build_info()), cloud))
    return cloud


def test_stale_code_is_seen_after_a_day(running: Cloud) -> None:
    """28 of 29 functions ran stale code for up to 31 days: other source than the tree's is red after 24 hours."""
    report = look(running, build_info("b"), hours_since_change=25)
    stale = {
        finding.where
        for finding in report.findings
        if finding.colour is Colour.RED and "stale for 25 h" in finding.what
    }
    assert {f"function {function.name}" for function in manifest().functions.values()} <= stale
    assert report.status == DRIFT


def test_a_redeploy_that_strips_the_invoker_is_mended_in_the_same_run(running: Cloud) -> None:
    """A redeploy stripped the right to be invoked for a week: it is read back after each deploy, and given anew."""
    running.strips_invokers = True
    fresh = build_info("b")
    checks = ReadyCheck(manifest(), PLACE, fresh, running, patient)
    steps = list(apply(plan(manifest(), PLACE, fresh), running, checks))
    done = {step.resource.id: step.done for step in steps}
    member = "serviceAccount:orch-scheduler@demo-orch.iam.gserviceaccount.com"
    assert done[f"service role nba-self-heal roles/run.invoker {member}"] is Done.UPDATED
    assert all(running.store("services")[function.name]["policy"] for function in manifest().functions.values())


def test_no_line_replaces_all_variables_or_secrets() -> None:
    """--set-env-vars wiped secrets three times: no plan holds it or its like, and the rules refuse a line that does."""
    flags = {flag for line in lines(plan(manifest(), PLACE, build_info())) for flag in line.flags}
    assert not flags & {"set-env-vars", "env-vars-file", "clear-env-vars", "set-secrets", "clear-secrets"}
    wiping = CommandLine(("gcloud", "functions", "deploy", "x", "--set-env-vars=A=1", "--project=p", "--quiet"))
    assert "--set-env-vars removes everything it does not name" in policy_checks.violations(wiping)


def test_a_variable_set_by_hand_survives_a_deploy_and_is_reported(running: Cloud) -> None:
    """What somebody set is neither wiped nor overlooked."""
    config = running.store("functions")["nba-self-heal"]["serviceConfig"]
    config["environmentVariables"]["SET_BY_HAND"] = "precious"
    redeploy_once(running)
    assert config_of(running)["SET_BY_HAND"] == "precious"
    findings = [finding for finding in look(running, build_info()).findings if "SET_BY_HAND" in finding.what]
    assert {(finding.colour, finding.found) for finding in findings} == {(Colour.RED, "set by hand")}
    assert {finding.where.split()[0] for finding in findings} >= {"function"}


def redeploy_once(cloud: Cloud) -> None:
    """Run the one line that renews the function, without what follows it."""
    deploy = next(
        resource for resource in plan(manifest(), PLACE, build_info("b")) if resource.id == "function nba-self-heal"
    )
    assert deploy.update is not None
    assert cloud(deploy.update).status == 0


def config_of(cloud: Cloud) -> dict[str, str]:
    variables: dict[str, str] = cloud.store("functions")["nba-self-heal"]["serviceConfig"]["environmentVariables"]
    return variables


def run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what is run of a module: nothing is imported for its types alone."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from run(node)


def test_every_module_that_is_imported_is_in_the_bundle() -> None:
    """A module missing from a bundle lost messages nine times: what a module imports is there, on first use too.

    Of the runtime only the top: it offers embedded stores as well, whose libraries no bundle has. `tests/bundles`
    serves each function for real.
    """
    for function in manifest().functions.values():
        files = bundle_of(function).files
        for name, content in files.items():
            tree = ast.parse(content) if name.endswith(".py") else ast.Module([], [])
            for node in tree.body if name == "shared/runtime.py" else run(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared"):
                    base = str(node.module).replace(".", "/")
                    there = f"{base}.py" in files or f"{base}/__init__.py" in files
                    assert there, f"{function.folder}: {name} imports {node.module}"


def test_only_who_draws_the_page_carries_it() -> None:
    """A change of the page is no reason to deploy a function that never draws one."""
    with_page = {
        function.folder
        for function in manifest().functions.values()
        if any("adapters/page/" in name for name in bundle_of(function).files)
    }
    assert with_page == {"health_check"}


def test_a_renamed_function_leaves_no_second_subscription_unseen(running: Cloud) -> None:
    """A renamed function left its old subscription behind and exported twice: the old one is an orphan, by name."""
    old = dict(running.store("subscriptions")["nba-phase5-to-phase6--nba-phase6-export-complete"])
    old["name"] = "projects/demo-orch/subscriptions/phase6-orchestrator-sub"
    running.store("subscriptions")["phase6-orchestrator-sub"] = old
    removals = {orphan.what: str(orphan.remove) for orphan in orphans(manifest(), PLACE, running)}
    assert (
        "gcloud pubsub subscriptions delete phase6-orchestrator-sub" in removals["subscription phase6-orchestrator-sub"]
    )
    assert "topic nba-phase6-export-complete" in removals, "one address is fed twice"
    assert look(running, build_info()).status == DRIFT


def test_a_function_under_an_older_name_is_an_orphan(running: Cloud) -> None:
    """The older function itself is found by the labels it carries."""
    old = dict(running.store("functions")["nba-self-heal"])
    running.store("functions")["nba-healer"] = {**old, "name": old["name"].replace("nba-self-heal", "nba-healer")}
    assert "function nba-healer" in [orphan.what for orphan in orphans(manifest(), PLACE, running)]


def test_no_event_function_without_retry(tmp_path: Path) -> None:
    """No deploy script ever switched retries on: a manifest without them does not load, a subscription has them."""
    from tests.policy_files import GONE

    error = refusal(tmp_path, {"functions/phase3_to_phase4/trigger/retry": GONE})
    assert error.key == "functions.phase3_to_phase4.trigger.retry"
    pushes = [line for line in lines(plan(manifest(), PLACE, build_info())) if "push-endpoint" in line.flags]
    assert len(pushes) == 20, "create and update of ten subscriptions"
    assert all(
        {"min-retry-delay", "max-retry-delay", "push-auth-service-account"} <= line.flags.keys() for line in pushes
    )


def test_a_generated_trigger_beside_ours_is_red(running: Cloud) -> None:
    """A trigger that gcloud generated would deliver everything twice, without retries."""
    running.store("functions")["nba-self-heal"]["eventTrigger"] = {
        "trigger": "t",
        "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
    }
    report = drift(manifest(), PLACE, plan(manifest(), PLACE, build_info()), running, lambda folder, commit: None, NOW)
    assert [finding.what for finding in report.findings] == ["generated trigger"]


def test_two_functions_may_not_share_a_deployed_name(tmp_path: Path) -> None:
    """The manifest of this repository loads unchanged: what the tests above deploy is the real one."""
    assert load_changed(tmp_path, {}).functions.keys() == manifest().functions.keys()
