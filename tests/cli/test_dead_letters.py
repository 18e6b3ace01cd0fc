"""`orch dead-letters`: seen and brought back on the embedded bus, with exit statuses and data that a script reads."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus
from shared.app.context import Context
from shared.cli import main
from shared.ports import Message
from tests.local_server import closed_port

TOPIC = "nba-phase3-analytics-complete"


@dataclass
class Left:
    """A bus that gave up two messages, one of a topic that the policy does not name."""

    bus: LocalBus
    ctx: Context

    def orch(self, *argv: str) -> tuple[int, str]:
        return main.run(["dead-letters", *argv], self.ctx)

    @property
    def waiting(self) -> int:
        return self.bus.backlog()


@pytest.fixture
def left(tmp_path: Path) -> Left:
    bus = LocalBus(tmp_path / "bus.db", SystemClock(), attempts=1)
    http = RequestsHttp(identity_tokens=False, clock=SystemClock())
    for topic in (TOPIC, "theirs"):
        bus.add_topic(topic, f"http://127.0.0.1:{closed_port()}")
        bus.publish(topic, [Message({"topic": topic}, {"mode": "overnight"})])
    bus.deliver(http)
    names = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_HOME": str(tmp_path)}
    return Left(bus, runtime.from_environment(names))


def run_command(capsys: pytest.CaptureFixture[str], left: Left, *argv: str) -> tuple[int, Any, str]:
    """Return status, JSON of standard output and the talk."""
    with runtime.override_context(left.ctx):
        status = main.call(["dead-letters", *argv, "--json"])
    out, err = capsys.readouterr()
    document = json.loads(out)
    return status, document.get("items", document), err


def test_the_list_says_topic_age_attempts_and_reason(left: Left) -> None:
    """For people: one line each, and what cannot be brought back with its reason."""
    status, output = left.orch("list")
    assert status == 0
    assert output.splitlines()[0].split() == ["message", "topic", "age", "attempts", "reason"]
    assert TOPIC in output
    assert "the last answer was" in output
    assert "cannot be brought back: the policy names no topic theirs" in output
    assert "2 dead letters in nba-orchestration-dead-letter-kept" in output


def test_the_list_is_json_on_standard_output(left: Left, capsys: pytest.CaptureFixture[str]) -> None:
    """The talk is on standard error; attempts and age are numbers, what is unknown is null."""
    status, letters, talk = run_command(capsys, left, "list")
    assert status == 0
    assert [(letter["topic"], letter["attempts"], letter["replayed_from"]) for letter in letters] == [
        (TOPIC, 1, None),
        ("theirs", 1, None),
    ]
    assert json.loads(letters[0]["data"]) == {"topic": TOPIC}
    assert letters[0]["age_seconds"] >= 0
    assert "2 dead letters" in talk


def test_a_replay_brings_back_what_it_can_and_keeps_the_rest(left: Left) -> None:
    """Exit 4 where something stays; the message waits for delivery anew, and is no dead letter any more."""
    assert left.waiting == 0
    status, output = left.orch("replay", "--all")
    assert status == 4
    assert f"published to {TOPIC} as " in output
    assert "kept: the policy names no topic theirs" in output
    assert left.waiting == 1
    status, output = left.orch("list")
    assert "1 dead letters" in output
    assert TOPIC not in output


def test_one_letter_is_brought_back_by_its_id(left: Left, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; the JSON says the new message id."""
    _, letters, _ = run_command(capsys, left, "list")
    status, replayed, talk = run_command(capsys, left, "replay", letters[0]["message_id"])
    assert status == 0
    assert [letter["message_id"] for letter in replayed] == [letters[0]["message_id"]]
    assert replayed[0]["published_as"]
    assert "1 published, 0 kept" in talk


def test_who_brought_a_letter_back_and_why_is_shown_when_it_dies_again(
    left: Left, capsys: pytest.CaptureFixture[str]
) -> None:
    """D9: `--by` and `--reason` go with the message; without `--by` it is the system's user."""
    left.orch("replay", "--all", "--by", "oncall@example.com", "--reason", " the service takes them again ")
    left.bus.deliver(RequestsHttp(identity_tokens=False, clock=SystemClock()))
    assert "by oncall@example.com: the service takes them again" in left.orch("list")[1]
    [again] = [letter for letter in run_command(capsys, left, "list")[1] if letter["topic"] == TOPIC]
    assert (again["replayed_by"], again["replayed_for"]) == ("oncall@example.com", "the service takes them again")
    left.orch("replay", again["message_id"])
    left.bus.deliver(RequestsHttp(identity_tokens=False, clock=SystemClock()))
    [third] = [letter for letter in run_command(capsys, left, "list")[1] if letter["topic"] == TOPIC]
    assert (third["replayed_by"], third["replayed_for"]) == (getpass.getuser(), None)


def test_a_dry_run_changes_nothing(left: Left) -> None:
    """It says what would be published."""
    status, output = left.orch("replay", "--all", "--dry-run")
    assert status == 4
    assert f"would be published to {TOPIC}" in output
    assert left.waiting == 0
    assert "2 dead letters" in left.orch("list")[1]


@pytest.mark.parametrize(
    ("argv", "status"),
    [(("replay",), 2), (("replay", "m-1", "--all"), 2), (("replay", "m-1"), 3), (("list", "--limit", "0"), 2), ((), 2)],
)
def test_a_wrong_call_says_so(left: Left, argv: tuple[str, ...], status: int) -> None:
    """2 for the call, 3 for a letter that is not there; each with a hint."""
    exit_status, output = left.orch(*argv)
    assert exit_status == status
    assert "hint:" in output or "Usage:" in output


def test_a_broker_that_is_down_is_five(left: Left, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody listening: exit 5, and nothing was lost."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{closed_port()}")
    names = {"ORCH_STATE": "sqlite", "ORCH_BUS": "pubsub", "GOOGLE_CLOUD_PROJECT": "demo-orch"}
    status, output = main.run(["dead-letters", "list"], runtime.from_environment({**names, "ORCH_HOME": str(tmp_path)}))
    assert status == 5
    assert "nothing was lost" in output


def test_letters_lie_in_the_subscription_of_the_manifest(
    left: Left, monkeypatch: pytest.MonkeyPatch, pubsub_host: str, tmp_path: Path
) -> None:
    """On Pub/Sub the one that the manifest declares is pulled, and the topic is that of the source subscription."""
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    publisher, path = PublisherClient(), "projects/demo-letters/{}/{}".format
    kept = "nba-orchestration-dead-letter"
    for name in (kept, TOPIC):
        publisher.create_topic(name=path("topics", name))
    with SubscriberClient() as subscriber:
        subscriber.create_subscription(name=path("subscriptions", f"{kept}-kept"), topic=path("topics", kept))
        source = {"CloudPubSubDeadLetterSourceSubscription": f"nba-phase3-to-phase4--{TOPIC}"}
        publisher.publish(path("topics", kept), b"{}", **source).result(timeout=10)
        names = {"ORCH_STATE": "sqlite", "ORCH_BUS": "pubsub", "GOOGLE_CLOUD_PROJECT": "demo-letters"}
        ctx = runtime.from_environment({**names, "ORCH_HOME": str(tmp_path)})
        status, output = main.run(["dead-letters", "replay", "--all"], ctx)
    publisher.stop()
    assert status == 0
    assert f"published to {TOPIC} as " in output
