"""What people read when an alert is over, as Slack shows it, after real nights through the handlers (behaviour A2).

When, how long, and how: by a report, by a number, by a person.
"""

from __future__ import annotations

import pytest

from shared.adapters.notify import slack_blocks
from shared.ports import Notice
from tests.app import test_self_heal
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, TO4


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def shown(notice: Notice) -> tuple[str, str]:
    """Return header and first section, as Slack shows them."""
    header, section, *_ = slack_blocks.blocks(notice)
    return header["text"]["text"], section["text"]["text"]


def test_a_gate_that_opens_says_what_it_reads(kit: HandlersKit) -> None:
    """It blocks for ten minutes; the alert has its command and no snake_case in its header; its end has the number."""
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3, records=200)
    kit.sweeps(10)
    kit.change(readings={"game_coverage": 100.0})
    kit.sweeps(4)
    began, ended = kit.notices("gate")
    titles = [phase.title for phase in (kit.policy.phases["phase3"], kit.policy.phases["phase4"])]
    name = f"Blocked by a gate: {titles[0]} to {titles[1]}, {DAY} overnight"
    header, text = shown(began)
    assert header == f"WARNING {name}"
    assert "game_coverage reads 57 percent" in text
    assert began.command == f"bin/orch explain {TO4} {DAY} --mode overnight"
    header, text = shown(ended)
    assert header == f"RESOLVED {name}"
    first, how = text.splitlines()
    assert first.startswith(f"over: {NIGHT.id} {TO4}: blocked by game_coverage")
    assert how.startswith("Ended 06:1")
    assert how.endswith(" EST, after 11 min: game_coverage reads 100 percent")
    assert ended.command == ""


def test_what_was_late_says_which_report_let_it_go(kit: HandlersKit) -> None:
    """Not triggered at 08:30, because a required one is missing; it comes at 08:40."""
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    test_self_heal.at(kit, 8, 30)
    kit.sweeps(10)
    kit.deliver(PGS, records=203)
    kit.sweeps(4)
    [ended] = kit.notices("due_warning", resolved=True)
    how = shown(ended)[1].splitlines()[1]
    assert how.startswith("Ended 08:4")
    assert " EST, after " in how
    assert f"triggered at 08:40 EST by complete, after {PGS} reported success with 203 records at 08:40 EST" in how


def test_a_person_is_named_with_the_reason(kit: HandlersKit) -> None:
    """Held and released by somebody: who, and why."""
    words = (TO4, str(DAY), "--mode", "overnight", "--by", "ada")
    kit.deliver(PGS, records=200)
    kit.orch("hold", *words, "--reason", "the vendor is wrong")
    kit.sweeps(5)
    kit.orch("release", *words, "--reason", "the vendor is right")
    kit.sweeps(4)
    [ended] = kit.notices("on_hold", resolved=True)
    assert shown(ended)[1].endswith(": an operator (release by ada): the vendor is right")


def test_the_end_stays_known(kit: HandlersKit) -> None:
    """`orch alerts show` says it long after, and as JSON."""
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3, records=200)
    kit.sweeps(10)
    kit.change(readings={"game_coverage": 100.0})
    kit.sweeps(4)
    [document] = [alert for alert in kit.documents("alerts") if alert["kind"] == "gate"]
    status, text = kit.orch("alerts", "show", document["fingerprint"])
    assert status == 0
    assert "  Ended 06:1" in text
    assert "game_coverage reads 100 percent" in text
    assert f"  paste:  bin/orch explain {TO4} {DAY} --mode overnight" in text
