"""What can be wrong with a policy, said as a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

FEW = 12


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One thing that is wrong: the exact key, why, and what to do about it."""

    key: str
    reason: str
    hint: str


def dotted(parts: Iterable[str | int]) -> str:
    """Return a key path as people write it: `transitions.phase3_to_phase4.gates[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "(top level)"


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or what is known where none is near."""
    from difflib import get_close_matches

    words = sorted(candidates)
    near = get_close_matches(word, words, n=1)
    if near:
        return f"did you mean {near[0]}?"
    if len(words) > FEW:
        return f"such as {', '.join(words[:FEW])}"
    return f"one of {', '.join(words)}" if words else "none is defined"


def spell(length: timedelta) -> str:
    """Return a duration as the policy file writes it: `90s`, `15m`, `2h`."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
