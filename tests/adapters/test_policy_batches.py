"""What is refused of `batches` when a policy is loaded: with the key, the line, the reason and a hint."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.batches import BatchThen
from tests.policy_files import NBA, PRODUCTION

TENANTS = Path(__file__).parents[1] / "pipelines" / "tenants.yaml"
WRITTEN: dict[str, Any] = yaml.safe_load(TENANTS.read_text(encoding="utf-8"))


def written(tmp_path: Path, *path: str | int, to: object) -> Path:
    """Return a copy of the file with one place changed; None takes the key away."""
    whole = deepcopy(WRITTEN)
    place: Any = whole["batches"]["tenants"]
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    file = tmp_path / "tenants.yaml"
    file.write_text(json.dumps(whole, indent=1), encoding="utf-8")  # JSON is YAML, its times quoted
    return file


REFUSED: list[tuple[tuple[str | int, ...], object, str, str]] = [
    (("phase",), "invoice", "batches.tenants.phase", "there is no phase invoice"),
    (("reports_as",), "invoice", "batches.tenants.reports_as", "invoices has no processor invoice"),
    (("members", "message"), None, "batches.tenants.members", "neither sql nor message"),
    (("members", "sql"), "batches/players.sql", "batches.tenants.members", "both sql and message"),
    (("members",), {"sql": "batches/none.sql", "key": "a"}, "batches.tenants.members.sql", "there is no file"),
    (("request", "body", "x"), "{no-such}", "batches.tenants.request.body.x", "template {no-such} is unknown"),
    (("request", "topic"), "billing-mail-done", "batches.tenants.request.topic", "completions of mail"),
    (("reports", "topic"), "billing-batch-start", "batches.tenants.reports.topic", "the starts of batches"),
    (("publish", "topic"), "billing-mail-done", "batches.tenants.publish.topic", "nobody would hear"),
    (("close",), {"complete": False}, "batches.tenants.close", "nothing would ever close it"),
    (("close", "idle", "for"), "0m", "batches.tenants.close.idle.for", "longer than nothing"),
    (("on_close", 0), {}, "batches.tenants.on_close[0]", "neither http nor sql"),
    (("on_close", 0), {"sql": "batches/none.sql"}, "batches.tenants.on_close[0].sql", "there is no file"),
    (("on_close", 1, "http", "service"), "ledgr", "batches.tenants.on_close[1].http.service", "no service ledgr"),
    (("on_close", 1, "http", "timeout"), "5m", "batches.tenants.on_close[1].http.timeout", "longer than a batch"),
    (("on_close", 1, "body", "who"), "{member}", "batches.tenants.on_close[1].body.who", "template {member}"),
    (("alerts",), {"failed_percent": 100}, "batches.tenants.alerts.failed_percent", "nobody is ever warned"),
    (("alerts",), {"fewer_than_percent": 0}, "batches.tenants.alerts.fewer_than_percent", "nobody is ever warned"),
    (("alerts",), {"failed_percent": 120}, "batches.tenants.alerts.failed_percent", "100"),
    (("alerts",), {"failed": 20}, "batches.tenants.alerts.failed", "no such key"),
    (("retry", "attempt"), 1, "batches.tenants.retry.attempt", "no such key"),
    (("close", "deadline", "then"), "wait", "batches.tenants.close.deadline.then", "publish_partial"),
]


@pytest.mark.parametrize(("path", "to", "key", "reason"), REFUSED, ids=[f"{key}: {why}" for _, _, key, why in REFUSED])
def test_what_is_wrong_is_refused(
    tmp_path: Path, path: tuple[str | int, ...], to: object, key: str, reason: str
) -> None:
    """Each with its exact key, its reason, and something to do about it."""
    with pytest.raises(PolicyError) as refused:
        load_policy(written(tmp_path, *path, to=to))
    text = str(refused.value)
    assert refused.value.path.endswith("tenants.yaml")
    assert f"{key}:" in text
    assert reason in text
    assert refused.value.hint
    assert "line" in text


def test_what_the_file_says_is_what_the_policy_holds() -> None:
    """Defaults, durations, words and texts of SQL files arrive as values."""
    batch = load_policy(TENANTS).batches["tenants"]
    assert batch.retry is not None
    assert batch.close.deadline is not None
    assert (batch.retry.after, batch.retry.attempts) == (timedelta(minutes=2), 1)
    assert (batch.close.deadline.then, batch.close.complete) == (BatchThen.HOLD, True)
    assert batch.unit == "invoices"
    assert batch.on_close[0].sql is not None
    assert "MERGE" in batch.on_close[0].sql.text
    assert batch.on_close[1].call is not None
    assert batch.on_close[1].call.attempts == 1


def test_a_policy_without_batches_works_as_before() -> None:
    """The reference policy declares none; production declares the predictions, without refresh."""
    assert load_policy(NBA).batches == {}
    production = load_policy(PRODUCTION).batches["predictions"]
    assert (production.reports_as, production.refresh) == ("prediction_coordinator", None)
    assert (production.alerts.failed_percent, production.alerts.fewer_than_percent) == (20, 50)
    silent = load_policy(TENANTS).batches["tenants"].alerts
    assert (silent.failed_percent, silent.fewer_than_percent) == (None, None)
