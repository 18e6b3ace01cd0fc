"""The answers of `bin/analyze-validation-trends` as one page: no script, no other file, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape

from shared.core.texts import duration
from shared.core.validation.checks import Status
from shared.core.validation.recurrence import Analysis, Count, History

WIDTH, LEFT, RIGHT = 900, 44, 12
# Whoever does not tell the colours apart tells the letters apart.
_LETTERS = {Status.FAIL: "F", Status.WARN: "w", Status.ERROR: "?"}
_CSS = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6675; --line: #d8dce3; --paper: #fff; --pass: #cfe8dc;
  --warn: #e6a117; --fail: #c0392b; --error: #7a5fb0; --skip: #eef0f3; --health: #1f6f8b; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #a3adbd; --line: #39414f; --paper: #14181f;
  --pass: #23473a; --warn: #d99a1c; --fail: #e0604f; --error: #a58ad6; --skip: #222833; --health: #63b7d3;
  --on: #14181f; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 60rem; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); max-width: 46rem; }
.plot { overflow-x: auto; } svg { min-width: 40rem; width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } svg .name { fill: var(--ink); }
svg .letter { font-size: 9px; fill: var(--on); font-weight: 600; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; } .scroll { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.key b { font-weight: inherit; white-space: nowrap; }
.key span { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .3rem 0 .9rem; }
"""


def page(analysis: Analysis, pipeline: str) -> str:
    """Return the whole page."""
    title = f"Validation of {escape(pipeline)}, {analysis.first} to {analysis.last}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{_CSS}</style></head><body>
