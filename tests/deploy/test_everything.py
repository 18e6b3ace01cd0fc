"""A pipeline that asks for everything that a policy can ask of its deployment: each thing of it is in the plan.

What is needed is found by walking the plain values of its files, by the places at which they stand; the code of the
deployment has no part in it. Who needs what is said here, after the code of the functions.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from deploy.apply import apply
from deploy.command_line import CommandLine
from deploy.drift import Report, drift
from deploy.manifest import BuildInfo, Manifest
from deploy.orphans import orphans
from deploy.plan import lines, plan
from deploy.policy_checks import violations
from deploy.resource import Resource
from shared.adapters.config import schema_types
from shared.adapters.config.policy_schema import PolicySchema
from shared.adapters.config.validation_schema import ValidationSchema
from shared.adapters.config.workflows_schema import WorkflowsSchema
from tests.deploy.standin import NUMBER
from tests.deploy.test_plan import lint
from tests.deploy.test_rights import Grant, account, given
from tests.deploy.world import COMMIT, PLACE, checkout, load_checkout, project

SHOP = Path(__file__).parent / "shop"
RAW: dict[str, dict[str, Any]] = {
    kind: yaml.safe_load((SHOP / f"shop{kind}.yaml").read_text(encoding="utf-8"))
    for kind in ("", ".workflows", ".validation")
}
POLICY, WORKFLOWS, VALIDATION = RAW[""], RAW[".workflows"], RAW[".validation"]
SHAPES = {"": PolicySchema, ".workflows": WorkflowsSchema, ".validation": ValidationSchema}
# The words under which a file names a thing of the cloud.
NAMED = ("Topic", "Secret", "Table", "SqlFile", "Variable")
Place = tuple[str, ...]


def walk(value: Any, *above: str) -> Iterator[tuple[Place, str]]:
    """Yield each text of a file with the keys that lead to it; a number stands for the place in a list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, *above, str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from walk(item, *above, str(place))
    elif isinstance(value, str):
        yield above, value


def of_policy(*ends: str, under: str = "") -> set[str]:
    """Return the texts of the policy that stand behind these last keys, below one of its sections."""
    return {text for place, text in walk(POLICY) if place[-1] in ends and (not under or place[0] == under)}


def datasets(tables: set[str]) -> set[str]:
    return {table.partition(".")[0] for table in tables}


def in_sql(text: str, *folders: str) -> set[str]:
    """Return the datasets that SQL files of the fixture name in words, by the file itself: `A.B` and A.B after FROM."""
    files = [path for folder in folders for path in (SHOP / folder).glob("*.sql")]
    sql = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(rf"(?:{text})\s+`?([a-z_]+)\.[a-z_]+`?", sql))


def topics() -> set[str]:
    """Return the topics that the files name, and those that the functions make of the pipeline's name."""
    return of_policy("topic", "completions_topic") | {f"shop-{word}" for word in CONVENTIONAL}


CONVENTIONAL = ("batch-start", "workflow-run", "phase1-scrapers-complete")
COMPLETIONS = of_policy("completions_topic")
REPORTS = {batch["reports"]["topic"] for batch in POLICY["batches"].values()}
TRIGGERS = of_policy("topic", under="transitions")
SIGNALS: dict[str, dict[str, Any]] = POLICY["signals"]
CALLED = {name: signal for name, signal in SIGNALS.items() if "webhook" in signal}
FED: dict[str, set[str]] = {
    "transition": COMPLETIONS | {signal["topic"] for signal in SIGNALS.values()},
    "phase5-batches": {"shop-batch-start", *REPORTS},
    "workflow-executor": {"shop-workflow-run", "shop-phase1-scrapers-complete"},
}
SIGNATURES = {signal["webhook"]["secret"] for signal in CALLED.values()}
SECRETS = {text for place, text in walk(POLICY["alerts"]) if place[-1].endswith("_secret") or place[0] == "channels"}
FUNCTIONS = {
    "orch-phase2-to-phase3",
    "orch-phase3-to-phase4",
    "orch-phase4-to-phase5",
    "orch-phase5-to-phase6",
    "orch-phase5-batches",
    "orch-transition",
    "orch-self-heal",
    "orch-workflows",
    "orch-executor",
    "orch-validation",
    "orch-health",
}


