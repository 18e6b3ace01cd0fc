"""The policies of one folder: each by itself, and all of them together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from shared.adapters.config.policy_file import load_policy, placed, refuse
from shared.adapters.config.strict_yaml import read_yaml
from shared.core.errors import PolicyError
from shared.core.policy.deployment_check import problems_together
from shared.core.policy.policy import Policy

POLICY_KEYS = ("phases", "transitions")
# What has neither word before a colon is no policy, and is not parsed: each instance of a function reads the folder.
_MARK = re.compile(rb"(?:%s)[\"']?\s*:" % "|".join(POLICY_KEYS).encode())


def load_policies(folder: Path) -> list[Policy]:
    """Return the policies of a folder by their file names: its YAML files that have phases or transitions.

    Raises PolicyError for the first problem of the first file that has one, for a folder without a policy, and for
    what is wrong between them: topics, names, and runs that they wait for.
    """
    policies = [load_policy(path) for path in sorted(folder.glob("*.yaml")) if _is_policy(path)]
    if not policies:
        raise PolicyError(str(folder), "", "holds no policy", "name a folder of policy files, or one file")
    for policy, problem in problems_together(policies):
        refuse(policy.source, placed(Path(policy.source), policy.source, [problem]))
    return policies


def _is_policy(path: Path) -> bool:
    """True for what is meant as a policy; what cannot be read as YAML is told of by whoever loads it."""
    if path.is_file() and not _MARK.search(path.read_bytes()):
        return False
    raw, problems = read_yaml(path)
    return bool(problems) or not set(POLICY_KEYS).isdisjoint(raw if isinstance(raw, Mapping) else {})
