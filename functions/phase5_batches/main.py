"""Cloud Function: batches, their starts and the reports of their members in, one completion a generation out."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import batches


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return batches.handle(request)
