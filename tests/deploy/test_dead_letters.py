"""How long a message is delivered again, from the numbers of the manifest, held against what the text promises."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.manifest import ROOT
from tests.deploy.world import manifest, refusal

HOUR = timedelta(hours=1)
RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text(encoding="utf-8")
LETTER = manifest().dead_letter


def test_the_text_promises_what_the_numbers_give() -> None:
    """Attempts, hours, days and the back-off in the runbook are the manifest's, for each function that is fed."""
    pushes = [function.push for function in manifest().functions.values() if function.push]
    assert len(pushes) == 6
    for push in pushes:
        hours = push.redelivered_for(LETTER.attempts) // HOUR
        assert (push.min_backoff, push.max_backoff) == (timedelta(seconds=10), timedelta(minutes=10))
        numbers = [int(number) for number in re.findall(r"(\d+)\s+hours\s+(?:in\s+all|\w+)?", _words("dead letter"))]
        assert numbers
        assert set(numbers) == {hours}
    assert (
        f"refused {LETTER.attempts} times, over {hours} hours; it is kept for {LETTER.retention.days} days" in RUNBOOK
    )
    assert f"each message comes again {LETTER.attempts} times in {hours} hours" in RUNBOOK
    assert "for seven days" not in RUNBOOK


def _words(about: str) -> str:
    """Return the paragraphs of the runbook that speak of something."""
    return "\n".join(part for part in RUNBOOK.split("\n\n") if about in part)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 0), (2, 10), (3, 30), (7, 630), (8, 1230), (20, 630 + 13 * 600), (100, 630 + 93 * 600)],
)
def test_the_back_off_doubles_to_its_longest(attempts: int, seconds: int) -> None:
    """10, 20, 40 ... 320, then 600 s each: 20 attempts were gone in 2.3 hours."""
    push = manifest().functions["phase2_to_phase3"].push
    assert push is not None
    assert push.redelivered_for(attempts) == timedelta(seconds=seconds)


def test_a_message_may_not_be_forgotten_before_it_is_a_dead_letter(tmp_path: Path) -> None:
    """Retention that ends before the attempts do loses messages without a trace: refused, with its key."""
    wrong = refusal(tmp_path, {"functions/phase2_to_phase3/trigger/retention": "12h"})
    assert wrong.key == "functions.phase2_to_phase3.trigger.retention"
    assert "gone before it is a dead letter" in wrong.reason


def test_the_attempts_are_those_that_the_service_takes(tmp_path: Path) -> None:
    """101 is refused here and not by the server."""
    assert refusal(tmp_path, {"dead_letter/attempts": 101}).key == "dead_letter.attempts"
