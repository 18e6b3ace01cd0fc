"""Deliberate errors, and for each the named tests that must catch it.

To add one: the exact text of the code (found once in its file), what it becomes, and the tests that
then fail. A test of parameters catches it if one of its cases fails.
"""

from __future__ import annotations

from dataclasses import dataclass

DECIDE, STANDING, RECORD = (
    "shared/core/decision/decide.py",
    "shared/core/decision/completeness.py",
    "shared/core/decision/fold.py",
)
READINESS, REFRESH = "shared/core/decision/readiness.py", "shared/core/decision/refresh.py"
GATES, CALENDAR, ALERTS = (
    "shared/core/decision/gates.py",
    "shared/core/calendar.py",
    "shared/core/alerting/conditions.py",
)
CONDITION, PROGRESS, DUE = (
    "shared/core/alerting/condition.py",
    "shared/core/alerting/progress.py",
    "shared/core/alerting/due.py",
)
MODEL, MESSAGE, POLICY = "shared/core/model.py", "shared/core/message.py", "shared/core/policy/policy.py"
PHASES = "shared/core/policy/phases.py"
EVENTS, DEAD_LETTERS = "shared/app/transitions/cloudevents.py", "shared/app/sweep/dead_letters.py"
CLOSING, ALERTING, OPERATE = (
    "shared/core/decision/closing.py",
    "shared/app/alerting/raise_alerts.py",
    "shared/app/operator/acts.py",
)
DEPARTED, DISPATCH, SWEEP = (
    "shared/core/decision/departed.py",
    "shared/app/transitions/dispatch.py",
    "shared/app/sweep/sweep.py",
)
BOUNDED, ORDER, FAIL_FAST = "shared/app/bounded.py", "shared/app/state/order.py", "shared/app/fail_fast.py"
SPELLING, INSTANTS, CONTENTS = (
    "shared/core/wire/spelling.py",
    "shared/core/wire/instants.py",
    "shared/core/wire/contents.py",
)
NAMES, QUARANTINE, BOUNDS = (
    "shared/core/policy/names.py",
    "shared/app/quarantine/keep.py",
    "shared/app/quarantine/bounds.py",
)
MARKS, RECEIVE, RECONCILE = (
    "shared/core/decision/state_changes.py",
    "shared/app/transitions/receive.py",
    "shared/app/transitions/reconcile.py",
)
DATE_COLUMN, CALENDAR_SQL = "shared/adapters/date_column.py", "shared/adapters/calendar_sql.py"
REFUSAL = "shared/core/decision/refusal.py"
HOLDINGS, STREAKS, REPAIR = (
    "shared/core/decision/holdings.py",
    "shared/app/alerting/streaks.py",
    "shared/app/sweep/repair.py",
)
SILENCE, SILENCE_CHECK = "shared/core/decision/silence.py", "shared/core/policy/silence_check.py"
PAUSE, PAUSING, PAUSE_ALERTS = (
    "shared/core/decision/pause.py",
    "shared/app/transitions/pausing.py",
    "shared/core/alerting/pause_alerts.py",
)

REPAIRS, RERUN, CADENCE = "shared/core/repairs.py", "shared/app/sweep/rerun.py", "shared/core/decision/cadence.py"
UNPROVEN, ANSWERS, HTTP = "shared/core/decision/unproven.py", "shared/core/wire/answers.py", "shared/adapters/http.py"
W_DECIDE, W_JUDGE = "shared/core/workflows/decide.py", "shared/core/workflows/judge.py"
W_WINDOWS, W_RUNS = "shared/core/workflows/windows.py", "shared/core/workflows/runs.py"
W_ANSWERS, W_EXECUTOR = "shared/core/workflows/answers.py", "shared/app/workflows/executor.py"
W_WATCH, W_CALLS = "shared/app/workflows/supervision.py", "shared/app/workflows/calls.py"
T_W_DECIDE, T_W_EXECUTOR = "tests/core/test_workflow_decide.py::test_", "tests/app/workflows/test_executor.py::test_"
T_W_CONTROLLER = "tests/app/workflows/test_controller.py::test_"

T_HEAL, T_REPAIRS = "tests/app/test_self_heal.py::test_", "tests/app/test_repair_verdicts.py::test_"
T_ANSWERS, T_VERDICTS = "tests/core/test_answers.py::test_", "tests/app/test_verdicts.py::test_"
LANES, T_LANES = "shared/app/transitions/lanes.py", "tests/app/test_lanes.py::test_"
BACKFILL, T_BACKFILL = "shared/app/operator/backfill.py", "tests/app/test_backfill.py::test_"
T_UNPROVEN = "tests/core/test_unproven.py::test_"
T_UNKNOWN = "tests/app/test_unknown_outcome.py::test_"
T_DECIDE = "tests/core/test_decide.py::test_"
T_REFRESH = "tests/core/test_refresh.py::test_"
T_REFUSAL = "tests/core/test_refusal.py::test_"
T_STANDING = "tests/core/test_completeness.py::test_"
T_PROPERTIES = "tests/core/test_fold_properties.py::test_"
T_RECORD = "tests/core/test_fold.py::test_"
T_GATES = "tests/core/test_gates.py::test_"
T_CALENDAR = "tests/core/test_calendar.py::test_"
T_ALERTS = "tests/core/test_alerts.py::test_"
T_MESSAGE = "tests/core/test_message.py::test_"
T_DEAD_LETTERS = "tests/app/test_dead_letters.py::test_"
T_CLOSING = "tests/app/test_closing.py::test_"
T_CHANGE = "tests/app/test_policy_change.py::test_"
T_SINKS = "tests/app/test_sinks.py::test_"
T_TIME = "tests/app/test_sweep_time.py::test_"
T_NEWER = "tests/app/test_newer_documents.py::test_"
T_QUARANTINE = "tests/app/test_quarantine.py::test_"
T_SHAPES = "tests/wire/test_completions.py::test_"
T_DIALECTS = "tests/wire/test_dialects.py::test_"
T_UNITS, T_NIGHTS = "tests/core/test_units.py::test_", "tests/app/test_units.py::test_"
T_MODEL = "tests/core/test_model.py::test_"
T_WAREHOUSE = "tests/contract/test_warehouse.py::test_"
T_GRAPH, T_PAPER = "tests/core/test_graph.py::test_", "tests/app/test_graph.py::test_"
T_EVENING = "tests/core/test_same_evening.py::test_"
T_SILENCE, T_SILENT_NIGHTS = "tests/core/test_silence.py::test_", "tests/app/test_silence.py::test_"
T_PAUSE, T_PAUSING = "tests/core/test_pause.py::test_", "tests/app/test_pausing.py::test_"
T_DRIFT = "tests/deploy/test_drift.py::test_"
T_RIGHTS = "tests/deploy/test_rights.py::test_"


def scenario(name: str) -> str:
    return f"tests/scenarios/test_incidents.py::test_incident[{name}]"


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the code."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A deliberate error: what it is, how it comes about, who must notice."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, (Edit(file, old, new),), tests)


