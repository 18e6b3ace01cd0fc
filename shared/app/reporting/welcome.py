"""What the page says to somebody whose pipeline has not run yet: what to do next, with their own names."""

from __future__ import annotations

from shared.app.context import Context
from shared.core import commands
from shared.core.reporting.page import Overview, Step
from shared.core.texts import amount


def welcome(ctx: Context, days: Overview) -> tuple[Step, ...]:
    """Return the first steps, nothing once any run of these days was opened."""
    if any(row.cells or row.closed for row in days.rows):
        return ()
    policy = ctx.policy
    processors = sum(len(phase.processors) for phase in policy.phases.values())
    size = f"{amount(len(policy.phases), 'phase')}, {amount(processors, 'processor')}"
    steps = [Step(f"See that the policy of {policy.pipeline} is in order ({size})", commands.check())]
    reporting = (phase for phase in policy.phases.values() if phase.processors and phase.completions_topic)
    first = next(reporting, None)
    if first is not None:
        name = next(iter(first.processors))
        steps.append(
            Step(
                f"Let a job of {first.name} report its end to the topic {first.completions_topic}: a JSON message with "
                f"its name ({name}), a date and a status (config/MESSAGES.md); it opens the run of its date"
            )
        )
    opens = next((row for row in reversed(days.rows) if row.said.startswith("opens ")), None)
    if opens is not None:
        steps.append(Step(f"Or wait: {opens.key.id} {opens.said}, when the next sweep after that finds it expected"))
    steps.append(Step("See what is under way, and what is wrong, in a terminal too", commands.status()))
    return tuple(steps)
