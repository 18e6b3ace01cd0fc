"""What is wrong with the dialect of a phase and with the names it knows (behaviour R8, R9)."""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.model import Outcome
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.names import forms, pattern
from shared.core.policy.phases import Phase
from shared.core.policy.policy import Policy
from shared.core.wire.dialect import CANONICAL, PLACES, Dialect, Path, dotted_path

# Fields of R3 that hold one value: nothing can be below them.
SINGLE = frozenset(
    {
        "processor_name", "game_date", "status", "pipeline", "phase", "mode", "lane", "execution_id", "correlation_id",
        "record_count", "expected_count", "output_table", "output_dataset", "timestamp", "error_message",
        "backfill_mode", "skip_downstream_trigger",
    }
)  # fmt: skip
# Fields of R3 that can only be a yes or a no, or an object: neither a name, a date nor a number.
FLAGS = frozenset({("backfill_mode",), ("skip_downstream_trigger",), ("metadata", "is_incremental")})
OBJECTS = frozenset({("metadata",)})


def wire_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield what is wrong with the dialect of each phase."""
    for phase in policy.phases.values():
        key = f"phases.{phase.name}"
        yield from _words(policy, phase, f"{key}.wire.phase")
        yield from _places(phase.wire, f"{key}.wire")
        yield from _outcomes(phase.wire, f"{key}.wire.outcomes")
        yield from _ignored(phase.wire, f"{key}.wire.ignore")
        yield from _known(phase, f"{key}.known")
        yield from _foreign(phase, f"{key}.wire.foreign")


def _words(policy: Policy, phase: Phase, key: str) -> Iterator[ConfigError]:
    """Yield words that mean two phases: the topic of a message could no longer be told to be the wrong one.

    A word that the pipeline gives to all of them means no phase, and so none too many.
    """
    for other in policy.phases.values():
        if other.name != phase.name and other.name in phase.wire.phase:
            yield ConfigError(key, f"{other.name} is another phase", "list only words that mean this one")
    everybodys = frozenset.intersection(*(phase.wire.phase for phase in policy.phases.values()))
    before = list(policy.phases.values())[: list(policy.phases).index(phase.name)]
    for other in before:
        shared = sorted((phase.wire.phase & other.wire.phase) - everybodys)
        if shared:
            yield ConfigError(key, f"{', '.join(shared)} means {other.name} too", "take it from one of the two")


def _places(wire: Dialect, key: str) -> Iterator[ConfigError]:
    for name in PLACES:
        paths: tuple[Path, ...] = getattr(wire, name)
        for place, path in enumerate(paths):
            if path not in getattr(CANONICAL, name):
                yield from _path_errors(path, f"{key}.{name}[{place}]")
            if path in paths[:place]:
                yield ConfigError(
                    f"{key}.{name}[{place}]", f"{dotted_path(path)} is listed twice", "keep one of the two"
                )
    for kind, path in wire.entities.items():
        yield from _path_errors(path, f"{key}.entities.{kind}")
    if wire.rehearsal is not None:
        yield from _path_errors(wire.rehearsal, f"{key}.rehearsal.field")


def _path_errors(path: Path, key: str) -> Iterator[ConfigError]:
    """Yield that no message can have what is looked for at a place."""
    where = dotted_path(path)
    if path[0] in SINGLE and len(path) > 1:
        yield ConfigError(key, f"no message has a field {where}: {path[0]} is a single value", f"write {path[0]}")
    elif path in OBJECTS:
        yield ConfigError(key, f"{where} is an object, no value", f"name a field of it, such as {where}.rows_updated")
    elif path in FLAGS:
        yield ConfigError(key, f"{where} is a yes or a no, and nothing else", "name the field that holds what is meant")


def _outcomes(wire: Dialect, key: str) -> Iterator[ConfigError]:
    for word, outcome in wire.outcomes.items():
        if outcome is Outcome.INFERRED:
            hint = suggest("", [outcome.value for outcome in Outcome if outcome is not Outcome.INFERRED])
            yield ConfigError(f"{key}.{word}", "inferred is what nobody says: self-heal concludes it", hint)


def _ignored(wire: Dialect, key: str) -> Iterator[ConfigError]:
    for place, rule in enumerate(wire.ignore):
        if not rule.has:
            reason = "without a field that they have, all messages would be ignored that lack something"
            yield ConfigError(f"{key}[{place}]", reason, "name in has what only they have")
        for path in sorted({*rule.has} & {*rule.lacks}):
            reason = f"{dotted_path(path)} cannot be there and not be there"
            yield ConfigError(f"{key}[{place}].lacks", reason, "name it in one of the two lists")


def _known(phase: Phase, key: str) -> Iterator[ConfigError]:
    """Yield known names that are expected, or foreign: such a name could mean two things."""
    owners = {form.name: processor.name for processor in phase.processors.values() for form in forms(processor)}
    for place, name in enumerate(phase.known):
        owner = owners.get(name)
        if owner is not None:
            reason = f"{name} is a name of {owner}, which is expected"
            yield ConfigError(f"{key}[{place}]", reason, f"take it from known, or from the aliases of {owner}")
        by = next((words for words in phase.wire.foreign if "*" not in name and pattern(words).fullmatch(name)), None)
        if by is not None:
            yield ConfigError(f"{key}[{place}]", f"{name} is foreign by {by}", "a name is known or foreign, not both")


def _foreign(phase: Phase, key: str) -> Iterator[ConfigError]:
    for place, words in enumerate(phase.wire.foreign):
        matches = pattern(words)
        taken = next((name for name in phase.processors if matches.fullmatch(name)), None)
        if taken is not None:
            reason = f"{words} takes in {taken}, a processor of {phase.name}"
            yield ConfigError(f"{key}[{place}]", reason, "write more of the name before the *")
