"""Every line that a plan can yield, judged by gcloud's own parser and by our rules."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlglot

from deploy import deployer, orphans, policy_checks, rights
from deploy.apply import apply
from deploy.command_line import CommandLine, pairs
from deploy.compute import environment
from deploy.drift import drift
from deploy.manifest import ROOT, BuildInfo
from deploy.plan import lines, plan
from deploy.ready import ReadyCheck
from deploy.runner import CommandResult
from shared.cli.doctor import examined
from shared.cli.logs import log_line
from shared.core.model import Run, RunKey
from tests.deploy.standin import Cloud, patient
from tests.deploy.test_drift import NOW
from tests.deploy.world import PLACE, build_info, load_changed, manifest, project
from tests.emulators.gcloud import skip_or_fail

LINT_SECONDS = 1800  # over 400 lines, each some seconds on a machine that does more at once


@pytest.fixture(scope="module")
def every_line(tmp_path_factory: pytest.TempPathFactory) -> list[CommandLine]:
    """All lines of the whole system: those that a plan can yield, and those seen to run, once each."""
    heard = Heard(project(tmp_path_factory.mktemp("heard")))
    for given in (build_info(), build_info("b")):
        deploy(heard, given, ())
    for name in manifest().functions:
        deploy(Heard(project(heard.cloud.root), heard.lines), build_info(), (name,))
    drift(manifest(), PLACE, plan(manifest(), PLACE, build_info()), heard, lambda folder, commit: None, NOW)
    examined(PLACE.project, {}, heard, lambda name: name)
    changes = {
        "notify/office": {"type": "email", "labels": {"email_address": "office@example.com"}},
        "deployers": ["user:me@example.com"],
    }
    declared = plan(load_changed(heard.cloud.root, changes), PLACE, build_info())
    removals = [orphan.remove for orphan in orphans.orphans(manifest(), PLACE, with_orphans()) if orphan.remove]
    assert len(removals) == 3
    # A right that nobody declared is taken away by a line of its own, whatever it is on.
    ones = {resource.right.kind: resource.right for resource in declared if resource.right}
    assert set(ones) == set(rights.GROUPS)
    conditional = next(resource.right for resource in declared if resource.right and resource.right.condition)
    removals += [rights.take_line(PLACE, right) for right in (*ones.values(), conditional)]
    read_log = log_line(Run(RunKey("nba", NOW.date(), "overnight"), NOW), NOW, PLACE.project, "WARNING", 500)
    return list(dict.fromkeys([*lines(declared), *heard.lines, *removals, read_log]))


@dataclass
class Heard:
    """Remembers each line that a project is given."""

    cloud: Cloud
    lines: list[CommandLine] = field(default_factory=list)

    def __call__(self, line: CommandLine) -> CommandResult:
        self.lines.append(line)
        if line.command.startswith(("gcloud auth list", "gcloud secrets versions list")):
            return CommandResult(0, '[{"account": "me@example.com", "name": "1"}]', "")
        return self.cloud(line)


def deploy(run: Heard, given: BuildInfo, only: tuple[str, ...]) -> None:
    checks = ReadyCheck(manifest(), PLACE, given, run, patient)
    assert list(apply(plan(manifest(), PLACE, given, only), run, checks))


def with_orphans() -> Cloud:
    """Return a project that holds one thing of each kind that nobody declared."""
    cloud = Cloud(ROOT)
    topic = f"projects/{PLACE.project}/topics/nba-phase6-export-trigger"
    cloud.store("subscriptions")["old"] = {"name": f"projects/{PLACE.project}/subscriptions/old", "topic": topic}
    cloud.store("functions")["old"] = {"name": "old", "labels": dict(manifest().labels)}
    cloud.store("jobs")["old"] = {"name": "old", "httpTarget": {"uri": PLACE.url("nba-self-heal")}}
    return cloud


def lint(commands: list[str], folder: Path) -> list[dict[str, object]]:
    """Return gcloud's own judgement; it ends with status 0 whatever it finds, so its JSON is read."""
    if shutil.which("gcloud") is None:
        skip_or_fail("gcloud is not on PATH")
    path = folder / "commands.json"
    path.write_text(json.dumps([{"command_string": command} for command in commands]))
    command = ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={path}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LINT_SECONDS, check=True)
    verdicts: list[dict[str, object]] = json.loads(ended.stdout)
    return verdicts


