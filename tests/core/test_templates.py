"""Templates of bodies: a lone template keeps its type, unknown ones are found, and what does not fit is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.templates import NAMES, Flaw, flaws, names, render, unfit

VALUES = {"game_date": "2026-03-10", "mode": "overnight", "generation": 2, "starts:class": ["A", "B"]}


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("{game_date}", "2026-03-10"),
        ("{generation}", 2),
        ("{starts:class}", ["A", "B"]),
        ("{mode} of {game_date}", "overnight of 2026-03-10"),
        ("for {starts:class}", "for A,B"),
        ({"a": ["{mode}", 1, None]}, {"a": ["overnight", 1, None]}),
        (False, False),
        ("no {Template} at all", "no {Template} at all"),
    ],
)
def test_render(value: Any, rendered: Any) -> None:
    """One template alone keeps its type; inside a text it becomes text; all else is as written."""
    assert render(value, VALUES) == rendered


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc 1:"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab"), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_what_has_no_template_is_rendered_as_it_is(value: Any) -> None:
    """Nothing but braces is read."""
    assert render(value, {}) == value
    assert list(flaws(value, ())) == []


@given(st.lists(st.sampled_from(sorted(NAMES)), max_size=4))
def test_every_name_that_is_known_renders(chosen: list[str]) -> None:
    """What load accepts, dispatch can render."""
    body = {"each": [f"{{{name}}}" for name in chosen], "all": " ".join(f"{{{name}}}" for name in chosen)}
    assert list(flaws(body, NAMES)) == []
    assert names(body) == frozenset(chosen)
    assert render(body, {name: name for name in chosen})["each"] == chosen


def test_an_unknown_template_is_named_with_its_place() -> None:
    """Misspelt, in capitals, empty: each is refused where it is."""
    body = {"a": "{game_day}", "b": {"c": ["x", "{Mode}"]}, "d": "{}"}
    assert list(flaws(body, NAMES)) == [
        Flaw(("a",), "template {game_day} is unknown"),
        Flaw(("b", "c", "1"), "template {Mode} is unknown"),
        Flaw(("d",), "template {} is unknown"),
    ]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["x"], ["", None, 1]),
        ("date", ["2026-03-10"], ["2026-3-10", "20260310", "yesterday", None]),
        ("integer", [0, 7], [True, 1.5, "1"]),
        ("number", [1, 1.5], [False, "1"]),
        ("flag", [True, False], [0, "true", None]),
        ("list", [[], ["a"]], ["a", None]),
        ("object", [{}], [[], None]),
    ],
)
def test_a_contract_says_what_does_not_fit(kind: str, good: list[Any], bad: list[Any]) -> None:
    """Each kind takes its own and nothing else; what is not there is missing."""
    assert [value for value in good if unfit({"x": value}, {"x": kind})] == []
    assert [value for value in bad if not unfit({"x": value}, {"x": kind})] == []
    assert unfit({}, {"x": kind}) == ["x is missing"]
