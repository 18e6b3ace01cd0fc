"""The drawing of a run beside other nights: every value in its place, in words too, at every width (behaviour T12)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from shared.adapters.page.layout import LAYOUTS
from shared.adapters.page.usual_svg import usual_drawings
from shared.core.learning.anomaly import Band, Learning
from shared.core.reporting.usual_lines import UsualLine

LINES = (
    UsualLine("phase4", rows=False, value=1200, band=Band(0, 480, 960, 30), running=True),
    UsualLine("player_game_summary", rows=True, value=224, band=Band(150, 224, 334, 30)),
    UsualLine("a_processor_with_a_very_long_name_of_its_own", rows=True, value=9000, band=Band(100, 150, 225, 30)),
    UsualLine("phase5", rows=False, value=300, band=Learning(5, 14)),
    UsualLine("absent", rows=True, value=None, band=Band(1, 2, 3, 30)),
)
RUN = "nba/2026-03-10/overnight"


def drawn() -> list[ElementTree.Element]:
    drawings = usual_drawings(LINES, RUN)
    assert drawings is not None
    return list(ElementTree.fromstring(f"<all>{drawings}</all>"))  # noqa: S314 - our own drawing


def test_there_is_one_drawing_for_each_width_and_nothing_lies_outside() -> None:
    drawings = drawn()
    assert [svg.attrib["class"] for svg in drawings] == [layout.name for layout in LAYOUTS]
    for svg, layout in zip(drawings, LAYOUTS, strict=True):
        for bar in svg.iter("rect"):
            assert float(bar.attrib["x"]) >= 0
            assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= layout.width
        for text in svg.iter("text"):
            x, width = float(text.attrib["x"]), len(text.text or "") * layout.character
            left = {"end": x - width, "middle": x - width / 2}.get(text.attrib.get("text-anchor", ""), x)
            assert left >= 0, text.text
            assert left + width <= layout.width, text.text


def test_only_what_can_be_compared_is_drawn_and_said() -> None:
    for svg in drawn():
        words = " ".join(svg.itertext())
        assert "phase4: 20 min so far, usually 8 min, up to 16 min" in words
        assert "player_game_summary: 224 rows, usually 224, 150 to 334" in words
        assert "phase5" not in words
        assert "absent" not in words


def test_a_value_outside_is_drawn_as_a_lozenge() -> None:
    """A lozenge outside, a circle within: shapes say what colours say."""
    [wide, *_] = drawn()
    marks = [mark for mark in wide.iter("g") if "mark" in mark.attrib.get("class", "")]
    assert [mark.attrib["class"] for mark in marks] == ["mark notice", "mark good", "mark notice"]
    assert [len(list(mark.iter("circle"))) for mark in marks] == [0, 1, 0]
    assert [len(re.findall("path", ElementTree.tostring(mark).decode())) > 0 for mark in marks] == [True, False, True]


def test_with_nothing_to_compare_there_is_no_drawing() -> None:
    assert usual_drawings(LINES[3:], RUN) is None
