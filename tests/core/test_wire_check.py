"""What a dialect and known names are refused for when the policy is loaded, by file, key, line and hint (R8, R9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from tests.policy_files import edit, production, refusal, write

# changes, key, part of the reason, part of the hint
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a key that there is not": (
        {"wire/recrods": ["rows"]}, "wire.recrods", "there is no such key", "did you mean records?",
    ),
    "a place below a single value": (
        {"wire/records": ["record_count.total"]},
        "wire.records[0]", "no message has a field record_count.total", "write record_count",
    ),
    "a place below a date": (
        {"phases/phase6/wire/date": ["game_date.day"]},
        "phases.phase6.wire.date[0]", "no message has a field game_date.day", "write game_date",
    ),
    "an object for a value": (
        {"wire/cause": ["metadata"]}, "wire.cause[0]", "metadata is an object", "a field of it",
    ),
    "a flag for a number": (
        {"wire/records": ["metadata.is_incremental"]}, "wire.records[0]", "is a yes or a no", "what is meant",
    ),
    "a place listed twice": (
        {"wire/date": ["target_date", "target_date"]}, "wire.date[1]", "target_date is listed twice", "keep one",
    ),
    "a path that is none": (
        {"wire/date": ["target..date"]}, "wire.date[0]", "expected a field of the message", "target_date",
    ),
    "no place at all": ({"wire/date": []}, "wire.date", "is empty", "at least one"),
    "a place that is no list": ({"wire/date": "target_date"}, "wire.date", "expected a list", "in brackets"),
    "an outcome that is none of ours": (
        {"phases/phase6/wire/outcomes": {"done": "succes"}},
        "phases.phase6.wire.outcomes.done", "got 'succes'", "did you mean success?",
    ),
    "an outcome that nobody says": (
        {"phases/phase6/wire/outcomes": {"done": "inferred"}},
        "phases.phase6.wire.outcomes.done", "inferred is what nobody says", "one of",
    ),
    "a word for a date that is no number of days": (
        {"phases/phase6/wire/date_words": {"today": "0"}},
        "phases.phase6.wire.date_words.today", "expected days from the day of publication", "such as",
    ),
    "a zone of words that is none": (
        {"phases/phase6/wire/date_words_zone": "utc"}, "phases.phase6.wire.date_words_zone", "got 'utc'", "UTC",
    ),
    "a word of another phase": (
        {"phases/phase4/wire/phase": ["phase_3_analytics"]},
        "phases.phase4.wire.phase", "phase_3_analytics means phase3 too", "one of the two",
    ),
    "the name of another phase": (
        {"phases/phase4/wire/phase": ["phase3"]}, "phases.phase4.wire.phase", "phase3 is another phase", "this one",
    ),
    "a known name that is expected": (
        {"phases/phase3/known": ["DefenseZoneAnalyticsProcessor", "player_game_summary"]},
        "phases.phase3.known[1]", "player_game_summary is a name of player_game_summary", "take it from known",
    ),
    "a known name that is an alias": (
        {"phases/phase2/known": ["NbacGamebookProcessor"]},
        "phases.phase2.known[0]", "is a name of p2_nbacom_gamebook_pdf, which is expected", "aliases",
    ),
    "a known name that is a class form": (
        {"phases/phase2/known": ["AsyncNbacGamebookBatchProcessor"]},
        "phases.phase2.known[0]", "is a name of p2_nbacom_gamebook_pdf", "aliases",
    ),
    "a known name listed twice": (
        {"phases/phase3/known": ["A", "A"]}, "phases.phase3.known[1]", "A is listed twice", "another one",
    ),
    "a known name that is foreign": (
        {"phases/phase3/known": ["MlbScores"]}, "phases.phase3.known[0]", "MlbScores is foreign by Mlb*", "not both",
    ),
    "everybody is known": ({"phases/phase3/known": ["*"]}, "phases.phase3.known[0]", "expected a name", "Kalshi*"),
    "everybody is foreign": ({"wire/foreign": ["**"]}, "wire.foreign[0]", "expected a name", "Kalshi*"),
    "a processor of ours is foreign": (
        {"wire/foreign": ["player_*"]}, "wire.foreign[0]", "takes in player_", "more of the name",
    ),
    "everything is ignored": (
        {"wire/ignore": [{"lacks": ["processor_name"]}]}, "wire.ignore[0]", "all messages would be ignored", "in has",
    ),
    "there and not there": (
        {"wire/ignore": [{"has": ["x"], "lacks": ["x"]}]}, "wire.ignore[0].lacks", "x cannot be there", "in one of",
    ),
    "a rehearsal without a field": (
        {"wire/rehearsal": {}}, "wire.rehearsal.field", "is missing", "a field of the message",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_dialect_that_cannot_be_meant_is_refused(case: str, tmp_path: Path) -> None:
    """With the key as the file has it, wherever the phase got it from, what is wrong, and what to do."""
    changes, key, reason, hint = REFUSED[case]
    error = refusal(tmp_path, changes, production())
    assert (error.key, reason in error.reason, hint in error.hint) == (key, True, True), error


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("date_words: {today: 0, tomorrow: 1}", "date_words: {today: 0, today: 1}", 8, "is given twice"),
        ('{"0": success, "4": partial', '{"0": success, "0": partial', 10, "is given twice"),
        ('    known: ["CALIBRATE*"]', '    known: ["CALIBRATE*", RDNGS]', 23, "RDNGS is a name of readings"),
        ("  ended: [END]", "  ended: [END, END]", 11, "END is listed twice"),
        ("  status: [RC]", "  sattus: [RC]", 9, "there is no such key"),
        ("required: [readings]", "required: [reading]", 39, "reading is no processor"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, line: int, says: str, tmp_path: Path) -> None:
    """A word mapped twice, a known name that is expected, a slip in a key: the line is that of the file."""
    text = (Path(__file__).parents[1] / "pipelines" / "tides.yaml").read_text()
    assert text.count(old) == 1
    file = tmp_path / "tides.yaml"
    file.write_text(text.replace(old, new))
    assert new in file.read_text().splitlines()[line - 1]
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert says in str(caught.value)
    assert f"(line {line})" in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_phase_lays_its_words_over_the_pipelines_key_by_key(tmp_path: Path) -> None:
    """What a phase does not name is the pipeline's; null takes a key back; the rest is R3."""
    changes: dict[str, Any] = {
        "wire/outcomes": {"OK": "success"}, "wire/date_words": {"now": 0},
        "phases/phase6/wire": {"outcomes": {"done": "success"}, "date_words": None, "foreign": None},
    }  # fmt: skip
    policy = load_policy(write(tmp_path, edit(production(), changes)))
    over, under = policy.phases["phase6"].wire, policy.phases["phase3"].wire
    assert (dict(over.outcomes), dict(under.outcomes)) == ({"done": "success"}, {"OK": "success"})
    assert (dict(over.date_words), dict(under.date_words)) == ({}, {"now": 0})
    assert (over.foreign, under.foreign) == ((), ("Mlb*",))
    assert over.date == under.date == (("game_date",), ("target_date",))
    assert over.status == (("status",),)


def test_an_old_policy_loads_as_before() -> None:
    """The first state of the policy says nothing of a dialect: R3 as it stands."""
    policy = load_policy(Path(__file__).parents[1] / "pipeline" / "nba.yaml")
    assert {phase.wire.date for phase in policy.phases.values()} == {(("game_date",),)}
    assert {phase.known for phase in policy.phases.values()} == {()}
