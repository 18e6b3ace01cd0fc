"""The answers of `bin/analyze-validation-trends` as one page, on the templates and the style of the page."""

from __future__ import annotations

from collections.abc import Iterator

from shared.adapters.page.templates import template
from shared.adapters.page.trend_svg import grids, health_plots, hour_plots, lowest
from shared.core.texts import amount, duration
from shared.core.validation.recurrence import Analysis, History

LONGEST_MESSAGE = 200


def trend_page(analysis: Analysis, pipeline: str) -> str:
    """Return the whole page as HTML; every text of the analysis is escaped."""
    return template("trends.html").render(
        title=f"Validation of {pipeline}, {analysis.first} to {analysis.last}",
        opening=list(_opening(analysis)),
        lowest=lowest(analysis),
        health=health_plots(analysis),
        grid=grids(analysis),
        hours=hour_plots(analysis),
        recurring=[_recurring(history) for history in analysis.recurring],
        wolves=[_wolf(history) for history in analysis.wolves],
    )


def _opening(analysis: Analysis) -> Iterator[str]:
    """Yield the answers in sentences."""
    healths = [count.health for count in analysis.weeks.values() if count.health is not None]
    if len(healths) > 1:
        word = "rose" if healths[-1] > healths[0] else "fell" if healths[-1] < healths[0] else "stayed"
        yield f"Health {word} from {healths[0]:.0f} to {healths[-1]:.0f}."
    elif healths:
        yield f"Health is {healths[0]:.0f}."
    if analysis.recurring:
        worst = analysis.recurring[0]
        yield f"{worst.check} recurs most, with {amount(len(worst.alarms), 'alarm')}."
    else:
        yield "Nothing warned or failed."
    if analysis.broken:
        names = (f"{history.check} ({history.errors} of {history.judged} times)" for history in analysis.broken)
        yield f"Could not be judged: {', '.join(names)}."
    if analysis.silent:
        yield f"Nothing is recorded of {len(analysis.silent)} of these days: nobody looked."


def _recurring(history: History) -> dict[str, str]:
    return {
        "Check": history.check,
        "Alarms": str(len(history.alarms)),
        "Failed": f"{history.failed} of {history.judged}",
        "Warned": str(history.warned),
        "Broken": str(history.errors),
        "Longest": duration(history.longest),
        "Last said": history.last_message[:LONGEST_MESSAGE],
    }


def _wolf(history: History) -> dict[str, str]:
    return {
        "Check": history.check,
        "Over at once": f"{history.brief} of {len(history.alarms)}",
        "Severity": history.severity.value,
    }
