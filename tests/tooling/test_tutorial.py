"""The tutorial of the README, typed as it stands there: from a clone to a pipeline of one's own on its page."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.demo.clones import cloned
from tests.demo.test_services import served_page
from tests.tooling.test_readme import README, Block
from tests.tooling.tiny_repository import run

# Of the five minutes the environment takes the first three on a slow line; it is lent here.
SECONDS = 120


def tutorial() -> Block:
    return next(block for block in README if block.run_by.endswith("test_tutorial.py"))


@pytest.mark.slow
def test_the_tutorial_ends_on_the_page(tmp_path: Path) -> None:
    """Every command succeeds in a fresh clone, in time, and the last serves a page that shows the night."""
    clone = cloned(tmp_path / "a clone")
    *commands, serve = tutorial().commands
    began = time.monotonic()
    printed = []
    for command in commands:
        answer = run("bash", "-c", command, cwd=clone, seconds=SECONDS)
        assert answer.returncode == 0, f"$ {command}\n{answer.stdout}{answer.stderr}"
        printed.append(answer.stdout)
    assert serve.endswith("serve health_check")
    page = served_page(f"exec {serve} --port 0", clone)
    assert time.monotonic() - began < SECONDS
    assert printed[0].split() == [
        "config/harbour.yaml",
        "config/harbour.validation.yaml",
        "tests/scenarios/own/harbour_first_night.yaml",
    ]
    assert printed[2].startswith("harbour/2026-03-02/daily collect_to_clean: confirmed")
    assert "trigger     collect_to_clean" in printed[3]
    for shown in ("harbour", "clean_to_publish", "2026-03-02"):
        assert re.search(shown, page), shown
