"""Asking a deployed function whether it answers and what it runs, by curl, as the identity that will call it.

Not by `gcloud functions call`: that asks by POST alone, and as whoever deploys, who has no right to call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.command_line import CommandLine, gcloud
from deploy.manifest import BuildInfo, Function, Manifest, Ready, Target
from deploy.resource import Difference, Resource
from deploy.runner import CommandFailed, CommandResult, Runner, order

LONGEST_SECONDS = 100
# A right takes its time to reach every server: minutes, says Google. So long a refused call is made again, and one that
# failed otherwise twice: the revision before may still answer.
PAUSES = (5, 10, 20, 40, 60, 60)
TWICE = 2
HEALTH = Ready("GET", "/health", None, 200)
# A message without data is a probe: every event function acknowledges it and does nothing else (behaviour R1).
PROBE = {"message": {"messageId": "deploy-probe", "attributes": {}}, "subscription": "deploy-probe"}


@dataclass(frozen=True)
class ReadyCheck:
    """Asks a function as soon as it may be called, and before anything is sent to it."""

    manifest: Manifest
    target: Target
    build_info: BuildInfo
    run: Runner
    pause: Callable[[float, str], None]
    asked: set[str] = field(default_factory=set)

    def __call__(self, resource: Resource) -> list[Difference]:
        function = self.manifest.functions.get(resource.function)
        caller = None if function is None else self._caller(function, resource)
        if function is None or caller is None or resource.id in self.asked:
            return []
        self.asked.add(resource.id)
        token = self._token(function, caller)
        return [
            difference for question in self._questions(function, caller) for difference in self._answer(question, token)
        ]

    def _caller(self, function: Function, resource: Resource) -> str | None:
        """Return the account that this resource lets call the function, None if it is another thing."""
        callers = {
            schedule.service_account
            for schedule in self.manifest.schedules.values()
            if schedule.calls == function.folder
        }
        callers |= {function.push.service_account} if function.push else set()
        rights = {
            f"service role {function.name} roles/run.invoker {self._member(caller)}": caller for caller in callers
        }
        return rights.get(resource.id)

    def _member(self, account: str) -> str:
        return f"serviceAccount:{self.target.account(account)}"

    def _token(self, function: Function, caller: str) -> str:
        line = token_line(self.target, caller, self.target.url(function.name))
        output = order(self.run, line).out
        try:
            token = json.loads(output)["id_token"]
        except (ValueError, KeyError, TypeError):
            raise CommandFailed(line, "answered no identity token") from None
        return str(token)

    def _questions(self, function: Function, caller: str) -> Iterator[Question]:
        url, digest = self.target.url(function.name), self.build_info.digests[function.folder]
        yield Question(HEALTH, url, digest)
        if function.push is not None and caller == function.push.service_account:
            for topic in function.push.topics:
                path = f"/projects/{self.target.project}/topics/{topic}"
                yield Question(Ready("POST", path, PROBE, 200), url)
        elif function.ready is not None:
            yield Question(function.ready, url)

    def _answer(self, question: Question, token: str) -> list[Difference]:
        """Return what is wrong with an answer, asking again for a while if something is."""
        for place, seconds in enumerate(PAUSES):
            answer = self.run(question.line(token))
            differences = question.judged(answer)
            if not differences or (place >= TWICE and not _refused(answer)):
                return differences
            self.pause(seconds, str(differences[0]))
        return question.judged(self.run(question.line(token)))


@dataclass(frozen=True)
class Question:
    """One call; ``digest`` is what the answer has to say of its sources, None where it says nothing of them."""

    ready: Ready
    url: str
    digest: str | None = None

    def line(self, token: str) -> CommandLine:
        """Return the call; the token goes in by standard input, where no list of processes shows it."""
        body: tuple[str, ...] = ()
        if self.ready.body is not None:
            body = ("--header", "Content-Type: application/json", "--data-binary", json.dumps(self.ready.body))
        limits = ("--silent", "--show-error", "--max-time", str(LONGEST_SECONDS))
        words = (*limits, "--request", self.ready.method, "--header", "@-", *body, "--write-out", r"\n%{http_code}")
        return CommandLine(("curl", *words, self.url + self.ready.path), f"Authorization: Bearer {token}\n")

    def judged(self, answer: CommandResult) -> list[Difference]:
        asked = f"{self.ready.method} {self.url}{self.ready.path}"
        if answer.status != 0:
            return [Difference(asked, str(self.ready.status), answer.err.strip() or "no answer")]
        body, _, status = answer.out.rpartition("\n")
        fits = status.startswith("2") if self.ready.status == 200 else status == str(self.ready.status)
        if not fits:
            return [Difference(asked, str(self.ready.status), f"{status} {' '.join(body.split())[:200]}".strip())]
        digest = _digest_in(body)
        if self.digest is None or digest == self.digest:
            return []
        return [Difference("digest it answers", self.digest, digest or "none")]


def _refused(answer: CommandResult) -> bool:
    return answer.out.rpartition("\n")[2] in ("401", "403")


def token_line(place: Target, caller: str, url: str) -> CommandLine:
    """Return the line that makes a token of another account; only the token is printed, not what could make more."""
    line = gcloud(
        "auth print-identity-token",
        project=place.project,
        impersonate_service_account=place.account(caller),
        audiences=url,
        include_email=True,
    )
    return CommandLine((*line.words[:-1], "--format=json(id_token)"))


def _digest_in(body: str) -> str | None:
    try:
        document: Mapping[str, Any] = json.loads(body)
        return str(document["source_digest"]) if isinstance(document, dict) else None
    except (ValueError, KeyError):
        return None
