"""deploy/functions.yaml: what is refused, each with its key, a reason and a hint."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy import cron
from deploy.manifest_check import DEPRECATED
from deploy.manifest_file import load_manifest
from deploy.manifest_json_schema import SCHEMA, schema_text
from deploy.pipeline_rights import ANY
from deploy.pipelines import WEBHOOKS
from shared.core.errors import PolicyError
from tests.deploy.world import MANIFEST, load_changed, manifest, raw, refusal
from tests.policy_files import GONE, edit

F = "functions/phase3_to_phase4"
SOMEBODY = {"member": "user:a@example.com", "role": "roles/pubsub.viewer", "scope": "topic/t"}
K = "functions.phase3_to_phase4"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "everybody deploys": ({"deployers": ["allUsers"]}, "deployers[0]", "allUsers"),
    "everybody's right declared": (
        {"granted_by_others": [{**SOMEBODY, "member": "allAuthenticatedUsers"}]},
        "granted_by_others[0].member",
        "allAuthenticatedUsers",
    ),
    "a right of others on the whole project": (
        {"granted_by_others": [{**SOMEBODY, "scope": "project"}]},
        "granted_by_others[0].scope",
        "project",
    ),
    "a build by an account that nobody makes": (
        {"build/service_account": "orch-other"},
        "build.service_account",
        "orch-other is not declared",
    ),
    "a build that may everything": ({"build/roles": ["roles/editor"]}, "build.roles[0]", "expected a predefined role"),
    "a build that may nothing": ({"build/roles": []}, "build.roles", ""),
    "event function without retry": ({f"{F}/trigger/retry": GONE}, f"{K}.trigger.retry", "is missing"),
    "event function without dead letter": (
        {f"{F}/trigger/dead_letter": GONE},
        f"{K}.trigger.dead_letter",
        "is missing: a message that always fails",
    ),
    "dead letter switched off": ({f"{F}/trigger/dead_letter": False}, f"{K}.trigger.dead_letter", "is missing"),
    "event function without an identity to push with": (
        {f"{F}/trigger/service_account": GONE},
        f"{K}.trigger.service_account",
        "is missing",
    ),
    "a database beside the one that is made": (
        {f"{F}/environment": {"ORCH_DATABASE": "other"}},
        f"{K}.environment.ORCH_DATABASE",
        "the one that is made",
    ),
    "lease shorter than the timeout": ({f"{F}/timeout": "121s"}, f"{K}.timeout", "over the policy's claim_lease, 2m"),
    "lease shorter than the sweep's timeout": (
        {"functions/self_heal/timeout": "3m", "schedules/nba-self-heal/attempt_deadline": "4m"},
        "functions.self_heal.timeout",
        "over the policy's claim_lease",
    ),
    "ack deadline equal to the timeout": (
        {f"{F}/trigger/ack_deadline": "90s"},
        f"{K}.trigger.ack_deadline",
        "not longer than the function's timeout",
    ),
    "ack deadline beyond what Pub/Sub takes": (
        {f"{F}/trigger/ack_deadline": "601s"},
        f"{K}.trigger.ack_deadline",
        "outside 10s to 10m",
    ),
    "schedule without a target": (
        {"schedules/nba-self-heal/calls": GONE},
        "schedules.nba-self-heal.calls",
        "is missing",
    ),
    "schedule of no function": (
        {"schedules/nba-self-heal/calls": "self_heel"},
        "schedules.nba-self-heal.calls",
        "there is no function self_heel",
    ),
    "schedule of an event function": (
        {"schedules/nba-self-heal/calls": "phase2_to_phase3"},
        "schedules.nba-self-heal.calls",
        "is fed by topics",
    ),
    "schedule that hangs up before the function answers": (
        {"schedules/nba-self-heal/attempt_deadline": "60s"},
        "schedules.nba-self-heal.attempt_deadline",
        "under the function's timeout",
    ),
    "topic of the policy left out": (
        {"topics/nba-phase6-export-trigger": GONE},
        "topics.nba-phase6-export-trigger",
        "is named by the policy and missing here",
    ),
    "topic that nobody listens to": (
        {f"{F}/trigger/topics": ["nba-phase2-raw-complete"]},
        "topics.nba-phase3-analytics-complete",
        "is read by nobody",
    ),
    "trigger topic that nobody listens to": (
        {"topics/nba-phase6-export-trigger/read_by": []},
        "topics.nba-phase6-export-trigger",
        "is read by nobody",
    ),
    "completion topic that nobody writes": (
        {"topics/nba-phase2-raw-complete/written_by": []},
        "topics.nba-phase2-raw-complete",
        "is written by nobody",
    ),
    "listening to a topic that the policy does not name": (
        {f"{F}/trigger/topics": ["nba-phase3-analytics-complete", "nba-phase3-analytics-done"]},
        f"{K}.trigger.topics[1]",
        "nba-phase3-analytics-done is not a topic of the policy",
    ),
    "topic that the policy does not name": (
        {"topics/nba-phase9": {"written_by": ["x"], "read_by": ["y"]}},
        "topics.nba-phase9",
        "is not a topic of the policy",
    ),
    "secret that no function reads": (
        {
            "secrets": [
                "slack-webhook-url",
                "slack-webhook-warning",
                "slack-webhook-error",
                "pagerduty-routing-key",
                "old",
            ]
        },
        "secrets[4]",
        "old is read by no function",
    ),
    "secret that nobody declared": (
        {f"{F}/secrets": ["slack-webhook-ulr"]},
        f"{K}.secrets[0]",
        "slack-webhook-ulr is not declared",
    ),
    "zone that does not parse": (
        {"schedules/nba-self-heal/zone": "America/New_Yrok"},
        "schedules.nba-self-heal.zone",
        "is no time zone",
    ),
    "cron that does not parse": (
        {"schedules/nba-self-heal/cron": "61 * * * *"},
        "schedules.nba-self-heal.cron",
        "minute: '61' is outside 0 to 59",
    ),
    "backups that are kept for part of a day": (
        {"firestore/backups_for": "36h"},
        "firestore.backups_for",
        "is not 1 to 98 whole days",
    ),
    "backups that are kept for longer than there is": (
        {"firestore/backups_for": "99d"},
        "firestore.backups_for",
        "is not 1 to 98 whole days",
    ),
    "report that is only looked at": (
        {"schedules/nba-daily-report/method": "GET"},
        "schedules.nba-daily-report.method",
        "shows the report and sends nothing",
    ),
    "page that is open to everybody": (
        {"functions/health_check/people": ["allUsers"]},
        "functions.health_check.people",
        "lets everybody call it",
    ),
    "people who may send completions": (
        {f"{F}/people": ["user:me@example.com"]},
        f"{K}.people",
        "takes in completions",
    ),
    "CPU without memory": ({"defaults/memory": GONE}, "functions.phase2_to_phase3.cpu", "is given without memory"),
    "upper-case label": ({"labels/app": "Orchestrator"}, "labels.app", "expected a label value: lower-case"),
    "upper-case label key": ({"labels/App": "x"}, "labels.App", "expected a label key: lower-case"),
    "reserved label": ({"labels/deployment-x": "x"}, "labels.deployment-x", "which is reserved"),
    "function without a folder": (
        {"functions/phase9": {"trigger": {"http": True}, "service_account": "orch-self-heal", "roles": []}},
        "functions.phase9",
        "functions/phase9/main.py does not exist",
    ),
    "publishing what it may not": (
        {"functions/phase5_to_phase6/roles": []},
        "functions.phase5_to_phase6.roles",
        "may decide phase5_to_phase6 and not publish to nba-phase6-export-trigger",
    ),
    "sweep that may not publish a trigger": (
        {"functions/self_heal/roles": []},
        "functions.self_heal.roles",
        "may decide phase5_to_phase6 and not publish to nba-phase6-export-trigger",
    ),
    "sweep that may not run a phase again": (
        {"functions/self_heal/roles": []},
        "functions.self_heal.roles",
        "may run phase3 again and not call nba-phase3-analytics-processors",
    ),
    "calling a service it does not know": (
        {"environment/PRECOMPUTE_PROCESSOR_URL": GONE},
        f"{K}.environment",
        "may decide phase3_to_phase4 and does not know PRECOMPUTE_PROCESSOR_URL",
    ),
    "account that nobody declared": (
        {f"{F}/service_account": "orch-phase33"},
        f"{K}.service_account",
        "is not declared",
    ),
    "account that nobody uses": (
        {"service_accounts/orch-spare": "x"},
        "service_accounts.orch-spare",
        "is used by nothing",
    ),
    "concurrency on a part of a CPU": ({f"{F}/cpu": 0.5}, f"{K}.concurrency", "4 needs a whole CPU"),
    "event function over nine minutes": ({f"{F}/timeout": "10m"}, f"{K}.timeout", "10m is over 9m"),
    "unknown key": ({f"{F}/memmory": "1Gi"}, f"{K}.memmory", "there is no such key"),
    "both kinds of trigger": ({f"{F}/trigger/http": True}, f"{K}.trigger", "names both http and topics"),
    "lock that does not exist": (
        {f"{F}/requirements": "everything"},
        f"{K}.requirements",
        "deploy/requirements/everything.txt does not exist",
    ),
    "schedule of the validation that is never called": (
        {"schedules/nba-validation-midday": GONE},
        "schedules",
        "midday of config/validation.yaml is never called",
    ),
    "validation at another hour": (
        {"schedules/nba-validation-midday/cron": "0 13 * * *"},
        "schedules.nba-validation-midday.cron",
        "is not 12:00 in America/New_York",
    ),
    "validation of an unknown schedule": (
        {"schedules/nba-validation-midday/path": "/?schedule=midady"},
        "schedules.nba-validation-midday.path",
        "is no schedule of config/validation.yaml",
    ),
    "nobody to notify": ({"notify": {}}, "notify", "Cloud Monitoring would reach no one"),
    "channel that holds a secret": (
        {"notify/pager": {"type": "pagerduty", "labels": {"service_key": "x"}}},
        "notify.pager.type",
        "pagerduty holds a secret",
    ),
    "channel without an address": (
        {"notify/office": {"type": "email"}},
        "notify.office.labels",
        "not what email takes",
    ),
    "another pipeline's policy": ({"pipeline": "nfl"}, "pipeline", "is nfl, the policy's is nba"),
}


def test_the_manifest_loads() -> None:
    """The manifest of this repository is not refused, and names each function that has a folder; that of other
    pipelines is deployed once there is one, that of webhooks once a signal comes by a call."""
    folders = {path.parent.name for path in (MANIFEST.parents[1] / "functions").glob("*/main.py")}
    assert manifest().functions.keys() == folders - {ANY, WEBHOOKS}, "a function that has a folder is deployed"
    assert manifest().functions["phase5_to_phase6"].push is not None
    assert len(manifest().functions["phase5_to_phase6"].push.topics) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("fault", REFUSED)
def test_a_faulty_manifest_is_refused(tmp_path: Path, fault: str) -> None:
    """The file, the exact key, the reason and a hint are said; nothing is loaded."""
    changes, key, reason = REFUSED[fault]
    error = refusal(tmp_path, changes)
    lines = [f"{error.key}: {error.reason}", *error.hint.splitlines()]
    assert error.path == str(tmp_path / "functions.yaml")
    matching = [line for line in lines if line.strip().startswith(f"{key}: ") and reason in line]
    assert matching, lines
    own = error.hint.splitlines()[0] if matching[0] == lines[0] else matching[0].partition(" (hint: ")[2].rstrip(")")
    assert own.strip()
    assert str(error).startswith(f"{tmp_path / 'functions.yaml'}: "), "what a person reads begins with the file"


@pytest.mark.parametrize(("days", "refused"), [(180, False), (179, True), (-1, True)])
def test_a_runtime_is_refused_from_half_a_year_before_its_end(tmp_path: Path, days: int, refused: bool) -> None:
    """180 days before deprecation the manifest still loads, one day later it does not."""
    today = DEPRECATED["python311"] - timedelta(days=days)
    if refused:
        error = refusal(tmp_path, {}, today)
        assert (error.key, error.path) == ("runtime", str(tmp_path / "functions.yaml"))
        when = f"in {days} days" if days > 0 else f"{-days} days ago"
        assert error.reason == f"python311 is deprecated from 2027-10-24, {when}"
        assert error.hint == "move to a newer one, and test the bundles on it"
    else:
        assert load_changed(tmp_path, {}, today).runtime == "python311"


def test_an_unknown_runtime_is_refused(tmp_path: Path) -> None:
    """A runtime whose end nobody knows is not deployed."""
    assert "is not known here" in refusal(tmp_path, {"runtime": "python399"}).reason


def test_a_file_that_is_no_yaml_says_where(tmp_path: Path) -> None:
    """A broken line is named by its number."""
    path = tmp_path / "functions.yaml"
    path.write_text("functions: [\n")
    with pytest.raises(PolicyError, match="line 2") as caught:
        load_manifest(path, today=date(2026, 1, 1))
    assert "is not YAML" in caught.value.reason


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("* * * * *", None),
        ("*/15 6-23 1,15 jan-mar mon-fri", None),
        ("0 6 * * 7", None),
        ("0 6 * *", "has 4 fields, not 5"),
        ("every 5 minutes", "has 3 fields, not 5"),
        ("60 * * * *", "minute: '60' is outside 0 to 59"),
        ("0 24 * * *", "hour: '24' is outside 0 to 23"),
        ("0 0 0 * *", "day of month: '0' is outside 1 to 31"),
        ("0 9-5 * * *", "hour: '9-5' runs backwards"),
        ("*/0 * * * *", "minute: '*/0' is not understood"),
        ("0 0 * foo *", "month: 'foo' is outside 1 to 12"),
    ],
)
def test_cron_lines(text: str, fault: str | None) -> None:
    """Five fields of unix-cron; everything else is named."""
    assert cron.cron_error(text) == fault


def test_the_schema_is_fresh() -> None:
    """The checked-in schema is what the types say; `python -m deploy.manifest_json_schema` writes it anew."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_the_schema_takes_the_manifest_and_finds_mistakes() -> None:
    """An editor finds nothing wrong with deploy/functions.yaml, and marks a value of the wrong form."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    judge = Draft202012Validator(schema)
    assert [fault.message for fault in judge.iter_errors(raw())] == []
    assert [list(fault.path) for fault in judge.iter_errors(edit(raw(), {"labels/app": "UPPER"}))] == [
        ["labels", "app"]
    ]
