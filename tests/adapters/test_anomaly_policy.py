"""What the policy says of unusual nights, and what is refused (behaviour T12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.anomalies import OFF, Anomalies, RowsBand, RunsLonger
from tests.policy_files import NBA


def written(folder: Path, text: str) -> Path:
    path = folder / "nba.yaml"
    for beside in NBA.parent.glob("**/*.sql"):
        target = folder / beside.relative_to(NBA.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(beside.read_text(encoding="utf-8"), encoding="utf-8")
    path.write_text(f"{NBA.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Anomalies()),
        ("anomalies: {}", Anomalies()),
        ("anomalies: null", Anomalies()),
        ("anomalies: {enabled: false}", OFF),
        ("anomalies: {enabled: true, least_nights: 21}", Anomalies(21)),
        ("anomalies: {runs_longer: null}", Anomalies(runs_longer=None)),
        ("anomalies: {runs_longer: {times: 3}}", Anomalies(runs_longer=RunsLonger(3, 2))),
        ("anomalies: {rows: {z: 6}}", Anomalies(rows=RowsBand(6))),
    ],
)
def test_what_the_policy_says(tmp_path: Path, text: str, expected: Anomalies) -> None:
    assert load_policy(written(tmp_path, text)).anomalies == expected


@pytest.mark.parametrize(
    "text",
    [
        "anomalies: {runs_longer: {times: 1}}",
        "anomalies: {least_nights: 3}",
        "anomalies: {rows: {z: 0}}",
        "anomalies: {rows: {times: 2}}",
        "anomalies: {columns: {}}",
    ],
)
def test_what_is_refused_names_its_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match="anomalies"):
        load_policy(written(tmp_path, text))