MUTANTS = [
    # Phases as a graph
    mutant(
        "a report bears on the first transition alone that waits for its phase",
        RECEIVE,
        "(ctx.policy.starting(phase), *ctx.policy.after(phase))",
        "(ctx.policy.starting(phase), *ctx.policy.after(phase)[:1])",
        T_PAPER + "a_report_decides_all_transitions_that_it_bears_on",
    ),
    mutant(
        "a branch is heard by a function of its own, which there is not",
        POLICY,
        "            first = next(iter(self.after(starting.after[0])), None)\n",
        "            first = starting\n",
        T_GRAPH + "a_phase_is_heard_by_the_function_that_waits_for_it",
    ),
    mutant(
        "a detached subscription counts as a reader",
        "shared/core/reporting/inventory.py",
        "    read = {feed.topic for feed in there.values() if not feed.fault}\n",
        "    read = {feed.topic for feed in there.values()}\n",
        "tests/adapters/test_inventory.py::test_a_subscription_that_gets_nothing_reads_nothing",
    ),
    mutant(
        "only the phase that reports is looked at",
        RECEIVE,
        "            for phase in transition.after:\n",
        "            for phase in (report.phase,):\n",
        T_PAPER + "who_waits_for_two_phases_goes_with_the_second",
    ),
    mutant(
        "one overdue start excuses every phase",
        DUE,
        "return not silent & spoken and all(told)",
        "return not silent & spoken and any(told)",
        T_GRAPH + "a_due_alert_that_only_waits_for_others_is_theirs",
    ),
    mutant(
        "a phase is asked again for each transition that waits for it",
        "shared/app/sweep/rerun.py",
        "found.get(phase, Lack(snapshot.key, phase, (), (), frozenset()))",
        "Lack(snapshot.key, phase, (), (), frozenset())",
        T_PAPER + "a_phase_that_two_wait_for_is_asked_once",
    ),
    mutant(
        "a due time of the day after is one of the day itself",
        CALENDAR,
        " + timedelta(days=at.days), at.at,",
        ", at.at,",
        T_GRAPH + "due_times_may_lie_on_the_day_after",
    ),
    mutant(
        "two transitions may start one phase",
        "shared/core/policy/policy_check.py",
        "    if other != transition.name:\n",
        "    if False:\n",
        T_GRAPH + "two_that_start_one_phase_are_refused",
    ),
    mutant(
        "a circle of phases is let through",
        "shared/core/policy/policy_check.py",
        "        if name not in beyond or name in said:\n",
        "        if True:\n",
        T_GRAPH + "a_circle_is_refused_once",
    ),
    # The evening of the date itself
    mutant(
        "a report of the evening goes by the date alone",
        CALENDAR,
        "    if difference == 0 and expecting:\n",
        "    if False:\n",
        T_EVENING + "whose_a_report_of_the_evening_is",
        T_EVENING + "a_last_phase_that_one_mode_starts_is_that_modes",
        scenario("S_N19_finished_before_midnight"),
    ),
    mutant(
        "the one mode that expects a processor has to wait for the evening",
        CALENDAR,
        "if len(expecting) == 1 or (since",
        "if (since",
        T_EVENING + "whose_a_report_of_the_evening_is",
    ),
    mutant(
        "the evening begins a moment later",
        CALENDAR,
        "published >= instant(day, since",
        "published > instant(day, since",
        T_EVENING + "whose_a_report_of_the_evening_is",
    ),
    mutant(
        "a last phase is expected by nobody",
        POLICY,
        "        if not waiting and starting is not None:\n",
        "        if False:\n",
        T_EVENING + "a_last_phase_is_expected_by_all_who_start_it",
    ),
    mutant(
        "tiers of an early run begin before it opens",
        CALENDAR,
        "    return max(opened_at, instant(working_day",
        "    return min(opened_at, instant(working_day",
        T_EVENING + "before_it_opens_only_completeness_triggers",
    ),
    mutant(
        "an early report that is short is told as too short",
        STANDING,
        "return _early(_judged(processor, known, look), look)",
        "return _judged(processor, known, look)",
        T_EVENING + "a_short_report_before_the_units_are_final_is_early",
    ),
    mutant(
        "a table vouches while units are under way",
        STANDING,
        "if not look.under_way and _table_holds(",
        "if _table_holds(",
        T_EVENING + "a_table_vouches_for_a_short_report_once_the_units_are_final",
    ),
    mutant(
        "units that are still under way are warned of",
        STANDING,
        "SHORT = (Status.UNDER_MINIMUM, Status.UNITS_SHORT, Status.NOTHING)",
        "SHORT = (Status.UNDER_MINIMUM,)",
        T_EVENING + "units_that_are_missing_on_the_evening_are_named_without_a_warning",
        T_EVENING + "a_report_of_nothing_is_early_while_the_units_are_under_way",
    ),
    mutant(
        "a call that leaves no time to say that it hangs",
        BOUNDED,
        "_BoundedHttp(ports, deadline - SAYING)",
        "_BoundedHttp(ports, deadline)",
        f"{T_TIME}a_service_that_hangs_leaves_the_time_to_say_so",
    ),
    mutant(
        "what was final when its run was opened is final from now on",
        CALENDAR,
        "    return (run.final_at or run.opened_at) if before else now\n",
        "    return now\n",
        T_EVENING + "since_when_the_units_are_final",
    ),
    # Sets, tiers and deadlines
    Mutant(
        "sets replaced by counts of whatever arrived",
        (
            Edit(
                STANDING,
                "    for name in expected:\n",
                "    for name in expected | (completions.keys() & processors.keys()):\n",
            ),
            Edit(STANDING, "self.expected <= self.done", "len(self.expected) <= len(self.done)"),
        ),
        (f"{T_DECIDE}sets_decide_and_not_counts_of_whatever_arrived",),
    ),
    mutant(
        "a tier counts heads and forgets who is required",
        READINESS,
        "if now >= at and enough and seen.required <= seen.present:",
        "if now >= at and enough:",
        f"{T_DECIDE}no_tier_without_the_required",
        scenario("B8_no_tier_without_the_pair"),
    ),
    mutant(
        "a tier one second late",
        READINESS,
        "if now >= at and enough",
        "if now > at and enough",
        f"{T_DECIDE}tiers_and_deadline_to_the_second",
    ),
    mutant(
        "a tier inverted: before its time and never after",
        READINESS,
        "if now >= at and enough",
        "if now <= at and enough",
        f"{T_DECIDE}tiers_and_deadline_to_the_second",
        scenario("B8_tier_two_by_the_clock"),
    ),
    mutant(
        "a tier wants one more",
        READINESS,
        "len(seen.present) >= min(",
        "len(seen.present) > min(",
        f"{T_DECIDE}tiers_and_deadline_to_the_second",
    ),
    mutant(
        "the last tier that holds is named",
        READINESS,
        "enumerate(snapshot.expectation.tiers, start=1):",
        "reversed(list(enumerate(snapshot.expectation.tiers, start=1))):",
        f"{T_DECIDE}tiers_and_deadline_to_the_second",
    ),
    mutant(
        "the deadline one second late",
        READINESS,
        "        if now >= at:\n            return _at_deadline",
        "        if now > at:\n            return _at_deadline",
        f"{T_DECIDE}what_the_deadline_does",
    ),
    mutant(
        "the deadline triggers without the required",
        READINESS,
        "if then is Then.TRIGGER or (then is Then.TRIGGER_IF_REQUIRED and seen.required <= seen.present):",
        "if then is not Then.HOLD:",
        f"{T_DECIDE}what_the_deadline_does",
    ),
    mutant(
        "the deadline runs from the event time",
        RECORD,
        "ClockStarter(report.received_at,",
        "ClockStarter(report.occurred_at,",
        f"{T_RECORD}the_clock_starts_at_the_receipt_and_not_at_the_event",
        f"{T_DECIDE}the_clock_of_a_tier_is_the_receipt",
    ),
    Mutant(
        "the deadline moves with every later report of the opener",
        (
            Edit(RECORD, "    for earlier in clock_starters:\n", "    for earlier in ():\n"),
            Edit(
                RECORD,
                "return (*clock_starters, ClockStarter(",
                "return (*(), ClockStarter(",
            ),
        ),
        (
            f"{T_RECORD}a_second_success_does_not_move_the_clock",
            f"{T_DECIDE}later_reports_do_not_move_tiers",
        ),
    ),
    mutant(
        "the deadline moves with every other processor",
        STANDING,
        "opened is None or first < opened",
        "opened is None or first > opened",
        f"{T_STANDING}a_retraction_does_not_move_the_start_of_the_clock",
        f"{T_DECIDE}later_reports_do_not_move_tiers",
    ),
    mutant(
        "who took one alert is taken for who took the next",
        FAIL_FAST,
        "raise NotBegun(self._down.port, self._down.reason)",
        "raise self._down",
        f"{T_SINKS}a_sink_that_hangs_keeps_no_alert_from_a_healthy_one",
    ),
    mutant(
        "what a sink lacks is sent before what nobody has",
        "shared/app/alerting/outbox.py",
        "key=lambda kept: bool(kept.alert.taken)",
        "key=lambda kept: not kept.alert.taken",
        f"{T_SINKS}a_sink_that_hangs_keeps_no_alert_from_a_healthy_one",
    ),
    mutant(
        "a record that was not asked is taken for broken",
        "shared/app/audit/write.py",
        "    except NotBegun:\n        return False",
        "    except ZeroDivisionError:\n        return False",
        f"{T_TIME}a_record_that_is_not_asked_for_want_of_time_is_no_failure_of_it",
    ),
    mutant(
        "a call that was not begun is tried again",
        "shared/app/retry.py",
        "and not isinstance(error, NotBegun)",
        "",
        f"{T_TIME}a_record_that_is_not_asked_for_want_of_time_is_no_failure_of_it",
    ),
    mutant(
        "a calendar that nobody had time to read is taken for unreadable",
        SWEEP,
        "runs, expected, units = [], [], None",
        "units = None",
        f"{T_TIME}a_calendar_that_is_not_read_for_want_of_time_opens_and_decides_nothing",
    ),
    mutant(
        "what a table shows of a repeated count starts no clock",
        STANDING,
        "counts = at.status in (Status.DONE, Status.PARTIAL) and (at.by_table or at.nothing_to_do)",
        "counts = False",
        f"{T_PROPERTIES}decided_after_each_delivery_the_clock_starts_with_the_first_report_that_counts",
    ),
    mutant(
        "a table vouches for reports it was not looked at for",
        STANDING,
        "and (floor is None or opener.records is None or opener.records >= floor):",
        "and (floor is None or opener.records is None or opener.records >= min(floor, *look.rows.values())):",
        f"{T_PROPERTIES}decided_after_each_delivery_the_clock_starts_with_the_first_report_that_counts",
    ),
    mutant(
        "a plan waits for the class name of a processor that left",
        DISPATCH,
        "return name if processor is None else processor.wire_name or name",
        "return processors[name].wire_name or name",
        f"{T_CHANGE}a_claim_leaves_though_its_processor_has_left_the_policy",
    ),
    mutant(
        "a moment that has passed is announced",
        READINESS,
        "min((at for at in moments if at > now), default=None)",
        "min(moments, default=None)",
        f"{T_DECIDE}the_next_moment_is_the_nearest_to_come",
    ),
    # Claims, dispatch and confirmation
    mutant(
        "no claim",
        RECONCILE,
        "    held = _save(ctx, sight, claim)\n",
        "    held = replace(sight, snapshot=replace(sight.snapshot, state=claim))\n",
        scenario("E1_two_handlers_one_completion"),
    ),
    mutant(
        "a claim without expiry",
        DECIDE,
        "    if now < claim.expires_at:\n        return _begun",
        "    if True:\n        return _begun",
        f"{T_DECIDE}a_claim_is_a_lease",
        scenario("X4_crash_after_claim"),
    ),
    mutant(
        "confirm before dispatch",
        RECONCILE,
        "    held = _save(ctx, sight, claim)\n",
        "    held = _save(ctx, sight, state_changes.dispatched(claim, now))\n",
        scenario("X4_broker_away"),
    ),
    mutant(
        "what is reported during a call that is accepted in the end is lost",
        "shared/core/decision/state_changes.py",
        "    left = now if state.claim is None else state.claim.claimed_at\n",
        "    left = now\n",
        f"{T_DECIDE}a_report_during_the_call_confirms_once_that_is_accepted",
        scenario("phase4_reports_before_it_answers"),
    ),
    mutant(
        "a report from before the dispatch confirms it",
        DECIDE,
        "Confirm(by, seen_at) if seen_at >= state.dispatched_at else None",
        "Confirm(by, seen_at)",
        f"{T_DECIDE}a_report_confirms_from_the_first_dispatch_on",
        f"{T_DECIDE}each_generation_is_confirmed_by_its_own_reports",
    ),
    mutant(
        "repeated for ever",
        DECIDE,
        "if state.dispatches > confirm.redispatch:",
        "if state.dispatches > 1000:",
        f"{T_DECIDE}a_dispatch_is_repeated_only_so_often",
    ),
    mutant(
        "repeated under another trigger id",
        DECIDE,
        "else Trigger(state.accepted_plan)",
        "else Trigger(replace(state.accepted_plan, generation=state.generation + 1))",
        f"{T_DECIDE}an_unconfirmed_dispatch_is_repeated_after_its_time",
    ),
    mutant(
        "a rejection is retried",
        DECIDE,
        "return hold is not None and hold.code_version == snapshot.code_version",
        "return False",
        f"{T_DECIDE}a_rejection_stands_until_another_deploy",
    ),
    mutant(
        "no back-off after a failed dispatch",
        DECIDE,
        "    if failure is None or now >= failure.retry_at:\n        return None",
        "    if failure is None or now < failure.retry_at:\n        return None",
        f"{T_DECIDE}a_failed_dispatch_waits_for_its_back_off",
    ),
    mutant(
        "an operator is bound by gates",
        DECIDE,
        '    return Trigger(replace(_plan(snapshot, seen, Ready("operator")), note=state.request.reason))',
        '    return _pass_gates(snapshot, seen, Ready("operator"), now)',
        f"{T_DECIDE}an_operator_dispatches_whatever_stands_in_the_way",
    ),
    mutant(
        "an operator's hold is forgotten",
        DECIDE,
        'if state.hold is not None and state.hold.cause == "operator":',
        "if False:",
        f"{T_DECIDE}an_operators_hold_holds_everything",
    ),
    mutant(
        "an empty date is like any other",
        DECIDE,
        "    if snapshot.empty:\n",
        "    if False:\n",
        f"{T_DECIDE}a_date_without_units_expects_nothing",
        scenario("X8_no_games_stray_message"),
    ),
    # Gates
    mutant(
        "a gate's no is overruled",
        DECIDE,
        "    if reasons:\n        return Blocked(reasons)\n",
        "",
        f"{T_DECIDE}a_gate_blocks_by_name_and_number",
        scenario("D1_gate_opens_without_a_message"),
    ),
    mutant(
        "a gate's no is recorded as a trigger",
        MARKS,
        "            return State.BLOCKED\n",
        "            return State.CONFIRMED\n",
        f"{T_DECIDE}a_gates_no_is_a_value_and_leaves_no_trigger",
        scenario("D1_gate_opens_without_a_message"),
    ),
    mutant(
        "gates bind only what is complete",
        DECIDE,
        "    if isinstance(at, Ready):\n",
        '    if isinstance(at, Ready) and at.reason != "complete":\n'
        "        return Trigger(_plan(snapshot, seen, at))\n"
        "    if isinstance(at, Ready):\n",
        f"{T_DECIDE}gates_bind_tiers_and_deadlines_too",
    ),
    mutant(
        "an unfit service does not block",
        DECIDE,
        "    if isinstance(fitness, Unfit):\n",
        "    if False:\n",
        f"{T_DECIDE}an_unfit_service_blocks",
        scenario("B1_wrong_image_answers"),
    ),
    mutant(
        "the limit of a gate blocks itself",
        GATES,
        "percent < gate.block_below:",
        "percent <= gate.block_below:",
        f"{T_GATES}percent_blocks_and_warns_below",
    ),
    mutant(
        "a zero percent is believed whatever the table holds",
        GATES,
        "if report.percent == 0 and _holds_rows",
        "if False and _holds_rows",
        f"{T_GATES}the_percentage_of_the_completion",
    ),
    mutant(
        "what cannot be read passes everywhere",
        GATES,
        "    if gate.on_unreadable is OnUnreadable.BLOCK:\n        return GateResult",
        "    if False:\n        return GateResult",
        f"{T_GATES}an_unreadable_percentage",
    ),
    # Reports
    mutant(
        "a late report wins",
        RECORD,
        "stands = _stands(latest, report)",
        "stands = True",
        f"{T_RECORD}an_older_report_that_comes_late_is_superseded",
        scenario("X1_newer_report_first"),
    ),
    mutant(
        "a duplicate returns before deciding",
        RECEIVE,
        "        if stored is not None and after == known:\n            return received, before, after\n",
        '        if stored is not None and after == known:\n            raise Malformed("duplicate", "")\n',
        scenario("X4_crash_after_record"),
    ),
    mutant(
        "the same message counts again",
        RECORD,
        "if report.message_id in known.message_ids:",
        "if False:",
        f"{T_RECORD}a_message_that_was_counted_counts_no_more",
    ),
    mutant(
        "started replaces an outcome",
        RECORD,
        "    if report.outcome is Outcome.STARTED:\n",
        "    if False:\n",
        f"{T_RECORD}started_stands_beside_the_outcome",
    ),
    mutant(
        "the floor refuses what reaches it",
        STANDING,
        "report.records is None or report.records >= floor",
        "report.records is None or report.records > floor",
        f"{T_STANDING}the_table_of_outcomes",
    ),
    mutant(
        "no floor",
        PHASES,
        "demanded = self.min_records_per_unit * units",
        "demanded = 0 * units",
        f"{T_STANDING}the_table_of_outcomes",
        scenario("B2_one_record_of_156"),
    ),
    mutant(
        "a partial completes",
        STANDING,
        "(Status.DONE, Status.PARTIAL) if partial_is_done else (Status.DONE,)",
        "(Status.DONE, Status.PARTIAL)",
        f"{T_STANDING}partials_are_never_complete",
    ),
    mutant(
        "no data counts while the units are unknown",
        STANDING,
        "    if look.units == 0:\n",
        "    if not look.units:\n",
        f"{T_STANDING}no_data_counts_only_on_a_date_without_units",
    ),
    mutant(
        "a failure retracts nothing",
        STANDING,
        "if look.triggered and known.last_good is not None:",
        "if known.last_good is not None:",
        f"{T_STANDING}the_table_of_outcomes",
    ),
    mutant(
        "a trigger brings back what was retracted before it",
        STANDING,
        "of = carried is not None and name in carried, required",
        "of = carried is not None, required",
        f"{T_REFRESH}a_retracted_success_does_not_arrive_by_the_trigger_itself",
    ),
    mutant(
        "some rows bring back what was taken back",
        STANDING,
        "(not nothing or _judged_by_table(processor, look))",
        "True",
        "tests/core/test_fold_properties.py::test_decided_after_each_delivery_the_clock_starts_with_the_first_report_that_counts",
    ),
    mutant(
        "disabled from the day after",
        PHASES,
        "day >= self.disabled.since",
        "day > self.disabled.since",
        f"{T_STANDING}a_disabled_processor_is_not_expected_from_its_date_on",
    ),
    mutant(
        "the mode is that of the processing time",
        MESSAGE,
        'word, published = self.contents.word("mode"), self.delivery.published_at',
        'word, published = self.contents.word("mode"), self.delivery.received_at',
        f"{T_MESSAGE}the_mode_is_that_of_the_publish_time",
        scenario("X6_midnight"),
    ),
    mutant(
        "one latch for all runs of a date",
        MODEL,
        'f"{self.pipeline}/{self.day.isoformat()}/{self.mode}"',
        'f"{self.pipeline}/{self.day.isoformat()}"',
        f"{T_MODEL}every_mode_and_lane_of_a_date_is_a_run_of_its_own",
        scenario("B10_one_date_two_runs"),
    ),
    # Refresh
    mutant(
        "ten percent is not ten percent",
        REFRESH,
        "* 100 >= percent * before",
        "* 100 > percent * before",
        f"{T_REFRESH}growth_of_at_least_ten_percent_triggers_the_next_generation",
    ),
    mutant(
        "one refresh too many",
        REFRESH,
        "snapshot.state.refreshes < refresh.at_most",
        "snapshot.state.refreshes <= refresh.at_most",
        f"{T_REFRESH}at_most_so_many",
    ),
    mutant(
        "a refresh at any hour",
        REFRESH,
        "until is not None and now <= until and",
        "until is not None and",
        f"{T_REFRESH}not_after_its_local_time_on_the_day_of_the_trigger",
    ),
    mutant(
        "an unreadable table vouches",
        STANDING,
        "before.by_table and _read(processor, look) and (",
        "before.by_table and (",
        f"{T_UNITS}a_table_that_cannot_be_read_vouches_for_nobody",
    ),
    mutant(
        "a rows gate that reads no table of a source",
        GATES,
        "for table in processors[name].tables)",
        "for table in (processors[name].table,) if table)",
        "tests/core/test_sources.py::test_all_tables_are_asked_for_at_once",
    ),
    mutant(
        "all sources are needed and one is enough",
        PHASES,
        "most = max(read) if self.need is Need.ANY else min(read)",
        "most = max(read)",
        "tests/core/test_sources.py::test_a_rows_gate_reads_the_tables_of_the_sources",
        "tests/core/test_sources.py::test_the_rows_of_a_processor_with_sources",
    ),
    mutant(
        "an unread table decides nothing",
        HOLDINGS,
        "return judged if decided else None",
        "return judged",
        "tests/core/test_sources.py::test_each_table_has_the_floor_of_its_source",
    ),
    mutant(
        "inferred from one source where all are needed",
        REPAIR,
        "needed = 1 if processor.need is Need.ANY else len(processor.tables)",
        "needed = 1",
        "tests/app/test_sources.py::test_a_silent_processor_is_taken_by_the_tables_of_its_sources",
    ),
    mutant(
        "a refused phase started again for ever",
        REFUSAL,
        "state.refreshes >= (ONCE if refresh is None else refresh.at_most)",
        "state.refreshes > (ONCE if refresh is None else refresh.at_most)",
        f"{T_REFUSAL}without_a_refresh_it_is_started_again_once",
    ),
    mutant(
        "a refused phase started again without a change",
        REFUSAL,
        "and (report.received_at > since or",
        "and (report.received_at <= since or",
        f"{T_REFUSAL}the_cause_is_told_and_nothing_starts_while_nothing_changes",
    ),
    mutant(
        "a changed reading not looked at",
        REFUSAL,
        "if carried.inputs[name] != now_read[name])",
        "if carried.inputs[name] is now_read)",
        f"{T_REFUSAL}a_changed_reading_of_a_gate_starts_the_next_generation",
    ),
    mutant(
        "a failure taken for work",
        REFUSAL,
        "REFUSED = frozenset({Outcome.NO_DATA, Outcome.FAILED})",
        "REFUSED = frozenset({Outcome.NO_DATA})",
        f"{T_REFUSAL}the_cause_is_told_and_nothing_starts_while_nothing_changes",
    ),
    mutant(
        "one processor refuses for its phase",
        REFUSAL,
        "return {} if whole and len(refusing) < len(judged) else refusing",
        "return refusing",
        f"{T_REFUSAL}a_phase_that_others_wait_for_refuses_as_a_whole",
    ),
    mutant(
        "a report from before the trigger refuses",
        REFUSAL,
        "not first or report.received_at >= since)",
        "True)",
        f"{T_REFUSAL}a_report_from_before_the_trigger_refuses_nothing",
    ),
    mutant(
        "a refused run closed before its input came",
        CLOSING,
        "snapshot.state.accepted_plan is not None and another_may_follow(snapshot, now)",
        "snapshot.state.accepted_plan is not None and snapshot.transition.refresh is not None "
        "and another_may_follow(snapshot, now)",
        "tests/app/test_refusal.py::test_the_run_stays_open_until_it_was_started_again",
    ),
    mutant(
        "growth since the first generation",
        MARKS,
        "            accepted_plan=plan,\n            steps_proven=0,",
        "            accepted_plan=replace(plan, completed=(state.accepted_plan or plan).completed),\n"
        "            steps_proven=0,",
        f"{T_REFRESH}growth_is_measured_against_what_the_last_generation_carried",
    ),
    # Calendar and alerts
    mutant(
        "the working day on the wrong side",
        CALENDAR,
        "key.day - timedelta(days=mode.partition_offset_days)",
        "key.day + timedelta(days=mode.partition_offset_days)",
        f"{T_CALENDAR}the_working_day_is_the_date_minus_the_offset",
    ),
    mutant(
        "the second of two equal times",
        CALENDAR,
        "datetime.combine(day, at, tzinfo=zone)",
        "datetime.combine(day, at.replace(fold=1), tzinfo=zone)",
        f"{T_CALENDAR}times_around_the_clock_changes_of_new_york",
    ),
    mutant(
        "a skipped time an hour late",
        CALENDAR,
        "    return _gap_end(local, zone)\n",
        "    return local.astimezone(UTC)\n",
        f"{T_CALENDAR}times_around_the_clock_changes_of_new_york",
    ),
    mutant(
        "backfill wakes people",
        ALERTS,
        "replace(condition, severity=Severity.INFO)",
        "condition",
        f"{T_ALERTS}backfill_raises_nothing_above_info",
    ),
    mutant(
        "one alert for all runs",
        CONDITION,
        "(kind, run, transition, subject)",
        "(kind, transition, subject)",
        f"{T_ALERTS}one_thing_has_one_fingerprint",
    ),
    mutant(
        "due a second late",
        DUE,
        "        if at is not None and now >= at:\n            what",
        "        if at is not None and now > at:\n            what",
        f"{T_ALERTS}due_to_the_second",
    ),
    # Date columns of the warehouse
    mutant(
        "an instant in a date column read on the date of UTC",
        DATE_COLUMN,
        "since, until = instant(first, time(0), zone), instant(last + _DAY, time(0), zone)",
        'since, until = (instant(day, time(0), ZoneInfo("UTC")) for day in (first, last + _DAY))',
        f"{T_WAREHOUSE}rows_of_a_date_are_counted_whatever_the_type_of_the_column[duckdb-TIMESTAMP]",
    ),
    mutant(
        "values that are no dates are no rows",
        "shared/adapters/sql_warehouse.py",
        'return rows is not None and rows[0]["n"] == 0',
        "return rows is not None",
        f"{T_WAREHOUSE}a_column_in_which_nobody_finds_dates_is_unreadable_and_not_empty[duckdb-seconds]",
    ),
    mutant(
        "every date column is a DATE",
        "shared/adapters/column_types.py",
        "kind = kind_of(types[_key(ref)])",
        "kind = Kind.DATE",
        f"{T_WAREHOUSE}units_of_a_date_are_counted_whatever_the_type_of_the_column[duckdb-DATETIME]",
    ),
    # Envelopes
    mutant(
        "what is in no envelope is left to the framework",
        "shared/adapters/envelope.py",
        """    if not isinstance(body, dict):
        return _strange(headers, path, raw)
""",
        """    if not isinstance(body, dict):
        return None
""",
        "tests/functions/test_envelopes.py::test_what_comes_in_no_known_envelope_is_kept_as_it_came[Avro]",
    ),
    mutant(
        "a fresh id for what has none of its own",
        "shared/adapters/envelope.py",
        'known | {"id": "", "time": None} | {name',
        "known | {name",
        "tests/functions/test_envelopes.py::test_what_comes_in_no_known_envelope_is_kept_as_it_came[array]",
    ),
    # Calls
    mutant(
        "a mistyped dry run is a real one",
        "shared/app/sweep/options.py",
        "        if not isinstance(body.get(name, False), bool):",
        "        if False:",
        "tests/functions/test_self_heal_calls.py::test_what_is_not_understood_touches_nothing",
    ),
    # Sinks
    mutant(
        "a sink that took an alert gets it again",
        "shared/adapters/notify/fan_out.py",
        "            if name in notice.taken:\n                continue\n",
        "",
        "tests/app/test_sinks.py::test_a_sink_that_is_away_makes_the_other_repeat_nothing",
    ),
    mutant(
        "what a sink asks for is forgotten by the next sweep",
        "shared/core/alerting/alert.py",
        "taken=taken, retry_at=retry_at,",
        "taken=taken, retry_at=None,",
        "tests/app/test_sinks.py::test_what_a_sink_asks_for_is_kept_across_sweeps",
    ),
    mutant(
        "an outcome of nobody in the attributes is a probe",
        MESSAGE,
        " and first(fields, wire.status) is None",
        "",
        f"{T_QUARANTINE}an_outcome_of_nobody_is_no_probe",
    ),
    mutant(
        "an attribute that is named by its place is ignored",
        MESSAGE,
        "            place[key] = value",
        "            pass",
        f"{T_QUARANTINE}an_attribute_named_by_its_place_stands_there",
    ),
    mutant(
        "the waits between many attempts are left out of the check of a claim",
        "shared/core/policy/transition_check.py",
        "max(BACKOFF * (attempts - 1), FIRST_WAIT * ((1 << (attempts - 1)) - 1))",
        "BACKOFF * (attempts - 1)",
        "tests/app/test_retry.py::test_the_waits_are_no_longer_than_a_policy_is_checked_for",
    ),
    mutant(
        "pauses that nobody can read keep nothing back",
        SWEEP,
        "        fault(ctx, done, ctx.policy.pipeline, error, what)\n        return None",
        "        fault(ctx, done, ctx.policy.pipeline, error, what)\n        return ()",
        "tests/app/test_unreadable_documents.py::test_pauses_that_nobody_can_read_let_nothing_go",
    ),
    mutant(
        "a browser starts a sweep",
        "shared/app/sweep/options.py",
        'call.method != "POST"',
        "False",
        "tests/functions/test_self_heal_calls.py::test_only_a_post_sweeps",
    ),
    mutant(
        "who brought a dead letter back is not said",
        DEAD_LETTERS,
        "marks |= {name: text for name, text in said.items() if text}",
        "",
        f"{T_DEAD_LETTERS}a_replay_says_who_brought_it_back_and_why",
    ),
    mutant(
        "a service is called before the instant that it asks for",
        "shared/core/decision/cadence.py",
        "wait if retry_at is None else max(wait, retry_at - now)",
        "wait",
        "tests/app/test_dispatch.py::test_a_service_is_left_alone_for_as_long_as_it_asks",
    ),
    mutant(
        "a Retry-After has no bound",
        "shared/adapters/retry_after.py",
        "now + min(max(wait, timedelta(0)), LONGEST)",
        "now + max(wait, timedelta(0))",
        "tests/adapters/test_http.py::test_what_a_service_asks_for_is_told",
    ),
    mutant(
        "a dead letter is of the time of its replay",
        EVENTS,
        "for at in (stated, first) if at is not None",
        "for at in (stated,) if at is not None",
        f"{T_DEAD_LETTERS}a_message_that_was_a_dead_letter_is_of_its_first_publication",
    ),
    mutant(
        "a dead letter that stays is removed",
        DEAD_LETTERS,
        "                if outcome.new_id:\n",
        "                if True:\n",
        f"{T_DEAD_LETTERS}what_cannot_be_brought_back_stays_with_its_reason",
    ),
    mutant(
        "each sweep asks monitoring",
        DEAD_LETTERS,
        "< EVERY:\n        return",
        "< EVERY:\n        pass",
        f"{T_DEAD_LETTERS}monitoring_is_asked_every_quarter_of_an_hour",
    ),
    # Deployment
    Mutant(
        "two bindings under one id",
        (
            Edit("deploy/resource.py", 'f" if {self.condition.title}" if self.condition else ""', '""'),
            Edit("deploy/plan.py", "        if first.lines != resource.lines:\n", "        if False:\n"),
        ),
        (f"{T_RIGHTS}every_right_of_the_manifest_has_its_line",),
    ),
    mutant(
        "pushes that nobody signs",
        "deploy/identities.py",
        "    for name in pushers(manifest):\n        yield",
        "    for name in []:\n        yield",
        f"{T_RIGHTS}every_right_of_the_manifest_has_its_line",
    ),
    mutant(
        "of two lines under one id the first is kept",
        "deploy/plan.py",
        "        if first.lines != resource.lines:\n",
        "        if False:\n",
        f"{T_RIGHTS}two_lines_under_one_id_are_refused",
    ),
    mutant(
        "everybody may call, and the drift check keeps silent",
        "deploy/members.py",
        "if rights.key(right) in known or (kind",
        "if right.member in PUBLIC or (kind",
        f"{T_DRIFT}each_kind_of_drift_is_red[everybody may call a function]",
    ),
    mutant(
        "the drift check takes a service for its function",
        "deploy/service.py",
        "        if have.get(name) != wanted[name]\n",
        "        if False\n",
        f"{T_DRIFT}each_kind_of_drift_is_red[a variable that is gone from the service]",
    ),
    mutant(
        "an alert policy is known by its stamp alone",
        "deploy/monitoring.py",
        'changed = [key for key in sorted({*wanted, *have}) if wanted.get(key) != have.get(key)]',
        "changed: list[str] = []",
        f"{T_DRIFT}each_kind_of_drift_is_red[an alert policy without its text]",
    ),
    mutant(
        "a filter is nobody's business",
        "deploy/subscriptions.py",
        '    "filter",\n',
        "",
        "tests/deploy/test_scope.py::test_each_field_is_compared_or_named[subscription]",
    ),
    mutant(
        "no time for new metrics",
        "deploy/apply.py",
        "METRIC_PAUSES if failed.metric_not_yet else ",
        "",
        "tests/deploy/test_apply.py::test_a_metric_that_is_never_known_fails_loudly",
    ),
    mutant(
        "a low report that no table is asked about once the trigger has left",
        DECIDE,
        "    unread = begun or _low_reports(snapshot)\n",
        "    unread = begun\n",
        f"{T_DECIDE}the_table_is_asked_about_a_low_report_whatever_has_happened",
        scenario("P_counter_missing_after_trigger"),
    ),
    mutant(
        "a low report that is taken for done because a trigger carried its processor",
        STANDING,
        "and look.triggered and carried[processor.name] == low.records:",
        "and look.triggered:",
        f"{T_STANDING}a_low_report_is_judged_alike_before_a_trigger_and_after_it",
    ),
    mutant(
        "a claim confirmed by any report of the next phase",
        DECIDE,
        "in snapshot.next_trigger_ids\n",
        "in snapshot.next_trigger_ids or seen_at is not None\n",
        f"{T_DECIDE}a_report_that_names_another_trigger_or_none_confirms_no_claim",
        scenario("P_claim_confirmed_without_dispatch"),
    ),
    # When a run closes
    mutant(
        "a run closed inside an open refresh window",
        CLOSING,
        "if not snapshots or any(_refreshable(snapshot, now) for snapshot in snapshots):",
        "if not snapshots:",
        f"{T_CLOSING}a_run_stays_open_while_a_refresh_may_still_come",
    ),
    mutant(
        "a run closed once its last transition is confirmed",
        CLOSING,
        "return all(_ended(",
        "return _ended(snapshots[-1], True, now) or all(_ended(",
        f"{T_CLOSING}a_run_whose_last_transition_alone_went_stays_open",
        scenario("P_close_hides_held_night"),
        scenario("P_close_tells_held_is_over"),
        scenario("P_overtaken_is_decided_as_usual"),
    ),
    mutant(
        "a run without units closed while they may come back",
        CLOSING,
        "snapshot.empty and policy.local(now).date() > working_day(key, policy)",
        "snapshot.empty",
        f"{T_CLOSING}a_run_that_has_lost_its_units_closes_when_its_day_is_over",
    ),
    mutant(
        "closing told as recovery",
        ALERTING,
        "elif kept.alert.run in seen or \"/\" not in kept.alert.run:",
        "elif True:",
        f"{T_CLOSING}closing_is_no_recovery",
    ),
    mutant(
        "an end that is not told because the run closed with it",
        ALERTING,
        "        if kept.alert.ended_at is not None:\n            end(ctx, kept, now)\n        elif kept",
        "        if kept",
        f"{T_CLOSING}what_ended_before_the_run_closed_is_told_as_over",
    ),
    mutant(
        "quarantine replay takes the mode from the replay's time",
        OPERATE,
        "replace(kept.delivery, received_at=ctx.ports.clock.now())",
        "replace(kept.delivery, received_at=ctx.ports.clock.now(), published_at=ctx.ports.clock.now())",
        "tests/app/test_quarantine.py::test_a_replay_the_day_after_keeps_the_mode_of_the_time_it_was_published",
    ),
    mutant(
        "a replay does not keep who asked for it",
        "shared/app/quarantine/rows.py",
        '"replayed_by": by, ',
        '"replayed_by": "", ',
        f"{T_QUARANTINE}who_brought_a_message_back_and_why_is_kept",
    ),
    # A policy that changes under its runs
    mutant(
        "a transition that left is triggered again under its new name",
        DEPARTED,
        "if name not in passed and _begun(",
        "if name in passed and _begun(",
        f"{T_CHANGE}a_transition_that_left_after_its_trigger_is_not_triggered_again_under_another_name",
    ),
    mutant(
        "a run of a mode that left fails every sweep",
        DEPARTED,
        "if mode not in policy.modes or not passed:",
        "if mode is None:",
        f"{T_CHANGE}a_run_whose_mode_left_is_closed_with_one_alert",
    ),
    mutant(
        "a claim that waits for a processor that left",
        DISPATCH,
        "snapshot.processors.get(name)",
        "snapshot.processors[name]",
        f"{T_CHANGE}a_claim_leaves_though_its_processor_has_left_the_policy",
    ),
    mutant(
        "a fault of one run stops all others",
        SWEEP,
        "        done.unseen.add(key.id)\n        fault(ctx, done, key.id, error)\n        return None\n",
        '        raise Unavailable("state", str(error)) from error\n',
        f"{T_CHANGE}a_fault_of_one_run_never_stops_the_others",
    ),
    # A sweep's time
    mutant(
        "every waiting alert waits for a hanging channel",
        FAIL_FAST,
        "                    self._down = error\n",
        "                    pass\n",
        f"{T_TIME}a_hanging_slack_costs_one_wait_and_no_alert",
    ),
    mutant(
        "calls are begun however late it is",
        BOUNDED,
        "if clock.now() > latest:",
        "if False:",
        f"{T_TIME}a_gate_that_was_not_read_for_want_of_time_does_not_pass",
    ),
    mutant(
        "a reading that was not begun passes for unreadable",
        BOUNDED,
        'raise OutOfTime() if name == "warehouse" else NotBegun(name, NO_TIME)',
        "raise NotBegun(name, NO_TIME)",
        f"{T_TIME}a_gate_that_was_not_read_for_want_of_time_does_not_pass",
    ),
    mutant(
        "old dates are looked at before tonight",
        ORDER,
        "live and working_day(key, policy) < recent",
        "False",
        f"{T_TIME}old_dates_do_not_starve_tonight",
        f"{T_TIME}the_order_of_a_sweep",
    ),
    mutant(
        "every old date speaks for itself",
        SWEEP,
        "        done.conditions = said\n",
        "        pass\n",
        f"{T_TIME}old_dates_are_one_warning",
    ),
    # Versions side by side
    mutant(
        "a delivery decides under a policy that the run was not begun with",
        RECEIVE,
        'if run is not None and run.policy_version not in ("", ctx.policy.version):',
        "if run is None and before.run is not None:",
        f"{T_CHANGE}a_delivery_leaves_a_run_of_another_policy_to_the_sweep",
    ),
    mutant(
        "an outcome of tomorrow counts as done",
        MODEL,
        "        return cls.FAILED\n",
        "        return cls.SUCCESS\n",
        f"{T_NEWER}an_unknown_outcome_never_counts_and_an_unknown_alert_is_not_kept_back",
    ),
    mutant(
        "a state of tomorrow is begun anew",
        MODEL,
        "        return cls.DISPATCHED if sent else cls.CONFIRMED\n",
        "        return cls.WAITING\n",
        f"{T_NEWER}an_unknown_state_is_never_dispatched_anew",
        f"{T_NEWER}sweeps_go_on_with_documents_of_the_next_version",
    ),
    mutant(
        "a command printed without its lane",
        "shared/core/commands.py",
        "() if key.lane is Lane.LIVE else (",
        "() if True else (",
        "tests/app/test_printed_commands.py::test_every_command_of_an_alert_can_be_pasted[on_hold-backfill]",
    ),
    mutant(
        "the past explained by what came after it",
        "shared/app/reporting/past.py",
        "        if report.received_at <= at:\n",
        "        if True:\n",
        "tests/app/test_past.py::test_a_played_night_is_explained_as_it_was_explained",
    ),
    # What a message may say, and in which dialect
    mutant(
        "a flag that cannot be read passes for one that was not sent",
        SPELLING,
        'raise ValueError(f"{shown(value)} is neither yes nor no")',
        "return None",
        f"{T_QUARANTINE}what_can_never_be_understood_is_kept_said_and_acknowledged",
    ),
    mutant(
        "a flag as text passes for one that was not sent",
        SPELLING,
        "    if isinstance(value, bool):\n        return value\n    word",
        "    if isinstance(value, bool) or isinstance(value, str):\n        return value is True\n    word",
        f"{T_MESSAGE}the_lane",
        f"{T_MESSAGE}skip_downstream_trigger",
    ),
    mutant(
        "a percentage that cannot be read passes for one that was not sent",
        SPELLING,
        "if found is None and not is_absent(value):",
        "if False:",
        f"{T_QUARANTINE}what_can_never_be_understood_is_kept_said_and_acknowledged",
    ),
    mutant(
        "an instant that cannot be read passes for the time of publication",
        INSTANTS,
        "if found is None or found.year not in YEARS:",
        "if found is not None and found.year not in YEARS:",
        f"{T_QUARANTINE}what_can_never_be_understood_is_kept_said_and_acknowledged",
    ),
    mutant(
        "milliseconds read as microseconds",
        INSTANTS,
        "(10**11, 10**14, 10**3)",
        "(10**11, 10**14, 10**6)",
        "tests/core/test_instants.py::test_what_can_mean_one_instant_only_is_read",
    ),
    mutant(
        "characters of no width left in a name",
        SPELLING,
        'if category(c) != "Cf"',
        "if c",
        f"{T_QUARANTINE}what_can_be_understood_is_not_kept_aside",
    ),
    mutant(
        "the first number of records instead of the largest",
        CONTENTS,
        "if number is not None and (most is None or number > most):",
        "if number is not None and most is None:",
        f"{T_SHAPES}a_shape_is_read_as_it_should_be",
        f"{T_DIALECTS}flat_events_in_capitals",
    ),
    mutant(
        "nothing of nothing is zero percent",
        CONTENTS,
        "if expected == 0 and not part and not stated:",
        "if False:",
        f"{T_SHAPES}a_shape_is_read_as_it_should_be",
        f"{T_MESSAGE}the_stated_percentage",
    ),
    mutant(
        "a rehearsal moves the live run",
        MESSAGE,
        "if dataset not in self.names.datasets:",
        "if False:",
        f"{T_SHAPES}more_shapes_of_the_same_kinds",
        f"{T_DIALECTS}what_else_is_said_is_read_by_the_same_policy",
    ),
    mutant(
        "words for dates counted from the day of UTC whatever the policy says",
        MESSAGE,
        "zone = UTC if wire.date_words_zone is DateZone.UTC else policy.zone",
        "zone = UTC",
        f"{T_DIALECTS}words_for_dates_are_counted_from_the_local_day_of_publication",
    ),
    mutant(
        "a pattern of known names takes in a processor that is expected",
        NAMES,
        "if name in here.known:",
        "if here.is_known(name):",
        f"{T_SHAPES}more_shapes_of_the_same_kinds",
    ),
    mutant(
        "a known name is taken for the processor of its table",
        NAMES,
        "if name in here.known:",
        "if False:",
        f"{T_SHAPES}more_shapes_of_the_same_kinds",
    ),
    # What quarantine keeps and says
    mutant(
        "a row of quarantine without bound",
        QUARANTINE,
        "return replace(row, bodies=alive[-MOST_BODIES:]), alive[:-MOST_BODIES]",
        "return replace(row, bodies=alive), ()",
        f"{T_QUARANTINE}a_row_keeps_the_newest_hundred_distinct_bodies_and_counts_all",
    ),
    mutant(
        "a row of quarantine that keeps the oldest bodies",
        QUARANTINE,
        "return replace(row, bodies=alive[-MOST_BODIES:]), alive[:-MOST_BODIES]",
        "return replace(row, bodies=alive[:MOST_BODIES]), alive[MOST_BODIES:]",
        f"{T_QUARANTINE}a_row_keeps_the_newest_hundred_distinct_bodies_and_counts_all",
    ),
    mutant(
        "one alert for each of three hundred strangers",
        BOUNDS,
        "if len(recent) < MOST_WARNINGS:",
        "if True:",
        f"{T_QUARANTINE}three_hundred_strangers_are_twenty_warnings_and_a_summary",
    ),
    mutant(
        "a day of quarantine without bound",
        BOUNDS,
        "if room.rows < MOST_ROWS:",
        "if True:",
        f"{T_QUARANTINE}a_day_has_room_for_a_thousand_rows",
    ),
    mutant(
        "what others wrote meanwhile is not looked at",
        "shared/app/state/compare_and_set.py",
        "        if written is not None:\n",
        "        if True:\n",
        "tests/app/test_compare_and_set.py::test_every_change_of_many_writers_is_kept",
    ),
    mutant(
        "a document that changes all the time is taken for written",
        "shared/app/state/compare_and_set.py",
        '    raise Unavailable("state", f"{path} changes all the time")',
        "    return result",
        "tests/app/test_compare_and_set.py::test_a_document_that_changes_all_the_time_is_not_taken_for_written",
    ),
    mutant(
        "the same bytes of two nights are one message",
        QUARANTINE,
        'f"{published_on} ".encode() + delivery.data',
        "delivery.data",
        f"{T_QUARANTINE}the_same_bytes_of_another_day_are_another_message",
    ),
    mutant(
        "fields in the attributes taken for a probe",
        MESSAGE,
        "if first(fields, wire.name) is None and first(fields, wire.status) is None:",
        "if True:",
        f"{T_QUARANTINE}a_message_in_the_attributes_is_a_message",
    ),
    # Units, several loaders of one name, and reports of nothing
    mutant(
        "enough rows taken for every unit",
        STANDING,
        "        short = lack is not None\n",
        "        short = lack is not None and (report.records or 0) < (floor or 0)\n",
        f"{T_UNITS}the_table_decides_and_no_number_of_rows",
    ),
    mutant(
        "units counted, whatever their names",
        HOLDINGS,
        "lacking = tuple(name for name in self.names if name not in held)",
        "lacking = self.names[len(held) :]",
        f"{T_UNITS}the_units_that_are_short_are_named",
    ),
    mutant(
        "a table that cannot be read refuses",
        STANDING,
        "short, none = records is not None and records < (floor or 0), False",
        "short, none = True, False",
        f"{T_UNITS}what_cannot_be_read_does_not_refuse",
    ),
    mutant(
        "only the last report of a unit counts while the table is unreadable",
        STANDING,
        "records = known.added if base.per_unit else report.records",
        "records = report.records",
        f"{T_UNITS}reports_of_single_units_are_added_where_the_table_cannot_be_read",
    ),
    mutant(
        "a report of one unit starts the clock",
        STANDING,
        "clock_starters = () if _judged_by_table(processor, look) else known.clock_starters",
        "clock_starters = known.clock_starters",
        f"{T_UNITS}the_clock_starts_with_the_report_that_the_table_vouches_for",
    ),
    mutant(
        "one loader sets back another",
        STANDING,
        "at = _of_sources(processor, known, look) if processor.sources and known is not None else None",
        "at = None",
        f"{T_UNITS}one_loader_never_sets_back_another",
    ),
    mutant(
        "one loader suffices where all are needed",
        STANDING,
        "    if processor.need is Need.ALL:\n        asking",
        "    if False:\n        asking",
        f"{T_UNITS}any_or_all_of_the_loaders_have_to_be_done",
    ),
    mutant(
        "an incremental report lowers what stands",
        RECORD,
        "if later.is_incremental is not True or earlier.outcome not in GOOD:",
        "if True:",
        f"{T_UNITS}an_incremental_report_never_lowers_what_stands",
    ),
    mutant(
        "a required processor may skip",
        STANDING,
        "or (skipped and not look.required):",
        "or skipped:",
        f"{T_UNITS}nothing_counts_only_if_the_table_holds_rows",
    ),
    mutant(
        "nothing counts as something",
        STANDING,
        "return at if held == 0 else replace",
        "return replace",
        f"{T_UNITS}nothing_counts_only_if_the_table_holds_rows",
    ),
    mutant(
        "nothing of nothing is too little",
        STANDING,
        "    if _nothing_to_do(report):\n",
        "    if False:\n",
        f"{T_UNITS}nothing_of_nothing_expected_is_done",
    ),
    mutant(
        "a date without games ends a streak",
        STREAKS,
        "        if _without_units(run):\n            continue\n",
        "        if _without_units(run):\n            break\n",
        f"{T_NIGHTS}the_third_date_in_a_row_is_critical",
    ),
    mutant(
        "a streak goes on over a date that was repaired",
        STREAKS,
        "if alert is None or read(alert).alert.resolved_at is not None:",
        "if alert is None:",
        f"{T_NIGHTS}the_third_date_in_a_row_is_critical",
    ),
    mutant(
        "a unit without a start presumed over",
        CALENDAR_SQL,
        "and over_since is not None and bool(self.starts) and min(self.starts) <= over_since",
        "and over_since is not None and not (self.starts and min(self.starts) > over_since)",
        f"{T_WAREHOUSE}a_unit_that_began_too_long_ago_is_presumed_over",
    ),
    mutant(
        "a listed unit takes place all the same",
        CALENDAR_SQL,
        'if not (row["link"] and (day, row["link"]) in gone):',
        "if True:",
        f"{T_WAREHOUSE}units_are_named_by_the_calendar_s_key",
    ),
    # Repairs
    mutant(
        "a repair that was not accepted uses up an attempt",
        REPAIRS,
        "answered, known = outcome.answered, replace(log, pending=False)",
        "answered, known = outcome.answered, replace(log, pending=False, attempts=log.attempts + 1)",
        f"{T_HEAL}only_an_accepted_call_uses_up_an_attempt",
        f"{T_HEAL}a_door_that_is_shut_costs_no_attempt",
    ),
    mutant(
        "a repair's refusal told as an outage",
        REPAIRS,
        'if failure.verdict == "refused":',
        "if False:",
        f"{T_REPAIRS}a_refusal_is_a_fault_that_a_person_hears_of_at_once",
        scenario("S_N10_repair_refused"),
    ),
    mutant(
        "repairs without effect not told",
        REPAIRS,
        "    if now - at <= policy.repairs.cooldown + GRACE:\n",
        "    if True:\n",
        f"{T_REPAIRS}two_accepted_repairs_that_changed_nothing_are_told",
        scenario("S_N11_repair_without_effect"),
    ),
    mutant(
        "a repair that brought something told as in vain",
        REPAIRS,
        " or not frozenset(log.asked) <= frozenset(lack.missing)",
        "",
        f"{T_REPAIRS}a_repair_that_brought_something_is_not_in_vain",
    ),
    mutant(
        "a repair around a gate",
        RERUN,
        "if isinstance(result.decision, Blocked | Held) and not result.snapshot.state.triggered:",
        "if False:",
        f"{T_REPAIRS}a_repair_never_goes_around_a_gate",
    ),
    mutant(
        "a night repaired on its working day only",
        RERUN,
        "or run.value.key.mode in ctx.policy.repaired_modes",
        "",
        f"{T_HEAL}a_night_is_repaired_until_its_run_closes",
        scenario("S_N12_outage_longer_than_the_day"),
    ),
    mutant(
        "a repair's answer taken by its status",
        RERUN,
        "judge(service.answers.get(how.path, ()), ANY_2XX",
        "judge((), ANY_2XX",
        f"{T_REPAIRS}a_200_that_did_nothing_is_not_accepted",
    ),
    # Answers are verdicts
    mutant(
        "an answer judged by its status alone",
        ANSWERS,
        "if status in rule.status and matches(body, rule.body):",
        "if False:",
        f"{T_ANSWERS}an_answer_is_a_verdict",
        f"{T_VERDICTS}a_no_blocks_with_its_own_words",
        scenario("S_N06_refused_by_verdict"),
    ),
    mutant(
        "results of a yes not read",
        ANSWERS,
        "    if rule.results is None or rule.means is not Means.ACCEPTED:",
        "    if True:",
        f"{T_ANSWERS}a_yes_is_read_to_its_end",
        f"{T_VERDICTS}a_yes_that_ran_nothing_is_no_yes",
    ),
    mutant(
        "a yes that says it did nothing taken for a yes",
        ANSWERS,
        "        why = _nothing_done(body)\n",
        '        why = ""\n',
        f"{T_ANSWERS}a_yes_that_nobody_mapped_may_say_that_nothing_was_done",
    ),
    mutant(
        "a no asked again like an outage",
        CADENCE,
        "_step(ASK_AGAIN, before), word)",
        "_step(BACK_OFF, before), word)",
        f"{T_VERDICTS}it_is_asked_again_after_15_30_and_then_every_60_minutes",
        scenario("S_N06_refused_by_verdict"),
    ),
    mutant(
        "a no not asked again for a new report",
        DECIDE,
        "    if changed_inputs(snapshot, seen, plan, failure.at):\n        return None\n",
        "",
        f"{T_VERDICTS}a_report_of_an_expected_processor_asks_at_once",
    ),
    mutant(
        "a no not asked again for another number of a gate",
        DECIDE,
        "return None if changed_readings(plan, gates.numbers(*of)) else blocked",
        "return blocked",
        f"{T_VERDICTS}a_number_of_a_gate_that_changes_asks_at_once",
    ),
    mutant(
        "busy with another batch taken for a yes",
        DISPATCH,
        "if answered.means is Means.BUSY and first and at_work(ctx, snapshot.key, call.service):",
        "if answered.means is Means.BUSY and first:",
        f"{T_VERDICTS}busy_with_this_date_is_what_a_trigger_wants",
    ),
    mutant(
        "a no told as a service that is away",
        PROGRESS,
        '        elif name == "answer":\n            yield _not_taken(snapshot, decision, what, now)\n',
        "",
        f"{T_VERDICTS}a_no_blocks_with_its_own_words",
        scenario("S_N06_refused_by_verdict"),
    ),
    # Unknown outcomes
    mutant(
        "a call without an answer is repeated at once",
        DISPATCH,
        '            return Unknown(f"{who}: {error.reason}")\n',
        "            raise\n",
        f"{T_UNKNOWN}a_slow_accept_is_one_call",
        scenario("S_02_slow_start"),
        scenario("S_03_phase4_answers_at_its_end"),
    ),
    mutant(
        "a service is not asked whether it is at work",
        UNPROVEN,
        "    if snapshot.policy.status_of(step) is not None:\n        if snapshot.readings.at_work is None:",
        "    if False:\n        if snapshot.readings.at_work is None:",
        f"{T_UNKNOWN}a_slow_accept_is_one_call",
    ),
    mutant(
        "work on another date is taken for ours",
        ANSWERS,
        "return same and matches(body, call.at_work)",
        "return matches(body, call.at_work)",
        f"{T_UNKNOWN}only_a_clear_yes_of_this_date_is_one",
    ),
    mutant(
        "a claim whose caller died proven by somebody else's report",
        MARKS,
        "since, calls = (began if left else now, 1)",
        "since, calls = (began, 1)",
        f"{T_UNPROVEN}while_it_was_only_claimed_a_report_needs_its_trigger_id",
    ),
    mutant(
        "a service that does not say it is at work is called at once",
        UNPROVEN,
        "return call.last_at + snapshot.transition.confirm.within",
        "return call.last_at",
        f"{T_UNKNOWN}a_slow_accept_is_one_call",
        f"{T_UNKNOWN}it_is_called_again_once_it_had_its_time",
    ),
    mutant(
        "an unknown outcome proven by a report from before the call",
        DECIDE,
        "seen_at is not None and seen_at >= state.unproven.since",
        "seen_at is not None",
        f"{T_UNKNOWN}any_report_of_the_next_phase_since_the_call_proves_it",
    ),
    mutant(
        "the claim of a dead caller is taken for a call that never left",
        DECIDE,
        "return _begun(snapshot) or doubt(snapshot) or Trigger(plan)",
        "return _begun(snapshot) or Trigger(plan)",
        f"{T_UNKNOWN}who_dies_while_it_waits_leaves_an_unknown_outcome",
    ),
    mutant(
        "a call that may not be made again is made for ever",
        UNPROVEN,
        "return Wait(text) if exhausted(snapshot, now) else Trigger(state.plan)",
        "return Trigger(state.plan)",
        f"{T_UNKNOWN}it_is_called_again_once_it_had_its_time",
    ),
    mutant(
        "a connection that broke is taken for a call that never arrived",
        HTTP,
        "kind = Unreached if _never_reached(error) else Unavailable",
        "kind = Unreached",
        "tests/adapters/test_http.py::test_a_connection_that_breaks_is_unavailable",
        "tests/adapters/test_http.py::test_silence_is_a_timeout",
    ),
    mutant(
        "a date beyond the calendar's reach is repaired",
        REPAIR,
        "(units.total is None and policy.calendar is not None)",
        "False",
        "tests/app/test_self_heal.py::test_a_date_beyond_the_calendar_s_reach_is_left_alone",
    ),
    mutant(
        "a pause stops nothing",
        DECIDE,
        "return decision if pause is None else Wait(",
        "return decision if True else Wait(",
        f"{T_PAUSE}what_is_ready_waits_until_the_end_and_goes_then",
        f"{T_PAUSING}nothing_leaves_inside_and_what_is_ready_goes_at_its_end",
    ),
    mutant(
        "a handler triggers by the pauses that it has not read",
        DECIDE,
        "return decision if isinstance(decision, Wait) else Read(Wanted(pauses=True))",
        "return decision",
        f"{T_PAUSE}pauses_are_read_before_anything_else_is_asked",
        f"{T_PAUSING}a_report_inside_a_pause_triggers_nothing_before_any_sweep_has_seen_it",
    ),
    mutant(
        "a pause stops an operator",
        DECIDE,
        "            return plan.reason == \"operator\"\n",
        "            return False\n",
        f"{T_PAUSE}an_operator_goes_through_a_pause",
        f"{T_PAUSING}an_operator_triggers_through_a_pause",
    ),
    mutant(
        "a pause stops the confirmation of what has begun",
        DECIDE,
        "        case Confirm() | Doubt() | Proven() | Done() | EmptyOk():\n            return True",
        "        case Done() | EmptyOk():\n            return True",
        f"{T_PAUSE}what_has_begun_is_confirmed_and_not_sent_again",
        f"{T_PAUSING}an_operator_triggers_through_a_pause",
    ),
    mutant(
        "the sweep opens runs inside a pause",
        SWEEP,
        "        and pause_at(ctx.policy, pauses, now, mode.name) is None\n",
        "",
        f"{T_PAUSING}the_sweep_opens_no_run_inside_a_pause",
    ),
    mutant(
        "due alerts inside a pause",
        ALERTS,
        "*(() if snapshot.pause(now) is not None else of_due(",
        "*(of_due(",
        f"{T_PAUSE}nobody_is_told_what_is_due_inside_a_pause",
        f"{T_PAUSING}nobody_is_told_what_is_due_and_nothing_is_repaired",
    ),
    mutant(
        "repairs inside a pause",
        RERUN,
        "state.hold is not None or snapshot.pause(now) is not None",
        "state.hold is not None",
        f"{T_PAUSING}what_a_paused_transition_waits_for_is_neither_asked_for_nor_inferred",
    ),
    mutant(
        "a processor is taken as completed inside a pause",
        REPAIR,
        "    if pause_at(ctx.policy, loaded.pauses or (), now, run.key.mode, transition.name) is not None:\n",
        "    if False:\n",
        f"{T_PAUSING}what_a_paused_transition_waits_for_is_neither_asked_for_nor_inferred",
    ),
    mutant(
        "repairs of what a pause keeps from being started",
        RERUN,
        "kept_back = {*paused, *_kept_back(results)}",
        "kept_back = set(_kept_back(results))",
        f"{T_PAUSING}a_paused_start_silences_what_comes_after_it",
    ),
    mutant(
        "a pause ends what it only keeps from being decided",
        ALERTING,
        " or _scope_of(kept.alert) in paused:",
        ":",
        f"{T_PAUSING}an_alert_that_stands_is_not_over_by_a_pause",
    ),
    mutant(
        "a planned pause that was ended comes back",
        PAUSE,
        "over_at = pause.over_at if plan is None else plan.over_at",
        "over_at = pause.over_at",
        f"{T_PAUSE}a_planned_pause_that_was_ended_stays_ended",
    ),
    mutant(
        "a pause that the policy no longer holds goes on",
        PAUSE,
        "if not pause.planned or pause.id in by_id or pause.ended_at is not None:",
        "if True:",
        f"{T_PAUSE}a_planned_pause_that_leaves_the_policy_is_over",
    ),
    mutant(
        "a pause is still in force at its end",
        PAUSE,
        "return over_at is not None and over_at <= now",
        "return over_at is not None and over_at < now",
        f"{T_PAUSE}a_pause_holds_from_its_begin_on_and_before_its_end",
    ),
    mutant(
        "nobody is reminded of a pause",
        PAUSE_ALERTS,
        "yield _reminder(policy, pause, now) if _weeks(pause, now) else began(policy, pause)",
        "yield began(policy, pause)",
        f"{T_PAUSE}a_pause_is_told_at_its_begin_once_a_week_and_at_its_end",
        f"{T_PAUSING}begin_week_and_end_are_told_once_each",
    ),
    mutant(
        "the record does not hear of a pause",
        PAUSING,
        "if book.pending_audit and write_rows(",
        "if False and write_rows(",
        f"{T_PAUSING}who_and_why_stand_in_the_record",
    ),
    mutant(
        "two who pause at once: one is forgotten",
        PAUSING,
        "(None if after == before else to_data(after)), changed",
        "None, changed",
        f"{T_PAUSING}the_list_shows_what_stands_what_is_over_and_what_comes",
    ),
    mutant(
        "a last phase that never ends is told to nobody",
        PROGRESS,
        "    if at is None or now < at or snapshot.pause(now) is not None:\n",
        "    if True:\n",
        f"{T_SILENCE}a_last_phase_that_begins_and_never_ends_is_told",
        f"{T_SILENT_NIGHTS}an_export_that_never_ends_is_told_once_and_taken_back_when_it_does",
    ),
    mutant(
        "an end from before the start is the end of it",
        SILENCE,
        "is None or end.received_at < since)",
        "is None)",
        f"{T_SILENCE}an_end_from_before_the_dispatch_is_of_another_start",
    ),
    mutant(
        "a run closes before its last phase has ended",
        CLOSING,
        "    if last and ends_by is not None and (now < ends_by or snapshot.pause(now) is not None):\n"
        "        return False\n",
        "",
        f"{T_SILENCE}a_run_stays_open_until_its_last_phase_has_ended",
    ),
    mutant(
        "a gate may block for ever without waking anybody",
        PROGRESS,
        "            if deadline is not None and now >= deadline:\n",
        "            if False:\n",
        f"{T_SILENCE}a_gate_that_still_blocks_at_the_deadline_is_critical",
        f"{T_SILENT_NIGHTS}a_gate_at_the_deadline_is_critical_once_and_over_when_it_opens",
    ),
    mutant(
        "a gate that blocks a refresh wakes somebody",
        SILENCE,
        "is None or snapshot.state.triggered else since",
        "is None else since",
        f"{T_SILENCE}a_gate_that_blocks_a_refresh_is_never_critical",
    ),
    mutant(
        "the due alert of a phase that never ended speaks of no message",
        DUE,
        "    if begun:\n",
        "    if False:\n",
        f"{T_SILENCE}the_due_alert_says_that_the_phase_was_started_and_has_not_ended",
    ),
    mutant(
        "any deadline stands for a due time",
        SILENCE_CHECK,
        "if expectation.due is None and not expectation.no_due\n",
        "if expectation.due is None and not expectation.no_due and expectation.deadline is None\n",
        f"{T_SILENCE}a_transition_without_due_and_without_a_reason_is_named",
        "tests/app/test_questions.py::test_check_refuses_a_transition_that_could_wait_in_silence",
    ),
    mutant(
        "due: none needs no reason",
        SILENCE_CHECK,
        "if expectation.no_due and not expectation.because:",
        "if False:",
        f"{T_SILENCE}no_due_time_wants_its_reason",
    ),
    mutant(
        "a start that is ours is overtaken by whatever comes later",
        SWEEP,
        "    if snapshot.transition.dispatch.role is not Role.OBSERVE:\n        return \"\"\n",
        "",
        f"{T_SILENT_NIGHTS}a_start_that_is_ours_is_due_whatever_comes_later",
        scenario("P_close_hides_held_night"),
    ),
    mutant(
        "an observed start that the run has passed is late",
        SWEEP,
        'return reached[-1].transition.name if reached else ""',
        'return ""',
        f"{T_SILENT_NIGHTS}an_observed_start_that_the_run_has_passed_is_overtaken",
    ),
    mutant(
        "a date that may be at work is asked again where a backfill goes on",
        BACKFILL,
        "if result.begun or not result.stops}",
        "if not one.stops}",
        f"{T_BACKFILL}the_first_outage_ends_it_with_the_command_that_goes_on",
        f"{T_BACKFILL}an_outage_of_the_state_ends_it_too",
    ),
    mutant(
        "a backfill goes on through an outage",
        BACKFILL,
        "stops=word is DateOutcome.NO_ANSWER or away_after)",
        "stops=False)",
        f"{T_BACKFILL}the_first_outage_ends_it_with_the_command_that_goes_on",
    ),
    mutant(
        "a backfill asks for a date whose live run is open",
        BACKFILL,
        "    if run is not None and run.closed_at is None:\n",
        "    if False:\n",
        f"{T_BACKFILL}a_date_whose_live_run_is_open_is_left_to_it",
    ),
    mutant(
        "a backfill asks for dates without units",
        BACKFILL,
        "    if units.total == 0:\n",
        "    if False:\n",
        f"{T_BACKFILL}a_date_without_units_is_left_out_and_named",
    ),
    mutant(
        "a backfill asks for all dates at once",
        BACKFILL,
        "next_at = ctx.ports.clock.now() + pace",
        "next_at = ctx.ports.clock.now()",
        f"{T_BACKFILL}dates_are_asked_at_a_rate",
    ),
    mutant(
        "a message without a lane is always live",
        LANES,
        "    if not over:\n",
        "    if True:\n",
        f"{T_LANES}what_a_backfill_brings_without_a_lane_is_its_own",
    ),
    mutant(
        "a message without a lane leaves an open live run",
        LANES,
        "else live.value.closed_at is not None",
        "else True",
        f"{T_LANES}the_lane_of_an_open_run_costs_no_read",
    ),
    mutant(
        "a message without a lane joins a backfill run that is closed",
        LANES,
        "return run is not None and run.value.closed_at is None",
        "return run is not None",
        f"{T_LANES}without_an_open_backfill_it_is_live",
    ),
    mutant(
        "a message that the live run has counted counts again in backfill",
        LANES,
        "    if counted or _is_of_live_trigger(",
        "    if _is_of_live_trigger(",
        f"{T_LANES}what_the_live_run_has_counted_or_started_stays_with_it",
    ),
    mutant(
        "a message of a live trigger joins the backfill run",
        LANES,
        "    if counted or _is_of_live_trigger(key, report.trigger_id):",
        "    if counted:",
        f"{T_LANES}what_the_live_run_has_counted_or_started_stays_with_it",
    ),
    mutant(
        "a lane that is named is overruled",
        LANES,
        "if received.lane_named or key.lane",
        "if key.lane",
        f"{T_LANES}a_lane_that_is_named_is_kept",
    ),
    mutant(
        "a window is not over at its end",
        W_DECIDE,
        "    if facts.now >= window.ends:\n        return Abort(f\"after",
        "    if facts.now > window.ends:\n        return Abort(f\"after",
        f"{T_W_DECIDE}after_games_runs_around_its_time",
    ),
    mutant(
        "before the games business goes on after the last start",
        W_DECIDE,
        "min(hours.ends, max(starts))",
        "hours.ends",
        f"{T_W_DECIDE}before_games_runs_until_the_last_start",
    ),
    mutant(
        "an unreadable table is fetched without a word",
        W_DECIDE,
        'cannot be read: all units", "unreadable", warning)',
        'cannot be read: all units", "unreadable")',
        f"{T_W_DECIDE}an_unreadable_table_fetches_all_with_one_warning",
    ),
    mutant(
        "what a workflow requires is read by nobody",
        W_DECIDE,
        "        if name not in facts.completed:",
        "        if False:",
        f"{T_W_DECIDE}what_is_required_must_have_completed_for_the_date",
    ),
    mutant(
        "a unit is tried without end",
        W_DECIDE,
        "if tried.count(name) < decide.per_unit",
        "if True",
        f"{T_W_DECIDE}catch_up_takes_final_units_without_rows_within_their_budget",
    ),
    mutant(
        "a run of open circuits alone has failed",
        W_RUNS,
        "return RunStatus.BLOCKED",
        "return RunStatus.FAILED",
        f"{T_W_EXECUTOR}a_breaker_opens_by_outcomes_and_such_a_run_is_blocked",
    ),
    mutant(
        "a 400 is tried again",
        W_ANSWERS,
        "return Meaning(CallOutcome.REFUSED, text=shown)",
        "return Meaning(CallOutcome.REFUSED, text=shown, again=True)",
        f"{T_W_EXECUTOR}a_400_is_never_retried_and_critical_at_once",
    ),
    mutant(
        "a worker goes on before its outcome is written",
        W_EXECUTOR,
        "            await saved\n",
        "",
        f"{T_W_EXECUTOR}a_crash_at_any_write_leaves_each_entry_with_one_outcome",
    ),
    mutant(
        "a delivery begins entries for which it has no time",
        W_EXECUTOR,
        "            if now + limit > self._deadline:",
        "            if now > self._deadline:",
        f"{T_W_EXECUTOR}what_does_not_fit_into_the_functions_time_is_left_to_the_next_message",
    ),
    mutant(
        "a second handler works on a run that is held",
        W_EXECUTOR,
        "    if run.held_until is not None and began < run.held_until:",
        "    if False:",
        f"{T_W_EXECUTOR}a_second_delivery_leaves_a_run_to_its_holder",
    ),
    mutant(
        "an entry's limit does not bound its attempts",
        W_CALLS,
        "min(scraper.timeout, ends - clock.now())",
        "scraper.timeout",
        f"{T_W_EXECUTOR}the_limit_of_an_entry_holds_for_all_its_attempts",
    ),
    mutant(
        "a run without progress is never driven again",
        W_WATCH,
        "if not unsent and silent < REDRIVE_AFTER:",
        "if not unsent:",
        f"{T_W_CONTROLLER}a_run_without_progress_is_driven_again_after_ten_minutes",
    ),
    mutant(
        "a missed window is told although a pause kept it",
        W_JUDGE,
        "Verdict.NOT_NEEDED if facts.paused else Verdict.MISSED, facts.now",
        "Verdict.MISSED, facts.now",
        f"{T_W_DECIDE}a_window_that_passed_without_a_run_is_missed",
    ),
    mutant(
        "a window from before the watch is judged",
        W_WATCH,
        "now < ends or ends <= control.since",
        "now < ends",
        f"{T_W_CONTROLLER}a_window_that_ended_before_anybody_watched_is_not_judged",
    ),
]  # fmt: skip
