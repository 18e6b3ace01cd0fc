"""The plots of weeks of validation as SVG: health by day, the worst result of each check and day, failures by hour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared.adapters.page.layout import LAYOUTS, Layout
from shared.core.validation.checks import Status
from shared.core.validation.recurrence import Analysis, Count

if TYPE_CHECKING:
    from markupsafe import Markup

LEFT, RIGHT = 44.0, 12.0
# Whoever does not tell the colours apart tells the letters apart.
_LETTERS = {Status.FAIL: "F", Status.WARN: "w", Status.ERROR: "?"}
# A cell that is narrower has no room for its letter.
_LETTER_WIDTH = 11


def health_plots(analysis: Analysis) -> Markup:
    """Return how health moves, for each width of a screen."""
    return _for_each_width(lambda layout: _health(analysis, layout))


def grids(analysis: Analysis) -> Markup | None:
    """Return the worst result of each check and day, for each width; None where nothing warned or failed."""
    checks = [history.check for history in analysis.recurring]
    checks += [history.check for history in analysis.histories if history.errors and history.check not in checks]
    return _for_each_width(lambda layout: _grid(analysis, checks, layout)) if checks else None


def hour_plots(analysis: Analysis) -> Markup:
    """Return what failed and warned by hour, for each width."""
    return _for_each_width(lambda layout: _hours(analysis, layout))


def lowest(analysis: Analysis) -> int:
    """Return where the axis begins: low enough for every day, and no lower than that by much."""
    healths = [count.health for count in analysis.days.values() if count.health is not None]
    return min(75, 25 * int(min(healths, default=0) // 25))


def _for_each_width(plot: Callable[[Layout], Markup]) -> Markup:
    from markupsafe import Markup

    return Markup("").join(plot(layout) for layout in LAYOUTS)


def _svg(layout: Layout, height: float, label: str, parts: Iterable[Markup]) -> Markup:
    from markupsafe import Markup

    return Markup('<svg class="{n}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-label="{l}">{p}</svg>').format(
        n=layout.name, w=layout.width, h=height, l=label, p=Markup("").join(parts)
    )


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "soft") -> Markup:
    from markupsafe import Markup

    return Markup('<text class="{k}" x="{x:.1f}" y="{y:.1f}" text-anchor="{a}">{t}</text>').format(
        k=kind, x=x, y=y, a=anchor, t=text
    )


def _rule(layout: Layout, y: float) -> Markup:
    from markupsafe import Markup

    return Markup('<line class="grid" x1="{a}" x2="{b}" y1="{y:.1f}" y2="{y:.1f}"/>').format(
        a=LEFT, b=layout.width - RIGHT, y=y
    )


def _all_days(analysis: Analysis) -> list[date]:
    return [analysis.first + timedelta(days=n) for n in range((analysis.last - analysis.first).days + 1)]


def _health(analysis: Analysis, layout: Layout) -> Markup:
    from markupsafe import Markup

    top, high, low = 12, 180, lowest(analysis)
    step = (layout.width - LEFT - RIGHT) / len(_all_days(analysis))

    def x(day: date) -> float:
        return LEFT + ((day - analysis.first).days + 0.5) * step

    def y(value: float) -> float:
        return top + high * (1 - (value - low) / (100 - low))

    parts: list[Markup] = []
    for value in range(low, 101, 25 if low < 75 else 5):
        parts += [_rule(layout, y(value)), _text(LEFT - 8, y(value) + 4, str(value), "end")]
    means, free = [], 0.0
    for week, count in analysis.weeks.items():
        if count.health is None:
            continue
        begin, end = x(max(week, analysis.first)) - step / 2, x(min(week + timedelta(days=6), analysis.last)) + step / 2
        means += [(begin, y(count.health)), (end, y(count.health))]
        label = f"{max(week, analysis.first):%d %b}"
        if begin >= free and begin + len(label) * layout.character <= layout.width:
            parts.append(_text(begin, top + high + 18, label))
            free = begin + (len(label) + 1) * layout.character
    line = " ".join(f"{across:.1f},{down:.1f}" for across, down in means)
    parts.append(Markup('<polyline class="health" points="{}"/>').format(line))
    parts += [
        Markup('<circle class="health" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>').format(
            x(day), y(count.health), f"{day}: {count.health:.1f}, {count.failed} failed"
        )
        for day, count in analysis.days.items()
        if count.health is not None
    ]
    spoken = ", ".join(f"{week}: {c.health:.0f}" for week, c in analysis.weeks.items() if c.health is not None)
    return _svg(layout, top + high + 26, f"Health by week: {spoken}", parts)


def _grid(analysis: Analysis, checks: list[str], layout: Layout) -> Markup:
    days = _all_days(analysis)
    left = layout.left if layout.stacked else max(layout.left, 230.0)
    step, row = (layout.width - left - RIGHT) / len(days), 42 if layout.stacked else 21
    every = max(1, round(64 / step))
    parts = [
        _text(left + n * step, 13, f"{day:%d %b}")
        for n, day in enumerate(days)
        if n % every == 0 and left + n * step < layout.width - 50
    ]
    for place, check in enumerate(checks):
        y = 21.0 + place * row
        if layout.stacked:
            parts.append(_text(left, y + 15, check, kind="name"))
        else:
            parts.append(_text(left - 10, y + 14, check, "end", "name"))
        for n, day in enumerate(days):
            status = analysis.cells.get((check, day))
            if status is not None:
                at = y + 20 if layout.stacked else y
                parts += _cell(left + n * step, at, step, status, f"{check}, {day}: {status}")
    return _svg(layout, 26 + len(checks) * row, "The worst result of each check and day: " + ", ".join(checks), parts)


def _cell(x: float, y: float, step: float, status: Status, title: str) -> Iterator[Markup]:
    from markupsafe import Markup

    width = max(step - 2, 1.5)
    yield Markup(
        '<rect class="result {s}" x="{x:.1f}" y="{y}" width="{w:.1f}" height="18" rx="2"><title>{t}</title></rect>'
    ).format(s=status.value.lower(), x=x, y=y, w=width, t=title)
    letter = _LETTERS.get(status, "")
    if letter and step >= _LETTER_WIDTH:
        yield _text(x + width / 2, y + 14, letter, "middle", "letter")


def _hours(analysis: Analysis, layout: Layout) -> Markup:
    top, high = 18, 150
    most = max((count.failed + count.warned for count in analysis.hours.values()), default=0) or 1
    left = layout.left if layout.stacked else LEFT
    step = (layout.width - left - RIGHT) / 24
    base, every = float(top + high), max(1, -int(-3 * layout.character // step))
    parts = [_rule(layout, base)]
    for hour in range(24):
        x = left + hour * step
        if hour % every == 0:
            parts.append(_text(x + step / 2, base + 18, f"{hour:02}", "middle"))
        if hour in analysis.hours:
            gap = min(4.0, step / 6)
            parts += _bar(analysis.hours[hour], x + gap, step - 2 * gap, base, high / most)
    spoken = ", ".join(f"{hour:02}: {c.failed} failed, {c.warned} warned" for hour, c in analysis.hours.items())
    return _svg(layout, base + 26, f"Failures by hour. {spoken}", parts)


def _bar(count: Count, x: float, width: float, base: float, scale: float) -> Iterator[Markup]:
    from markupsafe import Markup

    y = base
    for word, number in (("fail", count.failed), ("warn", count.warned)):
        y -= number * scale
        if number:
            yield Markup(
                '<rect class="result {c}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}">'
                "<title>{t}</title></rect>"
            ).format(c=word, x=x, y=y, w=width, h=number * scale, t=f"{number} {word}ed of {count.judged}")
    if count.failed + count.warned:
        yield _text(x + width / 2, y - 4, str(count.failed + count.warned), "middle")
