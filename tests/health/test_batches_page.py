"""Batches on the page and in the daily report: progress, numbers by outcome, the silent ones by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from shared.app.reporting.batches import batch_lines, reported
from shared.app.reporting.daily import summary
from shared.app.reporting.health import DeploymentInfo, HealthRequest
from shared.app.reporting.pages import front
from shared.core.reporting.page import Page, Tone
from shared.entrypoints.health import render
from tests.app.batch_kit import BATCH, BatchKit
from tests.core.build import NIGHT, SAME_DAY
from tests.health.test_page import Outline

NEW_YORK = ZoneInfo("America/New_York")
INFO = DeploymentInfo("health_check", "v1")


def evening() -> BatchKit:
    """Return two batches: one closed at its deadline with 58 of 60 missing, one open with markup for a name."""
    kit = BatchKit()
    kit.start(60)
    kit.report("m001")
    kit.report("m002", outcome="skipped", reason="injured")
    kit.minutes(31)
    kit.start(["<b>x</b>", "y", "z"], key=SAME_DAY)
    kit.report("y", batch_id=kit.batch_id(SAME_DAY))
    kit.report("z", batch_id=kit.batch_id(SAME_DAY), outcome="failed")
    return kit


def test_a_batch_says_how_far_it_is_and_who_is_missing() -> None:
    """While it goes on by what is counted now, then as it was closed; late reports change nothing of that."""
    kit = evening()
    kit.report("m003")
    ongoing, closed = batch_lines(kit.ctx)
    assert (ongoing.word, ongoing.tone, ongoing.percent) == ("open", Tone.BUSY, 66.66)
    assert (ongoing.done, ongoing.failed, ongoing.silent, ongoing.missing) == (1, 1, 1, ("<b>x</b>", "z"))
    assert (closed.word, closed.tone, closed.note) == ("published partial", Tone.NOTICE, "closed by deadline")
    assert (closed.done, closed.skipped, closed.failed, closed.silent) == (1, 1, 0, 58)
    assert (len(closed.missing), closed.missing_count, closed.percent) == (50, 58, 3.33)


def test_old_batches_are_shown_with_their_run_only() -> None:
    """After two days what is over is not shown, what is not over is; a run shows its own whatever their age."""
    kit = evening()
    kit.wait(timedelta(days=2, minutes=1))
    assert [line.key for line in batch_lines(kit.ctx)] == [SAME_DAY]
    assert [line.key for line in batch_lines(kit.ctx, (NIGHT,))] == [NIGHT]


def test_a_pipeline_without_batches_reads_nothing() -> None:
    """No section, no line of the report, no question to the store."""
    kit = evening()
    ctx = replace(kit.ctx, policy=replace(kit.policy, batches={}))
    kit.store.operations.clear()
    assert batch_lines(ctx) == ()
    assert reported(ctx) == []
    assert not kit.store.operations


def test_the_page_shows_progress_and_escapes_names() -> None:
    """A bar with its number, the names as text, and how many more there are."""
    kit = evening()
    html = render(Page("nba", "nba", NEW_YORK, kit.clock.now(), "v1", batches=batch_lines(kit.ctx)))
    outline = Outline(html)
    assert "<b>x" not in html
    bars = [attributes for tag, attributes in outline.tags if tag == "progress"]
    assert [bar["value"] for bar in bars] == ["66.66", "3.33"]
    text = " ".join(outline.text.split())
    assert "66.66 percent of 3" in text
    assert "m052 and 8 more" in text
    labels = [attributes.get("data-label") for tag, attributes in outline.tags if tag == "td"]
    assert {"Stands", "Progress", "Done", "Skipped", "Failed", "Silent", "Missing"} <= set(labels)


def test_the_front_and_the_report_have_them() -> None:
    """The page that is served, and the text of the day, with what is missing by name."""
    kit = evening()
    model = front(kit.ctx, INFO, HealthRequest("GET", "/", {})).body
    assert isinstance(model, Page)
    assert [line.name for line in model.batches] == [BATCH.name] * 2
    text = str(summary(kit.ctx, INFO)["text"])
    assert f"Batch {NIGHT.id} {BATCH.name}: published partial" in text
    assert "60 members, 3.33 percent, 1 done, 1 skipped, 58 silent (closed by deadline)" in text
    assert "missing: m003, m004" in text
    assert "m012 and 48 more" in text
