"""What went wrong with a coordinator that kept batches in memory and in one array: each fault has its tests by name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from shared.app.batches.store import batch_path, outcomes_path
from shared.core.batches.batch import BatchState
from shared.core.errors import Unavailable
from shared.core.policy.batches import CloseStep
from shared.core.policy.transitions import HttpCall
from shared.ports import Response
from shared.simulation.fakes.clock import Crash
from tests.app.batch_kit import BATCH, BatchKit
from tests.app.handlers_kit import Fate
from tests.core.build import NIGHT, SAME_DAY

ROOT = Path(__file__).resolve().parents[2]
DAYS = ROOT / "tests" / "scenarios"
HERE = "tests/app/test_batch_faults.py"
DECIDED, MEMBERS = "tests/core/test_batch_decide.py", "tests/core/test_batch_members.py"

FAULTS: dict[str, tuple[str, ...]] = {
    "memory lost at a restart": (
        f"{HERE}::test_every_message_may_meet_a_new_instance",
        f"{HERE}::test_a_process_may_die_at_any_effect",
    ),
    "409 from one document under contention": (
        f"{HERE}::test_reports_share_no_document",
        f"{HERE}::test_reports_at_once_are_all_counted",
        "own/batch_whose_last_three_report_at_once",
    ),
    "arrays without bound": (
        f"{HERE}::test_reads_and_writes_of_reports_do_not_grow",
        f"{HERE}::test_no_document_grows_with_the_batch",
        "own/batch_with_a_hundred_missing",
    ),
    "a failed write was answered 204": (
        f"{HERE}::test_a_report_that_was_not_written_comes_again",
        "batches/T16_store_down_while_reports_come",
    ),
    "the message id was marked as seen before the work": (
        f"{HERE}::test_a_report_that_was_not_written_comes_again",
        "batches/T14_crash_after_record",
    ),
    "0 members closed without a word": (
        f"{DECIDED}::test_nobody_is_nothing_to_do",
        "batches/T05_nobody_and_one",
    ),
    "skipped members held the batch open": (
        f"{DECIDED}::test_every_outcome_completes",
        "batches/T07_skipped_and_failed",
    ),
    "silent members were retried for ever": (
        f"{HERE}::test_a_silent_member_is_asked_so_often_and_no_more",
        "batches/T08_silent_one_is_asked_again",
    ),
    "stuck at 0 percent it blocked the day": (
        f"{HERE}::test_a_batch_at_0_percent_ends_at_its_deadline",
        f"{DECIDED}::test_the_deadline_ends_each_state",
    ),
    "a forced close left a tracker that blocked the next": (
        f"{HERE}::test_a_batch_closed_by_a_person_does_not_block_the_next",
        "batches/T20_operator_retries_closes_and_starts_again",
    ),
    "every late report said complete again": (
        f"{HERE}::test_late_reports_publish_nothing",
        "batches/T10_late_report_is_noted",
        "batches/T11_late_report_reopens_by_policy",
    ),
    "never tested again after the last report": (
        f"{HERE}::test_a_batch_whose_last_decision_was_lost_is_closed_by_a_sweep",
        "own/batch_idle_across_an_outage",
    ),
    "a second start while loading opened a second batch": (
        f"{HERE}::test_the_same_start_again_changes_nothing",
        "batches/T12_second_start_while_loading",
    ),
    "the number of members was lowered": (f"{HERE}::test_the_same_start_again_changes_nothing",),
    "success was published although the merge had failed": (
        f"{HERE}::test_nothing_is_published_before_its_steps_are_proven",
        "batches/T18_close_step_fails_then_heals",
        "batches/T19_close_step_is_refused",
    ),
    "percent counted players where predictions were meant": (f"{MEMBERS}::test_a_completion_says_its_units",),
    "the end was published several times": (
        f"{HERE}::test_reports_at_once_are_all_counted",
        "batches/T13_crash_after_claim",
        "batches/T15_crash_after_dispatch",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_tests(fault: str) -> None:
    """Each name is a test function that is there, or a day that is played, and each of the functions asserts."""
    assert FAULTS[fault]
    for name in FAULTS[fault]:
        path, _, function = name.partition("::")
        if not function:
            assert (DAYS / f"{name}.yaml").is_file(), name
            continue
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
        assert len(functions) == 1, name
        assert any(isinstance(node, ast.Assert) for node in ast.walk(functions[0])), f"{name} asserts nothing"


def test_every_message_may_meet_a_new_instance() -> None:
    """Nothing is remembered that matters: each message is taken by an instance of its own, and the batch ends once."""
    kit = BatchKit()
    kit.start(20)
    kit.reports(1, 20, count=5)
    assert [end.body["status"] for end in kit.ends()] == ["success"]
    assert kit.batch().closing is not None
    assert kit.batch().closing.done == 20


def effects_of_a_night() -> int:
    kit = BatchKit(STEPPED)
    _night(kit)
    return len(kit.effects.done)


STEPPED = replace(BATCH, on_close=(CloseStep(call=HttpCall("prediction_coordinator", "/consolidate")),))


def _night(kit: BatchKit) -> None:
    """Play three members that report; what is not acknowledged comes again, and sweeps go on."""
    _delivered(kit, lambda: kit.start(3))
    for _ in range(4):
        if len({request.body["player_lookup"] for request in kit.requests()}) == 3:
            break
        _survived(partial(kit.minutes, 1))
    for number in (1, 2, 3):
        _delivered(kit, partial(kit.reports, number, number, count=5))
    for _ in range(8):
        _survived(partial(kit.minutes, 1))


def _delivered(kit: BatchKit, deliver: Callable[[], object]) -> None:
    """Deliver until it is acknowledged, a minute apart: a dead instance acknowledges nothing."""
    for _ in range(5):
        if _survived(deliver):
            return
        kit.wait()
    raise AssertionError("not acknowledged after five deliveries")


def _survived(action: Callable[[], object]) -> bool:
    try:
        action()
    except (Crash, Unavailable):
        return False
    return True


@pytest.mark.parametrize("fate", Fate)
def test_a_process_may_die_at_any_effect(fate: Fate) -> None:
    """Whatever becomes of any one effect, all are counted, and the end is told once; twice by who died after it."""
    kits = []
    for number in range(effects_of_a_night()):
        kit = BatchKit(STEPPED)
        kit.effects.fate = (number, fate)
        _night(kit)
        kits.append(kit)
        where = f"{fate} at {number} {kit.effects.done[number]}"
        ends = kit.ends()
        assert {end.body["status"] for end in ends} == {"success"}, where
        assert len({(end.body["trigger_id"], end.body["generation"]) for end in ends}) == 1, where
        around = kit.effects.done[number - 1 : number + 1]
        assert len(ends) == 1 or f"bus publish {kit.declared.publish}" in around, where
        assert kit.batch().state is BatchState.PUBLISHED, where
        assert {request.message.attributes["request_id"] for request in kit.requests()} == {
            f"{kit.batch_id()}/m{n:03d}" for n in (1, 2, 3)
        }, where
    assert len(kits) > 20


def test_reports_share_no_document() -> None:
    """A report before the last one writes its own document and no other."""
    kit = BatchKit()
    kit.start(20)
    kit.store.written.clear()
    kit.reports(1, 19)
    assert len(kit.store.written) == len(set(kit.store.written)) == 19
    assert all(path.startswith(f"{outcomes_path(kit.batch_id())}/") for path in kit.store.written)


@pytest.mark.parametrize("seed", range(6))
def test_reports_at_once_are_all_counted(seed: int) -> None:
    """Ten instances that report at the same moment, each twice, lose nothing, and one of them ends the batch."""
    kit = BatchKit(seed=seed)
    kit.start(10)
    kit.at_once(*(partial(kit.reports, n, n, count=2) for n in [*range(1, 11), *range(1, 11)]))
    kit.minutes(4)
    assert [(end.body["status"], end.body["record_count"]) for end in kit.ends()] == [("success", 20)]


def test_reads_and_writes_of_reports_do_not_grow() -> None:
    """Of a thousand members in any order each tenth costs the same, but for the last, who look for who is left."""
    kit = BatchKit()
    kit.start(1_000)
    instances = [kit.instance() for _ in range(4)]
    numbers = list(range(1, 1_001))
    Random(7).shuffle(numbers)
    tenths = []
    for first in range(0, 1_000, 100):
        before = Counter(kit.store.operations)
        for place, number in enumerate(numbers[first : first + 100]):
            kit.report(f"m{number:03d}", ctx=instances[place % 4])
        spent = Counter(kit.store.operations) - before
        tenths.append((spent["reads"] / 100, spent["writes"] / 100))
    assert all(reads < 2.5 and writes <= 1 for reads, writes in tenths[1:9]), tenths
    assert tenths[9][0] < 60, tenths
    assert len(kit.ends()) == 1


def test_no_document_grows_with_the_batch() -> None:
    """With ten times the members no document is larger but by the digits of its numbers."""
    largest = {}
    for members in (300, 3_000):
        kit = BatchKit()
        kit.start(members)
        kit.reports(1, 3)
        kit.minutes(31)
        assert kit.ends()[0].body["missing_count"] == members - 3
        assert len(kit.ends()[0].body["missing"]) == 50
        contents = kit.contents(batch_path(kit.batch_id()))
        largest[members] = max(len(str(data)) for data in contents.values())
    assert largest[3_000] < largest[300] * 1.1


def test_a_report_that_was_not_written_comes_again() -> None:
    """A write that failed is not acknowledged, and the same message, delivered again, counts."""
    kit = BatchKit()
    kit.start(2)
    kit.report("m001")
    kit.effects.fate = (len(kit.effects.done), Fate.SILENT_BEFORE)
    with pytest.raises(Unavailable):
        kit.report("m002", message_id="the second")
    assert not kit.ends()
    kit.report("m002", message_id="the second")
    assert [end.body["status"] for end in kit.ends()] == ["success"]


def test_a_silent_member_is_asked_so_often_and_no_more() -> None:
    """Twice more, five minutes apart, under the same id; those that reported, failed or were skipped are left alone."""
    kit = BatchKit()
    kit.start(4)
    kit.report("m001")
    kit.report("m002", outcome="skipped", reason="injured")
    kit.report("m003", outcome="failed", error_message="no features")
    kit.minutes(29)
    assert [len(kit.requests(f"m00{n}")) for n in (1, 2, 3, 4)] == [1, 1, 1, 3]
    assert len({request.message.attributes["request_id"] for request in kit.requests("m004")}) == 1


def test_a_batch_at_0_percent_ends_at_its_deadline() -> None:
    """Nobody reported: it is partial with 0 percent and all names, and the next date has a batch of its own."""
    kit = BatchKit()
    kit.start(3)
    kit.minutes(31)
    [end] = kit.ends()
    assert (end.body["status"], end.body["metadata"]["completion_pct"]) == ("partial", 0.0)
    assert end.body["missing"] == ["m001", "m002", "m003"]
    kit.start(1, key=SAME_DAY)
    kit.report("m001", batch_id=kit.batch_id(SAME_DAY))
    assert [(publication.body["mode"], publication.body["status"]) for publication in kit.ends()][1:] == [
        ("same_day", "success")
    ]


def test_a_batch_closed_by_a_person_does_not_block_the_next() -> None:
    """After `close` the next start of the same run is a batch of its own, with all its members."""
    kit = BatchKit()
    kit.start(3)
    words = ("--mode", NIGHT.mode, "--reason", "enough", "--by", "x")
    status, output = kit.orch("batch", "close", BATCH.name, NIGHT.day.isoformat(), *words)
    assert status == 0, output
    kit.work()
    again = NIGHT.trigger_id("phase4_to_phase5", 2)
    kit.start(2, batch_id=again)
    for member in ("m001", "m002"):
        kit.report(member, batch_id=again)
    ends = [(end.body["trigger_id"], end.body["status"]) for end in kit.ends()]
    assert ends == [(kit.batch_id(), "partial"), (again, "success")]


def test_late_reports_publish_nothing() -> None:
    """After the end each outcome is kept and noted, again and again, and the end is not said again."""
    kit = BatchKit()
    kit.start(3)
    kit.report("m001")
    kit.minutes(31)
    for _ in range(3):
        kit.report("m002")
        kit.report("m003", outcome="failed")
    kit.minutes(5)
    assert len(kit.ends()) == 1
    assert len(kit.notices("batch_late")) == 2
    assert kit.batch().generation == 1


def test_a_batch_whose_last_decision_was_lost_is_closed_by_a_sweep() -> None:
    """The last outcome is written and its instance dies: nothing is delivered any more, and a sweep closes."""
    kit = BatchKit()
    kit.start(2)
    kit.report("m001")
    kit.effects.fate = (len(kit.effects.done), Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.report("m002")
    assert kit.effects.done[-1].startswith(f"state create {outcomes_path(kit.batch_id())}")
    assert not kit.ends()
    kit.minutes(1)
    assert [end.body["status"] for end in kit.ends()] == ["success"]


def test_the_same_start_again_changes_nothing() -> None:
    """Neither how many members there are nor who: the second start with fewer names is the first one again."""
    kit = BatchKit()
    kit.at_once(lambda: kit.start(30), lambda: kit.start(30))
    kit.start(["m001"])
    kit.minutes(2)
    assert kit.batch().members == 30
    assert len(kit.documents("batches")) == 1
    assert {request.body["player_lookup"] for request in kit.requests()} == {f"m{n:03d}" for n in range(1, 31)}
    assert len(kit.requests()) == 30


def test_nothing_is_published_before_its_steps_are_proven() -> None:
    """While the merge fails there is no word of an end, and one afterwards."""
    kit = BatchKit(STEPPED)
    kit.services.answers["prediction_coordinator"] = Response(500, "merge failed")
    kit.start(1)
    kit.report("m001")
    kit.minutes(6)
    assert (kit.batch().state, kit.ends()) == (BatchState.CLOSING, [])
    kit.services.answers["prediction_coordinator"] = Response(200, "{}")
    kit.minutes(9)
    assert [end.body["status"] for end in kit.ends()] == ["success"]


def test_reports_of_two_runs_do_not_mix() -> None:
    """Two batches at once: each report counts for the one that it names."""
    kit = BatchKit()
    kit.start(1)
    kit.start(1, key=SAME_DAY)
    kit.report("m001", batch_id=kit.batch_id(SAME_DAY))
    assert [end.body["trigger_id"] for end in kit.ends()] == [kit.batch_id(SAME_DAY)]
