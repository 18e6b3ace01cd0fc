"""What is left of a day that was played, so that `bin/orch --home FOLDER` can ask it: state, record, tables, clock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.adapters.config.policy_file import read_policy
from shared.adapters.local.accelerated_clock import AcceleratedClock
from shared.adapters.local.home_file import FILE, is_home, write_home
from shared.adapters.local.sqlite import SqliteStore
from shared.core.errors import OrchError
from shared.simulation.fakes.sql import write_warehouse
from shared.simulation.scenario import Scenario
from shared.simulation.world import World

STATE, WAREHOUSE, POLICIES = "state.db", "warehouse.duckdb", "policies"
_OURS = (FILE, f"{STATE}*", f"{WAREHOUSE}*", "bus.db*", POLICIES)
EMBEDDED = {
    "ORCH_STATE": "sqlite",
    "ORCH_BUS": "local",
    "ORCH_WAREHOUSE": "duckdb",
    "ORCH_ALERTS": "console",
    "ORCH_SECRETS": "environment",
}


class KeepError(OrchError):
    """A day cannot be left in the folder that was named; ``hint`` says what to do about it."""

    def __init__(self, reason: str, hint: str) -> None:
        self.hint = hint
        super().__init__(reason)


@dataclass(frozen=True)
class OpenDay:
    """A day that is being played: its state, and the folder that gets the rest of each world at the end."""

    folder: Path
    store: SqliteStore

    def keep(self, world: World) -> None:
        """Write tables and record of a world; those of several pipelines lie side by side."""
        write_warehouse(self.folder / WAREHOUSE, world.policy, world.facts, world.audit)


@dataclass(frozen=True)
class KeptDay:
    """A folder for one day: empty, not there yet, or the home of an earlier day, which is replaced."""

    folder: Path

    @contextmanager
    def of(self, scenario: Scenario) -> Iterator[OpenDay]:
        """Yield what a scenario is played on; it is a home once it was played to its end.

        Raises ``KeepError``, before anything is written, for a folder that holds something else.
        """
        folder = self.folder.resolve()
        if folder.is_dir() and any(folder.iterdir()) and not is_home(folder):
            raise KeepError(f"{self.folder} holds files that no earlier --keep has left", "name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        _remove_ours(folder)
        store = SqliteStore(folder / STATE)
        try:
            yield OpenDay(folder, store)
            write_home(folder, variables_of(folder, _policy_of(scenario, folder), scenario.end))
        finally:
            store.close()
            if not is_home(folder):  # half a day is no day
                _remove_ours(folder)


def _remove_ours(folder: Path) -> None:
    """Remove what a day leaves, and nothing that a person has put beside it."""
    for path in (path for pattern in _OURS for path in folder.glob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _policy_of(scenario: Scenario, folder: Path) -> Path:
    """Return the policy file of a scenario; where there are several, or part of it stands in the scenario, a folder of
    them as they were played."""
    played = scenario.parts or (scenario, *scenario.beside)
    if len(played) == 1 and not scenario.overlay:
        return _file_of(scenario).resolve()
    policies = folder / POLICIES
    policies.mkdir()
    for part in played:
        values = read_policy(_file_of(part), part.overlay)
        text = json.dumps(values, indent=2, ensure_ascii=False, default=str)  # JSON is YAML, without its pitfalls
        (policies / f"{part.policy.pipeline}.yaml").write_text(f"{text}\n", encoding="utf-8")
    return policies


def _file_of(scenario: Scenario) -> Path:
    return Path(scenario.policy.source.partition(" + ")[0])


def variables_of(stores: Path, policy: Path, ended: datetime) -> dict[str, str]:
    """Return the variables of a home: whose stores, by which policy, and a clock that stands at ``ended``."""
    where = {"ORCH_HOME": str(stores), "ORCH_POLICY": str(policy)}
    return {**where, **EMBEDDED, "ORCH_CLOCK": str(AcceleratedClock(ended, 0, 0))}
