"""How the objectives of a pipeline stood when the sweep measured them last: one document for each (behaviour 14).

Who only looks reads it, and does not ask the record: a page asks for itself again every minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.objectives.budget import Measured
from shared.documents import from_data, to_data
from shared.ports import Document


def path_of(pipeline: str) -> str:
    return f"objectives/{pipeline}"


def measured_in(ctx: Context, document: Document | None) -> Measured | None:
    """Return what a document holds, None where there is none; one that nobody can read is written over in an hour."""
    if document is None:
        return None
    try:
        return from_data(Measured, document.data)
    except ValueError as error:
        ctx.log("objectives.document_unreadable", severity="ERROR", error=str(error))
        return None


def read_measured(ctx: Context) -> Measured | None:
    return measured_in(ctx, ctx.ports.store.get(path_of(ctx.policy.pipeline))[0])


def save_measured(ctx: Context, measured: Measured) -> None:
    def written(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        return to_data(measured), None

    change_document(ctx.ports.store, path_of(ctx.policy.pipeline), written)
