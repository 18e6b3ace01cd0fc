"""`orch simulate` prints what the format promises and ends with the status it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.simulation.command import simulate
from tests.policy_files import NBA
from tests.random_nights import parallel
from tests.random_nights.command import Drawn, simulate_random
from tests.simulation.tiny import TinyProduct

FEW = 4
HOLDS = f"""name: One report, one trigger
pipeline: {NBA}
start: "2026-01-21 06:00"
end: "2026-01-21 06:10"
events:
  - at: "06:01"
    complete: {{processor: PlayerGameSummaryProcessor, phase: phase3, game_date: 2026-01-20, records: 148}}
expect:
  - trigger: {{transition: phase3_to_phase4, date: 2026-01-20, mode: overnight, by: "06:01"}}
"""
FAILS = HOLDS + "  - runs: {count: 3}\n"


def written(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


def test_status_and_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per scenario; under a failed one each failed expectation with what was observed; status 1."""
    good, bad = written(tmp_path, "good.yaml", HOLDS), written(tmp_path, "bad.yaml", FAILS)
    assert simulate([good, bad], timeline=False, as_json=False, product=TinyProduct()) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"passed  {good}: One report, one trigger",
        f"FAILED  {bad}: One report, one trigger",
        "  expected {runs: {count: 3}}",
        "  observed 1 run: nba/2026-01-20/overnight",
    ]
    assert simulate([good], timeline=False, as_json=False, product=TinyProduct()) == 0


def test_timeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--timeline adds what happened, in the pipeline's local time, with the reason of each decision."""
    file = written(tmp_path, "day.yaml", HOLDS)
    simulate([file], timeline=True, as_json=False, product=TinyProduct())
    entries = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(time, kind) for _, time, kind, _ in entries[:2]] == [("06:01:00", "completion"), ("06:01:00", "dispatch")]
    decisions = [text for _, _, kind, text in entries if kind == "decision"]
    assert "nba/2026-01-20/overnight phase3_to_phase4: confirmed: it was so" in decisions
    assert ("06:01:05", "completion") in [(time, kind) for _, time, kind, _ in entries]


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the document of the format and nothing else."""
    file = written(tmp_path, "bad.yaml", FAILS)
    assert simulate([file], timeline=False, as_json=True, product=TinyProduct()) == 1
    document = json.loads(capsys.readouterr().out)
    [scenario] = document["scenarios"]
    assert document.keys() == {"passed", "scenarios"}
    assert scenario.keys() == {"name", "file", "passed", "expectations", "timeline"}
    assert (document["passed"], scenario["passed"], scenario["file"]) == (False, False, str(file))
    assert scenario["expectations"][1] == {
        "expect": {"runs": {"count": 3}},
        "passed": False,
        "observed": "1 run: nba/2026-01-20/overnight",
    }
    assert scenario["expectations"][0]["expect"] == {
        "trigger": {"transition": "phase3_to_phase4", "date": "2026-01-20", "mode": "overnight", "by": "06:01"}
    }
    assert scenario["timeline"][0]["at"] == "2026-01-21T06:01:00-05:00"
    assert scenario["timeline"][0].keys() == {"at", "kind", "text"}


def test_an_error_of_the_product_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where expectations fail, errors that handlers raised are told with how often."""

    def broken(context: object, body: object) -> None:
        raise KeyError("nonsense")

    file = written(tmp_path, "day.yaml", HOLDS)
    assert simulate([file], timeline=False, as_json=False, product=TinyProduct(on_delivery=broken)) == 1
    assert "  raised   KeyError: 'nonsense' (6 times)" in capsys.readouterr().out


def test_random_nights_are_the_same_on_any_number_of_cores(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nights need nothing of each other: two processes play what one plays, and tell it in the same order."""
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", FEW)
    documents = []
    for jobs in (1, 2):
        assert simulate_random(0, 2 * FEW, Drawn(), jobs=jobs, timeline=False, as_json=True) == 0
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1]
    assert documents[0]["nights"] == 2 * FEW
    assert documents[0]["deliveries"] > 2 * FEW


@pytest.mark.parametrize("as_json", [False, True])
def test_many_files_by_several_processes_print_what_one_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """In the order of the files, with the same failures, and with the same status."""
    texts = [HOLDS.replace("06:01", f"06:0{number}") for number in range(1, 6)]
    texts.insert(2, FAILS)
    files = [written(tmp_path, f"{number}.yaml", text) for number, text in enumerate(texts)]
    printed = []
    for jobs in (1, 2):
        assert simulate(files, timeline=True, as_json=as_json, jobs=jobs) == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].index("0.yaml") < printed[0].index("2.yaml") < printed[0].index("5.yaml")
