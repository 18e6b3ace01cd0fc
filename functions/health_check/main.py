"""Cloud Function: how the orchestrators are, the daily report, and the page for people."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import health


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return health.handle(request)
