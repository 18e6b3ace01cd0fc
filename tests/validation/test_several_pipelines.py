"""Checks of one pipeline over a record that several write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.validation_file import load_validation
from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.app.validation.checks.sql import SqlMeter, own_rows
from shared.core.validation.checks import Target
from shared.ports import Row
from tests.app.handlers_kit import HandlersKit

CONFIG = Path(__file__).parents[2] / "config"
POLICY = load_policy(CONFIG / "nba.yaml")
DATASET = "nba_orchestration"
VALIDATION = load_validation(CONFIG / "validation.yaml", POLICY, DATASET)
NOW = datetime(2026, 1, 22, 12, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDbWarehouse:
    """One record with an alert of each: two of nba, one of a pipeline whose name begins like it, one of another."""
    path = tmp_path / "record.duckdb"
    log = DuckDbAuditLog(path, DATASET)
    runs = ("nba", "nba/2026-01-21/overnight", "nba2/2026-01-21/overnight", "sales/2026-01-21/daily")
    log.insert("alerts", [Row(run, {"alert_id": run, "run_id": run, "first_at": NOW}) for run in runs])
    return DuckDbWarehouse(path, CONFIG)


@pytest.mark.parametrize(("several", "alerts"), [(False, 4), (True, 2)])
def test_a_check_counts_what_is_of_its_pipeline(warehouse: DuckDbWarehouse, several: bool, alerts: int) -> None:
    """Where one deployment serves several, a check of alerts counts its pipeline's; served alone, all are its own."""
    kit = HandlersKit(policy=POLICY, start=NOW)
    ctx = replace(kit.ctx, ports=replace(kit.ports, warehouse=warehouse), several=several)
    target = Target(VALIDATION.schedules["midday"], NOW.date(), NOW, kit.policy.zone)
    [measure] = SqlMeter(ctx).measure(VALIDATION.checks["alert_volume"], target).measures
    assert measure.value == alerts


def test_every_view_of_the_record_that_a_check_reads_is_narrowed() -> None:
    """A check that reads the record in a way that is not known here would count what others did."""
    for check in VALIDATION.checks.values():
        for query in check.queries:
            narrowed = own_rows(query.sql, "nba")
            views = query.sql.count(f"`{DATASET}.v_")
            assert (
                narrowed.count("STARTS_WITH(run_id, 'nba/')") - query.sql.count("STARTS_WITH(run_id, 'nba/')") == views
            )
