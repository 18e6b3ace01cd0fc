"""The tables of the record and their columns, as behaviour 8 lists them."""

from __future__ import annotations

COLUMNS = {
    "phase_completions": "pipeline, run_id, phase, game_date, mode, processor_name, outcome, record_count, message_id, "
    "correlation_id, execution_id, completed_at, received_at, superseded, is_incremental, entities_changed, metadata, "
    "inserted_at",
    "phase_execution_log": "execution_timestamp, pipeline, run_id, transition, game_date, mode, generation, decision, "
    "reason, degraded, missing, opened_at, triggered_at, confirmed_at, wait_seconds, handoff_seconds, gate_readings, "
    "correlation_id, code_version",
    "alerts": "alert_id, fingerprint, severity, kind, run_id, transition, text, first_at, last_at, count, "
    "delivered_at, resolved_at",
    "validation_runs": "run_id, run_timestamp, check_type, trigger_source, schedule_name, status, message, "
    "duration_ms, checks_passed, checks_warned, checks_failed, target_date, details",
    "validation_results": "result_id, run_id, check_timestamp, check_name, check_category, status, severity, "
    "expected_value, actual_value, threshold, message, target_date, target_table, affected_records, details",
    "validation_trends": "trend_date, total_runs, ok_runs, warning_runs, critical_runs, total_checks, checks_passed, "
    "checks_warned, checks_failed, health_score, most_common_failures, avg_duration_ms",
    "workflow_decisions": "decided_at, pipeline, workflow, kind, game_date, number, decision, code, reason, targets, "
    "code_version",
    "workflow_executions": "run_id, pipeline, workflow, run_window, game_date, status, code, reason, decided_at, "
    "ended_at, duration_seconds, targets, parameters, calls, succeeded, attempts, record_count, text, code_version",
    "scraper_executions": "execution_id, run_id, pipeline, workflow, step, scraper, target, game_date, outcome, "
    "attempts, record_count, begun_at, ended_at, duration_seconds, text, code_version",
    "expected_runs": "expected_id, recorded_at, pipeline, workflow, kind, game_date, state, opens_at, closes_at, "
    "waited_for, missing, code_version",
}
