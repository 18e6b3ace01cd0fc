"""The three widths that a drawing is made for. CSS shows one of them, so that no text on a screen is below 11 px."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a drawing are, in units that are drawn as one pixel or little less or more.

    Time runs from ``left`` to ``right`` before the end of the width. ``row`` is the height of a row, ``head`` that of
    the head of a transition, whose times are labelled from ``labels`` on; ``character`` is the width of a letter.
    ``stacked`` drawings have names above the lines, for there is no room beside them.
    """

    name: str
    width: float
    left: float
    right: float
    row: float
    head: float
    labels: float
    ticks: int
    character: float
    longest_name: int
    stacked: bool = False

    def text_y(self, top: float) -> float:
        """Return the baseline of the words of a row."""
        return top + (14 if self.stacked else self.row / 2 + 4)

    def mark_y(self, top: float) -> float:
        """Return where the marks of a row are."""
        return top + (27 if self.stacked else self.row / 2)

    def short(self, name: str) -> str:
        """Return a name as long as there is room for."""
        return name if len(name) <= self.longest_name else name[: self.longest_name - 1] + "…"


WIDE = Layout("wide-drawing", 1000, 236, 24, 21, 46, 18, 9, 6.6, 31)
MEDIUM = Layout("medium-drawing", 680, 226, 20, 21, 46, 18, 5, 6.6, 29)
NARROW = Layout("narrow-drawing", 340, 8, 12, 38, 76, 52, 3, 7.6, 24, stacked=True)
LAYOUTS = (WIDE, MEDIUM, NARROW)
