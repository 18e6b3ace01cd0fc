"""The names a processor goes by on the wire, worked out once when the policy is loaded (behaviour R2, R9).

A canonical name, an alias, the class form of either and the output table all mean one
processor. Names match exactly: capitals and accents are not forgiven, aliases are.
Beside them are the names that are known and expected of nobody, and those of other pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.wire import spelling

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
ASYNC = re.compile(r"Async(?![a-z]|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """The processor a message means; ``by_table`` says that only its output table told."""

    processor: str
    by_table: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A name that the policy knows and does not wait for (behaviour R9)."""

    name: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A name of another pipeline; ``by`` are the words of the policy that say so."""

    by: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A name that belongs to another phase of the pipeline."""

    phase: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that is not declared."""


Meaning = Named | Known | Foreign | Elsewhere | Unknown


@dataclass(frozen=True, slots=True)
class Form:
    """One accepted name and the key of the processor's policy that it comes from ("" for the canonical name).

    ``local`` forms mean a processor within its own phase only: a table without its dataset.
    """

    name: str
    origin: str
    local: bool = False


def class_forms(name: str) -> tuple[str, ...]:
    """Return `[Async]CamelCase[Batch]Processor` of a canonical name or of an alias, in all four spellings.

    Async and Batch are taken off the name first, so an alias with them also names the class
    without. Empty where the name is not made of words.
    """
    if not WORD.fullmatch(name):
        return ()
    stem = _stem("".join(part[:1].upper() + part[1:] for part in re.split("[_-]", name)))
    return tuple(f"{start}{stem}{end}" for start in ("", "Async") for end in ("Processor", "BatchProcessor"))


def _stem(camel: str) -> str:
    stem = _without_end(_without_end(camel, "Processor"), "Batch")
    return stem.removeprefix("Async") if ASYNC.match(stem) else stem


def _without_end(name: str, end: str) -> str:
    return name.removesuffix(end) or name


def forms(processor: Processor) -> Iterator[Form]:
    """Yield every accepted name of a processor, exact ones first; one name may come more than once."""
    yield Form(processor.name, "")
    for place, alias in enumerate(processor.aliases):
        yield Form(alias, f"aliases[{place}]")
    if processor.table is not None:
        yield Form(processor.table, "table")
        yield Form(_bare(processor.table), "table", local=True)
    for source, part in processor.sources.items():
        yield Form(source, f"sources.{source}")
        if part.table is not None:
            yield Form(part.table, f"sources.{source}.table")
            yield Form(_bare(part.table), f"sources.{source}.table", local=True)
    for form in class_forms(processor.name):
        yield Form(form, "")
    for source in processor.sources:
        for form in class_forms(source):
            yield Form(form, f"sources.{source}")
    for place, alias in enumerate(processor.aliases):
        for form in class_forms(alias):
            yield Form(form, f"aliases[{place}]")


def build_names(phase: Phase) -> dict[str, str]:
    """Return every accepted name of a phase's processors with the canonical name it means."""
    return {form.name: processor.name for processor in phase.processors.values() for form in forms(processor)}


def build_tables(phase: Phase) -> dict[str, str]:
    """Return the output tables of a phase, with and without dataset, with the processor that writes each."""
    tables = {}
    for processor in phase.processors.values():
        for part in processor.parts:
            if part.table is not None:
                tables[part.table] = tables[_bare(part.table)] = processor.name
    return tables


def source_of(processor: Processor, name: str, output_table: str, output_dataset: str = "") -> str:
    """Return the source of a processor that a name on the wire means, or else its output table; "" for none of them."""
    if not processor.sources:
        return ""
    written = qualified(output_table, output_dataset)
    for source in processor.sources:
        if name == source or name in class_forms(source):
            return source
    for source, part in processor.sources.items():
        if part.table is not None and (
            spelling.table(name) == part.table or written in (part.table, _bare(part.table))
        ):
            return source
    return ""


