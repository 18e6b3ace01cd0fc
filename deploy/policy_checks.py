"""What must hold of every line and gcloud's own parser does not see: the faults of past deployments, by name."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.command_line import CommandLine

PUSH = ("push-auth-service-account", "ack-deadline", "min-retry-delay", "max-retry-delay", "dead-letter-topic",
        "max-delivery-attempts", "expiration-period")  # fmt: skip


def violations(line: CommandLine) -> list[str]:
    """Return which rules a line breaks."""
    return list(_violations(line))


def _violations(line: CommandLine) -> Iterator[str]:
    flags = line.flags
    yield from _form(line)
    for name in ("set-env-vars", "env-vars-file", "clear-env-vars", "set-secrets", "clear-secrets"):
        if name in flags:
            yield f"--{name} removes everything it does not name"
    event = {"trigger-topic", "trigger-event-filters"} & flags.keys()
    for name in ("retry", "trigger-service-account"):
        if event and name not in flags:
            yield f"--{event.copy().pop()} without --{name} sets it back to nothing"
    if "trigger-http" in flags and "retry" in flags:
        yield "--trigger-http and --retry: there is no event to retry"
    if line.command.startswith("gcloud functions deploy"):
        yield from _deploy(line)
    if "push-endpoint" in flags:
        yield from (f"a push subscription without --{name}" for name in PUSH if name not in flags)
    if "cpu" in flags and "memory" not in flags:
        yield "--cpu without --memory"
    if "max-delivery-attempts" in flags and "dead-letter-topic" not in flags:
        yield "--max-delivery-attempts without --dead-letter-topic"


def _form(line: CommandLine) -> Iterator[str]:
    first_flag = next((place for place, word in enumerate(line.words) if word.startswith("--")), len(line.words))
    trailing = [word for word in line.words[first_flag:] if not word.startswith("--")]
    if trailing and line.words[0] == "gcloud":
        yield f"positionals after flags: {', '.join(trailing)}"
    if line.words[0] == "gcloud" and "#" in str(line):
        yield "a # ends the line for gcloud's own checker"
    if line.words[0] == "gcloud" and not {"project", "quiet"} <= line.flags.keys():
        yield "without --project and --quiet it acts elsewhere, or asks"


def _deploy(line: CommandLine) -> Iterator[str]:
    flags = line.flags
    if not {"trigger-http", "trigger-topic", "trigger-event-filters"} & flags.keys():
        yield "a deploy without a trigger"
    for name in (
        "no-allow-unauthenticated",
        "service-account",
        "build-service-account",
        "update-env-vars",
        "update-labels",
        "source",
    ):
        if name not in flags:
            yield f"a deploy without --{name}"
    stamped = flags.get("update-env-vars", "") + flags.get("update-labels", "")
    for word in ("GIT_COMMIT=", "SOURCE_DIGEST=", "commit-sha=", "source-digest="):
        if word not in stamped:
            yield f"a deploy without {word[:-1]}"
    if any(part != part.lower() for part in flags.get("update-labels", "").split(",")):
        yield "an upper-case label"
