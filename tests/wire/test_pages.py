"""The reference page of the messages, config/MESSAGES.md, says what the code reads and sends (behaviour R3, 5)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, Received, parse
from shared.core.policy.names import Names
from tests.policy_files import NBA, ROOT

PAGE = (ROOT / "config" / "MESSAGES.md").read_text(encoding="utf-8")
RULES = (ROOT / "shared" / "core" / "RULES.md").read_text(encoding="utf-8")
COMPLETION, TRIGGER = PAGE.split("\n## Trigger\n")
POLICY = load_policy(NBA)
NAMES = Names(POLICY)
PHASE = "phase3"
TOPIC = "nba-phase3-analytics-complete"
PUBLISHED = datetime(2026, 1, 21, 11, 5, tzinfo=UTC)


def rows(text: str) -> list[str]:
    """Return the fields that the tables of a part of the page name, in order."""
    cells = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def read(body: dict[str, Any]) -> Received | Counted | str:
    """Return how a message of the page's phase is read, or the kind of refusal."""
    delivery = Delivery("m-1", PHASE, json.dumps(body).encode(), PUBLISHED, PUBLISHED + timedelta(seconds=1))
    try:
        return parse(delivery, POLICY, NAMES)
    except Malformed as refused:
        return refused.kind


EXAMPLES = [json.loads(block) for block in blocks(COMPLETION, "json")]
BASE: dict[str, Any] = {**EXAMPLES[0], "expected_count": 298}
# Another value than the base's, or one that the base has not.
VALUES: dict[str, Any] = {
    "processor_name": "TeamOffenseGameSummaryProcessor", "game_date": "2026-01-19", "status": "partial",
    "pipeline": "other", "phase": "phase4", "mode": "same_day", "lane": "backfill", "backfill_mode": True,
    "record_count": 7, "expected_count": 7, "timestamp": "2026-01-21T10:00:00+00:00", "correlation_id": "c",
    "execution_id": "e", "output_table": "nba_analytics.player_game_summary", "error_message": "why",
    "skip_downstream_trigger": True, "trigger_id": "nba/2026-01-20/overnight/phase2_to_phase3/1",
    "metadata.is_incremental": True, "metadata.entities_changed": ["203999"], "metadata.completion_pct": 41,
    "metadata.completed_predictions": 3, "metadata.batch_id": "b", "unit": "MIL@ORL",
}  # fmt: skip


def with_field(name: str) -> dict[str, Any]:
    head, _, inner = name.partition(".")
    return BASE | {head: {inner: VALUES[name]} if inner else VALUES[name]}


def test_the_table_names_every_field_of_the_rule() -> None:
    """Behaviour R3 lists the fields of a completion; the page has each, and of each that is required says so."""
    rule = re.search(r"^### R3 (.*?)^### R4 ", RULES, re.MULTILINE | re.DOTALL)
    assert rule is not None
    words = set(re.findall(r"`([a-z_]+)`", rule[1].split("Unknown")[0]))
    fields = {part for name in rows(COMPLETION) for part in name.split(".")}
    assert words >= {"processor_name", "status", "metadata", "is_incremental"}
    assert words - {"policy"} <= fields
    required = re.findall(r"^\| `([\w.]+)` \| [^|]+ \| yes \|", COMPLETION, re.MULTILINE)
    assert required == ["processor_name", "game_date", "status"]


@pytest.mark.parametrize("name", rows(COMPLETION))
def test_a_field_of_the_table_is_read(name: str) -> None:
    """With another value of the field the message is read otherwise; without a required one it is refused."""
    if name == "output_dataset":
        table = {"processor_name": "RenamedProcessor", "output_table": "player_game_summary"}
        datasets = ("nba_analytics", "other")
        reading, unknown = (read(BASE | table | {"output_dataset": dataset}) for dataset in datasets)
        assert isinstance(reading, Received)
        assert unknown == "unknown_processor"
        return
    assert read(with_field(name)) != read(BASE)
    if f"| `{name}` |" in COMPLETION and re.search(rf"^\| `{re.escape(name)}` \| [^|]+ \| yes", COMPLETION, re.M):
        assert isinstance(read({key: value for key, value in BASE.items() if key != name}), str)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["status"])
def test_an_example_is_understood(example: dict[str, Any]) -> None:
    """Each completion of the page is a report of a processor that the policy has."""
    received = read(example)
    assert isinstance(received, Received)
    assert received.report.processor in POLICY.phases[PHASE].processors
    assert received.report.outcome.value == example["status"]


def test_the_trigger_of_the_page_is_one_that_is_sent() -> None:
    """It is the approved snapshot, and the table has its fields, neither more nor fewer."""
    [example] = [json.loads(block) for block in blocks(TRIGGER, "json")]
    snapshot = json.loads((ROOT / "tests/app/snapshots/trigger_one_message.json").read_text())
    assert example == snapshot["messages"][0]["body"]
    assert set(rows(TRIGGER)) == example.keys()


def test_the_python_of_the_page_publishes_a_report(pubsub_host: str, tmp_path: Path) -> None:
    """Pasted into a file and run, it publishes a message that is understood."""
    from google.cloud import pubsub_v1  # Google's library, for those who have an emulator only

    environment = {**os.environ, "PUBSUB_EMULATOR_HOST": pubsub_host, "GOOGLE_CLOUD_PROJECT": f"page-{token_hex(4)}"}
    [code] = blocks(COMPLETION, "python")
    script = tmp_path / "publish.py"
    script.write_text(code)
    project = environment["GOOGLE_CLOUD_PROJECT"]
    os.environ["PUBSUB_EMULATOR_HOST"] = pubsub_host
    try:
        publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        publisher.create_topic(name=publisher.topic_path(project, TOPIC))
        subscription = subscriber.subscription_path(project, "page")
        subscriber.create_subscription(name=subscription, topic=publisher.topic_path(project, TOPIC))
        subprocess.run([sys.executable, str(script)], env=environment, check=True, timeout=120)
        [pulled] = subscriber.pull(subscription=subscription, max_messages=1, timeout=30).received_messages
    finally:
        del os.environ["PUBSUB_EMULATOR_HOST"]
    received = parse(Delivery("m-1", PHASE, pulled.message.data, datetime.now(UTC), datetime.now(UTC)), POLICY, NAMES)
    assert isinstance(received, Received)
    assert (received.report.processor, received.report.records) == ("player_game_summary", 149)


def test_the_shell_of_the_page_publishes_the_same_report() -> None:
    """The line of gcloud carries a message that is understood; its syntax is read by gcloud's own parser elsewhere."""
    line, by_hand = blocks(COMPLETION, "sh")
    sent = re.search(r"topics publish (\S+) --message='(.+)'", line)
    encoded = re.search(r"printf '%s' '(.+)' \| base64", by_hand)
    assert encoded is not None
    assert f"/topics/{TOPIC}:publish" in by_hand
    assert isinstance(read(json.loads(encoded[1])), Received)
    assert sent is not None
    assert sent[1] == TOPIC
    assert isinstance(read(json.loads(sent[2])), Received)
