"""Which file beside a policy is its own, where a folder may hold the policies of several pipelines."""

from __future__ import annotations

import re
from pathlib import Path

from shared.core.policy.policy import Policy

# As a file in block style says whose it is; any other is told from another's when it is loaded.
_WHOSE = re.compile(r"^pipeline:\s*[\"']?([A-Za-z0-9_.-]+)", re.MULTILINE)


def own_file(policy: Policy, kind: str, *more: Path) -> Path | None:
    """Return the file of a kind ("workflows", "validation") that belongs to a policy, None where there is none.

    That is `STEM.KIND.yaml` beside the policy's own file `STEM.yaml`; else `KIND.yaml` there, unless it says that it is
    that of another policy of the folder; else `KIND.yaml` in one of ``more``, if it says that it is this pipeline's.
    """
    source = _source(policy)
    own = source.with_name(f"{source.stem}.{kind}.yaml")
    if own.is_file():
        return own
    shared = default_file(policy, kind)
    if shared.is_file() and not _is_of_another(shared, policy):
        return shared
    elsewhere = (folder / f"{kind}.yaml" for folder in more)
    return next((path for path in elsewhere if path.is_file() and whose(path) == policy.pipeline), None)


def _is_of_another(path: Path, policy: Policy) -> bool:
    """True for a file that names a pipeline of which another file of the folder says that it is its policy."""
    pipeline = whose(path)
    others = (other for other in path.parent.glob("*.yaml") if other not in (path, _source(policy)))
    return pipeline not in ("", policy.pipeline) and any(whose(other) == pipeline for other in others)


def default_file(policy: Policy, kind: str) -> Path:
    """Return where a file of a kind is looked for when nothing names another: `KIND.yaml` beside the policy's own."""
    return _source(policy).with_name(f"{kind}.yaml")


def _source(policy: Policy) -> Path:
    return Path(policy.source.partition(" + ")[0])


def whose(path: Path) -> str:
    """Return the pipeline that a file says it belongs to, "" where it says nothing or cannot be read as text."""
    try:
        match = _WHOSE.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    return match[1] if match else ""
