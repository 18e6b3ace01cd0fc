"""Who may do what: manifest, plan, a deployed project and the drift check as wholes, each against the file.

What is wanted is calculated here from the plain YAML, and what is there from the lines and the policies alone.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.apply import apply
from deploy.command import call
from deploy.command_line import CommandLine
from deploy.drift import Colour
from deploy.plan import PlanConflict, distinct, plan
from deploy.resource import Resource
from tests.deploy.standin import NUMBER, Cloud
from tests.deploy.test_drift import look
from tests.deploy.world import PLACE, build_info, manifest, project, raw

# Kind of thing, thing, role, member, and the dataset that a condition names, or nothing.
Grant = tuple[str, str, str, str, str]
PROJECT = PLACE.project
AGENT = f"serviceAccount:service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"
KINDS = {"iam": "service account", "run": "service", "secrets": "secret", "projects": "project"}
STORES = {"topics": "topic", "subscriptions": "subscription", "secrets": "secret", "services": "service"}


def account(name: str) -> str:
    return f"serviceAccount:{name}@{PROJECT}.iam.gserviceaccount.com"


def wanted() -> set[Grant]:
    """Return what deploy/functions.yaml asks for, line by line."""
    file = raw()
    builder = account(file["build"]["service_account"])
    grants: set[Grant] = {("project", PROJECT, role, builder, "") for role in file["build"]["roles"]}
    grants |= {("topic", file["dead_letter"]["topic"], "roles/pubsub.publisher", AGENT, "")}
    for folder, function in file["functions"].items():
        if function["trigger"].get("policies") or folder == "webhooks":  # nothing is for them: they are not deployed
            continue
        name, me = f"{file['prefix']}-{folder.replace('_', '-')}", account(function["service_account"])
        grants |= {_declared(role, me) for role in function["roles"]}
        secrets = function.get("secrets", file["defaults"]["secrets"])
        grants |= {("secret", secret, "roles/secretmanager.secretAccessor", me, "") for secret in secrets}
        for topic in function["trigger"].get("topics", []):
            grants.add(("subscription", f"{name}--{topic}", "roles/pubsub.subscriber", AGENT, ""))
            pusher = function["trigger"]["service_account"]
            grants.add(("service", name, "roles/run.invoker", account(pusher), ""))
            # Pub/Sub signs as the account that it pushes as, or its calls are anonymous.
            grants.add(("service account", pusher, "roles/iam.serviceAccountTokenCreator", AGENT, ""))
        callers = {s["service_account"] for s in file["schedules"].values() if s["calls"] == folder}
        grants |= {("service", name, "roles/run.invoker", account(caller), "") for caller in callers}
    return grants


def _declared(role: dict[str, str], member: str) -> Grant:
    kind, _, name = role["scope"].partition("/")
    if kind == "dataset":
        return "project", PROJECT, role["role"], member, name
    return kind, name or PROJECT, role["role"], member, ""


def given(line: CommandLine) -> Grant:
    """Read what a line gives, as gcloud would."""
    words, flags = line.command.split(), line.flags
    kind = KINDS.get(words[1]) or {"topics": "topic", "subscriptions": "subscription"}[words[2]]
    thing = words[-1].partition("@")[0]
    return kind, thing, flags["role"], flags["member"], _dataset(flags.get("condition", ""))


def _dataset(condition: str) -> str:
    """Return the dataset of a condition, which must take in the dataset, what lies in it, and nothing else."""
    if condition in ("", "None"):
        return ""
    name = condition.split("'")[1].rpartition("/")[2]
    below = f"projects/{PROJECT}/datasets/{name}"
    expression = condition.removeprefix("expression=").partition(",title=")[0]
    assert expression == f"resource.name == '{below}' || resource.name.startsWith('{below}/')"
    return name


def there(cloud: Cloud) -> list[Grant]:
    """Return what the policies of a project give, things that others deployed included."""
    grants = [
        (
            kind,
            name.partition("@")[0],
            binding["role"],
            member,
            _dataset((binding.get("condition") or {}).get("expression", "")),
        )
        for store, kind in {**STORES, "accounts": "service account", "projects": "project"}.items()
        for name, thing in cloud.store(store).items()
        for binding in thing.get("policy", [])
        for member in binding["members"]
    ]
    return sorted(grants)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    made = project(tmp_path)
    list(apply(plan(manifest(), PLACE, build_info()), made))
    return made


def planned() -> list[Resource]:
    return [resource for resource in plan(manifest(), PLACE, build_info()) if resource.kind.endswith(" role")]


def test_every_right_of_the_manifest_has_its_line() -> None:
    """The plan gives each right of the file once, the same role on several datasets included, and no other."""
    grants = [given(resource.update) for resource in planned() if resource.update]
    assert sorted(grants) == sorted(wanted())
    viewers = [grant for grant in grants if grant[2] == "roles/bigquery.dataViewer"]
    asked = [r for f in raw()["functions"].values() for r in f["roles"] if r["role"] == "roles/bigquery.dataViewer"]
    assert len(viewers) == len(asked) > 20


def test_a_deployed_project_gives_the_rights_of_the_manifest(cloud: Cloud) -> None:
    """What stands in the policies afterwards is the file: as many, the same, nothing beside them."""
    assert there(cloud) == sorted(wanted())


def test_the_drift_check_sees_each_right_that_is_gone(cloud: Cloud) -> None:
    """With every policy emptied it names each right of the file, once, as missing."""
    for store in (*STORES, "accounts", "projects"):
        for thing in cloud.store(store).values():
            thing["policy"] = []
    findings = [
        finding
        for finding in look(cloud, build_info()).findings
        if finding.found == "none" and " role " in finding.where
    ]
    assert {finding.colour for finding in findings} == {Colour.RED}
    assert sorted(finding.where for finding in findings) == sorted(resource.id for resource in planned())
    assert len(findings) == len(wanted())


@pytest.mark.parametrize("dataset", ["nba_raw", "nba_analytics", "nba_precompute", "nba_predictions"])
def test_one_dataset_that_may_no_longer_be_read_is_seen(cloud: Cloud, dataset: str) -> None:
    """Of several grants of one role to one account, the one that is gone is named, and only that one."""
    member = account("orch-self-heal")
    for binding in cloud.store("projects")[PROJECT]["policy"]:
        if binding["role"] == "roles/bigquery.dataViewer" and binding.get("condition", {}).get("title") == dataset:
            binding["members"].remove(member)
    assert [finding.where for finding in look(cloud, build_info()).findings] == [
        f"project role {PROJECT} roles/bigquery.dataViewer {member} if {dataset}"
    ]


def test_two_lines_under_one_id_are_refused() -> None:
    """What would be lost is named with both of its lines; the same thing twice is once."""
    first = next(resource for resource in planned() if resource.update and "nba_raw" in str(resource.update))
    other = next(resource for resource in planned() if resource.update and "nba_analytics" in str(resource.update))
    assert distinct([first, first]) == [first]
    refused = refusal([first, replace(other, kind=first.kind, name=first.name)])
    assert first.id in refused
    assert all(str(resource.update) in refused for resource in (first, other))


def refusal(resources: list[Resource]) -> str:
    try:
        distinct(resources)
    except PlanConflict as conflict:
        return str(conflict)
    return ""


def test_two_lines_under_one_id_end_the_command(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """`bin/deploy plan` says which id, with a hint, and prints no plan."""
    monkeypatch.setattr(Resource, "id", property(lambda resource: resource.kind))
    monkeypatch.setenv("COMMIT_SHA", "0" * 40)
    assert call(["plan", f"--project={PROJECT}", f"--number={NUMBER}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: two different things are called service account:" in err
    assert "hint: " in err


def test_a_line_is_read_as_a_shell_reads_it() -> None:
    """The calculation of these tests and the printed line agree."""
    line = next(resource.update for resource in planned() if resource.update and "startsWith" in str(resource.update))
    assert given(CommandLine(tuple(shlex.split(str(line))))) == given(line)
