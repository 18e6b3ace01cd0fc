"""A simulation that cannot fail proves nothing: with a guarantee broken in a copy of the code, it fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.mutants import Edit
from tests.mutants.test_mutants import mutated

ROOT = Path(__file__).resolve().parents[2]
NIGHTS = 1000
FOUND = 3
# Stops at the first broken promise, and says by which seed and which promise.
PROGRAM = f"""
import sys
from tests.random_nights.parallel import play_seed
for seed in range({NIGHTS}):
    violations = play_seed(seed).violations
    if violations:
        print(seed, violations[0])
        sys.exit({FOUND})
"""

PAUSE_ALERTS = "shared/core/alerting/pause_alerts.py"
RECONCILE, DECIDE, ALERTS = (
    "shared/app/transitions/reconcile.py",
    "shared/core/decision/decide.py",
    "shared/core/alerting/condition.py",
)
FINGERPRINT = """    joined = "\\x1f".join((kind, run, transition, subject))
    return f"{kind}-{hashlib.sha256(joined.encode()).hexdigest()[:20]}"
"""
SENT = "        result = send(ctx, held.snapshot, plan, steps[place], attempt, actor)\n"
LEASE = "    if now < claim.expires_at:\n        return _begun(snapshot) or Wait("
NOT_TAKEN = 'ctx.log("completion.not_taken", severity="WARNING", transition=transition, error=str(error))\n'
# Which of them is met first depends on the night.
SAYING = {
    "blocked_says_so",
    "held_says_so",
    "overdue_says_so",
    "said_once_per_episode",
    "nothing_is_left_unsaid",
    "what_is_over_is_said",
}

CLOSING, ALERTING, STANDING = (
    "shared/core/decision/closing.py",
    "shared/app/alerting/raise_alerts.py",
    "shared/core/decision/completeness.py",
)
HOLDINGS, ANSWERS = "shared/core/decision/holdings.py", "shared/core/wire/answers.py"
REPAIRS, LACKS = "shared/core/repairs.py", "shared/core/lacks.py"
NAMED = " in snapshot.next_trigger_ids\n"

FAULTS = {
    "T5: closed inside an open refresh window": (
        Edit(
            CLOSING,
            "if not snapshots or any(_refreshable(snapshot, now) for snapshot in snapshots):",
            "if not snapshots:",
        ),
        {"closed_only_when_over"},
    ),
    "T5: closed once the last transition is confirmed": (
        Edit(CLOSING, "return all(_ended(", "return _ended(snapshots[-1], True, now) or all(_ended("),
        {"closed_only_when_over"},
    ),
    "T5: closing told as recovery": (
        Edit(
            ALERTING,
            'elif run in seen or ("/" not in run and (closed is None or kept.alert.kind != OF_ALL_RUNS)):',
            "elif True:",
        ),
        {"closing_is_no_recovery"},
    ),
    "R11: a table vouches while games are on": (
        Edit(STANDING, "return self.whole_from == NEVER and not self.triggered", "return False"),
        {"no_trigger_against_the_policy"},
    ),
    "R11: a short report of the evening stays early for ever": (
        Edit(STANDING, "needs_rows=None if look.under_way else at.needs_rows)", "needs_rows=None)"),
        {"nothing_ready_is_left", "held_says_so"},
    ),
    "R10: a table that lacks a unit is whole": (
        Edit(STANDING, "short = lack is not None\n", "short = none\n"),
        {"no_trigger_against_the_policy"},
    ),
    "R10: what one unit reported is growth": (
        Edit(
            STANDING, "return at._replace(per_unit=True) if demand.processor.reports is _PER_UNIT else at", "return at"
        ),
        {"no_generation_without_a_cause", "no_trigger_against_the_policy"},
    ),
    "R10: the units that are there are named as missing": (
        Edit(HOLDINGS, "Shortfall(count, total, lacking, self.unit)", "Shortfall(count, total, self.names, self.unit)"),
        {"missing_units_are_named"},
    ),
    "R10: one loader suffices where all are needed": (
        Edit(STANDING, "return asking or best_first[-1]", "return asking or best_first[0]"),
        {"no_trigger_against_the_policy", "no_generation_without_a_cause"},
    ),
    "behaviour 3: a claim confirmed by any report": (
        Edit(DECIDE, NAMED, NAMED.rstrip() + " or seen_at is not None\n"),
        {"confirmed_only_when_begun"},
    ),
    "D3: marked dispatched before the broker has answered": (
        Edit(
            RECONCILE,
            SENT,
            "        now = ctx.ports.clock.now()\n"
            "        if _mark(ctx, held, load, lambda state, now=now: state_changes.dispatched(state, now)) is None:\n"
            "            return None\n" + SENT + "        return None\n",
        ),
        {"marked_only_when_accepted"},
    ),
    "the lease: taken over while it runs": (
        Edit(DECIDE, LEASE, LEASE.replace("if now < claim.expires_at", "if now < claim.claimed_at")),
        {"no_two_claims_alive", "only_the_holder_dispatches"},
    ),
    "the lease: never over": (
        Edit(DECIDE, LEASE, LEASE.replace("if now < claim.expires_at", "if claim")),
        {"nothing_ready_is_left", "no_claim_is_left", "overdue_says_so"},
    ),
    "the fingerprint: the same for every run": (
        Edit(ALERTS, FINGERPRINT, '    return f"{kind}-{hashlib.sha256(subject.encode()).hexdigest()[:20]}"\n'),
        SAYING,
    ),
    "the fingerprint: another one each time": (
        Edit(ALERTS, FINGERPRINT, '    return kind + "-" + __import__("uuid").uuid4().hex\n'),
        # What is raised under one name and sought under another is taken for over, also when its run closes.
        SAYING | {"closing_is_no_recovery", "every_pause_is_told"},
    ),
    "the redelivery: acknowledged although it failed": (
        Edit(
            "shared/entrypoints/transition.py",
            NOT_TAKEN + "        raise\n",
            NOT_TAKEN + "        return Receipt(receiving.Handled.RECORDED)\n",
        ),
        {"no_message_is_lost"},
    ),
    "T8: a pause stops nothing": (
        Edit(DECIDE, "return decision if pause is None else Wait(", "return decision if True else Wait("),
        {"nothing_is_claimed_inside_a_pause"},
    ),
    "T8: repaired inside a pause": (
        Edit(LACKS, "state.hold is not None or snapshot.pause(now) is not None", "state.hold is not None"),
        {"nothing_is_repaired_inside_a_pause"},
    ),
    "T8: the end of a pause told to nobody": (
        Edit(PAUSE_ALERTS, "            yield has_ended(policy, pause)\n", "            continue\n"),
        {"every_pause_is_told"},
    ),
    "D10: a no asked again like an outage": (
        Edit("shared/core/decision/cadence.py", "_step(ASK_AGAIN, before), word)", "_step(BACK_OFF, before), word)"),
        {"nothing_while_it_must_rest"},
    ),
    "D10: a yes of which all failed is a yes": (
        Edit(ANSWERS, "    if rule.results is None or rule.means is not Means.ACCEPTED:", "    if True:"),
        {"marked_only_when_accepted"},
    ),
    "D10: a no told to nobody": (
        Edit(
            "shared/core/alerting/progress.py",
            "            yield _not_taken(snapshot, decision, what, now)\n",
            "            pass\n",
        ),
        {"blocked_says_so"},
    ),
    "D11: a call without an answer is made again at once": (
        Edit(
            "shared/app/transitions/dispatch.py",
            '            return Unknown(f"{who}: {error.reason}")\n',
            "            raise\n",
        ),
        {"nobody_is_asked_twice_while_at_work"},
    ),
    "behaviour 9: a phase that was asked is asked again at once": (
        Edit(REPAIRS, "AT_ONCE if log.accepted_at is None else log.accepted_at + limit.cooldown", "AT_ONCE"),
        {"reruns_are_bounded"},
    ),
    "behaviour 9: repairs in vain told to nobody": (
        Edit(REPAIRS, "    if text:\n        do = ", "    if False:\n        do = "),
        {"repairs_say_what_came_of_them"},
    ),
    "behaviour 9: repairs that are not accepted told to nobody": (
        Edit(REPAIRS, "    if failure is not None:\n        since", "    if False:\n        since"),
        {"repairs_say_what_came_of_them"},
    ),
    "behaviour 9: what a repair of the past brought told to nobody": (
        Edit("shared/core/past_repairs.py", "        if went:\n", "        if False:\n"),
        {"every_past_repair_is_told"},
    ),
    "T10: closed without a word": (
        Edit("shared/app/sweep/closing.py", "    if left or unended:\n", "    if False:\n"),
        {"no_end_without_its_word"},
    ),
    "the generation: one more for every repetition": (
        Edit(
            DECIDE,
            "generation=max(1, state.generation + _next(state, ready))",
            "generation=state.generation + 1",
        ),
        {"no_generation_without_a_cause", "nothing_while_it_must_rest"},
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the code to where it may be broken, with the policy of production."""
    folder = tmp_path_factory.mktemp("broken")
    for name in ("shared", "functions", "config", "deploy", "tests/random_nights"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def ran(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run Python with the code of a folder; return the status and what was said."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_each_fault_finds_its_text_once() -> None:
    """Seen in a moment, and not after hundreds of nights: code that moved takes its faults with it."""
    counts = {
        fault: (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) for fault, (edit, _) in FAULTS.items()
    }
    assert {fault: count for fault, count in counts.items() if count != 1} == {}


# What it takes tens of nights to see.
RARELY_MET = (
    "D10: a no told to nobody",
    "D10: a yes of which all failed is a yes",
    "behaviour 9: a phase that was asked is asked again at once",
    "behaviour 9: repairs that are not accepted told to nobody",
    "behaviour 9: what a repair of the past brought told to nobody",
    "behaviour 3: a claim confirmed by any report",
    "behaviour 9: repairs in vain told to nobody",
    "the lease: taken over while it runs",
    "R10: the units that are there are named as missing",
    "T8: repaired inside a pause",
    "R11: a table vouches while games are on",
    "R11: a short report of the evening stays early for ever",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        # Each takes some seconds of nights: a third of them is made in every run of the tests, all in the nightly lane.
        pytest.param(fault, marks=pytest.mark.nightly) if fault in RARELY_MET or place % 3 else fault
        for place, fault in enumerate(FAULTS)
    ],
)
def test_a_broken_guarantee_is_seen(copy: Path, fault: str) -> None:
    """Within 1,000 nights the simulation fails, and names the promise that was broken."""
    edit, promises = FAULTS[fault]
    with mutated(copy, [edit]):
        status, output = ran(copy, "-c", PROGRAM)
    assert status == FOUND, output
    assert output.split(maxsplit=1)[1].partition(":")[0] in promises, output


def test_a_failing_seed_can_be_played_again(copy: Path) -> None:
    """The command line ends with 1, names each failing seed, and prints the line that plays it minute by minute."""
    edit, _ = FAULTS["D3: marked dispatched before the broker has answered"]
    with mutated(copy, [edit]):
        status, output = ran(copy, "-m", "tests.random_nights", "--seeds", "20")
        replays = re.findall(r"replay: bin/nights (.*)", output)
        again = ran(copy, "-m", "tests.random_nights", *replays[0].split())
    assert status == again[0] == 1
    assert len(replays) == int(re.findall(r"(\d+) broke a promise", output)[0])
    assert "violation  marked_only_when_accepted" in again[1]


def test_without_a_fault_the_copy_breaks_no_promise(copy: Path) -> None:
    """What the faults show is the faults' doing; the answer is also there for scripts."""
    status, output = ran(copy, "-m", "tests.random_nights", "--seeds", "6", "--json")
    assert (status, json.loads(output)["failed"]) == (0, [])


@pytest.mark.parametrize("line", ["night.yaml", "--seeds 0", "--seed -1", "--date tomorrow", "--jobs 0"])
def test_what_makes_no_sense_is_refused(copy: Path, line: str) -> None:
    """A file, a number below what makes sense and a word for a date: exit 2, and a hint."""
    status, output = ran(copy, "-m", "tests.random_nights", *line.split())
    assert status == 2
    assert "hint:" in output
