"""Running a line of the plan, and what its answer means."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deploy.command_line import CommandLine
from deploy.resource import Both, Resource

# What gcloud and bq say of a thing that is not there; everything else that fails is a failure.
ABSENT = ("NOT_FOUND", "not found", "Not found", "could not be found", "Cannot find", "does not exist")
DISABLED = ("SERVICE_DISABLED", "has not been used in project", "it is disabled")
EXISTS = ("ALREADY_EXISTS", "already exists")
LONGEST_SECONDS = 1200
MISSING = {"gcloud": "install the Google Cloud CLI", "bq": "gcloud components install bq"}


class CommandFailed(Exception):
    """A line ended with an error: carries the line and what it said."""

    def __init__(self, line: CommandLine, output: str) -> None:
        self.line, self.output = line, output.strip()
        super().__init__(f"{line}\n{self.output}")

    @property
    def gist(self) -> str:
        """The line that says what went wrong; what follows it is advice."""
        lines = self.output.splitlines() or ["no answer"]
        return next((line for line in lines if "error" in line.lower()), lines[-1])[:300]

    @property
    def too_early(self) -> bool:
        """Whether an account was not found, which may have been made a moment ago."""
        return "service account" in self.output.lower() and any(word in self.output for word in ABSENT)

    @property
    def metric_not_yet(self) -> bool:
        """Whether a metric was not found, which may have been made minutes ago."""
        return "Cannot find metric" in self.output

    @property
    def not_yet(self) -> bool:
        """Whether what was asked belongs to an API that is not enabled yet."""
        return any(word in self.output for word in DISABLED)


@dataclass(frozen=True)
class CommandResult:
    status: int
    out: str
    err: str

    @property
    def output(self) -> str:
        return f"{self.out}\n{self.err}"


class Runner(Protocol):
    def __call__(self, line: CommandLine) -> CommandResult: ...


@dataclass(frozen=True)
class Subprocess:
    """Runs lines as they are, in ``folder``; asks for no consent."""

    folder: Path

    def __call__(self, line: CommandLine) -> CommandResult:
        try:
            ended = subprocess.run(
                line.words,
                cwd=self.folder,
                input=line.given,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            return CommandResult(127, "", f"{line.words[0]} is not on PATH: {MISSING.get(line.words[0], 'install it')}")
        except subprocess.TimeoutExpired:
            return CommandResult(124, "", f"no answer within {LONGEST_SECONDS} s")
        return CommandResult(ended.returncode, ended.stdout, ended.stderr)


def ask(run: Runner, line: CommandLine) -> Any | None:
    """Return what a reading line answers, None if the thing is not there; raises ``CommandFailed``."""
    answer = run(line)
    if answer.status != 0:
        if any(word in answer.output for word in ABSENT) and "PERMISSION_DENIED" not in answer.output:
            return None
        raise CommandFailed(line, answer.output)
    return parsed(line, answer)


@dataclass(frozen=True)
class Looks:
    """Readings, each made once; ``again`` makes one anew."""

    run: Runner
    seen: dict[CommandLine, Any] = field(default_factory=dict)

    def of(self, resource: Resource) -> Any | None:
        """Return what is there of a resource, None if it is not; raises ``CommandFailed``."""
        actual = self.at(resource.read)
        if actual is None or resource.beside is None:
            return actual
        return Both(actual, self.at(resource.beside))

    def again(self, resource: Resource) -> Any | None:
        self.seen.pop(resource.read, None)
        return self.of(resource)

    def at(self, line: CommandLine) -> Any | None:
        """Return what a line answers, None if the thing is not there; raises ``CommandFailed``."""
        if line not in self.seen:
            self.seen[line] = ask(self.run, line)
        return self.seen[line]


def parsed(line: CommandLine, answer: CommandResult) -> Any:
    try:
        document = json.loads(answer.out or "null")
    except ValueError:
        raise CommandFailed(line, f"answered no JSON: {answer.out[:200]}") from None
    # A list by name that finds nothing says that the thing is not there.
    return None if document == [] and "filter" in line.flags else document


def order(run: Runner, line: CommandLine) -> CommandResult:
    """Run a line that changes something; raises ``CommandFailed``."""
    answer = run(line)
    if answer.status != 0:
        raise CommandFailed(line, answer.output)
    return answer
