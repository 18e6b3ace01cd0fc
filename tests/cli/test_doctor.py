"""`orch doctor`: what is missing is named, with what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.apply import apply
from deploy.command_line import CommandLine
from deploy.plan import plan
from deploy.runner import CommandResult, Runner
from shared.cli import doctor, main
from shared.cli.doctor import Sign, Verdict
from tests.deploy.standin import Cloud
from tests.deploy.world import PLACE, build_info, command_alone, manifest, project
from tests.local_server import LocalServer


class Machine:
    """gcloud on this machine: an account or none, secret values or none, the rest from a stand-in project."""

    def __init__(self, cloud: Cloud, account: bool = True, values: tuple[str, ...] = ()) -> None:
        self._cloud, self._account, self._values = cloud, account, values

    def __call__(self, line: CommandLine) -> CommandResult:
        if line.command == "gcloud auth list":
            return CommandResult(
                0, json.dumps([{"account": "me@example.com", "status": "ACTIVE"}] if self._account else []), ""
            )
        if line.command.startswith("gcloud secrets versions list"):
            has_value = line.command.split()[-1] in self._values
            return CommandResult(0, json.dumps([{"name": "1", "state": "ENABLED"}] if has_value else []), "")
        return self._cloud(line)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pipeline beside the repository's own changes nothing here."""
    command_alone(monkeypatch)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    made = project(tmp_path)
    list(apply(plan(manifest(), PLACE, build_info()), made))
    return made


def signs(run: Runner, where: str = "demo-orch", **hosts: str) -> dict[str, Sign]:
    return {sign.what: sign for sign in doctor.examined(where, hosts, run, lambda name: f"/usr/bin/{name}")}


def missing(diagnosis: dict[str, Sign]) -> list[str]:
    return [what for what, sign in diagnosis.items() if sign.verdict is not Verdict.OK]


def test_a_whole_project_is_in_order(cloud: Cloud) -> None:
    """Everything there, every webhook with a value, PagerDuty off: nothing is missing, status 0."""
    diagnosis = signs(Machine(cloud, values=manifest().secrets[:3]))
    assert missing(diagnosis) == []
    assert diagnosis["value of pagerduty-routing-key"].found == "none: PagerDuty is off"
    assert diagnosis["subscription"].found == "11 as they should be"
    assert diagnosis["function"].found == "10 are there"
    assert doctor.status_of(diagnosis.values()) == 0


def test_without_an_account_it_says_how_to_get_one(cloud: Cloud) -> None:
    """No credentials: the command that brings them, and of the project that nobody looked at it."""
    diagnosis = signs(Machine(cloud, account=False))
    assert missing(diagnosis) == ["credentials", "project"]
    assert diagnosis["project"].verdict is Verdict.NOT_LOOKED_AT
    assert "gcloud auth login" in diagnosis["credentials"].hint


def test_what_is_missing_is_named(cloud: Cloud) -> None:
    """A topic, a subscription, a role, a secret and a webhook that are gone: each by name, each with a hint."""
    subscription = "nba-phase2-to-phase3--nba-phase2-raw-complete"
    del cloud.store("topics")["nba-phase6-export-trigger"]
    del cloud.store("subscriptions")[subscription]
    del cloud.store("secrets")["slack-webhook-error"]
    cloud.store("services")["nba-self-heal"]["policy"] = []
    diagnosis = signs(Machine(cloud, values=("slack-webhook-url", "slack-webhook-warning")))
    assert {
        "topic nba-phase6-export-trigger",
        f"subscription {subscription}",
        "secret slack-webhook-error",
        "value of slack-webhook-error",
        "service role nba-self-heal roles/run.invoker serviceAccount:orch-scheduler@demo-orch.iam.gserviceaccount.com",
    } <= set(missing(diagnosis))
    assert all(diagnosis[what].hint for what in missing(diagnosis))
    assert doctor.status_of(diagnosis.values()) == 1


def test_what_cannot_be_read_is_unknown(cloud: Cloud) -> None:
    """A refusal is not a thing that is missing: status 5."""

    def blind(line: CommandLine) -> CommandResult:
        if "topics" in line.words:
            return CommandResult(1, "", "ERROR: PERMISSION_DENIED")
        return Machine(cloud, values=manifest().secrets[:3])(line)

    diagnosis = signs(blind)
    assert diagnosis["topic nba-phase6-export-trigger"].verdict is Verdict.NOT_LOOKED_AT
    assert doctor.status_of(diagnosis.values()) == 5


