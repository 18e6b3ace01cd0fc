"""`orch signals`, and the page that says how signals are written: every example of it loads and reads a message."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.policy import Policy
from shared.core.policy.signals import Source
from tests.app.handlers_kit import HandlersKit
from tests.core import signal_samples as samples
from tests.core.foreign_samples import GITHUB_RUN
from tests.core.test_foreign_formats import s3
from tests.emulators.server import ROOT

PAGE = (ROOT / "config" / "SIGNALS.md").read_text(encoding="utf-8")
EXAMPLES: dict[str, Any] = {
    name: signal
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for name, signal in yaml.safe_load(block)["signals"].items()
}
STORAGE = {**samples.STORAGE_DATED, "objectId": "boxscores/2026-03-09/MIL@ORL.json"}
# What each example of the page is tried with, and the processor whose completion it becomes.
MESSAGES: dict[str, tuple[Any, dict[str, str], str]] = {
    "boxscore_files": (None, STORAGE, "p2_nbacom_boxscores"),
    "odds_transfer": (
        {**samples.TRANSFER_RUN, "name": "projects/1/locations/us/transferConfigs/64f1a2b3-0000-2c11/runs/1"},
        {}, "p2_odds_game_lines",
    ),
    "loaders": (
        {**samples.RUN_JOB, "resource": {"type": "cloud_run_job", "labels": {"job_name": "load-odds"}}},
        {}, "p2_odds_game_lines",
    ),
    "batch_jobs": (
        None,
        {"Type": "JOB_STATE_CHANGED", "NewJobState": "SUCCEEDED", "JobUID": "u",
         "JobName": "projects/p/locations/l/jobs/props-20260309"},
        "p2_odds_player_props",
    ),
    "models": (
        {**samples.DATAFORM, "jsonPayload": {**samples.DATAFORM["jsonPayload"], "workflowConfigId": "nightly"}},
        {}, "player_game_summary",
    ),
    "dbt_nightly": (
        json.loads(samples.DBT_COMPLETED.replace('"123"', '"70403"')), {}, "team_offense_game_summary",
    ),
    "builds": (
        {**samples.BUILD, "createTime": "2026-03-09T08:00:00Z",
         "buildTriggerId": "6d1f0c0e-2b0a-4a35-9d4e-0d1f5f1d7f11"},
        {"buildId": "b", "status": "SUCCESS"}, "p2_odds_game_lines",
    ),
    "dataproc_jobs": (
        {"insertId": "i", "timestamp": "2026-03-09T08:00:00Z", "resource": {"type": "cloud_dataproc_job"},
         "labels": {"dataproc.googleapis.com/job_id": "p2_odds_game_lines-20260309-4f"},
         "jsonPayload": {"class": "JobController", "state": "DONE"}},
        {}, "p2_odds_game_lines",
    ),
    "airbyte_sync": (
        {"data": {"workspace": {"name": "Production"}, "connection": {"name": "p2_odds_game_lines"}, "success": True,
                  "startedAt": "2026-03-09T00:00:00Z", "finishedAt": "2026-03-09T00:10:00Z", "recordsCommitted": 8,
                  "jobId": 9988}},
        {}, "p2_odds_game_lines",
    ),
    "s3_drop": (s3("odds/dt=2026-03-09/_SUCCESS"), {}, "p2_odds_game_lines"),
    "github_loads": (
        {**GITHUB_RUN, "workflow": {"path": ".github/workflows/load_odds.yml"},
         "workflow_run": {**GITHUB_RUN["workflow_run"], "head_branch": "main", "created_at": "2026-03-10T08:00:00Z"}},
        {}, "p2_odds_game_lines",
    ),
}  # fmt: skip
# Read by the table that it wrote; the reference policy's tables are those of the tests of the core.
BY_TABLE = {"raw_tables"}


def policy_with(**listed: Any) -> Policy:
    return load_policy(ROOT / "config" / "nba.yaml", {"signals": listed})


def envelope(body: Any, attributes: dict[str, str]) -> str:
    data = "" if body is None else base64.b64encode(json.dumps(body).encode()).decode()
    message = {"data": data, "attributes": attributes, "messageId": "7", "publishTime": "2026-03-10T09:00:00Z"}
    return json.dumps([{"ackId": "x", "message": message}])


def checked(tmp_path: Path, policy: Policy, text: str, *words: str) -> tuple[int, str]:
    file = tmp_path / "message.json"
    file.write_text(text, encoding="utf-8")
    return HandlersKit(policy=policy).orch("signals", "check", str(file), *words)


def test_the_page_has_an_example_of_each_source() -> None:
    """Whoever needs one finds it, and each is tried below."""
    assert {signal["source"] for signal in EXAMPLES.values()} == {source.value for source in Source}
    assert set(EXAMPLES) == set(MESSAGES) | BY_TABLE


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_of_the_page_reads_a_message(tmp_path: Path, name: str) -> None:
    """The example as it stands on the page, laid over the production policy, makes a completion of such a message."""
    body, attributes, processor = MESSAGES[name]
    status, output = checked(tmp_path, policy_with(**{name: EXAMPLES[name]}), envelope(body, attributes), "--json")
    result = json.loads(output)
    assert (status, result["becomes"], result.get("processor")) == (0, "completion", processor), result


def test_the_page_and_the_schema_name_the_same_keys() -> None:
    """A key that is added to one of them is in the other."""
    schema = json.loads((ROOT / "config" / "schema" / "pipeline.schema.json").read_text(encoding="utf-8"))
    keys = set(schema["$defs"]["SignalSchema"]["properties"])
    table = PAGE.split("## Keys")[1].split("**A place**")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} | {
        key
        for line in table.splitlines()
        if line.startswith("| `records`")
        for key in re.findall(r"`(\w+)`", line.split("|")[1])
    } == keys
    assert all(schema["$defs"]["SignalSchema"]["properties"][key] for key in keys)


def test_help_prints_the_page() -> None:
    """`orch help signals` is the whole reference, so that a policy can be written from a terminal."""
    status, output = HandlersKit(policy=policy_with(**EXAMPLES)).orch("help", "signals")
    assert status == 0
    for word in ("|base64", "offset_days", "failed_when", "POST https://", "### json", "re: raw_"):
        assert word in output


def test_a_message_that_is_ignored_or_kept_says_why(tmp_path: Path) -> None:
    """Exit 0 with the reason for what is ignored, exit 1 for what would be quarantined; nothing is sent or stored."""
    policy = policy_with(files=EXAMPLES["boxscore_files"])
    status, output = checked(tmp_path, policy, envelope(None, {**STORAGE, "eventType": "OBJECT_DELETE"}))
    line = "ignored by signal files: @attributes.eventType is 'OBJECT_DELETE', not OBJECT_FINALIZE\n"
    assert (status, output) == (0, line)
    status, output = checked(tmp_path, policy, envelope(None, {**STORAGE, "objectId": "boxscores/2026-02-30/X.json"}))
    assert status == 1
    assert output.startswith("quarantined: files: ")


@pytest.mark.parametrize(("text", "attributes"), [("{}", {}), ("[1]", {}), ('{"message": "plain"}', {})])
def test_what_is_no_message_of_the_signal_is_answered(tmp_path: Path, text: str, attributes: dict[str, str]) -> None:
    """What is no message of the signal is ignored, never an error of ours."""
    status, output = checked(tmp_path, policy_with(one=EXAMPLES["odds_transfer"]), text)
    assert (status, output.split(" ")[0]) == (0, "ignored"), output


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--topic", "nba-signal"), "did you mean nba-signals?"),
        (("--signal", "filse"), "did you mean files?"),
        (("--published", "yesterday"), "is not an instant"),
    ],
)
def test_a_wrong_call_says_what_is_right(tmp_path: Path, words: tuple[str, ...], hint: str) -> None:
    """Exit 2 with a hint."""
    status, output = checked(tmp_path, policy_with(files=EXAMPLES["boxscore_files"]), "{}", *words)
    assert (status, hint in output) == (2, True), output


def test_a_pipeline_without_signals_says_where_they_are_explained(tmp_path: Path) -> None:
    """`list` prints no line of data, `check` ends with 2: both name the help."""
    kit = HandlersKit()
    assert kit.orch("signals", "list") == (
        0,
        "the policy has no signals; how they are written: bin/orch help signals\n",
    )
    status, output = checked(tmp_path, kit.policy, "{}")
    assert (status, "orch help signals" in output) == (2, True)


def test_signals_are_listed_with_their_channel() -> None:
    """Source, topic, call and whose completion each is."""
    kit = HandlersKit(policy=policy_with(**{name: EXAMPLES[name] for name in ("dbt_nightly", "boxscore_files")}))
    status, output = kit.orch("signals", "list", "--json")
    listed = {entry["signal"]: entry for entry in json.loads(output)["items"]}
    assert status == 0
    assert (listed["dbt_nightly"]["call"], listed["dbt_nightly"]["jobs"]) == (
        "/signals/dbt_nightly", {"70403": "team_offense_game_summary"},
    )  # fmt: skip
    assert listed["boxscore_files"]["topic"] == "nba-signals"


def test_arrivals_are_read_from_the_record() -> None:
    """What was received is shown as local time of the working day, with the nights that it is from."""
    kit = HandlersKit().ordinary()
    assert kit.orch("signals", "arrivals") == (0, "nothing has arrived in 28 nights\n")
    kit.finish("player_game_summary")
    received = kit.policy.local(kit.clock.now())
    kit.sweeps(2)
    status, output = kit.orch("signals", "arrivals")
    [_, line] = output.splitlines()
    assert (status, line.split()[:4]) == (0, ["overnight", "player_game_summary", "-", "1"])
    assert line.split()[4:] == [received.strftime("%H:%M")] * 4
    items = json.loads(kit.orch("signals", "arrivals", "--json")[1])["items"]
    assert [(item["mode"], item["processor"], item["signal"]) for item in items] == [
        ("overnight", "player_game_summary", None)
    ]
    kit.fail("record")
    status, output = kit.orch("signals", "arrivals")
    assert (status, "the record cannot be read" in output) == (5, True)
