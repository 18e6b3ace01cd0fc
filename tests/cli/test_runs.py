"""`orch runs`, `timeline`, `events` and `diff`, asked of recorded days and of a kit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.handlers_kit import HandlersKit
from tests.cli.scenario_days import PlayedDay, played
from tests.core.build import DAY, NIGHT, PGS, PHASE3, TO4
from tests.policy_files import NBA, edit, nba, write

NIGHT_19 = "nba/2026-01-19/overnight"


@pytest.fixture(scope="module")
def held() -> Iterator[PlayedDay]:
    """20 January at 11:30: four of five of phase 4, without the player cache, held since 11:02."""
    with played("B8_no_tier_without_the_pair", "2026-01-20 11:30") as day:
        yield day


@pytest.fixture(scope="module")
def blocked() -> Iterator[PlayedDay]:
    """5 February at 02:20: all five done, the coverage of games reads 71."""
    with played("D1_gate_opens_without_a_message", "2026-02-05 02:20") as day:
        yield day


def test_the_list_says_what_is_wrong_with_each_run(held: PlayedDay) -> None:
    """One line a run: open or closed, units, the states of its transitions, and what is late or held by how much."""
    text = held.answer("runs", "list")
    row = next(line for line in text.splitlines() if line.startswith(NIGHT_19))
    assert row.split()[1:3] == ["yes", "9"]
    assert "phase4_to_phase5 held 11:02 EST (the deadline has passed; late by 1 h: due 10:30 EST)" in row
    assert text.splitlines()[-1] == "1 run from 2026-01-08 to 2026-01-21"


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        (("--state", "held"), 1),
        (("--state", "confirmed"), 0),
        (("--mode", "overnight", "--problems"), 1),
        (("--mode", "same_day"), 0),
        (("--since", "2026-01-20"), 0),
        (("--since", "2026-01-19", "--until", "yesterday"), 1),
    ],
)
def test_the_list_is_filtered(held: PlayedDay, argv: tuple[str, ...], count: int) -> None:
    """By state, mode, dates and whether something is wrong."""
    assert len(json.loads(held.answer("runs", "list", *argv, "--json"))["runs"]) == count


def test_the_list_is_bounded() -> None:
    """The newest so many, and how many are left out."""
    kit = HandlersKit().ordinary()
    for days in range(4):
        kit.deliver(PGS, records=200, game_date=str(DAY - timedelta(days=days)), mode="overnight")
    document = json.loads(kit.orch("runs", "list", "--limit", "3", "--json")[1])
    assert ([run["date"] for run in document["runs"]], document["left_out"]) == (
        ["2026-01-21", "2026-01-20", "2026-01-19"], 1,
    )  # fmt: skip
    assert "3 runs from 2026-01-10 to 2026-01-23; 1 more: --limit" in kit.orch("runs", "list", "--limit", "3")[1]


def test_one_run_is_shown_with_what_decided_it(held: PlayedDay) -> None:
    """Its transitions as status shows them, the policy and the code, and the two commands that tell more."""
    text = held.answer("runs", "show", NIGHT_19)
    assert f"policy {held.ctx.policy.version} (in force), code simulation" in text
    assert f"bin/orch timeline {NIGHT_19}" in text
    assert "CRITICAL phase4_to_phase5: held: the deadline has passed without player_daily_cache" in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_timeline_fits_the_terminal(held: PlayedDay, width: int) -> None:
    """Names, bars and words in so many columns: reports, tiers, deadline, the hold until now, and a legend."""
    lines = held.answer("timeline", NIGHT_19, "--width", str(width)).splitlines()
    assert all(len(line) <= width or ":" in line[:20] for line in lines)
    phase4 = lines.index("phase4_to_phase5: held (the deadline has passed; late by 1 h: due 10:30 EST)")
    acts = next(line for line in lines[phase4:] if line.lstrip().startswith("orchestrator"))
    assert [letter for letter in "o123!Dh" if letter in acts] == list("o123!Dh")
    assert acts.rindex("D") < acts.rindex("h")
    cache = next(line for line in lines if line.lstrip().startswith("player_daily_cache"))
    assert cache.endswith("no report")
    assert "#" not in cache
    legend = " ".join(lines[-3:])
    assert "D deadline" in legend
    assert "C confirmed" not in legend


def test_a_block_lasts_until_now(blocked: PlayedDay) -> None:
    """From the last completion on, and the gate with its number stands above it."""
    lines = blocked.answer("timeline", "nba/2026-02-04/overnight", "--width", "100").splitlines()
    assert "phase3_to_phase4: blocked (game_coverage: game_coverage reads 71 percent, blocks below 80)" in lines
    acts = next(line for line in lines if "bbb" in line)
    assert acts.lstrip().startswith("orchestrator")


def test_a_block_that_is_over_ends_where_it_did() -> None:
    """At 03:20 its letters end before the trigger of 02:40, and not at this moment."""
    with played("D1_gate_opens_without_a_message", "2026-02-05 03:20") as day:
        lines = day.answer("timeline", "nba/2026-02-04/overnight", "--width", "120").splitlines()
    acts = next(line for line in lines if "bbb" in line).removeprefix("  orchestrator").strip()
    assert 0 < acts.rindex("b") < max(acts.rfind("T"), acts.rfind("C"))
    assert acts[acts.rindex("b") + 1 :].count(".") > 3


def test_events_are_in_order_with_who_and_why() -> None:
    """Deliveries by message id, one that is older, what is in quarantine, an operator's act, a dispatch, its alert."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=203, message_id="m-1", timestamp="2026-01-22T10:59:00+00:00")
    kit.deliver(PGS, records=203, message_id="m-1", timestamp="2026-01-22T10:59:00+00:00")
    kit.wait()
    kit.deliver(PGS, records=3, message_id="m-2", timestamp="2026-01-22T10:50:00+00:00")
    kit.deliver(PGS, records=203, message_id="m-3", timestamp="2026-01-22T10:59:00+00:00")
    kit.take("phase3", b'{"processor_name": "Nobody", "game_date": "2026-01-21", "status": "success"}', "m-4")
    kit.wait()
    kit.orch("trigger", TO4, str(DAY), "--mode", "overnight", "--reason", "the source is down", "--by", "ana")
    kit.sweep()
    status, text = kit.orch("events", NIGHT.id)
    assert status == 0
    lines = [line[len("2026-01-22 06:00:00 EST  ") :] for line in text.splitlines()]
    assert lines[0] == "opened       the run is opened"
    assert f"delivery     phase3  {PGS} success, 203 records  [m-1]" in lines
    assert f"delivery     phase3  {PGS} success, 3 records (older than m-1: superseded)  [m-2]" in lines
    assert f"delivery     phase3  {PGS} success, 203 records (the same as m-1)  [m-3]" in lines
    assert any(line.startswith("quarantined  phase3  Nobody: ") and line.endswith("[m-4]") for line in lines)
    assert f"operator     {TO4}  trigger by ana: the source is down" in lines
    sent = next(line for line in lines if line.startswith("dispatch"))
    assert sent.startswith(f"dispatch     {TO4}  trigger by operator as {NIGHT.trigger_id(TO4, 1)}, degraded without ")
    assert lines.index(f"operator     {TO4}  trigger by ana: the source is down") < lines.index(sent)
    assert sum("[m-1]" in line for line in lines) == 1
    document = json.loads(kit.orch("events", NIGHT.id, "--json")[1])
    assert len(document["events"]) == len(lines)


