"""Carrying out a plan against a stand-in gcloud that keeps state and refuses."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from deploy.apply import ApplyFailed, Done, Step, apply
from deploy.command_line import CommandLine
from deploy.manifest import BuildInfo
from deploy.orphans import orphans
from deploy.plan import plan
from deploy.ready import ReadyCheck
from deploy.resource import Resource
from deploy.runner import CommandResult
from tests.deploy.standin import NUMBER, Cloud, Stopped, patient
from tests.deploy.world import PLACE, build_info, furnished, manifest, project


def run(cloud: Cloud, with_stamp: BuildInfo | None = None, only: tuple[str, ...] = ()) -> list[Step]:
    """Deploy once, asking the functions whether they answer."""
    given = with_stamp or build_info()
    checks = ReadyCheck(manifest(), PLACE, given, cloud, patient)
    return list(apply(planned(given.digests["self_heal"], only), cloud, checks))


@cache
def planned(digest: str, only: tuple[str, ...]) -> list[Resource]:
    return plan(manifest(), PLACE, build_info(digest[0]), only)


def changed(steps: list[Step]) -> list[str]:
    return [step.resource.id for step in steps if step.done is not Done.SAME]


def test_an_empty_project_becomes_what_the_manifest_says(tmp_path: Path) -> None:
    """One run makes everything, a second finds nothing to do, and no orphan is left."""
    cloud = project(tmp_path)
    first = run(cloud)
    assert {step.done for step in first} == {Done.CREATED, Done.UPDATED, Done.SAME}
    assert sorted(cloud.store("functions")) == sorted(function.name for function in manifest().functions.values())
    before = cloud.state()
    assert changed(run(cloud)) == []
    assert cloud.state() == before
    assert orphans(manifest(), PLACE, cloud) == []


def test_new_code_deploys_functions_and_nothing_else(tmp_path: Path) -> None:
    """With another digest each function is deployed; its role, subscription and schedule are left alone."""
    cloud = project(tmp_path)
    run(cloud)
    assert changed(run(cloud, build_info("b"))) == [
        f"function {function.name}" for function in manifest().functions.values()
    ]


def test_only_the_named_function_is_touched(tmp_path: Path) -> None:
    """Naming a function deploys it with all it needs, and no other one."""
    cloud = project(tmp_path)
    run(cloud, only=("self_heal",))
    assert list(cloud.store("functions")) == ["nba-self-heal"]
    assert list(cloud.store("jobs")) == ["nba-self-heal"]
    assert all("phase" not in name for name in cloud.store("subscriptions"))


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.nightly)])
def test_interrupted_anywhere_and_run_again_it_ends_the_same(tmp_path: Path, every: int) -> None:
    """Killed before its first call or after any, the answer lost, the next run ends in the state of an undisturbed one.

    Nothing of a killed process survives but what its calls did, so a call that only looks is no place of its own.
    """
    clean = project(tmp_path)
    run(clean)
    expected = clean.state()
    orders = [number for number, call in enumerate(clean.calls, 1) if not LOOKS.search(call)]
    assert len(orders) > 100
    for number in (1, *orders)[::every]:
        cloud = project_again(tmp_path, clean)
        cloud.fail_at, cloud.after_effect = number, number in orders
        with pytest.raises(Stopped):
            run(cloud)
        cloud.fail_at = None
        run(cloud)
        assert cloud.state() == expected, f"stopped at call {number}: {clean.calls[number - 1]}"


def test_an_update_interrupted_anywhere_and_run_again_ends_the_same(tmp_path: Path) -> None:
    """The same for new code over old, with settings that somebody changed meanwhile."""
    clean = project(tmp_path)
    run(clean)
    tampered_with(clean)
    before = clean.state()
    clean.calls.clear()
    run(clean, build_info("b"))
    expected = clean.state()
    orders = [number for number, call in enumerate(clean.calls, 1) if not LOOKS.search(call)]
    assert len(orders) > 10
    for number in (1, *orders):
        cloud = Cloud(tmp_path, kinds=json.loads(before), fail_at=number, after_effect=number in orders)
        with pytest.raises(Stopped):
            run(cloud, build_info("b"))
        cloud.fail_at = None
        run(cloud, build_info("b"))
        assert unrevised(cloud.state()) == unrevised(expected), f"stopped at call {number}: {clean.calls[number - 1]}"


def tampered_with(cloud: Cloud) -> None:
    """Change by hand what an update has to repair, one thing of each kind that can be."""
    cloud.store("subscriptions")["nba-phase3-to-phase4--nba-phase3-analytics-complete"].pop("deadLetterPolicy")
    cloud.store("jobs")["nba-self-heal"].update(state="PAUSED", timeZone="Asia/Tokyo")
    cloud.store("services")["nba-health-check"]["policy"] = []
    next(iter(cloud.store("alertPolicies").values()))["userLabels"] = {}


def unrevised(state: str) -> str:
    """Leave out how often something was deployed: a deploy that was made and not heard of is made once more."""
    return re.sub(r"-0000\d", "", state)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.nightly)])
def test_an_error_at_any_call_is_told_and_the_next_run_ends_the_same(tmp_path: Path, every: int) -> None:
    """A call that ends with an error, whichever it is: the step, what was said, a hint; and then the same end."""
    clean = project(tmp_path)
    run(clean)
    expected, calls = clean.state(), list(clean.calls)
    for number, call in list(enumerate(calls, 1))[::every]:
        cloud = project_again(tmp_path, clean)
        cloud.refuse_at = number
        if call.startswith("curl "):
            run(cloud)  # asked again a moment later
        else:
            with pytest.raises(ApplyFailed, match=r"UNAVAILABLE(.|\n)*hint: "):
                run(cloud)
            run(cloud)
        assert cloud.state() == expected, f"error at call {number}: {call}"


LOOKS = re.compile(r"^(gcloud .*?(describe|list|get-iam-policy|print-identity-token)|bq show|curl)\b")


def project_again(folder: Path, like: Cloud) -> Cloud:
    """Return an empty project over the files that are already there."""
    return furnished(Cloud(folder, like.project))


def test_what_is_already_there_is_no_error(tmp_path: Path) -> None:
    """Somebody made the topic between the look and the order: it is judged by what is read back."""
    cloud = project(tmp_path)
    topic = "pubsub topics create nba-phase6-export-trigger"

    def raced(line: object) -> object:
        if topic in str(line):
            cloud.store("topics")["nba-phase6-export-trigger"] = {
                "name": f"projects/{cloud.project}/topics/nba-phase6-export-trigger"
            }
        return cloud(line)  # type: ignore[arg-type]

    steps = list(apply(plan(manifest(), PLACE, build_info()), raced))  # type: ignore[arg-type]
    assert "topic nba-phase6-export-trigger" in changed(steps)


def test_a_refusal_names_the_step_and_what_gcloud_said(tmp_path: Path) -> None:
    """What gcloud refuses ends the run with the step, gcloud's words and a hint; nothing later is tried."""
    cloud = project(tmp_path)
    (tmp_path / "build/self_heal/main.py").unlink()
    with pytest.raises(ApplyFailed) as caught:
        run(cloud)
    assert caught.value.resource.id == "function nba-self-heal"
    assert "does not have file [main.py]" in str(caught.value)
    assert "hint: correct it and run the same command again" in str(caught.value)
    assert cloud.store("jobs") == {}


