"""Entry point of the health check: JSON, or the page for people."""

from __future__ import annotations

import csv
import io
import traceback
from typing import TYPE_CHECKING

from shared import runtime
from shared.app.alerting.unexpected import report_unexpected
from shared.app.context import Context
from shared.app.reporting.health import DeploymentInfo, Exposition, HealthRequest, Sheet
from shared.app.reporting.pipelines import answer_all
from shared.core.reporting.page import Page
from shared.entrypoints.answers import JSON, HttpAnswer, json_text
from shared.entrypoints.inventory import with_inventories
from shared.entrypoints.workflows import with_workflows

if TYPE_CHECKING:
    from flask import Request

HTML = {"Content-Type": "text/html; charset=utf-8"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}
# The page runs no script and loads nothing; what it shows is of this moment and nobody else's.
PRIVATE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Vary": "Accept",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def handle(request: Request) -> HttpAnswer:
    """Answer one call of the health check: JSON, or the page (behaviour 11)."""
    contexts = runtime.contexts()
    try:
        html = "text/html" in request.headers.get("Accept", "")
        asked = HealthRequest(request.method, request.path, request.args.to_dict(), html)
        response = answer_all(with_inventories([with_workflows(ctx) for ctx in contexts]), deployed, asked)
        if isinstance(response.body, dict):
            return json_text(response.body), response.status, {**JSON, **PRIVATE}
        if isinstance(response.body, Exposition):
            text, content_type = written(response.body, request.headers.get("Accept", ""))
            return text, response.status, {"Content-Type": content_type, **PRIVATE}
        if isinstance(response.body, Sheet):
            return csv_text(response.body), response.status, {**CSV, **PRIVATE, **as_file(response.body)}
        return render(response.body), response.status, {**HTML, **PRIVATE}
    except Exception as error:
        report_unexpected(contexts[0], "health_check", error, traceback.format_exc())
        raise


def written(metrics: Exposition, accept: str) -> tuple[str, str]:
    """Return metrics in the format that the caller accepts, and its content type."""
    from shared.adapters.openmetrics import exposition  # the library is read for whom metrics are written

    return exposition(metrics.families, accept)


def csv_text(sheet: Sheet) -> str:
    """Return a table as CSV. What a spreadsheet would take for a formula begins with an apostrophe: names and errors
    come from the wire."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(sheet.columns)
    writer.writerows([_plain(value) for value in row] for row in sheet.rows)
    return text.getvalue()


def _plain(value: str) -> str:
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def as_file(sheet: Sheet) -> dict[str, str]:
    """Return the header that gives a download its name."""
    return {"Content-Disposition": f'attachment; filename="{sheet.name}"'}


def deployed(ctx: Context) -> DeploymentInfo:
    """Return what only this process knows of its deployment."""
    ports = ctx.ports
    missing = ports.missing_webhooks if isinstance(ports, runtime.EnvironmentPorts) else tuple
    revision, digest = runtime.variable("K_REVISION"), runtime.variable("SOURCE_DIGEST")
    return DeploymentInfo(runtime.record_dataset(ctx.policy), revision, missing, digest)


def render(page: Page) -> str:
    """Return a page as HTML."""
    from shared.adapters.page import page as drawn  # templates are read for whom a page is drawn

    return drawn(page)