def test_diff_says_what_changed_between_two_nights(tmp_path: Path) -> None:
    """Another policy, another version of the code, and how the transition came out; of the policy which keys."""
    kit = HandlersKit(version="v1").ordinary().ordinary(DAY - timedelta(days=1))
    before = {"game_date": str(DAY - timedelta(days=1)), "mode": "overnight"}
    for processor in PHASE3:
        kit.deliver(processor, records=200, **before)
    kit.sweep()
    later = kit.instance("v2")
    kit.deliver(PGS, records=200, ctx=later)
    kit.orch("trigger", TO4, str(DAY), "--mode", "overnight", "--reason", "now", ctx=later)
    kit.sweep(ctx=later)
    text = kit.orch("diff", "nba/2026-01-20/overnight", NIGHT.id)[1]
    rows = {line[2:].split("  ")[0]: line.split() for line in text.splitlines()[2:]}
    assert rows["code"][1:] == ["v1", "v2"]
    assert rows[f"{TO4} triggered by"][-2:] == ["complete", "operator"]
    assert "upcoming_player_game_context" in " ".join(rows[f"{TO4} missing"])
    assert kit.orch("diff", "2026-01-20", "2026-01-21")[1] == text
    assert kit.orch("diff", NIGHT.id, NIGHT.id)[1].strip() == f"{NIGHT.id} to {NIGHT.id}: nothing differs"
    compared = kit.orch("diff", "2026-01-20", "2026-01-21", "--policy", str(NBA))[1]
    assert compared.splitlines()[-1].endswith("no key differs")
    other = write(tmp_path, edit(nba(), {"transitions/phase3_to_phase4/confirm/redispatch": 5}))
    status, refused = kit.orch("diff", "2026-01-20", "2026-01-21", "--policy", str(other))
    assert (status, "was decided by" in refused) == (4, True)


def test_the_keys_of_two_policies_are_compared() -> None:
    """Each with both values, and nothing where nothing differs."""
    from shared.core.reporting.run_diff import changed_keys

    before, after = {"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"b": 3, "c": [1]}, "e": 4}
    changes = [(change.what, change.before, change.after) for change in changed_keys(before, after)]
    assert changes == [("a.b", "1", "3"), ("d", "2", "-"), ("e", "-", "4")]
    assert changed_keys(before, before) == []


@pytest.mark.parametrize("verb", ["runs show", "timeline", "events"])
@pytest.mark.parametrize(
    ("run", "status"), [("nba/2026-01-18/overnight", 3), ("nba/2026-01-18", 2), ("sales/2026-01-19/daily", 2)]
)
def test_a_run_that_is_not_there(held: PlayedDay, verb: str, run: str, status: int) -> None:
    """Exit 3 for no run, 2 for what is no id, with a command that lists them."""
    ended, text = held.ask(*verb.split(), run)
    assert (ended, "hint: " in text) == (status, True)


def test_a_run_of_this_very_moment_is_drawn() -> None:
    """Before any report has ended: every column has a length."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, "started")
    status, text = kit.orch("timeline", NIGHT.id, "--width", "60")
    assert (status, "one column is " in text) == (0, True)
