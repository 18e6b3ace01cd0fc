"""Cloud Function: the checks of one schedule, called by Cloud Scheduler six times a day."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import validation


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return validation.handle(request)