def test_a_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A right on somebody else's service cannot be given before that service exists, and that is said."""
    cloud = project(tmp_path)
    del cloud.store("services")["prediction-coordinator"]
    with pytest.raises(ApplyFailed, match="the service prediction-coordinator does not exist yet"):
        run(cloud)


def test_a_setting_that_did_not_take_fails_loudly(tmp_path: Path) -> None:
    """After an update the subscription is read back; a dead letter that is still missing is an error, not a success."""
    cloud = project(tmp_path)
    name = "nba-phase5-to-phase6--nba-phase6-export-complete"

    def forgetful(line: object) -> object:
        answer = cloud(line)  # type: ignore[arg-type]
        cloud.store("subscriptions").get(name, {}).pop("deadLetterPolicy", None)
        return answer

    with pytest.raises(ApplyFailed) as caught:
        list(apply(plan(manifest(), PLACE, build_info()), forgetful))  # type: ignore[arg-type]
    assert caught.value.resource.id == f"subscription {name}"
    assert "was read back and differs" in str(caught.value)
    assert "dead-letter topic: wanted projects/demo-orch/topics/nba-orchestration-dead-letter, found none" in str(
        caught.value
    )


def test_what_was_just_made_is_waited_for(tmp_path: Path) -> None:
    """An account takes its time to be known: it is looked for again, and a right that names it is given again."""
    cloud, waits, early = project(tmp_path), list[str](), {"describe orch-push@": 2, "--member=serviceAccount:orch-": 3}

    def eventual(line: CommandLine) -> CommandResult:
        for words, times in early.items():
            if words in str(line) and times and cloud.store("accounts"):
                early[words] -= 1
                return CommandResult(1, "", "ERROR: (gcloud) NOT_FOUND: Service account orch-x does not exist.")
        return cloud(line)

    plain = plan(manifest(), PLACE, build_info())
    steps = list(apply(plain, eventual, pause=lambda seconds, why: waits.append(f"{seconds} {why}")))
    assert len(steps) == len(plain)
    assert [wait.split()[0] for wait in waits] == ["2", "2", "5", "15"]
    assert waits[0] == "2 service account orch-push: not there"
    assert set(early.values()) == {0}