def service_names(**where: str) -> set[str]:
    """Return under what names the services are deployed that a section of the policy calls."""
    [(section, key)] = where.items()
    called = {text for place, text in walk(POLICY[section]) if place[-1] in ("service", "preflight") and key in place}
    return {deployed(name) for name in called}


def deployed(service: str) -> str:
    declared = POLICY["services"][service]
    identity = declared.get("identity")
    return str(declared.get("cloud_run") or identity if isinstance(identity, str) else declared["cloud_run"])


def wanted() -> set[Grant]:
    """Return every right that the functions need for the pipeline, by account."""
    publishers = {
        "orch-transition": TRIGGERS,
        "orch-self-heal": TRIGGERS | {f"shop-{word}" for word in CONVENTIONAL},
        "orch-phase5-batches": {
            "shop-batch-start",
            *(batch[key]["topic"] for batch in POLICY["batches"].values() for key in ("request", "publish")),
        },
        "orch-workflows": {"shop-workflow-run"},
        "orch-executor": {"shop-workflow-run"},
        "orch-webhooks": {signal["topic"] for signal in CALLED.values()},
    }
    calls = service_names(transitions="dispatch") | service_names(transitions="preflight")
    callers = {
        "orch-transition": calls,
        "orch-self-heal": calls | service_names(phases="rerun"),
        "orch-phase5-batches": service_names(batches="on_close"),
        "orch-executor": {deployed(scraper["service"]) for scraper in WORKFLOWS["scrapers"].values()},
    }
    calendar = datasets(of_policy("table", under="calendar"))
    output = calendar | datasets(of_policy("table", under="phases")) | in_sql("FROM|JOIN", "gates")
    collected = datasets({text for place, text in walk(WORKFLOWS) if place[-1] == "table"})
    readers = {
        "orch-transition": output,
        "orch-self-heal": output | collected,
        "orch-health": output,
        "orch-validation": output | in_sql("FROM|JOIN", "checks"),
        "orch-workflows": calendar | collected,
        "orch-phase5-batches": in_sql("FROM|JOIN", "batches"),
    }
    publisher, invoker = "roles/pubsub.publisher", "roles/run.invoker"
    viewer, editor, accessor = "roles/bigquery.dataViewer", "roles/bigquery.dataEditor", "secretmanager.secretAccessor"
    grants = {("topic", topic, publisher, account(who), "") for who, names in publishers.items() for topic in names}
    grants |= {("service", name, invoker, account(who), "") for who, names in callers.items() for name in names}
    grants |= {
        ("project", PLACE.project, viewer, account(who), name) for who, names in readers.items() for name in names
    }
    merged = in_sql("MERGE", "batches")
    grants |= {("project", PLACE.project, editor, account("orch-phase5-batches"), name) for name in merged}
    grants |= {("secret", name, f"roles/{accessor}", account(who), "") for name in SECRETS for who in FUNCTIONS}
    grants |= {("secret", name, f"roles/{accessor}", account("orch-webhooks"), "") for name in SIGNATURES}
    agent = f"serviceAccount:service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"
    grants |= {
        ("subscription", f"nba-{name}--{topic}", "roles/pubsub.subscriber", agent, "")
        for name, heard in FED.items()
        for topic in heard
    }
    return grants


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return load_checkout(checkout(tmp_path_factory.mktemp("shop") / "checkout", SHOP))


def build_of(of: Manifest) -> BuildInfo:
    return BuildInfo(COMMIT, dict.fromkeys(of.functions, "a" * 40))


def planned(of: Manifest) -> list[Resource]:
    return plan(of, PLACE, build_of(of))


