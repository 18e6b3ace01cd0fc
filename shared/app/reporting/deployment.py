"""What every function says of itself without asking anybody (behaviour 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.app.context import Context


@dataclass(frozen=True, slots=True)
class Origin:
    """Which function runs, from which sources, as which revision of the platform's; the commit is the context's."""

    function: str
    source_digest: str = ""
    revision: str = ""


def answer_of(contexts: Sequence[Context], origin: Origin) -> dict[str, Any]:
    """Return who answers, for which pipeline or, of several, which ones; a deploy compares the digest with what it
    built."""
    names = [ctx.policy.pipeline for ctx in contexts]
    whose: dict[str, Any] = {"pipeline": names[0]} if len(names) == 1 else {"pipelines": names}
    return {
        "status": "healthy",
        "service": origin.function,
        **whose,
        "version": contexts[0].code_version,
        "source_digest": origin.source_digest,
        "revision": origin.revision,
    }
