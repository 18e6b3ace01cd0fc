"""Cloud Function: the checks of one schedule, called by Cloud Scheduler six times a day."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared import runtime


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return runtime.validation(request)
