"""What a page says, read from its HTML as a person reads it: never from the values that it was drawn from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Stand:
    """What one cell of the days says: its word, the time beside it, and its notes."""

    word: str = ""
    time: str = ""
    at: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class Pass:
    """One row of the days."""

    day: str
    name: str
    link: str = ""
    cells: dict[str, Stand] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return next((cell.word for label, cell in self.cells.items() if not label), "")


class Days(HTMLParser):
    """The table of days; ``passes`` holds its rows, ``alerts`` the texts of the open alerts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.passes: list[Pass] = []
        self._day = self._into = ""
        self._texts: list[str] = []
        self._table = False
        self._stand: Stand | None = None
        self.feed(html)

    def of(self, day: str, name: str) -> Pass:
        [row] = [row for row in self.passes if (row.day, row.name) == (day, name)]
        return row

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kind = given.get("class", "")
        if tag == "table":
            self._table = kind == "cards days"
        if not self._table:
            return
        if tag == "th" and kind in ("day", "pass") and given.get("scope") != "col":
            self._begin(kind)
        elif tag == "a" and self._into == "pass":
            self.passes[-1].link = given["href"]
        elif tag == "td":
            self._stand = Stand()
            self.passes[-1].cells[given.get("data-label", "")] = self._stand
        elif tag == "span" and kind.startswith("w "):
            self._begin("word")
        elif tag == "span" and self._into in ("day", "pass"):
            self._end()
        elif tag == "time" and self._stand is not None:
            self._stand.at = given["datetime"]
            self._begin("time")
        elif tag == "li":
            self._begin("note")

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self._into == "word" and re.sub(r"\W", "", "".join(self._texts)) == "":
            return  # the sign in front of the word
        if tag in ("th", "span", "time", "li"):
            self._end()

    def handle_data(self, data: str) -> None:
        if self._into:
            self._texts.append(data)

    def _begin(self, what: str) -> None:
        self._end()
        self._into = what
        if what == "pass":
            self.passes.append(Pass(self._day, ""))

    def _end(self) -> None:
        text = re.sub(r"\s+", " ", "".join(self._texts)).strip()
        if self._into == "day":
            self._day = text
        elif self._into == "pass":
            self.passes[-1].name = text
        elif self._stand is not None and self._into == "word":
            self._stand.word = text.lstrip("✓…!✕○ ")
        elif self._stand is not None and self._into == "time":
            self._stand.time = text
        elif self._stand is not None and self._into == "note":
            self._stand.notes.append(text)
        self._into, self._texts = "", []