def test_no_program_is_taken_for_granted(cloud: Cloud) -> None:
    """Without gcloud and Java both are named, and the project is not asked."""
    diagnosis = {sign.what: sign for sign in doctor.examined("demo-orch", {}, Machine(cloud), lambda name: None)}
    assert {"gcloud", "bq", "curl", "java", "project"} == set(missing(diagnosis))


def test_an_emulator_that_is_named_must_answer(cloud: Cloud) -> None:
    """A host that listens is in order, one that does not is missing, with what to do."""
    with LocalServer() as server:
        host = server.url.removeprefix("http://").rstrip("/")
        diagnosis = signs(Machine(cloud), "", FIRESTORE_EMULATOR_HOST=host, PUBSUB_EMULATOR_HOST="127.0.0.1:9")
    assert diagnosis["FIRESTORE_EMULATOR_HOST"].verdict is Verdict.OK
    assert diagnosis["PUBSUB_EMULATOR_HOST"].verdict is Verdict.WRONG
    assert "unset PUBSUB_EMULATOR_HOST" in diagnosis["PUBSUB_EMULATOR_HOST"].hint


def test_the_command_prints_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`orch doctor --json` without a project looks at this machine only, and says ok of nothing else."""
    for name in ("GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert main.call(["doctor", "--json"]) == 5
    items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["items"]
    verdicts = {item["what"]: (item["verdict"], item["found"]) for item in items}
    assert verdicts["project"] == ("not looked at", "none is named")
    assert verdicts["policy and manifest"] == ("ok", "10 functions declared")
    assert not {name for name in verdicts if name.endswith("EMULATOR_HOST")}, "none is named, so none was looked at"


KINDS = sorted({resource.kind for resource in plan(manifest(), PLACE, build_info())})


@pytest.mark.parametrize("kind", KINDS)
def test_ok_is_said_only_of_what_was_looked_at(cloud: Cloud, kind: str) -> None:
    """Whatever kind of thing cannot be read, not one of that kind is ok: each is `not looked at`, exit 5."""
    resources = [resource for resource in plan(manifest(), PLACE, build_info()) if resource.kind == kind]
    looks = {str(resource.read) for resource in resources}

    def blind(line: CommandLine) -> CommandResult:
        if str(line) in looks:
            return CommandResult(1, "", "ERROR: PERMISSION_DENIED")
        return Machine(cloud, values=manifest().secrets[:3])(line)

    diagnosis = signs(blind)
    assert kind not in diagnosis
    assert {diagnosis[resource.id].verdict for resource in resources} == {Verdict.NOT_LOOKED_AT}
    assert doctor.status_of(diagnosis.values()) == 5


def test_who_could_not_deploy_is_told_which_role_is_missing(cloud: Cloud) -> None:
    """Each role that is lacking on the project and on an account, as Google counts, with the line that gives it."""
    push = "orch-push@demo-orch.iam.gserviceaccount.com"
    cloud.forbidden = {"pubsub.topics.setIamPolicy", f"iam.serviceAccounts.getOpenIdToken {push}"}
    rights = [sign for sign in examined(Machine(cloud)) if sign.what == "rights of me@example.com to deploy"]
    assert [(sign.verdict, sign.found) for sign in rights] == [
        (Verdict.WRONG, "no roles/pubsub.admin on demo-orch"),
        (Verdict.WRONG, "no roles/iam.serviceAccountTokenCreator on orch-push"),
    ]
    assert rights[0].hint.startswith("gcloud projects add-iam-policy-binding demo-orch --member=user:me@example.com")
    assert rights[1].hint.startswith(f"gcloud iam service-accounts add-iam-policy-binding {push} ")


def test_before_the_accounts_are_there_only_the_project_is_asked(tmp_path: Path) -> None:
    """Rights on what `apply` makes cannot be had before: in an empty project nothing of them is missing."""
    rights = [sign for sign in examined(Machine(project(tmp_path))) if "to deploy" in sign.what]
    assert [(sign.verdict, sign.found[:8]) for sign in rights] == [(Verdict.OK, "12 roles")]


@pytest.mark.parametrize("answer", ['{"error": {"code": 403}}', "<html>", "[]"])
def test_rights_that_cannot_be_asked_are_unknown(cloud: Cloud, answer: str) -> None:
    """An error, or something that is no answer, is not taken for having no rights, and not for having all."""
    machine = Machine(cloud)

    def broken(line: CommandLine) -> CommandResult:
        return CommandResult(0, answer, "") if line.words[0] == "curl" else machine(line)

    rights = [sign for sign in examined(broken) if "to deploy" in sign.what]
    assert [sign.verdict for sign in rights] == [Verdict.NOT_LOOKED_AT]


def examined(run: Runner) -> list[Sign]:
    return doctor.examined("demo-orch", {}, run, lambda name: f"/usr/bin/{name}")