@pytest.mark.slow
@pytest.mark.nightly
def test_gcloud_takes_every_line(every_line: list[CommandLine], tmp_path: Path) -> None:
    """The real parser finds no fault in any line, and judged them all.

    Of a first deploy, an update, each function alone, the drift check, the doctor, what removes an orphan, and the log.
    """
    lines = [line for line in every_line if line.words[0] == "gcloud"]
    assert len(lines) > 250
    assert {line.words[0] for line in every_line} == {"gcloud", "bq", "curl"}
    assert_taken([str(line) for line in lines], tmp_path)


@pytest.mark.slow
def test_gcloud_takes_a_line_of_each_form(every_line: list[CommandLine], tmp_path: Path) -> None:
    """The same of one line for each command and set of flags, which takes a third of the time."""
    shapes = {(line.words[1:4], frozenset(line.flags)): line for line in every_line if line.words[0] == "gcloud"}
    assert len(shapes) > 30
    assert_taken([str(line) for line in shapes.values()], tmp_path)


def assert_taken(commands: list[str], folder: Path) -> None:
    judged = lint(commands, folder)
    assert [(line["command_string"], line["error_message"]) for line in judged if not line["success"]] == []
    assert {line["command_string"] for line in judged} == set(commands)


def test_gcloud_takes_the_lines_of_the_guide(tmp_path: Path) -> None:
    """What the pages of deploy/ and config/ tell people to type parses, its upper-case words being theirs to fill."""
    guide = "\n".join(page.read_text() for name in ("deploy", "config") for page in sorted((ROOT / name).glob("*.md")))
    blocks = re.findall(r"^ *```sh\n(.*?)```", guide, re.MULTILINE | re.DOTALL)
    shown = [line.strip().split("   #")[0].strip() for block in blocks for line in block.splitlines()]
    inline = [text for text in re.findall(r"`(gcloud [^`]+)`", guide) if "--" in text]
    commands = [line for line in (*shown, *inline) if line.startswith("gcloud ")]
    assert len(commands) > 10
    assert [
        (verdict["command_string"], verdict["error_message"])
        for verdict in lint(commands, tmp_path)
        if not verdict["success"]
    ] == []


