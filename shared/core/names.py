"""The names a processor goes by on the wire, worked out once when the policy is loaded (behaviour R2).

A canonical name, an alias, the class form of either and the output table all mean one
processor. Names match exactly: capitals and accents are not forgiven, aliases are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.core.policy import Phase, Policy, Processor

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
ASYNC = re.compile(r"Async(?![a-z]|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """The processor a message means; ``by_table`` says that only its output table told."""

    processor: str
    by_table: bool = False


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

    Async and Batch are taken off the name first, so an alias with them also stands for the class
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
    for form in class_forms(processor.name):
        yield Form(form, "")
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
        if processor.table is not None:
            tables[processor.table] = tables[_bare(processor.table)] = processor.name
    return tables


def _bare(table: str) -> str:
    return table.rsplit(".", 1)[-1]


class Names:
    """The accepted names of a whole pipeline, phase by phase."""

    def __init__(self, policy: Policy) -> None:
        self._names: Mapping[str, Mapping[str, str]] = {p.name: build_names(p) for p in policy.phases.values()}
        self._tables: Mapping[str, Mapping[str, str]] = {p.name: build_tables(p) for p in policy.phases.values()}

    def resolve(self, phase: str, name: str, output_table: str = "", output_dataset: str = "") -> Named | None:
        """Return the processor of this phase that a message means, None for an unknown one.

        A name that no phase knows is its output table's processor, if that table is known. A phase that has left the
        policy knows nobody.
        """
        known = self._names.get(phase, {}).get(name)
        if known is not None:
            return Named(known)
        if self.elsewhere(phase, name) is not None:
            return None
        table = output_table
        if output_dataset and not table.startswith(f"{output_dataset}."):
            table = f"{output_dataset}.{table}"
        writer = self._tables.get(phase, {}).get(table)
        return None if writer is None else Named(writer, by_table=True)

    def elsewhere(self, phase: str, name: str) -> str | None:
        """Return another phase that knows this name, None if there is none."""
        return next((other for other, names in self._names.items() if other != phase and name in names), None)