def made(of: Manifest, command: str) -> list[CommandLine]:
    """Return the lines of a plan that make things of a kind."""
    return [line for line in lines(planned(of)) if line.command.startswith(f"gcloud {command} ")]


def last_words(of: Manifest, command: str, mark: str) -> set[str]:
    names = {line.command.split()[-1] for line in made(of, command)}
    return {name for name in names if mark in name}


def test_the_pipeline_asks_for_everything_that_a_policy_can_ask_for() -> None:
    """Each key of the schemas that names a topic, a secret, a table, a query, a variable or a service is in its files.

    A key that is added to a schema fails here until the pipeline has it, and with it everything below.
    """
    there = {key for kind, shape in SHAPES.items() for key in used(msgspec.convert(RAW[kind], shape, strict=False))}
    asked = {key for shape in SHAPES.values() for key in naming(shape, set())}
    assert len(asked) > 20
    # One check has a table where it is about one; the SQL of any names its own.
    assert asked - there - {("CheckSchema", "table")} == set()


def naming(shape: Any, seen: set[Any]) -> set[tuple[str, str]]:
    """Return the keys of a schema, and of those below it, that name something of the cloud."""
    if shape in seen:
        return set()
    seen.add(shape)
    named: set[tuple[str, str]] = set()
    wire = {getattr(schema_types, name): name for name in NAMED}
    for field, kind in typing.get_type_hints(shape, include_extras=True).items():
        parts = list(_parts(kind))
        if field in ("service", "preflight") or any(part in wire for part in parts):
            named.add((shape.__name__, field))
        for part in parts:
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                named |= naming(part, seen)
    return named


def _parts(kind: Any) -> Iterator[Any]:
    try:
        yield kind
        for part in typing.get_args(kind):
            yield from _parts(part)
    except TypeError:
        return