<h1>{title}</h1>
<p>{_opening(analysis)}</p>
<h2>How health moves</h2>
<p>Each dot is a day, the line its week as a whole. 100: every check that was judged passed, by weight of severity.
The axis begins at {_lowest(analysis)}.</p>
<div class="plot">{_health(analysis)}</div>
<h2>What recurs, day by day</h2>
<p class="key">The worst of each check and day:{_key()}</p>
<div class="plot">{_grid(analysis)}</div>
<h2>At what hour</h2>
<p>Results that failed or warned, by the local hour of the run.</p>
<div class="plot">{_hours(analysis)}</div>
<h2>What recurs most</h2>
<p>An alarm lasts from the first run that warned or failed to the first that passed.</p>
{_recurring(analysis.recurring)}
<h2>Which checks cry wolf</h2>
<p>Of three or more alarms, at least half were over the next time anybody looked.</p>
{_wolves(analysis.wolves)}
</body></html>
"""


def _opening(analysis: Analysis) -> str:
    healths = [count.health for count in analysis.weeks.values() if count.health is not None]
    parts = []
    if len(healths) > 1:
        word = "rose" if healths[-1] > healths[0] else "fell" if healths[-1] < healths[0] else "stayed"
        parts.append(f"Health {word} from {healths[0]:.0f} to {healths[-1]:.0f}.")
    elif healths:
        parts.append(f"Health is {healths[0]:.0f}.")
    if analysis.recurring:
        worst = analysis.recurring[0]
        many = "one alarm" if len(worst.alarms) == 1 else f"{len(worst.alarms)} alarms"
        parts.append(f"{escape(worst.check)} recurs most, with {many}.")
    else:
        parts.append("Nothing warned or failed.")
    if analysis.broken:
        names = ", ".join(
            f"{escape(history.check)} ({history.errors} of {history.judged} times)" for history in analysis.broken
        )
        parts.append(f"Could not be judged: {names}.")
    if analysis.silent:
        parts.append(f"Nothing is recorded of {len(analysis.silent)} of these days: nobody looked.")
    return " ".join(parts)


def _key() -> str:
    words = {"pass": "passed", "warn": "warned (w)", "fail": "failed (F)", "error": "broken (?)", "skip": "skipped"}
    return "".join(f'<b><span style="background:var(--{name})"></span>{word}</b> ' for name, word in words.items())


def _svg(height: int, label: str, parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _all_days(analysis: Analysis) -> list[date]:
    return [analysis.first + timedelta(days=n) for n in range((analysis.last - analysis.first).days + 1)]


def _health(analysis: Analysis) -> str:
    top, high = 12, 180
    days = _all_days(analysis)
    step = (WIDTH - LEFT - RIGHT) / max(len(days), 1)

    def x(day: date) -> float:
        return LEFT + ((day - analysis.first).days + 0.5) * step

    low = _lowest(analysis)

    def y(value: float) -> float:
        return top + high * (1 - (value - low) / (100 - low))

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="var(--line)"/>'
        f'<text x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>'
        for v in range(low, 101, 25 if low < 75 else 5)
    ]
    means = []
    for week, count in analysis.weeks.items():
        if count.health is None:
            continue
        begin, end = max(week, analysis.first), min(week + timedelta(days=6), analysis.last)
        means += [(x(begin) - step / 2, y(count.health)), (x(end) + step / 2, y(count.health))]
        parts.append(f'<text x="{x(begin) - step / 2:.1f}" y="{top + high + 18}">{begin:%d %b}</text>')
    line = " ".join(f"{across:.1f},{down:.1f}" for across, down in means)
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--health)" stroke-width="2.5"/>')
    parts += [
        f'<circle cx="{x(day):.1f}" cy="{y(count.health):.1f}" r="3" fill="var(--health)" fill-opacity=".55">'
        f"<title>{day}: {count.health:.1f}, {count.failed} failed</title></circle>"
        for day, count in analysis.days.items()
        if count.health is not None
    ]
    spoken = ", ".join(f"{week}: {c.health:.0f}" for week, c in analysis.weeks.items() if c.health is not None)
    return _svg(top + high + 26, f"Health by week: {spoken}", parts)


def _lowest(analysis: Analysis) -> int:
    """Return where the axis begins: low enough for every day, and no lower than that by much."""
    healths = [count.health for count in analysis.days.values() if count.health is not None]
    return min(75, 25 * int(min(healths, default=0) // 25))


def _grid(analysis: Analysis) -> str:
    names = 230
    checks = [history.check for history in analysis.recurring]
    checks += [history.check for history in analysis.histories if history.errors and history.check not in checks]
    if not checks:
        return "<p>Nothing warned or failed.</p>"
    days = _all_days(analysis)
    step, row = (WIDTH - names - RIGHT) / len(days), 20
    parts = [
        f'<text x="{names + n * step:.1f}" y="12">{day:%d %b}</text>'
        for n, day in enumerate(days)
        if n % max(1, round(64 / step)) == 0 and names + n * step < WIDTH - 50
    ]
    for place, check in enumerate(checks):
        y = 20 + place * row
        parts.append(f'<text class="name" x="{names - 10}" y="{y + 13}" text-anchor="end">{escape(check)}</text>')
        for n, day in enumerate(days):
            status = analysis.cells.get((check, day))
            if status is not None:
                parts.append(_cell(names + n * step, y, step, row, status, f"{check}, {day}: {status}"))
    label = "The worst result of each check and day: " + ", ".join(checks)
    return _svg(24 + len(checks) * row, label, parts)


def _cell(x: float, y: float, step: float, row: int, status: Status, title: str) -> str:
    wide = max(step - 2, 1.5)
    box = (
        f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{row - 3}" rx="2" fill="var(--{status.value.lower()})">'
        f"<title>{escape(title)}</title></rect>"
    )
    letter = _LETTERS.get(status, "")
    if not letter or step < 9:
        return box
    return box + f'<text class="letter" x="{x + wide / 2:.1f}" y="{y + 12}" text-anchor="middle">{letter}</text>'


def _hours(analysis: Analysis) -> str:
    top, high = 16, 150
    most = max((count.failed + count.warned for count in analysis.hours.values()), default=0) or 1
    step = (WIDTH - LEFT - RIGHT) / 24
    base = top + high
    parts = [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}" stroke="var(--line)"/>']
    for hour in range(24):
        x = LEFT + hour * step
        parts.append(f'<text x="{x + step / 2:.1f}" y="{base + 16}" text-anchor="middle">{hour:02}</text>')
        if hour in analysis.hours:
            parts += _bar(analysis.hours[hour], x + 4, step - 8, base, high / most)
    spoken = ", ".join(f"{hour:02}: {c.failed} failed, {c.warned} warned" for hour, c in analysis.hours.items())
    return _svg(base + 24, f"Failures by hour. {spoken}", parts)


def _bar(count: Count, x: float, wide: float, base: float, scale: float) -> list[str]:
    parts, y = [], base
    for word, number in (("fail", count.failed), ("warn", count.warned)):
        y -= number * scale
        if number:
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{number * scale:.1f}" fill="var(--{word})">'
                f"<title>{number} {word}ed of {count.judged}</title></rect>"
            )
    if count.failed + count.warned:
        total = count.failed + count.warned
        parts.append(f'<text x="{x + wide / 2:.1f}" y="{y - 4:.1f}" text-anchor="middle">{total}</text>')
    return parts


def _recurring(histories: tuple[History, ...]) -> str:
    headings = ("Check", "#Alarms", "#Failed", "#Warned", "#Broken", "#Longest", "Last said")
    rows = [
        (history.check, str(len(history.alarms)), f"{history.failed} of {history.judged}", str(history.warned),
         str(history.errors), duration(history.longest), history.last_message[:200])
        for history in histories
    ]  # fmt: skip
    return _table(headings, rows)


def _wolves(histories: tuple[History, ...]) -> str:
    rows = [
        (history.check, f"{history.brief} of {len(history.alarms)}", history.severity.value) for history in histories
    ]
    return _table(("Check", "#Over at once", "Severity"), rows)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table; a heading that begins with # is one of numbers."""
    if not rows:
        return "<p>None.</p>"
    styles = [' class="number"' if heading.startswith("#") else "" for heading in headings]
    head = "".join(
        f'<th scope="col"{style}>{escape(heading.removeprefix("#"))}</th>'
        for heading, style in zip(headings, styles, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{s}>{escape(cell)}</td>" for cell, s in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
