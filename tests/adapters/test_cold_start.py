"""A cold start pays only for what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "google.api_core",
    "google.auth",
    "google.cloud.",
    "google.oauth2",
    "google.protobuf",
    "grpc",
    "requests",
    "urllib3",
    "slack_sdk",
    "tenacity",
)


@pytest.mark.parametrize(
    "module",
    [
        "clock",
        "notify.fan_out",
        "google.inventory",
        "google.pubsub",
        "google.secret_manager",
        "http",
        "json_log",
        "local.bus",
        "local.console",
        "local.environment",
        "notify.pagerduty",
        "notify.slack",
    ],
)
def test_importing_an_adapter_imports_no_client(module: str) -> None:
    """Client libraries are imported on first use."""
    code = f"import sys, shared.adapters.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith(HEAVY)] == []
