"""`orch help TOPIC`: what the words mean, from the pages of the project that say it, without leaving the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from deploy.manifest import ROOT
from shared.cli.shell import STATUSES, USAGE, fail
from shared.core.policy.config_error import suggest

EXIT = "exit"
_HEADING = re.compile(r"(#+) (.+)")
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]+)\]\([^)]*\)")
_ANCHOR = re.compile(r"<a id=[^>]*></a>")


@dataclass(frozen=True)
class Topic:
    """A page and its sections that explain a thing; without a section its beginning, up to the first heading."""

    summary: str
    page: str
    sections: tuple[str, ...] = ()


TOPICS = {
    "words": Topic("every word that is used here", "shared/README.md", ("Words",)),
    "messages": Topic(
        "what a job publishes when it ends, and what starts a phase", "config/MESSAGES.md", ("Completion",)
    ),
    "signals": Topic("completions from messages that other systems send anyway", "config/SIGNALS.md", ("Signals",)),
    "runs": Topic(
        "a date in a mode: when it is opened and closed",
        "shared/core/RULES.md",
        ("T3 Calendar and opening of runs", "T5 Closing"),
    ),
    "modes": Topic(
        "passes over a date, and which a message belongs to", "config/README.md", ("Say which passes a date has",)
    ),
    "tiers": Topic(
        "when fewer processors suffice, and the deadline", "shared/core/RULES.md", ("D1 Complete, and tiers",)
    ),
    "gates": Topic(
        "a number that must be high enough before a trigger", "shared/core/RULES.md", ("D4 Gates return values",)
    ),
    "due": Topic(
        "when a person is told that nothing has started",
        "shared/core/RULES.md",
        ("T2 Due times", "T10 Silence is never the end"),
    ),
    "pauses": Topic("keeping runs from being opened and dispatched", "shared/core/RULES.md", ("T8 Pause",)),
    "refresh": Topic("a second trigger, because better input has come", "shared/core/RULES.md", ("D8 Refresh",)),
    "alerts": Topic("what people are told, once, and when it is over", "shared/core/RULES.md", ("7. Alerts",)),
    "kinds": Topic("every alert: what it means and what to do first", "deploy/ALERTS.md", ("Alerts",)),
    "batches": Topic(
        "members that are known only when a phase starts",
        "config/README.md",
        ("Ask members that are known only when the phase starts",),
    ),
    "scenarios": Topic("a day as a file, to be played", "tests/scenarios/FORMAT.md", ("File", "events", "expect")),
    "environment": Topic("the variables that are read", "config/README.md", ("Environment",)),
}


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("help")(explain_topic)


def explain_topic(
    context: typer.Context,
    topic: Annotated[
        str | None,
        typer.Argument(help="A topic, or a command; without it the topics.", autocompletion=lambda: [*TOPICS, EXIT]),
    ] = None,
) -> None:
    """Explain what the words mean: runs, modes, tiers, gates, alerts, scenarios, exit statuses and others.

    Example: orch help tiers
    """
    if topic is None:
        typer.echo("\n".join(_listed()))
        return
    if topic in TOPICS:
        typer.echo("\n\n".join(text_of(TOPICS[topic])))
        return
    if topic == EXIT:
        typer.echo("\n".join(f"{status}  {meaning}" for status, meaning in STATUSES.items()))
        return
    program = context.find_root()
    command = getattr(program.command, "commands", {}).get(topic)
    if command is None:
        raise fail(USAGE, f"no topic {topic!r}", f"{suggest(topic, [*TOPICS, EXIT])}; without a topic they are listed")
    with type(context)(command, info_name=topic, parent=program) as of_command:
        typer.echo(command.get_help(of_command))


def _listed() -> Iterator[str]:
    for name, topic in TOPICS.items():
        yield f"{name:<13}{topic.summary}"
    yield f"{EXIT:<13}what the exit statuses mean"


def text_of(topic: Topic) -> Iterator[str]:
    """Yield the sections of a topic as a terminal shows them, then where they stand; exit 5 without the page."""
    page = (ROOT / topic.page).read_text(encoding="utf-8")
    for heading in topic.sections:
        yield _plain(section(page, heading))
    yield f"(from {topic.page})"


def section(page: str, heading: str) -> str:
    """Return a section of a Markdown page with its heading, up to the next of its level or a higher one.

    Raises ``LookupError`` if the page has no such heading.
    """
    lines, level, inside, fenced = [], 0, False, False
    for line in page.splitlines():
        fenced ^= line.startswith("```")
        match = None if fenced else _HEADING.fullmatch(line)
        if match is not None and not inside and match[2] == heading:
            inside, level = True, len(match[1])
        elif match is not None and inside and len(match[1]) <= level:
            break
        if inside:
            lines.append(line)
    if not lines:
        raise LookupError(heading)
    return "\n".join(lines).strip()


def _plain(text: str) -> str:
    """Return Markdown without what only a browser follows: links, anchors, comments."""
    for pattern, shown in ((_COMMENT, ""), (_ANCHOR, ""), (_LINK, r"\1")):
        text = pattern.sub(shown, text)
    return text
