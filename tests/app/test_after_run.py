"""A run that waits for another's, through the real use cases (behaviour D4)."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.app.state.repository import run_path, transition_path
from shared.core.model import RunKey, State
from tests.app.handlers_kit import HandlersKit

FILE = Path(__file__).parents[1] / "pipelines" / "regional.yaml"
DAY = date(2026, 3, 2)
EU, US = (RunKey("shop", DAY, mode) for mode in ("eu", "us"))
BOOKS = "orders_to_books"


def shop(**after: Any) -> HandlersKit:
    """Return the morning of a shop whose us waits for eu."""
    waits = {"pipeline": "shop", "mode": "eu", **after}
    policy = load_policy(FILE, {"transitions": {BOOKS: {"expects": {"us": {"after_run": waits}}}}})
    return HandlersKit(policy=policy, start=datetime(2026, 3, 3, 6, 10, tzinfo=policy.zone))


def say(kit: HandlersKit, mode: str, *names: str, phase: str = "orders") -> None:
    for name in names:
        body = {"processor_name": name, "game_date": DAY.isoformat(), "mode": mode, "status": "success"}
        kit.take(phase, json.dumps(body).encode())


def test_the_sweep_after_the_other_run_was_sent_lets_it_go() -> None:
    """Blocked while the other waits, with its state as the reason; sent by the next sweep, without a message."""
    kit = shop(transition=BOOKS)
    say(kit, "us", "orders")
    assert kit.state(BOOKS, US).state is State.BLOCKED
    assert kit.state(BOOKS, US).blocked["after_run"].text == f"there is no run {EU.id} yet"
    say(kit, "eu", "orders", "returns")
    kit.sweeps(1)
    assert kit.trigger_ids == [EU.trigger_id(BOOKS, 1), US.trigger_id(BOOKS, 1)]
    assert not kit.texts("gate"), "nobody is told that it waited"


def test_all_of_a_run_is_over_when_it_was_closed() -> None:
    """Without a transition the other run has to be closed, with everything of it sent."""
    kit = shop()
    say(kit, "us", "orders")
    say(kit, "eu", "orders", "returns")
    kit.sweeps(1)
    assert kit.state(BOOKS, US).state is State.BLOCKED
    assert kit.state(BOOKS, US).blocked["after_run"].text == f"{EU.id} is not over"
    say(kit, "eu", "ledger", phase="books")
    kit.sweeps(3)
    assert kit.run(EU).closed_at is not None
    assert kit.state(BOOKS, US).triggered


def test_an_operator_does_not_wait() -> None:
    """D9: whatever it waits for, an operator may start it."""
    kit = shop(transition=BOOKS)
    say(kit, "us", "orders")
    status, output = kit.orch("trigger", BOOKS, str(DAY), "--mode", "us", "--reason", "eu is closed today")
    assert status == 0, output
    assert kit.trigger_ids == [US.trigger_id(BOOKS, 1)]


def test_a_document_that_nobody_can_read_keeps_it_waiting() -> None:
    """What cannot be read has not come far enough; the run that waits for it goes on being looked at."""
    kit = shop(transition=BOOKS)
    kit.store.inner.create(run_path(EU), {"key": "spoilt"})
    kit.store.inner.create(transition_path(EU, BOOKS), {"state": 7})
    say(kit, "us", "orders")
    assert kit.state(BOOKS, US).blocked["after_run"].text == f"{EU.id} cannot be read"
    for path in (run_path(EU), transition_path(EU, BOOKS)):
        kit.store.inner.delete(path)
    say(kit, "eu", "orders", "returns")
    kit.sweeps(1)
    assert kit.state(BOOKS, US).triggered
