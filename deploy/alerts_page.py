"""Writes deploy/ALERTS.md, every kind of alert: `python -m deploy.alerts_page`."""

from __future__ import annotations

from pathlib import Path

from shared.core.alerting.kinds import CATALOGUE, Lifecycle
from shared.core.severity import Severity

PAGE = Path(__file__).with_name("ALERTS.md")
HEAD = """# Alerts

What people hear from the orchestrators, gravest first. Each alert names its run and transition, says what is so, what
follows, and the command that helps. `ends` alerts are repeated while they hold and say when they are over; `once`
alerts are sent once for a run. What Cloud Monitoring tells of the functions themselves is in [RUNBOOK.md](RUNBOOK.md).

| kind | severity | lasts | title | meaning | first action |
| --- | --- | --- | --- | --- | --- |
"""
ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
LASTS = {Lifecycle.ONGOING: "ends", Lifecycle.ONCE: "once"}


def page() -> str:
    """Return the page as Markdown; each row can be linked to by the word of its kind."""
    rows = sorted(CATALOGUE.items(), key=lambda item: (ORDER.index(item[1].severity), item[0].value))
    lines = (
        f'| <a id="{kind}"></a>`{kind}` | {info.severity} | {LASTS[info.lifecycle]} | {info.title} | {info.meaning} '
        f"| {info.action} |\n"
        for kind, info in rows
    )
    return HEAD + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
