"""Fixtures of the whole suite, each from the module that owns it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
GROUP = re.compile(r'xdist_group\("([\w-]+)"\)')
# In the order of their imports: what one imports of another must be known to pytest by then.
pytest_plugins = ["tests.emulators.gcloud", "tests.emulators.bigquery"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one group on one worker.

    pytest-xdist would do so by names that it gives to the tests, which pytest no longer lets it: each group, and what
    its tests start for a session, came into being once a worker. Here a group is that of the test's file.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByGroupOfFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            # What is asked of both warehouses has the one in its name.
            return "bigquery" if "[bigquery" in nodeid else group_of(ROOT / nodeid.partition("::")[0]) or nodeid

    return ByGroupOfFile(config, log)


@cache
def group_of(file: Path) -> str:
    """Return the one group that the tests of a file name, "" where they name none."""
    groups = set(GROUP.findall(file.read_text(encoding="utf-8"))) if file.is_file() else set()
    assert len(groups) < 2, f"{file}: tests of several groups cannot be kept apart: {sorted(groups)}"
    return next(iter(groups), "")
