"""Command lines that people paste: the only place that makes them, for alerts, reports, pages and hints.

A command line names the whole run it acts on, lane included, and carries every option that its verb wants, so that
it can be pasted as it is. It always is the end of its line of text: whatever follows it would be pasted too.
"""

from __future__ import annotations

import shlex
from datetime import date

from shared.core.model import Lane, RunKey

PROGRAM = "bin/orch"


def line(*words: str) -> str:
    """Return a command line of the program, each word quoted for a POSIX shell where it must be."""
    return shlex.join((PROGRAM, *words))


def at_home(folder: str, text: str) -> str:
    """Return a command line that asks what was left in a folder."""
    return f"{PROGRAM} {shlex.join(('--home', folder))}{text.removeprefix(PROGRAM)}"


def of_pipeline(text: str, pipeline: str) -> str:
    """Return a text in which each command line names a pipeline, as it has to where several are served.

    A command line ends its line of text; an argument that may begin with a dash follows `--`, and stays there.
    """
    option = shlex.join(("--pipeline", pipeline))
    lines = [
        _with_option(text_line, option) if f"{PROGRAM} " in text_line else text_line for text_line in text.split("\n")
    ]
    return "\n".join(lines)


def _with_option(line_of_text: str, option: str) -> str:
    before, program, words = line_of_text.partition(f"{PROGRAM} ")
    if "--pipeline " in words:
        return line_of_text
    command, dashes, argument = words.partition(" -- ")
    return f"{before}{program}{command} {option}{dashes}{argument}"


def of_line(line_of_text: str) -> str:
    """Return the command line that a line of text ends with, "" where it has none."""
    _, program, words = line_of_text.partition(f"{PROGRAM} ")
    return f"{program}{words}" if program else ""


def of_run(verb: str, subject: str, key: RunKey, reason: str = "") -> str:
    """Return what acts on, or asks about, one transition or phase of a run; ``reason`` for the verbs that want one."""
    words = [verb, subject, *of_key(key)]
    return line(*words, *(("--reason", reason) if reason else ()))


def of_key(key: RunKey) -> tuple[str, ...]:
    """Return the words that name a run: its date, mode and, unless it is the live one, its lane."""
    lane = () if key.lane is Lane.LIVE else ("--lane", key.lane.value)
    return (key.day.isoformat(), "--mode", key.mode, *lane)


def explain(transition: str, key: RunKey) -> str:
    return of_run("explain", transition, key)


def trigger(transition: str, key: RunKey, reason: str) -> str:
    return of_run("trigger", transition, key, reason)


def release(transition: str, key: RunKey, reason: str) -> str:
    return of_run("release", transition, key, reason)


def rerun(phase: str, key: RunKey, reason: str) -> str:
    return of_run("rerun", phase, key, reason)


def backfill(phase: str, mode: str, first: date, last: date, reason: str, per_minute: int) -> str:
    """Return what asks a phase for the dates of a range; `--yes`, for whoever pastes it has seen the plan."""
    days = ("--from", first.isoformat(), "--to", last.isoformat(), "--mode", mode)
    return line("backfill", phase, *days, "--per-minute", str(per_minute), "--reason", reason, "--yes")


def run_workflow(workflow: str, day: date) -> str:
    return line("workflows", "run", workflow, "--date", day.isoformat())


def explain_workflow(workflow: str, day: date) -> str:
    return line("explain", "workflow", workflow, "--date", day.isoformat())


def batch(verb: str, name: str, key: RunKey, reason: str = "") -> str:
    """Return what shows, closes or asks again a batch of a run."""
    return line("batch", verb, name, *of_key(key), *(("--reason", reason) if reason else ()))


def missing_of_batch(name: str, key: RunKey) -> str:
    """Return what lists every member that is missing of a batch, one a line."""
    return line("batch", "show", name, *of_key(key), "--missing")


def pauses() -> str:
    return line("pause", "--list")


def pause_end(pause_id: str) -> str:
    return line("pause", "--end", pause_id)


def alert(fingerprint: str) -> str:
    """Return what shows an alert, what it means and what to do first."""
    return line("alerts", "show", fingerprint)


def doctor() -> str:
    return line("doctor")


def check() -> str:
    return line("check")


def help_of(topic: str) -> str:
    return line("help", topic)


def status(day: date | None = None) -> str:
    return line("status", *(() if day is None else (day.isoformat(),)))


def quarantine(verb: str, message_id: str | None = None) -> str:
    """Return what lists, shows or replays; `--` keeps an id that begins with a dash from being read as an option."""
    if message_id is None:
        return line("quarantine", verb)
    return line("quarantine", verb, *(("--",) if message_id.startswith("-") else ()), message_id)
