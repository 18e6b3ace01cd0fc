"""Reports of scrapers: read like those of any other phase, kept one by one, and no reason to open a run (behaviour R1).

What follows from them is decided by workflows and by the files that scrapers announce, not by transitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.core.decision.fold import apply_report
from shared.core.model import Completion, Report, RunKey
from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.workflows.files import PHASE, WIRE_PHASE, topic_of
from shared.core.workflows.model import Workflows


@dataclass(frozen=True, slots=True)
class ScraperReport:
    """One report of a scraper. ``key`` names the run that a report of another phase would belong to, with a mode of ""
    where none fits; ``recorded`` is true once the record has it."""

    key: RunKey
    report: Report
    recorded: bool = False

    @property
    def place(self) -> str:
        """Whose report of which date it is: what other reports of that scraper share with it."""
        return place_of(self.key, self.report.processor)


def place_of(key: RunKey, scraper: str) -> str:
    return f"{key.id}/{scraper}"


def with_scrapers(policy: Policy, workflows: Workflows) -> Policy:
    """Return the policy by which reports of scrapers are read: they are the processors of a phase of their own.

    A scraper is expected where the processor is that makes rows of its file: that names its mode (behaviour R11).
    """
    processors = {
        scraper.name: Processor(scraper.name, PHASE, feeds=scraper.processor) for scraper in workflows.scrapers.values()
    }
    wire = replace(policy.wire, phase=policy.wire.phase | {WIRE_PHASE})
    phase = Phase(PHASE, "Scrapers", topic_of(policy.pipeline), processors, wire=wire, needs_mode=False)
    return replace(policy, phases={**policy.phases, PHASE: phase})


def is_superseded(report: Report, others: Iterable[Report]) -> bool:
    """True where a report that ended later had been received when this one was (behaviour R5)."""
    return any(
        other.occurred_at > report.occurred_at and other.received_at <= report.received_at
        for other in others
        if other.message_id != report.message_id
    )


def folded(reports: Iterable[Report]) -> Completion | None:
    """Return what reports of one scraper and run come to, in the order of their receipt; None of none."""
    completion: Completion | None = None
    for report in sorted(reports, key=lambda report: (report.received_at, report.message_id)):
        completion = apply_report(completion, report)
    return completion
