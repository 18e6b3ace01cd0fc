"""`orch signals check` with what `gcloud` prints: several messages, and none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from shared.adapters.config.policy_file import load_policy
from tests.app.handlers_kit import HandlersKit
from tests.emulators.server import ROOT

RULE = {
    "source": "json", "topic": "nba-signals", "phase": "phase2", "when": {"kind": "daily"},
    "processor": "p2_odds_game_lines", "date": "day", "status": "success",
}  # fmt: skip
DAILY = {"kind": "daily", "day": "2026-03-09"}


def pulled(*bodies: Any) -> str:
    """Return what `gcloud pubsub subscriptions pull --format=json` prints of these messages: ReceivedMessage, of the
    reference of Pub/Sub, with data in base64."""
    return json.dumps(
        [
            {"ackId": f"a{at}", "message": {
                "data": base64.b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode(),
                "messageId": str(at), "publishTime": "2026-03-10T09:00:00Z"}}
            for at, body in enumerate(bodies)
        ]
    )  # fmt: skip


def checked(tmp_path: Path, text: str, *words: str, **rules: Any) -> tuple[int, str]:
    file = tmp_path / "messages.json"
    file.write_text(text, encoding="utf-8")
    policy = load_policy(ROOT / "config" / "nba.yaml", {"signals": rules or {"one": RULE}})
    return HandlersKit(policy=policy).orch("signals", "check", str(file), *words)


def test_each_of_several_messages_is_shown(tmp_path: Path) -> None:
    """In their order, each with what becomes of it; as JSON they are items."""
    text = pulled(DAILY, {"kind": "hourly"}, {**DAILY, "day": "2026-03-08"})
    status, output = checked(tmp_path, text)
    heads = [line.split(" ")[0] for line in output.splitlines() if not line.startswith(" ")]
    assert (status, heads) == (0, ["completion", "ignored", "completion"]), output
    status, output = checked(tmp_path, text, "--json")
    items = json.loads(output)["items"]
    assert [item.get("body", {}).get("game_date") for item in items] == ["2026-03-09", None, "2026-03-08"]


def test_one_of_several_messages_that_would_be_kept_fails_the_call(tmp_path: Path) -> None:
    """Exit 1 with its reason, after all of them are shown."""
    status, output = checked(tmp_path, pulled(b'{"kind": "dai', DAILY))
    assert (status, "the data is not JSON" in output, "completion by signal one" in output) == (1, True, True), output


def test_nothing_pulled_is_no_message(tmp_path: Path) -> None:
    """Exit 2 with a hint: an empty list is what is printed where nothing waits."""
    status, output = checked(tmp_path, "[]")
    assert (status, "no message was pulled" in output, "pull again" in output) == (2, True, True), output


CALLED = {
    name: {**RULE, "webhook": {"secret": f"{name}-secret"}, "when": {"kind": name}} for name in ("hourly", "daily")
}


def test_data_is_tried_as_each_call_of_its_topic_would_bring_it(tmp_path: Path) -> None:
    """Two signals of one topic that come by calls, and one that is published: shown is whichever reads it, and where
    none does, why of each."""
    rules = {**CALLED, "published": {**RULE, "when": {"kind": "weekly"}}}
    for name, kind in (("hourly", "hourly"), ("daily", "daily"), ("published", "weekly")):
        status, output = checked(tmp_path, json.dumps({"kind": kind, "day": "2026-03-09"}), **rules)
        assert (status, output.splitlines()[0].split(":")[0]) == (0, f"completion by signal {name}"), output
        assert "ignored" not in output
    status, output = checked(tmp_path, json.dumps({"kind": "none", "day": "2026-03-09"}), **rules)
    lines = [f"ignored by signal {name}: kind is 'none', not {kind}" for name, kind in (
        ("hourly", "hourly"), ("daily", "daily"), ("published", "weekly"))]  # fmt: skip
    assert (status, sorted(output.splitlines())) == (0, sorted(lines))
    # A message says itself by which call it came.
    attributes = {"orch_signal": "hourly"}
    message = {"attributes": attributes, "data": base64.b64encode(json.dumps(DAILY).encode()).decode()}
    status, output = checked(tmp_path, json.dumps(message), **rules)
    assert output == "ignored by signal hourly: kind is 'daily', not hourly\n"
    assert checked(tmp_path, json.dumps(DAILY), "--signal", "daily", **rules)[1].startswith("completion")


def test_each_item_of_a_message_is_shown(tmp_path: Path) -> None:
    """As it would be read: one completion, and one that would be quarantined, which is told by exit 1."""
    rule = {**RULE, "each": "events[*]", "when": {"events[0].kind": "daily"}, "date": "events[0].day"}
    body = {"events": [DAILY, {**DAILY, "day": "soon"}, {"kind": "hourly"}]}
    status, output = checked(tmp_path, json.dumps(body), one=rule)
    heads = [line.split(" ")[0].strip(":") for line in output.splitlines() if not line.startswith((" ", "orch"))]
    assert (status, heads[:3]) == (1, ["completion", "quarantined", "ignored"]), output
