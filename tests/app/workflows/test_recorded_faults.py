"""Each fault that the phase 1 before this one had, with the tests and recorded days that keep it from coming back."""

from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from shared.core.workflows import model

ROOT = Path(__file__).parents[3]
DAYS = ROOT / "tests" / "scenarios" / "workflows"
DECIDE, FILE = "tests/core/test_workflow_decide.py", "tests/adapters/test_workflows_file.py"
CONTROLLER, EXECUTOR = "tests/app/workflows/test_controller.py", "tests/app/workflows/test_executor.py"
COMMANDS, SEASON = "tests/app/workflows/test_commands.py", "tests/app/workflows/test_days.py"
SMALL_SCOPE = "tests/model_checking/test_workflows.py"

FAULTS: dict[str, tuple[str, ...]] = {
    "two controllers decided twice": (
        "W01_two_controllers_one_run",
        f"{CONTROLLER}::test_two_controllers_claim_a_window_once",
        f"{SMALL_SCOPE}::test_every_order_of_effects_gives_each_call_one_outcome",
    ),
    "the store was denied and the controller returned an empty list": (
        "W02_lock_store_denied",
        f"{CONTROLLER}::test_an_unreadable_store_is_an_error_not_an_empty_list",
    ),
    "today was the UTC date": (
        "W03_today_is_a_local_date",
        f"{DECIDE}::test_discovery_asks_until_it_is_found_or_the_attempts_are_used_up",
    ),
    "windows around midnight were compared by hours of one day": (
        "W04_windows_around_midnight",
        "W16_windows_to_the_second",
        "W34_a_tick_at_the_end_is_outside",
        f"{DECIDE}::test_a_window_around_midnight_belongs_to_one_date",
        f"{DECIDE}::test_windows_in_the_nights_of_clock_changes",
        f"{SEASON}::test_a_week_with_a_clock_change_misses_and_doubles_no_window",
    ),
    "a sleeping controller never saw the windows of the night": (
        "W05_sleeping_controller",
        "W17_missed_and_made_up_later",
        f"{CONTROLLER}::test_a_missed_window_is_told_once_and_ended_by_a_later_run",
        f"{CONTROLLER}::test_a_missed_catch_up_is_told_and_ended_by_its_next_run",
    ),
    "already collected asked a table that was switched off": (
        "W06_targets_from_the_policys_table",
        "W07_collected_table_unreadable",
        f"{DECIDE}::test_targets_are_the_units_without_rows",
        f"{DECIDE}::test_an_unreadable_table_fetches_all_with_one_warning",
    ),
    "the breaker could never open": (
        "W08_breaker_opens_and_closes",
        f"{EXECUTOR}::test_a_breaker_opens_by_outcomes_and_such_a_run_is_blocked",
        f"{EXECUTOR}::test_a_breaker_is_shared_by_every_instance_through_the_store",
        f"{COMMANDS}::test_answers_that_are_no_failures_feed_no_breaker",
    ),
    "the limit of a call never applied": (
        "W11_the_limit_applies",
        f"{EXECUTOR}::test_the_limit_of_an_entry_holds_for_all_its_attempts",
        f"{EXECUTOR}::test_what_does_not_fit_into_the_functions_time_is_left_to_the_next_message",
        f"{FILE}::test_what_is_wrong_is_refused_with_its_key_and_a_hint",
    ),
    "retries stood inside retries": (
        "W09_one_layer_of_retries",
        "W10_400_is_a_configuration_fault",
        f"{EXECUTOR}::test_there_is_one_layer_of_retries_with_jittered_waits",
    ),
    "a run longer than the period was run again": (
        "W12_longer_than_the_period",
        "W22_crash_after_the_claim",
        "W23_crash_after_an_outcome",
        "W24_crash_after_a_call",
        f"{EXECUTOR}::test_a_crash_at_any_write_leaves_each_entry_with_one_outcome",
        "tests/app/workflows/test_slow_store.py::test_a_call_is_made_once_its_begin_is_stored",
        f"{CONTROLLER}::test_a_run_that_somebody_asks_for_is_refused_while_one_is_under_way",
    ),
    "a workflow of open circuits alone was completed": (
        "W08_breaker_opens_and_closes",
        f"{EXECUTOR}::test_a_breaker_opens_by_outcomes_and_such_a_run_is_blocked",
    ),
    "parameters were dropped at a hop": (
        "W13_steps_outputs_and_parameters",
        f"{EXECUTOR}::test_a_call_carries_its_parameters_and_those_of_the_request_unchanged",
        f"{CONTROLLER}::test_parameters_of_a_request_reach_every_call_unchanged",
    ),
    "steps were flattened and what they wait for was ignored": (
        "W13_steps_outputs_and_parameters",
        "W14_requires_is_honoured",
        f"{EXECUTOR}::test_steps_follow_each_other_and_the_run_completes",
        f"{EXECUTOR}::test_outputs_bind_the_calls_of_a_later_step",
    ),
    "keys were read by nobody": (
        "W14_requires_is_honoured",
        f"{FILE}::test_what_is_wrong_is_refused_with_its_key_and_a_hint",
        "tests/app/workflows/test_recorded_faults.py::test_every_key_of_the_file_is_read_by_somebody",
    ),
    "a schedule posted a wrong word": (
        "W32_a_wrong_word_in_a_schedule",
        f"{CONTROLLER}::test_a_body_that_is_not_understood_is_400_with_what_is_known",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_recorded_fault_has_its_tests_and_days(fault: str) -> None:
    """Each is there by its name: a test that asserts something, or a day that expects something."""
    for proof in FAULTS[fault]:
        if "::" in proof:
            file, _, name = proof.partition("::")
            assert _asserts(file).get(name), f"{proof} is not there, or asserts nothing"
        else:
            day = yaml.safe_load((DAYS / f"{proof}.yaml").read_text(encoding="utf-8"))
            assert day["expect"], f"{proof} expects nothing"


@cache
def _asserts(file: str) -> dict[str, bool]:
    """Return by name whether a test of a file asserts anything, in itself or in what it calls of the same file."""
    functions = {
        node.name: node
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    return {
        name: any(isinstance(part, ast.Assert | ast.With) for part in ast.walk(node))
        for name, node in functions.items()
    }


def _read_names(*folders: str) -> set[str]:
    """Return every attribute that the modules of these folders read."""
    return {
        node.attr
        for folder in folders
        for path in (ROOT / folder).glob("*.py")
        if path.name != "check.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def test_every_key_of_the_file_is_read_by_somebody() -> None:
    """Whatever may be written in a workflow file is asked for where workflows are decided, run or watched."""
    read = _read_names("shared/core/workflows", "shared/app/workflows")
    shapes = [shape for shape in vars(model).values() if is_dataclass(shape) and shape.__module__ == model.__name__]
    assert len(shapes) >= 15
    unread = {f"{shape.__name__}.{field.name}" for shape in shapes for field in fields(shape)} - {
        f"{shape.__name__}.{field.name}" for shape in shapes for field in fields(shape) if field.name in read
    }
    # Where the file came from is for messages alone.
    assert unread <= {"Workflows.source"}
