"""What every function says of itself without asking anybody (behaviour 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.app.context import Context


@dataclass(frozen=True, slots=True)
class Origin:
    """Which function runs, from which sources, as which revision of the platform's; the commit is the context's."""

    function: str
    source_digest: str = ""
    revision: str = ""


def answer_of(ctx: Context, origin: Origin) -> dict[str, Any]:
    """Return who answers: a deploy compares the digest with what it built."""
    return {
        "status": "healthy",
        "service": origin.function,
        "pipeline": ctx.policy.pipeline,
        "version": ctx.code_version,
        "source_digest": origin.source_digest,
        "revision": origin.revision,
    }
