"""Documents and code are in plain English: words that CONTRIBUTING.md gives better ones for are not used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ".github/CONTRIBUTING.md"
ROW = re.compile(r"^\| (?!not |---)([^|]+) \| [^|]+ \|$", re.MULTILINE)
# Still to be rewritten: a file leaves this list when it holds none of the words.
TO_REWRITE = frozenset[str]()


def banned(page: str) -> list[str]:
    """Return the phrases of the left column of the page's word list."""
    return [phrase.strip() for row in ROW.findall(page) for phrase in row.split(",")]


def used(text: str, phrases: list[str]) -> list[str]:
    """Return the phrases that a text uses, whole words in any case, also across the end of a line."""
    flat = " ".join(text.split())
    return [phrase for phrase in phrases if re.search(rf"\b{re.escape(phrase)}\b", flat, re.IGNORECASE)]


PHRASES = banned((ROOT / PAGE).read_text(encoding="utf-8"))
FOLDERS = (".", ".github", "bin", "config", "deploy", "functions", "shared", "tests")
DOCUMENTS = sorted(
    {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in ((ROOT / folder).glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
    }
    - {PAGE}
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_uses_plain_words(name: str) -> None:
    """No phrase of the left column is used; a file that uses none is not listed as still to be rewritten."""
    phrases = used((ROOT / name).read_text(encoding="utf-8"), PHRASES)
    if name in TO_REWRITE:
        assert phrases != [], f"{name} is rewritten: take it out of TO_REWRITE"
    else:
        assert phrases == []


CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("bin", "deploy", "functions", "shared", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix == ".py" or (path.parent == ROOT / "bin" and path.is_file())
)
# Its own examples.
EXAMPLES = "tests/tooling/test_words.py"


def test_code_uses_plain_words() -> None:
    """Neither do docstrings, comments, texts and names of the code."""
    assert len(CODE) > 500
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in CODE if name != EXAMPLES}
    assert {name: phrases for name, text in texts.items() if (phrases := used(text, PHRASES))} == {}


def test_only_documents_are_listed() -> None:
    """A file that is gone is no longer to be rewritten."""
    assert set(DOCUMENTS) >= TO_REWRITE


def test_the_word_list_is_read() -> None:
    """The table has its rows, and a phrase is found whole, in any case, across lines, and nowhere inside a word."""
    assert {"what leaves", "also if", "reckon"} <= set(PHRASES)
    assert used("Also\nif it rains, this is What leaves.", PHRASES) == ["what leaves", "also if"]
    assert used("recommended amendments", PHRASES) == []