def test_the_guide_gives_whoever_deploys_what_the_doctor_asks_for() -> None:
    """The guide's commands and the table of ROLES.md name each role that the doctor asks Google about, and no other."""
    guide = (ROOT / "deploy/README.md").read_text()
    member = "--member=$deployer --role="
    roles = re.findall(rf"gcloud projects add-iam-policy-binding my-project {re.escape(member)}(\S+)", guide)
    assert roles == list(deployer.ROLES)
    on_accounts = re.findall(rf"gcloud iam service-accounts add-iam-policy-binding \S+ {re.escape(member)}(\S+)", guide)
    assert set(on_accounts) == set(deployer.ON_ACCOUNTS)
    table = (ROOT / "deploy/ROLES.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith("| whoever deploys |"))
    assert {f"roles/{name}" for name in re.findall(r"`([\w.]+)`", row)} == set(roles)
    assert len(set(deployer.ROLES.values())) == len(deployer.ROLES)


def test_gcloud_would_refuse_a_faulty_line(tmp_path: Path) -> None:
    """The judge can say no: an unknown flag and a group half given are found."""
    faulty = [
        "gcloud functions deploy x --region=r --runtim=python311",
        "gcloud functions deploy x --cpu=1",
        "gcloud pubsub subscriptions create x --topic=t --max-delivery-attempts=3",
    ]
    assert [verdict["success"] for verdict in lint(faulty, tmp_path)] == [False, False, False]


def test_no_line_breaks_a_rule(every_line: list[CommandLine]) -> None:
    """What gcloud's parser does not see, our rules do, and no line of the plan breaks one."""
    assert [(str(line), fault) for line in every_line for fault in policy_checks.violations(line)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("functions deploy x --trigger-topic=t --trigger-service-account=a", "--trigger-topic without --retry"),
        ("functions deploy x --trigger-topic=t --retry", "--trigger-topic without --trigger-service-account"),
        ("functions deploy x --trigger-http --retry", "--trigger-http and --retry"),
        ("functions deploy x --trigger-http --env-vars-file=f", "--env-vars-file removes everything"),
        ("functions deploy x --trigger-http", "a deploy without --no-allow-unauthenticated"),
        ("functions deploy x --update-labels=commit-sha=ABC", "an upper-case label"),
        ("functions deploy x --trigger-http", "a deploy without --build-service-account"),
        ("functions deploy --gen2 x", "positionals after flags: x"),
        ("pubsub subscriptions create x --push-endpoint=u", "without --dead-letter-topic"),
        ("pubsub subscriptions update x --max-delivery-attempts=5", "without --dead-letter-topic"),
        ("pubsub topics create x --labels=a=#1", "a # ends the line"),
        ("run deploy x --cpu=1", "--cpu without --memory"),
    ],
)
def test_a_rule_names_what_it_refuses(text: str, fault: str) -> None:
    """Each rule can say no."""
    problems = policy_checks.violations(CommandLine(("gcloud", *shlex.split(text), "--project=p", "--quiet")))
    assert any(fault in problem for problem in problems), problems


def test_a_printed_line_is_the_line_that_runs(every_line: list[CommandLine]) -> None:
    """What a plan prints, typed into a shell, is the same list of words."""
    assert [shlex.split(str(line)) for line in every_line] == [list(line.words) for line in every_line]


def test_the_record_is_valid_googlesql(every_line: list[CommandLine]) -> None:
    """Each statement for BigQuery parses, is partitioned, and may run again."""
    statements = [line.words[-1] for line in every_line if line.words[:2] == ("bq", "query")]
    assert len(statements) > 12
    for text in statements:
        assert [statement.sql() for statement in sqlglot.parse(text, read="bigquery") if statement] != []
    tables = [text for text in statements if "CREATE TABLE" in text]
    assert all("PARTITION BY" in text and "require_partition_filter = true" in text for text in tables)
    again = ("IF NOT EXISTS", "OR REPLACE", "ALTER SCHEMA IF EXISTS")
    assert all(any(word in text for word in again) for text in statements)


def test_things_come_after_what_they_need() -> None:
    """Topics before subscriptions, accounts before rights, a function before who may call it, all before schedules."""
    order = [resource.id for resource in plan(manifest(), PLACE, build_info())]
    kinds = [resource.kind for resource in plan(manifest(), PLACE, build_info())]
    last_topic = max(place for place, kind in enumerate(kinds) if kind == "topic")
    assert last_topic < kinds.index("subscription")
    assert max(place for place, kind in enumerate(kinds) if kind == "service account") < kinds.index("topic role")
    for declaration in manifest().functions.values():
        function = order.index(f"function {declaration.name}")
        mine = [place for place, name in enumerate(order) if name.startswith(f"subscription {declaration.name}--")]
        assert all(function < place for place in mine)
    assert kinds.index("schedule") > max(place for place, kind in enumerate(kinds) if kind == "function")
    assert len(order) == len(set(order))


# The API that each of gcloud's groups calls; the one that enables the others is on in every project.
APIS = {
    "gcloud alpha monitoring": "monitoring",
    "gcloud auth print-identity-token": "iamcredentials",
    "gcloud beta monitoring": "monitoring",
    "gcloud firestore": "firestore",
    "gcloud functions": "cloudfunctions",
    "gcloud iam": "iam",
    "gcloud logging": "logging",
    "gcloud monitoring": "monitoring",
    "gcloud projects": "cloudresourcemanager",
    "gcloud pubsub": "pubsub",
    "gcloud run": "run",
    "gcloud scheduler": "cloudscheduler",
    "gcloud secrets": "secretmanager",
    "gcloud services": "serviceusage",
    "bq": "bigquery",
}
ON_THIS_MACHINE = ("gcloud auth list", "gcloud auth print-access-token", "curl")


