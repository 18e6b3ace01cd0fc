"""`orch tune`: what past nights took, what other times would have made of them, and lines to paste (behaviour T11)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.app.audit.write import completion_row, execution_row
from shared.cli.shell import NOT_FOUND, USAGE
from shared.core.learning.nights import RecordedRun
from shared.core.learning.replay import judged_by_reports, replay
from shared.core.learning.tuning import distribution, proposed
from shared.core.model import LogEntry, Outcome, Plan, Report, TransitionState
from shared.core.policy.adaptive_check import adaptive_problems
from shared.core.policy.anomalies import OFF
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Deadline, Expectation, Then, Tier
from shared.ports import AuditLog, Row
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PHASE3, POLICY, T0, TO4, UTGC, report
from tests.core.test_learning import minutes, night, whole
from tests.policy_files import nba, write

MODE = "overnight"
FIXED = POLICY.transitions[TO4].expects[MODE]


def written(audit: AuditLog, kit: HandlersKit, nights: Sequence[Sequence[float | None]]) -> None:
    """Write nights to a record, newest first: the minutes after which each processor reports, None for never; each is
    triggered as the fixed times of the reference policy say."""
    listed: list[tuple[str, Row]] = []
    for back, waits in enumerate(nights, start=1):
        key, began = replace(NIGHT, day=DAY - timedelta(days=back)), T0 - timedelta(days=back)
        reports = sorted(
            (
                report(name, records=200, ended=began + minutes(wait), message_id=f"{key.id}-{name}")
                for name, wait in zip(PHASE3, waits, strict=True)
                if wait is not None
            ),
            key=lambda report: report.received_at,
        )
        sent = replay(judged_by_reports(POLICY), POLICY.transitions[TO4], FIXED, RecordedRun(key, tuple(reports)))
        assert sent.at is not None
        entry = LogEntry(sent.at, 1, "trigger", sent.reason, bool(sent.missing), sent.missing)
        state = TransitionState(plan=Plan(1, entry.reason, opened_at=began), triggered_at=sent.at)
        listed += [completion_row(kit.policy, key, report, superseded=False) for report in reports]
        listed.append(execution_row(kit.ctx, key, TO4, state, entry))
    for table in sorted({table for table, _ in listed}):
        audit.insert(table, [row for name, row in listed if name == table])


def season(nights: int = 50) -> Iterator[list[float | None]]:
    """Yield nights of up to 14 minutes, newest first; on the third one comes after 18 minutes, on the ninth never."""
    chance = Random(1)
    for back in range(1, nights + 1):
        waits: list[float | None] = [0, 1, *(float(chance.randrange(15)) for _ in PHASE3[2:])]
        waits[-1] = {3: 18.0, 9: None}.get(back, waits[-1])
        yield waits


@pytest.fixture
def kit(tmp_path: Path) -> HandlersKit:
    """Return a kit whose record is DuckDB, with 50 nights in it."""
    audit = DuckDbAuditLog(tmp_path / "record.duckdb", "nba_orchestration")
    kit = HandlersKit(audit=audit).ordinary()
    written(audit, kit, list(season()))
    return kit


def tuned(kit: HandlersKit) -> dict[str, Any]:
    status, text = kit.orch("tune", "--transition", TO4, "--json")
    assert status == 0
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return next(item for item in items if item["mode"] == MODE)


def test_it_says_what_the_nights_took_and_what_other_times_make_of_them(kit: HandlersKit) -> None:
    """By hand: of 26 nights one was degraded for good, and one three minutes before its last report. What is proposed
    waits for the late one and gives the silent one up."""
    item = tuned(kit)
    assert (item["nights"], item["left_out"]) == (24, {"degraded": 2})
    assert sum(bin_["nights"] for bin_ in item["wait_seconds"]["histogram"]) == 24
    assert 0 < item["wait_seconds"]["median"] <= item["wait_seconds"]["p95"] <= item["wait_seconds"]["max"] <= 14 * 60
    before, patient, after = item["as_it_is"], item["waiting_for_all"], item["with_proposal"]
    assert (before["triggered"], before["degraded"], before["false"]) == (26, 2, 1)
    assert (patient["triggered"], patient["degraded"]) == (25, 0)
    assert patient["waited_seconds"] - before["waited_seconds"] == pytest.approx(60 * (18 - 15 - 15))
    assert (after["triggered"], after["degraded"], after["false"]) == (26, 1, 0)
    assert before["in_vain_seconds"] > 0


def test_the_text_says_the_same(kit: HandlersKit) -> None:
    status, text = kit.orch("tune", "--transition", TO4)
    assert status == 0
    assert "phase3_to_phase4 overnight: 24 ordinary nights of 28 dates (left out: 2 degraded)" in text
    assert "##############################" in text
    assert "as the policy is" in text
    assert "phase3_to_phase4 same_day: 0 ordinary nights of 28 dates" in text


def test_it_says_what_the_due_times_are_worth(kit: HandlersKit) -> None:
    """By hand: every night goes within 20 minutes of 06:00, an hour after the mode opens; the warning of 08:30 is never
    heard, and could come more than half an hour sooner. Gates were read at the trigger of each night."""
    item = tuned(kit)
    assert item["due"]["fit"] == "late"
    cost = {"nights": 26, "warned": 0, "false": 0, "failed": 0, "silent": 0, "late_seconds": 0}
    assert item["due"]["as_it_is"] == item["due"]["with_proposal"] == cost
    assert (
        3600 <= item["due"]["after_opened_seconds"]["median"] <= item["due"]["after_opened_seconds"]["p95"] <= 75 * 60
    )
    assert (item["as_it_is"]["nights"], item["as_it_is"]["gates_read"], item["as_it_is"]["blocked"]) == (26, 26, 0)
    _, text = kit.orch("tune", "--transition", TO4)
    assert "  due: it comes late; ordinary nights went 1 h " in text
    assert "  gates and service: known of 26 of 26 nights as the policy is, of 26 with what is proposed" in text
    assert "repairs and what is taken as completed begin with the warning too" in text


def test_what_it_proposes_can_be_pasted(kit: HandlersKit, tmp_path: Path) -> None:
    """The lines are YAML, laid over the policy they pass its checks, and the fixed times stay."""
    lines = yaml.safe_load(tuned(kit)["proposal"])
    whole_file = nba()
    own = lines["transitions"][TO4]["expects"][MODE]
    whole_file["transitions"][TO4]["expects"][MODE] |= own
    policy = load_policy(write(tmp_path, whole_file))
    expectation = policy.transitions[TO4].expects[MODE]
    assert [tier.after for tier in expectation.tiers] == [tier.after for tier in FIXED.tiers]
    assert all(tier.auto is not None for tier in expectation.tiers)
    assert replace(policy, anomalies=OFF).nights_needed == 28
    due = expectation.due
    assert due is not None
    assert FIXED.due is not None
    assert (due.warning, due.critical) == (FIXED.due.warning, FIXED.due.critical)
    assert due.warning_auto is not None


@given(
    waits=st.lists(st.integers(0, 300).map(minutes), min_size=7, max_size=28),
    afters=st.lists(st.integers(1, 300), min_size=1, max_size=3, unique=True).map(sorted),
)
def test_any_proposal_passes_the_checks_of_a_policy(waits: list[timedelta], afters: list[int]) -> None:
    """Whatever the nights and the fixed times are; and none may be shorter than half of the nights were, unless the
    fixed one is."""
    tiers = tuple(Tier(minutes(after), 4) for after in afters[:-1])
    fixed = replace(FIXED, tiers=tiers, deadline=Deadline(minutes(afters[-1]), Then.TRIGGER_IF_REQUIRED))
    proposal = proposed(fixed, waits, 28)
    assert list(adaptive_problems(proposal, None, "here")) == []
    middle = sorted(waits)[(len(waits) - 1) // 2]
    times = [*zip(proposal.tiers, fixed.tiers, strict=True), (proposal.deadline, fixed.deadline)]
    for after, before in times:
        assert after is not None
        assert before is not None
        assert after.auto is not None
        assert after.auto.at_least >= min(before.after, middle)


def test_too_few_nights_propose_nothing(tmp_path: Path) -> None:
    """Said with how many there are, and the status of what is not there."""
    audit = DuckDbAuditLog(tmp_path / "record.duckdb", "nba_orchestration")
    kit = HandlersKit(audit=audit).ordinary()
    written(audit, kit, list(season(6)))
    status, text = kit.orch("tune")
    assert status == NOT_FOUND
    assert "too few ordinary nights in the 28 dates to 2026-01-22: 5 at the most, 7 are needed" in text


def test_an_unknown_transition_is_refused() -> None:
    status, text = HandlersKit().orch("tune", "--transition", "phase3_to_phase5")
    assert status == USAGE
    assert "did you mean phase" in text


def test_nothing_changes_by_itself(kit: HandlersKit) -> None:
    """It reads: no document is written, no row is added."""
    before = len(kit.store.written)
    kit.orch("tune")
    assert len(kit.store.written) == before


# the replay


def ordered(*waits: float) -> tuple[Report, ...]:
    """Return the success of each processor after so many minutes, in the order of receipt."""
    return tuple(sorted(whole(*waits), key=lambda report: report.received_at))


def replayed(expectation: Expectation, run: RecordedRun, policy: Policy = POLICY) -> tuple[float | None, str]:
    sent = replay(judged_by_reports(policy), policy.transitions[TO4], expectation, run)
    return None if sent.at is None else (sent.at - T0) / minutes(1), sent.reason


def test_a_replay_goes_as_the_night_went() -> None:
    """Complete with the last report, a tier and the deadline at their times, and held without what is required."""
    assert replayed(FIXED, night(ordered(0, 3, 12, 9, 5))) == (12, "complete")
    assert replayed(FIXED, night(ordered(0, 3, 12, 9, 50))) == (15, "tier_1")
    assert replayed(FIXED, night(ordered(0, 3, 22, 40, 50))) == (30, "tier_2")
    assert replayed(FIXED, night(ordered(0, 90, 91, 140, 150))) == (91, "tier_2")
    assert replayed(FIXED, night(ordered(0, 150, 160, 170, 180))) == (150, "deadline")
    assert replayed(FIXED, night(whole(0, 3)[:1])) == (None, "")


def test_a_replay_knows_failures_and_repeats() -> None:
    """A failure takes a success back until another comes; reports of others bear on nothing."""
    failed = report(UTGC, Outcome.FAILED, ended=T0 + minutes(6))
    again = report(UTGC, records=200, ended=T0 + minutes(14))
    reports: list[Report] = sorted([*whole(0, 3, 7, 9, 5), failed, again], key=lambda report: report.received_at)
    assert replayed(FIXED, night(reports)) == (14, "complete")


def test_a_report_before_the_clock_started_had_fallen_short() -> None:
    """The trigger's own record says when the clock started: an earlier success did not count then."""
    run = replace(night(ordered(3, 4, 0, 9, 12)), opened={TO4: T0 + minutes(3)})
    assert replayed(FIXED, run) == (18, "tier_1")


def test_the_histogram_holds_every_night() -> None:
    waits = [minutes(n) for n in (0, 0, 1, 5, 30, 31.5)]
    shown = distribution(waits)
    assert sum(each.count for each in shown.bins) == len(waits)
    assert all(before.high == after.low for before, after in zip(shown.bins, shown.bins[1:], strict=False))
    assert (shown.bins[0].low, shown.longest, shown.median) == (timedelta(0), minutes(31.5), minutes(3))
    assert distribution([minutes(4)]).bins[0].count == 1
