"""Drift field by field, against gcloud's own messages: whatever they hold is compared, or named as not compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.apply import apply
from deploy.command import call
from deploy.plan import plan
from deploy.resource import Resource
from deploy.scope import ALTOGETHER, NOT_COMPARED
from tests.deploy.gcloud_messages import MESSAGES, Field, fields, map_values, root, schema_errors
from tests.deploy.standin import Cloud
from tests.deploy.world import PLACE, build_info, manifest, project

ANSWERS = Path(__file__).parent / "answers"
SUBSCRIPTION = "nba-phase3-to-phase4--nba-phase3-analytics-complete"
# Where the stand-in keeps a kind, and the name of one; None where the first will do.
KEPT = {
    "topic": ("topics", "nba-phase6-export-trigger"),
    "subscription": ("subscriptions", SUBSCRIPTION),
    "secret": ("secrets", "slack-webhook-error"),
    "service account": ("accounts", f"orch-push@{PLACE.project}.iam.gserviceaccount.com"),
    "function": ("functions", "nba-phase3-to-phase4"),
    "serving revision": ("services", "nba-phase3-to-phase4"),
    "schedule": ("jobs", "nba-validation-midday"),
    "database": ("databases", "(default)"),
    "dataset": ("bigquery", f"{PLACE.project}.nba_orchestration"),
    "log metric": ("metrics", "orch_triggers"),
    "alert policy": ("alertPolicies", None),
    "channel": ("channels", None),
}
LISTED = ("alert policy", "channel", "dashboard")


@cache
def planned() -> list[Resource]:
    return plan(manifest(), PLACE, build_info())


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    made = project(tmp_path_factory.mktemp("scope"))
    list(apply(planned(), made))
    return made


def answer_of(cloud: Cloud, kind: str) -> dict[str, Any]:
    store, name = KEPT[kind]
    things = cloud.store(store)
    answer = copy.deepcopy(things[name] if name else next(iter(things.values())))
    answer.pop("policy", None)
    return answer


def resources_of(kind: str, answer: dict[str, Any]) -> list[Resource]:
    """Return what of the plan reads this thing."""
    named = {str(answer.get("displayName")), str(KEPT[kind][1]).split("@")[0].rpartition(".")[2]}
    parts = {"schedule": ("schedule", "schedule state"), "database": ("database", "database protection")}
    states = parts.get(kind, (kind,))
    return [resource for resource in planned() if resource.kind in states and resource.name in named]


def seen(resources: list[Resource], kind: str, answer: dict[str, Any]) -> list[str]:
    listing: Any = [answer] if kind in LISTED else answer
    return [str(difference) for resource in resources for difference in resource.differences(listing)]


def changes(
    kind: str, message: str, value: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Yield a change of each field of a message that is not named as not compared; what is there is gone into."""
    for name, field in fields(message).items():
        where = f"{path}.{name}".lstrip(".")
        if where in NOT_COMPARED.get(kind, {}):
            continue
        there = value.get(name)
        first = there[0] if isinstance(there, list) and there else there
        deeper = field.kind == "message" and isinstance(first, dict) and first and map_values(field.message) is None
        if deeper:
            step = (name, 0) if isinstance(there, list) else (name,)
            for inner, change in changes(kind, field.message, first, where):
                yield inner, _below(step, change)
        else:
            yield where, _put(name, other(field, there))


def _below(step: tuple[Any, ...], change: Callable[[Any], None]) -> Callable[[Any], None]:
    def changed(value: Any) -> None:
        for key in step:
            value = value[key]
        change(value)

    return changed


def _put(name: str, new: Any) -> Callable[[Any], None]:
    return lambda value: value.update({name: new})


def other(field: Field, there: Any, depth: int = 0) -> Any:
    """Return a value that the field may have and does not."""
    if field.repeated:
        return [*(there or []), other(Field(field.name, field.kind, False, field.enum, field.message), None, depth)]
    if field.kind == "message":
        values = map_values(field.message)
        if values is not None:
            return {**(there or {}), "other": other(values, None, depth + 1)}
        inner = next(
            candidate for candidate in fields(field.message).values() if depth < 4 or candidate.kind != "message"
        )
        return {**(there or {}), inner.name: other(inner, None, depth + 1)}
    if field.kind == "enum":
        return next(word for word in reversed(field.enum) if word != there and not word.endswith("UNSPECIFIED"))
    return {"bool": not there, "int": 987, "float": 9.5, "json": "other"}.get(field.kind, "b3RoZXI=")


