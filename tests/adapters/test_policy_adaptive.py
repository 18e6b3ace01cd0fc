"""Times that a policy leaves to past nights, as the file writes them, and what is refused of them (behaviour T11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.adaptive import Auto
from shared.core.policy.anomalies import NIGHTS, OFF
from shared.core.policy.mode_check import never_told
from shared.core.policy.policy import Policy
from tests.policy_files import NBA, edit, nba, write

AUTO = {"quantile": 0.95, "of": "28 nights", "times": 1.5, "at_least": "10m", "at_most": "4h"}
READ = Auto(0.95, 28, 1.5, timedelta(minutes=10), timedelta(hours=4))
AT = "transitions.phase3_to_phase4.expects.overnight"
PATH = AT.replace(".", "/")
TIERS = [{"after": "15m", "at_least": 4}, {"after": "30m", "at_least": 3}]
DEADLINE = {"after": "2h", "then": "trigger_if_required"}
DUE = {"warning": "08:30", "critical": "10:00"}


def loaded(tmp_path: Path, **parts: Any) -> Policy:
    return load_policy(write(tmp_path, edit(nba(), {f"{PATH}/{name}": value for name, value in parts.items()})))


def auto(**more: Any) -> dict[str, Any]:
    return {**AUTO, **more}


def test_each_time_may_be_learned(tmp_path: Path) -> None:
    """Beside its fixed value: the tiers, the deadline, both due times. The most nights of any are read."""
    policy = loaded(
        tmp_path,
        tiers=[{**TIERS[0], "auto": AUTO}, {**TIERS[1], "auto": auto(of="40 nights")}],
        deadline={**DEADLINE, "auto": AUTO},
        due={
            **DUE,
            "auto": {"warning": auto(at_least="1h", at_most="5h"), "critical": auto(at_least="5h", at_most="6h")},
        },
    )
    expectation = policy.transitions["phase3_to_phase4"].expects["overnight"]
    assert [tier.auto for tier in expectation.tiers] == [READ, Auto(0.95, 40, 1.5, READ.at_least, READ.at_most)]
    assert (expectation.deadline is not None, expectation.due is not None) == (True, True)
    assert expectation.deadline is not None
    assert expectation.deadline.auto == READ
    assert expectation.due is not None
    assert expectation.due.warning_auto is not None
    assert expectation.due.warning_auto.at_most == timedelta(hours=5)
    assert expectation.due.critical_auto is not None
    assert replace(policy, anomalies=OFF).nights_needed == 40
    assert policy.nights_needed == policy.anomalies.nights_needed == NIGHTS
    assert replace(load_policy(NBA), anomalies=OFF).nights_needed == 0


def test_an_overlay_takes_an_auto_back(tmp_path: Path) -> None:
    """null is as if it were not there."""
    policy = loaded(tmp_path, deadline={**DEADLINE, "auto": None}, due={**DUE, "auto": None})
    assert replace(policy, anomalies=OFF).nights_needed == 0


def deadline(**more: Any) -> dict[str, Any]:
    return {"deadline": {**DEADLINE, "auto": auto(**more)}}


def tiers(first: dict[str, Any], *second: dict[str, Any]) -> dict[str, Any]:
    return {"tiers": [{**tier, **more} for tier, more in zip(TIERS, (first, *second), strict=False)]}


def due(fixed: dict[str, Any], **autos: Any) -> dict[str, Any]:
    return {"due": {**fixed, "auto": autos}}


LEARNED = {"auto": AUTO}
COUNT, SPREAD = "expected a number of nights", "leave out the fixed time, 2h"
REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (deadline(at_least="5h"), "deadline.auto.at_least", "5h is more than at_most (4h)", "swap"),
    (deadline(of="91 nights"), "deadline.auto.of", "not read further back", "from 7 to 90 nights"),
    (deadline(of="6 nights"), "deadline.auto.of", "fewer teach nothing", "from 7 to 90 nights"),
    (deadline(of="28 days"), "deadline.auto.of", COUNT, "28 nights"),
    (deadline(of=28), "deadline.auto.of", COUNT, "28 nights"),
    (deadline(quantile=95), "deadline.auto.quantile", "expected a quantile", "0.95"),
    (deadline(quantile=0), "deadline.auto.quantile", "expected a quantile", "0.95"),
    (deadline(times=0), "deadline.auto.times", "expected a factor", "1.5"),
    (deadline(at_most="90m"), "deadline.auto.at_most", SPREAD, "within"),
    (deadline(at_least="3h"), "deadline.auto.at_least", SPREAD, "within"),
    (deadline(quantil=1), "deadline.auto.quantil", "there is no such key", "quantile"),
    ({"deadline": {"then": "hold", **LEARNED}}, "deadline.after", "is missing", "a duration"),
    ({"tiers": [{"at_least": 4, **LEARNED}]}, "tiers[0].after", "is missing", "a duration"),
    # what could come before the time above it
    (tiers({}, LEARNED), "tiers[1].auto.at_least", "10m is less than 15m, what tier 1 has", "15m at the least"),
    (tiers(LEARNED, {}), "tiers[1].after", "30m is less than 4h, what tier 1 has", "4h at the least"),
    (tiers(LEARNED), "deadline.after", "2h is less than 4h, what tier 1 has", "the deadline never comes first"),
    (due({"critical": "10:00"}, warning=AUTO), "due.auto.warning", "has no fixed warning", "write warning"),
    (due(DUE, warning=auto(at_most="6h")), "due.critical", "5h is less than 6h, what warning has", "6h at the least"),
    (due({"warning": "04:00"}, warning=AUTO), "due.auto.warning.at_least", "1h before the mode opens", "within"),
]


@pytest.mark.parametrize(("parts", "key", "reason", "hint"), REFUSED)
def test_what_is_refused(tmp_path: Path, parts: dict[str, Any], key: str, reason: str, hint: str) -> None:
    """With the key, why, and what to write instead."""
    with pytest.raises(PolicyError) as refused:
        loaded(tmp_path, **parts)
    text = str(refused.value)
    assert f"{AT}.{key}: " in text
    assert reason in text
    assert hint in text


def test_a_due_time_that_may_be_learned_too_late_is_refused_as_a_fixed_one(tmp_path: Path) -> None:
    """A run that is closed is told of no more (T10): the latest that the nights may say counts."""
    policy = loaded(tmp_path, **due(DUE, critical=auto(at_least="4h", at_most="80h")))
    assert [problem.key for problem in never_told(policy)] == [f"{AT}.due.auto.critical.at_most"]


def test_a_fault_of_any_mode_is_told_once(tmp_path: Path) -> None:
    """It is located where it was written, not in each mode that inherits it."""
    whole = edit(
        nba(),
        {"transitions/phase3_to_phase4/expects/any_mode": {"deadline": {**DEADLINE, "auto": auto(at_least="5h")}}},
    )
    for mode in ("overnight", "same_day", "tomorrow"):
        del whole["transitions"]["phase3_to_phase4"]["expects"][mode]["deadline"]
    with pytest.raises(PolicyError, match=r"expects\.any_mode\.deadline\.auto\.at_least"):
        load_policy(write(tmp_path, whole))