def _bare(table: str) -> str:
    return table.rsplit(".", 1)[-1]


def pattern(words: str) -> re.Pattern[str]:
    """Return what a name of `known` or `foreign` means, in which * matches any characters."""
    return re.compile(".*".join(map(re.escape, words.split("*"))), re.DOTALL)


class _PhaseNames:
    """What the names on one topic mean."""

    def __init__(self, phase: Phase) -> None:
        processors = phase.processors.values()
        self.exact = {name: Named(p.name) for p in processors for name in (p.name, *p.aliases, *p.sources)}
        self.forms = build_names(phase)
        self.tables = build_tables(phase)
        self.known = frozenset(name for name in phase.known if "*" not in name)
        self._known = tuple(pattern(name) for name in phase.known if "*" in name)
        self._foreign = tuple((words, pattern(words)) for words in phase.wire.foreign)

    def is_known(self, name: str) -> bool:
        return name in self.known or any(expression.fullmatch(name) for expression in self._known)

    def foreign(self, name: str) -> str | None:
        """Return the words by which a name is another pipeline's, None if it is not."""
        return next((words for words, expression in self._foreign if expression.fullmatch(name)), None)


class Names:
    """The accepted names of a whole pipeline, phase by phase."""

    def __init__(self, policy: Policy) -> None:
        self._phases: Mapping[str, _PhaseNames] = {p.name: _PhaseNames(p) for p in policy.phases.values()}
        jobs = (p for phase in policy.phases.values() for p in phase.processors.values())
        tables = (part.table for job in jobs for part in job.parts)
        self.datasets = frozenset(table.rsplit(".", 1)[0] for table in tables if table is not None)

    def look_up(self, phase: str, name: str, output_table: str = "", output_dataset: str = "") -> Meaning:
        """Return what a name on the topic of a phase means.

        Names and aliases come first, then what is known or foreign by its name, class forms, the output table, and
        last the patterns of what is known; a name that another phase has is that phase's, whatever its table.
        """
        here = self._phases.get(phase)
        if here is None:
            return Unknown()
        exact = here.exact.get(name)
        if exact is not None:
            return exact
        if name in here.known:
            return Known(name)
        foreign = here.foreign(name)
        if foreign is not None:
            return Foreign(foreign)
        named = self.resolve(phase, name, output_table, output_dataset)
        if named is not None:
            return named
        other = self.elsewhere(phase, name)
        if other is not None:
            return Elsewhere(other)
        if here.is_known(name):
            return Known(name)
        other = next((phase for phase, names in self._phases.items() if names.is_known(name)), None)
        return Unknown() if other is None else Elsewhere(other)

    def resolve(self, phase: str, name: str, output_table: str = "", output_dataset: str = "") -> Named | None:
        """Return the processor of this phase that a name or its output table means, None for an unknown one.

        A name that no phase knows is its output table's processor, if that table is known. A phase that has left the
        policy knows nobody.
        """
        here = self._phases.get(phase)
        if here is None:
            return None
        processor = here.forms.get(name) or here.tables.get(spelling.table(name))
        if processor is not None:
            return Named(processor)
        if self.elsewhere(phase, name) is not None:
            return None
        writer = here.tables.get(qualified(output_table, output_dataset))
        return None if writer is None else Named(writer, by_table=True)

    def elsewhere(self, phase: str, name: str) -> str | None:
        """Return another phase that knows this name, None if there is none."""
        return next((other for other, names in self._phases.items() if other != phase and name in names.forms), None)


def qualified(output_table: str, output_dataset: str) -> str:
    """Return the table that a message names, with its dataset where it names one; "" where the two contradict."""
    written, own = spelling.table(output_table), spelling.dataset(output_dataset)
    if not own or not written:
        return written
    if "." not in written:
        return f"{own}.{written}"
    return written if written.startswith(f"{own}.") else ""
