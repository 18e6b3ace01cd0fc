"""Small mutated copies of the reference policy, for tests of what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError

ROOT = Path(__file__).resolve().parents[1]
NBA = ROOT / "tests" / "pipeline" / "nba.yaml"
"""The reference policy of tests: the first state of the pipeline's policy, which recorded days name."""
PRODUCTION = ROOT / "config" / "nba.yaml"
"""The policy in force."""
GONE: Any = object()
_NBA: dict[str, Any] = yaml.safe_load(NBA.read_text(encoding="utf-8"))
_PRODUCTION: dict[str, Any] = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))


def nba() -> dict[str, Any]:
    """Return a fresh copy of the reference policy as plain values."""
    return copy.deepcopy(_NBA)


def production() -> dict[str, Any]:
    """Return a fresh copy of the policy in force as plain values."""
    return copy.deepcopy(_PRODUCTION)


def write(folder: Path, policy: object) -> Path:
    """Write a policy file. JSON is YAML, and quotes every time of day."""
    path = folder / "mutated.yaml"
    path.write_text(json.dumps(policy, default=str, ensure_ascii=False), encoding="utf-8")
    return path


def edit(policy: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Set each `a/b/0/c` to its value, or remove it where the value is GONE; a new key comes last."""
    for where, value in changes.items():
        *above, last = [int(part) if part.isdecimal() else part for part in where.split("/")]
        target: Any = policy
        for part in above:
            target = target[part]
        if value is GONE:
            del target[last]
        else:
            target[last] = value
    return policy


def refusal(folder: Path, changes: dict[str, Any], policy: dict[str, Any] | None = None) -> PolicyError:
    """Return the error that a policy, by default the reference one, with these changes is refused with."""
    with pytest.raises(PolicyError) as caught:
        load_policy(write(folder, edit(nba() if policy is None else policy, changes)))
    return caught.value


def outcome(path: Path, overlay: Mapping[str, Any] | None = None) -> PolicyError | None:
    """Return the error that a file is refused with, None if it loads; any other error passes through."""
    try:
        load_policy(path, overlay)
    except PolicyError as error:
        return error
    return None
