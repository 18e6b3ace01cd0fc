"""The repository's own pipeline alone: what lies in the tree of pipelines that somebody added is told from it."""

from __future__ import annotations

from pathlib import Path

import yaml

from deploy.pipelines import own_of
from shared.adapters.config.policy_folder import load_policies
from shared.core.policy.policy import Policy

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = Path("deploy") / "functions.yaml"
SCENARIOS = Path("tests") / "scenarios" / "own"


def others() -> tuple[Policy, ...]:
    """Return the policies beside the manifest's own, in the tree as it is."""
    file = yaml.safe_load((ROOT / MANIFEST).read_text(encoding="utf-8"))
    return own_of(load_policies(ROOT / file["policy"]), file["pipeline"])[1]


def leave_alone(root: Path) -> None:
    """Remove from a copy of the tree, or of a part of it, the files of the pipelines beside the manifest's own."""
    for policy in others():
        source = Path(policy.source).relative_to(ROOT)
        files = [*(root / source.parent).glob(f"{source.stem}.*")]
        for path in [*files, *(root / SCENARIOS).glob(f"{policy.pipeline}_*")]:
            path.unlink()
