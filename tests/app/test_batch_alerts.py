"""The commands that alerts of batches print: understood by the command line, for live and backfill runs."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.batches.says import closed_condition, held_condition
from shared.cli.main import run
from shared.core.batches.batch import Batch, Cause, Closing, HeldFor
from shared.core.model import Lane, RunKey
from tests.app.handlers_kit import HandlersKit
from tests.core.build import SAME_DAY
from tests.core.test_batch_decide import DECLARED, START
from tests.policy_files import PRODUCTION

COMMAND = re.compile(r"bin/orch .*$", re.MULTILINE)
BACKFILL = replace(SAME_DAY, lane=Lane.BACKFILL)


def texts(key: RunKey) -> list[str]:
    """Return the texts of a batch of a run that waits for a person, and of one that was closed at its deadline."""
    batch = Batch("b", DECLARED.name, key, START, members=10, held_for=HeldFor.DEADLINE, held_text="7 of 10 reported")
    closing = Closing(Cause.DEADLINE, START, 1, done=7, silent=3, missing=("a", "b", "c"), missing_count=3)
    closed = closed_condition(DECLARED, replace(batch, closing=closing))
    assert closed is not None
    return [held_condition(DECLARED, batch, ["a", "b"]).text, closed.text]


@pytest.mark.parametrize("key", [SAME_DAY, BACKFILL], ids=["live", "backfill"])
def test_commands_in_alerts_of_batches_can_be_pasted(key: RunKey) -> None:
    """Each is a command of the program: it answers that there is no such batch, and not that it was called wrongly."""
    commands = [command for text in texts(key) for command in COMMAND.findall(text)]
    assert [command.split()[2] for command in commands] == ["retry", "close", "show"]
    ctx = HandlersKit(policy=load_policy(PRODUCTION)).ctx
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "bin/orch"
        assert ("--lane" in words) is (key.lane is Lane.BACKFILL)
        status, printed = run(words, ctx)
        assert status != 2, printed
        assert "batch" in printed