def test_every_api_that_a_line_calls_is_enabled(every_line: list[CommandLine]) -> None:
    """Each line, of deploy, drift check and doctor, belongs to an API of the manifest."""
    called = set[str]()
    for line in every_line:
        if not line.command.startswith(ON_THIS_MACHINE):
            (group,) = [api for api in APIS if f"{line.command} ".startswith(f"{api} ")]
            called.add(f"{APIS[group]}.googleapis.com")
    built_by = {"artifactregistry.googleapis.com", "cloudbuild.googleapis.com"}
    assert called - {"serviceusage.googleapis.com"} | built_by == set(manifest().apis)


def test_who_may_sign_as_an_account_comes_after_the_apis_and_before_every_push() -> None:
    """Pub/Sub signs as the push account: given once that account is there, before the first subscription."""
    order = [resource.id for resource in plan(manifest(), PLACE, build_info())]
    kinds = [resource.kind for resource in plan(manifest(), PLACE, build_info())]
    agent = f"serviceAccount:{PLACE.pubsub_agent}"
    signs = order.index(f"service account role orch-push roles/iam.serviceAccountTokenCreator {agent}")
    assert order.index(f"apis {PLACE.project}") < order.index("service account orch-push") < signs
    assert signs < kinds.index("subscription")


def test_who_deploys_may_act_as_every_account_once_it_is_there(tmp_path: Path) -> None:
    """A deployer of the manifest acts as each account and asks as those that call, before the first function."""
    me = "serviceAccount:deploy@{project}.iam.gserviceaccount.com"
    declared = plan(load_changed(tmp_path, {"deployers": [me]}), PLACE, build_info())
    mine = [resource.right for resource in declared if resource.right and resource.right.member == PLACE.filled(me)]
    assert {(right.thing, right.role) for right in mine} == {
        *((name, "roles/iam.serviceAccountUser") for name in manifest().service_accounts),
        ("orch-push", "roles/iam.serviceAccountTokenCreator"),
        ("orch-scheduler", "roles/iam.serviceAccountTokenCreator"),
    }
    kinds = [resource.kind for resource in declared]
    last_mine = max(place for place, resource in enumerate(declared) if resource.right in mine)
    assert max(p for p, kind in enumerate(kinds) if kind == "service account") < last_mine < kinds.index("function")


def test_values_with_commas_survive() -> None:
    """gcloud's own escape is used, and a value that holds its mark is refused."""
    assert pairs({"B": "1,2", "A": "x"}) == "^;^A=x;B=1,2"
    with pytest.raises(ValueError, match="holds ';'"):
        pairs({"A": "x;y"})


def test_functions_ask_the_database_that_is_made(tmp_path: Path) -> None:
    """A database of another name than the default is made under it and named to every function."""
    named = load_changed(tmp_path, {"firestore/database": "weather"})
    assert {
        environment(named, function, PLACE, build_info())["ORCH_DATABASE"] for function in named.functions.values()
    } == {"weather"}
    assert all(
        "ORCH_DATABASE" not in environment(manifest(), function, PLACE, build_info())
        for function in manifest().functions.values()
    )


def test_people_are_let_in_by_name(tmp_path: Path) -> None:
    """Whom the manifest names may call that function's service, beside its schedule, and no other function."""
    members = {"group:data@example.com", "user:me@example.com"}
    declared = load_changed(tmp_path, {"functions/health_check/people": sorted(members)})
    added = {resource.id for resource in plan(declared, PLACE, build_info())} - {
        resource.id for resource in plan(manifest(), PLACE, build_info())
    }
    assert added == {f"service role nba-health-check roles/run.invoker {member}" for member in members}
