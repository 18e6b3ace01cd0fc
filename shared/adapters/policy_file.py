"""Loading the policy file: YAML to its shape, the shape to core values, the values checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.policy_build import Builder
from shared.adapters.policy_shape import PolicyShape
from shared.adapters.policy_yaml import merged, read_yaml, with_lines
from shared.core.errors import PolicyError
from shared.core.policy import Gate, Policy
from shared.core.policy_check import Problem, problems

VERSION_DIGITS = 12
CONFIG = Path(__file__).resolve().parents[2] / "config"


def load_policy(path: Path, overlay: Mapping[str, Any] | None = None) -> Policy:
    """Return the policy of a file, with an overlay laid over its mapping.

    Raises PolicyError for the first problem, the others listed in its hint. SQL files are
    looked for beside the policy file, then in `config/`.
    """
    raw, found = read_yaml(path)
    _refuse(str(path), found)
    source = str(path)
    if overlay is not None and overlay != {}:
        source = f"{path} + policy overlay"
        raw = merged(raw, overlay)
    builder = Builder()
    policy = builder.policy(_shaped(raw, path, source), source)
    if policy is None:
        _refuse(source, _placed(path, source, builder.problems))
        raise AssertionError("a builder that yields no policy names a problem")
    found = builder.problems + problems(policy, _existing(policy.gates.values(), (path.parent, CONFIG)))
    _refuse(source, _placed(path, source, builder.located(found)))
    return replace(policy, version=_digest(raw))


def _digest(raw: object) -> str:
    """Return what tells one policy from another whatever the order of its keys: 12 hex digits of a SHA-256."""
    text = json.dumps(raw, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def _placed(path: Path, source: str, found: Sequence[Problem]) -> Sequence[Problem]:
    """Return problems with their lines, unless their keys may stand in an overlay."""
    return with_lines(path, found) if source == str(path) else found


def _refuse(source: str, found: Sequence[Problem]) -> None:
    """Raise for the first problem, if there is one."""
    if not found:
        return
    first, *others = dict.fromkeys(found)
    hint = first.hint
    if others:
        lines = "".join(f"\n    {one.key}: {one.reason} (hint: {one.hint})" for one in others)
        hint = f"{hint}\n  {len(others)} more {'problem' if len(others) == 1 else 'problems'}:{lines}"
    raise PolicyError(source, first.key, first.reason, hint)


def _shaped(raw: object, path: Path, source: str) -> PolicyShape:
    try:
        return msgspec.convert(raw, PolicyShape)
    except msgspec.ValidationError as error:
        # Its text names no key of a mapping, so the fault is looked for once more, with the path in hand.
        from shared.adapters.policy_faults import faults

        unnamed = Problem("(top level)", str(error), "compare with config/schema/pipeline.schema.json")
        _refuse(source, _placed(path, source, list(faults(raw, PolicyShape)) or [unnamed]))
        raise


def _existing(gates: Iterable[Gate], folders: Iterable[Path]) -> set[str]:
    named = {gate.sql for gate in gates if gate.sql is not None}
    return {sql for folder in folders for sql in named if (folder / sql).is_file()}
