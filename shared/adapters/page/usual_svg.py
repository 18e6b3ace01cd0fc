"""What a run has beside what is usual, as SVG: each value as a ratio to the usual one, on one axis for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from typing import TYPE_CHECKING

from shared.adapters.page.layout import LAYOUTS, Layout
from shared.adapters.page.rows import marker
from shared.core.learning.anomaly import Band
from shared.core.reporting.page import Tone
from shared.core.reporting.usual_lines import UsualLine

if TYPE_CHECKING:
    from markupsafe import Markup

# From a quarter of the usual value to eight times as much; what lies beyond is drawn at the edge.
LEAST, MOST = -2.0, 3.0
TICKS = ((-1.0, "half"), (0.0, "usual"), (1.0, "2 x"), (2.0, "4 x"))
AXIS, GAP, BESIDE, HIGH = 30.0, 8.0, 190.0, 12.0


def usual_drawings(lines: Sequence[UsualLine], run: str) -> Markup | None:
    """Return the drawing for each width of a screen, of which CSS shows one; None where there is nothing to compare."""
    from markupsafe import Markup

    drawn = [line for line in lines if line.value is not None and isinstance(line.band, Band)]
    return Markup("").join(_drawing(drawn, run, layout) for layout in LAYOUTS) if drawn else None


def _drawing(lines: Sequence[UsualLine], run: str, layout: Layout) -> Markup:
    from markupsafe import Markup

    bottom = AXIS + layout.row * len(lines) + GAP
    parts = list(_axis(layout, bottom))
    for place, line in enumerate(lines):
        parts += _row(line, layout, AXIS + layout.row * place)
    description = "; ".join(described(line) for line in lines)
    return Markup(
        '<svg class="{n}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-labelledby="title-{i} desc-{i}">'
        '<title id="title-{i}">{r} beside other nights</title><desc id="desc-{i}">{t}</desc>{p}</svg>'
    ).format(
        n=layout.name, w=layout.width, h=bottom, i=f"usual-{run.replace('/', '-')}-{layout.name}", r=run, t=description,
        p=Markup("").join(parts),
    )  # fmt: skip


def described(line: UsualLine) -> str:
    """Return a value beside what is usual, in words."""
    assert isinstance(line.band, Band)
    assert line.value is not None
    value, band = line.text(line.value), line.band
    unit = " rows" if line.rows else " so far" if line.running else ""
    lowest = f"{line.text(band.low)} to " if band.low else "up to "
    return f"{line.name}: {value}{unit}, usually {line.text(band.usual)}, {lowest}{line.text(band.high)}"


def _x(layout: Layout, ratio: float) -> float:
    """Return the place of a ratio to the usual value."""
    power = LEAST if ratio <= 0 else min(max(log2(ratio), LEAST), MOST)
    right = layout.right if layout.stacked else BESIDE
    return round(layout.left + (power - LEAST) / (MOST - LEAST) * (layout.width - layout.left - right), 1)


def _axis(layout: Layout, bottom: float) -> Iterator[Markup]:
    from markupsafe import Markup

    for power, label in TICKS:
        x = _x(layout, 2.0**power)
        kind = "rule" if power == 0 else "grid"
        yield Markup('<line class="{k}" x1="{x}" x2="{x}" y1="22" y2="{y}"/>').format(k=kind, x=x, y=bottom - GAP)
        yield Markup('<text class="soft" x="{x}" y="16" text-anchor="middle">{t}</text>').format(x=x, t=label)


def _row(line: UsualLine, layout: Layout, top: float) -> Iterator[Markup]:
    """Yield the name, the band as a bar, the usual value as a stroke, tonight's as a mark, and its words."""
    from markupsafe import Markup

    assert isinstance(line.band, Band)
    assert line.value is not None
    y, band = layout.mark_y(top), line.band
    begin, middle, end = (_x(layout, value / band.usual) for value in (band.low, band.usual, band.high))
    yield Markup('<text class="name" x="{x}" y="{y}">{t}</text>').format(
        x=8 if layout.stacked else 20, y=layout.text_y(top), t=layout.short(line.name)
    )
    yield Markup(
        '<g><title>{t}</title><rect class="window" x="{a}" y="{y}" width="{w:.1f}" height="{h}" rx="3"/>'
        '<line class="now" x1="{m}" x2="{m}" y1="{y}" y2="{b}"/></g>'
    ).format(t=described(line), a=begin, y=y - HIGH / 2, w=end - begin, h=HIGH, m=middle, b=y + HIGH / 2)
    yield marker(_x(layout, line.value / band.usual), y, line.tone, described(line))
    value, tone = line.text(line.value), "" if line.tone is Tone.GOOD else f" {line.tone.value}"
    words = value if layout.stacked else f"{value}, usually {line.text(band.usual)}"
    place = (layout.width - 4, "end") if layout.stacked else (layout.width - BESIDE + 12, "start")
    yield Markup('<text class="tag{c}" x="{x}" y="{y}" text-anchor="{a}">{t}</text>').format(
        c=tone, x=place[0], y=layout.text_y(top), a=place[1], t=words
    )
