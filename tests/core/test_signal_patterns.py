"""Patterns of names end in time, or are refused when the policy is loaded (behaviour R13)."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.name_patterns import LONGEST, SHORTEST, name_pattern

ENDLESS = [
    "re: " + ".{0,64}" * 6 + "x",
    "re: " + "(a{0,20})" * 8 + "x",
    "re: " + "a?" * 8 + ".*.*.*x",
    "re: " + "(a|a)" * 28 + "x",
    "re: " + "(?:a|ab|b)" * 28 + "x",
    "re: " + "a?" * 28 + "x",
    "re: " + "(a)?" * 28 + "x",
    "re: .*.*.*" + "a" * 400 + "x",
    "re: (?:.*.*){2}x",
    "re: (?:(?:ab){99}){99}",
    "re: (?:(?:a?){9}){9}x",
]
SOUND = [
    "re: .*/dt=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/.*",
    "re: raw_(?P<date>[0-9]{8})[.]csv",
    "re: (?:[0-9]{2}-){3}[a-z]*",
    "re: (foo|bar|baz)_(?P<date>[0-9]{8})(?:_v[0-9]+)?[.](csv|json)(?:[.]gz)?",
    "re: .*a.*b.*c",
    "re: .*.*.*x",
    "re: .*+x",
    "re: [^/]*-[^/]*-[^/]*-x",
    "**/{a}_{b}_x",
    "{a}_{b}_{c}/{d}_{e}_{f}/{g}_{h}_{i}/x",
]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_an_expression_with_too_many_ways_is_refused(pattern: str) -> None:
    """Every repeat of a varying number and every choice counts, however small it is."""
    with pytest.raises(ValueError, match=r"end in time|too many parts|no bound"):
        name_pattern(pattern)


@pytest.mark.parametrize("pattern", SOUND)
def test_what_is_taken_ends_within_a_second_for_every_text(pattern: str) -> None:
    """The longest texts that it is asked about, each of which nearly matches."""
    taken = name_pattern(pattern)
    assert SHORTEST <= taken.longest <= LONGEST
    for text in ("a", "_", "-", "ab", "a_", "abc", "a_/", "x", "/dt=2026-01-21/", "a" * 90 + "b" * 90 + "c" * 90):
        near = (text * LONGEST)[: taken.longest - 1] + "~"
        began = time.process_time()
        taken.match(near)
        assert time.process_time() - began < 1, text


def test_repeats_of_a_fixed_number_have_a_bound() -> None:
    """A date in its digits is one way to match, so a Hive path is matched up to the longest name there is."""
    pattern = name_pattern("re: .*/dt=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/.*")
    assert pattern.longest == LONGEST
    assert pattern.match("lake/dt=2026-01-21/part-0.parquet") == {"date": "2026-01-21"}


def test_parts_of_a_path_are_matched_apart() -> None:
    """What a part of a path matches is the same as without the bound, whichever of its ways is the first."""
    pattern = name_pattern("in/{a}_{b}/{date}{kind}/*.csv")
    assert pattern.match("in/x_y_z/20260121odds/p.q.csv") == {
        "a": "x", "b": "y_z", "date": "20260121", "kind": "odds",
    }  # fmt: skip
    assert pattern.match("in/x_y_z/20260121odds/p/q.csv") is None


@given(st.lists(st.sampled_from(["{}", "*", "{date}", "a", "_", "-", "/"]), min_size=1, max_size=9), st.data())
def test_parts_apart_match_as_one_expression_would(parts: list[str], data: st.DataObject) -> None:
    """Leaving each part of a path in one way only loses no name: the same texts match, by the same parts."""
    written = "".join(f"{{n{at}}}" if part == "{}" else part for at, part in enumerate(parts))
    try:
        pattern = name_pattern(written)
    except ValueError:
        return
    text = "".join(data.draw(st.sampled_from([part, "a", "_a", "20260121", "a/"])) for part in parts)
    plain = re.compile(pattern.expression.pattern.replace("(?>", "(?:"), re.DOTALL).fullmatch(text)
    expected = None if plain is None else {name: part for name, part in plain.groupdict().items() if part}
    assert pattern.match(text) == expected