def test_a_metric_that_no_policy_may_name_yet_is_waited_for(tmp_path: Path) -> None:
    """New log-based metrics are known after minutes: each wait is said with how long it has been, and it goes on."""
    cloud, waits = project(tmp_path), list[tuple[float, str]]()
    cloud.metrics_unknown = 15
    plain = plan(manifest(), PLACE, build_info())
    steps = list(apply(plain, cloud, pause=lambda seconds, why: waits.append((seconds, why))))
    assert len(steps) == len(plain)
    assert len(waits) == 15
    assert sum(seconds for seconds, _ in waits) > 600, "the ten minutes that the error itself speaks of"
    assert all("up to 10 minutes" in why for _, why in waits)
    assert [why.rpartition("(")[2] for _, why in waits[:3]] == [
        f"{before} of at most 720 s waited)" for before in (0, 15, 45)
    ]


def test_a_metric_that_is_never_known_fails_loudly(tmp_path: Path) -> None:
    """Waiting has an end, with what gcloud said and a hint; everything but the policies that name metrics is done."""
    cloud, waits = project(tmp_path), list[float]()
    cloud.metrics_unknown = 1000
    with pytest.raises(ApplyFailed, match=r"Cannot find metric(.|\n)*hint: ") as caught:
        list(apply(plan(manifest(), PLACE, build_info()), cloud, pause=lambda seconds, why: waits.append(seconds)))
    assert caught.value.resource.kind == "alert policy"
    assert sum(waits) == 720
    assert sorted(cloud.store("functions")) == sorted(function.name for function in manifest().functions.values())


def test_metrics_are_made_long_before_a_policy_names_them() -> None:
    """While the functions are built their minutes pass: all metrics come before the first function."""
    kinds = [resource.kind for resource in plan(manifest(), PLACE, build_info())]
    last_metric = len(kinds) - kinds[::-1].index("log metric")
    assert last_metric < kinds.index("function") < kinds.index("alert policy")


def test_a_project_whose_build_account_may_nothing_builds_with_ours(tmp_path: Path) -> None:
    """Every deploy names the account that builds, which has its roles by then; without one of them no build works."""
    cloud = project(tmp_path)
    run(cloud)
    deploys = [call for call in cloud.calls if call.startswith("gcloud functions deploy")]
    builder = f"projects/{PLACE.project}/serviceAccounts/orch-build@{PLACE.project}.iam.gserviceaccount.com"
    assert len(deploys) == len(manifest().functions)
    assert all(f"--build-service-account={builder}" in deploy for deploy in deploys)
    lacking = [
        resource
        for resource in plan(manifest(), PLACE, build_info())
        if "roles/artifactregistry.writer" not in resource.id
    ]
    with pytest.raises(ApplyFailed, match="Build failed"):
        list(apply(lacking, project_again(tmp_path, cloud)))


def test_an_account_that_is_never_there_fails_loudly(tmp_path: Path) -> None:
    """Waiting has an end."""
    cloud = project(tmp_path)

    def never(line: CommandLine) -> CommandResult:
        if "--member=serviceAccount:orch-self-heal@" in str(line):
            return CommandResult(
                1, "", "ERROR: (gcloud) INVALID_ARGUMENT: Service account orch-self-heal does not exist."
            )
        return cloud(line)

    with pytest.raises(ApplyFailed, match="Service account orch-self-heal does not exist"):
        list(apply(plan(manifest(), PLACE, build_info()), never))


def test_a_function_that_does_not_answer_fails_loudly(tmp_path: Path) -> None:
    """A deployed function that answers 500 ends the run with what it said, before anything is sent to it."""
    cloud = project(tmp_path)
    cloud.broken["nba-phase2-to-phase3"] = 500
    with pytest.raises(ApplyFailed) as caught:
        run(cloud)
    assert "does not answer as it should: GET https://nba-phase2-to-phase3-" in str(caught.value)
    assert "/health: wanted 200, found 500 boom" in str(caught.value)
    assert not [name for name in cloud.store("subscriptions") if name.startswith("nba-phase2-to-phase3")]