@pytest.mark.parametrize("kind", KEPT)
def test_each_field_is_compared_or_named(cloud: Cloud, kind: str) -> None:
    """Every field of gcloud's own message, changed to something it may be, is seen; the rest is in `--scope`."""
    answer = answer_of(cloud, kind)
    resources = resources_of(kind, answer)
    assert resources
    assert seen(resources, kind, answer) == []
    unseen, number = [], 0
    for path, change in changes(kind, root(kind), answer):
        changed = copy.deepcopy(answer)
        change(changed)
        assert list(schema_errors(root(kind), changed)) == [], path
        number += 1
        if not seen(resources, kind, changed):
            unseen.append(path)
    assert unseen == []
    assert number > 0


@pytest.mark.parametrize("kind", NOT_COMPARED)
def test_what_is_named_as_not_compared_is_a_field(kind: str) -> None:
    """A name in the list that gcloud's message does not have would say nothing."""
    for path in NOT_COMPARED[kind]:
        message = root(kind)
        for name in path.split("."):
            assert name in fields(message), f"{kind}: {path}"
            message = fields(message)[name].message


def test_answers_of_the_stand_in_are_those_of_the_api(cloud: Cloud) -> None:
    """Whatever the stand-in answers to a describe or a list has the fields, words and types of gcloud's messages."""
    stores = {**{kind: store for kind, (store, _) in KEPT.items()}, "field": "fields", "dashboard": "dashboards"}
    broken, number = [], 0
    for kind, store in stores.items():
        for name, thing in cloud.store(store).items():
            if store == "services" and "spec" not in thing:
                continue
            own = "table" if kind == "dataset" and name.count(".") == 2 else kind
            plain = {key: value for key, value in thing.items() if key != "policy"}
            broken += [f"{own} {name}: {fault}" for fault in schema_errors(root(own), plain)]
            broken += [
                f"{own} {name}: {f}" for f in schema_errors(root("policy"), {"bindings": thing.get("policy", [])})
            ]
            number += 1
    assert broken == []
    assert number > 60


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("*.json")), ids=lambda path: path.stem)
def test_written_answers_are_those_of_the_api(path: Path) -> None:
    """The answers after the API references hold what gcloud's messages hold."""
    kinds = {
        "functions": "function",
        "pubsub_subscriptions": "subscription",
        "run_services": "serving revision",
        "scheduler_jobs": "schedule",
    }
    kind = kinds[path.stem.split("@")[0]]
    assert list(schema_errors(root(kind), json.loads(path.read_text()))) == []


def test_the_messages_can_say_no() -> None:
    """A misspelt field, a word that no enum has and a wrong type are found, deep inside too."""
    wrong = {"topc": "x", "state": "RUNNING", "pushConfig": {"oidcToken": {"audience": 1}}, "messageTransforms": {}}
    assert sorted(fault.split(":")[0] for fault in schema_errors(root("subscription"), wrong)) == [
        "messageTransforms",
        "pushConfig.oidcToken.audience",
        "state",
        "topc",
    ]


def test_the_scope_is_said_without_a_project(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bin/check-drift --scope` lists every field and every thing that is not compared, and asks nobody."""
    monkeypatch.setenv("PATH", "")
    assert call(["check-drift", "--scope"]) == 0
    out = capsys.readouterr().out
    assert all(what in out for what in ALTOGETHER)
    assert all(f"  {name}: {why}" in out for own in NOT_COMPARED.values() for name, why in own.items())
    assert call(["check-drift", "--scope", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fields"] == NOT_COMPARED


def test_every_message_is_used() -> None:
    """No kind is listed that nothing holds against its message."""
    assert set(NOT_COMPARED) <= set(MESSAGES)
    assert set(NOT_COMPARED) == set(KEPT)