def used(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the keys that a file gives, by the schema that knows them."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            item = getattr(value, field)
            if item is not msgspec.UNSET and item is not None:
                yield type(value).__name__, field
                yield from used(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from used(item)
    elif isinstance(value, list):
        for item in value:
            yield from used(item)


def test_every_topic_is_made_and_fed_to_who_takes_it_in(shop: Manifest) -> None:
    """Those of completions, triggers, batches and workflows; nothing hears what a function only writes."""
    assert last_words(shop, "pubsub topics create", "shop") == topics()
    fed = {f"nba-{name}--{topic}" for name, heard in FED.items() for topic in heard}
    assert last_words(shop, "pubsub subscriptions create", "shop") == fed


def test_every_right_is_given_and_no_other(shop: Manifest) -> None:
    """Exactly those that the walk finds: to publish, to call, to read and to write, to know a secret, to deliver."""
    grants = {
        given(resource.update) for resource in planned(shop) if resource.kind.endswith(" role") and resource.update
    }
    assert {grant for grant in grants if "shop" in grant[1] or "shop" in grant[4]} == wanted()


def test_every_secret_is_there(shop: Manifest) -> None:
    """Those of channels, of the pager and of every kind of sink, the keys of signatures included."""
    assert len(SECRETS) == 10
    assert last_words(shop, "secrets create", "shop") == SECRETS | SIGNATURES


def test_every_schedule_of_its_checks_is_called_at_its_local_time(shop: Manifest) -> None:
    """Once, for this pipeline alone; the call of the manifest's own checks of the same name is for those alone now."""
    calls = {
        (line.flags["schedule"], line.flags["time-zone"], line.flags["uri"].partition(".run.app")[2])
        for line in made(shop, "scheduler jobs create http")
        if "schedule=" in line.flags["uri"]
    }
    for name, schedule in VALIDATION["schedules"].items():
        hour, minute = map(int, schedule["at"].split(":"))
        assert (f"{minute} {hour} * * *", POLICY["timezone"], f"/?schedule={name}&pipeline=shop") in calls
    assert ("0 12 * * *", "America/New_York", "/?schedule=midday&pipeline=nba") in calls
    assert len([call for call in calls if call[2].endswith("pipeline=shop")]) == len(VALIDATION["schedules"])
    # The sweep and the controller are called without a name, which is for every pipeline.
    assert {"nba-self-heal", "nba-workflow-controller"} <= last_words(shop, "scheduler jobs create http", "")


def test_every_function_knows_where_the_services_are(shop: Manifest) -> None:
    """Under the address that Cloud Run gives the name: no line of the manifest says it."""
    deploys = [line for line in made(shop, "functions deploy") if "webhooks" not in line.command]  # it calls nobody
    assert len(deploys) == len(FUNCTIONS)
    for name, service in POLICY["services"].items():
        setting = f"{service['url_env']}=https://{deployed(name)}-{NUMBER}.us-west2.run.app"
        assert [line.command for line in deploys if setting not in line.flags["update-env-vars"]] == []


def added(of: Manifest) -> list[CommandLine]:
    return [line for line in lines(planned(of)) if "shop" in str(line) and line.words[0] == "gcloud"]


def test_gcloud_takes_the_lines_of_a_schedule(shop: Manifest, tmp_path: Path) -> None:
    """No line breaks a rule of ours; gcloud's own parser takes the one whose form is new, an address with an `&`."""
    assert [violation for line in added(shop) for violation in violations(line)] == []
    [line, *_] = [str(line) for line in added(shop) if line.command.startswith("gcloud scheduler jobs create")]
    assert [(verdict["success"], verdict["command_string"]) for verdict in lint([line], tmp_path)] == [(True, line)]


@pytest.mark.nightly
def test_gcloud_takes_a_line_of_each_kind(shop: Manifest, tmp_path: Path) -> None:
    """gcloud's own parser takes one of each command that this pipeline adds."""
    kinds = {" ".join(line.command.split()[:4]): str(line) for line in added(shop)}
    judged = lint(list(kinds.values()), tmp_path)
    assert [(verdict["command_string"], verdict["error_message"]) for verdict in judged if not verdict["success"]] == []
    assert len(judged) == len(kinds) > 15


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def look(of: Manifest, cloud: Any) -> Report:
    return drift(of, PLACE, planned(of), cloud, lambda folder, commit: NOW, NOW)


def test_what_is_deployed_is_the_plan_and_each_loss_is_seen(shop: Manifest, tmp_path: Path) -> None:
    """After a deploy nothing differs and nothing is an orphan; of each kind one thing that is gone is named."""
    cloud = project(tmp_path, shop)
    list(apply(planned(shop), cloud))
    assert look(shop, cloud).findings == ()
    assert orphans(shop, PLACE, cloud) == []
    before = cloud.state()
    for store, mark in (
        ("topics", "shop-labels-trigger"),
        ("subscriptions", "nba-phase5-batches--shop-quote-ready"),
        ("secrets", "shop-tickets-key"),
        ("jobs", "nba-validation-shop--morning"),
    ):
        things = cloud.store(store)
        [name] = [name for name in things if name.endswith(mark)]
        kept = things.pop(name)
        assert any(mark in finding.where for finding in look(shop, cloud).findings), mark
        things[name] = kept
    assert cloud.state() == before


def test_a_pipeline_that_is_taken_away_leaves_orphans_that_are_named(shop: Manifest, tmp_path: Path) -> None:
    """Its subscriptions and schedules still call our functions: each is named with the line that removes it."""
    cloud = project(tmp_path, shop)
    list(apply(planned(shop), cloud))
    left = load_checkout(checkout(tmp_path / "checkout"))
    what = {orphan.what for orphan in orphans(left, PLACE, cloud) if "shop" in orphan.what}
    assert what >= {f"subscription nba-{name}--{topic}" for name, heard in FED.items() for topic in heard}
    assert what >= {f"schedule nba-validation-shop--{name}" for name in VALIDATION["schedules"]}