@pytest.mark.parametrize("function", sorted(manifest().functions))
def test_a_function_that_runs_other_code_fails_loudly(tmp_path: Path, function: str) -> None:
    """The digest that each function answers is compared with the deployed one: an older revision is not ready."""
    cloud, name = project(tmp_path), manifest().functions[function].name
    cloud.serves[name] = "b" * 40
    with pytest.raises(ApplyFailed, match=r"digest it answers: wanted a{40}, found b{40}") as caught:
        run(cloud)
    assert caught.value.resource.id.startswith(f"service role {name} roles/run.invoker ")


def test_a_function_that_does_not_say_what_it_runs_is_not_ready(tmp_path: Path) -> None:
    """Silence is no agreement: an answer without a digest fails too."""
    cloud = project(tmp_path)
    cloud.serves["nba-health-check"] = ""
    with pytest.raises(ApplyFailed, match=r"digest it answers: wanted a{40}, found none"):
        run(cloud)


def test_a_right_that_takes_its_time_is_waited_for(tmp_path: Path) -> None:
    """Just given, a right is refused for minutes on some servers: the call is made again, and each wait is said."""
    cloud, waits = project(tmp_path), list[tuple[float, str]]()
    cloud.deaf = 4
    checks = ReadyCheck(manifest(), PLACE, build_info(), cloud, lambda seconds, why: waits.append((seconds, why)))
    list(apply(planned("a" * 40, ()), cloud, checks))
    assert [seconds for seconds, _ in waits] == [5, 10, 20, 40]
    assert all("wanted 200, found 403" in why for _, why in waits)


def test_a_right_that_never_comes_fails_loudly(tmp_path: Path) -> None:
    """Who is to call a function and may not is an error after some minutes."""
    cloud = project(tmp_path)
    cloud.deaf = 1000
    with pytest.raises(ApplyFailed, match=r"/health: wanted 200, found 403 The request was not authenticated"):
        run(cloud)


def test_each_function_is_asked_by_the_identity_that_will_call_it(tmp_path: Path) -> None:
    """All say what they run; event functions are probed on the path of each topic, the sweep is asked for a dry run."""
    cloud = project(tmp_path)
    run(cloud)
    paths = [
        (request.split(f"-{NUMBER}.")[0].rpartition("/")[2], request.split(".run.app")[1]) for request in cloud.asked
    ]
    topics = "/projects/demo-orch/topics/"
    others = [path for path in paths if not path[0].startswith(("nba-workflow", "nba-phase5-batches"))]
    assert others[-8:] == [
        ("nba-phase5-to-phase6", "/health"),
        ("nba-phase5-to-phase6", f"{topics}nba-phase5-predictions-complete"),
        ("nba-phase5-to-phase6", f"{topics}nba-phase6-export-complete"),
        ("nba-self-heal", "/health"),
        ("nba-self-heal", "/"),
        ("nba-validation-runner", "/health"),
        ("nba-validation-runner", "/?schedule=deploy-probe"),
        ("nba-health-check", "/health"),
    ]
    assert [path for name, path in paths if name == "nba-workflow-controller"] == ["/health", "/"]


def test_no_token_is_shown(tmp_path: Path) -> None:
    """A token goes to curl by standard input: no list of processes, error or log of calls holds it."""
    cloud = project(tmp_path)
    run(cloud)
    assert [call for call in cloud.calls if " for https://" in call or "Bearer" in call] == []
    assert any(call.startswith("curl ") for call in cloud.calls)


def test_backups_and_protection_are_made_and_mended(tmp_path: Path) -> None:
    """A database that was there before, unprotected and with a weekly backup only, gets both; the weekly one stays."""
    cloud = project(tmp_path)
    cloud.store("databases")["(default)"] = {"type": "FIRESTORE_NATIVE", "locationId": "us-west2"}
    weekly = {"name": "w", "retention": "86400s", "weeklyRecurrence": {"day": "MONDAY"}}
    cloud.store("backups")["w"] = dict(weekly)
    list(apply(plan(manifest(), PLACE, build_info()), cloud))
    database = cloud.store("databases")["(default)"]
    assert database["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert database["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    [daily] = [backup for backup in cloud.store("backups").values() if backup != weekly]
    assert daily["retention"] == "1209600s"
    daily["retention"] = "86400s"
    changed = [
        result.resource.id
        for result in apply(plan(manifest(), PLACE, build_info()), cloud)
        if result.done is not Done.SAME
    ]
    assert changed == ["daily backup (default)"]
    assert (daily["retention"], len(cloud.store("backups"))) == ("1209600s", 2)
