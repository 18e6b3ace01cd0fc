"""The rules, the code that follows them and the tests that hold them name each other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pytest

from deploy.bundle import bundle_of
from tests.deploy.world import manifest

ROOT = Path(__file__).resolve().parents[2]
RULES = (ROOT / "shared/core/RULES.md").read_text(encoding="utf-8")
RULE = r"(?:R|D|T|A)\d{1,2}"
SECTION = r"\d{1,2}"
# `behaviour R6`, `(behaviour T1, T7, 9)`, `behaviour R1 to R4`, or rules alone in brackets: `(T5)`.
CITATION = re.compile(
    rf"behaviour ((?:{RULE}|{SECTION})(?:(?:, | to | and )(?:{RULE}|{SECTION}))*)|\(({RULE}(?:, {RULE})*)\)"
)
# Lines of tests name rules without the word before them: `TABLE_OF_R6`, "D3: marked before the broker answered".
# `A2_unknown_names` is the name of an incident.
LOOSE = re.compile(rf"(?<![A-Za-z0-9]){RULE}(?![A-Za-z0-9_])")
HEADING = re.compile(rf"^### ({RULE}) ", re.MULTILINE)
SECTIONS = frozenset(re.findall(rf"^## ({SECTION})\. ", RULES, re.MULTILINE))
DEFINED = frozenset(HEADING.findall(RULES))
NOT_BUILT = frozenset(re.findall(RULE, (re.findall(r"<!-- not built: (.*) -->", RULES) or [""])[0]))


def cited(text: str) -> set[str]:
    """Return the rules and sections that a text cites, the ends of a range included."""
    citations = set[str]()
    for after_word, alone in CITATION.findall(text):
        citations |= set(re.findall(rf"{RULE}|\b{SECTION}\b", after_word or alone))
    return citations


def texts(*folders: str) -> Iterable[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__).resolve():
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@lru_cache
def by_code() -> set[str]:
    """Return what the code of the functions cites; what plays and judges nights is no part of it."""
    parts = ("shared/core", "shared/app", "shared/adapters", "shared/cli", "shared/entrypoints", "deploy")
    files = [*texts(*parts), ("shared/runtime.py", (ROOT / "shared/runtime.py").read_text(encoding="utf-8"))]
    return {rule for _, text in files for rule in ranged(text)}


def ranged(text: str) -> set[str]:
    """Return what a text cites, every rule of a range included."""
    citations = cited(text)
    for kind, first, last in re.findall(r"\b([RDTA])(\d+) to [RDTA](\d+)\b", text):
        citations |= {f"{kind}{number}" for number in range(int(first), int(last) + 1)}
    return citations


@lru_cache
def by_tests() -> set[str]:
    return {rule for _, text in texts("tests") for rule in LOOSE.findall(text)}


def test_the_rules_are_numbered_without_a_gap() -> None:
    """R1 to R13, D1 to D13, T1 to T12 and A1 to A5 stand here, each once, under sections 1 to 14."""
    assert sorted(HEADING.findall(RULES)) == sorted(DEFINED)
    for kind, last in {"R": 13, "D": 13, "T": 12, "A": 5}.items():
        assert {rule for rule in DEFINED if rule[0] == kind} == {f"{kind}{number}" for number in range(1, last + 1)}
    assert frozenset(map(str, range(1, 15))) == SECTIONS


def test_every_citation_has_its_rule() -> None:
    """What code or a test cites is a rule or a section of this file."""
    wrong = [(name, rule) for name, text in texts("shared", "deploy", "functions", "tests")
             for rule in sorted(cited(text)) if rule not in DEFINED | SECTIONS]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("rule", sorted(DEFINED - NOT_BUILT))
def test_a_rule_is_cited_by_code_and_by_a_test(rule: str) -> None:
    """A rule that nothing follows, or that no test holds, is a wish."""
    assert rule in by_code()
    assert rule in by_tests()


def test_the_list_of_rules_not_built_becomes_shorter_only() -> None:
    """A rule that code and a test cite is built, so it is not listed; what is listed is a rule."""
    assert NOT_BUILT <= DEFINED
    assert NOT_BUILT & by_code() & by_tests() == set()
    for rule in DEFINED:
        text = RULES.split(f"### {rule} ", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
        assert ("Not built yet." in text) is (rule in NOT_BUILT), rule
        assert ("Decided in: " in text) is (rule not in NOT_BUILT), rule


def test_where_a_rule_is_decided_is_a_file() -> None:
    """Each module that the rules name exists."""
    lines = [line for line in RULES.splitlines() if line.startswith("Decided in: ")]
    named = {name for line in lines for name in re.findall(r"`(.+?)`", line)}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_no_bundle_carries_the_rules() -> None:
    """A change of words is no reason to deploy."""
    for function in manifest().functions.values():
        assert [name for name in bundle_of(function).files if name.endswith(".md")] == []


def test_citations_are_read_as_they_are_written() -> None:
    """Every form that the code uses is understood, and numbers that cite nothing are not."""
    assert cited("(behaviour T1, T7, 9)") == {"T1", "T7", "9"}
    assert ranged("(behaviour R1 to R4)") == {"R1", "R2", "R3", "R4"}
    assert cited("closed (T5). In 48 h, see `behaviour R6`") == {"T5", "R6"}
    assert cited("5 failures in 60 s, D12 alone") == set()
