"""What people see in Slack: snapshots, and Block Kit's limits for any text.

Rewrite the snapshots with ``UPDATE_SNAPSHOTS=1 pytest tests/adapters/test_slack_blocks.py`` and read the diff.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.notify.slack_blocks import blocks, escape, text
from shared.core.alerting.links import Link
from shared.ports import Notice

SNAPSHOTS = Path(__file__).parent / "snapshots"
RUN = "nba/2026-01-21/overnight"
COMMAND = "bin/orch explain phase4_to_phase5 2026-01-21 --mode overnight"
LINKS = (
    Link("Run", f"https://page.example/?run={RUN}&x=1"), Link("Log", "https://console.example/;query=a%3Db"),
    Link("Runbook", "https://wiki.example/ALERTS.md#gate"),
)  # fmt: skip
NOTICES = {
    "info": Notice(
        f"degraded {RUN} phase2_to_phase3", "info", "degraded",
        f"{RUN} phase2_to_phase3 was triggered at tier_1 (15m) without p2_br_roster. Nothing to do.",
    ),
    "warning_repeated": Notice(
        f"gate {RUN} phase4_to_phase5 minutes_coverage", "warning", "gate_blocks",
        f"{RUN} phase4_to_phase5 is blocked: minutes_coverage reads 62.0 percent, 80 needed.\n"
        "It is read again every minute. Look at nba_precompute.minutes.",
        count=4,
    ),
    "critical_escaped": Notice(
        f"held {RUN} phase3_to_phase4", "critical", "held",
        f"{RUN} phase3_to_phase4 is held: 404 <html>&nbsp;<!channel></html> R&D > 3",
    ),
    "resolved": Notice(
        f"held {RUN} phase3_to_phase4", "critical", "held",
        f"{RUN} phase3_to_phase4 is no longer held: triggered at 10:36.", resolved=True, count=3,
    ),
    "leading": Notice(
        "gate-3f2a9c1d", "warning", "gate",
        f"{RUN} phase4_to_phase5: blocked by minutes_coverage reads 62.0 percent, 80 needed\n"
        "Next: it goes by itself once this clears\n"
        f"To do: look at minutes_coverage: {COMMAND}",
        title="Blocked by a gate: Precompute to Predictions, 2026-01-21 overnight", run=RUN, command=COMMAND,
        links=LINKS,
    ),
    "several": Notice(
        "gate-3f2a9c1d", "warning", "gate", f"{RUN} phase4_to_phase5: blocked by minutes_coverage\nTo do: {COMMAND}",
        title="Blocked by a gate: Precompute to Predictions, 2026-01-21 overnight", run=RUN, command=COMMAND,
        links=LINKS, heading="2 alerts: 2026-01-21 overnight",
        others=(
            Notice(
                "degraded-77aa", "warning", "degraded", f"{RUN} phase3_to_phase4: triggered degraded by tier_2",
                title="Triggered without all processors: Analytics to Precompute, 2026-01-21 overnight", run=RUN,
                command="bin/orch alerts show degraded-77aa", links=LINKS[:2],
            ),
        ),
    ),
    "long": Notice("long", "critical", "error", "\n".join(f"line {n:04d} & more" for n in range(400))),
    "empty": Notice("empty", "warning", "error", "  \n"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_looks_as_it_was_approved(name: str) -> None:
    """The message of each kind of notice is the one checked in."""
    shown = {"text": text(NOTICES[name]), "blocks": blocks(NOTICES[name])}
    path = SNAPSHOTS / f"slack_{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    assert shown == json.loads(path.read_text())


def test_every_snapshot_has_a_notice() -> None:
    """No snapshot is left behind by a notice that went."""
    assert {path.stem for path in SNAPSHOTS.glob("slack_*.json")} == {f"slack_{name}" for name in NOTICES}


notices = st.builds(
    Notice,
    fingerprint=st.text(max_size=300),
    severity=st.sampled_from(["info", "warning", "critical"]),
    kind=st.text(min_size=1, max_size=300),
    text=st.one_of(
        st.text(max_size=200),
        st.lists(st.text(alphabet="ab&<>\n ", max_size=100)).map("\n".join),
        st.integers(2_990, 3_010).map(lambda size: "x" * size),
        st.integers(590, 9_000).map(lambda size: "&" * size),
        st.integers(1, 60_000).map(lambda size: "long line & <more>\n" * (size // 19)),
    ),
    title=st.text(max_size=300),
    command=st.sampled_from(["", COMMAND, "bin/orch x --reason '```'", "y" * 4_000]),
    resolved=st.booleans(),
    count=st.integers(1, 10_000),
)


@given(notices)
def test_any_notice_fits(notice: Notice) -> None:
    """Whatever the text, Slack's limits hold and no markup character is left unescaped."""
    shown = blocks(notice)
    assert len(shown) <= 50
    assert len(shown[0]["text"]["text"]) <= 150
    pieces = [block["text"]["text"] for block in shown if block["type"] == "section"]
    for piece in [*pieces, shown[-1]["elements"][0]["text"], text(notice)]:
        assert 0 < len(piece) <= (4000 if piece == text(notice) else 3000)
        assert escape(_unescape(piece)) == piece


@given(st.lists(st.text(alphabet="ab&<>", min_size=1, max_size=4000), min_size=1, max_size=20).map("\n".join))
def test_nothing_of_a_text_is_lost(raw: str) -> None:
    """The sections together are the text, as long as it is of bearable length."""
    shown = blocks(Notice("f", "info", "kind", raw))
    assert "".join(_unescape(block["text"]["text"]) for block in shown[1:-1]) == raw.strip()


def test_a_text_beyond_all_limits_says_that_it_is_cut() -> None:
    """The last section of a text too long for one message says so."""
    shown = blocks(Notice("f", "info", "kind", "x" * 1_000_000))
    assert "cut here" in shown[-2]["text"]["text"]
    assert "cut here" in text(Notice("f", "info", "kind", "x" * 5_000))


@given(st.lists(notices, min_size=2, max_size=10))
def test_any_several_fit_one_message(several: list[Notice]) -> None:
    """As many as are told together, whatever their texts: Slack's limits hold, and each is there."""
    message = replace(several[0], heading="several", others=tuple(several[1:]))
    shown = blocks(message)
    sections = [block["text"]["text"] for block in shown if block["type"] == "section"]
    assert len(shown) <= 50
    assert all(0 < len(section) <= 3000 for section in sections)
    assert len(sections) >= 2 * len(several)
    assert len(text(message)) <= 4000


def test_each_of_several_is_read_under_its_title() -> None:
    """The heading counts; each title leads to the meaning of its kind; run and log are linked once, at the end."""
    header, *sections, context = blocks(NOTICES["several"])
    texts = [section["text"]["text"] for section in sections]
    assert header["text"]["text"] == "WARNING 2 alerts: 2026-01-21 overnight"
    assert texts[0].startswith("*<https://wiki.example/ALERTS.md#gate|Blocked by a gate: ")
    assert texts[2] == f"```{COMMAND}```"
    assert texts[3] == "*Triggered without all processors: Analytics to Precompute, 2026-01-21 overnight*"
    assert [part.rpartition("|")[2] for part in texts[-1].split(" | ")] == ["Run>", "Log>"]
    assert context["elements"][0]["text"] == "warning | gate-3f2a9c1d | degraded-77aa"


def _unescape(shown: str) -> str:
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
